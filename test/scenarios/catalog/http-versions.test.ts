import { runOf, type RunSetup } from '../catalog-runs.ts'
import { event, knobs, later, median, s, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { TraceView } from '../../../src/trace/record.ts'

const loaded = (trace: TraceView, host: string): number => Number(event(trace, host, 'page:loaded').data['duration'])

testScenario('http-versions', {
  variants: knobs({ delay: 5e6 }, { delay: 200e6 }, { loss: 0.02 }, { loss: 0.05 }, { rate: 5e5 }, { rate: 5e7, loss: 0.01 }),
  contradictions: [
    [
      {},
      {
        event: (each) =>
          each.name === 'tcp:state-changed' && each.data['to'] === 'SYN-SENT' && each.time > 1e9
            ? withData(each, { to: 'ESTABLISHED' })
            : each,
      },
    ],
    [
      {},
      {
        event: (each, trace) =>
          each.name === 'http:request-sent' && trace.hosts[each.host] === 'ben' && each.time > 0 ? later(each, -200e6) : each,
      },
    ],
    [
      {},
      {
        event: (each, trace) =>
          each.name === 'page:loaded' && trace.hosts[each.host] === 'dan' ? withData(each, { duration: 1e9 }) : each,
      },
    ],
    [
      { knobs: { loss: 0.05 } },
      { event: (each) => (each.name === 'http:response-received' && Number(each.data['id']) > 3 ? undefined : each) },
    ],
    [
      { knobs: { loss: 0.05 } },
      { event: (each) => (each.name === 'quic:stream-delivered' && each.time > 300e6 ? later(each, 1) : each) },
    ],
  ],
  figures: () => {
    const plain = runOf('http-versions').trace
    const [old, one, six, two, three] = ['ann', 'ben', 'cleo', 'dan', 'ella'].map((host) => s(loaded(plain, host), 2))
    const of = (loss: number): string => {
      const setups = Array.from({ length: 21 }, (_, index): RunSetup => ({ seed: index + 1, knobs: { loss } }))
      const traces = setups.map((setup) => runOf('http-versions', setup).trace)
      const medians = ['cleo', 'dan', 'ella'].map((host) => s(median(traces.map((trace) => loaded(trace, host))), 2))
      return `${String(loss * 100)} % | ${medians.join(' | ')} |`
    }
    return [
      `HTTP/1.0 | 19 | ${old} |`,
      `HTTP/1.1 | 1 | ${one} |`,
      `HTTP/1.1, up to six | 6 | ${six} |`,
      `HTTP/2 | 1 | ${two} |`,
      `HTTP/3 | 1 | ${three} |`,
      of(0.01),
      of(0.02),
      of(0.05),
    ]
  },
  ways: knobs({ loss: 0.05 }),
  passesOnWrongFrames: true,
})
