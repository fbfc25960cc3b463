import type { EventData } from '../../kernel/machine.ts'
import type { FsyncPolicy } from '../../scenario/bus-options.ts'
import type { RespValue } from '../../wire/resp.ts'
import type { AppendOnlyFile } from './append-only-file.ts'
import type { ChannelTable, Subscriber } from './channel-table.ts'
import type { Keyspace } from './keyspace.ts'
import type { RedisServerOptions } from './redis-options.ts'

/** A command waits for something; whoever waits tries again each time that a stream has changed. */
export class Blocked {
  constructor(
    /** In nanoseconds; 0: for ever. */
    readonly timeout: number,
    /** The answer, once there is one. */
    readonly retry: () => RespValue | undefined,
    /** The answer when there was none in time. */
    readonly otherwise: RespValue,
  ) {}
}

/** Whoever calls commands about data. */
export interface Caller {
  /** Which of the databases it works on. */
  database: number
  readonly keyspace: Keyspace
  /** Version of RESP. */
  readonly protocol: 2 | 3
}

/** What commands about data ask of the server. */
export interface DataServer {
  readonly databases: readonly Keyspace[]
  /** Milliseconds since 1970. */
  clock(): number
  /** The data has changed: by a command that does the same again, whenever it is replayed. */
  changed(caller: Caller, words: readonly Uint8Array[]): void
  /** A stream has grown. */
  streamChanged(): void
}

/** What a command about data was called with. */
export interface DataCall {
  readonly server: DataServer
  readonly session: Caller
  /** The command's name among them. */
  readonly words: readonly Uint8Array[]
}

/** A connection, as commands see it. */
export interface CommandSession extends Caller, Subscriber {
  readonly id: number
  readonly address: string
  readonly localAddress: string
  name: string
  protocol: 2 | 3
  replies: 'ON' | 'OFF' | 'SKIP'
  readonly lastCommand: string
  readonly isAuthenticated: boolean
  readonly isBlocked: boolean
  readonly isSubscriber: boolean
  /** The connection ends once all that was answered is written. */
  endsSoon: boolean
  /** Of answers and messages that TCP has not taken, in bytes. */
  readonly outputBytes: number
  /** In seconds. */
  readonly age: number
  authenticated(): void
  /** As a new connection is. */
  reset(): void
  record(name: string, data: EventData): void
  /** Says something that is not the answer to a command, or not a usual one. */
  push(items: readonly RespValue[]): void
}

/** The server, as commands see it. */
export interface CommandServer extends DataServer {
  readonly options: RedisServerOptions
  readonly commands: ReadonlyMap<string, RedisCommand>
  readonly pubsub: ChannelTable
  readonly sessions: ReadonlySet<CommandSession>
  readonly statistics: RedisStatistics
  readonly log: AppendOnlyFile | undefined
  /** Bytes that the data takes, about. */
  readonly memory: number
  /** In seconds. */
  readonly uptime: number
  setFsync(policy: FsyncPolicy): void
  rewriteLog(): void
}

export interface RedisStatistics {
  connections: number
  commands: number
  rejected: number
  errors: number
  outputLimit: number
}

/** What a command was called with. */
export interface RedisCall extends DataCall {
  readonly server: CommandServer
  readonly session: CommandSession
}

export type CommandFlag =
  'write' | 'readonly' | 'denyoom' | 'fast' | 'pubsub' | 'noauth' | 'loading' | 'stale' | 'admin' | 'blocking'

interface CommandOf<Call> {
  /** Lower case. */
  readonly name: string
  /** How many words with its name; negative: at least so many. */
  readonly arity: number
  readonly flags: readonly CommandFlag[]
  /** Where its keys are among the words: the first, the last (negative: from the end), the step; 0: it has none. */
  readonly keys: readonly [first: number, last: number, step: number]
  /** Carries it out. @returns the answer; undefined: it has answered by itself. Throws CommandError */
  readonly run: (call: Call) => RespValue | Blocked | undefined
}

export type RedisCommand = CommandOf<RedisCall>
/** A command about data: whoever has a log may repeat it. */
export type DataCommand = CommandOf<DataCall>

const NO_KEYS = [0, 0, 0] as const
const ONE_KEY = [1, 1, 1] as const

type Flags = readonly CommandFlag[]

/** A command without keys. */
export function plain<Call extends DataCall>(
  name: string,
  arity: number,
  flags: Flags,
  run: CommandOf<Call>['run'],
): CommandOf<Call> {
  return { name, arity, flags, keys: NO_KEYS, run }
}

/** A command about one key, its second word. */
export function keyed(name: string, arity: number, flags: Flags, run: DataCommand['run']): DataCommand {
  return { name, arity, flags, keys: ONE_KEY, run }
}

/** A command about many keys. */
export function manyKeyed(
  name: string,
  arity: number,
  flags: Flags,
  keys: DataCommand['keys'],
  run: DataCommand['run'],
): DataCommand {
  return { name, arity, flags, keys, run }
}
