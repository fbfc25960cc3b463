import { EtherType, ETHERNET_HEADER_LENGTH } from '../wire/ethernet.ts'
import { ICMP_HEADER_LENGTH, isIcmpError } from '../wire/icmp.ts'
import { read16, read32 } from '../wire/integer.ts'
import { IPV4_HEADER_LENGTH, IpProtocol, verifyIpv4Checksum } from '../wire/ipv4.ts'
import { TCP_HEADER_LENGTH, TcpFlag, verifyTcpChecksum } from '../wire/tcp.ts'
import { UDP_HEADER_LENGTH, verifyUdpChecksum } from '../wire/udp.ts'
import { Conversations } from './conversations.ts'
import { FRAME_KINDS } from './record.ts'

const OTHER = FRAME_KINDS.indexOf('other')
const ARP = FRAME_KINDS.indexOf('arp')
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

/** How many fragmented datagrams are remembered; a power of two. */
const FRAGMENT_MEMORY = 256

/**
 * Says what a frame is and to which conversation it belongs, at a glance: without dissecting it, and without allocating anything
 * but for a conversation that is new. Any bytes will do.
 *
 * Conversations are those of TCP and UDP between two ends, and of anything else over IPv4 between two addresses. An ICMP error
 * belongs to the conversation of the packet that it quotes; a later fragment to that of its first. A frame whose checksums are
 * wrong belongs to a known conversation or to none: flipped bits open no new one.
 */
export class Classifier {
  /** What the frame is: an index into `FRAME_KINDS`. */
  kind = OTHER
  /** The frame's conversation, named `'10.0.0.1:49152 ↔ 10.0.0.2:80'` with who was seen first on the left; `''`: none. */
  connection = ''
  /** The frame's conversation by its number in `connections`; 0: none. */
  connectionNumber = 0

  private readonly conversations = new Conversations()
  // Which conversation a fragmented datagram belongs to, by a hash of its name; a newer datagram takes an older one's place.
  private readonly fragmentSource = new Uint32Array(FRAGMENT_MEMORY)
  private readonly fragmentDestination = new Uint32Array(FRAGMENT_MEMORY)
  private readonly fragmentName = new Uint32Array(FRAGMENT_MEMORY)
  private readonly fragmentConversation = new Int32Array(FRAGMENT_MEMORY)

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
    }
    this.connection = this.conversations.names[this.connectionNumber]
  }

  private ipv4(frame: Uint8Array): void {
    if (frame.length < IP + IPV4_HEADER_LENGTH || frame[IP] >>> 4 !== 4) return
    const start = IP + (frame[IP] & 0xf) * 4
    const end = Math.min(IP + read16(frame, IP + 2), frame.length)
    if (start < IP + IPV4_HEADER_LENGTH || start > end) return
    const protocol = frame[IP + 9]
    // More-fragments bit and offset: 0 in a packet that is no fragment.
    const fragment = read16(frame, IP + 6) & 0x3fff
    if ((fragment & 0x1fff) !== 0) {
      this.kind = laterFragmentKind(protocol)
      this.connectionNumber = this.recall(frame)
      if (this.connectionNumber === 0) this.betweenAddresses(frame)
      return
    }
    if (protocol === IpProtocol.TCP) this.tcp(frame, start, end, fragment !== 0)
    else if (protocol === IpProtocol.UDP) this.udp(frame, start, end, fragment !== 0)
    else if (protocol === IpProtocol.ICMP) this.icmp(frame, start, end)
    else this.betweenAddresses(frame)
    if (fragment !== 0) this.remember(frame)
  }

  private tcp(frame: Uint8Array, start: number, end: number, isFragment: boolean): void {
    if (end - start < TCP_HEADER_LENGTH) return
    const flags = frame[start + 13]
    if ((flags & TcpFlag.RST) !== 0) this.kind = TCP_RST
    else if ((flags & TcpFlag.SYN) !== 0) this.kind = TCP_SYN
    else if ((flags & TcpFlag.FIN) !== 0) this.kind = TCP_FIN
    else this.kind = end - start > (frame[start + 12] >>> 4) * 4 ? TCP_DATA : TCP_ACK
    if (this.isKnown(frame, start) || !verifyIpv4Checksum(frame, IP)) return
    if (isFragment || verifyTcpChecksum(frame, start, end, read32(frame, IP + 12), read32(frame, IP + 16)))
      this.open(frame, start)
  }

  private udp(frame: Uint8Array, start: number, end: number, isFragment: boolean): void {
    if (end - start < UDP_HEADER_LENGTH) return
    this.kind = UDP
    if (this.isKnown(frame, start) || !verifyIpv4Checksum(frame, IP)) return
    const length = read16(frame, start + 4)
    const isWhole = length >= UDP_HEADER_LENGTH && start + length <= end
    const isIntact = isWhole && verifyUdpChecksum(frame, start, read32(frame, IP + 12), read32(frame, IP + 16))
    if (isFragment || isIntact) this.open(frame, start)
  }

  private icmp(frame: Uint8Array, start: number, end: number): void {
    if (end - start < ICMP_HEADER_LENGTH) return
    this.kind = ICMP
    if (isIcmpError(frame[start])) this.connectionNumber = this.quoted(frame, start + ICMP_HEADER_LENGTH, end)
    if (this.connectionNumber === 0) this.betweenAddresses(frame)
  }

  /** The conversation of a packet that an ICMP error quotes; 0 when it is unknown. */
  private quoted(frame: Uint8Array, start: number, end: number): number {
    if (end - start < IPV4_HEADER_LENGTH || frame[start] >>> 4 !== 4) return 0
    const ports = start + (frame[start] & 0xf) * 4
    const source = read32(frame, start + 12)
    const destination = read32(frame, start + 16)
    const hasPorts = frame[start + 9] === IpProtocol.TCP || frame[start + 9] === IpProtocol.UDP
    if (!hasPorts || (read16(frame, start + 6) & 0x1fff) !== 0)
      return this.conversations.find(source, NO_PORT, destination, NO_PORT)
    return ports + 4 > end ? 0 : this.conversations.find(source, read16(frame, ports), destination, read16(frame, ports + 2))
  }

  /** Finds the conversation by addresses and the ports at `start`; says whether there is one. */
  private isKnown(frame: Uint8Array, start: number): boolean {
    const { conversations } = this
    const sourcePort = read16(frame, start)
    const destinationPort = read16(frame, start + 2)
    this.connectionNumber = conversations.find(read32(frame, IP + 12), sourcePort, read32(frame, IP + 16), destinationPort)
    return this.connectionNumber !== 0
  }

  /** Opens the conversation that `isKnown` did not find. */
  private open(frame: Uint8Array, start: number): void {
    const { conversations } = this
    const sourcePort = read16(frame, start)
    const destinationPort = read16(frame, start + 2)
    this.connectionNumber = conversations.add(read32(frame, IP + 12), sourcePort, read32(frame, IP + 16), destinationPort)
  }

  /** The conversation of a packet that has no ports. */
  private betweenAddresses(frame: Uint8Array): void {
    const { conversations } = this
    const source = read32(frame, IP + 12)
    const destination = read32(frame, IP + 16)
    this.connectionNumber = conversations.find(source, NO_PORT, destination, NO_PORT)
    if (this.connectionNumber !== 0 || !verifyIpv4Checksum(frame, IP)) return
    this.connectionNumber = conversations.add(source, NO_PORT, destination, NO_PORT)
  }

  /** Protocol and identification: with both addresses, the name of a fragmented datagram. RFC 791 section 3.2. */
  private remember(frame: Uint8Array): void {
    const slot = fragmentSlot(frame)
    this.fragmentSource[slot] = read32(frame, IP + 12)
    this.fragmentDestination[slot] = read32(frame, IP + 16)
    this.fragmentName[slot] = frame[IP + 9] * 0x1_0000 + read16(frame, IP + 4)
    this.fragmentConversation[slot] = this.connectionNumber
  }

  private recall(frame: Uint8Array): number {
    const slot = fragmentSlot(frame)
    const isSame =
      this.fragmentSource[slot] === read32(frame, IP + 12) &&
      this.fragmentDestination[slot] === read32(frame, IP + 16) &&
      this.fragmentName[slot] === frame[IP + 9] * 0x1_0000 + read16(frame, IP + 4)
    return isSame ? this.fragmentConversation[slot] : 0
  }
}

/** A later fragment has no transport header to look into. */
function laterFragmentKind(protocol: number): number {
  if (protocol === IpProtocol.TCP) return TCP_DATA
  if (protocol === IpProtocol.UDP) return UDP
  return protocol === IpProtocol.ICMP ? ICMP : OTHER
}

function fragmentSlot(frame: Uint8Array): number {
  return (
    (read16(frame, IP + 4) ^ Math.imul(read16(frame, IP + 14), 31) ^ Math.imul(read16(frame, IP + 18), 17)) &
    (FRAGMENT_MEMORY - 1)
  )
}
