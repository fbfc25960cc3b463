import { HTTP3_FRAME_CODE, http3FrameType } from '../../wire/http3-names.ts'
import { FieldCollector } from '../http-field-section.ts'
import type { Malformation } from '../http-field-section.ts'
import { RateMeter } from '../rate-meter.ts'
import { Http3Connection } from './connection.ts'
import { Violation, violation } from './fault.ts'
import { FIELD_SECTIONS } from './field-section.ts'
import type { Http3FrameReader } from './frame-reader.ts'
import type { Http3FrameNotice, Http3Options } from './options.ts'
import type { Http3Stream } from './stream.ts'
import type { Http3Transport } from './transport.ts'

/** Field sections larger than this are never kept, whatever was announced; in bytes. */
const LARGEST_SECTION = 2 ** 20

/** Types of frames that HTTP/2 has, and HTTP/3 must not (RFC 9114 section 7.2.8). */
const FORBIDDEN_TYPES = new Set([0x2, 0x6, 0x8, 0x9])

/** What a frame's type is called in a notice. */
function noticeType(code: number): Http3FrameNotice['type'] {
  return http3FrameType(code) ?? `0x${code.toString(16)}`
}

/** A frame where its type must not be. */
export function unexpected(code: number, where: string, section = '7'): Violation {
  return violation('H3_FRAME_UNEXPECTED', `${noticeType(code)} ${where}`, section)
}

/** How an end of a connection takes messages: the frames of requests' streams. */
export abstract class Http3MessageReception<Event extends { readonly type: string }> extends Http3Connection<Event> {
  private readonly emptyMeter: RateMeter

  protected constructor(transport: Http3Transport, isServer: boolean, options: Http3Options) {
    super(transport, isServer, options)
    this.emptyMeter = new RateMeter(this.limits.emptyFrames)
  }

  /** The first field section of the peer's message on a stream, or of one after a 1xx response. */
  protected abstract takeHead(stream: Http3Stream, section: FieldCollector): void
  /** What is told by an answer to something that was thrown while a stream was read. */
  protected abstract answer(error: unknown): void

  /** Takes what a request's stream has, as far as it is not blocked. */
  protected readStream(stream: Http3Stream): void {
    const { id, reader } = stream
    try {
      while (!this.finished && stream.blockedSection === undefined && this.streams.get(id) === stream) {
        if (!this.step(stream)) break
      }
    } catch (error) {
      this.answer(error)
    }
    const taken = reader.offset - stream.settled
    // Of a stream that was given up meanwhile, everything was given back.
    if (taken <= 0 || this.finished) return
    stream.settled = reader.offset
    this.transport.consume(id, taken)
  }

  /** The table has what a blocked field section needs. */
  protected resume(stream: Http3Stream): void {
    const section = stream.blockedSection
    if (section === undefined) return
    stream.blockedSection = undefined
    this.tell({ type: 'unblocked', stream: stream.id })
    try {
      this.takeSection(stream, section, 0, section.length)
    } catch (error) {
      this.answer(error)
    }
    this.readStream(stream)
  }

  /** Takes the next thing that the reader finds. @returns false when there is nothing */
  private step(stream: Http3Stream): boolean {
    const { reader } = stream
    switch (reader.next()) {
      case 'nothing':
        if (stream.hasFin) this.takeFin(stream)
        return false
      case 'head':
        this.takeFrameHead(stream)
        return true
      case 'frame':
        this.noticeReceived(stream.id, reader)
        this.takeSection(stream, reader.bytes, reader.start, reader.end)
        return true
      case 'data':
        this.deliver(stream)
        return true
      case 'end':
        this.noticeReceived(stream.id, reader)
        return true
    }
  }

  protected noticeReceived(stream: number, reader: Http3FrameReader): void {
    const { from, to, type, length } = reader
    this.onFrame?.({ direction: 'received', type: noticeType(type), stream, length, from, to })
  }

  private takeFrameHead(stream: Http3Stream): void {
    const { reader, expects } = stream
    const { type, length } = reader
    switch (type) {
      case HTTP3_FRAME_CODE.DATA:
        if (expects !== 'body') {
          throw unexpected(type, expects === 'head' ? 'before the header section' : 'behind the trailers', '4.1')
        }
        this.takeDataHead(stream, length)
        return
      case HTTP3_FRAME_CODE.HEADERS:
        if (expects === 'end') throw unexpected(type, 'behind the trailers', '4.1')
        if (expects === 'body' && stream.isTunnel) throw unexpected(type, 'in a tunnel', '4.4')
        if (length <= this.limits.fieldSection) return
        throw new Violation(
          stream.id,
          'H3_EXCESSIVE_LOAD',
          `a field section of ${String(length)} bytes`,
          'RFC 9114 section 10.5.1',
        )
      case HTTP3_FRAME_CODE.PUSH_PROMISE:
        if (this.isServer) throw unexpected(type, 'from a client', '7.2.5')
        throw violation('H3_ID_ERROR', 'a push, where none was allowed by MAX_PUSH_ID', '7.2.5')
      default:
        if (http3FrameType(type) !== undefined) throw unexpected(type, "on a request's stream")
        this.takeUnknownHead(reader)
    }
  }

  /** RFC 9114 sections 7.2.8 and 9. */
  protected takeUnknownHead(reader: Http3FrameReader): void {
    if (FORBIDDEN_TYPES.has(reader.type)) throw unexpected(reader.type, "is HTTP/2's alone", '7.2.8')
    this.countEmpty()
    reader.skip()
  }

  private countEmpty(): void {
    if (this.emptyMeter.exceeds(this.now)) throw violation('H3_EXCESSIVE_LOAD', 'too many frames that say nothing', '10.5')
  }

  private takeDataHead(stream: Http3Stream, length: number): void {
    if (length === 0) this.countEmpty()
    if (stream.promised === undefined) return
    if (length > stream.promised) {
      throw this.malformed(stream, 'the content is longer than Content-Length says', 'RFC 9114 section 4.1.2')
    }
    stream.promised -= length
  }

  private deliver(stream: Http3Stream): void {
    const { bytes, start, end } = stream.reader
    const length = end - start
    this.tell({ type: 'data', stream: stream.id, bytes: length === bytes.length ? bytes : bytes.subarray(start, end) })
    if (this.autoConsume) return
    stream.unconsumed += length
    stream.settled += length
  }

  /** A whole field section. */
  private takeSection(stream: Http3Stream, bytes: Uint8Array, start: number, end: number): void {
    const { id } = stream
    const section = new FieldCollector(Math.min(this.announced.maxFieldSectionSize, LARGEST_SECTION))
    const requiredInsertCount = this.decoder.decode(id, bytes, start, end, section)
    if (requiredInsertCount > 0) {
      stream.blockedSection = bytes.slice(start, end)
      this.tell({ type: 'blocked', stream: id, requiredInsertCount })
      return
    }
    if (stream.expects === 'head') {
      this.takeHead(stream, section)
      return
    }
    if (section.isTooLarge) throw this.tooLarge(stream)
    const trailers = FIELD_SECTIONS.readTrailers(section.fields)
    if ('malformed' in trailers) throw this.malformedBy(stream, trailers.malformed)
    stream.trailers = trailers.fields
    stream.expects = 'end'
  }

  /** The peer sends no more on a stream. */
  private takeFin(stream: Http3Stream): void {
    if (!stream.reader.isBetweenFrames) {
      throw violation('H3_FRAME_ERROR', 'a stream that ends in the middle of a frame', '7.1')
    }
    if (stream.expects === 'head') {
      const cites = 'RFC 9114 section 4.1'
      if (this.isServer) throw new Violation(stream.id, 'H3_REQUEST_INCOMPLETE', 'a stream that ends without a request', cites)
      throw this.malformed(stream, 'a stream that ends without a response', cites)
    }
    if (stream.promised !== undefined && stream.promised > 0) {
      throw this.malformed(stream, 'the content is shorter than Content-Length says', 'RFC 9114 section 4.1.2')
    }
    stream.isReceived = true
    this.tell({ type: 'end', stream: stream.id, trailers: stream.trailers })
    this.closeIfDone(stream)
  }

  /** Notes that a message's header section is whole. @param length of its content, in bytes; undefined: nothing says so */
  protected expectBody(stream: Http3Stream, length: number | undefined): void {
    stream.expects = 'body'
    // RFC 9110 section 8.6: in a tunnel, Content-Length says nothing.
    if (!stream.isTunnel) stream.promised = length
  }

  private malformed(stream: Http3Stream, detail: string, cites: string): Violation {
    return new Violation(stream.id, 'H3_MESSAGE_ERROR', detail, cites)
  }

  protected malformedBy(stream: Http3Stream, { detail, cites }: Malformation): Violation {
    return this.malformed(stream, detail, cites)
  }

  protected tooLarge(stream: Http3Stream): Violation {
    const detail = `a field section of over ${String(this.announced.maxFieldSectionSize)} bytes`
    return new Violation(stream.id, 'H3_EXCESSIVE_LOAD', detail, 'RFC 9114 section 4.2.2')
  }
}
