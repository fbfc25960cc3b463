import { ExitCode } from './context.ts'
import { inlineMore } from './inlining.ts'
import { prepareScenario, readInteger, readSetting } from './run-choices.ts'
import { readScenario, writeResult } from './source-file.ts'
import { ScenarioError, quote } from '../scenario/errors.ts'
import { parseTime } from '../scenario/units.ts'
import { alignColumns } from './report.ts'
import type { CliContext } from './context.ts'
import type { TraceView } from '../trace/record.ts'

/** Options of `sweep` as they are on the command line. */
export interface SweepOptions {
  readonly set: readonly string[]
  readonly seeds: string
  readonly measure: readonly string[]
  readonly csv?: string
  readonly maxWall: string
}

/** What is read off each run: `event`, `event.field` or either of them with `@host`. */
interface Measure {
  readonly words: string
  readonly event: string
  /** '': when it happened, in nanoseconds. */
  readonly field: string
  /** '': any. */
  readonly host: string
}

/** What a measure came to over all seeds of a combination, smallest first; runs that lack it are counted only. */
interface Found {
  readonly values: readonly number[]
  readonly missing: number
}

const MEASURE = /^([a-z0-9]+:[a-z0-9-]+)(?:\.([A-Za-z0-9]+))?(?:@(.+))?$/

/** Most frames of one run; who needs more has to look at single runs. */
const FRAMES = 20_000_000

/**
 * Runs a scenario for all combinations of some values of its knobs, with many seeds each, and prints what was measured.
 * @throws UsageError or ScenarioError for what cannot be run
 */
export async function sweepCommand(argument: string, options: SweepOptions, context: CliContext): Promise<ExitCode> {
  const seeds = readInteger(options.seeds, '--seeds', 1)
  const measures = options.measure.map(readMeasure)
  if (measures.length === 0) throw new ScenarioError('--measure', 'nothing', 'at least one, such as page:loaded.duration')
  const wallSeconds = parseTime(options.maxWall, '--max-wall') / 1e9
  const source = await readScenario(argument, context)
  inlineMore()
  const knobs = options.set.map(readValues)
  const rows: (readonly string[])[] = []
  for (const combination of combinationsOf(knobs)) {
    const set = combination.map((value, index) => `${knobs[index].name}=${value}`)
    const found = measures.map((): number[] => [])
    for (let seed = 1; seed <= seeds; seed++) {
      const scenario = prepareScenario(argument, source, { set, seed: String(seed) })
      const budget = { wallSeconds, frames: FRAMES }
      const outcome = await context.engine.run({ scenario, interventions: [], placement: 'inline', budget })
      try {
        if (outcome.overBudget !== undefined) {
          context.err(`packetarium: seed ${String(seed)} of ${set.join(', ')} went over its budget: ${outcome.overBudget}\n`)
          return ExitCode.OverBudget
        }
        measures.forEach((measure, index) => {
          const value = readOff(outcome.trace, measure)
          if (value !== undefined) found[index].push(value)
        })
      } finally {
        outcome.dispose()
      }
    }
    measures.forEach(({ words }, index) => {
      const values = found[index].sort((a, b) => a - b)
      rows.push([...combination, words, ...tell({ values, missing: seeds - values.length })])
    })
  }
  const head = [...knobs.map(({ name }) => name), 'measure', 'runs', 'missing', 'least', 'median', 'most']
  if (options.csv === undefined) context.out(`${alignColumns(head, rows).join('\n')}\n`)
  else await writeResult(options.csv, [head, ...rows].map((row) => `${row.map(cell).join(',')}\n`).join(''), context)
  return ExitCode.Done
}

function readValues(text: string): { name: string; values: readonly string[] } {
  const [name, values] = readSetting(text)
  return { name, values: values.split(',') }
}

/** Every choice of one value of each, the last changing fastest. */
function combinationsOf(knobs: readonly { readonly values: readonly string[] }[]): string[][] {
  return knobs.reduce<string[][]>((before, { values }) => before.flatMap((row) => values.map((value) => [...row, value])), [[]])
}

function readMeasure(words: string): Measure {
  const match = MEASURE.exec(words)
  if (match === null) throw new ScenarioError('--measure', quote(words), 'event, event.field or event.field@host')
  const [, event, field = '', host = ''] = match
  return { words, event, field, host }
}

/** Of the first event that fits; undefined where there is none, or no such number. */
function readOff(trace: TraceView, { event, field, host }: Measure): number | undefined {
  const first = trace.first(event, (record) => host === '' || trace.hosts[record.host] === host)
  if (first === undefined || field === '') return first?.time
  const value = first.data[field]
  return typeof value === 'number' ? value : undefined
}

function tell({ values, missing }: Found): string[] {
  const runs = String(values.length + missing)
  if (values.length === 0) return [runs, String(missing), '', '', '']
  const middle = (values[(values.length - 1) >> 1] + values[values.length >> 1]) / 2
  return [runs, String(missing), String(values[0]), String(middle), String(values[values.length - 1])]
}

/** RFC 4180 section 2. */
function cell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
