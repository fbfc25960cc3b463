import { formatIpv6, formatMac } from './address.ts'
import { finish, sum } from './checksum.ts'
import { field, hex, named, withProblems } from './describe.ts'
import { DecodeError } from './errors.ts'
import type { Field, Layer } from './field.ts'
import { decodeIcmpv6, ICMPV6_HEADER_LENGTH, Icmpv6Type, isIcmpv6Error, isNdp, verifyIcmpv6Checksum } from './icmpv6.ts'
import { read16, read32 } from './integer.ts'
import { decodeIpv6Header, NextHeader } from './ipv6.ts'
import { walkIpv6Chain } from './ipv6-chain.ts'
import { ipv6Layer, parameterProblemName } from './ipv6-layer.ts'
import { decodeNdp } from './ndp.ts'
import { ndpFields } from './ndp-layer.ts'
import { addressSum } from './pseudo-header.ts'
import { quotedData, quotedPorts } from './quoted-layer.ts'

const TYPE_NAMES: Readonly<Record<number, string | undefined>> = {
  [Icmpv6Type.DESTINATION_UNREACHABLE]: 'destination unreachable',
  [Icmpv6Type.PACKET_TOO_BIG]: 'packet too big',
  [Icmpv6Type.TIME_EXCEEDED]: 'time exceeded',
  [Icmpv6Type.PARAMETER_PROBLEM]: 'parameter problem',
  [Icmpv6Type.ECHO_REQUEST]: 'echo request',
  [Icmpv6Type.ECHO_REPLY]: 'echo reply',
  130: 'multicast listener query',
  131: 'multicast listener report',
  132: 'multicast listener done',
  [Icmpv6Type.ROUTER_SOLICITATION]: 'router solicitation',
  [Icmpv6Type.ROUTER_ADVERTISEMENT]: 'router advertisement',
  [Icmpv6Type.NEIGHBOR_SOLICITATION]: 'neighbor solicitation',
  [Icmpv6Type.NEIGHBOR_ADVERTISEMENT]: 'neighbor advertisement',
  [Icmpv6Type.REDIRECT]: 'redirect',
  143: 'multicast listener report, version 2',
}

/** By code, from 0. RFC 4443 section 3.1. */
const UNREACHABLE_NAMES = [
  'no route to destination',
  'communication administratively prohibited',
  'beyond scope of source address',
  'address unreachable',
  'port unreachable',
  'source address failed policy',
  'reject route to destination',
] as const

/** By code, from 0. RFC 4443 section 3.3. */
const TIME_EXCEEDED_NAMES = ['hop limit exceeded in transit', 'fragment reassembly time exceeded'] as const

function codeName(type: number, code: number): string | undefined {
  if (type === Icmpv6Type.PARAMETER_PROBLEM) return parameterProblemName(code)
  const names: readonly string[] =
    type === Icmpv6Type.DESTINATION_UNREACHABLE ? UNREACHABLE_NAMES : type === Icmpv6Type.TIME_EXCEEDED ? TIME_EXCEEDED_NAMES : []
  return code < names.length ? names[code] : undefined
}

function isEcho(type: number): boolean {
  return type === Icmpv6Type.ECHO_REQUEST || type === Icmpv6Type.ECHO_REPLY
}

/** The four bytes behind the checksum, whose meaning depends on the type. */
function restFields(bytes: Uint8Array, start: number, type: number): Field[] {
  const at = start + 4
  if (isEcho(type)) {
    return [
      field('icmpv6.echo.identifier', 'Identifier', hex(read16(bytes, at), 4), at, at + 2),
      field('icmpv6.echo.sequence_number', 'Sequence number', read16(bytes, at + 2), at + 2, at + 4),
    ]
  }
  if (type === Icmpv6Type.PACKET_TOO_BIG) return [field('icmpv6.mtu', 'MTU of next hop', read32(bytes, at), at, at + 4)]
  if (type === Icmpv6Type.PARAMETER_PROBLEM) return [field('icmpv6.pointer', 'Pointer', read32(bytes, at), at, at + 4)]
  return [field('icmpv6.reserved', 'Reserved', hex(read32(bytes, at), 8), at, at + 4)]
}

/** The quoted packet as one field; undefined when it is none. */
function quotationField(bytes: Uint8Array, start: number, end: number): Field | undefined {
  let header
  try {
    header = decodeIpv6Header(bytes, start, end)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
  const { summary, fields, end: headersEnd } = ipv6Layer(bytes, start, end)
  const packetEnd = Math.min(end, header.payloadEnd)
  const { protocol, start: upperStart, fragmentStart, fragmentOffset } = walkIpv6Chain(bytes, header, packetEnd, 'destination')
  const hasPorts = protocol === NextHeader.TCP || protocol === NextHeader.UDP
  const isLaterFragment = fragmentStart >= 0 && fragmentOffset > 0
  const isReadable = hasPorts && !isLaterFragment && upperStart === headersEnd
  const transport = isReadable ? quotedPorts(bytes, upperStart, packetEnd, protocol) : quotedData(headersEnd, packetEnd)
  const data = packetEnd < end ? quotedData(packetEnd, end) : []
  return field('icmpv6.quote', 'Packet that this is about', summary, start, end, [...fields, ...transport, ...data])
}

/** What a message of neighbour discovery says, in a few words, or why it is not valid. */
function describeNdp(bytes: Uint8Array, start: number, end: number): string | DecodeError {
  try {
    const message = decodeNdp(bytes, start, end)
    if (message.type === Icmpv6Type.NEIGHBOR_SOLICITATION) return `who has ${formatIpv6(message.target)}?`
    if (message.type === Icmpv6Type.NEIGHBOR_ADVERTISEMENT) {
      const { targetLinkLayer } = message
      const where = targetLinkLayer === undefined ? 'here' : `at ${formatMac(targetLinkLayer)}`
      return `${formatIpv6(message.target)} is ${where}`
    }
    if (message.type === Icmpv6Type.REDIRECT) {
      return `redirect: ${formatIpv6(message.destination)} is better reached by ${formatIpv6(message.target)}`
    }
    if (message.type === Icmpv6Type.ROUTER_SOLICITATION) return 'who routes here?'
    const prefixes = (message.prefixes ?? []).map(({ prefix, length }) => `${formatIpv6(prefix)}/${String(length)}`)
    return `router for ${String(message.routerLifetime)} s${prefixes.length === 0 ? '' : `, prefix ${prefixes.join(', ')}`}`
  } catch (error) {
    if (error instanceof DecodeError) return error
    throw error
  }
}

function summarize(bytes: Uint8Array, start: number, type: number, code: number): string {
  const name = TYPE_NAMES[type] ?? `type ${String(type)}, code ${String(code)}`
  if (isEcho(type)) return `${name}, id ${hex(read16(bytes, start + 4), 4)}, seq ${String(read16(bytes, start + 6))}`
  if (type === Icmpv6Type.PACKET_TOO_BIG) return `${name}: at most ${String(read32(bytes, start + 4))} bytes`
  const detail = codeName(type, code)
  return detail === undefined ? name : `${name}: ${detail}`
}

/**
 * The message that fills [start, end), with its options or the packet that it quotes, for the inspector. Its problem tells of a wrong
 * checksum, an invalid message of neighbour discovery, or an error that quotes no packet.
 * @param source with both addresses the checksum is looked at
 * @throws DecodeError as `decodeIcmpv6` does
 */
export function icmpv6Layer(bytes: Uint8Array, start: number, end: number, source?: bigint, destination?: bigint): Layer {
  const { type, code, checksum } = decodeIcmpv6(bytes, start, end)
  const payloadStart = start + ICMPV6_HEADER_LENGTH
  const problems: string[] = []
  if (source !== undefined && destination !== undefined) {
    const addresses = addressSum(source, destination)
    if (!verifyIcmpv6Checksum(bytes, start, end, addresses)) {
      const pseudoHeader = addresses + NextHeader.ICMPV6 + end - start
      const expected = finish(sum(bytes, start + 4, end, sum(bytes, start, start + 2, pseudoHeader)))
      problems.push(`checksum should be ${hex(expected, 4)}`)
    }
  }
  const fields = [
    field('icmpv6.type', 'Type', named(type, TYPE_NAMES[type]), start, start + 1),
    field('icmpv6.code', 'Code', named(code, codeName(type, code)), start + 1, start + 2),
    field('icmpv6.checksum', 'Checksum', hex(checksum, 4), start + 2, start + 4),
  ]
  let summary = summarize(bytes, start, type, code)
  const discovery = isNdp(type) ? ndpFields(bytes, start, end) : undefined
  if (isNdp(type)) {
    const description = describeNdp(bytes, start, end)
    if (typeof description === 'string') summary = description
    else problems.push(description.message)
  }
  if (discovery !== undefined) {
    fields.push(...discovery)
  } else {
    fields.push(...restFields(bytes, start, type))
    const quotation = isIcmpv6Error(type) ? quotationField(bytes, payloadStart, end) : undefined
    if (quotation !== undefined) fields.push(quotation)
    else if (payloadStart < end) fields.push(field('data.data', 'Data', `${String(end - payloadStart)} bytes`, payloadStart, end))
    if (isIcmpv6Error(type) && quotation === undefined) problems.push('quotes no IPv6 packet')
  }
  const layer: Layer = { protocol: 'icmpv6', title: 'Internet Control Message Protocol v6', summary, start, end, fields }
  return withProblems(layer, problems)
}
