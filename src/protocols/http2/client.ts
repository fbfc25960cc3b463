import { encodePriorityUpdate } from '../../wire/http2-frame.ts'
import type { Http2ClientEvent } from './event.ts'
import { LocalProtocolError } from '../local-protocol-error.ts'
import { Violation } from './fault.ts'
import type { FieldCollector } from '../http-field-section.ts'
import { fieldsForBody } from '../http-field-section.ts'
import { FIELD_SECTIONS } from './field-section.ts'
import type { HttpPriority, HttpRequest } from '../http-message.ts'
import type { Http2Options } from './options.ts'
import { completePriority, DEFAULT_PRIORITY, formatPriority } from '../http-priority.ts'
import { Http2Reception } from './reception.ts'
import type { Http2Stream } from './stream.ts'

/** So many promises may wait for their responses at once. */
const PROMISE_LIMIT = 100

/** The client's end of an HTTP/2 connection, over a stream of bytes. `connection.ts` has the theory. */
export class Http2Client extends Http2Reception<Http2ClientEvent> {
  private hasSaidGoodbye = false

  constructor(options: Http2Options = {}) {
    super(false, options)
  }

  /** Whether `request` may be called now: the server takes another stream, and neither end has said goodbye. */
  get canRequest(): boolean {
    const { streams, remote } = this
    return !this.finished && !this.isLeaving && streams.activeOurs < remote.maxConcurrentStreams && streams.hasOwnNumber
  }

  /**
   * Begins a request. With a body, `sendBody` and `endBody`, or `sendSource`, follow; without one it is whole.
   * @param priority what the field Priority says; absent parts have their default
   * @returns its stream's number. Throws LocalProtocolError when no request can be made, RangeError for what cannot be sent.
   */
  request(request: HttpRequest, priority: Partial<HttpPriority> = {}): number {
    if (!this.canRequest) throw new LocalProtocolError('no request can be made now')
    const { method, protocol, body } = request
    const isTunnel = method === 'CONNECT'
    if (protocol !== undefined && !this.remote.enableConnectProtocol) {
      throw new LocalProtocolError('the server does not speak extended CONNECT (RFC 8441 section 3)')
    }
    if (isTunnel && body !== 'unknown') throw new LocalProtocolError('CONNECT has no body of a known length')
    const complete = completePriority(priority, DEFAULT_PRIORITY)
    const said = formatPriority(complete)
    const more = fieldsForBody(request.fields, body, method === 'POST' || method === 'PUT')
    if (said !== '') more.push({ name: 'priority', value: said })
    const fields = FIELD_SECTIONS.requestToSend(request, more)
    const stream = this.newStream(this.streams.takeOwnNumber(), true)
    stream.method = method
    stream.priority = complete
    stream.isTold = true
    this.sendHead(stream, fields, body === 0 ? 'none' : body, stream.id)
    return stream.id
  }

  /**
   * Tells the server another priority of a request or of a push (PRIORITY_UPDATE, RFC 9218 section 7.1); what is absent stays as it was
   * told last. Harmless when the stream is closed.
   */
  reprioritise(id: number, priority: Partial<HttpPriority>): void {
    const stream = this.streams.open.get(id)
    if (stream === undefined) return
    stream.priority = completePriority(priority, stream.priority)
    this.output.push(encodePriorityUpdate(id, formatPriority(stream.priority)), false)
  }

  /** No more requests; what is open goes on to its end, and then the connection is finished (GOAWAY). */
  shutdown(): void {
    if (this.hasSaidGoodbye || this.finished) return
    this.hasSaidGoodbye = true
    this.sendGoaway(this.streams.lastPeer, 'NO_ERROR', '')
    this.finishWhenDone()
  }

  protected override get isLeaving(): boolean {
    return this.hasSaidGoodbye || this.farewell !== undefined
  }

  /** A server cannot begin a stream but by a promise. */
  protected override begin(): undefined {
    return undefined
  }

  protected override takeHead(stream: Http2Stream, section: FieldCollector, endsStream: boolean): void {
    const { id } = stream
    const isPush = !stream.isOurs
    if (isPush && !stream.isCounted) {
      if (this.streams.activePeers >= this.announced.maxConcurrentStreams) throw tooMany(id)
      this.streams.activate(stream)
    }
    if (section.isTooLarge) throw this.tooLarge(stream)
    const head = FIELD_SECTIONS.readResponse(section.fields)
    if ('malformed' in head) throw this.malformedHead(stream, head.malformed)
    const { status, fields, contentLength } = head
    if (status < 200) {
      if (endsStream) {
        throw this.malformedHead(stream, { detail: 'a 1xx response that ends its stream', cites: 'RFC 9113 section 8.1' })
      }
      this.tell({ type: 'informational', stream: id, status, fields })
      return
    }
    // RFC 9110 section 6.4.1: to these there is no content, whatever Content-Length says.
    const isBodiless = stream.method === 'HEAD' || status === 204 || status === 304
    this.expectBody(stream, isBodiless ? 0 : contentLength, endsStream)
    this.tell({ type: 'response', stream: id, status, fields })
    if (endsStream) this.endReceived(stream, [])
  }

  protected override takePromise(parent: Http2Stream | undefined, promised: number, section: FieldCollector): void {
    const cites = 'RFC 9113 section 8.4'
    if (!this.local.enablePush) throw new Violation(0, 'PROTOCOL_ERROR', 'a push where none is taken', cites)
    const waiting = this.streams.open.size - this.streams.activeOurs - this.streams.activePeers
    const stream = this.newStream(promised, false)
    stream.state = 'reserved (remote)'
    if (!this.announced.enablePush || parent === undefined || this.hasSaidGoodbye) {
      this.cancel(promised)
      return
    }
    if (waiting >= PROMISE_LIMIT) throw tooMany(promised)
    if (section.isTooLarge) throw this.tooLarge(stream)
    const read = FIELD_SECTIONS.readRequest(section.fields, false)
    if ('malformed' in read) throw this.malformedHead(stream, read.malformed)
    const { head, contentLength = 0 } = read
    if ((head.method !== 'GET' && head.method !== 'HEAD') || contentLength > 0) {
      throw this.malformedHead(stream, { detail: 'a promised request that is not safe, or has content', cites })
    }
    stream.method = head.method
    stream.isTold = true
    this.tell({ type: 'pushed', stream: promised, parent: parent.id, ...head })
  }

  protected override takePriorityUpdate(): void {
    // The reception has refused it before.
  }

  protected override takePong(data: Uint8Array): void {
    this.tell({ type: 'pong', data })
  }
}

function tooMany(stream: number): Violation {
  return new Violation(stream, 'REFUSED_STREAM', 'more pushes at once than are taken', 'RFC 9113 section 5.1.2')
}
