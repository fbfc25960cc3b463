import { field, hex } from './describe.ts'
import { DecodeError } from './errors.ts'
import type { Field, Layer } from './field.ts'
import {
  decodeIdFrame,
  decodePriorityUpdateFrame,
  decodePushPromiseFrame,
  decodeSettingsFrame,
  http3SettingProblem,
} from './http3-frame.ts'
import {
  HTTP3_FRAME_CODE,
  http3FrameType,
  http3SettingName,
  http3StreamType,
  isHttp3Reserved,
  type Http3SettingName,
} from './http3-names.ts'
import type { FieldSectionReading } from './qpack-layer.ts'
import { QuicFieldNoter } from './quic/field-noter.ts'
import { bytesInWords } from './tls/field-reader.ts'

const TITLE = 'Hypertext Transfer Protocol Version 3'

/** Wireshark's names for the values of settings, where it has one. */
const SETTING_FIELDS: Readonly<Partial<Record<Http3SettingName, string>>> = {
  QPACK_MAX_TABLE_CAPACITY: 'http3.settings.qpack.max_table_capacity',
  MAX_FIELD_SECTION_SIZE: 'http3.settings.max_field_section_size',
  QPACK_BLOCKED_STREAMS: 'http3.settings.qpack.blocked_streams',
  ENABLE_CONNECT_PROTOCOL: 'http3.settings.extended_connect',
}

function count(bytes: number): string {
  return `${String(bytes)} ${bytes === 1 ? 'byte' : 'bytes'}`
}

/** What a unidirectional stream begins with (RFC 9114 section 6.2): an integer in [0, end). */
export function http3StreamTypeLayer(bytes: Uint8Array, end: number): Layer {
  const at = new QuicFieldNoter(bytes, 0, end)
  const code = at.varint('http3.stream_type', 'Stream type', http3StreamType)
  const name = http3StreamType(code)
  const summary = name === undefined ? `begins a stream of type ${hex(code, 2)}` : `begins the ${name} stream`
  return { protocol: 'http3', title: TITLE, summary, start: 0, end: at.at, fields: at.fields }
}

interface Said {
  readonly fields: readonly Field[]
  readonly words: string
  readonly problem?: string
}

function settings(bytes: Uint8Array, start: number, end: number): Said {
  const problems: string[] = []
  const fields = decodeSettingsFrame(bytes, start, end).map((setting) => {
    const name = http3SettingName(setting.id)
    const problem = http3SettingProblem(setting)
    if (problem !== undefined) problems.push(problem.detail)
    const at = new QuicFieldNoter(bytes, setting.start, setting.end)
    at.varint('http3.settings.id', 'Setting', () => name ?? (isHttp3Reserved(setting.id) ? 'reserved' : undefined))
    at.varint((name === undefined ? undefined : SETTING_FIELDS[name]) ?? 'http3.settings.value', 'Value')
    const value = at.fields[1].value
    return field('http3.settings', name ?? hex(setting.id, 2), value, setting.start, setting.end, at.fields)
  })
  return problems.length === 0 ? { fields, words: '' } : { fields, words: '', problem: problems.join('; ') }
}

function idFrame(
  type: Parameters<typeof decodeIdFrame>[0],
  bytes: Uint8Array,
  start: number,
  end: number,
  name: string,
  label: string,
): Said {
  decodeIdFrame(type, bytes, start, end)
  const at = new QuicFieldNoter(bytes, start, end)
  at.varint(name, label)
  return { fields: at.fields, words: at.fields[0].value }
}

function priorityUpdate(bytes: Uint8Array, start: number, end: number): Said {
  const { valueStart } = decodePriorityUpdateFrame(bytes, start, end)
  const at = new QuicFieldNoter(bytes, start, end)
  const element = at.varint('http3.priority_update_element_id', 'Element')
  const value = String.fromCharCode(...bytes.subarray(valueStart, end))
  if (valueStart < end) at.fields.push(field('http3.priority_update_field_value', 'Priority', value, valueStart, end))
  return { fields: at.fields, words: `of ${String(element)}: ${value}` }
}

function section(start: number, end: number, reading: FieldSectionReading | undefined): Said {
  const raw = start < end ? [field('http3.frame_payload', 'Field section', count(end - start), start, end)] : []
  if (reading === undefined) return { fields: raw, words: 'fields that cannot be read' }
  if (reading.waitsFor > 0) return { fields: raw, words: `waits for insertion ${String(reading.waitsFor)} into QPACK’s table` }
  return { fields: [...raw, ...reading.fields], words: reading.words }
}

function payload(bytes: Uint8Array, code: number, start: number, end: number, reading: FieldSectionReading | undefined): Said {
  const type = http3FrameType(code)
  switch (type) {
    case 'DATA':
      return {
        fields: start < end ? [field('http3.frame_payload', 'Content', count(end - start), start, end)] : [],
        words: count(end - start),
      }
    case 'HEADERS':
      return section(start, end, reading)
    case 'PUSH_PROMISE': {
      const { push, sectionStart } = decodePushPromiseFrame(bytes, start, end)
      const said = section(sectionStart, end, reading)
      const id = field('http3.push_id', 'Push ID', push, start, sectionStart)
      return { fields: [id, ...said.fields], words: `push ${String(push)}: ${said.words}` }
    }
    case 'SETTINGS':
      return settings(bytes, start, end)
    case 'GOAWAY':
      return idFrame('GOAWAY', bytes, start, end, 'http3.goaway.id', 'First that is refused')
    case 'CANCEL_PUSH':
    case 'MAX_PUSH_ID':
      return idFrame(type, bytes, start, end, 'http3.push_id', 'Push ID')
    case 'PRIORITY_UPDATE':
    case 'PRIORITY_UPDATE (push)':
      return priorityUpdate(bytes, start, end)
    case undefined:
      return start < end
        ? { fields: [field('http3.frame_payload', 'Payload', count(end - start), start, end)], words: count(end - start) }
        : { fields: [], words: '' }
  }
}

/**
 * A frame (RFC 9114 section 7.1) for the inspector, with the names of Wireshark's display filter; ranges are from its beginning.
 * @param bytes a whole frame, or of DATA and of frames that are not known the header at least
 * @param payloadStart behind type and length
 * @param end one past the payload
 * @param stream that it was sent on
 * @param reading of its field section, if it has one
 */
export function http3FrameLayer(
  bytes: Uint8Array,
  payloadStart: number,
  end: number,
  stream: number,
  reading?: FieldSectionReading,
): Layer {
  const at = new QuicFieldNoter(bytes, 0, payloadStart)
  const code = at.varint('http3.frame_type', 'Type', frameName)
  at.varint('http3.frame_length', 'Length')
  const fields = [...at.fields]
  let words = ''
  let problem: string | undefined
  try {
    const said = payload(bytes, code, payloadStart, end, reading)
    fields.push(...said.fields)
    ;({ words, problem } = said)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    problem = error.message
    const said = bytesInWords(bytes.subarray(payloadStart, end))
    if (payloadStart < end) fields.push(field('http3.frame_payload', 'Payload', said, payloadStart, end))
  }
  const isOfStream = code === HTTP3_FRAME_CODE.DATA || code === HTTP3_FRAME_CODE.HEADERS || code === HTTP3_FRAME_CODE.PUSH_PROMISE
  const name = frameName(code) ?? `frame of type ${hex(code, 2)}`
  const summary = `${name}${isOfStream ? ` stream ${String(stream)}` : ''}${words === '' ? '' : `, ${words}`}`
  const layer: Layer = { protocol: 'http3', title: TITLE, summary, start: 0, end, fields }
  return problem === undefined ? layer : { ...layer, problem }
}

function frameName(code: number): string | undefined {
  return http3FrameType(code) ?? (isHttp3Reserved(code) ? 'reserved frame' : undefined)
}
