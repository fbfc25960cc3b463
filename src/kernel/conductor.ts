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
  private readonly next: Float64Array

  constructor(hosts: number, lookahead: Nanos) {
    this.next = new Float64Array(hosts).fill(NEVER)
    this.lookahead = lookahead
  }

  /** A host's earliest pending event, as the host reported it. */
  report(host: number, next: Nanos): void {
    this.next[host] = next
  }

  /** A frame is on its way to a host: it has work at `arrives`, or earlier. */
  expect(host: number, arrives: Nanos): void {
    if (arrives < this.next[host]) this.next[host] = arrives
  }

  /** Earliest pending event of all hosts, or `NEVER`. */
  get earliest(): Nanos {
    let earliest = NEVER
    for (const time of this.next) if (time < earliest) earliest = time
    return earliest
  }

  /** Whether a host has something to do before `until`. */
  hasWork(host: number, until: Nanos): boolean {
    return this.next[host] < until
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
