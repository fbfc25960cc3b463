import { Http3Client } from '../protocols/http3/client.ts'
import type { Http3ClientEvent } from '../protocols/http3/event.ts'
import type { Http3Fault } from '../protocols/http3/fault.ts'
import type { Http3FrameNotice, Http3Settings } from '../protocols/http3/options.ts'
import type { QuicEvent } from '../protocols/quic/event.ts'
import type { AppContext, Blocking } from '../host/socket.ts'
import { WaitQueue } from '../host/tasks.ts'
import type { ClientQuicSettings } from '../scenario/quic-settings.ts'
import type { HeaderField } from '../wire/http1.ts'
import { HTTP3_ERROR_CODE } from '../wire/http3-names.ts'
import { isIncremental, rankOf } from './fetch-priority.ts'
import { filler, fillerKey } from './filler.ts'
import { HttpExchange } from './http-exchange.ts'
import type { ExchangeOwner } from './http-exchange.ts'
import type { QuicClientTransport } from './quic-client-transport.ts'
import { describedSettings } from './quic-options.ts'
import type { QuicUser } from './quic-user.ts'
import { formatAuthority } from './url.ts'
import { failureOf, failureOfFault } from './web-fetch.ts'
import type { Failure, Fetch } from './web-fetch.ts'

const ENDED: Failure = { error: 'incomplete', detail: 'the connection ended before the response', whose: 'remote' }

/** What Chrome announces. */
const LARGEST_FIELD_SECTION = 262_144

export interface Http3ExchangeOptions {
  readonly quic: ClientQuicSettings
  /** The server's settings of the connection that is resumed. */
  readonly rememberedSettings: Http3Settings | undefined
  /** Is told when the handshake is complete. */
  readonly connected: () => void
  /** Is told when a path that was tried turned out to be none. */
  readonly pathAbandoned: () => void
}

/** HTTP/3 over one QUIC connection: any number of requests, each on a stream of its own. */
export class Http3Exchange extends HttpExchange implements QuicUser {
  readonly protocol = 'h3'
  readonly isMultiplexed = true
  /** What the server has announced; undefined while it has not. */
  serverSettings: Http3Settings | undefined
  private http: Http3Client | undefined
  /** How much is left to be given away of a request's body. */
  private readonly uploads = new Map<Fetch, number>()
  /** Fetches whose response has begun. */
  private readonly answering = new Set<Fetch>()
  private isRetiredNow = false
  private isTelling = false
  private readonly ended = new WaitQueue()

  constructor(
    context: AppContext,
    owner: ExchangeOwner,
    readonly transport: QuicClientTransport,
    private readonly options: Http3ExchangeOptions,
  ) {
    super(context, owner)
  }

  get connection(): string {
    return this.transport.connection
  }

  get canBegin(): boolean {
    return !this.isOver && this.http?.canRequest === true
  }

  get canPipeline(): boolean {
    return false
  }

  override get isRetired(): boolean {
    return this.isRetiredNow
  }

  /** Blocks until requests can go out, perhaps as early data. @throws SocketError */
  *open(): Blocking<void> {
    yield* this.transport.open(this)
  }

  /** Blocks until the connection is over; behind `open`. */
  *run(): Blocking<void> {
    try {
      while (!this.isOver) yield this.ended
    } finally {
      this.stop()
    }
  }

  /** Nobody has answered: what was sent as early data may be sent again elsewhere. */
  giveUp(failure: Failure): void {
    if (this.isOver) return
    this.record('http:connection-failed', { ...failure })
    this.end(failure, true, [])
  }

  /** For whoever lets several attempts race. */
  close(): void {
    this.abort()
  }

  protected isAnswering(fetch: Fetch): boolean {
    return this.answering.has(fetch)
  }

  protected isSent(fetch: Fetch): boolean {
    return (this.uploads.get(fetch) ?? 0) === 0
  }

  protected request(fetch: Fetch, conditions: readonly HeaderField[]): number {
    if (this.http === undefined) throw new Error('a request before the connection')
    const { url, method, request } = fetch
    fetch.wasEarly = this.transport.isEarly
    const { scheme } = url
    const fields = this.fieldsOf(conditions)
    const head = { method, scheme, authority: formatAuthority(url), path: url.target, fields, body: request.upload }
    const priority = { urgency: rankOf(fetch.priority), incremental: isIncremental(request.kind) }
    const stream = this.http.request(head, priority)
    if (request.upload > 0) this.upload(this.http, stream, fetch)
    return stream
  }

  private upload(http: Http3Client, stream: number, fetch: Fetch): void {
    const { upload } = fetch.request
    const key = fillerKey(fetch.url.target)
    this.uploads.set(fetch, upload)
    http.sendSource(stream, {
      length: upload,
      read: (offset, most) => {
        const bytes = filler(key, offset, Math.min(most, upload - offset))
        // What was lost is read again.
        const left = upload - offset - bytes.length
        this.uploads.set(fetch, Math.min(this.uploads.get(fetch) ?? 0, left))
        return bytes
      },
    })
  }

  protected flush(): void {
    if (!this.isTelling) this.transport.flush()
    this.noteSent()
  }

  // What happens below.

  /** When early data are rejected, each request among it is told as reset and unprocessed. */
  handleEvent(event: QuicEvent): void {
    // What comes behind our own end concerns nobody.
    if (this.isOver) return
    switch (event.type) {
      case 'early-data-allowed':
        this.begun()
        return
      case 'connected':
        if (this.http === undefined) this.begun()
        this.options.connected()
        return
      case 'stream-data':
        this.lastProgress = this.context.environment.now
        this.http?.handle(event, this.lastProgress)
        return
      case 'stream-opened':
      case 'stream-reset':
      case 'stop-sending':
      case 'stream-acknowledged':
      case 'streams-available':
      case 'datagram':
      case 'early-data':
        this.http?.handle(event, this.context.environment.now)
        return
      case 'path-abandoned':
        this.options.pathAbandoned()
        return
      case 'draining':
      case 'closed':
        this.takeEnd(event)
        return
      default:
    }
  }

  settle(): void {
    if (this.isOver) return
    this.isTelling = true
    this.takeEvents()
    this.isTelling = false
    this.noteSent()
  }

  /** Requests can go out. */
  private begun(): void {
    const { quic, rememberedSettings } = this.options
    this.http = new Http3Client(this.transport.quic, {
      settings: {
        qpackMaxTableCapacity: quic.qpackTableCapacity,
        qpackBlockedStreams: quic.qpackBlockedStreams,
        maxFieldSectionSize: LARGEST_FIELD_SECTION,
        datagrams: quic.datagrams,
      },
      qpackTableCapacity: quic.qpackTableCapacity,
      qpackBlockedStreams: quic.qpackBlockedStreams,
      // What was remembered binds the server only where it takes early data.
      ...(rememberedSettings !== undefined && this.transport.isEarly && { rememberedSettings }),
      onFrame: this.onFrame,
    })
  }

  private readonly onFrame = ({ direction, stream, type, length, from, to }: Http3FrameNotice): void => {
    this.record(`http3:frame-${direction}`, { stream, type, length, from, to })
  }

  private takeEnd(event: Extract<QuicEvent, { type: 'draining' | 'closed' }>): void {
    const { transport, http } = this
    if (transport.parameters !== undefined && http !== undefined) {
      http.handle(event, this.context.environment.now)
      return
    }
    if (http !== undefined) this.giveUp(transport.error === undefined ? ENDED : failureOf(transport.error))
  }

  // What happens above.

  private takeEvents(): void {
    const { http } = this
    if (http === undefined) return
    for (let event = http.pollEvent(); event; event = http.pollEvent()) this.takeEvent(event)
  }

  private takeEvent(event: Http3ClientEvent): void {
    switch (event.type) {
      case 'closed':
        this.takeClosed(event.error, event.broken, event.unprocessed)
        return
      case 'goaway':
        this.isRetiredNow = true
        this.record('http3:goaway-received', { firstRefused: event.firstRefused, ...failureOfFault(event.error) })
        this.owner.available()
        return
      case 'settings':
        this.serverSettings = event.settings
        this.record('http3:settings-received', describedSettings(event.settings))
        return
      case 'available':
        this.owner.available()
        return
      case 'blocked':
        this.record('qpack:blocked', { stream: event.stream, requiredInsertCount: event.requiredInsertCount })
        return
      case 'unblocked':
        this.record('qpack:unblocked', { stream: event.stream })
        return
      case 'datagram':
        return
      default: {
        const fetch = this.inFlight.get(event.stream)
        if (fetch !== undefined) this.takeOf(fetch, event)
      }
    }
  }

  private takeOf(
    fetch: Fetch,
    event: Extract<Http3ClientEvent, { type: 'informational' | 'response' | 'data' | 'end' | 'reset' }>,
  ): void {
    switch (event.type) {
      case 'informational':
        return
      case 'response':
        this.answering.add(fetch)
        this.respond(fetch, event.status, event.fields)
        return
      case 'data':
        this.receive(fetch, event.bytes)
        return
      case 'end':
        this.forget(fetch)
        this.complete(event.stream, fetch)
        return
      case 'reset':
        this.inFlight.delete(event.stream)
        this.forget(fetch)
        fetch.wasEarly = false
        if (event.isUnprocessed && !fetch.isCancelled) this.owner.returned(fetch, failureOfFault(event.error))
        else fetch.fail(failureOfFault(event.error), this.connection, this.protocol)
        this.owner.available()
    }
  }

  private forget(fetch: Fetch): void {
    this.answering.delete(fetch)
    this.uploads.delete(fetch)
    this.sending.delete(fetch)
  }

  private takeClosed(error: Http3Fault | undefined, broken: readonly number[], unprocessed: readonly number[]): void {
    const failure = this.transport.error !== undefined ? failureOf(this.transport.error) : error ? failureOfFault(error) : ENDED
    if (error) this.record('http:connection-failed', { ...failure })
    const lost = broken.filter((stream) => !unprocessed.includes(stream)).flatMap((stream) => this.inFlight.get(stream) ?? [])
    // What the server did nothing with may be sent again; what it did not answer it may have done something with, which GET allows once.
    const answered = lost.filter((fetch) => this.answering.has(fetch))
    this.end(failure, error === undefined || error.code === 'H3_NO_ERROR', answered)
  }

  protected override stop(): void {
    super.stop()
    if (this.transport.parameters === undefined) this.transport.abort()
    else this.transport.close(HTTP3_ERROR_CODE.H3_NO_ERROR)
    this.ended.wake()
  }

  reprioritise(fetch: Fetch): void {
    for (const [stream, other] of this.inFlight) {
      if (other !== fetch) continue
      this.http?.reprioritise(stream, { urgency: rankOf(fetch.priority), incremental: isIncremental(fetch.request.kind) })
      this.flush()
    }
  }

  cancel(fetch: Fetch): boolean {
    for (const [stream, other] of this.inFlight) {
      if (other !== fetch) continue
      this.inFlight.delete(stream)
      this.forget(fetch)
      this.http?.cancel(stream)
      this.flush()
    }
    return true
  }
}
