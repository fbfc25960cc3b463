import { hashOfNumber } from './hash.ts'
import type { Backend } from './backend.ts'
import { hashOfWanted } from './strategy.ts'
import type { Strategy, Wanted } from './strategy.ts'

/**
 * The key's hash, modulo how many servers there are. Always the same server while the servers stay the same; when one of n comes or goes,
 * nearly all keys move, n of n + 1. Weights do not count.
 */
export class ModuloHash implements Strategy {
  /** @param byClient the client's address counts, whatever the key */
  constructor(private readonly byClient: boolean) {}

  pick(wanted: Wanted, backends: readonly Backend[]): Backend | undefined {
    if (backends.length === 0) return undefined
    const hash = this.byClient ? hashOfNumber(wanted.client) : hashOfWanted(wanted)
    // Who was tried in vain is passed over.
    for (let i = 0; i < backends.length; i++) {
      const backend = backends[(hash + i) % backends.length]
      if (wanted.tried?.includes(backend) !== true) return backend
    }
    return undefined
  }
}
