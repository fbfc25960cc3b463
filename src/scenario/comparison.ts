import { ScenarioError, describeFound, quote, suggestChoices } from './errors.ts'
import { parseKnobValue } from './knob.ts'
import type { ResolvedComparison, ResolvedKnob } from './resolved.ts'
import type { ParsedScenario } from './schema.ts'

/** @throws ScenarioError for a knob that there is not, values that it does not have, or twice the same */
export function resolveComparison(
  { knob: name, values, open }: NonNullable<ParsedScenario['compare']>,
  knobs: readonly ResolvedKnob[],
): ResolvedComparison {
  const knob = knobs.find((candidate) => candidate.name === name)
  if (knob === undefined) {
    const names = knobs.map((candidate) => candidate.name)
    const allowed =
      names.length === 0 ? 'a knob; this scenario has none' : `a knob of this scenario: ${suggestChoices(name, names)}`
    throw new ScenarioError('compare.knob', quote(name), allowed)
  }
  const first = parseKnobValue(knob, values[0], 'compare.values[0]')
  const second = parseKnobValue(knob, values[1], 'compare.values[1]')
  if (first === second) throw new ScenarioError('compare.values', describeFound(values), 'two different values of the knob')
  return { knob: name, values: [first, second], open }
}
