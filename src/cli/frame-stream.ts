import type { Writable } from 'node:stream'

/*
 * Frames on a stream of bytes: 4 bytes of length, big-endian, then the frame. The framing of QEMU's `-netdev stream`.
 */

const PREFIX = 4

/** Longer than any Ethernet frame, jumbo frames and offloads included: what says so is no frame. */
const LONGEST = 0x1_0000 + 64

/** Bytes that may wait for a reader who is slow; what comes then is lost, as in a full queue. */
const BACKLOG = 4 * 1024 * 1024

/** The stream does not keep to the framing. */
export class FramingError extends Error {
  override readonly name = 'FramingError'
}

/** Cuts a stream into frames. */
export class FrameReader {
  private rest: Buffer | undefined

  /** @param take gets each frame: a view that is overwritten at no time */
  constructor(private readonly take: (frame: Buffer) => void) {}

  /** @throws FramingError when a length cannot be one */
  push(chunk: Buffer): void {
    const bytes = this.rest === undefined ? chunk : Buffer.concat([this.rest, chunk])
    let at = 0
    while (bytes.length - at >= PREFIX) {
      const length = bytes.readUInt32BE(at)
      if (length > LONGEST) throw new FramingError(`a frame of ${String(length)} bytes`)
      const end = at + PREFIX + length
      if (end > bytes.length) break
      this.take(bytes.subarray(at + PREFIX, end))
      at = end
    }
    this.rest = at === bytes.length ? undefined : bytes.subarray(at)
  }
}

/** Puts frames onto a stream, many with one call. */
export class FrameWriter {
  private frames: Uint8Array[] = []
  private bytes = 0

  constructor(private readonly stream: Writable) {}

  /** @returns whether the frame was taken; not when the reader is too slow */
  write(frame: Uint8Array): boolean {
    if (this.bytes + this.stream.writableLength > BACKLOG) return false
    this.frames.push(frame)
    this.bytes += PREFIX + frame.length
    return true
  }

  flush(): void {
    if (this.frames.length === 0) return
    const batch = Buffer.allocUnsafe(this.bytes)
    let at = 0
    for (const frame of this.frames) {
      at = batch.writeUInt32BE(frame.length, at)
      batch.set(frame, at)
      at += frame.length
    }
    this.frames = []
    this.bytes = 0
    this.stream.write(batch)
  }
}
