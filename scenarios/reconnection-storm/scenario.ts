import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, noOccasion, time } from '../measure.ts'
import { changes, courseOf, type Course } from './course.ts'

const CLIENTS = 'clients'
const SERVERS = ['s1', 's2', 's3', 's4'] as const
const SURVIVORS = SERVERS.slice(1)
const FULL = 10_000
const SECOND = 1e9
/** When the power of s1 goes, and how long the storm is looked at from then on. */
const FAILURE = 15 * SECOND
/** Within what time all are back when it goes well. */
const PATIENCE = 12 * SECOND
/** The first wait of clients that wait. */
const BASE = 4 * SECOND
/** What a server spends on a client: 10,000 of them take all four for nine seconds. */
const COST = { join: 3500, accept: 50, message: 20 }
const BACKLOG = 511

type Setting = Readonly<Record<string, unknown>>
type Time = `${number} us`

const all = (path: string): string[] => SERVERS.map((server) => `hosts.${server}.${path}`)
const micros = (value: number): Time => `${String(Math.round(value))} us` as Time

/** With fewer clients each costs more, so that the servers have as much to do. */
function ofSize(clients: number): Setting {
  const factor = FULL / clients
  const server: Setting = {
    'join.cost': micros(COST.join * factor),
    'machine.perConnection': micros(COST.accept * factor),
    'machine.perMessage': micros(COST.message * factor),
    backlog: Math.ceil(BACKLOG / factor),
    accepts: Math.ceil(BACKLOG / factor),
    'admission.burst': Math.ceil(50 / factor),
  }
  return {
    'hosts.clients.replicas': clients,
    ...Object.fromEntries(
      SERVERS.flatMap((name) => Object.entries(server).map(([key, value]) => [`hosts.${name}.${key}`, value])),
    ),
  }
}

const OVER_TLS: Setting = {
  'hosts.clients.servers': 'https://lb/',
  'hosts.lb.virtual': 'lb:443',
  'hosts.lb.backends': SERVERS.map((server) => ({ at: `${server}:443` })),
  ...Object.fromEntries(SERVERS.map((server) => [`hosts.${server}.tls`, { names: ['lb'] }])),
}

const choiceOf = (clients: number) => {
  const text = clients >= 1000 ? `${String(clients / 1000)},000` : String(clients)
  return { value: text, label: text, sets: ofSize(clients) }
}

const reconnecting = (policy: string, jitter = 'none'): Setting => ({
  'hosts.clients.reconnect.policy': policy,
  'hosts.clients.reconnect.jitter': jitter,
})

const server = {
  app: 'live-server',
  backlog: BACKLOG,
  accepts: BACKLOG,
  history: 0,
  rooms: 10,
  join: { cost: micros(COST.join) },
  machine: { perConnection: micros(COST.accept), perMessage: micros(COST.message) },
  sessionSecret: 'shared by all four',
  sessions: '0 s',
  admission: { rate: 0, burst: 50, retryAfter: '1 s' },
  shed: { delay: '0 s' },
  drain: false,
  leaving: { window: '4 s' },
  trace: 'brief',
} as const

interface Manner {
  /** Whether clients did not wait before they came back, or each for a time of its own from none at all to the base. */
  readonly atOnce: boolean
  readonly spread: boolean
  /** Whether servers did anything against it: let in only some, took sessions, told clients to go before. */
  readonly refused: number
  /** Of those, by servers that had no time. */
  readonly shed: number
  readonly resumed: number
  readonly drained: boolean
}

/** How those came back who had lost s1. */
function mannerOf(trace: TraceView): Manner {
  const waits = changes(trace)
    .filter(({ data, time: at }) => data['state'] === 'backing-off' && data['attempt'] === 1 && at > FAILURE)
    .map((event) => amount(event, 'wait'))
  const refused = trace.all('live:connection-refused').length
  return {
    // Who is refused is told to wait.
    atOnce: waits.length > 0 && waits.filter((wait) => wait === 0).length >= waits.length / 2 - refused,
    spread:
      waits.some((wait) => wait > 0 && wait < BASE / 4) &&
      waits.some((wait) => wait > BASE / 2) &&
      Math.max(...waits.slice(0, 1000)) <= BASE,
    refused,
    shed: trace.all('live:connection-refused', ({ data }) => data['why'] === 'processor').length,
    resumed: trace.all('live:joined', ({ data }) => data['resumed'] === true).length,
    drained: trace.first('live:drain-started') !== undefined,
  }
}

const isCured = ({ refused, resumed, drained }: Manner): boolean => refused > 0 || resumed > 0 || drained

/** The course of a run in which everybody was there when s1 failed, and which went on for long enough. */
function storm(trace: TraceView): Course | undefined {
  const course = courseOf(trace)
  return course === undefined || course.before < course.clients * 0.95 ? undefined : course
}

const words = ({ clients, fewest, last, fullAfter }: Course): string =>
  `Of ${count(clients, 'client')}, ${String(fewest)} were connected at the worst, and ${String(last)} at the end${fullAfter === Infinity ? '' : `; all again ${time(fullAfter)} after the failure`}.`

const NOBODY = 'not everybody was connected when s1 failed'

function cascades(trace: TraceView): ClaimResult {
  const course = storm(trace)
  if (course === undefined) return noOccasion(NOBODY)
  const manner = mannerOf(trace)
  if (!manner.atOnce || isCured(manner)) return noOccasion('clients waited, or the servers did something about it')
  return { holds: course.fewest < course.clients / 2 && course.last < course.clients / 2, evidence: words(course) }
}

function survives(trace: TraceView): ClaimResult {
  const course = storm(trace)
  if (course === undefined) return noOccasion(NOBODY)
  const manner = mannerOf(trace)
  if (!manner.spread || isCured(manner)) return noOccasion('clients did not wait for a time drawn from [0, 4 s]')
  return { holds: course.fewest >= course.clients * 0.65 && course.fullAfter <= PATIENCE, evidence: words(course) }
}

function isCheap(trace: TraceView): ClaimResult {
  const course = storm(trace)
  if (course === undefined) return noOccasion(NOBODY)
  const manner = mannerOf(trace)
  if (!manner.atOnce || manner.drained || !isCured(manner)) return noOccasion('nothing held off those who came back at once')
  if (manner.resumed === 0 && manner.shed === 0)
    return noOccasion('servers counted newcomers, and did not look at how busy they were')
  return {
    holds: course.fewest >= course.clients * 0.65 && course.last >= course.clients * 0.9,
    evidence: `${words(course)} ${count(manner.refused, 'connection')} refused, ${count(manner.resumed, 'session')} resumed.`,
  }
}

function leavesInOrder(trace: TraceView): ClaimResult {
  const drained = trace.first('live:drained')
  const failure = trace.first('run:host-killed')
  const course = courseOf(trace)
  if (drained === undefined || failure === undefined || course === undefined || drained.time > failure.time)
    return noOccasion('s1 was not empty when its power went')
  const { clients, before, fewest } = course
  return {
    holds: before >= clients * 0.95 && fewest >= before * 0.95,
    evidence: `s1 was empty ${time(amount(drained, 'took'))} after it was told to drain. ${words(course)}`,
  }
}

function worksForNobody(trace: TraceView): ClaimResult {
  const course = storm(trace)
  if (course === undefined || course.last >= course.clients / 2 || isCured(mannerOf(trace)))
    return noOccasion('the servers have not fallen')
  const end = trace.events.at(-1)?.time ?? 0
  const since = end - 8 * SECOND
  const isLate = (event: EventRecord): boolean => event.time >= since
  const joined = SURVIVORS.flatMap((name) => eventsOf(trace, name, 'live:joined')).filter(isLate).length
  const entered = changes(trace).filter((event) => isLate(event) && event.data['state'] === 'connected').length
  const busy = SURVIVORS.map((name) => {
    const samples = eventsOf(trace, name, 'host:load-sampled').filter(isLate)
    return samples.reduce((sum, sample) => sum + amount(sample, 'processor'), 0) / 80
  })
  const least = Math.min(...busy)
  return {
    holds: least > 0.4 && entered < joined && course.last < course.clients / 2,
    evidence: `In the last 8 s the survivors were busy for ${String(Math.round(least * 100))} % of the time at the least. They let in ${count(joined, 'client')}, of which ${String(joined - entered)} had given up by then; ${String(course.last)} of ${String(course.clients)} were there at the end.`,
  }
}

export default defineScenario({
  id: 'reconnection-storm',
  title: 'Ten thousand come back at once',
  summary:
    'Ten thousand clients, four servers, and one of these dies. Its clients come back, all at once, and take the others down. Then the cures: jitter, admission, shedding, draining, resumption.',
  seed: 1,
  duration: '28 s',
  speed: 1,
  hosts: {
    clients: {
      label: 'Clients',
      position: { x: 0, y: 0.5 },
      replicas: FULL,
      access: { delay: ['10 ms', '60 ms'] },
      app: 'live-client',
      servers: 'http://lb/',
      startWithin: '11 s',
      connectTimeout: '2 s',
      heartbeat: { interval: '4 s', timeout: '600 ms' },
      reconnect: { policy: 'at-once', jitter: 'none', base: '4 s', cap: '20 s' },
    },
    lb: {
      label: 'Balancer',
      position: { x: 0.48, y: 0.5 },
      kind: 'router',
      app: 'tcp-balancer',
      virtual: 'lb:80',
      backends: SERVERS.map((name): { at: `${string}:80`; drain: boolean } => ({ at: `${name}:80`, drain: false })),
      strategy: 'least-connections',
      check: { by: 'tcp', interval: '500 ms', timeout: '1 s', fall: 1, rise: 2 },
      orphans: 'reset',
      refusal: 'drop',
      trace: 'brief',
    },
    s1: { ...server, position: { x: 1, y: 0 }, outages: [{ at: '15 s' }] },
    s2: { ...server, position: { x: 1, y: 0.33 } },
    s3: { ...server, position: { x: 1, y: 0.67 } },
    s4: { ...server, position: { x: 1, y: 1 } },
  },
  links: [
    { between: [CLIENTS, 'lb'], rate: '10 Gbit/s', delay: '1 ms' },
    ...SERVERS.map((name): { between: [string, string]; rate: '1 Gbit/s'; delay: '1 ms' } => ({
      between: ['lb', name],
      rate: '1 Gbit/s',
      delay: '1 ms',
    })),
  ],
  knobs: {
    clients: {
      label: 'Clients',
      help: 'With fewer clients, each costs the servers more, so that they have as much to do.',
      choices: [
        ...[100, 200, 500, 1000, 2000, 5000, FULL].map(choiceOf),
        { value: '1,000 over TLS', label: '1,000 over TLS', sets: { ...ofSize(1000), ...OVER_TLS } },
      ],
      value: '10,000',
    },
    policy: {
      label: 'Clients come back',
      help: 'How long they wait before they connect again. Exponential: 4 s, 8 s, 16 s, 20 s; of that, jitter draws a part.',
      choices: [
        { value: 'at once', label: 'at once', sets: reconnecting('at-once') },
        { value: 'fixed', label: 'after 4 s', sets: reconnecting('fixed') },
        { value: 'exponential', label: 'exponential, no jitter', sets: reconnecting('exponential') },
        { value: 'full jitter', label: 'exponential, full jitter', sets: reconnecting('exponential', 'full') },
        { value: 'equal jitter', label: 'exponential, equal jitter', sets: reconnecting('exponential', 'equal') },
        { value: 'decorrelated jitter', label: 'decorrelated jitter', sets: reconnecting('exponential', 'decorrelated') },
      ],
    },
    admission: {
      label: 'Admission: new clients a second',
      help: 'Beyond that a server says 503, and “come again in a second”. 0: it lets in everybody. With 10,000 clients 100 leave it some air; with fewer, as many fewer. Turn it on once all are in.',
      range: [0, 400],
      step: 1,
      sets: all('admission.rate'),
    },
    shed: {
      label: 'Shed load',
      help: 'A server refuses new clients while work waits longer than this for its processor.',
      choices: [
        { value: '0 s', label: 'never' },
        { value: '100 ms', label: 'beyond 100 ms' },
      ],
      sets: all('shed.delay'),
    },
    resumption: {
      label: 'Sessions can be resumed',
      help: 'A client that comes back with a token, signed by any of the servers, need not be brought in anew.',
      choices: [
        { value: '0 s', label: 'no' },
        { value: '600 s', label: 'for ten minutes' },
      ],
      sets: all('sessions'),
      restart: true,
    },
    drain: {
      label: 'Drain s1',
      help: 'The balancer sends nobody to it any more, and it tells those who are there to go, one after the other, over four seconds.',
      sets: ['hosts.s1.drain', 'hosts.lb.backends[0].drain'],
    },
  },
  faults: ['drop', 'link', 'cut', 'kill', 'pause'],
  views: ['charts', 'events', 'inspector'],
  charts: [
    {
      title: 'Clients',
      stacked: true,
      series: [
        { measure: 'members', label: 'connected', host: CLIENTS, state: 'connected' },
        { measure: 'members', label: 'connecting', host: CLIENTS, state: 'connecting' },
        { measure: 'members', label: 'waiting', host: CLIENTS, state: 'backing-off' },
      ],
    },
    {
      title: 'Processors',
      series: SERVERS.map(
        (host): { measure: 'value'; label: string; host: string; event: 'host:load-sampled'; field: string } => ({
          measure: 'value',
          label: host,
          host,
          event: 'host:load-sampled',
          field: 'processor',
        }),
      ),
    },
    {
      title: 'Accept queues',
      series: SURVIVORS.map(
        (host): { measure: 'value'; label: string; host: string; event: 'host:load-sampled'; field: string; take: 'max' } => ({
          measure: 'value',
          label: host,
          host,
          event: 'host:load-sampled',
          field: 'acceptQueue',
          take: 'max',
        }),
      ),
    },
    {
      title: 'SYNs a second',
      series: SURVIVORS.map((to): { measure: 'frames'; label: string; kind: 'tcp-syn'; to: string } => ({
        measure: 'frames',
        label: `to ${to}`,
        kind: 'tcp-syn',
        to,
      })),
    },
    {
      title: 'WebSocket handshakes a second',
      series: [
        { measure: 'events', label: 'opened', event: 'websocket:opened', host: CLIENTS },
        { measure: 'events', label: 'joined, by servers', event: 'live:joined' },
        { measure: 'events', label: 'joined, and still there', event: 'client:state-changed', where: { state: 'connected' } },
      ],
    },
    {
      title: 'Dropped a second',
      series: [
        { measure: 'events', label: 'SYNs, queue full', event: 'tcp:listen-overflowed' },
        { measure: 'events', label: 'packets, processor busy', event: 'host:packet-discarded' },
        { measure: 'events', label: 'refused', event: 'live:connection-refused' },
      ],
    },
  ],
  lesson: [
    {
      text: 'Ten thousand clients come in over eleven seconds, a quarter to each server. To bring one in costs a server 3.5 ms; to answer a heartbeat, next to nothing. Press play, and watch the charts.',
      until: { time: '12 s' },
    },
    {
      text: 'At 15 s **s1 loses its power**. Its 2,500 clients have three servers to go to, each of them idle, with room enough. They come back at once. **What do you think happens?**',
      predict: ['All three survive', 'One more falls', 'All three fall'],
      until: { event: 'run:host-killed' },
    },
    {
      text: 'Each survivor gets 830 clients in the same moment: three seconds of work. Heartbeats of its own clients stand behind it in the queue. They wait longer than 600 ms, and the clients take the server for dead.',
      until: { event: 'client:heartbeat-missed' },
    },
    {
      text: 'Those come back, too, at once. The queue grows, the balancer’s checks time out, and it writes off one server after the other. Who has waited for two seconds gives up and begins again; the server works for him all the same.',
      until: { time: '24 s' },
    },
    {
      text: 'It is as many clients as before, and it stays down. **It survives if clients wait …** Say what you expect, then turn the knob *Clients come back*, and let it run.',
      predict: ['4 s, all of them', '4 s, then 8, then 16', 'a random part of that'],
      until: { intervention: 'set' },
    },
    {
      text: 'Waiting is not enough while all wait for the same time. Now let them come at once, and help the servers: **shedding** beyond 100 ms, or **sessions** that make it cheap to come back. Each of them alone is enough here. **Admission** of 100 a second is not always: it counts, and does not look at how busy a server is.',
    },
    {
      text: 'And if it is your own hand that switches s1 off: start over, and **drain** it at 10 s. When its power goes, nobody is there.',
    },
  ],
  claims: [
    {
      says: 'When clients come back at once, the loss of one server of four takes the other three down: most clients are out at the end.',
      cites: 'RFC 6455 section 7.2.3',
      holds: cascades,
    },
    {
      says: 'With full jitter nobody loses the other servers, and all are back within twelve seconds.',
      cites: 'RFC 6455 section 7.2.3',
      holds: survives,
    },
    {
      says: 'Servers that refuse whom they have no time for, or resume sessions, survive clients that come back at once.',
      cites: 'RFC 9110 section 15.6.4',
      holds: isCheap,
    },
    {
      says: 'A server that was drained before its power went takes nobody with it.',
      cites: 'RFC 6455 section 7.4.1',
      holds: leavesInOrder,
    },
    {
      says: 'Once down, servers work for nobody: they are busy, and many of those whom they let in have given up.',
      cites: 'RFC 896',
      holds: worksForNobody,
    },
  ],
})
