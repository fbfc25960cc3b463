import { APPS } from './app-schema.ts'
import { backendEntries } from './balancer-schema.ts'
import { liveFailoverEntries } from './failover-schema.ts'
import { clientSayEntries, heartbeatEntries, reconnectEntries } from './live-client-schema.ts'
import { admissionEntries, joinEntries, leavingEntries, newsEntries, shedEntries } from './live-schema.ts'
import { serverTlsEntries } from './tls-schema.ts'
import type * as v from 'valibot'
import type { AppName } from './app-schema.ts'
import { serviceEntries } from './service-schema.ts'
import { resourceEntries } from './web-schema.ts'
import type { Path } from './path.ts'

const LIVE: Readonly<Record<AppName, readonly string[]>> = {
  browser: [
    'connections',
    'keepAlive',
    'pipelining',
    'timeout',
    'happyEyeballs',
    'attemptDelay',
    'coalescing',
    'cache',
    'preloadScanner',
    'tightMode',
  ],
  'web-server': ['keepAlive', 'delay', 'scheduler', 'altSvc'],
  'reverse-proxy': ['keepAlive'],
  'request-generator': ['rate', 'retries', 'retryDelay', 'backoff', 'retryBudget', 'timeout'],
  'load-balancer': ['strategy', 'maxConnections', 'queue', 'queueTimeout', 'retries', 'retryBudget', 'tryTimeout', 'keepAlive'],
  meddler: ['strip'],
  replayer: ['copies'],
  firewall: ['blocks'],
  'stream-sender': ['interval', 'size', 'count'],
  'stream-receiver': [],
  ping: ['count', 'interval', 'size', 'ttl', 'timeout'],
  'socket-script': [],
  'syn-flooder': ['rate'],
  'arp-spoofer': ['interval', 'forward'],
  'udp-echo': [],
  'redis-server': ['fsync', 'fsyncTime', 'maxMemory', 'maxClients'],
  'tcp-balancer': ['strategy', 'hashes', 'sticky', 'maxConnections', 'refusal', 'unknown', 'orphans'],
  vrrp: Object.keys(liveFailoverEntries),
  'live-client': ['pick', 'transport', 'connectTimeout', 'resume', 'poll'],
  'live-server': ['keepAlive', 'history', 'sessions', 'heartbeat', 'pollTimeout', 'retry', 'sendQueue', 'drain'],
  'session-server': ['keepAlive'],
  'session-client': [],
  'letter-writer': [],
  'letter-carrier': ['mischief'],
  'letter-reader': [],
}
const TLS_SERVERS: ReadonlySet<AppName> = new Set(['web-server', 'reverse-proxy', 'load-balancer', 'live-server'])
const LIVE_RESOURCE = ['size', 'delay', 'chunked', 'tooEarly'] as const
/** Of a live server's groups of options. */
const LIVE_GROUPS: Readonly<Record<string, Readonly<Record<string, v.GenericSchema>>>> = {
  news: { interval: newsEntries.interval, size: newsEntries.size },
  join: joinEntries,
  admission: admissionEntries,
  shed: shedEntries,
  leaving: leavingEntries,
}
/** Of a client's. */
const LIVE_CLIENT_GROUPS: Readonly<Record<string, Readonly<Record<string, v.GenericSchema>>>> = {
  reconnect: reconnectEntries,
  heartbeat: heartbeatEntries,
  say: clientSayEntries,
}
/** Of TLS; for connections to come. */
const LIVE_TLS = ['certificate', 'tickets', 'earlyData', 'replayProtection', 'clientAuthentication'] as const

/**
 * The schema of an option that an application takes while it runs.
 * @param app name of the application, as in a scenario
 * @param below where the option is, below the application's options: `['interval']`, `['serves', '/', 'delay']`
 * @param transport what carries the application's stream, if it has one
 * @returns undefined for an option that needs the run to start anew
 */
export function liveOption(app: string, below: Path, transport?: unknown): v.GenericSchema | undefined {
  const [option, path, key, ...more] = below
  if (typeof option !== 'string' || !Object.hasOwn(LIVE, app)) return undefined
  const name = app as AppName
  if (path === undefined) {
    // Where frames follow each other in one stream, the receiver counts on their size.
    if (name === 'stream-sender' && option === 'size' && transport === 'tcp') return undefined
    const entries: Readonly<Record<string, v.GenericSchema>> = APPS[name]
    return LIVE[name].includes(option) ? entries[option] : undefined
  }
  if (option === 'tls' && TLS_SERVERS.has(name) && key === undefined) {
    const found = LIVE_TLS.find((candidate) => candidate === path)
    return found === undefined ? undefined : serverTlsEntries[found]
  }
  if (name === 'live-server' && key === undefined && Object.hasOwn(LIVE_GROUPS, option)) {
    const entries = LIVE_GROUPS[option]
    return Object.hasOwn(entries, path) ? entries[path] : undefined
  }
  if (name === 'live-client' && key === undefined && Object.hasOwn(LIVE_CLIENT_GROUPS, option)) {
    const entries = LIVE_CLIENT_GROUPS[option]
    return Object.hasOwn(entries, path) ? entries[path] : undefined
  }
  if (option === 'failover' && (name === 'tcp-balancer' || name === 'load-balancer') && key === undefined) {
    const entries: Readonly<Record<string, v.GenericSchema>> = liveFailoverEntries
    return Object.hasOwn(entries, path) ? entries[path] : undefined
  }
  if (option === 'backends' && (name === 'tcp-balancer' || name === 'load-balancer') && more.length === 0) {
    const entries: Readonly<Record<string, v.GenericSchema>> = backendEntries
    return typeof key === 'string' && Object.hasOwn(entries, key) ? entries[key] : undefined
  }
  if (name === 'web-server' && option === 'service' && key === undefined) return path === 'mean' ? serviceEntries.mean : undefined
  if (name !== 'web-server' || option !== 'serves' || more.length > 0) return undefined
  const found = LIVE_RESOURCE.find((candidate) => candidate === key)
  return found === undefined ? undefined : resourceEntries[found]
}
