import type { KeyType, SignatureScheme } from '../../crypto/signature.ts'
import type { AlgorithmIdentifier } from '../../wire/x509-key.ts'
import { nullParameters } from '../../wire/x509.ts'

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2'
const ED25519 = '1.3.101.112'
const SHA256_WITH_RSA = '1.2.840.113549.1.1.11'

/** How a certificate is signed, by the object identifier of the algorithm (RFC 5758, RFC 8410, RFC 4055 section 5). */
const SCHEMES: Readonly<Record<string, SignatureScheme>> = {
  [ECDSA_WITH_SHA256]: 'ecdsa_secp256r1_sha256',
  [ED25519]: 'ed25519',
  [SHA256_WITH_RSA]: 'rsa_pkcs1_sha256',
  '1.2.840.113549.1.1.12': 'rsa_pkcs1_sha384',
  '1.2.840.113549.1.1.13': 'rsa_pkcs1_sha512',
}

/** Algorithms whose hash function is broken, so that a signature can be made to fit another certificate, by their names. */
const WEAK: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.4': 'MD5',
  '1.2.840.113549.1.1.5': 'SHA-1',
  '1.2.840.10045.4.1': 'SHA-1',
}

/** The scheme of a signature under a certificate; undefined for algorithms that are not spoken here. */
export function schemeOf({ algorithm }: AlgorithmIdentifier): SignatureScheme | undefined {
  return Object.hasOwn(SCHEMES, algorithm) ? SCHEMES[algorithm] : undefined
}

/** The broken hash function of a signature; undefined: its hash function is sound. */
export function weakHashOf({ algorithm }: AlgorithmIdentifier): string | undefined {
  return Object.hasOwn(WEAK, algorithm) ? WEAK[algorithm] : undefined
}

/** How an authority signs certificates with a key. */
export function signingAlgorithm(type: KeyType): { readonly scheme: SignatureScheme; readonly identifier: AlgorithmIdentifier } {
  if (type === 'rsa') {
    return { scheme: 'rsa_pkcs1_sha256', identifier: { algorithm: SHA256_WITH_RSA, parameters: nullParameters() } }
  }
  if (type === 'ed25519') return { scheme: 'ed25519', identifier: { algorithm: ED25519, parameters: undefined } }
  return { scheme: 'ecdsa_secp256r1_sha256', identifier: { algorithm: ECDSA_WITH_SHA256, parameters: undefined } }
}
