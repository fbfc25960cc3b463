import type { Field, Layer } from '../wire/field.ts'
import type { Http3Conversation, Http3Unit, Sender } from './http3-conversation.ts'
import type { QlogSaying } from './qlog-events.ts'
import type { QlogData } from './qlog-frames.ts'
import type { EventData } from './record.ts'
import { unitsIn } from './unit-search.ts'

/** draft-ietf-quic-qlog-h3-events-01 section 3.1.3. */
const STREAM_TYPES: Readonly<Record<string, string>> = {
  control: 'control',
  push: 'push',
  'QPACK encoder': 'qpack_encode',
  'QPACK decoder': 'qpack_decode',
}
/** What `http:parameters_set` calls those settings that it knows. */
const PARAMETERS: Readonly<Record<string, string>> = {
  MAX_FIELD_SECTION_SIZE: 'max_header_list_size',
  QPACK_MAX_TABLE_CAPACITY: 'max_table_capacity',
  QPACK_BLOCKED_STREAMS: 'blocked_streams_count',
}

function fieldOf(fields: readonly Field[], name: string): Field | undefined {
  return fields.find((each) => each.name === name)
}

/** The number that a field shows: `'4 (SETTINGS)'` is 4. */
function numberOf(fields: readonly Field[], name: string): number {
  return Number.parseInt(fieldOf(fields, name)?.value ?? '0', 10)
}

/** `'SETTINGS'` of `'4 (SETTINGS)'`. */
function nameIn(field: Field | undefined): string {
  return /\((.*)\)$/.exec(field?.value ?? '')?.[1] ?? ''
}

function headers({ fields }: Layer): QlogData[] {
  return fields.flatMap(({ name, fields: parts = [] }) =>
    name === 'http3.headers.header'
      ? [
          {
            name: fieldOf(parts, 'http3.headers.header.name')?.value ?? '',
            value: fieldOf(parts, 'http3.headers.header.value')?.value ?? '',
          },
        ]
      : [],
  )
}

function settings({ fields }: Layer): { readonly name: string; readonly value: number }[] {
  return fields.flatMap(({ name, label, value }) => (name === 'http3.settings' ? [{ name: label, value: Number(value) }] : []))
}

/** A frame: draft-ietf-quic-qlog-h3-events-01 appendix A.1. */
function frameOf(layer: Layer): QlogData {
  const type = nameIn(fieldOf(layer.fields, 'http3.frame_type'))
  switch (type) {
    case 'DATA':
      return { frame_type: 'data' }
    case 'HEADERS':
      return { frame_type: 'headers', headers: headers(layer) }
    case 'SETTINGS':
      return { frame_type: 'settings', settings: settings(layer) }
    case 'PUSH_PROMISE':
      return { frame_type: 'push_promise', push_id: numberOf(layer.fields, 'http3.push_id'), headers: headers(layer) }
    case 'GOAWAY':
      return { frame_type: 'goaway', id: numberOf(layer.fields, 'http3.goaway.id') }
    case 'CANCEL_PUSH':
    case 'MAX_PUSH_ID':
      return { frame_type: type.toLowerCase(), push_id: numberOf(layer.fields, 'http3.push_id') }
    case 'reserved frame':
      return { frame_type: 'reserved' }
    default:
      // Those of RFC 9218, too, which this version of qlog does not know.
      return {
        frame_type: 'unknown',
        raw_frame_type: numberOf(layer.fields, 'http3.frame_type'),
        raw_length: numberOf(layer.fields, 'http3.frame_length'),
      }
  }
}

/** What one end says and hears in HTTP/3, as qlog says it. Takes in what that end has recorded, in its order. */
export class QlogHttp3 {
  /** By stream and sender: up to where its units were told. */
  private readonly told = new Map<number, number>()
  /** By sender: how often it has inserted into the other end's table. */
  private readonly insertions: [number, number] = [0, 0]

  constructor(
    private readonly http3: Http3Conversation,
    private readonly self: Sender,
  ) {}

  /** @returns nothing for what qlog has no event for */
  take(name: string, data: EventData): readonly QlogSaying[] {
    switch (name) {
      case 'http3:frame-sent':
        return this.frame(data, this.self, 'http:frame_created')
      case 'http3:frame-received':
        return this.frame(data, this.self === 0 ? 1 : 0, 'http:frame_parsed')
      case 'quic:stream-sent':
        return this.bytes(data, this.self)
      case 'quic:stream-delivered':
        return this.bytes(data, this.self === 0 ? 1 : 0)
      default:
        return []
    }
  }

  private frame(data: EventData, sender: Sender, name: string): readonly QlogSaying[] {
    const { stream, from, to, length } = data
    if (typeof stream !== 'number' || typeof from !== 'number' || typeof to !== 'number') return []
    const units = this.http3.units(sender, stream)
    const [index] = unitsIn(units, from, from + 1)
    const unit = index === undefined ? undefined : units[index]
    if (unit?.start !== from) return []
    const frame = frameOf(unit.layer)
    const size = typeof length === 'number' ? length : undefined
    const raw = { length: to - from, ...(size !== undefined && { payload_length: size }) }
    const said: QlogSaying = [name, { stream_id: stream, ...(size !== undefined && { length: size }), frame, raw }]
    return frame['frame_type'] === 'settings' ? [said, this.parameters(unit.layer, sender)] : [said]
  }

  private parameters(layer: Layer, sender: Sender): QlogSaying {
    const known = settings(layer).flatMap(({ name, value }) => {
      const parameter = PARAMETERS[name]
      return parameter === undefined ? [] : [[parameter, value] as const]
    })
    return ['http:parameters_set', { owner: sender === this.self ? 'local' : 'remote', ...Object.fromEntries(known) }]
  }

  /** What begins or ends in bytes of a stream that were sent, or came: stream types, and instructions of QPACK. */
  private bytes({ stream, offset, length }: EventData, sender: Sender): readonly QlogSaying[] {
    if (typeof stream !== 'number' || typeof offset !== 'number' || typeof length !== 'number') return []
    const key = stream * 2 + sender
    const from = this.told.get(key) ?? -1
    const to = offset + length
    if (to <= from) return []
    this.told.set(key, to)
    const owner = sender === this.self ? 'local' : 'remote'
    const isUnidirectional = (stream & 2) !== 0
    if (!isUnidirectional) {
      const isFirst = from < 0 && offset === 0 && !this.told.has(key ^ 1)
      return isFirst ? [['http:stream_type_set', { stream_id: stream, owner, new: 'data' }]] : []
    }
    return this.http3.units(sender, stream).flatMap((unit) => {
      if (unit.end <= from || unit.end > to) return []
      return this.unit(unit, stream, sender, owner)
    })
  }

  private unit({ layer }: Http3Unit, stream: number, sender: Sender, owner: string): readonly QlogSaying[] {
    const { fields, protocol } = layer
    const type = fieldOf(fields, 'http3.stream_type')
    if (type !== undefined) {
      const kind = STREAM_TYPES[nameIn(type)]
      return [['http:stream_type_set', { stream_id: stream, owner, new: kind ?? 'reserved' }]]
    }
    if (protocol !== 'qpack') return []
    const name = sender === this.self ? 'qpack:instruction_created' : 'qpack:instruction_parsed'
    const [first] = fields
    const instruction = instructionOf(first)
    if (instruction !== undefined) return [[name, { instruction }]]
    // How strings are coded, which an instruction would have to say, is not kept; what it did to the table is said instead.
    const index = this.insertions[sender]++
    const entryName = /^QPACK inserts (?!the name of entry)(.*?[^:]): /.exec(layer.summary)?.[1]
    const value = fieldOf(fields, 'http3.qpack.encoder.value')?.value
    const entry = { index, ...(entryName !== undefined && { name: entryName }), ...(value !== undefined && { value }) }
    return [['qpack:dynamic_table_updated', { owner, update_type: 'inserted', entries: [entry] }]]
  }
}

/** An instruction that inserts nothing: draft-ietf-quic-qlog-h3-events-01 appendix B.1. */
function instructionOf({ name, value }: Field): QlogData | undefined {
  switch (name) {
    case 'http3.qpack.encoder.capacity':
      return { instruction_type: 'set_dynamic_table_capacity', capacity: Number(value) }
    case 'http3.qpack.decoder.section_acknowledgment':
      return { instruction_type: 'header_acknowledgement', stream_id: Number(value) }
    case 'http3.qpack.decoder.stream_cancellation':
      return { instruction_type: 'stream_cancellation', stream_id: Number(value) }
    case 'http3.qpack.decoder.insert_count_increment':
      return { instruction_type: 'insert_count_increment', increment: Number(value) }
    default:
      return undefined
  }
}
