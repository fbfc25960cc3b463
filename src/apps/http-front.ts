import { SocketError } from '../host/socket.ts'
import type { AppContext, Blocking, TcpSocket } from '../host/socket.ts'
import { USUAL_SERVER_QUIC, type ServerQuicSettings } from '../scenario/quic-settings.ts'
import { TCP_PROTOCOLS, type HttpProtocol, type ServerTlsSettings, type TcpProtocolName } from '../scenario/tls-settings.ts'
import type { HttpService, ServedAs } from './http-service.ts'
import { DirectedSite } from './directed-site.ts'
import { QuicListener } from './quic-listener.ts'
import { RedirectSite } from './redirect-site.ts'
import { acceptSecurely } from './secure-stream.ts'
import { ServedHttp1 } from './served-http1.ts'
import { ServedHttp2 } from './served-http2.ts'
import { ServedHttp3 } from './served-http3.ts'
import { TlsService } from './tls-service.ts'
import { joined } from '../wire/joined.ts'

export interface HttpFrontOptions {
  /** Without TLS. */
  readonly port: number
  /** How many connections may wait to be accepted. */
  readonly backlog: number
  /** Whether requests in SYNs are taken (RFC 7413). */
  readonly fastOpen: boolean
  /**
   * Best first; absent: under TLS all but HTTP/3, without it HTTP/1.1 and 1.0. Without TLS a client comes with prior knowledge of HTTP/2, and
   * there is no HTTP/3.
   */
  readonly protocols?: readonly HttpProtocol[] | undefined
  /** Absent: nothing is served under TLS. */
  readonly tls?: ServerTlsSettings | undefined
  /** For HTTP/3; absent: as usual. */
  readonly quic?: ServerQuicSettings | undefined
  /** Whether each client gets a certificate made for the name that it asks for. */
  readonly forges?: boolean
}

const WITHOUT_TLS: readonly TcpProtocolName[] = ['http/1.1', 'http/1.0']

/** What of TLS can be changed while it runs. */
export const LIVE_TLS = 'tls.certificate, .tickets, .earlyData, .replayProtection, .clientAuthentication'

/** In bytes. */
const QUIC_SECRET_LENGTH = 32

/** With what a client of HTTP/2 begins (RFC 9113 section 3.4). */
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

/**
 * Where clients of HTTP come in: listens, with TLS or without, finds out which version a client speaks, and has its connection served. Under
 * TLS the version is agreed on by ALPN; a client that does not speak of it gets HTTP/1.1. HTTP/3 comes in by UDP.
 */
export class HttpFront {
  private readonly tls: TlsService | undefined
  /** What is spoken over TCP; undefined: the usual. */
  private readonly overTcp: readonly TcpProtocolName[] | undefined
  /** The UDP port on which HTTP/3 is spoken; undefined: it is not. */
  readonly quicPort: number | undefined
  private readonly quic: ServerQuicSettings

  constructor(
    private readonly options: HttpFrontOptions,
    private readonly service: HttpService,
  ) {
    const { tls, protocols, quic = USUAL_SERVER_QUIC, forges } = options
    this.tls = tls && new TlsService(tls, forges)
    this.overTcp = protocols?.filter((protocol) => protocol !== 'h3')
    this.quic = quic
    if (tls !== undefined && protocols?.includes('h3') === true) this.quicPort = quic.port === 0 ? tls.port : quic.port
  }

  *main(context: AppContext): Blocking<void> {
    const { tls, service, options, overTcp, quicPort } = this
    if (tls === undefined) {
      yield* this.listen(context, options.port, (socket) => this.servePlainly(context, socket, service))
      return
    }
    if (tls.plain !== 'off') {
      const plain = tls.plain === 'redirect' ? new RedirectSite(tls.port, service) : service
      context.spawn(this.listen(context, options.port, (socket) => this.servePlainly(context, socket, plain)))
    }
    if (quicPort !== undefined) {
      const overUdp = this.listenToQuic(context, tls, quicPort)
      if (overTcp?.length !== 0) context.spawn(overUdp)
      else yield* overUdp
    }
    yield* this.listen(context, tls.port, (socket) => this.serveSecurely(context, socket, tls))
  }

  private *listenToQuic(context: AppContext, tls: TlsService, port: number): Blocking<void> {
    const { quic, service } = this
    const listener = new QuicListener(context, {
      port,
      tls: tls.quicOptions(context, ['h3']),
      earlyData: tls.takesEarlyData,
      quic,
      secret: tls.lastingSecret(context, 'quic', QUIC_SECRET_LENGTH),
      accepted: (connection) => new ServedHttp3(context, service, connection, quic, tls.names),
    })
    yield* listener.run()
  }

  /** @returns false: the path is not below `tls`, or there is no TLS */
  configure(path: string, value: unknown): boolean {
    if (this.tls === undefined || !path.startsWith('tls.')) return false
    this.tls.configure(path.slice('tls.'.length), value)
    return true
  }

  private *listen(context: AppContext, port: number, serve: (socket: TcpSocket) => Blocking<Rest>): Blocking<void> {
    const { backlog, fastOpen } = this.options
    const listener = context.sockets.listen(port, { backlog, fastOpen })
    for (;;) {
      const socket = yield* listener.accept()
      yield* context.processConnection()
      context.spawn(throughout(serve(socket)))
    }
  }

  private *servePlainly(context: AppContext, socket: TcpSocket, service: HttpService): Blocking<Rest> {
    const { overTcp = WITHOUT_TLS } = this
    const protocols = overTcp.length === 0 ? WITHOUT_TLS : overTcp
    const version = protocols.includes('http/1.1') || !protocols.includes('http/1.0') ? '1.1' : '1.0'
    if (!protocols.includes('h2')) return yield* new ServedHttp1(context, service, socket, { isSecure: false }, version).run()
    const first = yield* beginning(context, socket)
    if (first === undefined) return undefined
    const as: ServedAs = { isSecure: false, first: first.bytes }
    if (!first.isHttp2 && protocols.length > 1) return yield* new ServedHttp1(context, service, socket, as, version).run()
    yield* new ServedHttp2(context, service, socket, as).run()
    return undefined
  }

  private *serveSecurely(context: AppContext, socket: TcpSocket, tls: TlsService): Blocking<Rest> {
    const { overTcp: protocols = TCP_PROTOCOLS } = this
    let stream
    try {
      stream = yield* acceptSecurely(context, socket, tls.options(context, protocols))
    } catch (error) {
      // Why is in the trace already.
      if (error instanceof SocketError) return undefined
      throw error
    }
    const protocol = stream.alpn ?? protocols.find((name) => name !== 'h2') ?? 'h2'
    const as: ServedAs = { isSecure: true }
    if (protocol === 'h2') {
      // Only such a connection is ever used for other names (RFC 9113 section 9.1.1); a proxy in front of us sends the names that it was asked for.
      const { serverName } = stream
      const service = serverName === undefined ? this.service : new DirectedSite(this.service, serverName, tls.names)
      yield* new ServedHttp2(context, service, stream, as).run()
      return undefined
    }
    const version = protocol === 'http/1.0' ? '1.0' : '1.1'
    return yield* new ServedHttp1(context, this.service, stream, as, version).run()
  }
}

/** What follows HTTP on a connection; undefined: nothing does. */
type Rest = Blocking<void> | undefined

/** A connection to its very end. What comes after HTTP keeps nothing of what HTTP had needed. */
function* throughout(http: Blocking<Rest>): Blocking<void> {
  const rest = yield* http
  if (rest !== undefined) yield* rest
}

/** Reads until it is clear whether a client speaks HTTP/2 of its own accord (RFC 9113 section 3.3). @returns undefined: the connection is lost */
function* beginning(context: AppContext, socket: TcpSocket): Blocking<{ bytes: Uint8Array; isHttp2: boolean } | undefined> {
  let bytes: Uint8Array = new Uint8Array(0)
  try {
    for (;;) {
      const more = yield* socket.read()
      if (more !== undefined) bytes = joined([bytes, more])
      const length = Math.min(bytes.length, PREFACE.length)
      for (let i = 0; i < length; i++) if (bytes[i] !== PREFACE.charCodeAt(i)) return { bytes, isHttp2: false }
      if (length === PREFACE.length) return { bytes, isHttp2: true }
      if (more === undefined) return { bytes, isHttp2: false }
    }
  } catch (error) {
    if (!(error instanceof SocketError)) throw error
    context.environment.record('http:connection-failed', socket.connection, { error: error.code, detail: error.message })
    socket.close()
    return undefined
  }
}
