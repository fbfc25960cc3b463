import { formatIpv6, formatMac, readIpv6, readMac } from './address.ts'
import { field, hex, named } from './describe.ts'
import type { Field } from './field.ts'
import { Icmpv6Type } from './icmpv6.ts'
import { read16, read32 } from './integer.ts'
import { INFINITE_LIFETIME, ndpFixedLength, NdpOption } from './ndp.ts'

const OPTION_NAMES: Readonly<Record<number, string | undefined>> = {
  [NdpOption.SOURCE_LINK_LAYER_ADDRESS]: 'Source link-layer address',
  [NdpOption.TARGET_LINK_LAYER_ADDRESS]: 'Target link-layer address',
  [NdpOption.PREFIX_INFORMATION]: 'Prefix information',
  [NdpOption.REDIRECTED_HEADER]: 'Redirected header',
  [NdpOption.MTU]: 'MTU',
  [NdpOption.RECURSIVE_DNS_SERVER]: 'Recursive DNS servers',
}

function seconds(value: number): string {
  return value === INFINITE_LIFETIME ? `${String(value)} (for ever)` : String(value)
}

function addressField(bytes: Uint8Array, name: string, label: string, at: number): Field {
  return field(name, label, formatIpv6(readIpv6(bytes, at)), at, at + 16)
}

function prefixFields(bytes: Uint8Array, at: number): Field[] {
  const flags = bytes[at + 3]
  return [
    field('icmpv6.opt.prefix.length', 'Prefix length', bytes[at + 2], at + 2, at + 3),
    field('icmpv6.opt.prefix.flag', 'Flags', hex(flags, 2), at + 3, at + 4, [
      field('icmpv6.opt.prefix.flag.l', 'On-link', (flags & 0x80) !== 0, at + 3, at + 4),
      field('icmpv6.opt.prefix.flag.a', 'Autonomous', (flags & 0x40) !== 0, at + 3, at + 4),
    ]),
    field('icmpv6.opt.prefix.valid_lifetime', 'Valid lifetime', seconds(read32(bytes, at + 4)), at + 4, at + 8),
    field('icmpv6.opt.prefix.preferred_lifetime', 'Preferred lifetime', seconds(read32(bytes, at + 8)), at + 8, at + 12),
    field('icmpv6.opt.reserved', 'Reserved', hex(read32(bytes, at + 12), 8), at + 12, at + 16),
    addressField(bytes, 'icmpv6.opt.prefix', 'Prefix', at + 16),
  ]
}

/** What is in an option behind its type and length; a plain count of bytes for what is unknown or of another length than its own. */
function contentFields(bytes: Uint8Array, at: number, end: number): Field[] {
  const type = bytes[at]
  const length = end - at
  const isLinkLayer = type === NdpOption.SOURCE_LINK_LAYER_ADDRESS || type === NdpOption.TARGET_LINK_LAYER_ADDRESS
  if (isLinkLayer && length === 8) {
    return [field('icmpv6.opt.linkaddr', 'Link-layer address', formatMac(readMac(bytes, at + 2)), at + 2, end)]
  }
  if (type === NdpOption.PREFIX_INFORMATION && length === 32) return prefixFields(bytes, at)
  if (type === NdpOption.MTU && length === 8) {
    return [
      field('icmpv6.opt.reserved', 'Reserved', hex(read16(bytes, at + 2), 4), at + 2, at + 4),
      field('icmpv6.opt.mtu', 'MTU', read32(bytes, at + 4), at + 4, end),
    ]
  }
  if (type === NdpOption.RECURSIVE_DNS_SERVER && length >= 24 && length % 16 === 8) {
    const fields = [
      field('icmpv6.opt.reserved', 'Reserved', hex(read16(bytes, at + 2), 4), at + 2, at + 4),
      field('icmpv6.opt.rdnss.lifetime', 'Lifetime', seconds(read32(bytes, at + 4)), at + 4, at + 8),
    ]
    for (let address = at + 8; address < end; address += 16) {
      fields.push(addressField(bytes, 'icmpv6.opt.rdnss', 'Server', address))
    }
    return fields
  }
  if (type === NdpOption.REDIRECTED_HEADER && length > 8) {
    return [
      field('icmpv6.opt.reserved', 'Reserved', '6 bytes', at + 2, at + 8),
      field('icmpv6.opt.redirected_packet', 'Redirected packet', `${String(length - 8)} bytes`, at + 8, end),
    ]
  }
  return [field('icmpv6.opt.data', 'Data', `${String(length - 2)} bytes`, at + 2, end)]
}

function optionFields(bytes: Uint8Array, start: number, end: number): Field[] {
  const fields: Field[] = []
  let at = start
  while (at + 8 <= end) {
    const next = at + bytes[at + 1] * 8
    if (next === at || next > end) break
    const name = OPTION_NAMES[bytes[at]]
    fields.push(
      field('icmpv6.opt', name ?? `Option ${String(bytes[at])}`, `${String(next - at)} bytes`, at, next, [
        field('icmpv6.opt.type', 'Type', named(bytes[at], name), at, at + 1),
        field('icmpv6.opt.length', 'Length', bytes[at + 1], at + 1, at + 2),
        ...contentFields(bytes, at, next),
      ]),
    )
    at = next
  }
  if (at < end) fields.push(field('icmpv6.opt', 'Malformed option', `${String(end - at)} bytes`, at, end))
  return fields
}

function routerFields(bytes: Uint8Array, start: number): Field[] {
  const flags = bytes[start + 5]
  return [
    field('icmpv6.nd.ra.cur_hop_limit', 'Hop limit for hosts', bytes[start + 4], start + 4, start + 5),
    field('icmpv6.nd.ra.flag', 'Flags', hex(flags, 2), start + 5, start + 6, [
      field('icmpv6.nd.ra.flag.m', 'Managed addresses', (flags & 0x80) !== 0, start + 5, start + 6),
      field('icmpv6.nd.ra.flag.o', 'Other configuration', (flags & 0x40) !== 0, start + 5, start + 6),
    ]),
    field('icmpv6.nd.ra.router_lifetime', 'Router lifetime', read16(bytes, start + 6), start + 6, start + 8),
    field('icmpv6.nd.ra.reachable_time', 'Reachable time', read32(bytes, start + 8), start + 8, start + 12),
    field('icmpv6.nd.ra.retrans_timer', 'Retransmission timer', read32(bytes, start + 12), start + 12, start + 16),
  ]
}

function advertisementFlags(bytes: Uint8Array, at: number): Field {
  const flags = bytes[at]
  const end = at + 4
  return field('icmpv6.nd.na.flag', 'Flags', hex(read32(bytes, at), 8), at, end, [
    field('icmpv6.nd.na.flag.r', 'Router', (flags & 0x80) !== 0, at, end),
    field('icmpv6.nd.na.flag.s', 'Solicited', (flags & 0x40) !== 0, at, end),
    field('icmpv6.nd.na.flag.o', 'Override', (flags & 0x20) !== 0, at, end),
  ])
}

/**
 * The fields of a message of neighbour discovery behind its checksum.
 * @returns undefined when the message is shorter than its type's fixed part
 */
export function ndpFields(bytes: Uint8Array, start: number, end: number): Field[] | undefined {
  const type = bytes[start]
  const fixedLength = ndpFixedLength(type)
  if (fixedLength === undefined || end - start < fixedLength) return undefined
  const options = optionFields(bytes, start + fixedLength, end)
  if (type === Icmpv6Type.ROUTER_ADVERTISEMENT) return [...routerFields(bytes, start), ...options]
  if (type === Icmpv6Type.NEIGHBOR_ADVERTISEMENT) {
    const target = addressField(bytes, 'icmpv6.nd.na.target_address', 'Target address', start + 8)
    return [advertisementFlags(bytes, start + 4), target, ...options]
  }
  const fields = [field('icmpv6.reserved', 'Reserved', hex(read32(bytes, start + 4), 8), start + 4, start + 8)]
  if (type === Icmpv6Type.NEIGHBOR_SOLICITATION) {
    fields.push(addressField(bytes, 'icmpv6.nd.ns.target_address', 'Target address', start + 8))
  } else if (type === Icmpv6Type.REDIRECT) {
    fields.push(addressField(bytes, 'icmpv6.nd.rd.target_address', 'Target address', start + 8))
    fields.push(addressField(bytes, 'icmpv6.rd.na.destination_address', 'Destination address', start + 24))
  }
  return [...fields, ...options]
}
