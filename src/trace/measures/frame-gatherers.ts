import { NEVER, type Nanos, type TraceView } from '../record.ts'
import { CountGatherer } from './count-gatherer.ts'
import { FrameCursor, KIND_NUMBERS } from './frame-cursor.ts'
import type { FramesMeasure } from './measure-spec.ts'

/** Counts frames, or their bytes. */
export class FrameGatherer extends CountGatherer {
  constructor(
    readonly spec: FramesMeasure,
    width: Nanos,
  ) {
    super(width, spec.as ?? 'rate')
  }

  /** Whether a frame of a kind that goes this way counts. */
  wants({ from, to, where, kind }: FrameCursor, hosts: readonly string[]): boolean {
    const { spec } = this
    return (
      (spec.from === undefined || hosts[from] === spec.from) &&
      (spec.to === undefined || hosts[to] === spec.to) &&
      (spec.link === undefined || where >>> 1 === spec.link) &&
      (spec.kind === undefined || KIND_NUMBERS.get(spec.kind) === kind)
    )
  }
}

/** Which series count a frame, by what befalls it. */
interface Route {
  readonly sent: readonly FrameGatherer[]
  readonly arrived: readonly FrameGatherer[]
  readonly lost: readonly FrameGatherer[]
  /** Whether the frame has to be followed to its end. */
  readonly follows: boolean
  readonly isUsed: boolean
}

/** Bits of a kind's number within that of a route. */
const KIND_BITS = 5

/**
 * Reads the frames of a trace for all series that count them, each frame once, and again while its fate is open. What one is counted in
 * follows from its link, direction and kind, and is found out once for each such.
 */
export class FrameGathering {
  private readonly routes: (Route | undefined)[] = []
  private readonly cursor = new FrameCursor()
  /** Number of the last frame that was read. */
  private read = 0
  /** Frames whose fate is open: their numbers, negative when they have been counted as sent. */
  private open = new Int32Array(256)
  private openCount = 0

  constructor(private readonly gatherers: readonly FrameGatherer[]) {}

  update(trace: TraceView, horizon: Nanos): void {
    if (this.gatherers.length === 0) return
    const { firstKept, frameCount } = trace
    this.followOpen(trace, horizon)
    if (firstKept > this.read + 1) this.miss(trace, firstKept)
    for (let number = this.read + 1; number <= frameCount; number++) this.take(trace, number, false, horizon)
    this.read = frameCount
  }

  private followOpen(trace: TraceView, horizon: Nanos): void {
    const { open, openCount } = this
    this.openCount = 0
    // What stays open is written to places that have been read.
    for (let index = 0; index < openCount; index++) {
      const mark = open[index]
      this.take(trace, Math.abs(mark), mark < 0, horizon)
    }
  }

  /** Frames went before they were read: what they were is unknown, up to when the first that is left could be followed. */
  private miss(trace: TraceView, firstKept: number): void {
    this.read = firstKept - 1
    if (!this.cursor.load(trace, firstKept)) return
    const { enqueued, settled } = this.cursor
    for (const gatherer of this.gatherers) gatherer.forget(settled === NEVER ? enqueued : settled)
  }

  private take(trace: TraceView, number: number, wasSent: boolean, horizon: Nanos): void {
    const { cursor } = this
    if (!cursor.load(trace, number)) return
    const key = (cursor.where << KIND_BITS) | cursor.kind
    const route = (this.routes[key] ??= this.routeOf(trace.hosts))
    if (!route.isUsed) return
    const { length } = cursor
    const isSent = wasSent || cursor.sent < horizon
    if (isSent && !wasSent) count(route.sent, cursor.sent, length)
    if (!cursor.isOpen) {
      // What a person did stands at the horizon itself.
      count(cursor.isLost ? route.lost : route.arrived, cursor.settled, length)
      return
    }
    if (route.follows || !isSent) this.keep(isSent ? -number : number)
  }

  private keep(mark: number): void {
    if (this.openCount === this.open.length) {
      const wider = new Int32Array(this.open.length * 2)
      wider.set(this.open)
      this.open = wider
    }
    this.open[this.openCount++] = mark
  }

  private routeOf(hosts: readonly string[]): Route {
    const wanted = this.gatherers.filter((gatherer) => gatherer.wants(this.cursor, hosts))
    const when = (moment: FramesMeasure['when']): FrameGatherer[] =>
      wanted.filter(({ spec }) => (spec.when ?? 'arrived') === moment)
    const [sent, arrived, lost] = [when('sent'), when('arrived'), when('lost')]
    return { sent, arrived, lost, follows: arrived.length + lost.length > 0, isUsed: wanted.length > 0 }
  }
}

function count(gatherers: readonly FrameGatherer[], time: Nanos, length: number): void {
  for (const gatherer of gatherers) gatherer.add(time, gatherer.spec.measure === 'bytes' ? length : 1)
}
