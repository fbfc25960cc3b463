import type { PublicKey } from '../../crypto/signature.ts'
import { DecodeError } from '../../wire/errors.ts'
import { decodeCertificate } from '../../wire/x509.ts'
import type { SubjectPublicKey } from '../../wire/x509-key.ts'
import type { AlertName } from '../../wire/tls/alert.ts'
import type { CertificateError } from '../x509/verdict.ts'
import { TlsAlertError } from './fault.ts'
import type { VerifyChain } from './options.ts'

/** The alert for each thing that may be wrong with a certificate (RFC 8446 section 6.2). */
const ALERTS: Readonly<Record<CertificateError, AlertName>> = {
  ERR_CERT_AUTHORITY_INVALID: 'unknown_ca',
  ERR_CERT_COMMON_NAME_INVALID: 'bad_certificate',
  ERR_CERT_DATE_INVALID: 'certificate_expired',
  ERR_CERT_INVALID: 'bad_certificate',
  ERR_CERT_WEAK_KEY: 'bad_certificate',
  ERR_CERT_WEAK_SIGNATURE_ALGORITHM: 'bad_certificate',
  ERR_CERT_NAME_CONSTRAINT_VIOLATION: 'bad_certificate',
}

/**
 * Checks a peer's chain.
 * @param chain in DER, not empty
 * @returns the key of its first certificate. Throws TlsAlertError when it is not to be believed.
 */
export function checkChain(chain: readonly Uint8Array[], name: string | undefined, verify: VerifyChain | undefined): PublicKey {
  const verdict = verify?.(chain, name)
  if (verdict?.ok === false) throw new TlsAlertError(ALERTS[verdict.error], verdict.detail, verdict.cites, verdict.error)
  return keyOf(chain[0])
}

function keyOf(certificate: Uint8Array): PublicKey {
  let key: SubjectPublicKey
  try {
    key = decodeCertificate(certificate).publicKey
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new TlsAlertError('bad_certificate', `no certificate: ${error.message}`, 'RFC 5280 section 4.1')
  }
  if (key.type !== 'unknown') return key
  throw new TlsAlertError('unsupported_certificate', `a key by the algorithm ${key.algorithm}`, 'RFC 8446 section 4.4.2.4')
}
