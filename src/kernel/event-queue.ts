import { EventHeap } from './event-heap.ts'
import { EventWheel } from './event-wheel.ts'
import type { Happening } from './happening.ts'
import type { Id } from './machine.ts'
import { NEVER, type Nanos } from './time.ts'

/** With more, a heap alone is worse: what a crowd's thousands wait for would have to be moved out of the way all the time. */
const MANY = 512

/**
 * What is pending on a host, ordered by (time, id). Ids are unique, so the order is total and does not depend on the order of insertion.
 *
 * A heap; once there are many, a small heap of what is next, and a wheel for what comes later.
 */
export class EventQueue {
  private near = new EventHeap()
  private wheel: EventWheel | undefined
  /** Where the wheel begins: everything before is in the heap. */
  private nearEnd: Nanos = Infinity

  get size(): number {
    return this.near.size + (this.wheel?.size ?? 0)
  }

  /** Time of the earliest that is not cancelled, or `NEVER`. Forgets those cancelled that stand in front of it. */
  get nextTime(): Nanos {
    const { near } = this
    while (near.size > 0 || this.refill()) {
      if (!near.first.cancelled) return near.firstTime
      near.pop()
    }
    return NEVER
  }

  push(time: Nanos, id: Id, happening: Happening): void {
    if (time >= this.nearEnd) {
      this.wheel?.push(time, id, happening)
      return
    }
    this.near.push(time, id, happening)
    if (this.wheel === undefined && this.near.size > MANY) this.divide()
  }

  /**
   * Removes and returns the earliest that is not cancelled, if its time is before `until`; `takenTime` tells the time. Forgets those
   * cancelled that stand in front of it.
   */
  takeBefore(until: Nanos): Happening | undefined {
    const { near } = this
    while (near.size > 0 || this.refill()) {
      const time = near.firstTime
      if (time >= until) return undefined
      const happening = near.pop() as Happening
      if (happening.cancelled) continue
      this.takenTime = time
      return happening
    }
    return undefined
  }
  takenTime: Nanos = 0

  /** Removes and returns the earliest; undefined when empty. */
  pop(): Happening | undefined {
    return this.near.size > 0 || this.refill() ? this.near.pop() : undefined
  }

  /** Visits everything that is pending, in no particular order. */
  forEach(visit: (happening: Happening) => void): void {
    this.near.forEach(visit)
    this.wheel?.forEach(visit)
  }

  private divide(): void {
    const all = this.near
    this.near = new EventHeap()
    this.wheel = new EventWheel(all.firstTime)
    this.nearEnd = this.wheel.begin
    all.forEach((happening, time, id) => {
      this.push(time, id, happening)
    })
  }

  /** The heap is empty. @returns whether there is anything in it now */
  private refill(): boolean {
    const { near, wheel } = this
    if (wheel === undefined) return false
    // Of a slot there may be nothing left but what was cancelled.
    while (near.size === 0 && wheel.size > 0) wheel.pourInto(near)
    this.nearEnd = wheel.begin
    return near.size > 0
  }
}
