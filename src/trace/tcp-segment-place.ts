import { read32 } from '../wire/integer.ts'
import { IpProtocol } from '../wire/ipv4.ts'
import { TCP_HEADER_LENGTH, TcpFlag } from '../wire/tcp.ts'
import { TransportPlace } from './transport-place.ts'

/** Where the TCP segment of a frame is. */
export class TcpSegmentPlace extends TransportPlace {
  /** Sequence number of its first payload byte, in [0, 2^32): behind the SYN, if there is one. */
  seq = 0
  /** Bits of `TcpFlag`. */
  flags = 0

  constructor() {
    super(IpProtocol.TCP)
  }

  get isSyn(): boolean {
    return (this.flags & TcpFlag.SYN) !== 0
  }

  /** SEG.SEQ of RFC 9293 section 3.3.1: the number of the SYN, if there is one. */
  get segSeq(): number {
    return this.isSyn ? (this.seq - 1) >>> 0 : this.seq
  }

  protected read(frame: Uint8Array, start: number, end: number): boolean {
    if (end - start < TCP_HEADER_LENGTH) return false
    const payloadStart = start + (frame[start + 12] >>> 4) * 4
    if (payloadStart < start + TCP_HEADER_LENGTH || payloadStart > end) return false
    this.flags = frame[start + 13]
    this.seq = (read32(frame, start + 4) + (this.isSyn ? 1 : 0)) >>> 0
    this.payloadStart = payloadStart
    this.payloadEnd = end
    return true
  }
}
