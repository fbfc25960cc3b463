import { formatIpv6 } from './address.ts'
import { field, hex, named, withProblems } from './describe.ts'
import type { Field, Layer } from './field.ts'
import { read16, read32 } from './integer.ts'
import { ECN_NAMES } from './ipv4-layer.ts'
import { decodeIpv6Header, IPV6_HEADER_LENGTH, type Ipv6Header, NextHeader } from './ipv6.ts'
import { FRAGMENT_HEADER_LENGTH, Ipv6Chain, Ipv6Option, isExtensionHeader, walkIpv6Chain } from './ipv6-chain.ts'

const NEXT_NAMES: Readonly<Record<number, string | undefined>> = {
  0: 'hop-by-hop options',
  6: 'TCP',
  17: 'UDP',
  43: 'routing',
  44: 'fragment',
  58: 'ICMPv6',
  59: 'no next header',
  60: 'destination options',
}

/** Wireshark's prefix, and what people say. */
const EXTENSIONS: Readonly<Record<number, readonly [prefix: string, label: string]>> = {
  [NextHeader.HOP_BY_HOP]: ['ipv6.hopopts', 'Hop-by-hop options'],
  [NextHeader.ROUTING]: ['ipv6.routing', 'Routing header'],
  [NextHeader.FRAGMENT]: ['ipv6.fraghdr', 'Fragment header'],
  [NextHeader.DESTINATION_OPTIONS]: ['ipv6.dstopts', 'Destination options'],
}

const OPTION_NAMES: Readonly<Record<number, string | undefined>> = {
  [Ipv6Option.PAD1]: 'Pad1',
  [Ipv6Option.PADN]: 'PadN',
  [Ipv6Option.ROUTER_ALERT]: 'Router alert',
}

/** What a parameter problem says, by its code. RFC 4443 section 3.4, RFC 7112, RFC 8883. */
const PARAMETER_PROBLEM_NAMES: Readonly<Record<number, string | undefined>> = {
  0: 'erroneous header field',
  1: 'unrecognized next header',
  2: 'unrecognized option',
  3: 'first fragment without its whole header chain',
  4: 'segment routing header error',
  5: 'unrecognized next header on the way',
  6: 'extension header too big',
  7: 'extension header chain too long',
  8: 'too many extension headers',
  9: 'too many options in an extension header',
  10: 'option too big',
}

/** What a parameter problem of this code says; undefined when the code is unknown. */
export function parameterProblemName(code: number): string | undefined {
  return PARAMETER_PROBLEM_NAMES[code]
}

/** The options in [at, end), as far as they can be told apart. */
function optionFields(bytes: Uint8Array, at: number, end: number): Field[] {
  const fields: Field[] = []
  let option = at
  while (option < end) {
    const type = bytes[option]
    const name = OPTION_NAMES[type]
    const length = type === Ipv6Option.PAD1 ? 1 : option + 1 < end ? bytes[option + 1] + 2 : end
    const next = option + length
    if (next > end) {
      fields.push(field('ipv6.opt', 'Malformed option', `type ${String(type)}`, option, end))
      break
    }
    const parts = [field('ipv6.opt.type', 'Type', named(hex(type, 2), name), option, option + 1)]
    if (length > 1) parts.push(field('ipv6.opt.length', 'Length', length - 2, option + 1, option + 2))
    if (type === Ipv6Option.ROUTER_ALERT && length === 4) {
      parts.push(field('ipv6.opt.router_alert', 'Value', read16(bytes, option + 2), option + 2, next))
    } else if (length > 2) {
      parts.push(field('ipv6.opt.data', 'Data', `${String(length - 2)} bytes`, option + 2, next))
    }
    const label = name ?? `Option ${String(type)}`
    fields.push(field('ipv6.opt', label, `${String(length)} ${length === 1 ? 'byte' : 'bytes'}`, option, next, parts))
    option = next
  }
  return fields
}

function fragmentField(bytes: Uint8Array, at: number): Field {
  const word = read16(bytes, at + 2)
  const offset = word & 0xfff8
  const more = (word & 1) !== 0
  const identification = read32(bytes, at + 4)
  const value = `at ${String(offset)}${more ? '' : ' (last)'} of ${hex(identification, 8)}`
  return field('ipv6.fraghdr', 'Fragment header', value, at, at + FRAGMENT_HEADER_LENGTH, [
    field('ipv6.fraghdr.nxt', 'Next header', named(bytes[at], NEXT_NAMES[bytes[at]]), at, at + 1),
    field('ipv6.fraghdr.reserved_octet', 'Reserved', hex(bytes[at + 1], 2), at + 1, at + 2),
    field('ipv6.fraghdr.offset', 'Fragment offset', offset, at + 2, at + 4),
    field('ipv6.fraghdr.more', 'More fragments', more, at + 2, at + 4),
    field('ipv6.fraghdr.ident', 'Identification', hex(identification, 8), at + 4, at + 8),
  ])
}

/** One extension header of `kind` in [at, end). */
function extensionField(bytes: Uint8Array, at: number, end: number, kind: number): Field {
  if (kind === NextHeader.FRAGMENT) return fragmentField(bytes, at)
  const [prefix, label] = EXTENSIONS[kind]
  const parts = [
    field(`${prefix}.nxt`, 'Next header', named(bytes[at], NEXT_NAMES[bytes[at]]), at, at + 1),
    field(`${prefix}.len`, 'Length', bytes[at + 1], at + 1, at + 2),
  ]
  if (kind === NextHeader.ROUTING) {
    parts.push(field('ipv6.routing.type', 'Type', bytes[at + 2], at + 2, at + 3))
    parts.push(field('ipv6.routing.segleft', 'Segments left', bytes[at + 3], at + 3, at + 4))
    parts.push(field('ipv6.routing.data', 'Data', `${String(end - at - 4)} bytes`, at + 4, end))
  } else {
    parts.push(...optionFields(bytes, at + 2, end))
  }
  return field(prefix, label, `${String(end - at)} bytes`, at, end, parts)
}

/** The extension headers up to `end`, and where the last of them that is whole ends. */
function extensionFields(bytes: Uint8Array, header: Ipv6Header, end: number): { fields: Field[]; end: number } {
  const fields: Field[] = []
  let at = header.payloadStart
  let kind = header.nextHeader
  while (isExtensionHeader(kind) && at + 8 <= end) {
    const next = at + (kind === NextHeader.FRAGMENT ? FRAGMENT_HEADER_LENGTH : (bytes[at + 1] + 1) * 8)
    if (next > end) break
    fields.push(extensionField(bytes, at, next, kind))
    const isLaterFragment = kind === NextHeader.FRAGMENT && (read16(bytes, at + 2) & 0xfff8) !== 0
    kind = bytes[at]
    at = next
    if (isLaterFragment) break
  }
  return { fields, end: at }
}

/**
 * The fixed header and the extension headers behind it, for the inspector. Its problem tells of a payload length that reaches past
 * `end`, or of what in the chain is refused by a destination.
 * @throws DecodeError as `decodeIpv6Header` does
 */
export function ipv6Layer(bytes: Uint8Array, start: number, end: number): Layer {
  const header = decodeIpv6Header(bytes, start, end)
  const { dscp, ecn, flowLabel, nextHeader, hopLimit, source, destination } = header
  const problems: string[] = []
  if (header.payloadEnd > end) problems.push('payload length reaches past the end')
  const packetEnd = Math.min(header.payloadEnd, end)
  const extensions = extensionFields(bytes, header, packetEnd)
  const chain = walkIpv6Chain(bytes, header, packetEnd, 'destination', new Ipv6Chain())
  // Of a packet that is cut short the walk complains for no other reason.
  if (chain.verdict === 'parameter-problem' && problems.length === 0) {
    problems.push(`${parameterProblemName(chain.code) ?? 'refused'} at byte ${String(chain.pointer)} of the packet`)
  }
  const protocol = NEXT_NAMES[chain.protocol] ?? `protocol ${String(chain.protocol)}`
  const isFragment = chain.fragmentStart >= 0 && (chain.moreFragments || chain.fragmentOffset > 0)
  const fragment = isFragment ? `, fragment at ${String(chain.fragmentOffset)}${chain.moreFragments ? '' : ' (last)'}` : ''
  const layer: Layer = {
    protocol: 'ipv6',
    title: 'Internet Protocol Version 6',
    summary: `${formatIpv6(source)} → ${formatIpv6(destination)}, ${protocol}, hop limit ${String(hopLimit)}${fragment}`,
    start,
    end: extensions.end,
    fields: [
      field('ipv6.version', 'Version', 6, start, start + 1),
      field('ipv6.tclass', 'Traffic class', hex((dscp << 2) | ecn, 2), start, start + 2, [
        field('ipv6.tclass.dscp', 'Codepoint', dscp, start, start + 2),
        field('ipv6.tclass.ecn', 'Congestion notification', named(ecn, ECN_NAMES[ecn]), start + 1, start + 2),
      ]),
      field('ipv6.flow', 'Flow label', hex(flowLabel, 5), start + 1, start + 4),
      field('ipv6.plen', 'Payload length', header.payloadEnd - start - IPV6_HEADER_LENGTH, start + 4, start + 6),
      field('ipv6.nxt', 'Next header', named(nextHeader, NEXT_NAMES[nextHeader]), start + 6, start + 7),
      field('ipv6.hlim', 'Hop limit', hopLimit, start + 7, start + 8),
      field('ipv6.src', 'Source address', formatIpv6(source), start + 8, start + 24),
      field('ipv6.dst', 'Destination address', formatIpv6(destination), start + 24, start + 40),
      ...extensions.fields,
    ],
  }
  return withProblems(layer, problems)
}
