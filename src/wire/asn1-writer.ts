import { Asn1Tag, contextTag } from './asn1.ts'
import { utf8Bytes } from './asn1-text.ts'
import { timeDigits } from './asn1-time.ts'

// Writes DER (X.690 clause 10) from the inside out: each function gives a whole value, with tag and length.

/** A value of any tag, of the content pieces one behind the other. */
export function der(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const piece of content) length += piece.length
  const lengthOctets = length < 0x80 ? 0 : length < 0x100 ? 1 : length < 0x10000 ? 2 : length < 0x1000000 ? 3 : 4
  const bytes = new Uint8Array(2 + lengthOctets + length)
  bytes[0] = tag
  bytes[1] = lengthOctets === 0 ? length : 0x80 | lengthOctets
  for (let i = 0; i < lengthOctets; i++) bytes[2 + i] = length >>> (8 * (lengthOctets - 1 - i))
  let at = 2 + lengthOctets
  for (const piece of content) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

export function derSequence(...values: readonly Uint8Array[]): Uint8Array {
  return der(Asn1Tag.SEQUENCE, ...values)
}

/** A value under an explicit tag `[number]`. */
export function derExplicit(number: number, value: Uint8Array): Uint8Array {
  return der(contextTag(number, 'constructed'), value)
}

export function derBoolean(value: boolean): Uint8Array {
  return der(Asn1Tag.BOOLEAN, Uint8Array.of(value ? 0xff : 0))
}

/** An integer that is not negative. */
export function derInteger(value: bigint): Uint8Array {
  const digits = value.toString(16)
  const even = digits.length % 2 === 0 ? digits : `0${digits}`
  const whole = even[0] >= '8' ? `00${even}` : even
  const bytes = new Uint8Array(whole.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(whole.slice(2 * i, 2 * i + 2), 16)
  return der(Asn1Tag.INTEGER, bytes)
}

/** An object identifier in dotted form. */
export function derObjectIdentifier(dotted: string): Uint8Array {
  const [root, second, ...rest] = dotted.split('.').map(Number)
  const bytes: number[] = []
  for (const part of [root * 40 + second, ...rest]) {
    const septets = [part % 128]
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128)) septets.unshift(0x80 | (left % 128))
    bytes.push(...septets)
  }
  return der(Asn1Tag.OBJECT_IDENTIFIER, Uint8Array.from(bytes))
}

export function derNull(): Uint8Array {
  return der(Asn1Tag.NULL)
}

export function derOctetString(bytes: Uint8Array): Uint8Array {
  return der(Asn1Tag.OCTET_STRING, bytes)
}

/** A bit string of whole bytes. */
export function derBitString(bytes: Uint8Array): Uint8Array {
  return der(Asn1Tag.BIT_STRING, Uint8Array.of(0), bytes)
}

/** A list of named bits, of which `bits[0]` is the first: zeros at the end are left out (X.690 clause 11.2.2). */
export function derNamedBits(bits: readonly boolean[]): Uint8Array {
  const length = bits.lastIndexOf(true) + 1
  const bytes = new Uint8Array(1 + Math.ceil(length / 8))
  bytes[0] = (8 - (length % 8)) % 8
  for (let i = 0; i < length; i++) if (bits[i]) bytes[1 + (i >> 3)] |= 0x80 >> (i & 7)
  return der(Asn1Tag.BIT_STRING, bytes)
}

export function derUtf8String(text: string): Uint8Array {
  return der(Asn1Tag.UTF8_STRING, utf8Bytes(text))
}

/** A text of ASCII, as PrintableString or under another tag. */
export function derAscii(text: string, tag: number = Asn1Tag.PRINTABLE_STRING): Uint8Array {
  return der(tag, utf8Bytes(text))
}

/** A time in seconds since 1970. */
export function derTime(time: number): Uint8Array {
  const { tag, text } = timeDigits(time)
  return derAscii(text, tag)
}
