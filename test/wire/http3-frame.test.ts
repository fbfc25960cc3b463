import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  decodeHttpDatagram,
  decodeIdFrame,
  decodePriorityUpdateFrame,
  decodePushPromiseFrame,
  decodeSettingsFrame,
  encodeFrameHeader,
  encodeGoawayFrame,
  encodeHeadersFrame,
  encodeHttpDatagram,
  encodePriorityUpdateFrame,
  encodeSettingsFrame,
  encodeStreamType,
  Http3DecodeError,
  http3SettingProblem,
} from '../../src/wire/http3-frame.ts'
import { http3FrameLayer, http3StreamTypeLayer } from '../../src/wire/http3-layer.ts'
import { HTTP3_ERROR_CODE, http3ErrorName, http3FrameType, isHttp3Reserved } from '../../src/wire/http3-names.ts'
import { QpackDecoder } from '../../src/wire/qpack-decoder.ts'
import { readFieldSection } from '../../src/wire/qpack-layer.ts'

const hexBytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))
const hexText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('RFC 9114 section 7: frames as they travel', () => {
  const cases: Readonly<Record<string, [Uint8Array, string]>> = {
    'DATA, a short header': [encodeFrameHeader('DATA', 63), '003f'],
    'DATA, lengths of two, four and eight bytes': [encodeFrameHeader('DATA', 2 ** 30), '00c000000040000000'],
    HEADERS: [encodeHeadersFrame(hexBytes('0000d1')), '01030000d1'],
    'SETTINGS with nothing': [encodeSettingsFrame([]), '0400'],
    SETTINGS: [
      encodeSettingsFrame([
        ['QPACK_MAX_TABLE_CAPACITY', 4096],
        ['QPACK_BLOCKED_STREAMS', 16],
        ['H3_DATAGRAM', 1],
      ]),
      '0407 01 5000 07 10 33 01',
    ],
    'GOAWAY of stream 4': [encodeGoawayFrame(4), '070104'],
    'GOAWAY that refuses nothing yet': [encodeGoawayFrame(undefined), '0708fffffffffffffffc'],
    'PRIORITY_UPDATE (RFC 9218 section 7.2)': [encodePriorityUpdateFrame(64, 'u=1, i'), '800f0700 08 4040 753d312c2069'],
    'the type of the control stream': [encodeStreamType('control'), '00'],
    'the type of the encoder stream': [encodeStreamType('QPACK encoder'), '02'],
    'a datagram (RFC 9297 section 2.1): a quarter of the stream': [encodeHttpDatagram(44, hexBytes('aa')), '0baa'],
  }
  for (const [name, [bytes, expected]] of Object.entries(cases)) {
    test(name, () => {
      assert.equal(hexText(bytes), expected.replaceAll(' ', ''))
    })
  }
})

function refusal(act: () => unknown): Http3DecodeError {
  try {
    act()
  } catch (error) {
    assert.ok(error instanceof Http3DecodeError, String(error))
    return error
  }
  assert.fail('it was accepted')
}

describe('frames read', () => {
  const settings = (text: string): (readonly [number, number])[] => {
    const bytes = hexBytes(`ff ${text} ff`)
    return decodeSettingsFrame(bytes, 1, bytes.length - 1).map(({ id, value }) => [id, value])
  }
  test('SETTINGS, unknown ones and reserved ones as well', () => {
    assert.deepEqual(settings(''), [])
    assert.deepEqual(settings('01 5000 21 00 4040 c000000100000000'), [
      [1, 4096],
      [0x21, 0],
      [0x40, 2 ** 32],
    ])
  })
  test('SETTINGS cut short', () => {
    for (const text of ['01', '01 50', '01 5000 07']) {
      const { code, cites } = refusal(() => settings(text))
      assert.deepEqual([code, cites], ['H3_FRAME_ERROR', 'RFC 9114 section 7.2.4'])
    }
  })
  test("settings that are HTTP/2's alone, or are no flags", () => {
    const problem = (id: number, value: number): string | undefined => http3SettingProblem({ id, value, start: 0, end: 2 })?.cites
    for (const id of [0x2, 0x3, 0x4, 0x5]) assert.equal(problem(id, 0), 'RFC 9114 section 7.2.4.1')
    for (const id of [0x1, 0x6, 0x7, 0x21]) assert.equal(problem(id, 100), undefined)
    assert.deepEqual([problem(8, 1), problem(8, 2)], [undefined, 'RFC 8441 section 3'])
    assert.deepEqual([problem(0x33, 0), problem(0x33, 2)], [undefined, 'RFC 9297 section 2.1.1'])
  })
  test('a number alone: GOAWAY, CANCEL_PUSH, MAX_PUSH_ID', () => {
    for (const type of ['GOAWAY', 'CANCEL_PUSH', 'MAX_PUSH_ID'] as const) {
      assert.equal(decodeIdFrame(type, hexBytes('4040'), 0, 2), 64)
      assert.equal(refusal(() => decodeIdFrame(type, hexBytes('40'), 0, 1)).problem, 'truncated')
      assert.equal(refusal(() => decodeIdFrame(type, hexBytes(''), 0, 0)).code, 'H3_FRAME_ERROR')
      assert.equal(refusal(() => decodeIdFrame(type, hexBytes('0000'), 0, 2)).problem, 'invalid')
    }
    assert.equal(refusal(() => decodeIdFrame('GOAWAY', hexBytes('0000'), 0, 2)).cites, 'RFC 9114 section 7.2.6')
  })
  test('PUSH_PROMISE, PRIORITY_UPDATE, datagrams: the number, and where the rest begins', () => {
    assert.deepEqual(decodePushPromiseFrame(hexBytes('05 0000'), 0, 3), { push: 5, sectionStart: 1 })
    assert.deepEqual(decodePriorityUpdateFrame(hexBytes('4040 753d31'), 0, 5), { element: 64, valueStart: 2 })
    assert.deepEqual(decodeHttpDatagram(hexBytes('0b aa')), { stream: 44, start: 1 })
    assert.equal(refusal(() => decodeHttpDatagram(hexBytes(''))).code, 'H3_DATAGRAM_ERROR')
    assert.equal(refusal(() => decodeHttpDatagram(hexBytes('ffffffffffffffff'))).code, 'H3_DATAGRAM_ERROR')
    assert.equal(decodeHttpDatagram(encodeHttpDatagram(2 ** 40, new Uint8Array(0))).stream, 2 ** 40)
  })
  test('names and reserved code points (RFC 9114 sections 7.2.8 and 11.2)', () => {
    assert.equal(http3FrameType(0xf0700), 'PRIORITY_UPDATE')
    assert.equal(http3FrameType(2), undefined)
    for (const [name, code] of Object.entries(HTTP3_ERROR_CODE)) assert.equal(http3ErrorName(code), name)
    assert.deepEqual([0x21, 0x40, 0x5f, 0x22, 0x2].map(isHttp3Reserved), [true, true, true, false, false])
  })
})

describe('the inspector', () => {
  const layerOf = (text: string, payloadStart = 2): ReturnType<typeof http3FrameLayer> => {
    const bytes = hexBytes(text)
    return http3FrameLayer(bytes, payloadStart, bytes.length, 8)
  }
  test('what each frame says in words', () => {
    assert.match(layerOf('0003 616263').summary, /^DATA stream 8, 3 bytes$/)
    const settings = layerOf('0403 01 5000')
    assert.match(settings.summary, /^SETTINGS/)
    assert.deepEqual(
      settings.fields.slice(2).map(({ label, value }) => [label, value]),
      [['QPACK_MAX_TABLE_CAPACITY', '4096']],
    )
    assert.match(layerOf('0701 04').summary, /^GOAWAY, 4$/)
    assert.match(layerOf('800f0700 04 04 753d31', 5).summary, /^PRIORITY_UPDATE, of 4: u=1$/)
    assert.match(layerOf('2102 0000').summary, /^reserved frame, 2 bytes$/)
    const bytes = hexBytes('0103 0000d1')
    const reading = readFieldSection(new QpackDecoder({ maxTableCapacity: 0, blockedStreams: 0 }), 8, bytes, 2, 5)
    assert.match(http3FrameLayer(bytes, 2, 5, 8, reading).summary, /^HEADERS stream 8, GET$/)
    assert.equal(http3StreamTypeLayer(hexBytes('02'), 1).summary, 'begins the QPACK encoder stream')
  })
  test('what is wrong', () => {
    assert.match(layerOf('0402 02 00').problem ?? '', /HTTP\/2's alone/)
    assert.match(layerOf('0702 04 04').problem ?? '', /longer than what it says/)
    assert.equal(layerOf('0701 04').problem, undefined)
  })
})
