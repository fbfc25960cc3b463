import type { TlsFault } from '../protocols/tls/event.ts'
import { SocketError } from '../host/socket.ts'

/** Why TLS came to nothing, or to an end. Whatever catches socket errors catches it. */
export class SecureStreamError extends SocketError {
  constructor(
    /** What browsers call it: `'ERR_CERT_DATE_INVALID'`, `'ERR_SSL_VERSION_OR_CIPHER_MISMATCH'`. */
    readonly error: string,
    readonly whose: TlsFault['whose'],
    /** The alert that told it, sent or received, as RFC 8446 section 6 names it; '' when none did. */
    readonly alert: string,
    /** In words. */
    readonly detail: string,
    /** Which part of which RFC was broken, or says so. */
    readonly cites: string,
    /** Whether it is about the server's certificate, so that a person may choose to go on. */
    readonly isCertificateError: boolean,
  ) {
    super('EPROTO', detail)
  }
}

/** What Chromium calls an alert that it receives, or sends; all others are a protocol error. */
const ALERT_ERRORS: Readonly<Record<string, string>> = {
  handshake_failure: 'ERR_SSL_VERSION_OR_CIPHER_MISMATCH',
  protocol_version: 'ERR_SSL_VERSION_OR_CIPHER_MISMATCH',
  insufficient_security: 'ERR_SSL_VERSION_OR_CIPHER_MISMATCH',
  bad_record_mac: 'ERR_SSL_BAD_RECORD_MAC_ALERT',
  unrecognized_name: 'ERR_SSL_UNRECOGNIZED_NAME_ALERT',
  no_application_protocol: 'ERR_ALPN_NEGOTIATION_FAILED',
  certificate_required: 'ERR_BAD_SSL_CLIENT_AUTH_CERT',
}

/** @param isClient whether we are the client: alerts about a certificate that it receives are about its own */
export function secureStreamErrorOf(fault: TlsFault, isClient: boolean): SecureStreamError {
  const { whose, alert = '', detail, cites, certificateError } = fault
  const isAboutOurs =
    fault.noticedBy === 'peer' && /^(?:bad_certificate|unsupported_certificate|certificate_|unknown_ca)/.test(alert)
  const name = isAboutOurs && isClient ? 'ERR_BAD_SSL_CLIENT_AUTH_CERT' : (ALERT_ERRORS[alert] ?? 'ERR_SSL_PROTOCOL_ERROR')
  return new SecureStreamError(certificateError ?? name, whose, alert, detail, cites, certificateError !== undefined)
}
