import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, isLost, noOccasion, time } from '../measure.ts'

const SECOND = 1e9
const CRASH = { at: 8 * SECOND, for: 5 * SECOND }
const REDIS_CRASH = { at: 18 * SECOND, for: 3 * SECOND }
const LOGOUT = 26 * SECOND

/** Shops by where they keep who has logged in: the people, and the servers. */
const MEMORY = { people: 'ann', servers: ['memory1', 'memory2'] }
const REDIS = { people: 'ben', servers: ['redis1', 'redis2'] }
const TOKEN = { people: 'cleo', servers: ['token1', 'token2'] }
type Shop = typeof MEMORY

interface Span {
  readonly from: number
  readonly to: number
}

const during = (events: readonly EventRecord[], { from, to }: Span): EventRecord[] =>
  events.filter(({ time: at }) => at >= from && at < to)

/** Who had to log in again in a time. */
function again(trace: TraceView, { people }: Shop, when: Span): Set<number> {
  const logins = eventsOf(trace, people, 'session:logged-in').filter((event) => amount(event, 'again') > 0)
  return new Set(during(logins, when).map(({ member }) => member))
}

function here(trace: TraceView, { people }: Shop): number {
  return eventsOf(trace, people, 'session:logged-in').filter((event) => amount(event, 'again') === 0).length
}

/** Whether anything was lost on the way, and not just because nobody was at home. */
function hasLoss(trace: TraceView): boolean {
  for (const frame of trace.frames()) if (isLost(frame) && frame.fate !== 'host-down') return true
  return false
}

/** Whether the first balancer sends people to the server which knows them. */
const isSticky = (trace: TraceView): boolean =>
  eventsOf(trace, 'balancer1', 'balancer:picked').some(({ data }) => data['strategy'] === 'sticky')

/** Whom the first server knew alone: who has come to it last before it crashed. */
function knownToTheFirst(trace: TraceView): number {
  const [first] = MEMORY.servers
  const picks = during(eventsOf(trace, 'balancer1', 'balancer:picked'), { from: 0, to: CRASH.at })
  const last = new Map(picks.map(({ connection, data }) => [connection.split(':')[0], data['backend']]))
  return [...last.values()].filter((backend) => backend === first).length
}

function whoLogsInAgain(trace: TraceView): ClaimResult {
  const when = { from: CRASH.at, to: REDIS_CRASH.at }
  if (!isSticky(trace)) return noOccasion('people are sent to any server, so that they log in again all the time')
  if (hasLoss(trace)) return noOccasion('something was lost')
  const known = knownToTheFirst(trace)
  const [memory, redis, token] = [MEMORY, REDIS, TOKEN].map((shop) => again(trace, shop, when).size)
  if (known === 0) return noOccasion('the server that crashed knew nobody')
  return {
    holds: memory === known && redis === 0 && token === 0,
    evidence: `The server that crashed knew ${count(known, 'person', 'people')}. ${String(memory)} of ${String(here(trace, MEMORY))} had to log in again; with Redis ${String(redis)}, with tokens ${String(token)}.`,
  }
}

/** How long it took to find out who somebody is, when all was well; sorted. */
function lookups(trace: TraceView, { servers }: Shop): number[] {
  const calm = { from: 4 * SECOND, to: CRASH.at }
  const checks = servers.flatMap((server) => eventsOf(trace, server, 'session:checked'))
  return during(checks, calm)
    .map((event) => amount(event, 'took'))
    .sort((a, b) => a - b)
}

/** The shortest time in which something went from a server to Redis and something came back: there is no faster way. */
function roundTrip(trace: TraceView): number {
  const [host, redis] = ['redis2', 'redis'].map((name) => trace.hosts.indexOf(name))
  const ways = (from?: number, to?: number): number[] =>
    [...trace.frames((frame) => frame.from === from && frame.to === to && frame.fate === 'arrived')].map(
      ({ enqueued, arrives }) => arrives - enqueued,
    )
  return Math.min(...ways(host, redis)) + Math.min(...ways(redis, host))
}

function aRoundTrip(trace: TraceView): ClaimResult {
  const [memory, redis, token] = [MEMORY, REDIS, TOKEN].map((shop) => lookups(trace, shop))
  const [least] = redis
  const trip = roundTrip(trace)
  if (least === undefined || !Number.isFinite(trip)) return noOccasion('nobody was looked up in Redis while all was well')
  const own = Math.max(...memory, ...token)
  return {
    holds: own === 0 && least >= trip,
    evidence: `A round trip to Redis takes ${time(trip)}. It took ${time(least)} at least to find out there who somebody is; ${own === 0 ? 'no time' : time(own)} where nobody has to be asked.`,
  }
}

/** Bytes of the field Cookie. */
function cookie(trace: TraceView, { people }: Shop): number {
  return amount(eventsOf(trace, people, 'session:logged-in')[0], 'bytes')
}

function bytes(trace: TraceView): ClaimResult {
  const [memory, redis, token] = [MEMORY, REDIS, TOKEN].map((shop) => cookie(trace, shop))
  if ([memory, redis, token].some(Number.isNaN)) return noOccasion('not everybody has logged in')
  // A balancer that is sticky has a cookie of its own.
  return {
    holds: token > memory && token > 3 * redis,
    evidence: `With each request goes a cookie of ${count(token, 'byte')} with a token, of ${String(redis)} with Redis, and of ${String(memory)} with memory.`,
  }
}

function logout(trace: TraceView): ClaimResult {
  const copies = (shop: Shop): EventRecord[] => eventsOf(trace, shop.people, 'session:copy-answered')
  const good = (shop: Shop): number => copies(shop).filter(({ data }) => data['status'] === 200).length
  const [memory, redis, token] = [MEMORY, REDIS, TOKEN].map(good)
  const tried = [MEMORY, REDIS, TOKEN].map((shop) => copies(shop).length)
  if (tried.includes(0)) return noOccasion('not everybody has logged out')
  if (hasLoss(trace)) return noOccasion('something was lost')
  const last = copies(TOKEN)
    .filter(({ data }) => data['status'] === 200)
    .at(-1)
  // Where people are sent to any server, a logout may come to one which does not know them, and be of no effect.
  const reached = isSticky(trace)
  const elsewhere = reached ? '' : ', where it need not have come to the server that keeps the session'
  return {
    holds: (memory === 0 || !reached) && redis === 0 && token > 0,
    evidence: `After the logout copies of the cookies were good for ${count(token, 'request')} with tokens, the last ${time((last?.time ?? LOGOUT) - LOGOUT)} later; for ${String(redis)} with Redis, and ${String(memory)} with memory${elsewhere}.`,
  }
}

function withoutRedis(trace: TraceView): ClaimResult {
  const away = { from: REDIS_CRASH.at + SECOND, to: REDIS_CRASH.at + REDIS_CRASH.for }
  const after = { from: REDIS_CRASH.at + REDIS_CRASH.for, to: LOGOUT }
  const refused = (shop: Shop): number =>
    during(eventsOf(trace, shop.people, 'session:answered'), away).filter(({ data }) => data['status'] === 503).length
  const answered = (shop: Shop): number =>
    during(eventsOf(trace, shop.people, 'session:answered'), away).filter(({ data }) => data['status'] === 200).length
  if (hasLoss(trace) || (trace.events.at(-1)?.time ?? 0) < after.to) return noOccasion('something was lost, or the run has ended')
  const lost = again(trace, REDIS, after).size
  const all = here(trace, REDIS)
  // The log is on the disk of Redis.
  const isKept = trace.first('redis:log-replayed') !== undefined
  return {
    holds: refused(REDIS) > 0 && answered(REDIS) === 0 && refused(MEMORY) + refused(TOKEN) === 0 && lost === (isKept ? 0 : all),
    evidence: `While Redis was away, ${count(refused(REDIS), 'request')} got 503 and ${String(answered(REDIS))} an answer; of the others, ${String(refused(MEMORY) + refused(TOKEN))} got 503. Afterwards ${String(lost)} of ${String(all)} had to log in again.`,
  }
}

const line = { rate: '1 Gbit/s', delay: '1 ms' } as const
const common = { trace: 'brief', tcp: { preset: 'linux', timeWait: '200 ms' } } as const
/** The delay of people's lines, from the shortest to the longest. */
const LINES: ['10 ms', '40 ms'] = ['10 ms', '40 ms']
const people = {
  ...common,
  app: 'session-client',
  replicas: 8,
  access: { delay: LINES },
  interval: '1 s',
  timeout: '3 s',
  startWithin: '2 s',
  logout: '26 s',
  copied: true,
} as const
const RETRY_ON: ('connect' | 'broken' | 'timeout')[] = ['connect', 'broken', 'timeout']
const balancer = {
  ...common,
  app: 'load-balancer',
  check: { path: '/health', interval: '500 ms', timeout: '300 ms', rise: 2, fall: 2 },
  tryTimeout: '500 ms',
  retryOn: RETRY_ON,
} as const
const server = { ...common, app: 'session-server', lifetime: '30 s', machine: { perRequest: '500 us' } } as const
const OUTAGES = [{ at: '8 s', for: '5 s' }] as const
const shared = { sessions: 'redis', redis: { to: 'redis', timeout: '200 ms' } } as const

export default defineScenario({
  id: 'stateless-vs-stateful',
  title: 'The server that knew you is gone',
  summary:
    'Who has logged in is kept in the memory of a server, in a Redis, or in a signed token. Servers die, people log out: who has to log in again, and who cannot be locked out?',
  seed: 1,
  duration: '36 s',
  speed: 1,
  hosts: {
    ann: { ...people, label: 'Memory', position: { x: 0, y: 0.1 }, server: 'http://balancer1' },
    ben: { ...people, label: 'Redis', position: { x: 0, y: 0.5 }, server: 'http://balancer2' },
    cleo: { ...people, label: 'Tokens', position: { x: 0, y: 0.9 }, server: 'http://balancer3' },
    balancer1: { ...balancer, label: 'Balancer', position: { x: 0.35, y: 0.1 }, backends: ['http://memory1', 'http://memory2'] },
    balancer2: { ...balancer, label: 'Balancer', position: { x: 0.35, y: 0.5 }, backends: ['http://redis1', 'http://redis2'] },
    balancer3: { ...balancer, label: 'Balancer', position: { x: 0.35, y: 0.9 }, backends: ['http://token1', 'http://token2'] },
    memory1: { ...server, label: 'M 1', position: { x: 0.7, y: 0 }, outages: [...OUTAGES] },
    memory2: { ...server, label: 'M 2', position: { x: 0.7, y: 0.2 } },
    redis1: { ...server, ...shared, label: 'R 1', position: { x: 0.7, y: 0.4 }, outages: [...OUTAGES] },
    redis2: { ...server, ...shared, label: 'R 2', position: { x: 0.7, y: 0.6 } },
    token1: {
      ...server,
      app: 'session-server',
      sessions: 'jwt',
      label: 'T 1',
      position: { x: 0.7, y: 0.8 },
      outages: [...OUTAGES],
    },
    token2: { ...server, app: 'session-server', sessions: 'jwt', label: 'T 2', position: { x: 0.7, y: 1 } },
    redis: {
      ...common,
      label: 'Redis',
      position: { x: 1, y: 0.5 },
      app: 'redis-server',
      appendonly: true,
      outages: [{ at: '18 s', for: '3 s' }],
    },
  },
  links: [
    { between: ['ann', 'balancer1'], ...line },
    { between: ['ben', 'balancer2'], ...line },
    { between: ['cleo', 'balancer3'], ...line },
    { between: ['balancer1', 'memory1'], ...line },
    { between: ['balancer1', 'memory2'], ...line },
    { between: ['balancer2', 'redis1'], ...line },
    { between: ['balancer2', 'redis2'], ...line },
    { between: ['balancer3', 'token1'], ...line },
    { between: ['balancer3', 'token2'], ...line },
    { between: ['redis1', 'redis'], ...line },
    { between: ['redis2', 'redis'], ...line },
  ],
  knobs: {
    sticky: {
      label: 'Memory: to the same server each time',
      choices: [
        { value: 'yes', label: 'yes, by a cookie', sets: { 'hosts.balancer1.sticky': { by: 'cookie' } } },
        { value: 'no', label: 'no' },
      ],
    },
    log: {
      label: 'Redis writes a log to its disk',
      help: 'Otherwise it has forgotten everything after a restart.',
      sets: 'hosts.redis.appendonly',
      value: true,
      restart: true,
    },
    delay: {
      label: 'One-way delay to Redis',
      range: ['100 us', '50 ms'],
      sets: ['links.redis1-redis.delay', 'links.redis2-redis.delay'],
      value: '1 ms',
      restart: true,
    },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['charts', 'events', 'inspector'],
  charts: [
    {
      title: 'Logins so far',
      series: [
        { measure: 'events', label: 'Memory', event: 'session:logged-in', host: 'ann', as: 'total' },
        { measure: 'events', label: 'Redis', event: 'session:logged-in', host: 'ben', as: 'total' },
        { measure: 'events', label: 'Tokens', event: 'session:logged-in', host: 'cleo', as: 'total' },
      ],
    },
    {
      title: 'Time to find out who it is',
      series: [
        {
          measure: 'percentile',
          label: 'Memory',
          event: 'session:checked',
          field: 'took',
          percentile: 50,
          host: 'memory2',
          unit: 'time',
        },
        {
          measure: 'percentile',
          label: 'Redis',
          event: 'session:checked',
          field: 'took',
          percentile: 50,
          host: 'redis2',
          unit: 'time',
        },
        {
          measure: 'percentile',
          label: 'Tokens',
          event: 'session:checked',
          field: 'took',
          percentile: 50,
          host: 'token2',
          unit: 'time',
        },
      ],
    },
    {
      title: 'Answers to copies of cookies',
      series: [
        { measure: 'events', label: 'good', event: 'session:copy-answered', where: { status: 200 }, as: 'total' },
        { measure: 'events', label: 'refused', event: 'session:copy-answered', where: { status: 401 }, as: 'total' },
      ],
    },
  ],
  lesson: [
    {
      text: 'Three shops, each with a balancer and two servers. People log in, and get a cookie. In it is a **number** of which one server knows whose it is, a number that **Redis** knows, or a **token**: name, date, and a signature. Press play.',
      until: { event: 'session:logged-in' },
    },
    {
      text: 'HTTP forgets. With each request people bring their cookie, and a server finds out who they are: at once, or after a **round trip** to Redis. The token is longer, each time.',
      until: { event: 'run:host-killed' },
    },
    {
      text: 'The first server of each shop has lost its power. The balancers send everybody to the second. With Redis and with tokens it knows them. With memory half of them are **strangers**, and have to log in again.',
      until: { time: '17.5 s' },
    },
    {
      text: 'Now **Redis** itself goes. For three seconds none of its people can be served, on two servers that are well. It comes back, reads its log, and knows all of them. Without the log it would know nobody.',
      until: { event: 'session:logged-out' },
    },
    {
      text: 'All have logged out. But somebody had **copied** their cookies, and goes on. Memory and Redis have forgotten the number. The token is still signed, and still good: until it **expires**, nobody can take it back.',
      until: { event: 'session:copy-answered' },
    },
    {
      text: 'Let the balancer of the first shop send people to any server, take the log from Redis, or move Redis further away.',
    },
  ],
  claims: [
    {
      says: 'When a server dies, those have to log in again whom only its memory knew, and nobody else.',
      cites: 'RFC 9110 section 3.3; RFC 6265 section 3',
      holds: whoLogsInAgain,
    },
    {
      says: 'With sessions in Redis each request waits for a round trip; with memory and tokens for nobody.',
      cites: 'RFC 9110 section 3.3',
      holds: aRoundTrip,
    },
    {
      says: 'A token says who somebody is, and how long; so it is several times as long as a number, in each request.',
      cites: 'RFC 7519 section 3; RFC 7515 section 3.1',
      holds: bytes,
    },
    {
      says: 'When a logout has reached who keeps a session, it is over; a token is good until it expires.',
      cites: 'RFC 7519 section 4.1.4; RFC 6265 section 8.4',
      holds: logout,
    },
    {
      says: 'Without Redis nobody is known there; when it is back, everybody is if it has kept a log, and nobody if not.',
      cites: 'RFC 9110 section 15.6.4',
      holds: withoutRedis,
    },
  ],
})
