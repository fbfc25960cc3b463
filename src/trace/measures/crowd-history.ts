import type { Nanos, TraceView } from '../record.ts'
import { EventReader } from './event-reader.ts'
import { MemberStates } from './member-states.ts'

const FIRST_CAPACITY = 1024

/**
 * The states of a crowd's members at any time that was simulated. All changes are kept with what was before; the states that are shown
 * are moved on, or back, by the changes that lie between, so that a playhead which moves on costs what has changed and no more.
 */
export class CrowdHistory {
  /** Members at the time of `goTo`. */
  readonly shown: MemberStates
  /** Members at the horizon. */
  private readonly latest: MemberStates
  private readonly reader = new EventReader()
  private times = new Float64Array(FIRST_CAPACITY)
  private members = new Uint32Array(FIRST_CAPACITY)
  /** State after a change, plus 16 times the state before. */
  private states = new Uint8Array(FIRST_CAPACITY)
  private count = 0
  /** How many changes `shown` has been moved on by. */
  private at = 0

  /**
   * @param host index of the crowd
   * @param size how many members it has
   */
  constructor(
    readonly host: number,
    readonly size: number,
  ) {
    this.shown = new MemberStates(host, size)
    this.latest = new MemberStates(host, size)
  }

  /** Takes in what is new in the trace; of another trace than before nothing is known any more, and a new history is needed. */
  update(trace: TraceView): void {
    const { latest, reader } = this
    reader.read(trace, (event) => {
      latest.take(event, trace.hosts, (member, state, before) => {
        this.push(event.time, member, state, before)
      })
    })
  }

  /** Moves what is shown to a time: all that happened up to and at it has happened. Returns whether anything changed. */
  goTo(time: Nanos): boolean {
    const { times, members, states, shown, count } = this
    const from = this.at
    while (this.at < count && times[this.at] <= time) {
      shown.set(members[this.at], states[this.at] & 15)
      this.at++
    }
    while (this.at > 0 && times[this.at - 1] > time) {
      this.at--
      shown.set(members[this.at], states[this.at] >> 4)
    }
    return this.at !== from
  }

  /** Changes of one member up to a time, the latest first, at most `limit` of them. */
  changesOf(member: number, time: Nanos, limit: number): { readonly time: Nanos; readonly state: number }[] {
    const found: { time: Nanos; state: number }[] = []
    for (let i = this.count - 1; i >= 0 && found.length < limit; i--) {
      if (this.members[i] === member && this.times[i] <= time) found.push({ time: this.times[i], state: this.states[i] & 15 })
    }
    return found
  }

  private push(time: Nanos, member: number, state: number, before: number): void {
    if (this.count === this.times.length) this.grow()
    this.times[this.count] = time
    this.members[this.count] = member
    this.states[this.count] = state + before * 16
    this.count++
  }

  private grow(): void {
    const capacity = this.count * 2
    const times = new Float64Array(capacity)
    const members = new Uint32Array(capacity)
    const states = new Uint8Array(capacity)
    times.set(this.times)
    members.set(this.members)
    states.set(this.states)
    this.times = times
    this.members = members
    this.states = states
  }
}
