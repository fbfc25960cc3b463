import type { Nanos } from '../../kernel/time.ts'
import type { FsyncPolicy } from '../../scenario/bus-options.ts'

export interface RedisServerOptions {
  readonly port: number
  readonly backlog: number
  /** For AUTH; '': none is needed. */
  readonly password: string
  readonly appendonly: boolean
  readonly fsync: FsyncPolicy
  /** How long the disk takes for a write that must be safe, with `always`; the server does nothing else meanwhile. */
  readonly fsyncTime: Nanos
  /** The log is rewritten when it is this long, and twice as long as after the last time; in bytes; 0: never. */
  readonly rewriteAbove: number
  /** Of the data, in bytes: above it, commands that add to it are refused; 0: no limit. */
  readonly maxMemory: number
  /** How many connections at once. */
  readonly maxClients: number
  /** Output waiting for a subscriber, in bytes: over `hard` at once, over `soft` for `softTime`, it is thrown out; 0: no limit. */
  readonly outputLimit: { readonly hard: number; readonly soft: number; readonly softTime: Nanos }
}

const MEBIBYTE = 1_048_576

/** As Redis has them. */
export const DEFAULT_REDIS: RedisServerOptions = {
  port: 6379,
  backlog: 511,
  password: '',
  appendonly: false,
  fsync: 'everysec',
  fsyncTime: 0,
  rewriteAbove: 64 * MEBIBYTE,
  maxMemory: 0,
  maxClients: 10_000,
  outputLimit: { hard: 32 * MEBIBYTE, soft: 8 * MEBIBYTE, softTime: 60e9 },
}
