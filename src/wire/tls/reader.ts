import { read16, read32 } from '../integer.ts'
import { TlsDecodeError } from './decode-error.ts'

/**
 * Reads the presentation language of RFC 8446 section 3 from the bytes in [at, end): integers in network byte order, and vectors
 * behind their lengths. Each structure that is read this way is bounded by its vector, and must fill it.
 */
export class TlsReader {
  constructor(
    readonly bytes: Uint8Array,
    /** Offset of the next byte. */
    public at: number,
    /** One past the last byte. */
    readonly end: number,
    /** The section that says what is read here, for complaints: `'RFC 8446 section 4.1.2'`. */
    readonly cites: string,
  ) {}

  get isEmpty(): boolean {
    return this.at >= this.end
  }

  /** How many bytes are left. */
  get left(): number {
    return this.end - this.at
  }

  uint8(): number {
    this.need(1)
    return this.bytes[this.at++]
  }

  uint16(): number {
    this.need(2)
    const value = read16(this.bytes, this.at)
    this.at += 2
    return value
  }

  uint24(): number {
    this.need(3)
    const value = (this.bytes[this.at] << 16) | read16(this.bytes, this.at + 1)
    this.at += 3
    return value
  }

  uint32(): number {
    this.need(4)
    const value = read32(this.bytes, this.at)
    this.at += 4
    return value
  }

  /** The next `length` bytes, as a view. */
  fixed(length: number): Uint8Array {
    this.need(length)
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  /** All that is left, as a view. */
  rest(): Uint8Array {
    return this.fixed(this.left)
  }

  /** A view of `opaque x<least..2^8-1>`. */
  opaque8(least = 0, most = 0xff): Uint8Array {
    return this.fixed(this.vectorLength(this.uint8(), least, most))
  }

  /** A view of `opaque x<least..2^16-1>`. */
  opaque16(least = 0, most = 0xffff): Uint8Array {
    return this.fixed(this.vectorLength(this.uint16(), least, most))
  }

  /** A view of `opaque x<least..2^24-1>`. */
  opaque24(least = 0): Uint8Array {
    return this.fixed(this.vectorLength(this.uint24(), least, 0xff_ffff))
  }

  /** A reader of the vector behind a length of 8 bits. */
  vector8(least = 0): TlsReader {
    return this.inner(this.vectorLength(this.uint8(), least, 0xff))
  }

  /** A reader of the vector behind a length of 16 bits. */
  vector16(least = 0): TlsReader {
    return this.inner(this.vectorLength(this.uint16(), least, 0xffff))
  }

  /** A reader of the vector behind a length of 24 bits. */
  vector24(least = 0): TlsReader {
    return this.inner(this.vectorLength(this.uint24(), least, 0xff_ffff))
  }

  /** All that is left as bytes. */
  uint8s(): number[] {
    const values: number[] = []
    while (!this.isEmpty) values.push(this.uint8())
    return values
  }

  /** All that is left as numbers of 16 bits. */
  uint16s(): number[] {
    const values: number[] = []
    while (!this.isEmpty) values.push(this.uint16())
    return values
  }

  /** Complains unless everything was read. */
  done(): void {
    if (this.at !== this.end) this.refuse(`${String(this.left)} bytes too many`)
  }

  /** @throws TlsDecodeError always: the structure does not hold together */
  refuse(detail: string, at = this.at): never {
    throw new TlsDecodeError('invalid', at, detail, 'decode_error', this.cites)
  }

  /** @throws TlsDecodeError always: a value that is forbidden */
  forbid(detail: string, at = this.at): never {
    throw new TlsDecodeError('invalid', at, detail, 'illegal_parameter', this.cites)
  }

  private inner(length: number): TlsReader {
    this.need(length)
    const start = this.at
    this.at += length
    return new TlsReader(this.bytes, start, this.at, this.cites)
  }

  private vectorLength(length: number, least: number, most: number): number {
    if (length < least || length > most) this.refuse(`a vector of ${String(length)} bytes, outside its bounds`)
    return length
  }

  private need(length: number): void {
    if (this.at + length <= this.end) return
    const detail = `${String(length)} bytes needed, ${String(this.left)} there`
    throw new TlsDecodeError('truncated', this.end, detail, 'decode_error', this.cites)
  }
}
