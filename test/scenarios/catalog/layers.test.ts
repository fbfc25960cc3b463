import { runOf } from '../catalog-runs.ts'
import { knobs, later, isOf, event, entered, ms } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import { formatCount } from '../../../src/scenario/units.ts'
import type { TraceView } from '../../../src/trace/record.ts'

testScenario('layers', {
  variants: knobs({ size: 1 }, { size: 1300 }, { loss: 0.02 }, { loss: 0.1 }, { size: 600, loss: 0.05 }),
  contradictions: [
    [
      {},
      { frame: (frame) => (frame.kind === 'tcp-data' && frame.length > 1000 ? { ...frame, length: frame.length + 1 } : frame) },
    ],
    [
      {},
      {
        frame: (frame, trace) =>
          trace.hosts[frame.from] === 'router' && frame.kind === 'tcp-data' ? { ...frame, length: frame.length - 4 } : frame,
      },
    ],
    [{}, { event: (event, trace) => (isOf(event, trace, 'alice', 'arp:resolved') ? later(event, 30e6) : event) }],
  ],
  figures: () => {
    const plain = runOf('layers').trace
    const tiny = runOf('layers', { knobs: { size: 1 } }).trace
    const from = (trace: TraceView, host: string): number[] =>
      [...trace.frames((frame) => frame.kind === 'tcp-data' && trace.hosts[frame.from] === host)].map(({ length }) => length)
    const sum = (lengths: number[]): number => lengths.reduce((all, length) => all + length, 0)
    const [request] = from(plain, 'alice')
    const answer = from(plain, 'bob')
    const isHers = (host: number): boolean => tiny.hosts[host] === 'alice'
    const hers = [...tiny.frames((frame) => isHers(frame.from) || isHers(frame.to))].map(({ length }) => length)
    return [
      `That is ${String(request - 66)} bytes. What leaves her card is ${String(request)} bytes long. The other 66`,
      `At ${ms(event(plain, 'alice', 'arp:resolved').time, 1)} Alice knows`,
      `At ${ms(entered(plain, 'alice', 'ESTABLISHED'), 1)} the connection stands`,
      `The page is there at ${ms(event(plain, 'alice', 'page:loaded').time, 1)}`,
      `${answer.length === 1 ? 'one frame' : '?'} of ${formatCount(sum(answer))} bytes, and ${String(66 * answer.length)} of these are headers: ${((6600 * answer.length) / sum(answer)).toFixed(0)} percent`,
      `${String(sum(hers))} bytes go over Alice's cable, in ${String(hers.length)} frames`,
    ]
  },
  ways: [{ knobs: { size: 1, loss: 0.1 } }, { knobs: { size: 1300, loss: 0.1 } }],
  passesOnWrongFrames: true,
})
