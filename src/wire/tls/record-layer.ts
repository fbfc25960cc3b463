import { field, hex, named, withProblems } from '../describe.ts'
import type { Field, Layer } from '../field.ts'
import { read16 } from '../integer.ts'
import { AlertLevel, alertName } from './alert.ts'
import { ContentType, contentTypeName, versionName } from './code-points.ts'
import { readHandshake } from './handshake-layer.ts'
import type { TlsVersionName } from './handshake-layer.ts'
import { decodeRecordHeader, RECORD_HEADER_LENGTH } from './record.ts'

interface Reading {
  readonly fields: readonly Field[]
  readonly summary: string
  readonly problem?: string | undefined
}

function alertReading(bytes: Uint8Array, start: number, end: number): Reading {
  if (end - start !== 2) {
    const fields = start < end ? [field('tls.alert_message', 'Alert', `${String(end - start)} bytes`, start, end)] : []
    return { fields, summary: 'Alert', problem: 'an alert takes two bytes' }
  }
  const level = bytes[start]
  const description = bytes[start + 1]
  const levelName = level === AlertLevel.warning ? 'warning' : level === AlertLevel.fatal ? 'fatal' : undefined
  const name = alertName(description)
  const summary = `Alert (${levelName ?? String(level)}, ${name ?? String(description)})`
  const fields = [
    field('tls.alert_message', 'Alert', summary, start, end, [
      field('tls.alert_message.level', 'Level', named(level, levelName), start, start + 1),
      field('tls.alert_message.desc', 'Description', named(description, name), start + 1, end),
    ]),
  ]
  const problem = levelName === undefined || name === undefined ? 'no such alert' : undefined
  return { fields, summary, problem }
}

function contentReading(type: number, bytes: Uint8Array, start: number, end: number, version: TlsVersionName): Reading {
  const length = `${String(end - start)} bytes`
  if (type === ContentType.handshake) {
    const { fields, names, problem } = readHandshake(bytes, start, end, version)
    return { fields, summary: names.join(', '), problem: start === end ? 'an empty handshake record' : problem }
  }
  if (type === ContentType.alert) return alertReading(bytes, start, end)
  if (type === ContentType.change_cipher_spec) {
    const isOne = end - start === 1 && bytes[start] === 1
    const fields = start < end ? [field('tls.change_cipher_spec', 'Change Cipher Spec', length, start, end)] : []
    return { fields, summary: 'ChangeCipherSpec', problem: isOne ? undefined : 'not the one byte 1' }
  }
  const fields = start < end ? [field('tls.app_data', 'Application data', length, start, end)] : []
  return { fields, summary: `Application Data, ${length}` }
}

function layer(reading: Reading, fields: readonly Field[], start: number, end: number): Layer {
  const { summary, problem } = reading
  const all = [...fields, ...reading.fields]
  const made: Layer = { protocol: 'tls', title: 'Transport Layer Security', summary, start, end, fields: all }
  return withProblems(made, problem === undefined ? [] : [problem])
}

/**
 * The content of a record whose protection was removed, in [start, end), for the inspector.
 * @param type a value of `ContentType`: in TLS 1.3 the one from inside
 */
export function tlsContentLayer(type: number, bytes: Uint8Array, start: number, end: number, version: TlsVersionName): Layer {
  return layer(contentReading(type, bytes, start, end, version), [], start, end)
}

/**
 * One record from its header on, for the inspector; `end` may cut it short.
 * @param isProtected whether its fragment is encrypted: then nothing is said about what is in it
 * @throws TlsDecodeError as `decodeRecordHeader` does
 */
export function tlsRecordLayer(
  bytes: Uint8Array,
  start: number,
  end: number,
  version: TlsVersionName,
  isProtected: boolean,
): Layer {
  const header = decodeRecordHeader(bytes, start, end)
  if (header === undefined) return layer({ fields: [], summary: 'a part of a header' }, [], start, end)
  const { type, length } = header
  const fragment = start + RECORD_HEADER_LENGTH
  const recordEnd = fragment + length
  // TLS 1.3 hides the type: it says application_data outside.
  const isOpaque = isProtected && version === '1.3'
  const typeName = isOpaque ? 'tls.record.opaque_type' : 'tls.record.content_type'
  const fields = [
    field(typeName, isOpaque ? 'Opaque type' : 'Content type', named(type, contentTypeName(type)), start, start + 1),
    field('tls.record.version', 'Version', named(hex(header.version, 4), versionName(header.version)), start + 1, start + 3),
    field('tls.record.length', 'Length', read16(bytes, start + 3), start + 3, fragment),
  ]
  const last = Math.min(recordEnd, end)
  const cut = recordEnd > end ? [`${String(recordEnd - end)} bytes of the record are not here`] : []
  if (isProtected) {
    const what = `Encrypted ${contentTypeName(type) ?? 'record'}`
    const inside =
      fragment < last ? [field('tls.app_data', 'Encrypted data', `${String(last - fragment)} bytes`, fragment, last)] : []
    const reading = { fields: inside, summary: `${what}, ${String(length)} bytes` }
    return withProblems(layer(reading, fields, start, last), cut)
  }
  return withProblems(layer(contentReading(type, bytes, fragment, last, version), fields, start, last), cut)
}
