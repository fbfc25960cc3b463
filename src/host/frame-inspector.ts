import type { FrameInspector } from '../kernel/frame-inspector.ts'
import { updateChecksum } from '../wire/checksum.ts'
import { ETHERNET_HEADER_LENGTH, EtherType } from '../wire/ethernet.ts'
import { read16, read32, write16 } from '../wire/integer.ts'
import { IPV4_HEADER_LENGTH, IpProtocol } from '../wire/ipv4.ts'
import { IPV6_HEADER_LENGTH, NextHeader } from '../wire/ipv6.ts'
import { EXTENSION_HEADER_LIMIT, FRAGMENT_HEADER_LENGTH, isExtensionHeader } from '../wire/ipv6-chain.ts'
import { TCP_HEADER_LENGTH, TcpFlag } from '../wire/tcp.ts'
import { UDP_HEADER_LENGTH } from '../wire/udp.ts'

/** The ECN field's values (RFC 3168 section 5). */
const NOT_ECT = 0
const CE = 3

/** What has to be known of a packet to look into its transport. Filled again for each frame. */
const packet = {
  /** 4 or 6; 0: no IP packet, or a broken one. */
  version: 0,
  protocol: 0,
  /** Where the transport begins. */
  start: 0,
  /** Where the packet ends; what follows is padding. */
  end: 0,
  /** Whether this is a fragment, so that ports are not in each of its siblings. */
  fragment: false,
  /** Whether it is a fragment that does not begin with the transport's header. */
  later: false,
}

function look(frame: Uint8Array): boolean {
  packet.version = 0
  if (frame.length < ETHERNET_HEADER_LENGTH) return false
  const type = read16(frame, 12)
  if (type === EtherType.IPV4) return lookIpv4(frame)
  return type === EtherType.IPV6 && lookIpv6(frame)
}

function lookIpv4(frame: Uint8Array): boolean {
  const at = ETHERNET_HEADER_LENGTH
  if (frame.length < at + IPV4_HEADER_LENGTH || frame[at] >> 4 !== 4) return false
  const fragment = read16(frame, at + 6)
  packet.version = 4
  packet.protocol = frame[at + 9]
  packet.start = at + (frame[at] & 15) * 4
  packet.end = Math.min(frame.length, at + read16(frame, at + 2))
  packet.fragment = (fragment & 0x3fff) !== 0
  packet.later = (fragment & 0x1fff) !== 0
  return true
}

function lookIpv6(frame: Uint8Array): boolean {
  const at = ETHERNET_HEADER_LENGTH
  if (frame.length < at + IPV6_HEADER_LENGTH || frame[at] >> 4 !== 6) return false
  let protocol = frame[at + 6]
  let start = at + IPV6_HEADER_LENGTH
  packet.version = 6
  packet.fragment = false
  packet.later = false
  packet.end = Math.min(frame.length, start + read16(frame, at + 4))
  for (let headers = 0; headers < EXTENSION_HEADER_LIMIT && isExtensionHeader(protocol); headers++) {
    if (packet.later || start + FRAGMENT_HEADER_LENGTH > packet.end) break
    const isFragment = protocol === NextHeader.FRAGMENT
    if (isFragment) {
      packet.fragment = true
      packet.later = (read16(frame, start + 2) & 0xfff8) !== 0
    }
    protocol = frame[start]
    start += isFragment ? FRAGMENT_HEADER_LENGTH : (frame[start + 1] + 1) * 8
  }
  packet.protocol = protocol
  packet.start = start
  return true
}

/** Where the payload of a TCP segment begins; beyond the packet's end when its header is cut off. */
function tcpPayloadStart(frame: Uint8Array): number {
  return packet.start + TCP_HEADER_LENGTH > packet.end ? packet.end + 1 : packet.start + (frame[packet.start + 12] >> 4) * 4
}

/** One word more into a hash: FNV-1a (Fowler, Noll and Vo) over words. */
function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x01000193)
  return mixed ^ (mixed >>> 15)
}

/** What links may know of frames: Ethernet, IP of both versions, TCP and UDP. */
export const FRAME_INSPECTOR: FrameInspector = {
  flow(frame) {
    let hash = 0x811c9dc5 | 0
    if (!look(frame)) {
      for (let at = 0; at + 2 <= Math.min(frame.length, ETHERNET_HEADER_LENGTH); at += 2) hash = mix(hash, read16(frame, at))
      return hash >>> 0
    }
    const [from, to] = packet.version === 4 ? [26, 34] : [22, 54]
    for (let at = from; at < to; at += 4) hash = mix(hash, read32(frame, at))
    hash = mix(hash, packet.protocol)
    // All fragments of a packet belong to one flow, and only the first has ports.
    const hasPorts = packet.protocol === IpProtocol.TCP || packet.protocol === IpProtocol.UDP
    if (hasPorts && !packet.fragment && packet.start + 4 <= packet.end) hash = mix(hash, read32(frame, packet.start))
    return hash >>> 0
  },

  carriesData(frame) {
    if (!look(frame)) return false
    if (packet.protocol === IpProtocol.TCP) return packet.later || tcpPayloadStart(frame) < packet.end
    if (packet.protocol === IpProtocol.UDP) return packet.later || packet.start + UDP_HEADER_LENGTH < packet.end
    return false
  },

  isPureAck(frame) {
    if (!look(frame) || packet.protocol !== IpProtocol.TCP || packet.later) return false
    if (tcpPayloadStart(frame) !== packet.end) return false
    const others = TcpFlag.SYN | TcpFlag.FIN | TcpFlag.RST
    return (frame[packet.start + 13] & (TcpFlag.ACK | others)) === TcpFlag.ACK
  },

  isUdp(frame) {
    return look(frame) && packet.protocol === IpProtocol.UDP
  },

  congestionMarked(frame) {
    if (!look(frame)) return undefined
    const at = ETHERNET_HEADER_LENGTH + 1
    const shift = packet.version === 4 ? 0 : 4
    const field = (frame[at] >> shift) & CE
    if (field === NOT_ECT) return undefined
    if (field === CE) return frame
    // As the frames of hosts lie: the IP header on a boundary of 4 bytes.
    const copy = new Uint8Array(new ArrayBuffer(frame.length + 2), 2)
    copy.set(frame)
    copy[at] |= CE << shift
    if (packet.version === 4) {
      const before = read16(frame, ETHERNET_HEADER_LENGTH)
      const after = read16(copy, ETHERNET_HEADER_LENGTH)
      write16(copy, ETHERNET_HEADER_LENGTH + 10, updateChecksum(read16(frame, ETHERNET_HEADER_LENGTH + 10), before, after))
    }
    return copy
  },
}
