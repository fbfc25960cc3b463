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
import type { PacketInterceptor } from './packet-access.ts'
import {
  DEFAULT_TTL,
  PATH_MTU_LIFETIME,
  ReceivedPacket,
  type NetworkLayer,
  type ProtocolHandler,
  type Way,
} from './network-layer.ts'
import { ProtocolTable } from './protocol-table.ts'
import { ReassemblyWatch } from './reassembly-watch.ts'
import type { Route, RouteTable } from './route-table.ts'
import { SparseMap, SparseSet } from './sparse-map.ts'

/** Where the payload begins in a frame that `begin` makes. */
export const PAYLOAD_START = ETHERNET_HEADER_LENGTH + IPV4_HEADER_LENGTH

/** How long a packet to one's own address takes: more than nothing, so that a conversation of a host with itself takes time. */
export const LOOPBACK_DELAY: Nanos = 10 * MICROSECOND

/** Linux's min_pmtu. */
const LEAST_PATH_MTU = 552

/** Most destinations that are remembered. */
const DESTINATION_LIMIT = 32_768

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
  neighbour: Neighbour | undefined = undefined
  /** Largest IP packet that is known to get there unfragmented. */
  mtu: number
  readonly linkMtu: number
  /** 0: it was not narrowed. */
  private narrowed: Nanos = 0
  mayBeCut = false

  constructor(
    readonly layer: InternetLayer,
    /** In [0, 2^32). */
    readonly address: number,
    readonly kind: Way['kind'],
    /** The interface on the way; undefined for 'local' and 'unreachable'. */
    readonly card: NetworkInterface | undefined,
    readonly nextHop: number,
  ) {
    this.linkMtu = card === undefined ? IPV4_LENGTH_LIMIT : card.mtu
    this.mtu = this.linkMtu
  }

  /** Our own address towards it. */
  get source(): number {
    if (this.card !== undefined) return this.card.address
    return this.kind === 'local' ? this.address : 0
  }

  get narrowedUntil(): Nanos {
    return this.narrowed === 0 ? NEVER : this.narrowed
  }

  set narrowedUntil(time: Nanos) {
    this.narrowed = time === NEVER ? 0 : time
  }
}

const NOTHING = new Uint8Array(0)

// Headers at hand, of whatever host: one is dealt with before the next.
const arrived = new Ipv4Header()
const departing = new Ipv4Header()
let received: ReceivedPacket<Ipv4Header> | undefined

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
  diverted: ReadonlySet<number> | undefined = undefined
  /** Whether UDP that a router would pass on is thrown away, as by a firewall. */
  blocksUdp = false
  /** Who sees packets before this host does, in this order; undefined: nobody. */
  interceptors: readonly PacketInterceptor[] | undefined = undefined
  /** Multicast groups whose packets are taken in, by their IPv4 addresses; undefined: none. */
  groups: ReadonlySet<number> | undefined = undefined
  /** Is told what this host could not do for others, and for itself. Set once, when the stack is put together. */
  reporter: ErrorReporter | undefined = undefined
  private readonly handlers = new ProtocolTable<ProtocolHandler>()
  private readonly destinations = new SparseMap<number, Destination>()
  /** By our own address, those whose packets leave from another than the usual one. */
  private destinationsFrom: Map<number, Map<number, Destination>> | undefined = undefined
  /**
   * Those asked for lately, by some bits of their addresses: nearly every packet finds its own here. undefined: there are not so many that it
   * would help.
   */
  private recent: (Destination | undefined)[] | undefined = undefined
  private readonly own = new SparseSet<number>()
  /** Made when the first fragment comes. */
  private reassembly: ReassemblyWatch<number, Ipv4Reassembler> | undefined = undefined
  private identification: number

  /** @param forwards whether this is a router, or a host that passes on what is not for it, which can be changed */
  constructor(
    private readonly environment: Environment,
    readonly interfaces: readonly NetworkInterface[],
    private readonly routes: RouteTable,
    public forwards: boolean,
  ) {
    this.neighbours = interfaces.map((card) => new NeighbourCache(environment, card, this))
    this.identification = environment.random('ip-identification').below(0x10000)
    for (const { address } of interfaces) if (address !== 0) this.own.add(address)
  }

  register(protocol: number, handler: ProtocolHandler): void {
    this.handlers.set(protocol, handler)
  }

  /** Records that bytes from the network were thrown away, and why. */
  discard(protocol: string, why: string): void {
    this.environment.record(`${protocol}:discarded`, '', { why })
  }

  // Where to.

  /** Takes on a further address, or gives it up. What others know of it is not the business of this layer. */
  setOwn(address: number, on: boolean): void {
    if (on) this.own.add(address)
    else this.own.delete(address)
    this.carrierChanged()
  }

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
    const recent = this.recent?.[slot]
    if (recent?.address === address) return recent
    let destination = this.destinations.get(address | 0)
    if (destination === undefined) {
      // Nobody holds on to more than a few, and those keep theirs.
      if (this.destinations.size >= DESTINATION_LIMIT) {
        this.destinations.clear()
        this.recent?.fill(undefined)
      }
      destination = this.findDestination(address)
      this.destinations.set(address | 0, destination)
      if (this.destinations.size > 1) this.recent ??= new Array<Destination | undefined>(RECENT).fill(undefined)
    }
    if (this.recent !== undefined) this.recent[slot] = destination
    return destination
  }

  wayFrom(source: number, address: number): Destination {
    const usual = this.way(address)
    if (usual.source === source || usual.kind !== 'unicast' || !this.own.has(source)) return usual
    this.destinationsFrom ??= new Map()
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
    this.destinationsFrom = undefined
    this.recent?.fill(undefined)
  }

  private findDestination(address: number): Destination {
    if (this.isOwn(address)) return new Destination(this, address, 'local', undefined, address)
    if (address === BROADCAST_IPV4 && this.interfaces.length > 0) {
      const card = this.interfaces[0]
      return new Destination(this, address, 'group', card, address)
    }
    const route = isHostAddress(address) ? this.routes.lookup(address) : undefined
    if (route === undefined) return new Destination(this, address, 'unreachable', undefined, address)
    return this.destinationBy(route, address)
  }

  private destinationBy(route: Route, address: number): Destination {
    const card = route.interface
    if (address === card.broadcast) return new Destination(this, address, 'group', card, address)
    return new Destination(this, address, 'unicast', card, route.via === 0 ? address : route.via)
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
    const header = departing
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
  undeliverable(frame: Uint8Array): void {
    const code = UnreachableCode.HOST_UNREACHABLE
    this.reporter?.report(IcmpType.DESTINATION_UNREACHABLE, code, this.asItCame(frame), ETHERNET_HEADER_LENGTH, 0)
  }

  /** A packet as its source knows it, if somebody here has changed it on its way. */
  private asItCame(frame: Uint8Array): Uint8Array {
    for (const interceptor of this.interceptors ?? []) {
      const restored = interceptor.restored(frame)
      if (restored !== undefined) return restored
    }
    return frame
  }

  // Receiving.

  /**
   * Takes a frame with an IPv4 packet that came in by an interface.
   * @param linkBroadcast whether the frame was for everybody on the link
   * @throws DecodeError
   */
  receive(card: NetworkInterface, frame: Uint8Array, linkBroadcast: boolean): void {
    const header = decodeIpv4(frame, ETHERNET_HEADER_LENGTH, frame.length, arrived)
    if (!header.isIntact) {
      this.discard('ip', 'wrong checksum')
      return
    }
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
    const { interceptors } = this
    if (interceptors !== undefined && !linkBroadcast)
      this.acceptUnlessTaken(interceptors, card, frame, header, this.way(header.destination))
    else if (header.destination === card.address) this.take(card, frame, linkBroadcast)
    else this.accept(card, frame, header, this.way(header.destination), linkBroadcast)
  }

  /** Who intercepts sees whole packets only, and what he leaves goes on whole. */
  private acceptUnlessTaken(
    interceptors: readonly PacketInterceptor[],
    card: NetworkInterface,
    frame: Uint8Array,
    header: Ipv4Header,
    destination: Destination,
  ): void {
    let packet = frame
    if (header.moreFragments || header.fragmentOffset !== 0) {
      const whole = this.reassemble(frame, header)
      if (whole === undefined) return
      packet = this.environment.allocate(ETHERNET_HEADER_LENGTH + whole.length)
      packet.set(frame.subarray(0, ETHERNET_HEADER_LENGTH))
      packet.set(whole, ETHERNET_HEADER_LENGTH)
      decodeIpv4(packet, ETHERNET_HEADER_LENGTH, packet.length, header)
    }
    for (const interceptor of interceptors) if (interceptor.intercepted(packet, header)) return
    this.accept(card, packet, header, destination, false)
  }

  /** A packet is for this host, or goes on, or nobody here cares for it. */
  private accept(
    card: NetworkInterface,
    frame: Uint8Array,
    header: Ipv4Header,
    destination: Destination,
    linkBroadcast: boolean,
  ): void {
    if (destination.kind === 'local' || this.isBroadcastOn(card, header.destination)) {
      this.take(card, frame, linkBroadcast || destination.kind === 'group')
    } else if (this.forwards && !linkBroadcast && destination.kind !== 'group') {
      if (this.diverted !== undefined && this.isDiverted(this.diverted, frame, header)) this.take(card, frame, false)
      else this.forward(card, frame, header, destination)
    }
  }

  /** A packet is for this host. @param broadcast whether it came to more than one */
  private take(card: NetworkInterface, frame: Uint8Array, broadcast: boolean): void {
    const received = this.receivedPacket()
    received.bytes = frame
    received.start = ETHERNET_HEADER_LENGTH
    received.port = card.port
    received.broadcast = broadcast
    this.deliver(received)
  }

  /** Of a packet in fragments nobody knows the port: it is passed on. */
  private isDiverted(ports: ReadonlySet<number>, frame: Uint8Array, header: Ipv4Header): boolean {
    const { protocol, moreFragments, fragmentOffset, payloadStart, payloadEnd } = header
    if (protocol !== IpProtocol.TCP || moreFragments || fragmentOffset > 0 || payloadEnd - payloadStart < 4) return false
    return ports.has(read16(frame, payloadStart + 2))
  }

  private isBroadcastOn(card: NetworkInterface, address: number): boolean {
    return address === BROADCAST_IPV4 || address === card.broadcast || this.groups?.has(address) === true
  }

  private loopBackLater(frame: Uint8Array): void {
    this.environment.schedule(this.environment.now + LOOPBACK_DELAY, () => {
      this.loopBack(frame)
    })
  }

  private loopBack(frame: Uint8Array): void {
    decodeIpv4(frame, ETHERNET_HEADER_LENGTH, frame.length, arrived)
    const received = this.receivedPacket()
    received.bytes = frame
    received.start = ETHERNET_HEADER_LENGTH
    received.port = -1
    received.broadcast = false
    this.deliver(received)
  }

  private receivedPacket(): ReceivedPacket<Ipv4Header> {
    if (received === undefined) received = new ReceivedPacket(this, arrived)
    else received.layer = this
    return received
  }

  private deliver(packet: ReceivedPacket<Ipv4Header>): void {
    const { header } = packet
    if (header.moreFragments || header.fragmentOffset !== 0) {
      const whole = this.reassemble(packet.bytes, header)
      if (whole === undefined) return
      decodeIpv4(whole, 0, whole.length, header)
      packet.bytes = whole
      packet.start = 0
    }
    packet.addressSum = addressSum(header.source, header.destination)
    const handler = this.handlers.get(header.protocol)
    if (handler !== undefined) handler.input(packet)
    else if (!packet.broadcast) {
      const code = UnreachableCode.PROTOCOL_UNREACHABLE
      this.reporter?.report(IcmpType.DESTINATION_UNREACHABLE, code, packet.bytes, packet.start, 0)
    }
    // The memory of frames comes in large blocks: none is to be kept for the sake of the last packet.
    packet.bytes = NOTHING
  }

  /** @param frame Ethernet's header, and a fragment behind it. @returns the whole packet, when this completes it */
  private reassemble(frame: Uint8Array, header: Ipv4Header): Uint8Array | undefined {
    const { environment } = this
    this.reassembly ??= new ReassemblyWatch(environment, new Ipv4Reassembler(), 'ip', (first) =>
      this.reporter?.report(IcmpType.TIME_EXCEEDED, TimeExceededCode.REASSEMBLY, first, 0, 0),
    )
    const whole = this.reassembly.reassembler.handle(frame, ETHERNET_HEADER_LENGTH, header, environment.now)
    this.reassembly.settle()
    return whole
  }

  /** RFC 1812 section 5.2.1: the packet goes on, or its source is told why not. */
  private forward(from: NetworkInterface, frame: Uint8Array, header: Ipv4Header, destination: Destination): void {
    if (this.blocksUdp && header.protocol === IpProtocol.UDP) {
      const [source, to] = [formatIpv4(header.source), formatIpv4(header.destination)]
      this.environment.record('firewall:packet-blocked', '', { protocol: 'udp', source, destination: to })
      return
    }
    const copy = this.copyToForward(frame, header, destination)
    const { card } = destination
    if (copy === undefined || card === undefined) return
    if (this.clampsMss && header.protocol === IpProtocol.TCP && header.fragmentOffset === 0) {
      const room = Math.min(from.mtu, card.mtu) - IPV4_HEADER_LENGTH - TCP_HEADER_LENGTH
      clampMss(copy, header.payloadStart, header.payloadEnd, room)
    }
    this.sendForwarded(copy, destination)
  }

  /**
   * A copy of a packet that came in, to be sent on by `sendForwarded`; its TTL is one less. Undefined: it cannot go on, and its source
   * has been told why.
   */
  copyToForward(frame: Uint8Array, header: Ipv4Header, { card }: Destination): Uint8Array | undefined {
    if (card === undefined) {
      const code = UnreachableCode.NET_UNREACHABLE
      this.reporter?.report(IcmpType.DESTINATION_UNREACHABLE, code, frame, ETHERNET_HEADER_LENGTH, 0)
      return undefined
    }
    if (header.ttl <= 1) {
      this.reporter?.report(IcmpType.TIME_EXCEEDED, TimeExceededCode.TTL, frame, ETHERNET_HEADER_LENGTH, 0)
      return undefined
    }
    // By the packet's own length, for what came behind it was the link's padding.
    const length = header.payloadEnd
    if (length - ETHERNET_HEADER_LENGTH > card.mtu && header.dontFragment) {
      this.environment.record('ip:packet-too-big', '', { length: length - ETHERNET_HEADER_LENGTH, mtu: card.mtu })
      const code = UnreachableCode.FRAGMENTATION_NEEDED
      this.reporter?.report(IcmpType.DESTINATION_UNREACHABLE, code, frame, ETHERNET_HEADER_LENGTH, card.mtu)
      return undefined
    }
    const copy = this.environment.allocate(length)
    copy.set(frame.length === length ? frame : frame.subarray(0, length))
    decrementTtl(copy, ETHERNET_HEADER_LENGTH)
    return copy
  }

  /** Sends what `copyToForward` gave to the next hop of a destination, whatever address it has. */
  sendForwarded(copy: Uint8Array, destination: Destination): void {
    const { card } = destination
    if (card === undefined) return
    writeMac(copy, 6, card.mac)
    const tooLong = copy.length - ETHERNET_HEADER_LENGTH > card.mtu
    if (tooLong) this.sendFragments(copy, destination, card, card.mtu, FrameMark.Forwarded)
    else this.output(copy, destination, card, FrameMark.Forwarded)
  }
}

/** All of the Ethernet header but the destination, which may not be known yet. */
function writeLinkHeader(frame: Uint8Array, card: NetworkInterface): void {
  writeMac(frame, 6, card.mac)
  write16(frame, 12, EtherType.IPV4)
}
