/** Application data that waits for records, by reference: any sizes go in, pieces of the size of a record come out. */
export class SendQueue {
  /** Bytes that wait. */
  length = 0
  private pieces: Uint8Array[] = []
  /** Of the first piece, how much is taken. */
  private offset = 0
  private head = 0

  /** Appends bytes, which must not change until they are taken. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.pieces.push(bytes)
    this.length += bytes.length
  }

  /** Takes the first `limit` bytes, or all that there are. A copy only where pieces have to be put together. */
  take(limit: number): Uint8Array {
    const length = Math.min(limit, this.length)
    this.length -= length
    const first = this.pieces[this.head]
    if (first.length - this.offset >= length) {
      const part = first.subarray(this.offset, this.offset + length)
      this.advance(length)
      return part
    }
    const whole = new Uint8Array(length)
    for (let at = 0; at < length;) {
      const piece = this.pieces[this.head]
      const part = piece.subarray(this.offset, this.offset + length - at)
      whole.set(part, at)
      at += part.length
      this.advance(part.length)
    }
    return whole
  }

  clear(): void {
    this.pieces = []
    this.length = 0
    this.offset = 0
    this.head = 0
  }

  private advance(length: number): void {
    this.offset += length
    if (this.offset < this.pieces[this.head].length) return
    this.offset = 0
    this.head++
    // What was taken goes away in one stroke now and then, so that shifting costs nothing.
    if (this.head === this.pieces.length) {
      this.pieces = []
      this.head = 0
    } else if (this.head >= 64 && this.head * 2 >= this.pieces.length) {
      this.pieces = this.pieces.slice(this.head)
      this.head = 0
    }
  }
}
