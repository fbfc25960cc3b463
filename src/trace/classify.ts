import { formatIpv4, formatIpv6, readIpv6 } from '../wire/address.ts'
import { sum } from '../wire/checksum.ts'
import { EtherType, ETHERNET_HEADER_LENGTH } from '../wire/ethernet.ts'
import { ICMP_HEADER_LENGTH, isIcmpError } from '../wire/icmp.ts'
import { ICMPV6_HEADER_LENGTH, isIcmpv6Error, isNdp, verifyIcmpv6Checksum } from '../wire/icmpv6.ts'
import { read16, read32 } from '../wire/integer.ts'
import { IPV4_HEADER_LENGTH, IpProtocol, verifyIpv4Checksum } from '../wire/ipv4.ts'
import { IPV6_HEADER_LENGTH, NextHeader } from '../wire/ipv6.ts'
import { EXTENSION_HEADER_LIMIT, FRAGMENT_HEADER_LENGTH, isExtensionHeader } from '../wire/ipv6-chain.ts'
import { TCP_HEADER_LENGTH, TcpFlag, verifyTcpChecksum } from '../wire/tcp.ts'
import { UDP_HEADER_LENGTH, verifyUdpChecksum } from '../wire/udp.ts'
import { AddressKind, Conversations } from './conversations.ts'
import { FragmentMemory } from './fragment-memory.ts'
import { Ipv6Addresses } from './ipv6-addresses.ts'
import { FRAME_KINDS } from './record.ts'

const OTHER = FRAME_KINDS.indexOf('other')
const ARP = FRAME_KINDS.indexOf('arp')
const NDP = FRAME_KINDS.indexOf('ndp')
const ICMP = FRAME_KINDS.indexOf('icmp')
const UDP = FRAME_KINDS.indexOf('udp')
const TCP_SYN = FRAME_KINDS.indexOf('tcp-syn')
const TCP_ACK = FRAME_KINDS.indexOf('tcp-ack')
const TCP_DATA = FRAME_KINDS.indexOf('tcp-data')
const TCP_FIN = FRAME_KINDS.indexOf('tcp-fin')
const TCP_RST = FRAME_KINDS.indexOf('tcp-rst')

/** Where the IP header of a frame begins. */
const IP = ETHERNET_HEADER_LENGTH

/** Instead of a port, where a packet has none. */
const NO_PORT = -1

/**
 * Says what a frame is and to which conversation it belongs, at a glance: without dissecting it, and without allocating anything
 * but for a conversation that is new. Any bytes will do.
 *
 * Conversations are those of TCP and UDP between two ends, and of anything else over IP between two addresses, but for neighbour
 * discovery, which like ARP belongs to none. An ICMP error belongs to the conversation of the packet that it quotes; a later fragment
 * to that of its first. A frame whose checksums are wrong belongs to a known conversation or to none: flipped bits open no new one.
 */
export class Classifier {
  /** What the frame is: an index into `FRAME_KINDS`. */
  kind = OTHER
  /** The frame's conversation by its number in `connections`; 0: none. */
  connectionNumber = 0

  private readonly conversations = new Conversations()
  private readonly addresses = new Ipv6Addresses()
  private readonly fragments = new FragmentMemory()
  private readonly fragmentsV6 = new FragmentMemory()

  // Of the frame at hand: its addresses as `Conversations` takes them; of IPv6, 0 is an address not seen before.
  private addressKind: number = AddressKind.IPV4
  private source = 0
  private destination = 0

  /** Names of all conversations so far, by number. */
  get connections(): readonly string[] {
    return this.conversations.names
  }

  /** Looks at a frame: afterwards `kind`, `connection` and `connectionNumber` are its own. */
  classify(frame: Uint8Array): void {
    this.kind = OTHER
    this.connectionNumber = 0
    if (frame.length >= IP) {
      const type = read16(frame, 12)
      if (type === EtherType.IPV4) this.ipv4(frame)
      else if (type === EtherType.ARP) this.kind = ARP
      else if (type === EtherType.IPV6) this.ipv6(frame)
    }
  }

  /** The frame's conversation, named `'10.0.0.1:49152 ↔ 10.0.0.2:80'` with who was seen first on the left; `''`: none. */
  get connection(): string {
    return this.conversations.names[this.connectionNumber]
  }

  private ipv4(frame: Uint8Array): void {
    if (frame.length < IP + IPV4_HEADER_LENGTH || frame[IP] >>> 4 !== 4) return
    const start = IP + (frame[IP] & 0xf) * 4
    const end = Math.min(IP + read16(frame, IP + 2), frame.length)
    if (start < IP + IPV4_HEADER_LENGTH || start > end) return
    this.addressKind = AddressKind.IPV4
    this.source = read32(frame, IP + 12)
    this.destination = read32(frame, IP + 16)
    const protocol = frame[IP + 9]
    // More-fragments bit and offset: 0 in a packet that is no fragment.
    const fragment = read16(frame, IP + 6) & 0x3fff
    // Protocol and identification: with both addresses, the name of a fragmented datagram. RFC 791 section 3.2.
    const name = protocol * 0x1_0000 + read16(frame, IP + 4)
    if ((fragment & 0x1fff) !== 0) {
      this.kind = laterFragmentKind(protocol, IpProtocol.ICMP)
      this.connectionNumber = this.fragments.recall(this.source, this.destination, name)
      if (this.connectionNumber === 0) this.betweenAddresses(frame, start, end, protocol)
      return
    }
    if (protocol === IpProtocol.ICMP) this.icmp(frame, start, end)
    else this.transport(frame, start, end, protocol, fragment !== 0)
    if (fragment !== 0) this.fragments.remember(this.source, this.destination, name, this.connectionNumber)
  }

  private ipv6(frame: Uint8Array): void {
    if (frame.length < IP + IPV6_HEADER_LENGTH || frame[IP] >>> 4 !== 6) return
    const end = Math.min(IP + IPV6_HEADER_LENGTH + read16(frame, IP + 4), frame.length)
    this.addressKind = AddressKind.IPV6
    this.source = this.addresses.find(frame, IP + 8)
    this.destination = this.addresses.find(frame, IP + 24)
    let protocol = frame[IP + 6]
    let start = IP + IPV6_HEADER_LENGTH
    let fragmentAt = 0
    for (let count = 0; isExtensionHeader(protocol); count++) {
      if (start + 8 > end || count > EXTENSION_HEADER_LIMIT) return
      const isFragment = protocol === NextHeader.FRAGMENT
      protocol = frame[start]
      // More-fragments bit and offset, as for IPv4: nothing behind the header of a later fragment is one.
      if (isFragment && (read16(frame, start + 2) & 0xfff9) !== 0) fragmentAt = start
      start += isFragment ? FRAGMENT_HEADER_LENGTH : (frame[start + 1] + 1) * 8
      if (isFragment && fragmentAt !== 0 && (read16(frame, fragmentAt + 2) & 0xfff8) !== 0) break
    }
    if (start > end) return
    const isLater = fragmentAt !== 0 && (read16(frame, fragmentAt + 2) & 0xfff8) !== 0
    if (isLater) {
      this.kind = laterFragmentKind(protocol, NextHeader.ICMPV6)
      this.connectionNumber = this.fragmentsV6.recall(this.source, this.destination, read32(frame, fragmentAt + 4))
      if (this.connectionNumber === 0) this.betweenAddresses(frame, start, end, NextHeader.NO_NEXT_HEADER)
      return
    }
    if (protocol === NextHeader.ICMPV6) this.icmpv6(frame, start, end, fragmentAt !== 0)
    else this.transport(frame, start, end, protocol, fragmentAt !== 0)
    if (fragmentAt !== 0) {
      this.fragmentsV6.remember(this.source, this.destination, read32(frame, fragmentAt + 4), this.connectionNumber)
    }
  }

  private transport(frame: Uint8Array, start: number, end: number, protocol: number, isFragment: boolean): void {
    if (protocol === IpProtocol.TCP) this.tcp(frame, start, end, isFragment)
    else if (protocol === IpProtocol.UDP) this.udp(frame, start, end, isFragment)
    else this.betweenAddresses(frame, start, end, protocol)
  }

  private tcp(frame: Uint8Array, start: number, end: number, isFragment: boolean): void {
    if (end - start < TCP_HEADER_LENGTH) return
    const flags = frame[start + 13]
    if ((flags & TcpFlag.RST) !== 0) this.kind = TCP_RST
    else if ((flags & TcpFlag.SYN) !== 0) this.kind = TCP_SYN
    else if ((flags & TcpFlag.FIN) !== 0) this.kind = TCP_FIN
    else this.kind = end - start > (frame[start + 12] >>> 4) * 4 ? TCP_DATA : TCP_ACK
    if (this.isKnown(read16(frame, start), read16(frame, start + 2)) || !this.isHeaderIntact(frame)) return
    if (isFragment || verifyTcpChecksum(frame, start, end, this.addressSum(frame))) this.open(frame, start)
  }

  private udp(frame: Uint8Array, start: number, end: number, isFragment: boolean): void {
    if (end - start < UDP_HEADER_LENGTH) return
    this.kind = UDP
    if (this.isKnown(read16(frame, start), read16(frame, start + 2)) || !this.isHeaderIntact(frame)) return
    const length = read16(frame, start + 4)
    const isWhole = length >= UDP_HEADER_LENGTH && start + length <= end
    const isIntact = isWhole && verifyUdpChecksum(frame, start, this.addressSum(frame))
    // Without a checksum IPv6's addresses are under none. RFC 8200 section 8.1.
    const isUnchecked = this.addressKind === AddressKind.IPV6 && read16(frame, start + 6) === 0
    if (isFragment || (isIntact && !isUnchecked)) this.open(frame, start)
  }

  private icmp(frame: Uint8Array, start: number, end: number): void {
    if (end - start < ICMP_HEADER_LENGTH) return
    this.kind = ICMP
    if (isIcmpError(frame[start])) this.connectionNumber = this.quoted(frame, start + ICMP_HEADER_LENGTH, end)
    if (this.connectionNumber === 0) this.betweenAddresses(frame, start, end, IpProtocol.ICMP)
  }

  private icmpv6(frame: Uint8Array, start: number, end: number, isFragment: boolean): void {
    if (end - start < ICMPV6_HEADER_LENGTH) return
    this.kind = isNdp(frame[start]) ? NDP : ICMP
    if (this.kind === NDP) return
    if (isIcmpv6Error(frame[start])) this.connectionNumber = this.quotedV6(frame, start + ICMPV6_HEADER_LENGTH, end)
    // Of a fragment the checksum cannot be told.
    if (this.connectionNumber === 0)
      this.betweenAddresses(frame, start, end, isFragment ? NextHeader.NO_NEXT_HEADER : NextHeader.ICMPV6)
  }

  /** The conversation of a packet that an ICMP error quotes; 0 when it is unknown. */
  private quoted(frame: Uint8Array, start: number, end: number): number {
    if (end - start < IPV4_HEADER_LENGTH || frame[start] >>> 4 !== 4) return 0
    const ports = start + (frame[start] & 0xf) * 4
    const isLater = (read16(frame, start + 6) & 0x1fff) !== 0
    return this.quotedEnds(
      frame,
      read32(frame, start + 12),
      read32(frame, start + 16),
      isLater ? 0 : frame[start + 9],
      ports,
      end,
    )
  }

  /** Likewise for IPv6; quoted packets with extension headers belong to their two addresses. */
  private quotedV6(frame: Uint8Array, start: number, end: number): number {
    if (end - start < IPV6_HEADER_LENGTH || frame[start] >>> 4 !== 6) return 0
    const source = this.addresses.find(frame, start + 8)
    const destination = this.addresses.find(frame, start + 24)
    if (source === 0 || destination === 0) return 0
    return this.quotedEnds(frame, source, destination, frame[start + 6], start + IPV6_HEADER_LENGTH, end)
  }

  private quotedEnds(
    frame: Uint8Array,
    source: number,
    destination: number,
    protocol: number,
    ports: number,
    end: number,
  ): number {
    const { conversations, addressKind } = this
    if (protocol !== IpProtocol.TCP && protocol !== IpProtocol.UDP) {
      return conversations.find(addressKind, source, NO_PORT, destination, NO_PORT)
    }
    if (ports + 4 > end) return 0
    return conversations.find(addressKind, source, read16(frame, ports), destination, read16(frame, ports + 2))
  }

  /** Whether there is a conversation of the frame's addresses and these ports, which is its own then. */
  private isKnown(sourcePort: number, destinationPort: number): boolean {
    const { conversations, addressKind, source, destination } = this
    if (addressKind === AddressKind.IPV6 && (source === 0 || destination === 0)) return false
    this.connectionNumber = conversations.find(addressKind, source, sourcePort, destination, destinationPort)
    return this.connectionNumber !== 0
  }

  /** Opens the conversation that `isKnown` did not find. */
  private open(frame: Uint8Array, start: number): void {
    this.openBetween(frame, read16(frame, start), read16(frame, start + 2))
  }

  private openBetween(frame: Uint8Array, sourcePort: number, destinationPort: number): void {
    const { conversations, addressKind } = this
    if (addressKind === AddressKind.IPV6) {
      this.source = this.addresses.add(frame, IP + 8)
      this.destination = this.addresses.add(frame, IP + 24)
    }
    const name =
      addressKind === AddressKind.IPV4
        ? nameIpv4(frame, sourcePort, destinationPort)
        : nameIpv6(frame, sourcePort, destinationPort)
    const { source, destination } = this
    this.connectionNumber = conversations.add(addressKind, source, sourcePort, destination, destinationPort, name)
  }

  /** The conversation of a packet that has no ports. */
  private betweenAddresses(frame: Uint8Array, start: number, end: number, protocol: number): void {
    if (this.isKnown(NO_PORT, NO_PORT) || !this.isHeaderIntact(frame)) return
    const isChecked = this.addressKind === AddressKind.IPV6 && protocol === NextHeader.ICMPV6
    if (isChecked && !verifyIcmpv6Checksum(frame, start, end, this.addressSum(frame))) return
    this.openBetween(frame, NO_PORT, NO_PORT)
  }

  /** Whether the header's checksum is right; IPv6 has none. */
  private isHeaderIntact(frame: Uint8Array): boolean {
    return this.addressKind === AddressKind.IPV6 || verifyIpv4Checksum(frame, IP)
  }

  /** Both addresses' share of a pseudo-header, straight from the frame. */
  private addressSum(frame: Uint8Array): number {
    return this.addressKind === AddressKind.IPV4 ? sum(frame, IP + 12, IP + 20) : sum(frame, IP + 8, IP + 40)
  }
}

function nameIpv4(frame: Uint8Array, sourcePort: number, destinationPort: number): string {
  const source = formatIpv4(read32(frame, IP + 12))
  const destination = formatIpv4(read32(frame, IP + 16))
  return sourcePort < 0
    ? `${source} ↔ ${destination}`
    : `${source}:${String(sourcePort)} ↔ ${destination}:${String(destinationPort)}`
}

/** RFC 5952 section 6: brackets keep a port apart from an address. */
function nameIpv6(frame: Uint8Array, sourcePort: number, destinationPort: number): string {
  const source = formatIpv6(readIpv6(frame, IP + 8))
  const destination = formatIpv6(readIpv6(frame, IP + 24))
  if (sourcePort < 0) return `${source} ↔ ${destination}`
  return `[${source}]:${String(sourcePort)} ↔ [${destination}]:${String(destinationPort)}`
}

/** A later fragment has no transport header to look into. */
function laterFragmentKind(protocol: number, icmp: number): number {
  if (protocol === IpProtocol.TCP) return TCP_DATA
  if (protocol === IpProtocol.UDP) return UDP
  return protocol === icmp ? ICMP : OTHER
}
