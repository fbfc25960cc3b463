import type { AeadName } from '../../../crypto/aead.ts'
import type { HashName } from '../../../crypto/hash.ts'
import type { KeyType } from '../../../crypto/signature.ts'
import { CipherSuite } from '../../../wire/tls/code-points.ts'
import type { CipherSuiteName } from '../../../wire/tls/code-points.ts'

/** With which kind of key a server signs: on an elliptic curve (RFC 8422 sections 2.1 and 5.10), or RSA. */
export type Authentication = 'ecdsa' | 'rsa'

/** A cipher suite of TLS 1.2 with an ephemeral key exchange and an authenticated cipher: RFC 5289, RFC 7905. */
export interface Tls12Suite {
  readonly name: CipherSuiteName
  /** As on the wire. */
  readonly code: number
  readonly authentication: Authentication
  readonly aead: AeadName
  /** Of the pseudorandom function, and of the transcript. */
  readonly hash: HashName
}

function suite(name: CipherSuiteName, authentication: Authentication, aead: AeadName, hash: HashName = 'sha256'): Tls12Suite {
  return { name, code: CipherSuite[name], authentication, aead, hash }
}

const TLS12_SUITES: readonly Tls12Suite[] = [
  suite('TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', 'ecdsa', 'chacha20-poly1305'),
  suite('TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256', 'rsa', 'chacha20-poly1305'),
  suite('TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'ecdsa', 'aes-128-gcm'),
  suite('TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'rsa', 'aes-128-gcm'),
  suite('TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 'ecdsa', 'aes-256-gcm', 'sha384'),
  suite('TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', 'rsa', 'aes-256-gcm', 'sha384'),
]

/** Undefined when it is not one of TLS 1.2 that is spoken here. */
export function tls12SuiteByCode(code: number): Tls12Suite | undefined {
  return TLS12_SUITES.find((suite) => suite.code === code)
}

/** With which suites a key goes: Ed25519 goes with ECDHE_ECDSA (RFC 8422 section 5.10). */
export function authenticationOf(type: KeyType): Authentication {
  return type === 'rsa' ? 'rsa' : 'ecdsa'
}
