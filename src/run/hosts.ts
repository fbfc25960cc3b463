import type { Step } from './director.ts'

/** The hosts of a run, wherever they are. */
export interface Hosts {
  /** Does what the director says. */
  perform(step: Step): void | Promise<void>
  /** Tells the trace all that has happened. */
  settle(): void
  /** Ends workers, closes channels. */
  dispose(): void
}
