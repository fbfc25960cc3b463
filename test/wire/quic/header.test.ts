import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { QuicDecodeError } from '../../../src/wire/quic/decode-error.ts'
import {
  encodeRetry,
  encodeVersionNegotiation,
  longHeaderLength,
  offeredVersions,
  QuicHeader,
  setLength,
  writeLongHeader,
  writeShortHeader,
} from '../../../src/wire/quic/header.ts'
import {
  decodePacketNumber,
  packetNumberLength,
  readPacketNumber,
  writePacketNumber,
} from '../../../src/wire/quic/packet-number.ts'
import {
  LARGEST_VARINT,
  readVarint,
  varintLength,
  varintLengthAt,
  writeVarint,
  writeVarintOf,
} from '../../../src/wire/quic/varint.ts'
import { bytesOf, hexOf } from '../../crypto/bytes.ts'
import { CLIENT_INITIAL, RETRY, SERVER_INITIAL } from '../../vectors/rfc9001/appendix-a.ts'

function decoded(bytes: Uint8Array, shortIdLength = 0, start = 0): QuicHeader {
  const header = new QuicHeader()
  header.decode(bytes, start, bytes.length, shortIdLength)
  return header
}

function part(bytes: Uint8Array, start: number, end: number): string | undefined {
  return hexOf(bytes.subarray(start, end))
}

test('RFC 9000 appendix A.1: the samples of variable-length integers', () => {
  for (const [encoded, value] of [
    // 151,288,809,941,952,652, above 2^53, and rounded up.
    ['c2197c5eff14e88c', Number(151_288_809_941_952_672n)],
    ['9d7f3e7d', 494_878_333],
    ['7bbd', 15_293],
    ['25', 37],
    ['4025', 37],
  ] as const) {
    const bytes = bytesOf(encoded)
    assert.equal(varintLengthAt(bytes[0]), bytes.length)
    assert.equal(readVarint(bytes, 0), value)
  }
})

test('an integer is written as short as can be, and read back, up to 2^53 - 1', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.nat(70),
        fc.nat(20_000),
        fc.nat(),
        fc.maxSafeNat(),
        fc.constantFrom(63, 64, 16_383, 16_384, 2 ** 30 - 1, 2 ** 30),
      ),
      (value) => {
        const target = new Uint8Array(9)
        const end = writeVarint(target, 0, value)
        assert.equal(end, varintLength(value))
        assert.equal(end, varintLengthAt(target[0]))
        assert.equal(readVarint(target, 0), value)
        for (const length of [1, 2, 4, 8] as const) {
          if (length < end) continue
          assert.equal(writeVarintOf(target, 1, value, length), 1 + length)
          assert.equal(readVarint(target, 1), value)
        }
      },
    ),
    { seed: 5, numRuns: 2000 },
  )
  for (const value of [-1, 0.5, LARGEST_VARINT + 1, Number.NaN, Infinity])
    assert.throws(() => writeVarint(new Uint8Array(8), 0, value), RangeError)
})

test('RFC 9000 appendix A.2: as many bytes as tell a packet number apart', () => {
  assert.equal(packetNumberLength(0xac5c02, 0xabe8b3), 2)
  assert.equal(packetNumberLength(0xace8fe, 0xabe8b3), 3)
  assert.equal(packetNumberLength(0, -1), 1)
  assert.equal(packetNumberLength(127, -1), 1)
  assert.equal(packetNumberLength(128, -1), 2)
})

test('RFC 9000 appendix A.3: a packet number is found again', () => {
  assert.equal(decodePacketNumber(0xa82f30ea, 0x9b32, 2), 0xa82f9b32)
  assert.equal(decodePacketNumber(-1, 0, 1), 0)
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(0x7f_ffff), fc.nat(1000), (sent, unacknowledged, received) => {
      const largestAcknowledged = Math.max(-1, sent - unacknowledged - 1)
      // What arrived before may be anything that was not acknowledged yet.
      const largest = Math.min(Math.max(largestAcknowledged, sent - 1 - received), sent)
      const length = packetNumberLength(sent, largestAcknowledged)
      const target = new Uint8Array(4)
      writePacketNumber(target, 0, sent, length)
      assert.equal(decodePacketNumber(largest, readPacketNumber(target, 0, length), length), sent)
    }),
    { seed: 6, numRuns: 3000 },
  )
})

test('RFC 9001 appendix A: headers of the Initial packets', () => {
  const client = bytesOf(CLIENT_INITIAL.sealed)
  const header = decoded(client)
  assert.equal(header.type, 'initial')
  assert.equal(header.version, 1)
  assert.equal(part(client, header.destinationStart, header.destinationEnd), '8394c8f03e515708')
  assert.equal(part(client, header.sourceStart, header.sourceEnd), '')
  assert.equal(header.tokenEnd, header.tokenStart)
  assert.equal(header.packetNumberAt, 18)
  assert.equal(header.end, 1200)
  const server = bytesOf(SERVER_INITIAL.sealed)
  header.decode(server, 0, server.length, 0)
  assert.equal(part(server, header.sourceStart, header.sourceEnd), 'f067a5502a4262b5')
  assert.equal(header.end, server.length)
})

test('RFC 9001 appendix A.4: the header of a Retry packet', () => {
  const retry = bytesOf(RETRY)
  const header = decoded(retry)
  assert.equal(header.type, 'retry')
  assert.equal(part(retry, header.sourceStart, header.sourceEnd), 'f067a5502a4262b5')
  assert.equal(part(retry, header.tokenStart, header.tokenEnd), '746f6b656e')
  assert.equal(part(retry, header.packetNumberAt, header.end), '04a265ba2eff4d829058fb3f0f2496ba')
  const written = encodeRetry(new Uint8Array(0), bytesOf('f067a5502a4262b5'), bytesOf('746f6b656e'), 0x0f)
  assert.equal(hexOf(written.subarray(0, written.length - 16)), hexOf(retry.subarray(0, retry.length - 16)))
})

test('RFC 9000 section 17.2.1: a Version Negotiation packet, with connection IDs longer than version 1 has', () => {
  const destination = new Uint8Array(255).fill(1)
  const source = new Uint8Array(40).fill(2)
  const bytes = encodeVersionNegotiation(destination, source, [1, 0x1a2a3a4a], 0x15)
  const header = decoded(bytes)
  assert.equal(header.type, 'version-negotiation')
  assert.deepEqual(bytes.slice(header.destinationStart, header.destinationEnd), destination)
  assert.deepEqual(bytes.slice(header.sourceStart, header.sourceEnd), source)
  assert.deepEqual(offeredVersions(bytes, header), [1, 0x1a2a3a4a])
  for (const cut of [1, 2, 3, 8]) assert.throws(() => decoded(bytes.subarray(0, bytes.length - cut)), QuicDecodeError)
})

test('RFC 8999 section 5.1: of an unknown version the connection IDs are read', () => {
  const bytes = bytesOf('8a1a2a3a4a03010203020405ffffff')
  const header = decoded(bytes)
  assert.equal(header.type, 'unknown-version')
  assert.equal(header.version, 0x1a2a3a4a)
  assert.equal(part(bytes, header.destinationStart, header.destinationEnd), '010203')
  assert.equal(part(bytes, header.sourceStart, header.sourceEnd), '0405')
})

test('RFC 9000 section 12.2: coalesced packets end where their lengths say, and a short header goes to the end', () => {
  const target = new Uint8Array(200)
  const id = Uint8Array.of(9, 8, 7, 6)
  const token = Uint8Array.of(1, 2, 3)
  const first = writeLongHeader(target, 0, 'initial', id, id, 70_000, 3, token)
  assert.equal(first, longHeaderLength('initial', 4, 4, 3) + 3)
  setLength(target, first, 3, 60)
  const second = writeLongHeader(target, 60, 'handshake', id, new Uint8Array(0), 1, 1)
  assert.equal(second - 60, longHeaderLength('handshake', 4, 0) + 1)
  setLength(target, second, 1, 110)
  writeShortHeader(target, 110, id, 0x24, 5, 2)
  const header = decoded(target, 4)
  assert.deepEqual([header.type, header.packetNumberAt, header.end], ['initial', first - 3, 60])
  assert.equal(part(target, header.tokenStart, header.tokenEnd), '010203')
  header.decode(target, header.end, target.length, 4)
  assert.deepEqual([header.type, header.packetNumberAt, header.end], ['handshake', second - 1, 110])
  header.decode(target, header.end, target.length, 4)
  assert.deepEqual([header.type, header.firstByte, header.packetNumberAt, header.end], ['1-rtt', 0x65, 115, 200])
  assert.equal(part(target, header.destinationStart, header.destinationEnd), '09080706')
})

test('what is no packet is refused: no fixed bit, connection IDs over 20 bytes, lengths beyond the datagram', () => {
  for (const [hexadecimal, why] of [
    ['', 'nothing'],
    ['00', 'no fixed bit, short'],
    ['800000000100004001ff', 'no fixed bit, long'],
    ['c0000000011500', 'a connection ID that is not there'],
    [`c00000000115${'00'.repeat(21)}0000400a${'00'.repeat(10)}`, 'a connection ID of 21 bytes'],
    ['c00000000100004005aa', 'a token longer than the datagram'],
    ['c0000000010000ffffffffffffffff', 'a length above 2^53'],
    ['e000000001000040', 'half a length'],
    ['e00000000100004003ffff', 'a payload that is cut off'],
    ['f00000000100000102030405060708090a0b0c0d0e0f', 'a Retry without its whole tag'],
    ['4001', 'half a connection ID, short'],
  ] as const)
    assert.throws(() => decoded(bytesOf(hexadecimal), 4), QuicDecodeError, why)
})
