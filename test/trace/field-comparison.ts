import type { Field } from '../../src/wire/field.ts'

// How our fields and tshark's are compared: by name and place, and then by value.

/** Our names that Wireshark has no field for, only raw bytes, or a protocol of that name, whose parts are compared. */
export const OURS_ALONE = new Set([
  'data.data',
  'eth.padding',
  'icmp.quote',
  'icmp.quote.data',
  'icmpv6.quote',
  'icmpv6.opt.redirected_packet',
  'icmpv6.opt.reserved',
  'ip.opt',
  'ip.opt.route',
  'ipv6.dstopts',
  'ipv6.fraghdr',
  'ipv6.hopopts',
  'ipv6.opt.data',
  'ipv6.routing',
  'ipv6.routing.data',
])

/** An option as a whole has its place there, but raw bytes for a value; its parts are compared. */
const WHOLES = /^(?:tcp\.options(?:\.(?:nop|mss|wscale|sack_perm|sack|timestamp))?|ipv6\.opt|icmpv6\.opt)$/

/** Wireshark places these by the word of 32 bits that they are in; here the bytes that hold them are said. */
const WORD_WIDE = new Set(['ipv6.tclass', 'ipv6.tclass.dscp', 'ipv6.tclass.ecn'])

/** What Wireshark computes rather than reads, says twice, or splits where we do not. */
export const DERIVED = [
  /^eth\.(?:dst|src|addr)\.|^eth\.(?:addr|lg|ig|stream)$/,
  /\.(?:status|checksum_calculated|stream|payload|segment_data|pdu\.size|len_oct|time_relative|time_delta)$/,
  /^icmp\.(?:ident_le|seq_le|data_time|data_time_relative|resp_\w+)$/,
  /^ipv6\.(?:opt\.(?:type\.\w+|padn|pad1|experimental)|fraghdr\.reserved_bits|routing\.(?:src\.reserved|deprecated))$/,
  /^icmpv6\.(?:resp\w+|nd\.ra\.flag\.(?:h|prf|p|rsv)|nd\.na\.flag\.rsv|opt\.prefix\.flag\.(?:r|reserved))$/,
  /^tcp\.(?:len|seq|ack|nxtseq|window_size|window_size_scalefactor|option_kind|option_len|flags\.(?:str|res|ns|ae)|options\.wscale\.multiplier)$/,
]

/** Shown there in units of 8 bytes, as they stand in the header. */
const EIGHTHS = new Set(['ip.frag_offset', 'ipv6.fraghdr.offset'])

/** A value for comparing: numbers as numbers, whatever is said in words around them. */
function plain(value: string): string {
  const bare = value.replace(/ \(.*\)$/, '').replace(/ bytes$/, '')
  if (bare === 'set') return '1'
  if (bare === 'not set') return '0'
  return /^(?:0x[\da-f]+|\d+)$/.test(bare) ? String(Number(bare)) : bare === '00:00:00:00' ? '0' : bare
}

/** Fields and the fields in them. */
export function flat(fields: readonly Field[]): Field[] {
  return fields.flatMap((field) => [field, ...flat(field.fields ?? [])])
}

/** Name and place, for comparing. */
export function placed({ name, start, end }: { name: string; start: number; end: number }): string {
  // The header of a quoted packet begins elsewhere, on a word of its own.
  return WORD_WIDE.has(name)
    ? `${name} from ${String(start - (name.endsWith('ecn') && end - start === 1 ? 1 : 0))}`
    : `${name} ${String(start)}–${String(end)}`
}

/** Our value and theirs in one form; undefined for what has none. */
export function values(field: Field, show: string): readonly [ours: string, theirs: string] | undefined {
  if (WHOLES.test(field.name)) return undefined
  return [plain(field.value), EIGHTHS.has(field.name) ? String(Number(show) * 8) : plain(show)]
}
