import { Http1Client } from '../protocols/http1/client.ts'
import type { Http1ClientEvent } from '../protocols/http1/client.ts'
import type { TlsSession } from '../protocols/tls/session.ts'
import { SocketError } from '../host/socket.ts'
import type { AppContext, Blocking } from '../host/socket.ts'
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
}

export interface UpstreamResponse {
  readonly status: number
  readonly fields: readonly HeaderField[]
  readonly body: BodyStream
  /** Name of the conversation. */
  readonly connection: string
}

/** Methods that may be sent again when a connection dies before it has brought an answer (RFC 9110 section 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])
/** How many idle connections are kept. */
const IDLE_LIMIT = 32
const ATTEMPT_DELAY = 250_000_000

/** One connection to a server behind us, for one request at a time. */
class Connection {
  readonly http = new Http1Client()
  /** How many requests it has carried. */
  used = 0

  constructor(
    readonly context: AppContext,
    readonly stream: ByteStream,
  ) {}

  *send({ method, target, fields, bytes, body }: UpstreamRequest): Blocking<void> {
    const { http } = this
    this.used++
    http.request({ method, target, fields, body: bytes })
    for (const part of body) http.sendBody(part)
    if (bytes > 0) http.endBody()
    for (let piece = http.pollTransmit(); piece; piece = http.pollTransmit()) yield* this.stream.write(piece)
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
  ) {}

  /** Sends a request; blocks until the head of its response is there. Throws SocketError. */
  *fetch(context: AppContext, request: UpstreamRequest): Blocking<UpstreamResponse> {
    const kept = this.idle.pop()
    if (kept !== undefined) {
      try {
        return yield* this.exchange(kept, request)
      } catch (error) {
        // It was dying already, perhaps; a fresh one tells.
        if (!(error instanceof SocketError) || !IDEMPOTENT.has(request.method)) throw error
      }
    }
    return yield* this.exchange(yield* this.connect(context), request)
  }

  private *connect(context: AppContext): Blocking<Connection> {
    const { host, port, scheme } = this.url
    const addresses = yield* context.sockets.resolveAll(host)
    const socket = yield* connectToAny(context, addresses, { port, timeout: 0, happyEyeballs: true, attemptDelay: ATTEMPT_DELAY })
    if (scheme === 'http' || this.tls === undefined) return new Connection(context, socket)
    const { session } = this
    this.session = undefined
    const stream = yield* connectSecurely(context, socket, {
      serverName: host,
      alpn: ['http/1.1'],
      settings: this.tls,
      ...(session !== undefined && { session }),
      ticketReceived: (ticket) => {
        this.session = ticket
      },
    })
    return new Connection(context, stream)
  }

  private *exchange(connection: Connection, request: UpstreamRequest): Blocking<UpstreamResponse> {
    let isAnswered = false
    try {
      yield* connection.send(request)
      for (;;) {
        const event = yield* connection.next()
        if (event.type === 'closed') throw broken(event)
        if (event.type !== 'response') continue
        isAnswered = true
        const { status, fields, framing } = event
        const length = typeof framing === 'number' ? framing : undefined
        return { status, fields, body: this.bodyOf(connection, length), connection: connection.stream.connection }
      }
    } finally {
      if (!isAnswered) connection.stream.close()
    }
  }

  private bodyOf(connection: Connection, length: number | undefined): BodyStream {
    const settle = (): void => {
      const { http, stream } = connection
      if (http.canRequest && http.pending === 0 && this.idle.length < IDLE_LIMIT) this.idle.push(connection)
      else stream.close()
    }
    let isOver = false
    return {
      length,
      *read() {
        if (isOver) return undefined
        const event = yield* connection.next()
        if (event.type === 'data') return event.bytes
        isOver = true
        if (event.type === 'closed') {
          connection.stream.close()
          throw broken(event)
        }
        settle()
        return undefined
      },
      cancel() {
        if (isOver) return
        isOver = true
        connection.stream.close()
      },
    }
  }
}

function broken({ error }: Extract<Http1ClientEvent, { type: 'closed' }>): SocketError {
  return new SocketError('ECONNRESET', error?.detail ?? 'the server closed the connection before it had answered')
}
