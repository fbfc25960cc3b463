import { scenarios } from '../../scenarios/index.ts'
import { BlockPool } from '../../src/kernel/arena.ts'
import { runInline, type InlineRun } from '../../src/run/run-inline.ts'
import { judgeClaims, type ClaimVerdict } from '../../src/scenario/claims.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { LinkSettings } from '../../src/kernel/link.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'
import type { KnobValue } from '../../src/scenario/knob.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'
import type { ScenarioSource } from '../../src/scenario/schema.ts'

/** Every scenario of the catalog by id, loaded. */
export const sources: ReadonlyMap<string, ScenarioSource> = new Map(
  await Promise.all(
    Object.entries(scenarios).map(async ([id, { load }]): Promise<[string, ScenarioSource]> => [id, (await load()).default]),
  ),
)

export function sourceOf(id: string): ScenarioSource {
  const source = sources.get(id)
  if (source === undefined) throw new RangeError(`there is no scenario ${id}`)
  return source
}

export interface RunSetup {
  readonly seed?: number
  readonly knobs?: Readonly<Record<string, KnobValue>>
  readonly interventions?: readonly Intervention[]
  /** For every link, in both directions. */
  readonly links?: Partial<LinkSettings>
}

/** Knobs of scenarios that are too large to be run a hundred times: what holds for few holds for many, or has a test of its own. */
const SMALLER: Readonly<Record<string, RunSetup['knobs']>> = { 'reconnection-storm': { clients: '200' } }

/** @param pool memory that other runs have given back */
export function runOf(id: string, { seed, knobs, interventions, links }: RunSetup = {}, pool?: BlockPool): InlineRun {
  const resolved = resolveScenario(sourceOf(id), { knobs: { ...SMALLER[id], ...knobs } })
  const options = { ...(seed !== undefined && { seed }), ...(interventions && { interventions }), ...(pool && { pool }) }
  return runInline(links === undefined ? resolved : withLinks(resolved, links), options)
}

/** Runs follow each other in a sweep, and use the same memory. */
const pool = new BlockPool()

export function verdictsOf(id: string, setup: RunSetup = {}): ClaimVerdict[] {
  const run = runOf(id, setup, pool)
  const verdicts = judgeClaims(sourceOf(id), run.trace)
  run.dispose()
  return verdicts
}

function withLinks(scenario: ResolvedScenario, changed: Partial<LinkSettings>): ResolvedScenario {
  const links = scenario.links.map((link) => {
    const [there, back] = link.settings
    return {
      ...link,
      settings: [
        { ...there, ...changed },
        { ...back, ...changed },
      ] as const,
    }
  })
  return { ...scenario, links }
}
