import { runOf, verdictsOf, type RunSetup } from '../catalog-runs.ts'
import { count, isOf, knobs, later, s, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { EventRecord, TraceView } from '../../../src/trace/record.ts'

const samples = (trace: TraceView, host: string): EventRecord[] =>
  trace.all('host:load-sampled', (each) => trace.hosts[each.host] === host)

/** The sample with the most connections, the first of them. */
function peak(trace: TraceView, host: string): EventRecord {
  return samples(trace, host).reduce((most, each) =>
    Number(each.data['connections']) > Number(most.data['connections']) ? each : most,
  )
}

/** Memory for each connection, while there are some. */
function leastShare(trace: TraceView): number {
  const busy = samples(trace, 'held').filter(({ data }) => Number(data['connections']) >= 10)
  return Math.min(...busy.map(({ data }) => Number(data['memory']) / Number(data['connections'])))
}

testScenario('websocket-memory', {
  variants: knobs(
    { full: 'refuse' },
    { full: 'admit' },
    { full: 'files' },
    { kept: true },
    { kept: true, full: 'refuse' },
    { readers: 30 },
    { readers: 120 },
  ),
  contradictions: [
    // As if a silent reader cost nothing.
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'held', 'host:load-sampled') ? withData(each, { memory: Number(each.data['memory']) / 2 }) : each,
      },
    ],
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'asked', 'host:load-sampled')
            ? withData(each, { connections: Number(each.data['connections']) + 40 })
            : each,
      },
    ],
    // As if somebody had not noticed.
    [{}, { event: (each) => (each.data['state'] === 'backing-off' && each.member === 3 ? undefined : each) }],
    [{}, { event: (each) => (each.name === 'host:crashed' && each.time > 12e9 ? later(each, 12e9) : each) }],
    // As if some had been in, and were sent away.
    [
      { knobs: { full: 'refuse' } },
      {
        event: (each) =>
          each.data['state'] === 'connecting' && each.time > 20e9 ? withData(each, { state: 'connected' }) : each,
      },
    ],
  ],
  figures: () => {
    const run = (values: RunSetup['knobs'] = {}): TraceView => runOf('websocket-memory', { knobs: values }).trace
    const plain = run()
    const size = (bytes: number): string => (bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e3).toFixed(1)} kB`)
    const figure = ({ data }: EventRecord, key: string): number => Number(data[key])
    const [held, asked] = [peak(plain, 'held'), peak(plain, 'asked')]
    const crashes = plain.all('host:crashed').map(({ time }) => time)
    const starts = plain.all('host:recovered').map(({ time }) => time)
    const fills = crashes.slice(1).map((time, index) => time - (starts[index] ?? 0))
    const seconds = (nanos: number): string => s(nanos, 2)
    const [, noticed] = /noticed after ([0-9.]+ s)/.exec(verdictsOf('websocket-memory')[2]?.evidence ?? '') ?? []
    const connections = figure(held, 'connections')
    const refusing = peak(run({ full: 'refuse' }), 'held')
    const files = peak(run({ full: 'files' }), 'held')
    return [
      `${String(connections)} connections take ${size(figure(held, 'memory'))}, or ${size(leastShare(plain))} each`,
      `never more than ${String(figure(asked, 'connections'))} sat at the same time, and they took ${size(figure(asked, 'memory'))}`,
      `After ${seconds(crashes[0] ?? 0)} the next reader`,
      `The last one noticed after ${noticed ?? 'nothing'}`,
      `between ${seconds(Math.min(...fills))} and ${seconds(Math.max(...fills))} from a start to the next crash, and in 25 s there are ${String(crashes.length)} of them`,
      `keeps the ${String(figure(refusing, 'connections'))} who are in`,
      `one for each of ${String(figure(files, 'connections'))} readers`,
      `crashes just as well: ${String(count(run({ kept: true }), 'asked', 'host:crashed'))} times`,
    ]
  },
  ways: knobs({ full: 'refuse' }, { full: 'admit' }, { full: 'files' }, { kept: true }),
})
