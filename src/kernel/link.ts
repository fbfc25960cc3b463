import type { Nanos } from './time.ts'

/** How the extra delay of jitter is spread; its mean is half the jitter in each shape. */
export type JitterShape =
  /** Evenly over [0, jitter]. */
  | 'uniform'
  /** A bell over [0, jitter] with a standard deviation of a sixth of it, cut off at both ends. */
  | 'normal'
  /** Pareto (the kind that begins at 0, of shape 3): mostly little, sometimes much more than the jitter, at most a hundred times. */
  | 'pareto'

/** What decides on frames that wait for the line. */
export type Discipline = 'drop-tail' | 'red' | 'codel' | 'fq-codel'

/** Which frames are lost by `loss`, bursts and `lossList`. */
export type LossTarget =
  | 'all'
  /** Those with a payload of the transport. */
  | 'data'
  /** Segments that only acknowledge. */
  | 'acks'
  /** UDP, as by a firewall that lets nothing else but TCP through. */
  | 'udp'

/** A time span in which a link is down. */
export interface Flap {
  /** Simulated time. */
  readonly at: Nanos
  readonly for: Nanos
}

/**
 * Everything that one direction of a link does to frames, in plain values: what a scenario sets, a knob turns and a fault
 * changes. Setting one leaves the others alone.
 */
export interface LinkSettings {
  /** Bits per second of whole Ethernet frames; 0: infinitely fast. */
  rate: number
  /** Bytes that each frame costs on the line beside its own: 24 for what Ethernet puts around a frame (IEEE 802.3 section 3.1). */
  overhead: number
  /** Depth of a token bucket in bytes, filled at `rate`: as much leaves at `peakRate` at once. 0: no bucket, `rate` always holds. */
  bucket: number
  /** Bits per second of what leaves out of the bucket; 0: infinitely fast. */
  peakRate: number
  /** One-way propagation delay; at least 1 ns, for a link of no delay cannot be granted time. */
  delay: Nanos
  /** Each frame takes longer by a time drawn around half of this; order is kept, as on a real line, unless `reorder` strikes. */
  jitter: Nanos
  jitterShape: JitterShape
  /** Probability that a frame's extra delay is that of the frame before; so the correlation of neighbours, at unchanged shape. */
  jitterCorrelation: number
  /** What decides on waiting frames. */
  discipline: Discipline
  /** Egress queue limit in bytes of waiting frames (not counting the frame on the line). */
  queueBytes: number
  /** Egress queue limit in frames. Both limits hold. */
  queueFrames: number
  /** Whether the discipline marks packets of ECN-capable transports instead of dropping them (RFC 3168). Drop-tail never does. */
  ecn: boolean
  /** RED: below this average queue, in frames, nothing is dropped. */
  redMin: number
  /** RED: above this average queue, in frames, everything is dropped (from twice of it on, when gentle). */
  redMax: number
  /** RED: probability of dropping just below `redMax`, before it is evened out over the frames since the last one dropped. */
  redProbability: number
  /** RED: weight of one arrival in the moving average, in (0, 1]. */
  redWeight: number
  /** RED: beyond `redMax` the probability goes on up to 1 at twice of it, instead of jumping there. */
  redGentle: boolean
  /** CoDel: how long frames may stand in the queue when it is at its shortest. */
  codelTarget: Nanos
  /** CoDel: the time in which the queue must have been shorter than the target at least once. */
  codelInterval: Nanos
  /** FQ-CoDel: how many queues flows are hashed to. */
  fqFlows: number
  /** FQ-CoDel: bytes that one flow may send before it is another's turn. */
  fqQuantum: number
  /** Probability in [0, 1] that a frame vanishes on the way. */
  loss: number
  /** Mean number of frames that `loss` takes in a row, at the same share in all; 0: each frame for itself. */
  lossBurst: number
  /** Gilbert and Elliott: probability to enter a burst before a frame, called p; 0: there are no bursts. */
  burstEnter: number
  /** Gilbert and Elliott: probability that a burst ends before a frame, called r. */
  burstLeave: number
  /** Gilbert and Elliott: share of frames lost within a burst, 1 - h. */
  burstLoss: number
  /** Gilbert and Elliott: share of frames lost outside of bursts, 1 - k. */
  gapLoss: number
  /** Frames that vanish on the way by their number on this direction, from 1; of those that `lossOf` says, unless it says all. */
  lossList: readonly number[]
  /** Frames dropped by hand on the way, by their number on this direction, from 1, whatever `lossOf` says. No scenario sets it. */
  dropList: readonly number[]
  lossOf: LossTarget
  /** Probability that bits of a frame flip on the way. */
  corrupt: number
  /** Frames whose bits flip by hand, by their number on this direction, from 1. No scenario sets it. */
  corruptList: readonly number[]
  /** Whether a corrupted frame slips past the receiver's frame check sequence. */
  corruptUndetected: boolean
  /** Probability that a frame arrives twice. */
  duplicate: number
  /** Probability that a frame is held back by `reorderBy` on the way, so that later ones overtake it. */
  reorder: number
  /** Probability that a frame meets with the same decision of `reorder` as the frame before. */
  reorderCorrelation: number
  /** Every n-th frame is held back for certain; 0: none. */
  reorderEvery: number
  /** How long such a frame is held back. */
  reorderBy: Nanos
  /**
   * Frames that carry more bytes than this behind their Ethernet header vanish without a word, as in a tunnel that nobody told about;
   * 0: none do. Hosts and routers know nothing of it: what they believe is the scenario's `mtu`.
   */
  blackHoleMtu: number
  /** When the cable is down; carried out like a cut and a heal by hand, by who directs the run. */
  flaps: readonly Flap[]
  /** The cable goes down each time that so much has passed, from the beginning of the run on; 0: never. */
  flapEvery: Nanos
  /** How long it is down then. */
  flapFor: Nanos
  /** Whether the cable is whole. */
  up: boolean
}

export const DEFAULT_LINK: LinkSettings = {
  rate: 0,
  overhead: 0,
  bucket: 0,
  peakRate: 0,
  delay: 1_000_000,
  jitter: 0,
  jitterShape: 'uniform',
  jitterCorrelation: 0,
  discipline: 'drop-tail',
  queueBytes: Number.MAX_SAFE_INTEGER,
  queueFrames: 1000,
  ecn: false,
  redMin: 5,
  redMax: 15,
  redProbability: 0.1,
  redWeight: 0.002,
  redGentle: true,
  codelTarget: 5_000_000,
  codelInterval: 100_000_000,
  fqFlows: 1024,
  fqQuantum: 1514,
  loss: 0,
  lossBurst: 0,
  burstEnter: 0,
  burstLeave: 0.25,
  burstLoss: 1,
  gapLoss: 0,
  lossList: [],
  dropList: [],
  lossOf: 'all',
  corrupt: 0,
  corruptList: [],
  corruptUndetected: false,
  duplicate: 0,
  reorder: 0,
  reorderCorrelation: 0,
  reorderEvery: 0,
  reorderBy: 10_000_000,
  blackHoleMtu: 0,
  flaps: [],
  flapEvery: 0,
  flapFor: 1_000_000_000,
  up: true,
}

/** What became of a frame. The order is part of the trace's binary form: append only. */
export const FATES = [
  /** Waiting in the sender's egress queue. */
  'queued',
  /** On the way. */
  'in-flight',
  /** Arrived whole and handed to the host. */
  'arrived',
  /** Refused by a full egress queue. */
  'queue-full',
  /** Taken by random loss. */
  'random-loss',
  /** Taken by the list of numbers to lose. */
  'listed-loss',
  /** Dropped by hand. */
  'dropped-by-hand',
  /** Arrived, but its frame check sequence was wrong, for bits flipped on the way. */
  'bad-fcs',
  /** The link was cut, or was already down. */
  'link-down',
  /** The receiving host is not running. */
  'host-down',
  /** A paused host's receive ring was full. */
  'ring-full',
  /** Taken by a burst of losses. */
  'burst-loss',
  /** Larger than the link lets through, which nobody was told. */
  'too-big',
  /** Refused by random early detection. */
  'red-drop',
  /** Taken out of the queue by CoDel, for it and those before it had waited too long. */
  'codel-drop',
  /** Taken out of a full queue as part of its largest flow, to make room. */
  'pushed-out',
] as const
export type Fate = (typeof FATES)[number]
