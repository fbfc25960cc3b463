import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  decodeFrameHeader,
  decodeGoaway,
  decodeHeaders,
  decodePing,
  decodePriorityUpdate,
  decodePushPromise,
  decodeResetStream,
  decodeSettings,
  decodeWindowUpdate,
  encodeFieldBlock,
  encodeGoaway,
  encodePing,
  encodePriorityUpdate,
  encodeResetStream,
  encodeSettings,
  encodeSettingsAck,
  encodeWindowUpdate,
  settingProblem,
  writeFrameHeader,
} from '../../src/wire/http2-frame.ts'
import type { Http2FrameHeader } from '../../src/wire/http2-frame.ts'
import {
  HTTP2_ERROR_CODE,
  HTTP2_FRAME_CODE,
  HTTP2_SETTING_ID,
  http2ErrorName,
  http2FrameType,
  http2SettingName,
} from '../../src/wire/http2-names.ts'

const hexText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const headerOf = (bytes: Uint8Array, at = 0): Http2FrameHeader => {
  const header = { length: 0, type: 0, flags: 0, stream: 0 }
  decodeFrameHeader(bytes, at, header)
  return header
}

describe('RFC 9113 section 4.1: a header of nine octets', () => {
  test('length, type, flags, and a stream whose first bit says nothing', () => {
    const bytes = new Uint8Array(12)
    writeFrameHeader(bytes, 3, 0x123456, 'GOAWAY', 0xa5, 0x7fffffff)
    assert.equal(hexText(bytes), '00000012345607a57fffffff')
    const expected = { length: 0x123456, type: 7, flags: 0xa5, stream: 0x7fffffff }
    assert.deepEqual(headerOf(bytes, 3), expected)
    bytes[8] = 0xff
    assert.deepEqual(headerOf(bytes, 3), expected)
  })
})

describe('frames as they are encoded', () => {
  test('octet by octet', () => {
    assert.equal(hexText(encodeSettings([['MAX_CONCURRENT_STREAMS', 100]])), '000006040000000000000300000064')
    assert.equal(hexText(encodeSettingsAck()), '000000040100000000')
    assert.equal(hexText(encodePing(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), true)), '0000080601000000000102030405060708')
    assert.equal(hexText(encodeGoaway(5, 'CANCEL', 'no')), '00000a0700000000000000000500000008' + '6e6f')
    assert.equal(hexText(encodeWindowUpdate(3, 0x7fffffff)), '0000040800000000037fffffff')
    assert.equal(hexText(encodeResetStream(3, 'REFUSED_STREAM')), '00000403000000000300000007')
    assert.equal(hexText(encodePriorityUpdate(3, 'u=1')), '000007100000000000' + '00000003753d31')
  })

  test('what is encoded is decoded', () => {
    const at = (bytes: Uint8Array): [Uint8Array, number, number] => [bytes, 9, bytes.length]
    assert.deepEqual(decodeSettings(...at(encodeSettings([['INITIAL_WINDOW_SIZE', 0xffffffff]])), 0), [
      { id: 4, value: 0xffffffff },
    ])
    assert.deepEqual([...decodePing(...at(encodePing(new Uint8Array(8).fill(9), false)))], new Array(8).fill(9))
    assert.deepEqual(decodeGoaway(...at(encodeGoaway(0x7fffffff, 'NO_ERROR', ''))), {
      lastStream: 0x7fffffff,
      code: 0,
      debug: { start: 17, end: 17 },
    })
    assert.equal(decodeWindowUpdate(...at(encodeWindowUpdate(0, 77))), 77)
    assert.equal(decodeResetStream(...at(encodeResetStream(1, 'HTTP_1_1_REQUIRED'))), 13)
    assert.deepEqual(decodePriorityUpdate(...at(encodePriorityUpdate(9, 'i'))), { stream: 9, value: { start: 13, end: 14 } })
  })

  test('a field block of any length, cut as frames may be long', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.integer({ min: 5, max: 60 }),
        fc.boolean(),
        (block, maxFrameSize, isPromise) => {
          const bytes = encodeFieldBlock(block, 7, isPromise ? 0 : 1, isPromise ? 8 : 0, maxFrameSize)
          const parts: Uint8Array[] = []
          for (let at = 0; at < bytes.length;) {
            const { length, type, flags, stream } = headerOf(bytes, at)
            const end = at + 9 + length
            assert.ok(length <= maxFrameSize, `a frame of ${String(length)} bytes`)
            assert.equal(stream, 7)
            if (parts.length > 0) assert.equal(type, HTTP2_FRAME_CODE.CONTINUATION)
            else assert.equal(type, isPromise ? HTTP2_FRAME_CODE.PUSH_PROMISE : HTTP2_FRAME_CODE.HEADERS)
            assert.equal((flags & 4) !== 0, end === bytes.length, 'the last frame, and no other, ends the block')
            if (parts.length > 0) {
              parts.push(bytes.subarray(at + 9, end))
            } else if (isPromise) {
              const { promised, fragment } = decodePushPromise(bytes, at + 9, end, flags)
              assert.equal(promised, 8)
              parts.push(bytes.subarray(fragment.start, fragment.end))
            } else {
              const { fragment, priority } = decodeHeaders(bytes, at + 9, end, flags)
              assert.equal(priority, undefined)
              assert.equal(flags & 1, 1)
              parts.push(bytes.subarray(fragment.start, fragment.end))
            }
            at = end
          }
          assert.deepEqual(Buffer.concat(parts), Buffer.from(block))
        },
      ),
      { seed: 1, numRuns: 300 },
    )
  })
})

describe('names', () => {
  test('of each code, and of none that is unknown', () => {
    for (const [name, code] of Object.entries(HTTP2_FRAME_CODE)) assert.equal(http2FrameType(code), name)
    for (const [name, code] of Object.entries(HTTP2_ERROR_CODE)) assert.equal(http2ErrorName(code), name)
    for (const [name, id] of Object.entries(HTTP2_SETTING_ID)) assert.equal(http2SettingName(id), name)
    assert.deepEqual([http2FrameType(0xa), http2ErrorName(0xe), http2SettingName(7)], [undefined, undefined, undefined])
  })

  test('section 6.5.2: what values may be', () => {
    assert.equal(settingProblem(4, 2 ** 31 - 1), undefined)
    assert.equal(settingProblem(4, 2 ** 31), 'FLOW_CONTROL_ERROR')
    assert.equal(settingProblem(5, 2 ** 14 - 1), 'PROTOCOL_ERROR')
    assert.equal(settingProblem(2, 2), 'PROTOCOL_ERROR')
    assert.equal(settingProblem(0xbad, 2 ** 32 - 1), undefined)
  })
})
