import { TlsDecodeError } from './decode-error.ts'

/** RFC 8446 section 6, RFC 5246 section 7.2, RFC 7301 section 3.2, RFC 7507; also those which are no longer sent. */
export const AlertDescription = {
  close_notify: 0,
  unexpected_message: 10,
  bad_record_mac: 20,
  decryption_failed_RESERVED: 21,
  record_overflow: 22,
  decompression_failure_RESERVED: 30,
  handshake_failure: 40,
  no_certificate_RESERVED: 41,
  bad_certificate: 42,
  unsupported_certificate: 43,
  certificate_revoked: 44,
  certificate_expired: 45,
  certificate_unknown: 46,
  illegal_parameter: 47,
  unknown_ca: 48,
  access_denied: 49,
  decode_error: 50,
  decrypt_error: 51,
  export_restriction_RESERVED: 60,
  protocol_version: 70,
  insufficient_security: 71,
  internal_error: 80,
  inappropriate_fallback: 86,
  user_canceled: 90,
  no_renegotiation: 100,
  missing_extension: 109,
  unsupported_extension: 110,
  certificate_unobtainable_RESERVED: 111,
  unrecognized_name: 112,
  bad_certificate_status_response: 113,
  bad_certificate_hash_value_RESERVED: 114,
  unknown_psk_identity: 115,
  certificate_required: 116,
  no_application_protocol: 120,
} as const
export type AlertName = keyof typeof AlertDescription

/** RFC 8446 section 6. TLS 1.3 sends it, and goes by the description alone. */
export const AlertLevel = { warning: 1, fatal: 2 } as const

const NAMES: ReadonlyMap<number, AlertName> = /* @__PURE__ */ new Map(
  (Object.entries(AlertDescription) as [AlertName, number][]).map(([name, code]) => [code, name]),
)

/** `'handshake_failure'`; undefined when IANA has no such alert. */
export function alertName(description: number): AlertName | undefined {
  return NAMES.get(description)
}

/** RFC 8446 section 6. */
export interface Alert {
  /** A value of `AlertLevel`, or whatever was sent: 0 to 255. */
  readonly level: number
  /** A value of `AlertDescription`, or whatever was sent: 0 to 255. */
  readonly description: number
}

/**
 * Decodes the alert that fills [start, end): a record's content holds exactly one (RFC 8446 section 5.1).
 * @throws TlsDecodeError when it does not take two bytes, or its level is none
 */
export function decodeAlert(bytes: Uint8Array, start = 0, end = bytes.length): Alert {
  if (end - start !== 2) {
    const problem = end - start < 2 ? 'truncated' : 'invalid'
    throw new TlsDecodeError(problem, end, 'an alert takes two bytes', 'decode_error', 'RFC 8446 section 6')
  }
  const level = bytes[start]
  if (level !== AlertLevel.warning && level !== AlertLevel.fatal) {
    throw new TlsDecodeError('invalid', start, `no alert level: ${String(level)}`, 'illegal_parameter', 'RFC 8446 section 6')
  }
  return { level, description: bytes[start + 1] }
}

/** The two bytes of an alert. */
export function encodeAlert({ level, description }: Alert): Uint8Array {
  return Uint8Array.of(level, description)
}
