import { defineScenario } from '../../src/scenario/define.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'

/** When clients say nothing any more, when who was not there comes to ask what was said, and when everything is at rest. */
export const QUIET = 8
export const AUDIT = 11
export const REST = 18

/** Small networks of real-time applications, alike but for what is between clients and servers. */
export const NETWORKS = ['l4', 'l4-dsr', 'l7', 'l7-events', 'vrrp-l4', 'vrrp-l7'] as const
export type NetworkName = (typeof NETWORKS)[number]

const line = { rate: '100 Mbit/s', delay: '1 ms' } as const
/** Who waits for a client that has died, and says nothing, never hears of it: only probes of TCP tell (RFC 9293 section 3.8.4). */
const probes = { keepAlive: true, keepAliveIdle: '2 s', keepAliveInterval: '500 ms', keepAliveProbes: 3 } as const
const common = { tcp: { preset: 'linux', timeWait: '200 ms', synRetries: 3, ...probes } } as const
const VIRTUAL = '10.0.0.100'

const client = {
  app: 'live-client',
  servers: 'http://www',
  connectTimeout: '2 s',
  heartbeat: { interval: '1 s', timeout: '1 s' },
  reconnect: { base: '200 ms', cap: '1 s' },
} as const
const say = { interval: '400 ms', size: '20 B', jitter: 0.5 } as const
const check = { interval: '500 ms', timeout: '500 ms', rise: 1, fall: 2 } as const
const failover = (priority: number) => ({ virtual: ['www'], vrid: 1, interval: '200 ms', priority }) as const
const timeouts = { syn: '3 s', established: '5 s', fin: '2 s', closed: '1 s' } as const
const l4 = { app: 'tcp-balancer', virtual: 'www:80', backends: ['s1:80', 's2:80'], check, timeouts, orphans: 'reset' } as const
const l7 = {
  app: 'load-balancer',
  backends: ['http://s1', 'http://s2'],
  check: { ...check, path: '/health' },
  cutDown: true,
  connectTimeout: '1 s',
} as const

const BALANCERS = {
  l4: { lb: { ...l4, address: '10.0.0.3/24', sourceNat: true } },
  'l4-dsr': { lb: { ...l4, address: '10.0.0.3/24', mode: 'dsr' } },
  l7: { www: l7 },
  'l7-events': { www: l7 },
  'vrrp-l4': {
    lb1: { ...l4, address: '10.0.0.3/24', sourceNat: true, failover: failover(200) },
    lb2: { ...l4, address: '10.0.0.4/24', sourceNat: true, failover: failover(100) },
  },
  'vrrp-l7': {
    lb1: { ...l7, address: '10.0.0.3/24', failover: failover(200) },
    lb2: { ...l7, address: '10.0.0.4/24', failover: failover(100) },
  },
} as const

/** Who talks; `listener` only hears, and `auditor` comes when all is over. */
export const talkersOf = (network: NetworkName): readonly string[] =>
  network === 'l7-events' ? ['clients', 'pollers', 'askers'] : ['clients']

/** A network, resolved. Crowds have three members. */
export function liveNetwork(network: NetworkName): ResolvedScenario {
  const balancers = BALANCERS[network]
  const transports =
    network === 'l7-events'
      ? ({
          clients: { ...client, replicas: 3, say, transport: 'sse' },
          pollers: { ...client, say, transport: 'long-poll' },
          askers: { ...client, say, transport: 'poll', poll: '500 ms' },
        } as const)
      : { clients: { ...client, replicas: 3, say } }
  const server = {
    app: 'live-server',
    bus: { to: 'bus' },
    heartbeat: '1 s',
    pollTimeout: '1 s',
    retry: '500 ms',
    sessions: '2 s',
    history: 10_000,
    ...(network === 'l4-dsr' && { loopback: [VIRTUAL] }),
  } as const
  const hosts = {
    ...transports,
    listener: client,
    auditor: { ...client, start: `${AUDIT} s` },
    ...balancers,
    s1: { ...server, address: '10.0.0.11/24' },
    s2: { ...server, address: '10.0.0.12/24' },
    bus: { app: 'redis-server', appendonly: true, fsync: 'always' },
  }
  const named = Object.fromEntries(Object.entries(hosts).map(([name, host]) => [name, { ...common, ...host }]))
  return resolveScenario(
    defineScenario({
      id: 'live-kills',
      title: network,
      seed: 1,
      duration: `${REST} s`,
      ...(!('www' in balancers) && { names: { www: VIRTUAL } }),
      hosts: { ...named, switch: { kind: 'switch' } } as never,
      links: Object.keys(hosts).map((host) => ({ between: [host, 'switch'] as [string, string], ...line })),
      knobs: {
        talk: { label: 'Talk', range: ['0 s', '10 s'], sets: talkersOf(network).map((host) => `hosts.${host}.say.interval`) },
      },
    }),
  )
}
