/**
 * F-RTO, RFC 5682: was a timeout spurious? The timer has sent the oldest segment again. Instead of more old data, the next acknowledgment
 * lets out new data (step 2). If then something is acknowledged that was never sent again (step 3), the flight was only delayed.
 *
 * With SACK that is seen at once, in step 2 too, as Linux does: it does not matter in which order it is acknowledged (section 3.1).
 */
export type TimeoutVerdict =
  /** Nothing is known yet, or nothing will be. */
  | 'open'
  /** Send new data now, and wait what comes of it. */
  | 'probe'
  /** Only the new data arrives: the loss was real. Told without SACK only, which shows it anyway. */
  | 'real'
  /** Nothing was lost. */
  | 'spurious'

export class ForwardRto {
  /** The step that waits for the next acknowledgment; 0: F-RTO has come to its end. */
  private step: 0 | 2 | 3 = 0

  /** Whether new data is to be sent before what counts as lost. */
  get sendsNew(): boolean {
    return this.step === 3
  }

  /** The timer expired. @param applies whether F-RTO may be used: not when the recovery after a timeout was already going on */
  begin(applies: boolean): void {
    this.step = applies ? 2 : 0
  }

  end(): void {
    this.step = 0
  }

  /**
   * An acknowledgment came after the timeout.
   * @param advanced whether it acknowledges new data
   * @param all whether it covers all that was sent before the timeout
   * @param news whether it acknowledges, cumulatively or selectively, anything at all
   * @param original whether among that is something sent before the timeout, and only once
   * @param sack whether SACK is used
   * @param mayProbe whether there is new data to send, and the peer's window has room
   */
  acknowledged(
    advanced: boolean,
    all: boolean,
    news: boolean,
    original: boolean,
    sack: boolean,
    mayProbe: boolean,
  ): TimeoutVerdict {
    if (this.step === 0) return 'open'
    if (this.step === 2) {
      // Step 2a: what covers everything, or repeats, cannot tell the copies apart.
      if (all) return this.give('open')
      if (sack && original) return this.give('spurious')
      if (!advanced) return sack ? 'open' : this.give('open')
      if (!mayProbe) return this.give('open')
      this.step = 3
      return 'probe'
    }
    // Step 3. Without SACK the repetition says that only new data arrives: the loss was real.
    if (original && (sack || advanced)) return this.give('spurious')
    if (sack && !news) return 'open'
    return this.give(sack || advanced ? 'open' : 'real')
  }

  private give(verdict: TimeoutVerdict): TimeoutVerdict {
    this.step = 0
    return verdict
  }
}
