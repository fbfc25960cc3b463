import { runOf, type RunSetup } from '../catalog-runs.ts'
import { event, isOf, knobs, later, ms, s, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { TraceView } from '../../../src/trace/record.ts'

const loaded = (trace: TraceView, host: string): number => Number(event(trace, host, 'page:loaded').data['duration'])

/** Number of the fetch of the first picture of another name. */
const firstOf = (trace: TraceView, host: string, name: string): unknown =>
  event(trace, host, 'fetch:queued', 0, ({ data }) => String(data['url']).startsWith(`https://${name}/`)).data['id']

testScenario('domain-sharding', {
  variants: knobs(
    { coalescing: true },
    { delay: 5e6 },
    { delay: 200e6 },
    { rate: 5e5 },
    { rate: 5e7 },
    { loss: 0.02 },
    { loss: 0.1, coalescing: true },
  ),
  contradictions: [
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'ben', 'tcp:state-changed') && each.data['to'] === 'SYN-SENT' && each.time > 0
            ? withData(each, { to: 'ESTABLISHED' })
            : each,
      },
    ],
    [{}, { event: (each, trace) => (isOf(each, trace, 'ben', 'page:loaded') ? withData(each, { duration: 1.1e9 }) : each) }],
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'dan', 'http:request-sent') && each.data['id'] === firstOf(trace, 'dan', 'img1')
            ? later(each, -100e6)
            : each,
      },
    ],
    [{}, { event: (each, trace) => (isOf(each, trace, 'dan', 'page:loaded') ? withData(each, { duration: 0.5e9 }) : each) }],
  ],
  figures: () => {
    const run = (values: RunSetup['knobs'] = {}): TraceView => runOf('domain-sharding', { knobs: values }).trace
    const [plain, shared, slow] = [run(), run({ coalescing: true }), run({ rate: 5e5 })]
    const [ann, ben, cleo, dan] = ['ann', 'ben', 'cleo', 'dan'].map((host) => s(loaded(plain, host), 2))
    const id = firstOf(plain, 'dan', 'img1')
    const isIt = ({ data }: { readonly data: Readonly<Record<string, unknown>> }): boolean => data['id'] === id
    const waited = event(plain, 'dan', 'http:request-sent', 0, isIt).time - event(plain, 'dan', 'fetch:queued', 0, isIt).time
    return [
      `HTTP/1.1, one name | 6 | ${ann} |`,
      `HTTP/1.1, three names | 18 | ${ben} |`,
      `HTTP/2, one name | 1 | ${cleo} |`,
      `HTTP/2, three names | 3 | ${dan} |`,
      `leaves ${ms(waited)} after the picture was wanted`,
      `The page is there ${ms(loaded(plain, 'dan') - loaded(plain, 'cleo'))} later`,
      `one connection for three names, and ${s(loaded(shared, 'dan'), 2)}`,
      `the page takes ${s(loaded(slow, 'ann'), 2)} from one name and ${s(loaded(slow, 'ben'), 2)} from three`,
    ]
  },
  ways: knobs({ coalescing: true }, { rate: 5e5, loss: 0.05 }),
  waits: [],
  passesOnWrongFrames: true,
})
