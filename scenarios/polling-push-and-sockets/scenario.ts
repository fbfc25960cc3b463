import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, isLost, noOccasion, time } from '../measure.ts'

const MS = 1e6
const SECOND = 1e9
const READERS = 10
const DELAY = 20 * MS

/** Readers by how they hear of news, each with a server of their own. */
const SHORT = { readers: 'short', server: 'short-server' }
const LONG = { readers: 'long', server: 'long-server' }
const EVENTS = { readers: 'events', server: 'events-server' }
const SOCKETS = { readers: 'sockets', server: 'sockets-server' }
const ALL = [SHORT, LONG, EVENTS, SOCKETS]
type Pair = typeof SHORT

/** All are connected, and nothing happens but news. */
const CALM = { from: 2.5 * SECOND, to: 10.5 * SECOND }
const CUT = { at: 11.5 * SECOND, for: 2 * SECOND }
const CRASH = { at: 19.5 * SECOND, for: 1 * SECOND }
/** By then everybody is back, at the latest. */
const BACK = 31.5 * SECOND
/** What comes out by then everybody has at the end. */
const LATE = 28.5 * SECOND
/** After how long a silence readers ask whether the server is there, and how long they wait for the answer. */
const HEARTBEAT = 4 * SECOND
const PATIENCE = 2 * SECOND

interface Span {
  readonly from: number
  readonly to: number
}

const isWithin = (at: number, { from, to }: Span): boolean => at >= from && at < to

/** Pieces of news that a server has published in a time. */
function published(trace: TraceView, { server }: Pair, when: Span): EventRecord[] {
  return eventsOf(trace, server, 'news:published').filter(({ time: at }) => isWithin(at, when))
}

/** How many requests a server got in a time. */
function requests(trace: TraceView, { server }: Pair, when: Span): number {
  return eventsOf(trace, server, 'http:request-received').filter(({ time: at }) => isWithin(at, when)).length
}

/** Delays of news to readers of a crowd, of what was published in a time; sorted. */
function delays(trace: TraceView, pair: Pair, when: Span): number[] {
  const ids = new Set(published(trace, pair, when).map((event) => amount(event, 'id')))
  return eventsOf(trace, pair.readers, 'news:received')
    .filter((event) => ids.has(amount(event, 'id')))
    .map((event) => amount(event, 'delay'))
    .sort((a, b) => a - b)
}

/** Bytes of frames that a crowd and its server have sent in a time. */
function bytes(trace: TraceView, { readers, server }: Pair, when: Span): number {
  const ends = [readers, server].map((host) => trace.hosts.indexOf(host))
  let sum = 0
  for (const { from, sent, length } of trace.frames()) if (ends.includes(from) && isWithin(sent, when)) sum += length
  return sum
}

/** Whether frames got lost in a time on the way, and not because there was nobody to take them. */
function hasLoss(trace: TraceView, when: Span): boolean {
  for (const frame of trace.frames()) if (isLost(frame) && frame.fate !== 'host-down' && isWithin(frame.sent, when)) return true
  return false
}

/** How many of a time's news did not come to how many readers, in all. */
function missed(trace: TraceView, pair: Pair, when: Span): number {
  const ids = new Set(published(trace, pair, when).map((event) => amount(event, 'id')))
  const heard = new Set<string>()
  for (const event of eventsOf(trace, pair.readers, 'news:received')) {
    const id = amount(event, 'id')
    if (ids.has(id)) heard.add(`${String(event.member)} ${String(id)}`)
  }
  return ids.size * READERS - heard.size
}

function whoAsks(trace: TraceView): ClaimResult {
  const news = published(trace, LONG, CALM).length
  if (news < 2 || hasLoss(trace, CALM)) return noOccasion('something was lost, or there was hardly any news')
  const [short, long, events, sockets] = ALL.map((pair) => requests(trace, pair, CALM))
  // With long polling what was asked for before is told now, and what is asked for now is told later.
  return {
    holds: events === 0 && sockets === 0 && long >= (news - 1) * READERS && short > 0,
    evidence: `For ${count(news, 'piece')} of news in ${time(CALM.to - CALM.from)}, ${String(READERS)} readers each have sent ${count(short, 'request')} by short polling, ${String(long)} by long polling, ${String(events)} with events, ${String(sockets)} by WebSocket.`,
  }
}

function whoWaits(trace: TraceView): ClaimResult {
  if (hasLoss(trace, CALM)) return noOccasion('something was lost')
  const [short, ...pushed] = ALL.map((pair) => delays(trace, pair, CALM))
  const [long, events, sockets] = pushed.map((all) => all.at(-1))
  const half = short.at(short.length >> 1)
  if (half === undefined || long === undefined || events === undefined || sockets === undefined)
    return noOccasion('there was no news')
  const most = DELAY + 5 * MS
  return {
    holds: long < most && events < most && sockets < most && half > 2 * long,
    evidence: `The line takes ${time(DELAY)}. The last reader had the news after ${time(sockets)} by WebSocket, ${time(events)} with events, ${time(long)} by long polling; the one in the middle by short polling after ${time(half)}.`,
  }
}

function whatItCosts(trace: TraceView): ClaimResult {
  const news = published(trace, SOCKETS, CALM).length
  if (news === 0 || hasLoss(trace, CALM)) return noOccasion('something was lost, or there was no news')
  const [short, long, events, sockets] = ALL.map((pair) => bytes(trace, pair, CALM) / news / READERS)
  return {
    holds: sockets < long && events < long,
    evidence: `For each piece of news and reader ${count(Math.round(sockets), 'byte')} by WebSocket, ${String(Math.round(events))} with events, ${String(Math.round(long))} by long polling, ${String(Math.round(short))} by short polling, all headers and acknowledgments counted.`,
  }
}

function whatIsMissed(trace: TraceView): ClaimResult {
  const end = trace.events.at(-1)?.time ?? 0
  const before = { from: CALM.from, to: CRASH.at }
  if (end < BACK || hasLoss(trace, { from: CUT.at + CUT.for, to: CRASH.at }))
    return noOccasion('something else was lost before the crash, or the run has ended')
  const cut = ALL.map((pair) => missed(trace, pair, { from: CALM.from, to: CUT.at + CUT.for }))
  const [short, ...pushed] = ALL.map((pair) => missed(trace, pair, before))
  const after = [LONG, EVENTS, SOCKETS].map((pair) => missed(trace, pair, { from: CRASH.at + CRASH.for, to: LATE }))
  return {
    holds: [...cut.slice(1), ...pushed, ...after].every((number) => number === 0),
    evidence: `Of what came out before the crash, ${count(short, 'delivery', 'deliveries')} never came about with short polling, ${String(Math.max(...pushed))} in any other way. All of those have what came out after it, also who was not back yet.`,
  }
}

/** For each reader, how long the last news was ago when he gave the connection up after the crash; sorted. */
function silences(trace: TraceView, { readers }: Pair): number[] {
  const heard = new Map<number, number>()
  const silent = new Map<number, number>()
  const host = trace.hosts.indexOf(readers)
  for (const event of trace.events) {
    const { member, time: at } = event
    if (event.host !== host) continue
    if (event.name === 'news:received' && at < CRASH.at) heard.set(member, at)
    const isOver = event.name === 'client:state-changed' && event.data['state'] === 'backing-off' && at > CRASH.at
    if (isOver && !silent.has(member)) silent.set(member, at - (heard.get(member) ?? Number.NaN))
  }
  return [...silent.values()].filter((silence) => silence > 0).sort((a, b) => a - b)
}

function whoNotices(trace: TraceView): ClaimResult {
  const [events, sockets] = [EVENTS, SOCKETS].map((pair) => silences(trace, pair))
  const [later, sooner] = [events, sockets].map((all) => all.at(all.length >> 1))
  if (later === undefined || sooner === undefined || events.length + sockets.length < READERS)
    return noOccasion('hardly anybody was connected when the servers crashed')
  return {
    holds: sooner >= HEARTBEAT && later >= HEARTBEAT + PATIENCE,
    evidence: `The servers were back after ${time(CRASH.for)}. Half of the WebSockets heard nothing for ${time(sooner)} until they found out, half of the streams of events for ${time(later)}.`,
  }
}

const readers = {
  app: 'live-client',
  replicas: READERS,
  startWithin: '1 s',
  heartbeat: { interval: '4 s', timeout: '2 s' },
  reconnect: { base: '500 ms', cap: '4 s' },
  poll: '2 s',
} as const
const server = {
  app: 'live-server',
  news: { interval: '1 s', size: '200 B' },
  history: 100,
  heartbeat: '3 s',
  pollTimeout: '4 s',
  retry: '500 ms',
  machine: { connectionMemory: '8 KiB' },
  trace: 'brief',
} as const
const restart = () => [{ at: '19.5 s' as const, for: '1 s' as const }]
const LABELS = ['Short polling', 'Long polling', 'Events', 'WebSocket'] as const
const row = (index: number): number => index / 3
const line = ({ readers: from, server: to }: Pair): string => `${from}-${to}`
/** A series for each way. */
const each = <Series>(series: (pair: Pair, label: string) => Series): Series[] =>
  ALL.map((pair, index) => series(pair, LABELS[index]))

export default defineScenario({
  id: 'polling-push-and-sockets',
  title: 'Is there any news?',
  summary:
    'The same news at the same time for four crowds: one asks every two seconds, one asks and waits, one listens to a stream of events, one holds WebSockets. What does it cost, and who is late?',
  seed: 1,
  duration: '32 s',
  speed: 0.5,
  hosts: {
    short: {
      ...readers,
      app: 'live-client',
      label: LABELS[0],
      position: { x: 0, y: row(0) },
      servers: 'http://short-server',
      transport: 'poll',
    },
    long: {
      ...readers,
      app: 'live-client',
      label: LABELS[1],
      position: { x: 0, y: row(1) },
      servers: 'http://long-server',
      transport: 'long-poll',
    },
    events: {
      ...readers,
      app: 'live-client',
      label: LABELS[2],
      position: { x: 0, y: row(2) },
      servers: 'http://events-server',
      transport: 'sse',
    },
    sockets: {
      ...readers,
      app: 'live-client',
      label: LABELS[3],
      position: { x: 0, y: row(3) },
      servers: 'http://sockets-server',
      transport: 'websocket',
    },
    'short-server': { ...server, label: 'Server 1', outages: restart(), position: { x: 1, y: row(0) } },
    'long-server': { ...server, label: 'Server 2', outages: restart(), position: { x: 1, y: row(1) } },
    'events-server': { ...server, label: 'Server 3', outages: restart(), position: { x: 1, y: row(2) } },
    'sockets-server': { ...server, label: 'Server 4', outages: restart(), position: { x: 1, y: row(3) } },
  },
  links: ALL.map(({ readers: from, server: to }) => ({
    between: [from, to],
    rate: '50 Mbit/s',
    delay: '20 ms',
    flaps: [{ at: '11.5 s', for: '2 s' }],
  })),
  knobs: {
    news: {
      label: 'From one piece of news to the next',
      range: ['200 ms', '10 s'],
      scale: 'log',
      sets: ALL.map(({ server: host }) => `hosts.${host}.news.interval`),
    },
    poll: {
      label: 'From one short poll to the next',
      range: ['250 ms', '10 s'],
      scale: 'log',
      sets: 'hosts.short.poll',
    },
    loss: {
      label: 'Packet loss',
      help: 'On each line, in both directions.',
      range: ['0 %', '10 %'],
      sets: ALL.map((pair) => `links.${line(pair)}.loss`),
    },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['charts', 'events', 'inspector'],
  charts: [
    {
      title: 'Delay of the news, for the reader in the middle',
      bucket: '1 s',
      series: each(({ readers: host }, label) => ({
        measure: 'percentile' as const,
        label,
        event: 'news:received',
        field: 'delay',
        percentile: 50,
        host,
      })),
    },
    {
      title: 'Bytes on the line, both ways',
      bucket: '1 s',
      series: each((pair, label) => ({ measure: 'bytes' as const, label, link: line(pair) })),
    },
    {
      title: 'Requests',
      bucket: '1 s',
      series: each(({ server: host }, label) => ({
        measure: 'events' as const,
        label,
        event: 'http:request-received',
        host,
      })),
    },
    {
      title: 'Memory of the server',
      bucket: '500 ms',
      series: each(({ server: host }, label) => ({
        measure: 'value' as const,
        label,
        event: 'host:load-sampled',
        field: 'memory',
        unit: 'bytes' as const,
        host,
      })),
    },
  ],
  lesson: [
    {
      text: 'Four servers publish the same news each second. Four crowds of ten want to know. The first asks every two seconds; whoever has to ask does not know when. Press play.',
      until: { event: 'poll:answered' },
    },
    {
      text: '**Long polling** asks as well, but the server keeps the question until it has an answer. **Events** are one answer that never ends. A **WebSocket** is one question, after which nobody speaks HTTP any more. These three have the news after 20 ms: the length of the line.',
      until: { time: '10.5 s' },
    },
    {
      text: 'At 11.5 s the lines are cut for two seconds. All connections survive, for TCP sends again what was lost. Nobody misses anything; see how late it is.',
      until: { event: 'interface:carrier-restored' },
    },
    {
      text: 'At 19.5 s the servers crash, and are back a second later. They have forgotten everything: their connections, and what they have published. Whoever does not ask does not notice, until the **heartbeat** is due.',
      until: { event: 'client:heartbeat-missed' },
    },
    {
      text: 'Everybody who comes back says which news came last, in `Last-Event-ID`, in `after=`, or in a first message, and gets what came out since. Whoever was about to ask when the server died has lost that for good.',
      until: { time: '31 s' },
    },
    {
      text: 'Now let news come every 10 s, or every 200 ms. At which interval is short polling the cheapest, and at which the most expensive?',
    },
    {
      text: 'With polls every 10 s, look at the memory: the server closes connections that are silent for too long. Then turn on some loss, and see which ways stay at 20 ms.',
      until: { intervention: 'set' },
    },
  ],
  claims: [
    {
      says: 'Once connected, a reader of events or of a WebSocket asks no more; one who polls long asks for each piece of news.',
      cites: 'RFC 6202 sections 2.1 and 3.1; RFC 6455 section 1.1',
      holds: whoAsks,
    },
    {
      says: 'Pushed news takes as long as the line, by long polling as well; half of those who poll in between wait more than twice as long.',
      cites: 'RFC 6202 section 2.2',
      holds: whoWaits,
    },
    {
      says: 'A piece of news by a stream of events or by WebSocket takes fewer bytes than by long polling, which repeats both headers each time.',
      cites: 'RFC 6202 section 2.2; RFC 6455 section 5.2',
      holds: whatItCosts,
    },
    {
      says: 'Who is told at once misses nothing by a cut line or a crash; what a reader had not asked for when the server crashed is gone.',
      cites: 'RFC 6202 section 2.2; for Last-Event-ID, HTML Living Standard section 9.2.4',
      holds: whatIsMissed,
    },
    {
      says: 'A connection does not tell that the other end has crashed: who only listens finds out when his heartbeat is due, not before.',
      cites: 'RFC 6455 section 5.5.2; RFC 9293 section 3.8.4',
      holds: whoNotices,
    },
  ],
})
