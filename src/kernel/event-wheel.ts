import { EventHeap } from './event-heap.ts'
import type { Happening } from './happening.ts'
import type { Id } from './machine.ts'
import type { Nanos } from './time.ts'

/** Nanoseconds that a slot is long: 4.2 ms. A power of 2, so that dividing by it is exact. */
const SLOT = 2 ** 22
/** So many are 1.07 s: what a client does once a second, and most of what it waits for, is in one of them. */
const SLOTS = 256

const INITIAL_CAPACITY = 16

/** What happens within one slot, in no order. */
class Slot {
  private times = new Float64Array(INITIAL_CAPACITY)
  private ids = new Float64Array(INITIAL_CAPACITY)
  private happenings: (Happening | undefined)[] = []
  count = 0

  add(time: Nanos, id: Id, happening: Happening): void {
    if (this.count === this.times.length) this.grow()
    const at = this.count++
    this.times[at] = time
    this.ids[at] = id
    this.happenings[at] = happening
  }

  /** Empties it. What was cancelled meanwhile is forgotten. */
  pourInto(heap: EventHeap): void {
    const { times, ids, happenings, count } = this
    this.count = 0
    for (let i = 0; i < count; i++) {
      const happening = happenings[i] as Happening
      happenings[i] = undefined
      if (!happening.cancelled) heap.push(times[i], ids[i], happening)
    }
  }

  forEach(visit: (happening: Happening) => void): void {
    for (let i = 0; i < this.count; i++) visit(this.happenings[i] as Happening)
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

/** Events of some time ahead: by slots, unordered, until their slot is next; those beyond the last slot in a heap. */
export class EventWheel {
  private readonly slots = Array.from({ length: SLOTS }, () => new Slot())
  private readonly far = new EventHeap()
  /** Number of the first slot, counted from time 0. */
  private slot: number
  /** How many events are in slots. */
  private slotted = 0

  /** @param time it begins there, or up to a slot later */
  constructor(time: Nanos) {
    this.slot = Math.floor(time / SLOT) + 1
  }

  /** Everything in it is at this time or later. */
  get begin(): Nanos {
    return this.slot * SLOT
  }

  get size(): number {
    return this.slotted + this.far.size
  }

  /** @param time at or after `begin` */
  push(time: Nanos, id: Id, happening: Happening): void {
    const slot = Math.floor(time / SLOT)
    if (slot >= this.slot + SLOTS) {
      this.far.push(time, id, happening)
      return
    }
    this.slots[slot % SLOTS].add(time, id, happening)
    this.slotted++
  }

  /** Moves the events of the next slot in which there are any to a heap, and begins behind it; there must be some. */
  pourInto(heap: EventHeap): void {
    const { slots, far } = this
    if (this.slotted === 0) {
      this.slot = Math.floor(far.firstTime / SLOT)
      this.takeFar()
    }
    while (slots[this.slot % SLOTS].count === 0) this.slot++
    const slot = slots[this.slot % SLOTS]
    this.slotted -= slot.count
    slot.pourInto(heap)
    this.slot++
    this.takeFar()
  }

  forEach(visit: (happening: Happening) => void): void {
    for (const slot of this.slots) slot.forEach(visit)
    this.far.forEach(visit)
  }

  /** The last slots have come nearer. */
  private takeFar(): void {
    const { far } = this
    const end = (this.slot + SLOTS) * SLOT
    while (far.size > 0 && far.firstTime < end) {
      const { firstTime, firstId } = far
      this.push(firstTime, firstId, far.pop() as Happening)
    }
  }
}
