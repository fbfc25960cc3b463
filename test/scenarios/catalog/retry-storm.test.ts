import type { Intervention } from '../../../src/scenario/intervention.ts'
import type { TraceView } from '../../../src/trace/record.ts'
import { runOf, type RunSetup } from '../catalog-runs.ts'
import { isOf, knobs, s, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'

const SECOND = 1e9
const BACK = 14 * SECOND
const END = 24 * SECOND
const CURES = {
  none: 'nothing',
  budget: 'a retry budget of 10 %',
  backoff: 'exponential backoff',
  breaker: 'circuit breakers',
  queue: 'a short queue',
  checks: 'health checks',
  least: 'least connections',
}

/** Share of a group's requests that ended in a piece of time and were answered. */
function answered(trace: TraceView, host: string, from: number, to: number): number {
  const ended = trace.all(
    'request:ended',
    (event) => isOf(event, trace, host, 'request:ended') && event.time >= from && event.time < to,
  )
  return ended.filter(({ data }) => data['status'] === 200).length / ended.length
}

/** How often a second a balancer was asked. */
function asked(trace: TraceView, host: string, from: number, to: number): number {
  const all = trace.all('http:request-received', (event) => isOf(event, trace, host, 'http:request-received'))
  return (all.filter(({ time }) => time >= from && time < to).length * SECOND) / (to - from)
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`

/** From when on, after a time, a group is answered for a second without a failure. */
function backAt(trace: TraceView, host: string, after: number): number {
  for (let from = after; from < END; from += SECOND / 10) if (answered(trace, host, from, from + SECOND) === 1) return from
  return Number.NaN
}

testScenario('retry-storm', {
  variants: knobs({ cure: 'none' }, { cure: 'queue' }, { cure: 'breaker', rate: 6 }, { retries: 0 }),
  contradictions: [
    // Somebody was answered after all.
    [{}, { event: (event) => (event.name === 'request:ended' && event.time > 19e9 ? withData(event, { status: 200 }) : event) }],
    // The budget did not help.
    [
      {},
      {
        event: (event, trace) =>
          isOf(event, trace, 'limited', 'request:ended') && event.time > BACK ? withData(event, { status: 503 }) : event,
      },
    ],
    // The balancer was asked as often as before.
    [
      {},
      { event: (event, trace) => (isOf(event, trace, 'lb1', 'http:request-received') && event.time > 19e9 ? undefined : event) },
    ],
    // The servers had nothing to do.
    [{}, { event: (event) => (event.name === 'host:load-sampled' ? withData(event, { processor: 0.5 }) : event) }],
  ],
  figures: () => {
    const run = (cure: string, setup: RunSetup = {}): TraceView => runOf('retry-storm', { ...setup, knobs: { cure } }).trace
    const plain = run('budget')
    const rows = Object.entries(CURES).map(([cure, words]) => {
      const trace = cure === 'budget' ? plain : run(cure)
      const late = percent(answered(trace, 'limited', 19 * SECOND, END))
      return `| ${words} | ${late} | ${asked(trace, 'lb2', 19 * SECOND, END).toFixed(0)} |`
    })
    const off: Intervention = { at: 19e9, set: { knob: 'retries', value: 0 } }
    const quiet = run('budget', { interventions: [off] })
    const fresh = run('budget', { interventions: [off, { at: 19e9, restart: 'a1' }, { at: 19e9, restart: 'a2' }] })
    return [
      `${asked(plain, 'lb1', 0, 4 * SECOND).toFixed(0)} times a second before`,
      `${asked(plain, 'lb1', 19 * SECOND, END).toFixed(0)} times a second from 19 s on`,
      `${percent(answered(plain, 'plain', 19 * SECOND, END))} of its requests are answered`,
      `${percent(answered(quiet, 'plain', 20e9, END))} of the requests from 20 s on`,
      `everybody is answered after ${s(backAt(fresh, 'plain', 19e9) - 19e9)}`,
      ...rows,
    ]
  },
  ways: knobs({ cure: 'queue' }, { cure: 'checks' }),
})
