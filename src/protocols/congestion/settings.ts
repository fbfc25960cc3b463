/** What a transport may choose about its congestion control; TCP's configuration has all of it. */
export interface CongestionSettings {
  /** The way out of the first slow start before the queue overflows: none, HyStart++ (RFC 9406), or the older HyStart of Linux's CUBIC. */
  readonly hystart: 'off' | 'hystart++' | 'hystart'
  /**
   * How CUBIC's estimate of Reno grows: as RFC 9438 section 4.3 has it, as RFC 8312 had it, or by a whole segment a round trip throughout, as
   * in ngtcp2 and quic-go, which is faster where losses are many.
   */
  readonly cubicReno: 'rfc9438' | 'rfc8312' | 'whole-segment'
  /** Reductions round the window down to whole segments, as in Linux. */
  readonly wholeSegments: boolean
  /** Whether what is sent is spread over time. */
  readonly pacing: boolean
  /** Slow-start threshold to begin with, in bytes. */
  readonly initialSsthresh: number
  /** How many segments an acknowledgment may add to the window in slow start. */
  readonly slowStartPerAck: number
  /**
   * NewReno in congestion avoidance counts acknowledged bytes (RFC 5681 section 3.1, recommended), not acknowledgments: a segment for each
   * window of them, or a part of it at once (`'parts'`, RFC 9002 appendix B.5).
   */
  readonly byteCounting: boolean | 'parts'
}
