import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, FrameRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, framesFrom, noOccasion, time } from '../measure.ts'

/** When the downloads begin. */
const LOAD = 1e9
/** From then on it takes them a moment to fill the line. */
const FILLED = 1.5e9
/** Nanoseconds of a full frame on the bottleneck. */
const FRAME = (1514 * 8 * 1e9) / 4_000_000

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
const most = (values: readonly number[]): number => Math.max(0, ...values)

/** Round trips of the pings of one host that were answered, by when they were. */
function pings(trace: TraceView, host: string) {
  const replies = eventsOf(trace, host, 'ping:replied')
  const end = downloadOf(trace, host)?.time ?? 0
  const sentAt = (event: EventRecord): number => event.time - amount(event, 'rtt')
  // The first one has to find out hardware addresses.
  const idle = replies.slice(1).filter(({ time: at }) => at < LOAD)
  const loaded = replies.filter((event) => sentAt(event) > FILLED && event.time < end)
  return { idle: idle.map((event) => amount(event, 'rtt')), loaded: loaded.map((event) => amount(event, 'rtt')) }
}

function downloadOf(trace: TraceView, host: string): EventRecord | undefined {
  return eventsOf(trace, host, 'script:read')[0]
}

/** How long frames of a kind waited in the router's queue to a host while the line was full. */
function waits(trace: TraceView, host: string, kind: FrameRecord['kind']): number[] {
  const to = trace.hosts.indexOf(host)
  const end = downloadOf(trace, host)?.time ?? 0
  return framesFrom(trace, 'router', (frame) => frame.to === to && frame.kind === kind && frame.fate === 'arrived')
    .filter(({ enqueued, sent }) => enqueued > FILLED && sent < end)
    .map(({ enqueued, sent }) => sent - enqueued)
}

function idleIsQuick(trace: TraceView): ClaimResult {
  const idle = ['ann', 'ben', 'cleo'].flatMap((host) => pings(trace, host).idle)
  if (idle.length === 0) return noOccasion('no ping was answered before the downloads began')
  const spread = most(idle) - Math.min(...idle)
  return {
    holds: spread < 5e6,
    evidence: `${count(idle.length, 'ping')} before the downloads: ${time(Math.min(...idle))} to ${time(most(idle))}.`,
  }
}

function lineBehindALine(trace: TraceView): ClaimResult {
  const { idle, loaded } = pings(trace, 'ann')
  const waited = waits(trace, 'ann', 'icmp')
  if (loaded.length < 5 || idle.length === 0) return noOccasion('too few of Ann’s pings were answered during her download')
  if (most(waits(trace, 'ann', 'tcp-data')) < 20 * FRAME) return noOccasion('the buffer is too short for a line to form')
  const slower = median(loaded) - median(idle)
  return {
    holds: slower > 10 * FRAME && most(waited) > 10 * FRAME,
    evidence: `${time(median(idle))} without load, ${time(median(loaded))} under it; in the queue a reply waited for up to ${time(most(waited))}.`,
  }
}

function codelKeepsItShort(trace: TraceView): ClaimResult {
  const waited = waits(trace, 'ben', 'tcp-data')
  if (waited.length < 100) return noOccasion('Ben’s download was too short')
  return {
    holds: median(waited) < 15e6,
    evidence: `Half of Ben’s packets waited for less than ${time(median(waited))}, where half of Ann’s waited for more than ${time(median(waits(trace, 'ann', 'tcp-data')))}.`,
  }
}

function fairIsQuick(trace: TraceView): ClaimResult {
  const waited = waits(trace, 'cleo', 'icmp')
  if (waited.length === 0) return noOccasion('none of Cleo’s pings was answered during her download')
  return {
    // What is on the line when it comes, and at most one that has its turn first.
    holds: most(waited) <= 2 * FRAME,
    evidence: `None of ${count(waited.length, 'reply', 'replies')} waited in the queue for more than ${time(most(waited))}; a packet of the download is on the line for ${time(Math.round(FRAME))}.`,
  }
}

function costsLittle(trace: TraceView): ClaimResult {
  const [ann, ben, cleo] = ['ann', 'ben', 'cleo'].map((host) => (downloadOf(trace, host)?.time ?? Number.NaN) - LOAD)
  if (Number.isNaN(ann + ben + cleo)) return noOccasion('one of the downloads did not end')
  return {
    holds: Math.max(ben, cleo) < 1.3 * ann,
    evidence: `Ann’s download took ${time(ann)}, Ben’s ${time(ben)}, Cleo’s ${time(cleo)}.`,
  }
}

const FILE = '800 kB'
const request = { do: 'send', bytes: '100 B' } as const
const FETCH = [request, { do: 'read', bytes: FILE }, 'close', 'wait-closed'] as const
const SERVE = [{ do: 'read', bytes: request.bytes }, { do: 'send', bytes: FILE }, 'read-to-end', 'close', 'wait-closed'] as const
const ping = { app: 'ping', to: 'server', count: 60, interval: '50 ms', timeout: '5 s' } as const
const fetch = { app: 'socket-script', start: '1 s' } as const
const serve = { app: 'socket-script' } as const
const tcp = { timeWait: '200 ms' } as const
const line = { rate: '4 Mbit/s', delay: '5 ms', queue: '100 packets' } as const
const MARKS = ['links.codel.ecn', 'links.fair.ecn'] as const
const TALKERS = ['server', 'ann', 'ben', 'cleo'] as const

export default defineScenario({
  id: 'bufferbloat',
  title: 'A buffer is not a favour',
  summary:
    'Three homes download and ping at the same time, over three lines of one speed: one with a plain buffer, one with CoDel, one with FQ-CoDel.',
  seed: 1,
  duration: '30 s',
  speed: 0.1,
  hosts: {
    server: {
      label: 'Server',
      position: { x: 0, y: 0.45 },
      apps: [4000, 4100, 4200].map((listen) => ({ ...serve, listen, steps: [...SERVE] })),
    },
    router: { label: 'Router', kind: 'router', position: { x: 0.42, y: 0.45 } },
    ann: {
      label: 'Ann, drop-tail',
      position: { x: 1, y: 0.06 },
      apps: [ping, { ...fetch, connect: 'server:4000', steps: [...FETCH] }],
      tcp,
    },
    ben: {
      label: 'Ben, CoDel',
      position: { x: 1, y: 0.45 },
      apps: [ping, { ...fetch, connect: 'server:4100', steps: [...FETCH] }],
      tcp,
    },
    cleo: {
      label: 'Cleo, FQ-CoDel',
      position: { x: 1, y: 0.84 },
      apps: [ping, { ...fetch, connect: 'server:4200', steps: [...FETCH] }],
      tcp,
    },
  },
  links: [
    { between: ['server', 'router'], name: 'backbone', rate: '1 Gbit/s', delay: '10 ms', jitter: '1 ms' },
    { between: ['router', 'ann'], name: 'plain', ...line },
    { between: ['router', 'ben'], name: 'codel', ...line, discipline: 'codel' },
    { between: ['router', 'cleo'], name: 'fair', ...line, discipline: 'fq-codel' },
  ],
  knobs: {
    buffer: {
      label: 'Buffer',
      help: 'How many packets the router can hold for each line.',
      range: ['10 packets', '400 packets'],
      scale: 'log',
      sets: ['links.plain.queue', 'links.codel.queue', 'links.fair.queue'],
    },
    marks: {
      label: 'To slow a sender down, CoDel',
      help: 'Marking needs both ends of a connection to understand it: ECN.',
      choices: [
        {
          value: 'drop',
          label: 'drops',
          sets: Object.fromEntries([
            ...MARKS.map((path) => [path, false]),
            ...TALKERS.map((name) => [`hosts.${name}.tcp.ecn`, 'off']),
          ]) as Record<string, boolean | string>,
        },
        {
          value: 'mark',
          label: 'marks',
          sets: Object.fromEntries([
            ...MARKS.map((path) => [path, true]),
            ...TALKERS.map((name) => [`hosts.${name}.tcp.ecn`, 'on']),
          ]) as Record<string, boolean | string>,
        },
      ],
    },
  },
  views: ['events'],
  lesson: [
    {
      text: 'Ann, Ben and Cleo ping the server, twenty times a second. Nothing else is on the way yet: 31 ms there and back, for all three. Press play.',
      until: { event: 'ping:replied' },
    },
    {
      text: 'After a second each of them begins a download. The line into each home is the bottleneck: see what piles up at the router.',
      until: { event: 'tcp:state-changed' },
    },
    {
      text: 'TCP does not know how fast the line is. It sends more and more until something is lost, and the **buffer** puts that off. Ann’s pings stand in line behind her own download.',
      until: { event: 'tcp:fast-retransmit-entered' },
    },
    {
      text: '**CoDel** does not ask how much waits, but how long. Once the shortest wait of 100 ms is above 5 ms, it drops a packet from the head of the queue, so that the server hears of it at once.',
      until: { event: 'script:read' },
    },
    {
      text: '**FQ-CoDel** gives each flow a queue of its own, and serves them in turn. Cleo’s pings do not wait at all. Compare the three in the event list.',
    },
    {
      text: 'Turn the *buffer* up to 400 packets while it runs. Who gains by it? Then down to 10.',
      until: { intervention: 'set' },
    },
    { text: 'Let CoDel *mark* packets instead. What is lost now, and how long do the downloads take?' },
  ],
  claims: [
    {
      says: 'As long as nobody downloads, all three are as quick.',
      cites: 'RFC 7567 section 1',
      holds: idleIsQuick,
    },
    {
      says: 'Behind a plain buffer, a ping waits for the download that stands in front of it.',
      cites: 'RFC 7567 section 1.2',
      holds: lineBehindALine,
    },
    {
      says: 'CoDel keeps the wait short, however large the buffer is.',
      cites: 'RFC 8289 section 3',
      holds: codelKeepsItShort,
    },
    {
      says: 'With FQ-CoDel, no ping waits for more than what is on the line.',
      cites: 'RFC 8290 section 4',
      holds: fairIsQuick,
    },
    {
      says: 'The download pays little for it.',
      cites: 'RFC 7567 section 4.3',
      holds: costsLittle,
    },
  ],
})
