import type { AppContext, Blocking, SocketAddress, TcpSocket } from '../host/socket.ts'
import type { TcpProtocolName } from '../scenario/tls-settings.ts'
import type { IpAddress } from '../wire/address.ts'
import type { ByteStream } from './byte-stream.ts'
import { connectToAny } from './happy-eyeballs.ts'
import { Http1Exchange } from './http1-exchange.ts'
import { Http2Exchange } from './http2-exchange.ts'
import { connectSecurely } from './secure-stream.ts'
import type { SecureStream } from './secure-stream.ts'
import type { StreamExchange } from './stream-exchange.ts'
import type { HttpUrl } from './url.ts'
import { Disagreement, NO_TLS, tcpProtocolsFor, WebConnection } from './web-connection.ts'
import type { ConnectionOwner } from './web-connection.ts'
import type { Failure, Fetch } from './web-fetch.ts'

const NO_AGREEMENT: Failure = {
  error: 'ERR_ALPN_NEGOTIATION_FAILED',
  detail: 'the server chose no protocol that this browser speaks',
  whose: 'remote',
  cites: 'RFC 9113 section 3.2',
}

/** A connection belongs to the addresses that it was made between (RFC 9293 section 3.3.1): Chrome gives up what has lost its own. */
const NETWORK_CHANGED: Failure = {
  error: 'ERR_NETWORK_CHANGED',
  detail: 'the address that the connection was made from is gone, and TCP cannot go on from another',
  whose: 'network',
  cites: 'RFC 9293 section 3.3.1',
}

/** A connection over TCP, with TLS or without. */
export class TcpWebConnection extends WebConnection {
  readonly transport = 'tcp'
  declare protected exchange: StreamExchange | undefined
  private stream: ByteStream | undefined
  private secure: SecureStream | undefined

  /** @param isCautious whether one response has to come before requests are pipelined */
  constructor(
    context: AppContext,
    owner: ConnectionOwner,
    url: HttpUrl,
    private readonly isCautious: boolean,
  ) {
    super(context, owner, url, url.host, url.port)
  }

  get peerChain(): readonly Uint8Array[] | undefined {
    return this.secure?.certificateError === undefined ? this.secure?.peerChain : undefined
  }

  get local(): SocketAddress | undefined {
    return this.stream?.local
  }

  get remote(): SocketAddress | undefined {
    return this.stream?.remote
  }

  get connection(): string {
    return this.stream?.connection ?? ''
  }

  *closed(): Blocking<void> {
    if (this.secure !== undefined) yield* this.secure.closed()
  }

  networkChanged(): void {
    const { local, remote, exchange, context } = this
    if (local === undefined || remote === undefined || context.sockets.canLeaveFrom(local.address)) return
    // Without any other way, it may still come back.
    if (context.sockets.sourceTowards(remote.address) !== undefined) exchange?.lose(NETWORK_CHANGED)
  }

  protected *establish(addresses: readonly IpAddress[]): Blocking<void> {
    this.stream = this.url.scheme === 'https' ? yield* this.openSecurely(addresses) : yield* this.openPlainly(addresses)
  }

  protected *carry(): Blocking<void> {
    if (this.stream !== undefined && this.exchange !== undefined) yield* this.exchange.run(this.stream)
  }

  private *connect(addresses: readonly IpAddress[], data?: Uint8Array): Blocking<TcpSocket> {
    const { timeout, happyEyeballs, attemptDelay } = this.settings
    const options = { port: this.url.port, timeout, happyEyeballs, attemptDelay, ...(data !== undefined && { data }) }
    return yield* connectToAny(this.context, addresses, options)
  }

  private *openPlainly(addresses: readonly IpAddress[]): Blocking<ByteStream> {
    const [protocol] = tcpProtocolsFor(this.settings, this.url)
    const exchange = this.speak(protocol)
    const first = this.settings.fastOpen && addresses.length === 1 ? this.takeFirst(exchange) : undefined
    const socket = yield* this.connect(addresses, first && exchange.firstBytes())
    yield* exchange.attach(socket)
    return socket
  }

  private *openSecurely(addresses: readonly IpAddress[]): Blocking<ByteStream> {
    const { context, owner, url } = this
    const { tls, timeout } = this.settings
    if (tls === undefined) throw new Disagreement(NO_TLS)
    const alpn = tcpProtocolsFor(this.settings, url)
    const socket = yield* this.connect(addresses)
    this.enter('tls', socket.connection)
    const ticket = tls.resumption ? owner.takeTicket() : undefined
    let early: { exchange: StreamExchange; fetch: Fetch; bytes: Uint8Array } | undefined
    const before = alpn.find((name) => name === ticket?.protocol)
    if (tls.earlyData && ticket !== undefined && before !== undefined) {
      const exchange = this.speak(before)
      const fetch = this.takeFirst(exchange)
      if (fetch !== undefined) early = { exchange, fetch, bytes: exchange.firstBytes() }
    }
    const secure: SecureStream = yield* connectSecurely(context, socket, {
      serverName: url.host,
      alpn,
      settings: tls,
      timeout,
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
    yield* this.speak(agreed).attach(secure)
    return secure
  }

  private speak(protocol: TcpProtocolName): StreamExchange {
    this.exchange =
      protocol === 'h2'
        ? new Http2Exchange(this.context, this, { push: this.settings.push, pushes: this.owner.pushes })
        : new Http1Exchange(this.context, this, protocol, this.isCautious)
    return this.exchange
  }
}

function isOld(protocol: TcpProtocolName): boolean {
  return protocol !== 'h2'
}
