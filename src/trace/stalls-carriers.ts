import type { Fate, FrameRecord, Nanos, TraceView } from './record.ts'
import { NEVER } from './record.ts'

/** Frames on links that had carried some of the bytes of a range, in order. */
export interface Carriers {
  /** Those that did not arrive, or arrived with flipped bits: why the bytes were missing. */
  readonly lost: readonly FrameRecord[]
  /** The one that brought the last of the bytes to the receiver; undefined when none has yet, or when it is not kept. */
  readonly brought: FrameRecord | undefined
}

export interface WantedBytes {
  /** Index of the receiving host. */
  readonly host: number
  /** Name of the connection. */
  readonly connection: string
  /** Sequence number of the first byte. */
  readonly seq: number
  readonly length: number
  /** The bytes were not under way before. */
  readonly since: Nanos
  /** When the last of them came; `NEVER` when they have not yet. */
  readonly until: Nanos
}

/** Fates of frames that are still on their way or have arrived. */
const WELL: ReadonlySet<Fate> = new Set<Fate>(['queued', 'in-flight', 'arrived'])

/** Which frames had carried bytes that a receiver missed. Looks at the frames of that time, one by one. */
export function carriersOf(trace: TraceView, wanted: WantedBytes): Carriers {
  const { host, since, until } = wanted
  const connection = trace.connections.indexOf(wanted.connection)
  const lost: FrameRecord[] = []
  let brought: FrameRecord | undefined
  if (connection <= 0) return { lost, brought }
  for (let number = firstSince(trace, since); number <= trace.frameCount; number++) {
    const frame = trace.frame(number)
    if (frame === undefined) continue
    if (frame.enqueued > until) break
    if (frame.connection !== connection || frame.payload === 0 || frame.from === host) continue
    // Modulo 2^32: the bytes of the frame that lie in the range, or the other way about.
    const ahead = (frame.seq - wanted.seq) >>> 0
    const behind = (wanted.seq - frame.seq) >>> 0
    if (ahead >= wanted.length && behind >= frame.payload) continue
    if (!WELL.has(frame.fate) || frame.corrupted) lost.push(frame)
    else if (frame.to === host && frame.fate === 'arrived' && frame.fateAt <= until) brought = frame
  }
  return { lost, brought: until === NEVER ? undefined : brought }
}

/** Number of the first frame that is kept and was handed to a queue at a time or later. */
export function firstSince(trace: TraceView, time: Nanos): number {
  let low = trace.firstKept
  let high = trace.frameCount + 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((trace.frame(middle)?.enqueued ?? -1) < time) low = middle + 1
    else high = middle
  }
  return low
}
