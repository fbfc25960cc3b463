import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CLIENT_TRANSITIONS, SERVER_TRANSITIONS } from '../../../src/protocols/tls/tls13/state.ts'
import type { EncryptionLevel } from '../../../src/protocols/tls/tls13/core.ts'
import { TlsTickets } from '../../../src/protocols/tls/tickets.ts'
import { HandshakeType } from '../../../src/wire/tls/code-points.ts'
import type { HandshakeTypeName } from '../../../src/wire/tls/code-points.ts'
import { encodeHandshake } from '../../../src/wire/tls/handshake.ts'
import { alertOf, CorePair } from './tls13-cores.ts'
import type { Role } from './tls13-cores.ts'
import { credentialsOf, seeded } from './tls-pair.ts'

const LEVELS: readonly EncryptionLevel[] = ['initial', 'early', 'handshake', 'application']
const tickets = new TlsTickets({ random: seeded(3) })

/** A pair in which one end is in a state, with the other's next message not yet heard. */
function pairIn(role: Role, state: string): CorePair {
  const resumes = state === 'WAIT_EOED'
  let pair = new CorePair(
    { credentials: credentialsOf('ec-p256', 'client') },
    { tickets, maxEarlyData: 100, clientAuthentication: 'wanted' },
  )
  if (resumes) {
    pair.talk()
    const event = pair.events.client.find((event) => event.type === 'ticket')
    assert.ok(event?.type === 'ticket', 'there is a ticket')
    pair = new CorePair({ session: event.session, earlyData: Uint8Array.of(1) }, { tickets, maxEarlyData: 100 })
  }
  if (role === 'client' && state === 'START') throw new Error('a client is out of START at once')
  pair.talk((message) => (pair[role].state === state ? [] : [message]))
  assert.equal(pair[role].state, state)
  return pair
}

describe('every state against every message', () => {
  const tables: readonly [Role, Readonly<Record<string, Readonly<Partial<Record<HandshakeTypeName, readonly string[]>>>>>][] = [
    ['client', CLIENT_TRANSITIONS],
    ['server', SERVER_TRANSITIONS],
  ]
  for (const [role, table] of tables) {
    for (const [state, expected] of Object.entries(table)) {
      if (role === 'client' && state === 'START') continue
      test(`${role}, ${state}`, () => {
        for (const [name, type] of Object.entries(HandshakeType) as [HandshakeTypeName, number][]) {
          const empty = encodeHandshake(type, () => undefined)
          for (const level of LEVELS) {
            // A message that may come gets past the table, and is refused for having nothing in it, if it may not be empty.
            const refusal = alertOf(() => {
              pairOnce(role, state)[role].handleMessage(level, empty, 0)
            })
            const isAtHome = level === homeOf(name)
            if (expected[name] !== undefined && isAtHome)
              assert.notEqual(refusal?.alert, 'unexpected_message', `${name}, ${level}`)
            else assert.equal(refusal?.alert, 'unexpected_message', `${name}, ${level}`)
          }
        }
      })
    }
  }
})

const kept = new Map<string, CorePair>()

/** A message that is refused by the table changes nothing, so that one pair does for all of them. */
function pairOnce(role: Role, state: string): CorePair {
  const key = `${role} ${state}`
  let pair = kept.get(key)
  if (pair?.[role].state !== state) {
    pair = pairIn(role, state)
    kept.set(key, pair)
  }
  return pair
}

function homeOf(name: HandshakeTypeName): EncryptionLevel {
  if (name === 'client_hello' || name === 'server_hello') return 'initial'
  if (name === 'end_of_early_data') return 'early'
  return name === 'new_session_ticket' ? 'application' : 'handshake'
}

test('a type of message that nobody knows: unexpected_message', () => {
  const pair = pairIn('client', 'WAIT_SH')
  assert.equal(
    alertOf(() => {
      pair.client.handleMessage('initial', Uint8Array.of(99, 0, 0, 0), 0)
    })?.alert,
    'unexpected_message',
  )
})

describe('the handshake without records, as QUIC carries it', () => {
  const quic = {
    client: { extensions: [{ type: 57, data: Uint8Array.of(1, 2) }], endOfEarlyData: false },
    server: { extensions: [{ type: 57, data: Uint8Array.of(3) }], endOfEarlyData: false },
  }

  test('transport parameters go both ways, and both have the same secrets', () => {
    const pair = new CorePair({ compatibilityMode: false }, {}, 0, quic)
    assert.equal(pair.talk(), undefined)
    assert.deepEqual(pair.client.peerExtensions, [{ type: 57, data: Uint8Array.of(3) }])
    assert.deepEqual(pair.server.peerExtensions, [{ type: 57, data: Uint8Array.of(1, 2) }])
    for (const level of ['handshake', 'application'] as const) {
      for (const direction of ['read', 'write'] as const) {
        const other = direction === 'read' ? 'write' : 'read'
        const ours = pair.secrets.client.find((secret) => secret.level === level && secret.direction === direction)
        const theirs = pair.secrets.server.find((secret) => secret.level === level && secret.direction === other)
        assert.ok(ours, `the client's secret to ${direction} at the level ${level}`)
        assert.deepEqual(ours.secret, theirs?.secret)
      }
    }
  })

  test('early data end without a message (RFC 9001 section 8.3)', () => {
    const first = new CorePair({}, { tickets, maxEarlyData: 0xffffffff }, 0, quic)
    first.talk()
    const event = first.events.client.find((event) => event.type === 'ticket')
    assert.ok(event?.type === 'ticket', 'there is a ticket')
    const pair = new CorePair({ session: event.session, earlyData: Uint8Array.of(1) }, { tickets, maxEarlyData: 100 }, 0, quic)
    assert.equal(pair.talk(), undefined)
    assert.equal(pair.server.parameters?.earlyData, 'accepted')
    assert.equal(pair.heard.includes('client EndOfEarlyData'), false)
    assert.ok(
      pair.secrets.server.some(({ level }) => level === 'early'),
      'the secret of early data',
    )
  })
})
