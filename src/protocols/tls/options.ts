import type { RandomBytes } from '../../crypto/random-bytes.ts'
import type { GroupName } from '../../crypto/key-exchange.ts'
import type { SignatureScheme } from '../../crypto/signature.ts'
import type { Credentials } from '../x509/credentials.ts'
import type { Verdict } from '../x509/verdict.ts'
import type { TlsVersion } from './event.ts'
import type { TlsSession } from './session.ts'
import type { TlsTickets } from './tickets.ts'

/**
 * Judges a chain of certificates in DER, the peer's own first.
 * @param name the name that it should be for; undefined: a client's certificate
 */
export type VerifyChain = (chain: readonly Uint8Array[], name: string | undefined) => Verdict

/** What either end may set. */
export interface TlsOptions {
  readonly random: RandomBytes
  /** Default: both. */
  readonly versions?: readonly TlsVersion[]
  /** RFC names, the preferred one first; of both versions. Default: all, with TLS_CHACHA20_POLY1305_SHA256 first. */
  readonly cipherSuites?: readonly string[]
  /** The preferred one first. Default: X25519, P-256, and not the hybrid. */
  readonly groups?: readonly GroupName[]
  /** Schemes in which the peer may sign, the preferred one first. */
  readonly signatureSchemes?: readonly SignatureScheme[]
  /** Application protocols, the preferred one first: `['h2', 'http/1.1']`. Default: none. */
  readonly alpn?: readonly string[]
  /** Bytes of plaintext in one record at most, in [64, 16384]. Default: 16384. */
  readonly recordSize?: number | 'dynamic'
  /** Bytes of zeros that each protected record is padded up to a multiple of (RFC 8446 section 5.4). Default: 1, no padding. */
  readonly padding?: number
  /** Whether records of ChangeCipherSpec are sent that mean nothing (RFC 8446 appendix D.4). Default: true. */
  readonly compatibilityMode?: boolean
  /** Whether the secrets are told, as `secret` events. Default: true. */
  readonly keyLog?: boolean
}

export interface TlsClientOptions extends TlsOptions {
  /** The server's name (not an address), for SNI. */
  readonly serverName?: string
  /** What the certificate has to be for, if not `serverName`: an address, in words. */
  readonly verifyName?: string
  /** Judges the server's certificates. Absent: anybody is believed. */
  readonly verify?: VerifyChain
  /** What to show when the server asks who we are. */
  readonly credentials?: Credentials
  /** Groups of which a key share goes into the first ClientHello. Default: the first of `groups`; X25519 beside the hybrid one. */
  readonly keyShares?: readonly GroupName[]
  /**
   * Whether the ClientHello holds, as a browser's does, values that mean nothing (RFC 8701) and something that looks like an encrypted
   * ClientHello (draft-ietf-tls-esni section 6.2), so that servers keep ignoring what they do not know. Default: false.
   */
  readonly grease?: boolean
  /** To resume; ignored when it is too old or does not fit the other options. */
  readonly session?: TlsSession
  /** Sent as 0-RTT data, when `session` allows for so much. It may be replayed: nothing that must not happen twice belongs here. */
  readonly earlyData?: Uint8Array
  /** Whether tickets of TLS 1.2 are asked for. Default: true. */
  readonly tickets?: boolean
}

export type TlsServerCredentials = Credentials | readonly Credentials[]

export interface TlsServerOptions extends TlsOptions {
  /** One for each kind of key; or a choice by the name that the client asks for, where undefined refuses that name. */
  readonly credentials: TlsServerCredentials | ((serverName: string | undefined) => TlsServerCredentials | undefined)
  /** Default: none. */
  readonly clientAuthentication?: 'none' | 'wanted' | 'required'
  /** Judges a client's certificates. Absent: anybody is believed. */
  readonly verify?: VerifyChain
  /** Keys of tickets, and what was seen of them: one for all connections of a server. Absent: nothing can be resumed. */
  readonly tickets?: TlsTickets
  /** How many tickets a connection of TLS 1.3 is given. Default: 2. */
  readonly ticketCount?: number
  /** Bytes of 0-RTT data that are taken. Default: 0. */
  readonly maxEarlyData?: number
  /** Whether a ticket is good for 0-RTT only once, and only while it is fresh (RFC 8446 section 8). Default: true. */
  readonly replayProtection?: boolean
  /** Whether a first ClientHello is always answered with HelloRetryRequest and a cookie (RFC 8446 section 4.2.2). Default: false. */
  readonly alwaysRetry?: boolean
}
