/** How a balancer chooses among servers. */
export const STRATEGIES = [
  'round-robin',
  'weighted',
  'least-connections',
  'least-response-time',
  'two-choices',
  'random',
  'ip-hash',
  'modulo',
  'ring',
  'bounded-ring',
  'maglev',
] as const
export type StrategyName = (typeof STRATEGIES)[number]
