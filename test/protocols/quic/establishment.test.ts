import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TlsTickets } from '../../../src/protocols/tls/tickets.ts'
import type { QuicSession } from '../../../src/protocols/quic/session.ts'
import { bytesOf } from './recovery-lab.ts'
import { bytesOn, CLIENT, pattern, QuicLab, SECOND, SERVER, type ClientWish, type ServerWish } from './quic-lab.ts'

/** A first byte that has a long header's type in it: RFC 9000 section 17.2. */
const packetType = (bytes: Uint8Array): string => ['initial', '0-rtt', 'handshake', 'retry'][(bytes[0] >> 4) & 3] ?? ''

test('RFC 9000 section 8.1.2: a Retry first, and all begins anew with its token', () => {
  const lab = new QuicLab({}, { retry: 'always' })
  assert.ok(lab.connect(), 'both are connected')
  assert.equal(lab.clientTold('retry-received').length, 1)
  assert.deepEqual(
    lab.answers.map(({ type }) => type),
    ['retry-sent', 'opened'],
  )
  assert.equal(lab.connection?.statistics.packetsDropped, 0)
})

test('RFC 9000 section 8.1.3: the token of NEW_TOKEN spares a client the Retry, once', () => {
  const lab = new QuicLab({}, { retry: 'always' })
  assert.ok(lab.connect(), 'both are connected')
  lab.run(() => lab.clientTold('new-token').length > 0, SECOND)
  const [{ token }] = lab.clientTold('new-token')
  for (const retries of [0, 1]) {
    lab.client.close(0)
    lab.run(undefined, SECOND)
    lab.connection = undefined
    lab.replaceClient({ token })
    assert.ok(lab.connect(), 'both are connected')
    assert.equal(lab.clientTold('retry-received').length, retries)
  }
})

test('RFC 9000 section 8.1.3: a token that was given to another address says nothing', () => {
  const lab = new QuicLab({}, { retry: 'always' })
  assert.ok(lab.connect(), 'both are connected')
  lab.run(() => lab.clientTold('new-token').length > 0, SECOND)
  const [{ token }] = lab.clientTold('new-token')
  lab.client.close(0)
  lab.run(undefined, SECOND)
  lab.connection = undefined
  lab.replaceClient({ token })
  lab.translate = (address) => ({ ...address, address: 0x0a00_0077 })
  assert.ok(lab.connect(), 'both are connected')
  assert.equal(lab.clientTold('retry-received').length, 1)
})

test('RFC 9000 section 8.1.2: a Retry token that was tampered with ends it with INVALID_TOKEN', () => {
  const lab = new QuicLab({ token: Uint8Array.of(1, ...bytesOf(3)(60)) })
  lab.run(() => lab.clientTold('closed').length > 0)
  const [{ error }] = lab.clientTold('closed')
  assert.deepEqual([error?.name, error?.whose, error?.noticedBy], ['INVALID_TOKEN', 'local', 'peer'])
  assert.deepEqual(
    lab.answers.map((answer) => (answer.type === 'refused' ? answer.name : answer.type)),
    ['INVALID_TOKEN'],
  )
})

test('a Retry comes only under load, when nothing else is asked for', () => {
  const lab = new QuicLab({}, { retryAbove: 3 })
  for (let i = 0; i < 6; i++) {
    lab.replaceClient({ local: { ...CLIENT, port: 6000 + i } })
    const first = lab.client.pollTransmit(0)
    assert.ok(first !== undefined, 'a first packet')
    lab.server.handle({ ...first, local: first.remote, remote: first.local }, 0)
  }
  const types: string[] = []
  for (let event = lab.server.pollEvent(); event !== undefined; event = lab.server.pollEvent())
    if (event.type !== 'told') types.push(event.type)
  assert.deepEqual(types.sort(), [...Array<string>(4).fill('opened'), 'retry-sent', 'retry-sent'])
})

test('a server that is full turns clients away: CONNECTION_REFUSED', () => {
  const lab = new QuicLab({}, { maxConnections: 1 })
  assert.ok(lab.connect(), 'the first one is connected')
  lab.replaceClient({ local: { ...CLIENT, port: 6000 } })
  const first = lab.client.pollTransmit(lab.now)
  assert.ok(first !== undefined, 'a first packet')
  lab.server.handle({ ...first, local: first.remote, remote: first.local }, lab.now)
  const answer = lab.server.pollTransmit(lab.now)
  assert.ok(answer !== undefined, 'an answer')
  lab.client.handle({ ...answer, local: answer.remote, remote: answer.local }, lab.now)
  assert.equal(lab.client.isClosed, true)
  const events = Array.from({ length: 20 }, () => lab.client.pollEvent())
  const draining = events.find((event) => event?.type === 'draining')
  assert.equal(draining?.type === 'draining' && draining.error?.name, 'CONNECTION_REFUSED')
  assert.equal([...lab.server.connections].length, 1)
})

test('RFC 9000 section 6: a version that nobody speaks is answered by a list, and the client goes on with version 1', () => {
  const lab = new QuicLab({ versions: [0x1a2a_3a4a, 1] })
  assert.ok(lab.connect(), 'both are connected')
  const [{ versions }] = lab.clientTold('version-negotiation-received')
  assert.ok(versions.includes(1), 'version 1 is listed')
  assert.ok(
    versions.some((version) => (version & 0x0f0f_0f0f) === 0x0a0a_0a0a),
    'and one that is there to be ignored',
  )
  assert.equal(lab.clientTold('connected')[0].version, 1)
})

test('RFC 9000 section 6.2: a list without anything that we speak is the end', () => {
  const lab = new QuicLab()
  lab.filter = (from) => from === 'server'
  lab.run(() => lab.sent.length > 0)
  const [{ datagram }] = lab.sent
  const { bytes } = datagram
  const [destination, source] = [bytes.slice(6, 14), bytes.slice(15, 23)]
  const list = (version: number): Uint8Array => Uint8Array.of(0xc0, 0, 0, 0, 0, 8, ...source, 8, ...destination, 0, 0, 0, version)
  const give = (answer: Uint8Array): void => {
    lab.client.handle({ local: CLIENT, remote: SERVER, ecn: 0, bytes: answer }, lab.now)
  }
  // One that lists what we have used is a lie; one for somebody else means nothing.
  give(list(1))
  give(list(9).fill(7, 6, 14))
  assert.equal(lab.client.isClosed, false)
  give(list(9))
  lab.flush('client')
  const [{ error }] = lab.clientTold('closed')
  assert.deepEqual([error?.name, error?.whose], ['VERSION_NEGOTIATION', 'network'])
})

/** Two connections to one server, the second with what the first has brought. */
function resumed(client: ClientWish, server: ServerWish, between: (lab: QuicLab, session: QuicSession) => ClientWish): QuicLab {
  const tickets = new TlsTickets({ random: bytesOf(5) })
  const lab = new QuicLab(client, { ...server, tls: { tickets, ...server.tls } })
  assert.ok(lab.connect(), 'both are connected')
  lab.run(() => lab.clientTold('ticket').length > 0, SECOND)
  const [{ session }] = lab.clientTold('ticket')
  lab.client.close(0)
  lab.run(undefined, SECOND)
  lab.connection = undefined
  lab.replaceClient(between(lab, session))
  return lab
}

/** Asks at once when it may, and again when that was for nothing. */
function ask(lab: QuicLab): void {
  const send = (): void => {
    const stream = lab.client.openStream(true)
    lab.client.send(stream, pattern(3000))
    lab.client.end(stream)
  }
  lab.onClient = (event) => {
    if (event.type === 'early-data-allowed') send()
    if (event.type === 'connected' && event.earlyData !== 'accepted') send()
  }
  lab.onServer = (event, connection) => {
    if (event.type !== 'stream-data' || !event.fin) return
    connection.send(event.stream, pattern(5000))
    connection.end(event.stream)
  }
}

test('RFC 9001 section 4.6: 0-RTT data arrive with the first flight, and the answer is there after one round trip', () => {
  const lab = resumed({}, {}, (_, session) => ({ session }))
  ask(lab)
  const begin = lab.now
  assert.ok(
    lab.run(() => lab.clientTold('stream-data').some(({ fin }) => fin)),
    'there is an answer',
  )
  assert.equal(lab.now - begin, 20_000_000)
  assert.deepEqual(lab.clientTold('early-data-allowed'), [{ type: 'early-data-allowed', alpn: 'h3' }])
  assert.equal(lab.clientTold('connected')[0].earlyData, 'accepted')
  assert.equal(lab.clientTold('connected')[0].resumed, true)
  assert.ok(
    lab.serverTold('stream-data').every(({ early }) => early),
    'the server knows that they were early',
  )
  assert.deepEqual(bytesOn(lab.serverEvents, 0), pattern(3000))
  assert.deepEqual(bytesOn(lab.clientEvents, 0), pattern(5000))
})

test('0-RTT data survive a Retry, and loss', () => {
  const lab = resumed({}, { retry: 'always' }, (current, session) => {
    current.network = { loss: 0.2 }
    return { session }
  })
  ask(lab)
  assert.ok(
    lab.run(() => lab.clientTold('stream-data').some(({ fin }) => fin)),
    'there is an answer',
  )
  assert.equal(lab.clientTold('retry-received').length, 1)
  assert.equal(lab.clientTold('connected')[0].earlyData, 'accepted')
  assert.deepEqual(bytesOn(lab.serverEvents, 0), pattern(3000))
})

test('RFC 9001 section 4.6.2: what a server rejects is gone, and the application begins anew with stream 0', () => {
  const lab = resumed({}, { earlyData: true }, (current, session) => {
    current.replaceServer({ earlyData: false, tls: { tickets: new TlsTickets({ random: bytesOf(6) }) } })
    return { session }
  })
  ask(lab)
  assert.ok(
    lab.run(() => lab.clientTold('stream-data').some(({ fin }) => fin)),
    'there is an answer',
  )
  assert.deepEqual(lab.clientTold('early-data'), [{ type: 'early-data', outcome: 'rejected' }])
  assert.equal(lab.clientTold('connected')[0].earlyData, 'rejected')
  assert.deepEqual(bytesOn(lab.serverEvents, 0), pattern(3000))
  assert.deepEqual(bytesOn(lab.clientEvents, 0), pattern(5000))
})

test('a session is resumed without early data, if nobody wants them', () => {
  const lab = resumed({}, {}, (_, session) => ({ session, earlyData: false }))
  assert.ok(lab.connect(), 'both are connected')
  const [{ earlyData, resumed: isResumed }] = lab.clientTold('connected')
  assert.deepEqual([earlyData, isResumed], ['none', true])
  assert.equal(lab.clientTold('early-data-allowed').length, 0)
})

test('RFC 9000 section 8.1: until a client has shown its address, it gets three times what it has sent', () => {
  const lab = new QuicLab()
  lab.filter = (from) => from === 'client' && lab.sent.filter((one) => one.from === 'client').length === 1
  lab.run(undefined, 20 * SECOND)
  const sum = (who: 'client' | 'server'): number =>
    lab.sent.reduce((total, { from, datagram }) => (from === who ? total + datagram.bytes.length : total), 0)
  assert.equal(lab.sent[0].datagram.bytes.length, 1200)
  assert.ok(sum('server') <= 3600, `${String(sum('server'))} bytes were sent`)
  assert.ok(sum('server') > 1200, 'it says something')
})

test('RFC 9000 section 14.1: each datagram with an Initial packet of the client is as large as every path takes', () => {
  const lab = new QuicLab({}, {}, { loss: 0.3 }, 7)
  assert.ok(lab.connect(), 'both are connected')
  for (const { from, datagram } of lab.sent) {
    const { bytes } = datagram
    if (from === 'client' && bytes[0] >= 0x80 && packetType(bytes) === 'initial')
      assert.ok(bytes.length >= 1200, `${String(bytes.length)} bytes`)
  }
})

test('an untrusted certificate ends it with the alert, as CRYPTO_ERROR', () => {
  const lab = new QuicLab({ tls: { verifyName: 'mallory' } })
  lab.run(() => lab.clientTold('closed').length > 0 && lab.serverTold('closed').length > 0)
  const [{ error }] = lab.clientTold('closed')
  assert.match(error?.name ?? '', /^CRYPTO_ERROR \(bad_certificate\)|CRYPTO_ERROR \(certificate_unknown\)/)
  assert.equal(error?.certificateError, 'ERR_CERT_COMMON_NAME_INVALID')
  assert.equal(lab.serverTold('closed')[0].error?.whose, 'local')
})

test('no common application protocol: the handshake fails on both ends', () => {
  const lab = new QuicLab({ tls: { alpn: ['hq-interop'] } })
  lab.run(() => lab.clientTold('closed').length > 0 && lab.serverTold('closed').length > 0)
  assert.equal(lab.clientTold('closed')[0].error?.name, 'CRYPTO_ERROR (no_application_protocol)')
  assert.equal(lab.serverTold('closed')[0].error?.whose, 'peer')
})

test('an ICMP unreachable ends what has not begun, and nothing else', () => {
  const lab = new QuicLab()
  assert.ok(lab.connect(), 'both are connected')
  lab.client.unreachable('nobody listens there', lab.now)
  assert.equal(lab.client.isClosed, false)
  lab.replaceClient()
  lab.client.pollTransmit(lab.now)
  lab.client.unreachable('nobody listens there', lab.now)
  lab.flush('client')
  assert.equal(lab.clientTold('closed')[0].error?.name, 'UNREACHABLE')
})

test('nobody answers: the client gives up after its idle timeout', () => {
  const lab = new QuicLab({ idleTimeout: 5 * SECOND })
  lab.filter = () => false
  assert.ok(
    lab.run(() => lab.clientTold('closed').length > 0, 20 * SECOND),
    'it gives up',
  )
  const [{ error }] = lab.clientTold('closed')
  assert.deepEqual([error?.name, error?.whose], ['IDLE_TIMEOUT', 'network'])
})
