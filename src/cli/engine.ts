import type { Nanos } from '../kernel/time.ts'
import type { CaptureChoice } from '../run/run.ts'
import type { Intervention } from '../scenario/intervention.ts'
import type { ResolvedScenario } from '../scenario/resolved.ts'
import type { QlogFile } from '../trace/qlog.ts'
import type { TraceView } from '../trace/record.ts'

/** What the command line asks of an engine. */
export interface RunRequest {
  /** Its `seed` and its `duration` are those of this run. */
  readonly scenario: ResolvedScenario
  readonly interventions: readonly Intervention[]
  readonly placement: 'inline' | 'workers'
  /** The run is stopped when it costs more. */
  readonly budget: RunBudget
}

export interface RunBudget {
  /** Seconds of real time. */
  readonly wallSeconds: number
  readonly frames: number
}

/** What a run came to. */
export interface RunOutcome {
  /** Why it was stopped early, for people (`'more than 10,000,000 frames'`); undefined: it ended by itself or with its duration. */
  readonly overBudget: string | undefined
  readonly simulatedTime: Nanos
  readonly frames: number
  /** How many frames were lost, by their fate; only fates that befell any. */
  readonly framesLost: Readonly<Record<string, number>>
  /** How many frames arrived at the other end of a link. */
  readonly packetHops: number
  /** Interventions that could not be carried out when their time came, with the reason, for people. */
  readonly refused: readonly { readonly intervention: Intervention; readonly why: string }[]
  readonly trace: TraceView
  /** The secrets of TLS that hosts have logged, as a key log. */
  readonly keyLog: () => string
  readonly capture: (choice: CaptureChoice) => Uint8Array | Promise<Uint8Array>
  /** What each end of each connection of QUIC saw. */
  readonly qlog: () => readonly QlogFile[]
  /** Ends workers, frees everything. */
  dispose(): void
}

/** Simulates a scenario from its beginning to its end. */
export interface RunEngine {
  run(request: RunRequest): Promise<RunOutcome>
}

/** Counts what a trace holds; right as long as nothing was thinned away. */
export function countFrames(trace: TraceView): Pick<RunOutcome, 'frames' | 'framesLost' | 'packetHops'> {
  const framesLost: Record<string, number> = {}
  let packetHops = 0
  for (const { fate } of trace.frames()) {
    if (fate === 'arrived') packetHops++
    else if (fate !== 'queued' && fate !== 'in-flight') framesLost[fate] = (framesLost[fate] ?? 0) + 1
  }
  return { frames: trace.frameCount, framesLost, packetHops }
}
