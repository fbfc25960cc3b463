import assert from 'node:assert/strict'
import { runOf } from '../catalog-runs.ts'
import { knobs, later, withData, event, ms } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'

testScenario('hello-network', {
  variants: knobs(
    { target: 'carol' },
    { target: 'nobody' },
    { ttl: 1 },
    { size: 0 },
    { size: 1472 },
    { loss: 0.02 },
    { loss: 0.1 },
    { loss: 0.3 },
  ),
  contradictions: [
    [{}, { event: (event) => (event.name === 'ping:replied' && event.time > 500e6 ? withData(event, { rtt: 200e6 }) : event) }],
    [
      {},
      {
        event: (event) =>
          event.name === 'ping:replied' ? withData(later(event, 2e6), { rtt: Number(event.data['rtt']) + 2e6 }) : event,
      },
    ],
    [
      {},
      {
        frame: (frame, trace) =>
          frame.kind === 'icmp' && trace.hosts[frame.from] === 'switch' ? { ...frame, to: trace.hosts.indexOf('carol') } : frame,
      },
    ],
    [{}, { event: (event) => (event.data['kind'] === 'time-exceeded' ? withData(event, { from: '10.0.1.1' }) : event) }],
  ],
  figures: () => {
    const { trace } = runOf('hello-network')
    const rtt = (nth: number): number => Number(event(trace, 'alice', 'ping:replied', nth).data['rtt'])
    assert.equal([...trace.frames(({ to }) => trace.hosts[to] === 'carol')].length, 1)
    assert.equal(rtt(1), rtt(2))
    return [`It takes ${ms(rtt(0), 1)}`, `take ${ms(rtt(1), 1)} each`, `from 10.0.0.254 after ${ms(rtt(3), 1)}`]
  },
  ways: [{ knobs: { target: 'nobody' } }, { knobs: { size: 1472, ttl: 1 } }],
  passesOnWrongFrames: true,
})
