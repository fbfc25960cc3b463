import type { Backend } from './backend.ts'
import { hashOfText } from './hash.ts'
import { hashOfWanted } from './strategy.ts'
import type { Strategy, Wanted } from './strategy.ts'

/** With so many, the fullest of ten servers has about a tenth more than its share. */
const VIRTUAL_NODES = 160

/** Whose the ring is. */
export interface RingLayout {
  /** Names of the servers. */
  readonly servers: readonly string[]
  /** What share of the ring each has, from 0 to 1. */
  readonly shares: readonly number[]
  /** Ascending: each piece of the ring goes from after the place before up to its own, and the first also from the last one on, round the end. */
  readonly ends: readonly number[]
  /** Whose piece that is: indices of `servers`. */
  readonly owners: readonly number[]
}

/** More servers than this do not stand on one ring. */
const OWNERS = 0x1_0000

/**
 * Consistent hashing (Karger and others, 1997): each server has points on a ring of 2^32 places, and a key belongs to the first point at or
 * after its hash. Somebody who comes takes 1/n of the keys from all others, somebody who goes leaves his to all others, and no other key
 * moves.
 *
 * With bounded loads (Mirrokni, Thorup and Zadimoghaddam, 2018) nobody takes more than ceil(c · m / n) of m: who is full is passed over,
 * and the key goes to the next server along the ring. In between is what n means when weights differ: the share of a server's own weight.
 */
export class HashRing implements Strategy {
  private known: readonly Backend[] | undefined
  /** Ascending. */
  private places = new Uint32Array(0)
  /** Whose they are: indices of `known`. */
  private owners = new Uint16Array(0)

  /**
   * @param bound how much more than its share a server may have, more than 1; undefined: as much as comes
   * @param built is told when the ring was made, or made anew
   */
  constructor(
    private readonly virtualNodes = VIRTUAL_NODES,
    private readonly bound: number | undefined,
    private readonly built?: (layout: () => RingLayout) => void,
  ) {}

  pick(wanted: Wanted, backends: readonly Backend[]): Backend | undefined {
    if (backends.length === 0) return undefined
    if (backends !== this.known) this.build(backends)
    return this.along(this.find(hashOfWanted(wanted)), backends, wanted.tried)
  }

  private build(backends: readonly Backend[]): void {
    const points: number[] = []
    for (const [owner, { name, weight }] of backends.entries()) {
      const count = Math.max(1, Math.round(this.virtualNodes * weight))
      const seed = hashOfText(name)
      for (let i = 0; i < count; i++) points.push(hashOfText(`${name}#${String(i)}`, seed) * OWNERS + owner)
    }
    const sorted = Float64Array.from(points).sort()
    this.places = Uint32Array.from(sorted, (point) => Math.floor(point / OWNERS))
    this.owners = Uint16Array.from(sorted, (point) => point % OWNERS)
    this.known = backends
    this.built?.(() => this.layout(backends))
  }

  private layout(backends: readonly Backend[]): RingLayout {
    const { places, owners } = this
    const ends: number[] = []
    const whose: number[] = []
    const lengths = new Float64Array(backends.length)
    // What is after the last point is the first one's.
    let from = places[places.length - 1] - 0x1_0000_0000
    for (const [i, place] of places.entries()) {
      const owner = owners[i]
      lengths[owner] += place - from
      from = place
      if (whose.at(-1) === owner) ends[ends.length - 1] = place
      else {
        ends.push(place)
        whose.push(owner)
      }
    }
    const shares = Array.from(lengths, (length) => Math.round((length / 0x1_0000_0000) * 1e6) / 1e6)
    return { servers: backends.map(({ name }) => name), shares, ends, owners: whose }
  }

  /** The first point at or after a place, round the end. */
  private find(place: number): number {
    const { places } = this
    let [low, high] = [0, places.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (places[middle] < place) low = middle + 1
      else high = middle
    }
    return low === places.length ? 0 : low
  }

  /** The first server from a point on that was not tried and, where loads are bounded, is not full. */
  private along(start: number, backends: readonly Backend[], tried: readonly Backend[] | undefined): Backend | undefined {
    const { owners, bound } = this
    let perWeight = Infinity
    if (bound !== undefined) {
      let weights = 0
      let all = 1
      for (const { weight, active } of backends) {
        weights += weight
        all += active
      }
      perWeight = (bound * all) / weights
    }
    let full: Backend | undefined
    for (let i = 0; i < owners.length; i++) {
      const at = start + i
      const backend = backends[owners[at < owners.length ? at : at - owners.length]]
      if (tried?.includes(backend) === true) continue
      if (backend.active < Math.ceil(perWeight * backend.weight)) return backend
      full ??= backend
    }
    // All full would be more than all, were it not for those who were tried.
    return full
  }
}
