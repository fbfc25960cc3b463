/**
 * IPv4 as a host and a router do it: RFC 791, RFC 1122 section 3.2 (hosts), RFC 1812 section 5 (routers).
 *
 * Above: protocols that `register` for their number, take packets as `ReceivedPacket`, and send by `begin` (a frame with its
 * headers, for the payload to be written right into it) and `send`. Below: interfaces and their neighbours. Where a packet goes
 * is looked up once per destination address and remembered as a `Destination`; routes do not change while a machine runs.
 *
 * Deviates from RFC 1812 section 5.2.7.2: no redirects are sent. Deviates from RFC 1122 section 3.2.1.8: options are neither
 * processed nor sent; a router passes them on.
 */
import { BROADCAST_IPV4, BROADCAST_MAC, formatIpv4, writeMac } from '../wire/address.ts'
import { ETHERNET_HEADER_LENGTH, EtherType } from '../wire/ethernet.ts'
import { IcmpType, TimeExceededCode, UnreachableCode } from '../wire/icmp.ts'
import { write16 } from '../wire/integer.ts'
import { Ipv4Reassembler } from '../wire/ipv4-reassembly.ts'
import {
  decodeIpv4,
  decrementTtl,
  encodeIpv4,
  fragmentIpv4,
  IPV4_HEADER_LENGTH,
  IPV4_LENGTH_LIMIT,
  Ipv4Header,
  verifyIpv4Checksum,
} from '../wire/ipv4.ts'
import { FrameMark, type Environment, type Timer } from '../kernel/machine.ts'
import { MICROSECOND, type Nanos } from '../kernel/time.ts'
import { NeighbourCache, type Neighbour } from './neighbour-cache.ts'
import type { NetworkInterface } from './network-interface.ts'
import type { RouteTable } from './route-table.ts'

/** Where the payload begins in a frame that `begin` makes. */
export const PAYLOAD_START = ETHERNET_HEADER_LENGTH + IPV4_HEADER_LENGTH

/** RFC 1700's recommendation, and everybody's default. */
export const DEFAULT_TTL = 64

/** How long a packet to one's own address takes: more than nothing, so that a conversation of a host with itself takes time. */
const LOOPBACK_DELAY: Nanos = 10 * MICROSECOND

/** Linux's min_pmtu. */
const LEAST_PATH_MTU = 552

/** Most destinations that are remembered. */
const DESTINATION_LIMIT = 4096

/** 127.0.0.0/8: whoever uses it means himself (RFC 1122 section 3.2.1.3). */
function isLoopback(address: number): boolean {
  return address >>> 24 === 127
}

/** Whether an address can be that of one host: not 0.0.0.0/8, 127.0.0.0/8, multicast, reserved or broadcast. */
function isHostAddress(address: number): boolean {
  const first = address >>> 24
  return first !== 0 && first !== 127 && first < 224
}

/** Where packets for one address go. */
export class Destination {
  /** Set when `kind` is 'unicast', and looked up anew when it was forgotten. */
  neighbour: Neighbour | undefined
  /** Largest IP packet that is known to get there unfragmented. */
  mtu: number

  constructor(
    /** In [0, 2^32). */
    readonly address: number,
    readonly kind: 'local' | 'unicast' | 'broadcast' | 'unreachable',
    /** The interface on the way; undefined for 'local' and 'unreachable'. */
    readonly card: NetworkInterface | undefined,
    readonly nextHop: number,
    /** Our own address towards it. */
    readonly source: number,
  ) {
    this.mtu = card === undefined ? IPV4_LENGTH_LIMIT : card.mtu
  }
}

/** A packet for this host, valid only during `input`. */
export class ReceivedPacket {
  /** The packet, or the frame that holds it. */
  bytes: Uint8Array = new Uint8Array(0)
  /** Where the IP header begins. */
  start = 0
  header = new Ipv4Header()
  /** Whether it came to more than one host, by its link's or its own destination. */
  broadcast = false
}

/** A protocol above IP. */
export interface ProtocolHandler {
  /** Takes a packet with a right IP header, whole. May throw DecodeError. */
  input(packet: ReceivedPacket): void
}

/** Tells the source of a packet what became of it. */
export interface ErrorReporter {
  /**
   * @param type an `IcmpType`
   * @param bytes holds the packet, which begins at `start`
   * @param mtu of the next hop, for "fragmentation needed"; 0 otherwise
   */
  report(type: number, code: number, bytes: Uint8Array, start: number, mtu: number): void
}

export class InternetLayer {
  readonly neighbours: readonly NeighbourCache[]
  /** Is told what this host could not do for others, and for itself. Set once, when the stack is put together. */
  reporter: ErrorReporter | undefined
  private readonly handlers: (ProtocolHandler | undefined)[] = new Array<ProtocolHandler | undefined>(256).fill(undefined)
  private readonly destinations = new Map<number, Destination>()
  private readonly reassembler = new Ipv4Reassembler()
  private reassemblyTimer: Timer | undefined
  private readonly received = new ReceivedPacket()
  private readonly header = new Ipv4Header()
  private identification: number

  /** @param forwards whether this is a router */
  constructor(
    private readonly environment: Environment,
    readonly interfaces: readonly NetworkInterface[],
    private readonly routes: RouteTable,
    private readonly forwards: boolean,
  ) {
    this.neighbours = interfaces.map((card) => new NeighbourCache(environment, card, (frame) => this.undeliverable(frame)))
    this.identification = environment.random('ip-identification').below(0x10000)
  }

  register(protocol: number, handler: ProtocolHandler): void {
    this.handlers[protocol] = handler
  }

  /** Records that bytes from the network were thrown away, and why. */
  discard(protocol: string, why: string): void {
    this.environment.record(`${protocol}:discarded`, '', { why })
  }

  // Where to.

  isOwn(address: number): boolean {
    for (const card of this.interfaces) if (card.address === address && address !== 0) return true
    return isLoopback(address)
  }

  /** Whether an address names everybody on some link of ours. */
  isBroadcast(address: number): boolean {
    if (address === BROADCAST_IPV4) return true
    for (const card of this.interfaces) if (card.broadcast === address && card.address !== 0) return true
    return false
  }

  /** Where packets for an address go. The answer stays valid as long as the machine runs. */
  destination(address: number): Destination {
    let destination = this.destinations.get(address | 0)
    if (destination === undefined) {
      // Nobody holds on to more than a few, and those keep theirs.
      if (this.destinations.size >= DESTINATION_LIMIT) this.destinations.clear()
      destination = this.findDestination(address)
      this.destinations.set(address | 0, destination)
    }
    return destination
  }

  private findDestination(address: number): Destination {
    if (this.isOwn(address)) return new Destination(address, 'local', undefined, address, address)
    if (address === BROADCAST_IPV4 && this.interfaces.length > 0) {
      const card = this.interfaces[0]
      return new Destination(address, 'broadcast', card, address, card.address)
    }
    const route = isHostAddress(address) ? this.routes.lookup(address) : undefined
    if (route === undefined) return new Destination(address, 'unreachable', undefined, address, 0)
    const card = route.interface
    if (address === card.broadcast) return new Destination(address, 'broadcast', card, address, card.address)
    return new Destination(address, 'unicast', card, route.via === 0 ? address : route.via, card.address)
  }

  /** A higher layer has just heard from a destination, so the way there works. */
  confirm(destination: Destination): void {
    const { card, neighbour } = destination
    if (card !== undefined && neighbour !== undefined) this.neighbours[card.port].confirm(neighbour)
  }

  /**
   * A router reports that no larger packets reach a destination whole (RFC 1191). Below Linux's floor it is not believed, lest a forged
   * report cut everything to crumbs; what is larger than the truth is then cut by the router.
   * @returns whether that is news
   */
  narrow(destination: Destination, mtu: number): boolean {
    const believed = Math.max(mtu, LEAST_PATH_MTU)
    if (believed >= destination.mtu) return false
    destination.mtu = believed
    return true
  }

  // Sending.

  /**
   * A frame with its headers, whose payload the caller writes from `PAYLOAD_START` to the end, and then sends.
   * @param source one of our own addresses
   * @param length of the payload in bytes; with the header at most 65,535
   */
  begin(
    destination: Destination,
    source: number,
    protocol: number,
    length: number,
    dontFragment: boolean,
    ttl = DEFAULT_TTL,
    dscp = 0,
  ): Uint8Array {
    const { header } = this
    header.dscp = dscp
    header.identification = this.identification
    this.identification = (this.identification + 1) & 0xffff
    header.dontFragment = dontFragment
    header.ttl = ttl
    header.protocol = protocol
    header.source = source
    header.destination = destination.address
    const frame = this.environment.allocate(PAYLOAD_START + length)
    if (destination.card !== undefined) writeLinkHeader(frame, destination.card)
    encodeIpv4(header, length, frame, ETHERNET_HEADER_LENGTH)
    return frame
  }

  /**
   * Sends a frame that `begin` made; cut into fragments when it is larger than the way allows. A frame without a way is lost: who
   * wants to know asks the destination's kind first.
   * @param mark bits of `FrameMark`
   */
  send(frame: Uint8Array, destination: Destination, mark: number): void {
    const { card } = destination
    if (destination.kind === 'local') {
      this.environment.schedule(this.environment.now + LOOPBACK_DELAY, () => {
        this.loopBack(frame)
      })
    } else if (card !== undefined) {
      if (frame.length - ETHERNET_HEADER_LENGTH <= destination.mtu) this.output(frame, destination, card, mark)
      else this.sendFragments(frame, destination, card, destination.mtu, mark)
    }
  }

  private sendFragments(frame: Uint8Array, destination: Destination, card: NetworkInterface, mtu: number, mark: number): void {
    const allocate = (length: number): Uint8Array => this.environment.allocate(length)
    for (const fragment of fragmentIpv4(frame, ETHERNET_HEADER_LENGTH, frame.length, mtu, ETHERNET_HEADER_LENGTH, allocate)) {
      writeLinkHeader(fragment, card)
      this.output(fragment, destination, card, mark)
    }
  }

  private output(frame: Uint8Array, destination: Destination, card: NetworkInterface, mark: number): void {
    if (destination.kind === 'broadcast') {
      writeMac(frame, 0, BROADCAST_MAC)
      this.environment.transmit(card.port, frame, mark)
      return
    }
    const neighbours = this.neighbours[card.port]
    let { neighbour } = destination
    if (neighbour === undefined || neighbour.state === 'forgotten') {
      neighbour = neighbours.neighbour(destination.nextHop)
      destination.neighbour = neighbour
    }
    neighbours.send(neighbour, frame, mark)
  }

  /** Nobody answers for the packet's next hop. RFC 1122 section 2.3.2.2, RFC 1812 section 5.2.7.1. */
  private undeliverable(frame: Uint8Array): void {
    const code = UnreachableCode.HOST_UNREACHABLE
    this.reporter?.report(IcmpType.DESTINATION_UNREACHABLE, code, frame, ETHERNET_HEADER_LENGTH, 0)
  }

  // Receiving.

  /**
   * Takes a frame with an IPv4 packet that came in by an interface.
   * @param linkBroadcast whether the frame was for everybody on the link
   * @throws DecodeError
   */
  receive(card: NetworkInterface, frame: Uint8Array, linkBroadcast: boolean): void {
    const { received } = this
    const header = decodeIpv4(frame, ETHERNET_HEADER_LENGTH, frame.length, received.header)
    if (!verifyIpv4Checksum(frame, ETHERNET_HEADER_LENGTH)) {
      this.discard('ip', 'wrong checksum')
      return
    }
    const destination = this.destination(header.destination)
    if (
      !isHostAddress(header.source) ||
      isLoopback(header.destination) ||
      this.isOwn(header.source) ||
      header.source === card.broadcast
    ) {
      // RFC 1122 section 3.2.1.3: such sources, and loopback addresses, never appear on a wire.
      this.discard('ip', `impossible addresses: ${formatIpv4(header.source)} to ${formatIpv4(header.destination)}`)
      return
    }
    if (destination.kind === 'local' || this.isBroadcastOn(card, header.destination)) {
      received.bytes = frame
      received.start = ETHERNET_HEADER_LENGTH
      received.broadcast = linkBroadcast || destination.kind === 'broadcast'
      this.deliver(received)
    } else if (this.forwards && !linkBroadcast && destination.kind !== 'broadcast') {
      this.forward(frame, header, destination)
    }
  }

  private isBroadcastOn(card: NetworkInterface, address: number): boolean {
    return address === BROADCAST_IPV4 || address === card.broadcast
  }

  private loopBack(frame: Uint8Array): void {
    const { received } = this
    decodeIpv4(frame, ETHERNET_HEADER_LENGTH, frame.length, received.header)
    received.bytes = frame
    received.start = ETHERNET_HEADER_LENGTH
    received.broadcast = false
    this.deliver(received)
  }

  private deliver(packet: ReceivedPacket): void {
    const { header } = packet
    if (header.moreFragments || header.fragmentOffset !== 0) {
      const whole = this.reassembler.handle(packet.bytes, packet.start, header, this.environment.now)
      this.reassemblyChanged()
      if (whole === undefined) return
      decodeIpv4(whole, 0, whole.length, header)
      packet.bytes = whole
      packet.start = 0
    }
    const handler = this.handlers[header.protocol]
    if (handler !== undefined) handler.input(packet)
    else if (!packet.broadcast) {
      const code = UnreachableCode.PROTOCOL_UNREACHABLE
      this.reporter?.report(IcmpType.DESTINATION_UNREACHABLE, code, packet.bytes, packet.start, 0)
    }
  }

  /** Tells of datagrams that will never be whole, and sets the timer for the next. */
  private reassemblyChanged(): void {
    const { reassembler } = this
    for (let failed = reassembler.pollEvent(); failed !== undefined; failed = reassembler.pollEvent()) {
      this.environment.record('ip:reassembly-failed', '', {
        why: failed.why,
        source: formatIpv4(failed.source),
        received: failed.received,
        missing: failed.missing,
      })
      if (failed.why === 'expired' && failed.first !== undefined) {
        this.reporter?.report(IcmpType.TIME_EXCEEDED, TimeExceededCode.REASSEMBLY, failed.first, 0, 0)
      }
    }
    const deadline = reassembler.pollTimeout()
    if (deadline === undefined) {
      this.reassemblyTimer?.cancel()
      this.reassemblyTimer = undefined
    } else {
      // Deadlines only grow later, so a timer that is armed is early at worst.
      this.reassemblyTimer ??= this.environment.schedule(deadline, () => {
        this.reassemblyTimer = undefined
        reassembler.handleTimeout(this.environment.now)
        this.reassemblyChanged()
      })
    }
  }

  /** RFC 1812 section 5.2.1: the packet goes on, or its source is told why not. */
  private forward(frame: Uint8Array, header: Ipv4Header, destination: Destination): void {
    const { card } = destination
    if (card === undefined) {
      const code = UnreachableCode.NET_UNREACHABLE
      this.reporter?.report(IcmpType.DESTINATION_UNREACHABLE, code, frame, ETHERNET_HEADER_LENGTH, 0)
      return
    }
    if (header.ttl <= 1) {
      this.reporter?.report(IcmpType.TIME_EXCEEDED, TimeExceededCode.TTL, frame, ETHERNET_HEADER_LENGTH, 0)
      return
    }
    // By the packet's own length, for what came behind it was the link's padding.
    const length = header.payloadEnd
    const tooLong = length - ETHERNET_HEADER_LENGTH > card.mtu
    if (tooLong && header.dontFragment) {
      const code = UnreachableCode.FRAGMENTATION_NEEDED
      this.reporter?.report(IcmpType.DESTINATION_UNREACHABLE, code, frame, ETHERNET_HEADER_LENGTH, card.mtu)
      return
    }
    const copy = this.environment.allocate(length)
    copy.set(frame.length === length ? frame : frame.subarray(0, length))
    decrementTtl(copy, ETHERNET_HEADER_LENGTH)
    writeMac(copy, 6, card.mac)
    if (tooLong) this.sendFragments(copy, destination, card, card.mtu, FrameMark.Forwarded)
    else this.output(copy, destination, card, FrameMark.Forwarded)
  }
}

/** All of the Ethernet header but the destination, which may not be known yet. */
function writeLinkHeader(frame: Uint8Array, card: NetworkInterface): void {
  writeMac(frame, 6, card.mac)
  write16(frame, 12, EtherType.IPV4)
}
