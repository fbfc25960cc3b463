import type { Http3ErrorName } from '../../wire/http3-names.ts'

/** Why a stream, or a whole connection, went wrong. */
export interface Http3Fault {
  /** Whose fault it was, or who gave it up: we, the peer, or the path between. */
  readonly whose: 'local' | 'remote' | 'network'
  /**
   * The error code that was sent or received, one that nobody knows as H3_NO_ERROR (RFC 9114 section 9); or the name of QUIC's error when
   * the connection below has failed: `'PROTOCOL_VIOLATION'`, `'IDLE_TIMEOUT'`.
   */
  readonly code: Http3ErrorName | (string & {})
  /** In words. */
  readonly detail: string
  /** `'RFC 9114 section 4.1'`. */
  readonly cites: string
}

/** The peer broke a rule; thrown and caught inside of an endpoint. */
export class Violation extends Error {
  override readonly name = 'Violation'
  constructor(
    /** The stream that is broken by it; undefined: the whole connection. */
    readonly stream: number | undefined,
    readonly code: Http3ErrorName,
    readonly detail: string,
    readonly cites: string,
  ) {
    super(detail)
  }
}

/** A rule that is broken for the whole connection. @param section of RFC 9114 */
export function violation(code: Http3ErrorName, detail: string, section: string): Violation {
  return new Violation(undefined, code, detail, `RFC 9114 section ${section}`)
}
