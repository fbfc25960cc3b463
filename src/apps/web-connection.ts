import type { AppContext, Blocking, Task, TcpSocket } from '../host/socket.ts'
import type { TlsSession } from '../protocols/tls/session.ts'
import type { ClientTlsSettings, HttpProtocol } from '../scenario/tls-settings.ts'
import type { IpAddress } from '../wire/address.ts'
import type { ByteStream } from './byte-stream.ts'
import type { FetchPhase } from './fetch-events.ts'
import { connectToAny, type ConnectOptions } from './happy-eyeballs.ts'
import { Http1Exchange } from './http1-exchange.ts'
import { Http2Exchange } from './http2-exchange.ts'
import type { PushCache } from './pushed-response.ts'
import type { ExchangeOwner, ExchangeSettings, HttpExchange, Loss } from './http-exchange.ts'
import { connectSecurely } from './secure-stream.ts'
import type { SecureStream } from './secure-stream.ts'
import type { HttpUrl } from './url.ts'
import { failureOf } from './web-fetch.ts'
import type { Failure, Fetch } from './web-fetch.ts'

/** What a connection needs to know of the browser. It may change at any time. */
export interface ConnectionSettings extends ExchangeSettings, Pick<ConnectOptions, 'happyEyeballs' | 'attemptDelay'> {
  /** Whether the first request goes out with the connection, in its SYN where TCP allows (RFC 7413). */
  readonly fastOpen: boolean
  /** What it speaks, best first; undefined: HTTP/2 and HTTP/1.1 under TLS, HTTP/1.1 without. */
  readonly protocols: readonly HttpProtocol[] | undefined
  readonly tls: ClientTlsSettings | undefined
  /** Whether servers may push (HTTP/2). */
  readonly push: boolean
}

/** What is kept to resume a session of TLS, and what was spoken then. */
export interface Ticket {
  readonly session: TlsSession
  readonly protocol: HttpProtocol
}

/** Who has a connection, and hears of it. */
export interface ConnectionOwner {
  readonly settings: ConnectionSettings
  /** Something changed: it can take a request now, perhaps. */
  available(): void
  /** A request that may go out before the connection is established, and with it twice if the network has it so (RFC 7413 section 6.1). */
  firstRequest(): Fetch | undefined
  /** Another connection that does as well: same server, and a certificate for this name, too (RFC 9113 section 9.1.1). */
  coalesced(connection: WebConnection, addresses: readonly IpAddress[]): boolean
  /** Takes the latest ticket out of the store. */
  takeTicket(): Ticket | undefined
  keepTicket(ticket: Ticket): void
  /** Whether a person may go on though something is wrong with the certificate (RFC 6797 section 12.1). */
  readonly mayProceed: boolean
  readonly pushes: PushCache
  /** A request that the server did nothing with. */
  returned(fetch: Fetch, failure: Failure): void
  /** It could not be established; first requests that it had taken were not answered. */
  refused(connection: WebConnection, failure: Failure, first: readonly Fetch[]): void
  /** It is over. */
  gone(connection: WebConnection, loss: Loss): void
}

/** What is spoken when nobody has said what. */
const USUAL = { http: ['http/1.1'], https: ['h2', 'http/1.1'] } as const
const NO_TLS: Failure = { error: 'ERR_SSL_PROTOCOL_ERROR', detail: 'this browser was given no settings for TLS', whose: 'local' }
const NO_AGREEMENT: Failure = {
  error: 'ERR_ALPN_NEGOTIATION_FAILED',
  detail: 'the server chose no protocol that this browser speaks',
  whose: 'remote',
  cites: 'RFC 9113 section 3.2',
}

/** Protocols that are spoken with a server, best first. Without TLS nothing is negotiated: one is chosen beforehand. */
export function protocolsFor(settings: Pick<ConnectionSettings, 'protocols'>, { scheme }: HttpUrl): readonly HttpProtocol[] {
  const listed = settings.protocols ?? USUAL[scheme]
  if (scheme === 'https') return listed
  // HTTP/2 without TLS takes prior knowledge (RFC 9113 section 3.3), which only an author has who lists nothing else.
  return [listed.find((protocol) => protocol === 'http/1.1') ?? listed.find((protocol) => protocol !== 'h2') ?? 'h2']
}

/** One connection of a browser to a server: it is opened, in three phases at most, and then exchanges requests and responses. */
export class WebConnection implements ExchangeOwner {
  /** The fetch that it is opened for: its phases are the connection's. */
  herald: Fetch | undefined
  /** What it is at, while it is opened. */
  phase: FetchPhase = 'dns'
  private exchange: HttpExchange | undefined
  private stream: ByteStream | undefined
  private secure: SecureStream | undefined
  private task: Task | undefined
  private isOver = false
  /** Origins that it serves; the first one opened it. */
  private readonly owners: ConnectionOwner[]

  /** @param isCautious whether one response has to come before requests are pipelined */
  constructor(
    private readonly context: AppContext,
    private readonly owner: ConnectionOwner,
    private readonly url: HttpUrl,
    private readonly isCautious: boolean,
  ) {
    this.owners = [owner]
  }

  open(): void {
    this.task = this.context.spawn(this.run())
  }

  get settings(): ConnectionSettings {
    return this.owner.settings
  }

  /** Whether it is not established yet. */
  get isOpening(): boolean {
    return this.stream === undefined && !this.isOver
  }

  /** Whether it is not established yet, and has a request already. */
  get isTaken(): boolean {
    return this.isOpening && this.load > 0
  }

  /** Under TLS, without any objection to the certificate. */
  get security(): SecureStream | undefined {
    return this.secure?.certificateError === undefined ? this.secure : undefined
  }

  /** Whether it takes no more requests, though it goes on with those that it has. */
  get isRetired(): boolean {
    return this.exchange?.isRetired === true
  }

  get remote(): TcpSocket['remote'] | undefined {
    return this.stream?.remote
  }

  get connection(): string {
    return this.stream?.connection ?? ''
  }

  get protocol(): HttpExchange['protocol'] | undefined {
    return this.stream === undefined ? undefined : this.exchange?.protocol
  }

  /** How many requests wait for the end of their response. */
  get load(): number {
    return this.exchange?.load ?? 0
  }

  /** Whether a request can go out now, without waiting for others. */
  get isIdle(): boolean {
    return !this.isOver && this.stream !== undefined && this.exchange?.canBegin === true
  }

  /** Whether a request can go out now behind others. */
  get canPipeline(): boolean {
    return !this.isOver && this.exchange?.canPipeline === true
  }

  has(fetch: Fetch): boolean {
    return this.exchange?.has(fetch) === true
  }

  /** Sends a request; only when `isIdle` or `canPipeline`. */
  begin(fetch: Fetch): void {
    this.exchange?.begin(fetch)
  }

  reprioritise(fetch: Fetch): void {
    this.exchange?.reprioritise(fetch)
  }

  /** Nobody wants this response any more. @returns whether the connection goes on */
  cancel(fetch: Fetch): boolean {
    return this.exchange?.cancel(fetch) === true
  }

  /** Another origin uses it, too. */
  share(owner: ConnectionOwner): void {
    if (!this.owners.includes(owner)) this.owners.push(owner)
  }

  /** Lets go of the connection and of all that is in flight, without a word to the owner. */
  abort(): void {
    this.isOver = true
    this.exchange?.abort()
    this.task?.cancel()
  }

  /** Blocks until a connection that was aborted is gone in good order. */
  *closed(): Blocking<void> {
    if (this.secure !== undefined) yield* this.secure.closed()
  }

  available(): void {
    for (const owner of [...this.owners]) owner.available()
  }

  returned(fetch: Fetch, failure: Failure): void {
    this.owner.returned(fetch, failure)
  }

  over(loss: Loss): void {
    this.isOver = true
    // Requests go back to the first owner, whose browser finds whose they are; the others only hear that the connection is gone.
    for (const other of this.owners.slice(1)) other.gone(this, { ...loss, broken: [], unanswered: [] })
    this.owner.gone(this, loss)
  }

  private enter(phase: FetchPhase, connection = ''): void {
    this.phase = phase
    this.herald?.enter(phase, connection)
  }

  private *run(): Blocking<void> {
    let stream: ByteStream
    let exchange: HttpExchange
    try {
      this.enter('dns')
      const addresses = yield* this.context.sockets.resolveAll(this.url.host)
      if (this.owner.coalesced(this, addresses)) {
        this.isOver = true
        return
      }
      this.enter('connect')
      stream = this.url.scheme === 'https' ? yield* this.openSecurely(addresses) : yield* this.openPlainly(addresses)
      if (this.exchange === undefined) throw new Error('a connection without an exchange')
      exchange = this.exchange
    } catch (error) {
      this.refuse(error instanceof Disagreement ? error.failure : failureOf(error))
      return
    }
    this.stream = stream
    this.available()
    yield* exchange.run(stream)
  }

  private refuse(failure: Failure): void {
    this.isOver = true
    const first = this.exchange?.takeBack() ?? []
    this.owner.refused(this, failure, first)
  }

  private *connect(addresses: readonly IpAddress[], data?: Uint8Array): Blocking<TcpSocket> {
    const { timeout, happyEyeballs, attemptDelay } = this.settings
    const options = { port: this.url.port, timeout, happyEyeballs, attemptDelay, ...(data !== undefined && { data }) }
    return yield* connectToAny(this.context, addresses, options)
  }

  private *openPlainly(addresses: readonly IpAddress[]): Blocking<ByteStream> {
    const [protocol] = protocolsFor(this.settings, this.url)
    this.exchange = this.speak(protocol)
    const data = this.settings.fastOpen && addresses.length === 1 ? this.takeFirst(this.exchange)?.bytes : undefined
    const socket = yield* this.connect(addresses, data)
    yield* this.exchange.attach(socket)
    return socket
  }

  private *openSecurely(addresses: readonly IpAddress[]): Blocking<ByteStream> {
    const { context, owner, url } = this
    const { tls } = this.settings
    if (tls === undefined) throw new Disagreement(NO_TLS)
    const alpn = protocolsFor(this.settings, url)
    const socket = yield* this.connect(addresses)
    this.enter('tls', socket.connection)
    const ticket = tls.resumption ? owner.takeTicket() : undefined
    let early: { exchange: HttpExchange; fetch: Fetch; bytes: Uint8Array } | undefined
    if (tls.earlyData && ticket !== undefined && alpn.includes(ticket.protocol)) {
      this.exchange = this.speak(ticket.protocol)
      const first = this.takeFirst(this.exchange)
      if (first !== undefined) early = { exchange: this.exchange, ...first }
    }
    const secure: SecureStream = yield* connectSecurely(context, socket, {
      serverName: url.host,
      alpn,
      settings: tls,
      timeout: this.settings.timeout,
      ...(!owner.mayProceed && { mayProceed: false }),
      ...(ticket !== undefined && { session: ticket.session }),
      ...(early !== undefined && { firstBytes: early.bytes }),
      ticketReceived: (session) => {
        owner.keepTicket({ session, protocol: this.exchange?.protocol ?? 'http/1.1' })
      },
    })
    this.secure = secure
    const agreed = alpn.find((name) => name === secure.alpn) ?? (secure.alpn === undefined ? alpn.find(isOld) : undefined)
    if (agreed === undefined) {
      secure.close()
      throw new Disagreement(NO_AGREEMENT)
    }
    if (early?.exchange.protocol === agreed) {
      const isAccepted = secure.earlyData === 'accepted'
      early.fetch.wasEarly = isAccepted
      yield* early.exchange.attach(secure, isAccepted ? undefined : early.bytes)
      return secure
    }
    for (const fetch of early?.exchange.takeBack() ?? []) owner.returned(fetch, NO_AGREEMENT)
    this.exchange = this.speak(agreed)
    yield* this.exchange.attach(secure)
    return secure
  }

  private speak(protocol: HttpProtocol): HttpExchange {
    if (protocol === 'h2') return new Http2Exchange(this.context, this, { push: this.settings.push, pushes: this.owner.pushes })
    return new Http1Exchange(this.context, this, protocol, this.isCautious)
  }

  /** @returns a request that may go out before the connection is there, and its bytes */
  private takeFirst(exchange: HttpExchange): { fetch: Fetch; bytes: Uint8Array } | undefined {
    const first = this.owner.firstRequest()
    if (first === undefined) return undefined
    if (this.herald !== first) first.enter(this.phase, '')
    this.herald = undefined
    exchange.begin(first)
    return { fetch: first, bytes: exchange.firstBytes() }
  }
}

function isOld(protocol: HttpProtocol): boolean {
  return protocol !== 'h2'
}

/** TLS stands, or could have stood, but nothing can be spoken over it. */
class Disagreement extends Error {
  constructor(readonly failure: Failure) {
    super(failure.detail)
  }
}
