import type { HandshakeTypeName } from '../../../wire/tls/code-points.ts'

/** What may come: a handshake message, or the record that says that the next ones are protected. */
export type Input = HandshakeTypeName | 'change_cipher_spec'

/** States of a client, by what it waits for. */
export type ClientState =
  | 'WAIT_SERVER_HELLO'
  | 'WAIT_CERTIFICATE'
  | 'WAIT_SERVER_KEY_EXCHANGE'
  | 'WAIT_CERTIFICATE_REQUEST'
  | 'WAIT_SERVER_HELLO_DONE'
  | 'WAIT_NEW_SESSION_TICKET'
  | 'WAIT_CHANGE_CIPHER_SPEC'
  | 'WAIT_FINISHED'
  | 'CONNECTED'

/** States of a server, by what it waits for. */
export type ServerState =
  | 'WAIT_CLIENT_HELLO'
  | 'WAIT_CERTIFICATE'
  | 'WAIT_CLIENT_KEY_EXCHANGE'
  | 'WAIT_CERTIFICATE_VERIFY'
  | 'WAIT_CHANGE_CIPHER_SPEC'
  | 'WAIT_FINISHED'
  | 'CONNECTED'

/** For each state, what may come, and where it may lead. Everything else is answered with unexpected_message. */
export type Transitions<State extends string> = Readonly<Record<State, Readonly<Partial<Record<Input, readonly State[]>>>>>

/** RFC 5246 section 7.3, figures 1 and 2; RFC 5077 section 3.1 for the ticket. */
export const CLIENT_TRANSITIONS: Transitions<ClientState> = {
  // With the session of ours that the server resumes, its ChangeCipherSpec is next.
  WAIT_SERVER_HELLO: { server_hello: ['WAIT_CERTIFICATE', 'WAIT_NEW_SESSION_TICKET', 'WAIT_CHANGE_CIPHER_SPEC'] },
  WAIT_CERTIFICATE: { certificate: ['WAIT_SERVER_KEY_EXCHANGE'] },
  WAIT_SERVER_KEY_EXCHANGE: { server_key_exchange: ['WAIT_CERTIFICATE_REQUEST'] },
  // Nothing told that a request comes.
  WAIT_CERTIFICATE_REQUEST: {
    certificate_request: ['WAIT_SERVER_HELLO_DONE'],
    server_hello_done: ['WAIT_NEW_SESSION_TICKET', 'WAIT_CHANGE_CIPHER_SPEC'],
  },
  WAIT_SERVER_HELLO_DONE: { server_hello_done: ['WAIT_NEW_SESSION_TICKET', 'WAIT_CHANGE_CIPHER_SPEC'] },
  WAIT_NEW_SESSION_TICKET: { new_session_ticket: ['WAIT_CHANGE_CIPHER_SPEC'] },
  WAIT_CHANGE_CIPHER_SPEC: { change_cipher_spec: ['WAIT_FINISHED'] },
  WAIT_FINISHED: { finished: ['CONNECTED'] },
  // To be refused: no new handshake is begun (RFC 5246 section 7.4.1.1).
  CONNECTED: { hello_request: ['CONNECTED'] },
}

export const SERVER_TRANSITIONS: Transitions<ServerState> = {
  WAIT_CLIENT_HELLO: { client_hello: ['WAIT_CERTIFICATE', 'WAIT_CLIENT_KEY_EXCHANGE', 'WAIT_CHANGE_CIPHER_SPEC'] },
  WAIT_CERTIFICATE: { certificate: ['WAIT_CLIENT_KEY_EXCHANGE'] },
  WAIT_CLIENT_KEY_EXCHANGE: { client_key_exchange: ['WAIT_CERTIFICATE_VERIFY', 'WAIT_CHANGE_CIPHER_SPEC'] },
  WAIT_CERTIFICATE_VERIFY: { certificate_verify: ['WAIT_CHANGE_CIPHER_SPEC'] },
  WAIT_CHANGE_CIPHER_SPEC: { change_cipher_spec: ['WAIT_FINISHED'] },
  WAIT_FINISHED: { finished: ['CONNECTED'] },
  // To be refused: no new handshake is begun.
  CONNECTED: { client_hello: ['CONNECTED'] },
}
