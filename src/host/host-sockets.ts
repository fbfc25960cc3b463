import { formatIp, LOOPBACK_IPV6, parseIp, type IpAddress } from '../wire/address.ts'
import type { HostEnvironment } from './host-environment.ts'
import type { Nanos } from '../kernel/time.ts'
import type { TcpSegment } from '../wire/tcp.ts'
import type { AppSockets } from './application.ts'
import { sortDestinations } from './address-selection.ts'
import type { HostWays } from './host-ways.ts'
import type { IcmpProtocol } from './icmp-protocol.ts'
import { IcmpType } from '../wire/icmp.ts'
import { DEFAULT_TTL, type EchoListener, type EchoProtocol, type IcmpError, type Internet } from './network-layer.ts'
import {
  SocketError,
  type Blocking,
  type DatagramListener,
  type EchoReply,
  type LinkAccess,
  type SocketAddress,
  type TcpListener,
  type TcpSocket,
  type UdpSocket,
  type Wait,
} from './socket.ts'
import { SparseSet } from './sparse-map.ts'
import { WaitQueue } from './tasks.ts'
import type { SocketHolder, TcpEndpoint } from './tcp-endpoint.ts'
import { DEFAULT_BACKLOG, type AcceptDoor } from './tcp-listener.ts'
import type { TcpProtocol } from './tcp-protocol.ts'
import { TimedWait } from './timed-wait.ts'
import type { UdpProtocol } from './udp-protocol.ts'

/** What an echo may carry: a packet less the headers of IP and ICMP. */
const ECHO_PAYLOAD_LIMIT = 65_507

/** 127.0.0.1. */
const LOOPBACK_IPV4 = 0x7f00_0001

/** The protocols of a host. */
export interface HostStack {
  readonly internet: Internet
  readonly ways: HostWays
  readonly link: LinkAccess
  readonly icmp: IcmpProtocol
  /** undefined where no IPv6 is spoken. */
  readonly icmpv6: EchoProtocol | undefined
  readonly udp: UdpProtocol
  readonly tcp: TcpProtocol
  /** What the host can resolve. */
  readonly names: Readonly<Record<string, readonly IpAddress[]>>
}

interface Closable {
  close(): void
}

/** The answer to one echo. */
class Echo implements EchoListener {
  reply: EchoReply | undefined
  readonly answered = new WaitQueue()

  constructor(
    private readonly environment: HostEnvironment,
    private readonly sentAt: Nanos,
  ) {}

  replied(from: IpAddress, ttl: number): void {
    this.settle(from, 'reply', ttl)
  }

  failed({ type, from, ttl }: IcmpError): void {
    this.settle(from, type === IcmpType.TIME_EXCEEDED ? 'time-exceeded' : 'unreachable', ttl)
  }

  private settle(from: IpAddress, kind: EchoReply['kind'], ttl: number): void {
    if (this.reply !== undefined) return
    this.reply = { from, kind, rtt: this.environment.now - this.sentAt, ttl }
    this.answered.wake()
  }
}

/** A host's sockets for one application. */
export class HostSockets implements AppSockets, AcceptDoor, SocketHolder {
  private readonly open = new SparseSet<Closable>()
  private echoIdentifier: number | undefined

  constructor(
    private readonly environment: HostEnvironment,
    private readonly stack: HostStack,
  ) {}

  *connect(to: SocketAddress, options: { noDelay?: boolean; timeout?: Nanos; data?: Uint8Array } = {}): Blocking<TcpSocket> {
    const { data } = options
    this.needDescriptor()
    const endpoint = this.stack.tcp.connect(to, options.noDelay === true, data)
    // As much as the send buffer takes has been taken.
    const rest = data?.subarray(endpoint.machine.block.sendQueue.length)
    this.keepEndpoint(endpoint)
    let isConnected = false
    try {
      yield* endpoint.connected(options.timeout ?? 0)
      if (rest !== undefined && rest.length > 0) yield* endpoint.write(rest)
      isConnected = true
      return endpoint
    } finally {
      if (!isConnected) endpoint.reset()
    }
  }

  get link(): LinkAccess {
    return this.stack.link
  }

  sendRaw(source: IpAddress, destination: IpAddress, segment: TcpSegment): void {
    this.stack.tcp.sendRaw(source, destination, segment)
  }

  listen(port: number, options: { backlog?: number; fastOpen?: boolean } = {}): TcpListener {
    this.needDescriptor()
    const listener = this.stack.tcp.listen(port, options.backlog ?? DEFAULT_BACKLOG, options.fastOpen === true, this)
    this.keep(listener)
    return listener
  }

  /** A program that finds no descriptor left leaves connections in the queue, and accepts them when there is one, as nginx does and libuv. */
  get obstacle(): Wait | undefined {
    const { descriptors } = this.environment
    if (!descriptors.areExhausted) return undefined
    if (descriptors.beginEpisode()) this.recordNoDescriptors()
    return descriptors.room
  }

  private recordNoDescriptors(): void {
    const { limit } = this.environment.descriptors
    this.environment.record('host:descriptors-exhausted', '', { error: 'EMFILE', limit })
  }

  /** @throws SocketError EMFILE */
  private needDescriptor(): void {
    if (!this.environment.descriptors.areExhausted) return
    this.recordNoDescriptors()
    throw new SocketError('EMFILE', 'too many open files')
  }

  /** What an application has no memory for it resets. */
  accepted(endpoint: TcpEndpoint): boolean {
    const { environment } = this
    const { connectionMemory } = environment.machine
    if (connectionMemory > 0 && environment.memory.refuses(connectionMemory)) {
      environment.exhaust(connectionMemory, endpoint.connection)
      endpoint.reset()
      return false
    }
    this.keepEndpoint(endpoint)
    return true
  }

  closed(listener: TcpListener): void {
    this.letGo(listener)
  }

  private keepEndpoint(endpoint: TcpEndpoint): void {
    this.keep(endpoint)
    this.environment.memory.held++
    endpoint.holder = this
  }

  released(endpoint: TcpEndpoint): void {
    this.letGo(endpoint)
    this.environment.memory.held--
  }

  private keep(socket: Closable): void {
    this.open.add(socket)
    this.environment.descriptors.open()
    this.environment.load?.touch()
  }

  private letGo(socket: Closable): void {
    if (!this.open.delete(socket)) return
    this.environment.descriptors.close()
    this.environment.load?.touch()
  }

  udp(port = 0, listener?: DatagramListener): UdpSocket {
    this.needDescriptor()
    const socket = this.stack.udp.open(port, listener)
    this.keep(socket)
    socket.released = () => {
      this.letGo(socket)
    }
    return socket
  }

  *ping(
    to: IpAddress,
    options: { sequence: number; payload: number; ttl?: number; timeout: Nanos },
  ): Blocking<EchoReply | undefined> {
    const { environment } = this
    const { icmp, icmpv6, internet } = this.stack
    const { sequence, payload, ttl = DEFAULT_TTL, timeout } = options
    if (payload > ECHO_PAYLOAD_LIMIT)
      throw new SocketError('EMSGSIZE', `an echo carries at most 65,507 bytes, not ${String(payload)}`)
    const way = internet.way(to)
    const protocol = typeof to === 'number' ? icmp : icmpv6
    if (way === undefined || way.kind === 'unreachable' || protocol === undefined)
      throw new SocketError('ENETUNREACH', `no route to ${formatIp(to)}`)
    this.echoIdentifier ??= icmp.identifier()
    const identifier = this.echoIdentifier
    const echo = new Echo(environment, environment.now)
    const until = environment.now + timeout
    protocol.sendEcho(way, identifier, sequence & 0xffff, pattern(payload), ttl, echo)
    try {
      while (echo.reply === undefined && environment.now < until) yield new TimedWait(echo.answered, environment, until)
      return echo.reply
    } finally {
      protocol.forgetEcho(identifier, sequence & 0xffff, echo)
    }
  }

  *resolve(name: string, version?: 4 | 6): Blocking<IpAddress> {
    const type = version === 4 ? 'number' : 'bigint'
    const addresses = yield* this.resolveAll(name)
    const address = version === undefined ? addresses[0] : addresses.find((candidate) => typeof candidate === type)
    if (address === undefined) throw new SocketError('ENOTFOUND', `${name} has no address of IPv${String(version)}`)
    return address
  }

  // The answer comes from a table, at once. It is a generator so that a host that asks a server can take its place.
  // eslint-disable-next-line require-yield
  *resolveAll(name: string): Blocking<readonly IpAddress[]> {
    const literal = parseIp(name)
    const addresses = literal === undefined ? this.lookup(name) : [literal]
    if (addresses === undefined) throw new SocketError('ENOTFOUND', `no host is called ${name}`)
    return addresses.length < 2 ? addresses : sortDestinations(addresses, this.stack.internet)
  }

  private lookup(name: string): readonly IpAddress[] | undefined {
    const { names, icmpv6 } = this.stack
    if (name === 'localhost') return icmpv6 === undefined ? [LOOPBACK_IPV4] : [LOOPBACK_IPV6, LOOPBACK_IPV4]
    return Object.hasOwn(names, name) ? names[name] : undefined
  }

  networkChanged(): Blocking<void> {
    return this.stack.ways.awaitChange()
  }

  sourceTowards(address: IpAddress): IpAddress | undefined {
    return this.stack.ways.sourceTowards(address)
  }

  canLeaveFrom(own: IpAddress): boolean {
    return this.stack.ways.canLeaveFrom(own)
  }

  closeAll(): void {
    for (const socket of [...this.open.keys()]) socket.close()
  }
}

/** Bytes that count up, as ping sends them: a reader of the capture sees at once where something is missing. */
function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = i
  return bytes
}
