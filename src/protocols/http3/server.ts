import { encodeGoawayFrame } from '../../wire/http3-frame.ts'
import type { Http3ErrorName } from '../../wire/http3-names.ts'
import type { Nanos } from '../endpoint.ts'
import type { FieldCollector } from '../http-field-section.ts'
import { fieldsForBody } from '../http-field-section.ts'
import type { HttpField, HttpPriority, HttpRequestHead, HttpResponse } from '../http-message.ts'
import { completePriority, DEFAULT_PRIORITY, parsePriority } from '../http-priority.ts'
import { LocalProtocolError } from '../local-protocol-error.ts'
import type { Http3ServerEvent } from './event.ts'
import { Violation, violation } from './fault.ts'
import { FIELD_SECTIONS } from './field-section.ts'
import type { Http3Options } from './options.ts'
import { Http3Reception } from './reception.ts'
import { Http3Stream } from './stream.ts'
import type { Http3Transport } from './transport.ts'

const SECOND: Nanos = 1e9

/** Priorities of so many streams that have not begun are kept; the oldest are forgotten. */
const EARLY_PRIORITIES = 100

/**
 * The server's end of an HTTP/3 connection, over QUIC's streams. Requests are told as they arrive, each answered on its own stream, in any
 * order. `connection.ts` has the theory.
 */
export class Http3Server extends Http3Reception<Http3ServerEvent> {
  private readonly earlyPriorities = new Map<number, HttpPriority>()
  private goodbye: 'none' | 'begun' | 'said' = 'none'
  private goodbyeAt: Nanos | undefined
  private readonly goodbyeDelay: Nanos
  /** First stream that we refuse. */
  private firstRefused = Infinity
  /** Largest push that the client has allowed, of which we make no use; -1: none. */
  private maxPushId = -1
  /** What the client's last GOAWAY said. */
  private lastPush = Infinity

  constructor(transport: Http3Transport, options: Http3Options = {}) {
    super(transport, true, options)
    this.goodbyeDelay = options.goodbyeDelay ?? SECOND
  }

  /** A 1xx response, 101 excepted. Throws LocalProtocolError, RangeError for fields that cannot be sent. */
  inform(id: number, status: number, fields: readonly HttpField[] = []): void {
    if (!Number.isInteger(status) || status < 100 || status > 199 || status === 101) {
      throw new LocalProtocolError(`${String(status)} is not the status of a response on the way`)
    }
    const stream = this.unanswered(id)
    const all = [{ name: ':status', value: String(status) }, ...FIELD_SECTIONS.toSend(fields)]
    if (stream === undefined) return
    this.sendFields(stream, all)
    this.flush()
  }

  /**
   * Begins the response to a request. Harmless when the client has given it up. Throws LocalProtocolError when it has a response already,
   * RangeError for what cannot be sent.
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
    const isTunnel = stream?.isTunnel === true && status < 300
    const length = status === 204 || isTunnel ? [] : fieldsForBody(response.fields, body, true)
    const fields = [{ name: ':status', value: String(status) }, ...FIELD_SECTIONS.toSend(response.fields), ...length]
    if (stream === undefined) return false
    const isBodiless = stream.method === 'HEAD' || status === 204 || status === 304 || body === 0
    this.sendHead(stream, fields, isBodiless ? 'none' : body)
    return !isBodiless
  }

  /** The priority that a stream's response has now, by the client's word or ours; the default for one that is closed. */
  priority(id: number): HttpPriority {
    return this.streams.get(id)?.priority ?? DEFAULT_PRIORITY
  }

  /** Gives a response another priority than the client asked for, what is absent staying. Harmless when the stream is closed. */
  reprioritise(id: number, priority: Partial<HttpPriority>): void {
    const stream = this.streams.get(id)
    if (stream) this.prioritise(stream, completePriority(priority, stream.priority))
  }

  /**
   * Says goodbye: takes no more requests after `goodbyeDelay`, answers those which it has, and is finished once the answers have arrived.
   * Two GOAWAY frames, so that no request on its way is lost (RFC 9114 section 5.2).
   */
  shutdown(): void {
    if (this.goodbye !== 'none' || this.finished) return
    this.goodbye = 'begun'
    this.goodbyeAt = this.now + this.goodbyeDelay
    this.sendControl('GOAWAY', encodeGoawayFrame(undefined))
  }

  /** When the second GOAWAY is due. */
  pollTimeout(): Nanos | undefined {
    return this.finished ? undefined : this.goodbyeAt
  }

  handleTimeout(now: Nanos): void {
    this.now = now
    if (this.finished || this.goodbyeAt === undefined || now < this.goodbyeAt) return
    this.goodbyeAt = undefined
    this.goodbye = 'said'
    this.firstRefused = this.lastStream + 4
    this.sendControl('GOAWAY', encodeGoawayFrame(this.firstRefused))
    this.finishWhenDone()
  }

  protected override get isLeaving(): boolean {
    return this.goodbye === 'said'
  }

  /** The stream to respond on; undefined: it was closed. */
  private unanswered(id: number): Http3Stream | undefined {
    const stream = this.streams.get(id)
    if (stream === undefined && !(id <= this.lastStream)) {
      throw new LocalProtocolError(`there is no request on stream ${String(id)}`)
    }
    if (stream?.isAnswered === true) throw new LocalProtocolError(`stream ${String(id)} has a response already`)
    return stream
  }

  private prioritise(stream: Http3Stream, priority: HttpPriority): void {
    stream.priority = priority
    this.transport.setPriority(stream.id, priority)
  }

  protected override begin(id: number): void {
    const stream = new Http3Stream(id, DEFAULT_PRIORITY)
    this.streams.set(id, stream)
    if (id >= this.firstRefused) this.abandon(stream, 'H3_REQUEST_REJECTED')
  }

  protected override takeHead(stream: Http3Stream, section: FieldCollector): void {
    const { id } = stream
    if (section.isTooLarge) {
      this.refuseLarge(stream)
      return
    }
    const read = FIELD_SECTIONS.readRequest(section.fields, this.announced.enableConnectProtocol)
    if ('malformed' in read) throw this.malformedBy(stream, read.malformed)
    const { head, contentLength } = read
    stream.method = head.method
    stream.isTold = true
    this.expectBody(stream, contentLength)
    const priority = this.priorityOf(id, head)
    if (priority !== undefined) this.prioritise(stream, priority)
    this.tell({ type: 'request', stream: id, ...head })
  }

  private priorityOf(id: number, head: HttpRequestHead): HttpPriority | undefined {
    // What was said in a frame is newer than the field (RFC 9218 section 7).
    const early = this.earlyPriorities.get(id)
    this.earlyPriorities.delete(id)
    if (early !== undefined) return early
    const said = head.fields.filter(({ name }) => name === 'priority').map(({ value }) => value)
    return said.length === 0 ? undefined : parsePriority(said.join(', '))
  }

  /** RFC 9114 section 4.2.2. The rest of the request is not wanted (section 4.1). */
  private refuseLarge(stream: Http3Stream): void {
    const { id } = stream
    const fields = [
      { name: ':status', value: '431' },
      { name: 'content-length', value: '0' },
    ]
    this.sendFields(stream, fields)
    this.transport.end(id)
    this.unacknowledged.add(id)
    stream.isSendingOver = true
    this.abandon(stream, 'H3_NO_ERROR')
  }

  protected override takeSettings(): void {
    // The reception has noted them.
  }

  /** A client's GOAWAY names the first push that it refuses, of which there are none. */
  protected override takeGoaway(id: number): void {
    if (id > this.lastPush) throw violation('H3_ID_ERROR', 'GOAWAY takes back what an earlier one said', '5.2')
    this.lastPush = id
    const error = {
      whose: 'remote',
      code: 'H3_NO_ERROR',
      detail: 'the client said goodbye',
      cites: 'RFC 9114 section 5.2',
    } as const
    this.tell({ type: 'goaway', firstRefused: Infinity, error })
  }

  /** RFC 9114 section 7.2.7. */
  protected override takeMaxPushId(id: number): void {
    if (id < this.maxPushId) throw violation('H3_ID_ERROR', 'MAX_PUSH_ID takes back what an earlier one said', '7.2.7')
    this.maxPushId = id
  }

  protected override takeCancelPush(id: number): void {
    throw violation('H3_ID_ERROR', `CANCEL_PUSH of ${String(id)}, which was not promised`, '7.2.3')
  }

  /** RFC 9218 section 7.2. */
  protected override takePriorityUpdate(element: number, isPush: boolean, value: string): void {
    const cites = 'RFC 9218 section 7.2'
    if (isPush || element % 4 !== 0) {
      const detail = `PRIORITY_UPDATE of ${isPush ? 'push' : 'stream'} ${String(element)}, which cannot be`
      throw new Violation(undefined, 'H3_ID_ERROR', detail, cites)
    }
    const priority = parsePriority(value)
    const stream = this.streams.get(element)
    if (stream !== undefined && stream.isTold) this.prioritise(stream, priority)
    else if (stream !== undefined || element > this.lastStream) this.keepEarly(element, priority)
  }

  private keepEarly(id: number, priority: HttpPriority): void {
    const { earlyPriorities } = this
    earlyPriorities.delete(id)
    earlyPriorities.set(id, priority)
    if (earlyPriorities.size <= EARLY_PRIORITIES) return
    const [oldest] = earlyPriorities.keys()
    earlyPriorities.delete(oldest)
  }

  protected override takeReset(stream: Http3Stream, code: Http3ErrorName): void {
    this.takeGivenUp(stream, code, 'reset', 'H3_REQUEST_CANCELLED')
  }

  protected override takeStop(stream: Http3Stream, code: Http3ErrorName): void {
    stream.isSendingOver = true
    this.takeGivenUp(stream, code, 'does not want the response on', 'H3_REQUEST_CANCELLED')
  }

  private takeGivenUp(stream: Http3Stream, code: Http3ErrorName, how: string, answer: Http3ErrorName): void {
    const { id, isTold } = stream
    if (this.resetMeter.exceeds(this.now)) throw violation('H3_EXCESSIVE_LOAD', 'too many requests were given up', '10.5')
    const detail = `the client ${how} stream ${String(id)}`
    const error = { whose: 'remote', code, detail, cites: 'RFC 9114 section 4.1.1' } as const
    if (isTold) this.tell({ type: 'reset', stream: id, error, isUnprocessed: false })
    this.earlyPriorities.delete(id)
    this.abandon(stream, answer)
  }

  protected override takeEarlyRejected(): void {
    // Told to clients only.
  }

  protected override takeStreamsAvailable(): void {
    // Requests are begun by clients.
  }
}
