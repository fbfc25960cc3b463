/**
 * Two runs of one scenario, with one seed and one knob apart, on one playhead: what is done to one is done to both. Time goes on in both
 * as one; neither is shown further than the other has been simulated.
 *
 * A packet that is struck by hand is struck in both by its number on its direction of its link. As that packet may have passed long ago in
 * the other run, or not yet, both start anew then with one log, so that two runs with one log are all there is to a pair, and to a link
 * that shares it.
 */
import type { Nanos } from '../kernel/time.ts'
import type { Action, Intervention } from '../scenario/intervention.ts'
import type { KnobValue } from '../scenario/knob.ts'
import type { ResolvedScenario } from '../scenario/resolved.ts'
import type { Inspection } from '../trace/inspection.ts'
import type { TraceView } from '../trace/record.ts'
import { numberedPacket, numberOnLink } from './packet-strikes.ts'
import type { CaptureChoice, HostState, LinkState, RestartOptions, Run, RunState } from './run.ts'

/** What the two runs of a pair differ in. */
export interface PairKnob {
  readonly name: string
  readonly label: string
  /** The values, in words. */
  readonly values: readonly [string, string]
}

/** Longest step of real time that is played at once, in milliseconds. */
const LONGEST_FRAME = 100

/** Slowest and fastest, in simulated seconds a real second. */
const SPEEDS = [0.001, 10] as const

/**
 * Both runs as one: with what the first one shows, and what is done to both. `sides` are the two for themselves, which can be shown
 * beside each other; commands to either act on both.
 */
export class PairRun extends EventTarget implements Run {
  readonly sides: readonly [PairSide, PairSide]
  playhead: Nanos = 0
  private currentSpeed: number
  private playing = false
  /** How many changes of both runs are under way. */
  private busy = 0
  /** Ends when nothing is under way that was asked for. */
  private turns: Promise<unknown> = Promise.resolve()
  private animation: number | undefined
  private lastFrame = 0
  private advancing = false
  private broken: string | undefined
  private own: { readonly of: ResolvedScenario; readonly scenario: ResolvedScenario } | undefined

  /**
   * @param runs both paused, at 0
   * @param knob what they differ in; it can not be turned
   */
  constructor(
    private readonly runs: readonly [Run, Run],
    readonly knob: PairKnob,
  ) {
    super()
    this.currentSpeed = runs[0].speed
    this.sides = [new PairSide(this, runs[0]), new PairSide(this, runs[1])]
    for (const run of runs) {
      run.addEventListener('trace', this.forward)
      run.addEventListener('restart', this.forward)
      run.addEventListener('change', this.forward)
    }
  }

  /** The scenario without the knob that the runs differ in. */
  get scenario(): ResolvedScenario {
    const { scenario } = this.runs[0]
    if (this.own?.of !== scenario) {
      const knobs = scenario.knobs.filter(({ name }) => name !== this.knob.name)
      this.own = { of: scenario, scenario: { ...scenario, knobs } }
    }
    return this.own.scenario
  }
  get seed(): number {
    return this.runs[0].seed
  }
  get state(): RunState {
    if (this.broken !== undefined) return 'failed'
    const states = this.runs.map(({ state }) => state)
    if (states.includes('failed')) return 'failed'
    if (states.includes('loading')) return 'loading'
    if (this.playing) return 'playing'
    return states.every((state) => state === 'ended') && this.playhead >= this.horizon ? 'ended' : 'paused'
  }
  get failure(): string | undefined {
    return this.broken ?? this.runs[0].failure ?? this.runs[1].failure
  }
  get placement(): Run['placement'] {
    return this.runs[0].placement
  }
  /** How far both have been simulated, or the longer of the two when it goes on alone. */
  get horizon(): Nanos {
    return Math.max(this.runs[0].horizon, this.runs[1].horizon)
  }
  get speed(): number {
    return this.currentSpeed
  }
  set speed(value: number) {
    const [slowest, fastest] = SPEEDS
    this.currentSpeed = Math.min(fastest, Math.max(slowest, value))
    this.tell('change')
  }
  get trace(): TraceView {
    return this.runs[0].trace
  }
  get log(): readonly Intervention[] {
    return this.runs[0].log
  }
  get knobs(): Run['knobs'] {
    return this.runs[0].knobs
  }
  get links(): readonly LinkState[] {
    return this.runs[0].links
  }
  get hosts(): readonly HostState[] {
    return this.runs[0].hosts
  }

  play(): void {
    const { state } = this
    if (state === 'ended') this.moveTo(0)
    else if (state !== 'paused') return
    this.playing = true
    this.lastFrame = performance.now()
    this.animation ??= requestAnimationFrame(this.frame)
    this.tell('change')
  }

  pause(): void {
    if (this.animation !== undefined) cancelAnimationFrame(this.animation)
    this.animation = undefined
    if (!this.playing) return
    this.playing = false
    this.tell('change')
  }

  step(direction: 1 | -1): Promise<void> {
    this.pause()
    return this.inTurn(async () => {
      const { playhead } = this
      await Promise.all(this.runs.map((run) => run.step(direction)))
      const places = this.runs.map((run) => run.playhead).filter((at) => (direction === 1 ? at > playhead : at < playhead))
      // To the nearer of both, where both have something or nothing to show.
      await this.show(places.length === 0 ? playhead : direction === 1 ? Math.min(...places) : Math.max(...places))
    })
  }

  seek(time: Nanos): Promise<void> {
    return this.inTurn(() => this.show(time))
  }

  intervene(action: Action): Promise<void> {
    return this.interveneFrom(this.runs[0], action)
  }

  restart(options: RestartOptions = {}): Promise<void> {
    this.pause()
    return this.inTurn(async () => {
      this.broken = undefined
      await this.together(() => Promise.all(this.runs.map((run) => run.restart(options))))
      this.moveTo(options.at ?? 0)
      this.tell('restart')
      this.tell('change')
    })
  }

  inspect(frame: number): Promise<Inspection | undefined> {
    return this.runs[0].inspect(frame)
  }

  capture(choice: CaptureChoice): Promise<Uint8Array> {
    return this.runs[0].capture(choice)
  }

  qlog(): Promise<string | undefined> {
    return this.runs[0].qlog()
  }

  dispose(): void {
    this.pause()
    for (const run of this.runs) run.dispose()
  }

  /** Does something to both that was pointed at in one of them. */
  async interveneFrom(run: Run, action: Action): Promise<void> {
    if ('set' in action && action.set.knob === this.knob.name)
      throw new Error(`${this.knob.label} is what the two runs differ in. Show one of them alone to choose.`)
    // Before anything else changes what the packet's number stands for.
    const same = numbered(run, action)
    await this.inTurn(() => this.doToBoth(same))
  }

  private async doToBoth(action: Action): Promise<void> {
    const { knobs } = this.runs[0].scenario
    if ('set' in action && knobs.find(({ name }) => name === action.set.knob)?.applies === 'restart') {
      await this.setAnew(action)
      return
    }
    const isNow = this.runs.every((each) => each.playhead === each.horizon && each.horizon === this.playhead)
    if (isNow && numberedPacket(action) === undefined) {
      const { playing } = this
      this.pause()
      // The first says whether it is possible at all; then it is in the other.
      await this.together(async () => {
        await this.runs[0].intervene(action)
        await this.runs[1].intervene(action)
      })
      if (playing) this.play()
    } else await this.fork(action)
  }

  /** Both start anew with what was done up to the playhead and this, and are simulated up to there. */
  private async fork(action: Action): Promise<void> {
    const { playhead, playing } = this
    this.pause()
    const at = playhead + 1
    const log = [...this.log.filter((entry) => entry.at <= playhead), { ...action, at }]
    await this.together(() => Promise.all(this.runs.map((run) => run.restart({ log, at }))))
    this.playhead = at
    this.tell('restart')
    this.tell('trace')
    this.tell('time')
    this.tell('change')
    if (playing) this.play()
    const refused = this.trace.first('run:intervention-refused', ({ time }) => time === at)
    if (refused !== undefined) throw new Error(String(refused.data['why']))
  }

  /** A knob that needs both to start anew. */
  private async setAnew(action: Action): Promise<void> {
    const { playing } = this
    this.pause()
    await this.together(() => Promise.all(this.runs.map((run) => run.intervene(action))))
    this.moveTo(0)
    this.tell('restart')
    this.tell('change')
    if (playing) this.play()
  }

  /** What happens to the runs on the way is not told. */
  private async together(change: () => Promise<unknown>): Promise<void> {
    this.busy++
    try {
      await change()
    } finally {
      this.busy--
    }
  }

  /** One thing after the other, so that both runs have been through the same. */
  private inTurn(task: () => Promise<void>): Promise<void> {
    const turn = this.turns.then(task)
    this.turns = Promise.allSettled([turn])
    return turn
  }

  private async show(time: Nanos): Promise<void> {
    await this.seekBoth(time)
    this.moveTo(Math.max(this.runs[0].playhead, this.runs[1].playhead))
    this.tell('change')
  }

  private async seekBoth(time: Nanos): Promise<void> {
    await Promise.all(this.runs.map((run) => run.seek(time)))
  }

  private readonly frame = (now: number): void => {
    this.animation = undefined
    if (!this.playing) return
    this.animation = requestAnimationFrame(this.frame)
    if (this.advancing) return
    const elapsed = Math.min(LONGEST_FRAME, Math.max(0, now - this.lastFrame))
    this.lastFrame = now
    void this.advance(Math.min(this.scenario.duration, this.playhead + Math.round(elapsed * 1e6 * this.currentSpeed)))
  }

  private async advance(time: Nanos): Promise<void> {
    this.advancing = true
    try {
      await this.seekBoth(time)
      if (!this.playing) return
      this.moveTo(Math.max(this.runs[0].playhead, this.runs[1].playhead))
      if (this.runs.every(({ state }) => state === 'ended')) {
        this.moveTo(this.horizon)
        this.pause()
      }
    } catch (error) {
      this.broken = error instanceof Error ? error.message : String(error)
      this.pause()
    } finally {
      this.advancing = false
    }
  }

  private moveTo(time: Nanos): void {
    this.playhead = time
    this.tell('time')
  }

  private readonly forward = (event: Event): void => {
    if (this.busy === 0) this.tell(event.type)
  }

  /** Tells those who follow the pair, and those who follow a side of it. */
  private tell(name: string): void {
    this.dispatchEvent(new Event(name))
    for (const side of this.sides) side.dispatchEvent(new Event(name))
  }
}

/** One run of a pair: shows its own trace at the playhead of both, and passes on what it is told to do. */
class PairSide extends EventTarget implements Run {
  constructor(
    private readonly pair: PairRun,
    private readonly run: Run,
  ) {
    super()
  }

  get scenario(): ResolvedScenario {
    return this.run.scenario
  }
  get seed(): number {
    return this.run.seed
  }
  get state(): RunState {
    return this.pair.state
  }
  get failure(): string | undefined {
    return this.run.failure
  }
  get placement(): Run['placement'] {
    return this.run.placement
  }
  get playhead(): Nanos {
    return this.pair.playhead
  }
  get horizon(): Nanos {
    return Math.max(this.run.horizon, this.pair.playhead)
  }
  get speed(): number {
    return this.pair.speed
  }
  set speed(value: number) {
    this.pair.speed = value
  }
  get trace(): TraceView {
    return this.run.trace
  }
  get log(): readonly Intervention[] {
    return this.run.log
  }
  get knobs(): Readonly<Record<string, KnobValue>> {
    return this.run.knobs
  }
  get links(): readonly LinkState[] {
    return this.run.links
  }
  get hosts(): readonly HostState[] {
    return this.run.hosts
  }

  play(): void {
    this.pair.play()
  }
  pause(): void {
    this.pair.pause()
  }
  step(direction: 1 | -1): Promise<void> {
    return this.pair.step(direction)
  }
  seek(time: Nanos): Promise<void> {
    return this.pair.seek(time)
  }
  intervene(action: Action): Promise<void> {
    return this.pair.interveneFrom(this.run, action)
  }
  restart(options?: RestartOptions): Promise<void> {
    return this.pair.restart(options)
  }
  inspect(frame: number): Promise<Inspection | undefined> {
    return this.run.inspect(frame)
  }
  capture(choice: CaptureChoice): Promise<Uint8Array> {
    return this.run.capture(choice)
  }
  qlog(): Promise<string | undefined> {
    return this.run.qlog()
  }
  dispose(): void {
    this.pair.dispose()
  }
}

/** What was done to a run, with packets named so that it means the same in another run of the scenario. */
export function logByLink(run: Run): readonly Intervention[] {
  return run.log.map((entry) => ({ ...numbered(run, entry), at: entry.at }))
}

/** An action with its packet, if it strikes one, named by its number on its link instead of its number in this run. */
function numbered(run: Run, action: Action): Action {
  const choice = 'drop' in action ? action.drop : 'corrupt' in action ? action.corrupt : undefined
  if (choice === undefined || !('frame' in choice)) return action
  const frame = run.trace.frame(choice.frame)
  if (frame === undefined) throw new Error(`Packet #${String(choice.frame)} is no longer kept.`)
  const { link, direction } = frame
  const packet = { link: run.scenario.links[link].name, direction, packet: numberOnLink(run.trace, frame) }
  return 'drop' in action ? { drop: packet } : { corrupt: packet }
}
