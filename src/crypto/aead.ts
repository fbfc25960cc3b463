import { GHASH } from '@noble/ciphers/_polyval.js'
import { AesKey } from './aes.ts'
import { ChaCha20Poly1305 } from './chacha20-poly1305.ts'

/** Authenticated ciphers of TLS and QUIC: NIST SP 800-38D with keys of 128 and 256 bits, and RFC 8439. */
export type AeadName = 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305'

/** Of a key, in bytes. */
export const KEY_LENGTH: Readonly<Record<AeadName, number>> = { 'aes-128-gcm': 16, 'aes-256-gcm': 32, 'chacha20-poly1305': 32 }

const TAG_LENGTH = 16

/** One key of an authenticated cipher (RFC 5116). */
export interface Aead {
  /**
   * Encrypts and authenticates.
   * @param nonce 12 bytes, never the same twice under one key
   * @param aad authenticated, and not part of the result
   * @returns the ciphertext, as long as the plaintext, and the tag of 16 bytes behind it; the caller's to keep
   */
  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array
  /**
   * Checks and decrypts.
   * @param sealed ciphertext and tag; it is not changed
   * @returns the plaintext, the caller's to keep; undefined when anything does not fit: key, nonce, additional data, ciphertext or tag
   */
  open(nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined
}

/** The first counter block of a message is for its tag, the text begins with the next. */
const TAG_COUNT = 1
const TEXT_COUNT = 2

/** The library makes its tables of multiples of the hash key for about this many bytes: four bits a lookup, 0.2 ms to make. */
const GHASH_LENGTH_HINT = 2048

/** GHASH (SP 800-38D section 6.4) that can begin anew with the same tables, which cost as much to make as hashing 10 KB. */
class ReusableGhash extends GHASH {
  constructor(key: Uint8Array) {
    super(key, GHASH_LENGTH_HINT)
  }

  restart(): void {
    this.s0 = 0
    this.s1 = 0
    this.s2 = 0
    this.s3 = 0
    this.finished = false
  }
}

/**
 * AES-GCM (SP 800-38D section 7) for many messages under one key: round keys and tables are made once a key. The library's `gcm` makes
 * them once a message, which takes as long as the work itself on a packet of 1,200 bytes.
 */
class AesGcm implements Aead {
  private readonly aes: AesKey
  private readonly ghash: ReusableGhash
  private readonly lengths = new Uint8Array(16)
  private readonly tag = new Uint8Array(TAG_LENGTH)
  private readonly tagMask = new Uint8Array(TAG_LENGTH)

  constructor(key: Uint8Array) {
    this.aes = new AesKey(key)
    // A block of zeros, encrypted.
    const hashKey = new Uint8Array(16)
    this.aes.xorCounted(new Uint8Array(12), 0, hashKey)
    this.ghash = new ReusableGhash(hashKey)
  }

  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const sealed = new Uint8Array(plaintext.length + TAG_LENGTH)
    sealed.set(plaintext)
    const body = sealed.subarray(0, plaintext.length)
    this.aes.xorCounted(nonce, TEXT_COUNT, body)
    this.computeTag(nonce, aad, body)
    sealed.set(this.tag, plaintext.length)
    return sealed
  }

  open(nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    const length = sealed.length - TAG_LENGTH
    if (length < 0) return undefined
    this.computeTag(nonce, aad, sealed.subarray(0, length))
    let difference = 0
    for (let i = 0; i < TAG_LENGTH; i++) difference |= this.tag[i] ^ sealed[length + i]
    if (difference !== 0) return undefined
    const plaintext = new Uint8Array(length)
    plaintext.set(sealed.subarray(0, length))
    this.aes.xorCounted(nonce, TEXT_COUNT, plaintext)
    return plaintext
  }

  private computeTag(nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): void {
    const { ghash, lengths, tag, tagMask } = this
    writeBits(lengths, 4, aad.length)
    writeBits(lengths, 12, ciphertext.length)
    ghash.restart()
    ghash.update(aad)
    ghash.update(ciphertext)
    ghash.update(lengths)
    ghash.digestInto(tag)
    tagMask.fill(0)
    this.aes.xorCounted(nonce, TAG_COUNT, tagMask)
    for (let i = 0; i < TAG_LENGTH; i++) tag[i] ^= tagMask[i]
  }
}

/** Writes a length in bits; `length` in bytes, below 2^29. */
function writeBits(bytes: Uint8Array, at: number, length: number): void {
  const bits = length * 8
  bytes[at] = bits >>> 24
  bytes[at + 1] = bits >>> 16
  bytes[at + 2] = bits >>> 8
  bytes[at + 3] = bits
}

/** Readies a key of `KEY_LENGTH[name]` bytes, which is copied. Throws RangeError for a key of another length. */
export function createAead(name: AeadName, key: Uint8Array): Aead {
  if (key.length !== KEY_LENGTH[name]) throw new RangeError(`${name} takes a key of ${String(KEY_LENGTH[name])} bytes`)
  return name === 'chacha20-poly1305' ? new ChaCha20Poly1305(key) : new AesGcm(key)
}
