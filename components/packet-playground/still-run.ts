import type { HostState, LinkState, Run } from '../../src/run/run.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'
import type { EventRecord, FrameRecord, TraceView } from '../../src/trace/record.ts'

/** A trace in which nothing has happened. */
class EmptyTrace implements TraceView {
  readonly frameCount = 0
  readonly firstKept = 1
  readonly thinnedBytes = 0
  readonly connections: readonly string[] = ['']
  readonly events: readonly EventRecord[] = []
  constructor(readonly hosts: readonly string[]) {}
  frame(): undefined {
    return undefined
  }
  frameById(): undefined {
    return undefined
  }
  eventById(): undefined {
    return undefined
  }
  *frames(): IterableIterator<FrameRecord> {
    // There are none.
  }
  first(): undefined {
    return undefined
  }
  all(): EventRecord[] {
    return []
  }
}

/**
 * A run that stands at zero and has no engine: what the elements draw while the engine is on its way, so that the network is there
 * from the first paint and nothing moves when the run comes.
 */
export class StillRun extends EventTarget implements Run {
  readonly seed: number
  readonly state = 'loading'
  readonly failure = undefined
  readonly placement = 'inline'
  readonly playhead = 0
  readonly horizon = 0
  readonly trace: TraceView
  readonly log: readonly Intervention[] = []
  readonly knobs: Run['knobs']
  readonly links: readonly LinkState[]
  readonly hosts: readonly HostState[]

  constructor(
    readonly scenario: ResolvedScenario,
    public speed: number,
  ) {
    super()
    this.seed = scenario.seed
    this.trace = new EmptyTrace(scenario.hosts.map(({ name }) => name))
    this.knobs = Object.fromEntries(scenario.knobs.map(({ name, value }) => [name, value]))
    this.links = scenario.links.map(({ settings }) => ({ settings }))
    this.hosts = scenario.hosts.map(() => ({ power: 'on' }))
  }

  play(): void {
    // Nothing to play yet.
  }
  pause(): void {
    // It stands.
  }
  step(): Promise<void> {
    return Promise.resolve()
  }
  seek(): Promise<void> {
    return Promise.resolve()
  }
  intervene(): Promise<void> {
    return Promise.reject(new Error('The network is still being set up; try again in a moment.'))
  }
  restart(): Promise<void> {
    return Promise.resolve()
  }
  inspect(): Promise<undefined> {
    return Promise.resolve(undefined)
  }
  capture(): Promise<Uint8Array> {
    return Promise.reject(new Error('The network is still being set up; try again in a moment.'))
  }
  qlog(): Promise<undefined> {
    return Promise.resolve(undefined)
  }
  dispose(): void {
    // It holds nothing.
  }
}
