import type { Http2ErrorName } from '../../wire/http2-names.ts'

/** Why a stream, or a whole connection, went wrong. */
export interface Http2Fault {
  /** Whose fault it was, or who gave it up: the peer, or we. */
  readonly whose: 'local' | 'remote'
  /**
   * The error code that was sent or received; one that nobody knows counts as INTERNAL_ERROR (RFC 9113 section 7). `'INCOMPLETE'`: no
   * code, the peer closed the stream of bytes too early.
   */
  readonly code: Http2ErrorName | 'INCOMPLETE'
  /** In words. */
  readonly detail: string
  /** `'RFC 9113 section 5.1'`. */
  readonly cites: string
}

/** The peer broke a rule; thrown and caught inside of an endpoint. */
export class Violation extends Error {
  override readonly name = 'Violation'
  constructor(
    /** 0: the whole connection. */
    readonly stream: number,
    readonly code: Http2ErrorName,
    readonly detail: string,
    readonly cites: string,
  ) {
    super(detail)
  }
}
