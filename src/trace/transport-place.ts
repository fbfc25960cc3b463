import { EtherType, ETHERNET_HEADER_LENGTH } from '../wire/ethernet.ts'
import { read16 } from '../wire/integer.ts'
import { IPV4_HEADER_LENGTH } from '../wire/ipv4.ts'
import { IPV6_HEADER_LENGTH, NextHeader } from '../wire/ipv6.ts'
import { EXTENSION_HEADER_LIMIT, isExtensionHeader } from '../wire/ipv6-chain.ts'

const IP = ETHERNET_HEADER_LENGTH

/** Where in a frame a transport's header and payload are, found without dissecting it. Made to be filled again and again. */
export abstract class TransportPlace {
  /** Which end sent it: 0 the one with the lower address (then port), 1 the other. The same for all frames of a conversation. */
  side: 0 | 1 = 0
  /** The payload's range in the frame. */
  payloadStart = 0
  payloadEnd = 0
  /** Where the source address is; the destination's is right behind it. */
  protected addressesAt = 0
  /** Of an address, in bytes. */
  protected addressLength = 0

  /** @param protocol of IPv4, or next header of IPv6 */
  protected constructor(private readonly protocol: number) {}

  get payloadLength(): number {
    return this.payloadEnd - this.payloadStart
  }

  /** Looks into a frame; false when there is nothing of that protocol, when it is a fragment, or when it is cut short. */
  find(frame: Uint8Array): boolean {
    if (frame.length < IP) return false
    const type = read16(frame, 12)
    if (type === EtherType.IPV4) return this.findInIpv4(frame)
    return type === EtherType.IPV6 && this.findInIpv6(frame)
  }

  /** Reads the transport's header in [start, end), which lies within the frame. */
  protected abstract read(frame: Uint8Array, start: number, end: number): boolean

  private findInIpv4(frame: Uint8Array): boolean {
    if (frame.length < IP + IPV4_HEADER_LENGTH || frame[IP] >>> 4 !== 4 || frame[IP + 9] !== this.protocol) return false
    // More-fragments bit and offset: 0 in a packet that is no fragment.
    if ((read16(frame, IP + 6) & 0x3fff) !== 0) return false
    this.addressesAt = IP + 12
    this.addressLength = 4
    return this.readWithin(frame, IP + (frame[IP] & 0xf) * 4, IP + read16(frame, IP + 2))
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
    this.addressesAt = IP + 8
    this.addressLength = 16
    return next === this.protocol && this.readWithin(frame, start, end)
  }

  private readWithin(frame: Uint8Array, start: number, end: number): boolean {
    if (end > frame.length || end - start < 4 || !this.read(frame, start, end)) return false
    this.side = this.sideOf(frame, start)
    return true
  }

  private sideOf(frame: Uint8Array, start: number): 0 | 1 {
    const { addressesAt, addressLength } = this
    for (let at = addressesAt; at < addressesAt + addressLength; at++) {
      const difference = frame[at] - frame[at + addressLength]
      if (difference !== 0) return difference < 0 ? 0 : 1
    }
    return read16(frame, start) <= read16(frame, start + 2) ? 0 : 1
  }
}
