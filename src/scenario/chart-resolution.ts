import { ScenarioError, quote, suggestChoices } from './errors.ts'
import { formatPath } from './path.ts'
import { nameOfLink } from './segment.ts'
import type { ChartPlan, ChartSeries, MeasureSpec, SeriesUnit } from '../trace/measures/measure-spec.ts'
import type { ParsedChart, ParsedSeries } from './chart-schema.ts'
import type { ParsedScenario } from './schema.ts'

/** How many pieces a run of its full duration has, roughly, when the author does not say. */
const USUAL_BUCKETS = 300
const MOST_BUCKETS = 100_000

/** Fields of events whose unit goes without saying. */
const UNITS: Readonly<Record<string, SeriesUnit>> = {
  processor: 'fraction',
  share: 'fraction',
  memory: 'bytes',
  bytes: 'bytes',
  length: 'bytes',
  delay: 'time',
  duration: 'time',
  wait: 'time',
  waited: 'time',
  rtt: 'time',
  latency: 'time',
  after: 'time',
}

/** @throws ScenarioError for hosts and links that there are not, more units than axes, buckets without number */
export function resolveCharts(scenario: ParsedScenario): ChartPlan[] {
  return scenario.charts.map((chart, index) => resolveChart(scenario, chart, index))
}

function resolveChart(scenario: ParsedScenario, chart: ParsedChart, index: number): ChartPlan {
  const bucket = chart.bucket ?? usualBucket(scenario.duration)
  if (scenario.duration / bucket > MOST_BUCKETS) {
    throw new ScenarioError(
      formatPath(['charts', index, 'bucket']),
      `${String(Math.ceil(scenario.duration / bucket))} buckets in the duration of a run`,
      `a width that gives at most ${String(MOST_BUCKETS)} buckets`,
    )
  }
  const series = chart.series.map((each, at) => resolveSeries(scenario, each, ['charts', index, 'series', at]))
  const units = new Set(series.map(({ unit, perSecond }) => `${unit} ${String(perSecond)}`))
  if (units.size > (chart.stacked ? 1 : 2)) {
    throw new ScenarioError(
      formatPath(['charts', index, 'series']),
      `${String(units.size)} units of measure`,
      chart.stacked ? 'series of one unit, which can be piled up' : 'at most two, one for each axis',
    )
  }
  return { title: chart.title, bucket, stacked: chart.stacked, series }
}

function resolveSeries(scenario: ParsedScenario, series: ParsedSeries, path: readonly (string | number)[]): ChartSeries {
  const { label } = series
  switch (series.measure) {
    case 'frames':
    case 'bytes': {
      const { label: _, link, ...rest } = series
      checkHost(scenario, series.from, [...path, 'from'])
      checkHost(scenario, series.to, [...path, 'to'])
      const spec: MeasureSpec = { ...rest, ...(link !== undefined && { link: findLink(scenario, link, [...path, 'link']) }) }
      const unit = series.measure === 'bytes' ? 'bytes' : 'count'
      return { label, unit, perSecond: series.as !== 'total', spec }
    }
    case 'events': {
      const { label: _, ...spec } = series
      checkHost(scenario, series.host, [...path, 'host'])
      return { label, unit: 'count', perSecond: series.as !== 'total', spec }
    }
    case 'value':
    case 'percentile': {
      const { label: _, unit, ...spec } = series
      checkHost(scenario, series.host, [...path, 'host'])
      return { label, unit: unit ?? UNITS[series.field] ?? 'count', perSecond: false, spec }
    }
    case 'members': {
      const { label: _, ...spec } = series
      checkHost(scenario, series.host, [...path, 'host'])
      const members = scenario.hosts[series.host].replicas
      return { label, unit: 'count', perSecond: false, spec: { ...spec, ...(members !== undefined && { members }) } }
    }
  }
}

function checkHost(scenario: ParsedScenario, name: string | undefined, path: readonly (string | number)[]): void {
  const hosts = Object.keys(scenario.hosts)
  if (name === undefined || hosts.includes(name)) return
  throw new ScenarioError(formatPath(path), quote(name), `a host of this scenario: ${suggestChoices(name, hosts)}`)
}

function findLink(scenario: ParsedScenario, name: string, path: readonly (string | number)[]): number {
  const names = scenario.links.map(nameOfLink)
  const index = names.indexOf(name)
  if (index >= 0) return index
  throw new ScenarioError(formatPath(path), quote(name), `a link of this scenario: ${suggestChoices(name, names)}`)
}

/** 1, 2 or 5 times a power of ten. */
function usualBucket(duration: number): number {
  const least = Math.max(1000, duration / USUAL_BUCKETS)
  const power = 10 ** Math.floor(Math.log10(least))
  const digit = least / power
  return Math.round((digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10) * power)
}
