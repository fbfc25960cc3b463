const FIRST_BLOCK = 16 * 1024
const LARGEST_BLOCK = 256 * 1024

/** How much of a used block is cleared at a time. */
const CLEARED_AHEAD = 16 * 1024

/**
 * Blocks of runs that are over, for the next run to use: memory that the processor and the operating system know already costs a fraction
 * of fresh memory. For who does many runs, one after the other.
 */
export class BlockPool {
  private readonly blocks: ArrayBufferLike[] = []

  /** A block, in which there may be anything; undefined when there is none. */
  take(): ArrayBufferLike | undefined {
    return this.blocks.pop()
  }

  /** Takes a block in that nobody will look into any more; one of another size is left alone. */
  give(block: ArrayBufferLike): void {
    if (block.byteLength === LARGEST_BLOCK) this.blocks.push(block)
  }
}

/**
 * Memory for frames, cut from larger blocks: one allocation serves hundreds of frames, and the trace can keep whole blocks
 * instead of copies. A frame starts 2 bytes off a 4-byte boundary, so that what follows a 14-byte Ethernet header is aligned.
 */
export class Arena {
  private block: ArrayBufferLike = new ArrayBuffer(FIRST_BLOCK)
  private used = 2
  /** Up to where the block is known to be zeros, but for what was handed out. */
  private clean = FIRST_BLOCK

  /** @param pool where full-sized blocks come from; fresh ones when absent */
  constructor(private readonly pool?: BlockPool) {}

  allocate(length: number): Uint8Array {
    let start = this.used
    if (start + length > this.block.byteLength) {
      const least = (length + 7) & ~3
      const wanted = Math.max(Math.min(this.block.byteLength * 2, LARGEST_BLOCK), least)
      const known = wanted === LARGEST_BLOCK ? this.pool?.take() : undefined
      this.block = known ?? new ArrayBuffer(wanted)
      this.clean = known === undefined ? wanted : 0
      start = 2
    }
    this.used = ((start + length + 1) & ~3) + 2
    if (this.used > this.clean) this.clear()
    return new Uint8Array(this.block, start, length)
  }

  /** Clears a block that was used before, only a little ahead of what is handed out: then it is in the processor's caches when it is written. */
  private clear(): void {
    const { block, clean, used } = this
    this.clean = Math.min(used + CLEARED_AHEAD, block.byteLength)
    if (this.clean > clean) new Uint8Array(block, clean, this.clean - clean).fill(0)
  }
}
