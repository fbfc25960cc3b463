/**
 * When a segment counts as lost, and what is sent again when: fast retransmit and fast recovery, by SACK (RFC 6675) or by counting
 * duplicate acknowledgments (RFC 5681 section 3.2, RFC 6582), limited transmit (RFC 3042), and the phase after a timeout.
 *
 * Both kinds of recovery share one account. A segment may be sent when it fits between what is in flight and the window, where
 * "in flight" leaves out what is taken for lost. Without SACK the duplicates say only *that* segments have left the network: RFC 6582
 * inflates the window by them, `inflation` here. With SACK the scoreboard knows which, and `inflation` stays zero.
 */
import type { Nanos } from '../endpoint.ts'
import type { TcpConfig } from './config.ts'
import type { CongestionControl } from './congestion.ts'
import { SentFlag, type SentSegments } from './sent-segments.ts'

export type RecoveryPhase =
  /** Nothing is missing, or not yet for sure. */
  | 'open'
  /** Fast recovery. */
  | 'recovery'
  /** After a timeout, until all that was outstanding then is acknowledged. */
  | 'loss'

export class LossRecovery {
  phase: RecoveryPhase = 'open'
  /** Position behind all that was outstanding when the phase began: `recover` of RFC 6582 and RecoveryPoint of RFC 6675, plus one. */
  recoveryPoint = 0
  /** Duplicate acknowledgments since the last new one. */
  duplicates = 0
  /** What duplicates add to the window during recovery without SACK. */
  inflation = 0
  /** Whether the next retransmission goes out whatever the window says. */
  forced = false
  /** Whether SACK was agreed upon. */
  sackPermitted = false
  /** Sender's maximum segment size; set when the connection is established. */
  smss = 536
  /** New data sent on the first duplicates, not part of FlightSize (RFC 5681 section 3.2 step 2). */
  limitedTransmitted = 0
  /** Whether a partial acknowledgment came in this recovery. */
  private partial = false
  /** HighRxt of RFC 6675: position behind the highest segment sent again in this recovery. */
  private highResent = 0
  /** RescueRxt of RFC 6675; -1: not yet. */
  private rescueResent = -1
  /** SND.UNA at the last timeout. */
  private timedOutAt = -1
  private readonly config: TcpConfig
  private readonly sent: SentSegments
  private readonly congestion: CongestionControl

  constructor(config: TcpConfig, sent: SentSegments, congestion: CongestionControl) {
    this.config = config
    this.sent = sent
    this.congestion = congestion
  }

  /** What counts as in flight against the window. */
  get flight(): number {
    const { sent, config } = this
    // Before recovery, segments that were selectively acknowledged free the window for new data: limited transmit by RFC 6675 section 5
    // step 3. Where no recovery would follow, it has no bound.
    if (this.phase === 'open' && !(config.limitedTransmit && config.fastRetransmit)) return sent.outstanding
    return sent.pipe
  }

  /** The window, inflation and limited transmit included. */
  get window(): number {
    const { cwnd } = this.congestion
    if (this.phase !== 'open') return cwnd + this.inflation
    return cwnd + this.limitedTransmitAllowance
  }

  private get limitedTransmitAllowance(): number {
    if (this.duplicates === 0 || this.sackPermitted || !this.config.limitedTransmit || !this.config.fastRetransmit) return 0
    return Math.min(this.duplicates, 2) * this.smss
  }

  /**
   * A duplicate acknowledgment came (RFC 5681 section 2; with SACK, one that reports something new, RFC 6675 section 2).
   * @returns whether fast recovery begins now
   */
  duplicate(sndUna: number, sndNxt: number, now: Nanos): boolean {
    this.duplicates++
    if (this.phase === 'recovery') {
      if (!this.sackPermitted) this.inflation += this.smss
      return false
    }
    if (this.phase === 'loss' || !this.config.fastRetransmit) return false
    if (this.duplicates < this.config.duplicateThreshold) return false
    // RFC 6582 section 3.2 step 1: duplicates of what was sent before the last recovery or timeout do not speak of a new loss.
    if (!this.sackPermitted && sndUna <= this.recoveryPoint) return false
    this.enter(sndUna, sndNxt, now)
    return true
  }

  /**
   * The scoreboard has changed: marks losses.
   * @returns whether fast recovery begins now
   */
  scoreboardChanged(sndUna: number, sndNxt: number, now: Nanos): boolean {
    if (!this.config.fastRetransmit) return false
    const firstLost = this.sent.markLostBySack(this.config.duplicateThreshold, this.smss)
    if (!firstLost || this.phase !== 'open') return false
    this.enter(sndUna, sndNxt, now)
    return true
  }

  private enter(sndUna: number, sndNxt: number, now: Nanos): void {
    this.congestion.lossDetected(this.sent.outstanding - this.limitedTransmitted, now)
    this.phase = 'recovery'
    this.recoveryPoint = sndNxt
    this.inflation = this.sackPermitted ? 0 : this.config.duplicateThreshold * this.smss
    this.partial = false
    this.highResent = sndUna
    this.rescueResent = -1
    this.limitedTransmitted = 0
    this.repairFirst()
  }

  /** The oldest segment is missing: sends it again whatever the window says, unless the last recovery has done so already. */
  private repairFirst(): void {
    this.sent.markFirstLost()
    this.forced = this.sent.nextLost() === 0
  }

  /**
   * New data was acknowledged; the scoreboard has been told.
   * @param acked how many sequence numbers
   * @returns what became of the phase
   */
  acknowledged(sndUna: number, acked: number, now: Nanos): 'none' | 'partial' | 'first-partial' | 'exited' {
    this.duplicates = 0
    this.limitedTransmitted = 0
    if (this.phase === 'open') return 'none'
    if (sndUna >= this.recoveryPoint) {
      const wasRecovery = this.phase === 'recovery'
      this.phase = 'open'
      this.inflation = 0
      this.forced = false
      if (!wasRecovery) return 'none'
      this.congestion.recovered(this.sent.pipe, this.sackPermitted, now)
      return 'exited'
    }
    if (this.phase === 'loss') return 'none'
    const first = !this.partial
    this.partial = true
    if (!this.sackPermitted) {
      // RFC 6582 section 3.2 step 5: the next hole is at the front; deflate by what was acknowledged, add back one segment.
      this.repairFirst()
      this.inflation = Math.max(0, this.inflation - acked)
      if (acked >= this.smss) this.inflation += this.smss
    }
    return first ? 'first-partial' : 'partial'
  }

  /** The retransmission timer expired (RFC 6298 section 5.4, RFC 5681 section 3.1 at its end, RFC 6582 section 3.2 step 6). */
  timedOut(sndUna: number, sndNxt: number, now: Nanos): void {
    const repeated = this.phase === 'loss' && this.timedOutAt === sndUna
    const { congestion } = this
    let flight = this.sent.outstanding - this.limitedTransmitted
    // RFC 5681 allows "no more than" half of FlightSize. What recovery has sent on the strength of duplicates is no proof of what the path
    // bears: the threshold that this recovery began with stays the limit.
    if (this.phase === 'recovery') flight = Math.min(flight, 2 * congestion.ssthresh)
    congestion.timedOut(flight, repeated, now)
    this.timedOutAt = sndUna
    this.phase = 'loss'
    this.recoveryPoint = sndNxt
    this.duplicates = 0
    this.inflation = 0
    this.limitedTransmitted = 0
    this.sent.markAllLost()
    this.forced = true
  }

  /** Index of the segment to send again now; -1: none, or the window has no room for it. */
  nextRetransmission(): number {
    if (this.phase === 'open') return -1
    const index = this.sent.nextLost()
    if (index < 0) return -1
    return this.forced || this.fits(this.sent.lengthOf(index)) ? index : -1
  }

  /**
   * Whether the timer runs on whatever happens, since the first partial acknowledgment: the impatient variant of RFC 6582 section 4, which
   * leaves a recovery of many holes, one a round trip, to the timeout.
   */
  get isImpatient(): boolean {
    return this.phase === 'recovery' && this.partial && !this.sackPermitted
  }

  /** Whether lost segments wait to be sent again; new data then waits behind them. */
  get isRepairing(): boolean {
    return this.phase !== 'open' && this.sent.nextLost() >= 0
  }

  /** Whether the window has room for `length` more; an empty network always has. */
  fits(length: number): boolean {
    const { flight } = this
    return flight === 0 || flight + length <= this.window
  }

  /**
   * When no new data can be sent during recovery by SACK: the third and fourth rule of NextSeg (RFC 6675 section 4), which keep the
   * acknowledgments coming.
   * @returns index of a segment; -1: none
   */
  nextSpeculative(sndUna: number): number {
    if (this.phase !== 'recovery' || !this.sackPermitted || !this.fits(this.smss)) return -1
    const { sent } = this
    const unsacked = sent.nextUnsacked(this.highResent, sent.highestSacked)
    if (unsacked >= 0) return unsacked
    if (this.rescueResent >= 0 && sndUna <= this.rescueResent) return -1
    const last = sent.lastUnsacked()
    if (last < 0 || (sent.flagsOf(last) & SentFlag.RESENT) !== 0) return -1
    this.rescueResent = this.recoveryPoint
    return last
  }

  /** A segment was sent again. */
  resent(index: number, now: Nanos): void {
    const { sent } = this
    sent.markResent(index, now)
    this.forced = false
    const end = sent.startOf(index) + sent.lengthOf(index)
    if (end > this.highResent && this.rescueResent < 0) this.highResent = end
  }

  /** New data was sent. */
  sentNew(length: number): void {
    if (this.phase === 'open' && this.duplicates > 0) this.limitedTransmitted += length
  }
}
