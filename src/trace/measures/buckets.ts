import type { Nanos } from '../record.ts'

/** Numbers by pieces of time of one width, from 0 on. */
export class Buckets {
  values = new Float64Array(64)
  /** How many have been written to, or stood on. */
  count = 0

  constructor(
    readonly width: Nanos,
    private readonly empty: number,
  ) {
    this.values.fill(empty)
  }

  /** Index of the bucket that a time falls into; there is room for it then. */
  at(time: Nanos): number {
    const index = Math.floor(time / this.width)
    this.reach(index + 1)
    return index
  }

  /** Makes room for `count` buckets. */
  reach(count: number): void {
    if (count <= this.count) return
    this.count = count
    if (count <= this.values.length) return
    const wider = new Float64Array(Math.max(count, this.values.length * 2)).fill(this.empty)
    wider.set(this.values)
    this.values = wider
  }
}
