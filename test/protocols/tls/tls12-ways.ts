import assert from 'node:assert/strict'
import type { TlsSession } from '../../../src/protocols/tls/session.ts'
import { TlsTickets } from '../../../src/protocols/tls/tickets.ts'
import type { HandshakeTypeName } from '../../../src/wire/tls/code-points.ts'
import { credentialsOf, seeded } from './tls-pair.ts'
import { pairOf, talk } from './tls12-pair.ts'
import type { ClientWish, Pair, ServerWish, Side } from './tls12-pair.ts'

// All ways through a handshake of TLS 1.2, state by state.

export type Input = HandshakeTypeName | 'change_cipher_spec'
type Role = 'client' | 'server'

/** A way through a handshake: for each state in turn what may come, first that which does. */
export interface Way {
  readonly what: string
  readonly role: Role
  readonly client?: ClientWish
  readonly server?: ServerWish
  /** A session of an earlier handshake is resumed. */
  readonly resumed?: boolean
  readonly inputs: readonly (readonly Input[])[]
}

export const WAYS: readonly Way[] = [
  {
    what: 'a client that shows a certificate and gets a ticket',
    role: 'client',
    client: { credentials: credentialsOf('ec-p256', 'client') },
    server: { clientAuthentication: 'required' },
    inputs: [
      ['server_hello'],
      ['certificate'],
      ['server_key_exchange'],
      ['certificate_request', 'server_hello_done'],
      ['server_hello_done'],
      ['new_session_ticket'],
      ['change_cipher_spec'],
      ['finished'],
      ['hello_request'],
    ],
  },
  {
    what: 'a client that nobody asks, without a ticket',
    role: 'client',
    client: { tickets: false },
    inputs: [
      ['server_hello'],
      ['certificate'],
      ['server_key_exchange'],
      ['server_hello_done', 'certificate_request'],
      ['change_cipher_spec'],
      ['finished'],
      ['hello_request'],
    ],
  },
  {
    what: 'a client that resumes',
    role: 'client',
    resumed: true,
    inputs: [['server_hello'], ['change_cipher_spec'], ['finished'], ['hello_request']],
  },
  {
    what: 'a server that gets a certificate',
    role: 'server',
    client: { credentials: credentialsOf('ec-p256', 'client') },
    server: { clientAuthentication: 'required' },
    inputs: [
      ['client_hello'],
      ['certificate'],
      ['client_key_exchange'],
      ['certificate_verify'],
      ['change_cipher_spec'],
      ['finished'],
      ['client_hello'],
    ],
  },
  {
    what: 'a server that gets an empty certificate',
    role: 'server',
    server: { clientAuthentication: 'wanted' },
    inputs: [['client_hello'], ['certificate'], ['client_key_exchange'], ['change_cipher_spec'], ['finished'], ['client_hello']],
  },
  {
    what: 'a server that asks nobody',
    role: 'server',
    inputs: [['client_hello'], ['client_key_exchange'], ['change_cipher_spec'], ['finished'], ['client_hello']],
  },
  {
    what: 'a server that resumes',
    role: 'server',
    resumed: true,
    inputs: [['client_hello'], ['change_cipher_spec'], ['finished'], ['client_hello']],
  },
]

const sessions = new Map<Way, TlsSession>()

/** The session that a way resumes. */
function sessionOf(way: Way): TlsSession {
  let session = sessions.get(way)
  if (session === undefined) {
    const first = pairOf(way.client, { tickets: ticketKeys(), ...way.server })
    talk(first)
    session = first.client.eventOf('ticket')?.session
    assert.ok(session, 'there is a session to resume')
    sessions.set(way, session)
  }
  return session
}

/** The same each time, so that a ticket is good at each of them. */
function ticketKeys(): TlsTickets {
  return new TlsTickets({ random: seeded(3) })
}

/** The pair of a way; the same each time, so that a message that fits once fits again. */
export function start(way: Way): Pair {
  const { client, server, resumed } = way
  const tickets = ticketKeys()
  if (resumed !== true) return pairOf(client, { tickets, ...server })
  return pairOf({ session: sessionOf(way), ...client }, { tickets, random: seeded(5), ...server })
}

/** One side of a way as it is when it has heard so many records. */
export function advanced(way: Way, heard: number): Side {
  const pair = start(way)
  const side = pair[way.role]
  while (side.heard.length < heard) assert.equal(talk(pair, 1), 1, 'they go on talking')
  return side
}
