import type { Endpoint } from '../protocols/endpoint.ts'
import type { QuicDatagram } from '../protocols/quic/datagram.ts'
import { SocketError } from '../host/socket.ts'
import type {
  AppContext,
  DatagramError,
  DatagramListener,
  DatagramOptions,
  Ecn,
  SocketAddress,
  UdpSocket,
} from '../host/socket.ts'
import type { Id, Timer } from '../kernel/machine.ts'
import { NEVER } from '../kernel/time.ts'
import type { Nanos } from '../kernel/time.ts'
import type { IpAddress } from '../wire/address.ts'
import { IPV4_HEADER_LENGTH } from '../wire/ipv4.ts'
import { IPV6_HEADER_LENGTH } from '../wire/ipv6.ts'
import { UDP_HEADER_LENGTH } from '../wire/udp.ts'

/** What a driver is driven for. */
export interface QuicDriverOwner {
  /** Takes all events of the endpoint. @returns whether there were any */
  takeEvents(): boolean
  /** What came back for a datagram of ours. */
  datagramFailed(error: DatagramError): void
  /** A datagram with bytes of streams is about to be sent. */
  sending(datagram: QuicDatagram): void
  /** A datagram could not be sent. */
  unsent(error: SocketError, datagram: QuicDatagram): void
}

/** Takes what arrives at a port. */
interface PortHandler {
  received(port: number, from: SocketAddress, to: IpAddress, ecn: Ecn, bytes: Uint8Array): void
  failed(port: number, error: DatagramError): void
}

/** An open UDP socket, and the port as which QUIC knows it. */
export class QuicPort implements DatagramListener {
  readonly number: number
  /** Set by the driver that it is joined to; what comes before is lost. */
  handler: PortHandler | undefined
  private readonly socket: UdpSocket

  /**
   * @param port 0: any that is free
   * @param number as which QUIC knows it, when that is another: as when a NAT on the way has forgotten the first
   * @throws SocketError EADDRINUSE
   */
  constructor({ sockets }: AppContext, port = 0, number?: number) {
    this.socket = sockets.udp(port, this)
    this.number = number ?? this.socket.local.port
  }

  /** Its true number. */
  get local(): number {
    return this.socket.local.port
  }

  /** @throws SocketError ENETUNREACH */
  wayTo(address: IpAddress): ReturnType<UdpSocket['wayTo']> {
    return this.socket.wayTo(address)
  }

  send(to: SocketAddress, bytes: Uint8Array, how: DatagramOptions): void {
    this.socket.sendTo(to, bytes, how)
  }

  close(): void {
    this.handler = undefined
    this.socket.close()
  }

  datagramReceived(from: SocketAddress, to: IpAddress, ecn: Ecn, bytes: Uint8Array): void {
    this.handler?.received(this.number, from, to, ecn, bytes)
  }

  datagramFailed(error: DatagramError): void {
    this.handler?.failed(this.number, error)
  }
}

/**
 * Joins a QUIC endpoint to UDP sockets of its host: datagrams are handled as they arrive, what the endpoint transmits is sent (never in
 * fragments: RFC 9000 section 14), and one timer wakes it for its deadlines.
 *
 * Deadlines move with nearly every packet, so the kernel's timer is not moved along: it is left where it is when the deadline moves away, and
 * armed anew, for what the deadline is by then, when it fires.
 */
export class QuicDriver<Event> implements PortHandler {
  private readonly ports = new Map<number, QuicPort>()
  private readonly deaf: QuicPort[] = []
  private readonly how: { -readonly [Key in keyof DatagramOptions]: DatagramOptions[Key] } = { dontFragment: true }
  private timer: Timer | undefined
  private armedAt: Nanos = NEVER
  private deadline: Nanos = NEVER
  /** What set the deadline. */
  private deadlineCause: Id = 0
  private isPumping = false
  private isOver = false
  private readonly fire = (): void => {
    this.timerFired()
  }

  constructor(
    private readonly context: AppContext,
    private readonly endpoint: Endpoint<QuicDatagram, Event>,
    private readonly owner: QuicDriverOwner,
  ) {}

  /**
   * Takes and sends by a port; in the place of another that QUIC knows by the same number: what still comes to that is lost without a word,
   * as at a NAT that has forgotten a port.
   */
  join(port: QuicPort): void {
    this.leave(port.number)
    this.ports.set(port.number, port)
    port.handler = this
  }

  /** Neither takes nor sends by a port any more. It stays open, lest who still sends there be told that nobody listens. */
  leave(number: number): void {
    const port = this.ports.get(number)
    if (port === undefined) return
    port.handler = undefined
    this.deaf.push(port)
    this.ports.delete(number)
  }

  received(port: number, from: SocketAddress, to: IpAddress, ecn: Ecn, bytes: Uint8Array): void {
    this.endpoint.handle({ local: { address: to, port }, remote: from, ecn, bytes }, this.context.environment.now)
    this.pump()
  }

  failed(port: number, error: DatagramError): void {
    this.owner.datagramFailed({ ...error, source: { ...error.source, port } })
    this.pump()
  }

  /** Does all that is to be done after the endpoint was touched. Harmless from within an event: whoever is at it goes on. */
  pump(): void {
    if (this.isPumping || this.isOver) return
    this.isPumping = true
    const { endpoint, owner } = this
    const { environment } = this.context
    const { cause, now } = environment
    try {
      for (let isMore = true; isMore;) {
        isMore = owner.takeEvents()
        for (let unit = endpoint.pollTransmit(now); unit !== undefined; unit = endpoint.pollTransmit(now)) {
          isMore = true
          this.send(unit)
          environment.cause = cause
        }
      }
    } finally {
      this.isPumping = false
    }
    environment.cause = cause
    this.arm()
  }

  private send(datagram: QuicDatagram): void {
    const { local, remote, ecn, bytes } = datagram
    const { how } = this
    const port = this.ports.get(local.port)
    if (port === undefined) return
    how.source = local.address === 0 ? undefined : local.address
    how.ecn = ecn
    if (datagram.streams !== undefined) this.owner.sending(datagram)
    try {
      port.send(remote, bytes, how)
    } catch (error) {
      // To QUIC it is a datagram that was lost. Too large it may be, as one that tries how large it may be.
      if (!(error instanceof SocketError)) throw error
      this.owner.unsent(error, datagram)
    }
  }

  private arm(): void {
    if (this.isOver) return
    const { environment } = this.context
    const deadline = this.endpoint.pollTimeout() ?? NEVER
    if (deadline !== this.deadline) {
      this.deadline = deadline
      this.deadlineCause = environment.cause
    }
    if (deadline >= this.armedAt) return
    this.timer?.cancel()
    this.armedAt = deadline
    this.timer = environment.schedule(deadline, this.fire)
  }

  private timerFired(): void {
    const { environment } = this.context
    this.timer = undefined
    this.armedAt = NEVER
    const deadline = this.endpoint.pollTimeout()
    if (deadline === undefined || this.isOver) return
    environment.cause = this.deadlineCause
    if (deadline <= environment.now) {
      this.endpoint.handleTimeout(environment.now)
      this.pump()
    } else {
      this.arm()
    }
  }

  /** Closes all sockets, and does nothing any more. */
  stop(): void {
    if (this.isOver) return
    this.isOver = true
    this.timer?.cancel()
    for (const port of [...this.ports.values(), ...this.deaf]) port.close()
    this.ports.clear()
  }
}

/** What of a UDP payload fits into a packet that was said to fit, in bytes. */
export function payloadOf({ mtu, destination }: DatagramError): number {
  return mtu - (typeof destination.address === 'number' ? IPV4_HEADER_LENGTH : IPV6_HEADER_LENGTH) - UDP_HEADER_LENGTH
}
