import { Http2Server } from '../protocols/http2/server.ts'
import type { Http2ServerEvent } from '../protocols/http2/event.ts'
import type { Http2Fault } from '../protocols/http2/fault.ts'
import type { BodySource } from '../protocols/http2/message.ts'
import { SocketError } from '../host/socket.ts'
import type { AppContext, Blocking, Task } from '../host/socket.ts'
import { WaitQueue } from '../host/tasks.ts'
import type { EventData, Timer } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import { formatIp } from '../wire/address.ts'
import type { HeaderField } from '../wire/http1.ts'
import type { ByteStream } from './byte-stream.ts'
import { Digest } from './digest.ts'
import { isStream, KEPT_BODY, pieceOf } from './http-service.ts'
import type { BodyStream, HttpService, ServedAs, SiteAnswer, SiteRequest } from './http-service.ts'
import { Http2FrameLog } from './http2-frame-log.ts'

/** How many requests may be under way on one connection. */
const CONCURRENT_STREAMS = 100

/** How many bytes may wait in TCP's buffer that were never sent. */
const UNSENT = 32_768
/** How many bytes of a body from elsewhere may wait to be sent. */
const RELAYED = 65_536

/** A request on its way through the server. */
interface Exchange {
  /** Number of its stream. */
  readonly stream: number
  readonly method: string
  readonly scheme: string
  readonly authority: string
  readonly target: string
  readonly fields: readonly HeaderField[]
  /** Whether nobody asked for it: it is pushed. */
  readonly isPushed: boolean
  bytes: number
  readonly body: Uint8Array[]
  readonly digest: Digest | undefined
  /** Whether all of it was early data. */
  isEarly: boolean
  /** When it was whole. */
  receivedAt: Nanos
  /** What answers it. */
  task: Task | undefined
}

/**
 * One connection under HTTP/2: a task that reads, one for each request that is being thought about, and while something is to be said, one
 * that writes. What goes out first is decided when there is room for it, by the priorities of that moment (RFC 9218).
 */
export class ServedHttp2 {
  private readonly http: Http2Server
  private readonly log: Http2FrameLog
  /** By stream, until answered or reset. */
  private readonly exchanges = new Map<number, Exchange>()
  private writer: Task | undefined
  private timer: Timer | undefined
  private armedAt: Nanos | undefined
  /** Responses all of whose bytes have been taken, to be recorded when they are written. */
  private readonly taken: (() => void)[] = []
  private readonly wrote = new WaitQueue()
  private isOver = false
  /** How many bytes were read. */
  private consumed = 0

  constructor(
    private readonly context: AppContext,
    private readonly service: HttpService,
    private readonly stream: ByteStream,
    private readonly as: ServedAs,
  ) {
    this.log = new Http2FrameLog(context.environment)
    this.log.attach(stream)
    this.http = new Http2Server({
      settings: { maxConcurrentStreams: CONCURRENT_STREAMS },
      scheduler: service.scheduler,
      onFrame: this.log.onFrame,
    })
  }

  *run(): Blocking<void> {
    const { stream, as } = this
    try {
      stream.setNoDelay(true)
      this.flush()
      if (as.first !== undefined) this.receive(as.first)
      while (!this.isOver) this.receive(yield* stream.read())
      if (this.writer !== undefined) yield* this.writer.join()
    } catch (error) {
      this.fail(error)
    } finally {
      this.isOver = true
      this.wrote.wake()
      for (const { task } of this.exchanges.values()) task?.cancel()
      this.timer?.cancel()
      this.writer?.cancel()
      stream.close()
    }
  }

  /** @param bytes undefined: the client's end */
  private receive(bytes: Uint8Array | undefined): void {
    const { now } = this.context.environment
    this.consumed += bytes?.length ?? 0
    if (bytes === undefined) this.http.handleEnd(now)
    else this.http.handle(bytes, now)
    this.takeEvents()
    if (bytes === undefined) this.isOver = true
    this.flush()
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
    for (let event = this.http.pollEvent(); event !== undefined; event = this.http.pollEvent()) this.takeEvent(event)
  }

  private takeEvent(event: Http2ServerEvent): void {
    switch (event.type) {
      case 'request': {
        const { stream, method, scheme, authority, path, fields } = event
        this.begin(stream, { method, scheme, authority, target: path, fields, isPushed: false })
        if (fields.some(({ name, value }) => name === 'expect' && value.toLowerCase() === '100-continue'))
          this.http.inform(stream, 100)
        return
      }
      case 'data': {
        const exchange = this.exchanges.get(event.stream)
        if (exchange === undefined) return
        exchange.bytes += event.bytes.length
        exchange.digest?.update(event.bytes)
        if (this.service.keepsBodies && exchange.bytes <= KEPT_BODY) exchange.body.push(event.bytes)
        return
      }
      case 'end': {
        const exchange = this.exchanges.get(event.stream)
        if (exchange !== undefined) this.take(exchange)
        return
      }
      case 'reset':
        this.exchanges.get(event.stream)?.task?.cancel()
        this.exchanges.delete(event.stream)
        this.record('http:stream-reset', { stream: event.stream, ...described(event.error) })
        return
      case 'closed':
        this.isOver = true
        if (event.error !== undefined) this.record('http:connection-failed', { ...described(event.error) })
        return
      case 'goaway':
        this.record('http:goaway-received', { lastStream: event.lastStream, ...described(event.error) })
        return
      case 'settings':
      case 'pong':
    }
  }

  private begin(
    stream: number,
    head: Pick<Exchange, 'method' | 'scheme' | 'authority' | 'target' | 'fields' | 'isPushed'>,
  ): Exchange {
    const digest = this.service.digests ? new Digest() : undefined
    const exchange = { stream, ...head, bytes: 0, body: [], digest, isEarly: false, receivedAt: 0, task: undefined }
    this.exchanges.set(stream, exchange)
    return exchange
  }

  /** A request is whole. */
  private take(exchange: Exchange): void {
    const { stream, method, target, bytes, digest, isPushed } = exchange
    exchange.receivedAt = this.context.environment.now
    exchange.isEarly = this.consumed <= (this.stream.earlyBytes ?? 0)
    const early = exchange.isEarly ? { early: true } : {}
    const data = { id: stream, stream, method, target, bytes, ...early, ...(digest && { digest: digest.value }) }
    if (!isPushed) this.record('http:request-received', data)
    exchange.task = this.context.spawn(this.answer(exchange))
  }

  private *answer(exchange: Exchange): Blocking<void> {
    const { context, service, http } = this
    const { stream, target, isPushed } = exchange
    yield* context.processRequest()
    const thinking = exchange.receivedAt + service.delayOf(target) - context.environment.now
    if (thinking > 0) yield* context.sleep(thinking)
    if (this.isOver) return
    const answer = yield* service.answer(this.requestOf(exchange), this.record)
    if (this.isOver) return
    if (!isPushed && answer.status === 200) this.push(exchange)
    const body = this.respond(exchange, answer)
    if (!service.keepAlive) http.shutdown()
    this.takeEvents()
    this.flush()
    if (body !== undefined) yield* this.relay(exchange, answer.status, body)
    this.exchanges.delete(stream)
  }

  private requestOf({ method, target, authority, bytes, body, fields, isEarly, digest }: Exchange): SiteRequest {
    const { isSecure } = this.as
    const client = formatIp(this.stream.remote.address)
    const server = formatIp(this.stream.local.address)
    return { method, target, authority, bytes, body, fields, isEarly, isSecure, client, server, digest: digest?.value }
  }

  /** Promises what belongs to an answer, before the answer names it (RFC 9113 section 8.4.1). */
  private push({ stream, scheme, authority, target, method }: Exchange): void {
    if (method !== 'GET') return
    for (const path of this.service.pushesOf(target)) {
      if (!this.http.canPush) return
      const promised = this.http.push(stream, { method: 'GET', scheme, authority, path, fields: [] })
      this.record('http:push-promised', { stream: promised, parent: stream, target: path })
      this.take(this.begin(promised, { method: 'GET', scheme, authority, target: path, fields: [], isPushed: true }))
    }
  }

  /** @returns a body that comes from elsewhere and is wanted */
  private respond(exchange: Exchange, { status, fields, content, isChunked }: SiteAnswer): BodyStream | undefined {
    const { http } = this
    const { stream } = exchange
    const digest = this.service.digests ? new Digest() : undefined
    const length = isChunked ? undefined : (content?.length ?? (content === undefined ? 0 : undefined))
    const wantsBody = http.respond(stream, { status, fields, body: length ?? 'unknown' })
    if (isStream(content)) {
      if (wantsBody) return content
      content.cancel()
    }
    if (!wantsBody || content === undefined || content.length === 0 || isStream(content)) {
      if (wantsBody) http.endBody(stream)
      this.taken.push(() => {
        this.recordSent(exchange, status, 0, digest)
      })
      return undefined
    }
    const all = content.length
    const source: BodySource = {
      length: all,
      read: (offset, most) => {
        const piece = pieceOf(content, offset)
        const bytes = piece.length > most ? piece.subarray(0, most) : piece
        digest?.update(bytes)
        if (offset + bytes.length === all) {
          this.taken.push(() => {
            this.recordSent(exchange, status, all, digest)
          })
        }
        return bytes
      },
    }
    http.sendSource(stream, source)
    return undefined
  }

  private recordSent({ stream, receivedAt }: Exchange, status: number, bytes: number, digest: Digest | undefined): void {
    const duration = this.context.environment.now - receivedAt
    const sum = digest === undefined ? {} : { digest: digest.value }
    this.record('http:response-sent', { id: stream, stream, status, bytes, duration, ...sum })
  }

  /** Passes on a body that comes from elsewhere, not faster than it goes. */
  private *relay(exchange: Exchange, status: number, content: BodyStream): Blocking<void> {
    const { http, service } = this
    const { stream } = exchange
    const digest = service.digests ? new Digest() : undefined
    let sent = 0
    let isWhole = false
    try {
      for (let bytes = yield* content.read(); bytes !== undefined; bytes = yield* content.read()) {
        http.sendBody(stream, bytes)
        digest?.update(bytes)
        sent += bytes.length
        this.flush()
        while (http.buffered(stream) > RELAYED && !this.isOver) yield this.wrote
        if (this.isOver) return
      }
      isWhole = true
      http.endBody(stream)
      this.taken.push(() => {
        this.recordSent(exchange, status, sent, digest)
      })
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      http.cancel(stream, 'INTERNAL_ERROR')
    } finally {
      if (!isWhole) content.cancel()
    }
    this.flush()
  }

  /** Sends what there is to send, unless somebody is at it. */
  private flush(): void {
    this.arm()
    if (this.writer?.done === false) return
    const first = this.http.pollTransmit(this.context.environment.now)
    if (first !== undefined) this.writer = this.context.spawn(this.write(first))
    else this.recordTaken()
  }

  private *write(first: Uint8Array): Blocking<void> {
    const { stream, http, log, context } = this
    try {
      // With Nagle's algorithm on, no short segment goes out between two frames.
      stream.setNoDelay(false)
      for (let piece: Uint8Array | undefined = first; piece !== undefined; piece = http.pollTransmit(context.environment.now)) {
        yield* stream.write(piece)
        log.written()
        this.recordTaken()
        this.wrote.wake()
        // Which frame is next is decided late, so that what is urgent and comes late is not behind all that was written early.
        yield* stream.drained(UNSENT)
      }
      stream.setNoDelay(true)
      this.takeEvents()
      this.arm()
      if (http.finished) {
        this.isOver = true
        stream.shutdown()
      }
    } catch (error) {
      this.fail(error)
    }
  }

  private recordTaken(): void {
    for (const record of this.taken.splice(0)) record()
  }

  /** Sets the alarm for the endpoint's next deadline. */
  private arm(): void {
    const deadline = this.http.pollTimeout()
    if (deadline === this.armedAt) return
    this.timer?.cancel()
    this.armedAt = deadline
    this.timer = deadline === undefined ? undefined : this.context.environment.schedule(deadline, () => this.timerFired())
  }

  private timerFired(): void {
    this.armedAt = undefined
    if (this.isOver) return
    this.http.handleTimeout(this.context.environment.now)
    this.takeEvents()
    this.flush()
  }
}

function described({ whose, code, detail, cites }: Http2Fault): EventData {
  return { error: code, whose, detail, cites }
}
