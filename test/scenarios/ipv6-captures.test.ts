import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInline, type InlineRun } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { judgeCaptures } from './capture-judge.ts'

type Source = Record<string, unknown>

/** Everything of IPv6 that a capture can hold: autoconfiguration, fragments, errors, UDP and TCP, over a narrow link. */
function everything(link: Source): InlineRun {
  const ping = (to: string, more: Source = {}) => ({
    app: 'ping',
    to,
    version: 6,
    start: '5 s',
    count: 3,
    interval: '200 ms',
    ...more,
  })
  return runInline(
    resolveScenario({
      id: 'everything',
      title: 'Everything of IPv6',
      duration: '40 s',
      seed: 3,
      ip: 'dual',
      hosts: {
        alice: {
          address6: 'auto',
          apps: [
            ping('bob', { size: '3 kB' }),
            ping('bob', { traceroute: true, ttl: 5, start: '7 s' }),
            ping('2001:db8:0:2::99', { count: 1 }),
            ping('2001:db8:77::1', { count: 1 }),
            { app: 'stream-sender', to: 'bob', count: 20, size: '2 kB', start: '6 s' },
            { app: 'stream-sender', to: 'bob', port: 6000, count: 3, start: '6 s' },
            {
              app: 'socket-script',
              connect: '[2001:db8:0:2::1]:5001',
              start: '8 s',
              steps: [{ do: 'send', bytes: '20 kB' }, 'shutdown', 'read-to-end'],
            },
          ],
        },
        r1: { kind: 'router', advertises: true },
        r2: { kind: 'router' },
        bob: {
          duplicateAddressDetection: true,
          apps: [
            { app: 'stream-receiver', size: '2 kB' },
            { app: 'socket-script', listen: 5001, steps: ['read-to-end', { do: 'send', bytes: '20 kB' }, 'close'] },
          ],
        },
      },
      links: [
        { between: ['alice', 'r1'], delay: '2 ms', ...link },
        { between: ['r1', 'r2'], delay: '5 ms', mtu: '1300 B', ...link },
        { between: ['r2', 'bob'], delay: '1 ms', ...link },
      ],
    }),
  )
}

test('tshark finds nothing wrong with autoconfiguration, fragments, errors, UDP and TCP over IPv6', async () => {
  const runs = new Map([
    ['plain', everything({})],
    ['lossy', everything({ loss: '5 %', duplicate: '2 %', reorder: '2 %' })],
  ])
  const captures = new Map<string, Uint8Array>()
  for (const [name, run] of runs) {
    for (const host of run.trace.hosts) captures.set(`${name} at ${host}`, run.capture({ kind: 'host', host }))
  }
  const judgments = await judgeCaptures(captures)
  const plain = runs.get('plain')?.trace
  for (const happened of [
    'ndp:router-advertised',
    'ipv6:address-assigned',
    'ndp:failed',
    'icmpv6:sent',
    'stream:frame-received',
    'script:finished',
  ]) {
    assert.ok(plain?.first(happened) !== undefined, happened)
  }
  const meanings = new Set(plain?.all('icmpv6:sent').map(({ data }) => data['meaning']))
  for (const meaning of [
    'packet too big',
    'hop limit exceeded in transit',
    'address unreachable',
    'no route',
    'port unreachable',
  ]) {
    assert.ok(meanings.has(meaning), meaning)
  }
  const replies = plain?.all('ping:replied').map(({ data }) => `${String(data['kind'])} ${String(data['from'])}`) ?? []
  assert.deepEqual(
    [...new Set(replies)].sort(),
    ['reply 2001:db8:0:2::1', 'time-exceeded 2001:db8:0:1::2', 'time-exceeded 2001:db8::fe', 'unreachable 2001:db8::fe'],
    'pings of 3 kB, a traced route, and a network of nobody; that an address is nobody’s is told after more than a second',
  )
  assert.equal(judgments.size, 8)
  for (const [name, { complaints, frames }] of judgments) {
    assert.ok(frames > 50, `${name}: ${String(frames)} frames`)
    assert.deepEqual(complaints, [], name)
  }
})
