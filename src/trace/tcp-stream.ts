import type { FrameSource } from './frame-source.ts'

/**
 * The bytes that one end of a TCP connection has sent, put together from first copies, whatever became of them on their way: the sender's
 * stream, not what the receiver had at some moment. The bytes stay in the frames; here stands which frame has which of them.
 */
export class TcpStream {
  /** Up to this offset the stream has no hole. Offset 0 is the first byte behind the SYN. */
  end = 0
  // Pieces in the order of their offsets: where each begins and ends, the frame it came in, and where it begins in that frame.
  private readonly starts: number[] = []
  private readonly ends: number[] = []
  private readonly frames: number[] = []
  private readonly places: number[] = []
  /** How many of the pieces lie before `end`. */
  private whole = 0

  /** @param base sequence number of offset 0 */
  constructor(readonly base: number) {}

  /** The offset of a sequence number: the one nearest to the newest byte, for sequence numbers wrap. */
  offsetOf(seq: number): number {
    const newest = this.ends.at(-1) ?? 0
    return newest + ((seq - (this.base + newest)) | 0)
  }

  /**
   * Takes in a payload.
   * @param place where it begins in the frame
   * @returns whether the stream without holes grew
   */
  add(offset: number, length: number, frame: number, place: number): boolean {
    let start = Math.max(0, offset)
    const end = offset + length
    const before = this.end
    // Nearly always it is the next piece.
    let at = this.starts.length
    while (at > 0 && this.starts[at - 1] > start) at--
    if (at > 0) start = Math.max(start, this.ends[at - 1])
    while (start < end) {
      const next = at < this.starts.length ? Math.min(end, this.starts[at]) : end
      if (next > start) {
        this.starts.splice(at, 0, start)
        this.ends.splice(at, 0, next)
        this.frames.splice(at, 0, frame)
        this.places.splice(at, 0, place + start - offset)
        at++
      }
      if (at >= this.starts.length) break
      start = Math.max(next, this.ends[at])
      at++
    }
    while (this.whole < this.starts.length && this.starts[this.whole] === this.end) this.end = this.ends[this.whole++]
    return this.end > before
  }

  /** The frame that has the byte at an offset before `end`. */
  frameAt(offset: number): number {
    return this.frames[this.pieceAt(offset)]
  }

  /** Copies [from, to); undefined when it is not all there, or when a frame's bytes were let go. */
  read(from: number, to: number, source: FrameSource): Uint8Array | undefined {
    if (from < 0 || to > this.end) return undefined
    const bytes = new Uint8Array(to - from)
    for (let at = this.pieceAt(from), offset = from; offset < to; at++) {
      const frame = source.bytesAsSent(this.frames[at])
      if (frame === undefined) return undefined
      const place = this.places[at] + offset - this.starts[at]
      const length = Math.min(to, this.ends[at]) - offset
      bytes.set(frame.subarray(place, place + length), offset - from)
      offset += length
    }
    return bytes
  }

  /** Index of the piece that has the byte at an offset. */
  private pieceAt(offset: number): number {
    let low = 0
    let high = this.starts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.ends[middle] <= offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
