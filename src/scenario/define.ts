import type { ScenarioSource } from './schema.ts'

export type { ScenarioSource } from './schema.ts'

/**
 * Gives an author's editor the types of a scenario. It checks nothing at run time: `resolveScenario` does.
 * @returns what it was given
 */
export function defineScenario(source: ScenarioSource): ScenarioSource {
  return source
}
