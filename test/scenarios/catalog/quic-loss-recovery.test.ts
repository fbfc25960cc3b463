import assert from 'node:assert/strict'
import { runOf } from '../catalog-runs.ts'
import { count, event, isOf, knobs, later, ms, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { TraceView } from '../../../src/trace/record.ts'

const HOSTS = ['ann', 'ben', 'cleo']

testScenario('quic-loss-recovery', {
  variants: knobs(
    { trouble: 'again' },
    { trouble: 'last' },
    { trouble: 'late' },
    { trouble: 'nothing' },
    { loss: 0.02 },
    { loss: 0.05, trouble: 'late' },
    { loss: 0.1, trouble: 'nothing' },
  ),
  contradictions: [
    // As if it had been a timer that told QUIC.
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'quic', 'quic:handshake-confirmed') ? { ...each, name: 'quic:probe-timeout' } : each,
      },
    ],
    // As if the same packet had come later.
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'cleo', 'quic:stream-received') && each.data['packet'] === 121
            ? withData(each, { packet: 57 })
            : each,
      },
    ],
    [
      { knobs: { trouble: 'again' } },
      { event: (each, trace) => (isOf(each, trace, 'old', 'tcp:rto-expired') ? undefined : each) },
    ],
    [
      { knobs: { trouble: 'last' } },
      { event: (each, trace) => (isOf(each, trace, 'quic', 'quic:probe-timeout') ? later(each, 400e6) : each) },
    ],
    [
      { knobs: { trouble: 'late' } },
      { event: (each, trace) => (isOf(each, trace, 'quic', 'quic:loss-disproved') ? undefined : each) },
    ],
  ],
  figures: () => {
    const run = (trouble: string): TraceView => runOf('quic-loss-recovery', { knobs: { trouble } }).trace
    const row = (label: string, trouble: string): string => {
      const trace = run(trouble)
      return `${label} | ${HOSTS.map((host) => ms(event(trace, host, 'fetch:ended').time)).join(' | ')} |`
    }
    const plain = run('one')
    const last = run('last')
    const late = run('late')
    const lostAt = (trace: TraceView, host: string): number => {
      const [frame] = [...trace.frames(({ from, fate }) => trace.hosts[from] === host && fate !== 'arrived')]
      assert.ok(frame, `a packet of ${host} was lost`)
      return frame.enqueued
    }
    const seen = [
      event(plain, 'old', 'tcp:segment-retransmitted').time - lostAt(plain, 'old'),
      event(plain, 'today', 'tcp:segment-retransmitted').time - lostAt(plain, 'today'),
      event(plain, 'quic', 'quic:packet-lost').time - lostAt(plain, 'quic'),
    ]
    const waited = (host: string, name: string): string => ms(event(last, host, name).time - lostAt(last, host))
    const [wrong, found] = ['quic:packet-lost', 'quic:loss-disproved'].map((name) => count(late, 'quic', name))
    return [
      row('nothing', 'nothing'),
      row('a packet is lost', 'one'),
      row('so is its repair', 'again'),
      row('the last packet is lost', 'last'),
      row('some are 30 ms late', 'late'),
      `Packet ${String(event(plain, 'quic', 'quic:packet-lost').data['number'])} is lost`,
      `see it ${ms(Math.min(...seen)).replace(' ms', '')} to ${ms(Math.max(...seen))} after it left`,
      `QUIC's fires after ${waited('quic', 'quic:probe-timeout')}`,
      `its probe goes out after ${waited('today', 'tcp:tail-loss-probe-sent')}, the old timer fires after ${waited('old', 'tcp:rto-expired')}`,
      `${String(found)} times of ${String(wrong)}`,
    ]
  },
  ways: knobs({ trouble: 'again' }, { trouble: 'last' }, { trouble: 'late' }, { loss: 0.02 }),
})
