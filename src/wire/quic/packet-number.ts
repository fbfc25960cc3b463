/** Packet numbers are counted to 2^62 - 1, and written with 1 to 4 bytes: RFC 9000 section 17.1 and appendix A. Exact to 2^53 - 1 here. */

/** How many bytes a packet number takes so that a receiver finds it again. */
export type PacketNumberLength = 1 | 2 | 3 | 4

/**
 * As many bytes as can tell twice the packets apart that are not acknowledged yet (RFC 9000 appendix A.2).
 * @param packetNumber of the packet to be sent
 * @param largestAcknowledged by the peer in the same space; -1: none yet
 */
export function packetNumberLength(packetNumber: number, largestAcknowledged: number): PacketNumberLength {
  const unacknowledged = packetNumber - largestAcknowledged
  if (unacknowledged <= 0x80) return 1
  if (unacknowledged <= 0x8000) return 2
  return unacknowledged <= 0x80_0000 ? 3 : 4
}

/** How many numbers so many bytes can tell apart. */
const WINDOWS: Readonly<Record<PacketNumberLength, number>> = { 1: 0x100, 2: 0x1_0000, 3: 0x100_0000, 4: 0x1_0000_0000 }

/**
 * The packet number nearest to the expected one that ends in those bytes (RFC 9000 appendix A.3).
 * @param largest number of a packet of that space which was authenticated so far; -1: none yet
 * @param truncated value of the bytes, in [0, 2^32)
 */
export function decodePacketNumber(largest: number, truncated: number, length: PacketNumberLength): number {
  const expected = largest + 1
  const window = WINDOWS[length]
  const half = window / 2
  const candidate = expected - (expected % window) + truncated
  if (candidate <= expected - half && candidate + window <= Number.MAX_SAFE_INTEGER) return candidate + window
  if (candidate > expected + half && candidate >= window) return candidate - window
  return candidate
}

/** The 1 to 4 bytes at `at`, in [0, 2^32). */
export function readPacketNumber(bytes: Uint8Array, at: number, length: PacketNumberLength): number {
  let value = bytes[at]
  for (let i = 1; i < length; i++) value = value * 256 + bytes[at + i]
  return value
}

/** Writes the low bytes of a packet number. @returns where the next byte goes */
export function writePacketNumber(target: Uint8Array, at: number, packetNumber: number, length: PacketNumberLength): number {
  for (let i = length - 1, rest = packetNumber >>> 0; i >= 0; i--, rest >>>= 8) target[at + i] = rest
  return at + length
}
