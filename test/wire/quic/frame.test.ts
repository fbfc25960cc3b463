import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { QuicDecodeError } from '../../../src/wire/quic/decode-error.ts'
import { CRYPTO_ERROR, QUIC_ERROR_CODE, quicErrorName } from '../../../src/wire/quic/error-codes.ts'
import {
  ackLength,
  cryptoHeaderLength,
  datagramHeaderLength,
  streamHeaderLength,
  writeAck,
  writeCryptoHeader,
  writeDatagramHeader,
  writeStreamHeader,
} from '../../../src/wire/quic/frame-encoder.ts'
import {
  isAckEliciting,
  isFrameAllowed,
  isProbing,
  QUIC_FRAME_CODE,
  quicFrameType,
  type QuicFrameType,
} from '../../../src/wire/quic/frame-types.ts'
import type { AckFrame } from '../../../src/wire/quic/frame.ts'
import { bytesOf } from '../../crypto/bytes.ts'
import { CONTROL_FRAMES, encoded, framesOf } from './samples.ts'

test('every frame comes back as it was written, alone and among others', () => {
  for (const frame of CONTROL_FRAMES) {
    const bytes = encoded(frame)
    const expected = frame.type === 'NEW_TOKEN' ? { type: 'NEW_TOKEN', start: 2, end: 5 } : frame
    assert.deepEqual(framesOf(bytes), [expected])
  }
  const all = Uint8Array.of(...CONTROL_FRAMES.flatMap((frame) => [...encoded(frame)]))
  assert.deepEqual(
    framesOf(all).map(({ type }) => type),
    CONTROL_FRAMES.map(({ type }) => type),
  )
})

test('RFC 9000 section 19.8: STREAM with and without offset, length and FIN; positions are those of the packet', () => {
  for (const [stream, offset, length, fin] of [
    [0, 0, 4, false],
    [4, 0, undefined, true],
    [2 ** 40, 2 ** 45, 4, false],
    [3, 1, undefined, false],
    [8, 0, 0, true],
  ] as const) {
    const bytes = new Uint8Array(60)
    const at = writeStreamHeader(bytes, 7, stream, offset, length, fin)
    assert.equal(at - 7, streamHeaderLength(stream, offset, length))
    const end = at + (length ?? 4)
    assert.deepEqual(framesOf(bytes, 7, end), [{ type: 'STREAM', stream, offset, fin, start: at, end }])
  }
})

test('RFC 9000 section 19.6 and RFC 9221 section 4: CRYPTO and DATAGRAM', () => {
  const bytes = new Uint8Array(40)
  const data = writeCryptoHeader(bytes, 0, 16_384, 3)
  assert.equal(data, cryptoHeaderLength(16_384, 3))
  const message = writeDatagramHeader(bytes, data + 3, 2)
  assert.equal(message, data + 3 + datagramHeaderLength(2))
  const last = writeDatagramHeader(bytes, message + 2, undefined)
  assert.equal(last, message + 2 + datagramHeaderLength(undefined))
  assert.deepEqual(framesOf(bytes, 0, last + 5), [
    { type: 'CRYPTO', offset: 16_384, start: data, end: data + 3 },
    { type: 'DATAGRAM', start: message, end: message + 2 },
    { type: 'DATAGRAM', start: last, end: last + 5 },
  ])
})

test('RFC 9000 section 19.3: any set of ranges comes back', () => {
  const gaps = fc.array(fc.tuple(fc.oneof(fc.nat(3), fc.nat(100_000)), fc.oneof(fc.nat(3), fc.nat(100_000))), { maxLength: 40 })
  fc.assert(
    fc.property(fc.nat(1000), fc.nat(1000), gaps, fc.boolean(), (first, length, more, withEcn) => {
      const ranges = [first, first + length]
      for (const [gap, span] of more) {
        const start = ranges[1] + 2 + gap
        ranges.unshift(start, start + span)
      }
      const ecn = withEcn ? { ect0: length, ect1: 1, ce: first } : undefined
      const frame: AckFrame = { type: 'ACK', largest: ranges[1], delay: first, ranges, ecn }
      const bytes = new Uint8Array(ackLength(frame))
      assert.equal(writeAck(bytes, 0, frame), bytes.length)
      assert.deepEqual(framesOf(bytes), [frame])
    }),
    { seed: 8, numRuns: 1000 },
  )
})

test('what the RFC forbids is refused with the code that it names', () => {
  for (const [hexadecimal, code, why] of [
    ['21', 'FRAME_ENCODING_ERROR', 'section 12.4: a type that does not exist'],
    ['7fff', 'FRAME_ENCODING_ERROR', 'a longer type that does not exist'],
    ['4006', 'PROTOCOL_VIOLATION', 'section 12.4: CRYPTO in two bytes'],
    ['0205000006', 'FRAME_ENCODING_ERROR', 'section 19.3.1: a first range below 0'],
    ['020500010202 00', 'FRAME_ENCODING_ERROR', 'a second range below 0'],
    ['0205003fff', 'FRAME_ENCODING_ERROR', 'more ranges than there are bytes'],
    ['02c0200000000000000000', 'FRAME_ENCODING_ERROR', 'a packet number of 2^53'],
    ['0700', 'FRAME_ENCODING_ERROR', 'section 19.7: an empty token'],
    ['08', 'FRAME_ENCODING_ERROR', 'STREAM without a stream'],
    ['0a0005aa', 'FRAME_ENCODING_ERROR', 'a STREAM frame that is cut off'],
    ['0c00ffffffffffffffff61', 'FLOW_CONTROL_ERROR', 'section 4.5: beyond the last offset'],
    ['08ffffffffffffffff', 'STREAM_LIMIT_ERROR', 'a stream that nobody allowed'],
    ['06ffffffffffffffff0161', 'CRYPTO_BUFFER_EXCEEDED', 'section 7.5'],
    ['12d100000000000000', 'FRAME_ENCODING_ERROR', 'section 19.11: more than 2^60 streams'],
    ['17d000000000000100', 'FRAME_ENCODING_ERROR', 'section 19.14: more than 2^60 streams'],
    [`18010201${'00'.repeat(17)}`, 'FRAME_ENCODING_ERROR', 'section 19.15: retires itself'],
    [`18010000${'00'.repeat(16)}`, 'FRAME_ENCODING_ERROR', 'section 19.15: an empty connection ID'],
    [`18010015${'00'.repeat(37)}`, 'FRAME_ENCODING_ERROR', 'section 19.15: a connection ID of 21 bytes'],
    ['1a00000000000000', 'FRAME_ENCODING_ERROR', 'seven bytes of a challenge'],
    ['1c000010', 'FRAME_ENCODING_ERROR', 'a reason that is not there'],
    ['310561', 'FRAME_ENCODING_ERROR', 'a DATAGRAM that is cut off'],
  ] as const) {
    assert.throws(
      () => framesOf(bytesOf(hexadecimal)),
      (error) => error instanceof QuicDecodeError && error.code === code && /^RFC 9(000|221) section/.test(error.cites),
      why,
    )
  }
})

test('codes and limits above 2^53 are taken for large ones', () => {
  assert.deepEqual(framesOf(bytesOf('10ffffffffffffffff')), [{ type: 'MAX_DATA', limit: 2 ** 62 }])
  const [frame] = framesOf(bytesOf('0504ffffffffffffffff'))
  assert.deepEqual(frame, { type: 'STOP_SENDING', stream: 4, code: 2 ** 62 })
})

test('a reason that is not printable does no harm', () => {
  assert.deepEqual(framesOf(bytesOf('1c0a0604c3a40a41')), [
    { type: 'CONNECTION_CLOSE', space: 'transport', code: 10, frameType: 6, reason: '???A' },
  ])
})

test('RFC 9000 section 12.4, table 3: which frames may be in which packets', () => {
  const allowed = (packet: 'initial' | 'handshake' | '0-rtt' | '1-rtt' | 'retry'): string[] =>
    (Object.entries(QUIC_FRAME_CODE) as [QuicFrameType, number][])
      .filter(([type, code]) => isFrameAllowed(type, code, packet))
      .map(([type]) => type)
  const handshake = ['PADDING', 'PING', 'ACK', 'CRYPTO', 'CONNECTION_CLOSE']
  assert.deepEqual(allowed('initial'), handshake)
  assert.deepEqual(allowed('handshake'), handshake)
  assert.equal(isFrameAllowed('CONNECTION_CLOSE', 0x1d, 'handshake'), false)
  assert.equal(isFrameAllowed('CONNECTION_CLOSE', 0x1d, '0-rtt'), true)
  assert.equal(allowed('1-rtt').length, Object.keys(QUIC_FRAME_CODE).length)
  const notEarly = ['ACK', 'CRYPTO', 'NEW_TOKEN', 'RETIRE_CONNECTION_ID', 'PATH_RESPONSE', 'HANDSHAKE_DONE']
  assert.deepEqual(
    Object.keys(QUIC_FRAME_CODE).filter((type) => !allowed('0-rtt').includes(type)),
    notEarly,
  )
  assert.deepEqual(allowed('retry'), [])
})

test('types by their codes, and what they ask for', () => {
  assert.equal(quicFrameType(0x0f), 'STREAM')
  assert.equal(quicFrameType(0x03), 'ACK')
  assert.equal(quicFrameType(0x1f), undefined)
  assert.equal(quicFrameType(0x31), 'DATAGRAM')
  const types = Object.keys(QUIC_FRAME_CODE) as QuicFrameType[]
  assert.deepEqual(
    types.filter((type) => !isAckEliciting(type)),
    ['PADDING', 'ACK', 'CONNECTION_CLOSE'],
  )
  assert.deepEqual(types.filter(isProbing), ['PADDING', 'NEW_CONNECTION_ID', 'PATH_CHALLENGE', 'PATH_RESPONSE'])
})

test('RFC 9000 section 20.1: codes and their names', () => {
  assert.equal(quicErrorName(QUIC_ERROR_CODE.KEY_UPDATE_ERROR), 'KEY_UPDATE_ERROR')
  assert.equal(quicErrorName(CRYPTO_ERROR + 40), 'CRYPTO_ERROR')
  assert.equal(quicErrorName(0x11), undefined)
})
