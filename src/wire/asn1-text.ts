import { Asn1Tag, type DerElement, type DerReader } from './asn1.ts'

/** Least code point that so many bytes are for: a longer form than needed is refused (RFC 3629 section 3). */
const LEAST = [0, 0, 0x80, 0x800, 0x10000]

function utf8Length(first: number): number {
  if (first < 0x80) return 1
  if (first >= 0xc2 && first < 0xe0) return 2
  if (first >= 0xe0 && first < 0xf0) return 3
  return first >= 0xf0 && first < 0xf5 ? 4 : 0
}

/** The code point at `at`, or -1 where there is none. */
function utf8CodePoint(bytes: Uint8Array, at: number, end: number, length: number): number {
  if (length === 0 || at + length > end) return -1
  if (length === 1) return bytes[at]
  let point = bytes[at] & (0x7f >> length)
  for (let i = at + 1; i < at + length; i++) {
    if ((bytes[i] & 0xc0) !== 0x80) return -1
    point = (point << 6) | (bytes[i] & 0x3f)
  }
  const isScalar = point >= LEAST[length] && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff)
  return isScalar ? point : -1
}

function decodeUtf8(reader: DerReader, { contentStart, end }: DerElement): string {
  const { bytes } = reader
  let text = ''
  for (let at = contentStart; at < end;) {
    const length = utf8Length(bytes[at])
    const point = utf8CodePoint(bytes, at, end, length)
    if (point < 0) throw reader.error('invalid', at, 'text that is not UTF-8')
    text += String.fromCodePoint(point)
    at += length
  }
  return text
}

function decodeBmp(reader: DerReader, { contentStart, end }: DerElement): string {
  if ((end - contentStart) % 2 !== 0) throw reader.error('invalid', contentStart, 'a BMPString of an odd number of bytes')
  let text = ''
  for (let at = contentStart; at < end; at += 2) text += String.fromCharCode((reader.bytes[at] << 8) | reader.bytes[at + 1])
  return text
}

/** Text of one byte a character; `most` is the highest that is allowed. */
export function decodeAsciiText(reader: DerReader, { contentStart, end }: DerElement, most = 0x7f): string {
  let text = ''
  for (let at = contentStart; at < end; at++) {
    if (reader.bytes[at] > most) throw reader.error('invalid', at, 'a character that this type of text does not have')
    text += String.fromCharCode(reader.bytes[at])
  }
  return text
}

/**
 * The text of a DirectoryString or an IA5String (RFC 5280 section 4.1.2.4).
 * @returns undefined for a value of another type
 */
export function decodeText(reader: DerReader, element: DerElement): string | undefined {
  switch (element.tag) {
    case Asn1Tag.UTF8_STRING:
      return decodeUtf8(reader, element)
    // Deviates from X.680 clause 41.4: a PrintableString may hold all of ASCII here, as certificates with '*' or '@' in theirs are about.
    case Asn1Tag.PRINTABLE_STRING:
    case Asn1Tag.IA5_STRING:
      return decodeAsciiText(reader, element)
    case Asn1Tag.TELETEX_STRING:
      return decodeAsciiText(reader, element, 0xff)
    case Asn1Tag.BMP_STRING:
      return decodeBmp(reader, element)
    default:
      return undefined
  }
}

/** UTF-8 of a text. A lone surrogate becomes U+FFFD. */
export function utf8Bytes(text: string): Uint8Array {
  const bytes: number[] = []
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    const point = code >= 0xd800 && code <= 0xdfff ? 0xfffd : code
    if (point < 0x80) bytes.push(point)
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), 0x80 | (point & 0x3f))
    else if (point < 0x10000) bytes.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f))
    else bytes.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 0x3f), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f))
  }
  return Uint8Array.from(bytes)
}
