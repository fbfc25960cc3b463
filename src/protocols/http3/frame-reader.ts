import { Http3DecodeError } from '../../wire/http3-frame.ts'
import { HTTP3_FRAME_CODE } from '../../wire/http3-names.ts'
import { readVarint, varintLengthAt } from '../../wire/quic/varint.ts'
import { ChunkQueue } from '../chunk-queue.ts'

/** What `Http3FrameReader.next` has found. */
export type Finding =
  /** Nothing: more bytes are needed. */
  | 'nothing'
  /** A frame's type and length. */
  | 'head'
  /** A whole frame, other than DATA. */
  | 'frame'
  /** A piece of a DATA frame's content: a view of what was pushed. */
  | 'data'
  /** The end of a DATA frame, or of one that was skipped. */
  | 'end'

type Phase = 'type' | 'length' | 'payload' | 'content' | 'skipped'

/**
 * Cuts the bytes of a stream into frames (RFC 9114 section 7.1). What it finds depends on the bytes alone, not on how they were cut into
 * pieces, except that the content of DATA frames comes out in the pieces that went in.
 */
export class Http3FrameReader {
  /** After 'head', until the next. From 2^53 on, rounded. */
  type = 0
  /** Of the payload, in bytes. */
  length = 0

  private readonly chunks: ChunkQueue
  private phase: Phase = 'type'
  /** Length of the integer at hand, in bytes; 0: its first byte has not come. */
  private needed = 0
  private frameStart = 0
  private payloadStart = 0
  private remaining = 0

  /** @param chunks what was read already, if anything was */
  constructor(chunks = new ChunkQueue()) {
    this.chunks = chunks
  }

  /** After 'frame': the payload is [start, end) of this. After 'data': the piece is. Valid until the next call. */
  get bytes(): Uint8Array {
    return this.chunks.bytes
  }

  get start(): number {
    return this.chunks.start
  }

  get end(): number {
    return this.chunks.end
  }

  /** Where the frame at hand begins, and where the next will: offsets in the stream. */
  get from(): number {
    return this.frameStart
  }

  get to(): number {
    return this.payloadStart + this.length
  }

  /** How many bytes of the stream were taken. */
  get offset(): number {
    return this.chunks.offset
  }

  /** Whether the stream may end here. */
  get isBetweenFrames(): boolean {
    return this.phase === 'type' && this.chunks.offset === this.to
  }

  /** Takes bytes, which must not change any more. */
  push(bytes: Uint8Array): void {
    this.chunks.push(bytes)
  }

  /** Forgets all input. */
  discard(): void {
    this.chunks.discard()
  }

  /** After 'head': the payload is not wanted. */
  skip(): void {
    this.phase = 'skipped'
  }

  /** Goes on to the next thing to tell. Throws Http3DecodeError, after which it must not be asked again. */
  next(): Finding {
    const { chunks } = this
    for (;;) {
      switch (this.phase) {
        case 'type':
          if (this.needed === 0) this.frameStart = chunks.offset
          if (!this.gatherInteger()) return 'nothing'
          this.type = readVarint(chunks.bytes, chunks.start)
          this.phase = 'length'
          break
        case 'length':
          if (!this.gatherInteger()) return 'nothing'
          this.length = readVarint(chunks.bytes, chunks.start)
          if (this.length > Number.MAX_SAFE_INTEGER) {
            const detail = 'a frame that is longer than a stream can be'
            throw new Http3DecodeError('oversized', this.frameStart, detail, 'H3_FRAME_ERROR', 'RFC 9114 section 7.1')
          }
          this.payloadStart = chunks.offset
          this.remaining = this.length
          this.phase = this.type === HTTP3_FRAME_CODE.DATA ? 'content' : 'payload'
          return 'head'
        case 'payload':
          if (!chunks.gather(this.length)) return 'nothing'
          this.phase = 'type'
          return 'frame'
        case 'content':
          if (this.remaining > 0) return this.takePiece() ? 'data' : 'nothing'
          this.phase = 'type'
          return 'end'
        case 'skipped':
          while (this.remaining > 0) if (!this.takePiece()) return 'nothing'
          this.phase = 'type'
          return 'end'
      }
    }
  }

  private gatherInteger(): boolean {
    const { chunks } = this
    if (this.needed === 0) {
      const first = chunks.peek()
      if (first < 0) return false
      this.needed = varintLengthAt(first)
    }
    if (!chunks.gather(this.needed)) return false
    this.needed = 0
    return true
  }

  private takePiece(): boolean {
    const { chunks } = this
    if (!chunks.takePiece(this.remaining)) return false
    this.remaining -= chunks.end - chunks.start
    return true
  }
}
