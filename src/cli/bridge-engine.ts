import type { Place } from './attachment.ts'
import type { RunOutcome } from './engine.ts'
import type { LatenessReport } from './lateness.ts'
import type { Intervention } from '../scenario/intervention.ts'
import type { ResolvedHost, ResolvedScenario } from '../scenario/resolved.ts'

/** What the command line asks of a bridge. */
export interface BridgeRequest {
  /** Its `seed` is that of this run; it lasts for its `duration` at most. */
  readonly scenario: ResolvedScenario
  readonly host: ResolvedHost
  readonly interventions: readonly Intervention[]
  /** By port of the host. */
  readonly places: readonly Place[]
  /** Whether TAP interfaces also get their addresses and routes, and are set up. */
  readonly configure: boolean
  /** Called once, when the outside may come. */
  readonly ready: () => void
  /** Told when the run is late, and when the outside is gone: a line. */
  readonly tell: (line: string) => void
  /** Ends the run. */
  readonly signal: AbortSignal
}

/** What came of it. */
export interface BridgeOutcome extends RunOutcome {
  readonly outside: OutsideReport
  /** In milliseconds. */
  readonly late: LatenessReport
}

/** What passed between the simulated network and the outside, in frames. */
export interface OutsideReport {
  readonly host: string
  /** Came in from outside. */
  readonly framesIn: number
  /** Came in, but were too short or too long for the link, or found the host off. */
  readonly framesRefused: number
  /** Were handed to the outside. */
  readonly framesOut: number
  /** Arrived while nobody was there to take them. */
  readonly framesUntaken: number
}

/** Joins simulated networks to the world outside. */
export interface BridgeEngine {
  /** @throws UsageError when the attachments cannot be made */
  run(request: BridgeRequest): Promise<BridgeOutcome>
}
