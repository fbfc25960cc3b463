import type { AlertName } from '../../wire/tls/alert.ts'

/**
 * The peer has done what it must not. Thrown inside of the machines, by the one who notices; the connection answers with the alert.
 */
export class TlsAlertError extends Error {
  override readonly name = 'TlsAlertError'
  constructor(
    /** As RFC 8446 section 6 names it: `'illegal_parameter'`. */
    readonly alert: AlertName,
    readonly detail: string,
    /** `'RFC 8446 section 4.2.8'`. */
    readonly cites: string,
    /** What was wrong with a certificate, as browsers call it. */
    readonly certificateError?: string,
  ) {
    super(`${alert}: ${detail} (${cites})`)
  }
}

/** A value that is forbidden, or contradicts another. */
export function illegal(detail: string, cites: string): TlsAlertError {
  return new TlsAlertError('illegal_parameter', detail, cites)
}

/** An extension is not there that has to be (RFC 8446 section 9.2). */
export function missing(detail: string, cites: string): TlsAlertError {
  return new TlsAlertError('missing_extension', detail, cites)
}

/** We asked for something that is not possible now. Thrown for misuse only, never for what a peer sent. */
export class LocalTlsError extends Error {
  override readonly name = 'LocalTlsError'
}
