import { runOf, type RunSetup } from '../catalog-runs.ts'
import { knobs, later, withData, event, ms } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import { formatCount } from '../../../src/scenario/units.ts'
import type { TraceView } from '../../../src/trace/record.ts'

const DROP: RunSetup = { interventions: [{ at: 420e6, drop: { frame: 35 } }] }

testScenario('tcp-head-of-line', {
  variants: [
    ...knobs(
      { loss: 0.01 },
      { loss: 0.03 },
      { loss: 0.1 },
      { loss: 0.03, sack: false },
      { loss: 0.1, sack: false },
      { loss: 0.03, delay: 200e6 },
      { loss: 0.03, delay: 10e6 },
    ),
    { links: { duplicate: 0.1 } },
  ],
  contradictions: [
    [DROP, { event: (event) => (event.name === 'tcp:segment-retransmitted' ? withData(event, { why: 'rto' }) : event) }],
    [DROP, { event: (event) => (event.name === 'tcp:out-of-order-buffered' ? later(event, 50e6) : event) }],
    [DROP, { event: (event) => (event.data['offset'] === 0 ? withData(event, { length: 1 }) : event) }],
    [{}, { event: (event) => (event.name === 'script:read' ? withData(event, { bytes: 99_999 }) : event) }],
  ],
  figures: () => {
    const run = (setup: RunSetup = {}): TraceView => runOf('tcp-head-of-line', setup).trace
    const ends = (trace: TraceView): number => event(trace, 'alice', 'script:read').time
    const plain = run()
    const data = [...plain.frames(({ kind, from }) => kind === 'tcp-data' && plain.hosts[from] === 'bob')]
    const dropped = (nth: number, knobs: RunSetup['knobs'] = {}): { trace: TraceView; sent: number } => {
      const { sent, arrives, number } = data.at(nth) ?? data[0]
      return { trace: run({ knobs, interventions: [{ at: Math.round((sent + arrives) / 2), drop: { frame: number } }] }), sent }
    }
    const early = Array.from({ length: 10 }, (_, nth) => ends(dropped(nth).trace))
    const middle = dropped(39)
    const last = dropped(-1)
    const repair = ({ trace, sent }: typeof last): string =>
      (((trace.first('tcp:segment-retransmitted')?.time ?? 0) - sent) / 1e6).toFixed(0)
    const { trace } = dropped(data.findIndex(({ sent }) => sent >= 400e6))
    const aside = event(trace, 'alice', 'tcp:out-of-order-buffered').time
    const released = event(trace, 'alice', 'tcp:delivered', 0, ({ time }) => time > aside)
    const slow = ms(ends(dropped(39, { fast: false }).trace))
    return [
      `${formatCount(Number(released.data['length']))} bytes, if you dropped`,
      `waited for ${Math.floor((released.time - aside) / 1e6).toFixed(0)} ms`,
      ` ${ms(ends(plain))} |`,
      `${ms(Math.min(...early))} up to ${ms(Math.max(...early))}`,
      ` ${ms(ends(middle.trace))} |`,
      ` ${ms(ends(last.trace))} |`,
      `${repair(last)} ms after the packet had left, when a repair from the middle begins after ${repair(middle)}`,
      `now costs ${slow} instead of ${ms(ends(middle.trace)).replace(' ms', '')}`,
    ]
  },
  ways: [{ knobs: { sack: false, loss: 0.05 } }],
  waits: [{ knobs: { loss: 0.05 } }, { knobs: { loss: 0.1 } }],
})
