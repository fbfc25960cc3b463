const FIRST_BLOCK = 16 * 1024
const LARGEST_BLOCK = 256 * 1024

/**
 * Blocks of runs that are over, for the next run to use: memory that the processor and the operating system know already costs a fraction
 * of fresh memory. For who does many runs, one after the other.
 */
export class BlockPool {
  private readonly blocks: ArrayBufferLike[] = []

  /** A block, zero-filled. */
  take(): ArrayBufferLike {
    const block = this.blocks.pop()
    if (block === undefined) return new ArrayBuffer(LARGEST_BLOCK)
    new Uint8Array(block).fill(0)
    return block
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

  /** @param pool where full-sized blocks come from; fresh ones when absent */
  constructor(private readonly pool?: BlockPool) {}

  allocate(length: number): Uint8Array {
    let start = this.used
    if (start + length > this.block.byteLength) {
      const least = (length + 7) & ~3
      const wanted = Math.max(Math.min(this.block.byteLength * 2, LARGEST_BLOCK), least)
      this.block = wanted === LARGEST_BLOCK && this.pool !== undefined ? this.pool.take() : new ArrayBuffer(wanted)
      start = 2
    }
    this.used = ((start + length + 1) & ~3) + 2
    return new Uint8Array(this.block, start, length)
  }
}
