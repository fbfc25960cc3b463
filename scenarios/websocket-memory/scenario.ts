import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, noOccasion, time } from '../measure.ts'

/** What the server's program needs for a connection: what it knows of the reader, and room to put messages together. */
const CHAIR = 65_536
const SECOND = 1e9
/** A reader asks after a silence of 4 s, and is sure after 2 s more that nobody is there. */
const NOTICED = 7 * SECOND

const size = (bytes: number): string => (bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e3).toFixed(1)} kB`)

const samples = (trace: TraceView, host: string): EventRecord[] => eventsOf(trace, host, 'host:load-sampled')

/** The sample with the most connections. */
function peak(trace: TraceView, host: string): EventRecord | undefined {
  return samples(trace, host).reduce<EventRecord | undefined>(
    (most, each) => (most === undefined || amount(each, 'connections') > amount(most, 'connections') ? each : most),
    undefined,
  )
}

function chairsCost(trace: TraceView): ClaimResult {
  const busy = samples(trace, 'held').filter((sample) => amount(sample, 'connections') >= 10)
  const most = peak(trace, 'held')
  if (busy.length === 0 || most === undefined) return noOccasion('there were never ten readers')
  const shares = busy.map((sample) => amount(sample, 'memory') / amount(sample, 'connections'))
  return {
    holds: shares.every((share) => share >= CHAIR && share <= 1.25 * CHAIR),
    evidence: `At ${time(most.time)}, ${count(amount(most, 'connections'), 'connection')} took ${size(amount(most, 'memory'))}. At all times it was from ${size(Math.min(...shares))} to ${size(Math.max(...shares))} for each.`,
  }
}

function pollersStand(trace: TraceView): ClaimResult {
  const asked = eventsOf(trace, 'asked', 'http:request-received')
  const connections = new Set(asked.map(({ connection }) => connection)).size
  // By chance a port is taken twice.
  if (connections < 0.9 * asked.length) return noOccasion('connections of polls were kept')
  const [held, polled] = [peak(trace, 'held'), peak(trace, 'asked')]
  if (held === undefined || polled === undefined || amount(held, 'connections') < 20)
    return noOccasion('there were too few readers')
  return {
    holds: amount(polled, 'connections') * 3 <= amount(held, 'connections'),
    evidence: `The polls’ server had ${count(amount(polled, 'connections'), 'connection')} at most at once, with ${size(amount(polled, 'memory'))}; the sockets’ server ${String(amount(held, 'connections'))}, with ${size(amount(held, 'memory'))}.`,
  }
}

/** Members that take themselves for connected at some time. */
function connectedAt(trace: TraceView, at: number): Map<number, EventRecord> {
  const states = new Map<number, EventRecord>()
  for (const event of eventsOf(trace, 'sockets', 'client:state-changed')) if (event.time <= at) states.set(event.member, event)
  return new Map([...states].filter(([, { data }]) => data['state'] === 'connected'))
}

function allAtOnce(trace: TraceView): ClaimResult {
  const end = trace.events.at(-1)?.time ?? 0
  const crashes = eventsOf(trace, 'held', 'host:crashed').filter(({ time: at }) => at + NOTICED < end)
  if (crashes.length === 0) return noOccasion('the server has not crashed')
  let cut = 0
  let stayed = 0
  let longest = 0
  const changes = eventsOf(trace, 'sockets', 'client:state-changed')
  for (const crash of crashes) {
    for (const member of connectedAt(trace, crash.time).keys()) {
      cut++
      const next = changes.find((event) => event.member === member && event.time > crash.time)
      if (next?.data['state'] !== 'backing-off' || next.time - crash.time > NOTICED) stayed++
      else longest = Math.max(longest, next.time - crash.time)
    }
  }
  return {
    holds: cut > 0 && stayed === 0,
    evidence: `In ${count(crashes.length, 'crash', 'crashes')} ${count(cut, 'connection')} ended, and ${stayed === 0 ? 'none' : String(stayed)} went on. The last reader noticed after ${time(longest)}.`,
  }
}

function fillsAgain(trace: TraceView): ClaimResult {
  const crashes = eventsOf(trace, 'held', 'host:crashed')
  const [first, second] = crashes
  if (first === undefined || second === undefined) return noOccasion('the server has not crashed twice')
  const starts = eventsOf(trace, 'held', 'host:recovered')
  const fills = crashes.slice(1).map(({ time: at }, index) => at - (starts[index]?.time ?? 0))
  return {
    holds: fills.every((fill) => fill < first.time),
    evidence: `It took ${time(first.time)} until the first crash, and ${time(Math.min(...fills))} to ${time(Math.max(...fills))} from a start to the next one: ${count(crashes.length, 'crash', 'crashes')} in all.`,
  }
}

const REFUSALS: ReadonlySet<string> = new Set(['host:memory-exhausted', 'host:descriptors-exhausted', 'live:connection-refused'])

function whoIsInStays(trace: TraceView): ClaimResult {
  const held = trace.hosts.indexOf('held')
  if (trace.first('host:crashed', ({ host }) => host === held) !== undefined) return noOccasion('the server crashed')
  const refusals = trace.events.filter(({ host, name }) => host === held && REFUSALS.has(name))
  if (refusals.length === 0) return noOccasion('there was room for all')
  const changes = eventsOf(trace, 'sockets', 'client:state-changed')
  const inside = new Set<number>()
  let lost = 0
  for (const { member, data } of changes) {
    if (data['state'] === 'connected') inside.add(member)
    else if (inside.delete(member)) lost++
  }
  return {
    holds: inside.size > 0 && lost === 0,
    evidence: `From ${time(refusals[0]?.time ?? 0)} on there was no room. ${count(inside.size, 'reader')} had come in, and ${lost === 0 ? 'all of them' : `all but ${String(lost)}`} stayed.`,
  }
}

const line = { rate: '1 Gbit/s', delay: '2 ms' } as const
const common = { tcp: { preset: 'linux', timeWait: '200 ms' } } as const
const server = {
  ...common,
  app: 'live-server',
  machine: { memory: '3 MB', connectionMemory: '64 KiB', restartAfter: '2 s' },
  admission: {},
  news: { interval: '4 s', start: '2 s' },
  trace: 'brief',
} as const
/** The delay of readers' lines, from the shortest to the longest. */
const LINES: ['5 ms', '60 ms'] = ['5 ms', '60 ms']
const readers = {
  ...common,
  app: 'live-client',
  replicas: 60,
  access: { delay: LINES },
  startWithin: '14 s',
  heartbeat: { interval: '4 s', timeout: '2 s' },
  reconnect: { base: '1 s', cap: '8 s' },
} as const

export default defineScenario({
  id: 'websocket-memory',
  title: 'Everybody who reads takes a chair',
  summary:
    'Two crowds read the same news, one over WebSockets and one by asking every four seconds. The first server remembers each of its readers, until it has no room left.',
  seed: 1,
  duration: '25 s',
  speed: 1,
  hosts: {
    sockets: { ...readers, app: 'live-client', label: 'WebSockets', position: { x: 0.1, y: 0.1 }, servers: 'http://held' },
    polls: {
      ...readers,
      app: 'live-client',
      label: 'Polls',
      position: { x: 0.1, y: 0.9 },
      servers: 'http://asked',
      transport: 'poll',
      poll: '4 s',
    },
    held: { ...server, label: 'Server', position: { x: 0.9, y: 0.1 } },
    asked: { ...server, label: 'Its twin', position: { x: 0.9, y: 0.9 }, keepAlive: false },
  },
  links: [
    { between: ['sockets', 'held'], ...line },
    { between: ['polls', 'asked'], ...line },
  ],
  knobs: {
    full: {
      label: 'When a server is full',
      help: 'What becomes of the reader for whom there is no room, and of all others.',
      choices: [
        { value: 'crash', label: 'It crashes, and starts again' },
        {
          value: 'refuse',
          label: 'It refuses whom it has no memory for',
          sets: { 'hosts.held.machine.restartAfter': '0 s', 'hosts.asked.machine.restartAfter': '0 s' },
        },
        {
          value: 'admit',
          label: 'It answers 503 beyond 35 readers',
          sets: { 'hosts.held.admission.connections': 35, 'hosts.asked.admission.connections': 35 },
        },
        {
          value: 'files',
          label: 'It may open 32 files',
          sets: { 'hosts.held.machine.descriptors': 32, 'hosts.asked.machine.descriptors': 32 },
        },
      ],
    },
    kept: {
      label: 'Keep connections of polls',
      help: 'For the next question, as HTTP does when nobody says otherwise.',
      sets: 'hosts.asked.keepAlive',
      value: false,
    },
    readers: {
      label: 'Readers in each crowd',
      choices: [30, 60, 120],
      sets: ['hosts.sockets.replicas', 'hosts.polls.replicas'],
      restart: true,
    },
  },
  faults: ['link', 'cut', 'kill'],
  views: ['charts', 'events', 'inspector'],
  charts: [
    {
      title: 'Memory',
      series: [
        {
          measure: 'value',
          label: 'WebSockets',
          event: 'host:load-sampled',
          field: 'memory',
          host: 'held',
          unit: 'bytes',
        },
        {
          measure: 'value',
          label: 'polls',
          event: 'host:load-sampled',
          field: 'memory',
          host: 'asked',
          unit: 'bytes',
        },
      ],
    },
    {
      title: 'Readers with WebSockets',
      stacked: true,
      series: [
        { measure: 'members', label: 'connected', host: 'sockets', state: 'connected' },
        { measure: 'members', label: 'connecting', host: 'sockets', state: 'connecting' },
        { measure: 'members', label: 'waiting', host: 'sockets', state: 'backing-off' },
      ],
    },
    {
      title: 'Connections and open files',
      series: [
        { measure: 'value', label: 'connections', event: 'host:load-sampled', field: 'connections', host: 'held' },
        { measure: 'value', label: 'open files', event: 'host:load-sampled', field: 'descriptors', host: 'held' },
        { measure: 'value', label: 'with polls', event: 'host:load-sampled', field: 'connections', host: 'asked' },
      ],
    },
  ],
  lesson: [
    {
      text: 'Two crowds of 60 read the same news, a piece every four seconds. In one, each opens a **WebSocket** and keeps it. In the other, each asks every four seconds, over a connection that ends with the answer. Press play.',
      until: { event: 'news:published' },
    },
    {
      text: 'Look at the chart of **memory**. Whoever opens a WebSocket takes a chair, and stays. It costs the server the same whether anything is said or not. A poll takes a chair for a tenth of a second.',
      until: { time: '8 s' },
    },
    {
      text: 'The server has 3 MB: room for some forty. What happens when the next one finds no chair?',
      until: { event: 'host:crashed' },
    },
    {
      text: 'It crashed, and **all are gone at once**, not only the last. Nobody has told them: a server without power sends no FIN and no RST. They find out one by one, when they ask whether it is there, or it has started again and knows none of them.',
      until: { event: 'host:recovered' },
    },
    {
      text: 'Now all come back within a few seconds, who had taken nine to come the first time. How long does the server last? Look at its twin meanwhile.',
      until: { time: '18 s' },
    },
    {
      text: 'Let it **refuse** instead, or say **503** while it still has memory to say it with, and start over. Some never get in. But nobody who is in loses his chair.',
    },
    {
      text: 'Last, **keep** the connections of the polls. That saves handshakes, and now the twin has a chair for each of its readers, too. State is not a matter of WebSocket: it is a matter of what somebody has to remember while nothing happens.',
    },
  ],
  claims: [
    {
      says: 'Every connection that is held costs the server memory, for as long as it is held.',
      cites: 'RFC 6202 section 2.2',
      holds: chairsCost,
    },
    {
      says: 'As many readers who ask now and then need less than a third of the connections at once.',
      cites: 'RFC 9110 section 3.3',
      holds: pollersStand,
    },
    {
      says: 'A server that crashes loses all of its connections, and its clients notice within seconds, by their heartbeat or by a reset.',
      cites: 'RFC 9293 section 3.5.1',
      holds: allAtOnce,
    },
    {
      says: 'Those who come back fill the server faster than they did at first.',
      cites: 'RFC 6455 section 7.2.3',
      holds: fillsAgain,
    },
    {
      says: 'A server that turns away whom it has no room for keeps everybody who is in.',
      cites: 'RFC 9110 section 15.6.4',
      holds: whoIsInStays,
    },
  ],
})
