import assert from 'node:assert/strict'
import { runOf, type RunSetup } from '../catalog-runs.ts'
import { knobs, withData, isOf, event, count, s, median } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { FrameRecord, TraceView } from '../../../src/trace/record.ts'

/** Whether a frame was lost right behind another one of its sender's. */
function isOfRun(frame: FrameRecord, trace: TraceView, host: string): boolean {
  if (trace.hosts[frame.from] !== host || frame.fate === 'arrived') return false
  const own = [...trace.frames(({ from }) => from === frame.from)]
  const index = own.findIndex(({ number }) => number === frame.number)
  return index > 0 && own[index - 1].fate !== 'arrived'
}

testScenario('burst-loss', {
  variants: knobs(
    { loss: 0 },
    { loss: 0.005 },
    { loss: 0.05 },
    { length: 2 },
    { length: 10 },
    { sack: false },
    { sack: false, length: 8 },
    { loss: 0.05, length: 6 },
  ),
  contradictions: [
    // Every other frame of Dan's that was lost arrives after all: no two in a row are left.
    [{}, { frame: (frame, trace) => (isOfRun(frame, trace, 'dan') ? { ...frame, fate: 'arrived' } : frame) }],
    [{}, { frame: (frame, trace) => (trace.hosts[frame.from] === 'dan' ? { ...frame, fate: 'arrived' } : frame) }],
    [{}, { event: (event, trace) => (isOf(event, trace, 'ben', 'tcp:fast-retransmit-entered') ? undefined : event) }],
    [{}, { event: (event) => (event.name === 'script:read' ? withData(event, { bytes: 1_499_999 }) : event) }],
  ],
  figures: () => {
    const run = (seed: number | undefined, knobs: RunSetup['knobs'] = {}): TraceView =>
      runOf('burst-loss', { ...(seed !== undefined && { seed }), knobs }).trace
    const load = (trace: TraceView, host: string): number => event(trace, host, 'script:read').time
    const toll = (trace: TraceView, host: string): { lost: number; places: number; cuts: number } => {
      const lost = [...trace.frames(({ from }) => trace.hosts[from] === host)].map(({ fate }) => fate !== 'arrived')
      return {
        lost: lost.filter(Boolean).length,
        places: lost.filter((is, index) => is && !lost[index - 1]).length,
        cuts: count(trace, host, 'tcp:fast-retransmit-entered') + count(trace, host, 'tcp:rto-expired'),
      }
    }
    const plain = run(undefined)
    const [ben, dan] = [toll(plain, 'ben'), toll(plain, 'dan')]
    assert.equal(count(plain, 'dan', 'tcp:rto-expired'), 2)
    const seeds = Array.from({ length: 21 }, (_, index) => run(index + 1))
    const [ann, cleo] = ['ann', 'cleo'].map((host) => seeds.map((trace) => load(trace, host)))
    const withoutSack = seeds.map((_, index) => load(run(index + 1, { sack: false }), 'cleo'))
    return [
      `Ann's line takes ${String(ben.lost)} packets, and Cleo's takes ${String(dan.lost)}`,
      `would be there after ${s(load(run(undefined, { loss: 0 }), 'ann'))}. Ann needs ${s(load(plain, 'ann'))}, and Cleo ${s(load(plain, 'cleo'))}`,
      `is done first ${String(cleo.filter((each, index) => each < ann[index]).length)} times`,
      `the median is ${s(median([...ann]))} at random and ${s(median([...cleo]))} in bursts`,
      `Ann's ${String(ben.lost)} packets get lost in ${String(ben.places)} places, and Ben cuts his window ${String(ben.cuts)} times. Cleo's ${String(dan.lost)} get lost in ${String(dan.places)} places, and Dan cuts his ${String(dan.cuts)} times`,
      `rises from ${s(median([...cleo]))} to ${s(median(withoutSack))}`,
      `Cleo waits for ${s(Math.max(...cleo), 0)}`,
      `her slowest download takes ${s(Math.max(...ann))}`,
    ]
  },
})
