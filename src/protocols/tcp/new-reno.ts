import type { AckSample, CongestionControl } from './congestion.ts'
import type { TcpConfig } from './config.ts'
import { reducedWindow, SlowStart } from './slow-start.ts'

/** Slow start and congestion avoidance of RFC 5681, with the exit from fast recovery of RFC 6582. */
export class NewReno implements CongestionControl {
  readonly name = 'new-reno'
  readonly modelBased = false
  readonly ledger = undefined
  readonly pacingRate = 0
  cwnd = 0
  ssthresh: number
  private smss = 0
  private initialWindow = 0
  /** Bytes acknowledged in congestion avoidance that have not yet added a segment. */
  private counted = 0
  private rememberedCwnd = 0
  private rememberedSsthresh = 0
  private readonly config: TcpConfig
  private readonly slowStart: SlowStart

  constructor(config: TcpConfig) {
    this.config = config
    this.slowStart = new SlowStart(config)
    this.ssthresh = config.initialSsthresh
  }

  begin(smss: number, initialWindow: number): void {
    this.smss = smss
    this.initialWindow = initialWindow * smss
    this.cwnd = this.initialWindow
    this.slowStart.begin(smss)
  }

  resized(smss: number): void {
    this.initialWindow = Math.round((this.initialWindow * smss) / this.smss)
    if (smss < this.smss) this.cwnd = Math.max(smss, Math.floor((this.cwnd * smss) / this.smss))
    this.smss = smss
    this.counted = 0
    this.slowStart.resized(smss)
  }

  acknowledged(sample: AckSample): void {
    if (!sample.cwndLimited) return
    const { smss } = this
    if (this.cwnd < this.ssthresh) {
      const growth = this.slowStart.growth(sample, this.cwnd)
      if (growth >= 0) this.cwnd += growth
      else this.ssthresh = this.cwnd
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
    this.ssthresh = reducedWindow(flight, 0.5, this.smss, this.config.wholeSegments)
    this.counted = 0
    this.slowStart.over()
  }

  lossDetected(flight: number): void {
    this.halve(flight)
    this.cwnd = this.ssthresh
  }

  congestionMarked(flight: number): void {
    this.halve(flight)
    this.cwnd = Math.min(this.cwnd, this.ssthresh)
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

  remember(): void {
    this.rememberedCwnd = this.cwnd
    this.rememberedSsthresh = this.ssthresh
  }

  undo(): void {
    this.cwnd = Math.max(this.cwnd, this.rememberedCwnd)
    this.ssthresh = Math.max(this.ssthresh, this.rememberedSsthresh)
  }

  idled(): void {
    this.cwnd = Math.min(this.cwnd, this.initialWindow)
  }

  // Nothing to learn: the window grows by `acknowledged`.
  observed(): void {}
}
