import { DecodeError, type DecodeProblem } from './errors.ts'

/**
 * The distinguished encoding rules of ASN.1 (X.690 clause 10), as X.509 uses them: each value is a tag, a length, and that many bytes.
 * There is one way only to write a value, and this reader takes no other: definite and shortest lengths, shortest integers, booleans of
 * all ones. Tags above 30 do not occur in certificates, and are refused.
 */

/** Identifier octets of the universal types, constructed ones with bit 6 set. */
export const Asn1Tag = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OBJECT_IDENTIFIER: 0x06,
  UTF8_STRING: 0x0c,
  PRINTABLE_STRING: 0x13,
  TELETEX_STRING: 0x14,
  IA5_STRING: 0x16,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  BMP_STRING: 0x1e,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const

/** The identifier octet of a context-specific tag: `[number]` in a module, 0 to 30. */
export function contextTag(number: number, form: 'primitive' | 'constructed'): number {
  return (form === 'primitive' ? 0x80 : 0xa0) | number
}

/** Where one value lies. Offsets are in the array that the reader reads. */
export interface DerElement {
  /** The identifier octet. */
  readonly tag: number
  /** Of the identifier octet. */
  readonly start: number
  /** Of the first byte behind the length. */
  readonly contentStart: number
  readonly end: number
}

/** A string of bits; in the last byte, `unusedBits` of the lowest do not count and are 0. */
export interface BitString {
  readonly bytes: Uint8Array
  readonly unusedBits: number
}

/** Certificates are nested about ten deep. */
const DEPTH_LIMIT = 32
/** Of an integer, in bytes: an RSA modulus of 16,384 bits fits. */
const INTEGER_LIMIT = 2049
/** Of an object identifier, in bytes. */
const IDENTIFIER_LIMIT = 128

/** One number of an object identifier, seven bits a byte in [start, end): as a bigint only when it takes more than six bytes. */
function identifierPart(bytes: Uint8Array, start: number, end: number): number | bigint {
  if (end - start > 6) {
    let large = 0n
    for (let i = start; i < end; i++) large = (large << 7n) | BigInt(bytes[i] & 0x7f)
    return large
  }
  let value = 0
  for (let i = start; i < end; i++) value = value * 128 + (bytes[i] & 0x7f)
  return value
}

/** Reads values one behind the other. Throws DecodeError for what is not DER, and nothing else. */
export class DerReader {
  /** Of the next value. */
  private at: number

  /** Reads `bytes` in [start, end). */
  constructor(
    readonly bytes: Uint8Array,
    start = 0,
    readonly end = bytes.length,
    private readonly depth = 0,
  ) {
    this.at = start
  }

  get isAtEnd(): boolean {
    return this.at === this.end
  }

  /** The offset of the next value, or `end`. */
  get offset(): number {
    return this.at
  }

  /** An error for the value at an offset, to be thrown. */
  error(problem: DecodeProblem, offset: number, detail: string): DecodeError {
    return new DecodeError('asn1', problem, offset, detail)
  }

  /** Whether there is another value, and it has this tag. */
  sees(tag: number): boolean {
    return this.at < this.end && this.bytes[this.at] === tag
  }

  /** The next value, of any tag or of this one. */
  next(tag?: number): DerElement {
    const { bytes, at: start, end } = this
    if (start >= end) throw this.error('truncated', start, 'a value is missing')
    const found = bytes[start]
    if (tag !== undefined && found !== tag) {
      throw this.error('invalid', start, `the tag is 0x${found.toString(16)} where 0x${tag.toString(16)} belongs`)
    }
    if ((found & 0x1f) === 0x1f) throw this.error('unsupported', start, 'a tag above 30')
    const contentStart = start + this.headerLength(start)
    const length = this.contentLength(start, contentStart)
    if (length > end - contentStart)
      throw this.error('truncated', start, `the value takes ${String(length)} bytes, more than there are`)
    this.at = contentStart + length
    return { tag: found, start, contentStart, end: this.at }
  }

  private headerLength(start: number): number {
    if (start + 1 >= this.end) throw this.error('truncated', start, 'the length is missing')
    const first = this.bytes[start + 1]
    if (first === 0x80) throw this.error('invalid', start + 1, 'an indefinite length')
    const octets = first < 0x80 ? 0 : first & 0x7f
    if (octets > 4) throw this.error('oversized', start + 1, 'a length of more than four bytes')
    if (start + 2 + octets > this.end) throw this.error('truncated', start + 1, 'the length is cut off')
    return 2 + octets
  }

  private contentLength(start: number, contentStart: number): number {
    const first = this.bytes[start + 1]
    if (first < 0x80) return first
    let length = 0
    for (let i = start + 2; i < contentStart; i++) length = length * 256 + this.bytes[i]
    const isShortest = this.bytes[start + 2] !== 0 && length >= 0x80
    if (!isShortest) throw this.error('invalid', start + 1, 'the length could be written shorter')
    return length
  }

  /** A reader of what is inside the next value. */
  enter(tag: number): DerReader {
    return this.inside(this.next(tag))
  }

  /** A reader of what is inside a value of this reader. */
  inside({ start, contentStart, end }: DerElement): DerReader {
    if (this.depth === DEPTH_LIMIT) throw this.error('oversized', start, `nested deeper than ${String(DEPTH_LIMIT)} values`)
    return new DerReader(this.bytes, contentStart, end, this.depth + 1)
  }

  /** A reader of the values that the next octet string, or bit string of whole bytes, is made of. */
  enterString(tag: typeof Asn1Tag.BIT_STRING | typeof Asn1Tag.OCTET_STRING): DerReader {
    const element = this.next(tag)
    const inside = this.inside(element)
    if (tag === Asn1Tag.BIT_STRING) {
      if (inside.isAtEnd || this.bytes[inside.at] !== 0)
        throw this.error('invalid', element.start, 'not a bit string of whole bytes')
      inside.at++
    }
    return inside
  }

  /** Throws unless everything was read. */
  finish(): void {
    if (this.at !== this.end) throw this.error('invalid', this.at, `${String(this.end - this.at)} bytes too many`)
  }

  /** A view of a value with its tag and length. */
  whole({ start, end }: DerElement): Uint8Array {
    return this.bytes.subarray(start, end)
  }

  /** A view of the content of the next value. */
  content(tag: number): Uint8Array {
    const { contentStart, end } = this.next(tag)
    return this.bytes.subarray(contentStart, end)
  }

  boolean(tag: number = Asn1Tag.BOOLEAN): boolean {
    const { contentStart, end } = this.next(tag)
    const value = this.bytes[contentStart]
    if (end - contentStart !== 1 || (value !== 0 && value !== 0xff)) {
      throw this.error('invalid', contentStart, 'a boolean is one byte of 00 or ff')
    }
    return value !== 0
  }

  integer(tag: number = Asn1Tag.INTEGER): bigint {
    const { contentStart, end } = this.next(tag)
    const { bytes } = this
    if (contentStart === end) throw this.error('invalid', contentStart, 'an integer without bytes')
    if (end - contentStart > INTEGER_LIMIT) {
      throw this.error('oversized', contentStart, `an integer of more than ${String(INTEGER_LIMIT)} bytes`)
    }
    const first = bytes[contentStart]
    const isPadded = end - contentStart > 1 && (first === 0 || first === 0xff) && first >> 7 === bytes[contentStart + 1] >> 7
    if (isPadded) throw this.error('invalid', contentStart, 'the integer could be written shorter')
    let digits = '0x'
    for (let i = contentStart; i < end; i++) digits += bytes[i].toString(16).padStart(2, '0')
    const value = BigInt(digits)
    return first < 0x80 ? value : value - (1n << BigInt(8 * (end - contentStart)))
  }

  /** An integer in [0, most]. */
  smallInteger(most: number, tag: number = Asn1Tag.INTEGER): number {
    const start = this.at
    const value = this.integer(tag)
    if (value < 0n || value > BigInt(most)) throw this.error('invalid', start, `the integer is not in [0, ${String(most)}]`)
    return Number(value)
  }

  /** In dotted form: `'1.2.840.10045.2.1'`. */
  objectIdentifier(tag: number = Asn1Tag.OBJECT_IDENTIFIER): string {
    const { contentStart, end } = this.next(tag)
    const { bytes } = this
    if (contentStart === end || bytes[end - 1] >= 0x80)
      throw this.error('truncated', contentStart, 'an object identifier is cut off')
    if (end - contentStart > IDENTIFIER_LIMIT) throw this.error('oversized', contentStart, 'a very long object identifier')
    const parts: string[] = []
    for (let start = contentStart; start < end;) {
      if (bytes[start] === 0x80) throw this.error('invalid', start, 'a part of an object identifier begins with 0x80')
      let last = start
      while (bytes[last] >= 0x80) last++
      const part = identifierPart(bytes, start, last + 1)
      if (parts.length > 0) parts.push(String(part))
      else {
        // The first two numbers share a part: 40 times the one, which is 0 to 2, plus the other.
        const root = part < 80 ? Math.floor(Number(part) / 40) : 2
        parts.push(String(root), String(typeof part === 'bigint' ? part - BigInt(40 * root) : part - 40 * root))
      }
      start = last + 1
    }
    return parts.join('.')
  }

  bitString(tag: number = Asn1Tag.BIT_STRING): BitString {
    const { contentStart, end } = this.next(tag)
    const { bytes } = this
    const unusedBits = bytes[contentStart]
    if (contentStart === end || unusedBits > 7 || (unusedBits > 0 && end - contentStart === 1)) {
      throw this.error('invalid', contentStart, 'a bit string that does not say how many of its bits count')
    }
    if ((bytes[end - 1] & ((1 << unusedBits) - 1)) !== 0 && end - contentStart > 1) {
      throw this.error('invalid', end - 1, 'bits of a bit string that do not count are set')
    }
    return { bytes: bytes.subarray(contentStart + 1, end), unusedBits }
  }

  /** A bit string of whole bytes. */
  bytesOfBitString(tag: number = Asn1Tag.BIT_STRING): Uint8Array {
    const start = this.at
    const { bytes, unusedBits } = this.bitString(tag)
    if (unusedBits !== 0) throw this.error('invalid', start, 'a bit string that does not end with a whole byte')
    return bytes
  }

  /** Reads NULL. */
  null(): void {
    const { contentStart, end } = this.next(Asn1Tag.NULL)
    if (contentStart !== end) throw this.error('invalid', contentStart, 'NULL has content')
  }
}
