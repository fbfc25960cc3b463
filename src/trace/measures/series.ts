import type { Nanos, TraceView } from '../record.ts'
import { TraceStore } from '../trace-store.ts'
import type { MeasureSpec } from './measure-spec.ts'
import { SeriesSet } from './series-set.ts'

/** A measure over simulated time. */
export class Series {
  /**
   * @param bucket width of the pieces of time that the values stand for
   * @param values by bucket from 0; `NaN` is a gap: nothing was measured there, or it is not known
   */
  constructor(
    readonly bucket: Nanos,
    readonly values: Float64Array,
  ) {}

  /**
   * The value that is known at a time: of the bucket that it falls into, or of the one before where that is not complete yet.
   * @returns `NaN` in a gap
   */
  at(time: Nanos): number {
    const { values, bucket } = this
    const index = Math.min(Math.floor(time / bucket), values.length - 1)
    if (index < 0) return Number.NaN
    const isNewest = index === values.length - 1
    return Number.isNaN(values[index]) && isNewest && index > 0 ? values[index - 1] : values[index]
  }

  /** The largest value in [from, to), and when its first bucket begins; undefined when there is none but gaps. */
  peak(from: Nanos = 0, to: Nanos = Infinity): { readonly value: number; readonly time: Nanos } | undefined {
    let best: { value: number; time: Nanos } | undefined
    this.each(from, to, (value, time) => {
      if (best === undefined || value > best.value) best = { value, time }
    })
    return best
  }

  /** Mean of the values in [from, to), gaps left out; `NaN` when there is none. */
  mean(from: Nanos = 0, to: Nanos = Infinity): number {
    let sum = 0
    let count = 0
    this.each(from, to, (value) => {
      sum += value
      count++
    })
    return sum / count
  }

  /** When the first bucket at or after `from` begins whose value is such; undefined when none is. */
  firstTime(is: (value: number) => boolean, from: Nanos = 0): Nanos | undefined {
    for (let index = Math.ceil(from / this.bucket); index < this.values.length; index++) {
      if (!Number.isNaN(this.values[index]) && is(this.values[index])) return index * this.bucket
    }
    return undefined
  }

  private each(from: Nanos, to: Nanos, take: (value: number, time: Nanos) => void): void {
    const { values, bucket } = this
    const last = Math.min(values.length, Math.ceil(to / bucket))
    for (let index = Math.ceil(from / bucket); index < last; index++) {
      if (!Number.isNaN(values[index])) take(values[index], index * bucket)
    }
  }
}

/**
 * Measures a finished run, for claims and articles: the very series that a chart would draw.
 * @param bucket width of the pieces of time in nanoseconds
 * @param until up to where it is measured; the end of the run when absent
 */
export function measureSeries(trace: TraceView, spec: MeasureSpec, bucket: Nanos, until = endOf(trace)): Series {
  const set = new SeriesSet([{ spec, bucket }], trace.hosts)
  set.update(trace, until, true)
  return new Series(bucket, set.values(0))
}

function endOf(trace: TraceView): Nanos {
  if (trace instanceof TraceStore) return trace.horizon
  let end = trace.events.at(-1)?.time ?? 0
  for (const { enqueued } of trace.frames()) end = Math.max(end, enqueued)
  return end
}
