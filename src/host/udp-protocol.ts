import { formatIpv4 } from '../wire/address.ts'
import { IcmpType, UnreachableCode } from '../wire/icmp.ts'
import { IpProtocol } from '../wire/ipv4.ts'
import { decodeUdp, encodeUdp, UDP_HEADER_LENGTH, UDP_PAYLOAD_LIMIT, UdpHeader, verifyUdpChecksum } from '../wire/udp.ts'
import type { Environment } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import { ephemeralPort } from './ephemeral-port.ts'
import type { ErrorListener, IcmpError } from './icmp-protocol.ts'
import { PAYLOAD_START, type InternetLayer, type ProtocolHandler, type ReceivedPacket } from './internet-layer.ts'
import { SocketError, type Blocking, type Datagram, type SocketAddress, type UdpSocket } from './socket.ts'
import { WaitQueue } from './tasks.ts'
import { TimedWait } from './timed-wait.ts'

/** Bytes of payload that wait for the reader; further datagrams are lost. Linux's default receive buffer. */
export const UDP_RECEIVE_BUFFER = 212_992

/** How many of the peers it sent to a socket remembers, to tell true errors from forged ones. */
const REMEMBERED_PEERS = 64

/** What a datagram takes of the receive buffer besides its bytes. */
const DATAGRAM_OVERHEAD = 256

/** RFC 768, with the errors and checks of RFC 1122 section 4.1. */
export class UdpProtocol implements ProtocolHandler, ErrorListener {
  private readonly sockets = new Map<number, UdpEndpoint>()
  private readonly incoming = new UdpHeader()
  private readonly outgoing = new UdpHeader()

  constructor(
    private readonly environment: Environment,
    private readonly internet: InternetLayer,
  ) {}

  /**
   * @param port 0: any that is free
   * @throws SocketError EADDRINUSE
   */
  open(port: number): UdpEndpoint {
    if (port !== 0 && this.sockets.has(port)) throw new SocketError('EADDRINUSE', `UDP port ${String(port)} is taken`)
    const local = port !== 0 ? port : ephemeralPort(this.environment.random('udp-port'), (free) => !this.sockets.has(free))
    const socket = new UdpEndpoint(this, this.environment, local)
    this.sockets.set(local, socket)
    return socket
  }

  /** For sockets. */
  close(socket: UdpEndpoint): void {
    if (this.sockets.get(socket.local.port) === socket) this.sockets.delete(socket.local.port)
  }

  /** For sockets. */
  send(sourcePort: number, to: SocketAddress, payload: Uint8Array): void {
    if (payload.length > UDP_PAYLOAD_LIMIT) {
      throw new SocketError('EMSGSIZE', `a datagram takes at most 65,507 bytes, not ${String(payload.length)}`)
    }
    const destination = this.internet.destination(to.address)
    if (destination.kind === 'unreachable') throw new SocketError('ENETUNREACH', `no route to ${formatIpv4(to.address)}`)
    const { outgoing } = this
    outgoing.sourcePort = sourcePort
    outgoing.destinationPort = to.port
    const { source } = destination
    const frame = this.internet.begin(destination, source, IpProtocol.UDP, UDP_HEADER_LENGTH + payload.length, false)
    encodeUdp(outgoing, payload, frame, PAYLOAD_START, source, destination.address)
    this.internet.send(frame, destination, 0)
  }

  input(packet: ReceivedPacket): void {
    const { bytes, header } = packet
    const udp = decodeUdp(bytes, header.payloadStart, header.payloadEnd, this.incoming)
    if (!verifyUdpChecksum(bytes, header.payloadStart, header.source, header.destination)) {
      this.internet.discard('udp', 'wrong checksum')
      return
    }
    const socket = this.sockets.get(udp.destinationPort)
    if (socket !== undefined) {
      const from = { address: header.source, port: udp.sourcePort }
      if (!socket.deliver({ from, bytes: bytes.subarray(udp.payloadStart, udp.payloadEnd) })) {
        this.internet.discard('udp', 'receive buffer full')
      }
    } else if (!packet.broadcast) {
      // RFC 1122 section 4.1.3.1.
      const code = UnreachableCode.PORT_UNREACHABLE
      this.internet.reporter?.report(IcmpType.DESTINATION_UNREACHABLE, code, bytes, packet.start, 0)
    }
  }

  handleError({ type, code, mtu, quotation }: IcmpError): void {
    const { destination, destinationPort, sourcePort } = quotation
    if (type === IcmpType.DESTINATION_UNREACHABLE && code === UnreachableCode.FRAGMENTATION_NEEDED) {
      this.internet.narrow(this.internet.destination(destination), mtu)
      return
    }
    const socket = this.sockets.get(sourcePort)
    // Forged errors would otherwise disturb a server that anybody can name.
    if (socket?.hasSentTo(destination, destinationPort) !== true || type !== IcmpType.DESTINATION_UNREACHABLE) return
    const peer = `${formatIpv4(destination)}:${String(destinationPort)}`
    if (code === UnreachableCode.PORT_UNREACHABLE || code === UnreachableCode.PROTOCOL_UNREACHABLE) {
      socket.fail(new SocketError('ECONNREFUSED', `nobody listens at ${peer}`))
    } else if (code === UnreachableCode.NET_UNREACHABLE) {
      socket.fail(new SocketError('ENETUNREACH', `no route to ${peer}`))
    } else {
      socket.fail(new SocketError('EHOSTUNREACH', `${peer} does not answer`))
    }
  }
}

/** An open UDP port. */
export class UdpEndpoint implements UdpSocket {
  readonly local: SocketAddress
  private readonly queue: Datagram[] = []
  private queuedBytes = 0
  private error: SocketError | undefined
  /** As `address * 2^16 + port`, the latest last. */
  private readonly peers = new Set<number>()
  private closed = false
  private readonly changed = new WaitQueue()

  constructor(
    private readonly protocol: UdpProtocol,
    private readonly environment: Environment,
    port: number,
  ) {
    this.local = { address: 0, port }
  }

  sendTo(to: SocketAddress, bytes: Uint8Array): void {
    if (this.closed) throw new SocketError('ECONNABORTED', 'the socket is closed')
    this.protocol.send(this.local.port, to, bytes)
    this.remember(to.address * 0x1_0000 + to.port)
  }

  private remember(peer: number): void {
    if (this.peers.has(peer)) return
    if (this.peers.size >= REMEMBERED_PEERS) {
      for (const oldest of this.peers) {
        this.peers.delete(oldest)
        break
      }
    }
    this.peers.add(peer)
  }

  *receive(timeout?: Nanos): Blocking<Datagram | undefined> {
    const until = timeout === undefined ? undefined : this.environment.now + timeout
    for (;;) {
      const datagram = this.queue.shift()
      if (datagram !== undefined) {
        this.queuedBytes -= datagram.bytes.length + DATAGRAM_OVERHEAD
        return datagram
      }
      if (this.error !== undefined) {
        const { error } = this
        this.error = undefined
        throw error
      }
      if (this.closed) throw new SocketError('ECONNABORTED', 'the socket is closed')
      if (until !== undefined && this.environment.now >= until) return undefined
      yield until === undefined ? this.changed : new TimedWait(this.changed, this.environment, until)
    }
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.protocol.close(this)
    this.changed.wake()
  }

  /** For the protocol. @returns whether there was room */
  deliver(datagram: Datagram): boolean {
    const length = datagram.bytes.length + DATAGRAM_OVERHEAD
    if (this.queuedBytes + length > UDP_RECEIVE_BUFFER) return false
    this.queue.push(datagram)
    this.queuedBytes += length
    this.changed.wake()
    return true
  }

  /** For the protocol. */
  hasSentTo(address: number, port: number): boolean {
    return this.peers.has(address * 0x1_0000 + port)
  }

  /** For the protocol: the next `receive` throws this. */
  fail(error: SocketError): void {
    this.error = error
    this.changed.wake()
  }
}
