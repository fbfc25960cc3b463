import { runOf, type RunSetup } from '../catalog-runs.ts'
import { knobs, withData, event, ms, s } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'

testScenario('subnets-and-cidr', {
  variants: knobs(
    { alice: 24 },
    { alice: 26 },
    { bob: 24 },
    { alice: 24, bob: 24 },
    { alice: 26, bob: 24 },
    { loss: 0.05 },
    { alice: 24, loss: 0.1 },
    { alice: 26, loss: 0.1 },
    { bob: 24, loss: 0.1 },
  ),
  contradictions: [
    [
      {},
      {
        frame: (frame, trace) =>
          trace.hosts[frame.from] === 'left' && frame.kind === 'icmp' && trace.connections[frame.connection].includes('.100')
            ? { ...frame, from: trace.hosts.indexOf('router') }
            : frame,
      },
    ],
    [
      { knobs: { alice: 24 } },
      { event: (event) => (event.data['from'] === '10.0.1.1' ? withData(event, { from: '10.0.0.130' }) : event) },
    ],
    [{ knobs: { alice: 24 } }, { event: (event) => (event.name === 'arp:failed' ? withData(event, { attempts: 2 }) : event) }],
    [
      { knobs: { alice: 26 } },
      {
        event: (event) =>
          event.name === 'ping:replied' && event.data['from'] === '10.0.0.100' && event.data['sequence'] === 2
            ? undefined
            : event,
      },
    ],
    [
      { knobs: { bob: 24 } },
      {
        event: (event) =>
          event.name === 'ping:timed-out'
            ? { ...event, name: 'ping:replied', data: { ...event.data, kind: 'reply', from: '10.0.0.130' } }
            : event,
      },
    ],
  ],
  figures: () => {
    const second = (from: string, knobs: RunSetup['knobs'] = {}): string => {
      const { trace } = runOf('subnets-and-cidr', { knobs })
      return ms(Number(event(trace, 'alice', 'ping:replied', 1, ({ data }) => data['from'] === from).data['rtt']), 1)
    }
    const short = runOf('subnets-and-cidr', { knobs: { alice: 24 } }).trace
    const near = second('10.0.0.100')
    return [
      `Amy takes ${near}, Bob ${second('10.0.0.130')}, Carol ${second('10.0.1.1')}`,
      `at ${s(event(short, 'alice', 'arp:failed').time)} she tells herself`,
      `Amy's takes ${second('10.0.0.100', { alice: 26 })} instead of ${near}`,
    ]
  },
  ways: [{ knobs: { alice: 24 } }, { knobs: { alice: 26 } }, { knobs: { bob: 24 } }],
  waits: [{ knobs: { alice: 24 } }],
  passesOnWrongFrames: true,
})
