import { ScenarioError, quote, suggestChoices } from './errors.ts'
import type { ScenarioSource } from './schema.ts'

/** What a scenario's file exports. */
export interface ScenarioModule {
  readonly default: ScenarioSource
}

/** One scenario of a collection, known before its file is loaded. */
export interface CatalogEntry {
  /** As in the scenario itself. */
  readonly title: string
  /** One sentence. */
  readonly summary: string
  /** Loads the scenario: `() => import('./tcp-handshake/scenario.ts')`. */
  readonly load: () => Promise<ScenarioModule>
}

/** Scenarios by id, in the order in which they are listed. */
export type Catalog = Readonly<Record<string, CatalogEntry>>

/**
 * The source of a scenario of a catalog.
 * @throws ScenarioError when there is none of this id
 */
export async function loadScenario(catalog: Catalog, id: string): Promise<ScenarioSource> {
  const entry = Object.hasOwn(catalog, id) ? catalog[id] : undefined
  if (entry === undefined)
    throw new ScenarioError('scenario', quote(id), `a scenario of the list: ${suggestChoices(id, Object.keys(catalog))}`)
  return (await entry.load()).default
}
