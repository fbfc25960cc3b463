import type { Nanos } from './record.ts'
import { NEVER } from './record.ts'

/** Bytes of a connection that belong to no HTTP/2 stream: a handshake's, or all of HTTP/1. */
export const NO_STREAM = -1

/** Which stream each byte of one direction of a connection belongs to, as its sender (or its receiver) told. */
export interface StreamBytes {
  /** Calls back for each piece of [from, to), in order: with `NO_STREAM` for what nobody told of. Pieces may overlap. */
  readonly each: (from: number, to: number, visit: (stream: number, from: number, to: number) => void) => void
  /** A time before which the byte at an offset was not under way. */
  readonly writtenAt: (offset: number) => Nanos
}

/** Bytes that were missing, as offsets in the TCP stream: 0 is the first byte behind the SYN. */
export interface MissingRange {
  readonly from: number
  readonly to: number
  /** Sequence number of the first of them. */
  readonly seq: number
  /** They were not under way before this. */
  readonly since: Nanos
  /** Streams whose bytes they are, ascending; may hold `NO_STREAM`. */
  readonly streams: readonly number[]
  /** When the last of them came; `NEVER` when they have not yet. */
  readonly until: Nanos
}

/** A span of time in which bytes of a stream had arrived, and were held back because bytes ahead of them were missing. */
export interface Stall {
  /** The stream that was held back, or `NO_STREAM`. */
  readonly stream: number
  /** Whether bytes of this stream itself were missing, so that any transport would have waited; else all belonged to others. */
  readonly isOwn: boolean
  readonly from: Nanos
  /** `NEVER` while it lasts. */
  readonly to: Nanos
  /** The first of its bytes that were held, as offsets. */
  readonly heldFrom: number
  /** What was missing ahead of them when it began, ascending; never empty. */
  readonly missing: readonly MissingRange[]
}

/** What a receiver told: bytes came ahead of their turn, or bytes up to an offset were handed on. Times ascend. */
export interface ReceptionEntry {
  readonly time: Nanos
  /** Bytes that came ahead of their turn; undefined when some were handed on. */
  readonly early: readonly [from: number, to: number] | undefined
  /** The first offset that has not come, after this. */
  readonly next: number
}

type Range = readonly [from: number, to: number]

/** Bytes that a stream waits for. */
interface Wanted {
  readonly from: number
  readonly to: number
  /** What of it is missing still. */
  left: readonly Range[]
  until: Nanos
}

interface OpenStall {
  readonly stream: number
  readonly isOwn: boolean
  readonly from: Nanos
  readonly heldFrom: number
  readonly wanted: readonly Wanted[]
}

/**
 * What TCP held back while one or more holes were open, from the first early bytes until everything was handed on.
 *
 * A stream waits while the lowest of its bytes that have come stands behind a hole. It is its own loss if any of the bytes missing
 * below are its own; else it waits for others, which is what a transport that knows streams would have spared it. As no new hole can
 * open below bytes that have come, a wait for its own may turn into a wait for others, never the other way.
 * @param base sequence number of the byte at offset 0
 */
export function stallsOfEpisode(entries: readonly ReceptionEntry[], streams: StreamBytes, base: number): Stall[] {
  const episode = new Episode(streams)
  for (const entry of entries) episode.take(entry)
  return episode.stalls(base)
}

/** Ranges without the bytes of [from, to). */
function without(ranges: readonly Range[], from: number, to: number): readonly Range[] {
  if (!ranges.some(([a, b]) => a < to && from < b)) return ranges
  return ranges.flatMap(([a, b]) => {
    const left: Range[] = []
    if (a < Math.min(b, from)) left.push([a, Math.min(b, from)])
    if (Math.max(a, to) < b) left.push([Math.max(a, to), b])
    return left
  })
}

class Episode {
  private next = 0
  /** Behind the last byte that came. */
  private end = -1
  /** The holes, ascending. */
  private holes: readonly Range[] = []
  /** Lowest byte that is held, by stream. */
  private readonly lowest = new Map<number, number>()
  private readonly open = new Map<number, OpenStall>()
  /** What any stream waits or waited for, and has not come. */
  private wanted: Wanted[] = []
  private readonly all: { readonly stall: OpenStall; to: Nanos }[] = []

  constructor(private readonly streams: StreamBytes) {}

  take({ time, early, next }: ReceptionEntry): void {
    if (this.end < 0) this.end = next
    const before = this.next
    this.next = next
    if (early === undefined) {
      this.end = Math.max(this.end, next)
      this.fill(before, next, time)
      this.findLowest()
    } else {
      const [from, to] = early
      if (from > this.end) this.holes = [...this.holes, [this.end, from]]
      else this.fill(from, to, time)
      this.end = Math.max(this.end, to)
      this.hold(from, to)
    }
    this.judge(time)
  }

  stalls(base: number): Stall[] {
    for (const stall of this.open.values()) this.all.push({ stall, to: NEVER })
    return this.all
      .map(({ stall: { wanted, ...stall }, to }) => ({
        ...stall,
        to,
        missing: wanted.map(({ from, to, until }) => {
          const [seq, since] = [(base + from) >>> 0, this.streams.writtenAt(from)]
          return { from, to, seq, since, streams: this.owners(from, to), until }
        }),
      }))
      .sort((a, b) => a.from - b.from || a.stream - b.stream)
  }

  private owners(from: number, to: number): number[] {
    const owners = new Set<number>()
    this.streams.each(from, to, (stream) => owners.add(stream))
    return [...owners].sort((a, b) => a - b)
  }

  /** Bytes came that were missing. */
  private fill(from: number, to: number, time: Nanos): void {
    this.holes = without(this.holes, from, to)
    // Also those of waits that are over: what a stream waits for may become another wait, for its own bytes or no longer, before all came.
    for (const range of this.wanted) {
      range.left = without(range.left, from, to)
      if (range.left.length === 0) range.until = time
    }
    this.wanted = this.wanted.filter(({ until }) => until === NEVER)
  }

  private hold(from: number, to: number): void {
    this.streams.each(from, to, (stream, start) => {
      const lowest = this.lowest.get(stream)
      if (lowest === undefined || start < lowest) this.lowest.set(stream, start)
    })
  }

  /** Bytes were handed on: what is held now stands behind the first hole that is left, and is no hole itself. */
  private findLowest(): void {
    this.lowest.clear()
    this.holes.forEach(([, to], index) => {
      const next = this.holes.at(index + 1)?.[0] ?? this.end
      if (next > to) this.hold(to, next)
    })
  }

  /** Which streams wait now, and for what. */
  private judge(time: Nanos): void {
    for (const [stream, stall] of this.open) {
      const lowest = this.lowest.get(stream)
      const goesOn = lowest !== undefined && lowest <= stall.heldFrom && this.isOwn(stream, lowest) === stall.isOwn
      if (goesOn) continue
      this.open.delete(stream)
      if (time > stall.from) this.all.push({ stall, to: time })
    }
    for (const [stream, heldFrom] of this.lowest) {
      if (this.open.has(stream)) continue
      const below = this.holes.filter(([from]) => from < heldFrom)
      const wanted = below.map(([from, to]) => ({ from, to, left: [[from, to] as const], until: NEVER }))
      this.wanted.push(...wanted)
      this.open.set(stream, { stream, isOwn: this.isOwn(stream, heldFrom), from: time, heldFrom, wanted })
    }
  }

  /** Whether bytes of a stream are missing below an offset. */
  private isOwn(stream: number, below: number): boolean {
    for (const [from, to] of this.holes) {
      if (from >= below) return false
      let own = false
      this.streams.each(from, to, (owner) => {
        own ||= owner === stream
      })
      if (own) return true
    }
    return false
  }
}
