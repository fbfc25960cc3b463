import { formatIp, type IpAddress } from '../wire/address.ts'
import { IcmpType, UnreachableCode } from '../wire/icmp.ts'
import { IPV4_HEADER_LENGTH, IpProtocol } from '../wire/ipv4.ts'
import { addressSum } from '../wire/pseudo-header.ts'
import { decodeUdp, encodeUdp, UDP_HEADER_LENGTH, UDP_PAYLOAD_LIMIT, UdpHeader, verifyUdpChecksum } from '../wire/udp.ts'
import type { Environment } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import { ephemeralPort } from './ephemeral-port.ts'
import {
  formatEnd,
  type ErrorListener,
  type IcmpError,
  type Internet,
  type ProtocolHandler,
  type ReceivedPacket,
} from './network-layer.ts'
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
    private readonly internet: Internet,
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
    const way = this.internet.way(to.address)
    if (way === undefined || way.kind === 'unreachable')
      throw new SocketError('ENETUNREACH', `no route to ${formatIp(to.address)}`)
    const { layer, source } = way
    // The length of an IPv4 packet counts its header, that of an IPv6 packet does not.
    const limit = typeof to.address === 'number' ? UDP_PAYLOAD_LIMIT : UDP_PAYLOAD_LIMIT + IPV4_HEADER_LENGTH
    if (payload.length > limit) {
      throw new SocketError('EMSGSIZE', `a datagram takes at most ${String(limit)} bytes, not ${String(payload.length)}`)
    }
    const { outgoing } = this
    outgoing.sourcePort = sourcePort
    outgoing.destinationPort = to.port
    const frame = layer.begin(way, source, IpProtocol.UDP, UDP_HEADER_LENGTH + payload.length, false)
    encodeUdp(outgoing, payload, frame, layer.payloadStart, addressSum(source, way.address))
    layer.send(frame, way, 0)
  }

  input(packet: ReceivedPacket): void {
    const { bytes, header, layer } = packet
    const udp = decodeUdp(bytes, header.payloadStart, header.payloadEnd, this.incoming)
    if (udp.checksum === 0 && typeof header.source === 'bigint') {
      // RFC 8200 section 8.1.
      layer.discard('udp', 'no checksum')
      return
    }
    if (!verifyUdpChecksum(bytes, header.payloadStart, packet.addressSum)) {
      layer.discard('udp', 'wrong checksum')
      return
    }
    const socket = this.sockets.get(udp.destinationPort)
    if (socket !== undefined) {
      const from = { address: header.source, port: udp.sourcePort }
      if (!socket.deliver({ from, bytes: bytes.subarray(udp.payloadStart, udp.payloadEnd) })) {
        layer.discard('udp', 'receive buffer full')
      }
    } else if (!packet.broadcast) {
      // RFC 1122 section 4.1.3.1, RFC 4443 section 3.1.
      layer.refusePort(packet)
    }
  }

  handleError({ type, code, mtu, quotation }: IcmpError): void {
    const { destination, destinationPort, sourcePort } = quotation
    if (type === IcmpType.DESTINATION_UNREACHABLE && code === UnreachableCode.FRAGMENTATION_NEEDED) {
      const way = this.internet.way(destination)
      way?.layer.narrow(way, mtu)
      return
    }
    const socket = this.sockets.get(sourcePort)
    // Forged errors would otherwise disturb a server that anybody can name.
    if (socket?.hasSentTo(destination, destinationPort) !== true || type !== IcmpType.DESTINATION_UNREACHABLE) return
    const peer = formatEnd(destination, destinationPort)
    if (code === UnreachableCode.PORT_UNREACHABLE || code === UnreachableCode.PROTOCOL_UNREACHABLE) {
      socket.fail(new SocketError('ECONNREFUSED', `nobody listens at ${peer}`))
    } else if (code === UnreachableCode.NET_UNREACHABLE) {
      socket.fail(new SocketError('ENETUNREACH', `no route to ${peer}`))
    } else {
      socket.fail(new SocketError('EHOSTUNREACH', `${peer} does not answer`))
    }
  }
}

/** A peer as one number, `address * 2^16 + port`. */
function keyOf(address: IpAddress, port: number): IpAddress {
  return typeof address === 'number' ? address * 0x1_0000 + port : (address << 16n) | BigInt(port)
}

/** An open UDP port. */
export class UdpEndpoint implements UdpSocket {
  readonly local: SocketAddress
  private readonly queue: Datagram[] = []
  private queuedBytes = 0
  private error: SocketError | undefined
  /** As `keyOf` has them, the latest last. */
  private readonly peers = new Set<IpAddress>()
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
    this.remember(keyOf(to.address, to.port))
  }

  private remember(peer: IpAddress): void {
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
  hasSentTo(address: IpAddress, port: number): boolean {
    return this.peers.has(keyOf(address, port))
  }

  /** For the protocol: the next `receive` throws this. */
  fail(error: SocketError): void {
    this.error = error
    this.changed.wake()
  }
}
