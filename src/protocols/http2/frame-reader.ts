import {
  decodeFrameHeader,
  Http2DecodeError,
  HTTP2_HEADER_LENGTH,
  HTTP2_PREFACE,
  tooMuchPadding,
} from '../../wire/http2-frame.ts'
import type { Http2FrameHeader } from '../../wire/http2-frame.ts'
import { HTTP2_FLAG, HTTP2_FRAME_CODE } from '../../wire/http2-names.ts'
import { ChunkQueue } from '../chunk-queue.ts'

/** What `FrameReader.next` has found. */
export type Finding =
  /** Nothing: more bytes are needed. */
  | 'nothing'
  /** A whole frame, other than DATA. */
  | 'frame'
  /** A DATA frame's header, and its pad length if it has one; its content comes in pieces. */
  | 'data-head'
  /** A piece of a DATA frame's content: a view of what was pushed. */
  | 'data'
  /** The end of a DATA frame, padding included. */
  | 'data-end'

type Phase = 'preface' | 'header' | 'payload' | 'pad-length' | 'content' | 'padding'

/**
 * Cuts a stream of bytes into frames. What it finds depends on the bytes alone, not on how they were cut into pieces, except that the
 * content of DATA frames comes out in the pieces that went in.
 */
export class FrameReader {
  /** After 'frame' and 'data-head'. */
  readonly header: Http2FrameHeader = { length: 0, type: 0, flags: 0, stream: 0 }
  /** After 'data-head': bytes of content, without padding. */
  contentLength = 0
  /** Largest payload of other frames than DATA, in bytes; of DATA the owner judges. */
  maxFrameSize = 0x4000

  private readonly chunks = new ChunkQueue()
  private phase: Phase
  private frameStart = 0
  /** Bytes of the content, then of the padding, that are still to come. */
  private remaining = 0
  private paddingLength = 0
  private prefaceRead = 0

  /** @param expectsPreface whether the peer is a client */
  constructor(expectsPreface: boolean) {
    this.phase = expectsPreface ? 'preface' : 'header'
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

  /** Where the frame at hand begins, and where the next will: offsets in the stream of bytes. */
  get from(): number {
    return this.frameStart
  }

  get to(): number {
    return this.frameStart + HTTP2_HEADER_LENGTH + this.header.length
  }

  /** Takes bytes, which must not change any more. */
  push(bytes: Uint8Array): void {
    this.chunks.push(bytes)
  }

  /** Forgets all input. */
  discard(): void {
    this.chunks.discard()
  }

  /** Goes on to the next thing to tell. Throws Http2DecodeError, after which it must not be asked again. */
  next(): Finding {
    const { chunks } = this
    for (;;) {
      switch (this.phase) {
        case 'preface':
          if (!this.takePreface()) return 'nothing'
          this.phase = 'header'
          break
        case 'header': {
          if (!chunks.gather(HTTP2_HEADER_LENGTH)) return 'nothing'
          decodeFrameHeader(chunks.bytes, chunks.start, this.header)
          this.frameStart = chunks.offset - HTTP2_HEADER_LENGTH
          const found = this.takeHeader()
          if (found) return found
          break
        }
        case 'payload':
          if (!chunks.gather(this.header.length)) return 'nothing'
          this.phase = 'header'
          return 'frame'
        case 'pad-length':
          if (!chunks.gather(1)) return 'nothing'
          this.paddingLength = chunks.bytes[chunks.start]
          if (this.paddingLength >= this.header.length) throw tooMuchPadding(this.frameStart, 'RFC 9113 section 6.1')
          this.contentLength = this.header.length - 1 - this.paddingLength
          return this.beginContent()
        case 'content':
          if (this.remaining > 0) return this.takePiece() ? 'data' : 'nothing'
          this.phase = 'padding'
          this.remaining = this.paddingLength
          break
        case 'padding':
          while (this.remaining > 0) if (!this.takePiece()) return 'nothing'
          this.phase = 'header'
          return 'data-end'
      }
    }
  }

  private takeHeader(): Finding | undefined {
    const { length, type, flags } = this.header
    if (type !== HTTP2_FRAME_CODE.DATA) {
      if (length > this.maxFrameSize) throw tooLarge(this.frameStart, length, this.maxFrameSize)
      this.phase = 'payload'
      return undefined
    }
    this.paddingLength = 0
    if ((flags & HTTP2_FLAG.PADDED) !== 0) {
      if (length === 0) throw tooMuchPadding(this.frameStart, 'RFC 9113 section 6.1')
      this.phase = 'pad-length'
      return undefined
    }
    this.contentLength = length
    return this.beginContent()
  }

  private beginContent(): Finding {
    this.remaining = this.contentLength
    this.phase = 'content'
    return 'data-head'
  }

  private takePreface(): boolean {
    const { chunks } = this
    while (this.prefaceRead < HTTP2_PREFACE.length) {
      const octet = chunks.peek()
      if (octet < 0) return false
      if (octet !== HTTP2_PREFACE.charCodeAt(this.prefaceRead)) {
        const detail = 'the client does not begin with the connection preface'
        throw new Http2DecodeError('invalid', this.prefaceRead, detail, 'PROTOCOL_ERROR', 'RFC 9113 section 3.4')
      }
      chunks.takePiece(1)
      this.prefaceRead++
    }
    return true
  }

  private takePiece(): boolean {
    const { chunks } = this
    if (!chunks.takePiece(this.remaining)) return false
    this.remaining -= chunks.end - chunks.start
    return true
  }
}

/** A frame over our SETTINGS_MAX_FRAME_SIZE. */
function tooLarge(at: number, length: number, limit: number): Http2DecodeError {
  const detail = `a frame of ${String(length)} bytes, over the limit of ${String(limit)}`
  return new Http2DecodeError('oversized', at, detail, 'FRAME_SIZE_ERROR', 'RFC 9113 section 4.2')
}
