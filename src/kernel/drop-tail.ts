import type { Fate } from './link.ts'
import type { Id } from './machine.ts'
import { hasRoom, type QueueDiscipline, type QueueOwner } from './queue-discipline.ts'
import { FirstComeQueue } from './single-queue.ts'
import type { Nanos } from './time.ts'

/** First come, first served; what finds the queue full is refused. */
export class DropTail extends FirstComeQueue implements QueueDiscipline {
  constructor(private readonly owner: QueueOwner) {
    super()
  }

  enqueue(frame: Uint8Array, id: Id, now: Nanos, free: boolean): Fate | undefined {
    const { waiting } = this
    if (!free && !hasRoom(waiting.count, waiting.bytes, frame.length, this.owner.settings)) return 'queue-full'
    waiting.push(frame, id, now)
    return undefined
  }
}
