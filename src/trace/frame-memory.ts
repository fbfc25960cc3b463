import { Arena, type BlockPool } from '../kernel/arena.ts'
import type { FrameBlock } from './frame-table.ts'

/** A buffer that holds fewer bytes than this is copied, so that buffers stay few. */
const SMALLEST_BLOCK = 16 * 1024

/** A buffer with bytes of frames, and the newest frame in it. */
interface Block {
  readonly buffer: ArrayBufferLike
  newest: number
}

const NO_BUFFER = new ArrayBuffer(0)

/**
 * The bytes of frames, left where the hosts put them: whole buffers are kept until their newest frame is let go. Where a frame's bytes
 * are stands in its row.
 */
export class FrameMemory {
  private readonly arena = new Arena()
  /** By number, from 1. */
  private readonly blocks: (Block | undefined)[] = [undefined]
  private readonly blockOf = new Map<ArrayBufferLike, number>()
  /** Below this number there is no block any more. */
  private firstBlock = 1
  /** The buffer of the frame kept last, and its number: it is filled before the next is begun. */
  private lastBuffer: ArrayBufferLike = NO_BUFFER
  private lastBlock = 0

  /** Keeps the bytes of a frame, which must not change any more. */
  keep(number: number, columns: FrameBlock, row: number, given: Uint8Array): void {
    let bytes = given
    let { buffer } = bytes
    let index = this.lastBlock
    if (buffer !== this.lastBuffer) {
      let known = this.blockOf.get(buffer)
      if (known === undefined && buffer.byteLength < SMALLEST_BLOCK) {
        bytes = this.arena.allocate(given.length)
        bytes.set(given)
        buffer = bytes.buffer
        known = this.blockOf.get(buffer)
      }
      index = known ?? this.adopt(buffer)
      this.lastBuffer = buffer
      this.lastBlock = index
    }
    const places = columns.bytesPlaces
    places[row * 2] = index
    places[row * 2 + 1] = bytes.byteOffset
    const block = this.blocks[index] as Block
    if (number > block.newest) block.newest = number
  }

  /** The bytes that stand in a row. They must not have been let go. */
  bytes(columns: FrameBlock, row: number): Uint8Array {
    const places = columns.bytesPlaces
    const { buffer } = this.blocks[places[row * 2]] as Block
    return new Uint8Array(buffer, places[row * 2 + 1], columns.length[row])
  }

  /** Forgets buffers in which there is nothing from a frame on. */
  free(firstWithBytes: number): void {
    const { blocks } = this
    for (let index = this.firstBlock; index < blocks.length; index++) {
      const block = blocks[index]
      if (block === undefined || block.newest >= firstWithBytes) continue
      blocks[index] = undefined
      this.blockOf.delete(block.buffer)
    }
    while (this.firstBlock < blocks.length && blocks[this.firstBlock] === undefined) this.firstBlock++
    this.lastBuffer = NO_BUFFER
  }

  /** Lets go of everything, and hands the buffers on. */
  release(pool: BlockPool): void {
    for (const buffer of this.blockOf.keys()) pool.give(buffer)
    this.blocks.length = 1
    this.blockOf.clear()
    this.firstBlock = 1
    this.lastBuffer = NO_BUFFER
  }

  private adopt(buffer: ArrayBufferLike): number {
    const index = this.blocks.length
    this.blocks.push({ buffer, newest: 0 })
    this.blockOf.set(buffer, index)
    return index
  }
}
