import type { HandshakeTypeName } from '../../../wire/tls/code-points.ts'

/** States of a client, by the names of RFC 8446 appendix A.1. */
export type ClientState =
  'START' | 'WAIT_SH' | 'WAIT_EE' | 'WAIT_CERT_CR' | 'WAIT_CERT' | 'WAIT_CV' | 'WAIT_FINISHED' | 'CONNECTED'

/** States of a server in which it waits for a message, by the names of RFC 8446 appendix A.2. */
export type ServerState = 'START' | 'WAIT_EOED' | 'WAIT_CERT' | 'WAIT_CV' | 'WAIT_FINISHED' | 'CONNECTED'

/** For each state, the messages that may come, and where they may lead. All others are answered with unexpected_message. */
export type Transitions<State extends string> = Readonly<
  Record<State, Readonly<Partial<Record<HandshakeTypeName, readonly State[]>>>>
>

export const CLIENT_TRANSITIONS: Transitions<ClientState> = {
  START: {},
  // A HelloRetryRequest is a ServerHello by its type, and leaves us waiting for another one.
  WAIT_SH: { server_hello: ['WAIT_EE', 'WAIT_SH'] },
  WAIT_EE: { encrypted_extensions: ['WAIT_CERT_CR', 'WAIT_FINISHED'] },
  WAIT_CERT_CR: { certificate_request: ['WAIT_CERT'], certificate: ['WAIT_CV'] },
  WAIT_CERT: { certificate: ['WAIT_CV'] },
  WAIT_CV: { certificate_verify: ['WAIT_FINISHED'] },
  WAIT_FINISHED: { finished: ['CONNECTED'] },
  CONNECTED: { new_session_ticket: ['CONNECTED'] },
}

export const SERVER_TRANSITIONS: Transitions<ServerState> = {
  START: { client_hello: ['START', 'WAIT_EOED', 'WAIT_CERT', 'WAIT_FINISHED'] },
  WAIT_EOED: { end_of_early_data: ['WAIT_CERT', 'WAIT_FINISHED'] },
  WAIT_CERT: { certificate: ['WAIT_CV', 'WAIT_FINISHED'] },
  WAIT_CV: { certificate_verify: ['WAIT_FINISHED'] },
  WAIT_FINISHED: { finished: ['CONNECTED'] },
  CONNECTED: {},
}
