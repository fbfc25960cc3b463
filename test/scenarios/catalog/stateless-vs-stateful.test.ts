import { runOf, type RunSetup } from '../catalog-runs.ts'
import { event, knobs, ms, s, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { EventRecord, TraceView } from '../../../src/trace/record.ts'

const ID = 'stateless-vs-stateful'
const LOGOUT = 26e9

const isFrom = (each: EventRecord, trace: TraceView, host: string, name: string): boolean =>
  each.name === name && trace.hosts[each.host] === host

const of = (trace: TraceView, host: string, name: string): EventRecord[] =>
  trace.all(name, (each) => isFrom(each, trace, host, name))

const again = (trace: TraceView, host: string): number =>
  of(trace, host, 'session:logged-in').filter(({ data }) => Number(data['again']) > 0).length

testScenario(ID, {
  variants: knobs({ sticky: 'no' }, { log: false }, { delay: 20e6 }, { delay: 50e6, log: false }, { delay: 100e3, sticky: 'no' }),
  contradictions: [
    [{}, { event: (each) => (each.name === 'session:logged-in' && each.data['again'] === 1 ? undefined : each) }],
    [{}, { event: (each, trace) => (isFrom(each, trace, 'token2', 'session:checked') ? withData(each, { took: 1e6 }) : each) }],
    [{}, { event: (each, trace) => (isFrom(each, trace, 'cleo', 'session:logged-in') ? withData(each, { bytes: 30 }) : each) }],
    [
      {},
      { event: (each, trace) => (isFrom(each, trace, 'ben', 'session:copy-answered') ? withData(each, { status: 200 }) : each) },
    ],
    [{}, { event: (each) => (each.data['status'] === 503 ? withData(each, { status: 200 }) : each) }],
  ],
  figures: () => {
    const run = (values: RunSetup['knobs'] = {}): TraceView => runOf(ID, { knobs: values }).trace
    const [plain, forgetful, far] = [run(), run({ log: false }), run({ delay: 20e6 })]
    const bytes = (host: string): string => String(event(plain, host, 'session:logged-in').data['bytes'])
    const took = (trace: TraceView): string => {
      const checks = of(trace, 'redis2', 'session:checked').filter(({ time }) => time > 4e9 && time < 8e9)
      return ms(Math.min(...checks.map(({ data }) => Number(data['took']))))
    }
    const good = of(plain, 'cleo', 'session:copy-answered').filter(({ data }) => data['status'] === 200)
    const refused = of(plain, 'ben', 'session:answered').filter(({ data }) => data['status'] === 503).length
    return [
      `| Memory | a number | one server | ${bytes('ann')} | none |`,
      `| Redis | a number | Redis | ${bytes('ben')} | ${took(plain)} |`,
      `| Token | name, dates, a signature | who has the key | ${bytes('cleo')} | none |`,
      `${String(Number(bytes('ann')) - Number(bytes('ben')))} of the ${bytes('ann')} bytes belong to the balancer`,
      `It knew ${String(again(plain, 'ann'))} of the eight customers`,
      `from two servers that are well: ${String(refused)} requests in this run`,
      `all ${String(again(forgetful, 'ben'))} have to log in again`,
      `that is ${took(far)}, in every click`,
      `good for ${String(good.length)} more requests, the last ${s((good.at(-1)?.time ?? 0) - LOGOUT)} later`,
    ]
  },
  ways: knobs({ sticky: 'no', log: false }, { delay: 20e6 }),
})
