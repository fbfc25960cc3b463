import {
  decodeFrameHeader,
  Http2DecodeError,
  HTTP2_HEADER_LENGTH,
  HTTP2_PREFACE,
  tooMuchPadding,
} from '../../wire/http2-frame.ts'
import type { Http2FrameHeader } from '../../wire/http2-frame.ts'
import { HTTP2_FLAG, HTTP2_FRAME_CODE } from '../../wire/http2-names.ts'

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

const NO_BYTES = /* @__PURE__ */ new Uint8Array(0)

/**
 * Cuts a stream of bytes into frames. What it finds depends on the bytes alone, not on how they were cut into pieces, except that the
 * content of DATA frames comes out in the pieces that went in.
 */
export class FrameReader {
  /** After 'frame' and 'data-head'. */
  readonly header: Http2FrameHeader = { length: 0, type: 0, flags: 0, stream: 0 }
  /** After 'frame': the payload is [start, end) of this. After 'data': the piece is. Valid until the next call. */
  bytes: Uint8Array = NO_BYTES
  start = 0
  end = 0
  /** After 'data-head': bytes of content, without padding. */
  contentLength = 0
  /** Largest payload of other frames than DATA, in bytes; of DATA the owner judges. */
  maxFrameSize = 0x4000

  private phase: Phase
  private queue: Uint8Array[] = []
  private current: Uint8Array = NO_BYTES
  private position = 0
  /** Bytes that went before `current`. */
  private passed = 0
  private frameStart = 0
  /** Bytes of the content, then of the padding, that are still to come. */
  private remaining = 0
  private paddingLength = 0
  private prefaceRead = 0
  /** The beginning of what did not arrive in one piece. */
  private carry: Uint8Array = NO_BYTES
  private carryLength = 0

  /** @param expectsPreface whether the peer is a client */
  constructor(expectsPreface: boolean) {
    this.phase = expectsPreface ? 'preface' : 'header'
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
    if (bytes.length === 0) return
    if (this.position === this.current.length && this.queue.length === 0) this.enter(bytes)
    else this.queue.push(bytes)
  }

  /** Forgets all input. */
  discard(): void {
    this.queue = []
    this.current = NO_BYTES
    this.position = 0
    this.carry = NO_BYTES
    this.bytes = NO_BYTES
  }

  /** Goes on to the next thing to tell. Throws Http2DecodeError, after which it must not be asked again. */
  next(): Finding {
    for (;;) {
      switch (this.phase) {
        case 'preface':
          if (!this.takePreface()) return 'nothing'
          this.phase = 'header'
          break
        case 'header': {
          if (!this.gather(HTTP2_HEADER_LENGTH)) return 'nothing'
          decodeFrameHeader(this.bytes, this.start, this.header)
          this.frameStart = this.passed + this.position - HTTP2_HEADER_LENGTH
          const found = this.takeHeader()
          if (found) return found
          break
        }
        case 'payload':
          if (!this.gather(this.header.length)) return 'nothing'
          this.phase = 'header'
          return 'frame'
        case 'pad-length':
          if (!this.gather(1)) return 'nothing'
          this.paddingLength = this.bytes[this.start]
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

  private enter(bytes: Uint8Array): void {
    this.passed += this.current.length
    this.current = bytes
    this.position = 0
  }

  private advance(): boolean {
    if (this.position < this.current.length) return true
    const next = this.queue.shift()
    if (next === undefined) return false
    this.enter(next)
    return true
  }

  private takePreface(): boolean {
    while (this.prefaceRead < HTTP2_PREFACE.length) {
      if (!this.advance()) return false
      if (this.current[this.position] !== HTTP2_PREFACE.charCodeAt(this.prefaceRead)) {
        const detail = 'the client does not begin with the connection preface'
        throw new Http2DecodeError('invalid', this.prefaceRead, detail, 'PROTOCOL_ERROR', 'RFC 9113 section 3.4')
      }
      this.position++
      this.prefaceRead++
    }
    return true
  }

  /** Makes `length` bytes that follow each other, [start, end) of `bytes`; false while they are not all there. */
  private gather(length: number): boolean {
    while (this.carryLength + this.current.length - this.position < length || this.carryLength > 0) {
      const taken = Math.min(length - this.carryLength, this.current.length - this.position)
      this.keep(this.position, taken, length)
      this.position += taken
      if (this.carryLength === length) {
        this.bytes = this.carry
        this.start = 0
        this.end = length
        this.carryLength = 0
        return true
      }
      if (!this.advance()) return false
    }
    this.bytes = this.current
    this.start = this.position
    this.position += length
    this.end = this.position
    return true
  }

  private keep(from: number, length: number, wanted: number): void {
    const total = this.carryLength + length
    if (total > this.carry.length) {
      // Never more than twice of what has arrived: a length that is only announced takes no memory.
      const larger = new Uint8Array(Math.min(Math.max(64, 2 * total), Math.max(64, wanted)))
      larger.set(this.carry.subarray(0, this.carryLength))
      this.carry = larger
    }
    this.carry.set(this.current.subarray(from, from + length), this.carryLength)
    this.carryLength = total
  }

  private takePiece(): boolean {
    if (!this.advance()) return false
    this.bytes = this.current
    this.start = this.position
    this.end = Math.min(this.current.length, this.position + this.remaining)
    this.remaining -= this.end - this.start
    this.position = this.end
    return true
  }
}

/** A frame over our SETTINGS_MAX_FRAME_SIZE. */
function tooLarge(at: number, length: number, limit: number): Http2DecodeError {
  const detail = `a frame of ${String(length)} bytes, over the limit of ${String(limit)}`
  return new Http2DecodeError('oversized', at, detail, 'FRAME_SIZE_ERROR', 'RFC 9113 section 4.2')
}
