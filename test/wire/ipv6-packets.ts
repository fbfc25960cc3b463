import { addressSum } from '../../src/wire/pseudo-header.ts'
import { encodeIcmpv6, icmpv6EncodedLength, Icmpv6Message } from '../../src/wire/icmpv6.ts'
import { encodeIpv6, Ipv6Header, NextHeader } from '../../src/wire/ipv6.ts'
import { encodeNdp, NDP_HOP_LIMIT, ndpEncodedLength, type NdpMessage } from '../../src/wire/ndp.ts'
import { encodeUdp, UdpHeader } from '../../src/wire/udp.ts'

// IPv6 packets for tests: between 2001:db8::1 and 2001:db8::2 unless said otherwise.

export const SOURCE = 0x2001_0db8_0000_0000_0000_0000_0000_0001n
export const DESTINATION = 0x2001_0db8_0000_0000_0000_0000_0000_0002n

export function counting(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 7 + (i >>> 8))
}

/** A packet with these bytes behind its fixed header. */
export function packetOf(values: Partial<Ipv6Header>, payload: Uint8Array): Uint8Array {
  const header = Object.assign(new Ipv6Header(), { source: SOURCE, destination: DESTINATION, ...values })
  const packet = new Uint8Array(40 + payload.length)
  packet.set(payload, encodeIpv6(header, payload.length, packet, 0))
  return packet
}

/** An extension header with options or routing data: padded with zeros to whole units of 8 bytes. */
export function extension(next: number, ...content: readonly number[]): Uint8Array {
  const header = new Uint8Array((content.length + 2 + 7) & ~7)
  header.set([next, header.length / 8 - 1, ...content])
  return header
}

/** A packet with extension headers before `upper`; each is made for the number of what follows it. */
export function chained(
  kinds: readonly (readonly [kind: number, make: (next: number) => Uint8Array])[],
  protocol: number,
  upper: Uint8Array,
  values: Partial<Ipv6Header> = {},
): Uint8Array {
  const numbers = [...kinds.map(([kind]) => kind), protocol]
  const parts = [...kinds.map(([, make], i) => make(numbers[i + 1])), upper]
  return packetOf({ nextHeader: numbers[0], ...values }, Uint8Array.from(parts.flatMap((part) => [...part])))
}

/** A UDP datagram with its checksum, for a packet between the two. */
export function udp(length: number): Uint8Array {
  const bytes = new Uint8Array(8 + length)
  const header = Object.assign(new UdpHeader(), { sourcePort: 40_000, destinationPort: 40_001 })
  encodeUdp(header, counting(length), bytes, 0, addressSum(SOURCE, DESTINATION))
  return bytes
}

export function icmpv6(
  values: Partial<Omit<Icmpv6Message, 'identifier' | 'sequence'>>,
  addresses: Partial<Ipv6Header> = {},
): Uint8Array {
  const message = Object.assign(new Icmpv6Message(), values)
  const bytes = new Uint8Array(icmpv6EncodedLength(message))
  encodeIcmpv6(message, bytes, 0, addressSum(addresses.source ?? SOURCE, addresses.destination ?? DESTINATION))
  return packetOf({ nextHeader: NextHeader.ICMPV6, ...addresses }, bytes)
}

export function ndp(message: NdpMessage, addresses: Partial<Ipv6Header> = {}): Uint8Array {
  const bytes = new Uint8Array(ndpEncodedLength(message))
  encodeNdp(message, bytes, 0, addressSum(addresses.source ?? SOURCE, addresses.destination ?? DESTINATION))
  return packetOf({ nextHeader: NextHeader.ICMPV6, hopLimit: NDP_HOP_LIMIT, ...addresses }, bytes)
}
