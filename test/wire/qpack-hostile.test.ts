import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DecodeError } from '../../src/wire/errors.ts'
import type { Field } from '../../src/wire/field.ts'
import {
  decodeHttpDatagram,
  decodeIdFrame,
  decodePriorityUpdateFrame,
  decodePushPromiseFrame,
  decodeSettingsFrame,
} from '../../src/wire/http3-frame.ts'
import { http3FrameLayer } from '../../src/wire/http3-layer.ts'
import { QpackDecoder } from '../../src/wire/qpack-decoder.ts'
import { QpackEncoder } from '../../src/wire/qpack-encoder.ts'
import { QpackDecodeError } from '../../src/wire/qpack-error.ts'
import { QpackInstructionLayers, readFieldSection } from '../../src/wire/qpack-layer.ts'
import { seededChoice } from '../property/seeded-choice.ts'
import { mutants } from './mutants.ts'

/* Any bytes for QPACK and HTTP/3: a value within the input, or a typed error; in bounded memory. */

// Most of what comes is refused with an error, and half of an error's cost is its stack.
Error.stackTraceLimit = 0

const hexBytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))

const TABLE = hexBytes('3fbd01 c00f 7777772e6578616d706c652e636f6d c10c 2f73616d706c652f70617468')
const SECTIONS = [
  '0000 510b 2f696e6465782e68746d6c',
  '0381 10 11',
  '0500 80 c1 81',
  '0300 80 81 2361 6263 0131',
  '0000 d1 d7 c1 5086 a0e41d139d09 5f3209 7465787468746d6c2f',
  '0301 40 0131 00 0131 270161 0162 3761 0162',
  '0000 2c1f b4ca8f fa3c 8291 f1',
].map(hexBytes)
const INSTRUCTIONS = [
  TABLE,
  hexBytes('4a637573746f6d2d6b6579 0c637573746f6d2d76616c7565 00 810d637573746f6d2d76616c756532'),
  hexBytes('3f11 c086 a0e41d139d09 00 20 3fbd01 4161 0131'),
]
const ANSWERS = ['84 88 01', '48 84 02', '8c 01 01', '3f00 ff00 7f00', '80 84 40'].map(hexBytes)

/** @returns whether it was refused */
function refuses(act: () => void, code: QpackDecodeError['code']): boolean {
  try {
    act()
    return false
  } catch (error) {
    if (error instanceof QpackDecodeError && error.code === code) return true
    throw error
  }
}

/** Both ways were really taken. */
function bothWays(refused: number, of: number): void {
  assert.ok(refused > of / 20 && refused < (19 * of) / 20, `${String(refused)} of ${String(of)} were refused`)
}

test('100,000 field sections', () => {
  let decoder: QpackDecoder | undefined
  let refused = 0
  let blocked = 0
  let count = 0
  for (const bytes of mutants(SECTIONS, 100_000, 'qpack sections')) {
    if (decoder === undefined || count % 50 === 0) {
      decoder = new QpackDecoder({ maxTableCapacity: 220, blockedStreams: 100 })
      decoder.handle(TABLE)
    }
    const current = decoder
    const stream = 4 * count++
    let told = 0
    const wasRefused = refuses(() => {
      const missing = current.decode(stream, bytes, 0, bytes.length, {
        place: ({ start, end, nameStart, valueStart }) => {
          assert.ok(0 < start && start <= nameStart && nameStart <= valueStart && valueStart <= end && end <= bytes.length)
        },
        field: (name, value) => (told += name.length + value.length),
      })
      if (missing > 0) blocked++
      assert.ok(missing === 0 || told === 0, 'what waits tells nothing')
    }, 'QPACK_DECOMPRESSION_FAILED')
    // An entry of the table is at most 220 bytes, and takes one; a Huffman code has five bits at least.
    assert.ok(told <= 220 * bytes.length, `${String(told)} characters out of ${String(bytes.length)} bytes`)
    if (!wasRefused) continue
    refused++
    decoder = undefined
  }
  bothWays(refused, 100_000)
  assert.ok(blocked > 1000, `${String(blocked)} were blocked`)
})

test('100,000 pieces of encoder streams: the table never grows beyond what was granted', () => {
  const random = seededChoice(43)
  let decoder = new QpackDecoder({ maxTableCapacity: 220, blockedStreams: 0 })
  let refused = 0
  let inserted = 0
  for (const bytes of mutants(INSTRUCTIONS, 100_000, 'qpack instructions')) {
    const cut = random(bytes.length + 1)
    const current = decoder
    const wasRefused = refuses(() => {
      current.handle(bytes.subarray(0, cut))
      current.handle(bytes.subarray(cut))
    }, 'QPACK_ENCODER_STREAM_ERROR')
    assert.ok(current.tableSize <= 220, `a table of ${String(current.tableSize)} bytes`)
    inserted += current.insertCount
    if (wasRefused) refused++
    if (wasRefused || random(10) === 0) decoder = new QpackDecoder({ maxTableCapacity: 220, blockedStreams: 0 })
  }
  bothWays(refused, 100_000)
  assert.ok(inserted > 50_000, `${String(inserted)} insertions`)
})

test('100,000 pieces of decoder streams', () => {
  const newEncoder = (): QpackEncoder => {
    const encoder = new QpackEncoder({ blockedStreams: 4 })
    encoder.grant(4096, 4)
    for (const stream of [0, 4, 8, 12]) encoder.encode(stream, [{ name: 'a', value: String(stream) }])
    return encoder
  }
  let encoder = newEncoder()
  let refused = 0
  let count = 0
  for (const bytes of mutants(ANSWERS, 100_000, 'qpack answers')) {
    const current = encoder
    const wasRefused = refuses(() => {
      current.handle(bytes)
    }, 'QPACK_DECODER_STREAM_ERROR')
    assert.ok(current.knownReceivedCount <= current.insertCount, 'no more is known to be there than was sent')
    if (wasRefused) refused++
    if (wasRefused || count++ % 4 === 0) encoder = newEncoder()
  }
  bothWays(refused, 100_000)
})

describe('frames', () => {
  const decoders: Readonly<Record<string, (bytes: Uint8Array, start: number, end: number) => unknown>> = {
    SETTINGS: decodeSettingsFrame,
    GOAWAY: (bytes, start, end) => decodeIdFrame('GOAWAY', bytes, start, end),
    MAX_PUSH_ID: (bytes, start, end) => decodeIdFrame('MAX_PUSH_ID', bytes, start, end),
    CANCEL_PUSH: (bytes, start, end) => decodeIdFrame('CANCEL_PUSH', bytes, start, end),
    PUSH_PROMISE: decodePushPromiseFrame,
    PRIORITY_UPDATE: decodePriorityUpdateFrame,
    datagram: (bytes, start, end) => decodeHttpDatagram(bytes.subarray(start, end)),
  }
  for (const [name, decode] of Object.entries(decoders)) {
    test(`100,000 payloads: ${name}`, () => {
      const random = seededChoice(name.length)
      const bytes = new Uint8Array(40)
      let refused = 0
      for (let i = 0; i < 100_000; i++) {
        for (let at = 0; at < 20; at++) bytes[at] = random(3) === 0 ? random(256) : random(64)
        const from = random(5)
        const to = from + random(12)
        try {
          decode(bytes, from, to)
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error
          refused++
        }
      }
      bothWays(refused, 100_000)
    })
  }
})

describe('the inspector', () => {
  const checkFields = (fields: readonly Field[], start: number, end: number): void => {
    for (const { name, start: from, end: to, fields: parts } of fields) {
      if (!(from >= start && to <= end && to > from)) {
        assert.fail(`${name} is [${String(from)}, ${String(to)}) of [${String(start)}, ${String(end)})`)
      }
      if (parts !== undefined) checkFields(parts, from, to)
    }
  }

  test('100,000 frames: fields within the frame, and a word on what is wrong', () => {
    const payloads = ['01 5000 07 10 33 01', '02 00', '04', '4040 753d312c2069', '05 0000d1', '00 00 d1', '61', ''].map(hexBytes)
    const types = ['00', '01', '03', '04', '05', '07', '0d', '21', '800f0700', '800f0701'].map(hexBytes)
    const random = seededChoice(6)
    let problems = 0
    for (const payload of mutants(
      payloads.filter(({ length }) => length > 0),
      100_000,
      'http3 frames',
    )) {
      const type = types[random(types.length)]
      const header = Uint8Array.of(...type, payload.length)
      const bytes = Uint8Array.of(...header, ...payload)
      const layer = http3FrameLayer(bytes, header.length, bytes.length, 4)
      checkFields(layer.fields, 0, bytes.length)
      if (layer.problem !== undefined) problems++
    }
    bothWays(problems, 100_000)
  })

  test('100,000 field sections', () => {
    let refused = 0
    let decoder: QpackDecoder | undefined
    for (const bytes of mutants(SECTIONS, 100_000, 'read sections')) {
      if (decoder === undefined) {
        decoder = new QpackDecoder({ maxTableCapacity: 220, blockedStreams: 1 })
        decoder.handle(TABLE)
      }
      try {
        checkFields(readFieldSection(decoder, 0, bytes, 0, bytes.length).fields, 0, bytes.length)
      } catch (error) {
        if (!(error instanceof QpackDecodeError)) throw error
        refused++
        decoder = undefined
      }
    }
    bothWays(refused, 100_000)
  })

  test('100,000 pieces of instructions', () => {
    let cut = 0
    for (const [stream, samples] of [
      ['encoder', INSTRUCTIONS],
      ['decoder', ANSWERS],
    ] as const) {
      const layers = new QpackInstructionLayers(stream)
      for (const bytes of mutants(samples, 50_000, `${stream} layers`)) {
        for (let at = 0; at < bytes.length;) {
          try {
            const layer = layers.next(bytes, at, bytes.length)
            if (layer === undefined) {
              cut++
              break
            }
            assert.ok(layer.start === at && layer.end > at && layer.end <= bytes.length)
            checkFields(layer.fields, at, layer.end)
            at = layer.end
          } catch (error) {
            if (!(error instanceof QpackDecodeError)) throw error
            break
          }
        }
      }
    }
    bothWays(cut, 100_000)
  })
})
