import { hash, HASH_LENGTH, type HashName } from './hash.ts'
import type { RandomBytes } from './random-bytes.ts'

/**
 * RSA (RFC 8017): keys, and the two signature schemes, on bigint.
 *
 * The modulus n is the product of two primes that only the key's owner knows. Raising to the public exponent e modulo n is undone by
 * raising to the private exponent d, and d follows from e and the primes: e·d = 1 modulo lcm(p - 1, q - 1). A signature is the private
 * operation on a padded digest.
 *
 * Deviates from every real implementation: bigint takes its time according to the numbers, so that somebody who measures it learns the
 * key. Nothing here is worth stealing: keys come out of a scenario's seed.
 */

export interface RsaPublicKey {
  readonly type: 'rsa'
  /** n. */
  readonly modulus: bigint
  /** e. */
  readonly exponent: bigint
}

/** With what the Chinese remainder theorem needs, which makes the private operation four times as fast (RFC 8017 section 3.2). */
export interface RsaPrivateKey extends RsaPublicKey {
  /** d. */
  readonly privateExponent: bigint
  /** p and q, the larger first. */
  readonly primes: readonly [bigint, bigint]
}

/** `base` to the power of `exponent` modulo `modulus`, none of them negative. */
export function modPow(base: bigint, exponent: bigint, modulus: bigint): bigint {
  const nibbles = exponent.toString(16)
  const powers = [1n % modulus]
  for (let i = 1; i < 16; i++) powers.push((powers[i - 1] * base) % modulus)
  let result = powers[0]
  for (let i = 0; i < nibbles.length; i++) {
    if (i > 0) for (let j = 0; j < 4; j++) result = (result * result) % modulus
    const nibble = Number.parseInt(nibbles[i], 16)
    if (nibble !== 0) result = (result * powers[nibble]) % modulus
  }
  return result
}

/** The inverse of `value` modulo `modulus`; undefined when they have a common divisor. */
export function modInverse(value: bigint, modulus: bigint): bigint | undefined {
  let [r, nextR] = [modulus, ((value % modulus) + modulus) % modulus]
  let [t, nextT] = [0n, 1n]
  while (nextR !== 0n) {
    const quotient = r / nextR
    ;[r, nextR] = [nextR, r - quotient * nextR]
    ;[t, nextT] = [nextT, t - quotient * nextT]
  }
  if (r !== 1n) return undefined
  return t < 0n ? t + modulus : t
}

/** An unsigned integer in network byte order (OS2IP, RFC 8017 section 4.2). */
export function integerFromBytes(bytes: Uint8Array): bigint {
  let digits = '0x0'
  for (let i = 0; i < bytes.length; i++) digits += bytes[i].toString(16).padStart(2, '0')
  return BigInt(digits)
}

/** I2OSP (RFC 8017 section 4.1). Throws RangeError for an integer that does not fit. */
export function bytesFromInteger(value: bigint, length: number): Uint8Array {
  const digits = value.toString(16).padStart(2 * length, '0')
  if (value < 0n || digits.length > 2 * length) throw new RangeError(`the integer does not fit into ${String(length)} bytes`)
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

/** How many bits a positive integer takes, without leading zeros; 0 for 0. */
export function bitLength(value: bigint): number {
  const digits = value.toString(16)
  return 4 * digits.length - Math.clz32(Number.parseInt(digits[0], 16)) + 28
}

/** k of RFC 8017: of the modulus, in bytes. */
export function modulusLength({ modulus }: RsaPublicKey): number {
  return Math.ceil(bitLength(modulus) / 8)
}

/** m to the power of e modulo n: encryption, or the check of a signature (RSAEP, RSAVP1). */
export function rsaPublicOperation({ modulus, exponent }: RsaPublicKey, value: bigint): bigint {
  return modPow(value, exponent, modulus)
}

/** c to the power of d modulo n by the Chinese remainder theorem: decryption, or a signature (RSADP, RSASP1). */
export function rsaPrivateOperation(key: RsaPrivateKey, value: bigint): bigint {
  const [p, q] = key.primes
  const fromP = modPow(value % p, key.privateExponent % (p - 1n), p)
  const fromQ = modPow(value % q, key.privateExponent % (q - 1n), q)
  const inverse = modInverse(q, p)
  if (inverse === undefined) throw new RangeError('the primes of an RSA key are not prime to each other')
  const difference = (((fromP - fromQ) % p) + p) % p
  return fromQ + q * ((difference * inverse) % p)
}

/** DER of `DigestInfo` up to the digest (RFC 8017 section 9.2, note 1). */
const DIGEST_INFO: Readonly<Record<HashName, readonly number[]>> = {
  sha256: [0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20],
  sha384: [0x30, 0x41, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2, 5, 0, 4, 0x30],
  sha512: [0x30, 0x51, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3, 5, 0, 4, 0x40],
}

/**
 * EMSA-PKCS1-v1_5 (RFC 8017 section 9.2): 00 01 FF … FF 00, then what hash it was, then the digest.
 * @returns undefined when it does not fit into `length` bytes
 */
function pkcs1Encoded(hashName: HashName, message: Uint8Array, length: number): Uint8Array | undefined {
  const info = DIGEST_INFO[hashName]
  const digest = hash(hashName, message)
  const start = length - info.length - digest.length
  if (start < 11) return undefined
  const encoded = new Uint8Array(length).fill(0xff, 2, start - 1)
  encoded[1] = 1
  encoded.set(info, start)
  encoded.set(digest, start + info.length)
  return encoded
}

/** MGF1 (RFC 8017 appendix B.2.1), exclusive-or'd over `bytes` in [0, length). */
export function mask(hashName: HashName, seed: Uint8Array, bytes: Uint8Array, length: number): void {
  const input = new Uint8Array(seed.length + 4)
  input.set(seed)
  for (let at = 0, counter = 0; at < length; counter++) {
    input[seed.length + 3] = counter
    input[seed.length + 2] = counter >>> 8
    const block = hash(hashName, input)
    for (let i = 0; i < block.length && at < length; i++, at++) bytes[at] ^= block[i]
  }
}

/** H of RFC 8017 section 9.1.1: the digest of eight zero bytes, the message's digest and the salt. */
function saltedDigest(hashName: HashName, message: Uint8Array, salt: Uint8Array): Uint8Array {
  const digest = hash(hashName, message)
  const input = new Uint8Array(8 + digest.length + salt.length)
  input.set(digest, 8)
  input.set(salt, 8 + digest.length)
  return hash(hashName, input)
}

/** EMSA-PSS-ENCODE (RFC 8017 section 9.1.1) with a salt as long as the hash, as TLS wants it (RFC 8446 section 4.2.3). */
function pssEncoded(hashName: HashName, message: Uint8Array, salt: Uint8Array, bits: number): Uint8Array | undefined {
  const length = Math.ceil(bits / 8)
  const hashLength = HASH_LENGTH[hashName]
  const maskedLength = length - hashLength - 1
  if (maskedLength < salt.length + 1) return undefined
  const digest = saltedDigest(hashName, message, salt)
  const encoded = new Uint8Array(length)
  encoded[maskedLength - salt.length - 1] = 1
  encoded.set(salt, maskedLength - salt.length)
  mask(hashName, digest, encoded, maskedLength)
  encoded[0] &= 0xff >>> (8 * length - bits)
  encoded.set(digest, maskedLength)
  encoded[length - 1] = 0xbc
  return encoded
}

/** EMSA-PSS-VERIFY (RFC 8017 section 9.1.2), for a salt as long as the hash. */
function isPssEncoding(hashName: HashName, message: Uint8Array, encoded: Uint8Array, bits: number): boolean {
  const hashLength = HASH_LENGTH[hashName]
  const { length } = encoded
  const maskedLength = length - hashLength - 1
  const saltStart = maskedLength - hashLength
  if (saltStart < 1 || encoded[length - 1] !== 0xbc) return false
  const unused = 0xff >>> (8 * length - bits)
  if ((encoded[0] & ~unused) !== 0) return false
  const digest = encoded.subarray(maskedLength, length - 1)
  const block = encoded.slice(0, maskedLength)
  mask(hashName, digest, block, maskedLength)
  block[0] &= unused
  for (let i = 0; i < saltStart - 1; i++) if (block[i] !== 0) return false
  if (block[saltStart - 1] !== 1) return false
  return areEqual(saltedDigest(hashName, message, block.subarray(saltStart)), digest)
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= a[i] ^ b[i]
  return difference === 0
}

type RsaPadding = 'pkcs1' | 'pss'

/**
 * Signs (RSASSA-PKCS1-v1_5 and RSASSA-PSS, RFC 8017 section 8): a signature as long as the modulus. Throws RangeError for a key that is
 * too short for the hash.
 */
export function rsaSign(
  padding: RsaPadding,
  hashName: HashName,
  key: RsaPrivateKey,
  message: Uint8Array,
  random: RandomBytes,
): Uint8Array {
  const length = modulusLength(key)
  const encoded =
    padding === 'pkcs1'
      ? pkcs1Encoded(hashName, message, length)
      : pssEncoded(hashName, message, random(HASH_LENGTH[hashName]), bitLength(key.modulus) - 1)
  if (encoded === undefined) throw new RangeError(`an RSA key of ${String(8 * length)} bits is too short for ${hashName}`)
  return bytesFromInteger(rsaPrivateOperation(key, integerFromBytes(encoded)), length)
}

/** Of a modulus and of a public exponent, in bits: larger ones would only cost whoever checks a signature much time. */
const MODULUS_LIMIT = 16_384
const EXPONENT_LIMIT = 64

/** Whether the signature is the key's owner's, over this message. Refuses all under a key of more than 16,384 bits. */
export function rsaVerify(
  padding: RsaPadding,
  hashName: HashName,
  key: RsaPublicKey,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const length = modulusLength(key)
  const isTooLarge = 8 * length > MODULUS_LIMIT || bitLength(key.exponent) > EXPONENT_LIMIT
  if (isTooLarge || signature.length !== length) return false
  const value = integerFromBytes(signature)
  if (value >= key.modulus) return false
  const opened = rsaPublicOperation(key, value)
  if (padding === 'pkcs1') {
    const expected = pkcs1Encoded(hashName, message, length)
    return expected !== undefined && areEqual(expected, bytesFromInteger(opened, length))
  }
  const bits = bitLength(key.modulus) - 1
  const encodedLength = Math.ceil(bits / 8)
  if (bitLength(opened) > 8 * encodedLength) return false
  return isPssEncoding(hashName, message, bytesFromInteger(opened, encodedLength), bits)
}
