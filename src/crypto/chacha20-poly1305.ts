/**
 * The authenticated cipher ChaCha20-Poly1305: RFC 8439 section 2.8.
 *
 * A message is laid out as its tag is made: additional data, text, and their lengths, each in whole blocks of 16 bytes. All messages share one
 * array for that, as none of them is worked on while another is.
 */
import { ChaCha20Key } from './chacha20.ts'
import { computePoly1305 } from './poly1305.ts'

const TAG_LENGTH = 16
const BLOCK = 16
/** The first block of key stream has the key of the tag; the text begins with the next. */
const TAG_COUNT = 0
const TEXT_COUNT = 1
/** Behind the text, for the lengths, and for what the last block of key stream has too much. */
const SPARE = 80

interface Workplace {
  readonly words: Int32Array
  readonly bytes: Uint8Array
}

let shared: Workplace | undefined

/** An array for at least so many bytes, and the same as words. */
function workplace(length: number): Workplace {
  if (shared === undefined || shared.bytes.length < length) {
    const bytes = new Uint8Array((2 * length + BLOCK) & -BLOCK)
    shared = { bytes, words: new Int32Array(bytes.buffer) }
  }
  return shared
}

/** One key. What it promises is said where it is used: `Aead`. */
export class ChaCha20Poly1305 {
  private readonly cipher: ChaCha20Key
  private readonly tag = new Uint32Array(4)
  private readonly tagBytes = new Uint8Array(this.tag.buffer)

  /** @param key 32 bytes, which are copied */
  constructor(key: Uint8Array) {
    this.cipher = new ChaCha20Key(key)
  }

  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const { length } = plaintext
    const textAt = padded(aad.length)
    const { words, bytes } = workplace(textAt + length + SPARE)
    bytes.set(plaintext, textAt)
    this.cipher.xor(nonce, TEXT_COUNT, words, textAt / 4, (textAt + length) / 4)
    this.computeTag(nonce, aad, length)
    const sealed = new Uint8Array(length + TAG_LENGTH)
    sealed.set(bytes.subarray(textAt, textAt + length))
    sealed.set(this.tagBytes, length)
    return sealed
  }

  open(nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    const length = sealed.length - TAG_LENGTH
    if (length < 0) return undefined
    const textAt = padded(aad.length)
    const { words, bytes } = workplace(textAt + length + SPARE)
    bytes.set(sealed, textAt)
    this.computeTag(nonce, aad, length)
    const { tagBytes } = this
    let difference = 0
    for (let i = 0; i < TAG_LENGTH; i++) difference |= tagBytes[i] ^ sealed[length + i]
    if (difference !== 0) return undefined
    this.cipher.xor(nonce, TEXT_COUNT, words, textAt / 4, (textAt + length) / 4)
    return bytes.slice(textAt, textAt + length)
  }

  /** The tag of the ciphertext that is in place. @param length of it */
  private computeTag(nonce: Uint8Array, aad: Uint8Array, length: number): void {
    const { cipher, tag } = this
    const textAt = padded(aad.length)
    const end = textAt + padded(length)
    const { words, bytes } = workplace(end)
    bytes.set(aad)
    bytes.fill(0, aad.length, textAt)
    bytes.fill(0, textAt + length, end + BLOCK)
    words[end / 4] = aad.length
    words[end / 4 + 2] = length
    cipher.compute(nonce, TAG_COUNT)
    computePoly1305(cipher.block, words, (end + BLOCK) / 4, tag)
  }
}

/** So many bytes in whole blocks. */
function padded(length: number): number {
  return (length + BLOCK - 1) & -BLOCK
}
