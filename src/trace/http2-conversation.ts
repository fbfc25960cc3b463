import { field } from '../wire/describe.ts'
import type { Layer } from '../wire/field.ts'
import { decodeFrameHeader, HTTP2_HEADER_LENGTH, HTTP2_PREFACE } from '../wire/http2-frame.ts'
import type { Http2FrameHeader } from '../wire/http2-frame.ts'
import { HTTP2_FRAME_CODE } from '../wire/http2-names.ts'
import { Http2LayerReader } from '../wire/http2-layer.ts'
import type { Side } from './tls-conversation.ts'

/** A frame of HTTP/2, or the connection preface, in the stream of application data of one end. */
export interface Http2Unit {
  /** Offsets in that stream: [start, end), header included. */
  readonly start: number
  readonly end: number
  /** What it says, with ranges from the frame's beginning. */
  readonly layer: Layer
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

  constructor(public expectsPreface: boolean) {}

  /** Takes in some of the bytes from `at` on; returns how many. */
  take(bytes: Uint8Array, at: number): number {
    const rest = bytes.length - at
    if (this.skip > 0) {
      const skipped = Math.min(rest, this.skip)
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

  /** @param client which end begins with the connection preface */
  constructor(client: Side) {
    this.halves = [new Http2Half(client === 0), new Http2Half(client === 1)]
  }

  units(side: Side): readonly Http2Unit[] {
    return this.halves[side].units
  }

  /** Takes in the next bytes of an end. */
  push(side: Side, bytes: Uint8Array): void {
    const half = this.halves[side]
    for (let at = 0; at < bytes.length;) at += half.take(bytes, at)
  }
}
