import type { Nanos } from '../../kernel/time.ts'
import type { ServerTlsSettings, TcpProtocolName } from '../../scenario/tls-settings.ts'
import { choiceSetting, countSetting, fixedSetting, flagSetting, LONGEST } from '../setting.ts'
import { UnknownSetting } from '../../host/unknown-setting.ts'

/** Where news come from. */
export interface NewsOptions {
  /** 0: there is none. */
  interval: Nanos
  /** Of the text, in bytes. */
  size: number
  readonly start: Nanos
  readonly room: string
}

/** What bringing a client up to date costs in processor time. */
export interface JoinOptions {
  /** Once, for who does not go on with a session. */
  cost: Nanos
  /** For each message that it has missed. */
  message: Nanos
}

export interface AdmissionOptions {
  /** How many connections at once; 0: any number. */
  connections: number
  /** How many new ones in a second, and how many at once before that counts (0: as many as in a second); 0: any number. */
  rate: number
  burst: number
  refusal: '503' | 'reset'
  retryAfter: Nanos
}

export interface ShedOptions {
  /** Longest time that work may wait for the processor; 0: any. */
  delay: Nanos
  /** Largest share of memory in (0, 1]; 0: any. */
  memory: number
}

export interface LeavingOptions {
  /** Over how long clients are told to go. */
  window: Nanos
  /** How long they shall wait, at least, and by how much longer at most. */
  after: Nanos
  spread: Nanos
  /** How long after that a connection is closed. */
  linger: Nanos
}

export interface LiveServerOptions {
  readonly port: number
  /** Best first; absent: under TLS what is usual, without it HTTP/1.1. */
  readonly protocols?: readonly TcpProtocolName[] | undefined
  readonly tls?: ServerTlsSettings | undefined
  readonly backlog: number
  /** How many of the connections that wait are accepted in one turn of the processor. */
  readonly accepts: number
  /** Whether connections of HTTP are kept for further requests. */
  keepAlive: boolean
  /** How many messages of a room are kept. */
  history: number
  readonly rooms: number
  readonly news: NewsOptions
  readonly join: JoinOptions
  /** For how long sessions outlive their connection; 0: there are none. */
  sessions: Nanos
  /** Servers with the same secret take each other's sessions; '': each knows its own alone. */
  readonly sessionSecret: string
  /** 0: none. */
  heartbeat: Nanos
  pollTimeout: Nanos
  retry: Nanos
  /** In bytes. */
  sendQueue: number
  readonly maxMessage: number
  readonly compression: boolean
  readonly admission: AdmissionOptions
  readonly shed: ShedOptions
  drain: boolean
  readonly leaving: LeavingOptions
  /** `stream`: whether what is said is kept for servers that are away; yes when absent. */
  readonly bus?: { readonly to: string; readonly port: number; readonly password?: string; readonly stream?: boolean } | undefined
}

const MS = 1_000_000
const SECOND = 1000 * MS

/** Options as an author writes them, all of them left out. */
function usual(): LiveServerOptions {
  return {
    port: 80,
    backlog: 128,
    accepts: 1,
    keepAlive: true,
    history: 50,
    rooms: 100,
    news: { interval: 0, size: 200, start: SECOND, room: 'lobby' },
    join: { cost: 0, message: 0 },
    sessions: 0,
    sessionSecret: '',
    heartbeat: 0,
    pollTimeout: 25 * SECOND,
    retry: 3 * SECOND,
    sendQueue: 262_144,
    maxMessage: 65_536,
    compression: false,
    admission: { connections: 0, rate: 0, burst: 0, refusal: '503', retryAfter: SECOND },
    shed: { delay: 0, memory: 0 },
    drain: false,
    leaving: { window: 10 * SECOND, after: 0, spread: 0, linger: 500 * MS },
  }
}

type Written = Omit<Partial<LiveServerOptions>, 'news' | 'join' | 'admission' | 'shed' | 'leaving'> & {
  readonly [Group in 'news' | 'join' | 'admission' | 'shed' | 'leaving']?: Partial<LiveServerOptions[Group]>
}

/** @param written what is missing has its default */
export function liveServerOptions(written: Written): LiveServerOptions {
  const all = usual()
  return {
    ...all,
    ...written,
    news: { ...all.news, ...written.news },
    join: { ...all.join, ...written.join },
    admission: { ...all.admission, ...written.admission },
    shed: { ...all.shed, ...written.shed },
    leaving: { ...all.leaving, ...written.leaving },
  }
}

const MOST = 10_000_000
const CHANGEABLE = [
  'history',
  'sessions',
  'heartbeat',
  'pollTimeout',
  'retry',
  'sendQueue',
  'drain',
  'keepAlive',
  'news.interval, .size',
  'join.cost, .message',
  'admission.connections, .rate, .burst, .refusal, .retryAfter',
  'shed.delay, .memory',
  'leaving.window, .after, .spread, .linger',
]

/**
 * Changes an option of a running server.
 * @param path below the application. Throws UnknownSetting.
 */
export function configureLiveServer(options: LiveServerOptions, path: string, value: unknown): void {
  const { news, join, admission, shed, leaving } = options
  const time = (): Nanos => countSetting(path, value, 0, LONGEST)
  const count = (): number => countSetting(path, value, 0, MOST)
  switch (path) {
    case 'drain':
    case 'keepAlive':
      options[path] = flagSetting(path, value)
      return
    case 'history':
      options.history = countSetting(path, value, 0, 10_000)
      return
    case 'sendQueue':
      options.sendQueue = countSetting(path, value, 1024, 1_073_741_824)
      return
    case 'sessions':
    case 'heartbeat':
    case 'pollTimeout':
    case 'retry':
      options[path] = time()
      return
    case 'news.interval':
      news.interval = time()
      return
    case 'news.size':
      news.size = countSetting(path, value, 1, 32_768)
      return
    case 'join.cost':
      join.cost = time()
      return
    case 'join.message':
      join.message = time()
      return
    case 'admission.connections':
      admission.connections = count()
      return
    case 'admission.rate':
      admission.rate = count()
      return
    case 'admission.burst':
      admission.burst = count()
      return
    case 'admission.refusal':
      admission.refusal = choiceSetting(path, value, ['503', 'reset'])
      return
    case 'admission.retryAfter':
      admission.retryAfter = time()
      return
    case 'shed.delay':
      shed.delay = time()
      return
    case 'shed.memory':
      if (typeof value !== 'number' || !(value >= 0 && value <= 1)) throw new UnknownSetting(path, 'takes a share from 0 to 1')
      shed.memory = value
      return
    case 'leaving.window':
    case 'leaving.after':
    case 'leaving.spread':
    case 'leaving.linger':
      leaving[path.slice('leaving.'.length) as keyof LeavingOptions] = time()
      return
    default:
      throw fixedSetting(path, CHANGEABLE)
  }
}
