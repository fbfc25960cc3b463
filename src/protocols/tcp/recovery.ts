/**
 * When a segment counts as lost, and what is sent again when: fast retransmit and fast recovery, by SACK (RFC 6675) or by counting
 * duplicate acknowledgments (RFC 5681 section 3.2, RFC 6582), limited transmit (RFC 3042), and the phase after a timeout.
 *
 * Both kinds of recovery share one account. A segment may be sent when it fits between what is in flight and the window, where
 * "in flight" leaves out what is taken for lost. Without SACK the duplicates say only *that* segments have left the network: RFC 6582
 * inflates the window by them, `inflation` here. With SACK the scoreboard knows which, and `inflation` stays zero.
 *
 * What goes beyond that can be switched on, each in a file of its own: `rack.ts` finds losses by time, `prr.ts` steers the window in
 * recovery, `frto.ts` and `undo.ts` find out that nothing was lost. They look at what each acknowledgment delivers, between `begin` and `finish`.
 */
import type { CongestionControl } from '../congestion/congestion.ts'
import type { Nanos } from '../endpoint.ts'
import type { TcpConfig } from './config.ts'
import { ForwardRto } from './frto.ts'
import { ProportionalRateReduction } from './prr.ts'
import { Rack } from './rack.ts'
import { SentFlag, type DeliveryObserver, type SentSegments } from './sent-segments.ts'
import { RetransmissionLedger } from './undo.ts'

export type RecoveryPhase =
  /** Nothing is missing, or not yet for sure. */
  | 'open'
  /** Fast recovery. */
  | 'recovery'
  /** After a timeout, until all that was outstanding then is acknowledged. */
  | 'loss'

/** What proved that nothing was lost: timestamps (Eifel), new data after a timeout (F-RTO), or reports of duplicates (D-SACK). */
export type SpuriousProof = 'timestamps' | 'frto' | 'dsack'

export class LossRecovery implements DeliveryObserver {
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
  /**
   * Asked when fast recovery is about to begin; true: what is missing was a probe of the path's MTU, which says nothing of congestion
   * (RFC 4821 section 7.6.2). Set only where the path is probed.
   */
  absolve: ((now: Nanos) => boolean) | undefined = undefined
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

  /** Whether what acknowledgments deliver is to be watched: `begin` and `finish` are to be called for each. */
  readonly watches: boolean
  /** How long until what is late now counts as lost, for the reordering timer; 0: nothing is late. */
  reorderingWait: Nanos = 0
  /** Whether the last acknowledgment showed for the first time that the path reorders. */
  reorderingFound = false
  private readonly rack: Rack | undefined
  private readonly reduction: ProportionalRateReduction | undefined
  /** Whether `reduction` steers the window of this recovery. */
  private reducing = false
  private readonly forwardRto: ForwardRto | undefined
  /** New data that F-RTO may still send, in segments. */
  private probesLeft = 0
  private readonly ledger: RetransmissionLedger | undefined
  // Of the acknowledgment at hand.
  private now: Nanos = 0
  private echoed = -1
  private undelivered = 0
  private original = false
  private everLost = 0
  private hasRecovered = false

  constructor(config: TcpConfig, sent: SentSegments, congestion: CongestionControl) {
    this.config = config
    this.sent = sent
    this.congestion = congestion
    const { rack, fastRetransmit, proportionalRateReduction, frto, undo } = config
    this.rack = rack && fastRetransmit ? new Rack() : undefined
    // A model of the path steers the window by itself.
    this.reduction = proportionalRateReduction && !congestion.modelBased ? new ProportionalRateReduction() : undefined
    this.watches = this.rack !== undefined || this.reduction !== undefined || frto || undo
    if (this.rack !== undefined || frto) sent.observer = this
    this.forwardRto = frto ? new ForwardRto() : undefined
    this.ledger = frto || undo ? new RetransmissionLedger() : undefined
  }

  /** Whether losses are found by time. */
  get byTime(): boolean {
    return this.rack !== undefined && this.sackPermitted
  }

  /**
   * An acknowledgment is about to be taken.
   * @param echoed when the segment was sent that its timestamp is an echo of, in milliseconds; -1: unknown
   */
  begin(echoed: number, now: Nanos): void {
    const { sent } = this
    this.now = now
    this.echoed = echoed
    this.undelivered = sent.outstanding - sent.sacked
    this.everLost = sent.everLost
    this.original = false
    this.reorderingFound = false
    this.hasRecovered = false
    this.rack?.begin()
  }

  segmentDelivered(end: number, sentAt: Nanos, resent: boolean): void {
    if (this.rack?.delivered(end, sentAt, resent, this.echoed, this.now) === true) this.reorderingFound = true
    if (!resent && end <= this.recoveryPoint) this.original = true
  }

  /**
   * Whether the acknowledgment at hand proves that what was taken for lost was only late; to be asked before `acknowledged`.
   * @param ack SND.UNA after it
   * @param mayProbe whether there is new data to send, and the peer's window has room for it
   */
  judge(ack: number, advanced: boolean, mayProbe: boolean): SpuriousProof | undefined {
    if (this.phase === 'open') return undefined
    const { config, sent } = this
    const all = ack >= this.recoveryPoint
    if (config.undo && advanced && this.ledger?.precedes(this.echoed) === true) {
      // In fast recovery other segments may still be lost: it is certain only when none of them has been sent again without an answer.
      if (this.phase === 'recovery' && this.rack?.overtakenByOriginal() === true) this.reorderingFound = true
      if (this.phase === 'loss' || all || sent.resent === 0) return 'timestamps'
    }
    if (this.phase !== 'loss') return undefined
    const news = sent.outstanding - sent.sacked < this.undelivered
    const verdict = this.forwardRto?.acknowledged(advanced, all, news, this.original, this.sackPermitted, mayProbe)
    if (verdict === 'probe') this.probesLeft = 2
    // Step 3a: the two new segments have left the network, but count as in flight until all before them is repaired.
    if (verdict === 'real') this.inflation = Math.max(0, 3 * this.smss - this.congestion.cwnd)
    return verdict === 'spurious' ? 'frto' : undefined
  }

  /** The peer reports data as received twice. @returns whether by now it has reported all that was sent again */
  duplicateReported(end: number, segments: number): boolean {
    if (!this.config.undo) return false
    this.ledger?.duplicateReported(end, segments)
    return this.ledger?.allReported === true
  }

  /** Reports of duplicates widen the reordering window of RACK, but not those of probes. */
  toleratesMore(sndNxt: number): void {
    if (this.rack?.reorderingSeen === true) this.rack.duplicateReported(sndNxt)
  }

  /** A probe has repaired a loss before it was found: congestion control answers, and recovery is over at once. */
  reduceOnce(sndUna: number, now: Nanos): void {
    const { congestion, sent } = this
    this.beginEpisode(sndUna)
    congestion.lossDetected(sent.outstanding, now)
    congestion.recovered(sent.pipe, this.sackPermitted, now)
    this.ledger?.end()
  }

  /** Whether F-RTO waits for new data to go out. */
  get asksWithNew(): boolean {
    return this.probesLeft > 0 && this.forwardRto?.sendsNew === true
  }

  /** Nothing was lost: takes back the marks and what congestion control has answered (RFC 4015). */
  takeBack(now: Nanos): void {
    this.sent.unmarkLost()
    this.congestion.undo(now)
    this.phase = 'open'
    this.forced = false
    this.inflation = 0
    this.duplicates = 0
    this.ledger?.end()
    this.forwardRto?.end()
  }

  /**
   * All that an acknowledgment says has been taken.
   * @param srtt -1: not measured
   * @returns whether fast recovery begins now
   */
  finish(sndUna: number, sndNxt: number, advanced: boolean, srtt: Nanos, now: Nanos): boolean {
    const { sent, rack } = this
    let entered = false
    if (rack !== undefined && this.sackPermitted) {
      if (this.hasRecovered) rack.recovered()
      rack.adapt(sent, sndUna, this.phase !== 'open', this.config.duplicateThreshold, srtt)
      entered = this.detect(sndUna, sndNxt, now)
    }
    if (this.reducing && this.phase === 'recovery') {
      const delivered = this.undelivered - (sent.outstanding - sent.sacked)
      this.reduction?.acknowledged(delivered, sent.pipe, advanced && sent.everLost === this.everLost, this.smss)
    }
    return entered
  }

  /** The reordering timer has expired. @returns whether fast recovery begins now */
  stopWaiting(sndUna: number, sndNxt: number, now: Nanos): boolean {
    const entered = this.detect(sndUna, sndNxt, now)
    if (entered && this.reducing) this.reduction?.acknowledged(this.smss, this.sent.pipe, false, this.smss)
    return entered
  }

  private detect(sndUna: number, sndNxt: number, now: Nanos): boolean {
    if (this.rack === undefined) return false
    // Deviates from RFC 5681 section 4.3, as Linux does: a lost retransmission that is found in recovery does not lower the threshold again.
    this.reorderingWait = this.rack.detect(this.sent, now)
    return this.sent.lost > 0 && this.phase === 'open' && this.enter(sndUna, sndNxt, now)
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
    if (this.phase !== 'open') return this.steeredWindow
    return cwnd + this.limitedTransmitAllowance
  }

  /** The congestion window as recovery steers it. */
  get steeredWindow(): number {
    if (this.reducing && this.reduction !== undefined && this.phase === 'recovery') return this.reduction.window
    return this.congestion.cwnd + this.inflation
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
    if (this.phase === 'loss' || !this.config.fastRetransmit || this.byTime) return false
    if (this.duplicates < this.config.duplicateThreshold) return false
    // RFC 6582 section 3.2 step 1: duplicates of what was sent before the last recovery or timeout do not speak of a new loss.
    if (!this.sackPermitted && sndUna <= this.recoveryPoint) return false
    return this.enter(sndUna, sndNxt, now)
  }

  /**
   * The scoreboard has changed: marks losses.
   * @returns whether fast recovery begins now
   */
  scoreboardChanged(sndUna: number, sndNxt: number, now: Nanos): boolean {
    if (!this.config.fastRetransmit || this.byTime) return false
    const firstLost = this.sent.markLostBySack(this.config.duplicateThreshold, this.smss)
    if (!firstLost || this.phase !== 'open') return false
    return this.enter(sndUna, sndNxt, now)
  }

  /** @returns whether fast recovery has begun */
  private enter(sndUna: number, sndNxt: number, now: Nanos): boolean {
    if (this.absolve?.(now) === true) return false
    const { congestion, reduction } = this
    const flight = this.sent.outstanding - this.limitedTransmitted
    this.beginEpisode(sndUna)
    congestion.lossDetected(flight, now)
    this.reducing = reduction !== undefined && this.sackPermitted
    if (this.reducing) reduction?.begin(flight, congestion.ssthresh)
    this.phase = 'recovery'
    this.recoveryPoint = sndNxt
    this.inflation = this.sackPermitted ? 0 : this.config.duplicateThreshold * this.smss
    this.partial = false
    this.highResent = sndUna
    this.rescueResent = -1
    this.limitedTransmitted = 0
    if (this.byTime) this.forced = this.sent.nextLost() >= 0
    else this.repairFirst()
    return true
  }

  /** The window is about to be reduced: what `takeBack` gives back is remembered. */
  private beginEpisode(sndUna: number): void {
    if (!this.config.undo && !this.config.frto) return
    this.congestion.remember()
    this.ledger?.begin(sndUna, Math.ceil(this.sent.resent / this.smss))
  }

  /**
   * Segments were larger than the path takes; the scoreboard has them as lost. They go out again, in smaller ones, as after a timeout, but
   * that they are lost is no sign of congestion: the window stays (RFC 1191 section 6.4, and Linux's simple retransmit).
   */
  oversized(sndNxt: number): void {
    if (this.phase !== 'open') return
    this.phase = 'loss'
    // Limited transmit may have filled the window; without SACK nothing else would come to empty it.
    this.forced = true
    this.timedOutAt = -1
    this.recoveryPoint = sndNxt
    this.duplicates = 0
    this.limitedTransmitted = 0
    this.ledger?.end()
    this.forwardRto?.end()
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
      this.hasRecovered = true
      this.forwardRto?.end()
      if (!wasRecovery) return 'none'
      this.congestion.recovered(this.sent.pipe, this.sackPermitted, now)
      return 'exited'
    }
    if (this.phase === 'loss') {
      // What was too large goes out again in pieces; where no timeout has emptied the network, the next one is not to wait for room either.
      if (this.timedOutAt < 0) this.forced = this.sent.nextLost() === 0
      return 'none'
    }
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
    // What a timeout in the middle of recovery can take back is what that recovery has taken.
    else if (!repeated) this.beginEpisode(sndUna)
    this.forwardRto?.begin(this.config.frto && this.phase === 'open')
    congestion.timedOut(flight, repeated, now)
    this.timedOutAt = sndUna
    this.phase = 'loss'
    this.recoveryPoint = sndNxt
    this.duplicates = 0
    this.inflation = 0
    this.limitedTransmitted = 0
    if (this.rack !== undefined && this.sackPermitted) this.rack.timedOut(this.sent, now)
    else this.sent.markAllLost()
    this.forced = true
  }

  /** Index of the segment to send again now; -1: none, or the window has no room for it. */
  nextRetransmission(): number {
    if (this.phase === 'open' || this.forwardRto?.sendsNew === true) return -1
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
    if (this.forwardRto?.sendsNew === true) return this.probesLeft === 0
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
    if (this.phase !== 'recovery' || !this.sackPermitted || this.byTime || !this.fits(this.smss)) return -1
    const { sent } = this
    const unsacked = sent.nextUnsacked(this.highResent, sent.highestSacked)
    if (unsacked >= 0) return unsacked
    if (this.rescueResent >= 0 && sndUna <= this.rescueResent) return -1
    const last = sent.lastUnsacked()
    if (last < 0 || (sent.flagsOf(last) & SentFlag.RESENT) !== 0) return -1
    this.rescueResent = this.recoveryPoint
    return last
  }

  /** Why a segment is sent again now, for the trace. @param first whether it is the one that recovery begins with */
  reason(first: boolean): string {
    if (this.phase === 'loss') return 'rto'
    if (this.byTime) return 'rack'
    return first || !this.sackPermitted ? 'fast' : 'sack'
  }

  /** A segment was sent again. */
  resent(index: number, now: Nanos): void {
    const { sent } = this
    sent.markResent(index, now)
    if (this.sackPermitted) this.rack?.resent(sent.startOf(index), now)
    if (this.phase !== 'open') this.ledger?.resent(now)
    if (this.reducing && this.phase === 'recovery') this.reduction?.sent(sent.lengthOf(index))
    this.forced = false
    const end = sent.startOf(index) + sent.lengthOf(index)
    if (end > this.highResent && this.rescueResent < 0) this.highResent = end
  }

  /** New data was sent. */
  sentNew(length: number): void {
    if (this.phase === 'open') {
      if (this.duplicates > 0) this.limitedTransmitted += length
    } else if (this.forwardRto?.sendsNew === true) {
      this.probesLeft--
    } else if (this.reducing && this.phase === 'recovery') {
      this.reduction?.sent(length)
    }
  }
}
