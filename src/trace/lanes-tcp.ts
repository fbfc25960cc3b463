import { ByteRanges } from './byte-ranges.ts'
import { Lane, type Hold, type LaneGroup } from './lanes-lane.ts'
import { NEVER, type EventData, type Nanos, type TraceView } from './record.ts'
import type { StallFinder } from './stalls.ts'
import { carriersOf, type Carriers } from './stalls-carriers.ts'
import { NO_STREAM, type MissingRange } from './stalls-episode.ts'

/** Bytes of a header of HTTP/2's frames (RFC 9113 section 4.1); what a record of TLS 1.3 holds at most, and adds to it, about. */
const FRAME_HEADER = 9
const RECORD = 16_384
const RECORD_OVERHEAD = 22

function amount(data: EventData, key: string): number {
  const value = data[key]
  return typeof value === 'number' ? value : 0
}

/** Which stream of HTTP/2 each byte of one direction of a connection belongs to: to one at most, so that they add up. */
export class ByteOwners {
  private readonly from: number[] = []
  private readonly to: number[] = []
  private readonly streams: number[] = []

  /** @param begun when the first of them was told */
  constructor(readonly begun: Nanos) {}

  /** Behind the last byte of which it is known whose it is, if anybody's. */
  end = 0

  /** @returns false when it lies before the one before: the same two ports serve another connection now */
  add(data: EventData): boolean {
    const [from, to] = [amount(data, 'from'), amount(data, 'to')]
    if (to < this.end) return false
    this.end = to
    // A frame's place in TLS is that of its records, which others may share: they lie in them one behind the other.
    const start = Math.max(from, this.to.at(-1) ?? 0)
    const size = FRAME_HEADER + amount(data, 'length')
    const share = size + Math.floor(size / RECORD) * RECORD_OVERHEAD
    this.from.push(start)
    this.to.push(Math.max(start, Math.min(to, start + share)))
    this.streams.push(amount(data, 'stream'))
    return true
  }

  /** Calls back for each piece of [from, to) that belongs to a stream, in order. */
  each(from: number, to: number, visit: (stream: number, bytes: number) => void): void {
    let low = 0
    let high = this.to.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.to[middle] <= from) low = middle + 1
      else high = middle
    }
    for (let index = low; index < this.to.length && this.from[index] < to; index++) {
      visit(this.streams[index], Math.min(to, this.to[index]) - Math.max(from, this.from[index]))
    }
  }
}

/** Bytes of the connection that came, or were handed on. */
interface Piece {
  readonly time: Nanos
  readonly from: number
  readonly to: number
  readonly what: 'arrived' | 'delivered'
}

/** One end of a TCP connection, receiving. Offsets are in TCP's stream, 0 being the first byte behind the SYN. */
export class TcpLanes implements LaneGroup {
  readonly transport = 'tcp'
  readonly whole = new Lane(NO_STREAM)
  readonly lanes: Lane[] = []
  isClient: boolean | undefined
  /** Behind it, the same two ports serve another connection. */
  ended: Nanos = NEVER
  private readonly byStream = new Map<number, Lane>()
  private readonly came = new ByteRanges()
  private next = 0
  /** What is not yet known to belong to anybody; `told` of them are. */
  private readonly pieces: Piece[] = []
  private told = 0
  private changes = 0
  /** Times in which something was held back at all. */
  private readonly waits: { from: Nanos; to: Nanos; heldFrom: number }[] = []
  private holdsOf = new Map<number, readonly Hold[]>()
  private holdsVersion = -1

  constructor(
    readonly id: string,
    readonly host: number,
    readonly connection: string,
    readonly begun: Nanos,
    private readonly stalls: StallFinder,
  ) {}

  get version(): number {
    return this.changes + this.stalls.version
  }

  takeEarly(time: Nanos, data: EventData): void {
    const from = amount(data, 'offset')
    this.arrive(time, from, from + amount(data, 'length'))
    if ((this.waits.at(-1)?.to ?? 0) !== NEVER) this.waits.push({ from: time, to: NEVER, heldFrom: from })
  }

  takeDelivered(time: Nanos, data: EventData): void {
    const from = amount(data, 'offset')
    const to = from + amount(data, 'length')
    this.arrive(time, from, to)
    this.next = to
    this.whole.delivered.add(time, to - from)
    this.pieces.push({ time, from, to, what: 'delivered' })
    const wait = this.waits.at(-1)
    if (wait?.to === NEVER && this.came.end <= this.next) wait.to = time
  }

  /** What a browser uses a stream of it for, or all of it. */
  name(time: Nanos, stream: number, url: string): void {
    ;(stream === NO_STREAM ? this.whole : this.lane(stream)).carries.push({ time, url })
    this.changes++
  }

  /** Gives streams their bytes, as far as it is known whose they are. */
  settle(owners: ByteOwners | undefined): void {
    if (owners === undefined || owners.begun < this.begun) return
    for (; this.told < this.pieces.length; this.told++) {
      const { time, from, to, what } = this.pieces[this.told]
      if (to > owners.end) return
      owners.each(from, to, (stream, bytes) => {
        if (stream !== 0) this.lane(stream)[what].add(time, bytes)
      })
    }
    if (this.told < 1024) return
    this.pieces.splice(0, this.told)
    this.told = 0
  }

  holds({ stream }: Lane): readonly Hold[] {
    if (this.holdsVersion !== this.version) {
      this.holdsVersion = this.version
      this.holdsOf = this.readHolds()
    }
    return this.holdsOf.get(stream) ?? []
  }

  carriers(trace: TraceView, _lane: Lane, { seq, from, to, since }: MissingRange, until: Nanos): Carriers {
    const { host, connection } = this
    return carriersOf(trace, { host, connection, seq, length: to - from, since, until })
  }

  private readHolds(): Map<number, readonly Hold[]> {
    const holds = new Map<number, Hold[]>()
    const stalls: { readonly from: Nanos; readonly missing: readonly MissingRange[] }[] = []
    for (const { isOwn, ...stall } of this.stalls.stalls(this.host, this.connection)) {
      if (stall.from < this.begun || stall.from >= this.ended) continue
      stalls.push(stall)
      const lane = this.byStream.get(stall.stream)
      if (lane === undefined) continue
      const same = holds.get(stall.stream) ?? []
      holds.set(stall.stream, same)
      // Frames that share a record of TLS wait for all of it; here a wait begins when bytes of the stream itself have come.
      for (const [from, to] of heldTimes(lane, stall.from, stall.to)) {
        same.push({ ...stall, from, to, cause: isOwn ? 'own' : 'others' })
      }
    }
    const all = this.waits.map(({ from, to, heldFrom }): Hold => ({
      stream: NO_STREAM,
      cause: 'own',
      from,
      to,
      heldFrom,
      missing: uniqueRanges(stalls.flatMap((stall) => (stall.from >= from && stall.from < to ? stall.missing : []))),
    }))
    return holds.set(NO_STREAM, all)
  }

  private arrive(time: Nanos, from: number, to: number): void {
    for (const [start, end] of this.came.missing(from, to)) {
      this.whole.arrived.add(time, end - start)
      this.pieces.push({ time, from: start, to: end, what: 'arrived' })
    }
    this.came.insert(from, to)
    this.changes++
  }

  private lane(stream: number): Lane {
    let lane = this.byStream.get(stream)
    if (lane === undefined) {
      lane = new Lane(stream)
      this.byStream.set(stream, lane)
      this.lanes.push(lane)
    }
    return lane
  }
}

/** When something of a lane was held back, within [from, to). */
function heldTimes({ arrived, delivered }: Lane, from: Nanos, to: Nanos): [from: Nanos, to: Nanos][] {
  const spans: [Nanos, Nanos][] = []
  const changes = [from, ...arrived.within(from, to), ...delivered.within(from, to)].sort((a, b) => a - b)
  for (const time of changes) {
    const isHeld = arrived.at(time) > delivered.at(time)
    const open = spans.at(-1)
    if (isHeld && (open === undefined || open[1] !== to)) spans.push([time, to])
    else if (!isHeld && open?.[1] === to) open[1] = time
  }
  return spans
}

function uniqueRanges(ranges: readonly MissingRange[]): MissingRange[] {
  const byPlace = new Map(ranges.map((range) => [`${String(range.from)} ${String(range.to)}`, range]))
  return [...byPlace.values()].sort((a, b) => a.from - b.from)
}
