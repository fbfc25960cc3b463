import type { PairRun } from '../../src/run/pair-run.ts'
import type { Run } from '../../src/run/run.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'
import type { TraceView } from '../../src/trace/record.ts'

/** Where a scenario comes from: the catalogue, a JSON file, or data at hand. */
export type ScenarioPlace = { readonly id: string } | { readonly url: string } | { readonly source: unknown }

/** A scenario of the catalogue, for a list. */
export interface ListedScenario {
  readonly id: string
  readonly title: string
  readonly summary: string
}

/** What a claim of the scenario found. */
export interface Verdict {
  readonly says: string
  /** RFC and section, or ''. */
  readonly cites: string
  readonly holds: boolean
  /** One line with the numbers that it rests on. */
  readonly evidence: string
}

export interface OpenOptions {
  /** Instead of the scenario's own. */
  readonly seed?: number | undefined
  /** Where knobs stand at the start, as text. */
  readonly knobs?: Readonly<Record<string, string>> | undefined
}

export interface StartOptions {
  readonly log: readonly Intervention[]
  /** Where knobs stand at the start, when it is elsewhere than where the scenario was opened with. */
  readonly knobs?: Run['knobs'] | undefined
}

/** A scenario that was found, is valid, and can be run. */
export interface OpenedScenario {
  readonly scenario: ResolvedScenario
  /** The scenario as written, when the catalogue does not have it; a share link has to carry it then. */
  readonly source: unknown
  /** Where its knobs stand when nobody has turned them, in base units. */
  readonly usualKnobs: Readonly<Record<string, number | string | boolean>>
  /** What it claims, measured on a run of it. */
  readonly judge: (trace: TraceView) => readonly Verdict[]
  /** Reads interventions as a file or a share link has them. Throws an Error for people. */
  readonly parseLog: (log: readonly unknown[]) => readonly Intervention[]
  /** Starts the engine; the run is paused at 0. */
  readonly start: (options: StartOptions) => Promise<Run>
  /** Starts the two runs that the scenario compares; both are paused at 0. There when it has something to compare. */
  readonly startPair?: (options: StartOptions) => Promise<PairRun>
}

/** All that a playground needs of the rest of the library; loaded when an element comes near the viewport. */
export interface Engine {
  /** The scenarios of the catalogue. */
  readonly list: readonly ListedScenario[]
  /** Throws an Error for people when there is no such scenario, or when it is not valid. */
  readonly open: (place: ScenarioPlace, options: OpenOptions) => Promise<OpenedScenario>
}
