import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TlsClientOptions, TlsServerOptions } from '../../../src/protocols/tls/options.ts'
import type { TlsSession } from '../../../src/protocols/tls/session.ts'
import { TlsTickets } from '../../../src/protocols/tls/tickets.ts'
import { bytesOf, credentialsOf, give, pairOf, SECOND, seeded, talk, textOf } from './tls-pair.ts'
import type { TlsPair } from './tls-pair.ts'

const MINUTE = 60 * SECOND

function sessionFrom(
  tickets: TlsTickets,
  client: Partial<TlsClientOptions> = {},
  server: Partial<TlsServerOptions> = {},
): TlsSession {
  const pair = pairOf(client, { tickets, maxEarlyData: 1000, ...server })
  talk(pair)
  const { session } = pair.client
  assert.ok(session, 'there is a ticket')
  return session
}

function again(
  tickets: TlsTickets,
  session: TlsSession,
  now: number,
  client: Partial<TlsClientOptions> = {},
  server: Partial<TlsServerOptions> = {},
): TlsPair {
  const pair = pairOf({ session, ...client }, { tickets, maxEarlyData: 1000, ...server })
  talk(pair, now)
  assert.equal(pair.client.fault ?? pair.server.fault, undefined)
  return pair
}

describe('tickets (RFC 8446 section 4.6.1)', () => {
  test('two of them, or as many as were asked for, all different', () => {
    for (const ticketCount of [0, 1, 2, 5]) {
      const pair = pairOf({}, { tickets: new TlsTickets({ random: seeded(3) }), ticketCount })
      talk(pair)
      const sessions = pair.client.all('ticket').map(({ session }) => Buffer.from(session.ticket).toString('hex'))
      assert.equal(new Set(sessions).size, ticketCount)
    }
    const none = pairOf()
    talk(none)
    assert.equal(none.client.session, undefined)
  })

  test('are good until their time is over, for the client and for the server', () => {
    const tickets = new TlsTickets({ random: seeded(3), lifetime: 600 })
    const session = sessionFrom(tickets)
    assert.equal(session.lifetime, 600)
    assert.equal(again(tickets, session, 9 * MINUTE).client.connected?.resumed, true)
    assert.equal(again(tickets, session, 11 * MINUTE).client.connected?.resumed, false)
    const stubborn = { ...session, lifetime: 6000 }
    const late = again(tickets, stubborn, 11 * MINUTE)
    assert.equal(late.client.connected?.resumed, false)
  })

  test('are for the name that they were given for, with a suite of their hash', () => {
    const tickets = new TlsTickets({ random: seeded(3) })
    const session = sessionFrom(tickets)
    assert.equal(again(tickets, session, SECOND, { serverName: 'carol', verifyName: 'bob' }).client.connected?.resumed, false)
    const sha384 = { cipherSuites: ['TLS_AES_256_GCM_SHA384'] }
    assert.equal(again(tickets, session, SECOND, sha384).client.connected?.resumed, false)
    const aes128 = again(tickets, session, SECOND, { cipherSuites: ['TLS_AES_128_GCM_SHA256'], earlyData: bytesOf('early') })
    assert.equal(aes128.client.connected?.resumed, true)
    assert.equal(aes128.client.connected.earlyData, 'none', 'early data need the very suite')
    assert.equal(again(tickets, session, SECOND, {}, sha384).client.connected?.resumed, false)
  })

  test('of another server, and damaged ones, mean a full handshake', () => {
    const tickets = new TlsTickets({ random: seeded(3) })
    const session = sessionFrom(tickets)
    const other = new TlsTickets({ random: seeded(4) })
    assert.equal(again(other, session, SECOND).client.connected?.resumed, false)
    for (const at of [0, 12, session.ticket.length - 1]) {
      const ticket = session.ticket.slice()
      ticket[at] ^= 1
      assert.equal(again(tickets, { ...session, ticket }, SECOND).client.connected?.resumed, false)
    }
    for (const length of [1, 27, 35, 36]) {
      const ticket = session.ticket.slice(0, length)
      assert.equal(again(tickets, { ...session, ticket }, SECOND).client.connected?.resumed, false)
    }
  })

  test('keep who the client was', () => {
    const tickets = new TlsTickets({ random: seeded(3) })
    const shows = { credentials: credentialsOf('ec-p256', 'client') }
    const asks = { clientAuthentication: 'required' } as const
    const session = sessionFrom(tickets, shows, asks)
    const resumed = again(tickets, session, SECOND, {}, asks)
    assert.equal(resumed.server.connected?.resumed, true)
    assert.deepEqual(resumed.server.connected.peerChain, shows.credentials.chain)
    const nobody = sessionFrom(tickets)
    const asked = again(tickets, nobody, SECOND, shows, asks)
    assert.equal(asked.server.connected?.resumed, false, 'a session without a certificate is not enough')
  })

  test('do not help a certificate that is believed no longer', () => {
    const tickets = new TlsTickets({ random: seeded(3) })
    const session = sessionFrom(tickets)
    const verify = () =>
      ({ ok: false, error: 'ERR_CERT_DATE_INVALID', detail: 'expired', cites: 'RFC 5280 section 6.1' }) as const
    const pair = pairOf({ session, verify }, { tickets })
    talk(pair, SECOND)
    assert.equal(pair.client.fault?.certificateError, 'ERR_CERT_DATE_INVALID')
    assert.equal(pair.server.fault?.alert, 'certificate_expired')
  })

  test('of an unknown version of TLS are not offered', () => {
    const tickets = new TlsTickets({ random: seeded(3) })
    const session = sessionFrom(tickets)
    const pair = again(tickets, session, SECOND, { versions: ['1.2'] })
    assert.deepEqual([pair.client.connected?.version, pair.client.connected?.resumed], ['1.2', false])
  })
})

describe('early data and replay (RFC 8446 section 8)', () => {
  const tickets = (capacity = 100): TlsTickets => new TlsTickets({ random: seeded(3), capacity })
  const early: Partial<TlsClientOptions> = { earlyData: bytesOf('pay bob 100') }

  /** What the client says first: hello and early data. */
  function firstFlight(session: TlsSession, now: number): Uint8Array {
    const { client } = pairOf({ session, ...early })
    client.drain(now)
    return client.taken()
  }

  /** What a server makes of bytes that somebody has recorded. */
  function replay(store: TlsTickets, flight: Uint8Array, now: number, options: Partial<TlsServerOptions> = {}): string {
    const { server } = pairOf({}, { tickets: store, maxEarlyData: 1000, ...options })
    give(server, flight, now)
    server.drain(now)
    assert.equal(server.fault, undefined)
    return textOf(server.data)
  }

  test('the same bytes a second time bring nothing', () => {
    const store = tickets()
    const flight = firstFlight(sessionFrom(store), SECOND)
    assert.equal(replay(store, flight, SECOND), 'pay bob 100')
    assert.equal(replay(store, flight, SECOND + 1), '')
    assert.equal(replay(store, flight, 5 * MINUTE), '')
  })

  test('without protection they do, as often as one likes', () => {
    const store = tickets()
    const flight = firstFlight(sessionFrom(store), SECOND)
    for (let i = 0; i < 5; i++) {
      assert.equal(replay(store, flight, SECOND + i * MINUTE, { replayProtection: false }), 'pay bob 100')
    }
  })

  test('a ticket brings early data once, and can be resumed with again', () => {
    const store = tickets()
    const session = sessionFrom(store)
    assert.equal(again(store, session, SECOND, early).server.connected?.earlyData, 'accepted')
    const second = again(store, session, 2 * SECOND, early)
    assert.equal(second.server.connected?.earlyData, 'rejected')
    assert.equal(second.server.connected.resumed, true)
  })

  test('a hello that was held back is not fresh (section 8.3)', () => {
    const store = tickets()
    const flight = firstFlight(sessionFrom(store), SECOND)
    assert.equal(replay(store, flight, 12 * SECOND), '')
    assert.equal(replay(store, flight, 10 * SECOND), 'pay bob 100')
  })

  test('a client whose clock goes wrong is resumed, and its early data are not taken', () => {
    const store = tickets()
    const session = sessionFrom(store)
    const pair = again(store, { ...session, receivedAt: -MINUTE }, SECOND, early)
    assert.deepEqual([pair.client.connected?.resumed, pair.client.connected?.earlyData], [true, 'rejected'])
  })

  test('with too many to remember none is taken, until they are old', () => {
    const store = tickets(2)
    const sessions = [1, 2, 3, 4].map(() => sessionFrom(store))
    const outcomes = sessions.slice(0, 3).map((session) => replay(store, firstFlight(session, SECOND), SECOND))
    assert.deepEqual(outcomes, ['pay bob 100', 'pay bob 100', ''])
    assert.equal(replay(store, firstFlight(sessions[3], MINUTE), MINUTE), 'pay bob 100')
  })

  test('a server that takes none says so, and the client learns what it has to send again', () => {
    const store = tickets()
    const session = sessionFrom(store)
    const pair = again(store, session, SECOND, early, { maxEarlyData: 0 })
    assert.equal(pair.client.connected?.earlyData, 'rejected')
    assert.deepEqual(pair.client.all('early-data'), [{ type: 'early-data', outcome: 'rejected', bytes: bytesOf('pay bob 100') }])
    assert.equal(pair.server.data.length, 0)
  })

  test('another application protocol than the session had: not offered by the client, not taken by the server', () => {
    const store = tickets()
    const session = sessionFrom(store, { alpn: ['h2'] }, { alpn: ['h2'] })
    const client = again(store, session, SECOND, { ...early, alpn: ['http/1.1'] }, { alpn: ['http/1.1'] })
    assert.equal(client.client.connected?.earlyData, 'none')
    const server = again(store, session, SECOND, { ...early, alpn: ['h2', 'http/1.1'] }, { alpn: ['http/1.1'] })
    assert.equal(server.client.connected?.earlyData, 'rejected')
  })
})

describe('sessions of TLS 1.2 that go by an ID', () => {
  test('are kept for their time, the oldest one going first, and can be forgotten', () => {
    const store = new TlsTickets({ random: seeded(3), lifetime: 60, capacity: 2 })
    const id = (n: number): Uint8Array => Uint8Array.of(n)
    store.rememberSession(id(1), Uint8Array.of(11), 0)
    store.rememberSession(id(2), Uint8Array.of(22), 0)
    store.rememberSession(id(1), Uint8Array.of(12), 30 * SECOND)
    assert.deepEqual(store.recallSession(id(1), MINUTE), Uint8Array.of(12))
    assert.equal(store.recallSession(id(2), 61 * SECOND), undefined)
    store.rememberSession(id(3), Uint8Array.of(33), MINUTE)
    assert.equal(store.recallSession(id(2), MINUTE), undefined)
    store.forgetSession(id(3))
    assert.equal(store.recallSession(id(3), MINUTE), undefined)
  })
})
