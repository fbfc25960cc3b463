import type { Nanos } from '../kernel/time.ts'
import type { RealTimeRun } from '../run/real-time-run.ts'
import { Lateness } from './lateness.ts'

/** A turn of the run takes at most this long in real time, so that the outside is heard and served in between. */
const SLICE_MS = 2

/** Node's timers keep whole milliseconds, and come late by up to one: what is nearer is waited for in small naps. */
const NAP_FROM: Nanos = 2_000_000
const NAP_MS = 0.5

/** Longest time that a timer of Node's takes. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** What a pacer drives, and whom it tells. */
export interface Paced {
  readonly run: RealTimeRun
  /** Milliseconds of real time, with fractions, from any beginning. */
  readonly clock: () => number
  /** What the run sent outside goes out now. */
  flush(): void
  /** The run is at its end. */
  over(): void
}

/**
 * Lets a run go on as real time does: grants time up to the clock, and sleeps until there is something to do. Between the events of a busy
 * run it sleeps in naps, for timers are too coarse; with nothing to do it uses no processor at all.
 */
export class Pacer {
  readonly lateness: Lateness
  /** What the clock said when simulated time began; undefined before. */
  private origin: number | undefined
  private stopped = false
  private timer: NodeJS.Timeout | undefined
  private immediate: NodeJS.Immediate | undefined
  /** Nobody else wakes it up: it is there to sleep on. */
  private readonly bed = new Int32Array(new SharedArrayBuffer(4))
  /** When the frames of this turn arrived for the outside. */
  private readonly arrivals: Nanos[] = []
  private sliceEnd = 0
  /** Until when it sleeps, in simulated time. */
  private wakeAt: Nanos = 0

  /** @param tell a line about being late, for people and programs */
  constructor(
    private readonly paced: Paced,
    tell: (line: string) => void,
  ) {
    this.lateness = new Lateness(tell)
  }

  get began(): boolean {
    return this.origin !== undefined
  }

  /** Simulated time begins. */
  begin(): void {
    this.origin = this.paced.clock()
    this.turn()
  }

  /** What simulated time it should be. */
  get now(): Nanos {
    return this.origin === undefined ? 0 : Math.floor((this.paced.clock() - this.origin) * 1e6)
  }

  /** A frame has arrived for the outside. */
  arrived(at: Nanos): void {
    this.arrivals.push(at)
  }

  /** Lets happen what is due, for the last time. */
  stop(): void {
    this.turn()
    this.stopped = true
    this.rest()
  }

  /** Lets happen what is due. */
  readonly turn = (): void => {
    if (this.stopped || !this.began) return
    this.rest()
    const { run, clock } = this.paced
    this.sliceEnd = clock() + SLICE_MS
    const isThere = run.advance(this.now, this.mayGoOn)
    this.paced.flush()
    const { now, arrivals, lateness } = this
    for (const at of arrivals) lateness.delivered(now - at, now)
    arrivals.length = 0
    if (!isThere) lateness.behind(now - run.horizon, now)
    if (run.over) this.paced.over()
    else this.sleep(isThere ? run.nextTime : 0)
  }

  private readonly mayGoOn = (): boolean => this.paced.clock() < this.sliceEnd

  private sleep(until: Nanos): void {
    const wait = until + 1 - this.now
    this.wakeAt = until + 1
    if (wait > NAP_FROM) this.timer = setTimeout(this.turn, Math.min(LONGEST_TIMER_MS, Math.floor(wait / 1e6) - 1))
    else if (wait > 0) this.immediate = setImmediate(this.nap)
    else this.immediate = setImmediate(this.turn)
  }

  /** Frames from outside are heard between one nap and the next. */
  private readonly nap = (): void => {
    const wait = this.wakeAt - this.now
    if (wait > 0) Atomics.wait(this.bed, 0, 0, Math.min(wait / 1e6, NAP_MS))
    if (this.now < this.wakeAt) this.immediate = setImmediate(this.nap)
    else this.turn()
  }

  private rest(): void {
    clearTimeout(this.timer)
    clearImmediate(this.immediate)
  }
}
