import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, isLost, noOccasion, time } from '../measure.ts'

const SECOND = 1e9
/** Server 2 has no power. */
const CRASH = { at: 20 * SECOND, for: 4 * SECOND }
/** What is said by then was heard before the crash, if at all. */
const SAID_BY = CRASH.at - 3 * SECOND
/** Who says hello and nothing more says less than this, in bytes. */
const HELLO = 80

/** A WebSocket on its way through the balancer. */
interface Way {
  /** Address and port of the client. */
  readonly client: string
  readonly backend: string
  readonly opened: EventRecord
  readonly closed: EventRecord | undefined
  /** How the server has let it in. */
  readonly joined: EventRecord | undefined
}

/** WebSockets through the balancer, in the order in which they were opened. */
function ways(trace: TraceView): Way[] {
  const closed = new Map(eventsOf(trace, 'balancer', 'balancer:tunnel-closed').map((event) => [event.connection, event]))
  const joined = trace.all('live:joined')
  return eventsOf(trace, 'balancer', 'balancer:tunnel-opened').map((opened) => ({
    client: opened.connection.split(' ')[0] ?? '',
    backend: String(opened.data['backend']),
    opened,
    closed: closed.get(opened.connection),
    // After a restart ports may be used again.
    joined: joined.find(({ connection, time: at }) => connection === opened.data['backendConnection'] && at >= opened.time),
  }))
}

/** Those of a crowd. */
function waysOf(trace: TraceView, host: string): Way[] {
  const own = new Set(eventsOf(trace, host, 'websocket:opened').map(({ connection }) => connection))
  return ways(trace).filter(({ opened }) => own.has(opened.connection))
}

/** Whether people are sent to the server that they had before. */
function isSticky(trace: TraceView): boolean {
  return eventsOf(trace, 'balancer', 'balancer:picked').some(({ data }) => data['strategy'] === 'sticky')
}

function isClean(trace: TraceView): boolean {
  for (const frame of trace.frames()) if (isLost(frame) && frame.fate !== 'host-down') return false
  return true
}

function oneChoice(trace: TraceView): ClaimResult {
  const opened = new Set(ways(trace).map(({ opened: { connection } }) => connection))
  const picks = eventsOf(trace, 'balancer', 'balancer:picked').filter(({ data }) => data['attempt'] === 1)
  const forSockets = picks.filter(({ connection }) => opened.has(connection))
  const asked = picks.filter(({ connection, data }) => !opened.has(connection) && data['method'] === 'GET').length
  if (opened.size === 0) return noOccasion('no WebSocket was opened')
  return {
    holds: forSockets.length === opened.size && forSockets.every(({ data }) => data['target'] === '/live'),
    evidence: `For ${count(opened.size, 'WebSocket')} a server was chosen ${count(forSockets.length, 'time')}; for the questions of the office ${count(asked, 'time')}.`,
  }
}

/** Of what the office had acknowledged early enough: how much there was, and how much came back to who had said it. */
function echoes(trace: TraceView): { said: number; heard: number } {
  const heard = new Set(
    eventsOf(trace, 'office', 'chat:heard').map(({ member, data }) => `${String(member)} ${String(data['id'])}`),
  )
  const said = eventsOf(trace, 'office', 'chat:acknowledged').filter(({ time: at }) => at < SAID_BY)
  return {
    said: said.length,
    heard: said.filter(({ member, data }) => heard.has(`${String(member)} ${String(data['id'])}`)).length,
  }
}

function polls(trace: TraceView): ClaimResult {
  const { said, heard } = echoes(trace)
  if (said < 15) return noOccasion('the office has said hardly anything before the crash')
  const sticky = isSticky(trace)
  return {
    holds: sticky ? heard === said : heard < said,
    evidence: `Of ${count(said, 'message')} that the office had acknowledged, ${String(heard)} came back to who had said them. ${sticky ? 'Who comes again is sent to the same server.' : 'Each question may go to another server.'}`,
  }
}

function sessions(trace: TraceView): ClaimResult {
  const restarted = trace.first('run:host-restarted')?.time ?? Infinity
  const isNew = ({ opened, backend }: Way, before: Way): boolean =>
    backend === 'w2' && before.opened.time < restarted && opened.time > restarted
  const last = new Map<string, Way>()
  let [same, resumed, elsewhere, wrong] = [0, 0, 0, 0]
  for (const way of ways(trace)) {
    const address = way.client.split(':')[0]
    const before = last.get(address)
    last.set(address, way)
    if (before === undefined || way.joined === undefined) continue
    const goesOn = way.joined.data['resumed'] === true
    const canGoOn = before.backend === way.backend && !isNew(way, before)
    if (canGoOn) same++
    else elsewhere++
    if (goesOn) resumed++
    if (goesOn !== canGoOn) wrong++
  }
  if (same + elsewhere === 0) return noOccasion('nobody came back')
  if (wrong > 0 && !isClean(trace)) return noOccasion('something was lost, so that a server may not know yet who has gone')
  return {
    holds: wrong === 0,
    evidence: `${count(same, 'time')} somebody came back to the server that knew him, ${count(elsewhere, 'time')} to another or to one that had forgotten; ${count(resumed, 'session')} went on.`,
  }
}

/** WebSockets that are open in the end, by server. */
function openInTheEnd(trace: TraceView): Record<string, number> {
  const open: Record<string, number> = { w1: 0, w2: 0, w3: 0 }
  for (const { backend, closed } of waysOf(trace, 'desks')) if (closed === undefined) open[backend]++
  return open
}

function nobodyMoves(trace: TraceView): ClaimResult {
  const back = eventsOf(trace, 'balancer', 'balancer:backend-changed').find(
    ({ time: at, data }) => at > CRASH.at && data['backend'] === 'w2' && data['state'] === 'up',
  )
  const restarted = trace.first('run:host-restarted')?.time
  if (back === undefined || restarted === undefined) return noOccasion('server 2 did not come back')
  const all = waysOf(trace, 'desks')
  // Who was about to connect to it when it went off may be through before the balancer counts on it again.
  const there = all.filter(({ opened, closed }) => opened.time < restarted && (closed === undefined || closed.time > restarted))
  const came = all.filter(({ opened }) => opened.time >= restarted)
  if (there.length < 10 || came.length === 0) return noOccasion('hardly anybody was there, or nobody came afterwards')
  const moved = there.filter(({ closed }) => closed !== undefined).length
  const { w1, w2, w3 } = openInTheEnd(trace)
  const toTwo = came.filter(({ backend }) => backend === 'w2').length
  return {
    holds: moved === 0 && w2 === toTwo,
    evidence: `When server 2 was back, the others had ${count(there.length, 'desktop')}, of which ${moved === 0 ? 'none' : String(moved)} moved. ${count(came.length, 'desktop')} came afterwards, ${String(toTwo)} of them to it. In the end the servers have ${String(w1)}, ${String(w2)} and ${String(w3)}.`,
  }
}

function silence(trace: TraceView): ClaimResult {
  const all = [...waysOf(trace, 'desks'), ...waysOf(trace, 'phones')]
  const cut = all.filter(({ closed }) => closed?.data['isSilent'] === true)
  const [first] = cut
  if (first === undefined) return noOccasion('nobody was silent for too long')
  const end = trace.events.at(-1)?.time ?? 0
  const age = ({ opened, closed }: Way): number => (closed?.time ?? end) - opened.time
  const limit = Math.min(...cut.map(age))
  const alive = all.filter((way) => !cut.includes(way) && age(way) > limit + SECOND)
  return {
    holds:
      cut.every(({ closed }) => amount(closed, 'up') < HELLO) &&
      alive.every(({ closed }) => closed === undefined || amount(closed, 'up') >= HELLO),
    evidence: `${count(cut.length, 'WebSocket')} on which nothing was said after the hello were cut, the first after ${time(limit)}. ${count(alive.length, 'WebSocket')} with signs of life lived longer.`,
  }
}

const line = { rate: '1 Gbit/s', delay: '1 ms' } as const
const common = { trace: 'brief', tcp: { preset: 'linux', timeWait: '200 ms' } } as const
const reconnect = { policy: 'exponential', jitter: 'full', base: '500 ms', cap: '4 s' } as const
const person = { ...common, app: 'live-client', servers: 'http://balancer', rooms: 100_000, reconnect } as const

const OUTAGE = { at: '20 s', for: '4 s' } as const

const server = {
  ...common,
  app: 'live-server',
  rooms: 1000,
  sessions: '60 s',
  pollTimeout: '5 s',
  join: { cost: '20 ms', message: '1 ms' },
  machine: { perMessage: '100 us' },
} as const

export default defineScenario({
  id: 'websocket-behind-a-load-balancer',
  title: 'Whoever knew you is not the one who answers',
  summary:
    'WebSockets and long polls through a balancer to three servers. A WebSocket stays where it is, for better or worse; a poll goes anywhere, unless somebody takes care.',
  seed: 1,
  duration: '36 s',
  speed: 1,
  hosts: {
    desks: {
      ...person,
      app: 'live-client',
      label: 'Desktops',
      position: { x: 0, y: 0 },
      replicas: 24,
      startWithin: '30 s',
      access: { delay: ['5 ms', '30 ms'] },
      heartbeat: { interval: '5 s', timeout: '5 s' },
    },
    phones: {
      ...person,
      app: 'live-client',
      label: 'Phones',
      position: { x: 0, y: 0.5 },
      replicas: 8,
      startWithin: '4 s',
      access: { delay: ['20 ms', '60 ms'] },
      heartbeat: { interval: '0 s' },
    },
    office: {
      ...person,
      app: 'live-client',
      label: 'Office',
      position: { x: 0, y: 1 },
      servers: 'http://proxy',
      transport: 'long-poll',
      replicas: 8,
      startWithin: '4 s',
      access: { delay: ['1 ms', '2 ms'] },
      say: { interval: '4 s', jitter: 0.5 },
    },
    proxy: { ...common, label: 'Proxy', position: { x: 0.25, y: 1 }, app: 'load-balancer', backends: ['http://balancer'] },
    front: { kind: 'switch', label: 'Switch', position: { x: 0.3, y: 0.5 } },
    balancer: {
      ...common,
      label: 'Balancer',
      position: { x: 0.55, y: 0.5 },
      app: 'load-balancer',
      backends: ['http://w1', 'http://w2', { url: 'http://w3' }],
      check: { path: '/health', interval: '1 s', timeout: '300 ms', rise: 1, fall: 2 },
      cutDown: true,
      tunnelTimeout: '10 s',
    },
    w1: { ...server, label: 'Server 1', position: { x: 1, y: 0.1 } },
    w2: { ...server, label: 'Server 2', position: { x: 1, y: 0.5 }, outages: [OUTAGE] },
    w3: { ...server, label: 'Server 3', position: { x: 1, y: 0.9 } },
  },
  links: [
    { between: ['desks', 'front'], ...line },
    { between: ['phones', 'front'], ...line },
    { between: ['office', 'proxy'], ...line },
    { between: ['proxy', 'front'], ...line, delay: '10 ms' },
    { between: ['front', 'balancer'], ...line },
    { between: ['balancer', 'w1'], ...line },
    { between: ['balancer', 'w2'], ...line },
    { between: ['balancer', 'w3'], ...line },
  ],
  knobs: {
    sticky: {
      label: 'Who comes again comes to the same server',
      choices: [
        { value: 'no', label: 'No' },
        { value: 'cookie', label: 'By cookie', sets: { 'hosts.balancer.sticky': { by: 'cookie', name: 'SERVER' } } },
        { value: 'address', label: 'By address', sets: { 'hosts.balancer.sticky': { by: 'address', name: 'SERVER' } } },
      ],
    },
    strategy: {
      label: 'Newcomers go to',
      choices: [
        { value: 'round-robin', label: 'each server in turn' },
        { value: 'least-connections', label: 'the one with the fewest connections' },
      ],
      sets: 'hosts.balancer.strategy',
    },
    heartbeat: {
      label: 'Phones give a sign of life',
      choices: [
        { value: 'never', label: 'never', sets: { 'hosts.phones.heartbeat.interval': '0 s' } },
        { value: 'often', label: 'every 5 s', sets: { 'hosts.phones.heartbeat.interval': '5 s' } },
      ],
    },
    drain: {
      label: 'Drain server 3',
      help: 'It gets nobody new, and tells those who are there to go, one after the other.',
      sets: ['hosts.balancer.backends[2].drain', 'hosts.w3.drain'],
    },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['charts', 'events', 'inspector'],
  charts: [
    {
      title: 'Connections of each server',
      series: (['w1', 'w2', 'w3'] as const).map((host, index) => ({
        measure: 'value' as const,
        label: `Server ${String(index + 1)}`,
        event: 'host:load-sampled',
        field: 'connections',
        host,
      })),
    },
    {
      title: 'The office, and what comes back to it',
      series: [
        { measure: 'events', label: 'said', event: 'chat:acknowledged', host: 'office', as: 'total' },
        { measure: 'events', label: 'heard', event: 'chat:heard', host: 'office', as: 'total' },
      ],
    },
    {
      title: 'Who is let in',
      series: [
        { measure: 'events', label: 'as somebody new', event: 'live:joined', where: { resumed: false }, as: 'total' },
        { measure: 'events', label: 'with a session that goes on', event: 'live:joined', where: { resumed: true }, as: 'total' },
      ],
    },
  ],
  lesson: [
    {
      text: 'Each person has a conversation, which one server keeps in its memory. **Desktops** and **phones** come by WebSocket. The balancer chooses a server for the request that opens it, and from then on carries bytes. Press play.',
      until: { event: 'balancer:tunnel-opened' },
    },
    {
      text: 'The **office** sits behind a proxy and polls: each question is a request of its own, and the balancer gives it to the next server. What somebody says at one server he does not hear at another. See how far the two lines of the second chart are apart.',
      until: { event: 'balancer:tunnel-closed' },
    },
    {
      text: 'Phones save their battery, and say nothing. After 10 s of **silence** the balancer takes such a WebSocket for dead, and cuts it. Desktops give a sign of life every 5 s. The phones come back, mostly to a server that does not know them.',
      until: { event: 'run:host-killed' },
    },
    {
      text: '**Server 2** has lost its power. Its people come back to the others. Four seconds later it is there again, and nobody goes to it: who is connected stays. Only newcomers are dealt to it.',
      until: { time: '34 s' },
    },
    {
      text: 'Start over with **a cookie**: the balancer marks who goes where. The office hears all that it says, and phones go on with their sessions. **By address** works as well, until many people have one: see where all of the office goes.',
      until: { intervention: 'set' },
    },
    {
      text: 'Now let newcomers go to the server with the **fewest connections**: server 2 catches up. And **drain** server 3, which is how a server goes when nobody pulls the plug.',
    },
  ],
  claims: [
    {
      says: 'A WebSocket goes through as a tunnel: a server is chosen once, for the request that opens it.',
      cites: 'RFC 9110 section 7.8; RFC 6455 section 1.3',
      holds: oneChoice,
    },
    {
      says: 'By long polling people hear all that they have said when they are sent to the same server each time; when not, part of it never comes back.',
      cites: 'RFC 6202 section 2.2; RFC 6265 section 4.2',
      holds: polls,
    },
    { says: 'A session goes on at the server that knows it, and nowhere else.', cites: 'RFC 6265 section 3', holds: sessions },
    {
      says: 'When a server is back, connections stay where they are: it has only who came afterwards.',
      cites: 'RFC 6455 section 7.1.1',
      holds: nobodyMoves,
    },
    {
      says: 'The balancer cuts WebSockets that are silent for too long, and leaves those with signs of life.',
      cites: 'RFC 6455 section 5.5.2; RFC 5382 section 5',
      holds: silence,
    },
  ],
})
