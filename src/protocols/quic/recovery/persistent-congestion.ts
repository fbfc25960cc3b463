import type { Nanos } from '../../endpoint.ts'
import type { RecoverySpace } from './recovery-space.ts'
import type { RttEstimate } from './rtt-estimate.ts'

/** kPersistentCongestionThreshold of RFC 9002 section 7.6.1. */
const THRESHOLD = 3

/**
 * Whether packets that are lost now show that for a long time nothing came through: RFC 9002 section 7.6. Two lost packets have to lie far
 * enough apart, both asking for acknowledgments, and nothing sent between them may have been acknowledged. As section 7.6.2 allows, only the
 * packets of one space, found lost at one time, are looked at.
 */
export class PersistentCongestion {
  isEstablished = false
  private duration: Nanos = 0
  private firstSampleAt: Nanos = -1
  /** When the first packet of an unbroken row was sent; -1: there is none. */
  private rowStart: Nanos = -1

  /** Losses are about to be detected. */
  begin(rtt: RttEstimate, maxAckDelay: Nanos): void {
    this.isEstablished = false
    this.rowStart = -1
    this.firstSampleAt = rtt.firstSampleAt
    this.duration = (rtt.probeTimeout + maxAckDelay) * THRESHOLD
  }

  /** The next packet, in the order of their numbers, is lost. */
  lost(sentAt: Nanos, eliciting: boolean): void {
    // Section 7.6.2: before the first sample the duration is a guess.
    if (!eliciting || this.firstSampleAt < 0 || sentAt <= this.firstSampleAt) return
    if (this.rowStart < 0) this.rowStart = sentAt
    else if (sentAt - this.rowStart > this.duration) this.isEstablished = true
  }

  /** The next number is no lost packet's. */
  broken(number: number, space: RecoverySpace<unknown>): void {
    if (!space.isSkipped(number)) this.rowStart = -1
  }
}
