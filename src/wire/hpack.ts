import { DecodeError } from './errors.ts'
import type { HeaderField } from './http1.ts'
import { huffmanDecode, huffmanEncode, huffmanLength } from './hpack-huffman.ts'
import { DEFAULT_TABLE_SIZE, ENTRY_OVERHEAD, HpackTable } from './hpack-table.ts'

/**
 * HPACK, the compression of HTTP/2's fields: RFC 7541. Text is one code point per byte, like that of HTTP/1.1.
 *
 * Both ends keep a table of fields that were sent; a field that is in it, or in the static table, goes out as its index. Encoder and
 * decoder agree only as long as every block is decoded, in order, even those that nobody wants any more.
 */

/** A field to be encoded. */
export interface HpackField extends HeaderField {
  /** Whether it must never be put into a table, by us or by who passes it on (RFC 7541 section 7.1.3). */
  readonly sensitive?: boolean
}

/** How a field, or a change of the table's size, was written (RFC 7541 section 6). */
export type HpackRepresentation = 'indexed' | 'incremental-indexing' | 'without-indexing' | 'never-indexed' | 'size-update'

/** Where a representation lies, for the inspector: byte ranges [start, end) of the array given to the decoder. */
export interface HpackPlace {
  representation: HpackRepresentation
  /** The index that was sent; 0: the name is literal. For `'size-update'`, the size. */
  index: number
  start: number
  /** Where the literal name's length begins, or the value's when there is no literal name. */
  nameStart: number
  valueStart: number
  end: number
}

/** Takes fields as they are decoded. */
export interface FieldSink {
  /** @param sensitive whether it was never to be indexed */
  field: (name: string, value: string, sensitive: boolean) => void
  /** If there, is told where each representation lies, before its field; the object is used again for the next. */
  place?: (place: Readonly<HpackPlace>) => void
}

/** Larger integers than any table or string here can have. */
const INTEGER_LIMIT = 2 ** 28

/** One end of a connection's compression: reads field blocks. */
export class HpackDecoder {
  private readonly table = new HpackTable(DEFAULT_TABLE_SIZE)
  private limit = DEFAULT_TABLE_SIZE
  /** Whether the next block has to begin with a smaller size. */
  private mustShrink = false
  private bytes: Uint8Array = new Uint8Array(0)
  private position = 0
  private end = 0
  private readonly place: HpackPlace = {
    representation: 'indexed',
    index: 0,
    start: 0,
    nameStart: 0,
    valueStart: 0,
    end: 0,
  }

  /** What the table takes, in bytes as RFC 7541 section 4.1 counts. */
  get tableSize(): number {
    return this.table.size
  }

  /** The largest table that we grant, in bytes: SETTINGS_HEADER_TABLE_SIZE, once it was acknowledged. */
  setLimit(limit: number): void {
    this.limit = limit
    // The encoder has to say so when it can no longer have what it had (RFC 7541 section 4.2).
    this.mustShrink = limit < this.table.maximumSize
  }

  /**
   * Decodes one whole field block in [start, end). Throws DecodeError, after which this decoder is of no use; `sink` may have been given
   * fields by then.
   */
  decode(bytes: Uint8Array, start: number, end: number, sink: FieldSink): void {
    this.bytes = bytes
    this.position = start
    this.end = end
    let mayResize = true
    while (this.position < end) {
      const first = bytes[this.position]
      if ((first & 0xe0) === 0x20) {
        if (!mayResize) throw this.invalid(this.position, 'a change of the table size behind a field')
        this.takeSize(sink)
      } else {
        if (mayResize && this.mustShrink)
          throw this.invalid(start, 'the table was to shrink, and the block does not begin with that')
        mayResize = false
        this.takeField(first, sink)
      }
    }
    if (mayResize && this.mustShrink && end > start) throw this.invalid(start, 'the table was to shrink, and does not')
    this.bytes = NO_BYTES
  }

  private invalid(offset: number, detail: string): DecodeError {
    return new DecodeError('hpack', 'invalid', offset, detail)
  }

  /** RFC 7541 section 6.3. */
  private takeSize(sink: FieldSink): void {
    const start = this.position
    const size = this.takeInteger(0x1f)
    if (size > this.limit) throw this.invalid(start, `a table of ${String(size)} bytes, over the limit of ${String(this.limit)}`)
    this.table.resize(size)
    this.mustShrink = false
    if (sink.place) this.tell(sink, 'size-update', size, start, start, start)
  }

  private takeField(first: number, sink: FieldSink): void {
    const start = this.position
    const { table } = this
    if (first >= 0x80) {
      const index = this.takeInteger(0x7f)
      this.checkIndex(index, start)
      if (index === 0) throw this.invalid(start, 'the index 0')
      if (sink.place) this.tell(sink, 'indexed', index, start, start, start)
      sink.field(table.name(index), table.value(index), false)
      return
    }
    const isIndexed = first >= 0x40
    const index = this.takeInteger(isIndexed ? 0x3f : 0x0f)
    this.checkIndex(index, start)
    const nameStart = this.position
    const name = index === 0 ? this.takeString() : table.name(index)
    const valueStart = this.position
    const value = this.takeString()
    if (isIndexed) table.add(name, value)
    const isSensitive = (first & 0xf0) === 0x10
    if (sink.place) {
      const representation = isIndexed ? 'incremental-indexing' : isSensitive ? 'never-indexed' : 'without-indexing'
      this.tell(sink, representation, index, start, nameStart, valueStart)
    }
    sink.field(name, value, isSensitive)
  }

  private tell(
    sink: FieldSink,
    representation: HpackRepresentation,
    index: number,
    start: number,
    nameStart: number,
    valueStart: number,
  ): void {
    const { place } = this
    place.representation = representation
    place.index = index
    place.start = start
    place.nameStart = nameStart
    place.valueStart = valueStart
    place.end = this.position
    sink.place?.(place)
  }

  private checkIndex(index: number, at: number): void {
    if (index > this.table.length) {
      throw this.invalid(at, `the index ${String(index)} in a table of ${String(this.table.length)} entries`)
    }
  }

  /** RFC 7541 section 5.1. @param mask the prefix's bits of the first octet */
  private takeInteger(mask: number): number {
    const start = this.position
    const { bytes, end } = this
    if (start >= end) throw new DecodeError('hpack', 'truncated', start, 'the block ends before an integer')
    let value = bytes[this.position++] & mask
    if (value < mask) return value
    for (let unit = 1; ; unit *= 128) {
      if (this.position >= end) throw new DecodeError('hpack', 'truncated', start, 'the block ends in an integer')
      const octet = bytes[this.position++]
      value += (octet & 0x7f) * unit
      // Zeros that only make it longer are limited as well.
      if (value >= INTEGER_LIMIT || unit >= INTEGER_LIMIT)
        throw new DecodeError('hpack', 'oversized', start, 'an integer of over 28 bits')
      if (octet < 0x80) return value
    }
  }

  /** RFC 7541 section 5.2. */
  private takeString(): string {
    const start = this.position
    const { bytes, end } = this
    const isHuffman = start < end && bytes[start] >= 0x80
    const length = this.takeInteger(0x7f)
    const from = this.position
    if (length > end - from) throw new DecodeError('hpack', 'truncated', start, 'the block ends in a string')
    const to = from + length
    this.position = to
    if (!isHuffman) return latin1(bytes, from, to)
    const text = huffmanDecode(bytes, from, to)
    if (text === undefined) throw this.invalid(from, 'a string that is no Huffman code, or ends in wrong padding')
    return text
  }
}

const NO_BYTES = /* @__PURE__ */ new Uint8Array(0)

function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let i = start; i < end; i += 4096) {
    text += String.fromCharCode.apply(null, bytes.subarray(i, Math.min(end, i + 4096)) as unknown as number[])
  }
  return text
}

/** Fields whose values hardly ever come again: they would only push others out of the table. */
const UNREPEATED = new Set([':path', 'age', 'content-length', 'etag', 'if-modified-since', 'if-none-match', 'last-modified'])

/** Cookies shorter than this, in bytes, are too easily guessed to be compressed (RFC 7541 section 7.1.3). */
const SHORT_COOKIE = 20

function isSensitive({ name, value, sensitive }: HpackField): boolean {
  if (sensitive !== undefined) return sensitive
  if (name === 'authorization' || name === 'proxy-authorization') return true
  return name === 'cookie' && value.length < SHORT_COOKIE
}

interface HpackEncoderOptions {
  /** Largest table that is kept, in bytes, whatever more the peer grants. Default 4096. */
  readonly tableSize?: number
  /** Whether strings go out in the Huffman code where that is not longer. Default true. */
  readonly huffman?: boolean
}

/** One end of a connection's compression: writes field blocks. */
export class HpackEncoder {
  private readonly table = new HpackTable(DEFAULT_TABLE_SIZE)
  private readonly ownLimit: number
  private readonly huffman: boolean
  /** Smallest and last size that the table has to take before the next block. */
  private smallest = DEFAULT_TABLE_SIZE
  private wanted = DEFAULT_TABLE_SIZE
  private target = new Uint8Array(128)
  private at = 0

  constructor(options: HpackEncoderOptions = {}) {
    this.ownLimit = options.tableSize ?? DEFAULT_TABLE_SIZE
    this.huffman = options.huffman ?? true
    this.setLimit(DEFAULT_TABLE_SIZE)
  }

  /** What the table takes, in bytes as RFC 7541 section 4.1 counts. */
  get tableSize(): number {
    return this.table.size
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE: the next block says what became of it (RFC 7541 section 4.2). */
  setLimit(limit: number): void {
    this.wanted = Math.min(limit, this.ownLimit)
    this.smallest = Math.min(this.smallest, this.wanted)
  }

  /** Encodes a field block; code units of names and values are octets. */
  encode(fields: readonly HpackField[]): Uint8Array {
    this.at = 0
    this.writeSizes()
    for (const field of fields) this.writeField(field)
    return this.target.slice(0, this.at)
  }

  private writeSizes(): void {
    const { table, smallest, wanted } = this
    if (smallest < table.maximumSize && smallest < wanted) {
      this.writeInteger(0x20, 0x1f, smallest)
      table.resize(smallest)
    }
    if (wanted !== table.maximumSize) {
      this.writeInteger(0x20, 0x1f, wanted)
      table.resize(wanted)
    }
    this.smallest = wanted
  }

  private writeField(field: HpackField): void {
    const { table } = this
    const { name, value } = field
    const found = table.find(name, value)
    const sensitive = isSensitive(field)
    if (found > 0 && !sensitive) {
      this.writeInteger(0x80, 0x7f, found)
      return
    }
    const index = Math.abs(found)
    const isKept = !sensitive && !UNREPEATED.has(name) && name.length + value.length + ENTRY_OVERHEAD <= table.maximumSize
    if (isKept) this.writeInteger(0x40, 0x3f, index)
    else this.writeInteger(sensitive ? 0x10 : 0, 0x0f, index)
    if (index === 0) this.writeString(name)
    this.writeString(value)
    if (isKept) table.add(name, value)
  }

  private reserve(length: number): void {
    if (this.at + length <= this.target.length) return
    const larger = new Uint8Array(Math.max(2 * this.target.length, this.at + length))
    larger.set(this.target.subarray(0, this.at))
    this.target = larger
  }

  private writeInteger(pattern: number, mask: number, value: number): void {
    this.reserve(6)
    const { target } = this
    if (value < mask) {
      target[this.at++] = pattern | value
      return
    }
    target[this.at++] = pattern | mask
    let rest = value - mask
    while (rest >= 128) {
      target[this.at++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    target[this.at++] = rest
  }

  private writeString(text: string): void {
    const coded = this.huffman ? huffmanLength(text) : text.length
    if (this.huffman && text !== '' && coded <= text.length) {
      this.writeInteger(0x80, 0x7f, coded)
      this.reserve(coded)
      this.at = huffmanEncode(text, this.target, this.at)
      return
    }
    this.writeInteger(0, 0x7f, text.length)
    this.reserve(text.length)
    const { target, at } = this
    for (let i = 0; i < text.length; i++) target[at + i] = text.charCodeAt(i)
    this.at = at + text.length
  }
}
