import { formatIpv6, multicastMac, parseIpv6, solicitedNodeAddress, writeMac } from '../../src/wire/address.ts'
import { ETHERNET_HEADER_LENGTH, EtherType } from '../../src/wire/ethernet.ts'
import { encodeIcmpv6, Icmpv6Message, icmpv6EncodedLength } from '../../src/wire/icmpv6.ts'
import { write16 } from '../../src/wire/integer.ts'
import { decodeIpv6, encodeIpv6, IPV6_HEADER_LENGTH, Ipv6Header, NextHeader } from '../../src/wire/ipv6.ts'
import { decodeNdp, encodeNdp, ndpEncodedLength, type NdpMessage } from '../../src/wire/ndp.ts'
import { addressSum } from '../../src/wire/pseudo-header.ts'
import type { SentFrame, World } from './world.ts'

/** Where ICMPv6 and its like begin in a frame without extension headers. */
export const UPPER = ETHERNET_HEADER_LENGTH + IPV6_HEADER_LENGTH

export interface PacketPlan {
  /** MAC addresses. */
  readonly from: number
  readonly to: number
  readonly source: string
  readonly destination: string
  readonly nextHeader?: number
  readonly hopLimit?: number
}

function address(text: string): bigint {
  const read = parseIpv6(text)
  if (read === undefined) throw new RangeError(text)
  return read
}

/** A frame with an IPv6 packet. @param write writes the payload where it belongs */
export function packet(
  plan: PacketPlan,
  length: number,
  write: (bytes: Uint8Array, start: number, addresses: number) => void,
): Uint8Array {
  const header = new Ipv6Header()
  header.nextHeader = plan.nextHeader ?? NextHeader.ICMPV6
  header.hopLimit = plan.hopLimit ?? 255
  header.source = address(plan.source)
  header.destination = address(plan.destination)
  const frame = new Uint8Array(UPPER + length)
  writeMac(frame, 0, plan.to)
  writeMac(frame, 6, plan.from)
  write16(frame, 12, EtherType.IPV6)
  encodeIpv6(header, length, frame, ETHERNET_HEADER_LENGTH)
  write(frame, UPPER, addressSum(header.source, header.destination))
  return frame
}

export function ndpFrame(plan: PacketPlan, message: NdpMessage): Uint8Array {
  return packet(plan, ndpEncodedLength(message), (bytes, start, addresses) => {
    encodeNdp(message, bytes, start, addresses)
  })
}

export function icmpFrame(plan: PacketPlan, type: number, code: number, rest: number, payload: Uint8Array): Uint8Array {
  const message = Object.assign(new Icmpv6Message(), { type, code, rest, payload })
  return packet(plan, icmpv6EncodedLength(message), (bytes, start, addresses) => {
    encodeIcmpv6(message, bytes, start, addresses)
  })
}

/** The group and its MAC address in which a host is asked for. */
export function soliciting(target: string): { destination: string; to: number } {
  const group = solicitedNodeAddress(address(target))
  return { destination: formatIpv6(group), to: multicastMac(group) }
}

export interface SeenMessage {
  readonly frame: SentFrame
  readonly header: Ipv6Header
  readonly message: NdpMessage
}

/** Messages of neighbour discovery that were sent, of one type. */
export function messages(world: World, type: NdpMessage['type'], from?: string): SeenMessage[] {
  return icmpFrames(world, type, from).map((frame) => {
    const header = decodeIpv6(frame.bytes, ETHERNET_HEADER_LENGTH, frame.bytes.length)
    return { frame, header, message: decodeNdp(frame.bytes, header.payloadStart, header.payloadEnd) }
  })
}

/** Frames with an ICMPv6 message of one type right behind the header. */
export function icmpFrames(world: World, type: number, from?: string): SentFrame[] {
  return world.frames.filter(
    ({ bytes, from: sender }) =>
      bytes[12] === 0x86 &&
      bytes[13] === 0xdd &&
      bytes[20] === NextHeader.ICMPV6 &&
      bytes[UPPER] === type &&
      (from === undefined || sender === from),
  )
}
