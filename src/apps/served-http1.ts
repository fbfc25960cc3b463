import { fieldValue, speaksOfUpgrade } from '../protocols/http1/framing.ts'
import { Http1Server } from '../protocols/http1/server.ts'
import type { Http1ServerEvent } from '../protocols/http1/server.ts'
import { SocketError } from '../host/socket.ts'
import type { AppContext, Blocking, Task } from '../host/socket.ts'
import { SECOND } from '../kernel/time.ts'
import type { Nanos } from '../kernel/time.ts'
import type { ByteStream } from './byte-stream.ts'
import type { Digest } from './digest.ts'
import { IncomingBody } from './incoming-body.ts'
import { isStream, pieceOf } from './http-service.ts'
import type { BodyStream, HttpService, ServedAs, SiteAnswer, Upgrade } from './http-service.ts'
import { announcedLength, ServedConnection } from './served-connection.ts'
import type { ReceivedRequest } from './served-connection.ts'

/** How many requests of one connection may wait for their answer; behind that it is not read. */
const PIPELINE_LIMIT = 32
/** How many bytes of a body that is passed on may wait to be taken; behind that the connection is not read. */
const INCOMING_LIMIT = 65_536
/** How long a connection is read after the last response, so that what still comes in does not reset it (RFC 9112 section 9.6). */
const LINGER: Nanos = 2 * SECOND

/** A request on its way through the server. */
interface Exchange extends ReceivedRequest {
  /** From 1, within its connection. */
  readonly id: number
  /** Whether the client waits to be told to send the body. */
  expectsContinue: boolean
  /** When the server has thought about it. */
  readyAt: Nanos
}

/**
 * One connection under HTTP/1.0 or 1.1: a task that reads, and while something is to be said, one that writes. Pipelined requests are thought about at
 * once and answered in their order.
 */
export class ServedHttp1 extends ServedConnection {
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
  /** Whether what is being sent goes on until somebody ends it. */
  private isEndless = false
  /** Whether a request was read behind which nothing is read before it is answered. */
  private isHeld = false
  /** Another protocol was agreed on. */
  private switched: { readonly upgrade: Upgrade; readonly first: Uint8Array } | undefined
  /** How many bytes were read. */
  private consumed = 0

  constructor(
    context: AppContext,
    service: HttpService,
    private readonly stream: ByteStream,
    as: ServedAs,
    version: '1.0' | '1.1',
  ) {
    super(context, service, stream, as)
    this.http = new Http1Server({ keepAlive: service.keepAlive, version })
  }

  /** @returns what is left to be done, in another protocol; undefined: it is over */
  *run(): Blocking<Blocking<void> | undefined> {
    try {
      this.stream.setNoDelay(true)
      const { first } = this.as
      if (first !== undefined) yield* this.receive(first)
      while (!this.hasEnded && this.switched === undefined) yield* this.receive(yield* this.stream.read())
    } catch (error) {
      this.fail(error)
    } finally {
      this.responder?.cancel()
      this.lingerer?.cancel()
      if (this.switched === undefined) this.stream.close()
    }
    return this.switched && carry(this.stream, this.switched.upgrade.run(this.stream, this.switched.first))
  }

  /** @param bytes undefined: the client's end */
  private *receive(bytes: Uint8Array | undefined): Blocking<void> {
    const { http, context } = this
    const { now } = context.environment
    this.consumed += bytes?.length ?? 0
    if (bytes === undefined) http.handleEnd(now)
    else http.handle(bytes, now)
    this.takeEvents()
    const { receiving } = this
    if (receiving?.expectsContinue === true && receiving.incoming === undefined && bytes !== undefined)
      yield* this.welcome(receiving)
    if (bytes === undefined) {
      // Nobody is left who could speak another protocol.
      this.isHeld = false
      yield* this.finish()
      return
    }
    if (this.queue.length > 0 || this.hasOutput || http.finished) this.startResponding()
    if (this.queue.length >= PIPELINE_LIMIT || this.isHeld) yield* this.untilAnswered()
    this.isHeld = false
    const incoming = this.receiving?.incoming
    while (incoming !== undefined && incoming.waiting > INCOMING_LIMIT) yield incoming.taken
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
    // Who listens to what has no end by itself, and has hung up: real servers take that for the end, too.
    if (this.isEndless) {
      this.isOver = true
      this.responder?.cancel()
      return
    }
    if (this.queue.length > 0 || this.hasOutput) this.startResponding()
    yield* this.untilAnswered()
  }

  private takeEvents(): void {
    const { http } = this
    for (let event = http.pollEvent(); event; event = http.pollEvent()) this.takeEvent(event)
  }

  private takeEvent(event: Http1ServerEvent): void {
    const { receiving } = this
    switch (event.type) {
      case 'request': {
        const { id, method, target, fields, expectsContinue, framing } = event
        this.receiving = { id, method, target, fields, expectsContinue, ...this.fresh(), readyAt: 0 }
        if (this.service.upgrade !== undefined && speaksOfUpgrade(event.minorVersion, fields)) this.isHeld = true
        if (this.service.streamsBodies === true && framing !== 0)
          this.enqueueStreaming(this.receiving, typeof framing === 'number' ? framing : undefined)
        return
      }
      case 'data':
        if (receiving === undefined) return
        this.receiveBody(receiving, event.bytes)
        if (receiving.incoming !== undefined) receiving.expectsContinue = false
        return
      case 'end':
        this.receiving = undefined
        if (receiving === undefined) return
        if (receiving.incoming === undefined) {
          this.enqueue(receiving)
          return
        }
        this.recordReceived({ id: receiving.id }, receiving)
        receiving.incoming.close(true)
        return
      case 'closed':
        this.receiving = undefined
        receiving?.incoming?.close(false)
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
    exchange.receivedAt = now
    exchange.readyAt = now + this.service.delayOf(exchange.target)
    exchange.isEarly = this.consumed <= (this.stream.earlyBytes ?? 0)
    this.queue.push(exchange)
    this.recordReceived({ id: exchange.id }, exchange)
  }

  /** A request whose body is passed on while it comes in. */
  private enqueueStreaming(exchange: Exchange, length: number | undefined): void {
    const { now } = this.context.environment
    exchange.receivedAt = now
    exchange.readyAt = now
    const wanted = (): void => {
      // It is its turn to be answered, so this is its turn to be told to go on.
      if (!exchange.expectsContinue || this.receiving !== exchange) return
      exchange.expectsContinue = false
      this.http.sendContinue()
      this.context.spawn(this.flushAside())
    }
    exchange.incoming = new IncomingBody(length, wanted, () => undefined)
    this.queue.push(exchange)
  }

  private *flushAside(): Blocking<void> {
    try {
      yield* this.flush()
    } catch (error) {
      this.fail(error)
    }
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
    const authority = exchange.fields.find(({ name }) => name === 'host')?.value ?? ''
    const answer = yield* this.consider(exchange, authority)
    if (answer === undefined) return
    // Who broke off in its middle has had its answer from the endpoint, or is gone.
    if (exchange.incoming?.isBroken === true) {
      if (isStream(answer.content)) answer.content.cancel()
      return
    }
    const digest = this.digest()
    const sent = yield* this.send(answer, digest)
    exchange.incoming?.cancel()
    yield* this.flush()
    stream.setNoDelay(true)
    this.recordSent({ id: exchange.id }, exchange.receivedAt, answer.status, sent, digest)
    // Requests behind one that wanted another protocol are read only now.
    if (service.upgrade !== undefined) this.takeEvents()
  }

  /** @returns undefined: another protocol is spoken from now on */
  private *consider(exchange: Exchange, authority: string): Blocking<SiteAnswer | undefined> {
    const { service, http } = this
    const request = this.siteRequest(exchange, authority)
    if (service.upgrade === undefined || !http.canSwitchProtocols || exchange.method !== 'GET')
      return yield* service.answer(request, this.record)
    const protocol = (fieldValue(exchange.fields, 'upgrade') ?? '').toLowerCase()
    const granted = yield* service.upgrade(request, protocol, this.record)
    if (!('run' in granted)) return granted
    this.switched = { upgrade: granted, first: http.switchProtocols(protocol, granted.fields) }
    yield* this.flush()
    this.recordSent({ id: exchange.id }, exchange.receivedAt, 101, 0, undefined)
    return undefined
  }

  /** @returns how many bytes of body were sent */
  private *send(answer: SiteAnswer, digest: Digest | undefined): Blocking<number> {
    const { http, stream } = this
    const { status, fields, content } = answer
    if (!http.respond({ status, fields, body: announcedLength(answer) ?? 'chunked' })) {
      if (isStream(content)) content.cancel()
      return 0
    }
    this.isEndless = this.service.streamsBodies === true && isStream(content) && content.length === undefined
    // With Nagle's algorithm on, no short segment goes out in the middle of a body. Of what has no end, each part is waited for.
    stream.setNoDelay(this.isEndless)
    const all = content?.length ?? 0
    let sent = 0
    let isWhole = false
    try {
      // Who listens wants to know that it begins.
      if (this.isEndless) yield* this.flush()
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
      isWhole = true
    } finally {
      if (!isWhole && isStream(content)) content.cancel()
      this.isEndless = false
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

/** What is left of a connection that has left HTTP behind. */
function* carry(stream: ByteStream, other: Blocking<void>): Blocking<void> {
  try {
    yield* other
  } finally {
    stream.close()
  }
}
