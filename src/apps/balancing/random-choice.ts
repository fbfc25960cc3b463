import type { Random } from '../../kernel/random.ts'
import type { Nanos } from '../../kernel/time.ts'
import type { Backend } from './backend.ts'
import { isOpen } from './strategy.ts'
import type { Strategy, Wanted } from './strategy.ts'

/** Anybody, by weight. */
export class RandomChoice implements Strategy {
  constructor(
    private readonly random: Random,
    private readonly now: () => Nanos,
  ) {}

  pick(wanted: Wanted, backends: readonly Backend[]): Backend | undefined {
    return drawn(this.random.next(), wanted, backends, undefined, this.now())
  }
}

/**
 * Of two that are drawn, who has less for its weight: nearly as even as to look at all, without the herd that runs for the idlest when
 * several balancers look at once (Mitzenmacher 2001).
 */
export class TwoChoices implements Strategy {
  constructor(
    private readonly random: Random,
    private readonly now: () => Nanos,
  ) {}

  pick(wanted: Wanted, backends: readonly Backend[]): Backend | undefined {
    const now = this.now()
    const first = drawn(this.random.next(), wanted, backends, undefined, now)
    if (first === undefined) return undefined
    const second = drawn(this.random.next(), wanted, backends, first, now)
    return second !== undefined && load(second, now) < load(first, now) ? second : first
  }
}

/** One of those who may have it, by weight. @param point in [0, 1) @param but somebody who is not drawn */
function drawn(point: number, wanted: Wanted, backends: readonly Backend[], but: Backend | undefined, now: Nanos) {
  let total = 0
  for (const backend of backends) if (backend !== but && isOpen(backend, wanted)) total += backend.weight * backend.shareAt(now)
  let rest = point * total
  let last: Backend | undefined
  for (const backend of backends) {
    if (backend === but || !isOpen(backend, wanted)) continue
    last = backend
    rest -= backend.weight * backend.shareAt(now)
    if (rest < 0) break
  }
  return last
}

function load(backend: Backend, now: Nanos): number {
  return (backend.active + 1) / (backend.weight * backend.shareAt(now))
}
