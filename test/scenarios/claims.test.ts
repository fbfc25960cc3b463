import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { judgeClaims } from '../../src/scenario/claims.ts'
import { runOf, sourceOf, sources, verdictsOf, type RunSetup } from './catalog-runs.ts'
import { spoiledTrace, type Spoil } from './spoiled-trace.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'

/** How many seeds for each scenario as it stands: `SEEDS=500 npm test -- --only=unit scenarios/claims`. */
const SEEDS = Number(process.env['SEEDS'] ?? 20)
/** For each of its variants. */
const VARIANT_SEEDS = Math.ceil(SEEDS / 4)

const knobs = (...values: RunSetup['knobs'][]): RunSetup[] => values.map((value) => ({ knobs: value ?? {} }))

/** What else a reader may set, under which the claims hold too. */
const VARIANTS: Readonly<Record<string, readonly RunSetup[]>> = {
  'hello-network': knobs(
    { target: 'carol' },
    { target: 'nobody' },
    { ttl: 1 },
    { size: 0 },
    { size: 1472 },
    { loss: 0.02 },
    { loss: 0.1 },
    { loss: 0.3 },
  ),
  'tcp-handshake': [
    ...knobs(
      { trouble: 'syn' },
      { trouble: 'three-syns' },
      { trouble: 'syn-ack' },
      { trouble: 'ack' },
      { trouble: 'refused' },
      { delay: 10e6 },
      { delay: 800e6 },
      { trouble: 'ack', delay: 800e6 },
    ),
    {
      interventions: [
        { at: 3e9, kill: 'bob' },
        { at: 4e9, restart: 'bob' },
      ],
    },
    { interventions: [{ at: 3e9, kill: 'bob' }] },
    ...knobs({ loss: 0.05 }, { loss: 0.2 }, { trouble: 'three-syns', loss: 0.2 }),
  ],
  'tcp-close': ['four-way', 'half-close', 'simultaneous', 'last-ack', 'reset', 'unread'].flatMap((ending) =>
    knobs({ ending }, { ending, loss: 0.05 }, { ending, loss: 0.2 }),
  ),
  'tcp-head-of-line': [
    ...knobs(
      { loss: 0.01 },
      { loss: 0.03 },
      { loss: 0.1 },
      { loss: 0.03, sack: false },
      { loss: 0.1, sack: false },
      { loss: 0.03, delay: 200e6 },
      { loss: 0.03, delay: 10e6 },
    ),
    { links: { duplicate: 0.1 } },
  ],
  'udp-vs-tcp': knobs({ loss: 0 }, { loss: 0.01 }, { loss: 0.1 }, { playout: 20e6 }),
  'http1-page': ['kept', 'closed', 'six', 'pipeline'].flatMap((way) =>
    knobs({ way }, { way, loss: 0.02 }, { way, loss: 0.1 }, { way, slow: 500e6 }, { way, delay: 200e6 }),
  ),
}

const DROP: RunSetup = { interventions: [{ at: 420e6, drop: { frame: 35 } }] }

const later = (event: EventRecord, by: number): EventRecord => ({ ...event, time: event.time + by })
const withData = (event: EventRecord, data: EventRecord['data']): EventRecord => ({ ...event, data: { ...event.data, ...data } })
const isOf = (event: EventRecord, trace: TraceView, host: string, name: string): boolean =>
  event.name === name && trace.hosts[event.host] === host

/** For each claim, a run that puts it to the test, and what would contradict it there. */
const CONTRADICTIONS: Readonly<Record<string, readonly (readonly [RunSetup, Spoil])[]>> = {
  'hello-network': [
    [{}, { event: (event) => (event.name === 'ping:replied' && event.time > 500e6 ? withData(event, { rtt: 200e6 }) : event) }],
    [
      {},
      {
        event: (event) =>
          event.name === 'ping:replied' ? withData(later(event, 2e6), { rtt: Number(event.data['rtt']) + 2e6 }) : event,
      },
    ],
    [
      {},
      {
        frame: (frame, trace) =>
          frame.kind === 'icmp' && trace.hosts[frame.from] === 'switch' ? { ...frame, to: trace.hosts.indexOf('carol') } : frame,
      },
    ],
    [{}, { event: (event) => (event.data['kind'] === 'time-exceeded' ? withData(event, { from: '10.0.1.1' }) : event) }],
  ],
  'tcp-handshake': [
    [{}, { frame: (frame) => (frame.kind === 'tcp-syn' && frame.direction === 1 ? { ...frame, kind: 'tcp-ack' } : frame) }],
    [{}, { event: (event, trace) => (isOf(event, trace, 'bob', 'tcp:state-changed') ? later(event, -1e6) : event) }],
    [
      { knobs: { trouble: 'three-syns' } },
      { event: (event) => (event.name === 'tcp:segment-retransmitted' && event.time > 2e9 ? later(event, 1) : event) },
    ],
    [{ knobs: { trouble: 'refused' } }, { event: (event) => (event.name === 'script:failed' ? later(event, 1e6) : event) }],
    [
      {
        interventions: [
          { at: 3e9, kill: 'bob' },
          { at: 4e9, restart: 'bob' },
        ],
      },
      { event: (event) => (event.name === 'script:failed' ? undefined : event) },
    ],
  ],
  'tcp-close': [
    [{}, { event: (event) => (event.data['to'] === 'TIME-WAIT' ? withData(event, { to: 'CLOSED' }) : event) }],
    [
      { knobs: { ending: 'last-ack' } },
      { event: (event) => (event.data['from'] === 'TIME-WAIT' ? later(event, -300_283_200) : event) },
    ],
    [{}, { event: (event) => (event.name === 'tcp:delivered' ? withData(event, { length: 299 }) : event) }],
    [
      { knobs: { ending: 'half-close' } },
      { event: (event) => (event.name === 'tcp:delivered' && event.time > 1000e6 ? undefined : event) },
    ],
    [{ knobs: { ending: 'reset' } }, { event: (event) => (event.name === 'tcp:reset-received' ? later(event, -450e6) : event) }],
  ],
  'tcp-head-of-line': [
    [DROP, { event: (event) => (event.name === 'tcp:segment-retransmitted' ? withData(event, { why: 'rto' }) : event) }],
    [DROP, { event: (event) => (event.name === 'tcp:out-of-order-buffered' ? later(event, 50e6) : event) }],
    [DROP, { event: (event) => (event.data['offset'] === 0 ? withData(event, { length: 1 }) : event) }],
    [{}, { event: (event) => (event.name === 'script:read' ? withData(event, { bytes: 99_999 }) : event) }],
  ],
  'udp-vs-tcp': [
    [{}, { event: (event, trace) => (isOf(event, trace, 'ben', 'stream:frame-missed') && event.time < 1e9 ? undefined : event) }],
    [
      {},
      {
        event: (event, trace) =>
          isOf(event, trace, 'dan', 'stream:frame-received') && event.data['sequence'] === 9 ? undefined : event,
      },
    ],
    [
      {},
      { event: (event, trace) => (isOf(event, trace, 'dan', 'stream:frame-missed') && event.time > 0.7e9 ? undefined : event) },
    ],
    [
      {},
      {
        event: (event, trace) =>
          isOf(event, trace, 'dan', 'stream:frame-received') ? withData(event, { delay: 50_000_000 }) : event,
      },
    ],
  ],
  'http1-page': [
    [
      { knobs: { way: 'pipeline' } },
      { event: (event) => (event.name === 'http:response-started' && event.data['id'] === 5 ? later(event, -50e6) : event) },
    ],
    [
      { knobs: { way: 'closed' } },
      { event: (event) => (event.name === 'http:request-sent' && event.data['id'] === 5 ? later(event, -1e6) : event) },
    ],
    [{ knobs: { way: 'closed' } }, { event: (event) => (event.data['from'] === 'ESTABLISHED' ? undefined : event) }],
    [{}, { event: (event) => (event.name === 'page:loaded' ? withData(event, { failures: 1, resources: 9 }) : event) }],
  ],
}

const wasTested = (evidence: string): boolean => !evidence.startsWith('Not put to the test')

for (const [id, source] of sources) {
  describe(id, () => {
    const tested = new Set<string>()
    const judge = (setup: RunSetup, seeds: number): void => {
      for (let seed = 1; seed <= seeds; seed++) {
        for (const { says, holds, evidence } of verdictsOf(id, { ...setup, seed })) {
          assert.ok(holds, `seed ${String(seed)}, ${JSON.stringify(setup)}: ${says} ${evidence}`)
          if (wasTested(evidence)) tested.add(says)
        }
      }
    }

    test(`its claims hold over ${String(SEEDS)} seeds`, () => {
      judge({}, SEEDS)
    })

    test('they hold as well in what else a reader may set', () => {
      const variants = VARIANTS[id] ?? []
      assert.ok(variants.length > 0)
      for (const setup of variants) judge(setup, VARIANT_SEEDS)
    })

    test('each is put to the test by some of these runs, and cites where it is written', () => {
      const claims = source.claims ?? []
      assert.ok(claims.length >= 2 && claims.length <= 5)
      assert.deepEqual(
        claims.map(({ says }) => says).filter((says) => !tested.has(says)),
        [],
      )
      for (const { cites } of claims) assert.match(cites ?? '', /^RFC \d{3,4}\b/)
    })

    test('each can fail', () => {
      const contradictions = CONTRADICTIONS[id] ?? []
      assert.equal(contradictions.length, source.claims?.length)
      contradictions.forEach(([setup, spoil], index) => {
        const { trace } = runOf(id, setup)
        const before = judgeClaims(sourceOf(id), trace)[index]
        assert.ok(before.holds && wasTested(before.evidence), `${before.says} ${before.evidence}`)
        const after = judgeClaims(sourceOf(id), spoiledTrace(trace, spoil))[index]
        assert.ok(!after.holds, `${after.says} ${after.evidence}`)
        assert.doesNotMatch(after.evidence, /could not be measured/)
      })
    })
  })
}
