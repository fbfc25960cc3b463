import { FrameMark, type Fate, type FrameRecord, type Nanos, type TraceView } from '../src/trace/record.ts'

/** Something worth finding again on a scrub bar. */
export interface Mark {
  readonly kind: 'loss' | 'retransmission'
  readonly time: Nanos
  /** Number of the frame. */
  readonly frame: number
}

/** Whether a frame with this fate never reached the host at the other end. */
export function isLost(fate: Fate): boolean {
  return fate !== 'queued' && fate !== 'in-flight' && fate !== 'arrived'
}

/**
 * Losses and retransmissions of a trace, kept up to date as it grows. Frames are looked at once their fate is known, and again
 * only from the oldest one on whose fate is still open.
 */
export class TraceMarks {
  readonly losses: Mark[] = []
  readonly retransmissions: Mark[] = []
  /** How many frames wait or are on the way, as far as the trace knows. */
  underWay = 0
  /** When the last thing happened that the trace knows of. */
  lastMoment: Nanos = 0
  #open = 1

  /** Begin anew. */
  clear(): void {
    this.losses.length = 0
    this.retransmissions.length = 0
    this.underWay = 0
    this.lastMoment = 0
    this.#open = 1
  }

  /** Takes in what came since the last call. */
  update(trace: TraceView): void {
    const from = Math.max(this.#open, trace.firstKept)
    this.#cut(this.losses, from)
    this.#cut(this.retransmissions, from)
    let open = trace.frameCount + 1
    this.underWay = 0
    this.lastMoment = Math.max(this.lastMoment, trace.events.at(-1)?.time ?? 0)
    for (let number = from; number <= trace.frameCount; number++) {
      const frame = trace.frame(number)
      if (frame === undefined) continue
      if (frame.fate === 'queued' || frame.fate === 'in-flight') {
        open = Math.min(open, number)
        this.underWay++
      } else this.lastMoment = Math.max(this.lastMoment, frame.fateAt)
      this.#take(frame)
    }
    this.#open = open
  }

  #take(frame: FrameRecord): void {
    if (isLost(frame.fate)) this.losses.push({ kind: 'loss', time: frame.fateAt, frame: frame.number })
    if ((frame.mark & FrameMark.Retransmission) !== 0 && (frame.mark & FrameMark.Forwarded) === 0) {
      this.retransmissions.push({ kind: 'retransmission', time: frame.enqueued, frame: frame.number })
    }
  }

  /** Marks of frames from `number` on go; they are about to be read again. */
  #cut(marks: Mark[], number: number): void {
    while (marks.length > 0 && marks[marks.length - 1].frame >= number) marks.pop()
  }
}
