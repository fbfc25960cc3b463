import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, noOccasion, time } from '../measure.ts'

const SECOND = 1e9
/** When one server of each pair loses its power, and for how many seconds. */
const DIES = 4
const DARK = 10
const BACK = (DIES + DARK) * SECOND
/** How long a request takes a processor, in milliseconds: so two servers do this many a second. */
const WORK = 140
const CAPACITY = 2 * (1000 / WORK)
const TRIES = 5
/** A service is well while this share of its requests is answered, over such a time. */
const WINDOW = 3 * SECOND
const WELL = 0.95
/** How long after the disturbance one looks whether it is over. */
const AFTER = 5 * SECOND

/** Two groups of clients, each with a service of its own. */
const [PLAIN, LIMITED] = ['plain', 'limited'] as const
const BALANCERS = { [PLAIN]: 'lb1', [LIMITED]: 'lb2' } as const
type Group = typeof PLAIN | typeof LIMITED

/** What became of the requests that ended in a piece of time. */
interface Outcome {
  readonly made: number
  readonly answered: number
}

function outcome(trace: TraceView, group: Group, from: number, to: number): Outcome {
  const ended = eventsOf(trace, group, 'request:ended').filter((event) => event.time >= from && event.time < to)
  return { made: ended.length, answered: ended.filter(({ data }) => data['status'] === 200).length }
}

const share = ({ made, answered }: Outcome): number => (made === 0 ? 1 : answered / made)
const percent = (part: number): string => `${(100 * part).toFixed(0)} %`

const endOf = (trace: TraceView): number => trace.events.at(-1)?.time ?? 0

/** How often a second the balancer of a group was asked. */
function asked(trace: TraceView, group: Group, from: number, to: number): number {
  const events = trace.all('http:request-received', (event) => trace.hosts[event.host] === BALANCERS[group])
  return (events.filter((event) => event.time >= from && event.time < to).length * SECOND) / (to - from)
}

/** From the end of the disturbance until a group is well for a while; infinite when it is not before the end. */
function recovery(trace: TraceView, group: Group): number {
  const last = endOf(trace) - WINDOW
  for (let from = BACK; from <= last; from += SECOND / 4) {
    if (share(outcome(trace, group, from, from + WINDOW)) >= WELL) return from - BACK
  }
  return Infinity
}

/** Whether there was no more of retries than a budget of a tenth, and what it begins with, allows. */
function isLimited(trace: TraceView, group: Group): boolean {
  const { made } = outcome(trace, group, 0, Infinity)
  return eventsOf(trace, group, 'request:retried').length <= 0.1 * (made + CAPACITY) + 10
}

/** Whether, just after the disturbance, clients ask for more than both servers can do. */
const isStormy = (trace: TraceView, group: Group): boolean => asked(trace, group, BACK, BACK + WINDOW) > 1.5 * CAPACITY
const isLong = (trace: TraceView): boolean => endOf(trace) > BACK + 1.5 * AFTER

function staysDown(trace: TraceView): ClaimResult {
  if (!isLong(trace) || !isStormy(trace, PLAIN)) return noOccasion('retries did not ask for more than both servers can do')
  const late = outcome(trace, PLAIN, BACK + AFTER, Infinity)
  return {
    holds: share(late) < 0.1,
    evidence: `Both servers were back at ${time(BACK)}. From ${time(BACK + AFTER)} on, ${String(late.answered)} of ${count(late.made, 'request')} without limits had an answer (${percent(share(late))}).`,
  }
}

function isBack(trace: TraceView): ClaimResult {
  if (!isLong(trace) || !isLimited(trace, LIMITED)) return noOccasion('retries were not limited to a tenth of all requests')
  const rate = (outcome(trace, LIMITED, 0, Infinity).made * SECOND) / endOf(trace)
  if (rate > 0.86 * CAPACITY) return noOccasion('the servers had too much to do anyway')
  const took = recovery(trace, LIMITED)
  const late = outcome(trace, LIMITED, BACK + AFTER, Infinity)
  return {
    holds: took <= 3 * SECOND && share(late) >= WELL,
    evidence: `With limits, ${percent(WELL)} had an answer again from ${time(took)} after both servers were back; from ${time(BACK + AFTER)} on ${percent(share(late))}.`,
  }
}

/** How often the balancer of a group was asked for each request that ended. */
const attempts = (trace: TraceView, group: Group, from: number, to: number): number =>
  (asked(trace, group, from, to) * (to - from)) / SECOND / outcome(trace, group, from, to).made

function multiplies(trace: TraceView): ClaimResult {
  if (!isLong(trace) || !isStormy(trace, PLAIN)) return noOccasion('retries did not ask for more than both servers can do')
  const before = attempts(trace, PLAIN, 0, DIES * SECOND)
  const after = attempts(trace, PLAIN, BACK + AFTER, endOf(trace))
  const rate = asked(trace, PLAIN, BACK + AFTER, endOf(trace))
  const retries = eventsOf(trace, LIMITED, 'request:retried').length
  const { made } = outcome(trace, LIMITED, 0, Infinity)
  const limited = isLimited(trace, LIMITED)
    ? ` With the budget, there were ${String(retries)} retries for ${count(made, 'request')} in all.`
    : ''
  return {
    holds: after > 2.5 * before && rate > CAPACITY,
    evidence: `Before the disturbance the balancer was asked ${before.toFixed(1)} times for each request, and long after it ${after.toFixed(1)} times: ${rate.toFixed(1)} times a second, where both servers can do ${CAPACITY.toFixed(1)}.${limited}`,
  }
}

function worksForNobody(trace: TraceView): ClaimResult {
  if (!isLong(trace) || !isStormy(trace, PLAIN)) return noOccasion('retries did not ask for more than both servers can do')
  const samples = ['a1', 'a2'].flatMap((host) =>
    eventsOf(trace, host, 'host:load-sampled').filter(
      (event) => event.time >= BACK + AFTER && event.time < endOf(trace) - SECOND,
    ),
  )
  if (samples.length === 0) return noOccasion('nobody looked how busy the servers are')
  const busy = samples.reduce((sum, event) => sum + amount(event, 'processor'), 0) / samples.length
  const late = outcome(trace, PLAIN, BACK + AFTER, Infinity)
  return {
    holds: busy > 0.95 && share(late) < 0.1,
    evidence: `From ${time(BACK + AFTER)} on the processors of both servers were busy for ${percent(busy)} of the time, and ${percent(share(late))} of the requests had an answer that somebody still waited for.`,
  }
}

const line = { rate: '1 Gbit/s', delay: '2 ms' } as const
const common = { tcp: { preset: 'linux', timeWait: '200 ms' }, trace: 'brief' } as const
/** `DIES` and `DARK`, as scenarios write it. */
const outages = [{ at: '4 s', for: '10 s' }] as const
const clients = {
  ...common,
  app: 'request-generator',
  arrivals: 'poisson',
  rate: 10,
  timeout: '1 s',
  retries: TRIES - 1,
  retryDelay: '100 ms',
} as const
const balancer = { ...common, app: 'load-balancer', connectTimeout: '500 ms', retries: 0 } as const
const server = {
  ...common,
  app: 'web-server',
  serves: { '/': '1 kB' },
  service: { mean: '140 ms', distribution: 'constant' },
  backlog: 1024,
} as const
const unlimited = { 'hosts.limited.retryBudget': '100 %' } as const

export default defineScenario({
  id: 'retry-storm',
  title: 'The fault is over, the failure is not',
  summary:
    'A server is gone for ten seconds, and comes back. The clients who have tried again meanwhile keep the service down for good. The same clients with a budget for retries do not.',
  seed: 1,
  duration: '24 s',
  speed: 1,
  hosts: {
    plain: { ...clients, label: 'Retry', position: { x: 0, y: 0.16 }, url: 'http://lb1/' },
    lb1: { ...balancer, label: 'Balancer A', position: { x: 0.5, y: 0.16 }, backends: ['http://a1', 'http://a2'] },
    a1: { ...server, label: 'A1', position: { x: 1, y: 0 } },
    a2: { ...server, label: 'A2', position: { x: 1, y: 0.32 }, outages: [...outages] },
    limited: { ...clients, label: 'Limited', position: { x: 0, y: 0.84 }, url: 'http://lb2/', retryBudget: 0.1 },
    lb2: { ...balancer, label: 'Balancer B', position: { x: 0.5, y: 0.84 }, backends: ['http://b1', 'http://b2'] },
    b1: { ...server, label: 'B1', position: { x: 1, y: 0.68 } },
    b2: { ...server, label: 'B2', position: { x: 1, y: 1 }, outages: [...outages] },
  },
  links: [
    { between: ['plain', 'lb1'], ...line },
    { between: ['lb1', 'a1'], ...line },
    { between: ['lb1', 'a2'], ...line },
    { between: ['limited', 'lb2'], ...line },
    { between: ['lb2', 'b1'], ...line },
    { between: ['lb2', 'b2'], ...line },
  ],
  knobs: {
    cure: {
      label: 'Limited by',
      help: 'What service B does against it.',
      choices: [
        { value: 'budget', label: 'a retry budget of 10 %' },
        { value: 'none', label: 'nothing', sets: unlimited },
        {
          value: 'backoff',
          label: 'exponential backoff',
          sets: { ...unlimited, 'hosts.limited.retryDelay': '1 s', 'hosts.limited.backoff': 'exponential' },
        },
        {
          value: 'breaker',
          label: 'circuit breakers',
          sets: {
            ...unlimited,
            'hosts.lb2.tryTimeout': '800 ms',
            'hosts.lb2.breaker': { failureShare: '50 %', window: '2 s', openFor: '3 s' },
          },
        },
        {
          value: 'queue',
          label: 'a short queue',
          sets: { ...unlimited, 'hosts.lb2.maxConnections': 2, 'hosts.lb2.queueTimeout': '500 ms' },
        },
        {
          value: 'checks',
          label: 'health checks',
          sets: { ...unlimited, 'hosts.lb2.check': { interval: '1 s', timeout: '500 ms', rise: 2, fall: 3 } },
        },
        { value: 'least', label: 'least connections', sets: { ...unlimited, 'hosts.lb2.strategy': 'least-connections' } },
      ],
    },
    rate: {
      label: 'Requests a second',
      help: 'Of each group, on average. Both servers together can do 14.',
      range: [4, 12],
      step: 1,
      scale: 'linear',
      sets: ['hosts.plain.rate', 'hosts.limited.rate'],
    },
    retries: {
      label: 'Retries of each request',
      range: [0, 6],
      step: 1,
      scale: 'linear',
      sets: ['hosts.plain.retries', 'hosts.limited.retries'],
    },
  },
  faults: ['kill', 'pause', 'cut', 'link'],
  views: ['charts', 'events', 'inspector'],
  charts: [
    {
      title: 'Requests answered a second',
      bucket: '1 s',
      series: [
        { label: 'A, without limits', measure: 'events', event: 'request:ended', host: 'plain', where: { status: 200 } },
        { label: 'B, limited', measure: 'events', event: 'request:ended', host: 'limited', where: { status: 200 } },
      ],
    },
    {
      title: 'Attempts a second',
      bucket: '1 s',
      series: [
        { label: 'A, without limits', measure: 'events', event: 'http:request-received', host: 'lb1' },
        { label: 'B, limited', measure: 'events', event: 'http:request-received', host: 'lb2' },
      ],
    },
    {
      title: 'Processors of A1 and B1',
      bucket: '1 s',
      series: [
        {
          label: 'A, without limits',
          measure: 'value',
          event: 'host:load-sampled',
          field: 'processor',
          host: 'a1',
          take: 'mean',
          unit: 'fraction',
        },
        {
          label: 'B, limited',
          measure: 'value',
          event: 'host:load-sampled',
          field: 'processor',
          host: 'b1',
          take: 'mean',
          unit: 'fraction',
        },
      ],
    },
  ],
  lesson: [
    {
      text: 'Two services, **A** and **B**, alike: ten requests a second, and two servers, each of which can do seven. Press play, and look at the chart of what is answered.',
      until: { event: 'request:ended' },
    },
    {
      text: 'At 4 s one server of each loses its power. The other cannot do it alone. Requests time out after a second, and their clients try again, up to four times.',
      until: { event: 'request:retried' },
    },
    {
      text: 'At 14 s the server is back. What do you expect of the two services?',
      until: { time: '14 s' },
    },
    {
      text: 'B, whose retries may be a tenth of its requests, is as before. A is asked five times as often as people want something. Its servers work all the time, for clients who have gone.',
      until: { time: '19 s' },
    },
    {
      text: 'Turn **retries** down to 0, now. Nothing more is asked than the servers can do, and still nobody is answered: the queue in front of them is many seconds long. Restart A1 and A2, too.',
      until: { intervention: 'set' },
    },
    {
      text: 'Start over, and try what else is said to help: **exponential backoff**, **circuit breakers**, **a short queue**. Which of them brings the service back, and which only makes it take longer?',
    },
  ],
  claims: [
    {
      says: 'Without limits the service stays down when the fault is over: under 10 % of requests are answered from 5 s after it to the end.',
      cites: 'RFC 896',
      holds: staysDown,
    },
    {
      says: 'With retries limited to a tenth of all requests, 95 % are answered again within 3 s.',
      cites: 'RFC 2914 section 3.1',
      holds: isBack,
    },
    {
      says: 'Retries multiply the load when there is least room for it: several times as many attempts as before, and more than all servers can do.',
      cites: 'RFC 2914 section 5',
      holds: multiplies,
    },
    {
      says: 'Meanwhile the servers are as busy as can be, with requests whose clients have given up.',
      cites: 'RFC 2914 section 5',
      holds: worksForNobody,
    },
  ],
})
