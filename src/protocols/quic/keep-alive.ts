import type { Nanos } from '../endpoint.ts'

const SECOND = 1_000_000_000
const FIRST: Nanos = SECOND
const LONGEST: Nanos = 15 * SECOND

/**
 * When a client that waits for an answer, and hears nothing, shows that it is still there. Where a NAT on the way has forgotten it, the server
 * would speak to nobody until then (RFC 9000 section 10.1.2). Intervals get longer as long as nothing but acknowledgments comes of it: from
 * one second up to Chromium's fifteen.
 */
export class KeepAlive {
  private since: Nanos = 0
  private interval: Nanos = FIRST

  /** Something was received. @param isNews whether it was more than acknowledgments */
  received(now: Nanos, isNews: boolean): void {
    this.since = now
    if (isNews) this.interval = FIRST
  }

  get deadline(): Nanos {
    return this.since + this.interval
  }

  /** @returns whether a PING is due */
  handleTimeout(now: Nanos): boolean {
    if (now < this.deadline) return false
    this.since = now
    this.interval = Math.min(2 * this.interval, LONGEST)
    return true
  }
}
