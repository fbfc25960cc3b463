/**
 * Integers of variable length: RFC 9000 section 16. The two high bits of the first byte tell the length, 1, 2, 4 or 8 bytes; the rest is
 * the value in network byte order, below 2^62.
 *
 * A `number` is exact up to 2^53 - 1. What is counted (offsets, lengths, packet numbers) is never larger here: readers refuse it. What is
 * compared alone (codes, identifiers, limits) may be, and is a `number` close by that is not smaller.
 */

/** Largest value that can be written: the integers above are no longer exact. */
export const LARGEST_VARINT = Number.MAX_SAFE_INTEGER

const TWO_32 = 0x1_0000_0000

/** Length in bytes of the integer whose first byte this is: 1, 2, 4 or 8. */
export function varintLengthAt(firstByte: number): 1 | 2 | 4 | 8 {
  return (1 << (firstByte >> 6)) as 1 | 2 | 4 | 8
}

/** Value of the integer at `at`, all of whose bytes must be there; rounded up from 2^53 on. */
export function readVarint(bytes: Uint8Array, at: number): number {
  const first = bytes[at]
  switch (first >> 6) {
    case 0:
      return first
    case 1:
      return ((first & 0x3f) << 8) | bytes[at + 1]
    case 2:
      return ((first & 0x3f) << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]
    default: {
      const high = ((first & 0x3f) << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]
      const low = ((bytes[at + 4] << 24) | (bytes[at + 5] << 16) | (bytes[at + 6] << 8) | bytes[at + 7]) >>> 0
      const value = high * TWO_32 + low
      // What was rounded down goes up instead, to the next number, so that it is above whatever it should be above.
      return value - high * TWO_32 < low ? value + (1 << (11 - Math.clz32(high))) : value
    }
  }
}

/** Length in bytes of the shortest encoding of an integer from 0 to 2^53 - 1. */
export function varintLength(value: number): 1 | 2 | 4 | 8 {
  if (value < 0x40) return 1
  if (value < 0x4000) return 2
  return value < 0x4000_0000 ? 4 : 8
}

/**
 * Writes the shortest encoding of an integer.
 * @returns where the next byte goes
 * @throws RangeError unless the value is an integer from 0 to 2^53 - 1
 */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  if (value >= 0 && value < 0x40 && value === (value | 0)) {
    target[at] = value
    return at + 1
  }
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${String(value)} is not written as a varint`)
  return writeVarintOf(target, at, value, varintLength(value))
}

/**
 * Writes an integer with that many bytes, which must be enough for it.
 * @returns where the next byte goes
 */
export function writeVarintOf(target: Uint8Array, at: number, value: number, length: 1 | 2 | 4 | 8): number {
  switch (length) {
    case 1:
      target[at] = value
      return at + 1
    case 2:
      target[at] = 0x40 | (value >>> 8)
      target[at + 1] = value
      return at + 2
    case 4:
      target[at] = 0x80 | (value >>> 24)
      target[at + 1] = value >>> 16
      target[at + 2] = value >>> 8
      target[at + 3] = value
      return at + 4
    case 8: {
      const high = Math.floor(value / TWO_32)
      const low = value >>> 0
      target[at] = 0xc0 | (high >>> 24)
      target[at + 1] = high >>> 16
      target[at + 2] = high >>> 8
      target[at + 3] = high
      target[at + 4] = low >>> 24
      target[at + 5] = low >>> 16
      target[at + 6] = low >>> 8
      target[at + 7] = low
      return at + 8
    }
  }
}
