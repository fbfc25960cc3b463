import { ByteRanges } from './byte-ranges.ts'
import { Lane, type Hold, type LaneGroup } from './lanes-lane.ts'
import { carriersOfStream } from './lanes-carriers.ts'
import type { QuicCarriage } from './quic-carriage.ts'
import { NEVER, type EventData, type Id, type Nanos, type TraceView } from './record.ts'
import type { Carriers } from './stalls-carriers.ts'
import { NO_STREAM, type MissingRange } from './stalls-episode.ts'

/** Bytes that a lane waits for, while they may still come. */
interface OpenRange extends MissingRange {
  until: Nanos
}

/** What a lane waits for, while it grows. */
interface OpenHold extends Hold {
  to: Nanos
  readonly missing: OpenRange[]
}

/** One stream, receiving. */
class StreamReception {
  readonly came = new ByteRanges()
  readonly holds: OpenHold[] = []
  /** What was missing and has not come. */
  wanted: OpenRange[] = []
  /** What came new, in its order, with what brought it. */
  readonly pieces: { readonly from: number; readonly to: number; readonly time: Nanos; readonly frame: Id }[] = []
  next = 0
  constructor(readonly lane: Lane) {}
}

function amount(data: EventData, key: string): number {
  const value = data[key]
  return typeof value === 'number' ? value : 0
}

/**
 * One end of a QUIC connection, receiving. Each stream is put in order for itself (RFC 9000 section 2.2), so that what is held back can
 * only wait for bytes of its own stream; unless QPACK's dynamic table ties streams together again. Offsets are in the stream.
 */
export class QuicLanes implements LaneGroup {
  readonly transport = 'quic'
  readonly whole = new Lane(NO_STREAM)
  readonly lanes: Lane[] = []
  isClient: boolean | undefined
  version = 0
  private readonly streams = new Map<number, StreamReception>()

  constructor(
    readonly id: string,
    readonly host: number,
    readonly connection: string,
    readonly begun: Nanos,
    private readonly carriage: QuicCarriage,
  ) {}

  /** @param frame what brought it */
  takeReceived(time: Nanos, data: EventData, frame: Id): void {
    const reception = this.stream(amount(data, 'stream'))
    const { lane, came, holds } = reception
    const from = amount(data, 'offset')
    const to = from + amount(data, 'length')
    const fresh = came.insert(from, to)
    if (fresh === 0) return
    reception.pieces.push({ from, to, time, frame })
    lane.arrived.add(time, fresh)
    this.whole.arrived.add(time, fresh)
    this.version++
    for (const range of reception.wanted) if (came.missing(range.from, range.to).length === 0) range.until = time
    reception.wanted = reception.wanted.filter(({ until }) => until === NEVER)
    const last = holds.findLast(({ cause }) => cause === 'own')
    const isHeld = last?.to === NEVER
    if (came.end <= came.next) {
      if (isHeld) last.to = time
    } else if (!isHeld) {
      const missing = this.missing(reception, came.next, from)
      holds.push({ stream: lane.stream, cause: 'own', from: time, to: NEVER, heldFrom: from, missing })
    } else {
      // Another hole has opened behind those that are known.
      const known = last.missing.reduce((end, range) => Math.max(end, range.to), last.heldFrom)
      if (from > known) last.missing.push(...this.missing(reception, known, from))
    }
  }

  takeDelivered(time: Nanos, data: EventData): void {
    const reception = this.stream(amount(data, 'stream'))
    const to = amount(data, 'offset') + amount(data, 'length')
    reception.lane.delivered.add(time, to - reception.next)
    this.whole.delivered.add(time, to - reception.next)
    reception.next = Math.max(reception.next, to)
    this.version++
  }

  /** A header section has to wait for the table of QPACK, or need not any longer. */
  takeQpack(time: Nanos, stream: number, isBlocked: boolean): void {
    const { holds, next } = this.stream(stream)
    const open = holds.findLast(({ cause, to }) => cause === 'qpack' && to === NEVER)
    if (!isBlocked && open !== undefined) open.to = time
    else if (isBlocked && open === undefined)
      holds.push({ stream, cause: 'qpack', from: time, to: NEVER, heldFrom: next, missing: [] })
    this.version++
  }

  name(time: Nanos, stream: number, url: string): void {
    ;(stream === NO_STREAM ? this.whole : this.stream(stream).lane).carries.push({ time, url })
    this.version++
  }

  holds({ stream }: Lane): readonly Hold[] {
    return this.holdsOf(stream)
  }

  holdsOf(stream: number): readonly Hold[] {
    return this.streams.get(stream)?.holds ?? []
  }

  carriers(trace: TraceView, { stream }: Lane, range: MissingRange, until: Nanos): Carriers {
    return this.carriersOf(trace, stream, range, until)
  }

  carriersOf(trace: TraceView, stream: number, range: MissingRange, until: Nanos): Carriers {
    const { host, connection } = this
    let [below, above, brought] = [0, 0, 0]
    for (const { from, to, time, frame } of this.streams.get(stream)?.pieces ?? []) {
      if (to <= range.from) below = frame
      else if (from < range.to && time <= until) brought = frame
      else if (above === 0 && from >= range.to) above = frame
    }
    // What a client sends may be on its way before its server knows of the connection.
    const since = this.isClient === true ? this.begun : 0
    const { from, to } = range
    return carriersOfStream(trace, this.carriage, { host, connection, stream, from, to, below, above, brought, since, until })
  }

  private missing({ lane: { stream }, came, wanted }: StreamReception, above: number, below: number): OpenRange[] {
    const ranges = came
      .missing(above, below)
      .map(([from, to]): OpenRange => ({ from, to, seq: 0, since: this.begun, streams: [stream], until: NEVER }))
    wanted.push(...ranges)
    return ranges
  }

  private stream(number: number): StreamReception {
    let reception = this.streams.get(number)
    if (reception === undefined) {
      reception = new StreamReception(new Lane(number))
      this.streams.set(number, reception)
      this.lanes.push(reception.lane)
    }
    return reception
  }
}
