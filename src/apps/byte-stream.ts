import type { TcpSocket } from '../host/socket.ts'

/**
 * A stream of bytes in both directions, as HTTP and its like want it: a TCP socket is one, and so is what TLS makes of it. What blocks,
 * and what is thrown, is as with `TcpSocket`.
 */
export interface ByteStream extends Pick<
  TcpSocket,
  | 'connection'
  | 'local'
  | 'remote'
  | 'read'
  | 'readNow'
  | 'arrival'
  | 'write'
  | 'drained'
  | 'shutdown'
  | 'close'
  | 'reset'
  | 'setNoDelay'
  | 'readable'
> {
  /** Where in TCP's stream of that direction its bytes lay; absent: the bytes are TCP's own. */
  readonly carriers?: StreamCarriers
  /** How many of the bytes received so far were early data of TLS, which may be a replay (RFC 8446 section 8); absent: none. */
  readonly earlyBytes?: number
}

/** Finds the bytes of TCP that carried bytes of a stream above it. Offsets count from 0, the first byte behind the SYN. */
export interface StreamCarriers {
  readonly sent: OffsetMap
  readonly received: OffsetMap
}

/** Of one direction. Remembers what was not asked for yet: ranges are asked for in their order. */
export interface OffsetMap {
  /**
   * The bytes of TCP that carried [from, to) of the stream, whole records: the first one's beginning and the last one's end.
   * @param from at least the `from` of the call before
   */
  carrierOf(from: number, to: number): readonly [from: number, to: number]
}
