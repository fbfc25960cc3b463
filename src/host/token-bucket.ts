import type { Nanos } from '../kernel/time.ts'

/** Lets through a burst, and from then on one thing each `interval`. */
export class TokenBucket {
  private tokens: number
  private filledAt: Nanos = 0

  constructor(
    private readonly burst: number,
    private readonly interval: Nanos,
  ) {
    this.tokens = burst
  }

  /** Takes one token, if there is one. */
  take(now: Nanos): boolean {
    const intervals = Math.floor((now - this.filledAt) / this.interval)
    if (intervals > 0) {
      this.tokens = Math.min(this.burst, this.tokens + intervals)
      this.filledAt += intervals * this.interval
    }
    if (this.tokens === 0) return false
    this.tokens--
    return true
  }
}
