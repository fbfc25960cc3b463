import assert from 'node:assert/strict'
import { runOf, type RunSetup } from '../catalog-runs.ts'
import { knobs, later, withData, isOf, event, ms, s, median } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { TraceView } from '../../../src/trace/record.ts'

testScenario('bufferbloat', {
  variants: knobs({ buffer: 10 }, { buffer: 30 }, { buffer: 400 }, { marks: 'mark' }, { buffer: 30, marks: 'mark' }),
  contradictions: [
    [
      {},
      {
        event: (event, trace) =>
          isOf(event, trace, 'ben', 'ping:replied') && event.time > 500e6 && event.time < 1000e6
            ? withData(event, { rtt: 45e6 })
            : event,
      },
    ],
    [{}, { event: (event, trace) => (isOf(event, trace, 'ann', 'ping:replied') ? withData(event, { rtt: 32e6 }) : event) }],
    [{}, { frame: (frame, trace) => (trace.hosts[frame.to] === 'ben' ? { ...frame, sent: frame.sent + 20e6 } : frame) }],
    [
      {},
      {
        frame: (frame, trace) =>
          trace.hosts[frame.to] === 'cleo' && frame.kind === 'icmp' ? { ...frame, sent: frame.sent + 5e6 } : frame,
      },
    ],
    [
      {},
      {
        event: (event, trace) => (isOf(event, trace, 'cleo', 'script:read') ? later(event, 1e9) : event),
      },
    ],
  ],
  figures: () => {
    const run = (knobs: RunSetup['knobs'] = {}): TraceView => runOf('bufferbloat', { knobs }).trace
    const load = (trace: TraceView, host: string): number => event(trace, host, 'script:read').time - 1e9
    const pings = (trace: TraceView, host: string): { idle: number; loaded: number[] } => {
      const end = event(trace, host, 'script:read').time
      const replies = trace.all('ping:replied', (each) => trace.hosts[each.host] === host)
      const rtts = replies
        .filter(({ time, data }) => time - Number(data['rtt']) > 1.5e9 && time < end)
        .map(({ data }) => Number(data['rtt']))
      return { idle: Number(replies[3].data['rtt']), loaded: rtts }
    }
    const row = (name: string, trace: TraceView, host: string): string => {
      const { idle, loaded } = pings(trace, host)
      return `| ${name} | ${ms(idle)} | ${ms(median([...loaded]))} | ${ms(Math.max(...loaded))} | ${s(load(trace, host), 2)} |`
    }
    const plain = run()
    const large = run({ buffer: 400 })
    const marked = run({ marks: 'mark' })
    const longer = (trace: TraceView, host: string): string =>
      `${((load(trace, host) / load(trace, 'ann') - 1) * 100).toFixed(0)} %`
    const fates = (trace: TraceView, host: string): string[] =>
      [...trace.frames(({ to, kind }) => trace.hosts[to] === host && kind === 'tcp-data')].map(({ fate }) => fate)
    assert.deepEqual(new Set(fates(large, 'ann')), new Set(['arrived']))
    for (const host of ['ben', 'cleo']) assert.deepEqual(new Set(fates(marked, host)), new Set(['arrived']))
    const rtt = ms(median(pings(run({ buffer: 10 }), 'ann').loaded))
    return [
      row('Ann, plain buffer', plain, 'ann'),
      row('Ben, CoDel', plain, 'ben'),
      row('Cleo, FQ-CoDel', plain, 'cleo'),
      row('Ann, 400 packets', large, 'ann'),
      `it drops ${String(fates(plain, 'ben').filter((fate) => fate === 'codel-drop').length)} of Ben's packets, and his pings are back at ${ms(median(pings(plain, 'ben').loaded))}`,
      `take ${longer(plain, 'ben')} and ${longer(plain, 'cleo')} longer`,
      `shrinks to ${longer(marked, 'ben')} and ${longer(marked, 'cleo')}`,
      `${rtt} under load`,
    ]
  },
  ways: [{ knobs: { marks: 'mark' } }],
  passesOnWrongFrames: true,
})
