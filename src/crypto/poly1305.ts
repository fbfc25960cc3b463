/**
 * The authenticator Poly1305: RFC 8439 section 2.5.
 *
 * A number below 2^130 is kept in six parts of 22 bits. Products of two parts are below 2^45, and with the factor of 20 that brings what is above
 * 2^132 back down (2^130 is 5 modulo 2^130 - 5) six of them add up to less than 2^53, so that floating-point numbers hold them exactly.
 *
 * Ours, and not the library's, for the same reason as `chacha20.ts`.
 */

const BITS = 22
const BASE = 0x40_0000
const MASK = BASE - 1
const SHARE = 1 / BASE
/** Of the last part, up to 2^130. */
const LAST_BITS = 20
const WORD = 0x1_0000_0000

/**
 * The tag of whole blocks.
 * @param key in words: 4 for r, which is clamped here, and 4 for s
 * @param words the message, in [0, end); `end` is a multiple of 4
 * @param tag gets 4 words
 */
export function computePoly1305(key: Int32Array, words: Int32Array, end: number, tag: Uint32Array): void {
  const k0 = key[0] & 0x0fff_ffff
  const k1 = key[1] & 0x0fff_fffc
  const k2 = key[2] & 0x0fff_fffc
  const k3 = key[3] & 0x0fff_fffc
  const r0 = k0 & MASK
  const r1 = ((k0 >>> 22) | (k1 << 10)) & MASK
  const r2 = ((k1 >>> 12) | (k2 << 20)) & MASK
  const r3 = (k2 >>> 2) & MASK
  const r4 = ((k2 >>> 24) | (k3 << 8)) & MASK
  const r5 = k3 >>> 14
  const s1 = 20 * r1
  const s2 = 20 * r2
  const s3 = 20 * r3
  const s4 = 20 * r4
  const s5 = 20 * r5
  let h0 = 0
  let h1 = 0
  let h2 = 0
  let h3 = 0
  let h4 = 0
  let h5 = 0
  for (let at = 0; at < end; at += 4) {
    const w0 = words[at]
    const w1 = words[at + 1]
    const w2 = words[at + 2]
    const w3 = words[at + 3]
    h0 += w0 & MASK
    h1 += ((w0 >>> 22) | (w1 << 10)) & MASK
    h2 += ((w1 >>> 12) | (w2 << 20)) & MASK
    h3 += (w2 >>> 2) & MASK
    h4 += ((w2 >>> 24) | (w3 << 8)) & MASK
    // With the bit above a whole block.
    h5 += (w3 >>> 14) | 0x4_0000
    // A carry is added last, so that products need not wait for it.
    let sum = h0 * r0 + h1 * s5 + h2 * s4 + h3 * s3 + h4 * s2 + h5 * s1
    let carry = Math.floor(sum * SHARE)
    const p0 = sum - carry * BASE
    sum = h0 * r1 + h1 * r0 + h2 * s5 + h3 * s4 + h4 * s3 + h5 * s2 + carry
    carry = Math.floor(sum * SHARE)
    const p1 = sum - carry * BASE
    sum = h0 * r2 + h1 * r1 + h2 * r0 + h3 * s5 + h4 * s4 + h5 * s3 + carry
    carry = Math.floor(sum * SHARE)
    const p2 = sum - carry * BASE
    sum = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s5 + h5 * s4 + carry
    carry = Math.floor(sum * SHARE)
    const p3 = sum - carry * BASE
    sum = h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0 + h5 * s5 + carry
    carry = Math.floor(sum * SHARE)
    const p4 = sum - carry * BASE
    sum = h0 * r5 + h1 * r4 + h2 * r3 + h3 * r2 + h4 * r1 + h5 * r0 + carry
    carry = Math.floor(sum * SHARE)
    h5 = sum - carry * BASE
    sum = p0 + 20 * carry
    carry = Math.floor(sum * SHARE)
    h0 = sum - carry * BASE
    h1 = p1 + carry
    h2 = p2
    h3 = p3
    h4 = p4
  }
  finish([h0, h1, h2, h3, h4, h5], key, tag)
}

/** Reduces the sum of all, and adds s. */
function finish(sum: number[], key: Int32Array, tag: Uint32Array): void {
  // What goes over 2^130 counts five; the first time that may bring it over once more, by a little.
  for (let i = 0; i < 3; i++) {
    const over = carried(sum)
    sum[0] += 5 * over
  }
  // Whether it is 2^130 - 5 or more: then that is taken away.
  const less = [...sum]
  less[0] += 5
  const [h0, h1, h2, h3, h4, h5] = carried(less) > 0 ? less : sum
  const words = [h0 | (h1 << 22), (h1 >>> 10) | (h2 << 12), (h2 >>> 20) | (h3 << 2) | (h4 << 24), (h4 >>> 8) | (h5 << 14)]
  let carry = 0
  for (let i = 0; i < 4; i++) {
    const added = (words[i] >>> 0) + (key[4 + i] >>> 0) + carry
    tag[i] = added
    carry = added >= WORD ? 1 : 0
  }
}

/** Brings each part below its size. @returns what goes over 2^130 */
function carried(parts: number[]): number {
  let carry = 0
  for (let i = 0; i < 6; i++) {
    const bits = i < 5 ? BITS : LAST_BITS
    const value = parts[i] + carry
    carry = value >>> bits
    parts[i] = value & ((1 << bits) - 1)
  }
  return carry
}
