import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeClaims } from '../../src/scenario/claims.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { DOWNLOAD, refusalOf } from './scenario-fixture.ts'
import { madeTrace } from './trace-fixture.ts'
import type { ClaimVerdict } from '../../src/scenario/claims.ts'

const TRACE = madeTrace(
  ['alice', 'bob'],
  [
    { name: 'page:loaded', data: { duration: 312e6 } },
    { name: 'page:loaded', host: 1, data: { duration: 100e6 } },
    { name: 'tcp:delivered', data: { offset: 0, length: 1000 } },
    { name: 'tcp:delivered', data: { offset: 1000, length: 500 } },
    { name: 'tcp:segment-retransmitted', host: 1, data: { seq: 1 } },
    { name: 'ping:replied', data: { rtt: 40e6, kind: 'reply' } },
    { name: 'ping:replied', data: { rtt: 50e6, kind: 'reply' } },
    { name: 'ping:replied', data: { rtt: 44e6, kind: 'reply' } },
    { name: 'ping:replied', data: { rtt: 1e6, kind: 'time-exceeded' } },
  ],
  [{ fate: 'random-loss' }, { fate: 'arrived' }, { fate: 'in-flight' }, { fate: 'queue-full', from: 1 }],
)

function verdict(claim: Record<string, unknown>, trace = TRACE): ClaimVerdict {
  return judgeClaims({ ...DOWNLOAD, claims: [{ says: 'It is so', ...claim }] }, trace)[0]
}

test('named measures are taken from the trace', () => {
  const judged: [Record<string, unknown>, boolean, string][] = [
    [{ measure: 'page-load-time', below: '400 ms' }, true, 'the slowest of 2 pages loaded in 312 ms; claimed: below 400 ms'],
    [{ measure: 'page-load-time', host: 'bob', below: '100 ms' }, false, 'the page loaded in 100 ms; claimed: below 100 ms'],
    [{ measure: 'bytes-delivered', above: '1 kB' }, true, 'TCP delivered 1.5 kB to applications; claimed: above 1 kB'],
    [{ measure: 'bytes-delivered', host: 'bob', above: '0 B' }, false, 'TCP delivered 0 B to applications; claimed: above 0 B'],
    [{ measure: 'frames-lost', below: 2 }, false, '2 frames were lost; claimed: below 2'],
    [{ measure: 'frames-lost', host: 'bob', above: 0, below: 2 }, true, '1 frame was lost; claimed: above 0, below 2'],
    [{ measure: 'retransmissions', above: 0 }, true, '1 segment was sent again; claimed: above 0'],
    [{ measure: 'retransmissions', host: 'alice', above: 0 }, false, '0 segments were sent again; claimed: above 0'],
    [
      { measure: 'ping-rtt', above: '43 ms', below: '45 ms' },
      true,
      'of 3 replies the median round trip took 44 ms; claimed: above 43 ms, below 45 ms',
    ],
  ]
  for (const [claim, holds, evidence] of judged) {
    assert.deepEqual(verdict(claim), { says: 'It is so', cites: '', holds, evidence })
  }
})

test('what did not happen does not hold, and says so', () => {
  const nothing = madeTrace(['alice', 'bob'], [])
  assert.deepEqual(verdict({ measure: 'page-load-time', below: '1 s' }, nothing).evidence, 'no page was loaded')
  assert.equal(verdict({ measure: 'ping-rtt', below: '1 s' }, nothing).holds, false)
})

test('functions of a TypeScript scenario: a boolean, or a result with its evidence', () => {
  assert.deepEqual(verdict({ cites: 'RFC 5681 section 3.2', holds: () => true }), {
    says: 'It is so',
    cites: 'RFC 5681 section 3.2',
    holds: true,
    evidence: 'it is so on this run',
  })
  assert.equal(verdict({ holds: () => false }).evidence, 'it is not so on this run')
  assert.deepEqual(verdict({ holds: () => ({ holds: true, evidence: '61 ms' }) }).evidence, '61 ms')
  assert.deepEqual(verdict({ holds: (trace: typeof TRACE) => trace.first('page:loaded') !== undefined }).holds, true)
})

test('a claim that throws does not hold; its evidence is the reason', () => {
  const failing = verdict({
    holds: () => {
      throw new TypeError('there is no such event')
    },
  })
  assert.deepEqual([failing.holds, failing.evidence], [false, 'could not be measured: there is no such event'])
})

test('claims on hosts that do not exist are refused', () => {
  const claims = [{ says: 'It is so', measure: 'ping-rtt', below: '1 s', host: 'carol' }]
  assert.equal(refusalOf(() => resolveScenario({ ...DOWNLOAD, claims })).path, 'claims[0].host')
})
