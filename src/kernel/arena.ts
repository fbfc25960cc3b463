const FIRST_BLOCK = 16 * 1024
const LARGEST_BLOCK = 256 * 1024

/**
 * Memory for frames, cut from larger blocks: one allocation serves hundreds of frames, and the trace can keep whole blocks
 * instead of copies. A frame starts 2 bytes off a 4-byte boundary, so that what follows a 14-byte Ethernet header is aligned.
 */
export class Arena {
  private block = new ArrayBuffer(FIRST_BLOCK)
  private used = 2

  allocate(length: number): Uint8Array {
    let start = this.used
    if (start + length > this.block.byteLength) {
      const wanted = Math.min(this.block.byteLength * 2, LARGEST_BLOCK)
      this.block = new ArrayBuffer(Math.max(wanted, (length + 7) & ~3))
      start = 2
    }
    this.used = ((start + length + 1) & ~3) + 2
    return new Uint8Array(this.block, start, length)
  }
}
