import type { AckSample, CongestionControl } from './congestion.ts'
import type { CongestionSettings } from './settings.ts'
import { reducedWindow, SlowStart, windowAfterRecovery } from './slow-start.ts'

/** Slow start and congestion avoidance of RFC 5681, with the exit from fast recovery of RFC 6582. */
export class NewReno implements CongestionControl {
  cwnd = 0
  ssthresh: number
  private smss = 0
  private initialWindow = 0
  /** Bytes acknowledged in congestion avoidance that have not yet added a segment; with `'parts'` what does not make a whole byte yet. */
  private counted = 0
  private rememberedCwnd = 0
  private rememberedSsthresh = 0
  private readonly byteCounting: boolean
  private readonly byParts: boolean
  private readonly wholeSegments: boolean
  private readonly slowStart: SlowStart

  /** @param lossWindow what `timedOut` leaves of the window, in segments */
  constructor(
    settings: CongestionSettings,
    private readonly lossWindow = 1,
  ) {
    this.byteCounting = settings.byteCounting === true
    this.byParts = settings.byteCounting === 'parts'
    this.wholeSegments = settings.wholeSegments
    this.slowStart = new SlowStart(settings)
    this.ssthresh = settings.initialSsthresh
  }

  // What is the same for all takes no memory in each.
  get name(): string {
    return 'new-reno'
  }
  get modelBased(): boolean {
    return false
  }
  get ledger(): undefined {
    return undefined
  }
  get pacingRate(): number {
    return 0
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
    } else if (this.byteCounting) {
      this.counted += sample.acked
      if (this.counted >= this.cwnd) {
        this.counted -= this.cwnd
        this.cwnd += smss
      }
    } else if (this.byParts) {
      const grown = this.counted + (smss * sample.acked) / this.cwnd
      const whole = Math.floor(grown)
      this.counted = grown - whole
      this.cwnd += whole
    } else {
      // Equation (3) of RFC 5681 section 3.1.
      this.cwnd += Math.max(1, Math.floor((smss * smss) / this.cwnd))
    }
  }

  /** Equation (4) of RFC 5681 section 3.1. */
  private halve(flight: number): void {
    this.ssthresh = reducedWindow(flight, 0.5, this.smss, this.wholeSegments)
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
    this.cwnd = windowAfterRecovery(this.ssthresh, flight, this.smss, sack)
  }

  timedOut(flight: number, repeated: boolean): void {
    if (!repeated) this.halve(flight)
    this.counted = 0
    // The loss window (RFC 5681 section 3.1; RFC 9002 section 7.6.2).
    this.cwnd = this.lossWindow * this.smss
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
