import { read32, write16, write32 } from '../integer.ts'
import { QuicDecodeError } from './decode-error.ts'
import { writePacketNumber, type PacketNumberLength } from './packet-number.ts'
import { LARGEST_VARINT, readVarint, varintLength, varintLengthAt, writeVarint } from './varint.ts'

/** The headers of packets: RFC 9000 section 17, RFC 8999. */

/** The one version that is spoken here: RFC 9000 section 15. */
export const QUIC_V1 = 1

/** In bytes: RFC 9000 section 17.2. */
export const LARGEST_CONNECTION_ID = 20

/** In bytes: RFC 9000 section 10.3. */
export const RESET_TOKEN_LENGTH = 16

/** Of a Retry packet, in bytes: RFC 9001 section 5.8. */
export const RETRY_TAG_LENGTH = 16

/** A datagram with a client's Initial packet has at least as many bytes: RFC 9000 section 14.1. */
export const SMALLEST_INITIAL_DATAGRAM = 1200

/** Bits of a header's first byte. */
export const HEADER_LONG = 0x80
export const HEADER_FIXED = 0x40
export const HEADER_SPIN = 0x20
export const HEADER_KEY_PHASE = 0x04
/** The low bits: how many bytes the packet number has, less one. */
export const HEADER_NUMBER_LENGTH = 0x03
/** Reserved bits behind header protection, which are 0: RFC 9000 sections 17.2 and 17.3. */
export const LONG_RESERVED = 0x0c
export const SHORT_RESERVED = 0x18

export type LongPacketType = 'initial' | '0-rtt' | 'handshake' | 'retry'

export type QuicPacketType =
  | LongPacketType
  | '1-rtt'
  | 'version-negotiation'
  /** A long header of a version that is not spoken here, of which the connection IDs alone can be told (RFC 8999). */
  | 'unknown-version'

const LONG_TYPES: readonly LongPacketType[] = ['initial', '0-rtt', 'handshake', 'retry']
const LONG_BITS: Readonly<Record<LongPacketType, number>> = { initial: 0x00, '0-rtt': 0x10, handshake: 0x20, retry: 0x30 }

const CITES_LONG = 'RFC 9000 section 17.2'

/**
 * What can be read of a packet before its header protection is removed. An object of this class is written over by each `decode`: no
 * packet costs an allocation.
 */
export class QuicHeader {
  /** Whether the fixed bit may be 0, as between ends that have agreed on it (RFC 9287). */
  allowsGreasedBit = false
  type: QuicPacketType = '1-rtt'
  /** Offset of the first byte. */
  start = 0
  /** As it stands there, its low bits protected. */
  firstByte = 0
  /** 0 for Version Negotiation and 1-RTT packets. */
  version = 0
  /** Destination Connection ID: [destinationStart, destinationEnd). */
  destinationStart = 0
  destinationEnd = 0
  /** Source Connection ID; empty for 1-RTT packets. */
  sourceStart = 0
  sourceEnd = 0
  /** Token of an Initial or Retry packet; empty for others. */
  tokenStart = 0
  tokenEnd = 0
  /** Where the protected packet number begins, or what else follows the header: versions, a Retry's integrity tag. */
  packetNumberAt = 0
  /** One past the packet's last byte: where the next packet of the datagram begins. */
  end = 0

  /**
   * Reads the header of the packet at `start` in a datagram that goes up to `end`.
   * @param shortIdLength how long a 1-RTT packet's Destination Connection ID is, 0 to 20: whoever gave it out knows
   * @throws QuicDecodeError when these bytes are no packet; the rest of the datagram is none either
   */
  decode(bytes: Uint8Array, start: number, end: number, shortIdLength: number): void {
    if (start >= end) throw refusal('truncated', start, 'no packet', 'RFC 9000 section 17')
    const first = bytes[start]
    this.start = start
    this.firstByte = first
    this.end = end
    this.sourceStart = this.sourceEnd = 0
    this.tokenStart = this.tokenEnd = 0
    if ((first & HEADER_LONG) !== 0) {
      this.decodeLong(bytes, start, end)
      return
    }
    if ((first & HEADER_FIXED) === 0 && !this.allowsGreasedBit)
      throw refusal('invalid', start, 'the fixed bit is 0', 'RFC 9000 section 17.3.1')
    this.type = '1-rtt'
    this.version = 0
    this.destinationStart = start + 1
    this.destinationEnd = this.packetNumberAt = start + 1 + shortIdLength
    if (this.packetNumberAt > end) throw truncated(end, 'the connection ID', 'RFC 9000 section 17.3.1')
  }

  private decodeLong(bytes: Uint8Array, start: number, end: number): void {
    if (start + 7 > end) throw truncated(end, 'the long header', CITES_LONG)
    const version = (this.version = read32(bytes, start + 1))
    this.destinationStart = start + 6
    this.destinationEnd = start + 6 + bytes[start + 5]
    if (this.destinationEnd >= end) throw truncated(end, 'the destination connection ID', CITES_LONG)
    this.sourceStart = this.destinationEnd + 1
    this.sourceEnd = this.sourceStart + bytes[this.destinationEnd]
    if (this.sourceEnd > end) throw truncated(end, 'the source connection ID', CITES_LONG)
    this.packetNumberAt = this.sourceEnd
    if (version === 0) {
      this.type = 'version-negotiation'
      if (end === this.sourceEnd || (end - this.sourceEnd) % 4 !== 0)
        throw refusal('invalid', this.sourceEnd, 'a list of versions that is empty or cut off', 'RFC 9000 section 17.2.1')
      return
    }
    if (version !== QUIC_V1) {
      this.type = 'unknown-version'
      return
    }
    if ((this.firstByte & HEADER_FIXED) === 0 && !this.allowsGreasedBit)
      throw refusal('invalid', start, 'the fixed bit is 0', CITES_LONG)
    if (bytes[start + 5] > LARGEST_CONNECTION_ID || bytes[this.destinationEnd] > LARGEST_CONNECTION_ID)
      throw refusal('invalid', start + 5, 'a connection ID longer than 20 bytes', CITES_LONG)
    this.type = LONG_TYPES[(this.firstByte >> 4) & 3]
    if (this.type === 'retry') {
      this.tokenStart = this.sourceEnd
      this.tokenEnd = this.packetNumberAt = end - RETRY_TAG_LENGTH
      if (this.tokenEnd < this.tokenStart) throw truncated(end, 'the integrity tag', 'RFC 9000 section 17.2.5')
      return
    }
    let at = this.sourceEnd
    if (this.type === 'initial') {
      const length = lengthAt(bytes, at, end)
      this.tokenStart = at + varintLengthAt(bytes[at])
      at = this.tokenEnd = this.tokenStart + length
      if (at > end) throw truncated(end, 'the token', 'RFC 9000 section 17.2.2')
    }
    const length = lengthAt(bytes, at, end)
    this.packetNumberAt = at + varintLengthAt(bytes[at])
    this.end = this.packetNumberAt + length
    if (this.end > end) throw truncated(end, 'the packet', CITES_LONG)
  }
}

function refusal(problem: 'invalid' | 'truncated', at: number, detail: string, cites: string): QuicDecodeError {
  return new QuicDecodeError(problem, at, detail, 'PROTOCOL_VIOLATION', cites)
}

function truncated(at: number, what: string, cites: string): QuicDecodeError {
  return refusal('truncated', at, `the datagram ends within ${what}`, cites)
}

/** A length of variable size at `at`, checked to be there. */
function lengthAt(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end || at + varintLengthAt(bytes[at]) > end) throw truncated(end, 'a length', CITES_LONG)
  const length = readVarint(bytes, at)
  if (length > LARGEST_VARINT) throw truncated(end, 'the packet', CITES_LONG)
  return length
}

/** The versions that a Version Negotiation packet offers (RFC 9000 section 17.2.1), of a header that was decoded from these bytes. */
export function offeredVersions(bytes: Uint8Array, header: QuicHeader): number[] {
  const versions: number[] = []
  for (let at = header.packetNumberAt; at + 4 <= header.end; at += 4) versions.push(read32(bytes, at))
  return versions
}

const NO_TOKEN = new Uint8Array(0)

/** Bytes of a long header up to its packet number, with a Length of two bytes. @param tokenLength of an Initial packet */
export function longHeaderLength(type: LongPacketType, destinationLength: number, sourceLength: number, tokenLength = 0): number {
  const token = type === 'initial' ? varintLength(tokenLength) + tokenLength : 0
  return 7 + destinationLength + sourceLength + token + 2
}

/**
 * Writes the header of an Initial, 0-RTT or Handshake packet, unprotected. `setLength` fills in its Length once that is known.
 * @param token of an Initial packet
 * @returns where the payload goes: behind the packet number
 */
export function writeLongHeader(
  target: Uint8Array,
  at: number,
  type: 'initial' | '0-rtt' | 'handshake',
  destination: Uint8Array,
  source: Uint8Array,
  packetNumber: number,
  numberLength: PacketNumberLength,
  token: Uint8Array = NO_TOKEN,
): number {
  let next = writeIds(target, at, HEADER_LONG | HEADER_FIXED | LONG_BITS[type] | (numberLength - 1), QUIC_V1, destination, source)
  if (type === 'initial') {
    next = writeVarint(target, next, token.length)
    target.set(token, next)
    next += token.length
  }
  return writePacketNumber(target, next + 2, packetNumber, numberLength)
}

/**
 * Fills in the Length of a header that `writeLongHeader` has written.
 * @param payloadStart what `writeLongHeader` returned
 * @param end one past the packet, with its authentication tag; at most 2^14 bytes from the packet number
 */
export function setLength(target: Uint8Array, payloadStart: number, numberLength: PacketNumberLength, end: number): void {
  const numberAt = payloadStart - numberLength
  write16(target, numberAt - 2, 0x4000 | (end - numberAt))
}

/**
 * Writes a 1-RTT packet's header (RFC 9000 section 17.3.1), unprotected.
 * @param flags `HEADER_SPIN` and `HEADER_KEY_PHASE`, or 0
 * @returns where the payload goes: behind the packet number
 */
export function writeShortHeader(
  target: Uint8Array,
  at: number,
  destination: Uint8Array,
  flags: number,
  packetNumber: number,
  numberLength: PacketNumberLength,
): number {
  target[at] = HEADER_FIXED | flags | (numberLength - 1)
  target.set(destination, at + 1)
  return writePacketNumber(target, at + 1 + destination.length, packetNumber, numberLength)
}

function writeIds(
  target: Uint8Array,
  at: number,
  firstByte: number,
  version: number,
  destination: Uint8Array,
  source: Uint8Array,
): number {
  target[at] = firstByte
  write32(target, at + 1, version)
  target[at + 5] = destination.length
  target.set(destination, at + 6)
  const sourceAt = at + 6 + destination.length
  target[sourceAt] = source.length
  target.set(source, sourceAt + 1)
  return sourceAt + 1 + source.length
}

/**
 * A Version Negotiation packet (RFC 9000 section 17.2.1).
 * @param destination the Source Connection ID of the packet that it answers, and the other way round; up to 255 bytes
 * @param unused seven bits which say nothing, random
 */
export function encodeVersionNegotiation(
  destination: Uint8Array,
  source: Uint8Array,
  versions: readonly number[],
  unused: number,
): Uint8Array {
  const bytes = new Uint8Array(7 + destination.length + source.length + 4 * versions.length)
  // The fixed bit is set for whoever tells QUIC from other protocols by it.
  let at = writeIds(bytes, 0, HEADER_LONG | HEADER_FIXED | (unused & 0x3f), 0, destination, source)
  for (const version of versions) {
    write32(bytes, at, version)
    at += 4
  }
  return bytes
}

/**
 * A Retry packet (RFC 9000 section 17.2.5), its integrity tag (RFC 9001 section 5.8) left to be filled in: the last 16 bytes.
 * @param unused four bits which say nothing, random
 */
export function encodeRetry(destination: Uint8Array, source: Uint8Array, token: Uint8Array, unused: number): Uint8Array {
  const bytes = new Uint8Array(7 + destination.length + source.length + token.length + RETRY_TAG_LENGTH)
  const firstByte = HEADER_LONG | HEADER_FIXED | LONG_BITS.retry | (unused & 0x0f)
  bytes.set(token, writeIds(bytes, 0, firstByte, QUIC_V1, destination, source))
  return bytes
}
