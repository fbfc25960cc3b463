import { EtherType, ETHERNET_HEADER_LENGTH } from '../wire/ethernet.ts'
import { read16, read32 } from '../wire/integer.ts'
import { IPV4_HEADER_LENGTH, IpProtocol } from '../wire/ipv4.ts'
import { IPV6_HEADER_LENGTH, NextHeader } from '../wire/ipv6.ts'
import { EXTENSION_HEADER_LIMIT, isExtensionHeader } from '../wire/ipv6-chain.ts'
import { TCP_HEADER_LENGTH, TcpFlag } from '../wire/tcp.ts'

const IP = ETHERNET_HEADER_LENGTH

/** Where the TCP segment of a frame is, found without dissecting it. Made to be filled again and again. */
export class TcpSegmentPlace {
  /** Which end sent it: 0 the one with the lower address (then port), 1 the other. The same for all frames of a conversation. */
  side: 0 | 1 = 0
  /** Sequence number of its first payload byte, in [0, 2^32): behind the SYN, if there is one. */
  seq = 0
  /** Bits of `TcpFlag`. */
  flags = 0
  /** The payload's range in the frame. */
  payloadStart = 0
  payloadEnd = 0

  get isSyn(): boolean {
    return (this.flags & TcpFlag.SYN) !== 0
  }

  /** SEG.SEQ of RFC 9293 section 3.3.1: the number of the SYN, if there is one. */
  get segSeq(): number {
    return this.isSyn ? (this.seq - 1) >>> 0 : this.seq
  }

  get payloadLength(): number {
    return this.payloadEnd - this.payloadStart
  }

  /** Looks for the segment of a frame; false when there is none, when it is a fragment of one, or when it is cut short. */
  find(frame: Uint8Array): boolean {
    if (frame.length < IP) return false
    const type = read16(frame, 12)
    if (type === EtherType.IPV4) return this.findInIpv4(frame)
    return type === EtherType.IPV6 && this.findInIpv6(frame)
  }

  private findInIpv4(frame: Uint8Array): boolean {
    if (frame.length < IP + IPV4_HEADER_LENGTH || frame[IP] >>> 4 !== 4 || frame[IP + 9] !== IpProtocol.TCP) return false
    // More-fragments bit and offset: 0 in a packet that is no fragment.
    if ((read16(frame, IP + 6) & 0x3fff) !== 0) return false
    const start = IP + (frame[IP] & 0xf) * 4
    return this.read(frame, start, IP + read16(frame, IP + 2), IP + 12, 4)
  }

  private findInIpv6(frame: Uint8Array): boolean {
    if (frame.length < IP + IPV6_HEADER_LENGTH || frame[IP] >>> 4 !== 6) return false
    const end = IP + IPV6_HEADER_LENGTH + read16(frame, IP + 4)
    let start = IP + IPV6_HEADER_LENGTH
    let next = frame[IP + 6]
    for (let count = 0; isExtensionHeader(next); count++) {
      if (next === NextHeader.FRAGMENT || count > EXTENSION_HEADER_LIMIT || start + 8 > frame.length) return false
      next = frame[start]
      start += (frame[start + 1] + 1) * 8
    }
    return next === NextHeader.TCP && this.read(frame, start, end, IP + 8, 16)
  }

  private read(frame: Uint8Array, start: number, end: number, addresses: number, width: number): boolean {
    if (end > frame.length || end - start < TCP_HEADER_LENGTH) return false
    const payloadStart = start + (frame[start + 12] >>> 4) * 4
    if (payloadStart < start + TCP_HEADER_LENGTH || payloadStart > end) return false
    this.flags = frame[start + 13]
    this.seq = (read32(frame, start + 4) + (this.isSyn ? 1 : 0)) >>> 0
    this.payloadStart = payloadStart
    this.payloadEnd = end
    this.side = 0
    for (let at = addresses; at < addresses + width; at++) {
      const difference = frame[at] - frame[at + width]
      if (difference === 0) continue
      this.side = difference < 0 ? 0 : 1
      return true
    }
    this.side = read16(frame, start) <= read16(frame, start + 2) ? 0 : 1
    return true
  }
}
