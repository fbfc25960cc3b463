import type { IpAddress } from '../wire/address.ts'
import type { Environment } from '../kernel/machine.ts'
import { SparseSet } from './sparse-map.ts'

/** The two ends of a conversation. */
export interface Tuple {
  /** Addresses of one version of IP, ports in [0, 65535]. */
  readonly localAddress: IpAddress
  readonly localPort: number
  readonly remoteAddress: IpAddress
  readonly remotePort: number
  /** For the table: who comes behind it in its bucket. */
  next: Tuple | undefined
}

const FIRST_CAPACITY = 16

/**
 * Things by their tuple: a chained hash table over plain numbers, so that looking one up for a segment of IPv4 allocates nothing. Iterates
 * in the order of insertion. For a single thing, which is all that many a client has, there is no table.
 */
export class TupleTable<T extends Tuple> {
  private readonly all = new SparseSet<T>()
  /** undefined: while there has been no more than one at a time. */
  private buckets: (T | undefined)[] | undefined = undefined
  private only: T | undefined = undefined
  private salt = 0

  /** @param environment gives what makes the hash unforeseeable, so that nobody can aim at one bucket */
  constructor(private readonly environment: Pick<Environment, 'random'>) {}

  get size(): number {
    return this.all.size
  }

  find(localAddress: IpAddress, localPort: number, remoteAddress: IpAddress, remotePort: number): T | undefined {
    const { buckets } = this
    let entry =
      buckets === undefined
        ? this.only
        : buckets[this.bucketOf(localAddress, localPort, remoteAddress, remotePort, buckets.length)]
    for (; entry !== undefined; entry = entry.next as T | undefined) {
      if (
        entry.remotePort === remotePort &&
        entry.localPort === localPort &&
        entry.remoteAddress === remoteAddress &&
        entry.localAddress === localAddress
      ) {
        return entry
      }
    }
    return undefined
  }

  /** Adds what `find` does not find. */
  add(entry: T): void {
    const { buckets } = this
    this.all.add(entry)
    if (buckets === undefined && this.all.size === 1) {
      this.only = entry
    } else if (buckets === undefined) {
      this.salt = this.environment.random('tcp-tuples').uint32() | 0
      this.only = undefined
      this.spread(FIRST_CAPACITY)
    } else if (this.all.size > buckets.length) {
      this.spread(buckets.length * 2)
    } else {
      this.place(entry, buckets)
    }
  }

  delete(entry: T): void {
    if (!this.all.delete(entry)) return
    const { buckets } = this
    if (buckets === undefined) {
      this.only = undefined
      return
    }
    const index = this.bucketOf(entry.localAddress, entry.localPort, entry.remoteAddress, entry.remotePort, buckets.length)
    let before = buckets[index]
    if (before === entry) {
      buckets[index] = entry.next as T | undefined
    } else {
      while (before !== undefined && before.next !== entry) before = before.next as T | undefined
      if (before !== undefined) before.next = entry.next
    }
    entry.next = undefined
  }

  values(): Iterable<T> {
    return this.all.keys()
  }

  private place(entry: T, buckets: (T | undefined)[]): void {
    const index = this.bucketOf(entry.localAddress, entry.localPort, entry.remoteAddress, entry.remotePort, buckets.length)
    entry.next = buckets[index]
    buckets[index] = entry
  }

  private spread(capacity: number): void {
    const buckets = new Array<T | undefined>(capacity).fill(undefined)
    for (const entry of this.all.keys()) this.place(entry, buckets)
    this.buckets = buckets
  }

  private bucketOf(
    localAddress: IpAddress,
    localPort: number,
    remoteAddress: IpAddress,
    remotePort: number,
    capacity: number,
  ): number {
    const local = typeof localAddress === 'number' ? localAddress : folded(localAddress)
    const remote = typeof remoteAddress === 'number' ? remoteAddress : folded(remoteAddress)
    let mixed = Math.imul(remote ^ this.salt, 0x9e37_79b1) ^ Math.imul((localPort << 16) | remotePort, 0x85eb_ca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b_3c6d) ^ local
    return (mixed ^ (mixed >>> 13)) & (capacity - 1)
  }
}

/** An IPv6 address as 32 bits: the parts that differ between hosts, above and below, on top of each other. */
function folded(address: bigint): number {
  const half = BigInt.asUintN(64, address ^ (address >> 64n))
  return Number(half >> 32n) ^ Number(half & 0xffff_ffffn)
}
