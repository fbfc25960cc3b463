import { runOf, sourceOf, type RunSetup } from '../catalog-runs.ts'
import { event, isOf, knobs, later, ms, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import { judgeClaims } from '../../../src/scenario/claims.ts'
import type { TraceView } from '../../../src/trace/record.ts'

testScenario('tls-termination', {
  variants: knobs(
    { behind: 'https://origin' },
    { place: 'middle' },
    { place: 'far' },
    { versions: '1.2' },
    { versions: '1.2', behind: 'https://origin', place: 'middle' },
    { loss: 0.05 },
    { loss: 0.1, behind: 'https://origin' },
  ),
  contradictions: [
    // As if TLS had been spoken behind the proxy by one side only, and not said.
    [
      {},
      {
        event: (each, trace) =>
          each.name === 'tls:connected' && each.connection === event(trace, 'ann', 'tls:connected').connection ? undefined : each,
      },
    ],
    [{}, { event: (each, trace) => (isOf(each, trace, 'edge', 'http:request-received') ? undefined : each) }],
    [
      {},
      {
        event: (each) => (each.name === 'proxy:request-forwarded' ? withData(each, { forwardedFor: '10.0.1.1' }) : each),
      },
    ],
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'ann', 'fetch:phase-started') && each.data['phase'] === 'sending' ? later(each, 40e6) : each,
      },
    ],
  ],
  figures: () => {
    const run = (values: RunSetup['knobs'] = {}): TraceView => runOf('tls-termination', { knobs: values }).trace
    const [plain, secure, far] = [run(), run({ behind: 'https://origin' }), run({ place: 'far' })]
    const asked = (host: string): string => ms(event(plain, host, 'http:request-sent').time, 1)
    const loaded = (trace: TraceView, host: string, nth: number): string =>
      ms(Number(event(trace, host, 'page:loaded', nth).data['duration']), 1)
    const [evidence = ''] = judgeClaims(sourceOf('tls-termination'), plain).map((verdict) => verdict.evidence)
    const [readable, bytes, behind] = evidence.match(/\d[\d,]*/g) ?? []
    return [
      `his request leaves after ${asked('ben')}`,
      `her request leaves after ${asked('ann')}`,
      `She has her page after ${loaded(plain, 'ann', 0)}, Ben his after ${loaded(plain, 'ben', 0)}`,
      `Her page takes ${loaded(plain, 'ann', 1)}, Ben's ${loaded(plain, 'ben', 1)} again`,
      `the second visit takes ${loaded(far, 'ann', 1)}`,
      `${bytes} bytes went by in the run. Of these, ${readable} can be read`,
      `all ${behind} of ${behind} can be read`,
      `Ann's first page takes ${loaded(secure, 'ann', 0)}, as long as Ben's, her second ${loaded(secure, 'ann', 1)} as before`,
    ]
  },
  ways: knobs({ behind: 'https://origin' }, { behind: 'https://origin', versions: '1.2', loss: 0.02 }, { loss: 0.02 }),
})
