import { field, hex, named } from '../describe.ts'
import { formatIpv4, formatIpv6, readIpv6 } from '../address.ts'
import type { Field } from '../field.ts'
import { read16, read32 } from '../integer.ts'
import { bytesInWords, type FieldReader } from '../tls/field-reader.ts'
import { QuicDecodeError } from './decode-error.ts'
import { QuicFieldNoter } from './field-noter.ts'
import { transportParameterAt, transportParameterName, type TransportParameterPlace } from './transport-parameters.ts'
import { varintLengthAt } from './varint.ts'

const PREFIX = 'tls.quic.parameter'

/** Those of extensions, by name alone: RFC 9368 section 3, RFC 9287 section 3. */
const OTHERS: Readonly<Record<number, string | undefined>> = { 0x11: 'version_information', 0x2ab2: 'grease_quic_bit' }

/** Parameters whose value is bytes. */
const OPAQUE: ReadonlySet<string> = /* @__PURE__ */ new Set([
  'original_destination_connection_id',
  'stateless_reset_token',
  'initial_source_connection_id',
  'retry_source_connection_id',
])

function preferredAddressFields(bytes: Uint8Array, start: number, end: number): Field[] {
  const idAt = start + 25
  if (idAt + bytes[idAt - 1] + 16 !== end) return []
  const tokenAt = end - 16
  const name = `${PREFIX}.preferred_address`
  return [
    field(`${name}.ipv4address`, 'IPv4 address', formatIpv4(read32(bytes, start)), start, start + 4),
    field(`${name}.ipv4port`, 'IPv4 port', read16(bytes, start + 4), start + 4, start + 6),
    field(`${name}.ipv6address`, 'IPv6 address', formatIpv6(readIpv6(bytes, start + 6)), start + 6, start + 22),
    field(`${name}.ipv6port`, 'IPv6 port', read16(bytes, start + 22), start + 22, start + 24),
    field(`${name}.connectionid.length`, 'Connection ID length', tokenAt - idAt, idAt - 1, idAt),
    ...(tokenAt === idAt
      ? []
      : [field(`${name}.connectionid`, 'Connection ID', bytesInWords(bytes.subarray(idAt, tokenAt)), idAt, tokenAt)]),
    field(`${name}.statelessresettoken`, 'Stateless reset token', bytesInWords(bytes.subarray(tokenAt, end)), tokenAt, end),
  ]
}

function valueFields(bytes: Uint8Array, name: string | undefined, { start, end }: TransportParameterPlace): readonly Field[] {
  if (start === end) return []
  const value = bytesInWords(bytes.subarray(start, end))
  if (name === 'preferred_address') return preferredAddressFields(bytes, start, end)
  if (name !== undefined && OPAQUE.has(name)) return [field(`${PREFIX}.${name}`, name, value, start, end)]
  if (name === undefined || start + varintLengthAt(bytes[start]) !== end)
    return [field(`${PREFIX}.value`, 'Value', value, start, end)]
  const at = new QuicFieldNoter(bytes, start, end)
  at.varint(`${PREFIX}.${name}`, name)
  return at.fields
}

/** Notes the transport parameters that fill the rest of an extension; what cannot be told apart is left unread. */
export function readTransportParameterFields(into: FieldReader): void {
  const { reader, fields } = into
  const { bytes, end } = reader
  try {
    while (reader.at < end) {
      const place = transportParameterAt(bytes, reader.at, end)
      const known = transportParameterName(place.id)
      const title = known ?? OTHERS[place.id]
      const at = new QuicFieldNoter(bytes, place.at, place.start)
      at.varint(`${PREFIX}.type`, 'Type', (id) => title ?? hex(id, 2))
      at.varint(`${PREFIX}.length`, 'Length')
      const inner = [...at.fields, ...valueFields(bytes, known, place)]
      const value = inner.at(-1)
      const said = place.end > place.start && value !== undefined && value.name !== `${PREFIX}.length` ? `: ${value.value}` : ''
      const words = `${title ?? named(hex(place.id, 2), 'unknown')}${known === 'preferred_address' ? '' : said}`
      fields.push(field(PREFIX, 'Parameter', words, place.at, place.end, inner))
      reader.at = place.end
    }
  } catch (error) {
    if (!(error instanceof QuicDecodeError)) throw error
    // The caller shows what was not read.
  }
}
