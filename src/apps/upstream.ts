import { Http1Client } from '../protocols/http1/client.ts'
import type { Http1ClientEvent } from '../protocols/http1/client.ts'
import type { TlsSession } from '../protocols/tls/session.ts'
import { SocketError } from '../host/socket.ts'
import type { AppContext, Blocking, Task } from '../host/socket.ts'
import type { Nanos } from '../kernel/time.ts'
import type { HeaderField } from '../wire/http1.ts'
import type { ClientTlsSettings } from '../scenario/tls-settings.ts'
import type { ByteStream } from './byte-stream.ts'
import { connectToAny } from './happy-eyeballs.ts'
import type { BodyStream } from './http-service.ts'
import { connectSecurely } from './secure-stream.ts'
import type { HttpUrl } from './url.ts'

/** What is asked of a server behind us. Fields are complete, apart from how the body is framed. */
export interface UpstreamRequest {
  readonly method: string
  readonly target: string
  readonly fields: readonly HeaderField[]
  readonly bytes: number
  readonly body: readonly Uint8Array[]
  /** The body as it comes, in the place of the two above. */
  readonly stream?: BodyStream | undefined
}

/** What more there is to say of how a server is spoken to. */
export interface UpstreamOptions {
  /** How long an attempt to connect may take; absent: as long as TCP tries. */
  readonly connectTimeout?: Nanos
  /** Whether idle connections are watched, so that none is used that the server has closed. Absent: that shows when it is used. */
  readonly watchesIdle?: boolean
  /** false: each request has a connection of its own. */
  readonly keepAlive?: boolean
  /** How many idle connections are kept; absent: 32. */
  readonly idleLimit?: number
}

/** A request for another protocol. Fields as with others; Upgrade and Connection are added. */
export interface UpgradeRequest {
  readonly target: string
  readonly fields: readonly HeaderField[]
  readonly protocol: string
}

/** A connection that speaks another protocol now. */
export interface UpgradedUpstream {
  /** Of the answer. */
  readonly fields: readonly HeaderField[]
  readonly stream: ByteStream
  /** What has come behind the answer already. */
  readonly rest: Uint8Array
}

/** How far a request came; for who wants to know whether it may be sent again when it fails. */
export interface UpstreamProgress {
  /** Whether the server may have had a part of it. */
  isSent: boolean
}

export interface UpstreamResponse {
  readonly status: number
  readonly fields: readonly HeaderField[]
  readonly body: BodyStream
  /** Name of the conversation. */
  readonly connection: string
}

/** Methods that may be sent again when a connection dies before it has brought an answer (RFC 9110 section 9.2.2). */
export const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])
/** How many idle connections are kept. */
const IDLE_LIMIT = 32
const ATTEMPT_DELAY = 250_000_000

/** One connection to a server behind us, for one request at a time. */
class Connection {
  readonly http: Http1Client
  /** Passes on the body of a request. */
  private sender: Task | undefined
  /** While it is idle and watched: ends that. */
  private unwatch: (() => void) | undefined

  constructor(
    readonly context: AppContext,
    readonly stream: ByteStream,
    keepAlive: boolean,
  ) {
    this.http = new Http1Client(keepAlive ? {} : { keepAlive })
  }

  *send({ method, target, fields, bytes, body, stream }: UpstreamRequest): Blocking<void> {
    const { http } = this
    if (stream !== undefined) {
      http.request({ method, target, fields, body: stream.length ?? 'chunked' })
      yield* this.flush()
      this.sender = this.context.spawn(this.sendStream(stream))
      return
    }
    http.request({ method, target, fields, body: bytes })
    for (const part of body) http.sendBody(part)
    if (bytes > 0) http.endBody()
    yield* this.flush()
  }

  *askToUpgrade(request: UpgradeRequest): Blocking<void> {
    this.http.upgrade(request)
    yield* this.flush()
  }

  private *flush(): Blocking<void> {
    const { http } = this
    for (let piece = http.pollTransmit(); piece; piece = http.pollTransmit()) yield* this.stream.write(piece)
  }

  private *sendStream(body: BodyStream): Blocking<void> {
    try {
      for (let part = yield* body.read(); part !== undefined; part = yield* body.read()) {
        this.http.sendBody(part)
        yield* this.flush()
      }
      this.http.endBody()
      yield* this.flush()
    } catch (error) {
      // Half a request must not look like a whole one. Who waits for the answer hears of it.
      if (!(error instanceof SocketError)) throw error
      this.stream.reset()
    }
  }

  /** Nothing more is wanted of it. */
  close(): void {
    this.sender?.cancel()
    this.stream.close()
  }

  /** Until it is used again, tells when the server has closed it. */
  watch(gone: () => void): void {
    const { arrival } = this.stream
    this.unwatch = arrival?.arm(() => {
      // This is called while the stack works.
      this.context.spawn(this.look(gone))
    })
    if (arrival === undefined) gone()
  }

  /** @returns whether it can be used */
  use(): boolean {
    this.unwatch?.()
    this.unwatch = undefined
    return this.isQuiet()
  }

  private *look(gone: () => void): Blocking<void> {
    yield* []
    // It may have been taken into use in this very moment.
    if (this.unwatch === undefined) return
    this.unwatch = undefined
    if (this.isQuiet()) this.watch(gone)
    else gone()
  }

  /** Whether the server has neither said anything, which nobody has asked for, nor closed. */
  private isQuiet(): boolean {
    try {
      return this.stream.readNow() === undefined && this.stream.arrival !== undefined
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      return false
    }
  }

  /** The next event. Throws SocketError when there is none and will be none. */
  *next(): Blocking<Http1ClientEvent> {
    const { http, stream, context } = this
    for (;;) {
      const event = http.pollEvent()
      if (event !== undefined) return event
      const bytes = yield* stream.read()
      if (bytes === undefined) http.handleEnd(context.environment.now)
      else http.handle(bytes, context.environment.now)
    }
  }
}

/** A server behind us: connections to it are kept and used again. */
export class Upstream {
  private readonly idle: Connection[] = []
  private session: TlsSession | undefined

  /** @param tls for addresses of the https scheme */
  constructor(
    readonly url: HttpUrl,
    private readonly tls: ClientTlsSettings | undefined,
    private readonly options: UpstreamOptions = {},
  ) {}

  /** Sends a request; blocks until the head of its response is there. Throws SocketError. */
  *fetch(context: AppContext, request: UpstreamRequest, progress?: UpstreamProgress): Blocking<UpstreamResponse> {
    const kept = this.take()
    if (kept !== undefined) {
      if (progress !== undefined) progress.isSent = true
      try {
        return yield* this.exchange(kept, request)
      } catch (error) {
        // It was dying already, perhaps; a fresh one tells.
        if (!(error instanceof SocketError) || !IDEMPOTENT.has(request.method) || request.stream !== undefined) throw error
      }
    }
    const connection = new Connection(context, yield* this.connect(context), this.options.keepAlive ?? true)
    if (progress !== undefined) progress.isSent = true
    return yield* this.exchange(connection, request)
  }

  /** Asks to go on in another protocol, on a connection of its own. Throws SocketError. @returns the server's answer where it does not agree */
  *upgrade(
    context: AppContext,
    request: UpgradeRequest,
    progress: UpstreamProgress,
  ): Blocking<UpgradedUpstream | UpstreamResponse> {
    const connection = new Connection(context, yield* this.connect(context), true)
    progress.isSent = true
    let isAnswered = false
    try {
      yield* connection.askToUpgrade(request)
      const event = yield* this.answerOn(connection)
      isAnswered = true
      if (event.type === 'upgraded') return { fields: event.fields, stream: connection.stream, rest: event.rest }
      return this.responseOn(connection, event)
    } finally {
      if (!isAnswered) connection.close()
    }
  }

  /** Closes all connections that nobody uses. */
  forget(): void {
    for (const connection of this.idle.splice(0)) {
      connection.use()
      connection.close()
    }
  }

  private take(): Connection | undefined {
    for (;;) {
      const kept = this.idle.pop()
      if (kept === undefined || this.options.watchesIdle !== true || kept.use()) return kept
      kept.close()
    }
  }

  private keep(connection: Connection): void {
    this.idle.push(connection)
    if (this.options.watchesIdle !== true) return
    connection.watch(() => {
      const at = this.idle.indexOf(connection)
      if (at >= 0) this.idle.splice(at, 1)
      connection.close()
    })
  }

  /** A connection to it, under TLS where its address says so. Throws SocketError. */
  *connect(context: AppContext): Blocking<ByteStream> {
    const { host, port, scheme } = this.url
    const { connectTimeout: timeout = 0 } = this.options
    const addresses = yield* context.sockets.resolveAll(host)
    const socket = yield* connectToAny(context, addresses, { port, timeout, happyEyeballs: true, attemptDelay: ATTEMPT_DELAY })
    if (scheme === 'http' || this.tls === undefined) return socket
    const { session } = this
    this.session = undefined
    const stream = yield* connectSecurely(context, socket, {
      serverName: host,
      alpn: ['http/1.1'],
      settings: this.tls,
      ...(timeout > 0 && { timeout }),
      ...(session !== undefined && { session }),
      ticketReceived: (ticket) => {
        this.session = ticket
      },
    })
    return stream
  }

  private *exchange(connection: Connection, request: UpstreamRequest): Blocking<UpstreamResponse> {
    let isAnswered = false
    try {
      yield* connection.send(request)
      const event = yield* this.answerOn(connection)
      isAnswered = true
      if (event.type === 'upgraded') throw new Error('a protocol was switched to that nobody had asked for')
      return this.responseOn(connection, event)
    } finally {
      if (!isAnswered) connection.close()
    }
  }

  private *answerOn(connection: Connection): Blocking<Extract<Http1ClientEvent, { type: 'response' | 'upgraded' }>> {
    for (;;) {
      const event = yield* connection.next()
      if (event.type === 'closed') throw broken(event)
      if (event.type === 'response' || event.type === 'upgraded') return event
    }
  }

  private responseOn(
    connection: Connection,
    { status, fields, framing }: Extract<Http1ClientEvent, { type: 'response' }>,
  ): UpstreamResponse {
    const length = typeof framing === 'number' ? framing : undefined
    return { status, fields, body: this.bodyOf(connection, length), connection: connection.stream.connection }
  }

  private bodyOf(connection: Connection, length: number | undefined): BodyStream {
    const settle = (): void => {
      const { http } = connection
      const { idleLimit = IDLE_LIMIT } = this.options
      if (http.canRequest && http.pending === 0 && this.idle.length < idleLimit) this.keep(connection)
      else connection.close()
    }
    let isOver = false
    return {
      length,
      *read() {
        if (isOver) return undefined
        let event
        try {
          event = yield* connection.next()
        } catch (error) {
          connection.close()
          throw error
        }
        if (event.type === 'data') return event.bytes
        isOver = true
        if (event.type === 'closed') {
          connection.close()
          throw broken(event)
        }
        settle()
        return undefined
      },
      cancel() {
        if (isOver) return
        isOver = true
        connection.close()
      },
    }
  }
}

function broken({ error }: Extract<Http1ClientEvent, { type: 'closed' }>): SocketError {
  return new SocketError('ECONNRESET', error?.detail ?? 'the server closed the connection before it had answered')
}
