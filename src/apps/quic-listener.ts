import type { QuicCommands } from '../protocols/quic/commands.ts'
import type { QuicDatagram } from '../protocols/quic/datagram.ts'
import type { QuicServerOptions } from '../protocols/quic/options.ts'
import { QuicServer } from '../protocols/quic/server.ts'
import type { QuicServerEvent } from '../protocols/quic/server.ts'
import type { AppContext, Blocking, DatagramError, SocketAddress, SocketError } from '../host/socket.ts'
import { WaitQueue } from '../host/tasks.ts'
import { conversationName } from '../host/tcp-endpoint.ts'
import type { ServerQuicSettings } from '../scenario/quic-settings.ts'
import { payloadOf, QuicDriver, QuicPort } from './quic-driver.ts'
import type { QuicDriverOwner } from './quic-driver.ts'
import { commonQuicOptions } from './quic-options.ts'
import { QuicTrace } from './quic-trace.ts'
import type { QuicUser } from './quic-user.ts'

type ServerConnection = Extract<QuicServerEvent, { type: 'opened' }>['connection']

export interface QuicListenOptions {
  /** UDP. */
  readonly port: number
  readonly tls: QuicServerOptions['tls']
  /** Whether 0-RTT data are taken. */
  readonly earlyData: boolean
  readonly quic: ServerQuicSettings
  /** 32 bytes of which tokens are made, the same after a restart: so clients can be told that their connections are gone (RFC 9000 section 10.3). */
  readonly secret: Uint8Array
  /** A client has begun a connection. @returns who is told what happens to it */
  readonly accepted: (connection: QuicServed) => QuicUser
}

/** A client's connection, as a server's application sees it. */
export class QuicServed {
  /** The conversation's name in the trace, of the path that it began with. */
  readonly connection: string
  /** For the listener. */
  readonly trace: QuicTrace

  constructor(
    context: AppContext,
    /** For commands: streams, and all that. */
    readonly quic: QuicCommands,
    /** Sends what commands have enqueued. */
    readonly flush: () => void,
  ) {
    const { local, remote } = quic
    this.connection = conversationName(remote, local)
    this.trace = new QuicTrace(context.environment, this.connection, 'server')
    this.trace.started(local, remote)
  }

  get local(): SocketAddress {
    return this.quic.local
  }

  get remote(): SocketAddress {
    return this.quic.remote
  }
}

/** A connection, and who is told. */
interface Guest {
  readonly served: QuicServed
  readonly user: QuicUser
  /** Whether it was told something that it has not settled. */
  isTold: boolean
}

/** A server's UDP port on which QUIC is spoken. */
export class QuicListener implements QuicDriverOwner {
  private readonly server: QuicServer
  private readonly driver: QuicDriver<QuicServerEvent>
  private readonly guests = new Map<ServerConnection, Guest>()
  private readonly over = new WaitQueue()

  /** @throws SocketError EADDRINUSE */
  constructor(
    private readonly context: AppContext,
    private readonly options: QuicListenOptions,
  ) {
    const { port, tls, earlyData, quic, secret } = options
    const { retry, retryAbove, newTokens, migration } = quic
    this.server = new QuicServer({
      ...commonQuicOptions(quic),
      tls,
      earlyData,
      secret,
      retry,
      retryAbove,
      newTokens,
      disableMigration: !migration,
    })
    this.driver = new QuicDriver(context, this.server, this)
    this.driver.join(new QuicPort(context, port))
  }

  /** Serves until its task is cancelled; then all connections are gone without a word. */
  *run(): Blocking<void> {
    try {
      for (;;) yield this.over
    } finally {
      this.driver.stop()
    }
  }

  private readonly flush = (): void => {
    this.driver.pump()
  }

  takeEvents(): boolean {
    const { server } = this
    const told: Guest[] = []
    let isAny = false
    for (let event = server.pollEvent(); event !== undefined; event = server.pollEvent()) {
      isAny = true
      const guest = this.takeEvent(event)
      if (guest === undefined || guest.isTold) continue
      guest.isTold = true
      told.push(guest)
    }
    for (const guest of told) {
      guest.isTold = false
      guest.user.settle()
    }
    return isAny
  }

  /** @returns who was told something */
  private takeEvent(event: QuicServerEvent): Guest | undefined {
    switch (event.type) {
      case 'opened': {
        this.context.processHandshake()
        const served = new QuicServed(this.context, event.connection, this.flush)
        this.guests.set(event.connection, { served, user: this.options.accepted(served), isTold: false })
        return undefined
      }
      case 'told': {
        const guest = this.guests.get(event.connection)
        if (guest === undefined) return undefined
        guest.served.trace.take(event.event)
        guest.user.handleEvent(event.event)
        if (event.event.type === 'closed') this.guests.delete(event.connection)
        return guest
      }
      case 'refused':
        this.traceOf(event).record('quic:connection-refused', { error: event.name })
        return undefined
      case 'version-negotiation-sent':
        this.traceOf(event).record('quic:version-negotiated', {})
        return undefined
      case 'stateless-reset-sent':
        this.traceOf(event).record('quic:stateless-reset', {})
        return undefined
      case 'retry-sent':
        this.traceOf(event).record('quic:retry-sent', {})
    }
    return undefined
  }

  /** For those of whom nothing is kept. */
  private traceOf({ local, remote }: Pick<QuicDatagram, 'local' | 'remote'>): QuicTrace {
    return new QuicTrace(this.context.environment, conversationName(remote, local), 'server')
  }

  datagramFailed(error: DatagramError): void {
    const { source, destination, kind, mtu } = error
    for (const [connection, { served }] of this.guests) {
      const { remote } = connection
      if (remote.port !== destination.port || remote.address !== destination.address) continue
      served.trace.complained(error)
      const { now } = this.context.environment
      if (kind === 'too-big' && mtu > 0) connection.packetTooBig(source, destination, payloadOf(error), now)
    }
  }

  sending(datagram: QuicDatagram): void {
    const { transmitting } = this.server
    if (transmitting !== undefined) this.guests.get(transmitting)?.served.trace.sending(datagram)
  }

  unsent(error: SocketError, datagram: QuicDatagram): void {
    if (error.code !== 'EMSGSIZE')
      this.traceOf(datagram).record('quic:datagram-unsent', { error: error.code, detail: error.message })
  }
}
