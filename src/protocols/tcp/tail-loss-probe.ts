import type { Nanos } from '../endpoint.ts'

const SECOND = 1_000_000_000
/** How long a peer may hold back an acknowledgment when a single segment is in flight: TLP.max_ack_delay, 200 ms as in Linux. */
const MAX_ACK_DELAY: Nanos = 200_000_000

/**
 * The tail loss probe of RFC 8985 section 7, as far as it needs no more than its own memory. Losses at the end of a flight cause no
 * duplicates. A probe, sent long before the retransmission timer would fire, makes the peer say what it has; RACK does the rest.
 */
export class TailLossProbe {
  /** The next segment is to be a probe. */
  due = false
  /** TLP.end_seq: position behind all that was sent when the probe was; -1: none is out. */
  private endSeq = -1
  /** TLP.is_retrans. */
  private isRetransmission = false

  /** Whether a probe is out and its outcome unknown. */
  get isOut(): boolean {
    return this.endSeq >= 0
  }

  /** Whether this is the position behind a probe that is out. */
  isProbe(end: number): boolean {
    return this.endSeq === end
  }

  /**
   * How long to wait for an acknowledgment before probing: TLP_calc_PTO (section 7.2), without the bound that the retransmission timer sets.
   * @param srtt -1: not measured
   * @param single whether no more than one segment is in flight
   */
  timeout(srtt: Nanos, single: boolean): Nanos {
    if (srtt < 0) return SECOND
    return 2 * srtt + (single ? MAX_ACK_DELAY : 0)
  }

  /** The probe leaves: TLP_send_probe (section 7.3). */
  sent(sndNxt: number, isRetransmission: boolean): void {
    this.due = false
    this.endSeq = sndNxt
    this.isRetransmission = isRetransmission
  }

  /** A recovery begins: whatever was lost is now found in another way. */
  forget(): void {
    this.due = false
    this.endSeq = -1
  }

  /**
   * An acknowledgment came: TLP_process_ack (section 7.4).
   * @param duplicated position behind what it reports as received twice; -1: nothing
   * @param repeats whether it is a bare repetition without SACK blocks
   * @returns whether the probe has repaired a loss that nothing else has shown, to which congestion control is to answer
   */
  acknowledged(ack: number, duplicated: number, repeats: boolean): boolean {
    if (this.endSeq < 0 || ack < this.endSeq) return false
    if (!this.isRetransmission || duplicated === this.endSeq || (ack === this.endSeq && repeats)) {
      this.endSeq = -1
      return false
    }
    if (ack === this.endSeq) return false
    this.endSeq = -1
    return true
  }
}

/** Of all connections that send no such probes: it never learns anything. */
export const NO_TAIL_LOSS_PROBE = new TailLossProbe()
