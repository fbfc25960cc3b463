import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomStream } from '../../../src/kernel/random.ts'
import type { Field, Layer } from '../../../src/wire/field.ts'
import { decodeAlert } from '../../../src/wire/tls/alert.ts'
import { ContentType } from '../../../src/wire/tls/code-points.ts'
import { TlsDecodeError } from '../../../src/wire/tls/decode-error.ts'
import { HandshakeBuffer } from '../../../src/wire/tls/handshake.ts'
import { tlsHandshakeLayer } from '../../../src/wire/tls/handshake-layer.ts'
import { decodeInnerPlaintext, decodeRecordHeader } from '../../../src/wire/tls/record.ts'
import { tlsContentLayer, tlsRecordLayer } from '../../../src/wire/tls/record-layer.ts'
import { readPcap } from '../../vectors/pcap.ts'
import { conversations } from './captured-records.ts'
import { CODECS } from './sample-messages.ts'

// Whatever the bytes: a decoder gives a value or throws a TlsDecodeError that points into them; a layer's fields lie within it.

const INPUTS = 100_000

const random = randomStream(1, 'hostile tls')

function below(limit: number): number {
  return Math.floor((random.uint32() / 0x1_0000_0000) * limit)
}

/** A message that is damaged a little: changed, cut, or with bytes put in; often with the length in its header right again. */
function damaged(sample: Uint8Array): Uint8Array {
  let bytes = sample.slice()
  for (let i = below(3) + 1; i > 0 && bytes.length > 0; i--) {
    const at = below(bytes.length)
    const kind = below(8)
    if (kind < 3) bytes[at] = random.uint32()
    else if (kind === 3) bytes[at] ^= 1 << below(8)
    else if (kind === 4) bytes[at] = below(2) * 255
    else if (kind === 5) bytes = bytes.slice(0, at)
    else if (kind === 6) bytes = Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + below(4)))
    else bytes = Uint8Array.of(...bytes.subarray(0, at), ...new Uint8Array(below(5)), ...bytes.subarray(at))
  }
  if (bytes.length >= 4 && below(4) > 0) {
    bytes[1] = 0
    bytes[2] = (bytes.length - 4) >>> 8
    bytes[3] = bytes.length - 4
  }
  return bytes
}

/** @returns whether it was taken */
function survives(bytes: Uint8Array, decode: (bytes: Uint8Array) => unknown): boolean {
  try {
    decode(bytes)
    return true
  } catch (error) {
    if (!(error instanceof TlsDecodeError)) throw error
    assert.ok(error.offset >= 0 && error.offset <= bytes.length, `byte ${String(error.offset)} of ${String(bytes.length)}`)
    return false
  }
}

for (const [name, { decode, encode, samples }] of Object.entries(CODECS)) {
  test(`${String(INPUTS)} damaged messages: ${name}`, () => {
    let taken = 0
    for (let i = 0; i < INPUTS; i++) {
      const bytes = damaged(samples[i % samples.length])
      if (!survives(bytes, decode)) continue
      taken++
      // What is taken can be said again.
      if (i % 16 === 0) assert.equal(encode(decode(bytes) as never).length, bytes.length)
    }
    assert.ok(taken > 0 && taken < INPUTS, `${String(taken)} were taken`)
  })
}

test(`${String(INPUTS)} alerts, record headers and inner plaintexts of noise`, () => {
  for (let i = 0; i < INPUTS; i++) {
    const bytes = Uint8Array.from({ length: below(8) }, () => (below(3) === 0 ? below(4) + 20 : random.uint32()))
    survives(bytes, decodeAlert)
    survives(bytes, (input) => decodeRecordHeader(input, 0, input.length))
    survives(bytes, decodeInnerPlaintext)
  }
})

test(`${String(INPUTS)} pieces of noise, put together to messages: bounded, whatever lengths they promise`, () => {
  const LIMIT = 4096
  let buffer = new HandshakeBuffer(LIMIT)
  let given = 0
  for (let i = 0; i < INPUTS; i++) {
    const piece = Uint8Array.from({ length: below(40) }, () => (below(2) === 0 ? 0 : random.uint32()))
    given += piece.length
    const isFine = survives(piece, (input) => {
      buffer.push(input)
      for (let message = buffer.next(); message !== undefined; message = buffer.next()) {
        assert.ok(message.length <= LIMIT + 4, `a message of ${String(message.length)} bytes`)
        given -= message.length
      }
    })
    assert.ok(!isFine || given < LIMIT + 4, `${String(given)} bytes wait`)
    if (isFine) continue
    buffer = new HandshakeBuffer(LIMIT)
    given = 0
  }
})

function isInside({ fields, start, end }: Layer | Field): void {
  for (const field of fields ?? []) {
    assert.ok(field.start >= start && field.end <= end && field.start < field.end, `${field.name} lies outside`)
    isInside(field)
  }
}

const RECORDS = conversations(readPcap('h2.pcap')).flatMap(({ client, server }) => [client.bytes, server.bytes])

test(`${String(INPUTS)} damaged messages and records, as the inspector shows them`, () => {
  const samples = Object.values(CODECS).flatMap((codec) => codec.samples)
  let problems = 0
  for (let i = 0; i < INPUTS; i++) {
    const version = ([undefined, '1.2', '1.3'] as const)[below(3)]
    const message = damaged(samples[i % samples.length])
    const layer = tlsHandshakeLayer(message, 0, message.length, version)
    if (layer.problem !== undefined) problems++
    isInside(layer)
    isInside(tlsContentLayer(ContentType.change_cipher_spec + below(5), message, 0, message.length, version))
    const record = RECORDS[i % RECORDS.length].slice(0, below(600))
    if (record.length > 5) record[5 + below(record.length - 5)] = random.uint32()
    survives(record, () => {
      isInside(tlsRecordLayer(record, 0, record.length, version, below(2) === 0))
    })
  }
  assert.ok(problems > INPUTS / 10, `${String(problems)} had problems`)
})
