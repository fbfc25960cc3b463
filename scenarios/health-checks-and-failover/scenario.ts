import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, framesFrom, noOccasion, time } from '../measure.ts'

const SECOND = 1e9
const VIRTUAL = '10.0.0.100'
const TIMEOUT = 0.5
const FALL = 3
const FAILURES = 3
const RATE = 8
const CLIENTS = ['ann', 'ben', 'cleo']
const BALANCERS = ['asking', 'watching', 'active', 'standby']
const SERVERS = ['w1', 'w2', 'w3']

const line = { rate: '1 Gbit/s', delay: '1 ms' } as const
const common = { tcp: { preset: 'linux', timeWait: '200 ms' }, trace: 'brief' } as const

const people = { ...common, app: 'request-generator', arrivals: 'poisson', rate: RATE, start: '4 s', timeout: '3 s' } as const
const balancer = {
  ...common,
  app: 'load-balancer',
  backends: SERVERS.map((name) => ({ url: `http://${name}`, drain: false })),
  connectTimeout: '500 ms',
  tryTimeout: '500 ms',
  retries: 0,
} as const
const check = { interval: '1 s', timeout: '500 ms', rise: 2, fall: FALL } as const
const outlier = { failures: FAILURES, ejection: '4 s' } as const
const RETRY_ON: ('connect' | 'broken' | 'timeout')[] = ['connect', 'broken', 'timeout']
const both = { ...balancer, check, outlier, retries: 1, retryOn: RETRY_ON, slowStart: '4 s' } as const
const failover = { virtual: ['www'], interval: '1 s' } as const
const server = { ...common, app: 'web-server', serves: { '/': '500 B' } } as const

const said = ({ data }: EventRecord, key: string): string => String(data[key])

/** When a host lost its power for the first time, and when it came back. */
function outage(trace: TraceView, host: string): { from: number; to: number } | undefined {
  const from = trace.first('run:host-killed', (event) => said(event, 'host') === host)
  if (from === undefined) return undefined
  const to = trace.first('run:host-restarted', (event) => said(event, 'host') === host && event.time > from.time)
  return { from: from.time, to: to?.time ?? Infinity }
}

/** What a balancer says of the second server: the first time that it is in this state. */
function said2(trace: TraceView, host: string, state: string, after: number): EventRecord | undefined {
  return eventsOf(trace, host, 'balancer:backend-changed').find(
    (event) => said(event, 'backend') === 'w2' && said(event, 'state') === state && event.time >= after,
  )
}

interface Requests {
  readonly failed: number
  readonly all: number
  /** Of those that were answered. */
  readonly slowest: number
}

/** Requests of a client that were made in this time. */
function made(trace: TraceView, host: string, from: number, to: number): Requests {
  let [failed, all, slowest] = [0, 0, 0]
  for (const event of eventsOf(trace, host, 'request:ended')) {
    const duration = amount(event, 'duration')
    const due = event.time - duration
    if (due < from || due >= to) continue
    all++
    if (event.data['status'] === 200) slowest = Math.max(slowest, duration)
    else failed++
  }
  return { failed, all, slowest }
}

/** The death of the second server, where balancers that send it requests saw it. */
function death(trace: TraceView, balancer: string): { from: number; to: number } | undefined {
  const dead = outage(trace, 'w2')
  const isAsked = ({ data }: EventRecord): boolean => data['backend'] === 'w2'
  if (dead === undefined) return undefined
  const met = eventsOf(trace, balancer, 'balancer:failed').some((event) => isAsked(event) && event.time >= dead.from)
  return met ? dead : undefined
}

function askingTakesItsTime(trace: TraceView): ClaimResult {
  const dead = death(trace, 'asking')
  if (dead === undefined) return noOccasion('nobody was sent to a dead server')
  const checks = eventsOf(trace, 'asking', 'balancer:check-failed').filter(
    (event) => said(event, 'backend') === 'w2' && event.time >= dead.from,
  )
  const down = said2(trace, 'asking', 'down', dead.from)
  const [first, second] = checks
  if (down === undefined || first === undefined || second === undefined) return noOccasion('it was back before it was missed')
  const interval = second.time - first.time
  const took = down.time - dead.from
  const during = made(trace, 'ann', dead.from, down.time)
  const after = made(trace, 'ann', down.time, dead.to)
  return {
    holds:
      took >= (FALL - 1) * interval &&
      took <= FALL * interval + TIMEOUT * SECOND &&
      during.failed > during.all / 5 &&
      during.failed < during.all / 2 &&
      after.failed === 0,
    evidence: `Asked every ${time(interval)}, it was out after ${time(took)}. ${count(during.failed, 'request')} of ${String(during.all)} failed until then, and ${String(after.failed)} of ${String(after.all)} afterwards.`,
  }
}

function watchingIsFasterAndForgets(trace: TraceView): ClaimResult {
  const dead = death(trace, 'watching')
  if (dead === undefined) return noOccasion('nobody was sent to a dead server')
  const ejected = said2(trace, 'watching', 'ejected', dead.from)
  const down = said2(trace, 'asking', 'down', dead.from)
  if (ejected === undefined || down === undefined) return noOccasion('not both found it out')
  const failed = eventsOf(trace, 'watching', 'balancer:failed').filter(({ time: at }) => at >= dead.from && at <= ejected.time)
  const again = said2(trace, 'watching', 'up', ejected.time)
  const tried = again !== undefined && again.time + SECOND < dead.to
  const more = tried ? made(trace, 'ben', again.time, dead.to).failed : 0
  return {
    holds: failed.length === FAILURES && (!tried || more > 0),
    evidence: `Left alone after ${time(ejected.time - dead.from)} and ${count(failed.length, 'failure')}; asking took ${time(down.time - dead.from)}. ${tried ? `Tried again ${time(again.time - ejected.time)} later, at the cost of ${count(more, 'request')}.` : 'It was not tried again before it was back.'}`,
  }
}

function retriesHideIt(trace: TraceView): ClaimResult {
  const dead = death(trace, 'active')
  if (dead === undefined) return noOccasion('nobody was sent to a dead server')
  const retried = eventsOf(trace, 'active', 'balancer:retried').filter(({ time: at }) => at >= dead.from && at <= dead.to)
  if (retried.length === 0) return noOccasion('nothing was retried')
  const { failed, all, slowest } = made(trace, 'cleo', dead.from, dead.to)
  return {
    holds: failed === 0 && slowest >= TIMEOUT * SECOND,
    evidence: `${count(retried.length, 'request')} sent again. Of Cleo’s ${String(all)} while the server was dead, ${String(failed)} failed, and the slowest took ${time(slowest)}.`,
  }
}

/** What part of requests the second server got from a balancer. */
function share(trace: TraceView, balancer: string, from: number, to: number): number {
  const picks = eventsOf(trace, balancer, 'balancer:picked').filter(({ time: at }) => at >= from && at < to)
  return picks.filter((event) => said(event, 'backend') === 'w2').length / picks.length
}

function slowlyBack(trace: TraceView): ClaimResult {
  const back = outage(trace, 'w2')?.to ?? Infinity
  const slow = said2(trace, 'active', 'slow-start', back)
  const full = slow && said2(trace, 'active', 'up', slow.time)
  const atOnce = said2(trace, 'asking', 'up', back)
  if (slow === undefined || full === undefined || atOnce === undefined) return noOccasion('nobody came back slowly')
  const half = (full.time - slow.time) / 2
  if (half < SECOND) return noOccasion('it was over too soon to see')
  const [cautious, bold] = [
    share(trace, 'active', slow.time, slow.time + half),
    share(trace, 'asking', atOnce.time, atOnce.time + half),
  ]
  const later = share(trace, 'active', full.time, full.time + 2 * SECOND)
  return {
    holds: cautious < (2 / 3) * bold && later > cautious,
    evidence: `Back after ${time(atOnce.time - back)} and two good checks. In the first ${time(half)}, ${percent(bold)} of requests at once, or ${percent(cautious)} with a slow start, and ${percent(later)} after it.`,
  }
}

const percent = (part: number): string => `${(part * 100).toFixed(0)} %`

/** How long nobody was answered, around a moment. */
function silence(trace: TraceView, host: string, at: number): number {
  const answered = eventsOf(trace, host, 'request:ended').filter(({ data }) => data['status'] === 200)
  const before = answered.findLast(({ time: when }) => when <= at)
  const next = answered.find(({ time: when }) => when > at + SECOND / 10)
  return before === undefined || next === undefined ? Infinity : next.time - before.time
}

function pairFailsOver(trace: TraceView): ClaimResult {
  const [alone, active] = [outage(trace, 'watching'), outage(trace, 'active')]
  if (alone === undefined || active === undefined) return noOccasion('not both balancers lost their power')
  const taken = eventsOf(trace, 'standby', 'vrrp:state-changed').find(
    (event) => event.data['state'] === 'ACTIVE' && event.time >= active.from,
  )
  const heard = trace.frames(
    (frame) => frame.from === trace.hosts.indexOf('active') && frame.kind === 'other' && frame.sent < active.from,
  )
  const advertised = [...heard].map(({ sent }) => sent)
  if (taken === undefined || taken.time > active.to || advertised.length < 2) return noOccasion('nobody stood by')
  const interval = ((advertised.at(-1) ?? 0) - (advertised[0] ?? 0)) / (advertised.length - 1)
  const took = taken.time - active.from
  const [ben, cleo] = [silence(trace, 'ben', alone.from), silence(trace, 'cleo', active.from)]
  const resets = framesFrom(
    trace,
    'standby',
    (frame) => frame.kind === 'tcp-rst' && frame.sent >= taken.time && frame.sent < active.to,
  ).length
  return {
    holds: took <= 3.7 * interval && cleo < took + 2 * SECOND && ben >= alone.to - alone.from && cleo < ben,
    evidence: `The other had the address after ${time(took)}, and Cleo no answer for ${time(cleo)}; Ben, whose balancer is alone, for ${time(ben)}. The new one knew none of the old connections: ${count(resets, 'reset')}.`,
  }
}

export default defineScenario({
  id: 'health-checks-and-failover',
  title: 'How long until somebody notices?',
  summary:
    'A server dies, then a balancer. One balancer asks its servers whether they are well, one watches what fails, one does both and tries again, and has somebody who stands by.',
  seed: 1,
  duration: '34 s',
  speed: 1,
  names: { www: VIRTUAL },
  hosts: {
    ann: { ...people, label: 'Ann', position: { x: 0, y: 0.08 }, url: 'http://asking/' },
    ben: { ...people, label: 'Ben', position: { x: 0, y: 0.5 }, url: 'http://watching/' },
    cleo: { ...people, label: 'Cleo', position: { x: 0, y: 0.92 }, url: 'http://www/' },
    front: { kind: 'switch', label: 'Switch', position: { x: 0.24, y: 0.5 } },
    asking: { ...balancer, label: 'Asks', position: { x: 0.5, y: 0 }, check },
    watching: {
      ...balancer,
      label: 'Watches',
      position: { x: 0.5, y: 0.33 },
      outlier,
      outages: [{ at: '22 s', for: '6 s' }],
    },
    active: {
      ...both,
      label: 'Active',
      position: { x: 0.5, y: 0.67 },
      failover: { ...failover, virtual: ['www'], priority: 200 },
      outages: [{ at: '22 s', for: '6 s' }],
    },
    standby: {
      ...both,
      label: 'Stand-by',
      position: { x: 0.5, y: 1 },
      failover: { ...failover, virtual: ['www'], priority: 100, enabled: true },
    },
    back: { kind: 'switch', label: 'Switch', position: { x: 0.76, y: 0.5 } },
    w1: { ...server, label: 'Server 1', position: { x: 1, y: 0.08 } },
    w2: { ...server, label: 'Server 2', position: { x: 1, y: 0.5 }, outages: [{ at: '6 s', for: '8 s' }] },
    w3: { ...server, label: 'Server 3', position: { x: 1, y: 0.92 } },
  },
  links: [
    ...[...CLIENTS, ...BALANCERS].map((host): { between: [string, string] } & typeof line => ({
      between: [host, 'front'],
      ...line,
    })),
    ...[...BALANCERS, ...SERVERS].map((host): { between: [string, string] } & typeof line => ({
      between: [host, 'back'],
      ...line,
    })),
  ],
  knobs: {
    interval: {
      label: 'Servers are asked',
      choices: [
        { value: '500 ms', label: 'twice a second' },
        { value: '1 s', label: 'every second' },
        { value: '2 s', label: 'every 2 s' },
      ],
      sets: ['asking', 'active', 'standby'].map((host) => `hosts.${host}.check.interval`),
    },
    drain: {
      label: 'Drain server 2',
      help: 'All balancers send it nothing new, and it finishes what it has.',
      sets: BALANCERS.map((host) => `hosts.${host}.backends[1].drain`),
    },
    retries: {
      label: 'Cleo’s balancers try again',
      choices: [
        { value: 0, label: 'never' },
        { value: 1, label: 'once' },
        { value: 2, label: 'twice' },
      ],
      sets: ['hosts.active.retries', 'hosts.standby.retries'],
    },
    slowStart: {
      label: 'They let it come back',
      choices: [
        { value: '0 s', label: 'at once' },
        { value: '4 s', label: 'over 4 s' },
      ],
      sets: ['hosts.active.slowStart', 'hosts.standby.slowStart'],
    },
    standby: {
      label: 'Somebody stands by',
      help: 'Cleo’s two balancers share an address, by VRRP.',
      sets: 'hosts.standby.failover.enabled',
      restart: true,
    },
    advertisements: {
      label: 'The active one says so',
      choices: [
        { value: '100 ms', label: 'ten times a second' },
        { value: '500 ms', label: 'twice a second' },
        { value: '1 s', label: 'every second' },
      ],
      sets: ['hosts.active.failover.interval', 'hosts.standby.failover.interval'],
    },
  },
  faults: ['kill', 'pause', 'cut', 'link', 'drop'],
  views: ['charts', 'events', 'inspector'],
  charts: [
    {
      title: 'Requests answered a second',
      bucket: '1 s',
      series: [
        { measure: 'events', label: 'Ann: asks', event: 'request:ended', host: 'ann', where: { status: 200 } },
        { measure: 'events', label: 'Ben: watches', event: 'request:ended', host: 'ben', where: { status: 200 } },
        { measure: 'events', label: 'Cleo: both, and a pair', event: 'request:ended', host: 'cleo', where: { status: 200 } },
      ],
    },
    {
      title: 'Requests a second that server 2 is sent',
      bucket: '1 s',
      series: [
        { measure: 'events', label: 'Asks', event: 'balancer:picked', host: 'asking', where: { backend: 'w2' } },
        { measure: 'events', label: 'Watches', event: 'balancer:picked', host: 'watching', where: { backend: 'w2' } },
        { measure: 'events', label: 'Active', event: 'balancer:picked', host: 'active', where: { backend: 'w2' } },
        { measure: 'events', label: 'Stand-by', event: 'balancer:picked', host: 'standby', where: { backend: 'w2' } },
      ],
    },
    {
      title: 'The slowest request of each second',
      bucket: '1 s',
      series: [
        { measure: 'percentile', label: 'Ann', event: 'request:ended', field: 'duration', percentile: 100, host: 'ann' },
        { measure: 'percentile', label: 'Ben', event: 'request:ended', field: 'duration', percentile: 100, host: 'ben' },
        { measure: 'percentile', label: 'Cleo', event: 'request:ended', field: 'duration', percentile: 100, host: 'cleo' },
      ],
    },
  ],
  lesson: [
    {
      text: 'Ann, Ben and Cleo each make eight requests a second, each through a balancer in front of the same three servers. At 6 s **server 2 loses its power**. Who notices first? Press play.',
      until: { event: 'balancer:failed' },
    },
    {
      text: 'Ben’s balancer **watches**: three failures in a row, and server 2 is left alone. That took people whose requests failed.',
      until: { event: 'balancer:backend-changed' },
    },
    {
      text: 'Ann’s balancer **asks** every second, and wants three bad answers. Until then a third of her requests goes to the dead. Cleo’s does both, and tries again elsewhere: she only waits half a second.',
      until: { time: '9 s' },
    },
    {
      text: 'It is back at 14 s. Ann’s balancer gives it a third at once, as soon as two checks were good. Cleo’s lets it **start slowly**; Ben’s still leaves it alone.',
      until: { time: '18 s' },
    },
    {
      text: 'At 22 s two **balancers** die. Ben’s was the only one he had. Cleo’s was one of two: the other hears no advertisement for 3.6 s, and takes the address.',
      until: { time: '26 s' },
    },
    {
      text: 'Start over, and **drain** server 2 at 5 s, before it dies. Who notices now?',
      until: { intervention: 'set' },
    },
  ],
  claims: [
    {
      says: 'Asking finds a dead server after two to three intervals; until then a third of the requests fails, and afterwards none.',
      cites: 'RFC 9110 section 15.6.5',
      holds: askingTakesItsTime,
    },
    {
      says: 'Watching finds it after three failures, and pays again each time that it tries whether the server is back.',
      cites: 'RFC 9110 section 15.6.5',
      holds: watchingIsFasterAndForgets,
    },
    {
      says: 'Who sends a failed request to another server hides the death: nothing fails, some of it is late.',
      cites: 'RFC 9110 section 9.2.2',
      holds: retriesHideIt,
    },
    {
      says: 'With a slow start, a server that is back gets less than its share at first.',
      cites: 'RFC 7098 section 3',
      holds: slowlyBack,
    },
    {
      says: 'A pair has no service for three advertisements and a little more; who has one balancer, until it is back.',
      cites: 'RFC 9568 sections 6.1 and 6.4.2',
      holds: pairFailsOver,
    },
  ],
})
