import { runOf, type RunSetup } from '../catalog-runs.ts'
import { event, isOf, knobs, later, ms, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { TraceView } from '../../../src/trace/record.ts'

const AT = ['0 s', '0.8 s', '6.5 s', '8 s']

testScenario('udp-blocked', {
  variants: knobs(
    { opens: 'never' },
    { blocks: false },
    { delay: 5e6 },
    { delay: 100e6 },
    { loss: 0.05 },
    { loss: 0.1, opens: 'never' },
  ),
  contradictions: [
    // As if TCP had waited for longer.
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'ben', 'tcp:state-changed') && each.data['from'] === 'CLOSED' ? later(each, 1e6) : each,
      },
    ],
    // As if the browser had tried QUIC all the same.
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'ben', 'tcp:state-changed') && each.time === 6.5e9
            ? { ...each, name: 'quic:connection-started' }
            : each,
      },
    ],
    [{}, { event: (each, trace) => (isOf(each, trace, 'ben', 'fetch:ended') ? withData(each, { protocol: 'h2' }) : each) }],
    [
      {},
      {
        event: (each, trace) =>
          each === event(trace, 'ben', 'fetch:ended', 4) ? withData(each, { outcome: 'failed', status: 0 }) : each,
      },
    ],
  ],
  figures: () => {
    const run = (values: RunSetup['knobs'] = {}): TraceView => runOf('udp-blocked', { knobs: values }).trace
    const plain = run()
    const loaded = (trace: TraceView, host: string, nth: number): number =>
      Number(event(trace, host, 'page:loaded', nth).data['duration'])
    const started = event(plain, 'ben', 'quic:connection-started', 1).time
    return [
      ...AT.map((at, nth) => `| at ${at} | ${['ann', 'ben', 'cleo'].map((host) => ms(loaded(plain, host, nth))).join(' | ')} |`),
      `is ${ms(loaded(plain, 'cleo', 1) - loaded(plain, 'ann', 1))} faster than Cleo`,
      `head start of ${ms(event(plain, 'ben', 'tcp:state-changed', 0, ({ time, data }) => time > started && data['to'] === 'SYN-SENT').time - started)}`,
      `nothing at all has come for ${String((event(plain, 'ben', 'alt-svc:broken').time - started) / 1e9)} s`,
      `Ben has his fourth page after ${ms(loaded(run({ opens: 'never' }), 'ben', 3))}`,
    ]
  },
  ways: knobs({ opens: 'never' }, { blocks: false }, { loss: 0.02 }),
  passesOnWrongFrames: true,
})
