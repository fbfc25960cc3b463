/**
 * RACK, the first half of RACK-TLP: losses by time.
 *
 * Required reading: RFC 8985 sections 3, 5 and 6; section 3.3.2 on the reordering window.
 *
 * How it works. Of all segments that have arrived, the one that was *sent* last is remembered, with the round-trip time that it took. What
 * was sent before it and has not arrived within that time is late; what is later than the *reordering window* besides is lost. Sending again
 * counts as sending, so lost retransmissions are found as well. While some segment is late but not yet lost, a timer waits for it.
 * The window is a quarter of the least round-trip time, wider after reports of needless retransmissions, and nothing in recovery, or when
 * as many segments as DupThresh have overtaken, unless the path was seen to reorder.
 */
import type { Nanos } from '../endpoint.ts'
import { SentFlag, type SentSegments } from './sent-segments.ts'

const NANOS_PER_TICK = 1_000_000
/** After so many recoveries without a report of a duplicate the window is as small as in the beginning (RFC 8985 section 6.2 step 4). */
const PERSISTENCE = 16

export class Rack {
  /** Whether the path was seen to deliver out of order: RACK.reordering_seen. */
  reorderingSeen = false
  /** RACK.rtt: of the segment delivered last. */
  private rtt: Nanos = 0
  /** RACK.min_RTT; -1: unknown. */
  private minRtt: Nanos = -1
  /** When the segment that was sent last among the delivered ones was sent: RACK.xmit_ts; -1: none was delivered. */
  private xmitTs: Nanos = -1
  /** Position behind that segment: RACK.end_seq. */
  private endSeq = 0
  /** Position behind the highest delivered segment: RACK.fack; and as it was before the current acknowledgment. */
  private fack = 0
  private priorFack = 0
  /** RACK.reo_wnd. */
  private reoWnd: Nanos = 0
  /** RACK.dsack_round; -1: None. */
  private dsackRound = -1
  private reoWndMult = 1
  private reoWndPersist = 0

  // Segments in the order of their (last) transmission are two sequences: those never sent again, which stand in the scoreboard in this
  // order, and those sent again, in a queue of their own. Entries of the latter may be outdated, which shows when they are looked up.

  /** Segments below this position that were never sent again are acknowledged or lost. */
  private settledBelow = 0
  private resentStarts: number[] = []
  private resentTimes: Nanos[] = []
  private resentHead = 0
  private revision = 0

  /** An acknowledgment is about to be taken. */
  begin(): void {
    this.priorFack = this.fack
  }

  /**
   * A segment was delivered: RFC 8985 section 6.2, steps 1 to 3.
   * @param echoed when the segment was sent that the acknowledgment's timestamp is an echo of, in milliseconds; -1: unknown
   * @returns whether it shows for the first time that the path reorders
   */
  delivered(end: number, sentAt: Nanos, resent: boolean, echoed: number, now: Nanos): boolean {
    let reordered = false
    if (end > this.fack) {
      this.fack = end
    } else if (end < this.priorFack && !resent && !this.reorderingSeen) {
      this.reorderingSeen = true
      reordered = true
    }
    const rtt = now - sentAt
    if (resent) {
      // Which copy arrived? The first one, if the echo is older than the second, or the answer is quicker than any before.
      if (echoed >= 0 && echoed < Math.floor(sentAt / NANOS_PER_TICK)) return reordered
      if (rtt < this.minRtt) return reordered
    } else if (this.minRtt < 0 || rtt < this.minRtt) {
      this.minRtt = rtt
    }
    this.rtt = rtt
    if (sentAt > this.xmitTs || (sentAt === this.xmitTs && end > this.endSeq)) {
      this.xmitTs = sentAt
      this.endSeq = end
    }
    return reordered
  }

  /**
   * A hole was filled by the first copy of what was sent again: the path reorders, as Linux concludes. RFC 8985 asks only segments that
   * were sent once, of which there may be none for long.
   * @returns whether it shows for the first time
   */
  overtakenByOriginal(): boolean {
    const isNew = !this.reorderingSeen
    this.reorderingSeen = true
    return isNew
  }

  /** A report of a needless retransmission widens the window, once a round trip (step 4). */
  duplicateReported(sndNxt: number): void {
    if (this.dsackRound >= 0) return
    this.dsackRound = sndNxt
    this.reoWndMult++
    this.reoWndPersist = PERSISTENCE
  }

  /** Fast recovery, or the recovery after a timeout, is over. */
  recovered(): void {
    this.reoWndPersist--
    if (this.reoWndPersist <= 0) this.reoWndMult = 1
  }

  /**
   * Sets the reordering window (step 4).
   * @param recovering whether in fast recovery, or after a timeout
   * @param threshold DupThresh
   * @param srtt -1: not measured
   */
  adapt(sent: SentSegments, sndUna: number, recovering: boolean, threshold: number, srtt: Nanos): void {
    if (this.dsackRound >= 0 && sndUna >= this.dsackRound) this.dsackRound = -1
    if (!this.reorderingSeen && (recovering || sent.sackedCount >= threshold)) {
      this.reoWnd = 0
      return
    }
    const window = Math.floor((this.reoWndMult * Math.max(0, this.minRtt)) / 4)
    this.reoWnd = srtt < 0 ? window : Math.min(window, srtt)
  }

  /**
   * Marks what is lost (step 5).
   * @returns how long until all that is late now counts as lost; 0: nothing is late
   */
  detect(sent: SentSegments, now: Nanos): Nanos {
    if (this.xmitTs < 0) return 0
    if (sent.revision !== this.revision) this.rebuild(sent)
    return Math.max(this.detectFirst(sent, now), this.detectAgain(sent, now))
  }

  /** Among segments that were sent once. */
  private detectFirst(sent: SentSegments, now: Nanos): Nanos {
    let wait = 0
    for (let index = sent.find(this.settledBelow); index < sent.count; index++) {
      const end = sent.startOf(index) + sent.lengthOf(index)
      if ((sent.flagsOf(index) & (SentFlag.SACKED | SentFlag.LOST | SentFlag.EVER_RESENT)) === 0) {
        const sentAt = sent.sentAtOf(index)
        if (!this.isOvertaken(sentAt, end)) break
        const remaining = this.remaining(sentAt, now)
        if (remaining > 0) wait = Math.max(wait, remaining)
        else sent.declareLost(index)
      }
      if (wait === 0) this.settledBelow = end
    }
    return wait
  }

  /** Among segments that were sent again. */
  private detectAgain(sent: SentSegments, now: Nanos): Nanos {
    const { resentStarts, resentTimes } = this
    let wait = 0
    let settled = true
    for (let i = this.resentHead; i < resentStarts.length && resentTimes[i] <= this.xmitTs; i++) {
      const index = sent.find(resentStarts[i])
      const sentAt = resentTimes[i]
      if (isOnItsWayAgain(sent, index) && sent.sentAtOf(index) === sentAt) {
        const remaining = this.remaining(sentAt, now)
        // Of what was sent again at the same time, some may not be overtaken while others behind it are.
        if (!this.isOvertaken(sentAt, sent.startOf(index) + sent.lengthOf(index))) {
          settled = false
        } else if (remaining > 0) {
          wait = Math.max(wait, remaining)
          settled = false
        } else {
          sent.declareLost(index)
        }
      }
      if (settled) this.resentHead = i + 1
    }
    if (this.resentHead === resentStarts.length) this.clearQueue()
    return wait
  }

  private clearQueue(): void {
    this.resentStarts.length = 0
    this.resentTimes.length = 0
    this.resentHead = 0
  }

  /** RACK_sent_after of the delivered segment that was sent last. */
  private isOvertaken(sentAt: Nanos, end: number): boolean {
    return this.xmitTs > sentAt || (this.xmitTs === sentAt && this.endSeq > end)
  }

  private remaining(sentAt: Nanos, now: Nanos): Nanos {
    return sentAt + this.rtt + this.reoWnd - now
  }

  /** A segment was sent again. */
  resent(start: number, now: Nanos): void {
    this.resentStarts.push(start)
    this.resentTimes.push(now)
  }

  /** Puts both sequences together anew, after marks were taken back or segments were cut. */
  private rebuild(sent: SentSegments): void {
    this.revision = sent.revision
    this.settledBelow = 0
    this.clearQueue()
    const again: number[] = []
    for (let index = 0; index < sent.count; index++) if (isOnItsWayAgain(sent, index)) again.push(index)
    again.sort((a, b) => sent.sentAtOf(a) - sent.sentAtOf(b) || a - b)
    for (const index of again) this.resent(sent.startOf(index), sent.sentAtOf(index))
  }

  /**
   * The retransmission timer expired: the oldest segment is lost, and what was not sent just now (section 6.3). When nothing was ever
   * delivered, or the peer has dropped what it had reported, everything is.
   */
  timedOut(sent: SentSegments, now: Nanos): void {
    const reneged = sent.count > 0 && (sent.flagsOf(0) & SentFlag.SACKED) !== 0
    if (this.xmitTs < 0 || reneged) {
      sent.markAllLost()
      return
    }
    for (let index = 0; index < sent.count; index++) {
      if ((sent.flagsOf(index) & SentFlag.SACKED) !== 0) continue
      if (index === 0 || this.remaining(sent.sentAtOf(index), now) <= 0) sent.declareLost(index)
    }
  }
}

/** Whether a segment was sent again, and neither its arrival nor its loss is known. */
function isOnItsWayAgain(sent: SentSegments, index: number): boolean {
  if (index >= sent.count) return false
  const flags = sent.flagsOf(index)
  if ((flags & (SentFlag.EVER_RESENT | SentFlag.SACKED)) !== SentFlag.EVER_RESENT) return false
  return (flags & (SentFlag.LOST | SentFlag.RESENT)) !== SentFlag.LOST
}
