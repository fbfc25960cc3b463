import type { Run } from '../src/run/run.ts'
import { EventReader } from '../src/trace/measures/event-reader.ts'
import { powerChange } from '../src/trace/measures/host-power.ts'
import type { EventRecord, Nanos } from '../src/trace/record.ts'

interface Turn {
  readonly time: Nanos
  readonly host: number
  readonly isDown: boolean
}

const crashes = new WeakMap<Run, HostCrashes>()

/** Hosts that a want of memory has taken down, and that come back by themselves: no one's doing, so the log does not tell of them. */
export class HostCrashes {
  #events = new EventReader()
  #turns: Turn[] = []

  private constructor(private readonly run: Run) {
    run.addEventListener('restart', () => {
      this.#events = new EventReader()
      this.#turns = []
    })
  }

  static of(run: Run): HostCrashes {
    let found = crashes.get(run)
    if (found === undefined) {
      found = new HostCrashes(run)
      crashes.set(run, found)
    }
    return found
  }

  /** Hosts that are down at a time by a crash, by their indices, as a list in order. */
  at(time: Nanos): readonly number[] {
    this.#events.read(this.run.trace, this.#take)
    if (this.#turns.length === 0) return NONE
    const down = new Set<number>()
    for (const turn of this.#turns) {
      if (turn.time > time) break
      if (turn.isDown) down.add(turn.host)
      else down.delete(turn.host)
    }
    return [...down].sort((a, b) => a - b)
  }

  readonly #take = (event: EventRecord): void => {
    // What people do is in the log.
    if (event.name === 'run:host-killed') return
    const change = powerChange(event, this.run.trace.hosts)
    // One member of a crowd is not the whole.
    if (change?.member === -1) this.#turns.push({ time: event.time, host: change.host, isDown: !change.isOn })
  }
}

const NONE: readonly number[] = []
