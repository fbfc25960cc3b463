import type { Random } from '../../kernel/random.ts'
import type { Nanos } from '../../kernel/time.ts'
import type { StrategyName } from '../../scenario/balancing-strategy.ts'
import { HashRing } from './hash-ring.ts'
import type { RingLayout } from './hash-ring.ts'
import { connectionsWithThis, LeastCost, likelyWait } from './least-cost.ts'
import { Maglev } from './maglev.ts'
import { ModuloHash } from './modulo-hash.ts'
import { RandomChoice, TwoChoices } from './random-choice.ts'
import { RoundRobin } from './round-robin.ts'
import type { Strategy } from './strategy.ts'

/** What strategies need and may be told. */
export interface StrategyOptions {
  readonly random: Random
  readonly now: () => Nanos
  /** Points on the ring for each unit of weight. */
  readonly virtualNodes?: number | undefined
  /** How much more than its even share a server of the bounded ring may have: 1.25. */
  readonly loadBound?: number | undefined
  /** Length of Maglev's table, a prime. */
  readonly tableSize?: number | undefined
  /** Is told when a ring was made, or made anew; what it looks like is found out only for who asks. */
  readonly ringBuilt?: ((layout: () => RingLayout) => void) | undefined
}

/** Makes a strategy by its name in a scenario. */
export function createStrategy(name: StrategyName, options: StrategyOptions): Strategy {
  const { random, now, virtualNodes, loadBound, tableSize, ringBuilt } = options
  switch (name) {
    case 'round-robin':
      return new RoundRobin(now, false)
    case 'weighted':
      return new RoundRobin(now, true)
    case 'least-connections':
      return new LeastCost(now, connectionsWithThis)
    case 'least-response-time':
      return new LeastCost(now, likelyWait)
    case 'two-choices':
      return new TwoChoices(random, now)
    case 'random':
      return new RandomChoice(random, now)
    case 'ip-hash':
      return new ModuloHash(true)
    case 'modulo':
      return new ModuloHash(false)
    case 'ring':
      return new HashRing(virtualNodes, undefined, ringBuilt)
    case 'bounded-ring':
      return new HashRing(virtualNodes, loadBound ?? 1.25, ringBuilt)
    case 'maglev':
      return new Maglev(tableSize)
  }
}
