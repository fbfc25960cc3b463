/** Why a connection did not end well. Codes as users know them from sockets. */
export interface TcpFailure {
  readonly code: 'ECONNREFUSED' | 'ECONNRESET' | 'ETIMEDOUT' | 'ECONNABORTED' | 'EHOSTUNREACH' | 'ENETUNREACH'
  /** Who ended it: this side, the peer, or what lies between them. */
  readonly whose: 'local' | 'remote' | 'network'
  /** For people. */
  readonly detail: string
  /** The rule that was followed: `'RFC 9293 section 3.10.7.4'`. */
  readonly cites: string
}

/** What a connection tells the layer above. */
export type TcpEvent =
  /** The handshake is done; on both sides, once. */
  | { readonly type: 'connected' }
  /** Bytes have become readable since the last such event was polled. */
  | { readonly type: 'readable' }
  /** The send buffer has room again, after `send` took less than it was given. */
  | { readonly type: 'writable' }
  /** The peer's FIN has come, and all bytes before it: after what is readable now there is nothing more. */
  | { readonly type: 'peer-finished' }
  /**
   * The connection is over for the user; the last event. Fires on entering TIME-WAIT, or CLOSED without it. In TIME-WAIT the
   * connection goes on answering late segments until `state` is CLOSED; then its owner forgets it, after draining `pollTransmit`.
   */
  | { readonly type: 'closed'; readonly error: TcpFailure | undefined }
