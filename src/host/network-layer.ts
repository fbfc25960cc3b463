import { formatIp, type IpAddress } from '../wire/address.ts'
import type { Ipv4Header } from '../wire/ipv4.ts'
import type { Ipv6Header } from '../wire/ipv6.ts'
import { SECOND, type Nanos } from '../kernel/time.ts'
import type { NetworkInterface } from './network-interface.ts'

/** RFC 1700's recommendation for TTL and hop limit, and everybody's default. */
export const DEFAULT_TTL = 64

/**
 * Where packets for one address go, by either version of IP. Made by a layer, and given to nobody but that layer again: each has its own
 * class with more in it.
 */
export interface Way {
  readonly layer: NetworkLayer
  readonly address: IpAddress
  /** `'group'`: more than one host, by broadcast or multicast. */
  readonly kind: 'local' | 'unicast' | 'group' | 'unreachable'
  /** The interface on the way; undefined for 'local' and 'unreachable'. */
  readonly card: NetworkInterface | undefined
  /** Our own address towards it. */
  readonly source: IpAddress
  /** Largest IP packet in bytes that is known to get there unfragmented. */
  readonly mtu: number
  /** Largest IP packet that the link on the way takes. */
  readonly linkMtu: number
  /** When it is forgotten that the path was said to be narrower than the link; `NEVER`: it was not. */
  readonly narrowedUntil: Nanos
  /** Whether the path is said to be narrower than is believed, so that routers had better be allowed to cut packets. */
  readonly mayBeCut: boolean
}

/** How long a report of a narrow path is believed: 10 minutes (RFC 1191 section 6.3, RFC 8201 section 5.3, and Linux). */
export const PATH_MTU_LIFETIME: Nanos = 600 * SECOND

const NOTHING = new Uint8Array(0)

/** A packet for this host, valid only during `input`. */
export class ReceivedPacket<Header extends Ipv4Header | Ipv6Header = Ipv4Header | Ipv6Header> {
  /** The packet, or the frame that holds it. */
  bytes: Uint8Array = NOTHING
  /** Where the IP header begins. */
  start = 0
  /** Which interface it came in by; -1: it never left this host. */
  port = -1
  /** Whether it came to more than one host, by its link's or its own destination. */
  broadcast = false
  /** Whether it was put together from fragments. */
  reassembled = false
  /** Both addresses' share of the checksum of what it carries: see `addressSum`. */
  addressSum = 0

  /** @param header its `payloadStart` is where the upper layer begins, behind all extension headers */
  constructor(
    public layer: NetworkLayer,
    readonly header: Header,
  ) {}
}

/** A protocol above IP. */
export interface ProtocolHandler {
  /** Takes a packet with a right IP header, whole. May throw DecodeError. */
  input(packet: ReceivedPacket): void
}

/** What an error quotes of the packet that it is about. */
interface QuotedPacket {
  readonly protocol: number
  readonly source: IpAddress
  readonly destination: IpAddress
  /** -1 when the quotation does not reach so far. */
  readonly sourcePort: number
  readonly destinationPort: number
  /** TCP's; -1 when there is none. */
  readonly sequence: number
}

/**
 * What came back for a packet of ours that did not get there. Errors of ICMPv6 are told in the words of ICMP, as RFC 7915 section 5.2
 * translates them, so that who sent the packet need not know the version.
 */
export interface IcmpError {
  /** An `IcmpType`. */
  readonly type: number
  readonly code: number
  /** Who says so; one of our own addresses when this host found out by itself. */
  readonly from: IpAddress
  /** TTL or hop limit of the packet that brought it. */
  readonly ttl: number
  /** Of "fragmentation needed": what the next hop takes, 0 when it is not said. */
  readonly mtu: number
  /** The packet, cut short, as the error quotes it. */
  readonly quotation: QuotedPacket
}

/** A protocol that wants to know what became of its packets. */
export interface ErrorListener {
  handleError(error: IcmpError): void
}

/** An echo that this host asked for. */
export interface EchoListener {
  replied(from: IpAddress, ttl: number): void
  failed(error: IcmpError): void
}

/** Echo of ICMP or of ICMPv6. */
export interface EchoProtocol {
  /** Sends an echo request; the listener hears of replies and errors until `forgetEcho`. */
  sendEcho(way: Way, identifier: number, sequence: number, payload: Uint8Array, ttl: number, listener: EchoListener): void
  forgetEcho(identifier: number, sequence: number, listener: EchoListener): void
}

/** IP of one version, as the protocols above see it. */
export interface NetworkLayer {
  /** Bytes of its header, without options or extensions. */
  readonly headerLength: number
  /** Where the payload begins in a frame that `begin` makes. */
  readonly payloadStart: number
  /** The least MTU that a path may be narrowed to. */
  readonly leastMtu: number
  /** Where packets for an address of this version go. The answer can be kept as long as the machine runs. */
  way(address: IpAddress): Way
  /**
   * The same for packets from a certain address of ours: out of the interface that has it, where that leads there (the strong model of RFC 1122
   * section 3.3.4.2).
   */
  wayFrom(source: IpAddress, address: IpAddress): Way
  /** Whether a packet for an address would come to this very host. */
  isOwn(address: IpAddress): boolean
  /** A higher layer has just heard from there, so the way works. */
  confirm(way: Way): void
  /** No larger packets than this are said to get there whole; forgotten after `PATH_MTU_LIFETIME`. @returns whether that is news */
  narrow(way: Way, mtu: number): boolean
  /**
   * A frame with its headers, whose payload the caller writes from `payloadStart` to the end, and then sends.
   * @param source one of our own addresses
   * @param length of the payload in bytes
   * @param dontFragment whether routers may not cut it; IPv6's never do
   * @param ecn explicit congestion notification, 0 to 3 (RFC 3168)
   */
  begin(
    way: Way,
    source: IpAddress,
    protocol: number,
    length: number,
    dontFragment: boolean,
    ecn?: number,
    ttl?: number,
    dscp?: number,
  ): Uint8Array
  /**
   * Sends a frame that `begin` made; cut into fragments when it is larger than the way allows. A frame without a way is lost: who
   * wants to know asks the way's kind first.
   * @param mark bits of `FrameMark`
   */
  send(frame: Uint8Array, way: Way, mark: number): void
  /**
   * The same, but never in fragments, and whatever the path is said to take.
   * @returns false: it is larger than the link on the way takes, and is not sent
   */
  sendWhole(frame: Uint8Array, way: Way, mark: number): boolean
  /** Records that bytes from the network were thrown away, and why. */
  discard(protocol: string, why: string): void
  /** Tells the source of a packet that nobody listens at the port that it is for. */
  refusePort(packet: ReceivedPacket): void
}

/** The versions of IP that a host speaks, seen from above. */
export class Internet {
  constructor(
    private readonly layer4: NetworkLayer,
    private readonly layer6: NetworkLayer | undefined,
  ) {}

  /** Where packets for an address go; undefined for IPv6 where none is spoken. */
  way(address: IpAddress): Way | undefined {
    if (typeof address === 'number') return this.layer4.way(address)
    return this.layer6?.way(address)
  }

  /** The same for packets from an address of ours; `wayFrom` of the layer. */
  wayFrom(source: IpAddress, address: IpAddress): Way | undefined {
    const layer = typeof address === 'number' ? this.layer4 : this.layer6
    return typeof source === typeof address ? layer?.wayFrom(source, address) : this.way(address)
  }
}

/** `'10.0.0.1:80'`, `'[2001:db8::1]:80'` (RFC 5952 section 6). */
export function formatEnd(address: IpAddress, port: number): string {
  const text = formatIp(address)
  return typeof address === 'number' ? `${text}:${String(port)}` : `[${text}]:${String(port)}`
}
