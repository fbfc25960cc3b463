import { formatCount, formatTime, formatUnit } from './units.ts'
import { scenarioSchema } from './schema.ts'
import { check, copyPlain } from './validation.ts'
import type { Claim, ClaimResult, Measure, MeasuredClaim } from './claim-schema.ts'
import type { EventRecord, FrameRecord, TraceView } from '../trace/record.ts'

/** A claim with what was found on one run. */
export interface ClaimVerdict extends ClaimResult {
  readonly says: string
  /** RFC and section, or ''. */
  readonly cites: string
}

/**
 * Measures every claim of a scenario on a trace. A claim whose function throws does not hold, and its evidence says why.
 * @param source the scenario as its author wrote it
 * @throws ScenarioError when the scenario is not valid
 */
export function judgeClaims(source: unknown, trace: TraceView): ClaimVerdict[] {
  const { claims } = check(scenarioSchema, copyPlain(source))
  return claims.map((claim) => ({ says: claim.says, cites: claim.cites ?? '', ...judge(claim, trace) }))
}

function judge(claim: Claim, trace: TraceView): ClaimResult {
  if (claim.measure !== undefined) return judgeMeasure(claim, trace)
  try {
    const result = claim.holds(trace)
    if (typeof result === 'object') return { holds: result.holds, evidence: result.evidence }
    return { holds: result, evidence: result ? 'it is so on this run' : 'it is not so on this run' }
  } catch (error) {
    return { holds: false, evidence: `could not be measured: ${error instanceof Error ? error.message : String(error)}` }
  }
}

interface Measurement {
  /** In base units; undefined: nothing to measure. */
  readonly value: number | undefined
  /** What was measured, with a place for the value: `['the page loaded after', '']`. */
  readonly text: readonly [before: string, after: string]
  /** Said when there was nothing to measure. */
  readonly nothing: string
  readonly format: (value: number) => string
}

function judgeMeasure(claim: MeasuredClaim, trace: TraceView): ClaimResult {
  const { value, text, nothing, format } = MEASURERS[claim.measure](trace, claim.host)
  if (value === undefined) return { holds: false, evidence: nothing }
  const bounds = [
    ...(claim.above === undefined ? [] : [`above ${format(claim.above)}`]),
    ...(claim.below === undefined ? [] : [`below ${format(claim.below)}`]),
  ]
  const holds = (claim.below === undefined || value < claim.below) && (claim.above === undefined || value > claim.above)
  const found = [text[0], format(value), text[1]].filter((part) => part !== '').join(' ')
  return { holds, evidence: `${found}; claimed: ${bounds.join(', ')}` }
}

const MEASURERS: Readonly<Record<Measure, (trace: TraceView, host: string | undefined) => Measurement>> = {
  'page-load-time': (trace, host) => {
    const loads = eventsOf(trace, 'page:loaded', host).map(({ data }) => Number(data['duration']))
    const several = loads.length > 1
    return {
      value: loads.length === 0 ? undefined : Math.max(...loads),
      text: [several ? `the slowest of ${formatCount(loads.length)} pages loaded in` : 'the page loaded in', ''],
      nothing: 'no page was loaded',
      format: formatTime,
    }
  },
  'bytes-delivered': (trace, host) => ({
    value: eventsOf(trace, 'tcp:delivered', host).reduce((sum, { data }) => sum + Number(data['length']), 0),
    text: ['TCP delivered', 'to applications'],
    nothing: '',
    format: (value) => formatUnit('bytes', value),
  }),
  'frames-lost': (trace, host) => {
    const sender = host === undefined ? undefined : trace.hosts.indexOf(host)
    const lost = [...trace.frames((frame) => isLost(frame) && (sender === undefined || frame.from === sender))].length
    return { value: lost, text: ['', lost === 1 ? 'frame was lost' : 'frames were lost'], nothing: '', format: formatCount }
  },
  retransmissions: (trace, host) => {
    const count = eventsOf(trace, 'tcp:segment-retransmitted', host).length
    return {
      value: count,
      text: ['', count === 1 ? 'segment was sent again' : 'segments were sent again'],
      nothing: '',
      format: formatCount,
    }
  },
  'ping-rtt': (trace, host) => {
    const times = eventsOf(trace, 'ping:replied', host)
      .filter(({ data }) => data['kind'] === 'reply')
      .map(({ data }) => Number(data['rtt']))
    const text: Measurement['text'] = [`of ${formatCount(times.length)} replies the median round trip took`, '']
    return { value: median(times), text, nothing: 'no echo request was answered', format: formatTime }
  },
}

function eventsOf(trace: TraceView, name: string, host: string | undefined): EventRecord[] {
  const index = host === undefined ? undefined : trace.hosts.indexOf(host)
  return trace.all(name, index === undefined ? undefined : (event) => event.host === index)
}

function isLost({ fate }: FrameRecord): boolean {
  return fate !== 'arrived' && fate !== 'queued' && fate !== 'in-flight'
}

function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle]
  const lower = sorted[middle - 1]
  return upper === undefined || lower === undefined || sorted.length % 2 === 1 ? upper : (lower + upper) / 2
}
