import type { AppContext, Blocking, Task } from '../host/socket.ts'
import type { Nanos } from '../kernel/time.ts'
import { SECOND } from '../kernel/time.ts'
import type { StreamFrame } from './stream-frame.ts'

/** After this much silence with nothing left to play, the rest of a stream is given up. */
const GIVE_UP: Nanos = 5 * SECOND

/**
 * The clock of one incoming stream. The first frame starts it; from then on every frame has its slot, and is played in it or missed.
 * What comes behind its slot is late: it was waited for in vain.
 */
export class Playout {
  /** When frame 0 has its slot. */
  private base: Nanos = 0
  /** The next slot. */
  private next = 0
  private total = 0
  private readonly arrived = new Set<number>()
  private readonly missed = new Set<number>()
  private lastArrival: Nanos = 0
  private clock: Task | undefined
  private played = 0

  /**
   * @param connection the conversation's name in the trace, or `''`
   * @param delay from the first frame's arrival to its slot
   */
  constructor(
    private readonly context: AppContext,
    private readonly connection: string,
    private readonly interval: Nanos,
    private readonly delay: Nanos,
  ) {}

  frame({ sequence, sentAt, total }: StreamFrame): void {
    const { now } = this.context.environment
    // Two clocks, which need not agree.
    this.record('stream:frame-received', { sequence, delay: this.context.wallClock() - sentAt })
    if (this.total === 0) this.base = now + this.delay - sequence * this.interval
    this.total = total
    this.lastArrival = now
    if (sequence >= this.next) this.arrived.add(sequence)
    else if (this.missed.delete(sequence)) this.recordLate(sequence, now)
    if (this.next < total && this.clock?.done !== false) this.clock = this.context.spawn(this.run())
  }

  private recordLate(sequence: number, now: Nanos): void {
    this.record('stream:frame-late', { sequence, late: now - (this.base + sequence * this.interval) })
  }

  private record(name: string, data: Record<string, number>): void {
    this.context.environment.record(name, this.connection, data)
  }

  private *run(): Blocking<void> {
    const { context, arrived, missed } = this
    while (this.next < this.total) {
      const left = this.base + this.next * this.interval - context.environment.now
      if (left > 0) yield* context.sleep(left)
      if (arrived.size === 0 && context.environment.now - this.lastArrival >= GIVE_UP) break
      const sequence = this.next++
      if (arrived.delete(sequence)) {
        this.played++
        this.record('stream:frame-played', { sequence })
      } else {
        missed.add(sequence)
        this.record('stream:frame-missed', { sequence })
      }
    }
    const { played, next } = this
    this.record('stream:finished', { played, missed: next - played })
  }
}
