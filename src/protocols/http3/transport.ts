import type { BodySource } from '../body-source.ts'
import type { HttpPriority } from '../http-message.ts'

/**
 * What HTTP/3 needs of the connection below it (RFC 9000 section 2, RFC 9221): streams by their numbers, in their order. Commands only
 * enqueue. What is asked of a stream or connection that is over does nothing.
 */
export interface Http3Transport {
  /** Whether `openStream` may be called now: the peer grants another stream of this kind. */
  canOpenStream(bidirectional: boolean): boolean
  /** Begins a stream. Throws when none can be opened. @returns its number (RFC 9000 section 2.1) */
  openStream(bidirectional: boolean): number
  /** Appends to what is sent on a stream, by reference; the bytes must not change any more. */
  send(stream: number, bytes: Uint8Array): void
  /** Appends bytes that are made when they go out; may be asked for the same bytes again when they were lost. */
  sendSource(stream: number, source: BodySource): void
  /** Nothing more is sent on a stream: FIN. */
  end(stream: number): void
  /** Bytes given to `send`, not those of sources, that have not gone out; 0 for a stream that is over. */
  buffered(stream: number): number
  /** Gives up sending: RESET_STREAM. */
  reset(stream: number, code: number): void
  /** Gives up receiving: STOP_SENDING. What was delivered and not consumed counts as consumed. */
  stopSending(stream: number, code: number): void
  /** So many bytes told by `stream-data` were used up: flow control lets as many follow. */
  consume(stream: number, bytes: number): void
  /** How urgently a stream's bytes are to go out, lower urgencies first (RFC 9218 section 10); -1: before all of them. */
  setPriority(stream: number, priority: HttpPriority): void
  /** Largest payload that `sendDatagram` takes now, in bytes; 0: none. */
  readonly maxDatagramPayload: number
  /** Sends bytes that may be lost (RFC 9221). */
  sendDatagram(bytes: Uint8Array): void
  /** Ends the connection: CONNECTION_CLOSE of type 0x1d with this code. @param reason in words, ASCII */
  close(code: number, reason?: string): void
}

/** What HTTP/3 is told by the connection below it. */
export type Http3TransportEvent =
  /** The peer has begun a stream. */
  | { readonly type: 'stream-opened'; readonly stream: number }
  /** The next bytes of a stream, perhaps none; `fin`: they are its last. */
  | { readonly type: 'stream-data'; readonly stream: number; readonly bytes: Uint8Array; readonly fin: boolean }
  /** The peer gave up sending (RESET_STREAM). */
  | { readonly type: 'stream-reset'; readonly stream: number; readonly code: number }
  /** The peer gave up receiving (STOP_SENDING); the transport has reset what we send. */
  | { readonly type: 'stop-sending'; readonly stream: number; readonly code: number }
  /** All of a stream that was sent, or its reset, has arrived. */
  | { readonly type: 'stream-acknowledged'; readonly stream: number }
  /** The peer grants more streams than before. */
  | { readonly type: 'streams-available' }
  | { readonly type: 'datagram'; readonly bytes: Uint8Array }
  /** What became of a client's 0-RTT data. When they are rejected, all its streams are gone, and numbers begin anew. */
  | { readonly type: 'early-data'; readonly outcome: 'accepted' | 'rejected' }
  /** The peer has closed the connection: nothing can be sent any more. */
  | { readonly type: 'draining'; readonly error: Http3TransportFault | undefined }
  /** The connection is over. */
  | { readonly type: 'closed'; readonly error: Http3TransportFault | undefined }

/** Why the connection below is over. */
interface Http3TransportFault {
  readonly whose: 'local' | 'peer' | 'network'
  /** Whom the code belongs to: QUIC (RFC 9000 section 20.1), or HTTP/3. */
  readonly space: 'transport' | 'application'
  readonly code: number
  /** As RFC 9000 section 20.1 names it, or what the reason was when there is no code. */
  readonly name: string
  readonly detail: string
  readonly cites: string
}
