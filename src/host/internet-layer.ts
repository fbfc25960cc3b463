/**
 * IPv4 as a host and a router do it: RFC 791, RFC 1122 section 3.2 (hosts), RFC 1812 section 5 (routers).
 *
 * Above: protocols that `register` for their number, take packets as `ReceivedPacket`, and send by `begin` (a frame with its
 * headers, for the payload to be written right into it) and `send`. Below: interfaces and their neighbours. Where a packet goes
 * is looked up once per destination address and remembered as a `Destination`; routes do not change while a machine runs. What the
 * protocols above see of it, and of its sibling for IPv6, is `NetworkLayer`.
 *
 * Deviates from RFC 1812 section 5.2.7.2: no redirects are sent. Deviates from RFC 1122 section 3.2.1.8: options are neither
 * processed nor sent; a router passes them on.
 */
import { BROADCAST_IPV4, BROADCAST_MAC, formatIpv4, writeMac } from '../wire/address.ts'
import { ETHERNET_HEADER_LENGTH, EtherType } from '../wire/ethernet.ts'
import { IcmpType, TimeExceededCode, UnreachableCode } from '../wire/icmp.ts'
import { read16, write16 } from '../wire/integer.ts'
import { Ipv4Reassembler } from '../wire/ipv4-reassembly.ts'
import {
  decodeIpv4,
  decrementTtl,
  encodeIpv4,
  fragmentIpv4,
  IPV4_HEADER_LENGTH,
  IPV4_LENGTH_LIMIT,
  IpProtocol,
  Ipv4Header,
} from '../wire/ipv4.ts'
import { addressSum } from '../wire/pseudo-header.ts'
import { TCP_HEADER_LENGTH } from '../wire/tcp.ts'
import { FrameMark, type Environment } from '../kernel/machine.ts'
import { MICROSECOND, NEVER, type Nanos } from '../kernel/time.ts'
import { clampMss } from './mss-clamp.ts'
import { NeighbourCache, type Neighbour } from './neighbour-cache.ts'
import type { NetworkInterface } from './network-interface.ts'
import {
  DEFAULT_TTL,
  PATH_MTU_LIFETIME,
  ReceivedPacket,
  type NetworkLayer,
  type ProtocolHandler,
  type Way,
} from './network-layer.ts'
import { ReassemblyWatch } from './reassembly-watch.ts'
import type { Route, RouteTable } from './route-table.ts'

/** Where the payload begins in a frame that `begin` makes. */
export const PAYLOAD_START = ETHERNET_HEADER_LENGTH + IPV4_HEADER_LENGTH

/** How long a packet to one's own address takes: more than nothing, so that a conversation of a host with itself takes time. */
export const LOOPBACK_DELAY: Nanos = 10 * MICROSECOND

/** Linux's min_pmtu. */
const LEAST_PATH_MTU = 552

/** Most destinations that are remembered. */
const DESTINATION_LIMIT = 4096

/** How many of them are found at once; a power of two. */
const RECENT = 64

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
export class Destination implements Way {
  /** Set when `kind` is 'unicast', and looked up anew when it was forgotten. */
  neighbour: Neighbour | undefined
  /** Largest IP packet that is known to get there unfragmented. */
  mtu: number
  readonly linkMtu: number
  narrowedUntil: Nanos = NEVER
  mayBeCut = false

  constructor(
    readonly layer: InternetLayer,
    /** In [0, 2^32). */
    readonly address: number,
    readonly kind: Way['kind'],
    /** The interface on the way; undefined for 'local' and 'unreachable'. */
    readonly card: NetworkInterface | undefined,
    readonly nextHop: number,
    /** Our own address towards it. */
    readonly source: number,
  ) {
    this.linkMtu = card === undefined ? IPV4_LENGTH_LIMIT : card.mtu
    this.mtu = this.linkMtu
  }
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

export class InternetLayer implements NetworkLayer {
  readonly headerLength = IPV4_HEADER_LENGTH
  readonly payloadStart = PAYLOAD_START
  readonly leastMtu = LEAST_PATH_MTU
  readonly neighbours: readonly NeighbourCache[]
  /** Whether a router makes SYNs that pass through announce no more than fits through it. */
  clampsMss = false
  /** TCP ports whose packets are taken in though they are for others, as by Linux's TPROXY; undefined: none. */
  diverted: ReadonlySet<number> | undefined
  /** Whether UDP that a router would pass on is thrown away, as by a firewall. */
  blocksUdp = false
  /** Is told what this host could not do for others, and for itself. Set once, when the stack is put together. */
  reporter: ErrorReporter | undefined
  private readonly handlers: (ProtocolHandler | undefined)[] = new Array<ProtocolHandler | undefined>(256).fill(undefined)
  private readonly destinations = new Map<number, Destination>()
  /** By our own address, those whose packets leave from another than the usual one. */
  private readonly destinationsFrom = new Map<number, Map<number, Destination>>()
  /** Those asked for lately, by some bits of their addresses: nearly every packet finds its own here. */
  private readonly recent: (Destination | undefined)[] = new Array<Destination | undefined>(RECENT).fill(undefined)
  private readonly own: ReadonlySet<number>
  private readonly reassembler = new Ipv4Reassembler()
  private readonly reassemblyWatch: ReassemblyWatch<number>
  private readonly received = new ReceivedPacket(this, new Ipv4Header())
  private readonly header = new Ipv4Header()
  private identification: number

  /** @param forwards whether this is a router, or a host that passes on what is not for it, which can be changed */
  constructor(
    private readonly environment: Environment,
    readonly interfaces: readonly NetworkInterface[],
    private readonly routes: RouteTable,
    public forwards: boolean,
  ) {
    this.reassemblyWatch = new ReassemblyWatch(environment, this.reassembler, 'ip', (first) =>
      this.reporter?.report(IcmpType.TIME_EXCEEDED, TimeExceededCode.REASSEMBLY, first, 0, 0),
    )
    this.neighbours = interfaces.map((card) => new NeighbourCache(environment, card, (frame) => this.undeliverable(frame)))
    this.identification = environment.random('ip-identification').below(0x10000)
    this.own = new Set(interfaces.map(({ address }) => address).filter((address) => address !== 0))
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
    return this.own.has(address) || isLoopback(address)
  }

  /** Whether an address names everybody on some link of ours. */
  isBroadcast(address: number): boolean {
    if (address === BROADCAST_IPV4) return true
    for (const card of this.interfaces) if (card.broadcast === address && card.address !== 0) return true
    return false
  }

  /** Where packets for an address go. The answer stays valid as long as the machine runs, though it may become a worse one. */
  way(address: number): Destination {
    const slot = (address ^ (address >>> 8)) & (RECENT - 1)
    const recent = this.recent[slot]
    if (recent?.address === address) return recent
    let destination = this.destinations.get(address | 0)
    if (destination === undefined) {
      // Nobody holds on to more than a few, and those keep theirs.
      if (this.destinations.size >= DESTINATION_LIMIT) {
        this.destinations.clear()
        this.recent.fill(undefined)
      }
      destination = this.findDestination(address)
      this.destinations.set(address | 0, destination)
    }
    this.recent[slot] = destination
    return destination
  }

  wayFrom(source: number, address: number): Destination {
    const usual = this.way(address)
    if (usual.source === source || usual.kind !== 'unicast' || !this.own.has(source)) return usual
    let destinations = this.destinationsFrom.get(source)
    if (destinations === undefined) this.destinationsFrom.set(source, (destinations = new Map<number, Destination>()))
    let destination = destinations.get(address)
    if (destination === undefined) {
      if (destinations.size >= DESTINATION_LIMIT) destinations.clear()
      const route = this.routes.lookup(address, source)
      destination = route === undefined ? usual : this.destinationBy(route, address)
      destinations.set(address, destination)
    }
    return destination
  }

  /** An interface has lost its carrier, or has it again: where packets go is found anew. Who holds a way already keeps it. */
  carrierChanged(): void {
    this.destinations.clear()
    this.destinationsFrom.clear()
    this.recent.fill(undefined)
  }

  private findDestination(address: number): Destination {
    if (this.isOwn(address)) return new Destination(this, address, 'local', undefined, address, address)
    if (address === BROADCAST_IPV4 && this.interfaces.length > 0) {
      const card = this.interfaces[0]
      return new Destination(this, address, 'group', card, address, card.address)
    }
    const route = isHostAddress(address) ? this.routes.lookup(address) : undefined
    if (route === undefined) return new Destination(this, address, 'unreachable', undefined, address, 0)
    return this.destinationBy(route, address)
  }

  private destinationBy(route: Route, address: number): Destination {
    const card = route.interface
    if (address === card.broadcast) return new Destination(this, address, 'group', card, address, card.address)
    return new Destination(this, address, 'unicast', card, route.via === 0 ? address : route.via, card.address)
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
    if (believed > destination.mtu || (believed === destination.mtu && mtu >= believed)) return false
    destination.mayBeCut = mtu < believed
    destination.mtu = believed
    destination.narrowedUntil = this.environment.now + PATH_MTU_LIFETIME
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
    ecn = 0,
    ttl = DEFAULT_TTL,
    dscp = 0,
  ): Uint8Array {
    const { header } = this
    header.dscp = dscp
    header.ecn = ecn
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
    if (destination.narrowedUntil < NEVER && destination.narrowedUntil <= this.environment.now) {
      destination.mtu = destination.linkMtu
      destination.narrowedUntil = NEVER
      destination.mayBeCut = false
    }
    if (destination.kind === 'local') {
      this.loopBackLater(frame)
    } else if (card !== undefined) {
      if (frame.length - ETHERNET_HEADER_LENGTH <= destination.mtu) this.output(frame, destination, card, mark)
      else this.sendFragments(frame, destination, card, destination.mtu, mark)
    }
  }

  sendWhole(frame: Uint8Array, destination: Destination, mark: number): boolean {
    const { card, kind, linkMtu } = destination
    if (frame.length - ETHERNET_HEADER_LENGTH > linkMtu) return false
    if (kind === 'local') this.loopBackLater(frame)
    else if (card !== undefined) this.output(frame, destination, card, mark)
    return true
  }

  private sendFragments(frame: Uint8Array, destination: Destination, card: NetworkInterface, mtu: number, mark: number): void {
    const allocate = (length: number): Uint8Array => this.environment.allocate(length)
    for (const fragment of fragmentIpv4(frame, ETHERNET_HEADER_LENGTH, frame.length, mtu, ETHERNET_HEADER_LENGTH, allocate)) {
      writeLinkHeader(fragment, card)
      this.output(fragment, destination, card, mark)
    }
  }

  private output(frame: Uint8Array, destination: Destination, card: NetworkInterface, mark: number): void {
    if (destination.kind === 'group') {
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

  refusePort({ bytes, start }: ReceivedPacket): void {
    this.reporter?.report(IcmpType.DESTINATION_UNREACHABLE, UnreachableCode.PORT_UNREACHABLE, bytes, start, 0)
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
    if (!header.isIntact) {
      this.discard('ip', 'wrong checksum')
      return
    }
    const destination = this.way(header.destination)
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
      received.port = card.port
      received.broadcast = linkBroadcast || destination.kind === 'group'
      this.deliver(received)
    } else if (this.forwards && !linkBroadcast && destination.kind !== 'group') {
      if (this.diverted !== undefined && this.isDiverted(this.diverted, frame, header)) {
        received.bytes = frame
        received.start = ETHERNET_HEADER_LENGTH
        received.port = card.port
        received.broadcast = false
        this.deliver(received)
      } else {
        this.forward(card, frame, header, destination)
      }
    }
  }

  /** Of a packet in fragments nobody knows the port: it is passed on. */
  private isDiverted(ports: ReadonlySet<number>, frame: Uint8Array, header: Ipv4Header): boolean {
    const { protocol, moreFragments, fragmentOffset, payloadStart, payloadEnd } = header
    if (protocol !== IpProtocol.TCP || moreFragments || fragmentOffset > 0 || payloadEnd - payloadStart < 4) return false
    return ports.has(read16(frame, payloadStart + 2))
  }

  private isBroadcastOn(card: NetworkInterface, address: number): boolean {
    return address === BROADCAST_IPV4 || address === card.broadcast
  }

  private loopBackLater(frame: Uint8Array): void {
    this.environment.schedule(this.environment.now + LOOPBACK_DELAY, () => {
      this.loopBack(frame)
    })
  }

  private loopBack(frame: Uint8Array): void {
    const { received } = this
    decodeIpv4(frame, ETHERNET_HEADER_LENGTH, frame.length, received.header)
    received.bytes = frame
    received.start = ETHERNET_HEADER_LENGTH
    received.port = -1
    received.broadcast = false
    this.deliver(received)
  }

  private deliver(packet: ReceivedPacket<Ipv4Header>): void {
    const { header } = packet
    if (header.moreFragments || header.fragmentOffset !== 0) {
      const whole = this.reassembler.handle(packet.bytes, packet.start, header, this.environment.now)
      this.reassemblyWatch.settle()
      if (whole === undefined) return
      decodeIpv4(whole, 0, whole.length, header)
      packet.bytes = whole
      packet.start = 0
    }
    packet.addressSum = addressSum(header.source, header.destination)
    const handler = this.handlers[header.protocol]
    if (handler !== undefined) handler.input(packet)
    else if (!packet.broadcast) {
      const code = UnreachableCode.PROTOCOL_UNREACHABLE
      this.reporter?.report(IcmpType.DESTINATION_UNREACHABLE, code, packet.bytes, packet.start, 0)
    }
  }

  /** RFC 1812 section 5.2.1: the packet goes on, or its source is told why not. */
  private forward(from: NetworkInterface, frame: Uint8Array, header: Ipv4Header, destination: Destination): void {
    if (this.blocksUdp && header.protocol === IpProtocol.UDP) {
      const [source, to] = [formatIpv4(header.source), formatIpv4(header.destination)]
      this.environment.record('firewall:packet-blocked', '', { protocol: 'udp', source, destination: to })
      return
    }
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
      this.environment.record('ip:packet-too-big', '', { length: length - ETHERNET_HEADER_LENGTH, mtu: card.mtu })
      const code = UnreachableCode.FRAGMENTATION_NEEDED
      this.reporter?.report(IcmpType.DESTINATION_UNREACHABLE, code, frame, ETHERNET_HEADER_LENGTH, card.mtu)
      return
    }
    const copy = this.environment.allocate(length)
    copy.set(frame.length === length ? frame : frame.subarray(0, length))
    decrementTtl(copy, ETHERNET_HEADER_LENGTH)
    if (this.clampsMss && header.protocol === IpProtocol.TCP && header.fragmentOffset === 0) {
      const room = Math.min(from.mtu, card.mtu) - IPV4_HEADER_LENGTH - TCP_HEADER_LENGTH
      clampMss(copy, header.payloadStart, header.payloadEnd, room)
    }
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
