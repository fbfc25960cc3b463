import { HASH_LENGTH, hash } from './hash.ts'
import type { RandomBytes } from './random-bytes.ts'
import {
  bytesFromInteger,
  integerFromBytes,
  mask,
  modulusLength,
  rsaPrivateOperation,
  rsaPublicOperation,
  type RsaPrivateKey,
  type RsaPublicKey,
} from './rsa.ts'

/*
 * RSAES-OAEP (RFC 8017 section 7.1) with SHA-256, MGF1 with SHA-256 and an empty label. The bare operation gives the same ciphertext for
 * the same message, so that whoever guesses it can check his guess; and products of ciphertexts are ciphertexts of products. The padding
 * takes both away: a random seed makes every ciphertext another one, and hardly any number is well padded after decryption.
 *
 * Deviates from RFC 8017 section 7.1.2 in time only: as with signatures, bigint takes its time according to the numbers.
 */

const HASH = 'sha256'
const SEED_LENGTH = HASH_LENGTH[HASH]
/** A zero, the seed, the digest of the label and the 1 in front of the message. */
const OVERHEAD = 2 + 2 * SEED_LENGTH

/** Longest message, in bytes: 190 for a key of 2,048 bits. Below 0 for a key that is too short for any. */
function longestMessage(key: RsaPublicKey): number {
  return modulusLength(key) - OVERHEAD
}

/**
 * Encrypts so that only the key's owner can decrypt.
 * @returns a ciphertext as long as the modulus, another one each time
 * @throws RangeError for a message that is too long: the modulus in bytes less 66
 */
export function rsaEncrypt(key: RsaPublicKey, message: Uint8Array, random: RandomBytes): Uint8Array {
  const length = modulusLength(key)
  if (message.length > longestMessage(key)) {
    throw new RangeError(`${String(message.length)} bytes are too long for an RSA key of ${String(8 * length)} bits`)
  }
  const encoded = new Uint8Array(length)
  const seed = encoded.subarray(1, 1 + SEED_LENGTH)
  const block = encoded.subarray(1 + SEED_LENGTH)
  block.set(hash(HASH, new Uint8Array(0)))
  block[block.length - message.length - 1] = 1
  block.set(message, block.length - message.length)
  seed.set(random(SEED_LENGTH))
  mask(HASH, seed, block, block.length)
  mask(HASH, block, seed, seed.length)
  return bytesFromInteger(rsaPublicOperation(key, integerFromBytes(encoded)), length)
}

/** @returns the message; undefined when the ciphertext is none of this key, or somebody changed it */
export function rsaDecrypt(key: RsaPrivateKey, ciphertext: Uint8Array): Uint8Array | undefined {
  const length = modulusLength(key)
  if (ciphertext.length !== length || longestMessage(key) < 0) return undefined
  const value = integerFromBytes(ciphertext)
  if (value >= key.modulus) return undefined
  const encoded = bytesFromInteger(rsaPrivateOperation(key, value), length)
  const seed = encoded.subarray(1, 1 + SEED_LENGTH)
  const block = encoded.subarray(1 + SEED_LENGTH)
  mask(HASH, block, seed, seed.length)
  mask(HASH, seed, block, block.length)
  const label = hash(HASH, new Uint8Array(0))
  let difference = encoded[0]
  for (let i = 0; i < SEED_LENGTH; i++) difference |= block[i] ^ label[i]
  let at = SEED_LENGTH
  while (at < block.length && block[at] === 0) at++
  if (difference !== 0 || block[at] !== 1) return undefined
  return block.slice(at + 1)
}
