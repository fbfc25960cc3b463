import { hmac } from '@noble/hashes/hmac.js'
import { HASHES, type HashName } from './hash.ts'

/**
 * The pseudorandom function of TLS 1.2, P_hash (RFC 5246 section 5).
 * @param label in ASCII: `'master secret'`
 * @param length in bytes
 */
export function tls12Prf(hash: HashName, secret: Uint8Array, label: string, seed: Uint8Array, length: number): Uint8Array {
  const labelAndSeed = new Uint8Array(label.length + seed.length)
  for (let i = 0; i < label.length; i++) labelAndSeed[i] = label.charCodeAt(i)
  labelAndSeed.set(seed, label.length)
  const keyed = hmac.create(HASHES[hash], secret)
  const output = new Uint8Array(length)
  let a: Uint8Array = keyed.clone().update(labelAndSeed).digest()
  for (let at = 0; at < length; at += a.length) {
    const block = keyed.clone().update(a).update(labelAndSeed).digest()
    output.set(at + block.length <= length ? block : block.subarray(0, length - at), at)
    a = keyed.clone().update(a).digest()
  }
  return output
}
