import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createAead } from '../../../src/crypto/aead.ts'
import { TlsClient } from '../../../src/protocols/tls/client.ts'
import type { TlsClientOptions, TlsServerOptions } from '../../../src/protocols/tls/options.ts'
import { TlsServer } from '../../../src/protocols/tls/server.ts'
import { TlsTickets } from '../../../src/protocols/tls/tickets.ts'
import { trafficKeys } from '../../../src/protocols/tls/tls13/key-schedule.ts'
import { Tls13Opener, Tls13Sealer } from '../../../src/protocols/tls/tls13/record-protection.ts'
import { tls13SuiteByName } from '../../../src/protocols/tls/tls13/suites.ts'
import { AlertDescription, encodeAlert } from '../../../src/wire/tls/alert.ts'
import type { AlertName } from '../../../src/wire/tls/alert.ts'
import { ContentType } from '../../../src/wire/tls/code-points.ts'
import { encodeRecord } from '../../../src/wire/tls/record.ts'
import { encodeKeyUpdate } from '../../../src/wire/tls/small-messages.ts'
import { bytesOf, clientOptions, concat, give, pairOf, SECOND, seeded, serverOptions, talk, textOf } from './tls-pair.ts'
import type { End, TlsPair } from './tls-pair.ts'

const { alert, application_data: data, change_cipher_spec: change, handshake } = ContentType

/** A sealer with the keys of one end's application data, as its key log tells them: what that end would send next. */
function forger(end: End, label = 'CLIENT_TRAFFIC_SECRET_0'): Tls13Sealer {
  const line = end.all('secret').find(({ line }) => line.startsWith(`${label} `))?.line
  const suite = tls13SuiteByName(end.tls.parameters?.cipherSuite ?? '')
  assert.ok(line !== undefined && suite !== undefined, 'there are keys')
  return new Tls13Sealer(suite, Uint8Array.from(Buffer.from(line.split(' ')[2], 'hex')))
}

function connected(client: Partial<TlsClientOptions> = {}, server: Partial<TlsServerOptions> = {}): TlsPair {
  const pair = pairOf(client, server)
  talk(pair)
  assert.notEqual(pair.client.connected, undefined)
  return pair
}

function warning(name: AlertName): Uint8Array {
  return encodeAlert({ level: 1, description: AlertDescription[name] })
}

/** Hands records to an end, and drains it. */
function hear(end: End, ...records: Uint8Array[]): void {
  for (const record of records) give(end, record)
  end.drain(0)
}

describe('the end of a connection (RFC 8446 section 6.1)', () => {
  test('one half is closed, the other goes on', () => {
    const pair = connected()
    pair.client.tls.end()
    talk(pair)
    assert.equal(pair.server.all('ended').length, 1)
    assert.equal(pair.server.tls.isClosed, false)
    assert.equal(pair.server.tls.isOpen, true)
    assert.equal(pair.client.tls.isOpen, false)
    pair.server.tls.send(bytesOf('still here'))
    pair.server.tls.end()
    talk(pair)
    assert.equal(textOf(pair.client.data), 'still here')
    assert.deepEqual([pair.client.tls.isClosed, pair.server.tls.isClosed], [true, true])
    assert.deepEqual([pair.client.fault, pair.server.fault], [undefined, undefined])
  })

  test('close_notify comes after all that was sent, also when it was asked for before the handshake', () => {
    const pair = pairOf()
    pair.client.tls.send(bytesOf('everything'))
    pair.client.tls.end()
    assert.throws(
      () => {
        pair.client.tls.send(bytesOf('more'))
      },
      { name: 'LocalTlsError' },
    )
    talk(pair)
    assert.equal(textOf(pair.server.data), 'everything')
    assert.equal(pair.server.all('ended').length, 1)
  })

  test('what comes after close_notify is not listened to', () => {
    const pair = connected()
    const sealer = forger(pair.client)
    hear(pair.server, sealer.seal(alert, warning('close_notify')), sealer.seal(data, bytesOf('too late')))
    assert.equal(pair.server.data.length, 0)
    assert.equal(pair.server.fault, undefined)
  })

  test('a stream that ends without close_notify is told, as the network’s fault', () => {
    const pair = connected()
    pair.server.tls.handleEnd(0)
    pair.server.drain(0)
    assert.deepEqual(pair.server.fault, {
      whose: 'network',
      alert: undefined,
      noticedBy: 'us',
      detail: 'the stream ended without close_notify: data may be missing',
      cites: 'RFC 8446 section 6.1',
    })
    const proper = connected()
    proper.client.tls.end()
    talk(proper)
    proper.server.tls.handleEnd(0)
    proper.server.tls.end()
    talk(proper)
    assert.equal(proper.server.fault, undefined)
  })

  test('a stream that ends in the middle of the handshake, or of a record', () => {
    const pair = pairOf()
    pair.client.drain(0)
    give(pair.server, pair.client.taken().subarray(0, 20))
    pair.server.tls.handleEnd(0)
    pair.server.drain(0)
    assert.match(pair.server.fault?.detail ?? '', /in the middle of the handshake, in the middle of a record/)
  })

  test('giving up says so, and throws away what waits', () => {
    const open = connected()
    open.client.tls.send(bytesOf('never'))
    open.client.tls.abort()
    talk(open)
    assert.equal(open.server.data.length, 0)
    assert.equal(open.server.all('ended').length, 1)
    const early = pairOf()
    early.client.drain(0)
    early.client.tls.abort()
    talk(early)
    assert.equal(early.client.fault?.whose, 'local')
    assert.deepEqual(
      early.server.all('alert').map(({ direction, name }) => `${direction} ${name}`),
      ['received user_canceled', 'received close_notify'],
    )
    assert.equal(early.server.fault?.whose, 'peer')
  })

  test('a fatal alert ends both ends, and each says whose fault it was', () => {
    const pair = pairOf({}, { cipherSuites: ['TLS_AES_128_GCM_SHA256'] })
    const client = new TlsClient(clientOptions({ cipherSuites: ['TLS_AES_256_GCM_SHA384'] }))
    const odd: TlsPair = { client: Object.assign(pair.client, { tls: client }), server: pair.server }
    talk(odd)
    assert.deepEqual(
      [odd.server.fault?.whose, odd.server.fault?.noticedBy, odd.server.fault?.alert],
      ['peer', 'us', 'handshake_failure'],
    )
    assert.deepEqual(
      [odd.client.fault?.whose, odd.client.fault?.noticedBy, odd.client.fault?.alert],
      ['local', 'peer', 'handshake_failure'],
    )
  })

  test('a client that does not believe the certificate says so under the keys of the handshake, and the server hears it', () => {
    const pair = pairOf({ serverName: 'carol' })
    talk(pair)
    assert.equal(pair.client.fault?.certificateError, 'ERR_CERT_COMMON_NAME_INVALID')
    assert.equal(pair.server.fault?.alert, 'bad_certificate')
  })
})

describe('records that must not be (RFC 8446 section 5)', () => {
  const cases: Readonly<Record<string, readonly [alert: string, records: (sealer: Tls13Sealer) => readonly Uint8Array[]]>> = {
    'a type that does not exist': ['unexpected_message', () => [Uint8Array.of(25, 3, 3, 0, 1, 0)]],
    'a longer record than TLS 1.3 allows': ['record_overflow', () => [Uint8Array.of(23, 3, 3, 0x41, 1), new Uint8Array(0x4101)]],
    'a longer record than any version allows, by its header alone': ['record_overflow', () => [Uint8Array.of(23, 3, 3, 0x50, 0)]],
    'a record that is not protected': ['unexpected_message', () => [encodeRecord(handshake, encodeKeyUpdate(false))]],
    'application data that are not protected': [
      'bad_record_mac',
      () => [encodeRecord(data, bytesOf('hello, I am not protected'))],
    ],
    'a record without a type': ['unexpected_message', (sealer) => [sealer.seal(0, new Uint8Array(10))]],
    'a protected ChangeCipherSpec': ['unexpected_message', (sealer) => [sealer.seal(change, Uint8Array.of(1))]],
    'a ChangeCipherSpec after the handshake': ['unexpected_message', () => [encodeRecord(change, Uint8Array.of(1))]],
    'an alert of no length': ['unexpected_message', (sealer) => [sealer.seal(alert, new Uint8Array(0))]],
    'an alert of three bytes': ['decode_error', (sealer) => [sealer.seal(alert, Uint8Array.of(1, 0, 0))]],
    'a handshake record of no length': ['unexpected_message', (sealer) => [sealer.seal(handshake, new Uint8Array(0))]],
    'data in the middle of a handshake message': [
      'unexpected_message',
      (sealer) => [sealer.seal(handshake, encodeKeyUpdate(false).subarray(0, 3)), sealer.seal(data, bytesOf('x'))],
    ],
    'a message behind a KeyUpdate in one record': [
      'unexpected_message',
      (sealer) => [sealer.seal(handshake, concat([encodeKeyUpdate(false), encodeKeyUpdate(false)]))],
    ],
    'a KeyUpdate that asks for something else': [
      'illegal_parameter',
      (sealer) => [sealer.seal(handshake, Uint8Array.of(24, 0, 0, 1, 2))],
    ],
    'a ClientHello after the handshake': ['unexpected_message', (sealer) => [sealer.seal(handshake, Uint8Array.of(1, 0, 0, 0))]],
    'a handshake message that is too long': [
      'illegal_parameter',
      (sealer) => [sealer.seal(handshake, Uint8Array.of(11, 0x7f, 0, 0))],
    ],
    'a changed byte': [
      'bad_record_mac',
      (sealer) => {
        const record = sealer.seal(data, bytesOf('x'))
        record[7] ^= 1
        return [record]
      },
    ],
    'the same record twice': [
      'bad_record_mac',
      (sealer) => {
        const record = sealer.seal(data, bytesOf('x'))
        return [record, record]
      },
    ],
    'records without content, without end': [
      'unexpected_message',
      (sealer) => Array.from({ length: 40 }, () => sealer.seal(data, new Uint8Array(0))),
    ],
    'warnings without end': [
      'unexpected_message',
      (sealer) => Array.from({ length: 40 }, () => sealer.seal(alert, warning('user_canceled'))),
    ],
  }

  for (const [says, [expected, records]] of Object.entries(cases)) {
    test(`${says}: ${expected}`, () => {
      const pair = connected()
      // A fresh sealer begins with the first record, as the client has sent none of its own.
      hear(pair.server, ...records(forger(pair.client)))
      assert.equal(pair.server.fault?.alert, expected)
      assert.equal(pair.server.fault.noticedBy, 'us')
      assert.match(pair.server.fault.cites, /^RFC \d+ section/)
      const sent = pair.server.all('alert').filter(({ direction }) => direction === 'sent')
      assert.deepEqual(
        sent.map(({ level, name }) => `${level} ${name}`),
        [`fatal ${expected}`],
      )
      // And the client can read it.
      give(pair.client, pair.server.taken())
      pair.client.drain(0)
      assert.equal(pair.client.fault?.alert, expected)
    })
  }

  test('more plaintext than 2^14 bytes: record_overflow', () => {
    const pair = connected({ cipherSuites: ['TLS_AES_128_GCM_SHA256'] })
    const suite = tls13SuiteByName('TLS_AES_128_GCM_SHA256')
    const line = pair.client.all('secret').find(({ line }) => line.startsWith('CLIENT_TRAFFIC_SECRET_0'))?.line ?? ''
    assert.ok(suite, 'the suite')
    const { key, iv } = trafficKeys(suite, Uint8Array.from(Buffer.from(line.split(' ')[2], 'hex')))
    const inner = new Uint8Array(16_386).fill(data)
    const header = Uint8Array.of(data, 3, 3, (inner.length + 16) >>> 8, inner.length + 16)
    hear(pair.server, concat([header, createAead('aes-128-gcm', key).seal(iv, header, inner)]))
    assert.equal(pair.server.fault?.alert, 'record_overflow')
  })

  test('key changes without end, and no data: unexpected_message', () => {
    const pair = connected()
    for (let i = 0; i < 40; i++) {
      pair.client.tls.updateKeys(false)
      pair.client.drain(0)
    }
    give(pair.server, pair.client.taken())
    pair.server.drain(0)
    assert.equal(pair.server.fault?.alert, 'unexpected_message')
  })

  test('data before the handshake: unexpected_message', () => {
    const server = pairOf().server
    hear(server, encodeRecord(data, bytesOf('GET / HTTP/1.1')))
    assert.equal(server.fault?.alert, 'unexpected_message')
  })

  test('bytes that are no TLS at all', () => {
    for (const text of ['GET / HTTP/1.1\r\nHost: bob\r\n\r\n', 'SSH-2.0-OpenSSH_9.2\r\n']) {
      const server = pairOf().server
      hear(server, bytesOf(text))
      assert.equal(server.fault?.noticedBy, 'us')
      assert.equal(server.sent.length, 1)
    }
  })

  test('a ChangeCipherSpec before the ClientHello, and one that is none', () => {
    for (const record of [encodeRecord(change, Uint8Array.of(1)), encodeRecord(change, Uint8Array.of(2))]) {
      const server = pairOf().server
      hear(server, record)
      assert.equal(server.fault?.alert, 'unexpected_message')
    }
  })

  test('an alert that nobody knows is fatal (RFC 8446 section 6)', () => {
    const pair = connected()
    hear(pair.server, forger(pair.client).seal(alert, Uint8Array.of(1, 77)))
    assert.equal(pair.server.fault?.alert, 'alert 77')
  })

  test('all is refused that comes after a fatal alert, and nothing more is said', () => {
    const pair = connected()
    hear(pair.server, encodeRecord(data, bytesOf('not protected at all')))
    const before = pair.server.sent.length
    hear(pair.server, forger(pair.client).seal(data, bytesOf('x')))
    pair.server.tls.send(bytesOf('nobody hears it'))
    pair.server.drain(0)
    assert.equal(pair.server.sent.length, before)
    assert.equal(pair.server.all('closed').length, 1)
  })
})

describe('what a peer may make us keep', () => {
  test('a record that trickles in is kept once', () => {
    const server = pairOf().server
    hear(server, Uint8Array.of(22, 3, 1, 0x40, 0))
    for (let i = 0; i < 16_000; i++) server.tls.handle(Uint8Array.of(1), 0)
    server.drain(0)
    assert.equal(server.fault, undefined)
  })

  test('early data beyond the limit: unexpected_message (RFC 8446 section 4.2.10)', () => {
    const tickets = new TlsTickets({ random: seeded(3) })
    const first = pairOf({}, { tickets, maxEarlyData: 1000 })
    talk(first)
    const { session } = first.client
    assert.ok(session, 'there is a ticket')
    const pair = pairOf({ session, earlyData: new Uint8Array(1000) }, { tickets, maxEarlyData: 999 })
    talk(pair, SECOND)
    assert.equal(pair.server.fault?.alert, 'unexpected_message')
    const large = pairOf({ session, earlyData: new Uint8Array(1001) }, { tickets, maxEarlyData: 2000 })
    talk(large, SECOND)
    assert.equal(large.client.connected?.earlyData, 'none', 'more than the ticket allows is not even offered')
  })

  test('refused early data are skipped, up to a limit', () => {
    const other = new TlsTickets({ random: seeded(4) })
    const tickets = new TlsTickets({ random: seeded(3) })
    const first = pairOf({}, { tickets, maxEarlyData: 100_000 })
    talk(first)
    const { session } = first.client
    assert.ok(session, 'there is a ticket')
    const small = pairOf({ session, earlyData: new Uint8Array(10_000), recordSize: 1000 }, { tickets: other, maxEarlyData: 100 })
    small.client.tls.send(bytesOf('again'))
    talk(small, SECOND)
    assert.equal(small.client.connected?.earlyData, 'rejected')
    assert.equal(small.client.connected.resumed, false)
    assert.equal(textOf(small.server.data), 'again')
    assert.deepEqual(
      small.client.all('early-data').map(({ outcome, bytes }) => [outcome, bytes.length]),
      [['rejected', 10_000]],
    )
    const large = pairOf({ session, earlyData: new Uint8Array(100_000) }, { tickets: other, maxEarlyData: 100 })
    talk(large, SECOND)
    assert.equal(large.server.fault?.alert, 'bad_record_mac')
  })

  test('what was sent and is no longer buffered is not held', () => {
    const pair = connected()
    pair.client.tls.send(new Uint8Array(100_000))
    assert.equal(pair.client.tls.buffered, 100_000)
    talk(pair)
    assert.equal(pair.client.tls.buffered, 0)
  })
})

describe('options that contradict themselves', () => {
  const random = seeded(1)
  const wrong: Readonly<Record<string, () => unknown>> = {
    'an unknown suite': () => new TlsClient({ random, cipherSuites: ['TLS_NULL_WITH_NULL_NULL'] }),
    'no suite for the version': () => new TlsClient({ random, versions: ['1.2'], cipherSuites: ['TLS_AES_128_GCM_SHA256'] }),
    'no groups': () => new TlsClient({ random, groups: [] }),
    'a record that is too small': () => new TlsClient({ random, recordSize: 63 }),
    'a record that is too large': () => new TlsServer({ ...serverOptions(), recordSize: 16_385 }),
    'an empty protocol': () => new TlsClient({ random, alpn: [''] }),
    'no padding': () => new TlsServer({ ...serverOptions(), padding: 0 }),
    'a ticket for ever': () => new TlsTickets({ random, lifetime: 604_801 }),
    'a share for a group that is not offered': () =>
      new TlsClient({ random, groups: ['secp256r1'], keyShares: ['x25519'] }).pollTransmit(0),
  }
  for (const [says, make] of Object.entries(wrong)) {
    test(says, () => {
      assert.throws(make, RangeError)
    })
  }
})

test('records open in their order only', () => {
  const suite = tls13SuiteByName('TLS_CHACHA20_POLY1305_SHA256')
  assert.ok(suite, 'the suite')
  const secret = seeded(1)(32)
  const sealer = new Tls13Sealer(suite, secret)
  const opener = new Tls13Opener(suite, secret)
  const records = [1, 2, 3].map((i) => sealer.seal(data, Uint8Array.of(i)))
  assert.equal(opener.open(records[1]), undefined, 'not before the first one')
  for (const [i, record] of records.entries()) assert.deepEqual(opener.open(record)?.plaintext, Uint8Array.of(i + 1))
})
