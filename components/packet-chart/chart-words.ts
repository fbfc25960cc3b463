import type { ResolvedScenario } from '../../src/scenario/resolved.ts'
import { formatCount } from '../../src/scenario/units.ts'
import type { ChartPlan, ChartSeries, SeriesUnit } from '../../src/trace/measures/measure-spec.ts'
import type { EventRecord } from '../../src/trace/record.ts'
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

/** What happened, in a word or two for the axis of time; `''`: nothing that belongs there. */
export function markWords({ name, host, member, data }: EventRecord, scenario: ResolvedScenario): string {
  const label = (of: string): string => scenario.hosts.find((each) => each.name === of)?.label ?? of
  switch (name) {
    case 'host:crashed':
    case 'host:recovered':
      // A mark for each of ten thousand would tell nothing.
      return member > 0 ? '' : `${scenario.hosts[host].label} ${name === 'host:crashed' ? 'crashed' : 'is back'}`
    case 'run:host-killed':
      return `${label(String(data['host']))} off`
    case 'run:host-restarted':
      return `${label(String(data['host']))} on`
    case 'run:host-paused':
      return `${label(String(data['host']))} paused`
    case 'run:host-resumed':
      return `${label(String(data['host']))} resumed`
    case 'run:link-cut':
      return `${String(data['link'])} cut`
    case 'run:link-healed':
      return `${String(data['link'])} healed`
    case 'run:knob-set': {
      const knob = scenario.knobs.find((each) => each.name === data['knob'])
      return knob?.label ?? String(data['knob'])
    }
    default:
      return ''
  }
}
