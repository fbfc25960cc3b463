import { finish, sum } from './checksum.ts'
import { DecodeError } from './errors.ts'
import { read16, read32, write16, write32 } from './integer.ts'
import { decodeIpv4Header, IPV4_HEADER_LENGTH } from './ipv4.ts'

/** What a message says. RFC 792. */
export const IcmpType = {
  ECHO_REPLY: 0,
  DESTINATION_UNREACHABLE: 3,
  SOURCE_QUENCH: 4,
  REDIRECT: 5,
  ECHO_REQUEST: 8,
  TIME_EXCEEDED: 11,
  PARAMETER_PROBLEM: 12,
} as const

/** Codes of destination unreachable. RFC 792 (0 to 5), RFC 1122 section 3.2.2.1 (6 to 12), RFC 1812 section 5.2.7.1 (13 to 15). */
export const UnreachableCode = {
  NET_UNREACHABLE: 0,
  HOST_UNREACHABLE: 1,
  PROTOCOL_UNREACHABLE: 2,
  PORT_UNREACHABLE: 3,
  FRAGMENTATION_NEEDED: 4,
  SOURCE_ROUTE_FAILED: 5,
  NET_UNKNOWN: 6,
  HOST_UNKNOWN: 7,
  SOURCE_HOST_ISOLATED: 8,
  NET_PROHIBITED: 9,
  HOST_PROHIBITED: 10,
  NET_UNREACHABLE_FOR_TOS: 11,
  HOST_UNREACHABLE_FOR_TOS: 12,
  COMMUNICATION_PROHIBITED: 13,
  HOST_PRECEDENCE_VIOLATION: 14,
  PRECEDENCE_CUTOFF: 15,
} as const

/** Codes of time exceeded. RFC 792. */
export const TimeExceededCode = { TTL: 0, REASSEMBLY: 1 } as const

/** Bytes before the data or the quotation. */
export const ICMP_HEADER_LENGTH = 8

/** An ICMP error, its own IP header included, is kept within this. RFC 1812 section 4.3.2.3. */
const ERROR_LENGTH_LIMIT = 576

const NO_PAYLOAD = new Uint8Array(0)

/** An ICMP message as values. RFC 792. One class of one shape, made to be filled again and again. */
export class IcmpMessage {
  /** An `IcmpType`. */
  type = 0
  /** 0 to 255. */
  code = 0
  /** Echo: 0 to 65535. Of other messages, the first two bytes of the rest of the header. */
  identifier = 0
  /** Echo: 0 to 65535. Of other messages, the last two bytes of the rest of the header: in "fragmentation needed" the next hop's MTU (RFC 1191 section 4). */
  sequence = 0
  /** The checksum field as it was decoded; `encodeIcmp` computes its own. */
  checksum = 0
  /** Echo: its data. Errors: the quoted packet, header first, cut short. Decoded, a view into the decoder's input. */
  payload: Uint8Array = NO_PAYLOAD
}

/**
 * Whether a message of this type reports an error about the packet that it quotes. RFC 1122 section 3.2.2.
 */
export function isIcmpError(type: number): boolean {
  return (
    type === IcmpType.DESTINATION_UNREACHABLE ||
    type === IcmpType.SOURCE_QUENCH ||
    type === IcmpType.REDIRECT ||
    type === IcmpType.TIME_EXCEEDED ||
    type === IcmpType.PARAMETER_PROBLEM
  )
}

/**
 * Reads the message that fills [start, end). Any type and code decode. The checksum is not looked at: see `verifyIcmpChecksum`.
 * @param into is filled and returned; its `payload` becomes a view into `bytes`
 * @throws DecodeError when it is shorter than 8 bytes
 */
export function decodeIcmp(bytes: Uint8Array, start: number, end: number, into = new IcmpMessage()): IcmpMessage {
  if (end - start < ICMP_HEADER_LENGTH) throw new DecodeError('icmp', 'truncated', end, 'a message takes at least 8 bytes')
  into.type = bytes[start]
  into.code = bytes[start + 1]
  into.checksum = read16(bytes, start + 2)
  into.identifier = read16(bytes, start + 4)
  into.sequence = read16(bytes, start + 6)
  into.payload = bytes.subarray(start + ICMP_HEADER_LENGTH, end)
  return into
}

/** Bytes that `encodeIcmp` writes. */
export function icmpEncodedLength(message: IcmpMessage): number {
  return ICMP_HEADER_LENGTH + message.payload.length
}

/** Writes the message with its checksum at `start`; returns one past the last byte written. */
export function encodeIcmp(message: IcmpMessage, bytes: Uint8Array, start: number): number {
  const end = start + icmpEncodedLength(message)
  bytes[start] = message.type
  bytes[start + 1] = message.code
  write16(bytes, start + 2, 0)
  write32(bytes, start + 4, message.identifier * 0x1_0000 + message.sequence)
  bytes.set(message.payload, start + ICMP_HEADER_LENGTH)
  write16(bytes, start + 2, finish(sum(bytes, start, end)))
  return end
}

/** Whether the checksum of the message that fills [start, end) is right. RFC 1122 section 3.2.2. */
export function verifyIcmpChecksum(bytes: Uint8Array, start: number, end: number): boolean {
  return finish(sum(bytes, start, end)) === 0
}

/**
 * What an ICMP error quotes of the packet in [start, end) that it is about: as much as leaves the error within 576 bytes (RFC 1812
 * section 4.3.2.3), and so at least the header and 8 bytes, when there are as many (RFC 792).
 * @param outerHeaderLength bytes of the IP header that the error itself will have
 * @returns a view into `bytes`, without the link's padding
 * @throws DecodeError when there is no whole IPv4 header
 */
export function quoteIpv4(bytes: Uint8Array, start: number, end: number, outerHeaderLength = IPV4_HEADER_LENGTH): Uint8Array {
  const { payloadEnd } = decodeIpv4Header(bytes, start, end)
  const room = ERROR_LENGTH_LIMIT - outerHeaderLength - ICMP_HEADER_LENGTH
  return bytes.subarray(start, Math.min(payloadEnd, end, start + room))
}

/** What an ICMP error says about the packet that it quotes. */
export interface Quotation {
  readonly protocol: number
  /** IPv4 addresses of the quoted packet: its source is whom the error is for. */
  readonly source: number
  readonly destination: number
  /** -1 when the quoted packet is no first fragment of TCP or UDP, or the quotation is too short. */
  readonly sourcePort: number
  readonly destinationPort: number
  /** TCP's sequence number in [0, 2^32); -1 when there is none. */
  readonly sequence: number
}

/** Bytes of the transport's header that hold both ports, and TCP's sequence number. */
const QUOTED_TRANSPORT = 8

/**
 * Reads the quotation in an error's payload, to find whose packet it was. RFC 1122 section 3.2.2.
 * @throws DecodeError when it does not begin with an IPv4 header
 */
export function decodeQuotation(payload: Uint8Array): Quotation {
  const { protocol, source, destination, fragmentOffset, payloadStart } = decodeIpv4Header(payload, 0, payload.length)
  const isTransport = protocol === 6 || protocol === 17
  if (!isTransport || fragmentOffset !== 0 || payload.length < payloadStart + QUOTED_TRANSPORT) {
    return { protocol, source, destination, sourcePort: -1, destinationPort: -1, sequence: -1 }
  }
  return {
    protocol,
    source,
    destination,
    sourcePort: read16(payload, payloadStart),
    destinationPort: read16(payload, payloadStart + 2),
    sequence: protocol === 6 ? read32(payload, payloadStart + 4) : -1,
  }
}
