import { runOf, verdictsOf, type RunSetup } from '../catalog-runs.ts'
import { isOf, knobs, ms, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { TraceView } from '../../../src/trace/record.ts'

const durations = (trace: TraceView, side: 'a' | 'b'): number[] =>
  trace
    .all('request:ended', ({ host }) => trace.hosts[host] === `visitors-${side}`)
    .map(({ data }) => Number(data['duration']))
    .sort((a, b) => a - b)

const below = (ascending: readonly number[], percent: number): string =>
  ms(ascending[Math.ceil((ascending.length * percent) / 100) - 1] ?? Number.NaN)

const cells = (ascending: readonly number[]): string => [50, 95].map((percent) => below(ascending, percent)).join(' | ')

testScenario('load-balancing', {
  variants: knobs(
    { a: 'two-choices' },
    { a: 'random', b: 'two-choices' },
    { b: 'least-response-time', weight: 0.2, slow: '200 ms', rate: 30 },
    { slow: '20 ms', requests: 'constant', rate: 30 },
  ),
  contradictions: [
    // As if those who chose well had waited longer.
    [
      {},
      { event: (each, trace) => (isOf(each, trace, 'visitors-b', 'request:ended') ? withData(each, { duration: 5e9 }) : each) },
    ],
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'a', 'balancer:answered') && each.data['backend'] === 'a1' && each.id % 8 === 0
            ? withData(each, { duration: 9e9 })
            : each,
      },
    ],
    // As if servers of least connections had not yet answered what they have.
    [
      {},
      {
        event: (each, trace) => (isOf(each, trace, 'b', 'balancer:answered') && each.data['backend'] === 'b2' ? undefined : each),
      },
    ],
    [
      { knobs: { a: 'two-choices' } },
      { event: (each, trace) => (isOf(each, trace, 'visitors-a', 'request:ended') ? withData(each, { duration: 5e9 }) : each) },
    ],
  ],
  figures: () => {
    const run = (values: RunSetup['knobs'] = {}): TraceView => runOf('load-balancing', { knobs: values }).trace
    const [plain, chance, told] = [run(), run({ b: 'random' }), run({ a: 'weighted', weight: 0.2 })]
    const [two, timed] = [run({ a: 'two-choices' }), run({ a: 'weighted', b: 'least-response-time' })]
    const [turns, least] = [durations(plain, 'a'), durations(plain, 'b')]
    const picks = (trace: TraceView, side: 'a' | 'b') => trace.all('balancer:picked', ({ host }) => trace.hosts[host] === side)
    const longest = Math.max(...picks(plain, 'a').map(({ data }) => Number(data['active'])))
    const toFourth = (trace: TraceView): string => {
      const all = picks(trace, 'b')
      return `${String(Math.round((100 * all.filter(({ data }) => data['backend'] === 'b4').length) / all.length))} %`
    }
    const [, why, idle] = verdictsOf('load-balancing').map(({ evidence }) => evidence)
    const [, atSlow] = why.match(/it answered (\d+ %)/) ?? []
    const [, inVain] = idle.match(/round-robin, (\d+) requests/) ?? []
    const [, atB] = idle.match(/least-connections, (\d+) of/) ?? []
    return [
      `they wait up to ${below(turns, 50)} at A, ${below(least, 50)} at B`,
      `one of twenty waits longer than ${below(turns, 95)}, at B longer than ${below(least, 95)}`,
      `within twelve seconds it has ${String(longest)}`,
      `Of the slowest twentieth at A, ${atSlow} were at A4. And ${inVain} times a request joined a queue`,
      `At B, that happened ${atB} times`,
      `| Round robin | ${cells(turns)} |`,
      `| Random | ${cells(durations(chance, 'b'))} |`,
      `| Two choices | ${cells(durations(two, 'a'))} |`,
      `| Least connections | ${cells(least)} |`,
      `| Least response time | ${cells(durations(timed, 'b'))} |`,
      `| Weighted, told the truth | ${cells(durations(told, 'a'))} |`,
      `gets ${toFourth(plain)} of the requests`,
      `has noticed, and gives it ${toFourth(timed)}`,
      `least connections better than all: ${below(durations(told, 'b'), 95)}`,
    ]
  },
  ways: knobs({ a: 'weighted', b: 'two-choices', weight: 0.2 }, { b: 'least-response-time', requests: 'constant' }),
})
