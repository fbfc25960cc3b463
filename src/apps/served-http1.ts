import { Http1Server } from '../protocols/http1/server.ts'
import type { Http1ServerEvent } from '../protocols/http1/server.ts'
import { SocketError } from '../host/socket.ts'
import type { AppContext, Blocking, Task } from '../host/socket.ts'
import type { EventData } from '../kernel/machine.ts'
import { SECOND } from '../kernel/time.ts'
import type { Nanos } from '../kernel/time.ts'
import { formatIp } from '../wire/address.ts'
import type { HeaderField } from '../wire/http1.ts'
import type { ByteStream } from './byte-stream.ts'
import { Digest } from './digest.ts'
import { isStream, KEPT_BODY, pieceOf } from './http-service.ts'
import type { BodyStream, HttpService, ServedAs, SiteAnswer, SiteRequest } from './http-service.ts'

/** How many requests of one connection may wait for their answer; behind that it is not read. */
const PIPELINE_LIMIT = 32
/** How long a connection is read after the last response, so that what still comes in does not reset it (RFC 9112 section 9.6). */
const LINGER: Nanos = 2 * SECOND

/** A request on its way through the server. */
interface Exchange {
  /** From 1, within its connection. */
  readonly id: number
  readonly method: string
  readonly target: string
  readonly fields: readonly HeaderField[]
  /** Whether the client waits to be told to send the body. */
  expectsContinue: boolean
  bytes: number
  readonly body: Uint8Array[]
  readonly digest: Digest | undefined
  /** Whether all of it was early data. */
  isEarly: boolean
  /** When it was whole. */
  receivedAt: Nanos
  /** When the server has thought about it. */
  readyAt: Nanos
}

/**
 * One connection under HTTP/1.0 or 1.1: a task that reads, and while something is to be said, one that writes. Pipelined requests are thought about at
 * once and answered in their order.
 */
export class ServedHttp1 {
  private readonly http: Http1Server
  /** The request whose body is coming in. */
  private receiving: Exchange | undefined
  /** Requests that are whole, in order. */
  private readonly queue: Exchange[] = []
  private responder: Task | undefined
  private hasOutput = false
  /** Everything is said, and only the client's end is waited for. */
  private lingerer: Task | undefined
  /** Whether the client has finished sending. */
  private hasEnded = false
  /** Whether it is over, by failure or by our own hand: what sockets throw from now on is no news. */
  private isOver = false
  /** How many bytes were read. */
  private consumed = 0

  constructor(
    private readonly context: AppContext,
    private readonly service: HttpService,
    private readonly stream: ByteStream,
    private readonly as: ServedAs,
    version: '1.0' | '1.1',
  ) {
    this.http = new Http1Server({ keepAlive: service.keepAlive, version })
  }

  *run(): Blocking<void> {
    try {
      this.stream.setNoDelay(true)
      const { first } = this.as
      if (first !== undefined) yield* this.receive(first)
      while (!this.hasEnded) yield* this.receive(yield* this.stream.read())
    } catch (error) {
      this.fail(error)
    } finally {
      this.responder?.cancel()
      this.lingerer?.cancel()
      this.stream.close()
    }
  }

  /** @param bytes undefined: the client's end */
  private *receive(bytes: Uint8Array | undefined): Blocking<void> {
    const { http, context } = this
    const { now } = context.environment
    this.consumed += bytes?.length ?? 0
    if (bytes === undefined) http.handleEnd(now)
    else http.handle(bytes, now)
    this.takeEvents()
    if (this.receiving?.expectsContinue === true && bytes !== undefined) yield* this.welcome(this.receiving)
    if (bytes === undefined) {
      yield* this.finish()
      return
    }
    if (this.queue.length > 0 || this.hasOutput || http.finished) this.startResponding()
    if (this.queue.length >= PIPELINE_LIMIT) yield* this.untilAnswered()
  }

  private startResponding(): void {
    if (this.responder?.done === false) return
    this.responder = this.context.spawn(this.respond())
  }

  private *untilAnswered(): Blocking<void> {
    if (this.responder) yield* this.responder.join()
  }

  /** The client has said all that it wants to say: answers what is left. */
  private *finish(): Blocking<void> {
    this.hasEnded = true
    if (this.queue.length > 0 || this.hasOutput) this.startResponding()
    yield* this.untilAnswered()
  }

  private readonly record = (name: string, data: EventData): void => {
    this.context.environment.record(name, this.stream.connection, data)
  }

  /** Records, once, that the connection is lost. Anything but a socket's error is a fault of this program. */
  private fail(error: unknown): void {
    if (!(error instanceof SocketError)) throw error
    if (this.isOver) return
    this.isOver = true
    this.record('http:connection-failed', { error: error.code, detail: error.message })
  }

  private takeEvents(): void {
    const { http } = this
    for (let event = http.pollEvent(); event; event = http.pollEvent()) this.takeEvent(event)
  }

  private takeEvent(event: Http1ServerEvent): void {
    const { receiving } = this
    switch (event.type) {
      case 'request': {
        const { id, method, target, fields, expectsContinue } = event
        const digest = this.service.digests ? new Digest() : undefined
        const fresh = { bytes: 0, body: [], digest, isEarly: false, receivedAt: 0, readyAt: 0 }
        this.receiving = { id, method, target, fields, expectsContinue, ...fresh }
        return
      }
      case 'data':
        if (receiving === undefined) return
        receiving.bytes += event.bytes.length
        receiving.digest?.update(event.bytes)
        if (this.service.keepsBodies && receiving.bytes <= KEPT_BODY) receiving.body.push(event.bytes)
        return
      case 'end':
        if (receiving !== undefined) this.enqueue(receiving)
        this.receiving = undefined
        return
      case 'closed':
        this.receiving = undefined
        if (event.error === undefined) return
        // The endpoint has answered by itself, or will.
        this.hasOutput = true
        this.record('http:request-refused', {
          status: event.error.status,
          error: event.error.code,
          whose: event.error.whose,
          detail: event.error.detail,
          cites: event.error.cites,
        })
    }
  }

  private enqueue(exchange: Exchange): void {
    const { now } = this.context.environment
    const { id, method, target, bytes, digest } = exchange
    exchange.receivedAt = now
    exchange.readyAt = now + this.service.delayOf(target)
    exchange.isEarly = this.consumed <= (this.stream.earlyBytes ?? 0)
    this.queue.push(exchange)
    const early = exchange.isEarly ? { early: true } : {}
    this.record('http:request-received', { id, method, target, bytes, ...early, ...(digest && { digest: digest.value }) })
  }

  /** Asks for the body of a request whose client waits for that, when everything before it is answered. */
  private *welcome(exchange: Exchange): Blocking<void> {
    exchange.expectsContinue = false
    if (this.queue.length > 0) this.startResponding()
    yield* this.untilAnswered()
    if (this.isOver || this.http.finished) return
    this.http.sendContinue()
    this.hasOutput = true
  }

  /** Answers what there is to answer, then ends; ends the connection, too, when that is over. */
  private *respond(): Blocking<void> {
    const { queue, http } = this
    try {
      for (;;) {
        const exchange = http.unanswered > 0 ? queue.shift() : undefined
        if (exchange) yield* this.answer(exchange)
        else if (this.hasOutput) yield* this.flush()
        else break
      }
      if (!http.finished || this.hasEnded) return
      queue.length = 0
      this.stream.shutdown()
      this.lingerer = this.context.spawn(this.linger())
    } catch (error) {
      this.fail(error)
    }
  }

  /** Waits for the client's end, which ends this task too, but not for ever. */
  private *linger(): Blocking<void> {
    yield* this.context.sleep(LINGER)
    this.isOver = true
    this.stream.close()
  }

  private *flush(): Blocking<void> {
    this.hasOutput = false
    for (let piece = this.http.pollTransmit(); piece; piece = this.http.pollTransmit()) yield* this.stream.write(piece)
  }

  private *answer(exchange: Exchange): Blocking<void> {
    const { stream, context, service } = this
    yield* context.processRequest()
    const thinking = exchange.readyAt - context.environment.now
    if (thinking > 0) yield* context.sleep(thinking)
    const answer = yield* service.answer(this.requestOf(exchange), this.record)
    const digest = service.digests ? new Digest() : undefined
    const sent = yield* this.send(answer, digest)
    yield* this.flush()
    stream.setNoDelay(true)
    const duration = context.environment.now - exchange.receivedAt
    const sum = digest === undefined ? {} : { digest: digest.value }
    this.record('http:response-sent', { id: exchange.id, status: answer.status, bytes: sent, duration, ...sum })
  }

  private requestOf({ method, target, bytes, body, fields, isEarly, digest }: Exchange): SiteRequest {
    const authority = fields.find(({ name }) => name === 'host')?.value ?? ''
    const client = formatIp(this.stream.remote.address)
    const server = formatIp(this.stream.local.address)
    const { isSecure } = this.as
    return { method, target, authority, bytes, body, fields, isEarly, isSecure, client, server, digest: digest?.value }
  }

  /** @returns how many bytes of body were sent */
  private *send({ status, fields, content, isChunked }: SiteAnswer, digest: Digest | undefined): Blocking<number> {
    const { http, stream } = this
    const length = isChunked ? undefined : (content?.length ?? (content === undefined ? 0 : undefined))
    if (!http.respond({ status, fields, body: length ?? 'chunked' })) {
      if (isStream(content)) content.cancel()
      return 0
    }
    // With Nagle's algorithm on, no short segment goes out in the middle of a body.
    stream.setNoDelay(false)
    const all = content?.length ?? 0
    let sent = 0
    let piece = isStream(content) ? yield* this.next(content) : pieceOf(content, 0)
    while (piece !== undefined && piece.length > 0) {
      http.sendBody(piece)
      digest?.update(piece)
      sent += piece.length
      if (isStream(content)) {
        yield* this.flush()
        piece = yield* this.next(content)
      } else {
        if (sent < all) yield* this.flush()
        piece = pieceOf(content, sent)
      }
    }
    http.endBody()
    return sent
  }

  /** The next part of a body from elsewhere. When that breaks off, so does the connection: nobody may take a part for the whole. */
  private *next(content: BodyStream): Blocking<Uint8Array | undefined> {
    try {
      return yield* content.read()
    } catch (error) {
      if (error instanceof SocketError) this.stream.reset()
      throw error
    }
  }
}
