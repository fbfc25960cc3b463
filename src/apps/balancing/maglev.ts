import type { Backend } from './backend.ts'
import { hashOfText } from './hash.ts'
import { hashOfWanted } from './strategy.ts'
import type { Strategy, Wanted } from './strategy.ts'

/** The small one of the paper. */
const TABLE_SIZE = 65_537

const OFFSET_SEED = 1
const SKIP_SEED = 2

/**
 * Maglev's hashing (Eisenbud and others, NSDI 2016, section 3.4): a table of prime length, which the servers fill in turn, each taking the
 * next free entry of its own permutation. A look-up is one access; shares are as even as can be, to one entry with equal weights. When a
 * server comes or goes, few entries change besides those it takes or leaves: fewer the longer the table.
 */
export class Maglev implements Strategy {
  private known: readonly Backend[] | undefined
  private table = new Uint16Array(0)

  /** @param size a prime, at least a hundred times as many as servers */
  constructor(private readonly size = TABLE_SIZE) {}

  pick(wanted: Wanted, backends: readonly Backend[]): Backend | undefined {
    if (backends.length === 0) return undefined
    if (backends !== this.known) this.build(backends)
    const { table, size } = this
    const entry = hashOfWanted(wanted) % size
    const { tried } = wanted
    if (tried === undefined || tried.length === 0) return backends[table[entry]]
    // Entry by entry, whose owners follow each other as if by chance.
    for (let i = 0; i < size; i++) {
      const backend = backends[table[(entry + i) % size]]
      if (!tried.includes(backend)) return backend
    }
    return undefined
  }

  private build(backends: readonly Backend[]): void {
    const { size } = this
    const table = new Uint16Array(size)
    const isTaken = new Uint8Array(size)
    const next = new Uint32Array(backends.length)
    const skip = new Uint32Array(backends.length)
    const earned = new Float64Array(backends.length)
    let heaviest = 0
    // Turns follow names, so that the order of a list has no say.
    const order = [...backends.keys()].sort((a, b) => (backends[a].name < backends[b].name ? -1 : 1))
    for (const [i, { name, weight }] of backends.entries()) {
      next[i] = hashOfText(name, OFFSET_SEED) % size
      skip[i] = (hashOfText(name, SKIP_SEED) % (size - 1)) + 1
      heaviest = Math.max(heaviest, weight)
    }
    for (let filled = 0; ;) {
      for (const i of order) {
        // Who weighs less has its turn less often.
        earned[i] += backends[i].weight / heaviest
        if (earned[i] < 1) continue
        earned[i]--
        let entry = next[i]
        while (isTaken[entry] === 1) entry = (entry + skip[i]) % size
        table[entry] = i
        isTaken[entry] = 1
        next[i] = (entry + skip[i]) % size
        if (++filled === size) {
          this.table = table
          this.known = backends
          return
        }
      }
    }
  }
}
