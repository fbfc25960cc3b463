import { HpackEncoder } from '../../wire/hpack.ts'
import type { CompressedField } from '../../wire/indexing-choice.ts'
import { decodeFrameHeader, encodeFieldBlock, HTTP2_HEADER_LENGTH, writeFrameHeader } from '../../wire/http2-frame.ts'
import { HTTP2_FLAG, http2FrameType } from '../../wire/http2-names.ts'
import type { FrameNotice, Http2Scheduler } from './options.ts'
import type { Http2Stream } from './stream.ts'
import { joined } from '../../wire/joined.ts'

/** Bytes that one poll gives at most, as long as frames allow: what fits into one TLS record. */
const CHUNK = 0x4000
/** Room for content below which no other DATA frame is begun in a chunk, in bytes. */
const LEAST_CONTENT = 512

/** Frames that wait in their order. */
interface Waiting {
  readonly bytes: Uint8Array
  /** Whether the peer's frames brought it about. */
  readonly isAnswer: boolean
  /** The stream that it opens; 0: none. */
  readonly opens: number
}

/** What a frame is called in a notice. */
export function noticeType(type: number): FrameNotice['type'] {
  return http2FrameType(type) ?? `0x${type.toString(16).padStart(2, '0')}`
}

/**
 * What is to be sent. All frames but DATA and trailers go out in the order in which they were made, since field blocks have to; behind
 * them DATA, a frame at a time, each from the stream whose turn it is when it is polled, as far as windows allow.
 */
export class Output {
  readonly encoder = new HpackEncoder()
  /** The connection's send window, in bytes. */
  window = 0xffff
  /** The peer's SETTINGS_MAX_FRAME_SIZE. */
  maxFrameSize = 0x4000
  /** Bytes that wait because the peer's frames brought them about. */
  answerBytes = 0

  private readonly frames: Waiting[] = []
  /** Streams that have something to be sent. */
  private readonly sending: Http2Stream[] = []
  private turn = 0
  private sentBytes = 0

  /**
   * @param prefix goes out before the first frame
   * @param frameSize largest payload of DATA that we want, in bytes
   * @param ended is told when a stream's last frame goes out
   */
  constructor(
    private prefix: Uint8Array | undefined,
    private readonly scheduler: Http2Scheduler,
    private readonly frameSize: number,
    private readonly onFrame: ((frame: FrameNotice) => void) | undefined,
    private readonly ended: (stream: Http2Stream) => void,
  ) {}

  /** Frames that go out as they are. */
  push(bytes: Uint8Array, isAnswer: boolean, opens = 0): void {
    this.frames.push({ bytes, isAnswer, opens })
    if (isAnswer) this.answerBytes += bytes.length
  }

  /** A field block. @param promised 0: HEADERS; else the stream that a PUSH_PROMISE promises */
  fields(stream: number, fields: readonly CompressedField[], flags: number, promised: number, opens = 0): void {
    this.push(encodeFieldBlock(this.encoder.encode(fields), stream, flags, promised, this.maxFrameSize), false, opens)
  }

  /** A stream has something to be sent now, perhaps. */
  join(stream: Http2Stream): void {
    if (stream.isQueued || !stream.hasOutput) return
    stream.isQueued = true
    stream.turn = this.turn
    this.sending.push(stream)
  }

  /** Nothing more of a stream is to be sent. */
  leave(stream: Http2Stream): void {
    stream.stopSending()
    this.drop(stream)
  }

  /** Whether DATA waits that no window lets out. */
  get isBlocked(): boolean {
    return this.frames.length === 0 && this.sending.length > 0 && this.choose() === undefined
  }

  /** The streams whose opening frame has not been polled. */
  get unopened(): ReadonlySet<number> {
    return new Set(this.frames.flatMap(({ opens }) => (opens === 0 ? [] : [opens])))
  }

  /** Lets go of all bodies. */
  discardBodies(): void {
    for (const stream of [...this.sending]) this.leave(stream)
  }

  /** The next chunk, or undefined when there is nothing, or nothing that windows let out. */
  poll(): Uint8Array | undefined {
    const pieces: Uint8Array[] = []
    let length = 0
    if (this.prefix) {
      pieces.push(this.prefix)
      length = this.prefix.length
      this.sentBytes += length
      this.prefix = undefined
    }
    for (let first = this.frames.at(0); first; first = this.frames.at(0)) {
      const { bytes, isAnswer } = first
      if (length > 0 && length + bytes.length > CHUNK) break
      this.frames.shift()
      if (isAnswer) this.answerBytes -= bytes.length
      pieces.push(bytes)
      length += bytes.length
      this.tell(bytes)
    }
    if (this.frames.length === 0) this.pollBodies(pieces, length)
    return pieces.length === 0 ? undefined : joined(pieces)
  }

  private pollBodies(pieces: Uint8Array[], before: number): void {
    let used = before
    for (;;) {
      const room = (used === 0 ? Math.max(CHUNK, HTTP2_HEADER_LENGTH + this.frameSize) : CHUNK) - used - HTTP2_HEADER_LENGTH
      if (used > 0 && room < LEAST_CONTENT) return
      const stream = this.choose()
      if (stream === undefined) return
      stream.turn = ++this.turn
      used += stream.isAtEnd ? this.finish(stream, pieces) : this.data(stream, room, pieces)
    }
  }

  private data(stream: Http2Stream, room: number, pieces: Uint8Array[]): number {
    const most = Math.min(room, this.frameSize, this.maxFrameSize, this.window, stream.sendWindow)
    const header = new Uint8Array(HTTP2_HEADER_LENGTH)
    pieces.push(header)
    let length = 0
    // What was given in small parts goes out in one frame.
    while (length < most && stream.hasContent) {
      const content = stream.take(most - length)
      pieces.push(content)
      length += content.length
    }
    this.window -= length
    stream.sendWindow -= length
    const isLast = stream.isAtEnd && stream.endFields.length === 0
    writeFrameHeader(header, 0, length, 'DATA', isLast ? HTTP2_FLAG.END_STREAM : 0, stream.id)
    this.tell(header)
    if (isLast) this.end(stream)
    else if (!stream.hasOutput) this.drop(stream)
    return HTTP2_HEADER_LENGTH + length
  }

  /** What is left of a message behind its content: trailers, or the mere end. */
  private finish(stream: Http2Stream, pieces: Uint8Array[]): number {
    const fields = stream.endFields
    let bytes: Uint8Array = new Uint8Array(HTTP2_HEADER_LENGTH)
    if (fields.length === 0) writeFrameHeader(bytes, 0, 0, 'DATA', HTTP2_FLAG.END_STREAM, stream.id)
    else bytes = encodeFieldBlock(this.encoder.encode(fields), stream.id, HTTP2_FLAG.END_STREAM, 0, this.maxFrameSize)
    pieces.push(bytes)
    this.tell(bytes)
    this.end(stream)
    return bytes.length
  }

  private end(stream: Http2Stream): void {
    this.leave(stream)
    this.ended(stream)
  }

  private drop(stream: Http2Stream): void {
    if (!stream.isQueued) return
    stream.isQueued = false
    this.sending.splice(this.sending.indexOf(stream), 1)
  }

  /**
   * The stream whose turn it is among those that can send. RFC 9218 section 10: by urgency; among equals, what is not incremental goes
   * one after the other in the order of requests, what is incremental shares. Where both are there, the first of the former shares with the
   * latter.
   */
  private choose(): Http2Stream | undefined {
    const { scheduler, window } = this
    let best: Http2Stream | undefined
    /** The first stream of the most urgent that is not incremental. */
    let single: Http2Stream | undefined
    for (const stream of this.sending) {
      if (!stream.isAtEnd && (window <= 0 || stream.sendWindow <= 0)) continue
      if (scheduler === 'priority') {
        const { urgency, incremental } = stream.priority
        const leading = (best ?? single)?.priority.urgency ?? 8
        if (urgency > leading) continue
        if (urgency < leading) best = single = undefined
        if (!incremental) {
          if (single === undefined || stream.id < single.id) single = stream
          continue
        }
      }
      if (best === undefined || this.precedes(stream, best)) best = stream
    }
    if (single !== undefined && (best === undefined || this.precedes(single, best))) return single
    return best
  }

  private precedes(one: Http2Stream, other: Http2Stream): boolean {
    if (this.scheduler !== 'in-order' && one.turn !== other.turn) return one.turn < other.turn
    return one.id < other.id
  }

  /** Tells of frames as they go out: whole ones, or the header alone of one whose content follows. */
  private tell(bytes: Uint8Array): void {
    const { onFrame } = this
    if (onFrame === undefined) return
    const header = { length: 0, type: 0, flags: 0, stream: 0 }
    for (let at = 0; at < bytes.length; at += HTTP2_HEADER_LENGTH + header.length) {
      decodeFrameHeader(bytes, at, header)
      const { type, flags, stream, length } = header
      const from = this.sentBytes
      this.sentBytes += HTTP2_HEADER_LENGTH + length
      onFrame({ direction: 'sent', type: noticeType(type), flags, stream, length, from, to: this.sentBytes })
    }
  }
}
