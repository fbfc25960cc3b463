export interface Outcome {
  readonly passed: number
  readonly failed: number
  /** What there is to say, in full when something failed. */
  readonly output: string
  /** Why nothing was run, in a line, where that is no failure. */
  readonly note?: string
}

/** One part of the test run. */
export interface Step {
  readonly name: string
  /** Steps to wait for. Steps that are not part of this run do not count. */
  readonly after?: readonly string[]
  /** Steps to wait for which must have passed; otherwise this one fails without being run. */
  readonly needs?: readonly string[]
  /** How many of the `cores` it keeps busy. */
  readonly cores: number
  run(): Promise<Outcome>
}

export interface Finished extends Outcome {
  readonly step: Step
  readonly seconds: number
}

/**
 * Runs steps side by side as far as the cores and their order allow.
 * @param report called as each step ends
 * @returns in order of ending
 */
export async function runSteps(steps: readonly Step[], cores: number, report: (finished: Finished) => void): Promise<Finished[]> {
  const names = new Set(steps.map(({ name }) => name))
  const finished: Finished[] = []
  const waiting = [...steps]
  const running = new Set<Promise<void>>()
  let free = cores

  const conclude = (result: Finished) => {
    finished.push(result)
    report(result)
  }
  const begin = async (step: Step): Promise<void> => {
    const start = performance.now()
    let outcome: Outcome
    try {
      outcome = await step.run()
    } catch (error) {
      outcome = { passed: 0, failed: 1, output: error instanceof Error ? (error.stack ?? error.message) : String(error) }
    }
    conclude({ ...outcome, step, seconds: (performance.now() - start) / 1000 })
  }

  const endOf = (name: string) => finished.find(({ step }) => step.name === name)
  const isFree = ({ after = [], needs = [] }: Step) =>
    [...after, ...needs].every((name) => !names.has(name) || endOf(name) !== undefined)

  while (waiting.length > 0 || running.size > 0) {
    for (const step of waiting.filter(isFree)) {
      const broken = (step.needs ?? []).filter((name) => (endOf(name)?.failed ?? 0) > 0)
      const cost = Math.min(step.cores, cores)
      if (broken.length === 0 && cost > free) continue
      waiting.splice(waiting.indexOf(step), 1)
      if (broken.length > 0) {
        conclude({ step, seconds: 0, passed: 0, failed: 1, output: `not run, for ${broken.join(', ')} failed` })
        continue
      }
      free -= cost
      const done: Promise<void> = begin(step).then(() => {
        free += cost
        running.delete(done)
      })
      running.add(done)
    }
    if (running.size > 0) await Promise.race(running)
    else if (waiting.length > 0 && !waiting.some(isFree)) {
      throw new Error(`steps wait for each other: ${waiting.map(({ name }) => name).join(', ')}`)
    }
  }
  return finished
}
