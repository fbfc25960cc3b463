import { ContentType, HandshakeType } from '../../../src/wire/tls/code-points.ts'
import { decodeClientHello } from '../../../src/wire/tls/client-hello.ts'
import type { Field, Layer } from '../../../src/wire/field.ts'
import { HandshakeBuffer } from '../../../src/wire/tls/handshake.ts'
import { decodeRecordHeader, RECORD_HEADER_LENGTH } from '../../../src/wire/tls/record.ts'
import { tlsContentLayer, tlsRecordLayer } from '../../../src/wire/tls/record-layer.ts'
import { decodeServerHello } from '../../../src/wire/tls/server-hello.ts'
import { tls12SuiteByCode } from '../../../src/protocols/tls/tls12/cipher-suites.ts'
import { recordKeys } from '../../../src/protocols/tls/tls12/key-schedule.ts'
import { Tls12Opener } from '../../../src/protocols/tls/tls12/record-protection.ts'
import { Tls13Opener } from '../../../src/protocols/tls/tls13/record-protection.ts'
import { tls13SuiteByCode } from '../../../src/protocols/tls/tls13/suites.ts'
import type { CapturedFrame } from '../../vectors/pcap.ts'

// The records of TLS 1.3 in a capture without losses, decrypted with its key log, as the inspector shows them.

/** One side's bytes of one connection, put together. */
interface Direction {
  readonly source: string
  readonly bytes: Uint8Array
}

export interface Conversation {
  readonly client: Direction
  readonly server: Direction
}

/** A field and the bytes that it is about. */
export interface ShownField {
  readonly name: string
  readonly value: string
  readonly bytes: Uint8Array
}

const ETHERNET_AND_IP = 34

/** TCP's conversations over IPv4, in the order of their first SYN: payloads joined as they came. */
export function conversations(frames: readonly CapturedFrame[]): Conversation[] {
  const parts = new Map<string, { readonly pieces: Uint8Array[]; next: number | undefined }>()
  const pairs: [string, string][] = []
  for (const { bytes } of frames) {
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    if (view.getUint16(12) !== 0x0800 || bytes[23] !== 6) continue
    const from = `${bytes.subarray(26, 30).join('.')}:${String(view.getUint16(ETHERNET_AND_IP))}`
    const to = `${bytes.subarray(30, 34).join('.')}:${String(view.getUint16(ETHERNET_AND_IP + 2))}`
    const key = `${from} ${to}`
    const end = 14 + view.getUint16(16)
    const payload = bytes.subarray(ETHERNET_AND_IP + (bytes[ETHERNET_AND_IP + 12] >>> 4) * 4, end)
    let part = parts.get(key)
    if (part === undefined) {
      part = { pieces: [], next: undefined }
      parts.set(key, part)
      if (!parts.has(`${to} ${from}`)) pairs.push([key, `${to} ${from}`])
    }
    if (payload.length === 0) continue
    const sequence = view.getUint32(ETHERNET_AND_IP + 4)
    if (part.next !== undefined && sequence !== part.next) throw new Error(`not in order: ${key}`)
    part.next = (sequence + payload.length) >>> 0
    part.pieces.push(payload)
  }
  const direction = (key: string): Direction => ({
    source: key.split(':')[0],
    bytes: new Uint8Array(Buffer.concat(parts.get(key)?.pieces ?? [])),
  })
  return pairs.map(([client, server]) => ({ client: direction(client), server: direction(server) }))
}

type Secrets = ReadonlyMap<string, Uint8Array>

/** The secrets of a connection by label, from a key log. */
function secretsOf(keyLog: string, clientRandom: Uint8Array): Secrets {
  const random = Buffer.from(clientRandom).toString('hex')
  const lines = keyLog.split('\n').map((line) => line.split(' '))
  const own = lines.filter((line) => line[1] === random)
  return new Map(own.map(([label, , secret]) => [label, new Uint8Array(Buffer.from(secret, 'hex'))]))
}

/** The first handshake message of a stream. */
function firstMessage(bytes: Uint8Array): Uint8Array {
  const [record] = recordsIn(bytes)
  const messages = new HandshakeBuffer()
  messages.push(record.subarray(RECORD_HEADER_LENGTH))
  const message = messages.next()
  if (message === undefined) throw new Error('no whole message')
  return message
}

/** The layers of each record of one direction of TLS 1.3, from outside in. */
export function recordLayers({ client, server }: Conversation, side: 'client' | 'server', keyLog: string): ShownField[][] {
  const { random } = decodeClientHello(firstMessage(client.bytes))
  const suite = tls13SuiteByCode(decodeServerHello(firstMessage(server.bytes)).cipherSuite)
  if (suite === undefined) throw new Error('another cipher suite')
  const secrets = secretsOf(keyLog, random)
  const openerOf = (label: string): Tls13Opener | undefined => {
    const secret = secrets.get(label)
    return secret === undefined ? undefined : new Tls13Opener(suite, secret)
  }
  const name = side.toUpperCase()
  let opener = openerOf('CLIENT_EARLY_TRAFFIC_SECRET') ?? openerOf(`${name}_HANDSHAKE_TRAFFIC_SECRET`)
  if (side === 'server') opener = openerOf('SERVER_HANDSHAKE_TRAFFIC_SECRET')
  const { bytes } = side === 'client' ? client : server
  return recordsIn(bytes).map((record) => {
    const isProtected = record[0] === ContentType.application_data
    const fields = leaves(tlsRecordLayer(record, 0, record.length, '1.3', isProtected), record)
    if (!isProtected) return fields
    let opened = opener?.open(record)
    if (opened === undefined && side === 'client') {
      // The server has refused the early data, or there were none.
      const next = openerOf('CLIENT_HANDSHAKE_TRAFFIC_SECRET')
      opened = next?.open(record)
      if (opened !== undefined) opener = next
    }
    if (opened === undefined) return fields
    const { type, plaintext } = opened
    // The type stands behind the content; tshark points to the outer one.
    fields.push({ name: 'tls.record.content_type', value: String(type), bytes: record.subarray(0, 1) })
    fields.push(...leaves(tlsContentLayer(type, plaintext, 0, plaintext.length, '1.3'), plaintext))
    if (type === ContentType.handshake) {
      if (plaintext[0] === HandshakeType.end_of_early_data) opener = openerOf('CLIENT_HANDSHAKE_TRAFFIC_SECRET')
      if (hasFinished(fields)) opener = openerOf(`${name}_TRAFFIC_SECRET_0`)
    }
    return fields
  })
}

/** The layers of each record of one direction of TLS 1.2: all before ChangeCipherSpec can be read by anybody. */
export function recordLayers12({ client, server }: Conversation, side: 'client' | 'server', keyLog: string): ShownField[][] {
  const hello = decodeServerHello(firstMessage(server.bytes))
  const { random } = decodeClientHello(firstMessage(client.bytes))
  const suite = tls12SuiteByCode(hello.cipherSuite)
  const master = secretsOf(keyLog, random).get('CLIENT_RANDOM')
  if (suite === undefined || master === undefined) throw new Error('another cipher suite, or no secret')
  const opener = new Tls12Opener(suite.aead, recordKeys(suite, master, random, hello.random)[side])
  let isProtected = false
  const { bytes } = side === 'client' ? client : server
  return recordsIn(bytes).map((record) => {
    const fields = leaves(tlsRecordLayer(record, 0, record.length, '1.2', isProtected), record)
    if (isProtected) {
      const opened = opener.open(record)
      if (opened === undefined) throw new Error('a record that cannot be opened')
      const { type, plaintext } = opened
      fields.push(...leaves(tlsContentLayer(type, plaintext, 0, plaintext.length, '1.2'), plaintext))
    }
    if (record[0] === ContentType.change_cipher_spec) isProtected = true
    return fields
  })
}

/** Cuts a stream into its records. */
function recordsIn(bytes: Uint8Array): Uint8Array[] {
  const records: Uint8Array[] = []
  for (let at = 0; at < bytes.length;) {
    const header = decodeRecordHeader(bytes, at, bytes.length)
    if (header === undefined) throw new Error('a part of a header')
    const end = at + RECORD_HEADER_LENGTH + header.length
    records.push(bytes.slice(at, end))
    at = end
  }
  return records
}

function hasFinished(fields: readonly ShownField[]): boolean {
  return fields.some(({ name }) => name === 'tls.handshake.verify_data')
}

function leaves({ fields }: Layer, bytes: Uint8Array): ShownField[] {
  const shown: ShownField[] = []
  const add = ({ name, value, start, end, fields: parts }: Field): void => {
    if (parts === undefined) shown.push({ name, value, bytes: bytes.subarray(start, end) })
    else parts.forEach(add)
  }
  fields.forEach(add)
  return shown
}
