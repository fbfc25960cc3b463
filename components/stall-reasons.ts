import { NEVER, type FrameRecord, type Nanos, type TraceView } from '../src/trace/record.ts'
import type { Carriers } from '../src/trace/stalls-carriers.ts'
import type { MissingRange } from '../src/trace/stalls-episode.ts'
import { formatDuration, formatQuantity } from './format.ts'
import { lossWords } from './wording.ts'

/** What was missing ahead of bytes that had come: a sentence in three parts, and the packets that it is about. */
export interface StallReason {
  /** `'Waited 33 ms for bytes 27,512–28,959 of the connection: '` */
  readonly what: string
  /** Packets that had carried the missing bytes, and why they did not bring them; empty when they were only overtaken. */
  readonly lost: readonly { readonly frame: FrameRecord; readonly why: string }[]
  /** What is said where no packet is known to be lost. */
  readonly otherwise: string
  /** `'; they belonged to stream 5 (/style.css).'` */
  readonly whose: string
  /** The one that brought them at last. */
  readonly brought: FrameRecord | undefined
}

/** A wait that is to be explained. */
export interface Wait {
  readonly from: Nanos
  /** `NEVER` while it lasts. */
  readonly to: Nanos
  readonly missing: readonly MissingRange[]
}

const OVERTAKEN = 'later packets had overtaken them'

/** Why a packet that arrived brought nothing. */
const SPOILED = 'bits had flipped on the way, so its checksum was wrong'

/** A reason in one sentence. */
export function reasonWords({ what, lost, otherwise, whose }: StallReason): string {
  const losses = lost.map(({ frame, why }) => `packet #${String(frame.number)} was lost (${why})`)
  return `${what}${losses.length === 0 ? otherwise : losses.join(', ')}${whose}`
}

/**
 * Why a stream waited, range by range of missing bytes, as it was known at a time.
 * @param of what the offsets of the bytes are counted in: `'the connection'`
 * @param ownerWords whose the missing bytes were: `'they belonged to stream 5'`
 * @param carriers finds the packets that had carried a range, up to a time
 */
export function reasonsOf(
  trace: TraceView,
  wait: Wait,
  playhead: Nanos,
  of: string,
  ownerWords: (range: MissingRange) => string,
  carriers: (range: MissingRange, until: Nanos) => Carriers,
): StallReason[] {
  return wait.missing.map((range) => {
    const until = range.until <= playhead ? range.until : NEVER
    const { lost, brought } = carriers(range, until)
    const known = lost.filter(({ fateAt }) => fateAt <= playhead)
    const waited = formatDuration(Math.min(until, wait.to, playhead) - wait.from)
    const which = `bytes ${bytesWords(range)} of ${of}`
    const verb = Math.min(until, wait.to) > playhead ? `Waiting for ${waited} so far` : `Waited ${waited}`
    return {
      what: `${verb} for ${which}: `,
      lost: known.map((frame) => ({ frame, why: lossWords(frame, trace.hosts) ?? SPOILED })),
      otherwise: OVERTAKEN,
      whose: `; ${ownerWords(range)}.`,
      brought,
    }
  })
}

/** Why a header section waited: of QPACK's table it is not known which packets had carried it. */
export function tableReason({ from, to }: Wait, playhead: Nanos): StallReason {
  const isOver = to <= playhead
  const waited = formatDuration(Math.min(to, playhead) - from)
  const what = `${isOver ? `Waited ${waited}` : `Waiting for ${waited} so far`}: its header section refers to entries of QPACK’s table, `
  return { what, lost: [], otherwise: `which ${isOver ? 'had' : 'have'} not come`, whose: '.', brought: undefined }
}

/** Offsets of the first and the last byte: `'34,752–36,199'`. */
function bytesWords({ from, to }: MissingRange): string {
  const [first, last] = [from, to - 1].map((offset) => formatQuantity('count', offset))
  return first === last ? first : `${first}–${last}`
}
