import { formatCount, writeUnit } from '../scenario/units.ts'
import type { RunBudget } from './engine.ts'

/** Rounds between two looks at the clock, which cost more than a round. */
const ROUNDS_PER_LOOK = 64

/** Says when a run has cost enough. */
export class BudgetWatch {
  /** For people; undefined while the budget lasts. */
  overBudget: string | undefined
  private readonly begin: number
  private rounds = 0

  constructor(
    private readonly budget: RunBudget,
    private readonly wallSeconds: () => number,
  ) {
    this.begin = wallSeconds()
  }

  allows(frames: number): boolean {
    const { budget } = this
    if (frames > budget.frames) {
      this.overBudget = `more than ${formatCount(budget.frames)} frames`
    } else if (++this.rounds % ROUNDS_PER_LOOK === 0 && this.wallSeconds() - this.begin > budget.wallSeconds) {
      this.overBudget = `more than ${writeUnit('time', budget.wallSeconds * 1e9)} of real time`
    }
    return this.overBudget === undefined
  }
}
