import type { Intervention } from '../../src/scenario/intervention.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'
import type { FrameRecord } from '../../src/trace/record.ts'
import { runInline } from '../../src/run/run-inline.ts'

const MS = 1_000_000

type Source = Record<string, unknown>

/** A page with resources, fetched over a switch and a router, on lines that do everything to frames. */
export const PAGE: Source = {
  id: 'page',
  title: 'A page over bad lines',
  seed: 11,
  duration: '20 s',
  hosts: {
    alice: { app: 'browser', visits: ['http://bob/', 'http://bob/again'], connections: 3 },
    carol: { app: 'browser', visits: 'http://bob/' },
    lan: { kind: 'switch' },
    router: { kind: 'router' },
    bob: {
      app: 'web-server',
      serves: {
        '/': { size: '6 KiB', resources: ['/a.png', '/b.js', '/c.css'] },
        '/again': '40 KiB',
        '/a.png': '30 KiB',
        '/b.js': { size: '12 KiB', chunked: true },
        '/c.css': { size: '3 KiB', delay: '20 ms' },
      },
    },
  },
  links: [
    { between: ['alice', 'lan'], rate: '20 Mbit/s', delay: '500 us' },
    { between: ['carol', 'lan'], rate: '20 Mbit/s', delay: '500 us', duplicate: '3 %' },
    { between: ['lan', 'router'], rate: '10 Mbit/s', delay: '1 ms', loss: '2 %', queue: '20 packets', corrupt: '1 %' },
    {
      between: ['router', 'bob'],
      rate: '2 Mbit/s',
      delay: '8 ms',
      jitter: '2 ms',
      reorder: '3 %',
      duplicate: '2 %',
      queue: '8 KiB',
      lossList: [7, 30],
    },
  ],
  knobs: {
    loss: { label: 'Loss', range: ['0 %', '30 %'], sets: 'links[2].loss' },
    delay: { label: 'Delay', range: ['1 ms', '100 ms'], sets: 'links[3].delay' },
    thinking: { label: 'Thinking', range: ['0 ms', '200 ms'], sets: 'hosts.bob.delay' },
  },
}

/** A voice stream, over UDP and over TCP, side by side with pings. */
export const STREAMS: Source = {
  id: 'streams',
  title: 'Streams',
  seed: 5,
  duration: '8 s',
  hosts: {
    alice: {
      apps: [
        { app: 'stream-sender', to: 'bob', transport: 'udp', count: 120, size: '400 B' },
        { app: 'stream-sender', to: 'bob', transport: 'tcp', count: 120, size: '400 B', port: 5005, start: '7 ms' },
        { app: 'ping', to: 'bob', count: 6, interval: '300 ms' },
      ],
    },
    bob: {
      apps: [
        { app: 'stream-receiver', transport: 'udp', size: '400 B' },
        { app: 'stream-receiver', transport: 'tcp', size: '400 B', port: 5005 },
      ],
    },
  },
  links: [
    {
      between: ['alice', 'bob'],
      rate: '1 Mbit/s',
      delay: '15 ms',
      jitter: '3 ms',
      loss: '3 %',
      reorder: '2 %',
      corruptUndetected: true,
      corrupt: '1 %',
    },
  ],
  knobs: {
    loss: { label: 'Loss', range: ['0 %', '30 %'], sets: 'links[0].loss' },
    size: { label: 'Ping size', range: ['0 B', '1000 B'], sets: 'hosts.alice.apps[2].size' },
  },
}

/** Downloads through queues that are managed, with ECN, over lines that burst and flap; and pings beside them. */
export const QUEUES: Source = {
  id: 'queues',
  title: 'Queues',
  seed: 9,
  duration: '6 s',
  hosts: {
    alice: {
      apps: [
        { app: 'browser', visits: 'http://bob/' },
        { app: 'ping', to: 'bob', count: 40, interval: '100 ms' },
      ],
      tcp: { ecn: 'on' },
    },
    r1: { kind: 'router' },
    r2: { kind: 'router' },
    bob: { app: 'web-server', serves: { '/': '300 kB' }, tcp: { ecn: 'on' } },
  },
  links: [
    {
      between: ['alice', 'r1'],
      delay: '2 ms',
      backward: { rate: '1500 kbit/s', discipline: 'fq-codel', ecn: true },
      flaps: [{ at: '700 ms', for: '50 ms' }],
    },
    {
      between: ['r1', 'r2'],
      delay: '5 ms',
      backward: { rate: '2 Mbit/s', bucket: '20 kB', discipline: 'codel', ecn: true },
      loss: '2 %',
      lossBurst: 3,
      flapEvery: '2 s',
      flapFor: '30 ms',
    },
    {
      between: ['r2', 'bob'],
      delay: '1 ms',
      backward: { rate: '3 Mbit/s', discipline: 'red', ecn: true, redWeight: 0.05, overhead: '24 B' },
      jitter: '3 ms',
      jitterShape: 'pareto',
      jitterCorrelation: '30 %',
      reorderEvery: 40,
    },
  ],
}

/** Who is on the way, and how far it is. */
export const ROUTE: Source = {
  id: 'route',
  title: 'A route',
  seed: 3,
  duration: '6 s',
  hosts: {
    alice: {
      apps: [
        { app: 'ping', to: 'bob', count: 5, interval: '400 ms' },
        { app: 'ping', to: 'bob', traceroute: true, start: '100 ms' },
      ],
    },
    r1: { kind: 'router' },
    r2: { kind: 'router' },
    bob: {},
  },
  links: [
    { between: ['alice', 'r1'], delay: '2 ms' },
    { between: ['r1', 'r2'], delay: '9 ms', rate: '2 Mbit/s', loss: '5 %' },
    { between: ['r2', 'bob'], delay: '1 ms', duplicate: '10 %' },
  ],
}

export function resolved(source: Source, changes: Source = {}): ResolvedScenario {
  return resolveScenario({ ...source, ...changes })
}

/** A time from `from` on at which a run, after what is done to it, has a frame that satisfies `where`; and the first such frame. */
function frameSoon(
  scenario: ResolvedScenario,
  interventions: readonly Intervention[],
  from: number,
  where: (frame: FrameRecord) => boolean,
): { at: number; frame: number } {
  for (let at = from; at < from + 20 * MS; at += MS / 2) {
    const { trace } = runInline(scenario, { interventions, until: at })
    for (const { number } of trace.frames(where)) return { at, frame: number }
  }
  throw new Error(`soon after ${from} there is no such frame`)
}

/** Something of every kind is done to a run of `PAGE`: to frames in flight and in queues, at the same time, in vain. */
export function pageInterventions(scenario: ResolvedScenario): Intervention[] {
  const log: Intervention[] = []
  const onFrame = (kind: 'drop' | 'corrupt', from: number, where: (frame: FrameRecord) => boolean): void => {
    const { at, frame } = frameSoon(scenario, log, from, where)
    log.push(kind === 'drop' ? { at, drop: { frame } } : { at, corrupt: { frame } })
  }
  const inFlight = ({ fate }: FrameRecord): boolean => fate === 'in-flight'
  const queued = ({ fate }: FrameRecord): boolean => fate === 'queued'
  log.push({ at: 0, set: { knob: 'delay', value: 9 * MS } })
  onFrame('drop', 30 * MS, inFlight)
  onFrame('corrupt', 50 * MS, inFlight)
  onFrame('drop', 70 * MS, queued)
  onFrame('corrupt', 90 * MS, queued)
  log.push({ at: 110 * MS, link: { name: 'router-bob', direction: 1, settings: { corruptUndetected: true, delay: 20 * MS } } })
  onFrame('corrupt', 115 * MS, (frame) => inFlight(frame) && frame.link === 3)
  log.push({ at: 135 * MS, set: { knob: 'loss', value: 0.1 } })
  log.push({ at: 135 * MS, set: { knob: 'thinking', value: 30 * MS } })
  log.push({ at: 140 * MS, link: { name: 'router-bob', settings: { delay: 100_000 } } })
  log.push({ at: 150 * MS, cut: 'lan-router' })
  log.push({ at: 151 * MS, cut: 'lan-router' })
  log.push({ at: 200 * MS, heal: 'lan-router' })
  log.push({ at: 210 * MS, pause: 'alice' })
  log.push({ at: 300 * MS, cut: 'alice-lan' })
  log.push({ at: 300 * MS, heal: 'alice-lan' })
  log.push({ at: 400 * MS, resume: 'alice' })
  log.push({ at: 450 * MS, restart: 'alice' })
  log.push({ at: 450 * MS, pause: 'carol' })
  log.push({ at: 500 * MS, kill: 'bob' })
  log.push({ at: 500 * MS, kill: 'router' })
  log.push({ at: 700 * MS, restart: 'router' })
  log.push({ at: 900 * MS, restart: 'bob' })
  log.push({ at: 950 * MS, resume: 'carol' })
  log.push({ at: 950 * MS, drop: { frame: 1 } })
  log.push({ at: 1000 * MS, set: { knob: 'loss', value: 0 } })
  log.push({ at: 1200 * MS, restart: 'alice' })
  log.push({ at: 1200 * MS, restart: 'carol' })
  return log
}
