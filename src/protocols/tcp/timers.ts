import type { Nanos } from '../endpoint.ts'

/** The timers of a connection, indices into its table. */
export const TcpTimer = {
  /** RFC 6298; for the SYN too. */
  RETRANSMIT: 0,
  /** Zero-window probes, RFC 9293 section 3.8.6.1. */
  PERSIST: 1,
  /** RFC 9293 section 3.8.6.3. */
  DELAYED_ACK: 2,
  /** The sender's override of silly window avoidance, RFC 9293 section 3.8.6.2.1. */
  SILLY_WINDOW: 3,
  /** RFC 9293 section 3.4.2. */
  TIME_WAIT: 4,
  /** A fully closed connection waits for the peer's FIN. */
  FIN_WAIT_2: 5,
  /** RFC 9293 section 3.8.4. */
  KEEP_ALIVE: 6,
  /** When the next segment may leave under pacing. */
  PACING: 7,
  /** What is late by then is lost: RFC 8985 section 6.2 step 5. */
  REORDERING: 8,
  /** Nothing was heard: RFC 8985 section 7.2. */
  LOSS_PROBE: 9,
} as const
export type TcpTimer = (typeof TcpTimer)[keyof typeof TcpTimer]

/** Deadlines in absolute time; `Infinity`: not set. */
export class TimerTable {
  // An array, not a typed one: that takes three objects, and a crowd has thousands of these.
  private readonly deadlines = [
    Infinity,
    Infinity,
    Infinity,
    Infinity,
    Infinity,
    Infinity,
    Infinity,
    Infinity,
    Infinity,
    Infinity,
  ]
  /** A bit for each timer that is set. */
  private running = 0

  set(timer: TcpTimer, at: Nanos): void {
    this.deadlines[timer] = at
    this.running |= 1 << timer
  }

  clear(timer: TcpTimer): void {
    if ((this.running & (1 << timer)) === 0) return
    this.deadlines[timer] = Infinity
    this.running &= ~(1 << timer)
  }

  clearAll(): void {
    if (this.running === 0) return
    this.deadlines.fill(Infinity)
    this.running = 0
  }

  isSet(timer: TcpTimer): boolean {
    return (this.running & (1 << timer)) !== 0
  }

  /** When a timer expires; `Infinity`: it is not set. */
  at(timer: TcpTimer): Nanos {
    return this.deadlines[timer]
  }

  /** Whether the timer's deadline is at or before `now`; if so, it is cleared. */
  expire(timer: TcpTimer, now: Nanos): boolean {
    if (this.deadlines[timer] > now) return false
    this.clear(timer)
    return true
  }

  /** `Infinity` when none is set. */
  earliest(): Nanos {
    let earliest = Infinity
    for (let left = this.running; left !== 0; left &= left - 1) {
      const at = this.deadlines[31 - Math.clz32(left & -left)]
      if (at < earliest) earliest = at
    }
    return earliest
  }
}
