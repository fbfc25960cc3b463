import type { AckSample } from './congestion.ts'
import { HyStartClassic, HyStartPlusPlus, type SlowStartExit } from './hystart.ts'
import type { CongestionSettings } from './settings.ts'

/** Slow start (RFC 5681 section 3.1), with the way out of it that the configuration asks for. For algorithms with a threshold. */
export class SlowStart {
  private exit: SlowStartExit | undefined = undefined
  private smss = 0

  private readonly segmentsPerAck: number

  constructor(private readonly settings: CongestionSettings) {
    this.segmentsPerAck = settings.slowStartPerAck
  }

  begin(smss: number): void {
    this.smss = smss
    const { hystart, pacing } = this.settings
    if (hystart === 'hystart++') this.exit = new HyStartPlusPlus()
    else if (hystart === 'hystart') this.exit = new HyStartClassic(smss, pacing)
  }

  /** Segments have another size. */
  resized(smss: number): void {
    this.smss = smss
  }

  /**
   * An acknowledgment came in slow start.
   * @returns how many bytes the window grows; -1: it stays, and slow start is over
   */
  growth(sample: AckSample, cwnd: number): number {
    const growth = Math.min(sample.acked, this.segmentsPerAck * this.smss)
    if (this.exit === undefined) return growth
    const divisor = this.exit.acknowledged(sample, cwnd)
    if (divisor === 0) {
      this.exit = undefined
      return -1
    }
    return divisor === 1 ? growth : Math.max(1, Math.floor(growth / divisor))
  }

  /** A loss or a mark has set the threshold: HyStart is for the first slow start of a connection only (RFC 9406 section 4.3). */
  over(): void {
    this.exit = undefined
  }
}

/**
 * The threshold after a loss, in bytes: a part of the window, and two segments at least (RFC 5681 equation 4, RFC 9438 section 4.6).
 * @param wholeSegments see `CongestionSettings`
 */
export function reducedWindow(window: number, part: number, smss: number, wholeSegments: boolean): number {
  const reduced = wholeSegments ? Math.floor(Math.floor(window / smss) * part) * smss : Math.floor(window * part)
  return Math.max(reduced, 2 * smss)
}

/**
 * The window when fast recovery is over, in bytes. RFC 6582 section 3.2 step 3, first option: no burst when little is in flight; selective
 * acknowledgments have kept the flight near the window.
 * @param flight what is in flight now
 * @param selective whether they guided the recovery
 */
export function windowAfterRecovery(ssthresh: number, flight: number, smss: number, selective: boolean): number {
  return selective ? ssthresh : Math.min(ssthresh, Math.max(flight, smss) + smss)
}
