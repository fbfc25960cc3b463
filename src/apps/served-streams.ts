import type { BodySource } from '../protocols/body-source.ts'
import type { HttpRequestHead, HttpResponse } from '../protocols/http-message.ts'
import { SocketError } from '../host/socket.ts'
import type { Blocking, Task } from '../host/socket.ts'
import { WaitQueue } from '../host/tasks.ts'
import type { EventData } from '../kernel/machine.ts'
import { isStream, pieceOf } from './http-service.ts'
import type { BodyStream, SiteAnswer, Tunnel, Upgrade } from './http-service.ts'
import { IncomingBody } from './incoming-body.ts'
import { announcedLength, ServedConnection } from './served-connection.ts'
import type { ReceivedRequest } from './served-connection.ts'

/** How many bytes of a body from elsewhere may wait to be sent. */
const RELAYED = 65_536

const NO_BYTES = new Uint8Array(0)

/** A server's end of HTTP/2 or HTTP/3. */
interface StreamServer {
  inform(stream: number, status: number): void
  respond(stream: number, response: HttpResponse): boolean
  sendBody(stream: number, bytes: Uint8Array): void
  sendSource(stream: number, source: BodySource): void
  endBody(stream: number): void
  buffered(stream: number): number
  shutdown(): void
}

/** Why a stream or a connection ended, in either version's words. */
interface Fault {
  readonly whose: string
  readonly code: string
  readonly detail: string
  readonly cites: string
}

/** What both versions tell about requests in the same way. */
export type StreamServerEvent =
  | ({ readonly type: 'request'; readonly stream: number } & HttpRequestHead)
  | { readonly type: 'data'; readonly stream: number; readonly bytes: Uint8Array }
  | { readonly type: 'end'; readonly stream: number }
  | { readonly type: 'reset'; readonly stream: number; readonly error: Fault }
  | { readonly type: 'closed'; readonly error: Fault | undefined }

/** A request on its way through the server. */
export interface Exchange extends ReceivedRequest {
  /** Number of its stream. */
  readonly stream: number
  readonly scheme: string
  readonly authority: string
  /** Whether nobody asked for it: it is pushed. */
  readonly isPushed: boolean
  /** Of an extended CONNECT (RFC 8441). */
  protocol?: string
  /** What answers it. */
  task: Task | undefined
}

/**
 * One connection under a version of HTTP with streams: a task for each request that is being thought about. What goes out first is decided
 * when there is room for it, by the priorities of that moment (RFC 9218).
 */
export abstract class ServedStreams extends ServedConnection {
  protected abstract readonly http: StreamServer
  /** By stream, until answered or reset. */
  private readonly exchanges = new Map<number, Exchange>()
  /** Woken whenever something has been written. */
  protected readonly wrote = new WaitQueue()

  /** Sends what there is to send. */
  protected abstract flush(): void
  /** Whether all of a request that is whole now came as early data. */
  protected abstract isEarly(stream: number): boolean
  /** So many bytes of a request's body are done with. */
  protected abstract consume(stream: number, bytes: number): void
  /** Gives up a response in its middle. */
  protected abstract breakOff(stream: number): void
  /** Promises what belongs to an answer. */
  protected abstract push(exchange: Exchange): void
  /** After commands: takes what the endpoint tells. */
  protected abstract takeEvents(): void
  /** All of a response has been taken: records that it was sent, once it is. */
  protected abstract whenSent(record: () => void): void

  /** Ends all that is under way. */
  protected end(): void {
    this.isOver = true
    this.wrote.wake()
    for (const { task } of this.exchanges.values()) task?.cancel()
  }

  protected take(event: StreamServerEvent): void {
    switch (event.type) {
      case 'request': {
        const { stream, method, scheme, authority, path, fields } = event
        const exchange = this.begin({ stream, method, scheme, authority, target: path, fields, isPushed: false })
        if (event.protocol !== undefined) {
          this.takeConnect(exchange, event.protocol)
          return
        }
        if (fields.some(({ name, value }) => name === 'expect' && value.toLowerCase() === '100-continue'))
          this.http.inform(stream, 100)
        return
      }
      case 'data': {
        const exchange = this.exchanges.get(event.stream)
        if (exchange !== undefined && exchange.incoming === undefined && this.service.streamsBodies === true)
          this.takeBeginning(exchange)
        if (exchange?.incoming === undefined) this.consume(event.stream, event.bytes.length)
        if (exchange !== undefined) this.receiveBody(exchange, event.bytes)
        return
      }
      case 'end': {
        const exchange = this.exchanges.get(event.stream)
        if (exchange?.incoming === undefined) {
          if (exchange !== undefined) this.takeWhole(exchange)
          return
        }
        if (exchange.protocol === undefined) this.recordReceived({ id: event.stream, stream: event.stream }, exchange)
        exchange.incoming.close(true)
        return
      }
      case 'reset':
        this.exchanges.get(event.stream)?.incoming?.close(false)
        this.exchanges.get(event.stream)?.task?.cancel()
        this.exchanges.delete(event.stream)
        this.record('http:stream-reset', { stream: event.stream, ...described(event.error) })
        return
      case 'closed':
        this.isOver = true
        if (event.error !== undefined) this.record('http:connection-failed', { ...described(event.error) })
    }
  }

  protected begin(
    head: Pick<Exchange, 'stream' | 'method' | 'scheme' | 'authority' | 'target' | 'fields' | 'isPushed'>,
  ): Exchange {
    const exchange = { ...head, ...this.fresh(), task: undefined }
    this.exchanges.set(head.stream, exchange)
    return exchange
  }

  /** A request whose body is passed on while it comes in: it has begun to. */
  private takeBeginning(exchange: Exchange): void {
    const { stream, fields } = exchange
    const length = fields.find(({ name }) => name === 'content-length')?.value
    exchange.receivedAt = this.context.environment.now
    exchange.incoming = this.incomingBody(stream, length === undefined ? undefined : Number(length))
    exchange.task = this.context.spawn(this.answer(exchange))
  }

  private takeConnect(exchange: Exchange, protocol: string): void {
    const { stream } = exchange
    exchange.receivedAt = this.context.environment.now
    exchange.protocol = protocol
    exchange.incoming = this.incomingBody(stream, undefined)
    this.recordReceived({ id: stream, stream }, exchange)
    exchange.task = this.context.spawn(this.connect(exchange, protocol))
  }

  private incomingBody(stream: number, length: number | undefined): IncomingBody {
    const consumed = (bytes: number): void => {
      this.consume(stream, bytes)
      // The windows may have opened.
      if (!this.isOver) this.flush()
    }
    return new IncomingBody(length, () => undefined, consumed)
  }

  protected takeWhole(exchange: Exchange): void {
    const { stream, isPushed } = exchange
    exchange.receivedAt = this.context.environment.now
    exchange.isEarly = this.isEarly(stream)
    if (!isPushed) this.recordReceived({ id: stream, stream }, exchange)
    exchange.task = this.context.spawn(this.answer(exchange))
  }

  private *answer(exchange: Exchange): Blocking<void> {
    const { context, service, http } = this
    const { stream, target, isPushed, authority } = exchange
    yield* context.processRequest()
    const thinking = exchange.receivedAt + service.delayOf(target) - context.environment.now
    if (thinking > 0) yield* context.sleep(thinking)
    if (this.isOver) return
    const answer = yield* service.answer(this.siteRequest(exchange, authority), this.record)
    if (this.isOver) {
      if (isStream(answer.content)) answer.content.cancel()
      return
    }
    if (!isPushed && answer.status === 200) this.push(exchange)
    const body = this.respond(exchange, answer)
    if (!service.keepAlive) http.shutdown()
    this.takeEvents()
    this.flush()
    if (body !== undefined) yield* this.relay(exchange, answer.status, body)
    exchange.incoming?.cancel()
    this.exchanges.delete(stream)
  }

  /** Answers an extended CONNECT. */
  private *connect(exchange: Exchange, protocol: string): Blocking<void> {
    const { context, service, http } = this
    const { stream, authority, receivedAt } = exchange
    yield* context.processRequest()
    const request = { ...this.siteRequest(exchange, authority), incoming: undefined }
    const refused = { status: 501, fields: [], content: undefined, isChunked: false }
    const granted = yield* service.upgrade?.(request, protocol, this.record) ?? nothing(refused)
    if ('run' in granted) {
      if (!this.isOver) {
        http.respond(stream, { status: 200, fields: granted.fields, body: 'unknown' })
        this.takeEvents()
        this.flush()
        this.recordSent({ id: stream, stream }, receivedAt, 200, 0, undefined)
      }
      yield* this.carry(exchange, granted)
    } else if (!this.isOver) {
      const body = this.respond(exchange, granted)
      this.takeEvents()
      this.flush()
      if (body !== undefined) yield* this.relay(exchange, granted.status, body)
      exchange.incoming?.cancel()
    }
    this.exchanges.delete(stream)
  }

  private *carry({ stream, incoming }: Exchange, upgrade: Upgrade): Blocking<void> {
    const tunnel = this.tunnel(stream, incoming ?? this.incomingBody(stream, undefined))
    try {
      yield* upgrade.run(tunnel, NO_BYTES)
    } finally {
      tunnel.close()
    }
  }

  /** A stream as what it carries wants it. */
  private tunnel(stream: number, incoming: IncomingBody): Tunnel {
    const { http, connection, wrote } = this
    const isClosed = (): boolean => this.isOver
    const flush = (): void => {
      this.flush()
    }
    let hasEnded = false
    const shutdown = (): void => {
      if (hasEnded || isClosed()) return
      hasEnded = true
      http.endBody(stream)
      flush()
    }
    const reset = (): void => {
      if (hasEnded || isClosed()) return
      hasEnded = true
      this.breakOff(stream)
      flush()
    }
    return {
      connection,
      read: () => incoming.read(),
      readNow: () => incoming.readNow(),
      get arrival() {
        return incoming.arrival
      },
      *write(bytes) {
        if (hasEnded || isClosed()) throw new SocketError('EPIPE', 'the stream is closed')
        http.sendBody(stream, bytes)
        flush()
        while (http.buffered(stream) > RELAYED && !isClosed()) yield wrote
      },
      shutdown,
      reset,
      close() {
        incoming.cancel()
        shutdown()
      },
    }
  }

  /** @returns a body that comes from elsewhere and is wanted */
  private respond(exchange: Exchange, answer: SiteAnswer): BodyStream | undefined {
    const { http } = this
    const { stream } = exchange
    const { status, fields, content } = answer
    const digest = this.digest()
    const wantsBody = http.respond(stream, { status, fields, body: announcedLength(answer) ?? 'unknown' })
    if (isStream(content)) {
      if (wantsBody) return content
      content.cancel()
    }
    if (!wantsBody || content === undefined || content.length === 0 || isStream(content)) {
      if (wantsBody) http.endBody(stream)
      this.recordWhenTaken(exchange, status, 0, digest)
      return undefined
    }
    const all = content.length
    /** A body may be asked for again where it was lost. */
    let end = 0
    const source: BodySource = {
      length: all,
      read: (offset, most) => {
        const piece = pieceOf(content, offset)
        const bytes = piece.length > most ? piece.subarray(0, most) : piece
        if (offset + bytes.length <= end) return bytes
        digest?.update(offset < end ? bytes.subarray(end - offset) : bytes)
        end = offset + bytes.length
        if (end === all) this.recordWhenTaken(exchange, status, all, digest)
        return bytes
      },
    }
    http.sendSource(stream, source)
    return undefined
  }

  private recordWhenTaken({ stream, receivedAt }: Exchange, status: number, bytes: number, digest: Exchange['digest']): void {
    this.whenSent(() => {
      this.recordSent({ id: stream, stream }, receivedAt, status, bytes, digest)
    })
  }

  /** Passes on a body that comes from elsewhere, not faster than it goes. */
  private *relay(exchange: Exchange, status: number, content: BodyStream): Blocking<void> {
    const { http } = this
    const { stream } = exchange
    const digest = this.digest()
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
      this.recordWhenTaken(exchange, status, sent, digest)
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      this.breakOff(stream)
    } finally {
      if (!isWhole) content.cancel()
    }
    this.flush()
  }
}

function* nothing<T>(value: T): Blocking<T> {
  yield* []
  return value
}

export function described({ whose, code, detail, cites }: Fault): EventData {
  return { error: code, whose, detail, cites }
}
