import { runOf, type RunSetup } from '../catalog-runs.ts'
import { knobs, later, withData, event, ms, s } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import { formatCount } from '../../../src/scenario/units.ts'
import type { TraceView } from '../../../src/trace/record.ts'

testScenario('mtu-black-hole', {
  variants: knobs(
    { icmp: true },
    { clamp: true },
    { probing: 'on-black-hole' },
    { probing: 'always' },
    { mtu: 1500 },
    { mtu: 600, icmp: true },
    { mtu: 600, probing: 'on-black-hole' },
    { mtu: 1480, icmp: true, probing: 'always' },
  ),
  contradictions: [
    [{}, { event: (event) => (event.name === 'tcp:delivered' ? withData(event, { length: 1401 }) : event) }],
    [{ knobs: { icmp: true } }, { event: (event) => (event.name === 'tcp:segment-retransmitted' ? later(event, 1e6) : event) }],
    [{ knobs: { probing: 'on-black-hole' } }, { event: (event) => (event.data['bytes'] === 200_000 ? undefined : event) }],
    [
      { knobs: { clamp: true } },
      { event: (event) => (event.name === 'script:step' ? { ...event, name: 'tcp:rto-expired', host: 3 } : event) },
    ],
  ],
  figures: () => {
    const run = (knobs: RunSetup['knobs'] = {}): TraceView => runOf('mtu-black-hole', { knobs }).trace
    const file = (trace: TraceView): number =>
      event(trace, 'alice', 'script:read', 0, ({ data }) => data['bytes'] === 200_000).time
    const plain = run()
    const timeouts = plain.all('tcp:rto-expired').map(({ time }) => time)
    const greeting = event(plain, 'alice', 'tcp:delivered')
    const probing = run({ probing: 'on-black-hole' })
    const suspected = event(probing, 'bob', 'tcp:black-hole-suspected').time
    const retries = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'][timeouts.length]
    return [
      `says what will come, in ${String(greeting.data['length'])} bytes`,
      `at ${ms(timeouts[0])}, at ${s(timeouts[1])}, at ${s(timeouts[2])}, each time`,
      `By ${s(timeouts.at(-1) ?? 0)} he has done so ${retries} times`,
      ` ${ms(file(run({ mtu: 1500 })))} |`,
      ` ${ms(file(run({ icmp: true })))} |`,
      ` ${ms(file(run({ clamp: true })))} |`,
      ` ${s(file(probing), 2)} |`,
      ` ${ms(file(run({ probing: 'always' })))} |`,
      `Bob hears of it at ${ms(event(run({ icmp: true }), 'bob', 'tcp:path-narrowed').time)}`,
      `Four timeouts of the same data make him suspicious, at ${s(suspected)}`,
      `goes down to ${formatCount(Number(event(probing, 'bob', 'tcp:segment-size-changed').data['smss']))} bytes`,
    ]
  },
  ways: [
    { knobs: { icmp: true } },
    { knobs: { clamp: true } },
    { knobs: { probing: 'on-black-hole' } },
    { knobs: { probing: 'always' } },
    { knobs: { mtu: 600, icmp: true }, links: { loss: 0.02 } },
  ],
  waits: [{ knobs: { icmp: true } }, { knobs: { probing: 'on-black-hole' } }],
  passesOnWrongFrames: true,
})
