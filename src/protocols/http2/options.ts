import type { Http2FrameType } from '../../wire/http2-names.ts'
import type { Rate } from '../rate-meter.ts'

/** What an endpoint announces to its peer (RFC 9113 section 6.5.2, RFC 8441 section 3, RFC 9218 section 2.1). */
export interface Http2Settings {
  /** Largest dynamic table, in bytes, that the peer's encoder may use. */
  readonly headerTableSize: number
  /** Whether the peer may push. Only what a client says counts. */
  readonly enablePush: boolean
  /** How many streams the peer may have open at once; Infinity: any number. */
  readonly maxConcurrentStreams: number
  /** Window of a new stream, in bytes; at most 2^31 - 1. */
  readonly initialWindowSize: number
  /** Largest payload of a frame that is taken, in bytes: 2^14 to 2^24 - 1. */
  readonly maxFrameSize: number
  /** Largest field section that is taken, as RFC 9113 section 10.5.1 counts; Infinity: not announced. */
  readonly maxHeaderListSize: number
  /** Whether extended CONNECT is spoken. Only what a server says counts. */
  readonly enableConnectProtocol: boolean
  /** Whether the tree of priorities of RFC 7540 is of no use. */
  readonly noRfc7540Priorities: boolean
}

/** How much of a peer's behaviour is borne before the connection ends with ENHANCE_YOUR_CALM. */
export interface Http2Limits {
  /** RST_STREAM frames, and streams that it made us reset: rapid reset (CVE-2023-44487, CVE-2025-8671). Default 400 and 50. */
  readonly resets: Rate
  /** SETTINGS frames, each of which has to be acknowledged (CVE-2019-9515). Default 100 and 10. */
  readonly settings: Rate
  /** PING frames, likewise (CVE-2019-9512). Default 200 and 20. */
  readonly pings: Rate
  /** DATA frames that carry nothing and end nothing (CVE-2019-9518). Default 200 and 20. */
  readonly emptyFrames: Rate
  /** PRIORITY and PRIORITY_UPDATE frames (CVE-2019-9513). Default 1000 and 100. */
  readonly priorities: Rate
  /** CONTINUATION frames in one field block (CVE-2024-27316 and others). Default 128. */
  readonly continuations: number
  /** Bytes of one field block as it travels, before decompression. Default 2^17. */
  readonly fieldBlock: number
  /** Bytes of answers (acknowledgments, resets) that wait because the peer does not read (CVE-2019-9514). Default 2^15. */
  readonly waitingAnswers: number
  /**
   * How long DATA may wait for the peer's windows without any progress, in nanoseconds (CVE-2019-9511, CVE-2019-9517); 0: for ever.
   * Default one minute.
   */
  readonly stall: number
  /** How long the peer may take to acknowledge our SETTINGS, in nanoseconds (RFC 9113 section 6.5.3); 0: for ever. Default half a minute. */
  readonly settingsTimeout: number
}

/** One frame as it passed. */
export interface FrameNotice {
  readonly direction: 'sent' | 'received'
  /** `'0xNN'` for one that is not known. */
  readonly type: Http2FrameType | `0x${string}`
  readonly flags: number
  /** 0: the connection. */
  readonly stream: number
  /** Of the payload, in bytes. */
  readonly length: number
  /** Where it lies in the stream of bytes of its direction, header included: [from, to), 0 being the first byte of the endpoint's stream. */
  readonly from: number
  readonly to: number
}

/**
 * Which stream's DATA goes first: by urgency, sharing among incremental ones (RFC 9218 section 10); a frame each in turn; or one stream
 * after the other in the order of their numbers.
 */
export type Http2Scheduler = 'priority' | 'fair' | 'in-order'

export interface Http2Options {
  readonly settings?: Partial<Http2Settings>
  /** The connection's receive window, in bytes: 65,535 to 2^31 - 1. Default 15 MiB for a client, as Chromium has it; 1 MiB for a server. */
  readonly connectionWindow?: number
  /**
   * Whether what arrives counts as consumed at once, so that windows never close. False: the owner says so with `consume`.
   * Default true.
   */
  readonly autoConsume?: boolean
  /**
   * Largest payload of an outgoing DATA frame, in bytes, from 1; the peer's SETTINGS_MAX_FRAME_SIZE holds anyway. Default 16,375, which
   * fits into one TLS record with its header.
   */
  readonly frameSize?: number
  /** Default `'priority'`. */
  readonly scheduler?: Http2Scheduler
  readonly limits?: Partial<Http2Limits>
  /** Is told of each frame: sent ones when they are polled, received ones when their last byte is handled, before their effect. */
  readonly onFrame?: (frame: FrameNotice) => void
}
