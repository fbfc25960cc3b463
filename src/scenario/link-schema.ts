import * as v from 'valibot'
import { DEFAULT_LINK } from '../kernel/link.ts'
import {
  choiceField,
  countField,
  flagField,
  listOf,
  numberField,
  rateField,
  shareField,
  sizeField,
  strict,
  timeField,
} from './field-schema.ts'
import { hostName, linkName } from './name-schema.ts'
import { readUnit, unitPattern, writeUnit } from './units.ts'
import type { Field } from './field-schema.ts'
import type { SizeText, Unit } from './units.ts'
import type { LinkSettings } from '../kernel/link.ts'

const DAY = 86_400e9
const RED_BOUNDS = { min: 0, max: 1_000_000 }
export const UNLIMITED = Number.MAX_SAFE_INTEGER

/** Both limits of an egress queue. */
export interface QueueLimits {
  readonly queueBytes: number
  readonly queueFrames: number
}

/** A queue limit as authors write it: in bytes or in packets. */
export type QueueText = SizeText | `${number} packets` | 'unlimited'

const PACKETS = /^([0-9]{1,15}) packets?$/
const QUEUE_ALLOWED = 'a queue limit such as "64 KiB" or "100 packets", or "unlimited"'

/** Both limits of `'64 KiB'`, `'100 packets'` or `'unlimited'`; undefined for anything else. */
export function readQueue(text: string): QueueLimits | undefined {
  if (text === 'unlimited') return { queueBytes: UNLIMITED, queueFrames: UNLIMITED }
  const packets = PACKETS.exec(text)?.[1]
  if (packets !== undefined) return { queueBytes: UNLIMITED, queueFrames: Number(packets) }
  const bytes = readUnit('bytes', text)
  return typeof bytes === 'number' ? { queueBytes: bytes, queueFrames: UNLIMITED } : undefined
}

/** The inverse of `readQueue`; undefined when both limits are finite. */
export function writeQueue(limits: QueueLimits): string | undefined {
  if (limits.queueBytes === UNLIMITED) {
    return limits.queueFrames === UNLIMITED
      ? 'unlimited'
      : `${String(limits.queueFrames)} packet${limits.queueFrames === 1 ? '' : 's'}`
  }
  return limits.queueFrames === UNLIMITED ? writeUnit('bytes', limits.queueBytes) : undefined
}

const queueField = v.pipe(
  v.string(QUEUE_ALLOWED),
  v.regex(new RegExp(`^unlimited$|^[0-9]{1,15} packets?$|${unitPattern('bytes')}`), QUEUE_ALLOWED),
  v.description(
    'How much may wait to be sent; what finds the queue full is lost. In bytes or in packets. Usually "1000 packets".',
  ),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const limits = readQueue(dataset.value)
    if (limits !== undefined) return limits
    addIssue({ message: QUEUE_ALLOWED })
    return NEVER
  }),
) as Field<string, QueueLimits> as Field<QueueText, QueueLimits>

/** What a setting counts, for those that are numbers. */
export const SETTING_UNITS: Readonly<Record<keyof LinkSettings, Unit | undefined>> = {
  rate: 'rate',
  overhead: 'bytes',
  bucket: 'bytes',
  peakRate: 'rate',
  delay: 'time',
  jitter: 'time',
  jitterShape: undefined,
  jitterCorrelation: 'fraction',
  discipline: undefined,
  queueBytes: 'bytes',
  queueFrames: 'count',
  ecn: undefined,
  redMin: 'count',
  redMax: 'count',
  redProbability: 'fraction',
  redWeight: 'count',
  redGentle: undefined,
  codelTarget: 'time',
  codelInterval: 'time',
  fqFlows: 'count',
  fqQuantum: 'bytes',
  loss: 'fraction',
  lossBurst: 'count',
  burstEnter: 'fraction',
  burstLeave: 'fraction',
  burstLoss: 'fraction',
  gapLoss: 'fraction',
  lossList: undefined,
  dropList: undefined,
  lossOf: undefined,
  corrupt: 'fraction',
  corruptList: undefined,
  corruptUndetected: undefined,
  duplicate: 'fraction',
  reorder: 'fraction',
  reorderCorrelation: 'fraction',
  reorderEvery: 'count',
  reorderBy: 'time',
  blackHoleMtu: 'bytes',
  flaps: undefined,
  flapEvery: 'time',
  flapFor: 'time',
  up: undefined,
}

/** Settings that are counts and need not be whole. */
export const UNEVEN_COUNTS: ReadonlySet<keyof LinkSettings> = new Set(['redMin', 'redMax', 'redWeight', 'lossBurst'] as const)

/** Least values of settings, in base units, where it is not 0. */
export const LEAST_VALUES: Readonly<Partial<Record<keyof LinkSettings, number>>> = {
  delay: 1,
  redWeight: 1e-6,
  codelTarget: 1,
  codelInterval: 1,
  fqFlows: 1,
  fqQuantum: 64,
}

/** Most that FQ-CoDel hashes to: RFC 8290 section 5.2.2 has 65,536 as the limit. */
const MOST_FLOWS = 65_536

const flap = strict('a time in which the cable is down', {
  at: timeField('Simulated time at which it goes down.', { max: DAY }),
  for: timeField('How long it is down.', { min: 1, max: DAY }),
})

/** Shortest period of flaps: each one stops the whole run for a moment. */
const SHORTEST_FLAP = 1e6
const FLAP_ALLOWED = 'a time of at least "1 ms", or "0 s" for never'

/** What one direction of a link does to frames, as authors write it. All optional, so that one can be changed alone. */
export const settingEntries = {
  rate: v.exactOptional(rateField('Bits per second of whole Ethernet frames. Usually "unlimited".')),
  overhead: v.exactOptional(
    sizeField('Bytes that each frame costs beside its own; 24 B is what Ethernet puts around a frame.', { max: 1000 }),
  ),
  bucket: v.exactOptional(
    sizeField('Token bucket: as much may leave at the peak rate at once, then the rate holds. "0 B": none.', { max: UNLIMITED }),
  ),
  peakRate: v.exactOptional(rateField('How fast leaves what the token bucket lets through. Usually "unlimited".')),
  delay: v.exactOptional(timeField('One-way propagation delay: half a round trip. Usually "1 ms".', { min: 1, max: DAY })),
  jitter: v.exactOptional(
    timeField('Each frame takes up to this much longer, half of it in the mean; order is kept.', { max: DAY }),
  ),
  jitterShape: v.exactOptional(
    choiceField('How jitter is spread: evenly, as a bell, or mostly little and sometimes very much. Usually "uniform".', [
      'uniform',
      'normal',
      'pareto',
    ]),
  ),
  jitterCorrelation: v.exactOptional(shareField('How often a frame takes as much longer as the one before.')),
  discipline: v.exactOptional(
    choiceField(
      'What decides on frames that wait: drop-tail, random early detection, CoDel (RFC 8289) or FQ-CoDel (RFC 8290). Usually "drop-tail".',
      ['drop-tail', 'red', 'codel', 'fq-codel'],
    ),
  ),
  queue: v.exactOptional(queueField),
  ecn: v.exactOptional(
    flagField('Let the discipline mark packets of ECN-capable transports where it would drop them (RFC 3168).'),
  ),
  redMin: v.exactOptional(numberField('RED: average queue, in packets, below which nothing is dropped. Usually 5.', RED_BOUNDS)),
  redMax: v.exactOptional(numberField('RED: average queue, in packets, above which much is dropped. Usually 15.', RED_BOUNDS)),
  redProbability: v.exactOptional(
    shareField('RED: probability of dropping where the average reaches the maximum. Usually "10 %".'),
  ),
  redWeight: v.exactOptional(
    numberField('RED: weight of one arrival in the moving average. Usually 0.002.', { min: 1e-6, max: 1 }),
  ),
  redGentle: v.exactOptional(flagField('RED: beyond the maximum, raise the probability slowly. Usually true.')),
  codelTarget: v.exactOptional(timeField('CoDel: how long packets may always wait. Usually "5 ms".', { min: 1, max: DAY })),
  codelInterval: v.exactOptional(
    timeField('CoDel: the time in which the wait must have been below the target. Usually "100 ms".', { min: 1, max: DAY }),
  ),
  fqFlows: v.exactOptional(countField('FQ-CoDel: how many queues. Usually 1024.', { min: 1, max: MOST_FLOWS })),
  fqQuantum: v.exactOptional(
    sizeField('FQ-CoDel: bytes that a flow may send before another has its turn. Usually "1514 B".', { min: 64, max: 1_000_000 }),
  ),
  loss: v.exactOptional(shareField('How many frames vanish on the way, at random.')),
  lossBurst: v.exactOptional(
    numberField('How many frames in a row the loss takes in the mean, at the same share in all; 0: each for itself.', {
      min: 0,
      max: 10_000,
    }),
  ),
  burstEnter: v.exactOptional(shareField('Gilbert-Elliott: probability to enter a burst before a frame (p).')),
  burstLeave: v.exactOptional(shareField('Gilbert-Elliott: probability that a burst ends before a frame (r). Usually "25 %".')),
  burstLoss: v.exactOptional(shareField('Gilbert-Elliott: how many frames vanish within a burst (1 - h). Usually "100 %".')),
  gapLoss: v.exactOptional(shareField('Gilbert-Elliott: how many frames vanish outside of bursts (1 - k).')),
  lossList: v.exactOptional(
    listOf('frame numbers', countField('Number of a frame on this direction, from 1.', { min: 1, max: UNLIMITED }), {
      max: 10_000,
      description: 'Frames that vanish on the way, by their number on each direction, from 1.',
    }),
  ),
  lossOf: v.exactOptional(
    choiceField(
      'Which frames are lost (and counted by the list): all, those with data for an application, pure acknowledgments of TCP, or UDP.',
      ['all', 'data', 'acks', 'udp'],
    ),
  ),
  corrupt: v.exactOptional(shareField('In how many frames bits flip on the way.')),
  corruptUndetected: v.exactOptional(flagField('Let a corrupted frame slip past the frame check sequence of the receiver.')),
  duplicate: v.exactOptional(shareField('How many frames arrive twice.')),
  reorder: v.exactOptional(shareField('How many frames are held back on the way, so that later ones overtake them.')),
  reorderCorrelation: v.exactOptional(shareField('How often a frame is held back, or not, as the one before was.')),
  reorderEvery: v.exactOptional(countField('Every n-th frame is held back for certain; 0: none.', { min: 0, max: 1_000_000 })),
  reorderBy: v.exactOptional(timeField('How long such a frame is held back. Usually "10 ms".', { max: DAY })),
  blackHoleMtu: v.exactOptional(
    sizeField('IP packets above this vanish without a word, though hosts and routers believe in the mtu. "0 B": none do.', {
      max: 65535,
    }),
  ),
  flaps: v.exactOptional(
    listOf('times {at, for}', flap, { max: 10_000, description: 'When the cable goes down, and for how long.' }),
  ),
  flapEvery: v.exactOptional(
    v.pipe(
      timeField('The cable goes down each time that so much has passed. "0 s": never.', { max: DAY }),
      v.check((every) => every === 0 || every >= SHORTEST_FLAP, FLAP_ALLOWED),
    ),
  ),
  flapFor: v.exactOptional(timeField('How long it is down then. Usually "1 s".', { min: 1, max: DAY })),
  up: v.exactOptional(flagField('Whether the cable is whole. Usually true.')),
}

export const linkSettings = strict("a direction's settings", settingEntries)

type ReadSettings = v.InferOutput<typeof linkSettings>

const ENDS = 'the names of the two hosts that it joins, such as ["alice", "bob"]'

export const linkSchema = strict('a link', {
  between: v.pipe(v.strictTuple([hostName, hostName], ENDS), v.description('The two hosts that it joins.')),
  name: v.exactOptional(linkName),
  mtu: v.optional(sizeField('Largest IP packet that fits. Usually "1500 B".', { min: 68, max: 65535 }), '1500 B'),
  ...settingEntries,
  forward: v.exactOptional(linkSettings),
  backward: v.exactOptional(linkSettings),
})
export type ParsedLink = v.InferOutput<typeof linkSchema>

/** Settings of one direction in plain numbers; only what was given. */
export function plainSettings(given: ReadSettings): Partial<LinkSettings> {
  const { queue, ...rest } = given
  return { ...rest, ...queue }
}

/**
 * Settings of both directions with every default filled in: [0] forward, [1] backward.
 * @param usual what holds where the author has said nothing
 */
export function resolveSettings(link: ParsedLink, usual: LinkSettings = DEFAULT_LINK): [LinkSettings, LinkSettings] {
  const { between: _between, name: _name, mtu: _mtu, forward, backward, ...both } = link
  const base = { ...usual, ...plainSettings(both) }
  return [
    { ...base, ...plainSettings(forward ?? {}) },
    { ...base, ...plainSettings(backward ?? {}) },
  ]
}
