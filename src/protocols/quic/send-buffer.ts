import { ByteRanges } from './byte-ranges.ts'
import type { BodySource } from '../body-source.ts'
import { LocalQuicError } from './fault.ts'

interface Piece {
  readonly offset: number
  readonly bytes: Uint8Array
}

/** Pieces that are done with are let go when there are so many. */
const SPENT_PIECES = 32

/**
 * The bytes of a stream on their way out: those that wait for the first time, those that are under way and may have to be sent again, and
 * those that were lost. Nothing is copied but into packets.
 */
export class SendBuffer {
  /** Offset behind the last byte that was ever sent. */
  sent = 0
  /** Offset behind the last byte that was given. */
  end = 0
  /** All bytes before this offset were acknowledged. */
  private base = 0
  private readonly waiting: (Uint8Array | BodySource)[] = []
  /** How much of the first that waits was taken. */
  private taken = 0
  private sourceBytes = 0
  /** What was sent and may be needed again, by offset, from index `spent`. */
  private readonly pieces: Piece[] = []
  private spent = 0
  private readonly acknowledged = new ByteRanges()
  private readonly lost = new ByteRanges()

  /** Takes bytes, or what makes them. */
  push(piece: Uint8Array | BodySource): void {
    if (piece.length === 0) return
    this.waiting.push(piece)
    this.end += piece.length
    if (!(piece instanceof Uint8Array)) this.sourceBytes += piece.length
  }

  /** Bytes that are in memory and were never sent. */
  get buffered(): number {
    return this.end - this.sent - this.sourceBytes
  }

  /** Whether bytes have to be sent again. */
  get hasLost(): boolean {
    return !this.lost.isEmpty
  }

  /** Offset of the first byte to be sent again; only while there is one. */
  get lostStart(): number {
    return this.lost.firstStart
  }

  /** End (exclusive) of the first bytes to be sent again. */
  get lostEnd(): number {
    return this.lost.firstEnd
  }

  /** Whether all that was given was acknowledged. */
  get isDone(): boolean {
    return this.base === this.end
  }

  /** Writes the next `length` bytes that were never sent; so many must be there. */
  writeNew(target: Uint8Array, at: number, length: number): void {
    const stop = at + length
    while (at < stop) {
      const bytes = this.next(stop - at)
      target.set(bytes, at)
      this.pieces.push({ offset: this.sent, bytes })
      this.sent += bytes.length
      at += bytes.length
    }
  }

  /** Writes `length` bytes from `offset` again, which must have been sent and not be acknowledged, and takes them for sent. */
  writeAgain(target: Uint8Array, at: number, offset: number, length: number): void {
    const stop = offset + length
    this.lost.remove(offset, stop)
    const { pieces } = this
    for (let index = this.indexOf(offset); offset < stop; index++) {
      const piece = pieces[index]
      const from = offset - piece.offset
      const to = Math.min(piece.bytes.length, stop - piece.offset)
      target.set(piece.bytes.subarray(from, to), at)
      at += to - from
      offset += to - from
    }
  }

  /** These bytes have arrived. */
  acknowledge(offset: number, length: number): void {
    const stop = offset + length
    if (stop <= this.base) return
    if (!this.lost.isEmpty) this.lost.remove(offset, stop)
    if (offset > this.base) {
      this.acknowledged.add(offset, stop)
      return
    }
    this.base = stop
    const { acknowledged } = this
    while (!acknowledged.isEmpty && acknowledged.firstStart <= this.base) {
      this.base = Math.max(this.base, acknowledged.firstEnd)
      acknowledged.remove(acknowledged.firstStart, acknowledged.firstEnd)
    }
    this.release()
  }

  /** These bytes were lost, unless another packet has brought them. */
  lose(offset: number, length: number): void {
    const from = Math.max(offset, this.base)
    if (from < offset + length) this.lost.addWithout(from, offset + length, this.acknowledged)
  }

  /** Lets all bytes go: nothing will be sent any more. */
  clear(): void {
    this.waiting.length = 0
    this.pieces.length = 0
    this.spent = 0
    this.sourceBytes = 0
    this.lost.clear()
    this.acknowledged.clear()
  }

  /** At most `most` of what waits. */
  private next(most: number): Uint8Array {
    const first = this.waiting[0]
    const length = Math.min(most, first.length - this.taken)
    let bytes: Uint8Array
    if (first instanceof Uint8Array) {
      bytes = first.subarray(this.taken, this.taken + length)
    } else {
      bytes = first.read(this.taken, length)
      if (bytes.length === 0 || bytes.length > length) throw new LocalQuicError('a source gave another amount than it may')
      this.sourceBytes -= bytes.length
    }
    this.taken += bytes.length
    if (this.taken === first.length) {
      this.waiting.shift()
      this.taken = 0
    }
    return bytes
  }

  private release(): void {
    const { pieces } = this
    while (this.spent < pieces.length && pieces[this.spent].offset + pieces[this.spent].bytes.length <= this.base) this.spent++
    if (this.spent < SPENT_PIECES || this.spent * 2 < pieces.length) return
    pieces.splice(0, this.spent)
    this.spent = 0
  }

  /** Index of the piece in which the byte at `offset` is. */
  private indexOf(offset: number): number {
    const { pieces } = this
    let low = this.spent
    let high = pieces.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (pieces[middle].offset <= offset) low = middle
      else high = middle - 1
    }
    return low
  }
}
