import type { Nanos } from '../endpoint.ts'

/**
 * What one acknowledgment said, for congestion control. One object, filled anew for each: it must not be kept. All lengths are
 * bytes, positions count from the initial sequence number.
 */
export class AckSample {
  now: Nanos = 0
  /** Newly acknowledged, cumulatively. */
  acked = 0
  /** Newly acknowledged selectively. */
  sacked = 0
  /** Round-trip time that this acknowledgment measured; -1: none. */
  rtt: Nanos = -1
  /** In flight before this acknowledgment. */
  priorFlight = 0
  /** Whether the window, rather than the application or the receiver, held the sender back. */
  cwndLimited = false
  /** SND.UNA after this acknowledgment. */
  sndUna = 0
  sndNxt = 0
}

/**
 * How much may be in flight: the window's growth and its reactions. When a loss has happened, and what is sent again, is decided
 * elsewhere (`LossRecovery`), so that algorithms for either side can be exchanged alone.
 */
export interface CongestionControl {
  /** Name in the configuration. */
  readonly name: string
  /** Congestion window in bytes. */
  readonly cwnd: number
  /** Slow-start threshold in bytes. */
  readonly ssthresh: number
  /** The connection is established. `initialWindow` in segments of `smss` bytes. */
  begin(smss: number, initialWindow: number): void
  /** New data was acknowledged, outside of fast recovery (after a timeout too). */
  acknowledged(sample: AckSample): void
  /** A loss was detected by acknowledgments; fast recovery begins. `flight` is the FlightSize of RFC 5681. */
  lossDetected(flight: number, now: Nanos): void
  /** Fast recovery is over; `flight` is what is in flight now, `sack` whether SACK guided it. */
  recovered(flight: number, sack: boolean, now: Nanos): void
  /** The retransmission timer expired; `repeated`: it had sent the same data again before. */
  timedOut(flight: number, repeated: boolean, now: Nanos): void
  /** Nothing was sent for longer than one RTO (RFC 5681 section 4.1). */
  idled(now: Nanos): void
}
