import { write16, write32 } from '../integer.ts'

const FIRST_SIZE = 256

/**
 * Writes the presentation language of RFC 8446 section 3 into a buffer that grows: integers in network byte order, and vectors
 * behind their lengths.
 */
export class TlsWriter {
  private bytes = new Uint8Array(FIRST_SIZE)
  private length = 0

  /** Everything written so far, as a copy. */
  finish(): Uint8Array {
    return this.bytes.slice(0, this.length)
  }

  uint8(value: number): this {
    const at = this.grow(1)
    this.bytes[at] = value
    return this
  }

  uint16(value: number): this {
    const at = this.grow(2)
    write16(this.bytes, at, value)
    return this
  }

  uint24(value: number): this {
    const at = this.grow(3)
    this.bytes[at] = value >>> 16
    write16(this.bytes, at + 1, value)
    return this
  }

  uint32(value: number): this {
    const at = this.grow(4)
    write32(this.bytes, at, value)
    return this
  }

  fixed(bytes: Uint8Array): this {
    const at = this.grow(bytes.length)
    this.bytes.set(bytes, at)
    return this
  }

  /** `opaque x<0..2^8-1>`. */
  opaque8(bytes: Uint8Array): this {
    check(bytes.length, 1)
    return this.uint8(bytes.length).fixed(bytes)
  }

  /** `opaque x<0..2^16-1>`. */
  opaque16(bytes: Uint8Array): this {
    check(bytes.length, 2)
    return this.uint16(bytes.length).fixed(bytes)
  }

  /** `opaque x<0..2^24-1>`. */
  opaque24(bytes: Uint8Array): this {
    check(bytes.length, 3)
    return this.uint24(bytes.length).fixed(bytes)
  }

  /** Numbers of 8 bits behind a length of 8 bits. */
  uint8s(values: readonly number[]): this {
    return this.opaque8(Uint8Array.from(values))
  }

  /** Numbers of 16 bits. */
  uint16s(values: readonly number[]): this {
    for (const value of values) this.uint16(value)
    return this
  }

  /** Begins a vector behind a length of `lengthBytes` bytes. @returns what `close` wants */
  open(lengthBytes: 1 | 2 | 3): number {
    return this.grow(lengthBytes)
  }

  /**
   * Ends the vector that `open` began at `mark`.
   * @throws RangeError when it has become too long for its length
   */
  close(mark: number, lengthBytes: 1 | 2 | 3): void {
    const length = this.length - mark - lengthBytes
    check(length, lengthBytes)
    for (let i = 0; i < lengthBytes; i++) this.bytes[mark + i] = length >>> (8 * (lengthBytes - 1 - i))
  }

  private grow(length: number): number {
    const at = this.length
    const needed = at + length
    if (needed > this.bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2))
      larger.set(this.bytes.subarray(0, at))
      this.bytes = larger
    }
    this.length = needed
    return at
  }
}

function check(length: number, lengthBytes: number): void {
  if (length >= 1 << (8 * lengthBytes))
    throw new RangeError(`a vector of ${String(length)} bytes is too long for its length field`)
}
