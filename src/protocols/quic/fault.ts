/** Why a connection ended, when it did not end as the application wanted. */
export interface QuicFault {
  /** Whose fault it was, or who gave it up: ours, the peer's, or that of the path between. */
  readonly whose: 'local' | 'peer' | 'network'
  /** Whom the code belongs to: QUIC (RFC 9000 section 20.1), or the application protocol (section 20.2). */
  readonly space: 'transport' | 'application'
  /** Of the CONNECTION_CLOSE frame that was sent or received; 0 where there was none. */
  readonly code: number
  /**
   * As RFC 9000 section 20.1 names it: `'FLOW_CONTROL_ERROR'`; `'CRYPTO_ERROR (handshake_failure)'`; for an application's code its number:
   * `'0x10c'`. `'IDLE_TIMEOUT'`, `'STATELESS_RESET'`, `'VERSION_NEGOTIATION'`, `'UNREACHABLE'`: no code, this was the reason.
   */
  readonly name: string
  /** Who noticed, and told the other with a CONNECTION_CLOSE, if one was sent. */
  readonly noticedBy: 'us' | 'peer'
  /** In words. */
  readonly detail: string
  /** `'RFC 9000 section 4.1'`. */
  readonly cites: string
  /** What was wrong with the peer's certificate, by the name that browsers show: `'ERR_CERT_DATE_INVALID'`. */
  readonly certificateError?: string
}

/** The peer broke a rule of QUIC. Thrown and caught inside of an endpoint. */
export class QuicViolation extends Error {
  override readonly name = 'QuicViolation'
  constructor(
    /** RFC 9000 section 20.1. */
    readonly code: number,
    readonly detail: string,
    /** `'RFC 9000 section 4.1'`. */
    readonly cites: string,
    /** The type of the frame that did it (RFC 9000 section 19.19); 0: not known. */
    readonly frameType = 0,
    /** What was wrong with a certificate, as browsers call it. */
    readonly certificateError?: string,
  ) {
    super(`${detail} (${cites})`)
  }
}

/** We asked for something that is not possible now. Thrown for misuse only, never for what a peer sent. */
export class LocalQuicError extends Error {
  override readonly name = 'LocalQuicError'
}
