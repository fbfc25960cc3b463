import { FrameMark, type FrameRecord, type Nanos, type TraceView } from '../../src/trace/record.ts'
import { isLost } from '../trace-marks.ts'
import { eventWords, kindWords, lossWords } from '../wording.ts'

/** A row: the number of a frame (from 1), or `-1 - index` of an event. */
export type Row = number

/** What to show. Empty strings and undefined: everything. */
export interface EventFilter {
  readonly show: 'all' | 'frames' | 'lost' | 'again' | 'events'
  /** Index of a host at either end. */
  readonly host: number | undefined
  /** Index into the trace's connections. */
  readonly connection: number | undefined
  /** Every word of it has to occur. */
  readonly text: string
}

export const EVERYTHING: EventFilter = { show: 'all', host: undefined, connection: undefined, text: '' }

/**
 * Frames and events of a trace in one list, in order of time. Takes in what is new as the trace grows; both sources come in
 * order, so that merging them is one pass. A record that comes late all the same is put where it belongs.
 */
export class EventRows {
  #rows: Row[] = []
  #times: Nanos[] = []
  #nextFrame = 1
  #nextEvent = 0
  #firstKept = 1
  /** Whether a record came too late for the end of the list. */
  #late = false
  /** Id of the trace's first event, when there was one: the oldest ones may be let go. */
  #firstEvent = 0

  get length(): number {
    return this.#rows.length
  }

  row(index: number): Row {
    return this.#rows[index]
  }

  /** When it happened: an event, or a frame's handing over to its queue. */
  time(index: number): Nanos {
    return this.#times[index]
  }

  clear(): void {
    this.#rows = []
    this.#times = []
    this.#nextFrame = 1
    this.#nextEvent = 0
    this.#firstKept = 1
    this.#firstEvent = 0
  }

  /**
   * Takes in what is new.
   * @returns whether rows were only added at the end, so that the index of each older row is what it was
   */
  update(trace: TraceView): boolean {
    const { events } = trace
    const firstEvent = events.at(0)?.id ?? 0
    const thinned = trace.firstKept !== this.#firstKept || (this.#firstEvent !== 0 && firstEvent !== this.#firstEvent)
    if (thinned) this.clear()
    this.#firstKept = trace.firstKept
    this.#firstEvent = firstEvent
    this.#late = false
    let frame = this.#frameFrom(trace)
    while (frame !== undefined || this.#nextEvent < events.length) {
      const event = this.#nextEvent < events.length ? events[this.#nextEvent] : undefined
      const frameFirst =
        frame !== undefined &&
        (event === undefined || frame.enqueued < event.time || (frame.enqueued === event.time && frame.id < event.id))
      if (frameFirst && frame !== undefined) {
        this.#insert(frame.number, frame.enqueued)
        this.#nextFrame++
        frame = this.#frameFrom(trace)
      } else if (event !== undefined) {
        this.#insert(-1 - this.#nextEvent, event.time)
        this.#nextEvent++
      }
    }
    return !thinned && !this.#late
  }

  /** How many rows lie at or before a time. */
  countUntil(time: Nanos): number {
    return upperBound(this.#times.length, (index) => this.#times[index], time)
  }

  /** The indices of rows that pass a filter, ascending. */
  filter(trace: TraceView, filter: EventFilter, from = 0): number[] {
    const found: number[] = []
    const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean)
    for (let index = from; index < this.#rows.length; index++) {
      if (passes(this.#rows[index], trace, filter, words)) found.push(index)
    }
    return found
  }

  #frameFrom(trace: TraceView): FrameRecord | undefined {
    for (; this.#nextFrame <= trace.frameCount; this.#nextFrame++) {
      const frame = trace.frame(this.#nextFrame)
      if (frame !== undefined) return frame
    }
    return undefined
  }

  #insert(row: Row, time: Nanos): void {
    let at = this.#times.length
    while (at > 0 && this.#times[at - 1] > time) at--
    if (at === this.#times.length) {
      this.#rows.push(row)
      this.#times.push(time)
    } else {
      this.#late = true
      this.#rows.splice(at, 0, row)
      this.#times.splice(at, 0, time)
    }
  }
}

/** How many of `length` ascending values are at most `limit`. */
export function upperBound(length: number, value: (index: number) => number, limit: number): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (value(middle) <= limit) low = middle + 1
    else high = middle
  }
  return low
}

function passes(row: Row, trace: TraceView, filter: EventFilter, words: readonly string[]): boolean {
  if (row < 0) {
    const event = trace.events[-1 - row]
    if (filter.show !== 'all' && filter.show !== 'events') return false
    if (filter.host !== undefined && event.host !== filter.host) return false
    if (filter.connection !== undefined && event.connection !== trace.connections[filter.connection]) return false
    if (words.length === 0) return true
    const text = `${event.name} ${eventWords(event)} ${trace.hosts[event.host] ?? 'you'} ${event.connection}`.toLowerCase()
    return words.every((word) => text.includes(word))
  }
  const frame = trace.frame(row)
  if (frame === undefined || filter.show === 'events') return false
  if (filter.show === 'lost' && !isLost(frame.fate)) return false
  if (filter.show === 'again' && (frame.mark & FrameMark.Retransmission) === 0) return false
  if (filter.host !== undefined && frame.from !== filter.host && frame.to !== filter.host) return false
  if (filter.connection !== undefined && frame.connection !== filter.connection) return false
  if (words.length === 0) return true
  const lost = lossWords(frame, trace.hosts)
  const text =
    `#${String(frame.number)} ${frame.kind} ${kindWords(frame)} ${trace.hosts[frame.from]} ${trace.hosts[frame.to]} ${trace.connections[frame.connection]} ${lost === undefined ? '' : `lost ${lost}`}`.toLowerCase()
  return words.every((word) => text.includes(word))
}
