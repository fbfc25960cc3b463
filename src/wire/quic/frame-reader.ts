import { QuicDecodeError } from './decode-error.ts'
import type { QuicErrorName } from './error-codes.ts'
import { LARGEST_VARINT, readVarint, varintLengthAt } from './varint.ts'

/** Reads the fields of frames, one behind the other, from the bytes in [at, end). */
export class QuicFrameReader {
  bytes: Uint8Array = new Uint8Array(0)
  /** Offset of the next byte. */
  at = 0
  /** One past the last byte. */
  end = 0
  /** Type of the frame that is read, and the section about it, for complaints. */
  frameType = 0
  cites = 'RFC 9000 section 12.4'

  /** An integer, exact: what does not fit is refused. */
  varint(): number {
    const value = this.looseVarint()
    if (value > LARGEST_VARINT) this.refuse('a number too large to count with', 'FRAME_ENCODING_ERROR')
    return value
  }

  /** An integer that is compared alone: rounded from 2^53 on. */
  looseVarint(): number {
    const { at } = this
    if (at >= this.end) this.truncated()
    const next = at + varintLengthAt(this.bytes[at])
    if (next > this.end) this.truncated()
    this.at = next
    return readVarint(this.bytes, at)
  }

  uint8(): number {
    if (this.at >= this.end) this.truncated()
    return this.bytes[this.at++]
  }

  /** Steps over `length` bytes. @returns where they begin */
  skip(length: number): number {
    const start = this.at
    if (length > this.end - start) this.truncated()
    this.at = start + length
    return start
  }

  /** The next `length` bytes, as a copy. */
  copy(length: number): Uint8Array {
    const start = this.skip(length)
    return this.bytes.slice(start, this.at)
  }

  /** @throws QuicDecodeError always: the frame ends too early */
  truncated(): never {
    throw new QuicDecodeError(
      'truncated',
      this.end,
      'the packet ends within a frame',
      'FRAME_ENCODING_ERROR',
      this.cites,
      this.frameType,
    )
  }

  /** @throws QuicDecodeError always */
  refuse(detail: string, code: QuicErrorName, at = this.at): never {
    throw new QuicDecodeError('invalid', at, detail, code, this.cites, this.frameType)
  }
}
