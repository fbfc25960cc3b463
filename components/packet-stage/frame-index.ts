import {
  FRAME_KINDS,
  FrameMark,
  NEVER,
  type FrameKind,
  type FrameRecord,
  type Nanos,
  type TraceView,
} from '../../src/trace/record.ts'
import { isLost } from '../trace-marks.ts'

/*
 * Which frames are there at a given time. Records are copied into columns, 512 to a chunk, and each chunk knows the span of time in
 * which any of its frames is to be seen; so a picture touches the chunks around the playhead, wherever that was put.
 * Records whose fate is still open are read again whenever the trace has grown.
 */

const CHUNK_BITS = 9
const CHUNK = 1 << CHUNK_BITS

/** Bits of `FrameIndex.flags`. */
export const Flag = {
  Retransmission: 1,
  Probe: 2,
  Duplicate: 4,
  Corrupted: 8,
  /** Its fate is one of the ways not to arrive. */
  Lost: 16,
  /** A full queue refused it. */
  Refused: 32,
} as const

const KIND_NUMBER = new Map(FRAME_KINDS.map((kind, index) => [kind, index]))

class Chunk {
  readonly enqueued = new Float64Array(CHUNK).fill(NEVER)
  readonly sent = new Float64Array(CHUNK)
  readonly onLine = new Float64Array(CHUNK)
  readonly arrives = new Float64Array(CHUNK)
  readonly gone = new Float64Array(CHUNK)
  readonly flow = new Uint32Array(CHUNK)
  readonly length = new Uint32Array(CHUNK)
  readonly lane = new Uint16Array(CHUNK)
  readonly kind = new Uint8Array(CHUNK)
  readonly flags = new Uint8Array(CHUNK)
  /** Time of the first and last sight of any frame of this chunk, the latter without the traces that a loss leaves. */
  earliest: Nanos = NEVER
  latest: Nanos = -1

  /** Whether some frame waits. What is known of such a chunk reaches to the end of time, until none does any more. */
  get waits(): boolean {
    return this.latest === NEVER
  }

  /** Finds out anew when the last of them is seen. */
  settle(): void {
    this.latest = -1
    for (let at = 0; at < CHUNK; at++) {
      // A row that has not been read yet.
      if (this.enqueued[at] !== NEVER && this.gone[at] > this.latest) this.latest = this.gone[at]
    }
  }
}

/** Rows of a `FrameIndex`. */
export class Rows {
  count = 0
  rows = new Int32Array(256)

  push(row: number): void {
    if (this.count === this.rows.length) {
      const wider = new Int32Array(this.rows.length * 2)
      wider.set(this.rows)
      this.rows = wider
    }
    this.rows[this.count++] = row
  }
}

/** How long a frame of `bytes` keeps the line of a link's direction busy, as the link is set now. */
export type LineTime = (link: number, direction: 0 | 1, bytes: number) => Nanos

/** What the colour of a frame stands for; 0: nothing, or nothing that is known yet. */
export type FlowOf = (frame: FrameRecord) => number

/** How many frames are remembered whose colour may become known later. */
const MOST_COLOURLESS = 2048

export class FrameIndex {
  /** Without those whose records have all been thinned away. */
  private readonly chunks: Chunk[] = []
  /** Those with frames that wait. */
  private readonly waiting: Chunk[] = []
  /** Number of the first of them: that of a row is `row >> CHUNK_BITS`. */
  private firstChunk = 0
  /** Numbers of frames whose fate is not final. */
  private open: number[] = []
  /** Numbers of frames with data that have no colour. */
  private readonly colourless = new Set<number>()
  /** How many frames have been read. */
  private read = 0
  private firstKept = 1
  /** Numbers of the first segments with SYN of each connection, before any router: where its sequence numbers start. */
  readonly openings = new Map<number, number[]>()
  /** What there has been in this trace, for the legend. */
  readonly seen = { kinds: new Set<FrameKind>(), again: false, torn: false, lost: false }

  clear(): void {
    this.chunks.length = 0
    this.waiting.length = 0
    this.firstChunk = 0
    this.openings.clear()
    this.seen.kinds.clear()
    this.seen.again = this.seen.torn = this.seen.lost = false
    this.open = []
    this.colourless.clear()
    this.read = 0
    this.firstKept = 1
  }

  /**
   * Takes in what is new in the trace.
   * @param horizon up to where the run has been simulated: what lies before it does not change any more
   */
  update(trace: TraceView, horizon: Nanos, lineTime: LineTime, flowOf: FlowOf = ofConnection): void {
    if (trace.frameCount < this.read) this.clear()
    this.colour(trace, flowOf)
    const open = this.open
    let kept = 0
    for (const number of open) if (this.take(trace, number, horizon, lineTime, flowOf)) open[kept++] = number
    open.length = kept
    for (let number = Math.max(this.read + 1, trace.firstKept); number <= trace.frameCount; number++) {
      if (this.take(trace, number, horizon, lineTime, flowOf)) open.push(number)
    }
    this.read = trace.frameCount
    this.thin(trace.firstKept)
    this.settle()
  }

  /** Chunks whose frames have all left their queues are looked into for as long as they are seen, and no longer. */
  private settle(): void {
    let kept = 0
    for (const chunk of this.waiting) {
      chunk.settle()
      if (chunk.waits) this.waiting[kept++] = chunk
    }
    this.waiting.length = kept
  }

  /** Reads one record. Returns whether it may still change. */
  private take(trace: TraceView, number: number, horizon: Nanos, lineTime: LineTime, flowOf: FlowOf): boolean {
    const frame = trace.frame(number)
    if (frame === undefined) return false
    const row = number - 1
    const chunk = this.chunkFor(row)
    const at = row & (CHUNK - 1)
    const gone = goneAt(frame)
    chunk.enqueued[at] = frame.enqueued
    chunk.sent[at] = frame.sent
    chunk.arrives[at] = frame.arrives
    chunk.onLine[at] =
      frame.sent === NEVER ? NEVER : Math.min(frame.arrives - 1, frame.sent + lineTime(frame.link, frame.direction, frame.length))
    chunk.gone[at] = gone
    const flow = flowOf(frame)
    chunk.flow[at] = flow
    if (flow === 0 && frame.payload > 0) this.noteColourless(number)
    chunk.length[at] = frame.length
    chunk.lane[at] = frame.link * 2 + frame.direction
    chunk.kind[at] = KIND_NUMBER.get(frame.kind) ?? 0
    chunk.flags[at] = flagsOf(frame)
    if (frame.enqueued < chunk.earliest) chunk.earliest = frame.enqueued
    // A frame that was dropped by hand leaves earlier than was thought; the chunk's span may then be too wide, which does no harm.
    if (gone === NEVER && !chunk.waits) this.waiting.push(chunk)
    if (gone > chunk.latest) chunk.latest = gone
    this.seen.kinds.add(frame.kind)
    const flags = chunk.flags[at]
    if ((flags & Flag.Retransmission) !== 0) this.seen.again = true
    if ((flags & Flag.Corrupted) !== 0) this.seen.torn = true
    if ((flags & Flag.Lost) !== 0) this.seen.lost = true
    if (frame.kind === 'tcp-syn') this.noteOpening(frame)
    return frame.fate === 'queued' || frame.fate === 'in-flight' || gone > horizon
  }

  /** A host may tell what bytes belong to when some of them have left already. */
  private colour(trace: TraceView, flowOf: FlowOf): void {
    const { colourless } = this
    for (const number of colourless) {
      const frame = trace.frame(number)
      const chunk = this.chunks[((number - 1) >> CHUNK_BITS) - this.firstChunk] as Chunk | undefined
      const flow = frame === undefined ? 0 : flowOf(frame)
      if (chunk !== undefined) chunk.flow[(number - 1) & (CHUNK - 1)] = flow
      if (flow !== 0 || frame === undefined || chunk === undefined) colourless.delete(number)
    }
  }

  private noteColourless(number: number): void {
    const { colourless } = this
    colourless.add(number)
    if (colourless.size <= MOST_COLOURLESS) return
    for (const oldest of colourless) {
      colourless.delete(oldest)
      break
    }
  }

  private chunkFor(row: number): Chunk {
    const number = row >> CHUNK_BITS
    if (this.chunks.length === 0) this.firstChunk = number
    while (this.chunks.length <= number - this.firstChunk) this.chunks.push(new Chunk())
    return this.chunks[number - this.firstChunk]
  }

  private noteOpening(frame: FrameRecord): void {
    if ((frame.mark & (FrameMark.Forwarded | FrameMark.Retransmission)) !== 0 || frame.duplicate) return
    const openings = this.openings.get(frame.connection)
    if (openings === undefined) this.openings.set(frame.connection, [frame.number])
    else if (openings.length < 4 && !openings.includes(frame.number)) openings.push(frame.number)
  }

  private thin(firstKept: number): void {
    if (firstKept === this.firstKept) return
    this.firstKept = firstKept
    const thinned = Math.min(this.chunks.length, ((firstKept - 1) >> CHUNK_BITS) - this.firstChunk)
    if (thinned <= 0) return
    this.chunks.splice(0, thinned)
    this.firstChunk += thinned
  }

  /**
   * All frames that are waiting or on the way at a time, and those lost up to `linger` before it, in the order of their numbers.
   */
  collect(time: Nanos, linger: Nanos, into: Rows): void {
    into.count = 0
    for (let i = 0; i < this.chunks.length; i++) {
      const chunk = this.chunks[i]
      if (chunk.earliest > time || chunk.latest + linger < time) continue
      const { enqueued, gone, flags } = chunk
      const base = (this.firstChunk + i) << CHUNK_BITS
      for (let at = 0; at < CHUNK; at++) {
        if (enqueued[at] > time) continue
        const end = gone[at] + ((flags[at] & Flag.Lost) === 0 ? 0 : linger)
        if (end >= time && base + at >= this.firstKept - 1) into.push(base + at)
      }
    }
  }

  /** Copies a row that `collect` gave into `into`, without allocating. */
  load(row: number, into: Row): void {
    const chunk = this.chunks[(row >> CHUNK_BITS) - this.firstChunk]
    const at = row & (CHUNK - 1)
    into.number = row + 1
    into.enqueued = chunk.enqueued[at]
    into.sent = chunk.sent[at]
    into.onLine = chunk.onLine[at]
    into.arrives = chunk.arrives[at]
    into.gone = chunk.gone[at]
    into.flow = chunk.flow[at]
    into.length = chunk.length[at]
    into.lane = chunk.lane[at]
    into.kind = chunk.kind[at]
    into.flags = chunk.flags[at]
  }
}

/** One frame, as the scene reads it. */
export class Row {
  number = 0
  enqueued: Nanos = 0
  /** When the first bit left; `NEVER` when it did not. */
  sent: Nanos = 0
  /** When the last bit left. */
  onLine: Nanos = 0
  arrives: Nanos = 0
  /** When it arrived or died; `NEVER` while it waits. */
  gone: Nanos = 0
  /** What its colour stands for, as `flowIndex` takes it. */
  flow = 0
  length = 0
  /** Twice the link's index, plus the direction. */
  lane = 0
  /** Index in `FRAME_KINDS`. */
  kind = 0
  /** Bits of `Flag`. */
  flags = 0
}

function ofConnection({ connection }: FrameRecord): number {
  return connection
}

/** From when on nothing is seen of a frame (a loss leaves its trace there). */
function goneAt(frame: FrameRecord): Nanos {
  if (frame.fate === 'queued') return NEVER
  if (!isLost(frame.fate)) return frame.arrives
  if (frame.fateAt !== NEVER) return frame.fateAt
  return frame.arrives === NEVER ? frame.enqueued : frame.arrives
}

function flagsOf(frame: FrameRecord): number {
  let flags = isLost(frame.fate) ? Flag.Lost : 0
  if ((frame.mark & FrameMark.Retransmission) !== 0) flags |= Flag.Retransmission
  if ((frame.mark & FrameMark.Probe) !== 0) flags |= Flag.Probe
  if (frame.duplicate) flags |= Flag.Duplicate
  if (frame.corrupted) flags |= Flag.Corrupted
  if (frame.fate === 'queue-full') flags |= Flag.Refused
  return flags
}
