import { runOf } from '../catalog-runs.ts'
import { event, isOf, knobs, ms, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import { formatCount } from '../../../src/scenario/units.ts'
import type { EventRecord, TraceView } from '../../../src/trace/record.ts'

const SERVERS = ['w1', 'w2']

const received = (trace: TraceView, host: string, opener: string): EventRecord[] =>
  trace.all('http:request-received', (each) => trace.hosts[each.host] === host && each.connection.startsWith(opener))

const loads = (trace: TraceView, host: string): string =>
  [0, 1].map((visit) => ms(Number(event(trace, host, 'page:loaded', visit).data['duration'])).replace(' ms', '')).join(' and ')

const payload = (trace: TraceView, where: 'from' | 'to', host: string): string => {
  const index = trace.hosts.indexOf(host)
  let sum = 0
  for (const each of trace.frames((frame) => frame[where] === index)) sum += each.payload
  return formatCount(sum)
}

/** Requests that the servers got in the first visit. */
const spread = (trace: TraceView, opener: string): string =>
  SERVERS.map((server) => String(received(trace, server, opener).filter(({ time }) => time < 1e9).length)).join(' and ')

testScenario('l4-vs-l7', {
  variants: knobs(
    { mode: 'nat', behind: 'https' },
    { choice: 'client' },
    { choice: 'path', loss: 0.02 },
    { protocol: 'http/1.1', mode: 'nat' },
  ),
  contradictions: [
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'w1', 'http:request-received') && each.data['stream'] === 9
            ? { ...each, host: trace.hosts.indexOf('w2') }
            : each,
      },
    ],
    [
      {},
      {
        event: (each, trace) => (isOf(each, trace, 'w2', 'tls:connected') ? { ...each, host: trace.hosts.indexOf('l4') } : each),
      },
    ],
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'w2', 'http:request-received')
            ? { ...each, connection: each.connection.replace('10.0.0.7:', '10.2.0.1:') }
            : each,
      },
    ],
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'ann', 'tls:connected') && each.time > 1e9 ? withData(each, { resumed: true }) : each,
      },
    ],
    [
      {},
      {
        frame: (each, trace) =>
          trace.hosts[each.from] === 'w1' && each.payload > 0 ? { ...each, from: trace.hosts.indexOf('l4') } : each,
      },
    ],
  ],
  figures: () => {
    const { trace } = runOf('l4-vs-l7')
    const translated = runOf('l4-vs-l7', { knobs: { mode: 'nat' } }).trace
    const picks = (host: string): number => trace.all('balancer:picked', (each) => trace.hosts[each.host] === host).length
    const connections = (opener: string): number =>
      new Set(SERVERS.flatMap((server) => received(trace, server, opener)).map(({ connection }) => connection)).size
    return [
      `${String(picks('l4'))} connections | ${String(picks('l7'))} requests`,
      `${spread(trace, '10.1.')} | ${spread(trace, '10.0.0.7')} |`,
      `| ${String(connections('10.1.'))} | ${String(connections('10.0.0.7'))} |`,
      `${loads(trace, 'ann')} ms | ${loads(trace, 'ben')} ms |`,
      `Ann sent ${payload(trace, 'from', 'ann')} bytes and got ${payload(trace, 'to', 'ann')}.`,
      `Only what she sent went through layer 4, ${payload(trace, 'from', 'l4')} bytes`,
      `${payload(translated, 'from', 'l4')} bytes went through it`,
    ]
  },
  ways: knobs({ mode: 'nat' }, { behind: 'https' }, { choice: 'client' }, { choice: 'path' }, { protocol: 'http/1.1' }),
  passesOnWrongFrames: true,
})
