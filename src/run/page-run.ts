import type { Nanos } from '../kernel/time.ts'
import type { Action, Intervention } from '../scenario/intervention.ts'
import { findKnob, type KnobValue } from '../scenario/knob.ts'
import type { ResolvedScenario } from '../scenario/resolved.ts'
import { PACKED_WIDTH } from '../trace/frame-table.ts'
import type { Inspection } from '../trace/inspection.ts'
import { budgetsOf } from '../trace/recorder.ts'
import { nextMoment, previousMoment } from '../trace/moments.ts'
import { TraceStore } from '../trace/trace-store.ts'
import { numberedPacket } from './packet-strikes.ts'
import { startBackend, type Backend, type Placement } from './backend.ts'
import type { Update } from './director-service.ts'
import type { CaptureChoice, HostState, LinkState, RestartOptions, Run, RunState } from './run.ts'
import { usualTraceLimit } from './trace-limit.ts'

export interface PageRunOptions {
  readonly seed?: number
  readonly log?: readonly Intervention[]
  /** Where hosts should live; workers unless they are refused. */
  readonly placement?: Placement
  /** In bytes. */
  readonly traceLimit?: number
  /** Gives the scenario anew with other values of knobs that need a fresh start. */
  readonly rebuild?: (knobs: Readonly<Record<string, KnobValue>>) => ResolvedScenario
}

/** Longest step of real time that is played at once, in milliseconds: after a stall, time goes on where it stopped. */
const LONGEST_FRAME = 100

/** Most that is owed when the director is late, in milliseconds of real time; what goes beyond makes the run slower. */
const MOST_OWED = 2 * LONGEST_FRAME

/** While the run goes somewhere unseen, its trace is told of this often, in milliseconds: to draw each piece would take longer than to simulate it. */
const TELL_EVERY = 250

/** Over how long it is measured whether the run is as fast as was asked for, in milliseconds of real time. */
const PACE_WINDOW = 2000

/** From what part of the asked speed on a run is as fast as was asked for. */
const FAST_ENOUGH = 0.9

/** Slowest and fastest, in simulated seconds a real second. */
const SPEEDS = [0.001, 10] as const

/** A run on a page: moves the playhead, and keeps what the director tells. */
export class PageRun extends EventTarget implements Run {
  state: RunState = 'loading'
  failure: string | undefined
  pace: number | undefined
  placement: Placement = 'inline'
  playhead: Nanos = 0
  horizon: Nanos = 0
  trace: TraceStore
  log: readonly Intervention[] = []
  knobs: Readonly<Record<string, KnobValue>>
  links: readonly LinkState[]
  hosts: readonly HostState[]
  seed: number

  private backend: Backend | undefined
  /** Names of the trace's conversations: a crowd has so many that they are not copied for each new one. */
  private connections: string[] = ['']
  private over = false
  private animation: number | undefined
  private lastFrame = 0
  /** Real time that has passed and is still to be shown, in milliseconds: what is asked for in one frame comes after it. */
  private owed = 0
  /** Whether the reader is where the run is being simulated: what is ahead of the playhead is what the next frame will show. */
  private live = false
  /** Real milliseconds that were played, and simulated time that was shown, since the pace was last measured. */
  private paceTime = 0
  private paceShown: Nanos = 0
  private advancing = false
  /** Up to where frames want it simulated. */
  private wanted: Nanos = 0
  private currentSpeed: number
  private disposed = false
  /** How many are waiting for the run to get somewhere; meanwhile what is new in the trace is told now and then only. */
  private silent = 0
  private untold = false
  private toldAt = 0
  /** Counts restarts, so that answers to an earlier run are not taken for this one's. */
  private generation = 0

  private constructor(
    public scenario: ResolvedScenario,
    private readonly options: PageRunOptions,
  ) {
    super()
    this.seed = options.seed ?? scenario.seed
    this.currentSpeed = scenario.speed
    this.trace = emptyTrace(scenario)
    this.trace.connections = this.connections
    this.knobs = Object.fromEntries(scenario.knobs.map(({ name, value }) => [name, value]))
    this.links = scenario.links.map(({ settings }) => ({ settings }))
    this.hosts = scenario.hosts.map(() => ({ power: 'on' }))
  }

  /** Starts workers (or not) and powers the hosts on; the run is paused at 0. */
  static async start(scenario: ResolvedScenario, options: PageRunOptions = {}): Promise<PageRun> {
    const run = new PageRun(scenario, options)
    await run.begin(options.log ?? [], 0)
    return run
  }

  get speed(): number {
    return this.currentSpeed
  }
  set speed(value: number) {
    const [slowest, fastest] = SPEEDS
    this.currentSpeed = Math.min(fastest, Math.max(slowest, value))
    this.changed()
  }

  play(): void {
    if (this.state === 'ended') {
      // From the start again: the same run is shown once more.
      this.playhead = 0
      this.tellTime()
    }
    if (this.state === 'failed' || this.state === 'loading' || this.state === 'playing') return
    this.setState('playing')
    this.lastFrame = performance.now()
    this.owed = this.paceTime = this.paceShown = 0
    this.animation ??= requestAnimationFrame(this.frame)
  }

  pause(): void {
    if (this.animation !== undefined) cancelAnimationFrame(this.animation)
    this.animation = undefined
    if (this.state !== 'playing') return
    this.pace = undefined
    if (this.live) this.catchUp()
    this.setState('paused')
  }

  async step(direction: 1 | -1): Promise<void> {
    this.pause()
    this.live = false
    if (direction === -1) {
      this.movePlayhead(previousMoment(this.trace, this.playhead))
      return
    }
    for (;;) {
      const next = nextMoment(this.trace, this.playhead, this.horizon)
      if (next !== undefined) {
        this.movePlayhead(next)
        return
      }
      if (this.over || this.backend === undefined) {
        this.movePlayhead(this.horizon)
        return
      }
      const { api } = this.backend
      await this.ask(() => api.advanceToNext(this.scenario.duration))
    }
  }

  async seek(time: Nanos): Promise<void> {
    const target = Math.max(0, Math.min(Math.round(time), this.scenario.duration))
    this.live = false
    await this.simulateTo(target)
    this.movePlayhead(Math.min(target, Math.max(this.horizon, this.over ? target : 0)))
  }

  async intervene(action: Action): Promise<void> {
    if (this.backend === undefined) throw new Error('The run has not started yet.')
    const needsRestart = 'set' in action && findKnob(this.scenario, action.set.knob).applies === 'restart'
    if (needsRestart) {
      await this.rebuild(action.set.knob, action.set.value)
      return
    }
    // A packet is struck where it is seen; all else may act a frame later, rather than have the run begin anew.
    if (this.live && !('drop' in action || 'corrupt' in action)) this.catchUp()
    if (this.playhead < this.horizon || numberedPacket(action) !== undefined) {
      const log = this.log.filter(({ at }) => at <= this.playhead)
      // Just after what the reader sees: an intervention acts before all else at its time, also before what is seen there.
      const at = this.playhead + 1
      const { state } = this
      await this.begin([...log, { ...action, at }], at)
      if (state === 'playing') this.play()
      const refused = this.trace.first('run:intervention-refused', ({ time }) => time === at)
      if (refused !== undefined) throw new Error(String(refused.data['why']))
      return
    }
    const { api } = this.backend
    await this.ask(() => api.intervene(action))
  }

  async restart(options: RestartOptions = {}): Promise<void> {
    if (options.seed !== undefined) this.seed = options.seed
    await this.begin(options.log ?? [], options.at ?? 0)
  }

  async inspect(frame: number): Promise<Inspection | undefined> {
    return this.backend?.api.inspect(frame)
  }

  async capture(choice: CaptureChoice): Promise<Uint8Array> {
    if (this.backend === undefined) throw new Error('The run has not started yet.')
    return this.backend.api.capture(choice)
  }

  async qlog(): Promise<string | undefined> {
    if (this.backend === undefined) throw new Error('The run has not started yet.')
    return this.backend.api.qlog()
  }

  dispose(): void {
    this.disposed = true
    this.generation++
    this.pause()
    this.backend?.api.dispose()
    this.backend = undefined
  }

  /** Starts anew with a log, simulates silently up to `until`, and shows that. */
  private async begin(log: readonly Intervention[], until: Nanos): Promise<void> {
    const generation = ++this.generation
    const { scenario, seed, traceLimit } = this
    this.pause()
    this.live = false
    const first = this.backend === undefined
    let backend: Backend
    try {
      backend = await startBackend(scenario, { seed, interventions: log, traceLimit }, this.options.placement ?? 'workers')
    } catch (error) {
      this.fail(error)
      return
    }
    if (generation !== this.generation) {
      backend.api.dispose()
      return
    }
    this.backend?.api.dispose()
    this.backend = backend
    this.placement = backend.placement
    backend.onFailure = (why) => {
      this.fail(new Error(why))
    }
    this.trace = emptyTrace(scenario)
    this.connections = ['']
    this.trace.connections = this.connections
    this.horizon = 0
    this.over = false
    this.playhead = 0
    if (!first) this.dispatchEvent(new Event('restart'))
    await this.simulateTo(until)
    // An intervention at that very moment acts before the playhead moves on.
    await this.ask(() => backend.api.advance(until))
    if (generation !== this.generation) return
    this.playhead = Math.min(until, this.horizon)
    this.setState('paused')
    this.tellTime()
  }

  private async rebuild(knob: string, value: KnobValue): Promise<void> {
    const { rebuild } = this.options
    if (rebuild === undefined) throw new Error('This knob can only be set before the run starts.')
    const playing = this.state === 'playing'
    const knobs = { ...this.knobs, [knob]: value }
    this.scenario = rebuild(knobs)
    this.knobs = knobs
    await this.begin([], 0)
    if (playing) this.play()
  }

  private async simulateTo(time: Nanos): Promise<void> {
    const { generation } = this
    this.silent++
    try {
      while (this.horizon < time && !this.over && this.backend !== undefined && generation === this.generation) {
        const { api } = this.backend
        await this.ask(() => api.advance(time))
      }
    } finally {
      this.silent--
      if (this.untold) this.tellTrace()
    }
  }

  private readonly frame = (now: number): void => {
    this.animation = undefined
    if (this.state !== 'playing') return
    const passed = Math.max(0, now - this.lastFrame)
    this.lastFrame = now
    this.owed = Math.min(MOST_OWED, this.owed + Math.min(LONGEST_FRAME, passed))
    const target = Math.min(this.scenario.duration, this.playhead + Math.round(this.owed * 1e6 * this.currentSpeed))
    this.live = target >= this.horizon
    if (target > this.horizon && !this.over) void this.advanceWhilePlaying(target)
    const shown = (this.over ? target : Math.min(target, this.horizon)) - this.playhead
    this.owed = Math.max(0, this.owed - shown / 1e6 / this.currentSpeed)
    this.playhead += shown
    this.measurePace(passed, shown)
    this.tellTime()
    if (this.over && this.playhead >= this.horizon) {
      this.playhead = this.horizon
      this.pace = undefined
      this.setState('ended')
      this.tellTime()
      return
    }
    this.animation = requestAnimationFrame(this.frame)
  }

  private async advanceWhilePlaying(target: Nanos): Promise<void> {
    this.wanted = target
    if (this.advancing || this.backend === undefined) return
    this.advancing = true
    try {
      // As much is done at once as a moment allows, while the frames that come meanwhile want more.
      const { generation } = this
      while (this.live && this.horizon < this.wanted && !this.over && this.state === 'playing') {
        const { api } = this.backend
        await this.ask(() => api.advance(this.wanted))
        if (generation !== this.generation) break
      }
    } catch (error) {
      this.fail(error)
    } finally {
      this.advancing = false
      // It came after the reader had paused.
      if (this.live && this.state === 'paused') this.catchUp()
    }
  }

  /** Shows what has been simulated. */
  private catchUp(): void {
    if (this.playhead < this.horizon) this.movePlayhead(this.horizon)
  }

  private measurePace(passed: number, shown: Nanos): void {
    this.paceTime += passed
    this.paceShown += shown
    if (this.paceTime < PACE_WINDOW) return
    const pace = this.paceShown / 1e6 / this.paceTime
    this.paceTime = this.paceShown = 0
    const before = this.pace
    this.pace = pace < this.currentSpeed * FAST_ENOUGH ? Number(pace.toPrecision(1)) : undefined
    if (this.pace !== before) this.changed()
  }

  /** Asks the director, and takes in its answer unless the run has begun anew meanwhile. */
  private async ask(question: () => Promise<Update>): Promise<void> {
    const { generation } = this
    let update: Update
    try {
      update = await question()
    } catch (error) {
      if (generation !== this.generation) return
      throw error
    }
    if (generation === this.generation && !this.disposed) this.take(update)
  }

  private get traceLimit(): number {
    return this.options.traceLimit ?? usualTraceLimit(this.scenario)
  }

  private take({ horizon, over, trace, network }: Update): void {
    const { table, eventTable } = this.trace
    for (let offset = 0; offset < trace.rows.length; offset += PACKED_WIDTH) table.unpack(trace.rows, offset)
    for (const event of trace.events) eventTable.adopt(event)
    for (const name of trace.connections) this.connections.push(name)
    this.trace.thinnedBytes = trace.thinnedBytes
    this.trace.horizon = horizon
    const { columns, events } = budgetsOf(this.traceLimit)
    this.trace.thin(events, columns)
    this.horizon = horizon
    this.over = over
    if (trace.rows.length > 0 || trace.events.length > 0) {
      this.untold = true
      if (this.silent === 0 || performance.now() - this.toldAt > TELL_EVERY) this.tellTrace()
    }
    if (network !== undefined) {
      this.links = network.links
      this.hosts = network.hosts
      this.knobs = { ...this.knobs, ...network.knobs }
      this.log = network.log
      this.changed()
    }
  }

  private movePlayhead(time: Nanos): void {
    this.playhead = time
    if (this.state === 'ended' && time < this.horizon) this.setState('paused')
    if (this.over && time >= this.horizon && this.state === 'paused') this.setState('ended')
    this.tellTime()
  }

  private fail(error: unknown): void {
    this.failure = error instanceof Error ? error.message : String(error)
    this.pause()
    this.setState('failed')
  }

  private setState(state: RunState): void {
    if (this.state === state) return
    this.state = state
    this.changed()
  }

  private changed(): void {
    this.dispatchEvent(new Event('change'))
  }

  private tellTrace(): void {
    this.untold = false
    this.toldAt = performance.now()
    this.dispatchEvent(new Event('trace'))
  }

  private tellTime(): void {
    this.dispatchEvent(new Event('time'))
  }
}

function emptyTrace(scenario: ResolvedScenario): TraceStore {
  return new TraceStore(
    scenario.hosts.map(({ name }) => name),
    scenario.links.map(({ hosts }) => hosts),
  )
}
