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
  type Way,
} from './network-layer.ts'
import {
  SocketError,
  type Blocking,
  type Datagram,
  type DatagramListener,
  type DatagramOptions,
  type Ecn,
  type SocketAddress,
  type UdpSocket,
} from './socket.ts'
import { SparseMap } from './sparse-map.ts'
import { WaitQueue } from './tasks.ts'
import { TimedWait } from './timed-wait.ts'

/** Bytes of payload that wait for the reader; further datagrams are lost. Linux's default receive buffer. */
export const UDP_RECEIVE_BUFFER = 212_992

/** How many of the peers it sent to a socket remembers, to tell true errors from forged ones. */
const REMEMBERED_PEERS = 64

/** What a datagram takes of the receive buffer besides its bytes. */
const DATAGRAM_OVERHEAD = 256

const USUAL: DatagramOptions = {}

// Headers at hand, of whatever host: one is dealt with before the next.
const incoming = new UdpHeader()
const outgoing = new UdpHeader()

/** RFC 768, with the errors and checks of RFC 1122 section 4.1. */
export class UdpProtocol implements ProtocolHandler, ErrorListener {
  private readonly sockets = new SparseMap<number, UdpEndpoint>()

  constructor(
    private readonly environment: Environment,
    private readonly internet: Internet,
  ) {}

  /**
   * @param port 0: any that is free
   * @param listener takes what comes; absent: the socket keeps it to be received
   * @throws SocketError EADDRINUSE
   */
  open(port: number, listener?: DatagramListener): UdpEndpoint {
    if (port !== 0 && this.sockets.has(port)) throw new SocketError('EADDRINUSE', `UDP port ${String(port)} is taken`)
    const local = port !== 0 ? port : ephemeralPort(this.environment.random('udp-port'), (free) => !this.sockets.has(free))
    const socket = new UdpEndpoint(this, this.environment, local, listener)
    this.sockets.set(local, socket)
    return socket
  }

  /** For sockets. */
  close(socket: UdpEndpoint): void {
    if (this.sockets.get(socket.local.port) === socket) this.sockets.delete(socket.local.port)
  }

  /** For sockets. @param source one of our addresses; absent: the usual one. @throws SocketError */
  wayTo(address: IpAddress, source?: IpAddress): Way {
    const way = source === undefined ? this.internet.way(address) : this.internet.wayFrom(source, address)
    if (way === undefined || way.kind === 'unreachable') throw new SocketError('ENETUNREACH', `no route to ${formatIp(address)}`)
    return way
  }

  /** For sockets. */
  send(sourcePort: number, to: SocketAddress, payload: Uint8Array, options: DatagramOptions): void {
    const way = this.wayTo(to.address, options.source)
    const { layer } = way
    const { source = way.source, ecn = 0, dontFragment = false } = options
    if (source !== way.source && (typeof source !== typeof way.source || !layer.isOwn(source)))
      throw new SocketError('EADDRNOTAVAIL', `${formatIp(source)} is no address of ours`)
    // The length of an IPv4 packet counts its header, that of an IPv6 packet does not.
    const limit = typeof to.address === 'number' ? UDP_PAYLOAD_LIMIT : UDP_PAYLOAD_LIMIT + IPV4_HEADER_LENGTH
    if (payload.length > limit) throw tooLong(limit, payload.length)
    outgoing.sourcePort = sourcePort
    outgoing.destinationPort = to.port
    const frame = layer.begin(way, source, IpProtocol.UDP, UDP_HEADER_LENGTH + payload.length, dontFragment, ecn)
    encodeUdp(outgoing, payload, frame, layer.payloadStart, addressSum(source, way.address))
    if (!dontFragment) layer.send(frame, way, 0)
    else if (!layer.sendWhole(frame, way, 0)) throw tooLong(payloadOf(way), payload.length)
  }

  input(packet: ReceivedPacket): void {
    const { bytes, header, layer } = packet
    const udp = decodeUdp(bytes, header.payloadStart, header.payloadEnd, incoming)
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
      const payload = bytes.subarray(udp.payloadStart, udp.payloadEnd)
      if (!socket.deliver(from, header.destination, header.ecn as Ecn, payload)) layer.discard('udp', 'receive buffer full')
    } else if (!packet.broadcast) {
      // RFC 1122 section 4.1.3.1, RFC 4443 section 3.1.
      layer.refusePort(packet)
    }
  }

  handleError({ type, code, mtu, quotation }: IcmpError): void {
    if (type !== IcmpType.DESTINATION_UNREACHABLE) return
    const { source, sourcePort, destination, destinationPort } = quotation
    const isTooBig = code === UnreachableCode.FRAGMENTATION_NEEDED
    if (isTooBig) {
      const way = this.internet.way(destination)
      way?.layer.narrow(way, mtu)
    }
    const socket = this.sockets.get(sourcePort)
    if (socket === undefined) return
    if (socket.listener !== undefined) {
      const refused = code === UnreachableCode.PORT_UNREACHABLE || code === UnreachableCode.PROTOCOL_UNREACHABLE
      socket.listener.datagramFailed({
        source: { address: source, port: sourcePort },
        destination: { address: destination, port: destinationPort },
        kind: isTooBig ? 'too-big' : refused ? 'refused' : 'unreachable',
        mtu: isTooBig ? mtu : 0,
      })
    } else if (!isTooBig && socket.hasSentTo(destination, destinationPort)) {
      // Forged errors would otherwise disturb a server that anybody can name.
      socket.fail(unreachableError(code, formatEnd(destination, destinationPort)))
    }
  }
}

function unreachableError(code: number, peer: string): SocketError {
  switch (code) {
    case UnreachableCode.PORT_UNREACHABLE:
    case UnreachableCode.PROTOCOL_UNREACHABLE:
      return new SocketError('ECONNREFUSED', `nobody listens at ${peer}`)
    case UnreachableCode.NET_UNREACHABLE:
      return new SocketError('ENETUNREACH', `no route to ${peer}`)
    default:
      return new SocketError('EHOSTUNREACH', `${peer} does not answer`)
  }
}

function tooLong(most: number, length: number): SocketError {
  return new SocketError('EMSGSIZE', `a datagram takes at most ${String(most)} bytes here, not ${String(length)}`)
}

/** The most bytes of a datagram that the link on a way takes in one packet. */
function payloadOf({ layer, linkMtu }: Way): number {
  return linkMtu - layer.headerLength - UDP_HEADER_LENGTH
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
  /** Called once when it is closed. */
  released: (() => void) | undefined
  private readonly changed = new WaitQueue()

  constructor(
    private readonly protocol: UdpProtocol,
    private readonly environment: Environment,
    port: number,
    /** For the protocol: takes everything; undefined: it waits here to be received. */
    readonly listener: DatagramListener | undefined,
  ) {
    this.local = { address: 0, port }
  }

  sendTo(to: SocketAddress, bytes: Uint8Array, options = USUAL): void {
    if (this.closed) throw new SocketError('ECONNABORTED', 'the socket is closed')
    this.protocol.send(this.local.port, to, bytes, options)
    // A listener judges errors by himself.
    if (this.listener === undefined) this.remember(keyOf(to.address, to.port))
  }

  wayTo(address: IpAddress): { readonly source: IpAddress; readonly payload: number } {
    const way = this.protocol.wayTo(address)
    return { source: way.source, payload: payloadOf(way) }
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
    this.released?.()
  }

  /** For the protocol. @returns whether there was room */
  deliver(from: SocketAddress, to: IpAddress, ecn: Ecn, bytes: Uint8Array): boolean {
    if (this.listener !== undefined) {
      this.listener.datagramReceived(from, to, ecn, bytes)
      return true
    }
    const length = bytes.length + DATAGRAM_OVERHEAD
    if (this.queuedBytes + length > UDP_RECEIVE_BUFFER) return false
    this.queue.push({ from, to, ecn, bytes })
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
