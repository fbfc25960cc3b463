import type { Nanos } from './time.ts'

/**
 * Everything that one direction of a link does to frames, in plain numbers: what a scenario sets, a knob turns and a fault
 * changes. Setting one leaves the others alone.
 */
export interface LinkSettings {
  /** Bits per second of whole Ethernet frames; 0: infinitely fast. */
  rate: number
  /** One-way propagation delay; at least 1 ns, for a link of no delay cannot be granted time. */
  delay: Nanos
  /** Each frame takes up to this much longer, uniformly drawn; order is kept, as on a real line, unless `reorder` strikes. */
  jitter: Nanos
  /** Egress queue limit in bytes of waiting frames (not counting the frame on the line). */
  queueBytes: number
  /** Egress queue limit in frames. Both limits hold. */
  queueFrames: number
  /** Probability in [0, 1] that a frame vanishes on the way. */
  loss: number
  /** Frames that vanish on the way by their number on this direction, from 1. */
  lossList: readonly number[]
  /** Probability that bits of a frame flip on the way. */
  corrupt: number
  /** Whether a corrupted frame slips past the receiver's frame check sequence. */
  corruptUndetected: boolean
  /** Probability that a frame arrives twice. */
  duplicate: number
  /** Probability that a frame is held back by `reorderBy` on the way, so that later ones overtake it. */
  reorder: number
  /** How long such a frame is held back. */
  reorderBy: Nanos
  /** Whether the cable is whole. */
  up: boolean
}

export const DEFAULT_LINK: LinkSettings = {
  rate: 0,
  delay: 1_000_000,
  jitter: 0,
  queueBytes: Number.MAX_SAFE_INTEGER,
  queueFrames: 1000,
  loss: 0,
  lossList: [],
  corrupt: 0,
  corruptUndetected: false,
  duplicate: 0,
  reorder: 0,
  reorderBy: 10_000_000,
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
] as const
export type Fate = (typeof FATES)[number]
