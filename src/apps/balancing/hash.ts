/*
 * Hashes of 32 bits for balancing: the same in every engine and every run, and none against malice. Whoever can choose keys can have them
 * all on one server; real balancers hash with a secret for that.
 */

/** The finalizer of MurmurHash3 (Appleby): a bijection on 32-bit words in which every input bit reaches every output bit. */
function mixed(word: number): number {
  let x = word
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}

/** FNV-1a over the characters, then mixed. @param seed tells apart several hashes of one text @returns an integer in [0, 2^32) */
export function hashOfText(text: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ mixed(seed)
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mixed(hash)
}

/** @param number an integer in [0, 2^53), or an IPv6 address @returns an integer in [0, 2^32) */
export function hashOfNumber(number: number | bigint): number {
  if (typeof number === 'number') return mixed(mixed(Math.floor(number / 0x1_0000_0000)) ^ (number >>> 0))
  let hash = 0
  for (let rest = number; rest > 0n; rest >>= 32n) hash = mixed((hash + 0x9e3779b9) ^ Number(rest & 0xffff_ffffn))
  return hash
}
