import { field } from './describe.ts'
import type { Field, Layer } from './field.ts'
import { PrefixReader } from './prefix-code.ts'
import type { QpackDecoder, QpackPlace, QpackRepresentation } from './qpack-decoder.ts'
import { LARGEST_INTEGER, QpackDecodeError } from './qpack-error.ts'
import { staticName, STATIC_LENGTH } from './qpack-table.ts'

/** Fields of one section that are shown. */
const MOST_FIELDS = 500

/** How a field line was written (RFC 9204 section 4.5), in the RFC's words. */
const REPRESENTATIONS: Readonly<Record<QpackRepresentation, string>> = {
  indexed: 'Indexed Field Line',
  'post-base-indexed': 'Indexed Field Line with Post-Base Index',
  'name-reference': 'Literal Field Line with Name Reference',
  'post-base-name-reference': 'Literal Field Line with Post-Base Name Reference',
  'literal-name': 'Literal Field Line with Literal Name',
}

/** What a field section says. */
export interface FieldSectionReading {
  readonly fields: readonly Field[]
  /** Method, status and path: `'GET /'`. */
  readonly words: string
  /** How many insertions the section needs before it can be read, which have not come yet; 0: it was read. */
  readonly waitsFor: number
}

function lineField(place: QpackPlace, name: string, value: string): Field {
  const { representation, isStatic, index, nameStart, valueStart, start, end } = place
  const how = REPRESENTATIONS[representation]
  const table = isStatic ? 'static table' : 'dynamic table'
  const nameEnd = Math.max(start + 1, nameStart === valueStart ? valueStart : nameStart)
  const parts = [
    field('http3.headers.header.name', 'Name', name, start, Math.min(end, nameEnd)),
    field('http3.headers.header.value', 'Value', value, Math.min(valueStart, end - 1), end),
    field('http3.headers.header.repr', 'Representation', how, start, start + 1),
  ]
  if (index >= 0) parts.push(field('http3.headers.header.index', `Index in the ${table}`, index, start, start + 1))
  return field('http3.headers.header', name, value, start, end, parts)
}

/**
 * Reads a whole field section in [start, end) for the inspector: RFC 9204 section 4.5.
 * @throws QpackDecodeError, after which the decoder is of no use
 */
export function readFieldSection(
  decoder: QpackDecoder,
  stream: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): FieldSectionReading {
  const fields: Field[] = []
  const found = new Map<string, string>()
  let place: QpackPlace | undefined
  const waitsFor = decoder.decode(stream, bytes, start, end, {
    prefix: (requiredInsertCount, base, prefixEnd) => {
      fields.push(
        field('http3.headers.required_insert_count', 'Required Insert Count', requiredInsertCount, start, prefixEnd),
        field('http3.headers.base', 'Base', base, start, prefixEnd),
      )
    },
    place: (next) => {
      place = { ...next }
    },
    field: (name, value) => {
      found.set(name, value)
      if (place !== undefined && fields.length < MOST_FIELDS) fields.push(lineField(place, name, value))
    },
  })
  // The trace acknowledges nothing.
  decoder.takeInstructions()
  if (waitsFor > 0) return { fields: [], words: '', waitsFor }
  const pseudo = [':method', ':status', ':path'].map((name) => found.get(name) ?? '').filter((word) => word !== '')
  return { fields, words: pseudo.length === 0 && found.size > 0 ? 'trailers' : pseudo.join(' '), waitsFor: 0 }
}

const TITLES = { encoder: 'QPACK encoder stream', decoder: 'QPACK decoder stream' } as const

/** One instruction in words, and its parts as fields. */
type Instruction = readonly [words: string, fields: readonly Field[]]

/** Reads instructions of QPACK's own streams for the inspector: RFC 9204 sections 4.3 and 4.4. */
export class QpackInstructionLayers {
  private readonly reader = new PrefixReader(
    LARGEST_INTEGER,
    (problem, offset, detail) =>
      new QpackDecodeError(problem, offset, detail, 'QPACK_ENCODER_STREAM_ERROR', 'RFC 9204 section 4.3'),
  )

  /** @param stream whose instructions these are */
  constructor(private readonly stream: 'encoder' | 'decoder') {}

  /**
   * The instruction that begins at `start`, its range from there on; undefined: it is not whole in [start, end).
   * @throws QpackDecodeError when it is none
   */
  next(bytes: Uint8Array, start: number, end: number): Layer | undefined {
    const { reader, stream } = this
    reader.begin(bytes, start, end)
    try {
      const [words, fields] = stream === 'encoder' ? this.encoderInstruction(bytes[start]) : this.decoderInstruction(bytes[start])
      return { protocol: 'qpack', title: TITLES[stream], summary: `QPACK ${words}`, start, end: reader.position, fields }
    } catch (error) {
      if (error instanceof QpackDecodeError && error.problem === 'truncated') return undefined
      throw error
    } finally {
      reader.release()
    }
  }

  private integer(name: string, label: string, mask: number): readonly [number, Field] {
    const from = this.reader.position
    const value = this.reader.integer(mask)
    return [value, field(`http3.qpack.${this.stream}.${name}`, label, value, from, this.reader.position)]
  }

  private text(name: string, label: string, mask: number): readonly [string, Field] {
    const from = this.reader.position
    const value = this.reader.string(mask)
    return [value, field(`http3.qpack.${this.stream}.${name}`, label, value, from, this.reader.position)]
  }

  private encoderInstruction(first: number): Instruction {
    if (first >= 0x80) {
      const isStatic = (first & 0x40) !== 0
      const [index, at] = this.integer('name_index', `Name’s index in the ${isStatic ? 'static' : 'dynamic'} table`, 0x3f)
      const [value, to] = this.text('value', 'Value', 0x7f)
      const name = isStatic && index < STATIC_LENGTH ? staticName(index) : `the name of entry ${String(index)}`
      return [`inserts ${name}: ${value}`, [at, to]]
    }
    if (first >= 0x40) {
      const [name, at] = this.text('name', 'Name', 0x1f)
      const [value, to] = this.text('value', 'Value', 0x7f)
      return [`inserts ${name}: ${value}`, [at, to]]
    }
    if (first >= 0x20) {
      const [capacity, at] = this.integer('capacity', 'Capacity', 0x1f)
      return [`sets the table’s capacity to ${String(capacity)} bytes`, [at]]
    }
    const [index, at] = this.integer('duplicate', 'Index', 0x1f)
    return [`inserts entry ${String(index)} again`, [at]]
  }

  private decoderInstruction(first: number): Instruction {
    if (first >= 0x80) {
      const [stream, at] = this.integer('section_acknowledgment', 'Stream', 0x7f)
      return [`has read the fields of stream ${String(stream)}`, [at]]
    }
    if (first >= 0x40) {
      const [stream, at] = this.integer('stream_cancellation', 'Stream', 0x3f)
      return [`does not read stream ${String(stream)}`, [at]]
    }
    const [increment, at] = this.integer('insert_count_increment', 'Increment', 0x3f)
    return [`has ${String(increment)} more insertions`, [at]]
  }
}
