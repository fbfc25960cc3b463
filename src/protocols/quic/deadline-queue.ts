import type { Nanos } from '../endpoint.ts'

/** Something that waits for a time, and where it stands in the queue. */
export interface Waiting {
  /** When it is due; Infinity: never. */
  deadline: Nanos
  /** Its place in the queue; -1: it is not there. */
  place: number
}

/** Many deadlines, of which the earliest is wanted: a binary heap in which each item knows its place. */
export class DeadlineQueue<Item extends Waiting> {
  private readonly heap: Item[] = []

  /** What is due first. */
  get first(): Item | undefined {
    return this.heap.at(0)
  }

  /** Takes an item in, or moves it; `Infinity` takes it out. */
  set(item: Item, deadline: Nanos): void {
    if (item.place < 0) {
      if (deadline === Infinity) return
      item.deadline = deadline
      this.heap.push(item)
      this.rise(item, this.heap.length - 1)
      return
    }
    if (deadline === item.deadline) return
    const isEarlier = deadline < item.deadline
    item.deadline = deadline
    if (deadline === Infinity) this.remove(item)
    else if (isEarlier) this.rise(item, item.place)
    else this.sink(item, item.place)
  }

  private remove(item: Item): void {
    const { heap } = this
    const { place } = item
    item.place = -1
    const last = heap.pop()
    if (last === undefined || last === item) return
    this.rise(last, place)
    this.sink(last, last.place)
  }

  private rise(item: Item, from: number): void {
    const { heap } = this
    let at = from
    while (at > 0) {
      const above = (at - 1) >> 1
      const other = heap[above]
      if (other.deadline <= item.deadline) break
      heap[at] = other
      other.place = at
      at = above
    }
    heap[at] = item
    item.place = at
  }

  private sink(item: Item, from: number): void {
    const { heap } = this
    let at = from
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && heap[below + 1].deadline < heap[below].deadline) below++
      const other = heap[below]
      if (other.deadline >= item.deadline) break
      heap[at] = other
      other.place = at
      at = below
    }
    heap[at] = item
    item.place = at
  }
}
