import type { Nanos } from '../endpoint.ts'

const NANOS_PER_TICK = 1_000_000

/**
 * Whether the retransmissions of an episode (a fast recovery, or what follows a timeout) were all needless: by the timestamps that come
 * back (Eifel, RFC 3522 section 3.2), or by reports of duplicates for each of them (RFC 2883; as Linux counts).
 */
export class RetransmissionLedger {
  /** SND.UNA when the episode began; -1: there is none to take back. */
  private marker = -1
  /** Retransmissions not yet reported as duplicates; -1: nothing was sent again. */
  private open = -1
  /** When the episode's first retransmission was sent; -1: not yet. */
  private firstAt: Nanos = -1

  /** The congestion window is about to be reduced. @param inFlight how many retransmissions are on their way from before */
  begin(sndUna: number, inFlight: number): void {
    this.marker = sndUna
    this.open = inFlight > 0 ? inFlight : -1
    this.firstAt = -1
  }

  /** Taken back, or not to be taken back any more. */
  end(): void {
    this.marker = -1
  }

  resent(now: Nanos): void {
    if (this.marker < 0) return
    this.open = Math.max(0, this.open) + 1
    if (this.firstAt < 0) this.firstAt = now
  }

  /** The peer reports so many segments as received twice. @param end position behind them */
  duplicateReported(end: number, segments: number): void {
    if (this.marker < 0 || end <= this.marker || this.open <= 0) return
    this.open = Math.max(0, this.open - segments)
  }

  /** Whether each retransmission has been reported as a duplicate. */
  get allReported(): boolean {
    return this.marker >= 0 && this.open === 0
  }

  /**
   * Whether an acknowledgment of new data was caused by what was sent before the first retransmission.
   * @param echoed when the segment was sent that its timestamp is an echo of, in milliseconds; -1: unknown
   */
  precedes(echoed: number): boolean {
    return this.marker >= 0 && this.firstAt >= 0 && echoed >= 0 && echoed < Math.floor(this.firstAt / NANOS_PER_TICK)
  }
}
