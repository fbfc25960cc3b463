import type { Nanos } from '../../kernel/time.ts'

export interface CircuitBreakerOptions {
  /** What share of the requests of a window must fail, in (0, 1]. */
  readonly failureShare: number
  /** How many requests a window must have for that to mean anything. */
  readonly minRequests: number
  /** How long a window is. */
  readonly window: Nanos
  /** How long nothing is sent to who has failed. */
  readonly openFor: Nanos
  /** How many requests must succeed afterwards, one at a time, before it counts as well again. */
  readonly trials: number
}

export type CircuitState = 'closed' | 'open' | 'half-open'

/**
 * Stops asking somebody who fails (Nygard, *Release It!*): closed, it lets through and counts; open, it refuses, so that neither who asks
 * nor who is asked wastes time; half-open, it lets one request at a time find out.
 */
export class CircuitBreaker {
  state: CircuitState = 'closed'
  /** Of an open one: until when. */
  openUntil: Nanos = 0
  private windowFrom: Nanos = 0
  private requests = 0
  private failures = 0
  /** Of a half-open one. */
  private successes = 0
  private isTrying = false

  constructor(private readonly options: CircuitBreakerOptions) {}

  /** Whether a request may pass now. */
  get letsThrough(): boolean {
    return this.state === 'closed' || (this.state === 'half-open' && !this.isTrying)
  }

  /** A request was sent. */
  began(): void {
    if (this.state === 'half-open') this.isTrying = true
  }

  /** A request was given up by who had asked for it: that says nothing of who was asked. */
  abandoned(): void {
    this.isTrying = false
  }

  /** @returns whether the state has changed */
  succeeded(now: Nanos): boolean {
    this.isTrying = false
    if (this.state === 'half-open') {
      if (++this.successes < this.options.trials) return false
      this.close(now)
      return true
    }
    if (this.state === 'closed') this.count(now, false)
    return false
  }

  /** @returns whether the state has changed */
  failed(now: Nanos): boolean {
    this.isTrying = false
    if (this.state === 'open') return false
    const { failureShare, minRequests, openFor } = this.options
    if (this.state === 'closed') {
      this.count(now, true)
      if (this.requests < minRequests || this.failures < failureShare * this.requests) return false
    }
    this.state = 'open'
    this.openUntil = now + openFor
    return true
  }

  /** The time of an open one is over. */
  tryAgain(): void {
    this.state = 'half-open'
    this.successes = 0
    this.isTrying = false
  }

  private close(now: Nanos): void {
    this.state = 'closed'
    this.windowFrom = now
    this.requests = 0
    this.failures = 0
  }

  private count(now: Nanos, isFailure: boolean): void {
    if (now - this.windowFrom >= this.options.window) this.close(now)
    this.requests++
    if (isFailure) this.failures++
  }
}
