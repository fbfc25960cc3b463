import { createHash } from 'node:crypto'
import { ExitCode } from './context.ts'
import { formatEvents, formatReport, reportOf } from './report.ts'
import { isFile, readJson, readScenario, within, writeResult } from './source-file.ts'
import { judgeClaims } from '../scenario/claims.ts'
import { ScenarioError, quote, suggestChoices } from '../scenario/errors.ts'
import { parseInterventions } from '../scenario/intervention-json.ts'
import { resolveScenario } from '../scenario/resolve.ts'
import { parseTime } from '../scenario/units.ts'
import type { CliContext } from './context.ts'
import type { WrittenFile } from './report.ts'
import type { CaptureChoice } from '../run/run.ts'
import type { Intervention } from '../scenario/intervention.ts'
import type { ResolvedScenario } from '../scenario/resolved.ts'

/** Options of `run` as they are on the command line. */
export interface RunOptions {
  readonly seed?: string
  readonly set: readonly string[]
  readonly interventions?: string
  readonly until?: string
  readonly pcap?: string
  readonly capture: string
  readonly events?: string
  readonly placement: string
  readonly maxWall: string
  readonly maxFrames: string
  readonly json?: boolean
}

/**
 * Runs a scenario and prints what came of it.
 * @throws UsageError or ScenarioError for what cannot be run
 */
export async function runCommand(argument: string, options: RunOptions, context: CliContext): Promise<ExitCode> {
  const placement = readPlacement(options.placement)
  const budget = {
    wallSeconds: parseTime(options.maxWall, '--max-wall') / 1e9,
    frames: readInteger(options.maxFrames, '--max-frames', 1),
  }
  const source = await readScenario(argument, context)
  const scenario = prepare(argument, source, options)
  const capture = readCapture(options.capture, scenario)
  const interventions = await readInterventions(options.interventions, scenario, context)

  const begin = context.wallSeconds()
  const outcome = await context.engine.run({ scenario, interventions, placement, budget })
  const wallSeconds = context.wallSeconds() - begin
  try {
    const bytes = await outcome.capture(capture)
    const captureSha256 = createHash('sha256').update(bytes).digest('hex')
    const report = reportOf(scenario, outcome, { claims: judgeClaims(source, outcome.trace), wallSeconds, captureSha256 })
    const files: WrittenFile[] = []
    const write = async (path: string | undefined, content: () => string | Uint8Array): Promise<void> => {
      if (path === undefined) return
      const result = content()
      await writeResult(path, result, context)
      files.push({ path, bytes: typeof result === 'string' ? Buffer.byteLength(result) : result.length })
    }
    await write(options.pcap, () => bytes)
    await write(options.events, () => formatEvents(outcome.trace))
    context.out(options.json === true ? `${JSON.stringify(report)}\n` : formatReport(scenario, report, files))
    if (outcome.overBudget !== undefined) {
      context.err(`packetarium: the run went over its budget: ${outcome.overBudget}\n`)
      return ExitCode.OverBudget
    }
    return report.claims.every(({ holds }) => holds) ? ExitCode.Done : ExitCode.ClaimFailed
  } finally {
    outcome.dispose()
  }
}

/** The scenario with the seed, the knobs and the duration of this run. */
function prepare(argument: string, source: unknown, options: RunOptions): ResolvedScenario {
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

function readSetting(text: string): [string, string] {
  const equals = text.indexOf('=')
  if (equals < 1) throw new ScenarioError('--set', quote(text), 'knob=value, such as loss=2%')
  return [text.slice(0, equals), text.slice(equals + 1)]
}

function readInteger(text: string, option: string, least: number): number {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new ScenarioError(option, quote(text), `a whole number from ${String(least)} to 9007199254740991`)
}

function readPlacement(text: string): 'inline' | 'workers' {
  if (text === 'inline' || text === 'workers') return text
  throw new ScenarioError('--placement', quote(text), 'inline or workers')
}

function readCapture(text: string, scenario: ResolvedScenario): CaptureChoice {
  if (text === 'links') return { kind: 'links' }
  const host = /^host:(.*)$/.exec(text)?.[1]
  const names = scenario.hosts.map(({ name }) => name)
  if (host === undefined)
    throw new ScenarioError('--capture', quote(text), `links, or host:NAME with ${suggestChoices('', names)}`)
  if (!names.includes(host))
    throw new ScenarioError('--capture', quote(text), `host: and a host of ${scenario.id}: ${suggestChoices(host, names)}`)
  return { kind: 'host', host }
}

async function readInterventions(
  path: string | undefined,
  scenario: ResolvedScenario,
  context: CliContext,
): Promise<readonly Intervention[]> {
  if (path === undefined) return []
  const value = await readJson(path, context)
  return within(path, () => parseInterventions(value, scenario))
}
