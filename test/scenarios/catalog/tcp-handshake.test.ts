import { runOf } from '../catalog-runs.ts'
import { knobs, later, isOf, event, entered, ms, s } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'

testScenario('tcp-handshake', {
  variants: [
    ...knobs(
      { trouble: 'syn' },
      { trouble: 'three-syns' },
      { trouble: 'syn-ack' },
      { trouble: 'ack' },
      { trouble: 'refused' },
      { delay: 10e6 },
      { delay: 800e6 },
      { trouble: 'ack', delay: 800e6 },
    ),
    {
      interventions: [
        { at: 3e9, kill: 'bob' },
        { at: 4e9, restart: 'bob' },
      ],
    },
    { interventions: [{ at: 3e9, kill: 'bob' }] },
    ...knobs({ loss: 0.05 }, { loss: 0.2 }, { trouble: 'three-syns', loss: 0.2 }),
  ],
  contradictions: [
    [{}, { frame: (frame) => (frame.kind === 'tcp-syn' && frame.direction === 1 ? { ...frame, kind: 'tcp-ack' } : frame) }],
    [{}, { event: (event, trace) => (isOf(event, trace, 'bob', 'tcp:state-changed') ? later(event, -1e6) : event) }],
    [
      { knobs: { trouble: 'three-syns' } },
      { event: (event) => (event.name === 'tcp:segment-retransmitted' && event.time > 2e9 ? later(event, 1) : event) },
    ],
    [{ knobs: { trouble: 'refused' } }, { event: (event) => (event.name === 'script:failed' ? later(event, 1e6) : event) }],
    [
      {
        interventions: [
          { at: 3e9, kill: 'bob' },
          { at: 4e9, restart: 'bob' },
        ],
      },
      { event: (event) => (event.name === 'script:failed' ? undefined : event) },
    ],
  ],
  figures: () => {
    const plain = runOf('tcp-handshake').trace
    const again = runOf('tcp-handshake', { knobs: { trouble: 'three-syns' } }).trace
    const half = runOf('tcp-handshake', { knobs: { trouble: 'ack' } }).trace
    const refused = runOf('tcp-handshake', { knobs: { trouble: 'refused' } }).trace
    const [syn] = [...refused.frames(({ kind }) => kind === 'tcp-syn')]
    const dead = runOf('tcp-handshake', {
      interventions: [
        { at: 3e9, kill: 'bob' },
        { at: 4e9, restart: 'bob' },
      ],
    }).trace
    const times = again.all('tcp:segment-retransmitted').map(({ time }) => Math.round(time / 1e9))
    return [
      `at ${ms(entered(plain, 'bob', 'SYN-RECEIVED'))}`,
      `at ${ms(entered(plain, 'alice', 'ESTABLISHED'))}`,
      `at ${ms(entered(plain, 'bob', 'ESTABLISHED'))}`,
      `the next ones go out at ${times.slice(0, -1).join(', ')} and ${String(times.at(-1))} s`,
      `_his_ timer fires at ${s(event(half, 'bob', 'tcp:rto-expired').time)}`,
      `at ${s(entered(half, 'bob', 'ESTABLISHED'))} Bob is with her`,
      `${ms(event(refused, 'alice', 'script:failed').time - syn.sent)}, one round trip`,
      `At ${s(event(dead, 'alice', 'script:step', 0, ({ data }) => data['step'] === 5).time)} she sends`,
      `At ${s(event(dead, 'alice', 'script:failed').time)} her program has its error`,
    ]
  },
  ways: ['three-syns', 'syn-ack', 'ack', 'refused'].map((trouble) => ({ knobs: { trouble } })),
  waits: [{ knobs: { trouble: 'three-syns' } }, { knobs: { trouble: 'refused' } }],
})
