import { field, named } from '../describe.ts'
import type { Field } from '../field.ts'
import { bytesInWords } from '../tls/field-reader.ts'
import { QuicDecodeError } from './decode-error.ts'
import { readVarint, varintLengthAt } from './varint.ts'

/** Reads bytes of QUIC from [at, end) one thing after the other, and notes each as a field. What was noted before a complaint stays. */
export class QuicFieldNoter {
  readonly fields: Field[] = []

  constructor(
    readonly bytes: Uint8Array,
    public at: number,
    readonly end: number,
  ) {}

  /** An integer of variable length; rounded above 2^53. */
  varint(name: string, label: string, inWords?: (value: number) => string | undefined): number {
    const { at, bytes } = this
    if (at >= this.end) this.truncated()
    const next = at + varintLengthAt(bytes[at])
    if (next > this.end) this.truncated()
    const value = readVarint(bytes, at)
    this.at = next
    this.fields.push(field(name, label, named(exact(bytes, at, value), inWords?.(value)), at, next))
    return value
  }

  uint8(name: string, label: string): number {
    const start = this.skip(1)
    const value = this.bytes[start]
    this.fields.push(field(name, label, value, start, start + 1))
    return value
  }

  /** `length` bytes, as they are; nothing is noted where there are none. @returns where they begin */
  opaque(name: string, label: string, length: number): number {
    const start = this.skip(length)
    if (length > 0) this.fields.push(field(name, label, bytesInWords(this.bytes.subarray(start, this.at)), start, this.at))
    return start
  }

  /** Bytes of which the number alone is told. @returns where they begin */
  data(name: string, label: string, length: number): number {
    const start = this.skip(length)
    if (length > 0) this.fields.push(field(name, label, length === 1 ? '1 byte' : `${String(length)} bytes`, start, this.at))
    return start
  }

  /** Bits of a byte that was read already. */
  bits(name: string, label: string, value: string | number | boolean, at: number): void {
    this.fields.push(field(name, label, value, at, at + 1))
  }

  /** Steps over `length` bytes. @returns where they begin */
  skip(length: number): number {
    const start = this.at
    if (length > this.end - start) this.truncated()
    this.at = start + length
    return start
  }

  private truncated(): never {
    throw new QuicDecodeError('truncated', this.end, 'the bytes end too early', 'FRAME_ENCODING_ERROR', 'RFC 9000 section 19')
  }
}

/** All digits of an integer, where a `number` does not have them. */
function exact(bytes: Uint8Array, at: number, value: number): string {
  if (Number.isSafeInteger(value)) return String(value)
  let exactly = BigInt(bytes[at] & 0x3f)
  for (let i = 1; i < 8; i++) exactly = (exactly << 8n) | BigInt(bytes[at + i])
  return String(exactly)
}
