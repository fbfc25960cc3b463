import type { Happening } from './happening.ts'
import type { Id } from './machine.ts'
import type { Nanos } from './time.ts'

const INITIAL_CAPACITY = 64

/** A binary heap over typed arrays, ordered by (time, id). */
export class EventHeap {
  private times = new Float64Array(INITIAL_CAPACITY)
  private ids = new Float64Array(INITIAL_CAPACITY)
  private happenings: (Happening | undefined)[] = []
  private count = 0

  get size(): number {
    return this.count
  }

  // Of the earliest; there must be one.

  get firstTime(): Nanos {
    return this.times[0]
  }

  get firstId(): Id {
    return this.ids[0]
  }

  get first(): Happening {
    return this.happenings[0] as Happening
  }

  push(time: Nanos, id: Id, happening: Happening): void {
    if (this.count === this.times.length) this.grow()
    const { times, ids, happenings } = this
    let hole = this.count++
    while (hole > 0) {
      const parent = (hole - 1) >> 1
      const parentTime = times[parent]
      if (parentTime < time || (parentTime === time && ids[parent] < id)) break
      times[hole] = parentTime
      ids[hole] = ids[parent]
      happenings[hole] = happenings[parent]
      hole = parent
    }
    times[hole] = time
    ids[hole] = id
    happenings[hole] = happening
  }

  /** Removes and returns the earliest; undefined when empty. */
  pop(): Happening | undefined {
    if (this.count === 0) return undefined
    const { times, ids, happenings } = this
    const first = happenings[0]
    const last = --this.count
    const time = times[last]
    const id = ids[last]
    const moved = happenings[last]
    happenings[last] = undefined
    if (last === 0) return first
    let hole = 0
    for (;;) {
      let child = 2 * hole + 1
      if (child >= last) break
      let childTime = times[child]
      const right = child + 1
      if (right < last) {
        const rightTime = times[right]
        if (rightTime < childTime || (rightTime === childTime && ids[right] < ids[child])) {
          child = right
          childTime = rightTime
        }
      }
      if (time < childTime || (time === childTime && id < ids[child])) break
      times[hole] = childTime
      ids[hole] = ids[child]
      happenings[hole] = happenings[child]
      hole = child
    }
    times[hole] = time
    ids[hole] = id
    happenings[hole] = moved
    return first
  }

  /** Visits everything that is in it, in no particular order. */
  forEach(visit: (happening: Happening, time: Nanos, id: Id) => void): void {
    for (let i = 0; i < this.count; i++) visit(this.happenings[i] as Happening, this.times[i], this.ids[i])
  }

  private grow(): void {
    const times = new Float64Array(this.times.length * 2)
    const ids = new Float64Array(this.ids.length * 2)
    times.set(this.times)
    ids.set(this.ids)
    this.times = times
    this.ids = ids
  }
}
