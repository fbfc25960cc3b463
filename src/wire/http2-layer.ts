import { field, hex, named } from './describe.ts'
import { DecodeError } from './errors.ts'
import type { Field, Layer } from './field.ts'
import { HpackDecoder } from './hpack.ts'
import type { HpackPlace, HpackRepresentation } from './hpack.ts'
import {
  decodeFrameHeader,
  decodeGoaway,
  decodeHeaders,
  decodePing,
  decodePriority,
  decodePriorityUpdate,
  decodePushPromise,
  decodeResetStream,
  decodeSettings,
  decodeWindowUpdate,
  HTTP2_HEADER_LENGTH,
  HTTP2_PREFACE,
  settingProblem,
} from './http2-frame.ts'
import type { ByteRange, Http2FrameHeader } from './http2-frame.ts'
import { HTTP2_FLAG, http2ErrorName, http2FrameType, http2SettingName } from './http2-names.ts'
import type { Http2FrameType, Http2SettingName } from './http2-names.ts'
import { joined } from './joined.ts'

const TITLE = 'HyperText Transfer Protocol 2'
const PAYLOAD = HTTP2_HEADER_LENGTH

/** The reader grants any table: what was agreed on is between the two ends. */
const ANY_TABLE = 2 ** 28

/** Fields of one block that are shown. */
const MOST_FIELDS = 500

/** Wireshark's names for settings. */
const SETTING_FIELDS: Readonly<Record<Http2SettingName, string>> = {
  HEADER_TABLE_SIZE: 'header_table_size',
  ENABLE_PUSH: 'enable_push',
  MAX_CONCURRENT_STREAMS: 'max_concurrent_streams',
  INITIAL_WINDOW_SIZE: 'initial_window_size',
  MAX_FRAME_SIZE: 'max_frame_size',
  MAX_HEADER_LIST_SIZE: 'max_header_list_size',
  ENABLE_CONNECT_PROTOCOL: 'extended_connect',
  NO_RFC7540_PRIORITIES: 'no_rfc7540_priorities',
}

/** Wireshark's words for how a field was written. */
const REPRESENTATIONS: Readonly<Record<HpackRepresentation, string>> = {
  indexed: 'Indexed Header Field',
  'incremental-indexing': 'Literal Header Field with Incremental Indexing',
  'without-indexing': 'Literal Header Field without Indexing',
  'never-indexed': 'Literal Header Field never Indexed',
  'size-update': 'Header Table Size Update',
}

type Flag = readonly [bit: number, name: string, label: string]
const STREAM_END: Flag = [HTTP2_FLAG.END_STREAM, 'end_stream', 'End of the stream']
const FIELDS_END: Flag = [HTTP2_FLAG.END_HEADERS, 'eh', 'End of the field block']
const PADDED: Flag = [HTTP2_FLAG.PADDED, 'padded', 'Padded']
const FLAGS: Readonly<Partial<Record<Http2FrameType, readonly Flag[]>>> = {
  DATA: [PADDED, STREAM_END],
  HEADERS: [[HTTP2_FLAG.PRIORITY, 'priority', 'Priority'], PADDED, FIELDS_END, STREAM_END],
  PUSH_PROMISE: [PADDED, FIELDS_END],
  CONTINUATION: [FIELDS_END],
  SETTINGS: [[HTTP2_FLAG.ACK, 'ack.settings', 'Acknowledgment']],
  PING: [[HTTP2_FLAG.ACK, 'ack.ping', 'Acknowledgment']],
}

/** What a frame says beside its header. */
interface Said {
  readonly fields: readonly Field[]
  /** For the summary; may be empty. */
  readonly words: string
  readonly problem?: string
}

function latin1(bytes: Uint8Array, { start, end }: ByteRange): string {
  let text = ''
  for (let i = start; i < Math.min(end, start + 300); i++) text += String.fromCharCode(bytes[i])
  return text
}

/** How many bytes, in words. */
function amount(bytes: number): string {
  return `${String(bytes)} byte${bytes === 1 ? '' : 's'}`
}

/** RFC 7540 section 5.3, the part of five bytes in HEADERS and PRIORITY. */
function legacyPriorityFields(bytes: Uint8Array, at: number): Field[] {
  const { isExclusive, dependsOn, weight } = decodePriority(bytes, at, at + 5)
  return [
    field('http2.exclusive', 'Exclusive', isExclusive, at, at + 4),
    field('http2.stream_dependency', 'Depends on stream', dependsOn, at, at + 4),
    field('http2.headers.weight', 'Weight less one', weight - 1, at + 4, at + 5),
  ]
}

/**
 * Reads the frames that one end of a connection sends, for the inspector: RFC 9113 section 4.1, with the names of Wireshark's display filter.
 * Frames have to come whole and in their order, for the tables of HPACK change with each field block.
 */
export class Http2LayerReader {
  private readonly hpack = new HpackDecoder()
  /** Why fields can no longer be read. */
  private hpackProblem: string | undefined
  /** A field block that has begun. */
  private fragments: Uint8Array[] = []

  constructor() {
    this.hpack.setLimit(ANY_TABLE)
  }

  /** The connection preface of a client (RFC 9113 section 3.4). */
  preface(): Layer {
    const end = HTTP2_PREFACE.length
    const shown = HTTP2_PREFACE.replaceAll('\r\n', '\\r\\n')
    const fields = [field('http2.magic', 'Connection preface', shown, 0, end)]
    return { protocol: 'http2', title: TITLE, summary: 'Connection preface', start: 0, end, fields }
  }

  /** @param bytes a whole frame, or of DATA the header at least; ranges are from its beginning */
  frame(bytes: Uint8Array): Layer {
    const header: Http2FrameHeader = { length: 0, type: 0, flags: 0, stream: 0 }
    decodeFrameHeader(bytes, 0, header)
    const type = http2FrameType(header.type)
    const end = PAYLOAD + header.length
    const flags = (type === undefined ? undefined : FLAGS[type]) ?? []
    const fields: Field[] = [
      field('http2.length', 'Length', header.length, 0, 3),
      field('http2.type', 'Type', named(header.type, type), 3, 4),
      field(
        'http2.flags',
        'Flags',
        hex(header.flags, 2),
        4,
        5,
        flags.map(([bit, name, label]) => field(`http2.flags.${name}`, label, (header.flags & bit) !== 0, 4, 5)),
      ),
      field('http2.r', 'Reserved', hex(bytes[5] & 0x80, 8), 5, 9),
      field('http2.streamid', 'Stream', header.stream, 5, 9),
    ]
    let words = ''
    let problem: string | undefined
    try {
      const said = this.payload(bytes, header, type)
      fields.push(...said.fields)
      ;({ words, problem } = said)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      problem = error.message
      if (end > PAYLOAD) fields.push(field('http2.unknown', 'Payload', amount(header.length), PAYLOAD, end))
    }
    const on = header.stream === 0 ? '' : `[${String(header.stream)}]`
    const summary = `${type ?? `Frame of type ${hex(header.type, 2)}`}${on}${words === '' ? '' : ` ${words}`}`
    const layer: Layer = { protocol: 'http2', title: TITLE, summary, start: 0, end, fields }
    return problem === undefined ? layer : { ...layer, problem }
  }

  private payload(bytes: Uint8Array, header: Http2FrameHeader, type: Http2FrameType | undefined): Said {
    const { flags, length } = header
    const end = PAYLOAD + length
    switch (type) {
      case 'DATA':
        return this.data(bytes, header)
      case 'HEADERS': {
        const { fragment, priority } = decodeHeaders(bytes, PAYLOAD, end, flags)
        const padded = padding('http2.headers.padding', bytes, flags, fragment, end)
        const legacy = priority ? legacyPriorityFields(bytes, fragment.start - 5) : []
        const block = this.block(bytes, fragment, flags, true)
        return { fields: [...padded, ...legacy, ...raw('http2.headers', fragment), ...block.fields], words: block.words }
      }
      case 'PRIORITY': {
        const { dependsOn } = decodePriority(bytes, PAYLOAD, end)
        return { fields: legacyPriorityFields(bytes, PAYLOAD), words: `depends on ${String(dependsOn)}` }
      }
      case 'RST_STREAM': {
        const code = decodeResetStream(bytes, PAYLOAD, end)
        const value = named(code, http2ErrorName(code))
        return {
          fields: [field('http2.rst_stream.error', 'Error', value, PAYLOAD, end)],
          words: http2ErrorName(code) ?? hex(code, 8),
        }
      }
      case 'SETTINGS':
        return settings(bytes, end, flags)
      case 'PUSH_PROMISE': {
        const { promised, fragment } = decodePushPromise(bytes, PAYLOAD, end, flags)
        const at = fragment.start - 4
        const padded = padding('http2.push_promise.padding', bytes, flags, fragment, end)
        const block = this.block(bytes, fragment, flags, true)
        const fields = [
          ...padded,
          field('http2.push_promise.r', 'Reserved', bytes[at] >>> 7, at, at + 4),
          field('http2.push_promise.promised_stream_id', 'Promised stream', promised, at, at + 4),
          ...raw('http2.push_promise.header', fragment),
          ...block.fields,
        ]
        return { fields, words: `promises ${String(promised)}: ${block.words}` }
      }
      case 'PING': {
        const isAck = (flags & HTTP2_FLAG.ACK) !== 0
        const value = [...decodePing(bytes, PAYLOAD, end)].map((octet) => octet.toString(16).padStart(2, '0')).join(':')
        const [name, label] = isAck ? ['http2.pong', 'Answer'] : ['http2.ping', 'Question']
        return { fields: [field(name, label, value, PAYLOAD, end)], words: isAck ? 'ACK' : '' }
      }
      case 'GOAWAY':
        return goaway(bytes, end)
      case 'WINDOW_UPDATE': {
        const increment = decodeWindowUpdate(bytes, PAYLOAD, end)
        const fields = [
          field('http2.window_update.r', 'Reserved', hex(bytes[PAYLOAD] & 0x80, 8), PAYLOAD, end),
          field('http2.window_update.window_size_increment', 'Increment', increment, PAYLOAD, end),
        ]
        return { fields, words: `+${String(increment)}` }
      }
      case 'CONTINUATION': {
        const fragment = { start: PAYLOAD, end }
        const block = this.block(bytes, fragment, flags, false)
        return { fields: [...raw('http2.continuation.header', fragment), ...block.fields], words: block.words }
      }
      case 'PRIORITY_UPDATE': {
        const { stream, value } = decodePriorityUpdate(bytes, PAYLOAD, end)
        const text = latin1(bytes, value)
        const fields = [field('http2.priority_update_stream_id', 'Stream', stream, PAYLOAD, PAYLOAD + 4)]
        if (value.end > value.start)
          fields.push(field('http2.priority_update_field_value', 'Priority', text, value.start, value.end))
        return { fields, words: `of ${String(stream)}: ${text}` }
      }
      default:
        return { fields: length === 0 ? [] : [field('http2.unknown', 'Payload', amount(length), PAYLOAD, end)], words: '' }
    }
  }

  private data(bytes: Uint8Array, { length, flags }: Http2FrameHeader): Said {
    const end = PAYLOAD + length
    const isPadded = (flags & HTTP2_FLAG.PADDED) !== 0
    // Of content that is not there, nothing is said but its length.
    const padLength = isPadded && bytes.length > PAYLOAD && length > 0 ? bytes[PAYLOAD] : 0
    const fragment = { start: PAYLOAD + (isPadded && length > 0 ? 1 : 0), end: end - padLength }
    if (fragment.end < fragment.start) throw new DecodeError('http2', 'invalid', PAYLOAD, 'padding as long as the whole frame')
    const content = fragment.end - fragment.start
    const fields = bytes.length > PAYLOAD ? padding('http2.data.padding', bytes, flags, fragment, end) : []
    if (content > 0) fields.push(field('http2.data.data', 'Content', amount(content), fragment.start, fragment.end))
    return { fields, words: amount(content) }
  }

  /** A fragment of a field block, and the fields if it is the last. */
  private block(bytes: Uint8Array, fragment: ByteRange, flags: number, isFirst: boolean): Said {
    if (isFirst) this.fragments = []
    const isLast = (flags & HTTP2_FLAG.END_HEADERS) !== 0
    const piece = bytes.subarray(fragment.start, fragment.end)
    if (!isLast) {
      this.fragments.push(piece.slice())
      return { fields: [], words: '' }
    }
    const before = this.fragments.reduce((total, { length }) => total + length, 0)
    const whole = joined([...this.fragments, piece])
    this.fragments = []
    return this.readBlock(whole, fragment.start - before, fragment)
  }

  /** @param shift what is to be added to a place in the block to have that in the frame; what came in frames before is shown at `fragment` */
  private readBlock(block: Uint8Array, shift: number, fragment: ByteRange): Said {
    if (this.hpackProblem !== undefined) throw new DecodeError('hpack', 'invalid', 0, this.hpackProblem)
    const fields: Field[] = []
    const found: { readonly name: string; readonly value: string }[] = []
    let place: HpackPlace | undefined
    const range = (start: number, end: number): [number, number] => {
      const from = Math.max(fragment.start, start + shift)
      const to = Math.max(from + 1, end + shift)
      return from < fragment.end ? [from, to] : [0, PAYLOAD]
    }
    try {
      this.hpack.decode(block, 0, block.length, {
        place: (next) => {
          place = { ...next }
          if (next.representation !== 'size-update' || fields.length >= MOST_FIELDS) return
          const [start, end] = range(next.start, next.end)
          fields.push(
            field('http2.header_table_size_update', 'Change of the table', amount(next.index), start, end, [
              field('http2.header_table_size_update.header_table_size', 'Size', next.index, start, end),
            ]),
          )
        },
        field: (name, value) => {
          found.push({ name, value })
          if (place === undefined || fields.length >= MOST_FIELDS) return
          fields.push(headerField(place, name, value, range))
        },
      })
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.hpackProblem = 'an earlier field block could not be read'
      throw error
    }
    const pseudo = (name: string): string => found.find((other) => other.name === name)?.value ?? ''
    const words = [pseudo(':method'), pseudo(':status'), pseudo(':path')].filter((word) => word !== '').join(' ')
    return { fields, words: words === '' && found.length > 0 ? 'trailers' : words }
  }
}

function headerField(
  place: HpackPlace,
  name: string,
  value: string,
  range: (start: number, end: number) => [number, number],
): Field {
  const [start, end] = range(place.start, place.end)
  const { representation, index, nameStart, valueStart } = place
  const how = REPRESENTATIONS[representation]
  const origin = representation === 'indexed' ? '' : index === 0 ? ' - New Name' : ' - Indexed Name'
  const nameRange =
    nameStart === valueStart ? range(place.start, Math.max(place.start + 1, valueStart)) : range(nameStart, valueStart)
  const valueRange = representation === 'indexed' ? [start, end] : range(valueStart, place.end)
  const parts = [
    field('http2.header.name', 'Name', name, nameRange[0], nameRange[1]),
    field('http2.header.value', 'Value', value, valueRange[0], valueRange[1]),
    field('http2.header.repr', 'Representation', `${how}${origin}`, start, start + 1),
  ]
  if (index > 0) parts.push(field('http2.header.index', 'Index', index, start, start + 1))
  return field('http2.header', name, value, start, end, parts)
}

function raw(name: string, { start, end }: ByteRange): Field[] {
  return start < end ? [field(name, 'Field block', amount(end - start), start, end)] : []
}

function padding(name: string, bytes: Uint8Array, flags: number, fragment: ByteRange, end: number): Field[] {
  if ((flags & HTTP2_FLAG.PADDED) === 0 || end <= PAYLOAD) return []
  const length = field('http2.pad_length', 'Pad length', bytes[PAYLOAD], PAYLOAD, PAYLOAD + 1)
  return fragment.end < end ? [length, field(name, 'Padding', amount(end - fragment.end), fragment.end, end)] : [length]
}

function settings(bytes: Uint8Array, end: number, flags: number): Said {
  const parameters = decodeSettings(bytes, PAYLOAD, end, flags)
  const problems: string[] = []
  const fields = parameters.map(({ id, value }, i) => {
    const at = PAYLOAD + 6 * i
    const name = http2SettingName(id)
    if (settingProblem(id, value) !== undefined) problems.push(`${String(name)} cannot be ${String(value)}`)
    return field('http2.settings', name ?? hex(id, 4), value, at, at + 6, [
      field('http2.settings.id', 'Setting', named(id, name), at, at + 2),
      field(`http2.settings.${name === undefined ? 'unknown' : SETTING_FIELDS[name]}`, 'Value', value, at + 2, at + 6),
    ])
  })
  const words = (flags & HTTP2_FLAG.ACK) !== 0 ? 'ACK' : ''
  return problems.length === 0 ? { fields, words } : { fields, words, problem: problems.join('; ') }
}

function goaway(bytes: Uint8Array, end: number): Said {
  const { lastStream, code, debug } = decodeGoaway(bytes, PAYLOAD, end)
  const name = http2ErrorName(code)
  const fields = [
    field('http2.goway.r', 'Reserved', hex(bytes[PAYLOAD] & 0x80, 8), PAYLOAD, PAYLOAD + 4),
    field('http2.goaway.last_stream_id', 'Last stream', lastStream, PAYLOAD, PAYLOAD + 4),
    field('http2.goaway.error', 'Error', named(code, name), PAYLOAD + 4, PAYLOAD + 8),
  ]
  if (debug.end > debug.start) {
    fields.push(field('http2.goaway.addata', 'Debug data', latin1(bytes, debug), debug.start, debug.end))
  }
  return { fields, words: `${name ?? hex(code, 8)}, last stream ${String(lastStream)}` }
}
