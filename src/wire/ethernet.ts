import { BROADCAST_MAC, formatMac, readMac, writeMac } from './address.ts'
import { field, hex, named } from './describe.ts'
import { DecodeError } from './errors.ts'
import type { Layer } from './field.ts'
import { read16, write16 } from './integer.ts'

/** What a frame carries. IEEE 802.3 clause 3.2.6; numbers assigned by the IEEE, listed in RFC 9542. */
export const EtherType = { IPV4: 0x0800, ARP: 0x0806, VLAN: 0x8100, IPV6: 0x86dd } as const

/** Bytes of an Ethernet II header. */
export const ETHERNET_HEADER_LENGTH = 14

/**
 * Shortest frame on a real line, without the frame check sequence: shorter ones are padded with zeros. IEEE 802.3 clause 4.2.3.3.
 */
export const ETHERNET_MIN_LENGTH = 60

/** Type fields below this are lengths, of an IEEE 802.3 frame with an LLC header. IEEE 802.3 clause 3.2.6. */
const FIRST_ETHER_TYPE = 0x0600

const TYPE_NAMES: Readonly<Record<number, string | undefined>> = {
  0x0800: 'IPv4',
  0x0806: 'ARP',
  0x8100: '802.1Q VLAN',
  0x86dd: 'IPv6',
}

/** Header of an Ethernet II frame (RFC 894), without preamble and frame check sequence. */
export class EthernetHeader {
  /** MAC address in [0, 2^48). */
  destination = 0
  /** MAC address in [0, 2^48). */
  source = 0
  /** An `EtherType`. */
  type = 0
  /** First byte of the payload in the decoded array. The frame does not say where padding begins: the payload's own length does. */
  payloadStart = 0
}

/**
 * Reads the header of the frame in [start, end).
 * @param into is filled and returned
 * @throws DecodeError when it is cut short, or is an IEEE 802.3 frame with a length in place of a type
 */
export function decodeEthernet(bytes: Uint8Array, start: number, end: number, into = new EthernetHeader()): EthernetHeader {
  if (end - start < ETHERNET_HEADER_LENGTH) throw new DecodeError('ethernet', 'truncated', end, 'the header takes 14 bytes')
  const type = read16(bytes, start + 12)
  if (type < FIRST_ETHER_TYPE) {
    throw new DecodeError('ethernet', 'unsupported', start + 12, `an IEEE 802.3 length (${String(type)}) in place of a type`)
  }
  into.destination = readMac(bytes, start)
  into.source = readMac(bytes, start + 6)
  into.type = type
  into.payloadStart = start + ETHERNET_HEADER_LENGTH
  return into
}

/** Writes the header at `start`; returns where the payload belongs. */
export function encodeEthernet(header: EthernetHeader, bytes: Uint8Array, start: number): number {
  writeMac(bytes, start, header.destination)
  writeMac(bytes, start + 6, header.source)
  write16(bytes, start + 12, header.type)
  return start + ETHERNET_HEADER_LENGTH
}

function station(mac: number): string {
  return named(formatMac(mac), mac === BROADCAST_MAC ? 'broadcast' : undefined)
}

/** The header for the inspector. @throws DecodeError as `decodeEthernet` does */
export function ethernetLayer(bytes: Uint8Array, start: number, end: number): Layer {
  const header = decodeEthernet(bytes, start, end)
  const typeName = TYPE_NAMES[header.type]
  return {
    protocol: 'ethernet',
    title: 'Ethernet II',
    summary: `${formatMac(header.source)} → ${station(header.destination)}, ${typeName ?? hex(header.type, 4)}`,
    start,
    end: header.payloadStart,
    fields: [
      field('eth.dst', 'Destination', station(header.destination), start, start + 6),
      field('eth.src', 'Source', formatMac(header.source), start + 6, start + 12),
      field('eth.type', 'Type', named(hex(header.type, 4), typeName), start + 12, start + 14),
    ],
  }
}
