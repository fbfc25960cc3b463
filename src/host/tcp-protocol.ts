import { formatIpv4 } from '../wire/address.ts'
import { IcmpType, UnreachableCode } from '../wire/icmp.ts'
import { IpProtocol } from '../wire/ipv4.ts'
import { decodeTcp, encodeTcp, tcpEncodedLength, TcpFlag, TcpSegment, verifyTcpChecksum } from '../wire/tcp.ts'
import { TCP_LIMITS, tcpConfig, type TcpConfig } from '../protocols/tcp/config.ts'
import { answerStray } from '../protocols/tcp/stray.ts'
import { FrameMark, type Environment } from '../kernel/machine.ts'
import { ephemeralPort } from './ephemeral-port.ts'
import type { ErrorListener, IcmpError } from './icmp-protocol.ts'
import {
  PAYLOAD_START,
  type Destination,
  type InternetLayer,
  type ProtocolHandler,
  type ReceivedPacket,
} from './internet-layer.ts'
import { SocketError, type SocketAddress } from './socket.ts'
import { conversationName, TcpEndpoint, type TcpOwner } from './tcp-endpoint.ts'
import { TcpBacklog } from './tcp-listener.ts'
import { TupleTable } from './tuple-table.ts'

/** Bytes of the IPv4 and TCP headers without options, which the MSS leaves out (RFC 9293 section 3.7.1). */
const HEADERS_LENGTH = 40

/** The clock of initial sequence numbers ticks each 64 ns, as in Linux; RFC 9293 section 3.4.1 asks for about 4 µs. */
const ISN_TICK = 64

/** TCP on a host: finds the connection of each segment, makes new ones, and answers for those that do not exist. */
export class TcpProtocol implements ProtocolHandler, ErrorListener, TcpOwner {
  private readonly endpoints: TupleTable<TcpEndpoint>
  private readonly listeners = new Map<number, TcpBacklog>()
  /** Which connection came by which listener, until it is established and accepted, or gone. */
  private readonly origins = new Map<TcpEndpoint, TcpBacklog>()
  private readonly incoming = new TcpSegment()
  private readonly answer = new TcpSegment()
  private readonly isnSecret: number
  private settings: Readonly<Record<string, unknown>>
  private readonly configs = new Map<number, TcpConfig>()

  /**
   * @param settings of the scenario, by their names in `TcpConfig`
   * @throws TcpConfigError
   */
  constructor(
    private readonly environment: Environment,
    private readonly internet: InternetLayer,
    settings: Readonly<Record<string, unknown>>,
  ) {
    const random = environment.random('tcp-isn')
    this.isnSecret = random.uint32()
    this.endpoints = new TupleTable(random.uint32() | 0)
    tcpConfig(settings)
    this.settings = settings
  }

  /**
   * Changes a setting for connections to come.
   * @throws TcpConfigError
   */
  configure(name: string, value: unknown): void {
    const settings = { ...this.settings, [name]: value }
    tcpConfig(settings)
    this.settings = settings
    this.configs.clear()
  }

  // For applications.

  /**
   * Sends a SYN from an ephemeral port.
   * @throws SocketError ENETUNREACH, EADDRINUSE
   */
  connect(remote: SocketAddress, noDelay: boolean): TcpEndpoint {
    const destination = this.internet.destination(remote.address)
    if (destination.kind === 'unreachable' || destination.kind === 'broadcast') {
      throw new SocketError('ENETUNREACH', `no route to ${formatIpv4(remote.address)}`)
    }
    const address = destination.source
    const isFree = (port: number): boolean =>
      !this.listeners.has(port) && this.endpoints.find(address, port, remote.address, remote.port) === undefined
    const port = ephemeralPort(this.environment.random('tcp-port'), isFree)
    const endpoint = this.create(destination, { address, port }, remote, false)
    if (noDelay) endpoint.machine.setNoDelay(true)
    endpoint.open()
    return endpoint
  }

  /**
   * @param backlog lengths of the queues, see `TcpBacklog`
   * @param opened told of each socket that is accepted
   * @throws SocketError EADDRINUSE
   */
  listen(port: number, backlog: number, opened: (endpoint: TcpEndpoint) => void): TcpBacklog {
    if (this.listeners.has(port)) throw new SocketError('EADDRINUSE', `TCP port ${String(port)} is taken`)
    const local = { address: 0, port: port === 0 ? this.freePort() : port }
    const listener = new TcpBacklog(local, Math.max(1, backlog), opened, (closed) => {
      this.listeners.delete(closed.local.port)
    })
    this.listeners.set(local.port, listener)
    return listener
  }

  private freePort(): number {
    const used = new Set<number>(this.listeners.keys())
    for (const endpoint of this.endpoints.values()) used.add(endpoint.localPort)
    return ephemeralPort(this.environment.random('tcp-port'), (port) => !used.has(port))
  }

  private create(destination: Destination, local: SocketAddress, remote: SocketAddress, passive: boolean): TcpEndpoint {
    const config = this.configFor(destination.mtu)
    const isn = this.initialSequenceNumber(local, remote)
    const endpoint = new TcpEndpoint(this, this.environment, { config, destination, local, remote, isn, passive })
    this.endpoints.add(endpoint)
    return endpoint
  }

  /** RFC 9293 section 3.4.1 and RFC 6528: a clock, plus a number that only this host can compute for the tuple. */
  private initialSequenceNumber(local: SocketAddress, remote: SocketAddress): number {
    let mixed = this.isnSecret
    for (const word of [local.address, remote.address, (local.port << 16) | remote.port]) {
      mixed = Math.imul(mixed ^ word, 0x9e37_79b1)
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85eb_ca6b)
      mixed ^= mixed >>> 13
    }
    return (mixed + Math.floor(this.environment.now / ISN_TICK)) >>> 0
  }

  private configFor(mtu: number): TcpConfig {
    let config = this.configs.get(mtu)
    if (config === undefined) {
      const [least, most] = TCP_LIMITS.mss
      const fitting = Math.min(most, Math.max(least, mtu - HEADERS_LENGTH))
      const { mss } = this.settings
      config = tcpConfig({ ...this.settings, mss: typeof mss === 'number' ? Math.min(mss, fitting) : fitting })
      this.configs.set(mtu, config)
    }
    return config
  }

  // From below.

  input(packet: ReceivedPacket): void {
    const { bytes, header } = packet
    const { source, destination, payloadStart, payloadEnd } = header
    if (packet.broadcast) return
    const segment = decodeTcp(bytes, payloadStart, payloadEnd, this.incoming)
    if (!verifyTcpChecksum(bytes, payloadStart, payloadEnd, source, destination)) {
      this.internet.discard('tcp', 'wrong checksum')
      return
    }
    const endpoint = this.endpoints.find(destination, segment.destinationPort, source, segment.sourcePort)
    if (endpoint === undefined) this.handleWithoutEndpoint(segment, source, destination)
    else this.handleFor(endpoint, segment, source, destination)
  }

  private handleFor(endpoint: TcpEndpoint, segment: TcpSegment, source: number, destination: number): void {
    const { state } = endpoint.machine
    if (state === 'SYN-RECEIVED') {
      const listener = this.origins.get(endpoint)
      if (listener?.acceptQueueFull === true && (segment.flags & (TcpFlag.SYN | TcpFlag.RST)) === 0) {
        this.recordOverflow(endpoint.connection, listener, 'the accept queue is full')
        return
      }
    } else if (state === 'TIME-WAIT' && this.listeners.has(endpoint.localPort) && endpoint.machine.canBeReplacedBy(segment)) {
      // RFC 9293 section 3.10.7.4: a SYN that cannot be an old one begins the next connection with the same tuple.
      endpoint.discard()
      this.handleWithoutEndpoint(segment, source, destination)
      return
    }
    if ((segment.flags & TcpFlag.ACK) !== 0) this.internet.confirm(endpoint.destination)
    endpoint.handle(segment)
  }

  private handleWithoutEndpoint(segment: TcpSegment, source: number, destination: number): void {
    const listener = this.listeners.get(segment.destinationPort)
    const isSyn = (segment.flags & (TcpFlag.SYN | TcpFlag.ACK | TcpFlag.RST)) === TcpFlag.SYN
    if (listener === undefined || !isSyn) {
      this.refuse(segment, source, destination)
      return
    }
    const local = { address: destination, port: segment.destinationPort }
    const remote = { address: source, port: segment.sourcePort }
    if (listener.synQueueFull || listener.acceptQueueFull) {
      const why = listener.acceptQueueFull ? 'the accept queue is full' : 'the SYN queue is full'
      this.recordOverflow(conversationName(remote, local), listener, why)
      return
    }
    const way = this.internet.destination(source)
    if (way.kind === 'unreachable' || way.kind === 'broadcast') return
    const endpoint = this.create(way, local, remote, true)
    listener.begin(endpoint)
    this.origins.set(endpoint, listener)
    endpoint.handle(segment)
    if (endpoint.machine.state === 'LISTEN') endpoint.discard()
  }

  private recordOverflow(connection: string, { local, backlog }: TcpBacklog, why: string): void {
    this.environment.record('tcp:listen-overflowed', connection, { port: local.port, backlog, why })
  }

  /** A segment that belongs to nobody: RFC 9293 section 3.10.7.1. */
  private refuse(segment: TcpSegment, source: number, destination: number): void {
    const { environment } = this
    const reset = answerStray(segment, this.answer)
    const way = this.internet.destination(source)
    if (reset === undefined || way.kind === 'unreachable' || way.kind === 'broadcast') return
    const connection = conversationName(
      { address: source, port: segment.sourcePort },
      { address: destination, port: segment.destinationPort },
    )
    const { cause } = environment
    environment.cause = environment.record('tcp:reset-sent', connection, { why: 'no such connection' })
    this.sendSegment(reset, way, destination, 0)
    environment.cause = cause
  }

  handleError({ type, code, mtu, quotation }: IcmpError): void {
    const { source, sourcePort, destination, destinationPort, sequence } = quotation
    const endpoint = this.endpoints.find(source, sourcePort, destination, destinationPort)
    if (endpoint === undefined) return
    if (type === IcmpType.DESTINATION_UNREACHABLE && code === UnreachableCode.FRAGMENTATION_NEEDED) {
      // Deviates from RFC 1191 section 6.4: this connection keeps its segment size, and its segments go in fragments from now on; the
      // lost ones are sent again at the next timeout. Connections to come use the smaller size.
      this.internet.narrow(endpoint.destination, mtu)
      return
    }
    // RFC 5927 section 4.1: who cannot see our segments does not know their sequence numbers.
    if (endpoint.machine.state === 'SYN-SENT' && sequence !== endpoint.isn) return
    endpoint.handleUnreachable(type === IcmpType.TIME_EXCEEDED ? UnreachableCode.HOST_UNREACHABLE : code)
  }

  // For endpoints.

  transmit(endpoint: TcpEndpoint, segment: TcpSegment): void {
    const mark = (segment.retransmission ? FrameMark.Retransmission : 0) | (segment.probe ? FrameMark.Probe : 0)
    this.sendSegment(segment, endpoint.destination, endpoint.localAddress, mark)
  }

  private sendSegment(segment: TcpSegment, destination: Destination, source: number, mark: number): void {
    const length = tcpEncodedLength(segment)
    // A connection from before the path was found to be narrow may send fragments.
    const fits = length + HEADERS_LENGTH / 2 <= destination.mtu
    const frame = this.internet.begin(destination, source, IpProtocol.TCP, length, fits)
    encodeTcp(segment, frame, PAYLOAD_START, source, destination.address)
    this.internet.send(frame, destination, mark)
  }

  established(endpoint: TcpEndpoint): void {
    this.origins.get(endpoint)?.established(endpoint)
    this.origins.delete(endpoint)
  }

  gone(endpoint: TcpEndpoint): void {
    this.endpoints.delete(endpoint)
    this.origins.get(endpoint)?.gone(endpoint)
    this.origins.delete(endpoint)
  }
}
