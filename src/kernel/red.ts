import type { Fate } from './link.ts'
import type { Id } from './machine.ts'
import { hasRoom, type QueueDiscipline, type QueueOwner } from './queue-discipline.ts'
import type { Random } from './random.ts'
import { FirstComeQueue } from './single-queue.ts'
import { serializationTime, type Nanos } from './time.ts'

/*
 * Required reading: Floyd and Jacobson, "Random Early Detection Gateways for Congestion Avoidance", IEEE/ACM Transactions on Networking,
 * August 1993; Floyd, "Recommendation on using the gentle variant of RED", 2000; RFC 3168 section 7 on marking.
 *
 * A moving average of the queue's length, not the length itself, decides: short bursts pass. Below redMin nothing happens. Between redMin
 * and redMax the probability grows in a line, and is raised with each frame that was spared, so that drops come at even distances rather
 * than in bunches. Senders hear of the congestion one by one, before the queue is full and all lose at once.
 */

/** Bytes of the frame by whose time on the line an idle spell is measured. */
const TYPICAL_FRAME = 1000

export class Red extends FirstComeQueue implements QueueDiscipline {
  private readonly draw: Random
  /** The average queue, in frames. */
  private average = 0
  /** Frames that came since the last one that was dropped or marked; -1: the average is below the minimum. */
  private spared = -1
  /** When the queue became empty; meaningless while it is not. */
  private idleSince: Nanos = 0

  constructor(private readonly owner: QueueOwner) {
    super()
    this.draw = owner.random('red')
  }

  enqueue(frame: Uint8Array, id: Id, now: Nanos, free: boolean): Fate | undefined {
    const { owner, waiting } = this
    const { settings } = owner
    // One number for each frame that comes, needed or not, so that settings do not shift those of later frames.
    const chance = this.draw.next()
    this.updateAverage(now)
    const verdict = this.judge(chance)
    let kept = frame
    if (verdict === 'mark') {
      const marked = settings.ecn ? owner.inspector.congestionMarked(frame) : undefined
      if (marked === undefined) return 'red-drop'
      kept = marked
    } else if (verdict === 'drop') return 'red-drop'
    if (!free && !hasRoom(waiting.count, waiting.bytes, frame.length, settings)) {
      this.spared = 0
      return 'queue-full'
    }
    if (kept !== frame) owner.marked(id, kept)
    waiting.push(kept, id, now)
    return undefined
  }

  /** What RED says about a frame that comes: `mark` where a mark will do. */
  private judge(chance: number): 'keep' | 'mark' | 'drop' {
    const { redMin, redMax, redProbability, redGentle } = this.owner.settings
    const { average } = this
    if (average < redMin) {
      this.spared = -1
      return 'keep'
    }
    // RFC 3168 section 7: beyond the upper threshold packets are dropped, also those of senders who understand marks.
    if (average >= (redGentle ? 2 * redMax : redMax)) {
      this.spared = 0
      return 'drop'
    }
    this.spared++
    const base =
      average < redMax
        ? (redProbability * (average - redMin)) / (redMax - redMin)
        : redProbability + ((1 - redProbability) * (average - redMax)) / redMax
    const spread = 1 - this.spared * base
    if (spread > 0 && chance >= base / spread) return 'keep'
    this.spared = 0
    return 'mark'
  }

  private updateAverage(now: Nanos): void {
    const { redWeight, rate, overhead } = this.owner.settings
    if (this.waiting.count > 0) {
      this.average += redWeight * (this.waiting.count - this.average)
      return
    }
    // As if so many frames had come while it was empty as could have left.
    const each = rate === 0 ? 0 : serializationTime(TYPICAL_FRAME + overhead, rate)
    const missed = each === 0 ? Infinity : Math.floor((now - this.idleSince) / each)
    this.average *= power(1 - redWeight, missed)
    this.idleSince = now
  }

  override dequeue(now: Nanos): boolean {
    if (!super.dequeue(now)) return false
    if (this.waiting.count === 0) this.idleSince = now
    return true
  }
}

/** A base in [0, 1] to a whole power, by squaring: the same bits in every engine, which the language's own power does not promise. */
function power(base: number, exponent: number): number {
  if (exponent === Infinity) return 0
  let result = 1
  let square = base
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= square
    square *= square
  }
  return result
}
