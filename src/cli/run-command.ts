import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { ExitCode } from './context.ts'
import { formatEvents, formatReport, reportOf } from './report.ts'
import { prepareScenario, readCapture, readInteger, readInterventions } from './run-choices.ts'
import { makeFolder, readScenario, writeResult } from './source-file.ts'
import { judgeClaims } from '../scenario/claims.ts'
import { ScenarioError, quote } from '../scenario/errors.ts'
import { parseTime } from '../scenario/units.ts'
import type { CliContext } from './context.ts'
import type { WrittenFile } from './report.ts'
import type { ScenarioChoices } from './run-choices.ts'

/** Options of `run` as they are on the command line. */
export interface RunOptions extends ScenarioChoices {
  readonly interventions?: string
  readonly pcap?: string
  readonly capture: string
  readonly keys?: string
  readonly events?: string
  readonly qlog?: string
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
  const scenario = prepareScenario(argument, source, options)
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
    await write(options.keys, outcome.keyLog)
    await write(options.events, () => formatEvents(outcome.trace))
    if (options.qlog !== undefined) {
      await makeFolder(options.qlog, context)
      for (const { name, text } of outcome.qlog()) await write(join(options.qlog, name), () => text)
    }
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

function readPlacement(text: string): 'inline' | 'workers' {
  if (text === 'inline' || text === 'workers') return text
  throw new ScenarioError('--placement', quote(text), 'inline or workers')
}
