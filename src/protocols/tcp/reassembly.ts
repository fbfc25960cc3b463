import { ByteQueue } from './byte-queue.ts'
import type { TcpSegment } from '../../wire/tcp.ts'

/** More gaps than this are not kept open: the peer sends those bytes again. Bounds the work that scattered bytes can cause. */
const RANGE_LIMIT = 1024
/** A SACK option reports at most four blocks (RFC 2018 section 3). */
const BLOCKS = 4

class Range {
  readonly start: number
  readonly bytes: ByteQueue
  constructor(start: number) {
    this.start = start
    this.bytes = new ByteQueue(start)
  }
}

/** Of a connection in which nothing ever came out of order; nobody may add to it. */
const NO_RANGES: Range[] = []

/**
 * What came out of order, by position in the stream: ranges that neither touch nor overlap, in ascending order. Where bytes come
 * twice, the first ones stay. The window bounds the bytes, and limits here bound what they are scattered over.
 */
export class Reassembly {
  private ranges = NO_RANGES
  /** Ranges by when they last grew, latest first: the order of SACK blocks (RFC 2018 section 4). */
  private recent = NO_RANGES
  private pieces = 0
  /** Position of the FIN, if it came ahead of its turn; -1: it did not. */
  private fin = -1
  private readonly pieceLimit: number

  /** @param capacity of the receive buffer in bytes */
  constructor(capacity: number) {
    this.pieceLimit = Math.max(1024, capacity >>> 8)
  }

  get isEmpty(): boolean {
    return this.ranges.length === 0
  }

  /** How many bytes wait here. */
  get length(): number {
    let length = 0
    for (const range of this.ranges) length += range.bytes.length
    return length
  }

  /** Index of the first range that ends at or after a position. */
  private find(position: number): number {
    let low = 0
    let high = this.ranges.length
    if (high > 0 && this.ranges[high - 1].bytes.end < position) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.ranges[middle].bytes.end < position) low = middle + 1
      else high = middle
    }
    return low
  }

  /**
   * Keeps bytes that came ahead of their turn.
   * @returns false when a limit was reached: nothing was kept
   */
  insert(start: number, bytes: Uint8Array): boolean {
    const end = start + bytes.length
    const index = this.find(start)
    let base: Range
    if (index < this.ranges.length && this.ranges[index].start <= start) {
      base = this.ranges[index]
      if (end <= base.bytes.end) {
        this.touch(base)
        return true
      }
      if (this.pieces >= this.pieceLimit) return false
    } else {
      if (this.ranges.length >= RANGE_LIMIT || this.pieces >= this.pieceLimit) return false
      base = this.begin(index, start)
    }
    this.pieces -= base.bytes.pieceCount
    let absorbed = 0
    for (;;) {
      const next = index + 1 + absorbed
      if (next >= this.ranges.length || this.ranges[next].start > end) break
      const range = this.ranges[next]
      const at = base.bytes.end
      if (at < range.start) base.bytes.push(bytes.subarray(at - start, range.start - start))
      this.pieces -= range.bytes.pieceCount
      base.bytes.append(range.bytes)
      this.forget(range)
      absorbed++
    }
    if (absorbed > 0) this.ranges.splice(index + 1, absorbed)
    const at = base.bytes.end
    if (at < end) base.bytes.push(at === start ? bytes : bytes.subarray(at - start))
    this.pieces += base.bytes.pieceCount
    this.touch(base)
    return true
  }

  /** A range that holds nothing yet, before the one with an index. */
  private begin(index: number, start: number): Range {
    const range = new Range(start)
    if (this.ranges === NO_RANGES) {
      this.ranges = []
      this.recent = []
    }
    this.ranges.splice(index, 0, range)
    return range
  }

  /**
   * The FIN came ahead of its turn: it is reported as received like a byte.
   * @returns false when a limit was reached
   */
  insertFin(position: number): boolean {
    const index = this.find(position)
    let range: Range
    if (index < this.ranges.length && this.ranges[index].start <= position) {
      range = this.ranges[index]
    } else {
      if (this.ranges.length >= RANGE_LIMIT) return false
      range = this.begin(index, position)
    }
    this.fin = position
    this.touch(range)
    return true
  }

  /** Position behind a range, the FIN included. */
  private endOf({ bytes }: Range): number {
    return bytes.end === this.fin ? bytes.end + 1 : bytes.end
  }

  /** Position of the first that was received already of what lies from `start` up to `end`; -1: nothing of it was. */
  firstKnown(start: number, end: number): number {
    const index = this.find(start + 1)
    if (index >= this.ranges.length || this.ranges[index].start >= end) return -1
    return Math.max(start, this.ranges[index].start)
  }

  /** Position behind what was received already from `start`, which was, up to at most `end`. */
  knownUpTo(start: number, end: number): number {
    return Math.min(end, this.endOf(this.ranges[this.find(start + 1)]))
  }

  private forget(range: Range): void {
    const at = this.recent.indexOf(range)
    if (at >= 0) this.recent.splice(at, 1)
  }

  private touch(range: Range): void {
    if (this.recent[0] === range) return
    this.forget(range)
    this.recent.unshift(range)
    if (this.recent.length > BLOCKS) this.recent.pop()
  }

  /** Moves what continues `queue` without a gap into it, and lets go of what it already has. */
  drainInto(queue: ByteQueue): void {
    let taken = 0
    for (const range of this.ranges) {
      if (range.start > queue.end) break
      taken++
      this.pieces -= range.bytes.pieceCount
      this.forget(range)
      range.bytes.discard(queue.end)
      if (range.bytes.length > 0) queue.append(range.bytes)
    }
    if (taken > 0) this.ranges.splice(0, taken)
  }

  /**
   * Writes SACK blocks into a segment, the range that grew last first (RFC 2018 section 4).
   * @param base added to positions to give sequence numbers
   * @param limit most blocks that fit
   * @param first how many of those the segment has already
   */
  report(segment: TcpSegment, base: number, limit: number, first = 0): void {
    let count = first
    const { sack } = segment
    for (const range of this.recent) {
      if (count >= limit) break
      sack[count * 2] = (base + range.start) >>> 0
      sack[count * 2 + 1] = (base + this.endOf(range)) >>> 0
      count++
    }
    // Others may have fallen out of memory: the lowest ones help the sender most.
    for (let i = 0; count < limit && i < this.ranges.length && i < BLOCKS; i++) {
      const range = this.ranges[i]
      if (this.recent.includes(range)) continue
      sack[count * 2] = (base + range.start) >>> 0
      sack[count * 2 + 1] = (base + this.endOf(range)) >>> 0
      count++
    }
    segment.sackCount = count
  }

  /** How many SACK blocks there are to report, at most four. */
  get blockCount(): number {
    return Math.min(this.ranges.length, BLOCKS)
  }

  clear(): void {
    this.ranges = NO_RANGES
    this.recent = NO_RANGES
    this.pieces = 0
    this.fin = -1
  }
}
