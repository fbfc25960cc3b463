/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a short, fast function of words and a secret key that nobody without the key can foresee.
 * What a host must be able to compute again, and others must not, rests upon it: initial sequence numbers (RFC 6528), SYN cookies, Fast Open
 * cookies.
 */
import type { IpAddress } from '../../wire/address.ts'

/** Halves of the four state words at the start: "somepseudorandomlygeneratedbytes", low half first. */
const START = [0x70736575, 0x736f6d65, 0x6e646f6d, 0x646f7261, 0x6e657261, 0x6c796765, 0x79746573, 0x74656462] as const

/** Of the hash that is being computed. */
const state = new Int32Array(8)

export class KeyedHash {
  /** The hash, low and high half, in [0, 2^32) each, after `update`. */
  low = 0
  high = 0
  private readonly key: readonly number[]

  /** @param random gives 32 bits of the key each time, four times */
  constructor(random: () => number) {
    this.key = [random() | 0, random() | 0, random() | 0, random() | 0]
  }

  /**
   * Hashes words of 32 bits, as if they were bytes with the lowest first.
   * @returns the low half, in [0, 2^32)
   */
  update(words: readonly number[]): number {
    const { key } = this
    for (let i = 0; i < 8; i++) state[i] = START[i] ^ key[i & 3]
    const blocks = words.length >>> 1
    for (let i = 0; i < blocks; i++) this.absorb(words[2 * i], words[2 * i + 1])
    const length = (words.length * 4) << 24
    this.absorb(words.length % 2 === 1 ? words[words.length - 1] : 0, length)
    state[4] ^= 0xff
    for (let i = 0; i < 4; i++) round(state)
    this.low = (state[0] ^ state[2] ^ state[4] ^ state[6]) >>> 0
    this.high = (state[1] ^ state[3] ^ state[5] ^ state[7]) >>> 0
    return this.low
  }

  private absorb(low: number, high: number): void {
    state[6] ^= low
    state[7] ^= high
    round(state)
    round(state)
    state[0] ^= low
    state[1] ^= high
  }
}

/** v[to] += v[from], 64 bits in two halves. */
function add(v: Int32Array, to: number, from: number): void {
  const low = (v[to] >>> 0) + (v[from] >>> 0)
  v[to + 1] = (v[to + 1] + v[from + 1] + (low > 0xffff_ffff ? 1 : 0)) | 0
  v[to] = low | 0
}

/** Rotates v[at] to the left by 1 to 31 bits, then v[at] ^= v[by]. */
function rotateXor(v: Int32Array, at: number, bits: number, by: number): void {
  const low = v[at]
  const high = v[at + 1]
  v[at] = ((low << bits) | (high >>> (32 - bits))) ^ v[by]
  v[at + 1] = ((high << bits) | (low >>> (32 - bits))) ^ v[by + 1]
}

/** Rotates v[at] by 32 bits. */
function swap(v: Int32Array, at: number): void {
  const low = v[at]
  v[at] = v[at + 1]
  v[at + 1] = low
}

function round(v: Int32Array): void {
  add(v, 0, 2)
  rotateXor(v, 2, 13, 0)
  swap(v, 0)
  add(v, 4, 6)
  rotateXor(v, 6, 16, 4)
  add(v, 0, 6)
  rotateXor(v, 6, 21, 0)
  add(v, 4, 2)
  rotateXor(v, 2, 17, 4)
  swap(v, 4)
}

/** An address as words of 32 bits: one of IPv4, four of IPv6. */
export function addressWords(address: IpAddress): readonly number[] {
  if (typeof address === 'number') return [address]
  return [96n, 64n, 32n, 0n].map((shift) => Number((address >> shift) & 0xffff_ffffn))
}
