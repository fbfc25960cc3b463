import { EtherType, ETHERNET_HEADER_LENGTH } from '../wire/ethernet.ts'
import { ICMP_HEADER_LENGTH, isIcmpError } from '../wire/icmp.ts'
import { isIcmpv6Error } from '../wire/icmpv6.ts'
import { read16 } from '../wire/integer.ts'
import { IpProtocol } from '../wire/ipv4.ts'
import { IPV6_HEADER_LENGTH, NextHeader } from '../wire/ipv6.ts'
import { UDP_HEADER_LENGTH } from '../wire/udp.ts'

const IP = ETHERNET_HEADER_LENGTH

/** Where in a frame the payload of a UDP datagram begins that an ICMP error quotes; undefined when it quotes none. */
export function quotedPayloadStart(frame: Uint8Array): number | undefined {
  if (frame.length < IP + 20) return undefined
  const type = read16(frame, 12)
  const start = type === EtherType.IPV4 ? quotedInIpv4(frame) : type === EtherType.IPV6 ? quotedInIpv6(frame) : undefined
  return start !== undefined && start <= frame.length ? start : undefined
}

function quotedInIpv4(frame: Uint8Array): number | undefined {
  const icmp = IP + (frame[IP] & 0xf) * 4
  if (frame[IP + 9] !== IpProtocol.ICMP || !isIcmpError(frame[icmp])) return undefined
  const quoted = icmp + ICMP_HEADER_LENGTH
  if (frame[quoted + 9] !== IpProtocol.UDP) return undefined
  return quoted + (frame[quoted] & 0xf) * 4 + UDP_HEADER_LENGTH
}

function quotedInIpv6(frame: Uint8Array): number | undefined {
  const icmp = IP + IPV6_HEADER_LENGTH
  if (frame[IP + 6] !== NextHeader.ICMPV6 || !isIcmpv6Error(frame[icmp])) return undefined
  const quoted = icmp + ICMP_HEADER_LENGTH
  return frame[quoted + 6] === NextHeader.UDP ? quoted + IPV6_HEADER_LENGTH + UDP_HEADER_LENGTH : undefined
}
