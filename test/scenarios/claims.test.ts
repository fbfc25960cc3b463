import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { judgeClaims } from '../../src/scenario/claims.ts'
import { runOf, sourceOf, sources, verdictsOf, type RunSetup } from './catalog-runs.ts'
import { spoiledTrace, type Spoil } from './spoiled-trace.ts'
import type { EventRecord, FrameRecord, TraceView } from '../../src/trace/record.ts'

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
  layers: knobs({ size: 1 }, { size: 1300 }, { loss: 0.02 }, { loss: 0.1 }, { size: 600, loss: 0.05 }),
  'arp-and-macs': knobs(
    { entries: 'alice' },
    { entries: 'both' },
    { forward: false },
    { loss: 0.02 },
    { loss: 0.1 },
    { entries: 'both', loss: 0.05 },
    { entries: 'alice', forward: false },
  ),
  'subnets-and-cidr': knobs(
    { alice: 24 },
    { alice: 26 },
    { bob: 24 },
    { alice: 24, bob: 24 },
    { alice: 26, bob: 24 },
    { loss: 0.05 },
    { alice: 24, loss: 0.1 },
    { alice: 26, loss: 0.1 },
    { bob: 24, loss: 0.1 },
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
  congestion: knobs(
    { ann: 'cubic', ben: 'cubic' },
    { ann: 'cubic' },
    { ann: 'bbr' },
    { ben: 'bbr' },
    { ann: 'bbr', ben: 'bbr' },
    { ann: 'bbr', queue: 5 },
    { ann: 'cubic', ben: 'bbr', queue: 5 },
    { ann: 'bbr', queue: 100 },
    { ann: 'bbr', ben: 'cubic', queue: 100 },
    { queue: 5 },
    { ann: 'cubic', ben: 'cubic', queue: 12 },
    { queue: 100 },
    { delay: 50e6 },
    { delay: 50e6, ann: 'cubic', ben: 'cubic' },
    { discipline: 'fq-codel' },
    { discipline: 'fq-codel', ann: 'bbr', queue: 100 },
    { discipline: 'fq-codel', ann: 'cubic', ben: 'bbr' },
    { discipline: 'fq-codel', ben: 'bbr', queue: 5 },
    { loss: 0.01 },
    { loss: 0.02, ann: 'bbr' },
    { size: 'long', ann: 'bbr', ben: 'bbr' },
  ),
  'mtu-black-hole': knobs(
    { icmp: true },
    { clamp: true },
    { probing: 'on-black-hole' },
    { probing: 'always' },
    { mtu: 1500 },
    { mtu: 600, icmp: true },
    { mtu: 600, probing: 'on-black-hole' },
    { mtu: 1480, icmp: true, probing: 'always' },
  ),
  'syn-flood': knobs(
    { cookies: true },
    { backlog: 16 },
    { backlog: 256, rate: 200 },
    { rate: 10 },
    { backlog: 16, cookies: true },
  ),
  'burst-loss': knobs(
    { loss: 0 },
    { loss: 0.005 },
    { loss: 0.05 },
    { length: 2 },
    { length: 10 },
    { sack: false },
    { sack: false, length: 8 },
    { loss: 0.05, length: 6 },
  ),
  bufferbloat: knobs({ buffer: 10 }, { buffer: 30 }, { buffer: 400 }, { marks: 'mark' }, { buffer: 30, marks: 'mark' }),
  'udp-vs-tcp': knobs({ loss: 0 }, { loss: 0.01 }, { loss: 0.1 }, { playout: 20e6 }),
  'nagle-and-delayed-ack': knobs(
    { nagle: false },
    { delayed: false },
    { nagle: false, delayed: false },
    { wait: 400e6 },
    { writes: 'whole' },
    { writes: 'keys' },
    { writes: 'keys', nagle: false },
    { loss: 0.02 },
    { loss: 0.1 },
    { loss: 0.1, writes: 'keys' },
    { loss: 0.1, nagle: false },
  ),
  'http1-page': ['kept', 'closed', 'six', 'pipeline'].flatMap((way) =>
    knobs({ way }, { way, loss: 0.02 }, { way, loss: 0.1 }, { way, slow: 500e6 }, { way, delay: 200e6 }),
  ),
  'ipv4-and-ipv6': knobs(
    { path: 'silent' },
    { path: 'silent', eyeballs: false },
    { path: 'cut' },
    { path: 'cut', eyeballs: false },
    { loss: 0.02 },
    { loss: 0.1 },
    { path: 'silent', loss: 0.1 },
    { path: 'cut', loss: 0.1, eyeballs: false },
  ),
}

const DROP: RunSetup = { interventions: [{ at: 420e6, drop: { frame: 35 } }] }

const later = (event: EventRecord, by: number): EventRecord => ({ ...event, time: event.time + by })
const withData = (event: EventRecord, data: EventRecord['data']): EventRecord => ({ ...event, data: { ...event.data, ...data } })
const isOf = (event: EventRecord, trace: TraceView, host: string, name: string): boolean =>
  event.name === name && trace.hosts[event.host] === host

/** For each claim, a run that puts it to the test, and what would contradict it there. */
const CONTRADICTIONS: Readonly<Record<string, readonly (readonly [RunSetup, Spoil])[]>> = {
  layers: [
    [
      {},
      { frame: (frame) => (frame.kind === 'tcp-data' && frame.length > 1000 ? { ...frame, length: frame.length + 1 } : frame) },
    ],
    [
      {},
      {
        frame: (frame, trace) =>
          trace.hosts[frame.from] === 'router' && frame.kind === 'tcp-data' ? { ...frame, length: frame.length - 4 } : frame,
      },
    ],
    [{}, { event: (event, trace) => (isOf(event, trace, 'alice', 'arp:resolved') ? later(event, 30e6) : event) }],
  ],
  'arp-and-macs': [
    [
      {},
      {
        frame: (frame, trace) =>
          trace.hosts[frame.from] === 'switch' && frame.kind === 'icmp' && frame.enqueued < 200e6
            ? { ...frame, to: trace.hosts.indexOf('mallory') }
            : frame,
      },
    ],
    [
      {},
      {
        frame: (frame, trace) =>
          trace.hosts[frame.to] === 'mallory' && frame.enqueued > 600e6 ? { ...frame, to: trace.hosts.indexOf('router') } : frame,
      },
    ],
    [
      { knobs: { entries: 'both' } },
      {
        frame: (frame, trace) =>
          trace.hosts[frame.to] === 'alice' && frame.kind === 'icmp' ? { ...frame, to: trace.hosts.indexOf('mallory') } : frame,
      },
    ],
    [
      {},
      {
        event: (event) =>
          event.name === 'ping:replied' && Number(event.data['rtt']) > 80e6 ? withData(event, { rtt: 61e6 }) : event,
      },
    ],
  ],
  'subnets-and-cidr': [
    [
      {},
      {
        frame: (frame, trace) =>
          trace.hosts[frame.from] === 'left' && frame.kind === 'icmp' && trace.connections[frame.connection].includes('.100')
            ? { ...frame, from: trace.hosts.indexOf('router') }
            : frame,
      },
    ],
    [
      { knobs: { alice: 24 } },
      { event: (event) => (event.data['from'] === '10.0.1.1' ? withData(event, { from: '10.0.0.130' }) : event) },
    ],
    [{ knobs: { alice: 24 } }, { event: (event) => (event.name === 'arp:failed' ? withData(event, { attempts: 2 }) : event) }],
    [
      { knobs: { alice: 26 } },
      {
        event: (event) =>
          event.name === 'ping:replied' && event.data['from'] === '10.0.0.100' && event.data['sequence'] === 2
            ? undefined
            : event,
      },
    ],
    [
      { knobs: { bob: 24 } },
      {
        event: (event) =>
          event.name === 'ping:timed-out'
            ? { ...event, name: 'ping:replied', data: { ...event.data, kind: 'reply', from: '10.0.0.130' } }
            : event,
      },
    ],
  ],
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
  congestion: [
    [{}, { frame: (frame) => (frame.enqueued > 4e9 && frame.enqueued < 5.5e9 ? undefined : frame) }],
    [
      {},
      {
        frame: (frame, trace) =>
          frame.enqueued > 2.5e9 && frame.enqueued < 8e9 ? takenOver(frame, trace, ':4001', ':4000') : frame,
      },
    ],
    [
      { knobs: { ann: 'bbr' } },
      { frame: (frame, trace) => (trace.hosts[frame.from] === 'router' ? { ...frame, sent: frame.sent + 30e6 } : frame) },
    ],
    [
      { knobs: { ann: 'bbr', queue: 5 } },
      { frame: (frame, trace) => (frame.number % 2 === 0 ? takenOver(frame, trace, ':4000', ':4001') : frame) },
    ],
    [
      { knobs: { discipline: 'fq-codel' } },
      { frame: (frame, trace) => (frame.number % 2 === 0 ? takenOver(frame, trace, ':4001', ':4000') : frame) },
    ],
  ],
  'mtu-black-hole': [
    [{}, { event: (event) => (event.name === 'tcp:delivered' ? withData(event, { length: 1401 }) : event) }],
    [{ knobs: { icmp: true } }, { event: (event) => (event.name === 'tcp:segment-retransmitted' ? later(event, 1e6) : event) }],
    [{ knobs: { probing: 'on-black-hole' } }, { event: (event) => (event.data['bytes'] === 200_000 ? undefined : event) }],
    [
      { knobs: { clamp: true } },
      { event: (event) => (event.name === 'script:step' ? { ...event, name: 'tcp:rto-expired', host: 3 } : event) },
    ],
  ],
  'syn-flood': [
    [
      {},
      {
        event: (event) =>
          event.name === 'page:failed' || event.name === 'page:loaded' ? later(event, event.time > 6e9 ? -3.9e9 : 0) : event,
      },
    ],
    [
      { knobs: { cookies: true } },
      { event: (event) => (event.name === 'page:loaded' && event.time > 10e9 && event.time < 12e9 ? later(event, 1e9) : event) },
    ],
    [{}, { event: (event) => (event.data['from'] === 'SYN-RECEIVED' ? undefined : event) }],
    [{}, { event: (event) => (event.name === 'page:loaded' && event.time > 36e9 ? later(event, 1e9) : event) }],
  ],
  'burst-loss': [
    // Every other frame of Dan's that was lost arrives after all: no two in a row are left.
    [{}, { frame: (frame, trace) => (isOfRun(frame, trace, 'dan') ? { ...frame, fate: 'arrived' } : frame) }],
    [{}, { frame: (frame, trace) => (trace.hosts[frame.from] === 'dan' ? { ...frame, fate: 'arrived' } : frame) }],
    [{}, { event: (event, trace) => (isOf(event, trace, 'ben', 'tcp:fast-retransmit-entered') ? undefined : event) }],
    [{}, { event: (event) => (event.name === 'script:read' ? withData(event, { bytes: 1_499_999 }) : event) }],
  ],
  bufferbloat: [
    [
      {},
      {
        event: (event, trace) =>
          isOf(event, trace, 'ben', 'ping:replied') && event.time > 500e6 && event.time < 1000e6
            ? withData(event, { rtt: 45e6 })
            : event,
      },
    ],
    [{}, { event: (event, trace) => (isOf(event, trace, 'ann', 'ping:replied') ? withData(event, { rtt: 32e6 }) : event) }],
    [{}, { frame: (frame, trace) => (trace.hosts[frame.to] === 'ben' ? { ...frame, sent: frame.sent + 20e6 } : frame) }],
    [
      {},
      {
        frame: (frame, trace) =>
          trace.hosts[frame.to] === 'cleo' && frame.kind === 'icmp' ? { ...frame, sent: frame.sent + 5e6 } : frame,
      },
    ],
    [
      {},
      {
        event: (event, trace) => (isOf(event, trace, 'cleo', 'script:read') ? later(event, 1e9) : event),
      },
    ],
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
  'nagle-and-delayed-ack': [
    [{}, { event: (event) => (event.name === 'script:read' && event.time > 300e6 && event.time < 400e6 ? undefined : event) }],
    [
      {},
      {
        frame: (frame) =>
          frame.kind === 'tcp-data' && frame.direction === 0 && frame.enqueued > 590e6 ? { ...frame, enqueued: 540e6 } : frame,
      },
    ],
    [
      {},
      {
        frame: (frame) =>
          frame.direction === 1 && frame.enqueued > 60e6 ? { ...frame, enqueued: frame.enqueued + 500e6 } : frame,
      },
    ],
    [{ knobs: { nagle: false } }, { event: (event) => (event.name === 'script:read' ? later(event, 20e6) : event) }],
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
  'ipv4-and-ipv6': [
    [{}, { frame: (frame) => (frame.kind === 'tcp-syn' && frame.length === 94 ? { ...frame, length: 74 } : frame) }],
    [{}, { event: (event, trace) => (isOf(event, trace, 'browser', 'ndp:resolved') ? later(event, 1e6) : event) }],
    [{}, { event: (event) => (event.name === 'browser:connection-attempt-started' ? withData(event, { version: 4 }) : event) }],
    [{ knobs: { path: 'silent' } }, { event: (event) => (event.data['attempt'] === 2 ? later(event, 1e6) : event) }],
    [
      { knobs: { path: 'silent' } },
      { event: (event) => ({ ...event, name: event.name.replace('attempt-cancelled', 'attempt-succeeded') }) },
    ],
  ],
}

/** The frame as another connection's when a router has sent it, and it is of the one. Both by a part of their names. */
function takenOver(frame: FrameRecord, { hosts, connections }: TraceView, one: string, other: string): FrameRecord {
  if (hosts[frame.from] !== 'router' || !connections[frame.connection].includes(one)) return frame
  return { ...frame, connection: connections.findIndex((name) => name.includes(other)) }
}

/** Whether a frame was lost right behind another one of its sender's. */
function isOfRun(frame: FrameRecord, trace: TraceView, host: string): boolean {
  if (trace.hosts[frame.from] !== host || frame.fate === 'arrived') return false
  const own = [...trace.frames(({ from }) => from === frame.from)]
  const index = own.findIndex(({ number }) => number === frame.number)
  return index > 0 && own[index - 1].fate !== 'arrived'
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
