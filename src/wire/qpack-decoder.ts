import type { FieldSink } from './indexing-choice.ts'
import { PrefixReader, PrefixWriter } from './prefix-code.ts'
import { LARGEST_INTEGER, QpackDecodeError } from './qpack-error.ts'
import { QpackInstructionReader } from './qpack-stream.ts'
import { QpackTable, STATIC_LENGTH, staticName, staticValue } from './qpack-table.ts'

/**
 * The decoder of QPACK, HTTP/3's compression of fields: RFC 9204. Text is one code point per byte, like that of HTTP/1.1.
 *
 * HPACK's table works because all blocks come in one order. QUIC's streams come in none, so QPACK changes its table on a stream of its own,
 * and each field section says how many insertions it needs (its Required Insert Count). Where they have not come yet, the section waits:
 * that is QPACK's own head-of-line blocking, which the decoder limits by saying how many streams may be put to that risk.
 */

/** How a field line was written (RFC 9204 section 4.5). */
export type QpackRepresentation = 'indexed' | 'post-base-indexed' | 'name-reference' | 'post-base-name-reference' | 'literal-name'

/** Where a field line lies, for the inspector: byte ranges [start, end) of the array given to the decoder. */
export interface QpackPlace {
  representation: QpackRepresentation
  /** Whether it refers to the static table. */
  isStatic: boolean
  /** The index as it was sent; -1: the name is literal. */
  index: number
  /** In the static table, or absolute in the dynamic one; -1: the name is literal. */
  entry: number
  start: number
  /** Where the literal name's length begins, or the value's when there is no literal name. */
  nameStart: number
  valueStart: number
  end: number
}

interface QpackSink extends FieldSink {
  /** If there, is told what the section's prefix says (RFC 9204 section 4.5.1). */
  prefix?: (requiredInsertCount: number, base: number, end: number) => void
  /** If there, is told where each field line lies, before its field; the object is used again for the next. */
  place?: (place: Readonly<QpackPlace>) => void
}

/** What a decoder grants its peer: what its SETTINGS say. */
export interface QpackDecoderLimits {
  /** Largest dynamic table, in bytes. */
  readonly maxTableCapacity: number
  /** How many streams may wait for the table at once. */
  readonly blockedStreams: number
}

/** A Huffman code takes at most 30 bits an octet: so many bytes an entry can take on the wire, with its lengths. */
const longestInsertion = (capacity: number): number => 64 + 4 * capacity

/** The peer's encoder stream: RFC 9204 section 4.3. */
class EncoderStream extends QpackInstructionReader {
  constructor(
    private readonly table: QpackTable,
    private readonly maxTableCapacity: number,
  ) {
    super('QPACK_ENCODER_STREAM_ERROR', 'RFC 9204 section 4.3', longestInsertion(maxTableCapacity))
  }

  protected take(): void {
    const { reader, table } = this
    const start = reader.position
    const first = reader.bytes[start]
    if (first >= 0x80) {
      const isStatic = (first & 0x40) !== 0
      const index = reader.integer(0x3f)
      const name = isStatic ? this.staticName(index, start) : table.name(this.absolute(index, start, '4.3.2'))
      this.insert(name, reader.string(0x7f), start)
    } else if (first >= 0x40) {
      const name = reader.string(0x1f)
      this.insert(name, reader.string(0x7f), start)
    } else if (first >= 0x20) {
      const capacity = reader.integer(0x1f)
      if (capacity > this.maxTableCapacity) {
        const detail = `a table of ${String(capacity)} bytes, over the limit of ${String(this.maxTableCapacity)}`
        throw this.error('invalid', start, detail, 'RFC 9204 section 4.3.1')
      }
      table.setCapacity(capacity)
    } else {
      const index = this.absolute(reader.integer(0x1f), start, '4.3.4')
      this.insert(table.name(index), table.value(index), start)
    }
  }

  private staticName(index: number, at: number): string {
    if (index < STATIC_LENGTH) return staticName(index)
    throw this.error('invalid', at, `the static index ${String(index)}`, 'RFC 9204 section 3.1')
  }

  /** What an index that counts from the newest entry means (RFC 9204 section 3.2.5). */
  private absolute(relative: number, at: number, section: string): number {
    const index = this.table.insertCount - 1 - relative
    if (this.table.has(index)) return index
    throw this.error('invalid', at, `the index ${String(relative)}, at which no entry is`, `RFC 9204 section ${section}`)
  }

  private insert(name: string, value: string, at: number): void {
    if (this.table.insert(name, value)) return
    throw this.error('invalid', at, 'an entry that is larger than the table', 'RFC 9204 section 3.2.2')
  }
}

export class QpackDecoder {
  private readonly table = new QpackTable()
  private readonly stream: EncoderStream
  private readonly maxEntries: number
  /** Streams that wait for the table, with the count that they need. */
  private readonly waiting = new Map<number, number>()
  /** How many insertions the peer knows to have arrived. */
  private acknowledged = 0
  private readonly instructions = new PrefixWriter(false)
  private readonly reader = new PrefixReader(
    LARGEST_INTEGER,
    (problem, offset, detail) =>
      new QpackDecodeError(problem, offset, detail, 'QPACK_DECOMPRESSION_FAILED', 'RFC 9204 section 4.5'),
  )
  private base = 0
  private required = 0
  private readonly place: QpackPlace = {
    representation: 'indexed',
    isStatic: false,
    index: 0,
    entry: 0,
    start: 0,
    nameStart: 0,
    valueStart: 0,
    end: 0,
  }

  constructor(private readonly limits: QpackDecoderLimits) {
    this.stream = new EncoderStream(this.table, limits.maxTableCapacity)
    this.maxEntries = Math.floor(limits.maxTableCapacity / 32)
  }

  /** How many entries have arrived. */
  get insertCount(): number {
    return this.table.insertCount
  }

  /** What the dynamic table takes, in bytes. */
  get tableSize(): number {
    return this.table.size
  }

  /** How many streams wait for the table. */
  get blockedCount(): number {
    return this.waiting.size
  }

  /** Takes bytes of the peer's encoder stream. Throws QpackDecodeError, after which this decoder is of no use. */
  handle(bytes: Uint8Array): void {
    this.stream.handle(bytes)
  }

  /**
   * Decodes one whole field section in [start, end). Throws QpackDecodeError, after which this decoder is of no use; `sink` may have been
   * given fields by then.
   * @returns 0 when it was decoded; else the section needs the table as it will be after so many insertions: the stream is blocked, and
   * nothing was told. It is to be decoded again when it is in `readable`, or cancelled.
   */
  decode(stream: number, bytes: Uint8Array, start: number, end: number, sink: QpackSink): number {
    const { reader, table } = this
    reader.begin(bytes, start, end)
    this.takePrefix(start)
    const { required } = this
    if (required > table.insertCount) {
      reader.release()
      if (!this.waiting.has(stream) && this.waiting.size >= this.limits.blockedStreams) {
        const detail = `more streams than ${String(this.limits.blockedStreams)} are made to wait for the table`
        throw this.invalid(start, detail, '2.1.2')
      }
      this.waiting.set(stream, required)
      return required
    }
    this.waiting.delete(stream)
    sink.prefix?.(required, this.base, reader.position)
    while (reader.position < end) this.takeLine(sink)
    reader.release()
    if (required > 0) {
      this.instructions.integer(0x80, 0x7f, stream)
      this.acknowledged = Math.max(this.acknowledged, required)
    }
    return 0
  }

  /** Streams whose blocked section can be decoded now, in the order in which they were blocked. */
  get readable(): number[] {
    const { insertCount } = this.table
    const ready: number[] = []
    for (const [stream, required] of this.waiting) if (required <= insertCount) ready.push(stream)
    return ready
  }

  /** No more of a stream will be decoded, though it may have held field sections (RFC 9204 section 4.4.2). */
  cancel(stream: number): void {
    this.waiting.delete(stream)
    if (this.limits.maxTableCapacity > 0) this.instructions.integer(0x40, 0x3f, stream)
  }

  /** What is to be sent on the decoder stream now; undefined: nothing. */
  takeInstructions(): Uint8Array | undefined {
    const more = this.table.insertCount - this.acknowledged
    if (more > 0) {
      this.acknowledged = this.table.insertCount
      this.instructions.integer(0, 0x3f, more)
    }
    return this.instructions.length === 0 ? undefined : this.instructions.take()
  }

  private invalid(offset: number, detail: string, section: string): QpackDecodeError {
    return new QpackDecodeError('invalid', offset, detail, 'QPACK_DECOMPRESSION_FAILED', `RFC 9204 section ${section}`)
  }

  /** RFC 9204 section 4.5.1. */
  private takePrefix(start: number): void {
    const { reader } = this
    const encoded = reader.integer(0xff)
    const signAt = reader.position
    const isBelow = signAt < reader.end && reader.bytes[signAt] >= 0x80
    const delta = reader.integer(0x7f)
    this.required = this.requiredInsertCount(encoded, start)
    this.base = isBelow ? this.required - delta - 1 : this.required + delta
    if (this.base < 0) throw this.invalid(signAt, 'a Base below 0', '4.5.1.2')
  }

  private requiredInsertCount(encoded: number, at: number): number {
    if (encoded === 0) return 0
    const { maxEntries } = this
    const fullRange = 2 * maxEntries
    if (encoded > fullRange) throw this.invalid(at, 'a Required Insert Count that no encoder writes', '4.5.1.1')
    const largest = this.table.insertCount + maxEntries
    let required = Math.floor(largest / fullRange) * fullRange + encoded - 1
    if (required > largest) {
      if (required <= fullRange) throw this.invalid(at, 'a Required Insert Count that no encoder writes', '4.5.1.1')
      required -= fullRange
    }
    if (required === 0) throw this.invalid(at, 'a Required Insert Count of 0 that is not written as 0', '4.5.1.1')
    return required
  }

  private takeLine(sink: QpackSink): void {
    const { reader } = this
    const start = reader.position
    const first = reader.bytes[start]
    if (first >= 0x80) this.takeIndexed('indexed', (first & 0x40) !== 0, 0x3f, sink)
    else if (first >= 0x40) this.takeReference('name-reference', (first & 0x10) !== 0, 0x0f, (first & 0x20) !== 0, sink)
    else if (first >= 0x20) {
      const name = reader.string(0x07)
      const valueStart = reader.position
      const value = reader.string(0x7f)
      if (sink.place) this.tell(sink, 'literal-name', false, -1, -1, start, start, valueStart)
      sink.field(name, value, (first & 0x10) !== 0)
    } else if (first >= 0x10) this.takeIndexed('post-base-indexed', false, 0x0f, sink)
    else this.takeReference('post-base-name-reference', false, 0x07, (first & 0x08) !== 0, sink)
  }

  /** RFC 9204 sections 4.5.2 and 4.5.3. */
  private takeIndexed(representation: QpackRepresentation, isStatic: boolean, mask: number, sink: QpackSink): void {
    const { reader, table } = this
    const start = reader.position
    const index = reader.integer(mask)
    const entry = this.entry(index, isStatic, representation === 'post-base-indexed', start)
    if (sink.place) this.tell(sink, representation, isStatic, index, entry, start, start, start)
    if (isStatic) sink.field(staticName(entry), staticValue(entry), false)
    else sink.field(table.name(entry), table.value(entry), false)
  }

  /** RFC 9204 sections 4.5.4 and 4.5.5. */
  private takeReference(
    representation: QpackRepresentation,
    isStatic: boolean,
    mask: number,
    isSensitive: boolean,
    sink: QpackSink,
  ): void {
    const { reader, table } = this
    const start = reader.position
    const index = reader.integer(mask)
    const entry = this.entry(index, isStatic, representation === 'post-base-name-reference', start)
    const valueStart = reader.position
    const value = reader.string(0x7f)
    if (sink.place) this.tell(sink, representation, isStatic, index, entry, start, valueStart, valueStart)
    sink.field(isStatic ? staticName(entry) : table.name(entry), value, isSensitive)
  }

  /** What an index means: a place in the static table, or an absolute index in the dynamic one. */
  private entry(index: number, isStatic: boolean, isPostBase: boolean, at: number): number {
    if (isStatic) {
      if (index < STATIC_LENGTH) return index
      throw this.invalid(at, `the static index ${String(index)}`, '3.1')
    }
    const entry = isPostBase ? this.base + index : this.base - 1 - index
    if (entry >= this.required) throw this.invalid(at, 'an entry beyond the Required Insert Count', '2.2.3')
    if (!this.table.has(entry)) throw this.invalid(at, 'an entry that is not in the table', '2.2.3')
    return entry
  }

  private tell(
    sink: QpackSink,
    representation: QpackRepresentation,
    isStatic: boolean,
    index: number,
    entry: number,
    start: number,
    nameStart: number,
    valueStart: number,
  ): void {
    const { place } = this
    place.representation = representation
    place.isStatic = isStatic
    place.index = index
    place.entry = entry
    place.start = start
    place.nameStart = nameStart
    place.valueStart = valueStart
    place.end = this.reader.position
    sink.place?.(place)
  }
}
