import { field } from '../wire/describe.ts'
import type { Field, Layer } from '../wire/field.ts'
import { decodeFrameHeader, HTTP2_HEADER_LENGTH, HTTP2_PREFACE } from '../wire/http2-frame.ts'
import type { Http2FrameHeader } from '../wire/http2-frame.ts'
import { HTTP2_FLAG, HTTP2_FRAME_CODE } from '../wire/http2-names.ts'
import { Http2LayerReader } from '../wire/http2-layer.ts'
import type { Side } from './tls-conversation.ts'
import { WebSocketConversation, type WebSocketUnit } from './websocket-conversation.ts'

/** A frame of HTTP/2, or the connection preface, in the stream of application data of one end. */
export interface Http2Unit {
  /** Offsets in that stream: [start, end), header included. */
  readonly start: number
  readonly end: number
  /** What it says, with ranges from the frame's beginning. */
  readonly layer: Layer
}

/** A frame of WebSocket that ends in the DATA of a stream (RFC 8441). */
interface CarriedFrame {
  /** Its last byte in the connection's stream of bytes. */
  readonly start: number
  readonly end: number
  /** The stream of HTTP/2. */
  readonly stream: number
  readonly frame: WebSocketUnit
}

/** Longest frame other than DATA that is looked into, in bytes of payload. */
const LONGEST = 1 << 16

/** What one end has sent. */
class Http2Half {
  readonly units: Http2Unit[] = []
  readonly reader = new Http2LayerReader()
  /** Where the frame begins that comes next, or is coming. */
  start = 0
  /** Bytes of it that are there. */
  pending = new Uint8Array(HTTP2_PREFACE.length)
  length = 0
  /** Of that frame, once it is known. */
  readonly header: Http2FrameHeader = { length: 0, type: 0, flags: 0, stream: 0 }
  hasHeader = false
  /** Bytes that are stepped over. */
  skip = 0

  /** @param onData told of the content of DATA, and of where it lies */
  constructor(
    public expectsPreface: boolean,
    private readonly onData: (stream: number, bytes: Uint8Array, at: number) => void,
    private readonly onFrame: (stream: number, layer: Layer) => void,
  ) {}

  /** Takes in some of the bytes from `at` on; returns how many. */
  take(bytes: Uint8Array, at: number): number {
    const rest = bytes.length - at
    if (this.skip > 0) {
      const skipped = Math.min(rest, this.skip)
      const { type, flags, stream } = this.header
      // Of padded content it is not known here where it ends.
      if (type === HTTP2_FRAME_CODE.DATA && (flags & HTTP2_FLAG.PADDED) === 0) {
        this.onData(stream, bytes.subarray(at, at + skipped), this.start - this.skip)
      }
      this.skip -= skipped
      return skipped
    }
    const wanted = this.wanted
    const taken = Math.min(rest, wanted - this.length)
    this.push(bytes.subarray(at, at + taken), wanted)
    if (this.length === wanted) this.arrived()
    return taken
  }

  private get wanted(): number {
    if (this.expectsPreface) return HTTP2_PREFACE.length
    return HTTP2_HEADER_LENGTH + (this.hasHeader ? this.header.length : 0)
  }

  private push(bytes: Uint8Array, wanted: number): void {
    if (wanted > this.pending.length) {
      const larger = new Uint8Array(wanted)
      larger.set(this.pending.subarray(0, this.length))
      this.pending = larger
    }
    this.pending.set(bytes, this.length)
    this.length += bytes.length
  }

  /** All that was waited for is there. */
  private arrived(): void {
    if (this.expectsPreface) {
      this.expectsPreface = false
      this.finish(HTTP2_PREFACE.length, this.reader.preface())
      return
    }
    const { header } = this
    if (!this.hasHeader) {
      decodeFrameHeader(this.pending, 0, header)
      const isStepped = header.type === HTTP2_FRAME_CODE.DATA || header.length > LONGEST
      if (!isStepped && header.length > 0) {
        this.hasHeader = true
        return
      }
      this.skip = header.length
    }
    const length = HTTP2_HEADER_LENGTH + header.length
    const isLong = this.skip > LONGEST && header.type !== HTTP2_FRAME_CODE.DATA
    this.finish(length, isLong ? longLayer(length) : this.reader.frame(this.pending.subarray(0, this.length)))
  }

  private finish(length: number, layer: Layer): void {
    this.units.push({ start: this.start, end: this.start + length, layer })
    if (this.header.type === HTTP2_FRAME_CODE.HEADERS) this.onFrame(this.header.stream, layer)
    this.start += length
    this.hasHeader = false
    this.length = 0
    if (this.pending.length > 4096) this.pending = new Uint8Array(HTTP2_PREFACE.length)
  }
}

/** Of a frame that is stepped over though it is not DATA. */
function longLayer(end: number): Layer {
  const problem = 'a frame longer than is looked into'
  const fields = [field('http2.length', 'Length', end - HTTP2_HEADER_LENGTH, 0, 3)]
  return { protocol: 'http2', title: 'HyperText Transfer Protocol 2', summary: 'long frame', start: 0, end, fields, problem }
}

/**
 * The frames of both ends of an HTTP/2 connection, cut as their bytes come. Fields are decompressed here and at once, for their tables
 * change with each block; DATA is stepped over.
 */
export class Http2Conversation {
  private readonly halves: readonly [Http2Half, Http2Half]
  /** By the number of their stream. */
  private readonly webSockets = new Map<number, WebSocketConversation>()
  private readonly carriedFrames: readonly [CarriedFrame[], CarriedFrame[]] = [[], []]

  /** @param client which end begins with the connection preface */
  constructor(client: Side) {
    const half = (side: Side): Http2Half =>
      new Http2Half(
        client === side,
        (stream, bytes, at) => {
          this.carry(side, stream, bytes, at)
        },
        (stream, layer) => {
          if (side === client && asksForWebSocket(layer.fields)) this.webSockets.set(stream, new WebSocketConversation([0, 0]))
        },
      )
    this.halves = [half(0), half(1)]
  }

  units(side: Side): readonly Http2Unit[] {
    return this.halves[side].units
  }

  /** Frames of WebSocket on streams of this connection, in the order of their ends. */
  carried(side: Side): readonly CarriedFrame[] {
    return this.carriedFrames[side]
  }

  /** Takes in the next bytes of an end. */
  push(side: Side, bytes: Uint8Array): void {
    const half = this.halves[side]
    for (let at = 0; at < bytes.length;) at += half.take(bytes, at)
  }

  private carry(side: Side, stream: number, bytes: Uint8Array, at: number): void {
    const conversation = this.webSockets.get(stream)
    if (conversation === undefined) return
    const known = conversation.units(side).length
    const before = conversation.taken(side)
    conversation.push(side, bytes)
    for (const frame of conversation.units(side).slice(known)) {
      const end = at + frame.end - before
      this.carriedFrames[side].push({ start: end - 1, end, stream, frame })
    }
  }
}

/** Whether a field section has `:protocol` websocket (RFC 8441 section 5). */
function asksForWebSocket(fields: readonly Field[]): boolean {
  const isName = fields.some(({ name, value }) => name === 'http2.header.name' && value === ':protocol')
  const isValue = fields.some(({ name, value }) => name === 'http2.header.value' && value === 'websocket')
  return (isName && isValue) || fields.some((inner) => asksForWebSocket(inner.fields ?? []))
}
