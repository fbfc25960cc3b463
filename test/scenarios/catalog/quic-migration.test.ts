import { formatCount } from '../../../src/scenario/units.ts'
import { runOf, type RunSetup } from '../catalog-runs.ts'
import { event, isOf, knobs, later, ms, s, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { TraceView } from '../../../src/trace/record.ts'

const isAfter = (each: { time: number }, trace: TraceView, host: string, name: string): boolean =>
  each.time >= event(trace, host, name).time

testScenario('quic-migration', {
  variants: knobs(
    { happens: 'lift' },
    { happens: 'nat' },
    { happens: 'nothing' },
    { migration: false },
    { delay: 10e6 },
    { delay: 150e6, happens: 'lift' },
    { loss: 0.02 },
    { loss: 0.05, happens: 'lift' },
    { loss: 0.1 },
  ),
  contradictions: [
    [{}, { event: (each, trace) => (isOf(each, trace, 'ann', 'fetch:ended') ? withData(each, { outcome: 'complete' }) : each) }],
    // As if the server had been sure of the new address only much later.
    [{}, { event: (each, trace) => (isOf(each, trace, 'server', 'quic:path-validated') ? later(each, 400e6) : each) }],
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'ben', 'quic:migrated') ? withData(each, { connectionId: each.data['previousId'] }) : each,
      },
    ],
    // As if nothing had been forgotten.
    [
      {},
      {
        event: (each, trace) =>
          each.name === 'quic:metrics-updated' && isAfter(each, trace, 'server', 'quic:migrated')
            ? withData(each, { cwnd: 222_408 })
            : each,
      },
    ],
    [
      { knobs: { happens: 'nat' } },
      {
        event: (each, trace) =>
          each.name === 'quic:metrics-updated' && isAfter(each, trace, 'server', 'quic:migrated')
            ? withData(each, { cwnd: 12_000 })
            : each,
      },
    ],
  ],
  figures: () => {
    const run = (values: RunSetup['knobs'] = {}): TraceView => runOf('quic-migration', { knobs: values }).trace
    const plain = run()
    const at = (trace: TraceView): string => s(event(trace, 'ben', 'fetch:ended').time, 2)
    const left = event(plain, 'ben', 'interface:carrier-lost').time
    const followed = event(plain, 'server', 'quic:migrated')
    const sure = event(plain, 'server', 'quic:path-validated', 0, ({ id }) => id > followed.id).time
    const had = plain
      .all('quic:stream-delivered', ({ host, data, time }) => plain.hosts[host] === 'ben' && data['stream'] === 0 && time <= left)
      .reduce((sum, { data }) => sum + Number(data['length']), 0)
    const next = event(plain, 'ben', 'quic:stream-received', 0, ({ time }) => time > left).time
    const mast = plain.hosts.indexOf('mast')
    const gave = [
      ...plain.frames(({ from, link, kind, enqueued }) => from === mast && link === 3 && kind === 'udp' && enqueued < sure),
    ]
    const isBefore = ({ id }: { id: number }): boolean => id < followed.id
    const windowBefore = event(plain, 'server', 'quic:metrics-updated', -1, isBefore).data['cwnd']
    const windowAfter = event(plain, 'server', 'quic:metrics-updated', 0, (each) => !isBefore(each)).data['cwnd']
    return [
      `with ${formatCount(Number(event(plain, 'ann', 'fetch:ended').data['bytes']))} bytes of the file`,
      `Ben has ${formatCount(had)} bytes when he leaves`,
      `The answer is there after ${ms(event(plain, 'ben', 'quic:path-validated').time - left)}`,
      `At ${ms(followed.time)} the server gets`,
      `it got: ${formatCount(gave.reduce((sum, { length }) => sum + length - 42, 0))} bytes until`,
      `window was ${formatCount(Math.round(Number(windowBefore)))} bytes, and is ${formatCount(Math.round(Number(windowAfter)))} now`,
      `Ben waits ${ms(next - left)} for his next bytes, and has all of them at ${at(plain)}`,
      `Had he stayed, it would have been ${at(run({ happens: 'nothing' }))}`,
      `The download takes ${at(run({ happens: 'nat' }))}`,
    ]
  },
  ways: knobs({ happens: 'lift' }, { happens: 'nat' }, { migration: false }, { loss: 0.02 }),
  passesOnWrongFrames: true,
})
