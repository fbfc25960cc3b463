import type { GroupName } from '../../crypto/key-exchange.ts'
import type { SignatureScheme } from '../../crypto/signature.ts'
import type { RandomBytes } from '../../crypto/random-bytes.ts'
import { CipherSuite, NamedGroup, SignatureScheme as SchemeCode } from '../../wire/tls/code-points.ts'
import { MAX_PLAINTEXT_LENGTH } from '../../wire/tls/record.ts'
import type { TlsVersion } from './event.ts'
import type { TlsOptions } from './options.ts'
import { TLS13_SUITES, tls13SuiteByName } from './tls13/suites.ts'
import type { Tls13Suite } from './tls13/suites.ts'

/** Suites of TLS 1.2 that are spoken here: forward secret and authenticated (RFC 5289, RFC 7905). */
const TLS12_SUITES = [
  'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
] as const

const DEFAULT_SUITES: readonly string[] = [...TLS13_SUITES.map(({ name }) => name), ...TLS12_SUITES]
const DEFAULT_GROUPS: readonly GroupName[] = ['x25519', 'secp256r1']
const ALL_GROUPS: readonly GroupName[] = ['x25519', 'secp256r1', 'X25519MLKEM768']
const DEFAULT_SCHEMES: readonly SignatureScheme[] = [
  'ecdsa_secp256r1_sha256',
  'ed25519',
  'rsa_pss_rsae_sha256',
  'rsa_pss_rsae_sha384',
  'rsa_pss_rsae_sha512',
  'rsa_pkcs1_sha256',
  'rsa_pkcs1_sha384',
  'rsa_pkcs1_sha512',
]
const SMALLEST_RECORD = 64

/** What both ends' options come down to. */
export interface TlsSettings {
  readonly random: RandomBytes
  readonly versions: readonly TlsVersion[]
  readonly suites13: readonly Tls13Suite[]
  /** Code points. */
  readonly suites12: readonly number[]
  readonly groups: readonly GroupName[]
  readonly schemes: readonly SignatureScheme[]
  readonly alpn: readonly string[]
  /** Bytes of plaintext in a record; 0: as RFC 8446 leaves it to us, small at first and large then. */
  readonly recordSize: number
  readonly padding: number
  readonly compatibilityMode: boolean
  readonly keyLog: boolean
}

/** Fills in what options leave out. Throws RangeError for a name that is not spoken here, and for what contradicts itself. */
export function tlsSettings(options: TlsOptions): TlsSettings {
  const versions = options.versions ?? ['1.3', '1.2']
  const names = options.cipherSuites ?? DEFAULT_SUITES
  for (const name of names) {
    if (!DEFAULT_SUITES.includes(name)) throw new RangeError(`no cipher suite that is spoken here: ${name}`)
  }
  const groups = options.groups ?? DEFAULT_GROUPS
  for (const name of groups) if (!ALL_GROUPS.includes(name)) throw new RangeError(`no group that is spoken here: ${name}`)
  const schemes = options.signatureSchemes ?? DEFAULT_SCHEMES
  for (const name of schemes) if (!DEFAULT_SCHEMES.includes(name)) throw new RangeError(`no signature scheme: ${name}`)
  const suites13 = versions.includes('1.3') ? names.flatMap((name) => tls13SuiteByName(name) ?? []) : []
  const suites12 = versions.includes('1.2') ? names.flatMap((name) => suite12(name) ?? []) : []
  const usable = versions.filter((version) => (version === '1.3' ? suites13.length > 0 : suites12.length > 0))
  if (usable.length === 0) throw new RangeError('no cipher suite for any of the versions')
  if (groups.length === 0 || schemes.length === 0) throw new RangeError('no groups, or no signature schemes')
  const recordSize = options.recordSize ?? MAX_PLAINTEXT_LENGTH
  if (recordSize !== 'dynamic' && !(recordSize >= SMALLEST_RECORD && recordSize <= MAX_PLAINTEXT_LENGTH))
    throw new RangeError(`no size of a record: ${String(recordSize)}`)
  const { padding = 1 } = options
  if (!(padding >= 1 && padding <= MAX_PLAINTEXT_LENGTH)) throw new RangeError(`no padding: ${String(padding)}`)
  for (const name of options.alpn ?? []) {
    if (name.length === 0 || name.length > 255) throw new RangeError(`no name of a protocol: ${name}`)
  }
  return {
    random: options.random,
    versions: usable,
    suites13,
    suites12,
    groups,
    schemes,
    alpn: options.alpn ?? [],
    recordSize: recordSize === 'dynamic' ? 0 : Math.floor(recordSize),
    padding: Math.floor(padding),
    compatibilityMode: options.compatibilityMode ?? true,
    keyLog: options.keyLog ?? true,
  }
}

function suite12(name: string): number | undefined {
  const found = TLS12_SUITES.find((known) => known === name)
  return found === undefined ? undefined : CipherSuite[found]
}

/** Code points of groups, in their order. */
export function groupCodes(groups: readonly GroupName[]): number[] {
  return groups.map((name) => NamedGroup[name])
}

/** The group with a code point, if it is one of these. */
export function groupByCode(groups: readonly GroupName[], code: number): GroupName | undefined {
  return groups.find((name) => NamedGroup[name] === code)
}

/** Code points of signature schemes, in their order. */
export function schemeCodes(schemes: readonly SignatureScheme[]): number[] {
  return schemes.map((name) => SchemeCode[name])
}

/** The signature scheme with a code point, if it is one of these. */
export function schemeByCode(schemes: readonly SignatureScheme[], code: number): SignatureScheme | undefined {
  return schemes.find((name) => SchemeCode[name] === code)
}
