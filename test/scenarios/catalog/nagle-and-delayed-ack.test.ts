import { runOf, type RunSetup } from '../catalog-runs.ts'
import { knobs, later } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { TraceView } from '../../../src/trace/record.ts'

testScenario('nagle-and-delayed-ack', {
  variants: knobs(
    { nagle: false },
    { delayed: false },
    { nagle: false, delayed: false },
    { wait: 400e6 },
    { writes: 'whole' },
    { writes: 'keys' },
    { writes: 'keys', nagle: false },
    { loss: 0.02 },
    { loss: 0.1 },
    { loss: 0.1, writes: 'keys' },
    { loss: 0.1, nagle: false },
  ),
  contradictions: [
    [{}, { event: (event) => (event.name === 'script:read' && event.time > 300e6 && event.time < 400e6 ? undefined : event) }],
    [
      {},
      {
        frame: (frame) =>
          frame.kind === 'tcp-data' && frame.direction === 0 && frame.enqueued > 590e6 ? { ...frame, enqueued: 540e6 } : frame,
      },
    ],
    [
      {},
      {
        frame: (frame) =>
          frame.direction === 1 && frame.enqueued > 60e6 ? { ...frame, enqueued: frame.enqueued + 500e6 } : frame,
      },
    ],
    [{ knobs: { nagle: false } }, { event: (event) => (event.name === 'script:read' ? later(event, 20e6) : event) }],
  ],
  figures: () => {
    const run = (knobs: RunSetup['knobs'] = {}): TraceView => runOf('nagle-and-delayed-ack', { knobs }).trace
    const mean = (trace: TraceView): string => {
      const read = trace.all('script:read', ({ data }) => data['bytes'] === 100)
      const sends = trace.all('script:step', ({ data }) => data['do'] === 'send')
      const asked = sends.filter((_, index) => index % (sends.length / read.length) === 0)
      const total = read.reduce((sum, { time }, index) => sum + time - (asked[index]?.time ?? 0), 0) / read.length / 1e6
      return total >= 100 ? `${total.toFixed(0)} ms` : `${total.toFixed(1)} ms`
    }
    const keys = (nagle: boolean): number =>
      [...run({ writes: 'keys', nagle }).frames(({ kind, from }) => kind === 'tcp-data' && from === 0)].length
    return [
      `The eight exchanges take ${mean(run())} each`,
      `With 200 ms to wait they would take ${mean(run({ wait: 200e6 }))}`,
      `nothing | ${mean(run())} |`,
      `at once | ${mean(run({ delayed: false }))} |`,
      `Nagle's algorithm | ${mean(run({ nagle: false }))} |`,
      `as a whole | ${mean(run({ writes: 'whole' }))} |`,
      `the rule ${String(keys(true))} segments carry them all`,
      `there are ${String(keys(false))}.`,
    ]
  },
})
