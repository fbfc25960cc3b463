import type { Nanos } from '../../kernel/time.ts'
import type { ReconnectJitter, ReconnectPolicy } from '../../scenario/reconnect-policy.ts'

/*
 * How long a client waits before it connects again. Attempts are counted from 0: the first one after a connection that was good.
 *
 * - `at-once`: not at all.
 * - `fixed`: the base.
 * - `exponential`: the base, twice the base, four times the base …, at most the cap.
 *
 * and of that time d, by `jitter` (as in "Exponential Backoff And Jitter", AWS Architecture Blog, 2015):
 *
 * - `none`: d.
 * - `full`: uniform in [0, d].
 * - `equal`: uniform in [d / 2, d].
 * - `decorrelated`: uniform in [base, 3 · the wait before], at most the cap; d plays no part, and the wait before the first is the base.
 *
 * What a server tells is waited first, and this on top: who is told the same time as thousands of others still comes back spread out.
 */

export interface ReconnectOptions {
  readonly policy: ReconnectPolicy
  readonly jitter: ReconnectJitter
  readonly base: Nanos
  readonly cap: Nanos
  /** How many attempts may fail in a row before the client is gone; 0: any number. */
  readonly attempts: number
  /** Whether it waits as long as servers tell it to. */
  readonly honour: boolean
}

/** Where chance comes from: uniform in [0, 1). */
interface Chance {
  next(): number
}

/** Without jitter, in nanoseconds. */
function plainWait({ policy, base, cap }: ReconnectOptions, attempt: number): Nanos {
  if (policy === 'at-once') return 0
  if (policy === 'fixed') return base
  let wait = base
  for (let i = 0; i < attempt && wait < cap; i++) wait *= 2
  return Math.min(wait, cap)
}

/**
 * The next wait.
 * @param attempt how many have failed since the last good connection
 * @param previous the wait before this one, in nanoseconds; 0: there was none since the last good connection
 * @returns whole nanoseconds
 */
export function reconnectWait(options: ReconnectOptions, attempt: number, previous: Nanos, chance: Chance): Nanos {
  const { policy, jitter, base, cap } = options
  if (policy === 'at-once') return 0
  const wait = plainWait(options, attempt)
  switch (jitter) {
    case 'none':
      return wait
    case 'full':
      return Math.floor(chance.next() * (wait + 1))
    case 'equal':
      return wait - Math.floor(chance.next() * (wait / 2 + 1))
    case 'decorrelated': {
      const most = 3 * (previous === 0 ? base : previous)
      return Math.min(cap, base + Math.floor(chance.next() * (Math.max(0, most - base) + 1)))
    }
  }
}
