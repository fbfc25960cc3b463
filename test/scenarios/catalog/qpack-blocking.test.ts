import { formatCount } from '../../../src/scenario/units.ts'
import { runOf, type RunSetup } from '../catalog-runs.ts'
import { count, event, isOf, knobs, later, median, ms, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { EventRecord, TraceView } from '../../../src/trace/record.ts'

const PAGES_END = 1.5e9
const loaded = (trace: TraceView, host: string): number => Number(event(trace, host, 'page:loaded').data['duration'])

function fieldBytes(trace: TraceView, host: string, isCounted: (event: EventRecord) => boolean): number {
  const isField = (each: EventRecord): boolean =>
    isOf(each, trace, host, 'http3:frame-received')
      ? each.data['type'] === 'HEADERS'
      : isOf(each, trace, host, 'quic:stream-delivered') && each.data['stream'] === 7
  return trace.events
    .filter((each) => isField(each) && isCounted(each))
    .reduce((sum, { data }) => sum + Number(data['length']), 0)
}

testScenario('qpack-blocking', {
  variants: knobs(
    { blocked: 0 },
    { blocked: 2 },
    { table: 'none' },
    { lost: 'none' },
    { delay: 5e6 },
    { delay: 150e6, blocked: 4 },
    { loss: 0.02 },
    { loss: 0.05, lost: 'none' },
    { loss: 0.1 },
  ),
  contradictions: [
    // As if they had been let go before the table was complete.
    [{}, { event: (each, trace) => (isOf(each, trace, 'ben', 'qpack:unblocked') ? later(each, -1e6) : each) }],
    // As if one of Ann's had waited.
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'ann', 'page:parsed') ? { ...withData(each, { stream: 4 }), name: 'qpack:blocked' } : each,
      },
    ],
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'ann', 'http3:frame-received') && each.data['type'] === 'HEADERS'
            ? withData(each, { length: 16 })
            : each,
      },
    ],
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'ann', 'http3:frame-received') && each.data['type'] === 'HEADERS' && each.time > PAGES_END
            ? withData(each, { length: 367 })
            : each,
      },
    ],
  ],
  figures: () => {
    const run = (values: RunSetup['knobs'] = {}, seed = 1): TraceView => runOf('qpack-blocking', { knobs: values, seed }).trace
    const plain = run()
    const clean = run({ lost: 'none' })
    const [first] = plain.all('qpack:blocked')
    const end = plain.first('qpack:unblocked', ({ data }) => data['stream'] === first.data['stream'])?.time ?? 0
    const headers = (host: string): number => {
      const isPicture = ({ data }: EventRecord): boolean => data['type'] === 'HEADERS' && data['stream'] === 8
      return Number(event(plain, host, 'http3:frame-received', 0, isPicture).data['length'])
    }
    const before = ({ time }: EventRecord): boolean => time < PAGES_END
    const [annFields, benFields] = ['ann', 'ben'].map((host) => formatCount(fieldBytes(plain, host, before)))
    const again = formatCount(fieldBytes(plain, 'ann', (each) => !before(each)))
    const row = (loss: number): string => {
      const traces = Array.from({ length: 21 }, (_, index) => run({ lost: 'none', loss }, index + 1))
      const [ann, ben] = ['ann', 'ben'].map((host) => ms(median(traces.map((trace) => loaded(trace, host)))))
      return `${String(loss * 100)} % | ${ann} | ${ben} | ${String(traces.filter((trace) => count(trace, 'ben', 'qpack:blocked') > 0).length)} |`
    }
    return [
      `${String(headers('ann'))} bytes when they are spelled out`,
      `Ben gets ${String(headers('ben'))} bytes of fields each`,
      `Ben's next ${String(count(plain, 'ben', 'qpack:blocked'))} answers arrive, and wait: the first of them for ${ms(end - first.time)}`,
      `Ann gets ${annFields} bytes of fields for the page, Ben ${benFields}`,
      `She gets ${again} bytes, as he does`,
      `he has the page after ${ms(loaded(plain, 'ben'))}, Ann after ${ms(loaded(plain, 'ann'))}`,
      `it is ${ms(loaded(clean, 'ben'))} and ${ms(loaded(clean, 'ann'))}`,
      row(0.02),
      row(0.05),
    ]
  },
  ways: knobs({ blocked: 0 }, { table: 'none' }, { lost: 'none' }, { loss: 0.05 }),
  passesOnWrongFrames: true,
})
