import { APPS } from './app-schema.ts'
import { serverTlsEntries } from './tls-schema.ts'
import type * as v from 'valibot'
import type { AppName } from './app-schema.ts'
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
  'letter-writer': [],
  'letter-carrier': ['mischief'],
  'letter-reader': [],
}
const LIVE_RESOURCE = ['size', 'delay', 'chunked', 'tooEarly'] as const
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
  if (option === 'tls' && (name === 'web-server' || name === 'reverse-proxy') && key === undefined) {
    const found = LIVE_TLS.find((candidate) => candidate === path)
    return found === undefined ? undefined : serverTlsEntries[found]
  }
  if (name !== 'web-server' || option !== 'serves' || more.length > 0) return undefined
  const found = LIVE_RESOURCE.find((candidate) => candidate === key)
  return found === undefined ? undefined : resourceEntries[found]
}
