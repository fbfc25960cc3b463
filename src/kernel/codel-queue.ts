import { Codel } from './codel.ts'
import type { Fate } from './link.ts'
import type { Id } from './machine.ts'
import { hasRoom, type QueueDiscipline, type QueueOwner } from './queue-discipline.ts'
import { SingleQueue } from './single-queue.ts'
import type { Nanos } from './time.ts'

/** One queue under CoDel (RFC 8289). */
export class CodelQueue extends SingleQueue implements QueueDiscipline {
  private readonly codel: Codel

  constructor(private readonly owner: QueueOwner) {
    super()
    this.codel = new Codel(owner)
  }

  get frame(): Uint8Array {
    return this.codel.frame
  }
  get id(): Id {
    return this.codel.id
  }

  enqueue(frame: Uint8Array, id: Id, now: Nanos, free: boolean): Fate | undefined {
    const { waiting } = this
    // The line found the queue empty before: that ends a spell of dropping, as asking for a frame and finding none does.
    if (free) this.codel.dequeue(waiting, now)
    else if (!hasRoom(waiting.count, waiting.bytes, frame.length, this.owner.settings)) return 'queue-full'
    this.adopt(frame, id, now)
    return undefined
  }

  dequeue(now: Nanos): boolean {
    return this.codel.dequeue(this.waiting, now)
  }

  override adopt(frame: Uint8Array, id: Id, time: Nanos): void {
    this.codel.seen(frame.length)
    super.adopt(frame, id, time)
  }
}
