import { decodeHeaders, decodePushPromise } from '../../wire/http2-frame.ts'
import { HTTP2_FLAG, HTTP2_FRAME_CODE } from '../../wire/http2-names.ts'
import type { Http2ErrorName } from '../../wire/http2-names.ts'
import type { HeaderField } from '../../wire/http1.ts'
import { Http2Connection } from './connection.ts'
import { Violation } from './fault.ts'
import { FieldBlock } from './field-block.ts'
import type { BlockPurpose } from './field-block.ts'
import { FieldCollector } from '../http-field-section.ts'
import { FIELD_SECTIONS } from './field-section.ts'
import type { Malformation } from '../http-field-section.ts'
import type { Http2Options } from './options.ts'
import { RateMeter } from '../rate-meter.ts'
import { RECEIVED, RECEIVED_CLOSED } from './stream-state.ts'
import type { Refusal, StreamInput } from './stream-state.ts'
import type { Http2Stream } from './stream.ts'

/** Field sections larger than this are never kept, whatever was announced; in bytes. */
const LARGEST_SECTION = 2 ** 20

const { ACK, END_STREAM, END_HEADERS } = HTTP2_FLAG

/** A rule of RFC 9113 that is broken for the whole connection. */
export function violation(code: Http2ErrorName, detail: string, section: string): Violation {
  return new Violation(0, code, detail, `RFC 9113 section ${section}`)
}

/** How an end of a connection takes messages: the states of their streams, DATA, and field blocks in whatever frames they come. */
export abstract class Http2MessageReception<Event extends { readonly type: string }> extends Http2Connection<Event> {
  protected hasSettings = false
  /** A field block that has begun, and whose end has not come. */
  protected block: FieldBlock | undefined
  /** The stream of the DATA frame that is coming in; undefined: nobody wants it. */
  private dataStream: Http2Stream | undefined
  private readonly emptyMeter: RateMeter

  protected constructor(isServer: boolean, options: Http2Options) {
    super(isServer, options)
    this.emptyMeter = new RateMeter(this.limits.emptyFrames)
  }

  /** HEADERS on a stream that is idle. @returns undefined when it is not begun, and nothing more is to be done */
  protected abstract begin(id: number): Http2Stream | undefined
  /** The first field section of the peer's message on a stream, or of one after a 1xx response. */
  protected abstract takeHead(stream: Http2Stream, section: FieldCollector, endsStream: boolean): void
  /** A promise on an open stream; undefined: on one that we have reset. */
  protected abstract takePromise(parent: Http2Stream | undefined, promised: number, section: FieldCollector): void

  /** What any frame has to obey, whatever its type. */
  protected checkOrder(): void {
    const { type, flags, stream } = this.reader.header
    if (!this.hasSettings && (type !== HTTP2_FRAME_CODE.SETTINGS || (flags & ACK) !== 0)) {
      throw violation('PROTOCOL_ERROR', 'the connection does not begin with SETTINGS', '3.4')
    }
    if (this.block === undefined) return
    if (type !== HTTP2_FRAME_CODE.CONTINUATION || stream !== this.block.purpose.stream) {
      throw violation('PROTOCOL_ERROR', 'another frame in the middle of a field block', '4.3')
    }
  }

  protected onStream(name: string, section: string): number {
    const { stream } = this.reader.header
    if (stream === 0) throw violation('PROTOCOL_ERROR', `${name} on no stream`, section)
    return stream
  }

  /**
   * Feeds the table of received frames.
   * @returns the stream when the frame takes effect on it; undefined: it is ignored, or was answered
   */
  protected receive(id: number, input: StreamInput): Http2Stream | undefined {
    const stream = this.streams.open.get(id)
    if (stream !== undefined && stream.state !== 'closed') {
      const next = RECEIVED[stream.state][input]
      if (typeof next !== 'string') {
        this.refuse(id, input, next)
        return undefined
      }
      stream.state = next
      return stream
    }
    if (!this.streams.isIdle(id)) {
      this.refuse(id, input, RECEIVED_CLOSED[this.streams.closing(id)][input])
      return undefined
    }
    const next = RECEIVED.idle[input]
    if (typeof next !== 'string') this.refuse(id, input, next)
    return undefined
  }

  private refuse(id: number, input: StreamInput, refusal: Refusal): void {
    if (refusal.scope === 'ignored') return
    const state = this.streams.open.get(id)?.state ?? (this.streams.isIdle(id) ? 'idle' : 'closed')
    const section = this.streams.isIdle(id) && input === 'HEADERS' ? '5.1.1' : '5.1'
    throw new Violation(
      refusal.scope === 'stream' ? id : 0,
      refusal.code,
      `${input} on stream ${String(id)}, which is ${state}`,
      `RFC 9113 section ${section}`,
    )
  }

  private malformed(stream: Http2Stream, detail: string, cites: string): Violation {
    return new Violation(stream.id, 'PROTOCOL_ERROR', detail, cites)
  }

  // DATA: RFC 9113 section 6.1.

  protected takeDataHead(): void {
    this.checkOrder()
    const { header, contentLength } = this.reader
    const { length, flags } = header
    this.dataStream = undefined
    const id = this.onStream('DATA', '6.1')
    if (length > this.receiveWindow) throw violation('FLOW_CONTROL_ERROR', 'DATA beyond the window of the connection', '6.9.1')
    this.receiveWindow -= length
    // Padding is used up at once, and so is everything that nobody will be told of.
    this.giveCredit(undefined, length - contentLength)
    if (length > this.local.maxFrameSize) {
      const detail = `a frame of ${String(length)} bytes, over the limit of ${String(this.local.maxFrameSize)}`
      if (this.streams.isIdle(id)) throw violation('FRAME_SIZE_ERROR', detail, '4.2')
      throw new Violation(id, 'FRAME_SIZE_ERROR', detail, 'RFC 9113 section 4.2')
    }
    const endsStream = (flags & END_STREAM) !== 0
    if (contentLength === 0 && !endsStream && this.emptyMeter.exceeds(this.now)) {
      throw violation('ENHANCE_YOUR_CALM', 'too many DATA frames with nothing in them', '10.5')
    }
    const stream = this.receive(id, 'DATA')
    if (stream === undefined) return
    if (stream.expects === 'head') throw this.malformed(stream, 'DATA before the header section', 'RFC 9113 section 8.1')
    if (length > stream.receiveWindow) {
      throw new Violation(id, 'FLOW_CONTROL_ERROR', 'DATA beyond the window of its stream', 'RFC 9113 section 6.9.1')
    }
    stream.receiveWindow -= length
    stream.credit += length - contentLength
    if (stream.promised !== undefined) {
      if (contentLength > stream.promised || (endsStream && contentLength < stream.promised)) {
        throw this.malformed(stream, 'the content has another length than Content-Length says', 'RFC 9113 section 8.1.1')
      }
      stream.promised -= contentLength
    }
    stream.isLastData = endsStream
    this.dataStream = stream
  }

  protected takeData(): void {
    const { bytes, start, end } = this.reader
    const { dataStream } = this
    if (dataStream === undefined || dataStream.state === 'closed') {
      this.giveCredit(undefined, end - start)
      return
    }
    this.deliver(dataStream, start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end))
  }

  protected takeDataEnd(): void {
    const { dataStream } = this
    this.dataStream = undefined
    if (dataStream?.isLastData !== true || dataStream.state === 'closed') return
    this.endReceived(dataStream, [])
  }

  /** The peer's message on a stream is whole. */
  protected endReceived(stream: Http2Stream, trailers: readonly HeaderField[]): void {
    this.tell({ type: 'end', stream: stream.id, trailers })
    if (this.receive(stream.id, 'END_STREAM')?.state !== 'closed') return
    this.close(stream, 'finished')
    this.finishWhenDone()
  }

  // Field blocks: HEADERS, PUSH_PROMISE and CONTINUATION, RFC 9113 sections 4.3, 6.2, 6.6 and 6.10.

  protected takeHeaders(): void {
    const { header, bytes, start, end } = this.reader
    const stream = this.onStream('HEADERS', '6.2')
    const { fragment, priority } = decodeHeaders(bytes, start, end, header.flags)
    const endsStream = (header.flags & END_STREAM) !== 0
    const dependsOn = priority?.dependsOn ?? -1
    this.beginBlock({ stream, endsStream, promised: 0, dependsOn }, fragment.start, fragment.end)
  }

  protected takePushPromise(): void {
    const { header, bytes, start, end } = this.reader
    const stream = this.onStream('PUSH_PROMISE', '6.6')
    if (this.isServer) throw violation('PROTOCOL_ERROR', 'a client sent PUSH_PROMISE', '8.4')
    const { promised, fragment } = decodePushPromise(bytes, start, end, header.flags)
    if (this.streams.isOurs(promised) || promised <= this.streams.lastPeer) {
      throw violation('PROTOCOL_ERROR', `a promise of stream ${String(promised)}, which is none that can be promised`, '6.6')
    }
    this.beginBlock({ stream, endsStream: false, promised, dependsOn: -1 }, fragment.start, fragment.end)
  }

  private beginBlock(purpose: BlockPurpose, start: number, end: number): void {
    const { header, bytes } = this.reader
    if ((header.flags & END_HEADERS) !== 0) {
      this.takeBlock(purpose, bytes, start, end)
      return
    }
    this.block = new FieldBlock(purpose, this.limits)
    this.takeFragment(this.block, start, end, false)
  }

  protected takeFragment(block: FieldBlock, start: number, end: number, isContinuation: boolean): void {
    const { header, bytes } = this.reader
    block.add(bytes, start, end, isContinuation)
    if (!isContinuation || (header.flags & END_HEADERS) === 0) return
    this.block = undefined
    this.takeBlock(block.purpose, block.bytes, 0, block.length)
  }

  /** A whole field block. It has to be decoded in any case, for the table's sake (RFC 9113 section 4.3). */
  private takeBlock(purpose: BlockPurpose, bytes: Uint8Array, start: number, end: number): void {
    const { stream: id, promised, dependsOn, endsStream } = purpose
    const section = new FieldCollector(Math.min(this.announced.maxHeaderListSize, LARGEST_SECTION))
    this.decoder.decode(bytes, start, end, section)
    if (promised !== 0) {
      const parent = this.receive(id, 'PUSH_PROMISE')
      this.takePromise(parent, promised, section)
      return
    }
    const isNew = !this.streams.open.has(id) && this.streams.isIdle(id)
    if (isNew && (this.streams.isOurs(id) || !this.isServer)) {
      throw violation('PROTOCOL_ERROR', `HEADERS on stream ${String(id)}, which nobody has begun`, '5.1.1')
    }
    const stream = isNew ? this.begin(id) : this.receive(id, 'HEADERS')
    if (stream === undefined) return
    if (dependsOn === id) throw this.malformed(stream, 'a stream that depends on itself', 'RFC 7540 section 5.3.1')
    if (stream.expects === 'head') this.takeHead(stream, section, endsStream)
    else this.takeTrailers(stream, section, endsStream)
  }

  private takeTrailers(stream: Http2Stream, section: FieldCollector, endsStream: boolean): void {
    if (!endsStream) throw this.malformed(stream, 'a second header section', 'RFC 9113 section 8.1')
    if (section.isTooLarge) throw this.tooLarge(stream)
    const trailers = FIELD_SECTIONS.readTrailers(section.fields)
    if ('malformed' in trailers) throw this.malformed(stream, trailers.malformed.detail, trailers.malformed.cites)
    if (stream.promised !== undefined && stream.promised > 0) {
      throw this.malformed(stream, 'the content is shorter than Content-Length says', 'RFC 9113 section 8.1.1')
    }
    this.endReceived(stream, trailers.fields)
  }

  protected tooLarge(stream: Http2Stream): Violation {
    const detail = `a field section of over ${String(this.announced.maxHeaderListSize)} bytes`
    return new Violation(stream.id, 'ENHANCE_YOUR_CALM', detail, 'RFC 9113 section 10.5.1')
  }

  protected malformedHead(stream: Http2Stream, { detail, cites }: Malformation): Violation {
    return this.malformed(stream, detail, cites)
  }

  /** Notes how long a message's content is. @param length undefined: nothing says so */
  protected expectBody(stream: Http2Stream, length: number | undefined, endsStream: boolean): void {
    stream.expects = 'trailers'
    stream.promised = length
    if (endsStream && length !== undefined && length > 0) {
      throw this.malformed(stream, 'no content, though Content-Length says otherwise', 'RFC 9113 section 8.1.1')
    }
  }
}
