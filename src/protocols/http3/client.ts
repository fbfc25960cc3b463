import { encodeGoawayFrame, encodePriorityUpdateFrame } from '../../wire/http3-frame.ts'
import type { Http3ErrorName } from '../../wire/http3-names.ts'
import type { Nanos } from '../endpoint.ts'
import type { FieldCollector } from '../http-field-section.ts'
import { fieldsForBody } from '../http-field-section.ts'
import type { HttpPriority, HttpRequest } from '../http-message.ts'
import { completePriority, DEFAULT_PRIORITY, formatPriority } from '../http-priority.ts'
import { LocalProtocolError } from '../local-protocol-error.ts'
import type { Http3ClientEvent } from './event.ts'
import { violation } from './fault.ts'
import type { Http3Fault } from './fault.ts'
import { FIELD_SECTIONS } from './field-section.ts'
import type { Http3Options, Http3Settings } from './options.ts'
import { Http3Reception } from './reception.ts'
import { checkAgainstRemembered } from './settings.ts'
import { Http3Stream } from './stream.ts'
import type { Http3Transport, Http3TransportEvent } from './transport.ts'

/** The client's end of an HTTP/3 connection, over QUIC's streams. `connection.ts` has the theory. */
export class Http3Client extends Http3Reception<Http3ClientEvent> {
  private hasSaidGoodbye = false
  /** First stream that the server refuses: what its last GOAWAY said. */
  private firstRefused = Infinity
  /** What 0-RTT requests rely on, once the server has accepted them. */
  private remembered: Http3Settings | undefined
  /** Whether `request` was possible when it was last told. */
  private couldRequest = false

  /** @param options.rememberedSettings allows requests as 0-RTT data, as far as the transport does */
  constructor(transport: Http3Transport, options: Http3Options = {}) {
    super(transport, false, options)
    this.remembered = options.rememberedSettings
    this.couldRequest = this.canRequest
  }

  /** Whether `request` may be called now: the server takes another stream, and neither end has said goodbye. */
  get canRequest(): boolean {
    return !this.finished && !this.isLeaving && this.transport.canOpenStream(true)
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
      throw new LocalProtocolError('the server does not speak extended CONNECT (RFC 9220 section 3)')
    }
    if (isTunnel && body !== 'unknown') throw new LocalProtocolError('CONNECT has no body of a known length')
    const complete = completePriority(priority, DEFAULT_PRIORITY)
    const said = formatPriority(complete)
    const more = fieldsForBody(request.fields, body, method === 'POST' || method === 'PUT')
    if (said !== '') more.push({ name: 'priority', value: said })
    const fields = FIELD_SECTIONS.requestToSend(request, more)
    const id = this.transport.openStream(true)
    const stream = new Http3Stream(id, complete)
    this.lastStream = Math.max(this.lastStream, id)
    this.streams.set(id, stream)
    stream.method = method
    stream.isTold = true
    this.transport.setPriority(id, complete)
    this.sendHead(stream, fields, body === 0 ? 'none' : body)
    this.couldRequest = this.canRequest
    return id
  }

  /**
   * Tells the server another priority of a request (PRIORITY_UPDATE, RFC 9218 section 7.2); what is absent stays as it was told last.
   * Harmless when the stream is closed.
   */
  reprioritise(id: number, priority: Partial<HttpPriority>): void {
    const stream = this.streams.get(id)
    if (stream === undefined) return
    stream.priority = completePriority(priority, stream.priority)
    this.transport.setPriority(id, stream.priority)
    this.sendControl('PRIORITY_UPDATE', encodePriorityUpdateFrame(id, formatPriority(stream.priority)))
  }

  /** No more requests; what is open goes on to its end, and then the connection is finished (GOAWAY). */
  shutdown(): void {
    if (this.hasSaidGoodbye || this.finished) return
    this.hasSaidGoodbye = true
    // A client's GOAWAY names a push, of which there are none.
    this.sendControl('GOAWAY', encodeGoawayFrame(0))
    this.finishWhenDone()
  }

  override handle(event: Http3TransportEvent, now: Nanos): void {
    super.handle(event, now)
    const can = this.canRequest
    if (can && !this.couldRequest) this.tell({ type: 'available' })
    this.couldRequest = can
  }

  protected override get isLeaving(): boolean {
    return this.hasSaidGoodbye || this.firstRefused < Infinity
  }

  /** A server cannot begin a request's stream: the reception has refused it before. */
  protected override begin(): void {
    throw violation('H3_STREAM_CREATION_ERROR', "the server has begun a client's stream", '6.1')
  }

  protected override takeHead(stream: Http3Stream, section: FieldCollector): void {
    const { id } = stream
    if (section.isTooLarge) throw this.tooLarge(stream)
    const head = FIELD_SECTIONS.readResponse(section.fields)
    if ('malformed' in head) throw this.malformedBy(stream, head.malformed)
    const { status, fields, contentLength } = head
    if (status < 200) {
      this.tell({ type: 'informational', stream: id, status, fields })
      return
    }
    // A CONNECT that was refused has an ordinary response (RFC 9110 section 9.3.6).
    if (stream.isTunnel && status >= 300) stream.method = ''
    // RFC 9110 section 6.4.1: to these there is no content, whatever Content-Length says.
    const isBodiless = stream.method === 'HEAD' || status === 204 || status === 304
    this.expectBody(stream, isBodiless ? 0 : contentLength)
    this.tell({ type: 'response', stream: id, status, fields })
  }

  protected override takeSettings(settings: Http3Settings): void {
    if (this.remembered !== undefined) checkAgainstRemembered(settings, this.remembered)
  }

  protected override takeGoaway(id: number): void {
    if (id % 4 !== 0) throw violation('H3_ID_ERROR', `GOAWAY names ${String(id)}, which is no request's stream`, '7.2.6')
    if (id > this.firstRefused) throw violation('H3_ID_ERROR', 'GOAWAY takes back what an earlier one said', '5.2')
    this.firstRefused = id
    const error: Http3Fault = {
      whose: 'remote',
      code: 'H3_NO_ERROR',
      detail: 'the server said goodbye',
      cites: 'RFC 9114 section 5.2',
    }
    this.tell({ type: 'goaway', firstRefused: id, error })
    for (const stream of [...this.streams.values()]) {
      if (stream.id < id) continue
      this.tell({ type: 'reset', stream: stream.id, error, isUnprocessed: true })
      this.abandon(stream, 'H3_REQUEST_CANCELLED')
    }
    this.finishWhenDone()
  }

  protected override takeMaxPushId(): void {
    // The reception has refused it before.
  }

  protected override takeCancelPush(id: number): void {
    throw violation('H3_ID_ERROR', `CANCEL_PUSH of ${String(id)}, where none was allowed by MAX_PUSH_ID`, '7.2.3')
  }

  protected override takePriorityUpdate(): void {
    // The reception has refused it before.
  }

  protected override takeReset(stream: Http3Stream, code: Http3ErrorName): void {
    const { id } = stream
    const error: Http3Fault = {
      whose: 'remote',
      code,
      detail: `the server reset stream ${String(id)}`,
      cites: 'RFC 9114 section 4.1.1',
    }
    this.tell({ type: 'reset', stream: id, error, isUnprocessed: code === 'H3_REQUEST_REJECTED' })
    if (stream.isSent) stream.isSendingOver = true
    this.abandon(stream, 'H3_REQUEST_CANCELLED')
  }

  /** The rest of a request is not wanted, which does not end the response (RFC 9114 section 4.1). */
  protected override takeStop(stream: Http3Stream): void {
    stream.isSendingOver = true
    stream.isSent = true
    this.closeIfDone(stream)
  }

  /** Requests that went out as 0-RTT data are gone, as if they had not been made (RFC 9001 section 4.6.2). */
  protected override takeEarlyRejected(): void {
    const lost = [...this.streams.keys()].sort((a, b) => a - b)
    for (const stream of this.streams.values()) stream.reader.discard()
    this.streams.clear()
    this.remembered = undefined
    this.beginAnew()
    const error: Http3Fault = {
      whose: 'remote',
      code: 'H3_REQUEST_REJECTED',
      detail: 'the server did not accept 0-RTT data',
      cites: 'RFC 9114 section 3.2',
    }
    for (const stream of lost) this.tell({ type: 'reset', stream, error, isUnprocessed: true })
    this.couldRequest = false
  }

  protected override takeStreamsAvailable(): void {
    // `handle` looks.
  }
}
