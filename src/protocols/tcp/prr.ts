/**
 * Proportional rate reduction, RFC 6937: during fast recovery every acknowledgment lets out so much that, when all that was in flight at
 * the beginning is accounted for, what is in flight has come down to the threshold. Lengths are bytes.
 *
 * Above the threshold it is proportional; below, after further losses, it comes back up: by slow start (the bound PRR-SSRB) when the
 * acknowledgment advances SND.UNA and nothing more is found lost, by packet conservation (PRR-CRB) otherwise. Linux chooses alike, and RFC
 * 9937 made it the rule.
 */
export class ProportionalRateReduction {
  /** How much may be in flight. */
  window = 0
  private ssthresh = 0
  /** RecoverFS. */
  private recoverFs = 1
  /** prr_delivered. */
  private delivered = 0
  /** prr_out. */
  private out = 0

  /** Fast recovery begins. @param flight FlightSize, which `ssthresh` was made from */
  begin(flight: number, ssthresh: number): void {
    this.recoverFs = Math.max(1, flight)
    this.ssthresh = ssthresh
    this.delivered = 0
    this.out = 0
    this.window = 0
  }

  /**
   * An acknowledgment came in recovery, the one that began it too.
   * @param delivered how much it says has arrived, cumulatively and selectively: DeliveredData
   * @param pipe what is in flight by now
   * @param safe whether SND.UNA has advanced and nothing more is found lost: then slow start's bound holds
   */
  acknowledged(delivered: number, pipe: number, safe: boolean, smss: number): void {
    if (delivered <= 0 && this.out > 0) return
    this.delivered += delivered
    let allowed: number
    if (pipe > this.ssthresh) {
      allowed = Math.ceil((this.delivered * this.ssthresh) / this.recoverFs) - this.out
    } else {
      const bound = Math.max(this.delivered - this.out, delivered) + (safe ? smss : 0)
      allowed = Math.min(this.ssthresh - pipe, bound)
    }
    // The fast retransmission itself goes out in any case.
    this.window = pipe + Math.max(allowed, this.out === 0 ? smss : 0)
  }

  /** Something was sent in recovery, for the first time or again. */
  sent(length: number): void {
    this.out += length
  }
}
