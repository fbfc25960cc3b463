/** Bytes of a record's header: type, version, length (RFC 8446 section 5.1). */
const HEADER = 5

/** Finds where TLS records end in a stream of bytes, by their headers alone. What is no TLS gives records without meaning. */
export class RecordScanner {
  /** Bytes of the header that have passed. */
  private header = 0
  /** Length of the rest of the record. */
  private left = 0

  /** Whether the last byte that passed ended a record, or none has passed. */
  get isBetweenRecords(): boolean {
    return this.header === 0
  }

  /** Passes over bytes from `start` up to the end of a record, or to the end of the bytes. @returns where that is */
  next(bytes: Uint8Array, start: number): number {
    let at = start
    while (this.header < HEADER) {
      if (at === bytes.length) return at
      if (this.header >= 3) this.left = (this.left << 8) | bytes[at]
      this.header++
      at++
    }
    const taken = Math.min(this.left, bytes.length - at)
    this.left -= taken
    if (this.left === 0) this.header = 0
    return at + taken
  }
}
