import { field, hex, named } from '../describe.ts'
import type { Field } from '../field.ts'
import { TlsReader } from './reader.ts'

/** Byte strings longer than this are cut short in words; the range tells where they are. */
const SHOWN_BYTES = 32

/** `'0a1b2c'`; cut short with its length behind it: `'0a1b… (439 bytes)'`. */
export function bytesInWords(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length && i < SHOWN_BYTES; i++) text += bytes[i].toString(16).padStart(2, '0')
  return bytes.length <= SHOWN_BYTES ? text : `${text}… (${String(bytes.length)} bytes)`
}

/** Reads as `TlsReader` does, and notes each thing that it reads as a field. What was noted before a complaint stays. */
export class FieldReader {
  readonly fields: Field[]

  constructor(
    readonly reader: TlsReader,
    fields: Field[] = [],
  ) {
    this.fields = fields
  }

  get isEmpty(): boolean {
    return this.reader.isEmpty
  }

  get at(): number {
    return this.reader.at
  }

  /** A number of `size` bytes, in decimal. @param nameOf says what a value means */
  number(name: string, label: string, size: 1 | 2 | 3 | 4, nameOf?: (value: number) => string | undefined): number {
    const value = this.read(size)
    this.note(name, label, named(value, nameOf?.(value)), this.at - size)
    return value
  }

  /** A number of `size` bytes, in hexadecimal. */
  code(name: string, label: string, size: 1 | 2, nameOf: (value: number) => string | undefined): number {
    const value = this.read(size)
    this.note(name, label, named(hex(value, size * 2), nameOf(value)), this.at - size)
    return value
  }

  /** `length` bytes; nothing is noted where there are none. */
  bytes(name: string, label: string, length: number): Uint8Array {
    const value = this.reader.fixed(length)
    if (length > 0) this.note(name, label, bytesInWords(value), this.at - length)
    return value
  }

  /** `length` bytes of text. */
  text(name: string, label: string, length: number): string {
    const value = String.fromCharCode(...this.reader.fixed(length))
    if (length > 0) this.note(name, label, value, this.at - length)
    return value
  }

  /** Bytes behind their length. */
  opaque(lengthName: string, name: string, label: string, size: 1 | 2 | 3): Uint8Array {
    return this.bytes(name, label, this.number(lengthName, `${label} length`, size))
  }

  /** A reader of the next `length` bytes, whose fields go where this one's go. */
  within(length: number): FieldReader {
    const start = this.at
    this.reader.fixed(length)
    return new FieldReader(new TlsReader(this.reader.bytes, start, start + length, this.reader.cites), this.fields)
  }

  /** A reader of the vector behind its length, whose fields go where this one's go. */
  vector(lengthName: string, label: string, size: 1 | 2 | 3): FieldReader {
    return this.within(this.number(lengthName, `${label} length`, size))
  }

  /** One field around those which `read` notes; the bytes are `length`, or as many as were read. */
  group(name: string, label: string, value: string, read: (inner: FieldReader) => void, length?: number): void {
    const start = this.at
    const outer = this.reader
    const end = length === undefined ? outer.end : start + length
    const inner = new FieldReader(length === undefined ? outer : new TlsReader(outer.bytes, start, end, outer.cites))
    try {
      if (length !== undefined) outer.fixed(length)
      read(inner)
    } finally {
      const last = Math.min(length === undefined ? outer.at : end, outer.end)
      if (last > start) this.fields.push(field(name, label, value, start, last, inner.fields))
    }
  }

  /** Complains unless everything was read. */
  done(): void {
    this.reader.done()
  }

  private note(name: string, label: string, value: string, start: number): void {
    this.fields.push(field(name, label, value, start, this.at))
  }

  private read(size: 1 | 2 | 3 | 4): number {
    const { reader } = this
    if (size === 1) return reader.uint8()
    if (size === 2) return reader.uint16()
    return size === 3 ? reader.uint24() : reader.uint32()
  }
}
