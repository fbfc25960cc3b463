import { Asn1Tag, type DerReader } from './asn1.ts'
import { decodeText } from './asn1-text.ts'
import { der, derAscii, derObjectIdentifier, derSequence, derUtf8String } from './asn1-writer.ts'

/** One part of a distinguished name. */
export interface NameAttribute {
  /** `'CN'`, `'O'`, `'OU'`, `'C'`, `'L'`, `'ST'`, or an object identifier in dotted form. */
  readonly type: string
  readonly value: string
}

/** A name in the directory that X.500 once was to become. */
export interface DistinguishedName {
  /** In the order of the certificate, the country first as a rule. */
  readonly attributes: readonly NameAttribute[]
  /**
   * As it stands in the certificate. Names are the same when these bytes are: RFC 5280 section 7.1 would have case and spaces ignored, but
   * asks authorities to write issuer and subject alike, and Chromium's verifier and others live by that.
   */
  readonly der: Uint8Array
}

const TYPES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
}

/** `'CN'` for `'2.5.4.3'`; the object identifier itself when it has no short name. */
export function attributeType(objectIdentifier: string): string {
  return TYPES[objectIdentifier] ?? objectIdentifier
}

/** Reads a Name (RFC 5280 section 4.1.2.4). Values of types that are no text stand as their bytes in hexadecimal, after `#`. */
export function readName(reader: DerReader): DistinguishedName {
  const element = reader.next(Asn1Tag.SEQUENCE)
  const names = reader.inside(element)
  const attributes: NameAttribute[] = []
  while (!names.isAtEnd) {
    const set = names.enter(Asn1Tag.SET)
    if (set.isAtEnd) throw reader.error('invalid', set.offset, 'a relative distinguished name without attributes')
    while (!set.isAtEnd) {
      const attribute = set.enter(Asn1Tag.SEQUENCE)
      const type = attributeType(attribute.objectIdentifier())
      const value = attribute.next()
      attributes.push({ type, value: decodeText(attribute, value) ?? hexText(attribute.whole(value)) })
      attribute.finish()
    }
  }
  return { attributes, der: reader.whole(element) }
}

function hexText(bytes: Uint8Array): string {
  let text = '#'
  for (let i = 0; i < bytes.length; i++) text += bytes[i].toString(16).padStart(2, '0')
  return text
}

/** Writes a Name: countries as PrintableString, all else as UTF-8 (RFC 5280 section 4.1.2.4). */
export function encodeName(attributes: readonly NameAttribute[]): Uint8Array {
  return derSequence(
    ...attributes.map(({ type, value }) => {
      const identifier = Object.keys(TYPES).find((key) => TYPES[key] === type) ?? type
      const text = type === 'C' ? derAscii(value) : derUtf8String(value)
      return der(Asn1Tag.SET, derSequence(derObjectIdentifier(identifier), text))
    }),
  )
}

/** For people, the most particular part first: `'CN=shop.example, O=Shop, C=AT'`. */
export function nameText({ attributes }: Pick<DistinguishedName, 'attributes'>): string {
  return attributes
    .map(({ type, value }) => `${type}=${value}`)
    .reverse()
    .join(', ')
}
