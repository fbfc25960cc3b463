import { sum, updateChecksum } from './checksum.ts'
import { DecodeError } from './errors.ts'
import { read16, read32, write16, write32 } from './integer.ts'

/** Assigned protocol numbers (IANA, RFC 790). */
export const IpProtocol = { ICMP: 1, TCP: 6, UDP: 17, VRRP: 112 } as const

/** Bytes of a header without options. */
export const IPV4_HEADER_LENGTH = 20

/** Most bytes of options: an IHL of 15 words less the fixed header. */
const IPV4_OPTIONS_LIMIT = 40

/** Most bytes of a packet, header included. */
export const IPV4_LENGTH_LIMIT = 0xffff

/** IHL is counted in these, and options are padded to them. */
const WORD = 4

const NO_OPTIONS = new Uint8Array(0)

/** Bits of the word that holds flags and fragment offset. RFC 791 section 3.1. */
const DONT_FRAGMENT = 0x4000
const MORE_FRAGMENTS = 0x2000
const OFFSET_BITS = 0x1fff

/** An IPv4 header as values. RFC 791 section 3.1. One class of one shape, made to be filled again and again. */
export class Ipv4Header {
  /** Differentiated services codepoint, 0 to 63. RFC 2474. */
  dscp = 0
  /** Explicit congestion notification, 0 to 3. RFC 3168. */
  ecn = 0
  /** 0 to 65535. */
  identification = 0
  dontFragment = false
  moreFragments = false
  /** Where this fragment's payload belongs in its datagram's, in bytes; a multiple of 8. */
  fragmentOffset = 0
  /** 0 to 255. */
  ttl = 64
  /** An `IpProtocol`. */
  protocol = 0
  /** IPv4 address in [0, 2^32). */
  source = 0
  /** IPv4 address in [0, 2^32). */
  destination = 0
  /** Raw options, at most 40 bytes; decoded, a view into the decoder's input. */
  options: Uint8Array = NO_OPTIONS
  /** The checksum field as it was decoded; `encodeIpv4` computes its own. */
  checksum = 0
  /** Whether that was right, when it was decoded. */
  isIntact = true
  /** First byte of the payload in the decoded array. */
  payloadStart = 0
  /** One past the payload's last byte in the decoded array, by the total length field. */
  payloadEnd = 0
}

/**
 * Reads a header that may stand before a cut payload, as in the quotation of an ICMP error: the total length may reach past `end`,
 * and then `payloadEnd` does, too. Neither checksum nor options are looked into.
 * @param into is filled and returned
 * @throws DecodeError when the header is cut short or contradicts itself
 */
export function decodeIpv4Header(bytes: Uint8Array, start: number, end: number, into = new Ipv4Header()): Ipv4Header {
  if (end - start < IPV4_HEADER_LENGTH) throw new DecodeError('ipv4', 'truncated', end, 'the header takes at least 20 bytes')
  const version = bytes[start] >>> 4
  if (version !== 4) throw new DecodeError('ipv4', 'invalid', start, `version ${String(version)}`)
  const headerLength = (bytes[start] & 0xf) * WORD
  if (headerLength < IPV4_HEADER_LENGTH) throw new DecodeError('ipv4', 'invalid', start, 'header length below 20 bytes')
  const payloadStart = start + headerLength
  if (payloadStart > end) throw new DecodeError('ipv4', 'truncated', end, 'the header reaches past the end')
  const totalLength = read16(bytes, start + 2)
  if (totalLength < headerLength) throw new DecodeError('ipv4', 'invalid', start + 2, 'total length below header length')
  const service = bytes[start + 1]
  const identification = read16(bytes, start + 4)
  const fragment = read16(bytes, start + 6)
  const ttl = bytes[start + 8]
  const protocol = bytes[start + 9]
  const checksum = read16(bytes, start + 10)
  const source = read32(bytes, start + 12)
  const destination = read32(bytes, start + 16)
  into.dscp = service >>> 2
  into.ecn = service & 3
  into.identification = identification
  into.dontFragment = (fragment & DONT_FRAGMENT) !== 0
  into.moreFragments = (fragment & MORE_FRAGMENTS) !== 0
  into.fragmentOffset = (fragment & OFFSET_BITS) * 8
  into.ttl = ttl
  into.protocol = protocol
  into.checksum = checksum
  const fixed = 0x4000 | ((headerLength / WORD) << 8) | service
  const total = fixed + totalLength + identification + fragment + ((ttl << 8) | protocol) + checksum
  into.isIntact = optionsSum(bytes, start, headerLength, total + halves(source) + halves(destination)) === 0xffff
  into.source = source
  into.destination = destination
  into.options = headerLength === IPV4_HEADER_LENGTH ? NO_OPTIONS : bytes.subarray(start + IPV4_HEADER_LENGTH, payloadStart)
  into.payloadStart = payloadStart
  into.payloadEnd = start + totalLength
  return into
}

/**
 * Reads the header of the packet that begins at `start` and lies whole in [start, end); what follows it is the link's padding.
 * The checksum is not looked at: see `verifyIpv4Checksum`.
 * @param into is filled and returned
 * @throws DecodeError when the packet is cut short or its header contradicts itself
 */
export function decodeIpv4(bytes: Uint8Array, start: number, end: number, into = new Ipv4Header()): Ipv4Header {
  decodeIpv4Header(bytes, start, end, into)
  if (into.payloadEnd > end) throw new DecodeError('ipv4', 'truncated', end, 'the total length reaches past the end')
  return into
}

/** Whether the header checksum of the packet at `start` is right; the header must lie whole in the array. RFC 1122 section 3.2.1.2. */
export function verifyIpv4Checksum(bytes: Uint8Array, start: number): boolean {
  return sum(bytes, start, start + (bytes[start] & 0xf) * WORD) === 0xffff
}

/** The two 16-bit words of an address, added. */
function halves(address: number): number {
  return (address >>> 16) + (address & 0xffff)
}

/** The folded sum of a header whose fixed part comes to `total`. */
function optionsSum(bytes: Uint8Array, start: number, headerLength: number, total: number): number {
  return sum(bytes, start + IPV4_HEADER_LENGTH, start + headerLength, total)
}

/** Bytes of the header that `encodeIpv4` writes: options are padded to whole words. */
export function ipv4HeaderLength(header: Ipv4Header): number {
  return IPV4_HEADER_LENGTH + ((header.options.length + WORD - 1) & -WORD)
}

/**
 * Writes a header with its checksum at `start`, for a payload of `payloadLength` bytes behind it.
 * @returns where the payload belongs
 * @throws RangeError when the options take more than 40 bytes, or the packet more than 65,535
 */
export function encodeIpv4(header: Ipv4Header, payloadLength: number, bytes: Uint8Array, start: number): number {
  const headerLength = ipv4HeaderLength(header)
  if (headerLength > IPV4_HEADER_LENGTH + IPV4_OPTIONS_LIMIT)
    throw new RangeError('the options of an IPv4 packet exceed 40 bytes')
  if (headerLength + payloadLength > IPV4_LENGTH_LIMIT) throw new RangeError('an IPv4 packet exceeds 65,535 bytes')
  const flags = (header.dontFragment ? DONT_FRAGMENT : 0) | (header.moreFragments ? MORE_FRAGMENTS : 0)
  const { identification, ttl, protocol, source, destination } = header
  const fixed = 0x4000 | ((headerLength / WORD) << 8) | (header.dscp << 2) | header.ecn
  const fragment = flags | (header.fragmentOffset >>> 3)
  const length = headerLength + payloadLength
  write16(bytes, start, fixed)
  write16(bytes, start + 2, length)
  write16(bytes, start + 4, identification)
  write16(bytes, start + 6, fragment)
  bytes[start + 8] = ttl
  bytes[start + 9] = protocol
  write32(bytes, start + 12, source)
  write32(bytes, start + 16, destination)
  const payloadStart = start + headerLength
  if (headerLength !== IPV4_HEADER_LENGTH) {
    bytes.set(header.options, start + IPV4_HEADER_LENGTH)
    bytes.fill(0, start + IPV4_HEADER_LENGTH + header.options.length, payloadStart)
  }
  const total = fixed + length + identification + fragment + ((ttl << 8) | protocol) + halves(source) + halves(destination)
  write16(bytes, start + 10, ~optionsSum(bytes, start, headerLength, total) & 0xffff)
  return payloadStart
}

/**
 * Takes one off the TTL of the packet at `start`, in place, and corrects the checksum without adding anew (RFC 1624), so that a
 * header which came in wrong goes out wrong. The TTL must not be 0.
 * @returns the new TTL; at 0 the packet must not be forwarded (RFC 1812 section 5.3.1)
 */
export function decrementTtl(bytes: Uint8Array, start: number): number {
  const before = read16(bytes, start + 8)
  const after = before - 0x100
  write16(bytes, start + 8, after)
  write16(bytes, start + 10, updateChecksum(read16(bytes, start + 10), before, after))
  return after >>> 8
}

/** Options with this bit in their type are copied into every fragment. RFC 791 section 3.1. */
const COPIED = 0x80

/** The options that the second and later fragments carry. What is malformed, and all behind it, stays in the first alone. */
function copiedOptions(options: Uint8Array): Uint8Array {
  const copied: number[] = []
  let at = 0
  while (at < options.length && options[at] !== 0) {
    if (options[at] === 1) {
      at++
      continue
    }
    const length = at + 1 < options.length ? options[at + 1] : 0
    if (length < 2 || at + length > options.length) break
    if ((options[at] & COPIED) !== 0) copied.push(...options.subarray(at, at + length))
    at += length
  }
  return Uint8Array.from(copied)
}

/**
 * Cuts the packet in [start, end) into fragments of at most `mtu` bytes, after the example procedure of RFC 791 section 3.2. A
 * fragment can be cut again. The packet must decode, and be allowed to be fragmented.
 * @param headroom bytes left free at the beginning of each array, for the link's header
 * @param allocate makes the array for one fragment, headroom included
 * @returns one array per fragment, in order; a single copy when the packet fits
 * @throws RangeError when the packet says "don't fragment", or the MTU has no room for a header and 8 bytes
 */
export function fragmentIpv4(
  bytes: Uint8Array,
  start: number,
  end: number,
  mtu: number,
  headroom = 0,
  allocate: (length: number) => Uint8Array = (length) => new Uint8Array(length),
): Uint8Array[] {
  const header = decodeIpv4(bytes, start, end)
  const { payloadStart, payloadEnd, moreFragments: moreBehind, fragmentOffset: firstOffset } = header
  if (payloadEnd - start <= mtu) {
    const whole = allocate(headroom + payloadEnd - start)
    whole.set(bytes.subarray(start, payloadEnd), headroom)
    return [whole]
  }
  if (header.dontFragment) throw new RangeError('a packet that says "don\'t fragment" cannot be cut')
  if (mtu < ipv4HeaderLength(header) + 8) throw new RangeError(`an MTU of ${String(mtu)} has no room for this header and 8 bytes`)
  const fragments: Uint8Array[] = []
  let at = payloadStart
  while (at < payloadEnd) {
    const room = mtu - ipv4HeaderLength(header)
    const isLast = payloadEnd - at <= room
    const length = isLast ? payloadEnd - at : room & ~7
    header.fragmentOffset = firstOffset + at - payloadStart
    header.moreFragments = moreBehind || !isLast
    const fragment = allocate(headroom + ipv4HeaderLength(header) + length)
    fragment.set(bytes.subarray(at, at + length), encodeIpv4(header, length, fragment, headroom))
    fragments.push(fragment)
    if (at === payloadStart) header.options = copiedOptions(header.options)
    at += length
  }
  return fragments
}
