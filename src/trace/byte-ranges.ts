type Range = readonly [from: number, to: number]

/** Ranges of bytes that have come, by offset. They are few: all below an offset is one of them. */
export class ByteRanges {
  /** Ascending, apart from each other. */
  private ranges: Range[] = []

  /** Behind the last byte that has come. */
  get end(): number {
    return this.ranges.at(-1)?.[1] ?? 0
  }

  /** The first offset that has not come. */
  get next(): number {
    const first = this.ranges.at(0)
    return first?.[0] === 0 ? first[1] : 0
  }

  /**
   * Takes in [from, to).
   * @returns how many of these bytes had not come before
   */
  insert(from: number, to: number): number {
    if (to <= from) return 0
    const last = this.ranges.at(-1)
    // What comes in order is nearly all.
    if (last?.[1] === from) {
      this.ranges[this.ranges.length - 1] = [last[0], to]
      return to - from
    }
    let fresh = to - from
    let [start, end] = [from, to]
    const apart: Range[] = []
    for (const range of this.ranges) {
      const [a, b] = range
      fresh -= Math.max(0, Math.min(b, to) - Math.max(a, from))
      if (b < from || a > to) apart.push(range)
      else [start, end] = [Math.min(start, a), Math.max(end, b)]
    }
    const index = apart.findIndex(([a]) => a > end)
    apart.splice(index < 0 ? apart.length : index, 0, [start, end])
    this.ranges = apart
    return fresh
  }

  /** What is missing of [from, to), ascending. */
  missing(from: number, to: number): Range[] {
    const holes: Range[] = []
    let at = from
    for (const [a, b] of this.ranges) {
      if (b <= at) continue
      if (a >= to) break
      if (a > at) holes.push([at, a])
      at = Math.max(at, b)
    }
    if (at < to) holes.push([at, to])
    return holes
  }
}
