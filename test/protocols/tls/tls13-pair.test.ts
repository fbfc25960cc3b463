import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { GroupName } from '../../../src/crypto/key-exchange.ts'
import { randomStream } from '../../../src/kernel/random.ts'
import type { TlsClientOptions, TlsServerOptions } from '../../../src/protocols/tls/options.ts'
import { TlsTickets } from '../../../src/protocols/tls/tickets.ts'
import { bytesOf, credentialsOf, give, pairOf, SECOND, seeded, talk, textOf } from './tls-pair.ts'
import type { TlsPair } from './tls-pair.ts'

const SUITES = ['TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384']
const GROUPS: readonly GroupName[] = ['x25519', 'secp256r1', 'X25519MLKEM768']

/** Data both ways, both ends said, and nothing else to complain of. */
function converse(pair: TlsPair, now = 0, cut?: (available: number) => number): void {
  pair.client.tls.send(bytesOf('a question'))
  talk(pair, now, cut)
  pair.server.tls.send(bytesOf('an answer'))
  pair.server.tls.end()
  talk(pair, now, cut)
  pair.client.tls.send(bytesOf(', and thanks'))
  pair.client.tls.end()
  talk(pair, now, cut)
  assert.equal(textOf(pair.client.data), 'an answer')
  assert.equal(textOf(pair.server.data), 'a question, and thanks')
  for (const end of [pair.client, pair.server]) {
    assert.equal(end.fault, undefined)
    assert.equal(end.all('closed').length, 1)
    assert.equal(end.all('ended').length, 1)
    assert.equal(end.tls.isClosed, true)
  }
}

function resumable(wish: Partial<TlsClientOptions> = {}, server: Partial<TlsServerOptions> = {}) {
  const tickets = new TlsTickets({ random: seeded(3) })
  const pair = pairOf(wish, { tickets, maxEarlyData: 1000, ...server })
  talk(pair)
  const { session } = pair.client
  assert.ok(session, 'there is a ticket')
  return { tickets, session }
}

describe('every combination that there is', () => {
  for (const suite of SUITES) {
    for (const group of GROUPS) {
      test(`${suite} over ${group}: full, asked again, resumed, with early data, with a client certificate`, () => {
        const common = { cipherSuites: [suite], groups: [group], alpn: ['h2'] }
        const full = pairOf(common, common)
        converse(full)
        assert.equal(full.client.connected?.cipherSuite, suite)
        assert.equal(full.server.connected?.group, group)
        const other = GROUPS.find((name) => name !== group) ?? 'x25519'
        const retried = pairOf({ ...common, groups: [other, group] }, common)
        converse(retried)
        assert.equal(retried.client.connected?.retried, true)
        assert.equal(retried.server.connected?.retried, true)
        const { tickets, session } = resumable(common, common)
        const resumed = pairOf({ ...common, session }, { ...common, tickets })
        converse(resumed, SECOND)
        assert.equal(resumed.client.connected?.resumed, true)
        assert.deepEqual(resumed.client.connected.peerChain, full.client.connected.peerChain)
        const early = pairOf({ ...common, session, earlyData: bytesOf('early: ') }, { ...common, tickets, maxEarlyData: 1000 })
        early.client.drain(SECOND)
        give(early.server, early.client.taken(), SECOND)
        early.server.drain(SECOND)
        assert.equal(textOf(early.server.data), 'early: ', 'before the client has heard anything')
        assert.equal(early.server.all('data')[0].early, true)
        talk(early, SECOND)
        assert.equal(early.server.connected, early.server.all('connected')[0])
        const mutual = pairOf(
          { ...common, credentials: credentialsOf('ed25519', 'client') },
          { ...common, clientAuthentication: 'required' },
        )
        converse(mutual)
        assert.equal(mutual.server.connected?.peerChain.length, 1)
      })
    }
  }

  for (const key of ['ec-p256', 'ed25519', 'rsa'] as const) {
    test(`a server with a key of the type ${key}`, () => {
      converse(pairOf({}, { credentials: credentialsOf(key) }))
    })
  }

  test('of several credentials, those that the client can check', () => {
    const pair = pairOf(
      { signatureSchemes: ['rsa_pss_rsae_sha256', 'ecdsa_secp256r1_sha256'] },
      {
        credentials: [credentialsOf('ed25519'), credentialsOf('rsa')],
      },
    )
    converse(pair)
    assert.deepEqual(pair.client.connected?.peerChain, credentialsOf('rsa').chain)
  })

  test('a cookie, with early data that are refused by it', () => {
    const { tickets, session } = resumable()
    const pair = pairOf({ session, earlyData: bytesOf('early') }, { tickets, maxEarlyData: 1000, alwaysRetry: true })
    converse(pair, SECOND)
    assert.equal(pair.client.connected?.earlyData, 'rejected')
    assert.equal(pair.server.connected?.earlyData, 'rejected')
    assert.equal(pair.client.connected.resumed, true)
    assert.equal(pair.client.all('early-data').length, 1)
  })
})

describe('the order of messages, and what stands between', () => {
  test('a full handshake in compatibility mode', () => {
    const pair = pairOf()
    talk(pair)
    assert.deepEqual(pair.client.messages('sent'), ['ClientHello', 'ChangeCipherSpec', 'Finished'])
    assert.deepEqual(pair.server.messages('sent'), [
      ...['ServerHello', 'ChangeCipherSpec', 'EncryptedExtensions', 'Certificate', 'CertificateVerify', 'Finished'],
    ])
  })

  test('and without it', () => {
    const pair = pairOf({ compatibilityMode: false })
    talk(pair)
    assert.equal([...pair.client.messages('sent'), ...pair.server.messages('sent')].includes('ChangeCipherSpec'), false)
  })

  test('a HelloRetryRequest', () => {
    const pair = pairOf({}, { groups: ['secp256r1'] })
    talk(pair)
    assert.deepEqual(pair.client.messages('sent'), ['ClientHello', 'ChangeCipherSpec', 'ClientHello', 'Finished'])
    assert.deepEqual(pair.server.messages('sent').slice(0, 3), ['HelloRetryRequest', 'ChangeCipherSpec', 'ServerHello'])
  })

  test('the version of the first record is 1.0, of all others 1.2', () => {
    const pair = pairOf({}, { groups: ['secp256r1'] })
    talk(pair)
    assert.equal(pair.client.sent[0][2], 1)
    assert.equal(pair.client.sent[1][2], 3)
    assert.equal(pair.server.sent[0][2], 3)
  })

  test('a hybrid share makes the ClientHello larger than a packet', () => {
    const groups = ['X25519MLKEM768', 'x25519', 'secp256r1'] as const
    const pair = pairOf({ groups, alpn: ['h2', 'http/1.1'] }, { groups })
    talk(pair)
    assert.equal(pair.client.connected?.group, 'X25519MLKEM768')
    assert.ok(pair.client.sent[0].length > 1448, `${String(pair.client.sent[0].length)} bytes`)
    // A server that does not know it takes the other share, and need not ask again.
    const old = pairOf({ groups }, { groups: ['x25519'] })
    talk(old)
    assert.equal(old.client.connected?.retried, false)
  })

  test('a server may answer before it has heard the end of the handshake, unless it wants to know who asks', () => {
    for (const clientAuthentication of ['none', 'wanted'] as const) {
      const pair = pairOf({}, { clientAuthentication })
      pair.client.drain(0)
      give(pair.server, pair.client.taken())
      pair.server.tls.send(bytesOf('already'))
      pair.server.drain(0)
      assert.equal(pair.server.tls.buffered, clientAuthentication === 'none' ? 0 : 7)
      give(pair.client, pair.server.taken())
      talk(pair)
      assert.equal(textOf(pair.client.data), 'already')
    }
  })

  test('secrets are told in the form of a key log, once each', () => {
    const { tickets, session } = resumable()
    const pair = pairOf({ session, earlyData: bytesOf('early') }, { tickets, maxEarlyData: 1000 })
    talk(pair, SECOND)
    const labels = [
      ...['CLIENT_EARLY_TRAFFIC_SECRET', 'CLIENT_HANDSHAKE_TRAFFIC_SECRET', 'SERVER_HANDSHAKE_TRAFFIC_SECRET'],
      ...['CLIENT_TRAFFIC_SECRET_0', 'SERVER_TRAFFIC_SECRET_0', 'EXPORTER_SECRET'],
    ]
    const lines = (end: TlsPair['client']): string[] => end.all('secret').map(({ line }) => line)
    assert.deepEqual(
      lines(pair.client)
        .map((line) => line.split(' ')[0])
        .sort(),
      labels.sort(),
    )
    assert.deepEqual(lines(pair.client).sort(), lines(pair.server).sort())
    for (const line of lines(pair.client)) assert.match(line, /^[A-Z_0]+ [0-9a-f]{64} [0-9a-f]{64}$/)
    const silent = pairOf({ keyLog: false }, { keyLog: false })
    talk(silent)
    assert.equal(silent.client.all('secret').length + silent.server.all('secret').length, 0)
  })
})

describe('a stream that is cut anywhere', () => {
  const options = (
    tickets: TlsTickets,
    session: TlsClientOptions['session'],
  ): [Partial<TlsClientOptions>, Partial<TlsServerOptions>] => [
    { ...(session !== undefined && { session }), earlyData: bytesOf('early'), credentials: credentialsOf('ec-p256', 'client') },
    { tickets, maxEarlyData: 1000, clientAuthentication: 'wanted', replayProtection: false },
  ]

  test('into single bytes', () => {
    const { tickets, session } = resumable()
    const pair = pairOf(...options(tickets, session))
    talk(pair, SECOND, () => 1)
    pair.client.tls.end()
    pair.server.tls.end()
    talk(pair, SECOND, () => 1)
    assert.equal(textOf(pair.server.data), 'early')
    assert.equal(pair.client.fault ?? pair.server.fault, undefined)
    converse(pairOf({}, { groups: ['secp256r1'] }), 0, () => 1)
  })

  test('in two, at each place of each flight', () => {
    const { tickets, session } = resumable()
    const whole = pairOf({ session }, { tickets })
    whole.client.drain(SECOND)
    const hello = whole.client.taken()
    for (let at = 1; at < hello.length; at++) {
      const server = pairOf({}, { tickets, random: seeded(2) }).server
      give(server, hello.subarray(0, at), SECOND)
      server.drain(SECOND)
      assert.equal(server.sent.length, 0)
      // Every tenth goes on, which is what costs.
      if (at % 10 !== 0) continue
      give(server, hello.subarray(at), SECOND)
      server.drain(SECOND)
      assert.equal(server.fault, undefined)
      assert.deepEqual(server.messages('sent').slice(-1), ['Finished'])
    }
    give(whole.server, hello, SECOND)
    whole.server.drain(SECOND)
    const flight = whole.server.taken()
    for (let at = 1; at < flight.length; at += 7) {
      const client = pairOf({ session }, {}).client
      client.drain(SECOND)
      give(client, flight.subarray(0, at), SECOND)
      give(client, flight.subarray(at), SECOND)
      client.drain(SECOND)
      assert.equal(client.fault, undefined)
      assert.notEqual(client.connected, undefined)
    }
  })

  test('at random, with a megabyte each way', () => {
    const random = randomStream(11, 'cuts')
    const cut = (available: number): number => 1 + (random.uint32() % Math.min(available, 3000))
    const data = seeded(5)(1_000_000)
    const pair = pairOf({}, { recordSize: 4000 })
    pair.client.tls.send(data)
    for (let at = 0; at < data.length; at += 777) pair.server.tls.send(data.subarray(at, at + 777))
    talk(pair, 0, cut)
    assert.deepEqual(pair.server.data, data)
    assert.deepEqual(pair.client.data, data)
  })
})

describe('records', () => {
  test('so small that each message of the handshake takes many', () => {
    const pair = pairOf(
      { recordSize: 64, credentials: credentialsOf('rsa', 'client') },
      { recordSize: 64, credentials: credentialsOf('rsa'), clientAuthentication: 'required', alwaysRetry: true },
    )
    converse(pair, 0, () => 50)
    for (const piece of [...pair.client.sent, ...pair.server.sent]) assert.ok(piece.length > 0, 'nothing empty')
  })

  test('are as large as they may be, or as was asked for', () => {
    for (const recordSize of [64, 1000, 16_384]) {
      const pair = pairOf({ recordSize })
      talk(pair)
      pair.client.sent.length = 0
      pair.client.tls.send(new Uint8Array(20_000))
      pair.client.drain(0)
      assert.deepEqual(
        pair.client.sent.map(({ length }) => length - 22),
        Array.from({ length: Math.ceil(20_000 / recordSize) }, (_, i) => Math.min(recordSize, 20_000 - i * recordSize)),
      )
    }
  })

  test('small at first, then large, and small again after a pause', () => {
    const pair = pairOf({ recordSize: 'dynamic' })
    talk(pair)
    const sizes = (now: number): number[] => {
      pair.client.sent.length = 0
      pair.client.tls.send(new Uint8Array(100_000))
      pair.client.drain(now)
      return pair.client.sent.map(({ length }) => length - 22)
    }
    const first = sizes(0)
    assert.deepEqual(first.slice(0, 47), new Array(47).fill(1400))
    assert.equal(first[47], 16_384)
    assert.equal(sizes(SECOND / 2)[0], 16_384)
    assert.equal(sizes(2 * SECOND)[0], 1400)
  })

  test('gather small pieces', () => {
    const pair = pairOf()
    talk(pair)
    pair.client.sent.length = 0
    for (let i = 0; i < 1000; i++) pair.client.tls.send(Uint8Array.of(i))
    assert.equal(pair.client.tls.buffered, 1000)
    talk(pair)
    assert.equal(pair.client.sent.length, 1)
    assert.deepEqual(
      pair.server.data,
      Uint8Array.from({ length: 1000 }, (_, i) => i),
    )
  })

  test('padded, they all look alike, and the padding is gone when they are read (RFC 8446 section 5.4)', () => {
    const pair = pairOf({ padding: 256 })
    talk(pair)
    pair.client.sent.length = 0
    pair.client.tls.send(bytesOf('yes'))
    talk(pair)
    pair.client.tls.send(bytesOf('certainly not'))
    talk(pair)
    pair.client.tls.send(new Uint8Array(16_384))
    talk(pair)
    assert.deepEqual(
      pair.client.sent.map(({ length }) => length),
      [5 + 256 + 16, 5 + 256 + 16, 5 + 16_385 + 16],
    )
    assert.equal(textOf(pair.server.data.subarray(0, 16)), 'yescertainly not')
  })
})

describe('keys are changed', () => {
  test('by either side, asked for or not, and data go on', () => {
    const pair = pairOf()
    talk(pair)
    const sent = { client: '', server: '' }
    for (let i = 0; i < 6; i++) {
      for (const role of ['client', 'server'] as const) {
        pair[role].tls.updateKeys(i % 2 === 0)
        const text = `${role} ${String(i)};`
        pair[role].tls.send(bytesOf(text))
        sent[role] += text
        if (i % 3 === 0) talk(pair)
      }
    }
    talk(pair)
    assert.equal(textOf(pair.server.data), sent.client)
    assert.equal(textOf(pair.client.data), sent.server)
    assert.equal(pair.client.fault ?? pair.server.fault, undefined)
  })

  test('many requests at once are answered once (RFC 8446 section 4.6.3)', () => {
    const pair = pairOf()
    talk(pair)
    for (let i = 0; i < 10; i++) pair.client.tls.updateKeys(true)
    pair.client.drain(0)
    // All of them in one piece, before the server can say anything.
    give(pair.server, pair.client.taken())
    pair.server.drain(0)
    assert.equal(pair.server.messages('sent').filter((name) => name === 'KeyUpdate').length, 1)
    talk(pair)
    assert.equal(pair.client.fault ?? pair.server.fault, undefined)
  })

  test('not before the handshake is complete, and not in TLS 1.2', () => {
    const pair = pairOf()
    assert.throws(
      () => {
        pair.client.tls.updateKeys(false)
      },
      { name: 'LocalTlsError' },
    )
    const old = pairOf({ versions: ['1.2'] })
    talk(old)
    assert.equal(old.client.connected?.version, '1.2')
    assert.throws(
      () => {
        old.client.tls.updateKeys(false)
      },
      { name: 'LocalTlsError' },
    )
  })
})

describe('both versions', () => {
  test('each with each: the highest in common', () => {
    for (const client of [['1.3'], ['1.2'], ['1.3', '1.2']] as const) {
      for (const server of [['1.3'], ['1.2'], ['1.3', '1.2']] as const) {
        const pair = pairOf({ versions: client }, { versions: server })
        talk(pair)
        const common = client.filter((version) => server.some((other) => other === version))
        if (common.length > 0) {
          assert.equal(pair.client.connected?.version, common[0])
          assert.equal(pair.server.connected?.version, common[0])
        } else {
          assert.equal((pair.server.fault ?? pair.client.fault)?.alert, 'protocol_version')
        }
      }
    }
  })

  test('who hides TLS 1.3 on the way is noticed (RFC 8446 section 4.1.3)', () => {
    const pair = pairOf({ versions: ['1.3', '1.2'] }, {})
    pair.client.drain(0)
    const hello = pair.client.taken()
    // supported_versions becomes an extension that nobody knows.
    const at = hello.findIndex((_, i) => hello[i] === 0 && hello[i + 1] === 43 && hello[i + 3] === 5)
    hello[at] = 0x77
    give(pair.server, hello)
    talk(pair)
    assert.equal(pair.client.fault?.alert, 'illegal_parameter')
    assert.equal(pair.client.fault.whose, 'peer')
    assert.match(pair.client.fault.cites, /4\.1\.3/)
    assert.equal(pair.server.fault?.noticedBy, 'peer')
  })

  test('SSL 3.0 is refused, and a later legacy_version means nothing (RFC 8446 sections 4.2.1 and D.5)', () => {
    for (const [major, minor] of [
      [3, 0],
      [2, 0],
      [3, 1],
      [3, 4],
      [4, 0],
    ]) {
      const pair = pairOf()
      pair.client.drain(0)
      const hello = pair.client.taken()
      hello[9] = major
      hello[10] = minor
      give(pair.server, hello)
      pair.server.drain(0)
      const isOld = major < 3 || (major === 3 && minor === 0)
      assert.equal(pair.server.fault?.alert, isOld ? 'protocol_version' : undefined)
      assert.equal(pair.server.messages('sent').includes('ServerHello'), !isOld)
    }
  })

  test('TLS 1.2 in answer to early data (RFC 8446 appendix D.3)', () => {
    const { tickets, session } = resumable()
    const pair = pairOf({ session, earlyData: bytesOf('early') }, { tickets, versions: ['1.2'] })
    talk(pair)
    assert.equal(pair.client.fault?.alert, 'protocol_version')
  })

  test('data, resumption and the end in TLS 1.2', () => {
    const tickets = new TlsTickets({ random: seeded(3) })
    const first = pairOf({ versions: ['1.2'] }, { tickets })
    converse(first)
    const { session } = first.client
    assert.ok(session, 'there is a ticket')
    const second = pairOf({ session }, { tickets, versions: ['1.2'] })
    converse(second, SECOND)
    assert.equal(second.client.connected?.resumed, true)
  })
})
