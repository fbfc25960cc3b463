/** So many packets are sent marked before anything is known: RFC 9000 appendix A.4. */
const TESTING_PACKETS = 10

/** As RFC 9000 appendix A.4 names them, and qlog. */
export type EcnState = 'testing' | 'unknown' | 'capable' | 'failed'

/**
 * Whether marks of ECN come through on one path, and are told back: RFC 9000 section 13.4.2 and appendix A.4. A few packets are sent
 * marked; only if the peer's counts show it, all are.
 */
export class EcnValidation {
  state: EcnState
  private sentMarked = 0
  private lostMarked = 0

  constructor(enabled: boolean) {
    this.state = enabled ? 'testing' : 'failed'
  }

  /** Whether the next datagram is to be sent as ECT(0). */
  get marks(): boolean {
    return this.state === 'testing' || this.state === 'capable'
  }

  /** A marked packet was sent. */
  sent(): void {
    this.sentMarked++
    if (this.state === 'testing' && this.sentMarked >= TESTING_PACKETS) this.state = 'unknown'
  }

  /** A marked packet was lost. If all are, it may be for their marks. */
  lost(): void {
    this.lostMarked++
    if (this.state !== 'capable' && this.sentMarked >= TESTING_PACKETS && this.lostMarked >= this.sentMarked)
      this.state = 'failed'
  }

  /** Counts have come back with the acknowledgment of marked packets. @param valid whether they fit what was sent */
  checked(valid: boolean): void {
    if (this.state === 'failed') return
    this.state = valid ? 'capable' : 'failed'
  }
}
