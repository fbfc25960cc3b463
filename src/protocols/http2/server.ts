import { encodePing, encodeResetStream } from '../../wire/http2-frame.ts'
import { HTTP2_FLAG } from '../../wire/http2-names.ts'
import type { Http2ServerEvent } from './event.ts'
import { LocalProtocolError } from '../local-protocol-error.ts'
import { Violation } from './fault.ts'
import type { FieldCollector } from '../http-field-section.ts'
import { fieldsForBody } from '../http-field-section.ts'
import { FIELD_SECTIONS } from './field-section.ts'
import type { HttpField, HttpPriority, HttpRequestHead, HttpResponse } from '../http-message.ts'
import type { Http2Options } from './options.ts'
import { completePriority, DEFAULT_PRIORITY, parsePriority } from '../http-priority.ts'
import { Http2Reception } from './reception.ts'
import type { Http2Stream } from './stream.ts'

/** Priorities of so many streams that have not begun are kept where more could be open at once; the oldest are forgotten. */
const EARLY_PRIORITIES = 1000
/** What the first GOAWAY of a graceful end says: no stream is left out yet (RFC 9113 section 6.8). */
const NO_LAST_STREAM = 2 ** 31 - 1
/** The PING behind it, whose acknowledgment tells that the client knows. */
const GOODBYE_PING = /* @__PURE__ */ Uint8Array.of(0x67, 0x6f, 0x6f, 0x64, 0x62, 0x79, 0x65, 0x21)

/**
 * The server's end of an HTTP/2 connection, over a stream of bytes. Requests are told as they arrive, each answered on its own stream, in
 * any order. `connection.ts` has the theory.
 */
export class Http2Server extends Http2Reception<Http2ServerEvent> {
  private readonly earlyPriorities = new Map<number, HttpPriority>()
  private goodbye: 'none' | 'begun' | 'said' = 'none'

  constructor(options: Http2Options = {}) {
    super(true, options)
  }

  /** A 1xx response, 101 excepted. Throws LocalProtocolError, RangeError for fields that cannot be sent. */
  inform(id: number, status: number, fields: readonly HttpField[] = []): void {
    if (!Number.isInteger(status) || status < 100 || status > 199 || status === 101) {
      throw new LocalProtocolError(`${String(status)} is not the status of a response on the way`)
    }
    const stream = this.unanswered(id)
    if (stream === undefined) return
    const all = [{ name: ':status', value: String(status) }, ...FIELD_SECTIONS.toSend(fields)]
    stream.sent('HEADERS')
    this.streams.activate(stream)
    this.output.fields(id, all, 0, 0)
  }

  /**
   * Begins the response to a request, or to a promised one. Harmless when the client has reset the stream. Throws LocalProtocolError when
   * the stream has a response already, RangeError for what cannot be sent.
   * @returns whether a body is wanted: then `sendBody` and `endBody`, or `sendSource`, follow; else the response is whole
   */
  respond(id: number, response: HttpResponse): boolean {
    const { status, body } = response
    if (!Number.isInteger(status) || status < 200 || status > 599) {
      throw new LocalProtocolError(`${String(status)} is not the status of a final response`)
    }
    if (status === 204 && body !== 0) throw new LocalProtocolError('204 (No Content) has no body')
    const stream = this.unanswered(id)
    // RFC 9110 section 8.6: there is no Content-Length where there can be no content, nor in a tunnel.
    const isTunnel = stream?.method === 'CONNECT' && status < 300
    const length = status === 204 || isTunnel ? [] : fieldsForBody(response.fields, body, true)
    const fields = [{ name: ':status', value: String(status) }, ...FIELD_SECTIONS.toSend(response.fields), ...length]
    if (stream === undefined) return false
    const isBodiless = stream.method === 'HEAD' || status === 204 || status === 304 || body === 0
    this.sendHead(stream, fields, isBodiless ? 'none' : body)
    return !isBodiless
  }

  /** Whether the client takes another push now. */
  get canPush(): boolean {
    const { streams, remote } = this
    if (this.finished || this.goodbye === 'said' || this.farewell !== undefined || !streams.hasOwnNumber) return false
    return remote.enablePush && this.ownStreams < remote.maxConcurrentStreams
  }

  /**
   * Promises the response to a GET or HEAD request that was not made, beside the response to `parent`; `respond` gives it. To be called
   * before the part of the parent's body that makes the client ask for it (RFC 9113 section 8.4.1). Throws LocalProtocolError when no push is
   * taken, or `parent` is no request; RangeError for what cannot be sent.
   * @returns its stream's number; 0 when the parent was closed in the meantime, and nothing is promised
   */
  push(parent: number, request: HttpRequestHead): number {
    const beside = this.streams.open.get(parent)
    if (!this.canPush || this.streams.isOurs(parent) || this.streams.isIdle(parent)) {
      throw new LocalProtocolError('no push can be made now')
    }
    if (beside === undefined) return 0
    if (request.method !== 'GET' && request.method !== 'HEAD') throw new LocalProtocolError(`${request.method} cannot be pushed`)
    const fields = FIELD_SECTIONS.requestToSend(request)
    beside.sent('PUSH_PROMISE')
    const stream = this.newStream(this.streams.takeOwnNumber(), true)
    stream.sent('PROMISE')
    stream.method = request.method
    stream.isTold = true
    this.output.fields(parent, fields, 0, stream.id, stream.id)
    return stream.id
  }

  /** The priority that a stream's response has now, by the client's word or ours; the default for one that is closed. */
  priority(stream: number): HttpPriority {
    return this.streams.open.get(stream)?.priority ?? DEFAULT_PRIORITY
  }

  /** Gives a response another priority than the client asked for, what is absent staying. Harmless when the stream is closed. */
  reprioritise(id: number, priority: Partial<HttpPriority>): void {
    const stream = this.streams.open.get(id)
    if (stream) stream.priority = completePriority(priority, stream.priority)
  }

  /**
   * Says goodbye: takes no more requests a round trip from now, answers those which it has, and is finished then. Two GOAWAY frames, so that
   * no request on its way is lost (RFC 9113 section 6.8).
   */
  shutdown(): void {
    if (this.goodbye !== 'none' || this.finished) return
    this.goodbye = 'begun'
    this.sendGoaway(NO_LAST_STREAM, 'NO_ERROR', '')
    this.output.push(encodePing(GOODBYE_PING, false), false)
  }

  protected override get isLeaving(): boolean {
    return this.goodbye === 'said'
  }

  private get ownStreams(): number {
    let count = 0
    for (const stream of this.streams.open.values()) if (stream.isOurs) count++
    return count
  }

  /** The stream to respond on; undefined: it was closed. */
  private unanswered(id: number): Http2Stream | undefined {
    const stream = this.streams.open.get(id)
    if (stream === undefined && this.streams.isIdle(id))
      throw new LocalProtocolError(`there is no request on stream ${String(id)}`)
    if (stream?.isAnswered === true) throw new LocalProtocolError(`stream ${String(id)} has a response already`)
    return stream
  }

  protected override begin(id: number): Http2Stream | undefined {
    if (id > this.lastTaken) {
      // RFC 9113 section 6.8: what comes behind our goodbye is ignored.
      this.streams.lastPeer = id
      this.streams.remember(id, 'reset-by-us')
      return undefined
    }
    const stream = this.newStream(id, false)
    stream.state = 'open'
    if (this.streams.activePeers >= this.announced.maxConcurrentStreams) {
      throw new Violation(id, 'REFUSED_STREAM', 'more streams at once than are taken', 'RFC 9113 section 5.1.2')
    }
    this.streams.activate(stream)
    return stream
  }

  protected override takeHead(stream: Http2Stream, section: FieldCollector, endsStream: boolean): void {
    const { id } = stream
    if (section.isTooLarge) {
      this.refuseLarge(stream, endsStream)
      return
    }
    const read = FIELD_SECTIONS.readRequest(section.fields, this.announced.enableConnectProtocol)
    if ('malformed' in read) throw this.malformedHead(stream, read.malformed)
    const { head, contentLength } = read
    this.expectBody(stream, contentLength, endsStream)
    stream.method = head.method
    stream.isTold = true
    stream.priority = this.priorityOf(id, head)
    this.tell({ type: 'request', stream: id, ...head })
    if (endsStream) this.endReceived(stream, [])
  }

  private priorityOf(id: number, head: HttpRequestHead): HttpPriority {
    const early = this.earlyPriorities.get(id)
    // Lower numbers cannot begin any more (RFC 9113 section 5.1.1).
    for (const known of this.earlyPriorities.keys()) if (known <= id) this.earlyPriorities.delete(known)
    // What was said in a frame is newer than the field (RFC 9218 section 7).
    if (early !== undefined) return early
    const said = head.fields.filter(({ name }) => name === 'priority').map(({ value }) => value)
    return said.length === 0 ? DEFAULT_PRIORITY : parsePriority(said.join(', '))
  }

  /** RFC 9113 section 10.5.1. */
  private refuseLarge(stream: Http2Stream, endsStream: boolean): void {
    const { id } = stream
    if (endsStream) this.receive(id, 'END_STREAM')
    const fields = [
      { name: ':status', value: '431' },
      { name: 'content-length', value: '0' },
    ]
    this.output.fields(id, fields, HTTP2_FLAG.END_STREAM, 0)
    if (!endsStream) this.output.push(encodeResetStream(id, 'NO_ERROR'), true)
    this.close(stream, endsStream ? 'finished' : 'reset-by-us')
    this.finishWhenDone()
  }

  protected override takePromise(): void {
    // The reception has refused it before.
  }

  /** RFC 9218 section 7.1. */
  protected override takePriorityUpdate(id: number, value: string): void {
    const { streams } = this
    const cites = 'RFC 9218 section 7.1'
    if (id === 0 || (streams.isOurs(id) && streams.isIdle(id))) {
      throw new Violation(0, 'PROTOCOL_ERROR', `PRIORITY_UPDATE of stream ${String(id)}, which cannot be`, cites)
    }
    const priority = parsePriority(value)
    const stream = streams.open.get(id)
    if (stream) stream.priority = priority
    else if (streams.isIdle(id)) this.keepEarly(id, priority)
  }

  private keepEarly(id: number, priority: HttpPriority): void {
    const { earlyPriorities } = this
    earlyPriorities.delete(id)
    earlyPriorities.set(id, priority)
    if (earlyPriorities.size + this.streams.activePeers > this.local.maxConcurrentStreams) {
      const detail = 'priorities of more streams than can be open at once'
      throw new Violation(0, 'PROTOCOL_ERROR', detail, 'RFC 9218 section 7.1')
    }
    if (earlyPriorities.size > EARLY_PRIORITIES) {
      const [oldest] = earlyPriorities.keys()
      earlyPriorities.delete(oldest)
    }
  }

  protected override takePong(data: Uint8Array): void {
    if (this.goodbye === 'begun' && data.every((octet, i) => octet === GOODBYE_PING[i])) {
      this.goodbye = 'said'
      this.sendGoaway(this.streams.lastPeer, 'NO_ERROR', '')
      this.finishWhenDone()
    } else {
      this.tell({ type: 'pong', data })
    }
  }
}
