/**
 * IPv6 as a host and a router do it: RFC 8200, RFC 8504. The sibling of `InternetLayer`, seen from above as a `NetworkLayer`.
 *
 * Each interface that speaks IPv6 is an `Ipv6Interface`, with its addresses, its neighbours and what routers have said. All of that can
 * change while the machine runs, so a `Destination6`, which remembers where packets for one address go, says in which state of things
 * it was found, and is found anew when that has passed.
 *
 * Only the source cuts packets; a router answers that they are too big. Deviates from RFC 6437 section 3: the flow label is 0. Deviates
 * from RFC 4007 section 6: a link-local address has no zone; on a host with several links it is where it was last heard of.
 */
import { formatIpv6, isLinkLocalIpv6, isMulticastIpv6, multicastMac, writeMac } from '../wire/address.ts'
import { sum } from '../wire/checksum.ts'
import { ETHERNET_HEADER_LENGTH, EtherType } from '../wire/ethernet.ts'
import { Icmpv6Type, TimeExceededCodeV6, UnreachableCodeV6 } from '../wire/icmpv6.ts'
import { write16 } from '../wire/integer.ts'
import {
  decodeIpv6,
  decrementHopLimit,
  encodeIpv6,
  IPV6_HEADER_LENGTH,
  IPV6_MIN_MTU,
  IPV6_PAYLOAD_LIMIT,
  Ipv6Header,
  NextHeader,
} from '../wire/ipv6.ts'
import { Ipv6Chain, ParameterProblemCode, walkIpv6Chain } from '../wire/ipv6-chain.ts'
import { fragmentIpv6 } from '../wire/ipv6-fragmentation.ts'
import { Ipv6Reassembler } from '../wire/ipv6-reassembly.ts'
import { encodeNdp, ndpEncodedLength, type NdpMessage } from '../wire/ndp.ts'
import { addressSum } from '../wire/pseudo-header.ts'
import { TCP_HEADER_LENGTH } from '../wire/tcp.ts'
import { FrameMark, type Environment } from '../kernel/machine.ts'
import { NEVER, type Nanos } from '../kernel/time.ts'
import type { ResolvedRoute } from '../scenario/resolved.ts'
import { LOOPBACK_DELAY } from './internet-layer.ts'
import { Ipv6Interface, type InterfaceOwner, type Ipv6InterfaceOptions } from './ipv6-interface.ts'
import { Ipv6RouteTable } from './ipv6-route-table.ts'
import { clampMss } from './mss-clamp.ts'
import type { Neighbour6 } from './neighbour-discovery.ts'
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

/** Where the payload begins in a frame that `begin` makes. */
export const PAYLOAD_START_V6 = ETHERNET_HEADER_LENGTH + IPV6_HEADER_LENGTH

/** The first byte of an address that names a group. RFC 4291 section 2.4. */
const MULTICAST_BYTE = 0xff

/** Most destinations that are remembered. */
const DESTINATION_LIMIT = 4096

/** Most link-local addresses of which it is remembered where they were heard. */
const LOCATION_LIMIT = 1024

const LOOPBACK = 1n

/** Where packets for one address go. */
export class Destination6 implements Way {
  kind: Way['kind'] = 'unreachable'
  link: Ipv6Interface | undefined
  nextHop = 0n
  source = 0n
  /** Looked up anew when it was forgotten. */
  neighbour: Neighbour6 | undefined
  mtu = IPV6_HEADER_LENGTH + IPV6_PAYLOAD_LIMIT
  /** What routers on the way have said to be the largest packet. */
  pathMtu = Number.POSITIVE_INFINITY
  narrowedUntil: Nanos = NEVER
  /** Less than every link must carry is never believed, and so never needed. */
  readonly mayBeCut = false
  /** The state of routes in which this was found. */
  version = -1
  /** Ethernet's and IPv6's header of a packet that was sent there from `source`. */
  template: Uint8Array | undefined

  /** @param from the address of ours that its packets come from; undefined: the usual one */
  constructor(
    readonly layer: Ipv6Layer,
    readonly address: bigint,
    readonly from?: bigint,
  ) {}

  get card(): NetworkInterface | undefined {
    return this.link?.card
  }

  get linkMtu(): number {
    return this.link?.mtu ?? IPV6_HEADER_LENGTH + IPV6_PAYLOAD_LIMIT
  }
}

/** Tells the source of a packet what became of it. */
export interface ErrorReporter6 {
  /**
   * @param type an `Icmpv6Type`
   * @param bytes holds the packet, which begins at `start`
   * @param rest the MTU of the next hop, or a pointer
   */
  report(type: number, code: number, bytes: Uint8Array, start: number, rest: number): void
}

export class Ipv6Layer implements NetworkLayer, InterfaceOwner {
  readonly headerLength = IPV6_HEADER_LENGTH
  readonly payloadStart = PAYLOAD_START_V6
  readonly leastMtu = IPV6_MIN_MTU
  /** By port; undefined where no IPv6 is spoken. */
  readonly links: readonly (Ipv6Interface | undefined)[]
  /** Whether a router makes SYNs that pass through announce no more than fits through it. */
  clampsMss = false
  /** Whether UDP that a router would pass on is thrown away, as by a firewall; not what is behind extension headers. */
  blocksUdp = false
  /** Is told what this host could not do for others, and for itself. Set once, when the stack is put together. */
  reporter: ErrorReporter6 | undefined
  private readonly routes: Ipv6RouteTable
  private readonly handlers: (ProtocolHandler | undefined)[] = new Array<ProtocolHandler | undefined>(256).fill(undefined)
  private readonly destinations = new Map<bigint, Destination6>()
  /** By our own address, those whose packets leave from another than the usual one. */
  private readonly destinationsFrom = new Map<bigint, Map<bigint, Destination6>>()
  /** Where a link-local address was heard, on a host with several links. */
  private readonly locations = new Map<bigint, Ipv6Interface>()
  private readonly hasSeveralLinks: boolean
  private version = 0
  private readonly reassembler = new Ipv6Reassembler()
  private readonly reassemblyWatch: ReassemblyWatch<bigint>
  private readonly received = new ReceivedPacket(this, new Ipv6Header())
  private readonly header = new Ipv6Header()
  private readonly chain = new Ipv6Chain()
  private identification: number

  /**
   * @param options by port; undefined where no IPv6 is spoken
   * @param forwards whether this is a router
   */
  constructor(
    private readonly environment: Environment,
    cards: readonly NetworkInterface[],
    options: readonly (Ipv6InterfaceOptions | undefined)[],
    routes: readonly ResolvedRoute<bigint>[],
    private readonly forwards: boolean,
  ) {
    this.reassemblyWatch = new ReassemblyWatch(environment, this.reassembler, 'ipv6', (first) =>
      this.reporter?.report(Icmpv6Type.TIME_EXCEEDED, TimeExceededCodeV6.REASSEMBLY, first, 0, 0),
    )
    this.links = cards.map((card, port) => {
      const own = options[port]
      return own === undefined ? undefined : new Ipv6Interface(environment, card, this, own)
    })
    this.hasSeveralLinks = this.links.filter((link) => link !== undefined).length > 1
    this.routes = new Ipv6RouteTable(routes, this.links, !forwards)
    this.identification = environment.random('ipv6-identification').uint32()
  }

  /** Brings the interfaces up. */
  start(): void {
    for (const link of this.links) link?.start()
  }

  register(protocol: number, handler: ProtocolHandler): void {
    this.handlers[protocol] = handler
  }

  discard(protocol: string, why: string): void {
    this.environment.record(`${protocol}:discarded`, '', { why })
  }

  // Where to.

  isOwn(address: bigint): boolean {
    for (const link of this.links) if (link?.addresses.isAssigned(address) === true) return true
    return address === LOOPBACK
  }

  routesChanged(): void {
    this.version++
  }

  way(address: bigint): Destination6 {
    let destination = this.destinations.get(address)
    if (destination === undefined) {
      // Nobody holds on to more than a few, and those keep theirs.
      if (this.destinations.size >= DESTINATION_LIMIT) this.destinations.clear()
      destination = new Destination6(this, address)
      this.destinations.set(address, destination)
    }
    if (destination.version !== this.version) this.find(destination)
    return destination
  }

  wayFrom(source: bigint, address: bigint): Destination6 {
    const usual = this.way(address)
    if (usual.source === source || usual.kind !== 'unicast' || this.linkWith(source) === undefined) return usual
    let destinations = this.destinationsFrom.get(source)
    if (destinations === undefined) this.destinationsFrom.set(source, (destinations = new Map<bigint, Destination6>()))
    let destination = destinations.get(address)
    if (destination === undefined) {
      if (destinations.size >= DESTINATION_LIMIT) destinations.clear()
      destination = new Destination6(this, address, source)
      destinations.set(address, destination)
    }
    if (destination.version !== this.version) this.find(destination)
    return destination.kind === 'unreachable' ? usual : destination
  }

  private linkWith(own: bigint): Ipv6Interface | undefined {
    return this.links.find((link) => link?.addresses.isAssigned(own) === true)
  }

  /** Next-hop determination: RFC 4861 section 5.2. */
  private find(destination: Destination6): void {
    const { address, from } = destination
    destination.version = this.version
    destination.neighbour = undefined
    destination.template = undefined
    destination.link = undefined
    destination.kind = 'unreachable'
    destination.mtu = IPV6_HEADER_LENGTH + IPV6_PAYLOAD_LIMIT
    if (address === 0n) return
    if (this.isOwn(address)) {
      destination.kind = 'local'
      destination.source = address
      return
    }
    const isGroup = isMulticastIpv6(address)
    const link = from === undefined ? undefined : this.linkWith(from)
    const hop = isGroup || isLinkLocalIpv6(address) ? this.onFirstLink(address) : this.routes.lookup(address, link)
    const source = from ?? hop?.link.sourceTowards(address)
    if (hop === undefined || source === undefined) return
    destination.kind = isGroup ? 'group' : 'unicast'
    destination.link = hop.link
    destination.source = source
    destination.nextHop = hop.via === 0n ? address : hop.via
    destination.mtu = Math.min(hop.link.mtu, destination.pathMtu)
  }

  private onFirstLink(address: bigint): { link: Ipv6Interface; via: bigint } | undefined {
    const link = this.locations.get(address) ?? this.links.find((one) => one !== undefined)
    return link && { link, via: 0n }
  }

  confirm(destination: Destination6): void {
    const { link, neighbour } = destination
    if (link !== undefined && neighbour !== undefined) link.neighbours.confirm(neighbour)
  }

  /**
   * A router reports that no larger packets get to a destination. Less than every link must carry is not believed (RFC 8201 section 4).
   * @returns whether that is news
   */
  narrow(destination: Destination6, mtu: number): boolean {
    const believed = Math.max(mtu, IPV6_MIN_MTU)
    if (believed >= destination.mtu) return false
    destination.pathMtu = believed
    destination.mtu = believed
    destination.narrowedUntil = this.environment.now + PATH_MTU_LIFETIME
    return true
  }

  // Sending.

  begin(
    destination: Destination6,
    source: bigint,
    protocol: number,
    length: number,
    _dontFragment: boolean,
    ecn = 0,
    hopLimit = destination.link?.hopLimit,
    dscp = 0,
  ): Uint8Array {
    const frame = this.environment.allocate(PAYLOAD_START_V6 + length)
    const { template } = destination
    if (template === undefined || source !== destination.source) {
      if (destination.link !== undefined) writeLinkHeader(frame, destination.link.card)
      this.writeHeader(frame, source, destination.address, protocol, length, ecn, hopLimit, dscp)
      if (source === destination.source) destination.template = frame.slice(0, PAYLOAD_START_V6)
      return frame
    }
    // From one packet to the next to the same host, little changes.
    frame.set(template)
    frame[ETHERNET_HEADER_LENGTH] = 0x60 | (dscp >>> 2)
    frame[ETHERNET_HEADER_LENGTH + 1] = ((dscp & 3) << 6) | (ecn << 4)
    write16(frame, ETHERNET_HEADER_LENGTH + 4, length)
    frame[ETHERNET_HEADER_LENGTH + 6] = protocol
    frame[ETHERNET_HEADER_LENGTH + 7] = hopLimit ?? DEFAULT_TTL
    return frame
  }

  private writeHeader(
    frame: Uint8Array,
    source: bigint,
    destination: bigint,
    protocol: number,
    length: number,
    ecn: number,
    hopLimit = DEFAULT_TTL,
    dscp = 0,
  ): void {
    const { header } = this
    header.dscp = dscp
    header.ecn = ecn
    header.nextHeader = protocol
    header.hopLimit = hopLimit
    header.source = source
    header.destination = destination
    encodeIpv6(header, length, frame, ETHERNET_HEADER_LENGTH)
  }

  send(frame: Uint8Array, destination: Destination6, mark: number): void {
    this.refresh(frame, destination)
    if (destination.narrowedUntil < NEVER && destination.narrowedUntil <= this.environment.now) {
      destination.narrowedUntil = NEVER
      destination.pathMtu = Number.POSITIVE_INFINITY
      destination.mtu = destination.linkMtu
    }
    if (frame.length - ETHERNET_HEADER_LENGTH <= destination.mtu) this.dispatch(frame, destination, mark)
    else if (destination.link !== undefined) this.sendFragments(frame, destination, destination.link, mark)
  }

  sendWhole(frame: Uint8Array, destination: Destination6, mark: number): boolean {
    this.refresh(frame, destination)
    if (frame.length - ETHERNET_HEADER_LENGTH > destination.linkMtu) return false
    this.dispatch(frame, destination, mark)
    return true
  }

  /** Routes may have changed since the frame was begun. */
  private refresh(frame: Uint8Array, destination: Destination6): void {
    if (destination.version === this.version) return
    this.find(destination)
    if (destination.link !== undefined) writeLinkHeader(frame, destination.link.card)
  }

  private dispatch(frame: Uint8Array, destination: Destination6, mark: number): void {
    const { link } = destination
    if (destination.kind === 'local') {
      this.environment.schedule(this.environment.now + LOOPBACK_DELAY, () => {
        this.loopBack(frame)
      })
    } else if (link !== undefined) {
      this.output(frame, destination, link, mark)
    }
  }

  private sendFragments(frame: Uint8Array, destination: Destination6, link: Ipv6Interface, mark: number): void {
    const { header } = this
    decodeIpv6(frame, ETHERNET_HEADER_LENGTH, frame.length, header)
    const allocate = (length: number): Uint8Array => this.environment.allocate(length)
    this.identification = (this.identification + 1) >>> 0
    const { mtu } = destination
    for (const fragment of fragmentIpv6(frame, header, mtu, this.identification, ETHERNET_HEADER_LENGTH, allocate)) {
      writeLinkHeader(fragment, link.card)
      this.output(fragment, destination, link, mark)
    }
  }

  private output(frame: Uint8Array, destination: Destination6, link: Ipv6Interface, mark: number): void {
    if (destination.kind === 'group') {
      writeMac(frame, 0, multicastMac(destination.address))
      this.environment.transmit(link.card.port, frame, mark)
      return
    }
    let { neighbour } = destination
    if (neighbour?.state === undefined) {
      neighbour = link.neighbours.neighbour(destination.nextHop)
      destination.neighbour = neighbour
    }
    link.neighbours.send(neighbour, frame, mark)
  }

  transmitNdp(
    link: Ipv6Interface,
    message: NdpMessage,
    source: bigint,
    destination: bigint,
    hopLimit: number,
    mac: number | undefined,
  ): void {
    const length = ndpEncodedLength(message)
    const frame = this.environment.allocate(PAYLOAD_START_V6 + length)
    writeLinkHeader(frame, link.card)
    this.writeHeader(frame, source, destination, NextHeader.ICMPV6, length, 0, hopLimit)
    encodeNdp(message, frame, PAYLOAD_START_V6, addressSum(source, destination))
    if (mac === undefined) {
      link.neighbours.send(link.neighbours.neighbour(destination), frame, 0)
    } else {
      writeMac(frame, 0, mac)
      this.environment.transmit(link.card.port, frame)
    }
  }

  refusePort({ bytes, start }: ReceivedPacket): void {
    this.reporter?.report(Icmpv6Type.DESTINATION_UNREACHABLE, UnreachableCodeV6.PORT_UNREACHABLE, bytes, start, 0)
  }

  /** Nobody answers for the packet's next hop. RFC 4861 section 7.2.2. */
  undeliverable(frame: Uint8Array): void {
    const code = UnreachableCodeV6.ADDRESS_UNREACHABLE
    this.reporter?.report(Icmpv6Type.DESTINATION_UNREACHABLE, code, frame, ETHERNET_HEADER_LENGTH, 0)
  }

  // Receiving.

  /**
   * Takes a frame with an IPv6 packet that came in by an interface.
   * @param linkGroup whether the frame was for more than one station on the link
   * @throws DecodeError
   */
  receive(link: Ipv6Interface, frame: Uint8Array, linkGroup: boolean): void {
    const { received } = this
    const header = decodeIpv6(frame, ETHERNET_HEADER_LENGTH, frame.length, received.header)
    const { source, destination } = header
    const isFromGroup = frame[ETHERNET_HEADER_LENGTH + 8] === MULTICAST_BYTE
    if (isFromGroup || source === LOOPBACK || destination === LOOPBACK || destination === 0n || this.isOwn(source)) {
      // RFC 4291 sections 2.5.2, 2.5.3 and 2.7: such addresses never appear on a wire there.
      this.discard('ipv6', `impossible addresses: ${formatIpv6(source)} to ${formatIpv6(destination)}`)
      return
    }
    if (this.hasSeveralLinks && isLinkLocalAt(frame, ETHERNET_HEADER_LENGTH + 8)) this.locate(source, link)
    const isForGroup = frame[ETHERNET_HEADER_LENGTH + 24] === MULTICAST_BYTE
    if (isForGroup ? link.isMember(destination) : this.way(destination).kind === 'local') {
      received.bytes = frame
      received.start = ETHERNET_HEADER_LENGTH
      received.port = link.card.port
      received.broadcast = linkGroup || isForGroup
      received.reassembled = false
      this.deliver(received)
    } else if (this.forwards && !linkGroup && !isForGroup) {
      this.forward(link, frame, header)
    }
  }

  private locate(address: bigint, link: Ipv6Interface): void {
    if (this.locations.get(address) === link) return
    if (this.locations.size >= LOCATION_LIMIT) this.locations.clear()
    this.locations.set(address, link)
    this.destinations.delete(address)
  }

  private loopBack(frame: Uint8Array): void {
    const { received } = this
    decodeIpv6(frame, ETHERNET_HEADER_LENGTH, frame.length, received.header)
    received.bytes = frame
    received.start = ETHERNET_HEADER_LENGTH
    received.port = -1
    received.broadcast = false
    received.reassembled = false
    this.deliver(received)
  }

  private deliver(packet: ReceivedPacket<Ipv6Header>): void {
    const { header, bytes } = packet
    const chain = walkIpv6Chain(bytes, header, header.payloadEnd, 'destination', this.chain)
    switch (chain.verdict) {
      case 'discard':
        this.discard('ipv6', 'an unknown option that asks for silence')
        return
      case 'parameter-problem':
        this.problem(chain.code, bytes, packet.start, chain.pointer)
        return
      case 'reassemble': {
        const whole = this.reassembler.handle(bytes, header, chain, this.environment.now)
        this.reassemblyWatch.settle()
        if (whole === undefined) return
        decodeIpv6(whole, 0, whole.length, header)
        packet.bytes = whole
        packet.start = 0
        packet.reassembled = true
        this.deliver(packet)
        return
      }
      case 'accept':
        header.payloadStart = chain.start
        this.handOver(packet, chain)
    }
  }

  private handOver(packet: ReceivedPacket<Ipv6Header>, { protocol, protocolPointer }: Ipv6Chain): void {
    const { bytes, start } = packet
    const handler = this.handlers[protocol]
    if (handler !== undefined) {
      packet.addressSum = sum(bytes, start + 8, start + IPV6_HEADER_LENGTH)
      handler.input(packet)
    } else if (protocol !== NextHeader.NO_NEXT_HEADER) {
      // RFC 8200 section 4.
      this.problem(ParameterProblemCode.UNRECOGNIZED_NEXT_HEADER, bytes, start, protocolPointer)
    }
  }

  private problem(code: number, bytes: Uint8Array, start: number, pointer: number): void {
    this.reporter?.report(Icmpv6Type.PARAMETER_PROBLEM, code, bytes, start, pointer)
  }

  /** Tells the source of a packet that it does not go on. */
  private refuse(frame: Uint8Array, type: number, code: number, rest = 0): void {
    this.reporter?.report(type, code, frame, ETHERNET_HEADER_LENGTH, rest)
  }

  /** RFC 8200 section 3: the packet goes on, or its source is told why not. */
  private forward(from: Ipv6Interface, frame: Uint8Array, header: Ipv6Header): void {
    const { source, destination } = header
    // RFC 4291 sections 2.5.2 and 2.5.6: what is of one link stays there.
    if (source === 0n || isLinkLocalAt(frame, ETHERNET_HEADER_LENGTH + 24)) return
    if (this.blocksUdp && header.nextHeader === NextHeader.UDP) {
      const [from6, to] = [formatIpv6(source), formatIpv6(destination)]
      this.environment.record('firewall:packet-blocked', '', { protocol: 'udp', source: from6, destination: to })
      return
    }
    if (header.nextHeader === NextHeader.HOP_BY_HOP) {
      const chain = walkIpv6Chain(frame, header, header.payloadEnd, 'router', this.chain)
      if (chain.verdict === 'parameter-problem') this.problem(chain.code, frame, ETHERNET_HEADER_LENGTH, chain.pointer)
      if (chain.verdict !== 'accept') return
    }
    const way = this.way(destination)
    const { link } = way
    if (link === undefined) {
      this.refuse(frame, Icmpv6Type.DESTINATION_UNREACHABLE, UnreachableCodeV6.NO_ROUTE)
      return
    }
    if (link !== from && isLinkLocalAt(frame, ETHERNET_HEADER_LENGTH + 8)) {
      this.refuse(frame, Icmpv6Type.DESTINATION_UNREACHABLE, UnreachableCodeV6.BEYOND_SCOPE)
      return
    }
    if (header.hopLimit <= 1) {
      this.refuse(frame, Icmpv6Type.TIME_EXCEEDED, TimeExceededCodeV6.HOP_LIMIT)
      return
    }
    // By the packet's own length, for what came behind it was the link's padding.
    const length = header.payloadEnd
    if (length - ETHERNET_HEADER_LENGTH > link.mtu) {
      this.environment.record('ip:packet-too-big', '', { length: length - ETHERNET_HEADER_LENGTH, mtu: link.mtu })
      this.refuse(frame, Icmpv6Type.PACKET_TOO_BIG, 0, link.mtu)
      return
    }
    const copy = this.environment.allocate(length)
    copy.set(frame.length === length ? frame : frame.subarray(0, length))
    decrementHopLimit(copy, ETHERNET_HEADER_LENGTH)
    if (this.clampsMss && header.nextHeader === NextHeader.TCP) {
      const room = Math.min(from.mtu, link.mtu) - IPV6_HEADER_LENGTH - TCP_HEADER_LENGTH
      clampMss(copy, PAYLOAD_START_V6, length, room)
    }
    writeMac(copy, 6, link.card.mac)
    this.output(copy, way, link, FrameMark.Forwarded)
  }
}

/** `isLinkLocalIpv6` of the address that stands at `at`, without making a number of it. */
function isLinkLocalAt(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0xfe && (bytes[at + 1] & 0xc0) === 0x80
}

/** All of the Ethernet header but the destination, which may not be known yet. */
function writeLinkHeader(frame: Uint8Array, card: NetworkInterface): void {
  writeMac(frame, 6, card.mac)
  write16(frame, 12, EtherType.IPV6)
}
