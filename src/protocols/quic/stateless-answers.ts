import { PACKET_TAG_LENGTH } from '../../crypto/packet-keys.ts'
import type { RandomBytes } from '../../crypto/random-bytes.ts'
import { controlFrameLength, writeControlFrame } from '../../wire/quic/frame-encoder.ts'
import type { ConnectionCloseFrame } from '../../wire/quic/frame.ts'
import { encodeRetry, encodeVersionNegotiation, HEADER_FIXED, HEADER_LONG, longHeaderLength } from '../../wire/quic/header.ts'
import { RESET_TOKEN_LENGTH, setLength, writeLongHeader } from '../../wire/quic/header.ts'
import { initialKeys, sealRetry } from './packet-protection.ts'

/** What a server answers to packets without keeping anything of them: bytes of whole datagrams. */

/** Versions of the form 0x?a?a?a?a are there to be ignored (RFC 9000 section 15). */
const RESERVED = 0x0a0a_0a0a
const RESERVED_RANDOM = 0xf0f0_f0f0

/** The least that may look like a packet, in bytes: RFC 9000 section 10.3. */
const SMALLEST_RESET = 5 + RESET_TOKEN_LENGTH
/** As large as a packet with a connection ID and little in it; longer is of no use. */
const LARGEST_RESET = 42

/**
 * Answers a packet of a version that is not spoken here: RFC 9000 section 6.1.
 * @param destination the Destination Connection ID of that packet, up to 255 bytes, and its Source Connection ID
 */
export function versionNegotiation(
  destination: Uint8Array,
  source: Uint8Array,
  versions: readonly number[],
  random: RandomBytes,
): Uint8Array {
  const [unused, a, b, c, d] = random(5)
  const reserved = ((((a << 24) | (b << 16) | (c << 8) | d) & RESERVED_RANDOM) | RESERVED) >>> 0
  return encodeVersionNegotiation(source, destination, [...versions, reserved], unused)
}

/**
 * Asks a client to show that its address is its own: RFC 9000 section 17.2.5.
 * @param original Destination Connection ID of its Initial packet, and its Source Connection ID
 * @param retryId what it is to address its next one with
 */
export function retry(
  original: Uint8Array,
  source: Uint8Array,
  retryId: Uint8Array,
  token: Uint8Array,
  random: RandomBytes,
): Uint8Array {
  const [unused] = random(1)
  const packet = encodeRetry(source, retryId, token, unused)
  sealRetry(packet, original)
  return packet
}

/**
 * Turns a client away in one Initial packet: RFC 9000 sections 5.2.2 and 8.1.2.
 * @param destination the Destination Connection ID of its Initial packet, and its Source Connection ID
 */
export function refusal(destination: Uint8Array, source: Uint8Array, code: number, reason: string): Uint8Array {
  const frame: ConnectionCloseFrame = { type: 'CONNECTION_CLOSE', space: 'transport', code, frameType: 0, reason }
  const length = longHeaderLength('initial', source.length, destination.length) + 1 + controlFrameLength(frame)
  const packet = new Uint8Array(length + PACKET_TAG_LENGTH)
  const payloadStart = writeLongHeader(packet, 0, 'initial', source, destination, 0, 1)
  const end = writeControlFrame(packet, payloadStart, frame)
  setLength(packet, payloadStart, 1, end + PACKET_TAG_LENGTH)
  initialKeys(destination).server.seal(packet, 0, payloadStart, end, 0)
  return packet.subarray(0, end + PACKET_TAG_LENGTH)
}

/**
 * Tells a peer that its connection is forgotten: RFC 9000 section 10.3. Shorter than what it answers, so that two who have both forgotten come
 * to an end.
 * @param length of the datagram that it answers
 * @returns undefined: that one was too short to be answered
 */
export function statelessReset(length: number, token: Uint8Array, random: RandomBytes): Uint8Array | undefined {
  const size = Math.min(length - 1, LARGEST_RESET)
  if (size < SMALLEST_RESET) return undefined
  const bytes = random(size)
  bytes[0] = (bytes[0] & ~HEADER_LONG) | HEADER_FIXED
  bytes.set(token, size - RESET_TOKEN_LENGTH)
  return bytes
}
