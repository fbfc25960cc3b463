import type { Http3FrameType } from '../../wire/http3-names.ts'
import type { Nanos } from '../endpoint.ts'
import type { Rate } from '../rate-meter.ts'

/** What an endpoint announces to its peer (RFC 9114 section 7.2.4.1, RFC 9204 section 5, RFC 9220 section 3, RFC 9297 section 2.1.1). */
export interface Http3Settings {
  /** Largest dynamic table, in bytes, that the peer's QPACK encoder may use; 0: none. */
  readonly qpackMaxTableCapacity: number
  /** How many streams may be made to wait for the table; 0: none, so that only what is known to have arrived is referred to. */
  readonly qpackBlockedStreams: number
  /** Largest field section that is taken, as RFC 9114 section 4.2.2 counts; Infinity: not announced. */
  readonly maxFieldSectionSize: number
  /** Whether extended CONNECT is spoken. Only what a server says counts. */
  readonly enableConnectProtocol: boolean
  /** Whether HTTP datagrams are taken. */
  readonly datagrams: boolean
}

/** How much of a peer's behaviour is borne before the connection ends with H3_EXCESSIVE_LOAD (RFC 9114 section 10.5). */
export interface Http3Limits {
  /** Requests that were given up, and streams that it made us reset: rapid reset. Default 400 and 50. */
  readonly resets: Rate
  /** Frames that carry nothing: empty DATA, and frames of unknown types. Default 400 and 50. */
  readonly emptyFrames: Rate
  /** PRIORITY_UPDATE, MAX_PUSH_ID, CANCEL_PUSH and GOAWAY frames. Default 1000 and 100. */
  readonly controlFrames: Rate
  /** Bytes of one field section as it travels, before decompression. Default 2^17. */
  readonly fieldSection: number
  /** Unidirectional streams of unknown types. Default 200 and 10. */
  readonly unknownStreams: Rate
  /** Bytes of QPACK instructions that may wait because the peer does not read. Default 2^16. */
  readonly waitingInstructions: number
}

/** One frame as it passed. */
export interface Http3FrameNotice {
  readonly direction: 'sent' | 'received'
  /** `'0xNN'` for one that is not known. */
  readonly type: Http3FrameType | `0x${string}`
  readonly stream: number
  /** Of the payload, in bytes. */
  readonly length: number
  /** Where it lies in its direction of its stream, header included: [from, to). */
  readonly from: number
  readonly to: number
}

export interface Http3Options {
  readonly settings?: Partial<Http3Settings>
  /** Largest dynamic table that our own QPACK encoder uses, in bytes, whatever more the peer grants; 0: none. Default 4096. */
  readonly qpackTableCapacity?: number
  /**
   * How many streams our own QPACK encoder puts at risk of waiting for its table, whatever more the peer grants; 0: none, it refers only to
   * what the peer has acknowledged. Default 0.
   */
  readonly qpackBlockedStreams?: number
  /** Largest payload of an outgoing DATA frame, in bytes, from 1. Default 16,384. */
  readonly frameSize?: number
  /**
   * Whether what arrives counts as consumed at once, so that windows never close. False: the owner says so with `consume`.
   * Default true.
   */
  readonly autoConsume?: boolean
  readonly limits?: Partial<Http3Limits>
  /** Between the two GOAWAY frames of a server's graceful end, in nanoseconds: at least a round trip. Default one second. */
  readonly goodbyeDelay?: Nanos
  /** The server's settings of an earlier connection, which hold for 0-RTT requests (RFC 9114 section 7.2.4.2). Clients only. */
  readonly rememberedSettings?: Http3Settings
  /** Is told of each frame: sent ones when their first byte goes out or is enqueued, received ones before their effect. */
  readonly onFrame?: (frame: Http3FrameNotice) => void
}
