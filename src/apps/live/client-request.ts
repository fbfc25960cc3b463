import { SocketError } from '../../host/socket.ts'
import type { Blocking } from '../../host/socket.ts'
import { Http1Client, type Http1ClientEvent } from '../../protocols/http1/client.ts'
import type { HeaderField } from '../../wire/http1.ts'
import type { Nanos } from '../../kernel/time.ts'
import type { ByteStream } from '../byte-stream.ts'
import { UNTOLD, type TransportOwner } from './client-transport.ts'
import { joined } from '../../wire/joined.ts'

/** Most bytes of a response that are taken. */
const LONGEST = 4 * 1_048_576
/** A day: no server can send a client away for longer. */
const LONGEST_WAIT = 86_400

/**
 * How long to wait, by the field Retry-After, in nanoseconds (RFC 9110 section 10.2.3); −1: it does not say.
 *
 * Deviates from RFC 9110 section 10.2.3 in that dates are not understood: servers of this kind count in seconds.
 */
export function retryAfterOf(value: string | undefined): Nanos {
  return value !== undefined && /^\d{1,9}$/.test(value) ? Math.min(Number(value), LONGEST_WAIT) * 1e9 : UNTOLD
}

export interface ClientResponse {
  readonly status: number
  readonly fields: readonly HeaderField[]
  readonly body: Uint8Array
}

export interface ClientRequest {
  readonly method: 'GET' | 'POST'
  readonly target: string
  readonly body?: Uint8Array
}

/** Requests over a connection of HTTP/1.1 that is kept while the server keeps it, one after the other. */
export class ClientRequests {
  private stream: ByteStream | undefined
  private http: Http1Client | undefined
  /** Whether a response has come on this connection, so that it may have grown too old. */
  private isUsed = false
  /** Whether nothing more is asked: a connection that comes now comes too late. */
  private isOver = false

  /** @param open makes a connection */
  constructor(
    private readonly owner: TransportOwner,
    private readonly open: () => Blocking<ByteStream>,
  ) {}

  /** Throws SocketError when no response comes. */
  *request(request: ClientRequest): Blocking<ClientResponse> {
    const wasUsed = this.isUsed && this.isReady
    try {
      return yield* this.attempt(request)
    } catch (error) {
      // A connection that was kept may be closed just when it is used again. What is asked here may be asked twice.
      if (!(error instanceof SocketError) || !wasUsed || this.isAnswered) throw error
      if (this.isOver || this.owner.hasGivenUp) throw error
      return yield* this.attempt(request)
    }
  }

  /** Whether the connection has begun to answer what it was asked last. */
  private isAnswered = false

  private get isReady(): boolean {
    const { stream, http } = this
    return stream?.arrival !== undefined && http?.canRequest === true
  }

  private *attempt({ method, target, body }: ClientRequest): Blocking<ClientResponse> {
    const { owner } = this
    this.isAnswered = false
    if (!this.isReady) {
      this.close()
      const stream = yield* this.open()
      if (this.isOver) stream.close()
      else {
        this.stream = stream
        this.http = new Http1Client()
      }
    }
    const { stream, http } = this
    if (stream === undefined || http === undefined) throw new SocketError('ECONNABORTED', 'the connection was given up')
    const type = body === undefined ? [] : [{ name: 'Content-Type', value: 'application/json' }]
    const fields = [{ name: 'Host', value: owner.authority }, ...type, ...owner.fields]
    http.request({ method, target, fields, body: body?.length ?? 0 })
    if (body !== undefined) {
      http.sendBody(body)
      http.endBody()
    }
    try {
      for (let bytes = http.pollTransmit(); bytes !== undefined; bytes = http.pollTransmit()) yield* stream.write(bytes)
      const response = yield* this.response(stream, http)
      // A connection on which nothing more can be asked is not held on to until there is something to ask.
      if (!this.isReady) this.close()
      return response
    } catch (error) {
      this.close()
      throw error
    }
  }

  private *response(stream: ByteStream, http: Http1Client): Blocking<ClientResponse> {
    const { owner } = this
    let head: (Http1ClientEvent & { readonly type: 'response' }) | undefined
    const pieces: Uint8Array[] = []
    let length = 0
    for (;;) {
      const bytes = yield* stream.read()
      owner.alive()
      if (bytes === undefined) http.handleEnd()
      else http.handle(bytes)
      for (let event = http.pollEvent(); event !== undefined; event = http.pollEvent()) {
        if (event.type === 'response') {
          head = event
          this.isAnswered = true
        } else if (event.type === 'data') {
          length += event.bytes.length
          if (length > LONGEST) throw new SocketError('EMSGSIZE', 'the response is too long')
          pieces.push(event.bytes)
        } else if (event.type === 'end' && head !== undefined) {
          this.isUsed = true
          const { status, fields } = head
          owner.noticed(fields)
          return { status, fields, body: joined(pieces) }
        } else if (event.type === 'closed') {
          throw new SocketError('ECONNRESET', event.error?.detail ?? 'the connection ended before the response')
        }
      }
      if (bytes === undefined) throw new SocketError('ECONNRESET', 'the connection ended before the response')
    }
  }

  /** Nothing is asked any more, and nothing is kept, not even by who is waiting for a connection now. */
  end(): void {
    this.isOver = true
    this.close()
  }

  private close(): void {
    this.stream?.close()
    this.stream = undefined
    this.http = undefined
    this.isUsed = false
  }
}
