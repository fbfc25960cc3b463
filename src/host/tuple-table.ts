import type { IpAddress } from '../wire/address.ts'

/** The two ends of a conversation. */
export interface Tuple {
  /** Addresses of one version of IP, ports in [0, 65535]. */
  readonly localAddress: IpAddress
  readonly localPort: number
  readonly remoteAddress: IpAddress
  readonly remotePort: number
}

const FIRST_CAPACITY = 16

/**
 * Things by their tuple: a chained hash table over plain numbers, so that looking one up for a segment of IPv4 allocates nothing. Iterates
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

  find(localAddress: IpAddress, localPort: number, remoteAddress: IpAddress, remotePort: number): T | undefined {
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

  private bucketOf(localAddress: IpAddress, localPort: number, remoteAddress: IpAddress, remotePort: number): number {
    const local = typeof localAddress === 'number' ? localAddress : folded(localAddress)
    const remote = typeof remoteAddress === 'number' ? remoteAddress : folded(remoteAddress)
    let mixed = Math.imul(remote ^ this.salt, 0x9e37_79b1) ^ Math.imul((localPort << 16) | remotePort, 0x85eb_ca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b_3c6d) ^ local
    return (mixed ^ (mixed >>> 13)) & (this.buckets.length - 1)
  }
}

/** An IPv6 address as 32 bits: the parts that differ between hosts, above and below, on top of each other. */
function folded(address: bigint): number {
  const half = BigInt.asUintN(64, address ^ (address >> 64n))
  return Number(half >> 32n) ^ Number(half & 0xffff_ffffn)
}
