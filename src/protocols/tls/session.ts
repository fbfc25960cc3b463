/** What a client keeps of a connection to resume it later. Secret. */
export interface TlsSession {
  readonly version: '1.3' | '1.2'
  readonly cipherSuite: string
  readonly serverName: string | undefined
  readonly alpn: string | undefined
  readonly peerChain: readonly Uint8Array[]
  /** The server's opaque ticket; empty: TLS 1.2 with a session ID instead. */
  readonly ticket: Uint8Array
  /** TLS 1.2 only, otherwise empty. */
  readonly sessionId: Uint8Array
  /** TLS 1.3: the pre-shared key (RFC 8446 section 4.6.1). TLS 1.2: the master secret. */
  readonly secret: Uint8Array
  /** When the ticket came, in nanoseconds of the client's clock. */
  readonly receivedAt: number
  /** Seconds for which it may be used. */
  readonly lifetime: number
  /** TLS 1.3: ticket_age_add, an unsigned integer of 32 bits. */
  readonly ageAdd: number
  /** Bytes of early data that the server would take; 0: none. */
  readonly maxEarlyData: number
}
