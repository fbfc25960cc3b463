import { scenarios } from '../../scenarios/index.ts'
import { PageRun } from '../../src/run/page-run.ts'
import { loadScenario } from '../../src/scenario/catalog.ts'
import { judgeClaims } from '../../src/scenario/claims.ts'
import { parseInterventions } from '../../src/scenario/intervention-json.ts'
import { needsLayout, resolveScenario, type ResolveOptions } from '../../src/scenario/resolve.ts'
import type { Engine, ScenarioPlace } from './engine.ts'

/** Largest scenario file that is read from an address, in characters. */
const LONGEST_SCENARIO = 1_000_000

/** The engine of a page: the catalogue, and runs in workers. */
export const pageEngine: Engine = {
  list: Object.entries(scenarios).map(([id, { title, summary }]) => ({ id, title, summary })),
  async open(place, { seed, knobs }) {
    const source = await readSource(place)
    const layout = needsLayout(source) ? (await import('../../src/scenario/layout.ts')).layeredLayout : undefined
    const resolve = (values: ResolveOptions['knobs']) =>
      resolveScenario(source, {
        ...(seed !== undefined && { seed }),
        ...(values !== undefined && { knobs: values }),
        ...(layout !== undefined && { layout }),
      })
    const scenario = resolve(knobs)
    return {
      scenario,
      source: 'id' in place ? undefined : source,
      usualKnobs: Object.fromEntries(resolve(undefined).knobs.map(({ name, value }) => [name, value])),
      judge: (trace) => judgeClaims(source, trace),
      parseLog: (log) => parseInterventions(log, scenario),
      start: ({ log }) => PageRun.start(scenario, { log, rebuild: resolve }),
    }
  },
}

async function readSource(place: ScenarioPlace): Promise<unknown> {
  if ('id' in place) return loadScenario(scenarios, place.id)
  if ('source' in place) return place.source
  const response = await fetch(place.url)
  if (!response.ok) throw new Error(`The scenario ${place.url} cannot be read: ${String(response.status)} ${response.statusText}`)
  const text = await response.text()
  if (text.length > LONGEST_SCENARIO) throw new Error(`The scenario ${place.url} is too large.`)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`The scenario ${place.url} is not JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}
