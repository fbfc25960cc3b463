import type { Run } from '../../src/run/run.ts'
import type { Target } from '../selection.ts'
import type { OpenedScenario, ScenarioPlace } from './engine.ts'

/** What a share link in the page's address says about a playground. */
export interface SharedStart {
  readonly place: ScenarioPlace
  readonly seed: number | undefined
  readonly knobs: Readonly<Record<string, string>>
  readonly log: readonly unknown[]
  readonly at: number | undefined
  readonly frame: number | undefined
  readonly both: boolean | undefined
}

/**
 * The share link in the page's address, if it is meant for an element that shows `place`. Throws an Error for people when it is
 * broken.
 */
export async function sharedRunFor(place: ScenarioPlace | undefined): Promise<SharedStart | undefined> {
  if (location.hash.length < 2) return undefined
  const { decodeShareLink } = await import('../../src/scenario/share-link.ts')
  const shared = decodeShareLink(location.hash)
  if (shared === undefined) return undefined
  const { scenario, ...rest } = shared
  if (place !== undefined && 'id' in place && !('id' in scenario && scenario.id === place.id)) return undefined
  // An element with a scenario of its own is meant when the link carries that very scenario.
  if (place !== undefined && 'source' in place) {
    if (!('source' in scenario) || JSON.stringify(scenario.source) !== JSON.stringify(place.source)) return undefined
  }
  if (place !== undefined && 'url' in place && !('source' in scenario)) return undefined
  return { place: scenario, ...rest }
}

/** The address of this page, with everything that makes the run what it is. */
export async function shareAddress(what: {
  readonly run: Run
  readonly opened: OpenedScenario
  readonly target: Target | undefined
  /** Whether two runs are shown at once; undefined where there are none to compare. */
  readonly both: boolean | undefined
}): Promise<string> {
  const { run, opened, target, both } = what
  const { encodeShareLink } = await import('../../src/scenario/share-link.ts')
  // Where knobs stood when this run began; what was turned since is in the log.
  const knobs = Object.fromEntries(
    run.scenario.knobs.filter(({ name, value }) => value !== opened.usualKnobs[name]).map(({ name, value }) => [name, value]),
  )
  const fragment = encodeShareLink({
    scenario: run.scenario,
    ...(opened.source === undefined ? {} : { source: opened.source }),
    seed: run.seed,
    knobs,
    log: run.log,
    at: run.playhead,
    ...(target?.kind === 'frame' ? { frame: target.number } : {}),
    ...(both !== undefined && { both }),
  })
  const address = new URL(location.href)
  address.hash = fragment
  return address.href
}
