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

const COUNT = Object.keys(TcpTimer).length

/** Deadlines in absolute time; `Infinity`: not set. */
export class TimerTable {
  private readonly deadlines = new Float64Array(COUNT).fill(Infinity)

  set(timer: TcpTimer, at: Nanos): void {
    this.deadlines[timer] = at
  }

  clear(timer: TcpTimer): void {
    this.deadlines[timer] = Infinity
  }

  clearAll(): void {
    this.deadlines.fill(Infinity)
  }

  isSet(timer: TcpTimer): boolean {
    return this.deadlines[timer] !== Infinity
  }

  /** When a timer expires; `Infinity`: it is not set. */
  at(timer: TcpTimer): Nanos {
    return this.deadlines[timer]
  }

  /** Whether the timer's deadline is at or before `now`; if so, it is cleared. */
  expire(timer: TcpTimer, now: Nanos): boolean {
    if (this.deadlines[timer] > now) return false
    this.deadlines[timer] = Infinity
    return true
  }

  /** `Infinity` when none is set. */
  earliest(): Nanos {
    let earliest = Infinity
    for (let i = 0; i < COUNT; i++) if (this.deadlines[i] < earliest) earliest = this.deadlines[i]
    return earliest
  }
}
