import { formatIpv4 } from './address.ts'
import { finish, sum } from './checksum.ts'
import { field, hex, named, withProblems } from './describe.ts'
import type { Field, Layer } from './field.ts'
import { decodeIpv4Header, IPV4_HEADER_LENGTH, type Ipv4Header } from './ipv4.ts'
import { read16, read32 } from './integer.ts'

const PROTOCOL_NAMES: Readonly<Record<number, string | undefined>> = { 1: 'ICMP', 6: 'TCP', 17: 'UDP' }

/** What the two ECN bits say, by their value. RFC 3168 section 5. */
export const ECN_NAMES = ['not ECN-capable', 'ECT(1)', 'ECT(0)', 'congestion experienced'] as const

/** RFC 791 section 3.1, RFC 2113. */
const OPTION_NAMES: Readonly<Record<number, string | undefined>> = {
  0: 'End of options',
  1: 'No operation',
  7: 'Record route',
  68: 'Internet timestamp',
  130: 'Security',
  131: 'Loose source route',
  136: 'Stream identifier',
  137: 'Strict source route',
  148: 'Router alert',
}

function addressesOf(bytes: Uint8Array, start: number, end: number): string {
  const addresses: string[] = []
  for (let at = start; at + 4 <= end; at += 4) addresses.push(formatIpv4(read32(bytes, at)))
  return addresses.join(', ')
}

function optionField(bytes: Uint8Array, start: number, end: number): Field {
  const type = bytes[start]
  const name = OPTION_NAMES[type] ?? `Option ${String(type)}`
  const parts = [field('ip.opt.type', 'Type', named(type, OPTION_NAMES[type]), start, start + 1)]
  if (end - start === 1) return field('ip.opt', name, '', start, end, parts)
  parts.push(field('ip.opt.len', 'Length', end - start, start + 1, start + 2))
  const hasRoute = type === 7 || type === 131 || type === 137
  if (hasRoute && end - start >= 3) {
    parts.push(field('ip.opt.ptr', 'Pointer', bytes[start + 2], start + 2, start + 3))
    if (end - start > 3) parts.push(field('ip.opt.route', 'Route', addressesOf(bytes, start + 3, end), start + 3, end))
  } else if (type === 148 && end - start === 4) {
    parts.push(field('ip.opt.ra', 'Router alert', named(read16(bytes, start + 2), 'examine packet'), start + 2, end))
  } else if (end - start > 2) {
    parts.push(field('ip.opt.data', 'Data', `${String(end - start - 2)} bytes`, start + 2, end))
  }
  return field('ip.opt', name, `${String(end - start)} bytes`, start, end, parts)
}

/** The options' fields, and what is wrong with them, if anything. */
function optionFields(bytes: Uint8Array, start: number, end: number): { fields: Field[]; problem: string | undefined } {
  const fields: Field[] = []
  let at = start
  while (at < end) {
    const type = bytes[at]
    if (type === 0) {
      fields.push(optionField(bytes, at, at + 1))
      break
    }
    const length = type === 1 ? 1 : at + 1 < end ? bytes[at + 1] : 0
    if (length === 0 || (type !== 1 && length < 2) || at + length > end) {
      fields.push(field('ip.opt', 'Malformed option', `type ${String(type)}`, at, end))
      return { fields, problem: 'an option is malformed' }
    }
    fields.push(optionField(bytes, at, at + length))
    at += length
  }
  return { fields, problem: undefined }
}

function flagFields(header: Ipv4Header, flags: number, at: number): Field {
  const names: string[] = []
  if ((flags & 0x8) !== 0) names.push('reserved')
  if (header.dontFragment) names.push("don't fragment")
  if (header.moreFragments) names.push('more fragments')
  return field('ip.flags', 'Flags', named(hex(flags >>> 1, 1), names.length === 0 ? undefined : names.join(', ')), at, at + 1, [
    field('ip.flags.rb', 'Reserved bit', (flags & 0x8) !== 0, at, at + 1),
    field('ip.flags.df', "Don't fragment", header.dontFragment, at, at + 1),
    field('ip.flags.mf', 'More fragments', header.moreFragments, at, at + 1),
  ])
}

function summarize(header: Ipv4Header): string {
  const addresses = `${formatIpv4(header.source)} → ${formatIpv4(header.destination)}`
  const protocol = PROTOCOL_NAMES[header.protocol] ?? `protocol ${String(header.protocol)}`
  const fragment =
    header.moreFragments || header.fragmentOffset > 0
      ? `, fragment at ${String(header.fragmentOffset)}${header.moreFragments ? '' : ' (last)'}`
      : ''
  return `${addresses}, ${protocol}, TTL ${String(header.ttl)}${fragment}`
}

/**
 * The header for the inspector. Its problem tells of a wrong checksum, malformed options, or a total length that reaches past `end`.
 * @throws DecodeError as `decodeIpv4Header` does
 */
export function ipv4Layer(bytes: Uint8Array, start: number, end: number): Layer {
  const header = decodeIpv4Header(bytes, start, end)
  const headerEnd = header.payloadStart
  const options = optionFields(bytes, start + IPV4_HEADER_LENGTH, headerEnd)
  const problems: string[] = []
  if (header.payloadEnd > end) problems.push('total length reaches past the end')
  if (sum(bytes, start, headerEnd) !== 0xffff) {
    const expected = finish(sum(bytes, start + 12, headerEnd, sum(bytes, start, start + 10)))
    problems.push(`header checksum should be ${hex(expected, 4)}`)
  }
  if (options.problem !== undefined) problems.push(options.problem)
  const fields = [
    field('ip.version', 'Version', 4, start, start + 1),
    field('ip.hdr_len', 'Header length', `${String(headerEnd - start)} bytes`, start, start + 1),
    field('ip.dsfield', 'Differentiated services', hex(bytes[start + 1], 2), start + 1, start + 2, [
      field('ip.dsfield.dscp', 'Codepoint', header.dscp, start + 1, start + 2),
      field('ip.dsfield.ecn', 'Congestion notification', named(header.ecn, ECN_NAMES[header.ecn]), start + 1, start + 2),
    ]),
    field('ip.len', 'Total length', header.payloadEnd - start, start + 2, start + 4),
    field('ip.id', 'Identification', hex(header.identification, 4), start + 4, start + 6),
    flagFields(header, bytes[start + 6] >>> 4, start + 6),
    field('ip.frag_offset', 'Fragment offset', header.fragmentOffset, start + 6, start + 8),
    field('ip.ttl', 'Time to live', header.ttl, start + 8, start + 9),
    field('ip.proto', 'Protocol', named(header.protocol, PROTOCOL_NAMES[header.protocol]), start + 9, start + 10),
    field('ip.checksum', 'Header checksum', hex(header.checksum, 4), start + 10, start + 12),
    field('ip.src', 'Source address', formatIpv4(header.source), start + 12, start + 16),
    field('ip.dst', 'Destination address', formatIpv4(header.destination), start + 16, start + 20),
    ...options.fields,
  ]
  const layer: Layer = {
    protocol: 'ipv4',
    title: 'Internet Protocol Version 4',
    summary: summarize(header),
    start,
    end: headerEnd,
    fields,
  }
  return withProblems(layer, problems)
}
