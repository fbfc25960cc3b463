import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { verify, schemesFor, publicKeyOf } from '../../../src/crypto/signature.ts'
import { TlsAlertError } from '../../../src/protocols/tls/fault.ts'
import type { TlsSession } from '../../../src/protocols/tls/session.ts'
import { TlsTickets } from '../../../src/protocols/tls/tickets.ts'
import { decodeCertificate12 } from '../../../src/wire/tls/certificate.ts'
import { decodeClientHello, encodeClientHello } from '../../../src/wire/tls/client-hello.ts'
import type { ClientHello } from '../../../src/wire/tls/client-hello.ts'
import { ContentType, HandshakeType } from '../../../src/wire/tls/code-points.ts'
import { decodeServerKeyExchange, encodeEcdhParams, encodeServerKeyExchange } from '../../../src/wire/tls/key-exchange.ts'
import { decodeServerHello, encodeServerHello } from '../../../src/wire/tls/server-hello.ts'
import type { ServerHello } from '../../../src/wire/tls/server-hello.ts'
import { bytesOf, concat, credentialsOf, give, pairOf as connectionsOf, root, seeded, talk as talkOver } from './tls-pair.ts'
import { pairOf, talk } from './tls12-pair.ts'
import type { ClientWish, Pair, ServerWish, Unit } from './tls12-pair.ts'

const SECOND = 1_000_000_000

const SUITES = [
  'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
]

/** Talks to the end. */
function connectedPair(client: ClientWish = {}, server: ServerWish = {}, now = 0): Pair {
  const pair = pairOf(client, server, now)
  talk(pair, Infinity, now)
  assert.ok(pair.client.eventOf('connected'), 'the client is connected')
  assert.ok(pair.server.eventOf('connected'), 'the server is connected')
  return pair
}

function typesOf(units: readonly Unit[]): number[] {
  return units.map(({ type, bytes }) => (type === ContentType.handshake ? bytes[0] : -type))
}

/** Expects a fault of the peer's. */
function refuses(what: () => void, alert: string, cites?: string): void {
  assert.throws(what, (error: unknown) => {
    assert.ok(error instanceof TlsAlertError || (error instanceof Error && 'alert' in error), `an alert, not ${String(error)}`)
    assert.equal(error.alert, alert)
    if (cites !== undefined && error instanceof TlsAlertError) assert.equal(error.cites, cites)
    return true
  })
}

describe('a full handshake of TLS 1.2 (RFC 5246 section 7.3)', () => {
  for (const suite of SUITES) {
    test(`${suite}: data in both directions`, () => {
      const credentials = credentialsOf(suite.includes('ECDSA') ? 'ec-p256' : 'rsa')
      const { client, server } = connectedPair({ cipherSuites: [suite] }, { credentials })
      assert.equal(client.eventOf('connected')?.cipherSuite, suite)
      assert.deepEqual(server.read(client.data(bytesOf('question'))), bytesOf('question'))
      assert.deepEqual(client.read(server.data(bytesOf('answer'))), bytesOf('answer'))
      const damaged = client.data(bytesOf('more'))
      damaged.bytes[damaged.bytes.length - 1] ^= 1
      assert.equal(server.read(damaged), undefined)
    })
  }

  test('both log the same secret, and know the same of each other', () => {
    const { client, server } = connectedPair({ alpn: ['h2', 'http/1.1'] }, { alpn: ['http/1.1', 'h2'] })
    assert.match(client.eventOf('secret')?.line ?? '', /^CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}$/)
    assert.equal(server.eventOf('secret')?.line, client.eventOf('secret')?.line)
    const { peerChain, ...seen } = client.eventOf('connected') ?? { peerChain: [] }
    assert.deepEqual({ ...seen, peerChain: [] }, server.eventOf('connected'))
    assert.deepEqual(peerChain, credentialsOf().chain)
    assert.equal(client.eventOf('connected')?.alpn, 'http/1.1')
    assert.equal(client.eventOf('connected')?.group, 'x25519')
  })

  test('two round trips: flights in their order, and the certificate readable', () => {
    const pair = pairOf({}, { clientAuthentication: 'wanted' })
    assert.deepEqual(typesOf(pair.client.sent), [HandshakeType.client_hello])
    talk(pair, 1)
    const { server_hello, certificate, server_key_exchange, certificate_request, server_hello_done } = HandshakeType
    assert.deepEqual(typesOf(pair.server.sent), [
      server_hello,
      certificate,
      server_key_exchange,
      certificate_request,
      server_hello_done,
    ])
    assert.deepEqual(decodeCertificate12(pair.server.sent[1].bytes), credentialsOf().chain)
    talk(pair, 5)
    // Without credentials the client sends an empty Certificate.
    assert.deepEqual(typesOf(pair.client.sent.slice(0, 3)), [certificate, HandshakeType.client_key_exchange, -20])
    assert.equal(pair.client.sent.length, 4)
    talk(pair)
    assert.ok(pair.server.eventOf('connected'), 'and nobody minds')
  })

  test("the server's share is signed together with both random values (RFC 8422 section 5.4)", () => {
    const pair = pairOf()
    const { random } = decodeClientHello(pair.client.sent[0].bytes)
    talk(pair, 1)
    const hello = decodeServerHello(pair.server.sent[0].bytes)
    const exchange = decodeServerKeyExchange(pair.server.sent[2].bytes)
    const signed = concat([random, hello.random, encodeEcdhParams(exchange)])
    const key = publicKeyOf(credentialsOf().privateKey)
    assert.equal(verify(schemesFor(key)[0], key, signed, exchange.signature), true)
  })

  test('the last bytes of the random value tell that TLS 1.3 would have been possible (RFC 8446 section 4.1.3)', () => {
    for (const [versions, mark] of [
      [['1.3', '1.2'], '444f574e47524401'],
      [['1.2'], undefined],
    ] as const) {
      const pair = pairOf({}, { versions })
      talk(pair, 1)
      const { random } = decodeServerHello(pair.server.sent[0].bytes)
      const last = Buffer.from(random.subarray(24)).toString('hex')
      if (mark === undefined) assert.notEqual(last, '444f574e47524401')
      else assert.equal(last, mark)
    }
  })

  test('a client certificate of each kind of key', () => {
    for (const key of ['ec-p256', 'ed25519', 'rsa'] as const) {
      const credentials = credentialsOf(key, 'client')
      const { server } = connectedPair({ credentials }, { clientAuthentication: 'required' })
      assert.deepEqual(server.eventOf('connected')?.peerChain, credentials.chain)
    }
  })

  test('a client that does not know extended master secrets is served, and its session is not kept (RFC 7627 section 5.4)', () => {
    const pair = pairOf({}, { tickets: new TlsTickets({ random: seeded(3) }) })
    rewriteClientHello(pair, (hello) => ({ ...hello, extensions: { ...hello.extensions, extendedMasterSecret: undefined } }))
    talk(pair, 1)
    const hello = decodeServerHello(pair.server.sent[0].bytes)
    assert.equal(hello.extensions.extendedMasterSecret, undefined)
    assert.equal(hello.extensions.sessionTicket, undefined)
    assert.equal(hello.sessionId.length, 0)
  })
})

/** Puts another ClientHello in the place of the one that is on its way. */
function rewriteClientHello({ client }: Pair, change: (hello: ClientHello) => ClientHello): void {
  const [{ type, bytes }] = client.sent.splice(0)
  client.sent.push({ type, bytes: encodeClientHello(change(decodeClientHello(bytes))) })
}

/** Puts another ServerHello in the place of the one that is on its way. */
function rewriteServerHello({ server }: Pair, change: (hello: ServerHello) => ServerHello): void {
  const [{ type, bytes }] = server.sent
  server.sent[0] = { type, bytes: encodeServerHello(change(decodeServerHello(bytes))) }
}

describe('a session of TLS 1.2 that is resumed', () => {
  const sessionOf = (pair: Pair): TlsSession => {
    const { session } = pair.client.eventOf('ticket') ?? {}
    assert.ok(session, 'there is a session to resume')
    return session
  }

  for (const [how, wish] of [
    ['a ticket', {}],
    ['its ID', { tickets: false }],
  ] as const) {
    test(`by ${how}: one round trip less, no certificate, fresh keys`, () => {
      const tickets = new TlsTickets({ random: seeded(3) })
      const first = connectedPair({ ...wish, alpn: ['h2'] }, { tickets, alpn: ['h2'] })
      const session = sessionOf(first)
      assert.equal(session.ticket.length > 0, how === 'a ticket')
      const pair = pairOf({ session, alpn: ['h2'], random: seeded(9) }, { tickets, alpn: ['h2'], random: seeded(10) }, SECOND)
      talk(pair, 1, SECOND)
      assert.deepEqual(typesOf(pair.server.sent.slice(0, 2)), [HandshakeType.server_hello, -20])
      assert.equal(pair.server.sent.length, 3)
      talk(pair, Infinity, SECOND)
      for (const side of [pair.client, pair.server]) {
        const connected = side.eventOf('connected')
        assert.equal(connected?.resumed, true)
        assert.equal(connected.group, undefined)
        assert.equal(connected.alpn, 'h2')
      }
      assert.deepEqual(pair.client.eventOf('connected')?.peerChain, credentialsOf().chain)
      assert.deepEqual(pair.server.read(pair.client.data(bytesOf('again'))), bytesOf('again'))
      assert.notEqual(pair.client.eventOf('secret')?.line, first.client.eventOf('secret')?.line)
    })
  }

  test("the client's certificate is remembered", () => {
    const tickets = new TlsTickets({ random: seeded(3) })
    const server: ServerWish = { tickets, clientAuthentication: 'required' }
    const credentials = credentialsOf('ec-p256', 'client')
    const session = sessionOf(connectedPair({ credentials }, server))
    const again = connectedPair({ credentials, session }, server)
    assert.equal(again.server.eventOf('connected')?.resumed, true)
    assert.deepEqual(again.server.eventOf('connected')?.peerChain, credentials.chain)
  })

  const notResumed: Readonly<Record<string, { client?: ClientWish; server?: ServerWish; now?: number }>> = {
    'too late': { now: 7201 * SECOND },
    'at a server that has forgotten': { server: { tickets: new TlsTickets({ random: seeded(4) }) } },
    'at a server that remembers nothing': { server: { tickets: undefined } as unknown as ServerWish },
    'at a server that does not take its suite any more': {
      server: { cipherSuites: ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'] },
    },
    'at a server that now wants to know who the client is': { server: { clientAuthentication: 'required' } },
  }
  for (const [when, { client = {}, server = {}, now = 0 }] of Object.entries(notResumed)) {
    for (const tickets of [true, false]) {
      test(`is not, ${when}: a full handshake follows (${tickets ? 'ticket' : 'ID'})`, () => {
        const store = new TlsTickets({ random: seeded(3) })
        const credentials = credentialsOf('ec-p256', 'client')
        const first = connectedPair({ tickets }, { tickets: store })
        const session = { ...sessionOf(first), lifetime: 100_000 }
        const other = { tickets: store, random: seeded(20), ...server }
        const again = connectedPair({ credentials, tickets, session, ...client }, other, now)
        assert.equal(again.client.eventOf('connected')?.resumed, false)
        assert.equal(again.server.eventOf('connected')?.resumed, false)
      })
    }
  }

  test('a client that offers a session has to offer its suite (RFC 5246 section 7.4.1.2)', () => {
    const tickets = new TlsTickets({ random: seeded(3) })
    const session = sessionOf(connectedPair({}, { tickets }))
    const pair = pairOf({ session }, { tickets })
    rewriteClientHello(pair, (hello) => ({ ...hello, cipherSuites: [0xc02b] }))
    refuses(() => talk(pair, 1), 'illegal_parameter', 'RFC 5246 section 7.4.1.2')
  })

  test('is not offered for another name, nor when the client knows that it is too old', () => {
    const tickets = new TlsTickets({ random: seeded(3) })
    const session = sessionOf(connectedPair({}, { tickets }))
    const later = pairOf({ session }, { tickets }, 7200 * SECOND)
    assert.equal(decodeClientHello(later.client.sent[0].bytes).extensions.sessionTicket?.length, 0)
    const other = pairOf({ session, serverName: 'carol' }, { tickets })
    assert.equal(decodeClientHello(other.client.sent[0].bytes).extensions.sessionTicket?.length, 0)
  })

  test('a ticket of TLS 1.3 is none of TLS 1.2', () => {
    const tickets = new TlsTickets({ random: seeded(3) })
    const session = sessionOf(connectedPair({}, { tickets }))
    const foreign = { ...session, ticket: tickets.seal(Uint8Array.of(3, 4, 0, 0, 0), 0) }
    assert.equal(connectedPair({ session: foreign }, { tickets }).server.eventOf('connected')?.resumed, false)
  })

  test('not by its ID after a fatal alert (RFC 5246 section 7.2.2)', () => {
    const server: ServerWish = { versions: ['1.2'], tickets: new TlsTickets({ random: seeded(3) }) }
    const first = connectionsOf({ versions: ['1.2'], tickets: false }, server)
    talkOver(first)
    const { session } = first.client
    assert.ok(session, 'there is a session to resume')
    const second = connectionsOf({ versions: ['1.2'], tickets: false, session }, { ...server, random: seeded(20) })
    talkOver(second)
    assert.equal(second.server.connected?.resumed, true)
    give(second.server, Uint8Array.of(23, 3, 3, 0, 24, ...new Uint8Array(24)))
    second.server.drain(0)
    assert.equal(second.server.fault?.alert, 'bad_record_mac')
    const third = connectionsOf({ versions: ['1.2'], tickets: false, session }, { ...server, random: seeded(21) })
    talkOver(third)
    assert.equal(third.server.connected?.resumed, false)
  })

  test('without an extended master secret, which it had: the server gives up (RFC 7627 section 5.3)', () => {
    const tickets = new TlsTickets({ random: seeded(3) })
    const session = sessionOf(connectedPair({}, { tickets }))
    const pair = pairOf({ session }, { tickets })
    rewriteClientHello(pair, (hello) => ({ ...hello, extensions: { ...hello.extensions, extendedMasterSecret: undefined } }))
    refuses(() => talk(pair, 1), 'handshake_failure', 'RFC 7627 section 5.3')
  })

  test('without an extended master secret, which it had: so does the client', () => {
    const tickets = new TlsTickets({ random: seeded(3) })
    const session = sessionOf(connectedPair({}, { tickets }))
    const pair = pairOf({ session }, { tickets })
    talk(pair, 1)
    rewriteServerHello(pair, (hello) => ({ ...hello, extensions: { ...hello.extensions, extendedMasterSecret: undefined } }))
    refuses(() => talk(pair, 1), 'handshake_failure', 'RFC 7627 section 5.3')
  })

  test('a server cannot resume what was not offered', () => {
    const pair = pairOf({ versions: ['1.3', '1.2'] }, {})
    talk(pair, 1)
    const { sessionId } = decodeClientHello(pairOf({ versions: ['1.3', '1.2'] }).client.sent[0].bytes)
    assert.equal(sessionId.length, 32)
    rewriteServerHello(pair, (hello) => ({ ...hello, sessionId }))
    refuses(() => talk(pair, 1), 'illegal_parameter', 'RFC 5246 section 7.4.1.3')
  })
})

describe('what a server of TLS 1.2 refuses in a ClientHello', () => {
  const cases: Readonly<Record<string, [alert: string, change: (hello: ClientHello) => ClientHello, server?: ServerWish]>> = {
    'TLS 1.1': ['protocol_version', (hello) => ({ ...hello, version: 0x0302 })],
    'no suite in common': ['handshake_failure', (hello) => ({ ...hello, cipherSuites: [0x002f] })],
    'no group in common': [
      'handshake_failure',
      (hello) => ({ ...hello, extensions: { ...hello.extensions, supportedGroups: [0x0018] } }),
    ],
    'a certificate on a curve that the client does not know (RFC 8422 section 5.1)': [
      'handshake_failure',
      (hello) => ({ ...hello, extensions: { ...hello.extensions, supportedGroups: [0x001d] } }),
    ],
    'no signature scheme in common': [
      'handshake_failure',
      (hello) => ({ ...hello, extensions: { ...hello.extensions, signatureAlgorithms: [0x0203] } }),
    ],
    'no signature schemes at all, which means SHA-1': [
      'handshake_failure',
      (hello) => ({ ...hello, extensions: { ...hello.extensions, signatureAlgorithms: undefined } }),
    ],
    'no null compression': ['illegal_parameter', (hello) => ({ ...hello, compressionMethods: [1] })],
    'no uncompressed points': [
      'illegal_parameter',
      (hello) => ({ ...hello, extensions: { ...hello.extensions, ecPointFormats: [1] } }),
    ],
    'a renegotiation (RFC 5746)': [
      'handshake_failure',
      (hello) => ({ ...hello, extensions: { ...hello.extensions, renegotiationInfo: new Uint8Array(12) } }),
    ],
    'other application protocols': [
      'no_application_protocol',
      (hello) => ({ ...hello, extensions: { ...hello.extensions, alpn: ['h3'] } }),
      { alpn: ['h2'] },
    ],
    'a name that is nobody here': ['unrecognized_name', (hello) => hello, { credentials: () => undefined }],
  }
  for (const [what, [alert, change, server = {}]] of Object.entries(cases)) {
    test(what, () => {
      const pair = pairOf({}, server)
      rewriteClientHello(pair, change)
      refuses(() => talk(pair, 1), alert)
    })
  }

  test('a client that does not say which groups it knows gets the oldest', () => {
    const pair = pairOf()
    rewriteClientHello(pair, (hello) => ({ ...hello, extensions: { ...hello.extensions, supportedGroups: undefined } }))
    talk(pair, 1)
    assert.equal(decodeServerKeyExchange(pair.server.sent[2].bytes).group, 0x0017)
  })

  test('the signal that renegotiation has to be secure is answered (RFC 5746 section 3.6)', () => {
    const pair = pairOf()
    rewriteClientHello(pair, (hello) => ({
      ...hello,
      cipherSuites: [...hello.cipherSuites, 0x00ff],
      extensions: { ...hello.extensions, renegotiationInfo: undefined },
    }))
    talk(pair, 1)
    assert.equal(decodeServerHello(pair.server.sent[0].bytes).extensions.renegotiationInfo?.length, 0)
  })
})

describe('what a client of TLS 1.2 refuses in a ServerHello', () => {
  const cases: Readonly<Record<string, [alert: string, change: (hello: ServerHello) => ServerHello]>> = {
    'TLS 1.1': ['protocol_version', (hello) => ({ ...hello, version: 0x0302 })],
    'a suite that was not offered': ['illegal_parameter', (hello) => ({ ...hello, cipherSuite: 0x002f })],
    'a suite of TLS 1.3': ['illegal_parameter', (hello) => ({ ...hello, cipherSuite: 0x1301 })],
    'a compression method': ['illegal_parameter', (hello) => ({ ...hello, compressionMethod: 1 })],
    'the mark of a downgrade': [
      'illegal_parameter',
      (hello) => ({ ...hello, random: concat([hello.random.subarray(0, 24), bytesOf('DOWNGRD\x01')]) }),
    ],
    'the mark of a downgrade to TLS 1.1': [
      'illegal_parameter',
      (hello) => ({ ...hello, random: concat([hello.random.subarray(0, 24), bytesOf('DOWNGRD\x00')]) }),
    ],
    'an extension that was not asked for': [
      'unsupported_extension',
      (hello) => ({ ...hello, extensions: { ...hello.extensions, recordSizeLimit: 64 } }),
    ],
    'an unknown extension': [
      'unsupported_extension',
      (hello) => ({ ...hello, extensions: { ...hello.extensions, others: [{ type: 0xabcd, data: new Uint8Array(0) }] } }),
    ],
    'a key share as in TLS 1.3': [
      'illegal_parameter',
      (hello) => ({ ...hello, extensions: { ...hello.extensions, keyShare: { group: 0x1d, keyExchange: new Uint8Array(32) } } }),
    ],
    'a renegotiation (RFC 5746)': [
      'handshake_failure',
      (hello) => ({ ...hello, extensions: { ...hello.extensions, renegotiationInfo: new Uint8Array(24) } }),
    ],
    'no uncompressed points': [
      'illegal_parameter',
      (hello) => ({ ...hello, extensions: { ...hello.extensions, ecPointFormats: [1, 2] } }),
    ],
    'an application protocol that was not offered': [
      'illegal_parameter',
      (hello) => ({ ...hello, extensions: { ...hello.extensions, alpn: ['h3'] } }),
    ],
    'two application protocols': [
      'illegal_parameter',
      (hello) => ({ ...hello, extensions: { ...hello.extensions, alpn: ['h2', 'http/1.1'] } }),
    ],
  }
  for (const [what, [alert, change]] of Object.entries(cases)) {
    test(what, () => {
      const pair = pairOf({ versions: ['1.3', '1.2'], alpn: ['h2', 'http/1.1'] }, { alpn: ['h2'] })
      talk(pair, 1)
      rewriteServerHello(pair, change)
      refuses(() => talk(pair, 1), alert)
    })
  }
})

describe('what either side refuses later', () => {
  test('a chain that leads to nobody, or to somebody else', () => {
    const pair = pairOf({ serverName: 'carol' })
    talk(pair, 2)
    refuses(() => talk(pair, 1), 'bad_certificate')
  })

  test('a server without a certificate, or with a key for other suites', () => {
    for (const [chain, alert] of [
      [[], 'decode_error'],
      [credentialsOf('rsa').chain, 'unsupported_certificate'],
    ] as const) {
      const pair = pairOf({}, { credentials: { ...credentialsOf(), chain } })
      talk(pair, 2)
      refuses(() => talk(pair, 1), alert)
    }
  })

  test('a share that is signed wrongly, or by a scheme that does not fit', () => {
    const change = (alert: string, edit: (exchange: ReturnType<typeof decodeServerKeyExchange>) => void): void => {
      const pair = pairOf()
      talk(pair, 1)
      const exchange = { ...decodeServerKeyExchange(pair.server.sent[2].bytes) }
      edit(exchange)
      pair.server.sent[2] = { type: ContentType.handshake, bytes: encodeServerKeyExchange(exchange) }
      talk(pair, 2)
      refuses(() => talk(pair, 1), alert)
    }
    change('decrypt_error', ({ point }) => (point[3] ^= 1))
    change('decrypt_error', ({ signature }) => (signature[9] ^= 1))
    change('illegal_parameter', (exchange) => Object.assign(exchange, { algorithm: 0x0804 }))
    change('illegal_parameter', (exchange) => Object.assign(exchange, { algorithm: 0x0203 }))
    change('illegal_parameter', (exchange) => Object.assign(exchange, { group: 0x0018 }))
  })

  test('shares that are no points (RFC 8422 section 5.11)', () => {
    const pair = pairOf()
    talk(pair, 5)
    const [unit] = pair.client.sent
    unit.bytes.fill(0, 5)
    refuses(() => talk(pair, 1), 'illegal_parameter', 'RFC 8422 section 5.11')
  })

  test('a client without a certificate, or whose signature is wrong', () => {
    refuses(() => talk(pairOf({}, { clientAuthentication: 'required' })), 'handshake_failure', 'RFC 5246 section 7.4.6')
    const pair = pairOf({ credentials: credentialsOf('ec-p256', 'client') }, { clientAuthentication: 'wanted' })
    talk(pair, 6)
    const [, , proof] = pair.client.sent
    proof.bytes[12] ^= 1
    talk(pair, 2)
    refuses(() => talk(pair, 1), 'decrypt_error', 'RFC 5246 section 7.4.8')
  })

  test('a Finished after a handshake that somebody has changed', () => {
    // Without an extended master secret the keys are the same, whatever was changed.
    const full = pairOf()
    rewriteClientHello(full, (hello) => ({ ...hello, extensions: { ...hello.extensions, extendedMasterSecret: undefined } }))
    talk(full, 7)
    refuses(() => talk(full, 1), 'decrypt_error', 'RFC 5246 section 7.4.9')
    // Where a session is resumed, the client is the first to notice.
    const tickets = new TlsTickets({ random: seeded(3) })
    const { session } = connectedPair({}, { tickets }).client.eventOf('ticket') ?? {}
    assert.ok(session, 'there is a session to resume')
    const resumed = pairOf({ session }, { tickets })
    rewriteClientHello(resumed, (hello) => ({ ...hello, compressionMethods: [0, 1] }))
    talk(resumed, 3)
    refuses(() => talk(resumed, 1), 'decrypt_error', 'RFC 5246 section 7.4.9')
  })

  test('keys of the root are not for servers', () => {
    const pair = pairOf({}, { credentials: { chain: [root().certificate], privateKey: root().privateKey } })
    talk(pair, 2)
    refuses(() => talk(pair, 1), 'bad_certificate')
  })
})
