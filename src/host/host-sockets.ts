import { formatIp, LOOPBACK_IPV6, parseIp, type IpAddress } from '../wire/address.ts'
import type { Environment } from '../kernel/machine.ts'
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
} from './socket.ts'
import { WaitQueue } from './tasks.ts'
import type { TcpEndpoint } from './tcp-endpoint.ts'
import { DEFAULT_BACKLOG } from './tcp-listener.ts'
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
    private readonly environment: Environment,
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
export class HostSockets implements AppSockets {
  private readonly open = new Set<Closable>()
  private echoIdentifier: number | undefined

  constructor(
    private readonly environment: Environment,
    private readonly stack: HostStack,
  ) {}

  *connect(to: SocketAddress, options: { noDelay?: boolean; timeout?: Nanos; data?: Uint8Array } = {}): Blocking<TcpSocket> {
    const { data } = options
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
    const listener = this.stack.tcp.listen(port, options.backlog ?? DEFAULT_BACKLOG, options.fastOpen === true, (endpoint) => {
      this.keepEndpoint(endpoint)
    })
    this.open.add(listener)
    return listener
  }

  private keepEndpoint(endpoint: TcpEndpoint): void {
    this.open.add(endpoint)
    endpoint.released = () => {
      this.open.delete(endpoint)
    }
  }

  udp(port = 0, listener?: DatagramListener): UdpSocket {
    const socket = this.stack.udp.open(port, listener)
    this.open.add(socket)
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
    for (const socket of [...this.open]) socket.close()
    this.open.clear()
  }
}

/** Bytes that count up, as ping sends them: a reader of the capture sees at once where something is missing. */
function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = i
  return bytes
}
