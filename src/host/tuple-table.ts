/** The two ends of a conversation. */
export interface Tuple {
  /** IPv4 addresses in [0, 2^32), ports in [0, 65535]. */
  readonly localAddress: number
  readonly localPort: number
  readonly remoteAddress: number
  readonly remotePort: number
}

const FIRST_CAPACITY = 16

/**
 * Things by their tuple: a chained hash table over plain numbers, so that looking one up for a segment allocates nothing. Iterates
 * in the order of insertion.
 */
export class TupleTable<T extends Tuple> {
  private readonly all = new Set<T>()
  private buckets: (T[] | undefined)[] = new Array<T[] | undefined>(FIRST_CAPACITY).fill(undefined)

  /** @param salt an integer that makes the hash unforeseeable, so that nobody can aim at one bucket */
  constructor(private readonly salt: number) {}

  get size(): number {
    return this.all.size
  }

  find(localAddress: number, localPort: number, remoteAddress: number, remotePort: number): T | undefined {
    const bucket = this.buckets[this.bucketOf(localAddress, localPort, remoteAddress, remotePort)]
    if (bucket === undefined) return undefined
    for (const entry of bucket) {
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
    if (this.all.size >= this.buckets.length) this.grow()
    this.all.add(entry)
    this.place(entry)
  }

  delete(entry: T): void {
    if (!this.all.delete(entry)) return
    const bucket = this.buckets[this.bucketOf(entry.localAddress, entry.localPort, entry.remoteAddress, entry.remotePort)]
    bucket?.splice(bucket.indexOf(entry), 1)
  }

  values(): IterableIterator<T> {
    return this.all.values()
  }

  private place(entry: T): void {
    const index = this.bucketOf(entry.localAddress, entry.localPort, entry.remoteAddress, entry.remotePort)
    const bucket = this.buckets[index]
    if (bucket === undefined) this.buckets[index] = [entry]
    else bucket.push(entry)
  }

  private grow(): void {
    this.buckets = new Array<T[] | undefined>(this.buckets.length * 2).fill(undefined)
    for (const entry of this.all) this.place(entry)
  }

  private bucketOf(localAddress: number, localPort: number, remoteAddress: number, remotePort: number): number {
    let mixed = Math.imul(remoteAddress ^ this.salt, 0x9e37_79b1) ^ Math.imul((localPort << 16) | remotePort, 0x85eb_ca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b_3c6d) ^ localAddress
    return (mixed ^ (mixed >>> 13)) & (this.buckets.length - 1)
  }
}
