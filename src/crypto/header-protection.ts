import { KEY_LENGTH, type AeadName } from './aead.ts'
import { AesKey } from './aes.ts'
import { ChaCha20Key } from './chacha20.ts'

/** Of a sample of ciphertext, in bytes: RFC 9001 section 5.4.2. */
const SAMPLE_LENGTH = 16

/** As far from where a packet number begins as if it were longest: RFC 9001 section 5.4.2. */
const SAMPLE_OFFSET = 4

const LONG_FORM = 0x80
/** Bits of the first byte that are protected: RFC 9001 section 5.4.1. */
const LONG_BITS = 0x0f
const SHORT_BITS = 0x1f

/**
 * One direction's header protection of QUIC (RFC 9001 section 5.4): it hides the packet number and some bits of the first byte, by a mask
 * that is made of the packet's ciphertext. Its key stays the same when packet keys are updated.
 */
export class HeaderProtection {
  /** Of the header that `remove` has read last: its first byte, the protection gone. */
  firstByte = 0
  /** In bytes, 1 to 4. */
  numberLength: 1 | 2 | 3 | 4 = 1
  /** The packet number as it stands there, in [0, 2^32). */
  truncatedNumber = 0

  private header = new Uint8Array(64)
  private headerLength = 0
  private readonly cipher: AesKey | ChaCha20Key
  private readonly mask = new Uint8Array(16)
  private readonly nonce = new Uint8Array(12)

  /** @param key `KEY_LENGTH[name]` bytes, which are copied */
  constructor(name: AeadName, key: Uint8Array) {
    if (key.length !== KEY_LENGTH[name])
      throw new RangeError(`header protection of ${name} takes ${String(KEY_LENGTH[name])} bytes`)
    this.cipher = name === 'chacha20-poly1305' ? new ChaCha20Key(key) : new AesKey(key)
  }

  /**
   * Protects the header of a packet whose payload is sealed, in place.
   * @param start of the packet; the low bits of its first byte tell the length of the packet number
   * @param numberAt where the packet number begins; 20 bytes are there at least
   */
  apply(packet: Uint8Array, start: number, numberAt: number): void {
    const { mask } = this
    this.computeMask(packet, numberAt + SAMPLE_OFFSET)
    const first = packet[start]
    const length = (first & 3) + 1
    packet[start] = first ^ (mask[0] & ((first & LONG_FORM) === 0 ? SHORT_BITS : LONG_BITS))
    for (let i = 0; i < length; i++) packet[numberAt + i] ^= mask[1 + i]
  }

  /**
   * Reads a protected header, and leaves the packet as it is. What was read is in this object's fields until the next call.
   * @param start of the packet
   * @param numberAt where the packet number begins
   * @param end one past the packet
   * @returns false when the packet is too short to be sampled, and so to be one
   */
  remove(packet: Uint8Array, start: number, numberAt: number, end: number): boolean {
    if (numberAt + SAMPLE_OFFSET + SAMPLE_LENGTH > end) return false
    const { mask } = this
    this.computeMask(packet, numberAt + SAMPLE_OFFSET)
    const first = packet[start] ^ (mask[0] & ((packet[start] & LONG_FORM) === 0 ? SHORT_BITS : LONG_BITS))
    const length = ((first & 3) + 1) as 1 | 2 | 3 | 4
    const before = numberAt - start
    this.headerLength = before + length
    if (this.header.length < this.headerLength) this.header = new Uint8Array(2 * this.headerLength)
    const { header } = this
    for (let i = 1; i < before; i++) header[i] = packet[start + i]
    header[0] = first
    let number = 0
    for (let i = 0; i < length; i++) {
      const byte = packet[numberAt + i] ^ mask[1 + i]
      header[before + i] = byte
      number = number * 256 + byte
    }
    this.firstByte = first
    this.numberLength = length
    this.truncatedNumber = number
    return true
  }

  /** The header that `remove` has read last, without its protection: what the packet's tag covers. A view, until the next call. */
  get plainHeader(): Uint8Array {
    return this.header.subarray(0, this.headerLength)
  }

  /** RFC 9001 sections 5.4.3 and 5.4.4, into `mask`. */
  private computeMask(bytes: Uint8Array, at: number): void {
    const { cipher, mask, nonce } = this
    if (cipher instanceof AesKey) {
      // A block of counter mode is the encryption of nonce and count.
      for (let i = 0; i < 12; i++) nonce[i] = bytes[at + i]
      const count = (bytes[at + 12] << 24) | (bytes[at + 13] << 16) | (bytes[at + 14] << 8) | bytes[at + 15]
      mask.fill(0)
      cipher.xorCounted(nonce, count, mask)
      return
    }
    const count = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
    cipher.compute(bytes, count, at + 4)
    const [first, second] = cipher.block
    for (let i = 0; i < 4; i++) mask[i] = first >>> (8 * i)
    mask[4] = second
  }
}
