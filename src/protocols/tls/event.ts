import type { TlsSession } from './session.ts'

export type TlsVersion = TlsSession['version']

/** Why a connection can go no further. */
export interface TlsFault {
  /** Whose fault it was: ours, the peer's, or that of whatever carries the stream. */
  readonly whose: 'local' | 'peer' | 'network'
  /** The alert that told it, sent or received, as RFC 8446 section 6 names it: `'decode_error'`; undefined: no alert did. */
  readonly alert: string | undefined
  /** Who noticed, and told the other with that alert. */
  readonly noticedBy: 'us' | 'peer'
  /** In words. */
  readonly detail: string
  /** `'RFC 8446 section 6.2'`. */
  readonly cites: string
  /** What was wrong with the peer's certificate, by the name that browsers show: `'ERR_CERT_DATE_INVALID'`. */
  readonly certificateError?: string
}

/** What was agreed on. */
export interface TlsParameters {
  readonly version: TlsVersion
  /** RFC name: `'TLS_CHACHA20_POLY1305_SHA256'`. */
  readonly cipherSuite: string
  /** The group of the key exchange; undefined when a TLS 1.2 session was resumed. */
  readonly group: string | undefined
  /** The application protocol, if one was agreed on: `'h2'`. */
  readonly alpn: string | undefined
  /** The name that the client asked for. */
  readonly serverName: string | undefined
  /** The peer's certificates in DER, its own first; empty: it did not show any. Of the first connection where a session was resumed. */
  readonly peerChain: readonly Uint8Array[]
  readonly resumed: boolean
  /** `'none'`: not offered. */
  readonly earlyData: 'none' | 'accepted' | 'rejected'
  /** Whether the server asked for another ClientHello. */
  readonly retried: boolean
}

export type TlsEvent =
  /** The handshake is complete; the peer is who it says. */
  | ({ readonly type: 'connected' } & TlsParameters)
  /**
   * What became of the early data: for a server before the first of it is told, if it comes; for a client when the server has said.
   * What a server has rejected is not sent again by itself (RFC 8446 section 4.2.10): `bytes` is what a client had sent early.
   */
  | { readonly type: 'early-data'; readonly outcome: 'accepted' | 'rejected'; readonly bytes: Uint8Array }
  /** Application data. `early`: it came as 0-RTT data and may be a replay. The bytes do not change any more. */
  | { readonly type: 'data'; readonly bytes: Uint8Array; readonly early: boolean }
  /** The peer has said that it sends no more (close_notify). We may go on sending, until `end`. */
  | { readonly type: 'ended' }
  /** Nothing will be sent or received any more; the stream below should be closed once all was transmitted. */
  | { readonly type: 'closed'; readonly error: TlsFault | undefined }
  /** A client may resume with this later, once. */
  | { readonly type: 'ticket'; readonly session: TlsSession }
  /** One line of a key log (NSS format), without the line feed: `'CLIENT_TRAFFIC_SECRET_0 <client random> <secret>'`. */
  | { readonly type: 'secret'; readonly line: string }
  /**
   * A handshake message or ChangeCipherSpec went by. `length` in bytes with its header of 4; 1 for ChangeCipherSpec. `encrypted`: nobody
   * on the way can read it.
   */
  | {
      readonly type: 'message'
      readonly direction: 'sent' | 'received'
      readonly name: string
      readonly length: number
      readonly encrypted: boolean
    }
  | {
      readonly type: 'alert'
      readonly direction: 'sent' | 'received'
      readonly level: 'warning' | 'fatal'
      /** `'close_notify'`; a number in words where it has no name: `'alert 77'`. */
      readonly name: string
    }
