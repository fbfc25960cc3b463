import { scenarios } from '../../scenarios/index.ts'
import { PageRun } from '../../src/run/page-run.ts'
import { PairRun } from '../../src/run/pair-run.ts'
import { loadScenario } from '../../src/scenario/catalog.ts'
import { judgeClaims } from '../../src/scenario/claims.ts'
import { parseInterventions } from '../../src/scenario/intervention-json.ts'
import { needsLayout, resolveScenario, type ResolveOptions } from '../../src/scenario/resolve.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'
import type { KnobValue } from '../../src/scenario/knob.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'
import { knobValueWords } from '../wording.ts'
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
      start: ({ log, knobs: start }) => PageRun.start(start === undefined ? scenario : resolve(start), { log, rebuild: resolve }),
      ...(scenario.compare !== undefined && {
        startPair: ({ log, knobs: start = knobs }) => startPair(scenario, log, start, resolve),
      }),
    }
  },
}

/** Two runs, one knob apart. */
async function startPair(
  { compare, knobs: all }: ResolvedScenario,
  log: readonly Intervention[],
  start: ResolveOptions['knobs'],
  resolve: (values: ResolveOptions['knobs']) => ResolvedScenario,
): Promise<PairRun> {
  const knob = all.find(({ name }) => name === compare?.knob)
  if (compare === undefined || knob === undefined) throw new Error('This scenario has nothing to compare.')
  const begin = (value: KnobValue): Promise<PageRun> =>
    PageRun.start(resolve({ ...start, [knob.name]: value }), { log, rebuild: resolve })
  const [first, second] = compare.values
  const runs = await Promise.all([begin(first), begin(second)])
  const { name, label } = knob
  return new PairRun(runs, { name, label, values: [knobValueWords(knob, first), knobValueWords(knob, second)] })
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
