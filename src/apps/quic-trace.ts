import type { QuicDatagram, SocketAddress } from '../protocols/quic/datagram.ts'
import type { QuicEvent } from '../protocols/quic/event.ts'
import type { DatagramError } from '../host/socket.ts'
import { formatEnd } from '../host/network-layer.ts'
import type { Environment, EventData, Id } from '../kernel/machine.ts'
import { endFaultOf } from './quic-error.ts'

/** Events that explain the packets that follow them, better than what was received last. */
const EXPLAINING: ReadonlySet<string> = new Set(['quic:probe-timeout', 'quic:packet-lost', 'quic:migrated', 'quic:key-updated'])

interface QuicWay {
  readonly local: SocketAddress
  readonly remote: SocketAddress
}

/** Writes into the trace what happens to one QUIC connection: `quic:…`, and secrets and tickets as TLS has them. */
export class QuicTrace {
  constructor(
    private readonly environment: Environment,
    /** The conversation's name: the client's end first. */
    readonly connection: string,
    private readonly role: 'client' | 'server',
  ) {}

  record(name: string, data: EventData): Id {
    const id = this.environment.record(name, this.connection, data)
    if (EXPLAINING.has(name)) this.environment.cause = id
    return id
  }

  /** @param local where it was begun from; @param remote and to */
  started(local: SocketAddress, remote: SocketAddress): void {
    this.record('quic:connection-started', { role: this.role, local: formatAddress(local), remote: formatAddress(remote) })
  }

  /** What of streams goes out with the frame that is sent next. */
  sending({ streams = [] }: QuicDatagram): void {
    for (const { stream, offset, length } of streams) this.record('quic:stream-sent', { stream, offset, length })
  }

  /** Another way is tried, to move there. */
  migrating(from: QuicWay, to: QuicWay): void {
    this.record('quic:migration-started', { from: formatPath(from), to: formatPath(to) })
  }

  /** ICMP says that a datagram did not get there. */
  complained({ kind, mtu, destination }: DatagramError): void {
    this.record('quic:path-complaint-received', { kind, mtu, destination: formatAddress(destination) })
  }

  take(event: QuicEvent): void {
    switch (event.type) {
      case 'stream-received':
        this.record('quic:stream-received', {
          stream: event.stream,
          offset: event.offset,
          length: event.length,
          packet: event.packet,
        })
        return
      case 'stream-delivered':
        this.record('quic:stream-delivered', { stream: event.stream, offset: event.offset, length: event.length })
        return
      case 'metrics': {
        const { congestionWindow: cwnd, slowStartThreshold: ssthresh, bytesInFlight, smoothedRtt, rttVariance } = event
        const { latestRtt, minRtt, ptoCount } = event
        this.record('quic:metrics-updated', {
          cwnd,
          // JSON knows no infinity, and there is no threshold before the first loss.
          ...(Number.isFinite(ssthresh) && { ssthresh }),
          bytesInFlight,
          smoothedRtt,
          rttVariance,
          latestRtt,
          ...(Number.isFinite(minRtt) && { minRtt }),
          ptoCount,
        })
        return
      }
      case 'packet-lost':
        this.record('quic:packet-lost', { space: event.space, number: event.number, trigger: event.trigger })
        return
      case 'loss-disproved':
        this.record('quic:loss-disproved', { space: event.space, number: event.number })
        return
      case 'persistent-congestion':
        this.record('quic:persistent-congestion', {})
        return
      case 'probe-timeout':
        this.record('quic:probe-timeout', { space: event.space, count: event.count })
        return
      case 'congestion-state':
        this.record('quic:congestion-state-updated', { state: event.state })
        return
      case 'secret':
        this.record('tls:secret-logged', { line: event.line })
        return
      default:
        this.takeRare(event)
    }
  }

  private takeRare(event: QuicEvent): void {
    switch (event.type) {
      case 'connected': {
        const { version, cipherSuite, group = '', alpn = '', serverName = '', resumed, earlyData, retried } = event
        const data = { version, cipherSuite, group, alpn, serverName, resumed, earlyData, retried }
        this.record('quic:handshake-done', { role: this.role, ...data })
        return
      }
      case 'confirmed':
        this.record('quic:handshake-confirmed', {})
        return
      case 'early-data':
        this.record(`quic:early-data-${event.outcome}`, {})
        return
      case 'ticket': {
        const { lifetime, maxEarlyData } = event.session.tls
        this.record('tls:ticket-received', { lifetime, maxEarlyData })
        return
      }
      case 'new-token':
        this.record('quic:token-received', { length: event.token.length })
        return
      case 'retry-received':
        this.record('quic:retry-received', {})
        return
      case 'version-negotiation-received':
        this.record('quic:version-negotiated', { versions: event.versions })
        return
      case 'path-validated':
        this.record('quic:path-validated', { local: formatAddress(event.local), remote: formatAddress(event.remote) })
        return
      case 'path-abandoned':
        this.record('quic:path-abandoned', { local: formatAddress(event.local), remote: formatAddress(event.remote) })
        return
      case 'path-migrated':
        this.record('quic:migrated', {
          from: formatPath(event.from),
          to: formatPath(event),
          by: event.by === 'us' ? this.role : this.role === 'client' ? 'server' : 'client',
          connectionId: formatId(event.connectionId),
          previousId: formatId(event.from.connectionId),
        })
        return
      case 'key-updated':
        this.record('quic:key-updated', { phase: event.phase, by: event.by })
        return
      case 'draining': {
        const { name = '' } = endFaultOf(event.error) ?? {}
        if (name === 'STATELESS_RESET') this.record('quic:stateless-reset', {})
        this.record('quic:draining', { error: name })
        return
      }
      case 'closed': {
        const { name = '', whose = '', space = '', code = 0, detail = '', cites = '' } = endFaultOf(event.error) ?? {}
        this.record('quic:closed', { error: name, whose, space, code, detail, cites })
        return
      }
      default:
    }
  }
}

function formatAddress({ address, port }: SocketAddress): string {
  return formatEnd(address, port)
}

/** In hex digits. */
function formatId(id: Uint8Array): string {
  return Array.from(id, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function formatPath({ local, remote }: QuicWay): string {
  return `${formatAddress(local)} → ${formatAddress(remote)}`
}
