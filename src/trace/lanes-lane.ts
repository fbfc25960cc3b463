import type { Nanos, TraceView } from './record.ts'
import type { Carriers } from './stalls-carriers.ts'
import type { MissingRange, Stall } from './stalls-episode.ts'

/** How an amount of bytes grew with time, in columns; times ascend. */
export class Growth {
  readonly times: Nanos[] = []
  /** How many there were from each of these times on. */
  readonly totals: number[] = []

  get total(): number {
    return this.totals.at(-1) ?? 0
  }

  add(time: Nanos, bytes: number): void {
    if (bytes <= 0) return
    const total = this.total + bytes
    const last = this.times.length - 1
    if (last >= 0 && this.times[last] === time) this.totals[last] = total
    else {
      this.times.push(time)
      this.totals.push(total)
    }
  }

  /** How many there were at a time. */
  at(time: Nanos): number {
    const index = this.firstAfter(time)
    return index === 0 ? 0 : this.totals[index - 1]
  }

  /** When it grew, behind one time and before another. */
  within(from: Nanos, to: Nanos): readonly Nanos[] {
    let end = this.firstAfter(to)
    while (end > 0 && this.times[end - 1] === to) end--
    return this.times.slice(this.firstAfter(from), end)
  }

  private firstAfter(time: Nanos): number {
    let low = 0
    let high = this.times.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.times[middle] <= time) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Why bytes that had come were held back. */
export type HoldCause =
  /** Bytes of the same stream were missing ahead of them: any transport has to wait. */
  | 'own'
  /** Only bytes of other streams were missing, and TCP hands on nothing out of order. */
  | 'others'
  /** A header section refers to the table of QPACK, of which a part has not come (RFC 9204 section 2.1.2). */
  | 'qpack'

/** A span of time in which bytes of a stream had come and were held back. With `'qpack'`, `missing` is empty. */
export interface Hold extends Omit<Stall, 'isOwn'> {
  readonly cause: HoldCause
}

/** One stream of a connection, or all of the connection, as one end receives it. */
export class Lane {
  /** What has come, once each. */
  readonly arrived = new Growth()
  /** What was handed on in order. */
  readonly delivered = new Growth()
  /** What it carries, as a browser asked for it: addresses, with when it did. A stream has one, a connection of HTTP/1 one after the other. */
  readonly carries: { readonly time: Nanos; readonly url: string }[] = []

  constructor(
    /** Number of the stream, or `NO_STREAM`: the connection as a whole. */
    readonly stream: number,
  ) {}

  /** What it carried at a time, or ''. */
  urlAt(time: Nanos): string {
    return this.carries.findLast((each) => each.time <= time)?.url ?? ''
  }
}

/** A connection as one of its ends receives it: a lane for all of it, and one for each stream. */
export interface LaneGroup {
  /** Unique in the trace. */
  readonly id: string
  /** Index of the host that receives. */
  readonly host: number
  /** Name of the connection. */
  readonly connection: string
  readonly transport: 'tcp' | 'quic'
  /** Whether this end began the connection; undefined when the trace does not say. */
  readonly isClient: boolean | undefined
  readonly begun: Nanos
  readonly whole: Lane
  /** Streams in the order of their first bytes. Those that carry no request are among them, see `isControl`. */
  readonly lanes: readonly Lane[]
  /** Grows when anything of it may have changed. */
  readonly version: number
  /** When what was held back, by when it began; also what is to come at a time that the trace knows of already. */
  readonly holds: (lane: Lane) => readonly Hold[]
  /** Which frames had carried bytes that a lane missed, up to a time; exactly for TCP, as far as can be told for QUIC. */
  readonly carriers: (trace: TraceView, lane: Lane, range: MissingRange, until: Nanos) => Carriers
}
