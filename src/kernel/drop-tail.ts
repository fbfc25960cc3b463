import { FrameRing } from './frame-ring.ts'
import type { Fate } from './link.ts'
import type { Id } from './machine.ts'
import { hasRoom, type QueueDiscipline, type QueueOwner } from './queue-discipline.ts'
import type { Nanos } from './time.ts'

/** First come, first served; what finds the queue full is refused. */
export class DropTail implements QueueDiscipline {
  frame: Uint8Array = NONE
  id: Id = 0
  private readonly waiting = new FrameRing()

  constructor(private readonly owner: QueueOwner) {}

  get count(): number {
    return this.waiting.count
  }
  get bytes(): number {
    return this.waiting.bytes
  }

  enqueue(frame: Uint8Array, id: Id, now: Nanos, free: boolean): Fate | undefined {
    const { waiting } = this
    if (!free && !hasRoom(waiting.count, waiting.bytes, frame.length, this.owner.settings)) return 'queue-full'
    waiting.push(frame, id, now)
    return undefined
  }

  dequeue(): boolean {
    const { waiting } = this
    if (waiting.count === 0) return false
    this.frame = waiting.frame
    this.id = waiting.id
    waiting.shift()
    return true
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

const NONE = new Uint8Array(0)
