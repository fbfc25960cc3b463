import type { AppContext } from '../../host/socket.ts'
import { SECOND, type Nanos } from '../../kernel/time.ts'
import type { LiveServerOptions } from './live-options.ts'

/** Why a connection is not let in. */
export type Obstacle = 'connections' | 'rate' | 'processor' | 'memory'

/** Decides who is let in: so many at once, so many in a second, and nobody while those who are there suffer. */
export class Admission {
  /** Tokens of the bucket, of which each newcomer takes one. */
  private tokens = -1
  private filledAt: Nanos = 0

  constructor(
    private readonly context: AppContext,
    private readonly options: LiveServerOptions,
  ) {}

  /**
   * @param present how many connections there are
   * @param waited how long the newcomer has waited for the processor
   * @returns what stands against letting him in
   */
  judge(present: number, waited: Nanos): Obstacle | undefined {
    const { admission, shed } = this.options
    if (admission.connections > 0 && present >= admission.connections) return 'connections'
    if (shed.delay > 0 && Math.max(waited, this.context.processorDelay()) > shed.delay) return 'processor'
    if (shed.memory > 0 && this.context.memoryShare() > shed.memory) return 'memory'
    if (admission.rate > 0 && !this.take(admission.rate, admission.burst)) return 'rate'
    return undefined
  }

  private take(rate: number, burst: number): boolean {
    const { now } = this.context.environment
    const most = Math.max(1, burst === 0 ? rate : burst)
    const had = this.tokens < 0 ? most : this.tokens
    this.tokens = Math.min(most, had + ((now - this.filledAt) * rate) / SECOND)
    this.filledAt = now
    if (this.tokens < 1) return false
    this.tokens--
    return true
  }
}
