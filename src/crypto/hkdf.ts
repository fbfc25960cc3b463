import { expand, extract } from '@noble/hashes/hkdf.js'
import { HASHES, type HashName } from './hash.ts'

/**
 * HKDF-Extract (RFC 5869 section 2.2).
 * @param salt may be empty, which means as many zero bytes as the hash is long
 * @param ikm the input keying material
 * @returns a pseudorandom key, as long as the hash
 */
export function hkdfExtract(hash: HashName, salt: Uint8Array, ikm: Uint8Array): Uint8Array {
  return extract(HASHES[hash], ikm, salt)
}

/**
 * HKDF-Expand (RFC 5869 section 2.3).
 * @param prk a pseudorandom key, at least as long as the hash
 * @param length in bytes, at most 255 times the hash's
 */
export function hkdfExpand(hash: HashName, prk: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  return expand(HASHES[hash], prk, info, length)
}

const PREFIX = 'tls13 '

/**
 * HKDF-Expand-Label (RFC 8446 section 7.1).
 * @param label in ASCII, without the prefix `'tls13 '`, at most 249 characters
 * @param context a transcript's hash or nothing, at most 255 bytes
 * @param length in bytes
 */
export function hkdfExpandLabel(
  hash: HashName,
  secret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): Uint8Array {
  const full = PREFIX + label
  const info = new Uint8Array(4 + full.length + context.length)
  info[0] = length >>> 8
  info[1] = length
  info[2] = full.length
  for (let i = 0; i < full.length; i++) info[3 + i] = full.charCodeAt(i)
  info[3 + full.length] = context.length
  info.set(context, 4 + full.length)
  return hkdfExpand(hash, secret, info, length)
}
