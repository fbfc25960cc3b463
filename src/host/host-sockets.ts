import { formatIpv4, parseIpv4 } from '../wire/address.ts'
import type { Environment } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import type { AppSockets } from './application.ts'
import type { EchoListener, IcmpError, IcmpProtocol } from './icmp-protocol.ts'
import { IcmpType } from '../wire/icmp.ts'
import { DEFAULT_TTL, type InternetLayer } from './internet-layer.ts'
import {
  SocketError,
  type Blocking,
  type EchoReply,
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

/** The protocols of a host. */
export interface HostStack {
  readonly internet: InternetLayer
  readonly icmp: IcmpProtocol
  readonly udp: UdpProtocol
  readonly tcp: TcpProtocol
  /** What the host can resolve. */
  readonly names: Readonly<Record<string, number>>
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

  replied(from: number, ttl: number): void {
    this.settle(from, 'reply', ttl)
  }

  failed({ type, from, ttl }: IcmpError): void {
    this.settle(from, type === IcmpType.TIME_EXCEEDED ? 'time-exceeded' : 'unreachable', ttl)
  }

  private settle(from: number, kind: EchoReply['kind'], ttl: number): void {
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

  *connect(to: SocketAddress, options: { noDelay?: boolean; timeout?: Nanos } = {}): Blocking<TcpSocket> {
    const endpoint = this.stack.tcp.connect(to, options.noDelay === true)
    this.keepEndpoint(endpoint)
    let isConnected = false
    try {
      yield* endpoint.connected(options.timeout ?? 0)
      isConnected = true
      return endpoint
    } finally {
      if (!isConnected) endpoint.reset()
    }
  }

  listen(port: number, options: { backlog?: number } = {}): TcpListener {
    const listener = this.stack.tcp.listen(port, options.backlog ?? DEFAULT_BACKLOG, (endpoint) => {
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

  udp(port = 0): UdpSocket {
    const socket = this.stack.udp.open(port)
    this.open.add(socket)
    return socket
  }

  *ping(
    to: number,
    options: { sequence: number; payload: number; ttl?: number; timeout: Nanos },
  ): Blocking<EchoReply | undefined> {
    const { environment } = this
    const { icmp, internet } = this.stack
    const { sequence, payload, ttl = DEFAULT_TTL, timeout } = options
    if (payload > ECHO_PAYLOAD_LIMIT)
      throw new SocketError('EMSGSIZE', `an echo carries at most 65,507 bytes, not ${String(payload)}`)
    const destination = internet.destination(to)
    if (destination.kind === 'unreachable') throw new SocketError('ENETUNREACH', `no route to ${formatIpv4(to)}`)
    this.echoIdentifier ??= icmp.identifier()
    const identifier = this.echoIdentifier
    const echo = new Echo(environment, environment.now)
    const until = environment.now + timeout
    icmp.sendEcho(destination, identifier, sequence & 0xffff, pattern(payload), ttl, echo)
    try {
      while (echo.reply === undefined && environment.now < until) yield new TimedWait(echo.answered, environment, until)
      return echo.reply
    } finally {
      icmp.forgetEcho(identifier, sequence & 0xffff, echo)
    }
  }

  // The answer comes from a table, at once. It is a generator so that a host that asks a server can take its place.
  // eslint-disable-next-line require-yield
  *resolve(name: string): Blocking<number> {
    const address = parseIpv4(name) ?? this.lookup(name)
    if (address === undefined) throw new SocketError('ENOTFOUND', `no host is called ${name}`)
    return address
  }

  private lookup(name: string): number | undefined {
    if (name === 'localhost') return 0x7f00_0001
    return Object.hasOwn(this.stack.names, name) ? this.stack.names[name] : undefined
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
