import { ed25519Curve, p256Curve } from './curves.ts'
import { hash, type HashName } from './hash.ts'
import { drawP256Scalar } from './key-exchange.ts'
import type { RandomBytes } from './random-bytes.ts'
import { rsaSign, rsaVerify, type RsaPrivateKey, type RsaPublicKey } from './rsa.ts'

/** How to sign, by the names of RFC 8446 section 4.2.3. */
export type SignatureScheme =
  | 'ecdsa_secp256r1_sha256'
  | 'ed25519'
  | 'rsa_pss_rsae_sha256'
  | 'rsa_pss_rsae_sha384'
  | 'rsa_pss_rsae_sha512'
  | 'rsa_pkcs1_sha256'
  | 'rsa_pkcs1_sha384'
  | 'rsa_pkcs1_sha512'

export type PublicKey =
  /** A point of P-256, uncompressed: 04, then x and y of 32 bytes each. */
  | { readonly type: 'ec-p256'; readonly point: Uint8Array }
  /** RFC 8032 section 5.1.5: 32 bytes. */
  | { readonly type: 'ed25519'; readonly bytes: Uint8Array }
  | RsaPublicKey

export type PrivateKey =
  /** An integer in [1, n - 1], 32 bytes in network byte order. */
  | { readonly type: 'ec-p256'; readonly scalar: Uint8Array }
  /** RFC 8032 section 5.1.5: 32 bytes. */
  | { readonly type: 'ed25519'; readonly seed: Uint8Array }
  | RsaPrivateKey

export type KeyType = PublicKey['type']

interface RsaScheme {
  readonly padding: 'pkcs1' | 'pss'
  readonly hash: HashName
}

const RSA_SCHEMES: Readonly<Partial<Record<SignatureScheme, RsaScheme>>> = {
  rsa_pss_rsae_sha256: { padding: 'pss', hash: 'sha256' },
  rsa_pss_rsae_sha384: { padding: 'pss', hash: 'sha384' },
  rsa_pss_rsae_sha512: { padding: 'pss', hash: 'sha512' },
  rsa_pkcs1_sha256: { padding: 'pkcs1', hash: 'sha256' },
  rsa_pkcs1_sha384: { padding: 'pkcs1', hash: 'sha384' },
  rsa_pkcs1_sha512: { padding: 'pkcs1', hash: 'sha512' },
}

const SCHEMES: Readonly<Record<KeyType, readonly SignatureScheme[]>> = {
  'ec-p256': ['ecdsa_secp256r1_sha256'],
  ed25519: ['ed25519'],
  rsa: Object.keys(RSA_SCHEMES) as SignatureScheme[],
}

/** The schemes that a key can be used with, the best first. */
export function schemesFor(key: { readonly type: KeyType }): readonly SignatureScheme[] {
  return SCHEMES[key.type]
}

/** The key that others check this key's signatures with. */
export function publicKeyOf(key: PrivateKey): PublicKey {
  if (key.type === 'rsa') return { type: 'rsa', modulus: key.modulus, exponent: key.exponent }
  if (key.type === 'ed25519') return { type: 'ed25519', bytes: ed25519Curve().getPublicKey(key.seed) }
  return { type: 'ec-p256', point: p256Curve().getPublicKey(key.scalar, false) }
}

/** A new key on an elliptic curve. For RSA see `generateRsaKey`. */
export function generateKey(type: 'ec-p256' | 'ed25519', random: RandomBytes): PrivateKey {
  return type === 'ed25519' ? { type, seed: random(32) } : { type, scalar: drawP256Scalar(random) }
}

/**
 * Signs a message. ECDSA is the deterministic one of RFC 6979, its signature in DER (RFC 8446 section 4.2.3); Ed25519 is pure (RFC 8032);
 * PSS salts are as long as the hash. Throws RangeError for a scheme that is not the key's.
 */
export function sign(scheme: SignatureScheme, key: PrivateKey, message: Uint8Array, random: RandomBytes): Uint8Array {
  const rsa = RSA_SCHEMES[scheme]
  if (key.type === 'rsa' && rsa !== undefined) return rsaSign(rsa.padding, rsa.hash, key, message, random)
  if (key.type === 'ed25519' && scheme === 'ed25519') return ed25519Curve().sign(message, key.seed)
  if (key.type === 'ec-p256' && scheme === 'ecdsa_secp256r1_sha256') {
    return p256Curve().sign(hash('sha256', message), key.scalar, { prehash: false, lowS: false, format: 'der' })
  }
  throw new RangeError(`a key of type ${key.type} does not sign by ${scheme}`)
}

/** Whether a signature is the key's owner's, over this message, by this scheme. False also for what is no signature at all. */
export function verify(scheme: SignatureScheme, key: PublicKey, message: Uint8Array, signature: Uint8Array): boolean {
  const rsa = RSA_SCHEMES[scheme]
  if (key.type === 'rsa' && rsa !== undefined) return rsaVerify(rsa.padding, rsa.hash, key, message, signature)
  try {
    if (key.type === 'ed25519' && scheme === 'ed25519')
      return ed25519Curve().verify(signature, message, key.bytes, { zip215: false })
    if (key.type === 'ec-p256' && scheme === 'ecdsa_secp256r1_sha256') {
      return p256Curve().verify(signature, hash('sha256', message), key.point, { prehash: false, lowS: false, format: 'der' })
    }
  } catch {
    // The key or the signature does not decode.
    return false
  }
  return false
}
