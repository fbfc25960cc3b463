/** Why a certificate is refused, by the names that Chromium shows. */
export type CertificateError =
  /** The chain leads to nobody who is trusted, or a signature in it is wrong. */
  | 'ERR_CERT_AUTHORITY_INVALID'
  /** It is somebody else's name. */
  | 'ERR_CERT_COMMON_NAME_INVALID'
  /** Expired, or not valid yet. */
  | 'ERR_CERT_DATE_INVALID'
  /** The chain breaks its own rules: a certificate that is no authority's issued another, or one is used for what it is not for. */
  | 'ERR_CERT_INVALID'
  /** A key that is too short. */
  | 'ERR_CERT_WEAK_KEY'
  /** Signed with a hash function that is broken: MD5, SHA-1. */
  | 'ERR_CERT_WEAK_SIGNATURE_ALGORITHM'
  /** An authority's certificate may not vouch for this name. */
  | 'ERR_CERT_NAME_CONSTRAINT_VIOLATION'

/** What came of checking a chain of certificates. */
export type Verdict =
  | {
      readonly ok: true
      /** The path from the peer's certificate to the trust anchor, both included, in DER. */
      readonly path: readonly Uint8Array[]
    }
  | {
      readonly ok: false
      readonly error: CertificateError
      /** One sentence, for people. */
      readonly detail: string
      /** `'RFC 5280 section 6.1.3'`. */
      readonly cites: string
    }
