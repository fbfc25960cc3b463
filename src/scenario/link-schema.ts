import * as v from 'valibot'
import { DEFAULT_LINK } from '../kernel/link.ts'
import { countField, flagField, listOf, rateField, shareField, sizeField, strict, timeField } from './field-schema.ts'
import { hostName, linkName } from './name-schema.ts'
import { readUnit, unitPattern, writeUnit } from './units.ts'
import type { Field } from './field-schema.ts'
import type { SizeText } from './units.ts'
import type { LinkSettings } from '../kernel/link.ts'

const DAY = 86_400e9
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

/** What one direction of a link does to frames, as authors write it. All optional, so that one can be changed alone. */
export const settingEntries = {
  rate: v.exactOptional(rateField('Bits per second of whole Ethernet frames. Usually "unlimited".')),
  delay: v.exactOptional(timeField('One-way propagation delay: half a round trip. Usually "1 ms".', { min: 1, max: DAY })),
  jitter: v.exactOptional(timeField('Each frame takes up to this much longer; order is kept.', { max: DAY })),
  queue: v.exactOptional(queueField),
  loss: v.exactOptional(shareField('How many frames vanish on the way, at random.')),
  lossList: v.exactOptional(
    listOf('frame numbers', countField('Number of a frame on this direction, from 1.', { min: 1, max: UNLIMITED }), {
      max: 10_000,
      description: 'Frames that vanish on the way, by their number on each direction, from 1.',
    }),
  ),
  corrupt: v.exactOptional(shareField('In how many frames bits flip on the way.')),
  corruptUndetected: v.exactOptional(flagField('Let a corrupted frame slip past the frame check sequence of the receiver.')),
  duplicate: v.exactOptional(shareField('How many frames arrive twice.')),
  reorder: v.exactOptional(shareField('How many frames are held back on the way, so that later ones overtake them.')),
  reorderBy: v.exactOptional(timeField('How long such a frame is held back. Usually "10 ms".', { max: DAY })),
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

/** Settings of both directions with every default filled in: [0] forward, [1] backward. */
export function resolveSettings(link: ParsedLink): [LinkSettings, LinkSettings] {
  const { between: _between, name: _name, mtu: _mtu, forward, backward, ...both } = link
  const base = { ...DEFAULT_LINK, ...plainSettings(both) }
  return [
    { ...base, ...plainSettings(forward ?? {}) },
    { ...base, ...plainSettings(backward ?? {}) },
  ]
}
