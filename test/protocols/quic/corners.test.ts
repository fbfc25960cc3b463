import assert from 'node:assert/strict'
import { test } from 'node:test'
import { initialKeys } from '../../../src/protocols/quic/packet-protection.ts'
import { CryptoStream } from '../../../src/protocols/quic/crypto-stream.ts'
import { isAckEliciting } from '../../../src/wire/quic/frame-types.ts'
import { QuicFrameDecoder } from '../../../src/wire/quic/frame-decoder.ts'
import { QuicHeader, setLength, writeLongHeader } from '../../../src/wire/quic/header.ts'
import { credentialsOf } from '../tls/tls-pair.ts'
import { CLIENT, MS, pattern, QuicLab, SECOND, SERVER } from './quic-lab.ts'

test('RFC 9221: messages of the largest size arrive while acknowledgments have to go the same way', () => {
  const lab = new QuicLab({ datagrams: true, pmtud: false }, { datagrams: true, pmtud: false })
  assert.ok(lab.connect(), 'both are connected')
  lab.onServer = (event, connection) => {
    if (event.type === 'datagram') connection.sendDatagram(pattern(connection.maxDatagramPayload))
  }
  const messages = 20
  for (let i = 0; i < messages; i++)
    lab.at(lab.now + i * 7 * MS, () => {
      lab.client.sendDatagram(pattern(lab.client.maxDatagramPayload))
      lab.flush('client')
    })
  lab.run(undefined, SECOND)
  assert.equal(lab.serverTold('datagram').length, messages)
  assert.equal(lab.clientTold('datagram').length, messages)
})

test('RFC 9000 section 19.19: a reason that is too long for a packet is cut, and what is not ASCII is replaced', () => {
  const lab = new QuicLab()
  assert.ok(lab.connect(), 'both are connected')
  lab.client.close(5, `${'é'.repeat(3)}${'x'.repeat(5000)}`)
  lab.run(undefined, SECOND)
  const [told] = lab.serverTold('draining')
  assert.equal(told.error?.code, 5)
  assert.match(told.error.detail, /^\?{3}x{100,}$/)
})

test('RFC 9000 section 7.5: a message that comes a byte at a time, and one behind it', () => {
  const stream = new CryptoStream()
  const first = Uint8Array.of(1, 1, 0, 0, ...pattern(0x1_0000))
  const second = Uint8Array.of(2, 0, 0, 3, 7, 8, 9)
  const all = Uint8Array.of(...first, ...second)
  const messages: Uint8Array[] = []
  for (let at = 0; at < all.length; at++) {
    stream.receive(at, all.subarray(at, at + 1))
    for (let message = stream.nextMessage(); message !== undefined; message = stream.nextMessage()) messages.push(message)
  }
  assert.deepEqual(messages, [first, second])
  assert.equal(stream.isPartial, false)
})

/** Types of the frames of the Initial packet at the beginning of a server's datagram; undefined: there is none. */
function initialFrames(bytes: Uint8Array, originalId: Uint8Array): string[] | undefined {
  const header = new QuicHeader()
  header.decode(bytes, 0, bytes.length, 8)
  if (header.type !== 'initial') return undefined
  const { server } = initialKeys(originalId)
  const { headerProtection } = server
  assert.ok(headerProtection.remove(bytes, 0, header.packetNumberAt, header.end), 'long enough')
  const payload = server.open(bytes, header.packetNumberAt, header.end, headerProtection.truncatedNumber)
  assert.ok(payload !== undefined, 'authentic')
  const decoder = new QuicFrameDecoder()
  decoder.begin(payload, 0, payload.length)
  const types: string[] = []
  for (let frame = decoder.next(); frame !== undefined; frame = decoder.next())
    if (isAckEliciting(frame.type)) types.push(frame.type)
  return types
}

test('RFC 9000 section 14.1: a server pads Initial packets that ask for an acknowledgment, or does not send them', () => {
  // A flight of more than one datagram, of which the last is short, leaves an odd rest of what may be sent.
  const { chain, ...rest } = credentialsOf()
  const credentials = { ...rest, chain: [...chain, ...chain, ...chain] }
  const lab = new QuicLab({}, { tls: { credentials } })
  let passed = 0
  lab.filter = (from) => from === 'server' || passed++ < 1
  lab.run(undefined, 10 * SECOND)
  const [first, ...later] = lab.sent
  const originalId = first.datagram.bytes.slice(6, 6 + first.datagram.bytes[5])
  let padded = 0
  for (const { from, datagram } of later) {
    if (from === 'client') continue
    const eliciting = initialFrames(datagram.bytes, originalId)
    if (eliciting === undefined || eliciting.length === 0) continue
    assert.ok(datagram.bytes.length >= 1200, `${eliciting.join(' ')} in a datagram of ${String(datagram.bytes.length)} bytes`)
    padded++
  }
  assert.ok(padded > 0, 'some are sent')
})

test('RFC 9000 section 7.2: Initial packets from another Source Connection ID than the first are dropped', () => {
  const lab = new QuicLab()
  const first = lab.client.pollTransmit(0)
  assert.ok(first !== undefined, 'a first packet')
  lab.server.handle({ local: SERVER, remote: CLIENT, ecn: 0, bytes: first.bytes }, 0)
  for (let event = lab.server.pollEvent(); event !== undefined; event = lab.server.pollEvent())
    if (event.type === 'opened') lab.connection = event.connection
  const originalId = first.bytes.slice(6, 6 + first.bytes[5])
  for (const [isSame, expected] of [
    [false, 1],
    [true, 2],
  ] as const) {
    const source = first.bytes.slice(7 + originalId.length, 15 + originalId.length)
    if (!isSame) source[0] ^= 1
    const bytes = new Uint8Array(1200)
    const payloadStart = writeLongHeader(bytes, 0, 'initial', originalId, source, 9, 1)
    bytes[payloadStart] = 1
    setLength(bytes, payloadStart, 1, bytes.length)
    initialKeys(originalId).client.seal(bytes, 0, payloadStart, bytes.length - 16, 9)
    lab.server.handle({ local: SERVER, remote: CLIENT, ecn: 0, bytes }, 1)
    assert.equal(lab.connection?.statistics.packetsReceived, expected)
  }
})

test('RFC 9000 section 4: what was not read of a stream that is over holds the next one back, until it is read or given up', () => {
  const lab = new QuicLab({}, { autoConsume: false, maxBidirectionalStreams: 2 })
  assert.ok(lab.connect(), 'both are connected')
  lab.onServer = (event, connection) => {
    if (event.type === 'stream-data' && event.fin) connection.end(event.stream)
  }
  for (const stream of [lab.client.openStream(true), lab.client.openStream(true)]) {
    lab.client.send(stream, pattern(100))
    lab.client.end(stream)
  }
  lab.run(undefined, SECOND)
  assert.equal(lab.client.canOpenStream(true), false)
  lab.connection?.stopSending(0, 7)
  lab.connection?.consume(4, 100)
  lab.run(undefined, SECOND)
  assert.equal(lab.client.openStream(true), 8)
  assert.equal(lab.client.openStream(true), 12)
  assert.equal(lab.client.canOpenStream(true), false)
})
