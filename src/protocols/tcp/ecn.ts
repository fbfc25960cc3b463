/**
 * Explicit congestion notification: RFC 3168 section 6.1.
 *
 * A router that is about to have no room marks packets (CE) instead of dropping them. The receiver says so in every acknowledgment (ECE)
 * until the sender tells that it has slowed down (CWR). That both can is agreed upon by the same bits in the SYNs. Only segments with new data
 * are sent as capable (ECT): for one that is sent again, for acknowledgments and for probes, loss and marks would not be told apart.
 */
import { TcpFlag, type TcpSegment } from '../../wire/tcp.ts'
import type { TcpConfig } from './config.ts'

/** Codepoints in the two lowest bits of the IP header's traffic class (RFC 3168 section 5). */
const Ecn = { NOT_ECT: 0, ECT_0: 2, CE: 3 } as const

const SETUP = TcpFlag.ECE | TcpFlag.CWR

export class EcnState {
  /** Whether both sides have agreed. */
  capable = false
  /** Whether the acknowledgments that we send carry ECE. */
  private echoing = false
  /** Whether the next new data carries CWR. */
  private cwrPending = false
  /** Reductions for acknowledgments up to this position are done: at most one a window. */
  private reducedUpTo = 0
  /** Whether a SYN of ours carried the bits. */
  private asked = false

  constructor(private readonly config: Pick<TcpConfig, 'ecn'>) {}

  /** Flags of our SYN, first sent or again: what does not get through with the bits may without (RFC 3168 section 6.1.1.1). */
  synFlags(retransmissions: number): number {
    if (this.config.ecn !== 'on' || retransmissions > 0) return 0
    this.asked = true
    return SETUP
  }

  /** Flags of our SYN and ACK. */
  get synAckFlags(): number {
    return this.capable ? TcpFlag.ECE : 0
  }

  /** The peer's SYN, or SYN and ACK, came. One that answers our first SYN may come after we have sent another without the bits. */
  synReceived({ flags }: TcpSegment): void {
    if ((flags & TcpFlag.ACK) !== 0) {
      // Both bits are ours, thrown back by a host that does not know them.
      this.capable = this.asked && (flags & SETUP) === TcpFlag.ECE
    } else {
      this.capable = this.config.ecn !== 'off' && (flags & SETUP) === SETUP
    }
  }

  /** A segment that lies within the window came; only the receiver of data looks at CE and CWR. */
  segmentReceived({ flags, ecn, payload }: TcpSegment): void {
    if (!this.capable || payload.length === 0) return
    if ((flags & TcpFlag.CWR) !== 0) this.echoing = false
    if (ecn === Ecn.CE) this.echoing = true
  }

  /** Flags of any segment of an open connection. */
  get ackFlags(): number {
    return this.echoing ? TcpFlag.ECE : 0
  }

  /** Puts what new data carries into its segment. */
  markNewData(segment: TcpSegment): void {
    if (!this.capable) return
    segment.ecn = Ecn.ECT_0
    if (!this.cwrPending) return
    this.cwrPending = false
    segment.flags |= TcpFlag.CWR
  }

  /**
   * An acknowledgment came.
   * @param ack its position, at or above SND.UNA
   * @returns whether the window is to be reduced now
   */
  acknowledged(flags: number, ack: number): boolean {
    // On a SYN the bit means something else.
    return this.capable && (flags & (TcpFlag.ECE | TcpFlag.SYN)) === TcpFlag.ECE && ack > this.reducedUpTo
  }

  /** The window was reduced, for whatever reason. @param sndNxt what was sent before that does not reduce it again */
  reduced(sndNxt: number): void {
    if (!this.capable) return
    this.reducedUpTo = sndNxt
    this.cwrPending = true
  }
}

/** Of all connections that will have nothing to do with it: neither asks nor agrees, so there is nothing to keep apart. */
const WITHOUT_ECN = new EcnState({ ecn: 'off' })

/** What one connection knows of it. */
export function ecnState(config: TcpConfig): EcnState {
  return config.ecn === 'off' ? WITHOUT_ECN : new EcnState(config)
}
