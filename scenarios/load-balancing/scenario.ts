import { defineScenario } from '../../src/scenario/define.ts'
import { formatCount } from '../../src/scenario/units.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, noOccasion, time } from '../measure.ts'

const common = { tcp: { preset: 'linux', timeWait: '200 ms' } } as const
const line = { rate: '1 Gbit/s', delay: '1 ms' } as const
const FAST = ['1', '2', '3'] as const
const SERVERS = [...FAST, '4'] as const
type Side = 'a' | 'b'

const visitors = { ...common, app: 'request-generator', arrivals: 'poisson', rate: 48 } as const
const MEAN = '20 ms'
/** Every packet costs a moment, so that the machine says how busy it is. */
const machine = { perPacket: '1 us' } as const

function server(side: Side, at: (typeof SERVERS)[number]) {
  return {
    ...common,
    label: `${side.toUpperCase()}${at}`,
    position: { x: 1, y: (side === 'a' ? 0 : 0.58) + (Number(at) - 1) * 0.14 },
    app: 'web-server',
    serves: { '/': '500 B' },
    service: { mean: at === '4' ? '100 ms' : MEAN, distribution: 'exponential' },
    machine,
  } as const
}

function balancer(side: Side, strategy: 'round-robin' | 'least-connections') {
  return {
    ...common,
    label: side.toUpperCase(),
    position: { x: 0.45, y: side === 'a' ? 0.21 : 0.79 },
    app: 'load-balancer',
    strategy,
    backends: SERVERS.map((at) => ({ url: `http://${side}${at}` as const, weight: 1 })),
  } as const
}

/** Who looks at what servers have to do, before choosing. */
const LOOKS = new Set(['least-connections', 'least-response-time', 'two-choices'])
const BLIND = new Set(['round-robin', 'random'])
/** Of fewer, chance decides who the slowest twentieth are. */
const ENOUGH = 300

interface Measured {
  /** The only one in the run; undefined: there were several. */
  readonly strategy: string | undefined
  /** As visitors saw it, ascending. */
  readonly durations: readonly number[]
  /** A server that takes at least twice as long as any other; undefined: there is none. */
  readonly slow: string | undefined
  /** How often it was chosen, of all. */
  readonly slowShare: number
  readonly answers: readonly EventRecord[]
}

const said = ({ data }: EventRecord, key: string): string => String(data[key])

const percentile = (ascending: readonly number[], percent: number): number =>
  ascending[Math.ceil((ascending.length * percent) / 100) - 1] ?? Number.NaN

function measure(trace: TraceView, side: Side): Measured {
  const picks = eventsOf(trace, side, 'balancer:picked')
  const strategies = new Set(picks.map((pick) => said(pick, 'strategy')))
  const [strategy] = strategies
  const answers = eventsOf(trace, side, 'balancer:answered')
  const durations = eventsOf(trace, `visitors-${side}`, 'request:ended').map((event) => amount(event, 'duration'))
  const medians = SERVERS.map((at) => {
    const name = `${side}${at}`
    const took = answers.filter((answer) => said(answer, 'backend') === name).map((answer) => amount(answer, 'duration'))
    return {
      name,
      median: percentile(
        took.sort((a, b) => a - b),
        50,
      ),
    }
  }).sort((a, b) => b.median - a.median)
  const [slowest, next] = medians
  const slow = slowest !== undefined && next !== undefined && slowest.median >= 2 * next.median ? slowest.name : undefined
  return {
    strategy: strategies.size === 1 ? strategy : undefined,
    durations: durations.sort((a, b) => a - b),
    slow,
    slowShare: picks.filter((pick) => said(pick, 'backend') === slow).length / picks.length,
    answers,
  }
}

const percent = (share: number): string => `${String(Math.round(share * 1000) / 10)} %`
const tail = ({ durations }: Measured): number => percentile(durations, 95)

/** Both sides by name of their strategies, where each had one, and enough to do. */
function both(trace: TraceView): readonly [Measured, Measured] | undefined {
  const [a, b] = [measure(trace, 'a'), measure(trace, 'b')]
  const isFair = [a, b].every(({ strategy, durations }) => strategy !== undefined && durations.length >= ENOUGH)
  return isFair ? [a, b] : undefined
}

function lookingPays(trace: TraceView): ClaimResult {
  const sides = both(trace)
  if (sides === undefined) return noOccasion('a strategy was changed on the way, or there were few requests')
  const blind = sides.find(({ strategy = '' }) => BLIND.has(strategy))
  const looking = sides.find(({ strategy = '' }) => LOOKS.has(strategy))
  if (blind === undefined || looking === undefined) return noOccasion('not one of two balancers looks, and the other does not')
  if (blind.slow === undefined) return noOccasion('no server is much slower than all others')
  if (blind.slowShare < 0.2) return noOccasion('the slow server gets less by its weight')
  return {
    holds: tail(looking) * 2 <= tail(blind),
    evidence: `One request in twenty took longer than ${time(tail(blind))} by ${String(blind.strategy)}, and longer than ${time(tail(looking))} by ${String(looking.strategy)}. Half took at most ${time(percentile(blind.durations, 50))} and ${time(percentile(looking.durations, 50))}.`,
  }
}

function whyTurnsSuffer(trace: TraceView): ClaimResult {
  const sides = both(trace)
  const turns = sides?.find(({ strategy }) => strategy === 'round-robin')
  if (turns?.slow === undefined) return noOccasion('nobody takes turns all the time with one server that is much slower')
  const slowest = [...turns.answers].sort((a, b) => amount(b, 'duration') - amount(a, 'duration'))
  const few = slowest.slice(0, Math.ceil(slowest.length / 20))
  const share = few.filter((answer) => said(answer, 'backend') === turns.slow).length / few.length
  return {
    holds: Math.abs(turns.slowShare - 1 / SERVERS.length) < 0.01 && share >= 0.9,
    evidence: `${turns.slow} got ${percent(turns.slowShare)} of the requests, and of the slowest twentieth it answered ${percent(share)}.`,
  }
}

/** How many requests were sent to a server that had others to answer, while one of the three fast ones had none. */
function inVain(trace: TraceView, side: Side): { inVain: number; all: number } {
  const index = trace.hosts.indexOf(side)
  const active = new Map<string, number>(SERVERS.map((at) => [`${side}${at}`, 0]))
  const found = { inVain: 0, all: 0 }
  for (const event of trace.events) {
    if (event.host !== index || (event.name !== 'balancer:picked' && event.name !== 'balancer:answered')) continue
    const server = said(event, 'backend')
    const now = active.get(server) ?? 0
    if (event.name === 'balancer:answered') {
      active.set(server, now - 1)
      continue
    }
    found.all++
    if (now > 0 && FAST.some((at) => active.get(`${side}${at}`) === 0)) found.inVain++
    active.set(server, now + 1)
  }
  return found
}

function idleWhileOthersWait(trace: TraceView): ClaimResult {
  const sides = both(trace)
  if (sides === undefined) return noOccasion('a strategy was changed on the way, or there were few requests')
  const least = sides.findIndex(({ strategy }) => strategy === 'least-connections')
  const blind = sides.findIndex(({ strategy = '' }) => BLIND.has(strategy))
  if (least < 0 || blind < 0) return noOccasion('not one of two balancers counts, and the other does not look')
  if (trace.all('balancer:failed').length > 0) return noOccasion('a server has failed')
  const [counts, others] = [inVain(trace, least === 0 ? 'a' : 'b'), inVain(trace, blind === 0 ? 'a' : 'b')]
  if (others.inVain === 0) return noOccasion('there was no queue that could have been avoided')
  return {
    holds: counts.inVain === 0,
    evidence: `By ${String(sides[blind]?.strategy)}, ${count(others.inVain, 'request')} of ${formatCount(others.all)} queued up at a server while a fast one had nothing to do; by least-connections, ${String(counts.inVain)} of ${formatCount(counts.all)}.`,
  }
}

function twoAreNearlyAsGood(trace: TraceView): ClaimResult {
  const sides = both(trace)
  const two = sides?.find(({ strategy }) => strategy === 'two-choices')
  const least = sides?.find(({ strategy }) => strategy === 'least-connections')
  if (two === undefined || least === undefined) return noOccasion('two choices and least connections do not run side by side')
  return {
    holds: tail(two) <= 2 * tail(least),
    evidence: `One request in twenty took longer than ${time(tail(two))} by two choices, which compare 2 of 4 servers, and longer than ${time(tail(least))} by least connections, which compare all.`,
  }
}

const STRATEGIES = [
  { value: 'round-robin', label: 'Round robin' },
  { value: 'weighted', label: 'Weighted round robin' },
  { value: 'random', label: 'Random' },
  { value: 'two-choices', label: 'Two choices' },
  { value: 'least-connections', label: 'Least connections' },
  { value: 'least-response-time', label: 'Least response time' },
]
const slowOnes = (path: string): string[] => ['a', 'b'].map((side) => `hosts.${side}${path}`)
const work = (side: Side, at: '1' | '4') =>
  ({
    measure: 'value',
    label: `${side.toUpperCase()}${at}`,
    event: 'balancer:picked',
    field: 'active',
    host: side,
    where: { backend: `${side}${at}` },
    take: 'max',
  }) as const
const tails = (label: string, of: number, side: Side) =>
  ({ measure: 'percentile', label, event: 'request:ended', field: 'duration', percentile: of, host: `visitors-${side}` }) as const
const busy = (host: 'a1' | 'a4' | 'b1' | 'b4') =>
  ({ measure: 'value', label: host.toUpperCase(), event: 'host:load-sampled', field: 'processor', host, take: 'mean' }) as const

export default defineScenario({
  id: 'load-balancing',
  title: 'Whose turn is it?',
  summary:
    'Two shops, alike to the last server: three that are fast, and a fourth that takes five times as long. One sends its visitors to each in turn, the other looks first.',
  seed: 1,
  duration: '12 s',
  speed: 0.25,
  hosts: {
    'visitors-a': { ...visitors, url: 'http://a/', label: 'Visitors A', position: { x: 0, y: 0.21 } },
    'visitors-b': { ...visitors, url: 'http://b/', label: 'Visitors B', position: { x: 0, y: 0.79 } },
    a: balancer('a', 'round-robin'),
    b: balancer('b', 'least-connections'),
    a1: server('a', '1'),
    a2: server('a', '2'),
    a3: server('a', '3'),
    a4: server('a', '4'),
    b1: server('b', '1'),
    b2: server('b', '2'),
    b3: server('b', '3'),
    b4: server('b', '4'),
  },
  links: [
    { between: ['visitors-a', 'a'], ...line },
    { between: ['visitors-b', 'b'], ...line },
    ...(['a', 'b'] as const).flatMap((side) =>
      SERVERS.map((at) => ({ between: [side, `${side}${at}`] as [typeof side, `${typeof side}${typeof at}`], ...line })),
    ),
  ],
  knobs: {
    a: { label: 'Shop A', choices: STRATEGIES, sets: 'hosts.a.strategy' },
    b: { label: 'Shop B', choices: STRATEGIES, sets: 'hosts.b.strategy' },
    rate: {
      label: 'Requests a second',
      help: 'At each shop, at random times. From 40 on the fourth server has more to do in turn than it can.',
      range: [5, 100],
      sets: ['hosts.visitors-a.rate', 'hosts.visitors-b.rate'],
    },
    slow: {
      label: 'The fourth server needs',
      help: 'For a request, on average. The others need 20 ms.',
      range: ['20 ms', '200 ms'],
      sets: slowOnes('4.service.mean'),
    },
    weight: {
      label: 'Weight of the fourth',
      help: 'What both balancers are told of it; the others have 1. Round robin without weights and response times take no notice.',
      range: [0.1, 1],
      step: 0.05,
      sets: slowOnes('.backends[3].weight'),
    },
    requests: {
      label: 'Requests are',
      help: 'Whether each takes as long as its server needs on average, or many less, and some much more.',
      choices: [
        { value: 'exponential', label: 'long and short' },
        { value: 'constant', label: 'all alike' },
      ],
      sets: (['a', 'b'] as const).flatMap((side) => SERVERS.map((at) => `hosts.${side}${at}.service.distribution`)),
    },
  },
  faults: ['kill', 'pause', 'drop', 'cut'],
  views: ['charts', 'events', 'inspector'],
  charts: [
    {
      title: 'How long visitors wait',
      bucket: '1 s',
      series: [tails('A, 95 %', 95, 'a'), tails('B, 95 %', 95, 'b'), tails('A, half', 50, 'a'), tails('B, half', 50, 'b')],
    },
    {
      title: 'Requests in work and waiting',
      bucket: '250 ms',
      series: [work('a', '4'), work('b', '4'), work('a', '1'), work('b', '1')],
    },
    { title: 'Processors', bucket: '500 ms', series: [busy('a4'), busy('b4'), busy('a1'), busy('b1')] },
  ],
  lesson: [
    {
      text: 'Two shops, each with four servers. **A4** and **B4** need 100 ms for a request, the others 20. Shop A gives requests to its servers in turn. Shop B gives each to the server that has **the fewest**. Press play.',
      until: { time: '2 s' },
    },
    {
      text: 'Forty-eight visitors a second come to each. Half of them hardly notice a difference. Look at the slowest twentieth in the first chart, and then at the **queue of A4**.',
      until: { time: '5 s' },
    },
    {
      text: 'A4 gets every fourth request, twelve a second, and can answer ten. Whoever is sent there waits for all who came before, while A1 mostly rests. Set Shop A to **two choices**: it draws two servers, and takes the one with less.',
      until: { intervention: 'set' },
    },
    {
      text: 'The queue of A4 drains within seconds, though A knows half of what B knows.',
      until: { time: '9 s' },
    },
    {
      text: 'B still believes that all servers are alike: an idle B4 looks as good as an idle B1. Try **least response time**, or tell both the truth: a **weight** of 0.2. And what if all servers need 20 ms, and requests are all alike?',
    },
  ],
  claims: [
    {
      says: 'With one slow server, who looks at what servers have to do has a 95th percentile of half at most of that of who does not look.',
      cites: 'RFC 2391; Mitzenmacher, IEEE TPDS 2001',
      holds: lookingPays,
    },
    {
      says: 'Round robin gives the slow server as many requests as the others, and nearly all of the slowest twentieth have waited there.',
      cites: 'RFC 2391; Harchol-Balter, Performance Modeling, chapter 24',
      holds: whyTurnsSuffer,
    },
    {
      says: 'Least connections never queues a request while a fast server has nothing to do. Round robin and chance do.',
      cites: 'RFC 2391; Harchol-Balter, Performance Modeling, chapter 24',
      holds: idleWhileOthersWait,
    },
    {
      says: 'Two choices come close to least connections: their 95th percentile is at most twice as long.',
      cites: 'RFC 2391; Mitzenmacher, IEEE TPDS 2001',
      holds: twoAreNearlyAsGood,
    },
  ],
})
