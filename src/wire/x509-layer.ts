import { Asn1Tag, contextTag, DerReader, type DerElement } from './asn1.ts'
import { decodeText } from './asn1-text.ts'
import { readTime, timeText } from './asn1-time.ts'
import { formatIpv4, formatIpv6, readIpv6 } from './address.ts'
import { field, named } from './describe.ts'
import { DecodeError } from './errors.ts'
import type { Field } from './field.ts'
import { read32 } from './integer.ts'
import { ExtensionIdentifier, KEY_USAGES, KeyPurpose } from './x509-extension.ts'
import { attributeType, nameText, readName } from './x509-name.ts'

/** Names of object identifiers for people. */
const IDENTIFIERS: Readonly<Record<string, string>> = {
  '1.2.840.10045.2.1': 'id-ecPublicKey',
  '1.2.840.10045.3.1.7': 'secp256r1',
  '1.3.132.0.34': 'secp384r1',
  '1.2.840.10045.4.3.2': 'ecdsa-with-SHA256',
  '1.2.840.10045.4.3.3': 'ecdsa-with-SHA384',
  '1.2.840.113549.1.1.1': 'rsaEncryption',
  '1.2.840.113549.1.1.5': 'sha1WithRSAEncryption',
  '1.2.840.113549.1.1.10': 'id-RSASSA-PSS',
  '1.2.840.113549.1.1.11': 'sha256WithRSAEncryption',
  '1.2.840.113549.1.1.12': 'sha384WithRSAEncryption',
  '1.2.840.113549.1.1.13': 'sha512WithRSAEncryption',
  '1.3.101.112': 'id-Ed25519',
  [ExtensionIdentifier.SUBJECT_KEY_IDENTIFIER]: 'Subject key identifier',
  [ExtensionIdentifier.KEY_USAGE]: 'Key usage',
  [ExtensionIdentifier.SUBJECT_ALT_NAME]: 'Subject alternative name',
  [ExtensionIdentifier.BASIC_CONSTRAINTS]: 'Basic constraints',
  [ExtensionIdentifier.NAME_CONSTRAINTS]: 'Name constraints',
  [ExtensionIdentifier.AUTHORITY_KEY_IDENTIFIER]: 'Authority key identifier',
  [ExtensionIdentifier.EXTENDED_KEY_USAGE]: 'Extended key usage',
  [KeyPurpose.ANY]: 'any purpose',
  [KeyPurpose.SERVER_AUTH]: 'TLS server',
  [KeyPurpose.CLIENT_AUTH]: 'TLS client',
}

/** Bytes that a value shows at most, in hexadecimal. */
const BYTES_SHOWN = 32

function hexBytes(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let i = start; i < Math.min(end, start + BYTES_SHOWN); i++) text += bytes[i].toString(16).padStart(2, '0')
  return end - start > BYTES_SHOWN ? `${text}… (${String(end - start)} bytes)` : text
}

function identifierText(identifier: string): string {
  return named(identifier, IDENTIFIERS[identifier])
}

/** A field over a whole value, tag and length included. */
function whole(
  name: string,
  label: string,
  value: string | number | boolean,
  at: DerElement,
  fields: readonly Field[] = [],
): Field {
  return field(name, label, value, at.start, at.end, fields)
}

/** A field over the content of a value, from its byte `from` on: what Wireshark marks. */
function leaf(name: string, label: string, value: string | number, { start, contentStart, end }: DerElement, from = 0): Field {
  const first = contentStart + from
  return field(name, label, value, first < end ? first : start, end)
}

/** Reads the next value twice: as an element, and by what its content is. */
function both<T>(reader: DerReader, read: (reader: DerReader) => T): { readonly at: DerElement; readonly value: T } {
  const { offset } = reader
  const at = reader.next()
  return { at, value: read(new DerReader(reader.bytes, offset, at.end)) }
}

function algorithmField(reader: DerReader, name: string, label: string): Field {
  const at = reader.next(Asn1Tag.SEQUENCE)
  const inside = reader.inside(at)
  const { at: idAt, value } = both(inside, (id) => id.objectIdentifier())
  const fields = [leaf('x509af.algorithm.id', 'Algorithm', identifierText(value), idAt)]
  if (inside.sees(Asn1Tag.OBJECT_IDENTIFIER)) {
    const curve = both(inside, (id) => id.objectIdentifier())
    fields.push(leaf('pkcs1.namedCurve', 'Curve', identifierText(curve.value), curve.at))
  } else if (!inside.isAtEnd) {
    const parameters = inside.next()
    const text = parameters.tag === Asn1Tag.NULL ? 'none' : `${String(parameters.end - parameters.start)} bytes`
    fields.push(whole('x509af.parameters', 'Parameters', text, parameters))
  }
  return whole(name, label, identifierText(value), at, fields)
}

/** Types of text, by their tags. */
const TEXTS: Readonly<Record<number, readonly [name: string, label: string]>> = {
  [Asn1Tag.UTF8_STRING]: ['x509sat.uTF8String', 'UTF8String'],
  [Asn1Tag.PRINTABLE_STRING]: ['x509sat.printableString', 'PrintableString'],
  [Asn1Tag.TELETEX_STRING]: ['x509sat.teletexString', 'TeletexString'],
  [Asn1Tag.BMP_STRING]: ['x509sat.bmpString', 'BMPString'],
  [Asn1Tag.IA5_STRING]: ['x509sat.ia5String', 'IA5String'],
}

/** `'CN'`; undefined for types without a short name. */
function shortType(identifier: string): string | undefined {
  const type = attributeType(identifier)
  return type === identifier ? undefined : type
}

function nameField(reader: DerReader, name: string, label: string): Field {
  const { at, value } = both(reader, readName)
  const sets = reader.inside(at)
  const fields: Field[] = []
  while (!sets.isAtEnd) {
    const set = sets.enter(Asn1Tag.SET)
    while (!set.isAtEnd) {
      const attributeAt = set.next(Asn1Tag.SEQUENCE)
      const attribute = set.inside(attributeAt)
      const identifier = both(attribute, (id) => id.objectIdentifier())
      const element = attribute.next()
      const text = decodeText(attribute, element) ?? hexBytes(reader.bytes, element.contentStart, element.end)
      const [textName, textLabel] = TEXTS[element.tag] ?? ['x509sat.DirectoryString', 'Value']
      fields.push(
        whole('x509if.RelativeDistinguishedName_item_element', attributeType(identifier.value), text, attributeAt, [
          leaf('x509if.oid', 'Type', named(identifier.value, shortType(identifier.value)), identifier.at),
          leaf(textName, textLabel, text, element),
        ]),
      )
    }
  }
  return whole(name, label, nameText(value), at, fields)
}

function timeName({ tag }: DerElement): string {
  return tag === Asn1Tag.UTC_TIME ? 'x509af.utcTime' : 'x509af.generalizedTime'
}

function validityField(reader: DerReader): Field {
  const at = reader.next(Asn1Tag.SEQUENCE)
  const inside = reader.inside(at)
  const before = both(inside, readTime)
  const after = both(inside, readTime)
  return whole('x509af.validity_element', 'Validity', `${timeText(before.value)} to ${timeText(after.value)}`, at, [
    leaf(timeName(before.at), 'Not before', timeText(before.value), before.at),
    leaf(timeName(after.at), 'Not after', timeText(after.value), after.at),
  ])
}

function publicKeyField(reader: DerReader): Field {
  const at = reader.next(Asn1Tag.SEQUENCE)
  const inside = reader.inside(at)
  const algorithm = algorithmField(inside, 'x509af.algorithm_element', 'Algorithm')
  const key = inside.next(Asn1Tag.BIT_STRING)
  const bits = leaf('x509af.subjectPublicKey', 'Key', hexBytes(reader.bytes, key.contentStart + 1, key.end), key, 1)
  return whole('x509af.subjectPublicKeyInfo_element', 'Public key', algorithm.value, at, [algorithm, bits])
}

const GENERAL_NAMES: Readonly<Record<number, readonly [name: string, label: string]>> = {
  [contextTag(1, 'primitive')]: ['x509ce.rfc822Name', 'Mail address'],
  [contextTag(2, 'primitive')]: ['x509ce.dNSName', 'DNS name'],
  [contextTag(6, 'primitive')]: ['x509ce.uniformResourceIdentifier', 'URI'],
}

function generalNameField(reader: DerReader): Field {
  const at = reader.next()
  const { bytes } = reader
  const length = at.end - at.contentStart
  if (at.tag === contextTag(7, 'primitive') && (length === 4 || length === 16)) {
    const address = length === 4 ? formatIpv4(read32(bytes, at.contentStart)) : formatIpv6(readIpv6(bytes, at.contentStart))
    return leaf(`x509ce.IPAddress.${length === 4 ? 'ipv4' : 'ipv6'}`, 'IP address', address, at)
  }
  const known = GENERAL_NAMES[at.tag]
  if (known === undefined) return leaf('x509ce.GeneralName', 'Other name', hexBytes(bytes, at.contentStart, at.end), at)
  let text = ''
  for (let i = at.contentStart; i < at.end; i++) text += String.fromCharCode(bytes[i])
  return leaf(known[0], known[1], text, at)
}

/** Fields of an extension's value, by its object identifier; none for those that are not known. */
function extensionFields(identifier: string, reader: DerReader): Field[] {
  const fields: Field[] = []
  switch (identifier) {
    case ExtensionIdentifier.BASIC_CONSTRAINTS: {
      const at = reader.next(Asn1Tag.SEQUENCE)
      const inside = reader.inside(at)
      // What is not said is the default.
      if (!inside.sees(Asn1Tag.BOOLEAN)) fields.push(whole('x509ce.cA', 'Is an authority', 'no', at))
      else {
        const { at: flagAt, value } = both(inside, (content) => content.boolean())
        fields.push(leaf('x509ce.cA', 'Is an authority', value ? 'yes' : 'no', flagAt))
      }
      if (inside.sees(Asn1Tag.INTEGER)) {
        const { at: lengthAt, value } = both(inside, (content) => content.integer())
        fields.push(leaf('x509ce.pathLenConstraint', 'Authorities below it, at most', String(value), lengthAt))
      }
      return fields
    }
    case ExtensionIdentifier.KEY_USAGE: {
      const { at, value } = both(reader, (content) => content.bitString())
      const usages = KEY_USAGES.filter((_, bit) => ((value.bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0)
      return [leaf('x509ce.KeyUsage', 'For', usages.join(', '), at)]
    }
    case ExtensionIdentifier.EXTENDED_KEY_USAGE: {
      const inside = reader.enter(Asn1Tag.SEQUENCE)
      while (!inside.isAtEnd) {
        const { at, value } = both(inside, (content) => content.objectIdentifier())
        fields.push(leaf('x509ce.KeyPurposeId', 'For', identifierText(value), at))
      }
      return fields
    }
    case ExtensionIdentifier.SUBJECT_ALT_NAME: {
      const inside = reader.enter(Asn1Tag.SEQUENCE)
      while (!inside.isAtEnd) fields.push(generalNameField(inside))
      return fields
    }
    case ExtensionIdentifier.SUBJECT_KEY_IDENTIFIER: {
      const at = reader.next(Asn1Tag.OCTET_STRING)
      return [leaf('x509ce.SubjectKeyIdentifier', 'Key identifier', hexBytes(reader.bytes, at.contentStart, at.end), at)]
    }
    case ExtensionIdentifier.AUTHORITY_KEY_IDENTIFIER: {
      const inside = reader.enter(Asn1Tag.SEQUENCE)
      if (!inside.sees(contextTag(0, 'primitive'))) return fields
      const at = inside.next()
      return [leaf('x509ce.keyIdentifier', 'Key identifier', hexBytes(reader.bytes, at.contentStart, at.end), at)]
    }
    default:
      return fields
  }
}

function extensionField(list: DerReader): Field {
  const at = list.next(Asn1Tag.SEQUENCE)
  const inside = list.inside(at)
  const identifier = both(inside, (id) => id.objectIdentifier())
  const fields = [leaf('x509af.extension.id', 'Identifier', identifierText(identifier.value), identifier.at)]
  if (inside.sees(Asn1Tag.BOOLEAN)) {
    const critical = both(inside, (content) => content.boolean())
    fields.push(leaf('x509af.critical', 'Critical', critical.value ? 'yes' : 'no', critical.at))
  }
  const { offset } = inside
  const content = inside.enterString(Asn1Tag.OCTET_STRING)
  const values = extensionFields(identifier.value, content)
  if (values.length > 0) fields.push(...values)
  else fields.push(field('x509af.extnValue', 'Value', hexBytes(list.bytes, content.offset, content.end), offset, content.end))
  const summary = values.map(({ value }) => value).join(', ')
  return whole('x509af.Extension_element', IDENTIFIERS[identifier.value] ?? identifier.value, summary, at, fields)
}

function addSignedFields(tbs: DerReader, fields: Field[]): void {
  if (tbs.sees(contextTag(0, 'constructed'))) {
    const { at, value } = both(tbs.enter(contextTag(0, 'constructed')), (inside) => inside.smallInteger(255))
    fields.push(leaf('x509af.version', 'Version', named(value, `X.509 version ${String(value + 1)}`), at))
  }
  const serial = tbs.next(Asn1Tag.INTEGER)
  fields.push(leaf('x509af.serialNumber', 'Serial number', hexBytes(tbs.bytes, serial.contentStart, serial.end), serial))
  fields.push(algorithmField(tbs, 'x509af.signature_element', 'Signed by'))
  fields.push(nameField(tbs, 'x509af.issuer', 'Issuer'))
  fields.push(validityField(tbs))
  fields.push(nameField(tbs, 'x509af.subject', 'Subject'))
  fields.push(publicKeyField(tbs))
  while (!tbs.isAtEnd) {
    const at = tbs.next()
    if (at.tag !== contextTag(3, 'constructed')) continue
    const list = tbs.inside(at).enter(Asn1Tag.SEQUENCE)
    const extensions: Field[] = []
    while (!list.isAtEnd) extensions.push(extensionField(list))
    fields.push(whole('x509af.extensions', 'Extensions', extensions.length, at, extensions))
  }
}

/** `fill` adds fields as far as the bytes are good; then comes one that says what is wrong with the rest, if anything is. */
function asFarAsGood(start: number, end: number, fill: (fields: Field[]) => void): Field[] {
  const fields: Field[] = []
  try {
    fill(fields)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    const from = Math.max(start, Math.min(fields.at(-1)?.end ?? start, end - 1))
    fields.push(field('x509af.malformed', 'Malformed', error.message, from, end))
  }
  return fields
}

/**
 * The fields of a certificate in DER (RFC 5280 section 4.1) in [start, end), by Wireshark's names. Never throws: fields end where the
 * bytes are no certificate any more, with one that says so.
 * @returns at least one field when there are any bytes
 */
export function certificateFields(bytes: Uint8Array, start: number, end: number): Field[] {
  if (start === end) return []
  return asFarAsGood(start, end, (fields) => {
    const outer = new DerReader(bytes, start, end)
    const certificate = outer.enter(Asn1Tag.SEQUENCE)
    const tbsAt = certificate.next(Asn1Tag.SEQUENCE)
    const signed = asFarAsGood(Math.min(tbsAt.contentStart, tbsAt.end - 1), tbsAt.end, (inside) => {
      addSignedFields(certificate.inside(tbsAt), inside)
    })
    fields.push(
      whole('x509af.signedCertificate_element', 'What is signed', `${String(tbsAt.end - tbsAt.start)} bytes`, tbsAt, signed),
    )
    fields.push(algorithmField(certificate, 'x509af.algorithmIdentifier_element', 'Signature algorithm'))
    const signature = certificate.next(Asn1Tag.BIT_STRING)
    fields.push(leaf('x509af.encrypted', 'Signature', hexBytes(bytes, signature.contentStart + 1, signature.end), signature, 1))
    outer.finish()
  })
}
