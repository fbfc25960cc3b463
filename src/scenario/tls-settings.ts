/*
 * TLS of a server or a client as a scenario resolves it: plain data, which the applications turn into endpoints and certificates.
 */

export const TLS_VERSIONS = ['1.3', '1.2'] as const
export type TlsVersionName = (typeof TLS_VERSIONS)[number]

/** Names as in RFC 8446 section B.4 and RFC 5246, RFC 5289, RFC 7905. */
export const TLS_CIPHER_SUITES = [
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
] as const
export type TlsCipherSuiteName = (typeof TLS_CIPHER_SUITES)[number]

/** Names as in RFC 8446 section 4.2.7; the last is that of draft-ietf-tls-ecdhe-mlkem. */
export const TLS_GROUPS = ['x25519', 'secp256r1', 'X25519MLKEM768'] as const
export type TlsGroupName = (typeof TLS_GROUPS)[number]

/** What may be wrong with a certificate. */
export const CERTIFICATE_KINDS = [
  'valid',
  'expired',
  'not-yet-valid',
  'wrong-name',
  'self-signed',
  'unknown-authority',
  'weak-key',
] as const
export type CertificateKind = (typeof CERTIFICATE_KINDS)[number]

export const KEY_TYPES = ['p-256', 'ed25519', 'rsa'] as const
export type KeyType = (typeof KEY_TYPES)[number]

/** Versions of HTTP over TCP. */
export const TCP_PROTOCOLS = ['h2', 'http/1.1', 'http/1.0'] as const
export type TcpProtocolName = (typeof TCP_PROTOCOLS)[number]

export const HTTP_PROTOCOLS = ['h3', ...TCP_PROTOCOLS] as const
/** Names as ALPN has them (RFC 7301, RFC 9113 section 3.1, RFC 9114 section 3.1). */
export type HttpProtocol = (typeof HTTP_PROTOCOLS)[number]

/** A certificate to be made. The same order always gives the same bytes. */
export interface CertificateOrder {
  /** Seed of the run: the authorities of a scenario follow from it. */
  readonly seed: number
  /** DNS names, the host's own first; at least one. */
  readonly names: readonly string[]
  /** IP addresses as text. */
  readonly addresses: readonly string[]
  readonly kind: CertificateKind
  readonly keyType: KeyType
  /** Whether the intermediate's certificate is sent along. */
  readonly intermediate: boolean
  /** How long it is valid, in days from 30 days before the run begins. */
  readonly validFor: number
  /** Who it is for. */
  readonly purpose: 'server' | 'client'
}

/** What both ends of a connection may be told. */
export interface TlsSettings {
  /** Best first; not empty. */
  readonly versions: readonly TlsVersionName[]
  /** Best first; empty: what is best here. */
  readonly cipherSuites: readonly TlsCipherSuiteName[]
  /** Best first; empty: what is best here. */
  readonly groups: readonly TlsGroupName[]
  /** Most bytes of plain text in a record, 64 to 16384; `'dynamic'`: small ones at first, then large ones, as servers on the web do. */
  readonly recordSize: number | 'dynamic'
  /** Whether the secrets of connections are recorded, so that captures can be decrypted. */
  readonly keyLog: boolean
}

export interface ServerTlsSettings extends TlsSettings {
  readonly order: CertificateOrder
  readonly port: number
  /** What is done on the port without TLS: nobody listens there, all is redirected to https, or the same is served. */
  readonly plain: 'off' | 'redirect' | 'serve'
  /** How many session tickets a connection gets. */
  readonly tickets: number
  /** Most bytes of early data; 0: none is accepted. */
  readonly earlyData: number
  /** Whether early data is accepted once only. */
  readonly replayProtection: boolean
  readonly clientAuthentication: 'none' | 'wanted' | 'required'
}

export interface ClientTlsSettings extends TlsSettings {
  /** Seed of the run: the authorities of a scenario follow from it. */
  readonly seed: number
  /** Groups of which a key share goes into the first ClientHello; absent: the best one. */
  readonly keyShares?: readonly TlsGroupName[]
  /** Which authorities are trusted: those of the scenario by name, others as certificates in PEM. */
  readonly roots: readonly string[]
  /** What a person does who is shown that something is wrong with a certificate. */
  readonly certificateErrors: 'stop' | 'proceed'
  /** Whether sessions are resumed by tickets. */
  readonly resumption: boolean
  /** Whether a resumed connection begins with its first request. */
  readonly earlyData: boolean
  /** Whether its ClientHello holds values that mean nothing, as those of browsers do; absent: no. */
  readonly grease?: boolean
  /** The client's own certificate, for servers that ask for one; absent: none. */
  readonly order?: CertificateOrder
}
