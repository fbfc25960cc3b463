import assert from 'node:assert/strict'
import { runOf, type RunSetup } from '../catalog-runs.ts'
import { knobs, later, event, count, ms, s } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { EventRecord, TraceView } from '../../../src/trace/record.ts'

testScenario('syn-flood', {
  variants: knobs({ cookies: true }, { backlog: 16 }, { backlog: 256, rate: 200 }, { rate: 10 }, { backlog: 16, cookies: true }),
  contradictions: [
    [
      {},
      {
        event: (event) =>
          event.name === 'page:failed' || event.name === 'page:loaded' ? later(event, event.time > 6e9 ? -3.9e9 : 0) : event,
      },
    ],
    [
      { knobs: { cookies: true } },
      { event: (event) => (event.name === 'page:loaded' && event.time > 10e9 && event.time < 12e9 ? later(event, 1e9) : event) },
    ],
    [{}, { event: (event) => (event.data['from'] === 'SYN-RECEIVED' ? undefined : event) }],
    [{}, { event: (event) => (event.name === 'page:loaded' && event.time > 36e9 ? later(event, 1e9) : event) }],
  ],
  figures: () => {
    const run = (knobs: RunSetup['knobs'] = {}): TraceView => runOf('syn-flood', { knobs }).trace
    const full = (trace: TraceView): string => s(event(trace, 'bob', 'tcp:listen-overflowed').time)
    const plain = run()
    const loads = (trace: TraceView): readonly EventRecord[] => trace.all('page:loaded')
    const cookies = run({ cookies: true })
    const during = loads(cookies).filter(({ time }) => time > 6e9 && time < 17e9)
    const ended = event(plain, 'mallory', 'flood:ended').time
    const failures = count(plain, 'alice', 'page:failed')
    assert.equal(new Set([...during, loads(plain)[1]].map(({ data }) => ms(Number(data['duration'])))).size, 1)
    return [
      `It takes her ${ms(Number(loads(plain)[1].data['duration']))}`,
      `At ${full(plain)} the queue is full`,
      `${['No', 'One', 'Two', 'Three', 'Four'][failures]} visits in a row fail`,
      `the flood is over, at ${s(ended)}, and the first page comes at ${s(loads(plain).find(({ time }) => time > ended)?.time ?? 0)}`,
      `A backlog of 256 is full at ${full(run({ backlog: 256 }))} instead. At 300 SYNs a second, at ${full(run({ backlog: 256, rate: 300 }))}`,
      `her pages take ${ms(Number(during[0].data['duration']))}`,
      `${String(count(cookies, 'bob', 'tcp:syn-cookie-accepted'))} of her connections came by a cookie`,
    ]
  },
  ways: [{ knobs: { cookies: true } }, { knobs: { backlog: 16 } }, { knobs: { cookies: true, rate: 10 }, links: { loss: 0.1 } }],
  waits: [{ knobs: { cookies: true } }],
  passesOnWrongFrames: true,
})
