import type { Http1DecodeError } from '../../wire/http1.ts'

/** Why a connection can go no further. */
export interface Http1Fault {
  /** Whose fault it was: the peer's, or ours. */
  readonly whose: 'local' | 'remote'
  readonly code:
    /** Bytes that are no HTTP/1.1 message, or a message that contradicts itself. */
    | 'malformed'
    /** A line, a section or a body over a limit. */
    | 'too-large'
    /** Valid, but not spoken here: a transfer coding, a version. */
    | 'unsupported'
    /** The peer closed its half in the middle of a message, or before it had answered. */
    | 'incomplete'
    /** A response that nobody asked for. */
    | 'unsolicited'
  /** The status code with which a server answers it; a client has nobody to answer. */
  readonly status: number
  /** In words. */
  readonly detail: string
  /** `'RFC 9112 section 6.3'`. */
  readonly cites: string
}

/** We asked an endpoint for something that the protocol does not allow now. Thrown for misuse only, never for what a peer sent. */
export class LocalProtocolError extends Error {
  override readonly name = 'LocalProtocolError'
}

/** What a decoder's complaint means for a connection. */
export function faultOf(error: Http1DecodeError): Http1Fault {
  const code = error.problem === 'oversized' ? 'too-large' : error.problem === 'unsupported' ? 'unsupported' : 'malformed'
  return { whose: 'remote', code, status: error.status, detail: error.detail, cites: error.cites }
}

/** The peer closed its half before it should. */
export function incomplete(detail: string): Http1Fault {
  return { whose: 'remote', code: 'incomplete', status: 400, detail, cites: 'RFC 9112 section 8' }
}
