import { BudgetWatch } from './budget-watch.ts'
import { outcomeOf } from './outcome.ts'
import { runInline } from '../run/run-inline.ts'
import type { RunEngine } from './engine.ts'

/**
 * All hosts in this thread.
 * @param wallSeconds real time, from any beginning
 */
export function createInlineEngine(wallSeconds: () => number): RunEngine {
  return {
    run: async ({ scenario, interventions, budget }) => {
      await Promise.resolve()
      const watch = new BudgetWatch(budget, wallSeconds)
      const run = runInline(scenario, {
        interventions,
        goOn: (frames) => watch.allows(frames),
      })
      const { director, hosts, trace } = run
      // The trace is told of frames in batches, the last of them after the last round.
      watch.allows(trace.frameCount)
      return {
        overBudget: watch.overBudget,
        simulatedTime: director.lasted,
        ...outcomeOf(director),
        dispose: () => {
          hosts.dispose()
        },
      }
    },
  }
}
