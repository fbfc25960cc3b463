import { DecodeError } from './errors.ts'
import { DEFAULT_TABLE_SIZE, ENTRY_OVERHEAD, HpackTable } from './hpack-table.ts'
import { isRepeated, isSensitive } from './indexing-choice.ts'
import type { CompressedField, FieldSink } from './indexing-choice.ts'
import { PrefixReader, PrefixWriter } from './prefix-code.ts'

/**
 * HPACK, the compression of HTTP/2's fields: RFC 7541. Text is one code point per byte, like that of HTTP/1.1.
 *
 * Both ends keep a table of fields that were sent; a field that is in it, or in the static table, goes out as its index. Encoder and
 * decoder agree only as long as every block is decoded, in order, even those that nobody wants any more.
 */

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
interface HpackSink extends FieldSink {
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
  private readonly reader = new PrefixReader(
    INTEGER_LIMIT,
    (problem, offset, detail) => new DecodeError('hpack', problem, offset, detail),
  )
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
  decode(bytes: Uint8Array, start: number, end: number, sink: HpackSink): void {
    const { reader } = this
    reader.begin(bytes, start, end)
    let mayResize = true
    while (reader.position < end) {
      const first = bytes[reader.position]
      if ((first & 0xe0) === 0x20) {
        if (!mayResize) throw this.invalid(reader.position, 'a change of the table size behind a field')
        this.takeSize(sink)
      } else {
        if (mayResize && this.mustShrink)
          throw this.invalid(start, 'the table was to shrink, and the block does not begin with that')
        mayResize = false
        this.takeField(first, sink)
      }
    }
    if (mayResize && this.mustShrink && end > start) throw this.invalid(start, 'the table was to shrink, and does not')
    reader.release()
  }

  private invalid(offset: number, detail: string): DecodeError {
    return new DecodeError('hpack', 'invalid', offset, detail)
  }

  /** RFC 7541 section 6.3. */
  private takeSize(sink: HpackSink): void {
    const start = this.reader.position
    const size = this.reader.integer(0x1f)
    if (size > this.limit) throw this.invalid(start, `a table of ${String(size)} bytes, over the limit of ${String(this.limit)}`)
    this.table.resize(size)
    this.mustShrink = false
    if (sink.place) this.tell(sink, 'size-update', size, start, start, start)
  }

  private takeField(first: number, sink: HpackSink): void {
    const start = this.reader.position
    const { table } = this
    if (first >= 0x80) {
      const index = this.reader.integer(0x7f)
      this.checkIndex(index, start)
      if (index === 0) throw this.invalid(start, 'the index 0')
      if (sink.place) this.tell(sink, 'indexed', index, start, start, start)
      sink.field(table.name(index), table.value(index), false)
      return
    }
    const isIndexed = first >= 0x40
    const index = this.reader.integer(isIndexed ? 0x3f : 0x0f)
    this.checkIndex(index, start)
    const nameStart = this.reader.position
    const name = index === 0 ? this.reader.string(0x7f) : table.name(index)
    const valueStart = this.reader.position
    const value = this.reader.string(0x7f)
    if (isIndexed) table.add(name, value)
    const isSensitive = (first & 0xf0) === 0x10
    if (sink.place) {
      const representation = isIndexed ? 'incremental-indexing' : isSensitive ? 'never-indexed' : 'without-indexing'
      this.tell(sink, representation, index, start, nameStart, valueStart)
    }
    sink.field(name, value, isSensitive)
  }

  private tell(
    sink: HpackSink,
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
    place.end = this.reader.position
    sink.place?.(place)
  }

  private checkIndex(index: number, at: number): void {
    if (index > this.table.length) {
      throw this.invalid(at, `the index ${String(index)} in a table of ${String(this.table.length)} entries`)
    }
  }
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
  /** Smallest and last size that the table has to take before the next block. */
  private smallest = DEFAULT_TABLE_SIZE
  private wanted = DEFAULT_TABLE_SIZE
  private readonly writer: PrefixWriter

  constructor(options: HpackEncoderOptions = {}) {
    this.ownLimit = options.tableSize ?? DEFAULT_TABLE_SIZE
    this.writer = new PrefixWriter(options.huffman ?? true)
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
  encode(fields: readonly CompressedField[]): Uint8Array {
    this.writeSizes()
    for (const field of fields) this.writeField(field)
    return this.writer.take()
  }

  private writeSizes(): void {
    const { table, smallest, wanted } = this
    if (smallest < table.maximumSize && smallest < wanted) {
      this.writer.integer(0x20, 0x1f, smallest)
      table.resize(smallest)
    }
    if (wanted !== table.maximumSize) {
      this.writer.integer(0x20, 0x1f, wanted)
      table.resize(wanted)
    }
    this.smallest = wanted
  }

  private writeField(field: CompressedField): void {
    const { table } = this
    const { name, value } = field
    const found = table.find(name, value)
    const sensitive = isSensitive(field)
    if (found > 0 && !sensitive) {
      this.writer.integer(0x80, 0x7f, found)
      return
    }
    const index = Math.abs(found)
    const isKept = !sensitive && isRepeated(name) && name.length + value.length + ENTRY_OVERHEAD <= table.maximumSize
    if (isKept) this.writer.integer(0x40, 0x3f, index)
    else this.writer.integer(sensitive ? 0x10 : 0, 0x0f, index)
    if (index === 0) this.writer.string(0, 0x7f, name)
    this.writer.string(0, 0x7f, value)
    if (isKept) table.add(name, value)
  }
}
