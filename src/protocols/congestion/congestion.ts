import type { Nanos } from '../endpoint.ts'
import type { DeliveryLedger } from './delivery-rate.ts'

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
  /** Smoothed round-trip time, this acknowledgment's measurement included; -1 before the first. */
  srtt: Nanos = -1

  // Filled for algorithms that are `modelBased` only.

  /** In flight after this acknowledgment, without what is taken for lost. */
  flight = 0
  /** Newly taken for lost. */
  lost = 0
  /** Whether something lost is still being repaired, after fast retransmit or a timeout. */
  repairing = false
}

/**
 * How much may be in flight: the window's growth and its reactions. When a loss has happened, and what is sent again, is decided
 * elsewhere (`LossRecovery`), so that algorithms for either side can be exchanged alone.
 */
export interface CongestionControl {
  /** Name in the configuration. */
  readonly name: string
  /**
   * Whether the window follows a model of the path, learnt by `observed` from every acknowledgment, in recovery too. Then nobody else
   * (proportional rate reduction, say) steers the window during recovery.
   */
  readonly modelBased: boolean
  /** Measures delivery rates for it; undefined: it wants none. */
  readonly ledger: DeliveryLedger | undefined
  /** Congestion window in bytes. */
  readonly cwnd: number
  /** Slow-start threshold in bytes. */
  readonly ssthresh: number
  /** At which rate to send, in bytes a second; 0: none of its own, so that pacing spreads a window over a round-trip time. */
  readonly pacingRate: number
  /** The connection is established. `initialWindow` in segments of `smss` bytes; `srtt` is -1 when the handshake measured nothing. */
  begin(smss: number, initialWindow: number, now: Nanos, srtt: Nanos): void
  /**
   * Segments have another size from now on, for the path takes no more, or takes more than was known. When they have become smaller, the
   * window shrinks with them, so that there is no burst of many small ones (RFC 5681 section 3.1); otherwise it stays as it is.
   */
  resized(smss: number): void
  /** New data was acknowledged, outside of fast recovery (after a timeout too). */
  acknowledged(sample: AckSample): void
  /** If `modelBased`: an acknowledgment came in an open connection, whatever the phase; after all that it told has been carried out. */
  observed(sample: AckSample): void
  /** A loss was detected by acknowledgments; fast recovery begins. `flight` is the FlightSize of RFC 5681. */
  lossDetected(flight: number, now: Nanos): void
  /** The peer echoes a mark of congestion, for the first time in a window; nothing was lost (RFC 3168 section 6.1.2). */
  congestionMarked(flight: number, now: Nanos): void
  /** Fast recovery is over; `flight` is what is in flight now, `sack` whether SACK guided it. */
  recovered(flight: number, sack: boolean, now: Nanos): void
  /** The retransmission timer expired; `repeated`: it had sent the same data again before. */
  timedOut(flight: number, repeated: boolean, now: Nanos): void
  /** The first reduction of an episode is about to come: keeps what `undo` gives back. */
  remember(): void
  /** Nothing was lost after all: takes back what happened since `remember`, as far as the window has not grown beyond it (RFC 4015). */
  undo(now: Nanos): void
  /** Nothing was sent for longer than one RTO (RFC 5681 section 4.1). */
  idled(now: Nanos): void
}
