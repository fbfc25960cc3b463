import { EventReader } from '../../src/trace/measures/event-reader.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'

/** The events of one member of a crowd, gathered as the trace grows. */
export class MemberEvents {
  readonly #reader = new EventReader()
  readonly #found: EventRecord[] = []

  /**
   * @param host index of the crowd
   * @param member from 0
   */
  constructor(
    readonly host: number,
    readonly member: number,
  ) {}

  /** The latest up to a time, the newest first. */
  latest(trace: TraceView, time: number, limit: number): EventRecord[] {
    this.#reader.read(trace, (event) => {
      if (event.host === this.host && event.member === this.member + 1) this.#found.push(event)
    })
    const latest: EventRecord[] = []
    for (let index = this.#found.length - 1; index >= 0 && latest.length < limit; index--) {
      if (this.#found[index].time <= time) latest.push(this.#found[index])
    }
    return latest
  }
}
