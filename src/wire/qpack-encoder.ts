import { isRepeated, isSensitive } from './indexing-choice.ts'
import type { CompressedField } from './indexing-choice.ts'
import { PrefixWriter } from './prefix-code.ts'
import { QpackInstructionReader } from './qpack-stream.ts'
import { entrySize, findStatic, findStaticName, QpackTable } from './qpack-table.ts'

/**
 * The encoder of QPACK: RFC 9204 sections 2.1, 4.3 and 4.5.
 *
 * It knows which of its insertions have arrived (the Known Received Count) and which field sections the peer may not have read yet. It
 * refers to an entry that may not have arrived only where that puts no more streams at risk of waiting than the peer bears, and evicts no
 * entry that a section on its way needs. Entries that are next to be evicted are not referred to any more: they drain, and are inserted
 * again when they are still wanted (Duplicate).
 */

interface QpackEncoderOptions {
  /** Largest table that is used, in bytes, whatever more the peer grants; 0: the static table alone. Default 4096. */
  readonly tableCapacity?: number
  /** How many streams are put at risk of waiting, whatever more the peer grants. Default 0. */
  readonly blockedStreams?: number
  /** Whether strings go out in the Huffman code where that is not longer. Default true. */
  readonly huffman?: boolean
}

/** A field section that the peer has not acknowledged. */
interface Outstanding {
  readonly requiredInsertCount: number
  /** Absolute indices of the entries that it refers to. */
  readonly references: readonly number[]
}

/** How the lines of a section are written, the first pass's decision for the second. */
type Choice = 'static' | 'dynamic' | 'static-name' | 'dynamic-name' | 'literal-name'

/** The share of the table that is kept free of references, so that there is room for what is new. */
const DRAINING = 8

/** While so many sections wait for their acknowledgment, no more refer to the table: what a peer leaves open takes memory. */
const MOST_OUTSTANDING = 1000

/** The peer's decoder stream: RFC 9204 section 4.4. */
class DecoderStream extends QpackInstructionReader {
  constructor(private readonly encoder: Acknowledged) {
    super('QPACK_DECODER_STREAM_ERROR', 'RFC 9204 section 4.4', 16)
  }

  protected take(): void {
    const { reader, encoder } = this
    const start = reader.position
    const first = reader.bytes[start]
    if (first >= 0x80) {
      const stream = reader.integer(0x7f)
      if (encoder.sectionAcknowledged(stream)) return
      const detail = `an acknowledgment of a field section on stream ${String(stream)}, which waits for none`
      throw this.error('invalid', start, detail, 'RFC 9204 section 4.4.1')
    }
    if (first >= 0x40) {
      encoder.streamCancelled(reader.integer(0x3f))
      return
    }
    const increment = reader.integer(0x3f)
    if (encoder.insertionsReceived(increment)) return
    const detail = `the receipt of ${String(increment)} insertions that were not made`
    throw this.error('invalid', start, detail, 'RFC 9204 section 4.4.3')
  }
}

/** What a decoder's instructions do. The first and the last say whether it was possible. */
interface Acknowledged {
  sectionAcknowledged: (stream: number) => boolean
  streamCancelled: (stream: number) => void
  insertionsReceived: (increment: number) => boolean
}

export class QpackEncoder {
  private readonly table = new QpackTable()
  private readonly tableCapacity: number
  private readonly ownBlockedStreams: number
  private readonly instructions: PrefixWriter
  private readonly section: PrefixWriter
  private readonly stream: DecoderStream
  private maxEntries = 0
  private maxBlockedStreams = 0
  private received = 0
  /** By stream, oldest first. */
  private readonly outstanding = new Map<number, Outstanding[]>()
  private outstandingSections = 0
  /** How often an entry is referred to by what is outstanding. */
  private readonly uses = new Map<number, number>()
  // Of the section at hand:
  private readonly choices: Choice[] = []
  private readonly entries: number[] = []
  private references: number[] = []
  private usesTable = false
  private mayBlock = false
  private draining = 0

  constructor(options: QpackEncoderOptions = {}) {
    const { tableCapacity = 4096, blockedStreams = 0, huffman = true } = options
    this.tableCapacity = tableCapacity
    this.ownBlockedStreams = blockedStreams
    this.instructions = new PrefixWriter(huffman)
    this.section = new PrefixWriter(huffman)
    this.stream = new DecoderStream({
      sectionAcknowledged: (stream) => this.sectionAcknowledged(stream),
      streamCancelled: (stream) => {
        this.streamCancelled(stream)
      },
      insertionsReceived: (increment) => this.insertionsReceived(increment),
    })
  }

  /** How many entries were inserted. */
  get insertCount(): number {
    return this.table.insertCount
  }

  /** How many of them have arrived for certain. */
  get knownReceivedCount(): number {
    return this.received
  }

  /** What the dynamic table takes, in bytes. */
  get tableSize(): number {
    return this.table.size
  }

  /** How many streams may have to wait: they have a section on its way that needs what may not have arrived. */
  get blockedCount(): number {
    let count = 0
    for (const stream of this.outstanding.keys()) if (this.isAtRisk(stream)) count++
    return count
  }

  /** What the peer's SETTINGS grant; to be called once, before that there is no dynamic table. */
  grant(maxTableCapacity: number, blockedStreams: number): void {
    this.maxEntries = Math.floor(maxTableCapacity / 32)
    this.maxBlockedStreams = Math.min(blockedStreams, this.ownBlockedStreams)
    const capacity = Math.min(maxTableCapacity, this.tableCapacity)
    if (capacity === 0) return
    this.instructions.integer(0x20, 0x1f, capacity)
    this.table.setCapacity(capacity)
  }

  /** Takes bytes of the peer's decoder stream. Throws QpackDecodeError, after which this encoder is of no use. */
  handle(bytes: Uint8Array): void {
    this.stream.handle(bytes)
  }

  /** What is to be sent on the encoder stream now; undefined: nothing. */
  takeInstructions(): Uint8Array | undefined {
    return this.instructions.length === 0 ? undefined : this.instructions.take()
  }

  /**
   * Encodes a field section; code units of names and values are octets.
   * @param stream on which it goes out
   * @param mayInsert whether the table may be changed for it: false while the encoder stream is choked
   */
  encode(stream: number, fields: readonly CompressedField[], mayInsert = true): Uint8Array {
    this.begin(stream)
    for (let i = 0; i < fields.length; i++) this.choose(i, fields[i], mayInsert)
    let required = 0
    for (const index of this.references) required = Math.max(required, index + 1)
    this.writeSection(fields, required)
    if (required > 0) {
      const sections = this.outstanding.get(stream)
      const section = { requiredInsertCount: required, references: this.references }
      if (sections === undefined) this.outstanding.set(stream, [section])
      else sections.push(section)
      this.outstandingSections++
    }
    return this.section.take()
  }

  private begin(stream: number): void {
    const { table } = this
    this.references = []
    this.usesTable = table.capacity > 0 && this.outstandingSections < MOST_OUTSTANDING
    if (!this.usesTable) return
    this.mayBlock = this.isAtRisk(stream) || this.blockedCount < this.maxBlockedStreams
    const least = table.capacity / DRAINING
    let passed = table.capacity - table.size
    let index = table.oldest
    while (index < table.insertCount && passed < least) {
      passed += entrySize(table.name(index), table.value(index))
      index++
    }
    this.draining = index
  }

  private isAtRisk(stream: number): boolean {
    const { received } = this
    return this.outstanding.get(stream)?.some(({ requiredInsertCount }) => requiredInsertCount > received) ?? false
  }

  private choose(i: number, field: CompressedField, mayInsert: boolean): void {
    const { name, value } = field
    const { table, choices, entries } = this
    const mayIndex = !isSensitive(field)
    if (mayIndex) {
      const fixed = findStatic(name, value)
      if (fixed >= 0) {
        choices[i] = 'static'
        entries[i] = fixed
        return
      }
    }
    const fixedName = findStaticName(name)
    if (this.usesTable && mayIndex) {
      const index = this.entryFor(name, value, fixedName, mayInsert)
      if (index >= 0) {
        choices[i] = 'dynamic'
        entries[i] = index
        this.refer(index)
        return
      }
    }
    if (fixedName >= 0) {
      choices[i] = 'static-name'
      entries[i] = fixedName
      return
    }
    const named = this.usesTable ? table.findName(name, this.mayBlock ? Infinity : this.received) : -1
    if (named >= this.draining) {
      choices[i] = 'dynamic-name'
      entries[i] = named
      this.refer(named)
    } else {
      choices[i] = 'literal-name'
    }
  }

  /** The absolute index of an entry with this name and value that the section may refer to, inserted if need be; -1: there is none. */
  private entryFor(name: string, value: string, fixedName: number, mayInsert: boolean): number {
    const { table } = this
    const found = table.find(name, value)
    if (found >= 0) {
      const isUsable = this.mayBlock || found < this.received
      if (found >= this.draining) return isUsable ? found : -1
      // It is about to go: a copy may live on (RFC 9204 section 4.3.4).
      if (mayInsert && this.makeRoom(entrySize(name, value), found)) {
        this.instructions.integer(0, 0x1f, table.insertCount - 1 - found)
        table.insert(name, value)
        if (this.mayBlock) return table.insertCount - 1
      }
      return isUsable && table.has(found) ? found : -1
    }
    if (!mayInsert || !isRepeated(name) || !this.makeRoom(entrySize(name, value), -1)) return -1
    const named = fixedName >= 0 ? -1 : table.findName(name, Infinity)
    if (fixedName >= 0) this.instructions.integer(0xc0, 0x3f, fixedName)
    else if (named >= 0) this.instructions.integer(0x80, 0x3f, table.insertCount - 1 - named)
    else this.instructions.string(0x40, 0x1f, name)
    this.instructions.string(0, 0x7f, value)
    table.insert(name, value)
    return this.mayBlock ? table.insertCount - 1 : -1
  }

  /**
   * Whether so many bytes can be inserted: what would have to go has arrived, and is not needed by a section on its way (RFC 9204 section
   * 2.1.1). @param spared an entry that has to stay while it is referred to by the section at hand
   */
  private makeRoom(bytes: number, spared: number): boolean {
    const { table } = this
    if (bytes > table.capacity) return false
    let free = table.capacity - table.size
    for (let index = table.oldest; free < bytes; index++) {
      if (!this.isEvictable(index) || (index === spared && !this.mayBlock)) return false
      free += entrySize(table.name(index), table.value(index))
    }
    return true
  }

  private isEvictable(index: number): boolean {
    return index < this.received && !this.uses.has(index)
  }

  private refer(index: number): void {
    this.references.push(index)
    this.uses.set(index, (this.uses.get(index) ?? 0) + 1)
  }

  /** The Base is the Required Insert Count, so that every entry lies below it. */
  private writeSection(fields: readonly CompressedField[], required: number): void {
    const { section, choices, entries } = this
    section.integer(0, 0xff, required === 0 ? 0 : (required % (2 * this.maxEntries)) + 1)
    section.integer(0, 0x7f, 0)
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i]
      const never = isSensitive(field) ? 0x20 : 0
      switch (choices[i]) {
        case 'static':
          section.integer(0xc0, 0x3f, entries[i])
          continue
        case 'dynamic':
          section.integer(0x80, 0x3f, required - 1 - entries[i])
          continue
        case 'static-name':
          section.integer(0x50 | never, 0x0f, entries[i])
          break
        case 'dynamic-name':
          section.integer(0x40 | never, 0x0f, required - 1 - entries[i])
          break
        case 'literal-name':
          section.string(0x20 | (never >> 1), 0x07, field.name)
      }
      section.string(0, 0x7f, field.value)
    }
  }

  private sectionAcknowledged(stream: number): boolean {
    const sections = this.outstanding.get(stream)
    const first = sections?.shift()
    if (sections === undefined || first === undefined) return false
    if (sections.length === 0) this.outstanding.delete(stream)
    this.outstandingSections--
    this.release(first)
    this.received = Math.max(this.received, first.requiredInsertCount)
    return true
  }

  private streamCancelled(stream: number): void {
    const sections = this.outstanding.get(stream) ?? []
    for (const section of sections) this.release(section)
    this.outstandingSections -= sections.length
    this.outstanding.delete(stream)
  }

  private insertionsReceived(increment: number): boolean {
    if (increment === 0 || this.received + increment > this.table.insertCount) return false
    this.received += increment
    return true
  }

  private release({ references }: Outstanding): void {
    for (const index of references) {
      const uses = this.uses.get(index) ?? 0
      if (uses > 1) this.uses.set(index, uses - 1)
      else this.uses.delete(index)
    }
  }
}
