import type { Nanos } from '../../kernel/time.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'

/** What a balancer says of a server. 'down': health checks fail; 'ejected': it failed those who were sent to it. */
export type BackendState = 'up' | 'down' | 'draining' | 'ejected' | 'slow-start'

/** Over how much of the past an answer's duration counts. */
const MEMORY: Nanos = 10_000_000_000

/** Of its weight, what a server has at the beginning of its slow start: with nothing at all it would never begin. */
const FIRST_SHARE = 0.1

/**
 * One server, as a balancer knows it. Its health is the pool's business (pool.ts); strategies only read.
 */
export class Backend {
  /** Its share as configured, relative to the others': more than 0. */
  weight: number
  /** How many connections or requests it has from us at this moment. */
  active = 0
  /** How many it may have; Infinity: any number. Settles in the pool. */
  limit = Infinity
  /** Watches over those sent to it; undefined: nobody does. */
  breaker: CircuitBreaker | undefined
  /** Whether active checks believe in it. */
  isHealthy = true
  /** Whether it gets nothing new, and keeps what it has. */
  isDraining = false
  /** Until when it is left alone for its failures; 0: it is not. */
  ejectedUntil: Nanos = 0
  /** When it came back, for its slow start; undefined: that is over, or never was. */
  rampFrom: Nanos | undefined
  /** How long its slow start takes. */
  ramp: Nanos = 0
  /** Peak-sensitive mean of how long it takes to answer, in nanoseconds; 0: nothing is known. */
  responseTime = 0
  private measuredAt: Nanos = 0

  /**
   * @param name for the trace, and for its places in tables of hashes: unique in its pool
   * @param index its place in the pool
   */
  constructor(
    readonly name: string,
    readonly index: number,
    weight = 1,
  ) {
    this.weight = weight
  }

  /** Whether it may get one more now. */
  get hasRoom(): boolean {
    return this.active < this.limit && this.breaker?.letsThrough !== false
  }

  /** Its share of its weight at this time, in (0, 1]: grows evenly over its slow start. */
  shareAt(now: Nanos): number {
    if (this.rampFrom === undefined) return 1
    const past = now - this.rampFrom
    return past >= this.ramp ? 1 : FIRST_SHARE + (1 - FIRST_SHARE) * (past / this.ramp)
  }

  /**
   * It has answered. What is slower than expected counts at once, what is faster by and by, the more the longer ago the last answer was
   * (as in Twitter's Finagle, with a hyperbola in the place of its exponential, which engines do not agree on).
   */
  answered(duration: Nanos, now: Nanos): void {
    if (duration > this.responseTime) this.responseTime = duration
    else {
      const past = now - this.measuredAt
      // One answer counts for something even when many come at once.
      const kept = Math.min(MEMORY / (MEMORY + past), 0.9)
      this.responseTime = this.responseTime * kept + duration * (1 - kept)
    }
    this.measuredAt = now
  }
}
