import type { Run } from '../../src/run/run.ts'
import { EventReader } from '../../src/trace/measures/event-reader.ts'
import type { ChartPlan } from '../../src/trace/measures/measure-spec.ts'
import { Series } from '../../src/trace/measures/series.ts'
import { SeriesSet } from '../../src/trace/measures/series-set.ts'
import type { EventRecord, Nanos } from '../../src/trace/record.ts'

/** Something that a person did, or that befell a host: drawn on the axis of time. */
export interface ChartMark {
  readonly time: Nanos
  readonly event: EventRecord
}

const NO_PLANS: readonly ChartPlan[] = []
const shared = new WeakMap<Run, ChartData>()

/** The numbers of some charts of one run, kept up as it goes on. Begins anew when the run does. */
export class ChartData {
  #set: SeriesSet | undefined
  #events = new EventReader()
  marks: ChartMark[] = []
  /** By chart, the index of its first series in the set. */
  readonly #first: readonly number[]

  constructor(
    readonly run: Run,
    readonly plans: readonly ChartPlan[],
  ) {
    let series = 0
    this.#first = plans.map((plan) => {
      const first = series
      series += plan.series.length
      return first
    })
    run.addEventListener('restart', () => {
      this.#set = undefined
      this.#events = new EventReader()
      this.marks = []
    })
  }

  /** The charts of the run's scenario; all elements that show one of them share the numbers. */
  static of(run: Run): ChartData {
    let data = shared.get(run)
    // A knob that needs a fresh start may have changed the scenario.
    if (data?.plans !== (run.scenario.charts ?? NO_PLANS)) {
      data = new ChartData(run, run.scenario.charts ?? NO_PLANS)
      shared.set(run, data)
    }
    return data
  }

  /** Takes in what is new in the run's trace. */
  update(): void {
    const { run } = this
    const { trace, horizon } = run
    this.#set ??= new SeriesSet(
      this.plans.flatMap(({ bucket, series }) => series.map(({ spec }) => ({ spec, bucket }))),
      trace.hosts,
    )
    this.#set.update(trace, horizon, run.state === 'ended')
    this.#events.read(trace, this.#take)
  }

  /** The series of a chart, in their order. Valid until the next call. */
  series(chart: number): readonly Series[] {
    const { bucket, series } = this.plans[chart]
    return series.map((_, index) => new Series(bucket, this.#set?.values(this.#first[chart] + index) ?? new Float64Array(0)))
  }

  readonly #take = (event: EventRecord): void => {
    const { name, host, time } = event
    if (host === -1 || name === 'host:crashed' || name === 'host:recovered') this.marks.push({ time, event })
  }
}
