/** A set of byte offsets, as disjoint ranges in their order: those of a stream that came in, were acknowledged, or were lost. */
export class ByteRanges {
  /** Start and end (exclusive) of each range by turns; ranges neither overlap nor touch. */
  private readonly bounds: number[] = []

  get isEmpty(): boolean {
    return this.bounds.length === 0
  }

  /** How many ranges. */
  get count(): number {
    return this.bounds.length / 2
  }

  /** Start of the first range; only while it is not empty. */
  get firstStart(): number {
    return this.bounds[0]
  }

  /** End (exclusive) of the first range; only while it is not empty. */
  get firstEnd(): number {
    return this.bounds[1]
  }

  /** Puts [start, end) in. */
  add(start: number, end: number): void {
    if (start >= end) return
    const { bounds } = this
    const { length } = bounds
    // At the end, as when all comes in order.
    if (length === 0 || start > bounds[length - 1]) {
      bounds.push(start, end)
      return
    }
    // The first range that reaches up to the start, and the first one that begins behind the end.
    let from = this.rangeEndingAt(start)
    let to = from
    while (to < length && bounds[to] <= end) to += 2
    if (from === to) {
      bounds.splice(from, 0, start, end)
      return
    }
    bounds[from] = Math.min(bounds[from], start)
    bounds[from + 1] = Math.max(bounds[to - 1], end)
    from += 2
    if (to > from) bounds.splice(from, to - from)
  }

  /** Takes [start, end) out. */
  remove(start: number, end: number): void {
    const { bounds } = this
    if (start >= end || bounds.length === 0) return
    let at = this.rangeEndingAt(start + 1)
    while (at < bounds.length && bounds[at] < end) {
      const left = bounds[at]
      const right = bounds[at + 1]
      if (left >= start && right <= end) {
        bounds.splice(at, 2)
      } else if (left < start && right > end) {
        bounds.splice(at + 1, 0, start, end)
        return
      } else if (left < start) {
        bounds[at + 1] = start
        at += 2
      } else {
        bounds[at] = end
        return
      }
    }
  }

  /** Whether all of [start, end) is in it. */
  covers(start: number, end: number): boolean {
    if (start >= end) return true
    const at = this.rangeEndingAt(start + 1)
    return at < this.bounds.length && this.bounds[at] <= start && this.bounds[at + 1] >= end
  }

  /** Puts in what of [start, end) is not in `others`. */
  addWithout(start: number, end: number, others: ByteRanges): void {
    let from = start
    const { bounds } = others
    for (let at = others.rangeEndingAt(start + 1); at < bounds.length && bounds[at] < end; at += 2) {
      this.add(from, bounds[at])
      from = Math.max(from, bounds[at + 1])
    }
    this.add(from, end)
  }

  clear(): void {
    this.bounds.length = 0
  }

  /** Index of the first range whose end is at `offset` or behind it. */
  private rangeEndingAt(offset: number): number {
    const { bounds } = this
    let low = 0
    let high = bounds.length / 2
    while (low < high) {
      const middle = (low + high) >>> 1
      if (bounds[2 * middle + 1] < offset) low = middle + 1
      else high = middle
    }
    return 2 * low
  }
}
