const NO_BYTES = /* @__PURE__ */ new Uint8Array(0)

/**
 * Bytes as they arrive, to be taken in other pieces: such that follow each other in one array, or whatever is there. What is found depends
 * on the bytes alone, not on how they were cut.
 */
export class ChunkQueue {
  /** After `gather` or `takePiece`: what was taken is [start, end) of this. Valid until the next call. */
  bytes: Uint8Array = NO_BYTES
  start = 0
  end = 0

  private queue: Uint8Array[] = []
  private current: Uint8Array = NO_BYTES
  private position = 0
  /** Bytes that went before `current`. */
  private passed = 0
  /** The beginning of what did not arrive in one piece. */
  private carry: Uint8Array = NO_BYTES
  private carryLength = 0

  /** How many bytes were taken, those included that `gather` has laid by. */
  get offset(): number {
    return this.passed + this.position
  }

  /** Takes bytes, which must not change any more. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    if (this.position === this.current.length && this.queue.length === 0) this.enter(bytes)
    else this.queue.push(bytes)
  }

  /** Forgets all input. */
  discard(): void {
    this.queue = []
    this.current = NO_BYTES
    this.position = 0
    this.carry = NO_BYTES
    this.carryLength = 0
    this.bytes = NO_BYTES
  }

  /** The next octet, which stays; -1: there is none. Not to be asked while `gather` has something laid by. */
  peek(): number {
    return this.advance() ? this.current[this.position] : -1
  }

  /** Takes `length` bytes that follow each other; false while they are not all there: then it is to be asked for the same again. */
  gather(length: number): boolean {
    while (this.carryLength + this.current.length - this.position < length || this.carryLength > 0) {
      const taken = Math.min(length - this.carryLength, this.current.length - this.position)
      this.keep(this.position, taken, length)
      this.position += taken
      if (this.carryLength === length) {
        this.bytes = this.carry
        this.start = 0
        this.end = length
        this.carryLength = 0
        return true
      }
      if (!this.advance()) return false
    }
    this.bytes = this.current
    this.start = this.position
    this.position += length
    this.end = this.position
    return true
  }

  /** Takes at least one and at most `most` bytes; false: there are none. */
  takePiece(most: number): boolean {
    if (!this.advance()) return false
    this.bytes = this.current
    this.start = this.position
    this.end = Math.min(this.current.length, this.position + most)
    this.position = this.end
    return true
  }

  private enter(bytes: Uint8Array): void {
    this.passed += this.current.length
    this.current = bytes
    this.position = 0
  }

  private advance(): boolean {
    if (this.position < this.current.length) return true
    const next = this.queue.shift()
    if (next === undefined) return false
    this.enter(next)
    return true
  }

  private keep(from: number, length: number, wanted: number): void {
    const total = this.carryLength + length
    if (total > this.carry.length) {
      // Never more than twice of what has arrived: a length that is only announced takes no memory.
      const larger = new Uint8Array(Math.min(Math.max(64, 2 * total), Math.max(64, wanted)))
      larger.set(this.carry.subarray(0, this.carryLength))
      this.carry = larger
    }
    this.carry.set(this.current.subarray(from, from + length), this.carryLength)
    this.carryLength = total
  }
}
