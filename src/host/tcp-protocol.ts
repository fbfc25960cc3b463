import { formatIp, type IpAddress } from '../wire/address.ts'
import { IcmpType, UnreachableCode } from '../wire/icmp.ts'
import { IpProtocol } from '../wire/ipv4.ts'
import { decodeTcp, encodeTcp, TCP_HEADER_LENGTH, tcpEncodedLength, TcpFlag, TcpSegment, verifyTcpChecksum } from '../wire/tcp.ts'
import { addressSum } from '../wire/pseudo-header.ts'
import type { TcpConfig } from '../protocols/tcp/config.ts'
import { FastOpenPeer } from '../protocols/tcp/fast-open-peer.ts'
import { plateauBelow } from '../protocols/tcp/path-mtu.ts'
import { answerStray } from '../protocols/tcp/stray.ts'
import { FrameMark } from '../kernel/machine.ts'
import { SECOND, type Nanos } from '../kernel/time.ts'
import { ephemeralPort } from './ephemeral-port.ts'
import type { HostEnvironment } from './host-environment.ts'
import { CONNECTION_MEMORY } from './memory.ts'
import type { ErrorListener, IcmpError, Internet, NetworkLayer, ProtocolHandler, ReceivedPacket, Way } from './network-layer.ts'
import { SocketError, type SocketAddress } from './socket.ts'
import { conversationName, TcpEndpoint, type TcpOwner } from './tcp-endpoint.ts'
import { TcpBacklog, type AcceptDoor } from './tcp-listener.ts'
import { SparseMap } from './sparse-map.ts'
import { TcpSecrets } from './tcp-secrets.ts'
import { TcpSettings } from './tcp-settings.ts'
import { TupleTable } from './tuple-table.ts'

const NO_BYTES = new Uint8Array(0)

/** Most servers that are remembered for Fast Open. */
const FAST_OPEN_PEERS = 1024

/** How long after an overflow of the SYN queue cookies may come back, as in Linux. */
const COOKIE_SEASON: Nanos = 120 * SECOND

// Segments at hand, of whatever host: one is dealt with before the next.
const incoming = new TcpSegment()
const answer = new TcpSegment()
const recalled = new TcpSegment()

/** TCP on a host: finds the connection of each segment, makes new ones, and answers for those that do not exist. */
export class TcpProtocol implements ProtocolHandler, ErrorListener, TcpOwner {
  private readonly endpoints: TupleTable<TcpEndpoint>
  private readonly listeners = new SparseMap<number, TcpBacklog>()
  /** Which connection came by which listener, until it is established and accepted, or gone. */
  private readonly origins = new SparseMap<TcpEndpoint, TcpBacklog>()
  /** Which connections were opened by the data of their SYN, and by which listener. */
  private fastListeners: Map<TcpEndpoint, TcpBacklog> | undefined = undefined
  private readonly secrets: TcpSecrets
  private fastOpenPeers: Map<IpAddress, FastOpenPeer> | undefined = undefined
  private settings: TcpSettings

  /**
   * @param settings of the scenario, by their names in `TcpConfig`
   * @throws TcpConfigError
   */
  constructor(
    private readonly environment: HostEnvironment,
    private readonly internet: Internet,
    settings: Readonly<Record<string, unknown>>,
  ) {
    this.secrets = new TcpSecrets(environment)
    this.endpoints = new TupleTable(environment)
    this.settings = TcpSettings.of(settings)
  }

  /**
   * Changes a setting for connections to come.
   * @throws TcpConfigError
   */
  configure(name: string, value: unknown): void {
    this.settings = this.settings.with(name, value)
  }

  // For applications.

  /**
   * Sends a SYN from an ephemeral port.
   * @param data to be sent as soon as possible, in the SYN if Fast Open allows; as much of it as the send buffer takes
   * @throws SocketError ENETUNREACH, EADDRINUSE
   */
  connect(remote: SocketAddress, noDelay: boolean, data: Uint8Array = NO_BYTES): TcpEndpoint {
    const way = this.internet.way(remote.address)
    if (way === undefined || way.kind === 'unreachable' || way.kind === 'group') {
      throw new SocketError('ENETUNREACH', `no route to ${formatIp(remote.address)}`)
    }
    const address = way.source
    const isFree = (port: number): boolean =>
      !this.listeners.has(port) && this.endpoints.find(address, port, remote.address, remote.port) === undefined
    const port = ephemeralPort(this.environment.random('tcp-port'), isFree)
    const isn = this.secrets.initialSequenceNumber({ address, port }, remote)
    const fastOpen = data.length > 0 && this.configFor(way).fastOpen ? this.fastOpenPeer(remote.address) : undefined
    const endpoint = this.create(way, { address, port }, remote, false, isn, fastOpen)
    if (noDelay) endpoint.machine.setNoDelay(true)
    if (data.length > 0) endpoint.machine.send(data)
    endpoint.open()
    return endpoint
  }

  /** What is remembered of a server; undefined while Fast Open with it had better not be tried. */
  private fastOpenPeer(address: IpAddress): FastOpenPeer | undefined {
    this.fastOpenPeers ??= new Map()
    let peer = this.fastOpenPeers.get(address)
    if (peer === undefined) {
      if (this.fastOpenPeers.size >= FAST_OPEN_PEERS) this.fastOpenPeers.clear()
      peer = new FastOpenPeer()
      this.fastOpenPeers.set(address, peer)
    }
    return peer.mayTry(this.environment.now) ? peer : undefined
  }

  /** Sends a segment that belongs to no connection, from any address, as programs with raw sockets do. Ports and flags are the segment's. */
  sendRaw(source: IpAddress, destination: IpAddress, segment: TcpSegment): void {
    const way = this.internet.way(destination)
    if (way === undefined || way.kind === 'unreachable')
      throw new SocketError('ENETUNREACH', `no route to ${formatIp(destination)}`)
    this.sendSegment(segment, way, source, addressSum(source, destination), 0)
  }

  /**
   * @param backlog lengths of the queues, see `TcpBacklog`
   * @param fastOpen whether data in a SYN is welcome
   * @param door by which accepted sockets go to their application
   * @throws SocketError EADDRINUSE
   */
  listen(port: number, backlog: number, fastOpen: boolean, door: AcceptDoor): TcpBacklog {
    if (this.listeners.has(port)) throw new SocketError('EADDRINUSE', `TCP port ${String(port)} is taken`)
    const local = { address: 0, port: port === 0 ? this.freePort() : port }
    const listener = new TcpBacklog(local, Math.max(1, backlog), fastOpen, door, (closed) => {
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

  private create(
    way: Way,
    local: SocketAddress,
    remote: SocketAddress,
    passive: boolean,
    isn: number,
    fastOpen?: FastOpenPeer,
  ): TcpEndpoint {
    const options = { config: this.configFor(way), way, local, remote, isn, passive, fastOpen }
    const endpoint = new TcpEndpoint(this, this.environment, options)
    this.endpoints.add(endpoint)
    return endpoint
  }

  /** What is announced is what the link can bring (RFC 9293 section 3.7.1, MUST-67), however narrow the path is the other way. */
  private configFor(way: Way): TcpConfig {
    // The MSS leaves out the headers, but not their options.
    return this.settings.fitting(way.linkMtu - way.layer.headerLength - TCP_HEADER_LENGTH)
  }

  // From below.

  input(packet: ReceivedPacket): void {
    const { bytes, header, layer } = packet
    const { source, destination, payloadStart, payloadEnd } = header
    if (packet.broadcast) return
    const segment = decodeTcp(bytes, payloadStart, payloadEnd, incoming)
    segment.ecn = header.ecn
    if (!verifyTcpChecksum(bytes, payloadStart, payloadEnd, packet.addressSum)) {
      layer.discard('tcp', 'wrong checksum')
      return
    }
    const endpoint = this.endpoints.find(destination, segment.destinationPort, source, segment.sourcePort)
    if (endpoint === undefined) this.handleWithoutEndpoint(layer, segment, source, destination)
    else this.handleFor(endpoint, segment, source, destination)
  }

  private handleFor(endpoint: TcpEndpoint, segment: TcpSegment, source: IpAddress, destination: IpAddress): void {
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
      this.handleWithoutEndpoint(endpoint.way.layer, segment, source, destination)
      return
    }
    if (this.isOutOfMemory(segment.payload.length)) {
      this.environment.exhaust(segment.payload.length, endpoint.connection)
      return
    }
    if ((segment.flags & TcpFlag.ACK) !== 0) endpoint.way.layer.confirm(endpoint.way)
    endpoint.handle(segment)
  }

  private handleWithoutEndpoint(layer: NetworkLayer, segment: TcpSegment, source: IpAddress, destination: IpAddress): void {
    const listener = this.listeners.get(segment.destinationPort)
    const isSyn = (segment.flags & (TcpFlag.SYN | TcpFlag.ACK | TcpFlag.RST)) === TcpFlag.SYN
    if (listener === undefined || !isSyn) {
      if (listener === undefined || !this.takeCookie(layer, listener, segment, source, destination))
        this.refuse(layer, segment, source, destination)
      return
    }
    const local = { address: destination, port: segment.destinationPort }
    const remote = { address: source, port: segment.sourcePort }
    const way = layer.way(source)
    if (way.kind === 'unreachable' || way.kind === 'group') return
    const { perHandshake } = this.environment.machine
    if (perHandshake > 0) this.environment.processor.charge(perHandshake)
    this.environment.load?.touch()
    if (this.isOutOfMemory(CONNECTION_MEMORY)) {
      this.environment.exhaust(CONNECTION_MEMORY, conversationName(remote, local))
      return
    }
    if (listener.synQueueFull || listener.acceptQueueFull) {
      if (!listener.acceptQueueFull && this.configFor(way).synCookies) {
        this.answerWithCookie(listener, way, segment, local, remote)
        return
      }
      const why = listener.acceptQueueFull ? 'the accept queue is full' : 'the SYN queue is full'
      this.recordOverflow(conversationName(remote, local), listener, why)
      return
    }
    const endpoint = this.create(way, local, remote, true, this.secrets.initialSequenceNumber(local, remote))
    listener.begin(endpoint)
    this.origins.set(endpoint, listener)
    this.considerFastOpen(endpoint, listener, segment)
    endpoint.handle(segment)
    if (endpoint.machine.state === 'LISTEN') endpoint.discard()
  }

  /** RFC 7413 section 4.2.2: whether the data of a SYN is taken, and which cookie is given. */
  private considerFastOpen(endpoint: TcpEndpoint, listener: TcpBacklog, { fastOpen, payload }: TcpSegment): void {
    const { config } = endpoint.machine.block
    if (!listener.fastOpen || !config.fastOpen || fastOpen === undefined) return
    const { secrets, environment } = this
    const isRight = fastOpen.length > 0 && secrets.isFastOpenCookie(fastOpen, endpoint.remoteAddress)
    const takesData = isRight && payload.length > 0 && listener.mayOpenFast(config.fastOpenBacklog, environment.now)
    endpoint.machine.grantFastOpen(takesData, isRight ? undefined : secrets.fastOpenCookie(endpoint.remoteAddress))
    if (takesData) {
      listener.openingFast(endpoint)
      this.fastListeners ??= new Map()
      this.fastListeners.set(endpoint, listener)
    }
  }

  // SYN cookies: RFC 4987 section 3.6.

  private answerWithCookie(listener: TcpBacklog, way: Way, syn: TcpSegment, local: SocketAddress, remote: SocketAddress): void {
    const { environment } = this
    listener.overflowedAt = environment.now
    const tuple = { local: local.address, remote: remote.address }
    const synAck = this.secrets.synCookies.answer(syn, tuple, this.configFor(way), environment.now, answer)
    const { cause } = environment
    const data = { port: local.port, backlog: listener.backlog }
    environment.cause = environment.record('tcp:syn-cookie-sent', conversationName(remote, local), data)
    this.sendSegment(synAck, way, local.address, addressSum(local.address, remote.address), 0)
    environment.cause = cause
  }

  /** @returns whether an acknowledgment to a listener brought a cookie back, and so belongs to a connection now */
  private takeCookie(
    layer: NetworkLayer,
    listener: TcpBacklog,
    segment: TcpSegment,
    source: IpAddress,
    destination: IpAddress,
  ): boolean {
    const { environment } = this
    const { now } = environment
    if ((segment.flags & (TcpFlag.SYN | TcpFlag.ACK | TcpFlag.RST)) !== TcpFlag.ACK) return false
    if (now - listener.overflowedAt > COOKIE_SEASON) return false
    const way = layer.way(source)
    const config = this.configFor(way)
    const tuple = { local: destination, remote: source }
    if (!config.synCookies || !this.secrets.synCookies.recall(segment, tuple, config, now, recalled)) return false
    const local = { address: destination, port: segment.destinationPort }
    const remote = { address: source, port: segment.sourcePort }
    const connection = conversationName(remote, local)
    if (listener.acceptQueueFull) {
      this.recordOverflow(connection, listener, 'the accept queue is full')
      return true
    }
    environment.record('tcp:syn-cookie-accepted', connection, { port: local.port, mss: recalled.mss })
    const endpoint = this.create(way, local, remote, true, (segment.ack - 1) >>> 0)
    listener.begin(endpoint)
    this.origins.set(endpoint, listener)
    endpoint.machine.recallSyn(recalled, now)
    endpoint.handle(segment)
    return true
  }

  /** Whether there is no room for so many bytes. What needs them is then lost, as on a line: its sender will send it again. */
  private isOutOfMemory(bytes: number): boolean {
    return bytes > 0 && this.environment.memory.refuses(bytes)
  }

  /** Memory is counted from now on, or no longer. */
  countMemory(): void {
    this.environment.memory.connections = 0
    for (const endpoint of this.endpoints.values()) {
      endpoint.memory = 0
      endpoint.countMemory()
    }
  }

  /** Whether anybody listens. */
  get isServing(): boolean {
    return this.listeners.size > 0
  }

  /** How many connections wait to be accepted, and how many for the end of their handshake. */
  get queues(): { readonly acceptQueue: number; readonly synQueue: number } {
    let acceptQueue = 0
    let synQueue = 0
    for (const listener of this.listeners.values()) {
      acceptQueue += listener.acceptQueueLength
      synQueue += listener.synQueueLength
    }
    return { acceptQueue, synQueue }
  }

  private recordOverflow(connection: string, { local, backlog }: TcpBacklog, why: string): void {
    this.environment.record('tcp:listen-overflowed', connection, { port: local.port, backlog, why })
  }

  /** A segment that belongs to nobody: RFC 9293 section 3.10.7.1. */
  private refuse(layer: NetworkLayer, segment: TcpSegment, source: IpAddress, destination: IpAddress): void {
    const { environment } = this
    const reset = answerStray(segment, answer)
    const way = layer.way(source)
    if (reset === undefined || way.kind === 'unreachable' || way.kind === 'group') return
    const connection = conversationName(
      { address: source, port: segment.sourcePort },
      { address: destination, port: segment.destinationPort },
    )
    const { cause } = environment
    environment.cause = environment.record('tcp:reset-sent', connection, { why: 'no such connection' })
    this.sendSegment(reset, way, destination, addressSum(destination, source), 0)
    environment.cause = cause
  }

  handleError({ type, code, mtu, quotation }: IcmpError): void {
    const { source, sourcePort, destination, destinationPort, sequence } = quotation
    const endpoint = this.endpoints.find(source, sourcePort, destination, destinationPort)
    if (endpoint === undefined) return
    if (type === IcmpType.DESTINATION_UNREACHABLE && code === UnreachableCode.FRAGMENTATION_NEEDED) {
      this.narrowPath(endpoint, mtu, sequence)
      return
    }
    // RFC 5927 section 4.1: who cannot see our segments does not know their sequence numbers.
    if (endpoint.machine.state === 'SYN-SENT' && sequence !== endpoint.machine.block.iss) return
    endpoint.handleUnreachable(type === IcmpType.TIME_EXCEEDED ? UnreachableCode.HOST_UNREACHABLE : code)
  }

  /** RFC 1191 section 6.4, RFC 8201 section 5.4. The report is believed when it is about something in flight (RFC 5927 section 4.1). */
  private narrowPath(endpoint: TcpEndpoint, mtu: number, sequence: number): void {
    const { way, machine } = endpoint
    if (!machine.block.config.pathMtuDiscovery || !machine.isInFlight(sequence)) return
    const told = mtu > 0 ? mtu : plateauBelow(way.mtu)
    const before = way.mtu
    if (way.layer.narrow(way, told)) {
      this.environment.record('tcp:path-narrowed', endpoint.connection, { mtu: way.mtu, told: mtu, from: before })
    }
    endpoint.packetTooBig()
    for (const other of this.endpoints.values()) if (other.way === way) other.pathChanged()
  }

  // For endpoints.

  synAckRetries(endpoint: TcpEndpoint, most: number): number {
    return this.origins.get(endpoint)?.synAckRetries(most) ?? most
  }

  transmit(endpoint: TcpEndpoint, segment: TcpSegment): void {
    const mark = (segment.retransmission ? FrameMark.Retransmission : 0) | (segment.probe ? FrameMark.Probe : 0)
    this.sendSegment(segment, endpoint.way, endpoint.localAddress, endpoint.addressSum, mark, endpoint.trafficClass)
    if (endpoint.way.mtu !== endpoint.pathMtu) endpoint.pathChanged()
  }

  private sendSegment(segment: TcpSegment, way: Way, source: IpAddress, addresses: number, mark: number, dscp = 0): void {
    const { layer, linkMtu } = way
    const { common, timeToLive } = this.settings
    const length = tcpEncodedLength(segment)
    // Segments fit, unless somebody else has just found the path to be narrow.
    const isWhole = common.pathMtuDiscovery && !way.mayBeCut && length + layer.headerLength <= Math.min(way.mtu, linkMtu)
    const frame = layer.begin(way, source, IpProtocol.TCP, length, isWhole, segment.ecn, timeToLive, dscp)
    encodeTcp(segment, frame, layer.payloadStart, addresses)
    layer.send(frame, way, mark)
  }

  established(endpoint: TcpEndpoint): void {
    this.origins.get(endpoint)?.established(endpoint)
    this.origins.delete(endpoint)
  }

  gone(endpoint: TcpEndpoint): void {
    this.endpoints.delete(endpoint)
    this.environment.memory.connections -= endpoint.memory
    endpoint.memory = 0
    this.environment.load?.touch()
    this.origins.get(endpoint)?.gone(endpoint)
    this.origins.delete(endpoint)
    const listener = this.fastListeners?.get(endpoint)
    if (listener === undefined) return
    listener.goneFast(endpoint, this.environment.now)
    this.fastListeners?.delete(endpoint)
  }
}
