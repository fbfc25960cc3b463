import type { EventRecord, Nanos, TraceView } from '../record.ts'
import { EventGatherer, MembersGatherer, PercentileGatherer, ValueGatherer } from './event-gatherers.ts'
import { EventReader } from './event-reader.ts'
import { FrameGatherer, FrameGathering } from './frame-gatherers.ts'
import type { Gatherer } from './gatherer.ts'
import type { MeasureSpec } from './measure-spec.ts'

/** What is asked for, and how wide the pieces of time are that each of its values stands for. */
export interface SeriesRequest {
  readonly spec: MeasureSpec
  readonly bucket: Nanos
}

/**
 * Series over a trace, kept up as it grows: every frame and event is read once for all of them (a frame again while its fate is
 * open), however often they are asked for. Of one trace: a run that began anew needs a new set.
 */
export class SeriesSet {
  private readonly gatherers: readonly Gatherer[]
  private readonly frames: FrameGathering
  private readonly events = new EventReader()
  private readonly byName = new Map<string, Gatherer[]>()
  private readonly written: Float64Array[]
  private horizon: Nanos = 0
  private isOver = false

  /** @param hosts names of hosts by index, as the trace has them */
  constructor(
    readonly requests: readonly SeriesRequest[],
    private readonly hosts: readonly string[],
  ) {
    this.gatherers = requests.map(({ spec, bucket }) => gathererOf(spec, bucket, hosts))
    this.frames = new FrameGathering(this.gatherers.filter((gatherer) => gatherer instanceof FrameGatherer))
    this.written = requests.map(() => new Float64Array(0))
    for (const gatherer of this.gatherers) {
      for (const name of gatherer.events) {
        const same = this.byName.get(name)
        if (same === undefined) this.byName.set(name, [gatherer])
        else same.push(gatherer)
      }
    }
  }

  /**
   * Takes in what is new.
   * @param horizon up to where the run has been simulated
   * @param isOver nothing comes any more, so that the last bucket is as it will stay
   */
  update(trace: TraceView, horizon: Nanos, isOver = false): void {
    this.horizon = horizon
    this.isOver = isOver
    this.frames.update(trace, horizon)
    if (this.byName.size > 0) this.events.read(trace, this.takeEvent, this.forgetEvents)
  }

  /** Values of a series up to the horizon, by buckets; `NaN` is a gap. Another call writes over them. */
  values(series: number): Float64Array {
    const { bucket } = this.requests[series]
    const count = Math.ceil(this.horizon / bucket)
    if (this.written[series].length < count)
      this.written[series] = new Float64Array(Math.max(count, this.written[series].length * 2))
    const into = this.written[series].subarray(0, count)
    this.gatherers[series].write(into, count, this.isOver ? count * bucket : this.horizon)
    return into
  }

  private readonly takeEvent = (event: EventRecord): void => {
    const wanted = this.byName.get(event.name)
    if (wanted !== undefined) for (const gatherer of wanted) gatherer.take(event, this.hosts)
  }

  private readonly forgetEvents = (before: Nanos): void => {
    for (const same of this.byName.values()) for (const gatherer of same) gatherer.forget(before)
  }
}

function gathererOf(spec: MeasureSpec, bucket: Nanos, hosts: readonly string[]): Gatherer {
  switch (spec.measure) {
    case 'frames':
    case 'bytes':
      return new FrameGatherer(spec, bucket)
    case 'events':
      return new EventGatherer(spec, bucket)
    case 'value':
      return new ValueGatherer(spec, bucket)
    case 'percentile':
      return new PercentileGatherer(spec, bucket)
    case 'members':
      return new MembersGatherer(spec, bucket, hosts)
  }
}
