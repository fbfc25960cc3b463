import assert from 'node:assert/strict'
import { runOf, sourceOf, type RunSetup } from '../catalog-runs.ts'
import { event, isOf, knobs, s, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import { judgeClaims } from '../../../src/scenario/claims.ts'
import { KeyHistory } from '../../../src/trace/measures/key-history.ts'
import type { EventRecord, TraceView } from '../../../src/trace/record.ts'

function historyOf(trace: TraceView, side: 'a' | 'b', time: number): KeyHistory {
  const history = new KeyHistory(trace.hosts.indexOf(side))
  history.update(trace)
  history.goTo(time)
  return history
}

const END = 17e9
const most = (trace: TraceView): number =>
  Math.max(...(event(trace, 'b', 'balancer:ring-built').data['shares'] as readonly number[]))
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

/** Sends one key elsewhere, from a time on. */
const stray =
  (side: 'a' | 'b', from: number) =>
  (each: EventRecord, trace: TraceView): EventRecord =>
    isOf(each, trace, side, 'balancer:picked') && each.time > from && Number(String(each.data['target']).slice(1)) < 20
      ? withData(each, { backend: each.data['backend'] === 's1' ? 's2' : 's1' })
      : each

testScenario('consistent-hashing', {
  variants: knobs({ a: 'maglev', points: 1 }, { a: 'ring', b: 'bounded-ring' }, { b: 'modulo', rate: 20 }),
  contradictions: [
    [{}, { event: stray('b', 7.5e9) }],
    [
      {},
      {
        event: (each, trace) => (isOf(each, trace, 'a', 'balancer:picked') ? withData(each, { backend: 's1' }) : each),
      },
    ],
    [{}, { event: stray('b', 12.5e9) }],
    [
      {},
      {
        event: (each) => (each.name === 'balancer:ring-built' ? withData(each, { shares: [0.4, 0.15, 0.15, 0.15, 0.15] }) : each),
      },
    ],
  ],
  figures: () => {
    const run = (values: RunSetup['knobs'] = {}): TraceView => runOf('consistent-hashing', { knobs: values }).trace
    const [plain, one, ten, maglev] = [run(), run({ points: 1 }), run({ points: 10 }), run({ b: 'maglev' })]
    const before = historyOf(plain, 'a', 5e9)
    const fullest = Math.max(
      ...before.servers.map((_, i) => [...before.keys.values()].filter(({ server }) => server === i).length),
    )
    const moves = (trace: TraceView, side: 'a' | 'b') => historyOf(trace, side, END).changes
    const [gone, back] = moves(plain, 'a')
    const [ringGone] = moves(plain, 'b')
    const table = historyOf(maglev, 'b', moves(maglev, 'b')[1].time - 1)
    const moved = [...table.keys.values()].filter(({ before, server, at }) => before >= 0 && before !== server && at > gone.time)
    const strays = moved.filter(({ before }) => table.servers[before] !== 's4')
    const evidence = judgeClaims(sourceOf('consistent-hashing'), plain)[0].evidence
    assert.match(evidence, /none had to do with another server/)
    const least = Math.min(...(event(one, 'b', 'balancer:ring-built').data['shares'] as readonly number[]))
    const bounded = historyOf(run({ b: 'bounded-ring' }), 'b', END).changes[0]
    assert.ok(bounded.moved <= ringGone.moved * 0.7, 'many had gone elsewhere before')
    return [
      `the fullest server has ${String(fullest)} of them`,
      `At ${s(gone.time)} both balancers have noticed`,
      `Of ${String(gone.asked)} pages that were asked for before and after, ${String(gone.moved)} moved, or ${percent(gone.moved / gone.asked)}`,
      `it happens again: ${String(back.moved)} of ${String(back.asked)}`,
      `${String(ringGone.moved)} of ${String(ringGone.asked)} pages moved, or ${percent(ringGone.moved / ringGone.asked)}`,
      `| 1 | ${percent(most(one))} |`,
      `| 10 | ${percent(most(ten))} |`,
      `| 160 | ${percent(most(plain))} |`,
      `s5 gets ${percent(least)} of it`,
      `of ${String(moved.length)} that moved here, ${String(strays.length)} had not been with s4`,
    ]
  },
  ways: knobs({ a: 'maglev', b: 'bounded-ring' }, { points: 1, rate: 20 }),
  passesOnWrongFrames: true,
})
