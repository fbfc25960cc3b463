import type { AppContext, Blocking, SocketAddress, Task } from '../host/socket.ts'
import type { Http3Settings } from '../protocols/http3/options.ts'
import type { QuicSession } from '../protocols/quic/session.ts'
import type { TlsSession } from '../protocols/tls/session.ts'
import type { ClientQuicSettings } from '../scenario/quic-settings.ts'
import type { ClientTlsSettings, HttpProtocol, TcpProtocolName } from '../scenario/tls-settings.ts'
import type { Nanos } from '../kernel/time.ts'
import type { IpAddress } from '../wire/address.ts'
import type { FetchPhase } from './fetch-events.ts'
import type { ConnectOptions } from './happy-eyeballs.ts'
import type { PushCache } from './pushed-response.ts'
import type { Http3Place } from './http3-choice.ts'
import type { ExchangeOwner, ExchangeSettings, HttpExchange, Loss } from './http-exchange.ts'
import type { HttpUrl } from './url.ts'
import { failureOf } from './web-fetch.ts'
import type { Failure, Fetch } from './web-fetch.ts'

/** What a connection needs to know of the browser. It may change at any time. */
export interface ConnectionSettings extends ExchangeSettings, Pick<ConnectOptions, 'happyEyeballs' | 'attemptDelay'> {
  /** Whether the first request goes out with the connection, in its SYN where TCP allows (RFC 7413). */
  readonly fastOpen: boolean
  /**
   * What it speaks, best first. With HTTP/3 among it, that is tried at once, as if DNS had said that the server speaks it (RFC 9460
   * section 7.1). Undefined: HTTP/2 and HTTP/1.1 under TLS, HTTP/3 where a server has said that it speaks it, HTTP/1.1 without TLS.
   */
  readonly protocols: readonly HttpProtocol[] | undefined
  readonly tls: ClientTlsSettings | undefined
  readonly quic: ClientQuicSettings
  /** Whether servers may push (HTTP/2). */
  readonly push: boolean
}

/** What is kept to resume a session of TLS over TCP, and what was spoken then. */
export interface Ticket {
  readonly session: TlsSession
  readonly protocol: TcpProtocolName
}

/** What is kept to resume a QUIC connection with HTTP/3, and what the server's settings were (RFC 9114 section 7.2.4.2). */
export interface QuicTicket {
  readonly session: QuicSession
  readonly settings: Http3Settings | undefined
}

/** Who has a connection, and hears of it. */
export interface ConnectionOwner {
  readonly settings: ConnectionSettings
  /** Something changed: it can take a request now, perhaps. */
  available(): void
  /** A request that may go out before the connection is established, and with it twice if the network has it so (RFC 7413 section 6.1). */
  firstRequest(): Fetch | undefined
  /** Another connection that does as well: same server, and a certificate for this name, too (RFC 9113 section 9.1.1, RFC 9114 section 3.3). */
  coalesced(connection: WebConnection, addresses: readonly IpAddress[]): boolean
  /** Takes the latest ticket out of the store. */
  takeTicket(): Ticket | undefined
  keepTicket(ticket: Ticket): void
  /** The same of QUIC. */
  takeQuicTicket(): QuicTicket | undefined
  keepQuicTicket(ticket: QuicTicket): void
  takeToken(): Uint8Array | undefined
  keepToken(token: Uint8Array): void
  /** A server has answered over QUIC, or nobody has. */
  quicConfirmed(place: Http3Place): void
  quicFailed(place: Http3Place, failure: Failure): void
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
/** Why nothing of the https scheme can be had. */
export const NO_TLS: Failure = {
  error: 'ERR_SSL_PROTOCOL_ERROR',
  detail: 'this browser was given no settings for TLS',
  whose: 'local',
}

/** Protocols that are spoken with a server over TCP, best first. Without TLS nothing is negotiated: one is chosen beforehand. */
export function tcpProtocolsFor(
  settings: Pick<ConnectionSettings, 'protocols'>,
  { scheme }: HttpUrl,
): readonly TcpProtocolName[] {
  const listed: readonly TcpProtocolName[] = settings.protocols?.filter((protocol) => protocol !== 'h3') ?? USUAL[scheme]
  if (scheme === 'https') return listed
  // HTTP/2 without TLS takes prior knowledge (RFC 9113 section 3.3), which only an author has who lists nothing else.
  return [listed.find((protocol) => protocol === 'http/1.1') ?? listed.find((protocol) => protocol !== 'h2') ?? 'h2']
}

/** One connection of a browser to a server: it is opened, in three phases at most, and then exchanges requests and responses. */
export abstract class WebConnection implements ExchangeOwner {
  abstract readonly transport: 'tcp' | 'quic'
  /** The fetch that it is opened for: its phases are the connection's. */
  herald: Fetch | undefined
  /** What it is at, while it is opened. */
  phase: FetchPhase = 'dns'
  protected exchange: HttpExchange | undefined
  private isEstablished = false
  private isOver = false
  private task: Task | undefined
  /** Origins that it serves; the first one opened it. */
  private readonly owners: ConnectionOwner[]

  /**
   * @param host whom it connects to, which may be another than that of the address (RFC 7838)
   * @param port at which he is
   */
  constructor(
    protected readonly context: AppContext,
    protected readonly owner: ConnectionOwner,
    protected readonly url: HttpUrl,
    private readonly host: string,
    readonly port: number,
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
    return !this.isEstablished && !this.isOver
  }

  /** Whether it is not established yet, and has a request already. */
  get isTaken(): boolean {
    return this.isOpening && this.load > 0
  }

  /** The certificates of a server of the https scheme, when there is no objection to them. */
  abstract get peerChain(): readonly Uint8Array[] | undefined

  /** Whether it takes no more requests, though it goes on with those that it has. */
  get isRetired(): boolean {
    return this.exchange?.isRetired === true
  }

  /** Whether what is sent now may be a replay to the server: the handshake is not complete. */
  get isEarly(): boolean {
    return false
  }

  /** As the transport has measured it; undefined: it does not tell. */
  get smoothedRtt(): Nanos | undefined {
    return undefined
  }

  abstract get local(): SocketAddress | undefined
  abstract get remote(): SocketAddress | undefined
  /** Name of the conversation; '' while there is none. */
  abstract get connection(): string

  get protocol(): HttpExchange['protocol'] | undefined {
    return this.isEstablished ? this.exchange?.protocol : undefined
  }

  /** How many requests wait for the end of their response. */
  get load(): number {
    return this.exchange?.load ?? 0
  }

  /** Whether a request can go out now, without waiting for others. */
  get isIdle(): boolean {
    return !this.isOver && this.isEstablished && this.exchange?.canBegin === true
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
  abstract closed(): Blocking<void>

  /** The host has other ways to the outside than before. */
  abstract networkChanged(): void

  /** A NAT on the way forgets the port that it was made from. */
  rebind(): void {
    // What belongs to its ports cannot; there is no NAT here that would forget those of TCP.
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

  protected enter(phase: FetchPhase, connection = ''): void {
    this.phase = phase
    this.herald?.enter(phase, connection)
  }

  /** Makes the connection, and gives it its exchange. @throws SocketError, Disagreement */
  protected abstract establish(addresses: readonly IpAddress[]): Blocking<void>

  /** Lets the exchange go on until the connection is over. */
  protected abstract carry(): Blocking<void>

  private *run(): Blocking<void> {
    try {
      this.enter('dns')
      const addresses = yield* this.context.sockets.resolveAll(this.host)
      if (this.owner.coalesced(this, addresses)) {
        this.isOver = true
        return
      }
      this.enter('connect')
      yield* this.establish(addresses)
    } catch (error) {
      this.refuse(error instanceof Disagreement ? error.failure : failureOf(error))
      return
    }
    this.isEstablished = true
    this.available()
    yield* this.carry()
  }

  protected refuse(failure: Failure): void {
    this.isOver = true
    const first = this.exchange?.takeBack() ?? []
    this.owner.refused(this, failure, first)
  }

  /** @returns a request that may go out before the connection is there */
  protected takeFirst(exchange: HttpExchange): Fetch | undefined {
    const first = this.owner.firstRequest()
    if (first === undefined) return undefined
    if (this.herald !== first) first.enter(this.phase, '')
    this.herald = undefined
    exchange.begin(first)
    return first
  }
}

/** The connection stands, or could have stood, but nothing can be spoken over it. */
export class Disagreement extends Error {
  constructor(readonly failure: Failure) {
    super(failure.detail)
  }
}
