import { serializationTime, type Nanos } from './time.ts'

/**
 * Lets bytes through at a rate in the long run, and as many at once as it is deep. Counted as time, as in the generic cell rate
 * algorithm (ITU-T I.371): all that matters is when the bucket will be full again.
 */
export class TokenBucket {
  private fullAt: Nanos = 0

  /** When there will be tokens for so many bytes; a frame that is larger than the bucket has to wait until it is full. */
  readyAt(bytes: number, rate: number, depth: number, now: Nanos): Nanos {
    const credit = serializationTime(depth, rate) - serializationTime(bytes, rate)
    const ready = this.fullAt - Math.max(0, credit)
    return ready > now ? ready : now
  }

  take(bytes: number, rate: number, now: Nanos): void {
    this.fullAt = (this.fullAt > now ? this.fullAt : now) + serializationTime(bytes, rate)
  }

  /** The rate changes; what is missing in bytes stays the same. */
  changeRate(before: number, after: number, now: Nanos): void {
    if (this.fullAt <= now) return
    this.fullAt = before === 0 || after === 0 ? now : now + Math.ceil(((this.fullAt - now) * before) / after)
  }

  /** A bucket that has just been set up is full. */
  fill(): void {
    this.fullAt = 0
  }
}
