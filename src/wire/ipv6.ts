import { readIpv6, writeIpv6 } from './address.ts'
import { DecodeError } from './errors.ts'
import { read16, read32, write16, write32 } from './integer.ts'

/**
 * What may follow an IPv6 header or one of its extension headers. RFC 8200 section 4; numbers of IANA's list of protocols, which both
 * versions share.
 */
export const NextHeader = {
  HOP_BY_HOP: 0,
  TCP: 6,
  UDP: 17,
  ROUTING: 43,
  FRAGMENT: 44,
  ICMPV6: 58,
  NO_NEXT_HEADER: 59,
  DESTINATION_OPTIONS: 60,
} as const

/** Bytes of the fixed header. */
export const IPV6_HEADER_LENGTH = 40

/** Every link carries packets of so many bytes. RFC 8200 section 5. */
export const IPV6_MIN_MTU = 1280

/** Most bytes behind the fixed header: the jumbo payload option of RFC 2675 is not spoken. */
export const IPV6_PAYLOAD_LIMIT = 0xffff

/** An IPv6 header as values. RFC 8200 section 3. One class of one shape, made to be filled again and again. */
export class Ipv6Header {
  /** Differentiated services codepoint, 0 to 63. RFC 2474. */
  dscp = 0
  /** Explicit congestion notification, 0 to 3. RFC 3168. */
  ecn = 0
  /** 0 to 2^20 - 1; 0: not labelled. RFC 6437. */
  flowLabel = 0
  /** A `NextHeader` or another protocol number: what stands at `payloadStart`. */
  nextHeader = 0
  /** 0 to 255. */
  hopLimit = 64
  /** IPv6 address in [0, 2^128). */
  source = 0n
  /** IPv6 address in [0, 2^128). */
  destination = 0n
  /** First byte behind the fixed header in the decoded array: an extension header's, or the upper layer's. */
  payloadStart = 0
  /** One past the payload's last byte in the decoded array, by the payload length field. */
  payloadEnd = 0
}

/**
 * Reads a fixed header that may stand before a cut payload, as in the quotation of an ICMPv6 error: the payload length may reach past
 * `end`, and then `payloadEnd` does, too.
 * @param into is filled and returned
 * @throws DecodeError when the header is cut short or is of another version
 */
export function decodeIpv6Header(bytes: Uint8Array, start: number, end: number, into = new Ipv6Header()): Ipv6Header {
  if (end - start < IPV6_HEADER_LENGTH) throw new DecodeError('ipv6', 'truncated', end, 'the header takes 40 bytes')
  const version = bytes[start] >>> 4
  if (version !== 6) throw new DecodeError('ipv6', 'invalid', start, `version ${String(version)}`)
  into.dscp = ((bytes[start] & 0xf) << 2) | (bytes[start + 1] >>> 6)
  into.ecn = (bytes[start + 1] >>> 4) & 3
  into.flowLabel = read32(bytes, start) & 0xf_ffff
  into.nextHeader = bytes[start + 6]
  into.hopLimit = bytes[start + 7]
  into.source = readIpv6(bytes, start + 8)
  into.destination = readIpv6(bytes, start + 24)
  into.payloadStart = start + IPV6_HEADER_LENGTH
  into.payloadEnd = into.payloadStart + read16(bytes, start + 4)
  return into
}

/**
 * Reads the fixed header of the packet that begins at `start` and lies whole in [start, end); what follows it is the link's padding.
 * Extension headers are for `walkIpv6Chain`.
 * @param into is filled and returned
 * @throws DecodeError when the packet is cut short or is of another version
 */
export function decodeIpv6(bytes: Uint8Array, start: number, end: number, into = new Ipv6Header()): Ipv6Header {
  decodeIpv6Header(bytes, start, end, into)
  if (into.payloadEnd > end) throw new DecodeError('ipv6', 'truncated', end, 'the payload length reaches past the end')
  return into
}

/**
 * Writes a fixed header at `start`, for `payloadLength` bytes behind it, extension headers included.
 * @returns where the payload belongs
 * @throws RangeError when the payload exceeds 65,535 bytes
 */
export function encodeIpv6(header: Ipv6Header, payloadLength: number, bytes: Uint8Array, start: number): number {
  if (payloadLength > IPV6_PAYLOAD_LIMIT) throw new RangeError('the payload of an IPv6 packet exceeds 65,535 bytes')
  write32(bytes, start, 0x6000_0000 + header.dscp * 0x40_0000 + header.ecn * 0x10_0000 + header.flowLabel)
  write16(bytes, start + 4, payloadLength)
  bytes[start + 6] = header.nextHeader
  bytes[start + 7] = header.hopLimit
  writeIpv6(bytes, start + 8, header.source)
  writeIpv6(bytes, start + 24, header.destination)
  return start + IPV6_HEADER_LENGTH
}

/**
 * Takes one off the hop limit of the packet at `start`, in place. It must not be 0.
 * @returns the new hop limit; at 0 the packet must not be forwarded (RFC 8200 section 3)
 */
export function decrementHopLimit(bytes: Uint8Array, start: number): number {
  return --bytes[start + 7]
}
