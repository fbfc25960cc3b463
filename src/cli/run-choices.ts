import { isFile, readJson, within } from './source-file.ts'
import { ScenarioError, quote, suggestChoices } from '../scenario/errors.ts'
import { parseInterventions } from '../scenario/intervention-json.ts'
import { resolveScenario } from '../scenario/resolve.ts'
import { parseTime } from '../scenario/units.ts'
import type { CliContext } from './context.ts'
import type { CaptureChoice } from '../run/run.ts'
import type { Intervention } from '../scenario/intervention.ts'
import type { ResolvedScenario } from '../scenario/resolved.ts'

/** What may be chosen about a scenario, as it is on the command line. */
export interface ScenarioChoices {
  readonly seed?: string
  readonly set: readonly string[]
  readonly until?: string
}

/** The scenario with the seed, the knobs and the duration of this run. */
export function prepareScenario(argument: string, source: unknown, options: ScenarioChoices): ResolvedScenario {
  const seed = options.seed === undefined ? undefined : readInteger(options.seed, '--seed', 0)
  const until = options.until === undefined ? undefined : parseTime(options.until, '--until')
  if (until === 0) throw new ScenarioError('--until', quote(options.until ?? ''), 'a time of at least 1 ns, such as "10 s"')
  const knobs = Object.fromEntries(options.set.map(readSetting))
  // Without the knobs first, so that what is wrong with the scenario is not taken for a wrong knob.
  const plain = isFile(argument) ? within(argument, () => resolveScenario(source)) : resolveScenario(source)
  const known = plain.knobs.map(({ name }) => name)
  const unknown = Object.keys(knobs).find((name) => !known.includes(name))
  if (unknown !== undefined) {
    const allowed =
      known.length === 0 ? `none, for ${plain.id} has no knobs` : `a knob of ${plain.id}: ${suggestChoices(unknown, known)}`
    throw new ScenarioError('--set', quote(unknown), allowed)
  }
  const resolved = resolveScenario(source, { knobs, ...(seed === undefined ? {} : { seed }) })
  return until === undefined ? resolved : { ...resolved, duration: until }
}

/** @throws ScenarioError */
export function readSetting(text: string): [string, string] {
  const equals = text.indexOf('=')
  if (equals < 1) throw new ScenarioError('--set', quote(text), 'knob=value, such as loss=2%')
  return [text.slice(0, equals), text.slice(equals + 1)]
}

/** @throws ScenarioError naming the option */
export function readInteger(text: string, option: string, least: number): number {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new ScenarioError(option, quote(text), `a whole number from ${String(least)} to 9007199254740991`)
}

/** `links`, `links:whole`, or `host:NAME`. */
export function readCapture(text: string, scenario: ResolvedScenario): CaptureChoice {
  if (text === 'links') return { kind: 'links' }
  if (text === 'links:whole') return { kind: 'links', repeats: 'whole' }
  const host = /^host:(.*)$/.exec(text)?.[1]
  const names = scenario.hosts.map(({ name }) => name)
  if (host === undefined)
    throw new ScenarioError('--capture', quote(text), `links, links:whole, or host:NAME with ${suggestChoices('', names)}`)
  if (!names.includes(host))
    throw new ScenarioError('--capture', quote(text), `host: and a host of ${scenario.id}: ${suggestChoices(host, names)}`)
  return { kind: 'host', host }
}

/** The file that `--interventions` names; none without it. */
export async function readInterventions(
  path: string | undefined,
  scenario: ResolvedScenario,
  context: CliContext,
): Promise<readonly Intervention[]> {
  if (path === undefined) return []
  const value = await readJson(path, context)
  return within(path, () => parseInterventions(value, scenario))
}
