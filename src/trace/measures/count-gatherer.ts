import type { EventRecord, Nanos } from '../record.ts'
import { Buckets } from './buckets.ts'
import { writeUnknown } from './gatherer.ts'

const SECOND = 1e9

/** Counts what falls into each bucket, and tells it a second or in all. */
export class CountGatherer {
  readonly events: readonly string[] = []
  private readonly counts: Buckets
  private unknownUntil: Nanos = 0

  constructor(
    width: Nanos,
    private readonly as: 'rate' | 'total',
  ) {
    this.counts = new Buckets(width, 0)
  }

  add(time: Nanos, amount: number): void {
    this.counts.values[this.counts.at(time)] += amount
  }

  take(_event: EventRecord, _hosts: readonly string[]): void {
    // What counts something else than events is told otherwise.
  }

  forget(before: Nanos): void {
    this.unknownUntil = Math.max(this.unknownUntil, before)
  }

  write(into: Float64Array, count: number, horizon: Nanos): void {
    const { counts, as, unknownUntil } = this
    const { width } = counts
    counts.reach(count)
    if (as === 'total') {
      // Of what was let go nobody knows how much it was.
      let sum = unknownUntil > 0 ? Number.NaN : 0
      for (let index = 0; index < count; index++) into[index] = sum += counts.values[index]
      return
    }
    const factor = SECOND / width
    for (let index = 0; index < count; index++) into[index] = counts.values[index] * factor
    // The rate of a bucket is known when all of it has passed.
    if (count * width > horizon && count > 0) into[count - 1] = Number.NaN
    writeUnknown(into, count, width, unknownUntil)
  }
}
