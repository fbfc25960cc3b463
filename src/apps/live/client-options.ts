import { UnknownSetting } from '../../host/unknown-setting.ts'
import type { Nanos } from '../../kernel/time.ts'
import {
  LIVE_TRANSPORTS,
  RECONNECT_JITTERS,
  RECONNECT_POLICIES,
  SERVER_PICKS,
  type LiveTransport,
  type ServerPick,
} from '../../scenario/reconnect-policy.ts'
import type { ClientTlsSettings } from '../../scenario/tls-settings.ts'
import { choiceSetting, countSetting, fixedSetting, flagSetting, LONGEST } from '../setting.ts'
import { parseUrl, type HttpUrl } from '../url.ts'
import type { ReconnectOptions } from './client-reconnection.ts'

export interface LiveClientOptions {
  readonly servers: readonly string[]
  readonly pick: ServerPick
  readonly transport: LiveTransport
  readonly tls?: ClientTlsSettings | undefined
  readonly room: string
  /** Over how many rooms clients are spread; 1: all are in `room` itself. */
  readonly rooms: number
  readonly start: Nanos
  readonly startWithin: Nanos
  /** When it leaves for good; 0: never. */
  readonly stop: Nanos
  readonly connectTimeout: Nanos
  /** After how long a silence the server is asked, and how long it may take to answer. Interval 0: never. */
  readonly heartbeat: { readonly interval: Nanos; readonly timeout: Nanos }
  readonly reconnect: ReconnectOptions
  readonly resume: boolean
  /** Interval 0: it says nothing. Jitter: a share of the interval, in [0, 1]. */
  readonly say: { readonly interval: Nanos; readonly size: number; readonly jitter: number }
  readonly poll: Nanos
  readonly compression: boolean
}

const MS = 1_000_000
const SECOND = 1000 * MS

const USUAL: LiveClientOptions = {
  servers: [],
  pick: 'in-order',
  transport: 'websocket',
  room: 'lobby',
  rooms: 1,
  start: 0,
  startWithin: 0,
  stop: 0,
  connectTimeout: 10 * SECOND,
  heartbeat: { interval: 25 * SECOND, timeout: 10 * SECOND },
  reconnect: { policy: 'exponential', jitter: 'full', base: SECOND, cap: 30 * SECOND, attempts: 0, honour: true },
  resume: true,
  say: { interval: 0, size: 60, jitter: 0 },
  poll: 5 * SECOND,
  compression: false,
}

type Group = 'heartbeat' | 'reconnect' | 'say'

/** Options of which some, or parts of some, are left out. */
export type WrittenClientOptions = Omit<Partial<LiveClientOptions>, Group> & {
  readonly [Name in Group]?: Partial<LiveClientOptions[Name]>
}

/** Options, and what follows from them. All members of a crowd share it: it never changes. */
export interface ClientSettings extends LiveClientOptions {
  readonly urls: readonly HttpUrl[]
  /** What it says. */
  readonly text: string
}

const WORDS = 'the quick brown fox jumps over the lazy dog '

function completed(options: LiveClientOptions): ClientSettings {
  const urls = options.servers.map((server) => {
    const url = parseUrl(server)
    if (url === undefined) throw new RangeError(`${server} is not the address of a server`)
    return url
  })
  if (urls.length === 0) throw new RangeError('a client needs a server')
  const { size } = options.say
  return { ...options, urls, text: WORDS.repeat(Math.ceil(size / WORDS.length)).slice(0, size) }
}

/** Of each set of options: members of a crowd are all given the same one. */
const KNOWN = /* @__PURE__ */ new WeakMap<object, ClientSettings>()
/** What came of changing settings, by what was changed: a knob changes those of all members alike. */
const CHANGED = /* @__PURE__ */ new WeakMap<ClientSettings, Map<string, ClientSettings>>()

/** @param written what is missing has its default. The same object gives the same settings. Throws RangeError for servers that are none */
export function clientSettings(written: WrittenClientOptions): ClientSettings {
  let settings = KNOWN.get(written)
  if (settings === undefined) {
    settings = completed({
      ...USUAL,
      ...written,
      heartbeat: { ...USUAL.heartbeat, ...written.heartbeat },
      reconnect: { ...USUAL.reconnect, ...written.reconnect },
      say: { ...USUAL.say, ...written.say },
    })
    KNOWN.set(written, settings)
  }
  return settings
}

const CHANGEABLE = [
  'pick',
  'transport',
  'connectTimeout',
  'resume',
  'poll',
  'reconnect.policy, .jitter, .base, .cap, .attempts, .honour',
  'heartbeat.interval, .timeout',
  'say.interval, .size, .jitter',
]
const LEAST = MS

function changedOption(options: LiveClientOptions, path: string, value: unknown): LiveClientOptions {
  const { reconnect, heartbeat, say } = options
  const time = (least = 0): Nanos => countSetting(path, value, least, LONGEST)
  switch (path) {
    case 'pick':
      return { ...options, pick: choiceSetting(path, value, SERVER_PICKS) }
    case 'transport':
      return { ...options, transport: choiceSetting(path, value, LIVE_TRANSPORTS) }
    case 'connectTimeout':
    case 'poll':
      return { ...options, [path]: time(LEAST) }
    case 'resume':
      return { ...options, resume: flagSetting(path, value) }
    case 'reconnect.policy':
      return { ...options, reconnect: { ...reconnect, policy: choiceSetting(path, value, RECONNECT_POLICIES) } }
    case 'reconnect.jitter':
      return { ...options, reconnect: { ...reconnect, jitter: choiceSetting(path, value, RECONNECT_JITTERS) } }
    case 'reconnect.base':
      return { ...options, reconnect: { ...reconnect, base: time(LEAST) } }
    case 'reconnect.cap':
      return { ...options, reconnect: { ...reconnect, cap: time(LEAST) } }
    case 'reconnect.attempts':
      return { ...options, reconnect: { ...reconnect, attempts: countSetting(path, value, 0, 1_000_000) } }
    case 'reconnect.honour':
      return { ...options, reconnect: { ...reconnect, honour: flagSetting(path, value) } }
    case 'heartbeat.interval':
      return { ...options, heartbeat: { ...heartbeat, interval: time() } }
    case 'heartbeat.timeout':
      return { ...options, heartbeat: { ...heartbeat, timeout: time(LEAST) } }
    case 'say.interval':
      return { ...options, say: { ...say, interval: time() } }
    case 'say.size':
      return { ...options, say: { ...say, size: countSetting(path, value, 1, 32_768) } }
    case 'say.jitter':
      if (typeof value !== 'number' || !(value >= 0 && value <= 1)) throw new UnknownSetting(path, 'takes a share from 0 to 1')
      return { ...options, say: { ...say, jitter: value } }
    default:
      throw fixedSetting(path, CHANGEABLE)
  }
}

/**
 * Settings with one option changed.
 * @param path below the application: `'reconnect.jitter'`. Throws UnknownSetting
 */
export function changedSettings(settings: ClientSettings, path: string, value: unknown): ClientSettings {
  const name = `${path}=${JSON.stringify(value)}`
  const known = CHANGED.get(settings) ?? new Map<string, ClientSettings>()
  let changed = known.get(name)
  if (changed === undefined) {
    changed = completed(changedOption(settings, path, value))
    CHANGED.set(settings, known.set(name, changed))
  }
  return changed
}
