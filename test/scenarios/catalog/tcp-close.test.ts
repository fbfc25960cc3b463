import assert from 'node:assert/strict'
import { runOf } from '../catalog-runs.ts'
import { knobs, later, withData, event, entered, ms, s } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { EventRecord, TraceView } from '../../../src/trace/record.ts'

testScenario('tcp-close', {
  variants: ['four-way', 'half-close', 'simultaneous', 'last-ack', 'reset', 'unread'].flatMap((ending) =>
    knobs({ ending }, { ending, loss: 0.05 }, { ending, loss: 0.2 }),
  ),
  contradictions: [
    [{}, { event: (event) => (event.data['to'] === 'TIME-WAIT' ? withData(event, { to: 'CLOSED' }) : event) }],
    [
      { knobs: { ending: 'last-ack' } },
      { event: (event) => (event.data['from'] === 'TIME-WAIT' ? later(event, -300_283_200) : event) },
    ],
    [{}, { event: (event) => (event.name === 'tcp:delivered' ? withData(event, { length: 299 }) : event) }],
    [
      { knobs: { ending: 'half-close' } },
      { event: (event) => (event.name === 'tcp:delivered' && event.time > 1000e6 ? undefined : event) },
    ],
    [{ knobs: { ending: 'reset' } }, { event: (event) => (event.name === 'tcp:reset-received' ? later(event, -450e6) : event) }],
  ],
  figures: () => {
    const plain = runOf('tcp-close').trace
    const lost = runOf('tcp-close', { knobs: { ending: 'last-ack' } }).trace
    const late = runOf('tcp-close', { seed: 184, knobs: { loss: 0.1 } }).trace
    const killed = runOf('tcp-close', { seed: 111, knobs: { loss: 0.1, ending: 'half-close' } }).trace
    const over = (trace: TraceView): EventRecord =>
      event(trace, 'alice', 'tcp:state-changed', 0, ({ data }) => data['from'] === 'TIME-WAIT')
    const fins = [...late.frames(({ kind, from }) => kind === 'tcp-fin' && late.hosts[from] === 'bob')]
    const arrives = fins.at(-1)?.arrives ?? 0
    assert.equal(event(late, 'bob', 'tcp:reset-received').time > arrives, true)
    assert.equal([...late.frames(({ fate }) => fate === 'random-loss')].length, 3)
    assert.equal(over(killed).data['why'], 'rcv-rst')
    return [
      `At ${ms(entered(plain, 'alice', 'FIN-WAIT-1'))} Alice`,
      `acknowledges it at ${ms(entered(plain, 'bob', 'CLOSE-WAIT'))}`,
      `reaches Bob at ${ms(entered(plain, 'bob', 'CLOSED'))}`,
      `until ${s(over(plain).time)}`,
      `so at ${ms(event(lost, 'bob', 'tcp:segment-retransmitted').time)} it goes out again`,
      `it lasts until ${s(over(lost).time)}`,
      `at ${s(arrives)}, she has been gone for ${ms(Math.round((arrives - over(late).time) / 1e7) * 1e7)}`,
      `ends Alice's TIME-WAIT after ${ms(over(killed).time - entered(killed, 'alice', 'TIME-WAIT'))}`,
    ]
  },
  ways: ['half-close', 'simultaneous', 'last-ack', 'reset', 'unread'].map((ending) => ({ knobs: { ending } })),
  waits: [{ knobs: { ending: 'last-ack' } }, { knobs: { ending: 'reset' } }],
})
