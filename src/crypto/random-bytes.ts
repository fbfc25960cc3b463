/** Bytes that nobody outside could have guessed; in a run they come from a seeded stream, so that the run can be had again. */
export type RandomBytes = (length: number) => Uint8Array

/**
 * Random bytes drawn from a stream of 32-bit integers in [0, 2^32), four bytes each, in network byte order; what is left of the last
 * integer of a call is thrown away.
 */
export function randomBytesFrom(random: { uint32(): number }): RandomBytes {
  return (length) => {
    const bytes = new Uint8Array(length)
    let word = 0
    for (let i = 0; i < length; i++) {
      word = (i & 3) === 0 ? random.uint32() : word << 8
      bytes[i] = word >>> 24
    }
    return bytes
  }
}
