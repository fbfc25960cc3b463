import assert from 'node:assert/strict'
import { runOf, type RunSetup } from '../catalog-runs.ts'
import { knobs, withData, event, ms, s } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { TraceView } from '../../../src/trace/record.ts'

testScenario('arp-and-macs', {
  variants: knobs(
    { entries: 'alice' },
    { entries: 'both' },
    { forward: false },
    { loss: 0.02 },
    { loss: 0.1 },
    { entries: 'both', loss: 0.05 },
    { entries: 'alice', forward: false },
  ),
  contradictions: [
    [
      {},
      {
        frame: (frame, trace) =>
          trace.hosts[frame.from] === 'switch' && frame.kind === 'icmp' && frame.enqueued < 200e6
            ? { ...frame, to: trace.hosts.indexOf('mallory') }
            : frame,
      },
    ],
    [
      {},
      {
        frame: (frame, trace) =>
          trace.hosts[frame.to] === 'mallory' && frame.enqueued > 600e6 ? { ...frame, to: trace.hosts.indexOf('router') } : frame,
      },
    ],
    [
      { knobs: { entries: 'both' } },
      {
        frame: (frame, trace) =>
          trace.hosts[frame.to] === 'alice' && frame.kind === 'icmp' ? { ...frame, to: trace.hosts.indexOf('mallory') } : frame,
      },
    ],
    [
      {},
      {
        event: (event) =>
          event.name === 'ping:replied' && Number(event.data['rtt']) > 80e6 ? withData(event, { rtt: 61e6 }) : event,
      },
    ],
  ],
  figures: () => {
    const run = (knobs: RunSetup['knobs'] = {}): TraceView => runOf('arp-and-macs', { knobs }).trace
    const heard = (trace: TraceView): string => {
      const isTheirs = (connection: number): boolean => trace.connections[connection].includes('10.0.1.1')
      return String([...trace.frames(({ to, connection }) => trace.hosts[to] === 'mallory' && isTheirs(connection))].length)
    }
    const plain = run()
    const rtts = plain.all('ping:replied').map(({ data }) => Number(data['rtt']))
    const cut = run({ forward: false })
    const learned = (mac: string): string =>
      ms(event(plain, 'switch', 'switch:learned', 0, ({ data }) => data['mac'] === mac).time, 1)
    const router = learned('02:00:00:04:00:00')
    const lied = event(
      plain,
      'alice',
      'arp:resolved',
      0,
      ({ data }) => data['address'] === '10.0.0.254' && data['mac'] === '02:00:00:02:00:00',
    )
    assert.equal(heard(run({ entries: 'both' })), '1')
    return [
      `Alice at ${learned('02:00:00:01:00:00')}, the router at ${router}`,
      `from ${router} on, Mallory hears nothing`,
      `At ${ms(event(plain, 'mallory', 'spoof:started').time, 1)} Mallory sends two`,
      `From ${ms(lied.time, 1)} on, all that Alice`,
      `${heard(plain)} packets of the two are put on her cable`,
      `takes ${ms(Math.max(...rtts.slice(1)), 1)} instead of ${ms(Math.min(...rtts), 1)}`,
      `${heard(run({ entries: 'alice' }))} packets are left to her`,
      `the page takes ${s(Number(event(cut, 'alice', 'page:loaded').data['duration']))}`,
    ]
  },
  ways: [{ knobs: { entries: 'alice' } }, { knobs: { entries: 'both' } }, { knobs: { forward: false } }],
  passesOnWrongFrames: true,
})
