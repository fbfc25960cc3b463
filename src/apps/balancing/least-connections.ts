import type { Nanos } from '../../kernel/time.ts'
import type { Backend } from './backend.ts'
import { isOpen } from './strategy.ts'
import type { Strategy, Wanted } from './strategy.ts'

/** Who would have the least for its weight, with this one. Among equals each in turn, or an idle pool would use its first only. */
export class LeastConnections implements Strategy {
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
      const load = (backend.active + 1) / (backend.weight * backend.shareAt(now))
      if (load >= least) continue
      least = load
      best = backend
      at = place
    }
    this.turn = at + 1
    return best
  }
}
