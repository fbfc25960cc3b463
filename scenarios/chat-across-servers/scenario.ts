import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, isLost, noOccasion, time } from '../measure.ts'

const MS = 1e6
const SECOND = 1e9
const PEOPLE = 6
/** One-way delays: from people to their server, and from there to the bus. */
const LINE = 10 * MS
const BUS_LINE = 5 * MS

/** People, and the server that they are connected to. */
const WEST = { people: 'west', server: 'west-server' }
const EAST = { people: 'east', server: 'east-server' }
const SIDES = [WEST, EAST]
type Side = typeof WEST

/** Everybody is there, and nothing is broken. */
const CALM = { from: 2 * SECOND, to: 7 * SECOND }
/** The bus loses its power. */
const CRASH = { at: 8.25 * SECOND, for: 2 * SECOND }
/** The server in the east is restarted. */
const RESTART = { at: 16.1 * SECOND, for: 1 * SECOND }
/** Zoe comes to the server in the east, and wants to know everything. */
const ZOE = 22 * SECOND

interface Span {
  readonly from: number
  readonly to: number
}
const isWithin = (at: number, { from, to }: Span): boolean => at >= from && at < to
const middle = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

/** Whether servers share what is said, and how. */
function sharing(trace: TraceView): 'nothing' | 'channel' | 'stream' {
  if (trace.first('bus:connected') === undefined) return 'nothing'
  const note = trace.first('redis:published')
  // In a stream is the message; what is published beside it is its number there.
  return note !== undefined && amount(note, 'length') < 40 ? 'stream' : 'channel'
}

/** What people of a side have said for the first time in a time, by key. */
function sayings(trace: TraceView, { people }: Side, when: Span): Map<string, EventRecord> {
  const said = eventsOf(trace, people, 'chat:sent').filter(({ time: at, data }) => isWithin(at, when) && data['again'] === false)
  return new Map(said.map((event) => [String(event.data['key']), event]))
}

/** Ids under which a side's server has told what was said there, by key. */
function ids(trace: TraceView, { server }: Side): Map<string, number> {
  return new Map(eventsOf(trace, server, 'chat:said').map((event) => [String(event.data['key']), amount(event, 'id')]))
}

/** How often each message was heard on a side, by its id. */
function heard(trace: TraceView, { people }: Side): Map<number, EventRecord[]> {
  const found = new Map<number, EventRecord[]>()
  for (const event of eventsOf(trace, people, 'chat:heard')) {
    const id = amount(event, 'id')
    const before = found.get(id)
    if (before === undefined) found.set(id, [event])
    else before.push(event)
  }
  return found
}

interface Spread {
  /** How many were said. */
  said: number
  /** On the side where they were said, and on the other: who should have heard them, who has, and after how long. */
  readonly own: { wanted: number; delays: number[] }
  readonly other: { wanted: number; delays: number[] }
}

/** Who has heard what was said in a time. */
function spread(trace: TraceView, when: Span): Spread {
  const result: Spread = { said: 0, own: { wanted: 0, delays: [] }, other: { wanted: 0, delays: [] } }
  for (const side of SIDES) {
    const told = ids(trace, side)
    for (const key of sayings(trace, side, when).keys()) {
      const id = told.get(key)
      result.said++
      for (const there of SIDES) {
        const share = there === side ? result.own : result.other
        share.wanted += PEOPLE
        if (id === undefined) continue
        for (const event of heardOf(trace, there).get(id) ?? []) share.delays.push(amount(event, 'delay'))
      }
    }
  }
  return result
}

const known = new WeakMap<TraceView, Map<Side, Map<number, EventRecord[]>>>()

function heardOf(trace: TraceView, side: Side): Map<number, EventRecord[]> {
  const sides = known.get(trace) ?? new Map<Side, Map<number, EventRecord[]>>()
  known.set(trace, sides)
  const found = sides.get(side) ?? heard(trace, side)
  sides.set(side, found)
  return found
}

function hasLoss(trace: TraceView, when: Span): boolean {
  for (const frame of trace.frames()) if (isLost(frame) && isWithin(frame.sent, when)) return true
  return false
}

const shareOf = ({ wanted, delays }: Spread['own']): string => `${String(delays.length)} of ${String(wanted)}`

function islands(trace: TraceView): ClaimResult {
  if (sharing(trace) !== 'nothing') return noOccasion('the servers share a bus')
  const { said, own, other } = spread(trace, CALM)
  return {
    holds: said > 0 && own.delays.length === own.wanted && other.delays.length === 0,
    evidence: `Of ${count(said, 'message')}, ${shareOf(own)} deliveries came about on the server where they were said, ${shareOf(other)} on the other.`,
  }
}

function joined(trace: TraceView): ClaimResult {
  if (sharing(trace) === 'nothing') return noOccasion('the servers share nothing')
  const { said, own, other } = spread(trace, CALM)
  if (said === 0) return noOccasion('nobody has said anything')
  const least = 2 * LINE + 2 * BUS_LINE
  const all = [...own.delays, ...other.delays]
  return {
    holds: own.delays.length === own.wanted && other.delays.length === other.wanted && Math.min(...all) > least,
    evidence: `All ${count(said, 'message')} came to everybody, ${shareOf(own)} deliveries here and ${shareOf(other)} there, half of them within ${time(middle(own.delays))} and ${time(middle(other.delays))}. The lines alone take ${time(2 * LINE)}, the way to the bus and back ${time(2 * BUS_LINE)}.`,
  }
}

/** Of what a side has said in a time, how many deliveries to all others came about, how many twice, and when the first was acknowledged. */
function toAll(trace: TraceView, when: Span): { said: number; heard: number; wanted: number; twice: number; first: number } {
  const result = { said: 0, heard: 0, wanted: 0, twice: 0, first: Infinity }
  for (const side of SIDES) {
    const told = ids(trace, side)
    const keys = sayings(trace, side, when)
    for (const key of keys.keys()) {
      result.said++
      for (const there of SIDES) {
        const events = heardOf(trace, there).get(told.get(key) ?? -1) ?? []
        const members = new Set(events.map(({ member }) => member)).size
        result.wanted += PEOPLE
        result.heard += members
        result.twice += events.length - members
      }
    }
    for (const { time: at, data } of eventsOf(trace, side.people, 'chat:acknowledged'))
      if (keys.has(String(data['key']))) result.first = Math.min(result.first, at)
  }
  return result
}

function saidAgain(trace: TraceView): ClaimResult {
  const when = { from: CRASH.at, to: CRASH.at + CRASH.for }
  if (sharing(trace) !== 'stream') return noOccasion('nothing that is said has to be on a bus')
  const { said, heard, wanted, twice, first } = toAll(trace, when)
  if (said === 0 || hasLoss(trace, { from: when.to, to: RESTART.at }))
    return noOccasion('something else was lost, or nobody spoke')
  const again = trace.all('chat:sent', ({ data }) => data['again'] === true).length
  return {
    holds: first > when.to && heard === wanted && twice === 0,
    evidence: `${count(said, 'message')} while the bus was off, the first of them acknowledged ${time(first - when.from)} after the crash. ${count(again, 'was', 'were')} said again; ${String(heard)} of ${String(wanted)} deliveries came about, ${String(twice)} of them twice.`,
  }
}

function isAcknowledgedKept(trace: TraceView): ClaimResult {
  const zoe = new Set(eventsOf(trace, 'zoe', 'chat:heard').map((event) => amount(event, 'id')))
  if (sharing(trace) !== 'stream' || zoe.size === 0) return noOccasion('there is no stream, or Zoe has not come')
  const before = trace.all('chat:acknowledged', ({ time: at }) => at < CRASH.at)
  const gone = before.filter((event) => !zoe.has(amount(event, 'id')))
  // A log that is written before each answer is not written by the clock.
  const isLater = trace.first('redis:log-written') !== undefined
  return {
    holds: gone.every(({ time: at }) => isLater && at >= CRASH.at - SECOND),
    evidence: `Of ${count(before.length, 'message')} that were acknowledged before the crash, Zoe, who came at ${time(ZOE)}, still got ${String(before.length - gone.length)}. The log was written ${isLater ? 'each second' : 'before each answer'}.`,
  }
}

function whoWasAway(trace: TraceView): ClaimResult {
  const how = sharing(trace)
  const when = { from: RESTART.at, to: RESTART.at + RESTART.for - LINE }
  if (how === 'nothing' || hasLoss(trace, { from: RESTART.at + RESTART.for, to: ZOE }))
    return noOccasion('there is no bus, or something was lost')
  const told = ids(trace, WEST)
  const keys = [...sayings(trace, WEST, when).keys()].filter((key) => told.has(key))
  if (keys.length === 0) return noOccasion('nobody spoke in the west while the server in the east was off')
  const heard = keys.reduce((sum, key) => sum + (heardOf(trace, EAST).get(told.get(key) ?? -1)?.length ?? 0), 0)
  const wanted = keys.length * PEOPLE
  return {
    holds: how === 'stream' ? heard === wanted : heard === 0,
    evidence: `Of ${count(keys.length, 'message')} in the west while the server in the east was off, ${String(heard)} of ${String(wanted)} deliveries came about in the east, by way of a ${how}.`,
  }
}

const person = {
  app: 'live-client',
  replicas: PEOPLE,
  startWithin: '500 ms',
  say: { interval: '2 s', size: '40 B' },
  // A server that waits for the bus does not answer for up to 5 s.
  heartbeat: { interval: '1500 ms', timeout: '6 s' },
  reconnect: { base: '500 ms', cap: '4 s' },
} as const
const server = { app: 'live-server', history: 1000, trace: 'brief' } as const
const line = { rate: '50 Mbit/s', delay: '10 ms' } as const
const busLine = { rate: '1 Gbit/s', delay: '5 ms' } as const
const SERVERS = SIDES.map((side) => side.server)
/** What a choice of the knob sets on both servers. */
const withBus = (bus: { readonly to: string; readonly stream: boolean }): Record<string, typeof bus> =>
  Object.fromEntries(SERVERS.map((host) => [`hosts.${host}.bus`, bus]))

export default defineScenario({
  id: 'chat-across-servers',
  title: 'Two servers, one room',
  summary:
    'Twelve people in one chat, six on each of two servers, and each half talks to itself. A bus joins them: what does it cost, what does it forget, and what happens when it dies?',
  seed: 1,
  duration: '24 s',
  speed: 0.5,
  hosts: {
    west: { ...person, label: 'West', position: { x: 0, y: 0 }, servers: 'http://west-server' },
    east: { ...person, label: 'East', position: { x: 0, y: 0.6 }, servers: 'http://east-server' },
    zoe: { app: 'live-client', label: 'Zoe', position: { x: 1, y: 1 }, servers: 'http://east-server', start: '22 s' },
    'west-server': { ...server, label: 'Server West', position: { x: 0.5, y: 0 } },
    'east-server': { ...server, label: 'Server East', position: { x: 0.5, y: 0.6 }, outages: [{ at: '16.1 s', for: '1 s' }] },
    bus: {
      label: 'Bus',
      position: { x: 1, y: 0.3 },
      app: 'redis-server',
      appendonly: true,
      fsync: 'everysec',
      fsyncTime: '2 ms',
      outages: [{ at: '8.25 s', for: '2 s' }],
    },
  },
  links: [
    { between: ['west', 'west-server'], ...line },
    { between: ['east', 'east-server'], ...line },
    { between: ['zoe', 'east-server'], ...line },
    { between: ['west-server', 'bus'], ...busLine },
    { between: ['east-server', 'bus'], ...busLine },
  ],
  knobs: {
    bus: {
      label: 'What the servers share',
      help: 'Nothing; a channel, on which each message is published; or a stream, in which each is kept, and its number published.',
      choices: [
        { value: 'nothing', label: 'nothing' },
        { value: 'channel', label: 'a channel', sets: withBus({ to: 'bus', stream: false }) },
        { value: 'stream', label: 'a stream', sets: withBus({ to: 'bus', stream: true }) },
      ],
    },
    fsync: {
      label: 'The bus writes its log',
      choices: [
        { value: 'everysec', label: 'each second' },
        { value: 'always', label: 'before it answers' },
      ],
      sets: 'hosts.bus.fsync',
      restart: true,
    },
    delay: {
      label: 'One-way delay to the bus',
      range: ['5 ms', '100 ms'],
      sets: SERVERS.map((host) => `links.${host}-bus.delay`),
      restart: true,
    },
    say: {
      label: 'Each says something every',
      range: ['500 ms', '4 s'],
      sets: SIDES.map(({ people }) => `hosts.${people}.say.interval`),
      restart: true,
    },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['charts', 'events', 'inspector'],
  charts: [
    {
      title: 'Messages heard',
      bucket: '1 s',
      series: [
        { measure: 'events', label: 'West', event: 'chat:heard', host: 'west' },
        { measure: 'events', label: 'East', event: 'chat:heard', host: 'east' },
      ],
    },
    {
      title: 'Messages said and acknowledged',
      bucket: '1 s',
      series: [
        { measure: 'events', label: 'Said', event: 'chat:sent', where: { again: false } },
        { measure: 'events', label: 'Said again', event: 'chat:sent', where: { again: true } },
        { measure: 'events', label: 'Acknowledged', event: 'chat:acknowledged' },
      ],
    },
    {
      title: 'From mouth to ear, for nine of ten',
      bucket: '1 s',
      series: [
        { measure: 'percentile', label: 'West', event: 'chat:heard', field: 'delay', percentile: 90, host: 'west' },
        { measure: 'percentile', label: 'East', event: 'chat:heard', field: 'delay', percentile: 90, host: 'east' },
      ],
    },
    {
      title: 'Bytes on the lines of the bus',
      bucket: '1 s',
      series: SIDES.map(({ server: host }, index) => ({
        measure: 'bytes' as const,
        label: ['West', 'East'][index] ?? '',
        link: `${host}-bus`,
      })),
    },
  ],
  lesson: [
    {
      text: 'Twelve people are in the same chat, and each says something every two seconds. There are two servers, because some day one would not hold them all. Press play.',
      until: { event: 'chat:heard' },
    },
    {
      text: 'A WebSocket is a connection to *one* server, and its room is a list in that server’s memory. Who hears whom? Count the dots, or look at a message in the list of events.',
      until: { time: '7 s' },
    },
    {
      text: 'Let the servers share **a channel**: each publishes what it is told on a bus, and subscribes to what the others publish. Now everybody hears everybody. How much later?',
      until: { event: 'bus:connected' },
    },
    {
      text: 'At 8.25 s the bus loses its power for two seconds. What is said now cannot be acknowledged. Clients keep it, and say it again.',
      until: { event: 'chat:refused' },
    },
    {
      text: 'At 16.1 s the server in the east is restarted. What is published meanwhile on a channel is gone: nobody listened. Choose **a stream**, and see who hears it now.',
      until: { time: '18 s' },
    },
    {
      text: 'At 22 s Zoe comes to the server in the east, which knows only what the bus still has. Is everything there that was acknowledged before 8.25 s? Let the bus write its log **before it answers**, and compare.',
      until: { time: '23 s' },
    },
  ],
  claims: [
    {
      says: 'Without a bus everybody hears all on their own server, and nobody on the other.',
      cites: 'RFC 6455 section 1.5',
      holds: islands,
    },
    {
      says: 'With a bus everybody hears everybody. It costs a round trip to the bus at the least.',
      cites: 'RFC 1925 section 2, (6a)',
      holds: joined,
    },
    {
      says: 'While the bus is dead nothing is acknowledged. What is said then is said again, and in the end heard by all, once.',
      cites: 'RFC 1958 section 2.3',
      holds: saidAgain,
    },
    {
      says: 'A bus that writes before it answers loses nothing that was acknowledged; one that writes each second, up to a second of it.',
      cites: 'RFC 5321 section 6.1',
      holds: isAcknowledgedKept,
    },
    {
      says: 'What is published while a server is away never gets there by a channel, and all of it by a stream.',
      cites: 'RFC 8030 section 5.2',
      holds: whoWasAway,
    },
  ],
})
