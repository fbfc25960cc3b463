/**
 * CUBIC.
 *
 * Required reading: RFC 9438.
 *
 * How it works. After a reduction the window follows a cubic curve of *time*, not of acknowledgments: fast at first, flat around `wMax`,
 * where the last loss happened, then faster again in search of more. So flows of different round-trip times grow alike. Where Reno would be
 * faster (short round trips, small windows), it goes as fast as Reno: the window is never below `wEst`, an estimate of Reno's.
 * The curve is over segments and seconds; the window itself is in bytes.
 */
import type { Nanos } from '../endpoint.ts'
import type { AckSample, CongestionControl } from './congestion.ts'
import type { CongestionSettings } from './settings.ts'
import { reducedWindow, SlowStart, windowAfterRecovery } from './slow-start.ts'

/** RFC 9438 section 4.6: multiplicative decrease. */
const BETA = 0.7
/** RFC 9438 section 5.1, in segments per cubic second. */
const C = 0.4
/** RFC 9438 section 4.3: how fast Reno's estimate grows, so that its average window is that of Reno with a decrease of one half. */
const ALPHA = (3 * (1 - BETA)) / (1 + BETA)

const NANOS_PER_SECOND = 1e9

/**
 * The cube root of a number of at least 0, the same on every engine: `Math.cbrt` may be approximated by each in its own way.
 * Newton's method, from above, until it no longer falls.
 */
function cubeRoot(x: number): number {
  if (x === 0) return 0
  let root = Math.max(1, x)
  for (;;) {
    const next = (2 * root + x / (root * root)) / 3
    if (next >= root) return root
    root = next
  }
}

export class Cubic implements CongestionControl {
  cwnd = 0
  ssthresh: number
  private smss = 0
  private initialWindow = 0
  private readonly slowStart: SlowStart

  /** W_max: the window before the last reduction, in segments; 0: none is known. */
  private wMax = 0
  /** The window, in bytes, just before the last reduction: cwnd_prior. */
  private cwndPrior = 0
  /** When the current stage of congestion avoidance began; -1: the next acknowledgment begins it. */
  private epochStart: Nanos = -1
  /** How long the curve takes from there to W_max, in seconds: K. */
  private k = 0
  /** W_est in segments. */
  private wEst = 0
  /** What the window has grown, in bytes, that does not yet make a whole one. */
  private fraction = 0
  private lastAckAt: Nanos = 0
  /** What `undo` gives back. */
  private remembered:
    (Pick<Cubic, 'cwnd' | 'ssthresh'> & Record<'wMax' | 'cwndPrior' | 'k' | 'wEst' | 'epochStart', number>) | undefined

  /** Whether Reno's estimate grows at Reno's speed once it is back at `cwndPrior`. */
  private readonly catchesUp: boolean
  /** How fast it grows otherwise, in segments a round trip. */
  private readonly alpha: number
  private readonly wholeSegments: boolean

  /** @param lossWindow what `timedOut` leaves of the window, in segments */
  constructor(
    settings: CongestionSettings,
    private readonly lossWindow = 1,
  ) {
    this.wholeSegments = settings.wholeSegments
    this.catchesUp = settings.cubicReno === 'rfc9438'
    this.alpha = settings.cubicReno === 'whole-segment' ? 1 : ALPHA
    this.ssthresh = settings.initialSsthresh
    this.slowStart = new SlowStart(settings)
  }

  // What is the same for all takes no memory in each.
  get name(): string {
    return 'cubic'
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
    // The curve is over segments: it begins anew where the window is.
    this.wMax = 0
    this.epochStart = -1
    this.smss = smss
    this.slowStart.resized(smss)
  }

  acknowledged(sample: AckSample): void {
    const { now } = sample
    // Section 5.8: time in which the window was not the limit does not count, or the curve would jump afterwards.
    if (!sample.cwndLimited) {
      if (this.epochStart >= 0) this.epochStart += now - this.lastAckAt
      this.lastAckAt = now
      return
    }
    this.lastAckAt = now
    if (this.cwnd < this.ssthresh) {
      const growth = this.slowStart.growth(sample, this.cwnd)
      if (growth >= 0) {
        this.cwnd += growth
        return
      }
      this.ssthresh = this.cwnd
    }
    this.avoid(sample)
  }

  /** Congestion avoidance: RFC 9438 sections 4.2 to 4.5. */
  private avoid({ now, acked, srtt }: AckSample): void {
    const { smss } = this
    const window = this.cwnd / smss
    const segmentsAcked = acked / smss
    if (this.epochStart < 0) this.beginEpoch(window, now)

    // Section 4.3, figure 4. From where the last reduction began, Reno's own speed is fair.
    this.wEst += ((this.catchesUp && this.wEst * smss >= this.cwndPrior ? 1 : this.alpha) * segmentsAcked) / window

    const t = (now - this.epochStart) / NANOS_PER_SECOND
    if (this.curve(t) < this.wEst) {
      this.grow(this.wEst * smss - this.cwnd)
      return
    }
    // Section 4.2: where the curve will be in a round-trip time, at most half as much again.
    const ahead = this.curve(t + Math.max(0, srtt) / NANOS_PER_SECOND)
    const target = Math.min(Math.max(ahead, window), 1.5 * window)
    this.grow(((target - window) / window) * acked)
  }

  /** W_cubic(t), figure 1, in segments. */
  private curve(t: number): number {
    const distance = t - this.k
    return C * distance * distance * distance + this.wMax
  }

  private beginEpoch(window: number, now: Nanos): void {
    this.epochStart = now
    this.wEst = window
    this.fraction = 0
    if (this.wMax <= window) {
      // After the first slow start, after a timeout (section 4.8), or when slow start has come out above.
      this.k = 0
      this.wMax = window
    } else {
      // Figure 2.
      this.k = cubeRoot((this.wMax - window) / C)
    }
  }

  private grow(bytes: number): void {
    if (bytes <= 0) return
    const grown = this.fraction + bytes
    const whole = Math.floor(grown)
    this.fraction = grown - whole
    this.cwnd += whole
  }

  /** Multiplicative decrease: RFC 9438 section 4.6. */
  private reduce(flight: number): void {
    const window = this.cwnd / this.smss
    // Section 4.7, fast convergence: a window that did not even come to its last height makes room for newer flows.
    this.wMax = window < this.wMax ? (window * (1 + BETA)) / 2 : window
    this.cwndPrior = this.cwnd
    this.epochStart = -1
    // The smaller of what was allowed and what was in flight: an application that did not fill its window gets none for it.
    this.ssthresh = reducedWindow(Math.min(this.cwnd, flight), BETA, this.smss, this.wholeSegments)
    this.slowStart.over()
  }

  lossDetected(flight: number): void {
    this.reduce(flight)
    this.cwnd = this.ssthresh
  }

  congestionMarked(flight: number): void {
    this.reduce(flight)
    this.cwnd = Math.min(this.cwnd, this.ssthresh)
  }

  recovered(flight: number, sack: boolean): void {
    this.cwnd = windowAfterRecovery(this.ssthresh, flight, this.smss, sack)
    this.epochStart = -1
  }

  timedOut(flight: number, repeated: boolean): void {
    if (!repeated) this.reduce(flight)
    // Section 4.8: the first congestion avoidance after a timeout starts from where slow start has led, with K = 0.
    this.wMax = 0
    this.epochStart = -1
    this.cwnd = this.lossWindow * this.smss
  }

  remember(): void {
    const { cwnd, ssthresh, wMax, cwndPrior, k, wEst, epochStart } = this
    this.remembered = { cwnd, ssthresh, wMax, cwndPrior, k, wEst, epochStart }
  }

  /** RFC 9438 section 4.9. */
  undo(): void {
    const { remembered } = this
    if (remembered === undefined) return
    this.cwnd = Math.max(this.cwnd, remembered.cwnd)
    this.ssthresh = Math.max(this.ssthresh, remembered.ssthresh)
    this.wMax = remembered.wMax
    this.cwndPrior = remembered.cwndPrior
    this.k = remembered.k
    this.wEst = remembered.wEst
    this.epochStart = remembered.epochStart
  }

  idled(): void {
    this.cwnd = Math.min(this.cwnd, this.initialWindow)
    this.epochStart = -1
  }

  // Nothing to learn: the window grows by `acknowledged`.
  observed(): void {}
}
