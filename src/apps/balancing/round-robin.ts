import type { Nanos } from '../../kernel/time.ts'
import type { Backend } from './backend.ts'
import { isOpen } from './strategy.ts'
import type { Strategy, Wanted } from './strategy.ts'

/**
 * Each in turn. Shares are kept exactly and without bursts by the smooth weighted round robin of nginx: each turn everybody earns its
 * weight, the richest is picked and pays what all have earned. Over a whole round, the sum of the weights, each is picked as often as its
 * weight says; with equal weights it is plain round robin.
 */
export class RoundRobin implements Strategy {
  private known: readonly Backend[] | undefined
  private earned = new Float64Array(0)

  /** @param isWeighted whether the configured weights count; a slow start always does */
  constructor(
    private readonly now: () => Nanos,
    private readonly isWeighted: boolean,
  ) {}

  pick(wanted: Wanted, backends: readonly Backend[]): Backend | undefined {
    if (backends !== this.known) this.meet(backends)
    const { earned } = this
    const now = this.now()
    let total = 0
    let best = -1
    for (let i = 0; i < backends.length; i++) {
      const backend = backends[i]
      // Who cannot have it now does not save up for later either.
      if (!isOpen(backend, wanted)) continue
      const income = (this.isWeighted ? backend.weight : 1) * backend.shareAt(now)
      total += income
      earned[i] += income
      // Fractions of a slow start leave errors of rounding behind: they must not decide.
      if (best < 0 || earned[i] > earned[best] + 1e-9) best = i
    }
    if (best < 0) return undefined
    earned[best] -= total
    return backends[best]
  }

  /** Who stays keeps what it has earned, so that a server that comes or goes does not begin the round anew. */
  private meet(backends: readonly Backend[]): void {
    const { known, earned } = this
    this.earned = Float64Array.from(backends, (backend) => {
      const before = known?.indexOf(backend) ?? -1
      return before < 0 ? 0 : earned[before]
    })
    this.known = backends
  }
}
