import type { AlertName } from '../../wire/tls/alert.ts'
import type { TlsFault } from './event.ts'

/** The fault of whoever made us send this alert. */
export function sentFault(
  alert: AlertName,
  detail: string,
  cites: string,
  whose: 'local' | 'peer',
  certificateError?: string,
): TlsFault & { readonly alert: AlertName } {
  const fault = {
    whose: alert === 'bad_record_mac' ? ('network' as const) : whose,
    alert,
    noticedBy: 'us' as const,
    detail,
    cites,
  }
  return certificateError === undefined ? fault : { ...fault, certificateError }
}

/** What a peer's alert says of us, or of itself. @param name undefined: an alert that IANA does not know */
export function receivedFault(name: AlertName | undefined, text: string): TlsFault {
  const isItsOwn = name === 'internal_error' || name === 'user_canceled' || name === 'close_notify'
  const whose = isItsOwn ? 'peer' : name === 'bad_record_mac' ? 'network' : 'local'
  const detail = name === 'close_notify' ? 'the peer has closed in the middle of the handshake' : `the peer says ${text}`
  return { whose, alert: text, noticedBy: 'peer', detail, cites: 'RFC 8446 section 6' }
}

/** The stream has ended, and close_notify has not come. */
export function truncatedFault(isConnected: boolean, isInRecord: boolean): TlsFault {
  const where = isInRecord ? ', in the middle of a record' : ''
  const detail = isConnected
    ? `the stream ended without close_notify${where}: data may be missing`
    : `the stream ended in the middle of the handshake${where}`
  return { whose: 'network', alert: undefined, noticedBy: 'us', detail, cites: 'RFC 8446 section 6.1' }
}
