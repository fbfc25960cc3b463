import assert from 'node:assert/strict'
import { runOf, type RunSetup } from '../catalog-runs.ts'
import { knobs, withData, isOf, event, count, ms, s } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { TraceView } from '../../../src/trace/record.ts'

testScenario('udp-vs-tcp', {
  variants: knobs({ loss: 0 }, { loss: 0.01 }, { loss: 0.1 }, { playout: 20e6 }),
  contradictions: [
    [{}, { event: (event, trace) => (isOf(event, trace, 'ben', 'stream:frame-missed') && event.time < 1e9 ? undefined : event) }],
    [
      {},
      {
        event: (event, trace) =>
          isOf(event, trace, 'dan', 'stream:frame-received') && event.data['sequence'] === 9 ? undefined : event,
      },
    ],
    [
      {},
      { event: (event, trace) => (isOf(event, trace, 'dan', 'stream:frame-missed') && event.time > 0.7e9 ? undefined : event) },
    ],
    [
      {},
      {
        event: (event, trace) =>
          isOf(event, trace, 'dan', 'stream:frame-received') ? withData(event, { delay: 50_000_000 }) : event,
      },
    ],
  ],
  figures: () => {
    const run = (setup: RunSetup = {}): TraceView => runOf('udp-vs-tcp', setup).trace
    const trace = run()
    const missed = (trace: TraceView): string => String(count(trace, 'dan', 'stream:frame-missed'))
    const lost = (kind: string): number[] =>
      [...trace.frames((frame) => frame.kind === kind && frame.fate === 'random-loss')].map(({ sent }) => sent)
    assert.equal(count(trace, 'ben', 'stream:frame-missed'), lost('udp').length)
    const late = event(trace, 'dan', 'stream:frame-late')
    const short = run({ interventions: [{ at: 0, link: { name: 'tcp', settings: { delay: 5e6 } } }] })
    return [
      `${String(lost('udp').length)} of 200 are lost`,
      `to vanish leaves at ${s(lost('tcp-data')[0], 2)}`,
      `is sent again at ${s(event(trace, 'cleo', 'tcp:segment-retransmitted').time, 2)}, and at ${s(late.time, 2)}`,
      `its slot passed ${ms(Number(late.data['late']))} ago`,
      `takes ${String(lost('tcp-data').length)} packets as well, and Dan misses ${missed(trace)} slots`,
      `With 250 ms Dan misses ${missed(run({ knobs: { playout: 250e6 } }))} slots instead of ${missed(trace)}`,
      missed(run({ knobs: { playout: 500e6 } })) === '0' ? 'with 500 ms none' : '?',
      `still misses ${missed(short)} slots`,
    ]
  },
})
