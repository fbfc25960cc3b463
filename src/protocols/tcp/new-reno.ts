import type { AckSample, CongestionControl } from './congestion.ts'
import type { TcpConfig } from './config.ts'

/** Slow start and congestion avoidance of RFC 5681, with the exit from fast recovery of RFC 6582. */
export class NewReno implements CongestionControl {
  readonly name = 'new-reno'
  cwnd = 0
  ssthresh: number
  private smss = 0
  private initialWindow = 0
  /** Bytes acknowledged in congestion avoidance that have not yet added a segment. */
  private counted = 0
  private readonly config: TcpConfig

  constructor(config: TcpConfig) {
    this.config = config
    this.ssthresh = config.initialSsthresh
  }

  begin(smss: number, initialWindow: number): void {
    this.smss = smss
    this.initialWindow = initialWindow * smss
    this.cwnd = this.initialWindow
  }

  acknowledged(sample: AckSample): void {
    if (!sample.cwndLimited) return
    const { smss } = this
    if (this.cwnd < this.ssthresh) {
      this.cwnd += Math.min(sample.acked, this.config.slowStartPerAck * smss)
    } else if (this.config.byteCounting) {
      this.counted += sample.acked
      if (this.counted >= this.cwnd) {
        this.counted -= this.cwnd
        this.cwnd += smss
      }
    } else {
      // Equation (3) of RFC 5681 section 3.1.
      this.cwnd += Math.max(1, Math.floor((smss * smss) / this.cwnd))
    }
  }

  /** Equation (4) of RFC 5681 section 3.1. */
  private halve(flight: number): void {
    this.ssthresh = Math.max(Math.floor(flight / 2), 2 * this.smss)
    this.counted = 0
  }

  lossDetected(flight: number): void {
    this.halve(flight)
    this.cwnd = this.ssthresh
  }

  recovered(flight: number, sack: boolean): void {
    // RFC 6582 section 3.2 step 3, first option: no burst when little is in flight. SACK has kept the flight near the window.
    this.cwnd = sack ? this.ssthresh : Math.min(this.ssthresh, Math.max(flight, this.smss) + this.smss)
  }

  timedOut(flight: number, repeated: boolean): void {
    if (!repeated) this.halve(flight)
    this.counted = 0
    // The loss window (RFC 5681 section 3.1).
    this.cwnd = this.smss
  }

  idled(): void {
    this.cwnd = Math.min(this.cwnd, this.initialWindow)
  }
}
