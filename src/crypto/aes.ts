/**
 * The block cipher AES (FIPS 197) in counter mode, which needs it forwards only.
 *
 * Ours, and not the library's, for what it costs where no AES is used: a library that is imported makes 1.3 MB of tables in each host's
 * worker at its start, in some 10 ms. These are 4 KiB, made when the first key is.
 *
 * Deviates from careful implementations: a lookup takes its time according to what the cache holds, so that whoever measures it in the
 * same machine learns about the key. Keys come out of a scenario's seed here, and nothing is worth stealing.
 */

interface Tables {
  readonly sbox: Uint8Array
  /** Of SubBytes and MixColumns for a byte in each of the four rows (FIPS 197 section 5.1), columns being words in network byte order. */
  readonly rows: readonly [Uint32Array, Uint32Array, Uint32Array, Uint32Array]
}

/** Doubles an element of the field (FIPS 197 section 4.2.1). */
function doubled(byte: number): number {
  return ((byte << 1) ^ (byte >> 7 === 0 ? 0 : 0x11b)) & 0xff
}

function makeTables(): Tables {
  const sbox = new Uint8Array(256)
  const rows = [new Uint32Array(256), new Uint32Array(256), new Uint32Array(256), new Uint32Array(256)] as const
  // p runs through the powers of 3, q through those of its inverse, so that q is always p's inverse.
  let p = 1
  let q = 1
  sbox[0] = 0x63
  do {
    p ^= doubled(p)
    q ^= q << 1
    q ^= q << 2
    q = (q ^ (q << 4)) & 0xff
    if ((q & 0x80) !== 0) q ^= 0x09
    const spread = q ^ (q << 1) ^ (q << 2) ^ (q << 3) ^ (q << 4)
    sbox[p] = (spread ^ (spread >> 8) ^ 0x63) & 0xff
  } while (p !== 1)
  for (let i = 0; i < 256; i++) {
    const s = sbox[i]
    const two = doubled(s)
    let word = ((two << 24) | (s << 16) | (s << 8) | (two ^ s)) >>> 0
    for (const row of rows) {
      row[i] = word
      word = ((word >>> 8) | (word << 24)) >>> 0
    }
  }
  return { sbox, rows }
}

let shared: Tables | undefined

function substituted(sbox: Uint8Array, word: number): number {
  return (sbox[word >>> 24] << 24) | (sbox[(word >>> 16) & 255] << 16) | (sbox[(word >>> 8) & 255] << 8) | sbox[word & 255]
}

/** The words of the round keys, of a key of 16 or 32 bytes (FIPS 197 section 5.2). */
function expandKey(key: Uint8Array, sbox: Uint8Array): Uint32Array {
  const keyWords = key.length / 4
  const words = new Uint32Array(4 * (keyWords + 7))
  for (let i = 0; i < keyWords; i++) {
    words[i] = (key[4 * i] << 24) | (key[4 * i + 1] << 16) | (key[4 * i + 2] << 8) | key[4 * i + 3]
  }
  let constant = 1
  for (let i = keyWords; i < words.length; i++) {
    let word = words[i - 1]
    if (i % keyWords === 0) {
      word = substituted(sbox, (word << 8) | (word >>> 24)) ^ (constant << 24)
      constant = doubled(constant)
    } else if (keyWords > 6 && i % keyWords === 4) word = substituted(sbox, word)
    words[i] = words[i - keyWords] ^ word
  }
  return words
}

/** A key of AES. */
export class AesKey {
  private readonly tables: Tables
  private readonly roundKeys: Uint32Array
  /** The last block that was encrypted, in words of network byte order. */
  private readonly block = new Uint32Array(4)

  /** @param key 16 or 32 bytes */
  constructor(key: Uint8Array) {
    shared ??= makeTables()
    this.tables = shared
    this.roundKeys = expandKey(key, shared.sbox)
  }

  /**
   * Counter mode (SP 800-38D section 6.5) in place: exclusive-ors bytes with encrypted blocks of the nonce and a count.
   * @param nonce 12 bytes
   * @param count of the first block; below 2^32 with all that follow
   */
  xorCounted(nonce: Uint8Array, count: number, bytes: Uint8Array): void {
    const { block } = this
    const [n0, n1, n2] = [word(nonce, 0), word(nonce, 4), word(nonce, 8)]
    const { length } = bytes
    let counter = count
    let at = 0
    for (; at + 16 <= length; at += 16) {
      this.encrypt(n0, n1, n2, counter++)
      for (let i = 0; i < 4; i++) {
        const mask = block[i]
        const to = at + 4 * i
        bytes[to] ^= mask >>> 24
        bytes[to + 1] ^= mask >>> 16
        bytes[to + 2] ^= mask >>> 8
        bytes[to + 3] ^= mask
      }
    }
    if (at === length) return
    this.encrypt(n0, n1, n2, counter)
    for (let i = 0; at < length; i++, at++) bytes[at] ^= block[i >> 2] >>> (24 - 8 * (i & 3))
  }

  /** Cipher (FIPS 197 section 5.1) of four words, into `block`. */
  private encrypt(w0: number, w1: number, w2: number, w3: number): void {
    const { roundKeys: keys, block, tables } = this
    const { sbox, rows } = tables
    const [r0, r1, r2, r3] = rows
    let s0 = w0 ^ keys[0]
    let s1 = w1 ^ keys[1]
    let s2 = w2 ^ keys[2]
    let s3 = w3 ^ keys[3]
    const last = keys.length - 4
    for (let k = 4; k < last; k += 4) {
      const t0 = r0[s0 >>> 24] ^ r1[(s1 >>> 16) & 255] ^ r2[(s2 >>> 8) & 255] ^ r3[s3 & 255] ^ keys[k]
      const t1 = r0[s1 >>> 24] ^ r1[(s2 >>> 16) & 255] ^ r2[(s3 >>> 8) & 255] ^ r3[s0 & 255] ^ keys[k + 1]
      const t2 = r0[s2 >>> 24] ^ r1[(s3 >>> 16) & 255] ^ r2[(s0 >>> 8) & 255] ^ r3[s1 & 255] ^ keys[k + 2]
      s3 = r0[s3 >>> 24] ^ r1[(s0 >>> 16) & 255] ^ r2[(s1 >>> 8) & 255] ^ r3[s2 & 255] ^ keys[k + 3]
      s0 = t0
      s1 = t1
      s2 = t2
    }
    block[0] = shifted(sbox, s0, s1, s2, s3) ^ keys[last]
    block[1] = shifted(sbox, s1, s2, s3, s0) ^ keys[last + 1]
    block[2] = shifted(sbox, s2, s3, s0, s1) ^ keys[last + 2]
    block[3] = shifted(sbox, s3, s0, s1, s2) ^ keys[last + 3]
  }
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]
}

/** A column of the last round: SubBytes and ShiftRows. */
function shifted(sbox: Uint8Array, a: number, b: number, c: number, d: number): number {
  return (sbox[a >>> 24] << 24) | (sbox[(b >>> 16) & 255] << 16) | (sbox[(c >>> 8) & 255] << 8) | sbox[d & 255]
}
