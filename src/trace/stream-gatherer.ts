/** Most bytes that wait for others before them. */
const MOST_WAITING = 1 << 22

/** Puts the bytes of a stream of QUIC in order, as they come in frames with their offsets. */
export class StreamGatherer {
  /** Up to here all bytes have been handed on. */
  end = 0
  private readonly waiting: { readonly offset: number; readonly bytes: Uint8Array }[] = []
  private waitingLength = 0

  /**
   * Takes in bytes. Those that were there before are left out; others are handed on as soon as all before them are there.
   * @param bytes kept as they are when they have to wait
   * @param take is given the next bytes in order
   */
  add(offset: number, bytes: Uint8Array, take: (bytes: Uint8Array) => void): void {
    if (offset + bytes.length <= this.end) return
    if (offset > this.end) {
      this.keep(offset, bytes)
      return
    }
    this.hand(offset, bytes, take)
    const { waiting } = this
    while (waiting.length > 0 && waiting[0].offset <= this.end) {
      const next = waiting[0]
      waiting.shift()
      this.waitingLength -= next.bytes.length
      if (next.offset + next.bytes.length > this.end) this.hand(next.offset, next.bytes, take)
    }
  }

  private hand(offset: number, bytes: Uint8Array, take: (bytes: Uint8Array) => void): void {
    const next = bytes.subarray(this.end - offset)
    this.end += next.length
    take(next)
  }

  private keep(offset: number, bytes: Uint8Array): void {
    const { waiting } = this
    // A stream with so large a hole is not read any further.
    if (this.waitingLength + bytes.length > MOST_WAITING) return
    let at = waiting.length
    while (at > 0 && waiting[at - 1].offset > offset) at--
    if (at > 0 && waiting[at - 1].offset + waiting[at - 1].bytes.length >= offset + bytes.length) return
    waiting.splice(at, 0, { offset, bytes })
    this.waitingLength += bytes.length
  }
}
