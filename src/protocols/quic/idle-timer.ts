import type { Nanos } from '../endpoint.ts'

/** RFC 9000 section 10.1: at least three probe timeouts. */
const LEAST_PROBE_TIMEOUTS = 3

/** When a connection on which nothing happens is given up: RFC 9000 section 10.1. */
export class IdleTimer {
  /** When that is; undefined: never. */
  deadline: Nanos | undefined
  /** Whether something was sent that asks for an acknowledgment, since something was received last. */
  private hasSent = false

  /** @param timeout in nanoseconds; 0: never */
  constructor(private timeout: Nanos) {}

  /** What the peer has said of itself: the shorter one holds. In nanoseconds; 0: never. */
  peerTimeout(timeout: Nanos): void {
    if (timeout > 0) this.timeout = this.timeout === 0 ? timeout : Math.min(this.timeout, timeout)
  }

  /** A packet was received and processed, or the connection begins. */
  received(now: Nanos, probeTimeout: Nanos): void {
    this.hasSent = false
    this.restart(now, probeTimeout)
  }

  /** A packet was sent that asks for an acknowledgment. */
  sent(now: Nanos, probeTimeout: Nanos): void {
    if (this.hasSent) return
    this.hasSent = true
    this.restart(now, probeTimeout)
  }

  private restart(now: Nanos, probeTimeout: Nanos): void {
    if (this.timeout > 0) this.deadline = now + Math.max(this.timeout, LEAST_PROBE_TIMEOUTS * probeTimeout)
  }
}
