import { SmoothedRtt } from '../congestion/smoothed-rtt.ts'
import type { Nanos } from '../endpoint.ts'
import type { TcpConfig } from './config.ts'

/**
 * Round-trip time and retransmission timeout after RFC 6298. All values are whole nanoseconds.
 */
export class RttEstimator extends SmoothedRtt {
  /** The timeout now, backing off included. */
  rto: Nanos
  /** How often the timeout was doubled since the last measurement. */
  backoff = 0
  private readonly config: TcpConfig

  constructor(config: TcpConfig) {
    super()
    this.config = config
    this.rto = config.initialRto
  }

  /** Takes a measurement (RFC 6298 sections 2.2 and 2.3) and with it ends backing off (section 5). */
  sample(rtt: Nanos): void {
    this.smooth(rtt)
    if (this.least < 0 || rtt < this.least) this.least = rtt
    this.backoff = 0
    const { minRto, maxRto, rtoVarianceFloor } = this.config
    const rto = this.srtt + Math.max(rtoVarianceFloor, 4 * this.rttvar)
    this.rto = Math.min(Math.max(rto, minRto), maxRto)
  }

  /** The timer has expired: doubles the timeout (RFC 6298 section 5.5). */
  backOff(): void {
    this.backoff++
    this.rto = Math.min(this.rto * 2, this.config.maxRto)
  }

  /** The handshake needed a retransmission and gave no measurement (RFC 6298 section 5.7). */
  fallBack(): void {
    if (this.srtt >= 0) return
    this.backoff = 0
    this.rto = this.config.fallbackRto
  }
}
