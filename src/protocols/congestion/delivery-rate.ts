import type { Nanos } from '../endpoint.ts'

const NANOS_PER_SECOND = 1e9

/**
 * How fast the network delivers, after draft-cheng-iccrg-delivery-rate-estimation-00. With each segment it is remembered what had been
 * delivered when it left; when it is acknowledged, what was delivered since, over the time that took, is a sample. The time is the longer
 * of that in which the data was sent and that in which it was acknowledged, so that neither bursts nor compressed acknowledgments make
 * the path look faster than it is.
 *
 * The remarks stand in slots parallel to those of `SentSegments`, which calls. Names in comments are the draft's.
 */
export class DeliveryLedger {
  /** C.delivered, in bytes. */
  delivered = 0
  /** Of that: by the acknowledgment at hand. */
  newly = 0
  /** C.delivered_time. */
  private deliveredTime: Nanos = 0
  /** C.first_sent_time. */
  private firstSentTime: Nanos = 0
  /** C.app_limited: what will have been delivered when the last of what was sent under too little data arrives; 0: none. */
  private appLimitedUntil = 0

  // P.delivered, P.delivered_time, P.first_sent_time and P.is_app_limited by slot.
  private deliveredBefore = new Float64Array(16)
  private deliveredTimes = new Float64Array(16)
  private firstSentTimes = new Float64Array(16)
  private limited = new Uint8Array(16)

  // The sample of the acknowledgment at hand: rs.

  /** rs.prior_delivered: what had been delivered when the newest of its segments was sent; -1: it delivers nothing. */
  priorDelivered = -1
  /** rs.delivery_rate, in bytes a second; -1: no valid sample. */
  rate = -1
  /** rs.is_app_limited: whether the application had too little to send, so that the path may bear more. */
  appLimited = false
  private now: Nanos = 0
  private newestSentAt: Nanos = 0
  private sendElapsed: Nanos = 0
  private ackElapsed: Nanos = 0

  /**
   * A segment leaves, for the first time or again.
   * @param flight what is in flight before it
   */
  sent(slot: number, flight: number, now: Nanos): void {
    if (flight <= 0) {
      this.firstSentTime = now
      this.deliveredTime = now
    }
    this.deliveredBefore[slot] = this.delivered
    this.deliveredTimes[slot] = this.deliveredTime
    this.firstSentTimes[slot] = this.firstSentTime
    this.limited[slot] = this.appLimitedUntil > 0 ? 1 : 0
  }

  /** An acknowledgment came; what it delivers follows by `acknowledged`. */
  begin(now: Nanos): void {
    this.now = now
    this.newly = 0
    this.priorDelivered = -1
    this.rate = -1
    this.appLimited = false
  }

  /** A segment, or a part of it, is acknowledged for the first time, cumulatively or selectively. */
  acknowledged(slot: number, length: number, sentAt: Nanos): void {
    this.delivered += length
    this.newly += length
    this.deliveredTime = this.now
    const before = this.deliveredBefore[slot]
    if (before < this.priorDelivered || (before === this.priorDelivered && sentAt < this.newestSentAt)) return
    this.priorDelivered = before
    this.newestSentAt = sentAt
    this.sendElapsed = sentAt - this.firstSentTimes[slot]
    this.ackElapsed = this.now - this.deliveredTimes[slot]
    this.appLimited = this.limited[slot] !== 0
    this.firstSentTime = sentAt
  }

  /**
   * All that the acknowledgment delivers is told: computes its rate.
   * @param leastRtt the shortest round-trip time known; what was delivered in less is an artefact; -1: unknown
   */
  finish(leastRtt: Nanos): void {
    if (this.appLimitedUntil > 0 && this.delivered > this.appLimitedUntil) this.appLimitedUntil = 0
    if (this.priorDelivered < 0) return
    const interval = Math.max(this.sendElapsed, this.ackElapsed)
    if (interval <= 0 || interval < leastRtt) return
    this.rate = ((this.delivered - this.priorDelivered) * NANOS_PER_SECOND) / interval
  }

  /** The application has no more to send although the window would allow it. @param flight what is in flight */
  ranDry(flight: number): void {
    this.appLimitedUntil = Math.max(1, this.delivered + flight)
  }

  /**
   * Segments have moved.
   * @param slots for each slot from 0 the one in which its segment's remarks stand so far
   * @param size how many slots there are now
   */
  rearrange(slots: readonly number[], size: number): void {
    const [before, times, firsts] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)]
    const limited = new Uint8Array(size)
    slots.forEach((from, to) => {
      before[to] = this.deliveredBefore[from]
      times[to] = this.deliveredTimes[from]
      firsts[to] = this.firstSentTimes[from]
      limited[to] = this.limited[from]
    })
    this.deliveredBefore = before
    this.deliveredTimes = times
    this.firstSentTimes = firsts
    this.limited = limited
  }
}
