import type { Nanos } from '../endpoint.ts'
import type { PerMessageDeflateParameters } from './per-message-deflate.ts'

/** How much of a peer's talk is taken before the connection is failed, and how an end talks itself. */
export interface WebSocketSettings {
  /** Largest message that is taken, in bytes, after decompression; over it: 1009. Default 16 MiB. */
  readonly maxMessage: number
  /** Largest payload of one frame that is taken, in bytes as it travels; over it: 1009. Default 16 MiB. */
  readonly maxFrame: number
  /** Most frames that one message may come in; over it: 1008. Default 262,144: 16 MiB in frames of 64 bytes. */
  readonly maxFragments: number
  /** Largest payload of a frame that is sent, in bytes as it travels; longer messages are fragmented. Infinity, the default: none are. */
  readonly fragmentSize: number
  /** How long the peer may take to answer our Close and to close the connection, in nanoseconds; 0: for ever. Default 10 s. */
  readonly closeTimeout: Nanos
  /** Shorter messages are sent as they are though compression was agreed on; in bytes. Default 64. */
  readonly deflateThreshold: number
}

export interface WebSocketOptions {
  /** A client masks what it sends, and a server refuses what is not masked (RFC 6455 section 5.1). */
  readonly role: 'client' | 'server'
  /**
   * Gives a client's masking keys, a fresh one for each frame: integers in [0, 2^32) that nobody who chooses what is sent can foresee (RFC
   * 6455 section 5.3). Needed by clients only.
   */
  readonly maskKey?: () => number
  /** What both ends have agreed on (RFC 7692); absent: nothing is compressed. */
  readonly deflate?: PerMessageDeflateParameters | undefined
  /** Kept by reference, so that many connections can share one. Default: `DEFAULT_WEBSOCKET_SETTINGS`. */
  readonly settings?: WebSocketSettings
}

const MEBIBYTE = 2 ** 20

export const DEFAULT_WEBSOCKET_SETTINGS: WebSocketSettings = {
  maxMessage: 16 * MEBIBYTE,
  maxFrame: 16 * MEBIBYTE,
  maxFragments: 262_144,
  fragmentSize: Infinity,
  closeTimeout: 10e9,
  deflateThreshold: 64,
}
