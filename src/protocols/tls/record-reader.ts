import { decodeRecordHeader, RECORD_HEADER_LENGTH } from '../../wire/tls/record.ts'

const NOTHING: Uint8Array = new Uint8Array(0)

/**
 * Cuts a stream into records. A record that lies in one piece is not copied; of one that does not, no more than itself is kept, and
 * each byte is copied once.
 */
export class RecordReader {
  /** Whether the version in a record's header counts for nothing. */
  anyVersion = false
  private input = NOTHING
  private at = 0
  /** A record in the making: its header at first, then all of it. */
  private partial = NOTHING
  private readonly header = new Uint8Array(RECORD_HEADER_LENGTH)
  private filled = 0

  /** Takes bytes, which must not change any more. What was taken before must have been read up: `next` gave undefined. */
  push(bytes: Uint8Array): void {
    this.input = bytes
    this.at = 0
  }

  /** Whether a record has begun that is not whole. */
  get isPartial(): boolean {
    return this.filled > 0
  }

  /**
   * The next whole record, header included.
   * @returns undefined when there is none yet
   * @throws TlsDecodeError as soon as the header shows that this is none
   */
  next(): Uint8Array | undefined {
    const { input } = this
    if (this.filled > 0) return this.gather()
    const header = decodeRecordHeader(input, this.at, input.length, this.anyVersion)
    const end = header === undefined ? Infinity : this.at + RECORD_HEADER_LENGTH + header.length
    if (end <= input.length) {
      const record = input.subarray(this.at, end)
      this.at = end
      return record
    }
    return this.at < input.length ? this.gather() : undefined
  }

  private gather(): Uint8Array | undefined {
    if (this.filled < RECORD_HEADER_LENGTH && !this.fill(this.header, RECORD_HEADER_LENGTH)) return undefined
    if (this.partial.length === 0) {
      const length = decodeRecordHeader(this.header, 0, RECORD_HEADER_LENGTH, this.anyVersion)?.length ?? 0
      this.partial = new Uint8Array(RECORD_HEADER_LENGTH + length)
      this.partial.set(this.header)
    }
    if (!this.fill(this.partial, this.partial.length)) return undefined
    const record = this.partial
    this.partial = NOTHING
    this.filled = 0
    return record
  }

  private fill(target: Uint8Array, length: number): boolean {
    const part = this.input.subarray(this.at, this.at + length - this.filled)
    target.set(part, this.filled)
    this.at += part.length
    this.filled += part.length
    return this.filled === length
  }
}
