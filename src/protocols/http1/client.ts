import { decodeStatusLine, encodeRequestHead, Http1DecodeError } from '../../wire/http1.ts'
import type { HeaderField, StatusLine } from '../../wire/http1.ts'
import type { Endpoint, Nanos } from '../endpoint.ts'
import { faultOf, incomplete, LocalProtocolError } from './fault.ts'
import type { Http1Fault } from './fault.ts'
import { announcesClose, isFraming, responseFraming } from './framing.ts'
import type { BodyFraming } from './framing.ts'
import { DEFAULT_LIMITS, MessageReader } from './message-reader.ts'
import type { Http1Limits } from './message-reader.ts'
import { MessageWriter } from './message-writer.ts'
import { after, REQUESTER, RESPONDER } from './state.ts'
import type { RequesterInput, RequesterState, ResponderInput, ResponderState } from './state.ts'

export interface Http1Request {
  readonly method: string
  /** As it goes on the request line: `'/index.html'`. */
  readonly target: string
  /** Host is required; how the body is framed, and Connection, are added and must not be given. */
  readonly fields: readonly HeaderField[]
  /** Length of the body in bytes, or `'chunked'`. */
  readonly body: number | 'chunked'
}

export type Http1ClientEvent =
  /** A 1xx response. */
  | { readonly type: 'informational'; readonly id: number; readonly status: number; readonly fields: readonly HeaderField[] }
  /** The head of the final response. */
  | {
      readonly type: 'response'
      readonly id: number
      readonly status: number
      readonly reason: string
      readonly minorVersion: number
      readonly fields: readonly HeaderField[]
      readonly framing: BodyFraming
    }
  /** A part of its body: a view of bytes that were handled. */
  | { readonly type: 'data'; readonly id: number; readonly bytes: Uint8Array }
  /** The response is whole. */
  | { readonly type: 'end'; readonly id: number; readonly trailers: readonly HeaderField[] }
  /** The server has agreed to an `upgrade`: 101. The connection speaks another protocol from here on, and this endpoint is done. */
  | {
      readonly type: 'upgraded'
      readonly id: number
      readonly fields: readonly HeaderField[]
      /** What came behind the response: the first bytes of the other protocol. */
      readonly rest: Uint8Array
    }
  /** No response will come any more. */
  | {
      readonly type: 'closed'
      /** Undefined when the connection ended as announced, or while nothing was owed. */
      readonly error: Http1Fault | undefined
      /** The request whose response was cut short. */
      readonly broken: number | undefined
      /** Requests that did not get a single byte of a response, in order. */
      readonly unanswered: readonly number[]
    }

export interface Http1ClientOptions {
  /**
   * With `'1.0'` nothing is chunked, and a connection is kept only if both ends say `Connection: keep-alive` (RFC 9112 appendix C.2.2).
   * Default: `'1.1'`.
   */
  readonly version?: '1.0' | '1.1'
  /** False: every request asks for the connection to be closed, so there can be but one. */
  readonly keepAlive?: boolean
  readonly limits?: Partial<Http1Limits>
}

/** A request to go on with another protocol on the connection (RFC 9110 section 7.8). */
interface Http1Upgrade {
  /** As it goes on the request line: `'/chat'`. */
  readonly target: string
  /** Host is required; Upgrade and Connection are added and must not be given. */
  readonly fields: readonly HeaderField[]
  /** `'websocket'`. */
  readonly protocol: string
}

interface Outstanding {
  readonly id: number
  readonly method: string
}

const OWN_FIELDS = new Set(['connection', 'content-length', 'transfer-encoding'])

/**
 * The client's end of an HTTP/1.0 or 1.1 connection, over a stream of bytes. Requests may be pipelined; responses come in their order.
 * CONNECT is not spoken. `state.ts` has the theory.
 */
export class Http1Client implements Endpoint<Uint8Array, Http1ClientEvent> {
  private requester: RequesterState = 'IDLE'
  private responder: ResponderState = 'IDLE'
  /** The y of HTTP/1.y. */
  private readonly minorVersion: 0 | 1
  private readonly keepAlive: boolean
  /** Whether more requests may follow, as far as either end has said. */
  private persistent = true
  /** The request that asks for another protocol, while it has no response; 0: there is none. */
  private upgrading = 0
  /** Whether the server has announced that the response which it is sending is its last. */
  private retired = false
  /** Whether something of the response to the oldest outstanding request has been told. */
  private touched = false
  private readonly reader: MessageReader<StatusLine>
  private readonly writer = new MessageWriter()
  private readonly outstanding: Outstanding[] = []
  private events: Http1ClientEvent[] = []
  private lastId = 0

  constructor(options: Http1ClientOptions = {}) {
    this.minorVersion = options.version === '1.0' ? 0 : 1
    this.keepAlive = options.keepAlive ?? true
    this.reader = new MessageReader('response', decodeStatusLine, { ...DEFAULT_LIMITS, ...options.limits })
  }

  /**
   * Whether `request` may be called now. False while a request's body is being sent, while a server may still agree to an upgrade, and for good
   * once the end was announced.
   */
  get canRequest(): boolean {
    return this.requester === 'IDLE' && this.persistent && this.upgrading === 0
  }

  /** How many requests wait for the end of their response. */
  get pending(): number {
    return this.outstanding.length
  }

  /** Whether something of the response to the oldest pending request has arrived. */
  get isAnswering(): boolean {
    return this.touched || !this.reader.betweenMessages
  }

  /** Whether everything was sent and received that this connection is for: it should be closed. */
  get finished(): boolean {
    return this.responder === 'MUST-CLOSE' || this.responder === 'CLOSED' || this.responder === 'ERROR'
  }

  /**
   * Begins a request. With a body, `sendBody` and `endBody` follow; without one it is whole.
   * @returns its number, from 1. Throws LocalProtocolError when no request can be made, RangeError for fields that cannot be sent.
   */
  request({ method, target, fields, body }: Http1Request): number {
    if (!this.canRequest) throw new LocalProtocolError(`no request can be made in the state ${this.requester}`)
    if (method === 'CONNECT') throw new LocalProtocolError('CONNECT is not spoken here')
    const names = fields.map((field) => field.name.toLowerCase())
    if (!names.includes('host')) throw new LocalProtocolError('a request needs the field Host (RFC 9110 section 7.2)')
    const own = names.find((name) => OWN_FIELDS.has(name) || name === 'upgrade')
    if (own !== undefined) throw new LocalProtocolError(`${own} is not for the caller to set`)
    if (!isFraming(body)) throw new LocalProtocolError(`${String(body)} is not the length of a body`)
    if (this.minorVersion === 0 && body === 'chunked') throw new LocalProtocolError('HTTP/1.0 has no chunks')
    return this.begin(method, target, [...fields], body, [])
  }

  /**
   * Asks to go on with another protocol, by a GET that is whole. Either `upgraded` follows, or a response like any other, and HTTP goes on.
   * @returns its number, from 1. Throws LocalProtocolError when no request can be made, RangeError for fields that cannot be sent.
   */
  upgrade({ target, fields, protocol }: Http1Upgrade): number {
    if (!this.canRequest) throw new LocalProtocolError(`no request can be made in the state ${this.requester}`)
    if (this.minorVersion === 0) throw new LocalProtocolError('HTTP/1.0 knows no other protocols (RFC 9110 section 7.8)')
    const names = fields.map((field) => field.name.toLowerCase())
    if (!names.includes('host')) throw new LocalProtocolError('a request needs the field Host (RFC 9110 section 7.2)')
    const own = names.find((name) => OWN_FIELDS.has(name) || name === 'upgrade')
    if (own !== undefined) throw new LocalProtocolError(`${own} is not for the caller to set`)
    const id = this.begin('GET', target, [...fields, { name: 'Upgrade', value: protocol }], 0, ['Upgrade'])
    this.upgrading = id
    return id
  }

  private begin(
    method: string,
    target: string,
    all: HeaderField[],
    body: number | 'chunked',
    connection: readonly string[],
  ): number {
    const { minorVersion } = this
    if (body === 'chunked') all.push({ name: 'Transfer-Encoding', value: 'chunked' })
    else if (body > 0 || method === 'POST' || method === 'PUT') all.push({ name: 'Content-Length', value: String(body) })
    // Each version says what it does not do of itself.
    const options =
      this.keepAlive === (minorVersion === 0) ? [...connection, this.keepAlive ? 'keep-alive' : 'close'] : connection
    if (options.length > 0) all.push({ name: 'Connection', value: options.join(', ') })
    const head = encodeRequestHead({ method, target, minorVersion }, all)
    this.writer.head(head, body)
    this.ask('request')
    if (this.outstanding.length === 0) this.hear('request')
    const id = ++this.lastId
    this.outstanding.push({ id, method })
    if (!this.keepAlive) this.persistent = false
    if (body === 0) this.endBody()
    return id
  }

  /** A part of the current request's body, by reference. Throws LocalProtocolError. */
  sendBody(bytes: Uint8Array): void {
    this.ask('data')
    this.writer.data(bytes)
  }

  /** The end of the current request's body. Throws LocalProtocolError. */
  endBody(trailers: readonly HeaderField[] = []): void {
    if (this.requester !== 'SEND-BODY') throw new LocalProtocolError(`no request is being sent in the state ${this.requester}`)
    this.writer.end(trailers)
    this.ask(this.persistent ? 'end' : 'last-end')
  }

  /** Takes bytes from the stream. They must not change any more. */
  handle(bytes: Uint8Array, _now?: Nanos): void {
    if (this.isOver()) return
    this.reader.push(bytes)
    this.read()
  }

  /** The server has closed its half of the stream. */
  handleEnd(_now?: Nanos): void {
    if (this.responder === 'MUST-CLOSE') this.hear('close')
    if (this.isOver()) return
    this.reader.end()
    this.read()
    // Reading may have found the end of a body that lasts until the close.
    if (this.isOver()) return
    if (this.outstanding.length === 0) {
      this.hear('close')
      this.retire()
      this.close(undefined)
      return
    }
    const { isAnswering } = this
    const when = isAnswering ? 'in the middle of a response' : 'before it had answered'
    this.fail(incomplete(`the server closed the connection ${when}`), isAnswering)
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

  pollEvent(): Http1ClientEvent | undefined {
    return this.events.shift()
  }

  /** Whether nothing is to be read any more; to be asked anew, for what is read may change it. */
  private isOver(): boolean {
    return this.finished || this.responder === 'SWITCHED'
  }

  /** Feeds the requester's table with what we do. */
  private ask(input: RequesterInput): void {
    const next = after(REQUESTER, this.requester, input)
    if (next === undefined) throw new LocalProtocolError(`'${input}' is not possible in the state ${this.requester}`)
    this.requester = next
  }

  /** Feeds the responder's table. The reader asks for a response only while one is owed, so every input here has its place. */
  private hear(input: ResponderInput): void {
    const next = after(RESPONDER, this.responder, input)
    if (next === undefined) throw new Error(`the responder cannot '${input}' in the state ${this.responder}`)
    this.responder = next
  }

  private read(): void {
    try {
      while (!this.isOver()) {
        if (this.outstanding.length === 0) {
          if (this.reader.hasInput) this.fail(UNSOLICITED, false)
          return
        }
        const finding = this.reader.next()
        if (finding === 'nothing') return
        if (finding === 'head') this.takeHead()
        else if (finding === 'data') this.takeData()
        else this.takeEnd()
      }
    } catch (error) {
      if (!(error instanceof Http1DecodeError)) throw error
      this.fail(faultOf(error), true)
    }
  }

  private takeHead(): void {
    const { reader } = this
    const { id, method } = this.outstanding[0]
    const { fields } = reader
    const line = reader.startLine
    if (line === undefined) throw new Error('a head without a start line')
    const { status, reason, minorVersion } = line
    if (status === 101 && id === this.upgrading) {
      this.ask('switch')
      this.hear('switch')
      this.outstanding.length = 0
      this.events.push({ type: 'upgraded', id, fields, rest: reader.takeRest() })
      return
    }
    if (status === 101)
      throw new Http1DecodeError('invalid', 0, 'a switch of protocols that was not asked for', 400, 'RFC 9110 section 15.2.2')
    this.touched = true
    if (status >= 100 && status < 200) {
      this.hear('informational')
      this.events.push({ type: 'informational', id, status, fields })
      reader.skip()
      return
    }
    const framing = responseFraming(method, line, fields)
    this.hear('response')
    if (id === this.upgrading) this.upgrading = 0
    reader.begin(framing)
    if (framing === 'until-close' || announcesClose(minorVersion, fields)) this.retire()
    this.events.push({ type: 'response', id, status, reason, minorVersion, fields, framing })
  }

  private takeData(): void {
    this.hear('data')
    this.events.push({ type: 'data', id: this.outstanding[0].id, bytes: this.reader.data })
  }

  private takeEnd(): void {
    const ended = this.outstanding.shift()
    if (ended === undefined) throw new Error('the end of a response that nobody waits for')
    this.events.push({ type: 'end', id: ended.id, trailers: this.reader.fields })
    this.touched = false
    // A response that announces the close is the last one; so is the response to a request that asked for it.
    const isLast = this.retired || (!this.persistent && this.outstanding.length === 0)
    if (!isLast) {
      this.hear(this.outstanding.length > 0 ? 'next' : 'end')
      return
    }
    this.hear('last-end')
    this.close(undefined)
  }

  private retire(): void {
    this.retired = true
    this.persistent = false
    if (this.requester === 'IDLE') this.ask('retire')
  }

  /** @param isAnswering whether the oldest outstanding request has had bytes of its response */
  private fail(fault: Http1Fault, isAnswering: boolean): void {
    this.ask('fault')
    this.hear('fault')
    this.persistent = false
    const broken = isAnswering ? this.outstanding.shift()?.id : undefined
    this.close(fault, broken)
  }

  private close(error: Http1Fault | undefined, broken?: number): void {
    this.reader.discard()
    this.writer.discard()
    const unanswered = this.outstanding.map(({ id }) => id)
    this.outstanding.length = 0
    this.events.push({ type: 'closed', error, broken, unanswered })
  }
}

const UNSOLICITED: Http1Fault = {
  whose: 'remote',
  code: 'unsolicited',
  status: 400,
  detail: 'the server sent something while no request was waiting',
  cites: 'RFC 9112 section 9.2',
}
