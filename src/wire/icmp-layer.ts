import { formatIpv4 } from './address.ts'
import { finish, sum } from './checksum.ts'
import { field, hex, named, withProblems } from './describe.ts'
import { DecodeError } from './errors.ts'
import type { Field, Layer } from './field.ts'
import { ICMP_HEADER_LENGTH, IcmpType, decodeIcmp, isIcmpError, UnreachableCode, verifyIcmpChecksum } from './icmp.ts'
import { read16, read32 } from './integer.ts'
import { decodeIpv4Header, IpProtocol } from './ipv4.ts'
import { ipv4Layer } from './ipv4-layer.ts'
import { quotedData, quotedPorts } from './quoted-layer.ts'

const TYPE_NAMES: Readonly<Record<number, string | undefined>> = {
  [IcmpType.ECHO_REPLY]: 'echo reply',
  [IcmpType.DESTINATION_UNREACHABLE]: 'destination unreachable',
  [IcmpType.SOURCE_QUENCH]: 'source quench',
  [IcmpType.REDIRECT]: 'redirect',
  [IcmpType.ECHO_REQUEST]: 'echo request',
  [IcmpType.TIME_EXCEEDED]: 'time exceeded',
  [IcmpType.PARAMETER_PROBLEM]: 'parameter problem',
}

/** By code, from 0. RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1. */
const UNREACHABLE_NAMES = [
  'network unreachable',
  'host unreachable',
  'protocol unreachable',
  'port unreachable',
  'fragmentation needed',
  'source route failed',
  'destination network unknown',
  'destination host unknown',
  'source host isolated',
  'network administratively prohibited',
  'host administratively prohibited',
  'network unreachable for type of service',
  'host unreachable for type of service',
  'communication administratively prohibited',
  'host precedence violation',
  'precedence cutoff in effect',
] as const

const CODE_NAMES: Readonly<Record<number, readonly string[] | undefined>> = {
  [IcmpType.DESTINATION_UNREACHABLE]: UNREACHABLE_NAMES,
  [IcmpType.REDIRECT]: ['for the network', 'for the host', 'for service and network', 'for service and host'],
  [IcmpType.TIME_EXCEEDED]: ['TTL exceeded in transit', 'fragment reassembly time exceeded'],
  [IcmpType.PARAMETER_PROBLEM]: ['pointer indicates the error', 'missing a required option', 'bad length'],
}

function codeName(type: number, code: number): string | undefined {
  const names = CODE_NAMES[type]
  return names !== undefined && code < names.length ? names[code] : undefined
}

function isEcho(type: number): boolean {
  return type === IcmpType.ECHO_REQUEST || type === IcmpType.ECHO_REPLY
}

/** The four bytes whose meaning depends on type and code. */
function restFields(bytes: Uint8Array, start: number, type: number, code: number): Field[] {
  const at = start + 4
  if (isEcho(type)) {
    return [
      field('icmp.ident', 'Identifier', named(read16(bytes, at), hex(read16(bytes, at), 4)), at, at + 2),
      field('icmp.seq', 'Sequence number', read16(bytes, at + 2), at + 2, at + 4),
    ]
  }
  if (type === IcmpType.DESTINATION_UNREACHABLE && code === UnreachableCode.FRAGMENTATION_NEEDED) {
    return [
      field('icmp.unused', 'Unused', hex(read16(bytes, at), 4), at, at + 2),
      field('icmp.mtu', 'MTU of next hop', read16(bytes, at + 2), at + 2, at + 4),
    ]
  }
  if (type === IcmpType.REDIRECT) return [field('icmp.redir_gw', 'Gateway address', formatIpv4(read32(bytes, at)), at, at + 4)]
  if (type === IcmpType.PARAMETER_PROBLEM) {
    return [
      field('icmp.pointer', 'Pointer', bytes[at], at, at + 1),
      field('icmp.unused', 'Unused', hex(read32(bytes, at) & 0xff_ffff, 6), at + 1, at + 4),
    ]
  }
  return [field('icmp.unused', 'Unused', hex(read32(bytes, at), 8), at, at + 4)]
}

/** What a quotation shows of the quoted packet's transport: as much as its first 8 bytes say. */
function quotedTransport(bytes: Uint8Array, start: number, end: number, protocol: number): Field[] {
  if (protocol === IpProtocol.TCP || protocol === IpProtocol.UDP) return quotedPorts(bytes, start, end, protocol)
  if (end - start < 8 || protocol !== IpProtocol.ICMP) return quotedData(start, end)
  return [
    field('icmp.type', 'Type', named(bytes[start], TYPE_NAMES[bytes[start]]), start, start + 1),
    field('icmp.code', 'Code', bytes[start + 1], start + 1, start + 2),
    field('icmp.checksum', 'Checksum', hex(read16(bytes, start + 2), 4), start + 2, start + 4),
    ...restFields(bytes, start, bytes[start], bytes[start + 1]),
    ...quotedData(start + 8, end),
  ]
}

/** The quoted packet as one field; undefined when it is none. */
function quotationField(bytes: Uint8Array, start: number, end: number): Field | undefined {
  let header
  try {
    header = decodeIpv4Header(bytes, start, end)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
  const { summary, fields } = ipv4Layer(bytes, start, end)
  const { payloadStart, payloadEnd, protocol, fragmentOffset } = header
  const transportEnd = Math.min(end, payloadEnd)
  const transport = fragmentOffset === 0 ? quotedTransport(bytes, payloadStart, transportEnd, protocol) : []
  return field('icmp.quote', 'Packet that this is about', summary, start, end, [...fields, ...transport])
}

function summarize(bytes: Uint8Array, start: number, type: number, code: number): string {
  const name = TYPE_NAMES[type] ?? `type ${String(type)}, code ${String(code)}`
  if (isEcho(type)) return `${name}, id ${hex(read16(bytes, start + 4), 4)}, seq ${String(read16(bytes, start + 6))}`
  const detail = codeName(type, code)
  return detail === undefined ? name : `${name}: ${detail}`
}

/**
 * The message that fills [start, end), with the packet that it quotes, for the inspector. Its problem tells of a wrong checksum,
 * or of an error that quotes no packet.
 * @throws DecodeError as `decodeIcmp` does
 */
export function icmpLayer(bytes: Uint8Array, start: number, end: number): Layer {
  const { type, code, checksum } = decodeIcmp(bytes, start, end)
  const payloadStart = start + ICMP_HEADER_LENGTH
  const fields = [
    field('icmp.type', 'Type', named(type, TYPE_NAMES[type]), start, start + 1),
    field('icmp.code', 'Code', named(code, codeName(type, code)), start + 1, start + 2),
    field('icmp.checksum', 'Checksum', hex(checksum, 4), start + 2, start + 4),
    ...restFields(bytes, start, type, code),
  ]
  const problems: string[] = []
  if (!verifyIcmpChecksum(bytes, start, end)) {
    problems.push(`checksum should be ${hex(finish(sum(bytes, start + 4, end, sum(bytes, start, start + 2))), 4)}`)
  }
  const quotation = isIcmpError(type) ? quotationField(bytes, payloadStart, end) : undefined
  if (quotation !== undefined) fields.push(quotation)
  else if (payloadStart < end) fields.push(field('data.data', 'Data', `${String(end - payloadStart)} bytes`, payloadStart, end))
  if (isIcmpError(type) && quotation === undefined) problems.push('quotes no IPv4 packet')
  const layer: Layer = {
    protocol: 'icmp',
    title: 'Internet Control Message Protocol',
    summary: summarize(bytes, start, type, code),
    start,
    end,
    fields,
  }
  return withProblems(layer, problems)
}
