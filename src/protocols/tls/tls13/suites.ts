import type { AeadName } from '../../../crypto/aead.ts'
import type { HashName } from '../../../crypto/hash.ts'
import { CipherSuite } from '../../../wire/tls/code-points.ts'

/** A cipher suite of TLS 1.3: an authenticated cipher and the hash of the key schedule (RFC 8446 appendix B.4). */
export interface Tls13Suite {
  readonly name: Tls13SuiteName
  readonly code: number
  readonly aead: AeadName
  readonly hash: HashName
  /** How many records may be sealed under one key (RFC 8446 section 5.5). */
  readonly recordLimit: number
}

export type Tls13SuiteName = 'TLS_CHACHA20_POLY1305_SHA256' | 'TLS_AES_128_GCM_SHA256' | 'TLS_AES_256_GCM_SHA384'

function suite(name: Tls13SuiteName, aead: AeadName, hash: HashName, recordLimit: number): Tls13Suite {
  return { name, code: CipherSuite[name], aead, hash, recordLimit }
}

/** 2^24.5 full records, the limit of AES-GCM. */
const GCM_RECORD_LIMIT = 23_726_566

/** In the order of preference: ChaCha20 is the fastest one where there is no hardware's help. */
export const TLS13_SUITES: readonly Tls13Suite[] = [
  suite('TLS_CHACHA20_POLY1305_SHA256', 'chacha20-poly1305', 'sha256', Number.MAX_SAFE_INTEGER),
  suite('TLS_AES_128_GCM_SHA256', 'aes-128-gcm', 'sha256', GCM_RECORD_LIMIT),
  suite('TLS_AES_256_GCM_SHA384', 'aes-256-gcm', 'sha384', GCM_RECORD_LIMIT),
]

/** Undefined when it is not one of TLS 1.3 that is spoken here. */
export function tls13SuiteByCode(code: number): Tls13Suite | undefined {
  return TLS13_SUITES.find((suite) => suite.code === code)
}

/** Undefined when it is not one of TLS 1.3 that is spoken here. */
export function tls13SuiteByName(name: string): Tls13Suite | undefined {
  return TLS13_SUITES.find((suite) => suite.name === name)
}

/** Of a nonce, in bytes: the same for all of them (RFC 8446 section 5.3). */
export const NONCE_LENGTH = 12

/** Of a tag, in bytes: the same for all of them. */
export const TAG_LENGTH = 16
