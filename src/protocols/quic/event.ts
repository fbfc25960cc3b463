import type { SocketAddress } from './datagram.ts'
import type { QuicFault } from './fault.ts'
import type { QuicSession } from './session.ts'

/** Packet-number spaces: RFC 9000 section 12.3. */
export type PacketSpaceName = 'initial' | 'handshake' | 'application'

/** What was agreed on in the handshake. */
export interface QuicParameters {
  /** 1. */
  readonly version: number
  /** RFC name: `'TLS_CHACHA20_POLY1305_SHA256'`. */
  readonly cipherSuite: string
  readonly group: string | undefined
  /** The application protocol: `'h3'`. */
  readonly alpn: string | undefined
  /** The name that the client asked for. */
  readonly serverName: string | undefined
  /** The peer's certificates in DER, its own first. */
  readonly peerChain: readonly Uint8Array[]
  readonly resumed: boolean
  /** `'none'`: not offered. */
  readonly earlyData: 'none' | 'accepted' | 'rejected'
  /** Whether the server asked for another ClientHello, by TLS (not by a Retry packet). */
  readonly retried: boolean
}

/** What a connection tells. `stream` is a stream ID (RFC 9000 section 2.1). */
export type QuicEvent =
  /** The handshake is complete (RFC 9001 section 4.1.1); the peer is who it says. */
  | ({ readonly type: 'connected' } & QuicParameters)
  /** The handshake is confirmed (RFC 9001 section 4.1.2). */
  | { readonly type: 'confirmed' }
  /** A client may send 0-RTT data from now on, within what the server allowed the last time. */
  | { readonly type: 'early-data-allowed'; readonly alpn: string | undefined }
  /**
   * What became of a client's 0-RTT data. When they are rejected, all streams that were opened are gone without any further event, and the
   * application begins anew, with stream IDs too (RFC 9001 section 4.6.2).
   */
  | { readonly type: 'early-data'; readonly outcome: 'accepted' | 'rejected' }
  /** The peer has opened a stream. */
  | { readonly type: 'stream-opened'; readonly stream: number }
  /** The peer lets us open more streams than it did when `openStream` was refused. */
  | { readonly type: 'streams-available'; readonly bidirectional: boolean }
  /** The next bytes of a stream, perhaps none; `fin`: they are its last. `early`: they came as 0-RTT data and may be a replay. */
  | {
      readonly type: 'stream-data'
      readonly stream: number
      readonly bytes: Uint8Array
      readonly fin: boolean
      readonly early: boolean
    }
  /** The peer sends no more on this stream, and what it had sent may be missing (RESET_STREAM). */
  | { readonly type: 'stream-reset'; readonly stream: number; readonly code: number }
  /** The peer does not want what we send on this stream (STOP_SENDING); it was reset by us with the same code. */
  | { readonly type: 'stop-sending'; readonly stream: number; readonly code: number }
  /** All of a stream that we have sent, or its reset, was acknowledged. */
  | { readonly type: 'stream-acknowledged'; readonly stream: number }
  /** RFC 9221. */
  | { readonly type: 'datagram'; readonly bytes: Uint8Array }
  /** A client may resume with this later, once. */
  | { readonly type: 'ticket'; readonly session: QuicSession }
  /** A client may show this to the same server in its next connection, once (RFC 9000 section 8.1.3). */
  | { readonly type: 'new-token'; readonly token: Uint8Array }
  /** One line of a key log (NSS format), without the line feed. */
  | { readonly type: 'secret'; readonly line: string }
  /** The server wants to see that our address is ours (RFC 9000 section 8.1.2). */
  | { readonly type: 'retry-received' }
  /** The server does not speak our version, but these (RFC 9000 section 6). */
  | { readonly type: 'version-negotiation-received'; readonly versions: readonly number[] }
  /** The peer has answered on a path (RFC 9000 section 8.2). */
  | { readonly type: 'path-validated'; readonly local: SocketAddress; readonly remote: SocketAddress }
  /** A path could not be validated: nothing is sent there any more. */
  | { readonly type: 'path-abandoned'; readonly local: SocketAddress; readonly remote: SocketAddress }
  /**
   * Packets go this way from now on (RFC 9000 section 9). `by`: who has moved. `connectionId`: what ours are addressed with there, and
   * were on the way before.
   */
  | {
      readonly type: 'path-migrated'
      readonly local: SocketAddress
      readonly remote: SocketAddress
      readonly connectionId: Uint8Array
      readonly from: { readonly local: SocketAddress; readonly remote: SocketAddress; readonly connectionId: Uint8Array }
      readonly by: 'us' | 'peer'
    }
  /** The keys of both directions have changed (RFC 9001 section 6); `phase` is the Key Phase bit. */
  | { readonly type: 'key-updated'; readonly phase: 0 | 1; readonly by: 'us' | 'peer' }
  /** The peer has closed: nothing is sent or delivered any more, `closed` follows when all stragglers must have come. */
  | { readonly type: 'draining'; readonly error: QuicFault | undefined }
  /** The connection is over, and forgotten. Undefined: as the application wanted, on this end or the other, without an error. */
  | { readonly type: 'closed'; readonly error: QuicFault | undefined }
  | QuicObservation

/** What those who watch want to know, told only with the option `observe`. */
export type QuicObservation =
  /** Bytes of a stream came in, in this packet of the application space. */
  | {
      readonly type: 'stream-received'
      readonly stream: number
      readonly offset: number
      readonly length: number
      readonly packet: number
    }
  /** Bytes of a stream could be read, as all before them are there. */
  | { readonly type: 'stream-delivered'; readonly stream: number; readonly offset: number; readonly length: number }
  | {
      readonly type: 'packet-lost'
      readonly space: PacketSpaceName
      readonly number: number
      readonly trigger: 'packet-threshold' | 'time-threshold' | 'probe-timeout' | 'persistent-congestion'
    }
  /** What counted as lost was acknowledged after all: the loss was spurious. */
  | { readonly type: 'loss-disproved'; readonly space: PacketSpaceName; readonly number: number }
  /** For so long nothing came through that the window is as small as can be (RFC 9002 section 7.6). */
  | { readonly type: 'persistent-congestion' }
  /** Something of this has changed. Windows in bytes, times in nanoseconds. */
  | {
      readonly type: 'metrics'
      readonly congestionWindow: number
      readonly bytesInFlight: number
      readonly slowStartThreshold: number
      readonly smoothedRtt: number
      readonly rttVariance: number
      readonly latestRtt: number
      readonly minRtt: number
      readonly ptoCount: number
    }
  | { readonly type: 'congestion-state'; readonly state: string }
  | { readonly type: 'probe-timeout'; readonly space: PacketSpaceName; readonly count: number }
