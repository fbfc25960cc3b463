import { SocketError } from '../host/socket.ts'
import type { AppContext, SocketAddress } from '../host/socket.ts'
import type { EventData } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import { formatIp } from '../wire/address.ts'
import type { HeaderField } from '../wire/http1.ts'
import { Digest } from './digest.ts'
import { KEPT_BODY } from './http-service.ts'
import type { HttpService, ServedAs, SiteAnswer, SiteRequest } from './http-service.ts'
import type { IncomingBody } from './incoming-body.ts'

/** What carries a connection, as far as its requests want to know. */
interface Carrier {
  readonly connection: string
  readonly local: SocketAddress
  readonly remote: SocketAddress
}

/** What came of a request so far. */
export interface ReceivedRequest {
  readonly method: string
  readonly target: string
  readonly fields: readonly HeaderField[]
  /** Of its body. */
  bytes: number
  readonly body: Uint8Array[]
  readonly digest: Digest | undefined
  /** The body, where it is passed on as it comes. */
  incoming?: IncomingBody
  /** Whether all of it was early data. */
  isEarly: boolean
  /** When it was whole. */
  receivedAt: Nanos
}

/** One connection of a server, whatever version of HTTP it speaks. */
export abstract class ServedConnection {
  /** Whether it is over, by failure or by our own hand: what sockets throw from now on is no news. */
  protected isOver = false

  constructor(
    protected readonly context: AppContext,
    protected service: HttpService,
    private readonly carrier: Carrier,
    protected readonly as: ServedAs,
  ) {}

  /** Name of the conversation. */
  protected get connection(): string {
    return this.carrier.connection
  }

  protected readonly record = (name: string, data: EventData): void => {
    this.context.environment.record(name, this.carrier.connection, data)
  }

  /** Records, once, that the connection is lost. Anything but a socket's error is a fault of this program. */
  protected fail(error: unknown): void {
    if (!(error instanceof SocketError)) throw error
    if (this.isOver) return
    this.isOver = true
    this.record('http:connection-failed', { error: error.code, detail: error.message })
  }

  /** What of a request is the same for all when it begins. */
  protected fresh(): Pick<ReceivedRequest, 'bytes' | 'body' | 'digest' | 'isEarly' | 'receivedAt'> {
    return { bytes: 0, body: [], digest: this.digest(), isEarly: false, receivedAt: 0 }
  }

  /** A part of a request's body. */
  protected receiveBody(request: ReceivedRequest, bytes: Uint8Array): void {
    request.bytes += bytes.length
    request.digest?.update(bytes)
    if (request.incoming !== undefined) request.incoming.push(bytes)
    else if (this.service.keepsBodies && request.bytes <= KEPT_BODY) request.body.push(bytes)
  }

  /** @param numbers what tells it from others of its connection */
  protected recordReceived(numbers: EventData, { method, target, bytes, isEarly, digest }: ReceivedRequest): void {
    const early = isEarly ? { early: true } : {}
    this.record('http:request-received', { ...numbers, method, target, bytes, ...early, ...(digest && { digest: digest.value }) })
  }

  /** @param bytes how many there were of a body; @param digest theirs */
  protected recordSent(numbers: EventData, from: Nanos, status: number, bytes: number, digest: Digest | undefined): void {
    const duration = this.context.environment.now - from
    const sum = digest === undefined ? {} : { digest: digest.value }
    this.record('http:response-sent', { ...numbers, status, bytes, duration, ...sum })
  }

  /** For a body, where digests are wanted. */
  protected digest(): Digest | undefined {
    return this.service.digests ? new Digest() : undefined
  }

  protected siteRequest(request: ReceivedRequest, authority: string): SiteRequest {
    const { method, target, bytes, body, fields, isEarly, digest, incoming } = request
    const { isSecure } = this.as
    const client = formatIp(this.carrier.remote.address)
    const server = formatIp(this.carrier.local.address)
    const common = { method, target, authority, bytes, body, fields, isEarly, isSecure, client, server }
    return incoming === undefined ? { ...common, digest: digest?.value } : { ...common, incoming, digest: undefined }
  }
}

/** How long the body of an answer is, if that is to be said; undefined otherwise. */
export function announcedLength({ content, isChunked }: SiteAnswer): number | undefined {
  return isChunked ? undefined : (content?.length ?? (content === undefined ? 0 : undefined))
}
