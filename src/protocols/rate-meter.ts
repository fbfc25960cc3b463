import type { Nanos } from './endpoint.ts'

const SECOND = 1e9

/** So many at once, and so many a second in the long run. */
export interface Rate {
  readonly burst: number
  readonly perSecond: number
}

/** Counts what happens against a rate: a bucket of tokens that fills as time passes. */
export class RateMeter {
  private tokens: number
  private since: Nanos = 0

  constructor(private readonly rate: Rate) {
    this.tokens = rate.burst
  }

  /** Something happened. @returns whether it was too much */
  exceeds(now: Nanos): boolean {
    const { burst, perSecond } = this.rate
    if (now > this.since) {
      this.tokens = Math.min(burst, this.tokens + ((now - this.since) * perSecond) / SECOND)
      this.since = now
    }
    if (this.tokens < 1) return true
    this.tokens--
    return false
  }
}
