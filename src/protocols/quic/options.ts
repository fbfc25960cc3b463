import type { PreferredAddress } from '../../wire/quic/transport-parameters.ts'
import type { Nanos } from '../endpoint.ts'
import type { TlsClientOptions, TlsServerOptions } from '../tls/options.ts'
import type { SocketAddress } from './datagram.ts'
import type { QuicSession } from './session.ts'

/** What either end may set. */
export interface QuicOptions {
  /**
   * Versions that are spoken, the preferred one first, version 1 among them. Of others a client may name one first that nobody speaks
   * (0x?a?a?a?a, RFC 9000 section 15), which makes the server list its own; a server lists them all. Default: [1].
   */
  readonly versions?: readonly number[]
  /** Length of the connection IDs that the peer has to use, in bytes: 0 (client only) or 4 to 20. Default: 8. */
  readonly connectionIdLength?: number
  /** How many connection IDs of the peer's we keep (RFC 9000 section 5.1.1), from 2. Default: 4. */
  readonly activeConnectionIdLimit?: number
  /** Silence after which the connection is given up, in nanoseconds; 0: never. Default: 30 s. The peer may want less. */
  readonly idleTimeout?: Nanos
  /** What the peer may send on all streams together at first, in bytes. Default: 1 MiB. */
  readonly connectionWindow?: number
  /** What the peer may send on one stream at first, in bytes. Default: 256 KiB. */
  readonly streamWindow?: number
  /**
   * As far as windows grow by themselves while the peer uses them up within two round trips, in bytes. Default: 24 MiB and 16 MiB; not
   * less than the initial ones.
   */
  readonly maxConnectionWindow?: number
  readonly maxStreamWindow?: number
  /** How many streams of each kind the peer may have open at once. Default: 100. */
  readonly maxBidirectionalStreams?: number
  readonly maxUnidirectionalStreams?: number
  /** Whether what is delivered counts as consumed at once. False: the owner says so with `consume`. Default: false. */
  readonly autoConsume?: boolean
  /** Whether DATAGRAM frames are taken (RFC 9221). Default: false. */
  readonly datagrams?: boolean
  /** How long an acknowledgment may wait, in nanoseconds (max_ack_delay): below 2^14 ms. Default: 25 ms. */
  readonly maxAckDelay?: Nanos
  /** Default: `'cubic'`. */
  readonly congestionControl?: 'cubic' | 'new-reno'
  /** Whether packets are spread over the round trip (RFC 9002 section 7.7). Default: true. */
  readonly pacing?: boolean
  /** Whether packets are sent as ECT(0) while the path lets it through (RFC 9000 section 13.4). Default: true. */
  readonly ecn?: boolean
  /** Whether larger datagrams than 1,200 bytes are tried (RFC 9000 section 14.3). Default: true. */
  readonly pmtud?: boolean
  /** The largest datagram that is sent, in bytes of UDP payload, from 1200. Default: 1452, what fits into 1,500 bytes with IPv6. */
  readonly maxUdpPayload?: number
  /** Round-trip time that is assumed at first, in nanoseconds. Default: 333 ms. */
  readonly initialRtt?: Nanos
  /** Keys are updated after so many packets were sent under them, and long before the cipher's limit (RFC 9001 section 6). */
  readonly keyUpdateAfter?: number
  /** Whether the spin bit shows the round-trip time to who is on the way (RFC 9000 section 17.4). Default: false. */
  readonly spinBit?: boolean
  /** Whether observations are told beside the other events. Default: false. */
  readonly observe?: boolean
}

export interface QuicClientOptions extends QuicOptions {
  /** As for TLS over TCP, and the source of all random bytes; what has no meaning in QUIC counts for nothing. */
  readonly tls: Omit<TlsClientOptions, 'session' | 'earlyData' | 'versions'>
  readonly local: SocketAddress
  readonly remote: SocketAddress
  /** To resume. */
  readonly session?: QuicSession
  /** Whether 0-RTT data are sent, if `session` allows it. Default: true. */
  readonly earlyData?: boolean
  /** Whether it goes on to the address that the server prefers, if that is one of the same family and can be reached. Default: false. */
  readonly followsPreferredAddress?: boolean
  /** From an earlier connection to the same server (NEW_TOKEN). */
  readonly token?: Uint8Array
}

export interface QuicServerOptions extends QuicOptions {
  /** As for TLS over TCP, and the source of all random bytes; what has no meaning in QUIC counts for nothing. */
  readonly tls: Omit<TlsServerOptions, 'versions' | 'maxEarlyData'>
  /** Whether 0-RTT data are taken, which takes `tls.tickets`. Default: true. */
  readonly earlyData?: boolean
  /**
   * When a client has to show by a Retry that its address is its own (RFC 9000 section 8.1.2). `'under-load'`: while more than
   * `retryAbove` handshakes are under way. Default: `'under-load'`.
   */
  readonly retry?: 'never' | 'always' | 'under-load'
  /** Default: 100. */
  readonly retryAbove?: number
  /** Whether clients get a token for their next connection (NEW_TOKEN). Default: true. */
  readonly newTokens?: boolean
  /** Connections at once; further ones are refused (CONNECTION_REFUSED). Default: 20000. */
  readonly maxConnections?: number
  /**
   * 32 bytes, known to nobody else, of which tokens are made: those that show that an address is a client's own, and those of stateless resets.
   * A server that begins anew with the same can tell clients of connections that it has forgotten. Default: random.
   */
  readonly secret?: Uint8Array
  /** Where clients should go on once they are connected (RFC 9000 section 9.6): addresses whose datagrams come here, too. Default: none. */
  readonly preferredAddress?: Partial<Pick<PreferredAddress, 'ipv4' | 'ipv6'>>
  /** Whether clients are asked not to move (disable_active_migration). Default: false. */
  readonly disableMigration?: boolean
}
