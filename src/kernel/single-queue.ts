import { FrameRing } from './frame-ring.ts'
import type { Id } from './machine.ts'
import type { Nanos } from './time.ts'

/** What disciplines with one queue have in common: who waits, in the order in which they came. */
export abstract class SingleQueue {
  protected readonly waiting = new FrameRing()

  get count(): number {
    return this.waiting.count
  }
  get bytes(): number {
    return this.waiting.bytes
  }

  adopt(frame: Uint8Array, id: Id, time: Nanos): void {
    this.waiting.push(frame, id, time)
  }
  has(id: Id): boolean {
    return this.waiting.has(id)
  }
  remove(id: Id): boolean {
    return this.waiting.remove(id)
  }
  forEach(visit: (frame: Uint8Array, id: Id, time: Nanos) => void): void {
    this.waiting.forEach(visit)
  }
  clear(): void {
    this.waiting.clear()
  }
}

/** One whose frames leave as they came, unless they are refused at the door. */
export abstract class FirstComeQueue extends SingleQueue {
  frame: Uint8Array = NONE
  id: Id = 0

  dequeue(_now: Nanos): boolean {
    const { waiting } = this
    if (waiting.count === 0) return false
    this.frame = waiting.frame
    this.id = waiting.id
    waiting.shift()
    return true
  }
}

const NONE = new Uint8Array(0)
