import { finish, sum } from './checksum.ts'
import { DecodeError } from './errors.ts'
import { read16, read32, write16, write32 } from './integer.ts'
import { decodeIpv6Header, IPV6_HEADER_LENGTH, IPV6_MIN_MTU, NextHeader } from './ipv6.ts'
import { walkIpv6Chain } from './ipv6-chain.ts'

/** What a message says. RFC 4443, RFC 4861 (133 to 137). Types below 128 are errors. */
export const Icmpv6Type = {
  DESTINATION_UNREACHABLE: 1,
  PACKET_TOO_BIG: 2,
  TIME_EXCEEDED: 3,
  PARAMETER_PROBLEM: 4,
  ECHO_REQUEST: 128,
  ECHO_REPLY: 129,
  ROUTER_SOLICITATION: 133,
  ROUTER_ADVERTISEMENT: 134,
  NEIGHBOR_SOLICITATION: 135,
  NEIGHBOR_ADVERTISEMENT: 136,
  REDIRECT: 137,
} as const

/** Codes of destination unreachable. RFC 4443 section 3.1. */
export const UnreachableCodeV6 = {
  NO_ROUTE: 0,
  PROHIBITED: 1,
  BEYOND_SCOPE: 2,
  ADDRESS_UNREACHABLE: 3,
  PORT_UNREACHABLE: 4,
  POLICY_FAILED: 5,
  REJECT_ROUTE: 6,
} as const

/** Codes of time exceeded. RFC 4443 section 3.3. */
export const TimeExceededCodeV6 = { HOP_LIMIT: 0, REASSEMBLY: 1 } as const

/** Bytes before the data or the quotation. */
export const ICMPV6_HEADER_LENGTH = 8

/** First type that is no error. RFC 4443 section 2.1. */
const FIRST_INFORMATIONAL_TYPE = 128

const NO_PAYLOAD = new Uint8Array(0)

/** An ICMPv6 message as values. RFC 4443. One class of one shape, made to be filled again and again. */
export class Icmpv6Message {
  /** An `Icmpv6Type`. */
  type = 0
  /** 0 to 255. */
  code = 0
  /**
   * The four bytes behind the checksum, in [0, 2^32): of packet too big the next hop's MTU, of a parameter problem the pointer, of echo
   * `identifier × 65536 + sequence`, else 0.
   */
  rest = 0
  /** The checksum field as it was decoded; `encodeIcmpv6` computes its own. */
  checksum = 0
  /** Echo: its data. Errors: the quoted packet, header first, cut short. Decoded, a view into the decoder's input. */
  payload: Uint8Array = NO_PAYLOAD

  /** Of echo: 0 to 65535. */
  get identifier(): number {
    return this.rest >>> 16
  }

  /** Of echo: 0 to 65535. */
  get sequence(): number {
    return this.rest & 0xffff
  }
}

/** Whether a message of this type reports an error about the packet that it quotes. RFC 4443 section 2.1. */
export function isIcmpv6Error(type: number): boolean {
  return type < FIRST_INFORMATIONAL_TYPE
}

/** Whether messages of this type are neighbour discovery's: `decodeNdp` reads them. RFC 4861 section 4. */
export function isNdp(type: number): boolean {
  return type >= Icmpv6Type.ROUTER_SOLICITATION && type <= Icmpv6Type.REDIRECT
}

/**
 * Reads the message that fills [start, end). Any type and code decode. The checksum is not looked at: see `verifyIcmpv6Checksum`.
 * @param into is filled and returned; its `payload` becomes a view into `bytes`
 * @throws DecodeError when it is shorter than 8 bytes
 */
export function decodeIcmpv6(bytes: Uint8Array, start: number, end: number, into = new Icmpv6Message()): Icmpv6Message {
  if (end - start < ICMPV6_HEADER_LENGTH) throw new DecodeError('icmpv6', 'truncated', end, 'a message takes at least 8 bytes')
  into.type = bytes[start]
  into.code = bytes[start + 1]
  into.checksum = read16(bytes, start + 2)
  into.rest = read32(bytes, start + 4)
  into.payload = bytes.subarray(start + ICMPV6_HEADER_LENGTH, end)
  return into
}

/** Bytes that `encodeIcmpv6` writes. */
export function icmpv6EncodedLength(message: Icmpv6Message): number {
  return ICMPV6_HEADER_LENGTH + message.payload.length
}

/** Computes the checksum of the message in [start, end), whose checksum field may hold anything, and writes it there. */
export function sealIcmpv6(bytes: Uint8Array, start: number, end: number, addresses: number): void {
  write16(bytes, start + 2, 0)
  write16(bytes, start + 2, finish(sum(bytes, start, end, addresses + NextHeader.ICMPV6 + end - start)))
}

/**
 * Writes the message with its checksum at `start`.
 * @param addresses the `addressSum` of the packet's addresses, for the checksum (RFC 4443 section 2.3)
 * @returns one past the last byte written
 */
export function encodeIcmpv6(message: Icmpv6Message, bytes: Uint8Array, start: number, addresses: number): number {
  const end = start + icmpv6EncodedLength(message)
  bytes[start] = message.type
  bytes[start + 1] = message.code
  write32(bytes, start + 4, message.rest)
  bytes.set(message.payload, start + ICMPV6_HEADER_LENGTH)
  sealIcmpv6(bytes, start, end, addresses)
  return end
}

/**
 * Whether the checksum of the message that fills [start, end) is right. RFC 4443 section 2.3.
 * @param addresses the `addressSum` of the packet's addresses
 */
export function verifyIcmpv6Checksum(bytes: Uint8Array, start: number, end: number, addresses: number): boolean {
  return finish(sum(bytes, start, end, addresses + NextHeader.ICMPV6 + end - start)) === 0
}

/**
 * What an ICMPv6 error quotes of the packet in [start, end) that it is about: as much as leaves the error within 1,280 bytes. RFC 4443
 * section 2.4 (c).
 * @returns a view into `bytes`, without the link's padding
 * @throws DecodeError when there is no whole IPv6 header
 */
export function quoteIpv6(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const { payloadEnd } = decodeIpv6Header(bytes, start, end)
  const room = IPV6_MIN_MTU - IPV6_HEADER_LENGTH - ICMPV6_HEADER_LENGTH
  return bytes.subarray(start, Math.min(payloadEnd, end, start + room))
}

/** What an ICMPv6 error says about the packet that it quotes. */
export interface QuotationV6 {
  /** Of the upper layer, behind the extension headers that can be read. */
  readonly protocol: number
  /** IPv6 addresses of the quoted packet: its source is whom the error is for. */
  readonly source: bigint
  readonly destination: bigint
  /** -1 when the quoted packet is no first fragment of TCP or UDP, or the quotation is too short. */
  readonly sourcePort: number
  readonly destinationPort: number
  /** TCP's sequence number in [0, 2^32); -1 when there is none. */
  readonly sequence: number
}

/** Bytes of the transport's header that hold both ports, and TCP's sequence number. */
const QUOTED_TRANSPORT = 8

/**
 * Reads the quotation in an error's payload, to find whose packet it was. RFC 4443 section 2.4 (d).
 * @throws DecodeError when it does not begin with an IPv6 header
 */
export function decodeQuotationV6(payload: Uint8Array): QuotationV6 {
  const header = decodeIpv6Header(payload, 0, payload.length)
  const { source, destination } = header
  const { protocol, start, fragmentStart, fragmentOffset } = walkIpv6Chain(payload, header, payload.length, 'destination')
  const isTransport = protocol === NextHeader.TCP || protocol === NextHeader.UDP
  const isLaterFragment = fragmentStart >= 0 && fragmentOffset !== 0
  if (!isTransport || isLaterFragment || payload.length < start + QUOTED_TRANSPORT) {
    return { protocol, source, destination, sourcePort: -1, destinationPort: -1, sequence: -1 }
  }
  return {
    protocol,
    source,
    destination,
    sourcePort: read16(payload, start),
    destinationPort: read16(payload, start + 2),
    sequence: protocol === NextHeader.TCP ? read32(payload, start + 4) : -1,
  }
}
