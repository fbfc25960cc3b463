import type { Nanos } from '../endpoint.ts'

/** A path's round-trip time, smoothed as RFC 6298 section 2 and RFC 9002 section 5.3 both have it. All values are whole nanoseconds. */
export class SmoothedRtt {
  /** Smoothed round-trip time; -1 before the first measurement. */
  srtt: Nanos = -1
  rttvar: Nanos = 0
  /** Least measurement so far; -1 before the first. */
  least: Nanos = -1

  /** Takes a measurement into the averages. */
  protected smooth(rtt: Nanos): void {
    if (this.srtt < 0) {
      this.srtt = rtt
      this.rttvar = Math.round(rtt / 2)
    } else {
      this.rttvar = Math.round(0.75 * this.rttvar + 0.25 * Math.abs(this.srtt - rtt))
      this.srtt = Math.round(0.875 * this.srtt + 0.125 * rtt)
    }
  }
}
