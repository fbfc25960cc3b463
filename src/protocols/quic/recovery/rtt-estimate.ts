import type { Nanos } from '../../endpoint.ts'
import { SmoothedRtt } from '../../congestion/smoothed-rtt.ts'

/** kGranularity of RFC 9002 section 6.1.2. */
const GRANULARITY: Nanos = 1_000_000

/** Default of `initial`: kInitialRtt of RFC 9002 section 6.2.2. */
export const INITIAL_RTT: Nanos = 333_000_000

/** The round-trip time of one path: RFC 9002 section 5. `least` is min_rtt. */
export class RttEstimate extends SmoothedRtt {
  /** latest_rtt; -1 before the first sample. */
  latest: Nanos = -1
  /** When the first sample was taken; -1: not yet. */
  firstSampleAt: Nanos = -1

  /** @param initial what is assumed before the first sample */
  constructor(private readonly initial: Nanos) {
    super()
  }

  /**
   * Takes a sample: RFC 9002 section 5.3.
   * @param latest from sending the largest newly acknowledged packet to its acknowledgment
   * @param ackDelay that the peer reports, no more than it may be; 0 in handshakes
   */
  sample(latest: Nanos, ackDelay: Nanos, now: Nanos): void {
    this.latest = latest
    if (this.firstSampleAt < 0) this.firstSampleAt = now
    if (this.least < 0 || latest < this.least) this.least = latest
    // What would make it shorter than the path can be is not believed.
    this.smooth(latest >= this.least + ackDelay ? latest - ackDelay : latest)
  }

  /** smoothed_rtt, assumed if need be. */
  get smoothed(): Nanos {
    return this.srtt < 0 ? this.initial : this.srtt
  }

  /** The probe timeout without the peer's delay and without backing off: RFC 9002 section 6.2.1. */
  get probeTimeout(): Nanos {
    if (this.srtt < 0) return 3 * this.initial
    return this.srtt + Math.max(4 * this.rttvar, GRANULARITY)
  }

  /** For how long a packet may be late before it counts as lost: RFC 9002 section 6.1.2. */
  get lossDelay(): Nanos {
    return Math.max(Math.ceil((9 * Math.max(this.smoothed, this.latest)) / 8), GRANULARITY)
  }

  /** Min_rtt is to be found anew, as after persistent congestion: RFC 9002 section 5.2. */
  forgetLeast(): void {
    this.least = -1
  }
}
