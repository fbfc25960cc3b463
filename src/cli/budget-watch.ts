import { formatCount, writeUnit } from '../scenario/units.ts'
import type { RunBudget } from './engine.ts'

/** From one look at the clock to the next; some rounds are shorter than a look. */
const ROUNDS_PER_LOOK = 16

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
    } else if (this.rounds++ % ROUNDS_PER_LOOK === 0 && this.wallSeconds() - this.begin > budget.wallSeconds) {
      this.overBudget = `more than ${writeUnit('time', budget.wallSeconds * 1e9)} of real time`
    }
    return this.overBudget === undefined
  }
}
