import type { FrameRing } from './frame-ring.ts'
import type { Id } from './machine.ts'
import type { QueueOwner } from './queue-discipline.ts'
import type { Nanos } from './time.ts'

/*
 * Required reading: RFC 8289, above all sections 3.3, 4.4 and 5; RFC 8290 section 4.2 for how many of these work side by side.
 *
 * A queue that is never empty for long is bad, one that absorbs a burst is good; they differ in the shortest time that frames stand in
 * it. CoDel watches that time as frames leave. Once it has been above the target for a whole interval, a frame is dropped, and then one
 * more each interval/sqrt(count), so that the senders slow down linearly, until a frame comes out that had waited for less.
 */

/** How many intervals the count of drops is remembered after a spell of dropping (RFC 8289 section 5.5). */
const REMEMBERED_INTERVALS = 16

/** The state machine of one queue, applied as frames leave it. */
export class Codel {
  /** Of the last frame that `dequeue` gave. */
  frame: Uint8Array = NONE
  id: Id = 0
  /** When the sojourn time will have been above the target for an interval; 0: it is below. */
  private firstAboveTime: Nanos = 0
  private dropNext: Nanos = 0
  private count = 0
  private lastCount = 0
  private dropping = false
  /** Whether the frame taken out last has a sojourn time that has been above the target for an interval. */
  private okToDrop = false
  /** The largest frame so far: a queue that holds no more than one is no queue to complain of. */
  private maxPacket = 0

  constructor(private readonly owner: QueueOwner) {}

  /** A frame is put into the queue. */
  seen(length: number): void {
    if (length > this.maxPacket) this.maxPacket = length
  }

  /** Forgets everything, as if the queue had just been made. */
  reset(): void {
    this.firstAboveTime = 0
    this.dropNext = 0
    this.count = 0
    this.lastCount = 0
    this.dropping = false
    this.maxPacket = 0
  }

  /**
   * Takes out of a queue what shall leave now, to `frame` and `id`; drops (or marks) what has to go first.
   * @returns whether there was something
   */
  dequeue(queue: FrameRing, now: Nanos): boolean {
    let found = this.take(queue, now)
    if (!found) {
      this.dropping = false
      return false
    }
    if (this.dropping) {
      if (!this.okToDrop) this.dropping = false
      while (this.dropping && now >= this.dropNext) {
        this.count++
        if (this.mark()) {
          this.dropNext = this.controlLaw(this.dropNext)
          return true
        }
        this.owner.dropped(this.id, 'codel-drop')
        found = this.take(queue, now)
        if (found && this.okToDrop) this.dropNext = this.controlLaw(this.dropNext)
        else this.dropping = false
      }
      return found
    }
    if (!this.okToDrop) return true
    if (!this.mark()) {
      this.owner.dropped(this.id, 'codel-drop')
      found = this.take(queue, now)
    }
    this.dropping = true
    // The rate of drops that was right shortly ago is a good one to begin with.
    const delta = this.count - this.lastCount
    const recent = now - this.dropNext < REMEMBERED_INTERVALS * this.owner.settings.codelInterval
    this.count = delta > 1 && recent ? delta : 1
    this.dropNext = this.controlLaw(now)
    this.lastCount = this.count
    if (!found) this.dropping = false
    return found
  }

  private controlLaw(time: Nanos): Nanos {
    return time + Math.floor(this.owner.settings.codelInterval / Math.sqrt(this.count))
  }

  /** Takes the first frame out, and judges whether it may be dropped. Returns false when there is none. */
  private take(queue: FrameRing, now: Nanos): boolean {
    this.okToDrop = false
    if (queue.count === 0) {
      this.firstAboveTime = 0
      return false
    }
    this.frame = queue.frame
    this.id = queue.id
    const sojourn = now - queue.time
    queue.shift()
    const { codelTarget, codelInterval } = this.owner.settings
    if (sojourn < codelTarget || queue.bytes <= this.maxPacket) this.firstAboveTime = 0
    else if (this.firstAboveTime === 0) this.firstAboveTime = now + codelInterval
    else this.okToDrop = now >= this.firstAboveTime
    return true
  }

  /** Marks the frame that was taken instead of dropping it, where that is wished and its transport understands it. */
  private mark(): boolean {
    const { owner } = this
    const marked = owner.settings.ecn ? owner.inspector.congestionMarked(this.frame) : undefined
    if (marked === undefined) return false
    if (marked !== this.frame) {
      this.frame = marked
      owner.marked(this.id, marked)
    }
    return true
  }
}

const NONE = new Uint8Array(0)
