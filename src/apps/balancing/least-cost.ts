import type { Nanos } from '../../kernel/time.ts'
import type { Backend } from './backend.ts'
import { isOpen } from './strategy.ts'
import type { Strategy, Wanted } from './strategy.ts'

/** What one more request would cost at a server, in any unit, before its weight is considered. */
type Cost = (backend: Backend) => number

/** Whoever would cost the least for its weight. Among equals each in turn, or an idle pool would use its first only. */
export class LeastCost implements Strategy {
  private turn = 0

  constructor(
    private readonly now: () => Nanos,
    private readonly costOf: Cost,
  ) {}

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
      const cost = this.costOf(backend) / (backend.weight * backend.shareAt(now))
      if (cost >= least) continue
      least = cost
      best = backend
      at = place
    }
    this.turn = at + 1
    return best
  }
}

/** How many connections it would have, with this one. */
export const connectionsWithThis: Cost = ({ active }) => active + 1

/** What somebody is taken to need who has work and has never answered. */
const UNKNOWN: Nanos = 1_000_000_000

/**
 * After how long it would probably answer: a peak-sensitive mean of its answers' durations, times how many it would have under way. Somebody
 * of whom nothing is known gets one request, and no more before it has answered.
 */
export const likelyWait: Cost = ({ active, responseTime }) => (responseTime > 0 ? responseTime * (active + 1) : active * UNKNOWN)
