import type { BridgeEngine } from './bridge-engine.ts'
import type { RunEngine } from './engine.ts'
import type { Catalog } from '../scenario/catalog.ts'

/** The world around the command line. */
export interface CliContext {
  readonly catalog: Catalog
  readonly engine: RunEngine
  readonly bridge: BridgeEngine
  readonly version: string
  /** Writes to standard output. */
  readonly out: (text: string) => void
  /** Writes to standard error. */
  readonly err: (text: string) => void
  /** Throws an Error with a `code`, as Node's file system does. */
  readonly readFile: (path: string) => Promise<string>
  readonly writeFile: (path: string, content: string | Uint8Array) => Promise<void>
  /** Makes a folder, and those around it, where they are missing. */
  readonly makeFolder: (path: string) => Promise<void>
  /** Seconds of real time, from any beginning. */
  readonly wallSeconds: () => number
  /** Aborted when the process is told to end (SIGINT, SIGTERM), which it does not do by itself any more once this was called. */
  readonly interrupted: () => AbortSignal
}

/** What the process tells whoever started it. */
export const ExitCode = {
  Done: 0,
  ClaimFailed: 1,
  Unusable: 2,
  OverBudget: 3,
} as const
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** Bad usage, or a file that cannot be used. Its message is for people, on one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
