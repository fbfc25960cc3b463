import { BudgetWatch } from './budget-watch.ts'
import type { RunEngine } from './engine.ts'
import { outcomeOf } from './outcome.ts'
import { startThreads } from './worker-hosts.ts'

/**
 * Every host in a thread of its own.
 * @param loadScript gives the text of the host worker
 * @param wallSeconds real time, from any beginning
 */
export function createWorkerEngine(loadScript: () => Promise<string>, wallSeconds: () => number): RunEngine {
  return {
    run: async ({ scenario, interventions, budget }) => {
      const { director, hosts, stop } = await startThreads(scenario, { seed: scenario.seed, interventions }, await loadScript())
      const watch = new BudgetWatch(budget, wallSeconds)
      const settle = (): void => {
        hosts.settle()
      }
      try {
        for (;;) {
          const step = director.next(scenario.duration, settle)
          if (step === undefined) break
          await hosts.perform(step)
          if (!watch.allows(director.store.frameCount)) break
        }
      } finally {
        await stop()
      }
      settle()
      // The trace is told of frames in batches, the last of them after the last round.
      watch.allows(director.store.frameCount)
      return {
        overBudget: watch.overBudget,
        simulatedTime: director.lasted,
        ...outcomeOf(director),
        dispose: () => {
          // The threads were ended when the run was.
        },
      }
    },
  }
}
