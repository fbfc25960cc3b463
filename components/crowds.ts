import type { Run } from '../src/run/run.ts'
import { CrowdHistory } from '../src/trace/measures/crowd-history.ts'
import { MEMBER_STATES } from '../src/trace/measures/measure-spec.ts'
import { formatQuantity } from './format.ts'
import { STATE_WORDS } from './member-states.ts'

const crowds = new WeakMap<Run, Crowds>()

/** The crowds of a run, by their hosts' indices: one history each, for all elements that show it. Begin anew when the run does. */
export class Crowds {
  #histories: readonly CrowdHistory[]

  private constructor(private readonly run: Run) {
    this.#histories = this.#begin()
    run.addEventListener('restart', () => {
      this.#histories = this.#begin()
    })
  }

  static of(run: Run): Crowds {
    let all = crowds.get(run)
    if (all === undefined) {
      all = new Crowds(run)
      crowds.set(run, all)
    }
    return all
  }

  /** All crowds, with members in the states that they were in at a time. */
  at(time: number): readonly CrowdHistory[] {
    for (const history of this.#histories) {
      history.update(this.run.trace)
      history.goTo(time)
    }
    return this.#histories
  }

  #begin(): CrowdHistory[] {
    return this.run.scenario.hosts.flatMap(({ replicas }, host) =>
      replicas === undefined ? [] : [new CrowdHistory(host, replicas)],
    )
  }
}

/** `'9,812 connected, 188 backing off'`. */
export function countWords(counts: Int32Array): string {
  return MEMBER_STATES.flatMap((state, index) =>
    counts[index] === 0 ? [] : [`${formatQuantity('count', counts[index])} ${STATE_WORDS[state]}`],
  ).join(', ')
}
