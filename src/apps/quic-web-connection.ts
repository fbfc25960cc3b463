import { SocketError } from '../host/socket.ts'
import type { AppContext, Blocking, SocketAddress, Task } from '../host/socket.ts'
import { SECOND, type Nanos } from '../kernel/time.ts'
import type { ClientTlsSettings } from '../scenario/tls-settings.ts'
import type { IpAddress } from '../wire/address.ts'
import { raceAddresses } from './happy-eyeballs.ts'
import type { Http3Place } from './http3-choice.ts'
import { Http3Exchange } from './http3-exchange.ts'
import { QuicClientTransport } from './quic-client-transport.ts'
import type { Loss } from './http-exchange.ts'
import type { HttpUrl } from './url.ts'
import { Disagreement, NO_TLS, WebConnection } from './web-connection.ts'
import type { ConnectionOwner } from './web-connection.ts'
import type { Failure } from './web-fetch.ts'

/** How long a handshake may take, and how long nobody need answer at all: Chrome's. */
const HANDSHAKE_LIMIT: Nanos = 10 * SECOND
const SILENCE_LIMIT: Nanos = 5 * SECOND

const TOO_LATE: Failure = {
  error: 'ETIMEDOUT',
  detail: 'the handshake did not come to an end within the time allowed',
  whose: 'network',
}
const NETWORK_CHANGED: Failure = {
  error: 'ERR_NETWORK_CHANGED',
  detail: 'the address that the connection was made from is gone, and it could not go on from another',
  whose: 'network',
  cites: 'RFC 9000 section 9',
}

/** A connection of HTTP/3. */
export class QuicWebConnection extends WebConnection {
  readonly transport = 'quic'
  declare protected exchange: Http3Exchange | undefined
  private quic: QuicClientTransport | undefined
  private limit: Task | undefined
  /** Whose handshake took too long. */
  private late: Http3Exchange | undefined

  constructor(
    context: AppContext,
    owner: ConnectionOwner,
    url: HttpUrl,
    private readonly place: Http3Place,
  ) {
    super(context, owner, url, place.host, place.port)
  }

  get peerChain(): readonly Uint8Array[] | undefined {
    return this.quic?.certificateError === undefined ? this.quic?.parameters?.peerChain : undefined
  }

  override get isEarly(): boolean {
    return this.quic?.isEarly === true
  }

  override get smoothedRtt(): Nanos | undefined {
    return this.quic?.parameters && this.quic.quic.statistics.smoothedRtt
  }

  get local(): SocketAddress | undefined {
    return this.quic?.local
  }

  get remote(): SocketAddress | undefined {
    return this.quic?.remote
  }

  get connection(): string {
    return this.quic?.connection ?? ''
  }

  *closed(): Blocking<void> {
    if (this.quic !== undefined) yield* this.quic.ended()
  }

  networkChanged(): void {
    const { quic, exchange, context, settings } = this
    if (quic === undefined || exchange === undefined || quic.isClosed) return
    const source = context.sockets.sourceTowards(quic.remote.address)
    // Without any way it may still come back; with the usual one there is nothing to do.
    if (source === undefined || source === quic.local.address) return
    if (!settings.quic.migration || !quic.migrate()) this.stayOrEnd()
  }

  /** There is no other path than that which it has, which may be dead. */
  private stayOrEnd(): void {
    const { quic, exchange, context } = this
    if (quic !== undefined && !context.sockets.canLeaveFrom(quic.local.address)) exchange?.lose(NETWORK_CHANGED)
  }

  override rebind(): void {
    this.quic?.rebind()
  }

  override over(loss: Loss): void {
    this.limit?.cancel()
    // Who once worked and falls silent may have been blocked since.
    const isConnected = this.quic?.parameters !== undefined
    const { failure } = loss
    if (!isConnected || (failure.whose === 'network' && failure !== NETWORK_CHANGED)) this.owner.quicFailed(this.place, failure)
    super.over(loss)
  }

  override abort(): void {
    this.limit?.cancel()
    super.abort()
  }

  protected override refuse(failure: Failure): void {
    this.owner.quicFailed(this.place, failure)
    super.refuse(failure)
  }

  protected *establish(addresses: readonly IpAddress[]): Blocking<void> {
    if (this.settings.tls === undefined) throw new Disagreement(NO_TLS)
    const { tls } = this.settings
    const isAlone = addresses.length === 1
    const attempt = (address: IpAddress): Blocking<Http3Exchange> => this.attempt(address, tls, isAlone)
    const exchange = yield* raceAddresses(this.context, addresses, this.settings, attempt)
    this.exchange = exchange
    this.quic = exchange.transport
    if (exchange.transport.parameters === undefined) this.limit = this.context.spawn(this.limitHandshake(exchange))
  }

  protected *carry(): Blocking<void> {
    if (this.exchange !== undefined) yield* this.exchange.run()
  }

  /** @param isAlone whether no other address is tried, so that the first request may go out at once */
  private *attempt(address: IpAddress, tls: ClientTlsSettings, isAlone: boolean): Blocking<Http3Exchange> {
    const { context, owner, url, place } = this
    const { quic } = this.settings
    const ticket = tls.resumption && isAlone ? owner.takeQuicTicket() : undefined
    const transport = new QuicClientTransport(context, {
      remote: { address, port: place.port },
      serverName: url.host,
      alpn: ['h3'],
      tls,
      quic,
      ...(!owner.mayProceed && { mayProceed: false }),
      session: ticket?.session,
      token: owner.takeToken(),
      ticketReceived: (session) => {
        owner.keepQuicTicket({ session, settings: exchange.serverSettings })
      },
      tokenReceived: (token) => {
        owner.keepToken(token)
      },
    })
    const exchange: Http3Exchange = new Http3Exchange(context, this, transport, {
      quic,
      rememberedSettings: ticket?.settings,
      connected: () => {
        this.limit?.cancel()
        owner.quicConfirmed(place)
      },
      pathAbandoned: () => {
        this.stayOrEnd()
      },
    })
    const limit = context.spawn(this.limitHandshake(exchange))
    let isReady = false
    try {
      yield* exchange.open()
      if (!isAlone) yield* transport.connected()
      isReady = true
      return exchange
    } catch (error) {
      if (exchange === this.late) throw new SocketError('ETIMEDOUT', TOO_LATE.detail)
      throw error
    } finally {
      limit.cancel()
      if (!isReady) transport.abort()
    }
  }

  /** Gives up a handshake that takes too long; at once when nothing at all has come. */
  private *limitHandshake(exchange: Http3Exchange): Blocking<void> {
    const { context } = this
    const { transport } = exchange
    const { timeout } = this.settings
    const most = timeout > 0 ? Math.min(timeout, HANDSHAKE_LIMIT) : HANDSHAKE_LIMIT
    const first = Math.min(most, SILENCE_LIMIT)
    yield* context.sleep(first)
    if (transport.quic.statistics.packetsReceived > 0 && most > first) yield* context.sleep(most - first)
    if (transport.parameters !== undefined) return
    this.late = exchange
    if (exchange === this.exchange) exchange.giveUp(TOO_LATE)
    else transport.abort()
  }
}
