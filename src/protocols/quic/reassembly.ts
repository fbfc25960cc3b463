import { ByteRanges } from './byte-ranges.ts'

/** Bytes that are kept together; a power of two. */
const BLOCK = 8192

/**
 * Puts the bytes of a stream in order. What comes in order is passed on as it is; what comes too early is copied into blocks, so that the
 * memory it takes is bounded by the window, however small the parts are that a peer sends.
 */
export class Reassembly {
  /** Offset of the first byte that was not taken. */
  offset = 0
  private readonly ranges = new ByteRanges()
  private readonly blocks = new Map<number, Uint8Array>()
  /** What came in order and was not taken yet: behind `offset`. */
  private direct: Uint8Array | undefined

  /** How many separate ranges wait for bytes before them. */
  get gaps(): number {
    return this.ranges.count
  }

  /** Takes bytes in, wherever in the stream they belong. Everything that can be taken has to be taken before the next call. */
  push(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length
    if (end <= this.offset) return
    if (offset > this.offset) {
      this.store(offset, bytes)
      this.ranges.add(offset, end)
      return
    }
    this.direct = offset === this.offset ? bytes : bytes.subarray(this.offset - offset)
    if (!this.ranges.isEmpty) this.ranges.remove(offset, end)
  }

  /** The next bytes of the stream, as many as are at hand in one piece; undefined: the next one has not come. */
  take(): Uint8Array | undefined {
    const { direct } = this
    if (direct !== undefined) {
      this.direct = undefined
      this.pass(this.offset + direct.length)
      return direct
    }
    const { ranges, offset } = this
    if (ranges.isEmpty || ranges.firstStart > offset) return undefined
    const index = Math.floor(offset / BLOCK)
    const from = offset - index * BLOCK
    const to = Math.min(ranges.firstEnd - index * BLOCK, BLOCK)
    const block = this.blocks.get(index)
    if (block === undefined) throw new Error('a block is missing')
    ranges.remove(offset, offset + to - from)
    this.pass(offset + to - from)
    return block.subarray(from, to)
  }

  /** Forgets all that was not taken. */
  discard(): void {
    this.direct = undefined
    this.ranges.clear()
    this.blocks.clear()
  }

  private pass(end: number): void {
    if (this.blocks.size > 0) {
      const last = Math.floor(end / BLOCK)
      for (let index = Math.floor(this.offset / BLOCK); index < last; index++) this.blocks.delete(index)
    }
    this.offset = end
  }

  private store(offset: number, bytes: Uint8Array): void {
    let at = 0
    while (at < bytes.length) {
      const index = Math.floor((offset + at) / BLOCK)
      const from = offset + at - index * BLOCK
      const length = Math.min(bytes.length - at, BLOCK - from)
      let block = this.blocks.get(index)
      if (block === undefined) {
        block = new Uint8Array(BLOCK)
        this.blocks.set(index, block)
      }
      block.set(at === 0 && length === bytes.length ? bytes : bytes.subarray(at, at + length), from)
      at += length
    }
  }
}
