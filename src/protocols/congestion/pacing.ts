import type { Nanos } from '../endpoint.ts'
import type { CongestionControl } from './congestion.ts'
import type { SmoothedRtt } from './smoothed-rtt.ts'

/** Linux's `tcp_pacing_ss_ratio` and `tcp_pacing_ca_ratio`: faster than the window over the round-trip time, so that pacing never holds it down. */
const SLOW_START_RATIO = 2
const AVOIDANCE_RATIO = 1.2

const NANOS_PER_SECOND = 1e9

/**
 * Spreads segments over time instead of sending them as fast as acknowledgments come in: at the rate that congestion control names, or
 * else at a window each smoothed round-trip time, and somewhat faster. The unit is the segment: a longer one makes the next wait longer.
 * RFC 9002 section 7.7 says it for QUIC; for TCP there is no RFC.
 */
export class Pacer {
  /** When the next segment may leave. */
  readyAt: Nanos = 0

  /** @param burst bytes that time gone by unused saves up, to leave at once */
  constructor(
    private readonly congestion: CongestionControl,
    private readonly rtt: SmoothedRtt,
    private readonly burst = 0,
  ) {}

  /** In bytes a second; `Infinity` as long as nothing is known of the path. */
  get rate(): number {
    const { pacingRate, cwnd, ssthresh } = this.congestion
    if (pacingRate > 0) return pacingRate
    const { srtt } = this.rtt
    if (srtt <= 0) return Infinity
    const ratio = cwnd < ssthresh / 2 ? SLOW_START_RATIO : AVOIDANCE_RATIO
    return (ratio * cwnd * NANOS_PER_SECOND) / srtt
  }

  /** A segment with so many bytes of payload has left. */
  sent(length: number, now: Nanos): void {
    const { rate, burst } = this
    const earliest = burst === 0 ? now : now - Math.floor((burst * NANOS_PER_SECOND) / rate)
    this.readyAt = Math.max(this.readyAt, earliest) + Math.ceil((length * NANOS_PER_SECOND) / rate)
  }
}
