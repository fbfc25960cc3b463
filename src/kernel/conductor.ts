import { NEVER, type Nanos } from './time.ts'

/**
 * Grants time. Conservative parallel simulation: nothing that a host does now can reach another sooner than the smallest
 * link delay, so all hosts may safely process what is earlier than the earliest pending event plus that delay (the lookahead).
 *
 * Knows no transport: it says how far to go and who has work; the driver asks hosts to do it and tells what they reported.
 */
export class Conductor {
  /** Everything before this time has been processed by everybody. */
  horizon: Nanos = 0
  /** Smallest delay of all links; `NEVER` without links. */
  lookahead: Nanos
  /**
   * Earliest pending events: those of the hosts from `leaves` on, and before them at `i` the earlier one of those at `2 * i` and
   * `2 * i + 1`, so that at 1 there is the earliest of all. Whoever has thousands of hosts does not look at each in each round.
   */
  private readonly tree: Float64Array
  private readonly leaves: number

  constructor(hosts: number, lookahead: Nanos) {
    this.leaves = 1
    while (this.leaves < hosts) this.leaves *= 2
    this.tree = new Float64Array(this.leaves * 2).fill(NEVER)
    this.lookahead = lookahead
  }

  /** A host's earliest pending event, as the host reported it. */
  report(host: number, next: Nanos): void {
    const { tree } = this
    let at = this.leaves + host
    tree[at] = next
    while (at > 1) {
      const earlier = Math.min(tree[at], tree[at ^ 1])
      at >>= 1
      if (tree[at] === earlier) return
      tree[at] = earlier
    }
  }

  /** A frame is on its way to a host: it has work at `arrives`, or earlier. */
  expect(host: number, arrives: Nanos): void {
    if (arrives < this.tree[this.leaves + host]) this.report(host, arrives)
  }

  /** Earliest pending event of all hosts, or `NEVER`. */
  get earliest(): Nanos {
    return this.tree[1]
  }

  /** The hosts that have something to do before `until`, in their order. */
  hostsWithWork(until: Nanos): number[] {
    const hosts: number[] = []
    this.collect(1, until, hosts)
    return hosts
  }

  private collect(at: number, until: Nanos, hosts: number[]): void {
    if (this.tree[at] >= until) return
    if (at >= this.leaves) {
      hosts.push(at - this.leaves)
      return
    }
    this.collect(at * 2, until, hosts)
    this.collect(at * 2 + 1, until, hosts)
  }

  /**
   * How far everybody may go now.
   * @param limit the playhead, or the next intervention: nobody goes beyond it
   * @returns the end of the next round; undefined when nothing is pending before `limit`, and then `horizon` is there
   */
  grant(limit: Nanos): Nanos | undefined {
    const earliest = this.earliest
    if (earliest >= limit) {
      if (limit > this.horizon && limit !== NEVER) this.horizon = limit
      return undefined
    }
    const until = earliest + this.lookahead
    return until < limit ? until : limit
  }

  /** The round up to `until` is over. */
  reached(until: Nanos): void {
    this.horizon = until
  }
}
