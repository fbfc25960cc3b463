/**
 * What may follow what on an HTTP/1.1 connection.
 *
 * Required reading: RFC 9112 (messages, connections), RFC 9110 sections 6.4, 7.6.1, 9.2, 10.1.1, 15 (content, Connection,
 * methods, Expect, status codes).
 *
 * A connection has two roles, and either end keeps one state for each. The *requester* sends requests, the *responder* answers
 * them; the client feeds the requester's table with what it does itself and the responder's with what it hears, the server the
 * other way round. Nothing else differs: an input that a table does not know is a misuse when we are the ones who do it, and a
 * protocol violation when the peer does. As requests may be pipelined (RFC 9112 section 9.3.2), the requester is idle again as
 * soon as a request is whole, and the responder goes from one response straight to the next that it owes.
 *
 * A connection persists until one end says otherwise (RFC 9112 section 9.3, 9.6). Whoever feeds the tables knows whether it does,
 * and says so with the input: `end` and `next` end a message on a connection that goes on, `last-end` ends the last one of its role,
 * `retire` tells an idle role that there will be no more.
 *
 * `switch` ends HTTP on the connection: what follows is another protocol's (RFC 9110 section 7.8).
 */

export type RequesterState = 'IDLE' | 'SEND-BODY' | 'MUST-CLOSE' | 'SWITCHED' | 'CLOSED' | 'ERROR'
export type ResponderState = 'IDLE' | 'SEND-RESPONSE' | 'SEND-BODY' | 'MUST-CLOSE' | 'SWITCHED' | 'CLOSED' | 'ERROR'

export type RequesterInput =
  /** A request's head. */
  | 'request'
  /** Bytes of its body. */
  | 'data'
  /** The request is whole, and more may follow. */
  | 'end'
  /** The request is whole, and it is the last. */
  | 'last-end'
  /** No more requests: the last response was announced or sent. */
  | 'retire'
  /** The response to the last request was 101. */
  | 'switch'
  /** The requester has closed its half of the stream. */
  | 'close'
  | 'fault'

export type ResponderInput =
  /** A request was begun that needs an answer, while none was owed. */
  | 'request'
  /** A 1xx response. */
  | 'informational'
  /** A final response's head. */
  | 'response'
  | 'data'
  /** The response is whole, and no other is owed. */
  | 'end'
  /** The response is whole, and the next one is owed. */
  | 'next'
  /** The response is whole, and it is the last. */
  | 'last-end'
  | 'retire'
  /** A 101 response, to the only request that is owed one. */
  | 'switch'
  | 'close'
  | 'fault'

export type Transitions<State extends string, Input extends string> = Readonly<
  Record<State, Readonly<Partial<Record<Input, State>>>>
>

export const REQUESTER: Transitions<RequesterState, RequesterInput> = {
  IDLE: { request: 'SEND-BODY', retire: 'MUST-CLOSE', switch: 'SWITCHED', close: 'CLOSED', fault: 'ERROR' },
  'SEND-BODY': { data: 'SEND-BODY', end: 'IDLE', 'last-end': 'MUST-CLOSE', fault: 'ERROR' },
  'MUST-CLOSE': { retire: 'MUST-CLOSE', close: 'CLOSED', fault: 'ERROR' },
  SWITCHED: {},
  CLOSED: { retire: 'CLOSED', close: 'CLOSED', fault: 'ERROR' },
  ERROR: { retire: 'ERROR', close: 'ERROR', fault: 'ERROR' },
}

export const RESPONDER: Transitions<ResponderState, ResponderInput> = {
  IDLE: { request: 'SEND-RESPONSE', retire: 'MUST-CLOSE', close: 'CLOSED', fault: 'ERROR' },
  'SEND-RESPONSE': { informational: 'SEND-RESPONSE', response: 'SEND-BODY', switch: 'SWITCHED', fault: 'ERROR' },
  'SEND-BODY': { data: 'SEND-BODY', end: 'IDLE', next: 'SEND-RESPONSE', 'last-end': 'MUST-CLOSE', fault: 'ERROR' },
  'MUST-CLOSE': { retire: 'MUST-CLOSE', close: 'CLOSED', fault: 'ERROR' },
  SWITCHED: {},
  CLOSED: { retire: 'CLOSED', close: 'CLOSED', fault: 'ERROR' },
  ERROR: { retire: 'ERROR', close: 'ERROR', fault: 'ERROR' },
}

/** The state after an input, or undefined when the table does not allow it. */
export function after<State extends string, Input extends string>(
  table: Transitions<State, Input>,
  state: State,
  input: Input,
): State | undefined {
  return table[state][input]
}
