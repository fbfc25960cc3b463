import type { Nanos } from '../../kernel/time.ts'
import type { Backend } from './backend.ts'
import { isOpen } from './strategy.ts'
import type { Strategy, Wanted } from './strategy.ts'

/** What somebody is taken to need who has work and has never answered. */
const UNKNOWN: Nanos = 1_000_000_000

/**
 * Who would probably be first to answer: a peak-sensitive mean of its answers' durations, times how many it would have under way, over
 * its weight. Somebody of whom nothing is known gets one request, and no more before it has answered.
 */
export class LeastResponseTime implements Strategy {
  private turn = 0

  constructor(private readonly now: () => Nanos) {}

  pick(wanted: Wanted, backends: readonly Backend[]): Backend | undefined {
    const now = this.now()
    const count = backends.length
    let best: Backend | undefined
    let least = Infinity
    let at = 0
    for (let i = 0; i < count; i++) {
      const place = (this.turn + i) % count
      const backend = backends[place]
      if (!isOpen(backend, wanted)) continue
      const { active, responseTime, weight } = backend
      const expected = responseTime > 0 ? responseTime * (active + 1) : active * UNKNOWN
      const cost = expected / (weight * backend.shareAt(now))
      if (cost >= least) continue
      least = cost
      best = backend
      at = place
    }
    this.turn = at + 1
    return best
  }
}
