import assert from 'node:assert/strict'
import { runOf, type RunSetup } from '../catalog-runs.ts'
import { knobs, ms, median } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { FrameRecord, TraceView } from '../../../src/trace/record.ts'

/** The frame as another connection's when a router has sent it, and it is of the one. Both by a part of their names. */
function takenOver(frame: FrameRecord, { hosts, connections }: TraceView, one: string, other: string): FrameRecord {
  if (hosts[frame.from] !== 'router' || !connections[frame.connection].includes(one)) return frame
  return { ...frame, connection: connections.findIndex((name) => name.includes(other)) }
}

testScenario('congestion', {
  variants: knobs(
    { ann: 'cubic', ben: 'cubic' },
    { ann: 'cubic' },
    { ann: 'bbr' },
    { ben: 'bbr' },
    { ann: 'bbr', ben: 'bbr' },
    { ann: 'bbr', queue: 5 },
    { ann: 'cubic', ben: 'bbr', queue: 5 },
    { ann: 'bbr', queue: 100 },
    { ann: 'bbr', ben: 'cubic', queue: 100 },
    { queue: 5 },
    { ann: 'cubic', ben: 'cubic', queue: 12 },
    { queue: 100 },
    { delay: 50e6 },
    { delay: 50e6, ann: 'cubic', ben: 'cubic' },
    { discipline: 'fq-codel' },
    { discipline: 'fq-codel', ann: 'bbr', queue: 100 },
    { discipline: 'fq-codel', ann: 'cubic', ben: 'bbr' },
    { discipline: 'fq-codel', ben: 'bbr', queue: 5 },
    { loss: 0.01 },
    { loss: 0.02, ann: 'bbr' },
    { size: 'long', ann: 'bbr', ben: 'bbr' },
  ),
  contradictions: [
    [{}, { frame: (frame) => (frame.enqueued > 4e9 && frame.enqueued < 5.5e9 ? undefined : frame) }],
    [
      {},
      {
        frame: (frame, trace) =>
          frame.enqueued > 2.5e9 && frame.enqueued < 8e9 ? takenOver(frame, trace, ':4001', ':4000') : frame,
      },
    ],
    [
      { knobs: { ann: 'bbr' } },
      { frame: (frame, trace) => (trace.hosts[frame.from] === 'router' ? { ...frame, sent: frame.sent + 30e6 } : frame) },
    ],
    [
      { knobs: { ann: 'bbr', queue: 5 } },
      { frame: (frame, trace) => (frame.number % 2 === 0 ? takenOver(frame, trace, ':4000', ':4001') : frame) },
    ],
    [
      { knobs: { discipline: 'fq-codel' } },
      { frame: (frame, trace) => (frame.number % 2 === 0 ? takenOver(frame, trace, ':4001', ':4000') : frame) },
    ],
  ],
  figures: () => {
    const runs = (knobs: RunSetup['knobs'] = {}): TraceView[] =>
      Array.from({ length: 9 }, (_, index) => runOf('congestion', { knobs, seed: index + 1 }).trace)
    const received = (trace: TraceView, port: number) =>
      [...trace.frames(({ kind, fate, to }) => kind === 'tcp-data' && fate === 'arrived' && trace.hosts[to] === 'carol')].filter(
        ({ connection }) => trace.connections[connection].includes(`:${String(port)}`),
      )
    const bens = (knobs: RunSetup['knobs'] = {}, from = 2.5e9): string => {
      const shares = runs(knobs).map((trace) => {
        const flows = [4000, 4001].map((port) => received(trace, port).map(({ arrives }) => arrives))
        const to = Math.min(...flows.map((arrivals) => arrivals.at(-1) ?? 0))
        const [ann, ben] = flows.map((arrivals) => arrivals.filter((at) => at >= from && at < to).length)
        return ben / (ann + ben)
      })
      return `${(100 * median(shares)).toFixed(0)} %`
    }
    const waits = (knobs: RunSetup['knobs'] = {}): string => {
      const alone = runs(knobs).map((trace) => {
        const early = received(trace, 4000).filter(({ enqueued }) => enqueued > 0.7e9 && enqueued < 1.5e9)
        return median(early.map(({ enqueued, sent }) => sent - enqueued))
      })
      return ms(median(alone))
    }
    const even = bens()
    const fair = bens({ ann: 'bbr', discipline: 'fq-codel' })
    assert.equal(bens({ ann: 'bbr', discipline: 'fq-codel', queue: 100 }), fair)
    return [
      `In the median of nine runs Ben gets ${even}`,
      `wait for more than ${waits()} with Reno, ${waits({ ann: 'cubic' })} with CUBIC, but only ${waits({ ann: 'bbr' })} with BBR`,
      `| Reno | Reno | 25 packets | ${even} |`,
      `| Reno, 50 ms away | 25 packets | ${bens({ delay: 50e6 })} |`,
      `| BBR | Reno | 5 packets | ${bens({ ann: 'bbr', queue: 5 })} |`,
      `| BBR | Reno | 25 packets | ${bens({ ann: 'bbr' })} |`,
      `| BBR | Reno | 100 packets | ${bens({ ann: 'bbr', queue: 100 })} |`,
      `| Reno | BBR | 25 packets | ${bens({ ben: 'bbr' })} |`,
      `| BBR | BBR | 25 packets | ${bens({ ann: 'bbr', ben: 'bbr' })} |`,
      `choose _8 MB_, and from 15 s on Ben's share is ${bens({ ann: 'bbr', ben: 'bbr', size: 'long' }, 15e9)}`,
      `Ben gets ${fair}, with 25 packets and with 100`,
      `with room for 5 packets he gets ${bens({ ann: 'bbr', discipline: 'fq-codel', queue: 5 })}`,
    ]
  },
  ways: [{ knobs: { ann: 'bbr', ben: 'cubic', loss: 0.01 } }, { knobs: { ben: 'bbr', discipline: 'fq-codel' } }],
  passesOnWrongFrames: true,
})
