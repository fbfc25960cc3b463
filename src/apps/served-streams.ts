import type { BodySource } from '../protocols/body-source.ts'
import type { HttpRequestHead, HttpResponse } from '../protocols/http-message.ts'
import { SocketError } from '../host/socket.ts'
import type { Blocking, Task } from '../host/socket.ts'
import { WaitQueue } from '../host/tasks.ts'
import type { EventData } from '../kernel/machine.ts'
import { isStream, pieceOf } from './http-service.ts'
import type { BodyStream, SiteAnswer } from './http-service.ts'
import { announcedLength, ServedConnection } from './served-connection.ts'
import type { ReceivedRequest } from './served-connection.ts'

/** How many bytes of a body from elsewhere may wait to be sent. */
const RELAYED = 65_536

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
        this.begin({ stream, method, scheme, authority, target: path, fields, isPushed: false })
        if (fields.some(({ name, value }) => name === 'expect' && value.toLowerCase() === '100-continue'))
          this.http.inform(stream, 100)
        return
      }
      case 'data': {
        const exchange = this.exchanges.get(event.stream)
        if (exchange !== undefined) this.receiveBody(exchange, event.bytes)
        return
      }
      case 'end': {
        const exchange = this.exchanges.get(event.stream)
        if (exchange !== undefined) this.takeWhole(exchange)
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
    }
  }

  protected begin(
    head: Pick<Exchange, 'stream' | 'method' | 'scheme' | 'authority' | 'target' | 'fields' | 'isPushed'>,
  ): Exchange {
    const exchange = { ...head, ...this.fresh(), task: undefined }
    this.exchanges.set(head.stream, exchange)
    return exchange
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
    if (this.isOver) return
    if (!isPushed && answer.status === 200) this.push(exchange)
    const body = this.respond(exchange, answer)
    if (!service.keepAlive) http.shutdown()
    this.takeEvents()
    this.flush()
    if (body !== undefined) yield* this.relay(exchange, answer.status, body)
    this.exchanges.delete(stream)
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

export function described({ whose, code, detail, cites }: Fault): EventData {
  return { error: code, whose, detail, cites }
}
