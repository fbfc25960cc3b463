import { decodeRequestLine, encodeLatin1, encodeStatusHead, Http1DecodeError } from '../../wire/http1.ts'
import type { HeaderField, RequestLine } from '../../wire/http1.ts'
import type { Endpoint, Nanos } from '../endpoint.ts'
import { faultOf, incomplete, LocalProtocolError } from './fault.ts'
import type { Http1Fault } from './fault.ts'
import { announcesClose, fieldValue, isBodiless, isFraming, listElements, requestFraming, speaksOfUpgrade } from './framing.ts'
import type { BodyFraming } from './framing.ts'
import { DEFAULT_LIMITS, MessageReader } from './message-reader.ts'
import type { Http1Limits } from './message-reader.ts'
import { MessageWriter } from './message-writer.ts'
import { reasonPhrase } from './reason-phrase.ts'
import { after, REQUESTER, RESPONDER } from './state.ts'
import type { RequesterInput, RequesterState, ResponderInput, ResponderState } from './state.ts'

export interface Http1Response {
  /** 200 to 599. */
  readonly status: number
  /** Absent: the phrase of RFC 9110. */
  readonly reason?: string
  /** How the body is framed, and Connection, are added and must not be given. */
  readonly fields: readonly HeaderField[]
  /**
   * Length of the body in bytes, `'chunked'` (to a client of HTTP/1.0: until the close), or `'until-close'`. To HEAD, and with 304,
   * it is what a GET would have had: no body is sent.
   */
  readonly body: BodyFraming
  /** Whether this is the last response of the connection. */
  readonly close?: boolean
}

export type Http1ServerEvent =
  | {
      readonly type: 'request'
      /** From 1, in the order of arrival. */
      readonly id: number
      readonly method: string
      readonly target: string
      readonly minorVersion: number
      readonly fields: readonly HeaderField[]
      readonly framing: BodyFraming
      /** Whether the client waits for `sendContinue`, or a final response, before it sends the body. */
      readonly expectsContinue: boolean
    }
  /** A part of its body: a view of bytes that were handled. */
  | { readonly type: 'data'; readonly id: number; readonly bytes: Uint8Array }
  /** The request is whole. */
  | { readonly type: 'end'; readonly id: number; readonly trailers: readonly HeaderField[] }
  /** No more requests will come. Those that are whole may still be answered while `unanswered` is above 0. */
  | {
      readonly type: 'closed'
      readonly error: Http1Fault | undefined
      /** The request that will not become whole, and must not be answered. */
      readonly broken: number | undefined
    }

export interface Http1ServerOptions {
  /**
   * What is spoken: with `'1.0'` nothing is chunked, nobody is told to go on, and a connection is kept only for a client that asks for it
   * (RFC 9112 appendix C.2.2). Default: `'1.1'`, which answers clients of 1.0 in their way.
   */
  readonly version?: '1.0' | '1.1'
  /** False: the connection ends with the first response. */
  readonly keepAlive?: boolean
  readonly limits?: Partial<Http1Limits>
  /** Bytes of a request's body over which it is refused with 413. */
  readonly bodyLimit?: number
}

interface Unanswered {
  readonly id: number
  readonly method: string
  readonly minorVersion: number
  /** Whether the client asks for the connection to end with this request. */
  readonly last: boolean
  /** Whether the client asks for another protocol on the connection. */
  readonly upgrades: boolean
  expectsContinue: boolean
}

const OWN_FIELDS = new Set(['connection', 'content-length', 'transfer-encoding'])

/**
 * The server's end of an HTTP/1.0 or 1.1 connection, over a stream of bytes. Requests are told as they arrive, pipelined ones too; `respond`
 * always answers the oldest that has no answer. What a client does wrong is answered here (400, 413, 414, 417, 431, 501, 505), after
 * the answers to what it had asked before. `state.ts` has the theory.
 */
export class Http1Server implements Endpoint<Uint8Array, Http1ServerEvent> {
  private requester: RequesterState = 'IDLE'
  private responder: ResponderState = 'IDLE'
  /** The y of HTTP/1.y. */
  private readonly minorVersion: 0 | 1
  private readonly keepAlive: boolean
  private readonly bodyLimit: number
  private readonly reader: MessageReader<RequestLine>
  private readonly writer = new MessageWriter()
  private readonly queue: Unanswered[] = []
  private events: Http1ServerEvent[] = []
  private lastId = 0
  /** The request that is being received. */
  private receiving: Unanswered | undefined
  private bodyBytes = 0
  /** Whether the response that is being sent is the last. */
  private isLast = false
  /** A fault whose answer waits for its turn. */
  private owed: Http1Fault | undefined
  /** Nothing is read until it is known in which protocol: a request for another one waits for its response. */
  private isHeld = false
  /** The client's half ended in the meantime. */
  private hasEnded = false

  constructor(options: Http1ServerOptions = {}) {
    this.minorVersion = options.version === '1.0' ? 0 : 1
    this.keepAlive = options.keepAlive ?? true
    this.bodyLimit = options.bodyLimit ?? Number.MAX_SAFE_INTEGER
    this.reader = new MessageReader('request', decodeRequestLine, { ...DEFAULT_LIMITS, ...options.limits })
  }

  /** How many requests wait for the end of their response. */
  get unanswered(): number {
    return this.queue.length
  }

  /** Whether no more requests will come and everything is answered: the connection should be closed once all is sent. */
  get finished(): boolean {
    const { requester } = this
    if (requester === 'IDLE' || requester === 'SEND-BODY' || requester === 'SWITCHED') return false
    return this.queue.length === 0 && this.owed === undefined
  }

  /** Tells the client that the body of the request which it announced is welcome. Throws LocalProtocolError when it does not wait for that. */
  sendContinue(): void {
    const first = this.queue.at(0)
    if (first?.expectsContinue !== true) throw new LocalProtocolError('no client waits for 100 (Continue) now')
    this.answer('informational')
    first.expectsContinue = false
    this.writer.interim(encodeStatusHead({ minorVersion: 1, status: 100, reason: 'Continue' }, []))
  }

  /**
   * Begins the response to the oldest request that has none. Throws LocalProtocolError when there is none, RangeError for fields that
   * cannot be sent.
   * @returns whether a body is wanted: then `sendBody` and `endBody` follow, else the response is whole
   */
  respond(response: Http1Response): boolean {
    const request = this.queue.at(0)
    if (request === undefined) throw new LocalProtocolError('there is no request to answer')
    const { status } = response
    if (status < 200 || status > 599) throw new LocalProtocolError(`${String(status)} is not the status of a final response`)
    const own = response.fields.find((field) => OWN_FIELDS.has(field.name.toLowerCase()))
    if (own !== undefined) throw new LocalProtocolError(`${own.name} is not for the caller to set`)
    if (!isFraming(response.body)) throw new LocalProtocolError(`${String(response.body)} is not the length of a body`)
    if (status === 204 && response.body !== 0) throw new LocalProtocolError('204 (No Content) has no body')

    const isOld = request.minorVersion === 0
    const framing = isOld && response.body === 'chunked' ? 'until-close' : response.body
    const bodiless = isBodiless(request.method, status)
    // Without the 100 that it waits for, a client may send the body or not: what comes next could not be told apart.
    const isUnread = request.expectsContinue && this.receiving === request
    this.isLast =
      response.close === true || !this.keepAlive || request.last || isUnread || (framing === 'until-close' && !bodiless)

    const fields = [...response.fields]
    if (framing === 'chunked') fields.push({ name: 'Transfer-Encoding', value: 'chunked' })
    else if (framing !== 'until-close' && status !== 204) fields.push({ name: 'Content-Length', value: String(framing) })
    const options = fields.some(({ name }) => name.toLowerCase() === 'upgrade') ? ['Upgrade'] : []
    if (this.isLast) options.push('close')
    else if (isOld) options.push('keep-alive')
    if (options.length > 0) fields.push({ name: 'Connection', value: options.join(', ') })
    const { minorVersion } = this
    const head = encodeStatusHead({ minorVersion, status, reason: response.reason ?? reasonPhrase(status) }, fields)
    this.answer('response')
    this.writer.head(head, bodiless ? 0 : framing)
    const hasBody = !bodiless && framing !== 0
    if (!hasBody) this.endBody()
    return hasBody
  }

  /** Whether the oldest request asks for another protocol, and `switchProtocols` may agree. */
  get canSwitchProtocols(): boolean {
    return this.isHeld && this.requester === 'IDLE' && this.queue.length === 1 && this.responder === 'SEND-RESPONSE'
  }

  /**
   * Agrees to go on with another protocol: 101 (RFC 9110 section 15.2.2). This endpoint is done once all is polled. Throws LocalProtocolError
   * when nobody asks for that, RangeError for fields that cannot be sent.
   * @param fields beside Upgrade and Connection, which are added
   * @returns what came behind the request: the first bytes of the other protocol
   */
  switchProtocols(protocol: string, fields: readonly HeaderField[]): Uint8Array {
    if (!this.canSwitchProtocols) throw new LocalProtocolError('no client asks for another protocol now')
    const own = [
      { name: 'Upgrade', value: protocol },
      { name: 'Connection', value: 'Upgrade' },
    ]
    const head = encodeStatusHead({ minorVersion: 1, status: 101, reason: reasonPhrase(101) }, [...own, ...fields])
    this.ask('switch')
    this.answer('switch')
    this.queue.length = 0
    this.writer.interim(head)
    return this.reader.takeRest()
  }

  /** A part of the current response's body, by reference. Throws LocalProtocolError. */
  sendBody(bytes: Uint8Array): void {
    this.answer('data')
    this.writer.data(bytes)
  }

  /** The end of the current response's body; trailers go out in chunked bodies only. Throws LocalProtocolError. */
  endBody(trailers: readonly HeaderField[] = []): void {
    if (this.responder !== 'SEND-BODY') throw new LocalProtocolError(`no response is being sent in the state ${this.responder}`)
    this.writer.end(trailers)
    this.queue.shift()
    if (this.isLast) {
      this.answer('last-end')
      this.retire()
    } else {
      this.answer(this.queue.length > 0 ? 'next' : 'end')
      this.release()
      this.answerFault()
    }
  }

  /** The request for another protocol was answered otherwise: HTTP goes on. */
  private release(): void {
    if (!this.isHeld || this.queue.length > 0) return
    this.isHeld = false
    this.read()
    if (this.hasEnded) this.handleEnd()
  }

  /** Takes bytes from the stream. They must not change any more. */
  handle(bytes: Uint8Array, _now?: Nanos): void {
    if (!this.isReceiving()) return
    this.reader.push(bytes)
    this.read()
  }

  /** The client has closed its half of the stream; it may still wait for responses. */
  handleEnd(_now?: Nanos): void {
    if (this.requester === 'MUST-CLOSE') this.ask('close')
    if (!this.isReceiving()) return
    if (this.isHeld) {
      this.hasEnded = true
      return
    }
    if (this.requester === 'IDLE' && this.reader.betweenMessages) {
      this.ask('close')
      this.close(undefined, undefined)
    } else {
      this.fail(incomplete('the client closed the connection in the middle of a request'))
    }
  }

  pollTransmit(): Uint8Array | undefined {
    return this.writer.poll()
  }

  /** There are no deadlines in HTTP/1.1. */
  pollTimeout(): undefined {
    return undefined
  }

  handleTimeout(): void {
    // Nothing can be due.
  }

  pollEvent(): Http1ServerEvent | undefined {
    return this.events.shift()
  }

  private isReceiving(): boolean {
    return this.requester === 'IDLE' || this.requester === 'SEND-BODY'
  }

  /** Feeds the requester's table with what we hear. Its inputs follow from the reader's order, so every one has its place. */
  private ask(input: RequesterInput): void {
    const next = after(REQUESTER, this.requester, input)
    if (next === undefined) throw new Error(`the requester cannot '${input}' in the state ${this.requester}`)
    this.requester = next
  }

  /** Feeds the responder's table with what we do. */
  private answer(input: ResponderInput): void {
    const next = after(RESPONDER, this.responder, input)
    if (next === undefined) throw new LocalProtocolError(`'${input}' is not possible in the state ${this.responder}`)
    this.responder = next
  }

  private read(): void {
    try {
      while (this.isReceiving() && !this.isHeld) {
        const finding = this.reader.next()
        if (finding === 'nothing') return
        if (finding === 'head') this.takeHead()
        else if (finding === 'data') this.takeData()
        else this.takeEnd()
      }
    } catch (error) {
      if (!(error instanceof Http1DecodeError)) throw error
      this.fail(faultOf(error))
    }
  }

  private takeHead(): void {
    const { fields, startLine } = this.reader
    if (startLine === undefined) throw new Error('a head without a start line')
    const { method, target } = startLine
    const framing = requestFraming(startLine, fields)
    // Who speaks 1.0 knows nothing of transfer codings (RFC 9112 section 6.1).
    if (this.minorVersion === 0 && framing === 'chunked')
      throw new Http1DecodeError('unsupported', 0, 'a transfer coding, to a server of HTTP/1.0', 501, 'RFC 9112 section 6.1')
    const minorVersion = Math.min(startLine.minorVersion, this.minorVersion)
    if (typeof framing === 'number') this.checkBody(framing)
    const expects = minorVersion > 0 ? listElements(fieldValue(fields, 'expect')) : []
    if (expects.some((expectation) => expectation !== '100-continue')) {
      throw new Http1DecodeError('unsupported', 0, 'an expectation that is not known here', 417, 'RFC 9110 section 10.1.1')
    }
    const expectsContinue = expects.length > 0 && framing !== 0
    const request: Unanswered = {
      id: ++this.lastId,
      method,
      minorVersion,
      last: announcesClose(minorVersion, fields),
      upgrades: speaksOfUpgrade(minorVersion, fields),
      expectsContinue,
    }
    this.ask('request')
    if (this.responder === 'IDLE') this.answer('request')
    this.queue.push(request)
    this.receiving = request
    this.bodyBytes = 0
    this.reader.begin(framing)
    const asSent = startLine.minorVersion
    this.events.push({ type: 'request', id: request.id, method, target, minorVersion: asSent, fields, framing, expectsContinue })
  }

  private checkBody(bytes: number): void {
    if (bytes <= this.bodyLimit) return
    throw new Http1DecodeError('oversized', 0, `a body of over ${String(this.bodyLimit)} bytes`, 413, 'RFC 9110 section 15.5.14')
  }

  private takeData(): void {
    const { receiving, reader } = this
    if (receiving === undefined) throw new Error('a body without a request')
    this.ask('data')
    receiving.expectsContinue = false
    this.bodyBytes += reader.data.length
    this.checkBody(this.bodyBytes)
    this.events.push({ type: 'data', id: receiving.id, bytes: reader.data })
  }

  private takeEnd(): void {
    const { receiving } = this
    if (receiving === undefined) throw new Error('the end of no request')
    this.receiving = undefined
    this.events.push({ type: 'end', id: receiving.id, trailers: this.reader.fields })
    if (!receiving.last) {
      this.ask('end')
      // A request that was answered before it was whole cannot be agreed to any more.
      this.isHeld = receiving.upgrades && this.queue.includes(receiving)
      return
    }
    this.ask('last-end')
    this.close(undefined, undefined)
  }

  /** The last response is sent: nothing that was asked behind it will be answered (RFC 9112 section 9.6). */
  private retire(): void {
    this.queue.length = 0
    this.owed = undefined
    if (!this.isReceiving()) return
    const broken = this.receiving?.id
    // In the middle of a request that was answered early, there is nothing to wait for either.
    if (this.requester === 'SEND-BODY') this.ask('last-end')
    else this.ask('retire')
    this.close(undefined, broken)
  }

  private fail(fault: Http1Fault): void {
    const { receiving } = this
    this.ask('fault')
    const isAnswered = receiving !== undefined && !this.queue.includes(receiving)
    const isBeingAnswered = receiving !== undefined && this.queue.at(0) === receiving && this.responder === 'SEND-BODY'
    // Half an answer cannot be taken back, and a second one to the same request would be taken for the next one's.
    if (!isAnswered && !isBeingAnswered) this.owed = fault
    else this.isLast = true
    if (receiving !== undefined && !isAnswered && !isBeingAnswered) this.queue.pop()
    this.close(fault, receiving?.id)
    this.answerFault()
  }

  /** Answers the fault that ended the requests, once everything before it is answered. */
  private answerFault(): void {
    const fault = this.owed
    if (fault === undefined || this.queue.length > 0) return
    this.owed = undefined
    const { status } = fault
    const body = encodeLatin1(`${String(status)} ${reasonPhrase(status)}: ${fault.detail} (${fault.cites})\n`)
    if (this.responder === 'IDLE') this.answer('request')
    const fields = [
      { name: 'Content-Type', value: 'text/plain' },
      { name: 'Content-Length', value: String(body.length) },
    ]
    fields.push({ name: 'Connection', value: 'close' })
    this.answer('response')
    const line = { minorVersion: this.minorVersion, status, reason: reasonPhrase(status) }
    this.writer.head(encodeStatusHead(line, fields), body.length)
    this.writer.data(body)
    this.writer.end([])
    this.answer('last-end')
  }

  private close(error: Http1Fault | undefined, broken: number | undefined): void {
    this.reader.discard()
    this.receiving = undefined
    this.events.push({ type: 'closed', error, broken })
  }
}
