import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PacketKeys, type PacketCipher } from '../../../src/crypto/packet-keys.ts'
import { initialKeys, isRetryAuthentic, sealRetry, USAGE_LIMITS } from '../../../src/protocols/quic/packet-protection.ts'
import { QuicFrameDecoder } from '../../../src/wire/quic/frame-decoder.ts'
import { encodeRetry, QuicHeader, setLength, writeLongHeader, writeShortHeader } from '../../../src/wire/quic/header.ts'
import { decodePacketNumber } from '../../../src/wire/quic/packet-number.ts'
import { bytesOf, hexOf } from '../../crypto/bytes.ts'
import { CHACHA20, CLIENT_INITIAL, KEYS, RETRY, SERVER_INITIAL } from '../../vectors/rfc9001/appendix-a.ts'

const CHACHA: PacketCipher = { aead: 'chacha20-poly1305', hash: 'sha256' }
const CIPHERS: readonly PacketCipher[] = [
  CHACHA,
  { aead: 'aes-128-gcm', hash: 'sha256' },
  { aead: 'aes-256-gcm', hash: 'sha384' },
]
const FIRST_ID = bytesOf(KEYS.destinationConnectionId)

/** A packet as `PacketKeys.seal` wants it: room for the tag behind the payload. */
function plain(header: string, payload: Uint8Array): { packet: Uint8Array; payloadStart: number; payloadEnd: number } {
  const bytes = bytesOf(header)
  const packet = new Uint8Array(bytes.length + payload.length + 16)
  packet.set(bytes)
  packet.set(payload, bytes.length)
  return { packet, payloadStart: bytes.length, payloadEnd: bytes.length + payload.length }
}

/** What a receiver makes of a packet that is alone in its datagram. */
function opened(
  keys: PacketKeys,
  packet: Uint8Array,
  largest: number,
  idLength = 0,
): { number: number; payload: Uint8Array | undefined } {
  const header = new QuicHeader()
  header.decode(packet, 0, packet.length, idLength)
  const protection = keys.headerProtection
  assert.ok(protection.remove(packet, 0, header.packetNumberAt, header.end), 'a packet long enough for a sample')
  const number = decodePacketNumber(largest, protection.truncatedNumber, protection.numberLength)
  return { number, payload: keys.open(packet, header.packetNumberAt, header.end, number) }
}

test('RFC 9001 appendix A.2: the client Initial is sealed byte for byte, and opened', () => {
  const payload = new Uint8Array(CLIENT_INITIAL.payloadLength)
  payload.set(bytesOf(CLIENT_INITIAL.payload))
  const { packet, payloadStart, payloadEnd } = plain(CLIENT_INITIAL.header, payload)
  const keys = initialKeys(FIRST_ID).client
  assert.equal(keys.seal(packet, 0, payloadStart, payloadEnd, CLIENT_INITIAL.packetNumber), 1200)
  assert.equal(hexOf(packet), CLIENT_INITIAL.sealed)
  assert.deepEqual(opened(keys, packet, -1), { number: 2, payload })
})

test('RFC 9001 appendix A.2: header and frames are written as printed there', () => {
  const packet = new Uint8Array(1200)
  const payloadStart = writeLongHeader(packet, 0, 'initial', FIRST_ID, new Uint8Array(0), 2, 4)
  setLength(packet, payloadStart, 4, 1200)
  assert.equal(hexOf(packet.subarray(0, payloadStart)), CLIENT_INITIAL.header)
  const payload = bytesOf(CLIENT_INITIAL.payload)
  const decoder = new QuicFrameDecoder()
  decoder.begin(payload, 0, payload.length)
  assert.deepEqual(decoder.next(), { type: 'CRYPTO', offset: 0, start: 4, end: payload.length })
  assert.equal(decoder.next(), undefined)
})

test('RFC 9001 appendix A.3: the server Initial is sealed byte for byte, and opened', () => {
  const payload = bytesOf(SERVER_INITIAL.payload)
  const { packet, payloadStart, payloadEnd } = plain(SERVER_INITIAL.header, payload)
  const keys = initialKeys(FIRST_ID).server
  keys.seal(packet, 0, payloadStart, payloadEnd, SERVER_INITIAL.packetNumber)
  assert.equal(hexOf(packet), SERVER_INITIAL.sealed)
  assert.deepEqual(opened(keys, packet, 0), { number: 1, payload })
})

test('RFC 9001 appendix A.4: the Retry packet has that tag, and any change is noticed', () => {
  const retry = encodeRetry(new Uint8Array(0), bytesOf('f067a5502a4262b5'), bytesOf('746f6b656e'), 0x0f)
  sealRetry(retry, FIRST_ID)
  assert.equal(hexOf(retry), RETRY)
  assert.equal(isRetryAuthentic(retry, 0, retry.length, FIRST_ID), true)
  assert.equal(isRetryAuthentic(retry, 0, retry.length, bytesOf('8394c8f03e515709')), false)
  for (let at = 0; at < retry.length; at++) {
    retry[at] ^= 1
    assert.equal(isRetryAuthentic(retry, 0, retry.length, FIRST_ID), false, `a flipped bit in byte ${String(at)}`)
    retry[at] ^= 1
  }
})

test('RFC 9001 appendix A.5: a ChaCha20-Poly1305 packet with a short header', () => {
  const keys = new PacketKeys(CHACHA, bytesOf(CHACHA20.secret))
  const packet = new Uint8Array(21)
  const payloadStart = writeShortHeader(packet, 0, new Uint8Array(0), 0, CHACHA20.packetNumber, 3)
  assert.equal(hexOf(packet.subarray(0, payloadStart)), CHACHA20.header)
  packet[payloadStart] = 0x01
  assert.equal(keys.seal(packet, 0, payloadStart, payloadStart + 1, CHACHA20.packetNumber), 21)
  assert.equal(hexOf(packet), CHACHA20.sealed)
  assert.deepEqual(opened(keys, packet, CHACHA20.packetNumber - 1), { number: CHACHA20.packetNumber, payload: Uint8Array.of(1) })
})

test('RFC 9001 section 6.1: the next key phase has other packet keys, and the same header protection', () => {
  for (const cipher of CIPHERS) {
    const keys = new PacketKeys(cipher, new Uint8Array(cipher.hash === 'sha384' ? 48 : 32).fill(7))
    const next = keys.next()
    assert.equal(next.headerProtection, keys.headerProtection)
    const { packet, payloadStart, payloadEnd } = plain('4600000000', bytesOf('0101010101'))
    next.seal(packet, 0, payloadStart, payloadEnd, 5)
    const reader = new PacketKeys(cipher, new Uint8Array(cipher.hash === 'sha384' ? 48 : 32).fill(7))
    const protection = reader.headerProtection
    assert.ok(protection.remove(packet, 0, 2, packet.length), 'long enough')
    assert.equal(protection.firstByte, 0x46)
    assert.equal(protection.numberLength, 3)
    assert.equal(reader.open(packet, 2, packet.length, 5), undefined)
    assert.deepEqual(reader.next().open(packet, 2, packet.length, 5), bytesOf('0101010101'))
  }
})

test('packets of any cipher and of any place in a datagram come back whole, and none that was changed does', () => {
  for (const cipher of CIPHERS) {
    const secret = new Uint8Array(cipher.hash === 'sha384' ? 48 : 32).fill(3)
    const sender = new PacketKeys(cipher, secret)
    const receiver = new PacketKeys(cipher, secret)
    for (const length of [3, 15, 16, 17, 63, 64, 65, 1200]) {
      const packetNumber = 2 ** 40 + length
      const datagram = new Uint8Array(9 + 30 + length + 16)
      const id = Uint8Array.of(1, 2, 3, 4)
      const payloadStart = writeShortHeader(datagram, 9, id, 0x24, packetNumber, 2)
      const payload = Uint8Array.from({ length }, (_, i) => i)
      datagram.set(payload, payloadStart)
      const end = sender.seal(datagram, 9, payloadStart, payloadStart + length, packetNumber)
      assert.equal(end, payloadStart + length + 16)
      const packet = datagram.slice(9, end)
      const copy = packet.slice()
      assert.deepEqual(opened(receiver, packet, packetNumber - 7, 4), { number: packetNumber, payload })
      assert.deepEqual(packet, copy, 'what arrived is left as it is')
      for (let at = 0; at < packet.length; at += length > 100 ? 7 : 1) {
        packet[at] ^= 0x10
        // The first byte's form and fixed bit are read without keys.
        if (at > 0) assert.equal(opened(receiver, packet, packetNumber - 7, 4).payload, undefined)
        packet[at] ^= 0x10
      }
    }
  }
})

test('a packet that is too short to be sampled is refused, when sent and when received', () => {
  const keys = initialKeys(FIRST_ID).client
  assert.throws(() => keys.seal(new Uint8Array(40), 0, 2, 4, 0), RangeError)
  assert.throws(() => keys.seal(new Uint8Array(20), 0, 2, 6, 0), RangeError)
  assert.equal(keys.headerProtection.remove(new Uint8Array(40), 0, 5, 24), false)
  assert.equal(keys.headerProtection.remove(new Uint8Array(40), 0, 5, 25), true)
})

test('RFC 9001 section 6.6: limits of use', () => {
  assert.equal(USAGE_LIMITS['aes-128-gcm'].confidentiality, 8_388_608)
  assert.equal(USAGE_LIMITS['chacha20-poly1305'].integrity, 68_719_476_736)
})
