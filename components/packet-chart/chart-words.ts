import type { ResolvedScenario } from '../../src/scenario/resolved.ts'
import { formatCount } from '../../src/scenario/units.ts'
import type { ChartPlan, ChartSeries, SeriesUnit } from '../../src/trace/measures/measure-spec.ts'
import type { EventRecord, Nanos } from '../../src/trace/record.ts'
import { formatDuration, formatQuantity } from '../format.ts'

const TAKE_WORDS = { last: '', max: 'largest', min: 'smallest', mean: 'mean', sum: 'sum' } as const

/** A value of a series for people: `'812/s'`, `'40 %'`; a dash in a gap. */
export function valueWords({ unit, perSecond }: Pick<ChartSeries, 'unit' | 'perSecond'>, value: number): string {
  if (Number.isNaN(value)) return '–'
  // Sizes never in binary units, so that they can be compared with each other and with the axis.
  const number = unit === 'count' ? countWords(value) : formatQuantity(unit, unit === 'time' ? Math.round(value) : value, false)
  return perSecond ? `${number}/s` : number
}

function countWords(value: number): string {
  return formatCount(Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3)))
}

/** A number on an axis, short: `'1.2k'`. */
export function tickWords(unit: SeriesUnit, perSecond: boolean, value: number): string {
  if (value === 0) return '0'
  if (unit !== 'count') return valueWords({ unit, perSecond }, value)
  const size = Math.abs(value)
  const short =
    size >= 1e6
      ? `${String(Number((value / 1e6).toPrecision(3)))}M`
      : size >= 1e4
        ? `${String(Number((value / 1e3).toPrecision(3)))}k`
        : countWords(value)
  return perSecond ? `${short}/s` : short
}

/** What each value of a series stands for: `'per second, over 100 ms'`; `''`: for the moment. */
export function seriesWords({ bucket }: Pick<ChartPlan, 'bucket'>, { perSecond, spec }: ChartSeries): string {
  const over = `over ${formatDuration(bucket)}`
  if (perSecond) return `per second, ${over}`
  if (spec.measure === 'percentile') return over
  if (spec.measure === 'value' && spec.take !== undefined && spec.take !== 'last') return `${TAKE_WORDS[spec.take]} ${over}`
  return ''
}

/** What happened to whom, in a word or two. */
interface MarkWords {
  readonly of: string
  readonly what: string
}

/** More than so many to whom the same happens at once are counted. */
const NAMED = 3

/** What happened, in a few words for the axis of time: once for all to whom the same happened at the same moment. */
export function markWords(
  marks: readonly { readonly time: Nanos; readonly event: EventRecord }[],
  scenario: ResolvedScenario,
): { time: Nanos; words: string }[] {
  const told: { time: Nanos; what: string; of: string[] }[] = []
  for (const { time, event } of marks) {
    const words = wordsOf(event, scenario)
    if (words === undefined) continue
    const { of, what } = words
    const same = told.findLast((each) => each.time === time && each.what === what && what !== '')
    if (same === undefined) told.push({ time, what, of: [of] })
    else if (!same.of.includes(of)) same.of.push(of)
  }
  return told.map(({ time, what, of }) => {
    const who = of.length > NAMED ? `${String(of.length)} of them` : of.join(', ')
    return { time, words: `${who} ${what}`.trim() }
  })
}

/** `undefined`: nothing that belongs on the axis of time. */
function wordsOf({ name, host, member, data }: EventRecord, scenario: ResolvedScenario): MarkWords | undefined {
  const label = (of: string): string => scenario.hosts.find((each) => each.name === of)?.label ?? of
  switch (name) {
    case 'host:crashed':
    case 'host:recovered':
      // A mark for each of ten thousand would tell nothing.
      return member > 0 ? undefined : { of: scenario.hosts[host].label, what: name === 'host:crashed' ? 'crashed' : 'back' }
    case 'run:host-killed':
      return { of: label(String(data['host'])), what: 'off' }
    case 'run:host-restarted':
      return { of: label(String(data['host'])), what: 'on' }
    case 'run:host-paused':
      return { of: label(String(data['host'])), what: 'paused' }
    case 'run:host-resumed':
      return { of: label(String(data['host'])), what: 'resumed' }
    case 'run:link-cut':
      return { of: String(data['link']), what: 'cut' }
    case 'run:link-healed':
      return { of: String(data['link']), what: 'healed' }
    case 'run:knob-set': {
      const knob = scenario.knobs.find((each) => each.name === data['knob'])
      return { of: knob?.label ?? String(data['knob']), what: '' }
    }
    default:
      return undefined
  }
}
