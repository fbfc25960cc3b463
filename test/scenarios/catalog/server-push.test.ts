import { runOf, type RunSetup } from '../catalog-runs.ts'
import { event, isOf, knobs, ms, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { TraceView } from '../../../src/trace/record.ts'

const SECOND = 2e9

testScenario('server-push', {
  variants: knobs(
    { delay: 5e6 },
    { delay: 300e6 },
    { rate: 5e5 },
    { rate: 5e7 },
    { rate: 5e5, delay: 5e6 },
    { cache: false },
    { loss: 0.02 },
    { loss: 0.1 },
  ),
  contradictions: [
    [
      {},
      {
        event: (each, trace) => (isOf(each, trace, 'ann', 'page:first-rendered') ? withData(each, { duration: 333e6 }) : each),
      },
    ],
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'ann', 'http2:push-promised') ? { ...each, host: trace.hosts.indexOf('ben') } : each,
      },
    ],
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'ann', 'http2:frame-received') && each.time > SECOND && Number(each.data['stream']) % 2 === 0
            ? undefined
            : each,
      },
    ],
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'ann', 'page:loaded') && each.time > SECOND ? withData(each, { duration: 200e6 }) : each,
      },
    ],
  ],
  figures: () => {
    const run = (values: RunSetup['knobs'] = {}): TraceView => runOf('server-push', { knobs: values }).trace
    const [plain, far, slow, fast] = [run(), run({ delay: 100e6 }), run({ rate: 5e5 }), run({ rate: 5e7 })]
    const took = (trace: TraceView, host: string, name: string, nth: number): number =>
      Number(event(trace, host, name, nth).data['duration'])
    const both = (name: string, nth: number): string => ['ann', 'ben'].map((host) => ms(took(plain, host, name, nth))).join(' | ')
    const behind = (trace: TraceView, name: string, nth: number): number =>
      took(trace, 'ben', name, nth) - took(trace, 'ann', name, nth)
    return [
      `first page, first paint | ${both('page:first-rendered', 0)} |`,
      `first page, all of it | ${both('page:loaded', 0)} |`,
      `second page, first paint | ${both('page:first-rendered', 1)} |`,
      `second page, all of it | ${both('page:loaded', 1)} |`,
      `waits ${ms(behind(plain, 'page:first-rendered', 0))} longer`,
      `with 100 ms of delay it is ${ms(behind(far, 'page:first-rendered', 0))}`,
      `Ben is done ${ms(-behind(plain, 'page:loaded', 1))} before her`,
      `At 500 kbit/s it is ${ms(-behind(slow, 'page:loaded', 1))}`,
      `the second page takes ${ms(took(fast, 'ann', 'page:loaded', 1))} for either`,
      `the second page takes ${ms(took(fast, 'ben', 'page:loaded', 1))} for either`,
    ]
  },
  ways: knobs({ cache: false }, { rate: 5e5, loss: 0.05 }),
  passesOnWrongFrames: true,
})
