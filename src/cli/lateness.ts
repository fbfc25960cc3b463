import { SECOND, type Nanos } from '../kernel/time.ts'

/** From here on, real time is not kept, and it is said. Longer than a busy machine usually keeps a process waiting. */
export const LATE: Nanos = 20_000_000

/** So many deliveries are remembered for the percentiles; more than a minute of 10 Mbit/s. */
const REMEMBERED = 65_536

/** How late things were, in milliseconds of real time. */
export interface LatenessReport {
  /** Of frames to the outside: when they went out, compared with when they arrived in simulated time. */
  readonly p50: number
  readonly p99: number
  readonly max: number
  /** The longest that the run as a whole was behind. */
  readonly behind: number
  /** How many frames, out or in, were late by more than 20 ms. */
  readonly lateFrames: number
}

/** Watches how well a run keeps up with real time, and says so when it does not, at most once a second. */
export class Lateness {
  private readonly deliveries = new Float64Array(REMEMBERED)
  private count = 0
  private max: Nanos = 0
  private mostBehind: Nanos = 0
  private lateFrames = 0
  private toldAt: Nanos = -SECOND

  constructor(private readonly tell: (line: string) => void) {}

  /** A frame went outside, so much later than it should have. */
  delivered(late: Nanos, now: Nanos): void {
    this.deliveries[this.count++ % REMEMBERED] = late
    if (late > this.max) this.max = late
    if (late <= LATE) return
    this.lateFrames++
    this.say(late, now)
  }

  /** A frame from outside enters the network so much later than it came in; not above 0 when it is in time. */
  received(late: Nanos, now: Nanos): void {
    if (late <= LATE) return
    this.lateFrames++
    this.say(late, now)
  }

  /** The run as a whole is so much behind. */
  behind(late: Nanos, now: Nanos): void {
    if (late > this.mostBehind) this.mostBehind = late
    if (late > LATE) this.say(late, now)
  }

  get report(): LatenessReport {
    const sorted = this.deliveries.slice(0, Math.min(this.count, REMEMBERED)).sort()
    const quantile = (part: number): number =>
      sorted.length === 0 ? 0 : milliseconds(sorted[Math.floor((sorted.length - 1) * part)])
    return {
      p50: quantile(0.5),
      p99: quantile(0.99),
      max: milliseconds(this.max),
      behind: milliseconds(this.mostBehind),
      lateFrames: this.lateFrames,
    }
  }

  private say(late: Nanos, now: Nanos): void {
    if (now - this.toldAt < SECOND) return
    this.toldAt = now
    this.tell(JSON.stringify({ late: { milliseconds: milliseconds(late), at: now / SECOND, lateFrames: this.lateFrames } }))
  }
}

/** With microseconds. */
function milliseconds(time: Nanos): number {
  return Math.round(time / 1000) / 1000
}
