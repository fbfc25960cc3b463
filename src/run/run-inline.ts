import type { BlockPool } from '../kernel/arena.ts'
import type { Nanos } from '../kernel/time.ts'
import type { Intervention } from '../scenario/intervention.ts'
import type { ResolvedScenario } from '../scenario/resolved.ts'
import { exportPcapng, type Vantage } from '../trace/pcapng-export.ts'
import type { TraceView } from '../trace/record.ts'
import { Director } from './director.ts'
import { InlineHosts } from './inline-hosts.ts'
import { withPacketsStruck } from './packet-strikes.ts'

export interface InlineOptions {
  /** The scenario's own when absent. */
  readonly seed?: number
  readonly interventions?: readonly Intervention[]
  /** Stops earlier than the scenario's duration. */
  readonly until?: Nanos
  /** In bytes. */
  readonly traceLimit?: number
  /** Memory that earlier runs have given back, for who does many runs one after the other; see `dispose`. */
  readonly pool?: BlockPool
  /** Asked now and then; false stops the run. */
  readonly goOn?: (frames: number) => boolean
}

export interface InlineRun {
  readonly director: Director
  readonly hosts: InlineHosts
  readonly trace: TraceView
  /** Whether `goOn` never said no. */
  readonly finished: boolean
  capture(vantage: Vantage): Uint8Array
  /** Gives the memory of the frames to the pool that the run was given; what is known of them stays, but not their bytes. */
  dispose(): void
}

/** Runs a scenario from its beginning to its end in this thread, as fast as it goes. */
export function runInline(written: ResolvedScenario, options: InlineOptions = {}): InlineRun {
  const scenario = withPacketsStruck(written, options.interventions)
  const seed = options.seed ?? scenario.seed
  const director = new Director(scenario, {
    seed,
    ...(options.interventions && { interventions: options.interventions }),
    ...(options.traceLimit !== undefined && { traceLimit: options.traceLimit }),
  })
  const hosts = new InlineHosts(scenario, seed, director, undefined, options.pool)
  const { goOn } = options
  const finished = hosts.advance(
    options.until ?? scenario.duration,
    goOn === undefined ? undefined : () => goOn(director.store.frameCount),
  )
  return {
    director,
    hosts,
    trace: director.store,
    finished,
    capture: (vantage) => exportPcapng(scenario, director.recorder, vantage),
    dispose: () => {
      hosts.dispose()
    },
  }
}
