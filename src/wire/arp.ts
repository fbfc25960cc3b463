import { formatIpv4, formatMac, readMac, writeMac } from './address.ts'
import { field, hex, named } from './describe.ts'
import { DecodeError } from './errors.ts'
import { EtherType } from './ethernet.ts'
import type { Layer } from './field.ts'
import { read16, read32, write16, write32 } from './integer.ts'

/** RFC 826, "Packet format": `ares_op$REQUEST` and `ares_op$REPLY`. */
export const ArpOperation = { REQUEST: 1, REPLY: 2 } as const

/** Bytes of an ARP packet for IPv4 over Ethernet. */
export const ARP_LENGTH = 28

/** `ares_hrd$Ethernet`. */
const HARDWARE_ETHERNET = 1

/** An ARP packet for IPv4 addresses over Ethernet. RFC 826. */
export class ArpPacket {
  /** An `ArpOperation`; other numbers are decoded too, as the receiver may know them. */
  operation: number = ArpOperation.REQUEST
  /** MAC address in [0, 2^48). */
  senderMac = 0
  /** IPv4 address in [0, 2^32); 0 in a probe (RFC 5227 section 2.1.1). */
  senderIp = 0
  /** MAC address in [0, 2^48); without meaning in a request, by custom 0. */
  targetMac = 0
  /** IPv4 address in [0, 2^32). */
  targetIp = 0
}

/**
 * Reads the packet that begins at `start`; bytes after its 28 are padding.
 * @param into is filled and returned
 * @throws DecodeError when it is cut short, or is for other protocols or other hardware
 */
export function decodeArp(bytes: Uint8Array, start: number, end: number, into = new ArpPacket()): ArpPacket {
  if (end - start < ARP_LENGTH) throw new DecodeError('arp', 'truncated', end, 'a packet takes 28 bytes')
  if (read16(bytes, start) !== HARDWARE_ETHERNET) {
    throw new DecodeError('arp', 'unsupported', start, `hardware type ${String(read16(bytes, start))}`)
  }
  if (read16(bytes, start + 2) !== EtherType.IPV4) {
    throw new DecodeError('arp', 'unsupported', start + 2, `protocol type ${hex(read16(bytes, start + 2), 4)}`)
  }
  if (bytes[start + 4] !== 6 || bytes[start + 5] !== 4) {
    throw new DecodeError('arp', 'invalid', start + 4, 'address lengths other than 6 and 4')
  }
  into.operation = read16(bytes, start + 6)
  into.senderMac = readMac(bytes, start + 8)
  into.senderIp = read32(bytes, start + 14)
  into.targetMac = readMac(bytes, start + 18)
  into.targetIp = read32(bytes, start + 24)
  return into
}

/** Writes the 28 bytes at `start`; returns one past the last. */
export function encodeArp(packet: ArpPacket, bytes: Uint8Array, start: number): number {
  write16(bytes, start, HARDWARE_ETHERNET)
  write16(bytes, start + 2, EtherType.IPV4)
  bytes[start + 4] = 6
  bytes[start + 5] = 4
  write16(bytes, start + 6, packet.operation)
  writeMac(bytes, start + 8, packet.senderMac)
  write32(bytes, start + 14, packet.senderIp)
  writeMac(bytes, start + 18, packet.targetMac)
  write32(bytes, start + 24, packet.targetIp)
  return start + ARP_LENGTH
}

function summarize(packet: ArpPacket): string {
  const sender = formatIpv4(packet.senderIp)
  if (packet.operation === ArpOperation.REPLY) return `${sender} is at ${formatMac(packet.senderMac)}`
  if (packet.operation !== ArpOperation.REQUEST) return `operation ${String(packet.operation)}`
  const target = formatIpv4(packet.targetIp)
  if (packet.senderIp === packet.targetIp) return `announcement of ${target} at ${formatMac(packet.senderMac)}`
  return packet.senderIp === 0 ? `who has ${target}? (probe)` : `who has ${target}? tell ${sender}`
}

/** The packet for the inspector. @throws DecodeError as `decodeArp` does */
export function arpLayer(bytes: Uint8Array, start: number, end: number): Layer {
  const packet = decodeArp(bytes, start, end)
  const operation =
    packet.operation === ArpOperation.REQUEST ? 'request' : packet.operation === ArpOperation.REPLY ? 'reply' : undefined
  return {
    protocol: 'arp',
    title: 'Address Resolution Protocol',
    summary: summarize(packet),
    start,
    end: start + ARP_LENGTH,
    fields: [
      field('arp.hw.type', 'Hardware type', '1 (Ethernet)', start, start + 2),
      field('arp.proto.type', 'Protocol type', '0x0800 (IPv4)', start + 2, start + 4),
      field('arp.hw.size', 'Hardware address size', 6, start + 4, start + 5),
      field('arp.proto.size', 'Protocol address size', 4, start + 5, start + 6),
      field('arp.opcode', 'Operation', named(packet.operation, operation), start + 6, start + 8),
      field('arp.src.hw_mac', 'Sender MAC address', formatMac(packet.senderMac), start + 8, start + 14),
      field('arp.src.proto_ipv4', 'Sender IP address', formatIpv4(packet.senderIp), start + 14, start + 18),
      field('arp.dst.hw_mac', 'Target MAC address', formatMac(packet.targetMac), start + 18, start + 24),
      field('arp.dst.proto_ipv4', 'Target IP address', formatIpv4(packet.targetIp), start + 24, start + 28),
    ],
  }
}
