/**
 * The stream cipher ChaCha20: RFC 8439 sections 2.3 and 2.4.
 *
 * Ours, and not the library's, for what a short message costs there: keys and inputs are copied and checked for each one, which takes longer than
 * the work itself on a packet of QUIC. Arrays of words are taken for little-endian, as they are wherever this runs.
 */

/** Of the first row of the state: "expand 32-byte k". */
const C0 = 0x6170_7865
const C1 = 0x3320_646e
const C2 = 0x7962_2d32
const C3 = 0x6b20_6574

/** A key of ChaCha20. */
export class ChaCha20Key {
  /** The last block of key stream, in words. */
  readonly block = new Int32Array(16)
  private readonly words = new Int32Array(8)

  /** @param key 32 bytes, which are copied */
  constructor(key: Uint8Array) {
    for (let i = 0; i < 8; i++) this.words[i] = wordAt(key, 4 * i)
  }

  /**
   * Exclusive-ors words with the key stream in place: whole blocks of 16.
   * @param nonce 12 bytes
   * @param count of the first block; below 2^32 with all that follow
   * @param from the first word, and one past the last; the last block may reach beyond
   */
  xor(nonce: Uint8Array, count: number, words: Int32Array, from: number, to: number): void {
    const { block } = this
    let counter = count
    for (let at = from; at < to; at += 16) {
      this.compute(nonce, counter++)
      for (let i = 0; i < 16; i++) words[at + i] ^= block[i]
    }
  }

  /** One block of key stream, into `block`. @param nonce 12 bytes from `at` */
  compute(nonce: Uint8Array, count: number, at = 0): void {
    const { block, words } = this
    const n0 = wordAt(nonce, at)
    const n1 = wordAt(nonce, at + 4)
    const n2 = wordAt(nonce, at + 8)
    let a0 = C0
    let a1 = C1
    let a2 = C2
    let a3 = C3
    let b0 = words[0]
    let b1 = words[1]
    let b2 = words[2]
    let b3 = words[3]
    let c0 = words[4]
    let c1 = words[5]
    let c2 = words[6]
    let c3 = words[7]
    let d0 = count | 0
    let d1 = n0
    let d2 = n1
    let d3 = n2
    for (let round = 0; round < 10; round++) {
      // Columns, then diagonals: a quarter of each is begun before the next, so that they can be worked on at once.
      a0 = (a0 + b0) | 0
      a1 = (a1 + b1) | 0
      a2 = (a2 + b2) | 0
      a3 = (a3 + b3) | 0
      d0 = rotated(d0 ^ a0, 16)
      d1 = rotated(d1 ^ a1, 16)
      d2 = rotated(d2 ^ a2, 16)
      d3 = rotated(d3 ^ a3, 16)
      c0 = (c0 + d0) | 0
      c1 = (c1 + d1) | 0
      c2 = (c2 + d2) | 0
      c3 = (c3 + d3) | 0
      b0 = rotated(b0 ^ c0, 12)
      b1 = rotated(b1 ^ c1, 12)
      b2 = rotated(b2 ^ c2, 12)
      b3 = rotated(b3 ^ c3, 12)
      a0 = (a0 + b0) | 0
      a1 = (a1 + b1) | 0
      a2 = (a2 + b2) | 0
      a3 = (a3 + b3) | 0
      d0 = rotated(d0 ^ a0, 8)
      d1 = rotated(d1 ^ a1, 8)
      d2 = rotated(d2 ^ a2, 8)
      d3 = rotated(d3 ^ a3, 8)
      c0 = (c0 + d0) | 0
      c1 = (c1 + d1) | 0
      c2 = (c2 + d2) | 0
      c3 = (c3 + d3) | 0
      b0 = rotated(b0 ^ c0, 7)
      b1 = rotated(b1 ^ c1, 7)
      b2 = rotated(b2 ^ c2, 7)
      b3 = rotated(b3 ^ c3, 7)

      a0 = (a0 + b1) | 0
      a1 = (a1 + b2) | 0
      a2 = (a2 + b3) | 0
      a3 = (a3 + b0) | 0
      d3 = rotated(d3 ^ a0, 16)
      d0 = rotated(d0 ^ a1, 16)
      d1 = rotated(d1 ^ a2, 16)
      d2 = rotated(d2 ^ a3, 16)
      c2 = (c2 + d3) | 0
      c3 = (c3 + d0) | 0
      c0 = (c0 + d1) | 0
      c1 = (c1 + d2) | 0
      b1 = rotated(b1 ^ c2, 12)
      b2 = rotated(b2 ^ c3, 12)
      b3 = rotated(b3 ^ c0, 12)
      b0 = rotated(b0 ^ c1, 12)
      a0 = (a0 + b1) | 0
      a1 = (a1 + b2) | 0
      a2 = (a2 + b3) | 0
      a3 = (a3 + b0) | 0
      d3 = rotated(d3 ^ a0, 8)
      d0 = rotated(d0 ^ a1, 8)
      d1 = rotated(d1 ^ a2, 8)
      d2 = rotated(d2 ^ a3, 8)
      c2 = (c2 + d3) | 0
      c3 = (c3 + d0) | 0
      c0 = (c0 + d1) | 0
      c1 = (c1 + d2) | 0
      b1 = rotated(b1 ^ c2, 7)
      b2 = rotated(b2 ^ c3, 7)
      b3 = rotated(b3 ^ c0, 7)
      b0 = rotated(b0 ^ c1, 7)
    }
    block[0] = a0 + C0
    block[1] = a1 + C1
    block[2] = a2 + C2
    block[3] = a3 + C3
    block[4] = b0 + words[0]
    block[5] = b1 + words[1]
    block[6] = b2 + words[2]
    block[7] = b3 + words[3]
    block[8] = c0 + words[4]
    block[9] = c1 + words[5]
    block[10] = c2 + words[6]
    block[11] = c3 + words[7]
    block[12] = d0 + count
    block[13] = d1 + n0
    block[14] = d2 + n1
    block[15] = d3 + n2
  }
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

/** A little-endian word. */
function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
}
