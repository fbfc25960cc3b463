import { QuicClient } from '../protocols/quic/client.ts'
import type { QuicDatagram } from '../protocols/quic/datagram.ts'
import type { QuicCommands } from '../protocols/quic/commands.ts'
import type { QuicEvent, QuicParameters } from '../protocols/quic/event.ts'
import type { QuicFault } from '../protocols/quic/fault.ts'
import type { QuicSession } from '../protocols/quic/session.ts'
import { SocketError } from '../host/socket.ts'
import type { AppContext, Blocking, DatagramError, SocketAddress } from '../host/socket.ts'
import { WaitQueue } from '../host/tasks.ts'
import { conversationName } from '../host/tcp-endpoint.ts'
import type { ClientQuicSettings } from '../scenario/quic-settings.ts'
import type { ClientTlsSettings } from '../scenario/tls-settings.ts'
import { parseIp } from '../wire/address.ts'
import type { IpAddress } from '../wire/address.ts'
import { payloadOf, QuicDriver, QuicPort } from './quic-driver.ts'
import type { QuicDriverOwner } from './quic-driver.ts'
import { endFaultOf, quicErrorOf } from './quic-error.ts'
import type { QuicError } from './quic-error.ts'
import { commonQuicOptions } from './quic-options.ts'
import { QuicTrace } from './quic-trace.ts'
import type { QuicUser } from './quic-user.ts'
import type { SecureStreamError } from './secure-stream-error.ts'
import { commonTlsOptions } from './secure-stream.ts'
import { ServerJudge } from './server-judge.ts'

export interface QuicConnectOptions {
  readonly remote: SocketAddress
  /** As in the address: a DNS name goes into SNI, an IP address (as text, without brackets) does not; the certificate must be for it. */
  readonly serverName: string
  /** Best first: `['h3']`. */
  readonly alpn: readonly string[]
  readonly tls: ClientTlsSettings
  readonly quic: ClientQuicSettings
  /** false: nobody may go on in spite of a certificate error, whatever the settings say: with HSTS, for one (RFC 6797 section 12.1). */
  readonly mayProceed?: boolean
  /** Of an earlier connection to the same server, to be offered once. */
  readonly session?: QuicSession | undefined
  /** Of an earlier connection to the same server, to be shown once. */
  readonly token?: Uint8Array | undefined
  /** Told of every ticket, during the handshake or long afterwards. */
  readonly ticketReceived?: (session: QuicSession) => void
  readonly tokenReceived?: (token: Uint8Array) => void
}

/**
 * A client's QUIC connection upon a UDP socket of its own, and in the trace. What is asked of `quic` goes out with `flush`, or at the end of
 * what its user was told.
 */
export class QuicClientTransport implements QuicDriverOwner {
  /** The conversation's name in the trace, of the path that it began with. */
  readonly connection: string
  /** For commands: streams, and all that. */
  readonly quic: QuicCommands
  /** Until it is over. */
  private readonly client: QuicClient
  private readonly driver: QuicDriver<QuicEvent>
  private readonly trace: QuicTrace
  private readonly judge: ServerJudge
  private readonly changed = new WaitQueue()
  private user: QuicUser | undefined
  private agreed: QuicParameters | undefined
  private isEarlyAllowed = false
  private previousPort: number | undefined
  private isOver = false
  private failure: QuicError | SecureStreamError | undefined
  /** Why it is ending. */
  private fault: QuicFault | undefined

  /** @throws SocketError ENETUNREACH */
  constructor(
    private readonly context: AppContext,
    private readonly options: QuicConnectOptions,
  ) {
    const { remote, serverName, alpn, tls, quic, mayProceed = true, session, token } = options
    const port = new QuicPort(context)
    const local = localEnd(port, remote.address)
    this.connection = conversationName(local, remote)
    this.trace = new QuicTrace(context.environment, this.connection, 'client')
    this.judge = new ServerJudge(context, tls, mayProceed && tls.certificateErrors === 'proceed', this.connection)
    const credentials = this.judge.clientCredentials()
    this.client = new QuicClient({
      ...commonQuicOptions(quic),
      local,
      remote,
      tls: {
        ...commonTlsOptions(context, tls, alpn),
        ...(parseIp(serverName) === undefined && { serverName }),
        verifyName: serverName,
        verify: this.judge.verify,
        ...(tls.grease === true && { grease: true }),
        ...(tls.keyShares !== undefined && { keyShares: tls.keyShares }),
        ...(credentials !== undefined && { credentials }),
      },
      ...(session !== undefined && tls.resumption && { session }),
      earlyData: tls.earlyData,
      ...(token !== undefined && { token }),
    })
    this.quic = this.client
    this.driver = new QuicDriver(context, this.client, this)
    this.driver.join(port)
  }

  /** What was agreed on; undefined until the handshake is complete. */
  get parameters(): QuicParameters | undefined {
    return this.agreed
  }

  /** Whether requests may go out though the handshake is not complete: they may be replayed (RFC 9001 section 9.2). */
  get isEarly(): boolean {
    return this.isEarlyAllowed && this.agreed === undefined
  }

  get remote(): SocketAddress {
    return this.client.remote
  }

  get local(): SocketAddress {
    return this.client.local
  }

  /** What is wrong with the server's certificate though the connection goes on, as a browser names it; undefined: nothing. */
  get certificateError(): string | undefined {
    return this.judge.overlooked
  }

  /** Whether nothing can be sent any more. */
  get isClosed(): boolean {
    return this.isOver || this.client.isClosed
  }

  /** Why it came to its end; undefined: as somebody wanted, or it has not. */
  get error(): QuicError | SecureStreamError | undefined {
    return this.failure
  }

  /**
   * Sends the first flight, and blocks until requests can go out: when the handshake is complete, or at once where early data may be sent
   * (`isEarly`). Whoever stops waiting has to `abort`.
   * @param user is told of every event from the first on
   * @throws QuicError, SecureStreamError when it comes to nothing
   */
  *open(user: QuicUser): Blocking<void> {
    this.begin(user)
    yield* this.ready()
  }

  /** The same without blocking: sends the first flight. */
  begin(user: QuicUser): void {
    this.user = user
    this.trace.started(this.client.local, this.client.remote)
    this.driver.pump()
  }

  /** Blocks until requests can go out. @throws as `open` */
  *ready(): Blocking<void> {
    while (this.agreed === undefined && !this.isEarlyAllowed) {
      this.throwIfOver()
      yield this.changed
    }
  }

  /** Blocks until the handshake is complete. @throws as `open` */
  *connected(): Blocking<void> {
    while (this.agreed === undefined) {
      this.throwIfOver()
      yield this.changed
    }
  }

  /** Blocks until it is over, and what came late was heard (RFC 9000 section 10.2). */
  *ended(): Blocking<void> {
    while (!this.isOver) yield this.changed
  }

  private throwIfOver(): void {
    if (this.failure !== undefined) throw this.failure
    if (this.isOver) throw new SocketError('ECONNABORTED', 'the connection was closed before it was established')
  }

  /** Sends what commands have enqueued. */
  flush(): void {
    this.driver.pump()
  }

  /** Ends the connection (CONNECTION_CLOSE). @param code the application's; @param reason in words, ASCII */
  close(code: number, reason = ''): void {
    if (!this.isClosed) this.client.close(code, reason)
    this.driver.pump()
  }

  /** Lets go of it without a word to anybody. */
  abort(): void {
    if (!this.isOver) this.trace.take({ type: 'closed', error: this.fault })
    this.isOver = true
    this.driver.stop()
    this.changed.wake()
  }

  /**
   * Goes on from another address of this host, and another port (RFC 9000 section 9.2). Nothing changes where there is no way.
   * @param source absent: the address that the routes suggest now
   * @returns whether it is tried
   */
  migrate(source?: IpAddress): boolean {
    if (this.isClosed) return false
    let port: QuicPort | undefined
    try {
      port = new QuicPort(this.context)
      const local = source === undefined ? localEnd(port, this.remote.address) : { address: source, port: port.number }
      this.driver.join(port)
      const { local: from, remote } = this
      this.client.migrate(local)
      this.trace.migrating({ local: from, remote }, { local, remote })
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      port?.close()
      this.trace.record('quic:migration-failed', { error: error.code, detail: error.message })
      return false
    }
    this.driver.pump()
    return true
  }

  /** Goes on by another port without QUIC's knowledge, as if a NAT on the way had forgotten the one that was used. */
  rebind(): void {
    if (this.isClosed) return
    const { port } = this.local
    const fresh = new QuicPort(this.context, 0, port)
    this.driver.join(fresh)
    this.trace.record('quic:port-rebound', { from: port, to: fresh.local })
  }

  takeEvents(): boolean {
    let isAny = false
    for (let event = this.client.pollEvent(); event !== undefined; event = this.client.pollEvent()) {
      isAny = true
      this.trace.take(event)
      this.takeEvent(event)
      this.user?.handleEvent(event)
    }
    if (!isAny) return false
    this.user?.settle()
    this.changed.wake()
    if (this.isOver) this.driver.stop()
    return true
  }

  private takeEvent(event: QuicEvent): void {
    switch (event.type) {
      case 'connected':
        this.agreed = event
        return
      case 'early-data-allowed':
        this.isEarlyAllowed = true
        return
      case 'ticket':
        this.options.ticketReceived?.(event.session)
        return
      case 'new-token':
        this.options.tokenReceived?.(event.token)
        return
      case 'draining':
        this.takeEnd(event.error)
        return
      case 'closed':
        this.isOver = true
        this.takeEnd(event.error)
        return
      case 'path-migrated':
        if (event.by === 'us' && event.from.local.port !== event.local.port) this.leaveBehind(event.from.local.port)
        return
      default:
    }
  }

  private takeEnd(fault: QuicFault | undefined): void {
    this.fault ??= fault
    const ending = endFaultOf(fault)
    if (ending !== undefined) this.failure ??= quicErrorOf(ending, true, this.agreed !== undefined)
  }

  /** What is still on its way to the port that was used last is taken; to those before, no longer. */
  private leaveBehind(port: number): void {
    if (this.previousPort !== undefined && this.previousPort !== port) this.driver.leave(this.previousPort)
    this.previousPort = port
  }

  datagramFailed(error: DatagramError): void {
    this.trace.complained(error)
    const { kind, source, destination } = error
    const { now } = this.context.environment
    if (kind === 'too-big' && error.mtu > 0) this.client.packetTooBig(source, destination, payloadOf(error), now)
    // Before anything has come, that is as good as an answer.
    if (kind !== 'too-big') this.client.unreachable(kind === 'refused' ? 'nobody listens there' : 'there is no way there', now)
  }

  sending(datagram: QuicDatagram): void {
    this.trace.sending(datagram)
  }

  unsent(error: SocketError): void {
    if (error.code === 'EMSGSIZE') return
    this.trace.record('quic:datagram-unsent', { error: error.code, detail: error.message })
  }
}

/** @throws SocketError ENETUNREACH */
function localEnd(port: QuicPort, remote: IpAddress): SocketAddress {
  return { address: port.wayTo(remote).source, port: port.number }
}
