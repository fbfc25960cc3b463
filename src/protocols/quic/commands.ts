import type { BodySource } from '../body-source.ts'
import type { Nanos } from '../endpoint.ts'
import type { SocketAddress } from './datagram.ts'
import type { QuicParameters } from './event.ts'

/** Which stream's bytes go first: RFC 9218 section 4. */
export interface QuicPriority {
  /** 0 to 7, 0 being the most urgent; -1: before all of them, for what others cannot be read without. */
  readonly urgency: number
  /** Whether it may share with others of its urgency. */
  readonly incremental: boolean
}

/** What was counted so far. Windows in bytes, times in nanoseconds. */
export interface QuicStatistics {
  readonly packetsSent: number
  readonly packetsReceived: number
  readonly packetsLost: number
  /** Packets that could not be opened, or were not for us. */
  readonly packetsDropped: number
  /** UDP payloads. */
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly congestionWindow: number
  readonly bytesInFlight: number
  readonly smoothedRtt: Nanos
  /** UDP payload of the largest datagram that the path takes, as far as we know. */
  readonly maxDatagramSize: number
}

/**
 * What an application may ask of a connection, client's or server's. All of it only enqueues: poll for what comes of it. Streams are
 * known by their IDs (RFC 9000 section 2.1). What is asked of a stream or connection that is over does nothing, as that may have happened
 * on the way; what could never have been right throws LocalQuicError.
 */
export interface QuicCommands {
  /** Undefined until the handshake is complete. */
  readonly parameters: QuicParameters | undefined
  readonly statistics: QuicStatistics
  /** The path that is used. */
  readonly local: SocketAddress
  readonly remote: SocketAddress
  /** Whether nothing can be sent any more. */
  readonly isClosed: boolean

  /** Whether the peer would let us open another stream now. */
  canOpenStream(bidirectional: boolean): boolean
  /** Opens a stream and gives its ID. Throws LocalQuicError while `canOpenStream` says no. */
  openStream(bidirectional: boolean): number
  /** Bytes to send, by reference: they must not change any more. Throws LocalQuicError after `end`, and where we may not send. */
  send(stream: number, bytes: Uint8Array): void
  /** As `send`, with bytes that are made when it is their turn. */
  sendSource(stream: number, source: BodySource): void
  /** Nothing more will be sent on this stream. */
  end(stream: number): void
  /** Gives up sending on this stream. @param code the application's */
  reset(stream: number, code: number): void
  /**
   * Asks the peer to give up sending on this stream; what still comes is thrown away, and what was delivered counts as consumed.
   * @param code the application's
   */
  stopSending(stream: number, code: number): void
  /** So many delivered bytes were used up, and the peer may send as many more. */
  consume(stream: number, bytes: number): void
  setPriority(stream: number, priority: QuicPriority): void
  /** Bytes given to `send` on this stream that were never sent yet. */
  buffered(stream: number): number
  /** Payload of the largest DATAGRAM frame that the peer and the path take now; 0: none. */
  readonly maxDatagramPayload: number
  /** Sends bytes that may be lost (RFC 9221); when too many wait the oldest is dropped. Throws LocalQuicError when it is too long. */
  sendDatagram(bytes: Uint8Array): void
  /** Something that the peer acknowledges, so that the idle timeout begins anew. */
  ping(): void
  /** Changes the keys of both directions (RFC 9001 section 6), once that is allowed. */
  updateKeys(): void
  /** Goes on from another address of ours (RFC 9000 section 9.2), once the handshake is confirmed and the new path validated. Client only. */
  migrate(local: SocketAddress): void
  /** Ends the connection (RFC 9000 section 10.2). @param code the application's */
  close(code: number, reason?: string): void
}
