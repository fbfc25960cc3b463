/*
 * QUIC and HTTP/3 of a server or a client as a scenario resolves them: plain data. Certificates, tickets, early data (0-RTT), groups and cipher
 * suites are those of `tls`.
 */

/** What both ends may be told. Sizes in bytes, times in nanoseconds. */
export interface QuicSettings {
  readonly congestionControl: 'cubic' | 'new-reno'
  /** Whether packets are spread over the round trip instead of sent in bursts. */
  readonly pacing: boolean
  /** Whether packets say that routers may mark them instead of dropping them. */
  readonly ecn: boolean
  /** Whether larger datagrams than 1,200 bytes are tried. */
  readonly pmtud: boolean
  /** What the peer may send at first: on one stream, and on all together. Both grow as they are used. */
  readonly streamWindow: number
  readonly connectionWindow: number
  /** Silence after which a connection is given up; 0: never. */
  readonly idleTimeout: number
  /** How long an acknowledgment may wait. */
  readonly maxAckDelay: number
  /** Round-trip time that is assumed at first. */
  readonly initialRtt: number
  /** Keys are updated after so many packets; 0: only when the peer does. */
  readonly keyUpdateAfter: number
  /** How many connection IDs of the peer's are kept, to move with. */
  readonly activeConnectionIdLimit: number
  readonly spinBit: boolean
  /** Whether unreliable datagrams are taken (RFC 9221, RFC 9297). */
  readonly datagrams: boolean
  /** Dynamic table of QPACK that the peer may fill; 0: none. */
  readonly qpackTableCapacity: number
  /** How many streams may wait for the table's entries; 0: none, so that only what is known to have arrived is referred to. */
  readonly qpackBlockedStreams: number
}

export interface ServerQuicSettings extends QuicSettings {
  /** UDP port; 0: the number of the port for TLS. */
  readonly port: number
  /** When clients have to show by a Retry packet that their address is theirs. */
  readonly retry: 'never' | 'always' | 'under-load'
  /** Handshakes under way above which that is so under load. */
  readonly retryAbove: number
  /** Whether clients get a token that spares them a Retry the next time. */
  readonly newTokens: boolean
  /** Whether clients may move to another address. */
  readonly migration: boolean
}

export interface ClientQuicSettings extends QuicSettings {
  /** Whether the client goes on from another address of its own when the one that it used is gone. */
  readonly migration: boolean
}

const USUAL: QuicSettings = {
  congestionControl: 'cubic',
  pacing: true,
  ecn: true,
  pmtud: true,
  streamWindow: 262_144,
  connectionWindow: 1_048_576,
  idleTimeout: 30e9,
  maxAckDelay: 25e6,
  initialRtt: 333e6,
  keyUpdateAfter: 0,
  activeConnectionIdLimit: 4,
  spinBit: false,
  datagrams: false,
  qpackTableCapacity: 4096,
  qpackBlockedStreams: 0,
}

/** What holds where nothing is said. */
export const USUAL_SERVER_QUIC: ServerQuicSettings = {
  ...USUAL,
  port: 0,
  retry: 'under-load',
  retryAbove: 100,
  newTokens: true,
  migration: true,
}

/** What holds where nothing is said: a browser's windows are larger than a server's. */
export const USUAL_CLIENT_QUIC: ClientQuicSettings = {
  ...USUAL,
  streamWindow: 6_291_456,
  connectionWindow: 15_728_640,
  migration: true,
}
