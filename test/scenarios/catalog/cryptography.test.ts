import { runOf } from '../catalog-runs.ts'
import { count, event, knobs, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'

testScenario('cryptography', {
  variants: knobs(
    { mischief: 'change' },
    { mischief: 'forge' },
    { divisions: 100, mischief: 'change' },
    { method: 'hybrid', mischief: 'change', loss: 0.1 },
    { method: 'rsa-by-hand', mischief: 'change' },
    { loss: 0.05 },
  ),
  contradictions: [
    // As if the postman had seen through the hybrid.
    [{}, { event: (each) => (each.name === 'letter:unreadable' ? { ...each, name: 'letter:read' } : each) }],
    [
      { knobs: { mischief: 'change' } },
      { event: (each) => (each.name === 'letter:refused' ? { ...each, name: 'letter:accepted' } : each) },
    ],
    [
      { knobs: { mischief: 'forge' } },
      {
        event: (each) =>
          each.name === 'letter:accepted' && each.data['method'] === 'rsa-2048' ? { ...each, name: 'letter:refused' } : each,
      },
    ],
    [{}, { event: (each) => (each.name === 'letter:factored' ? withData(each, { p: 3 }) : each) }],
    [
      {},
      {
        event: (each) =>
          each.name === 'letter:sent' && each.data['method'] === 'signature' ? withData(each, { bytes: 113 }) : each,
      },
    ],
  ],
  figures: () => {
    const { trace } = runOf('cryptography')
    const sent = (method: string): number =>
      Number(event(trace, 'alice', 'letter:sent', 0, ({ data }) => data['method'] === method).data['bytes'])
    const plain = sent('plain')
    const { n, e, sum } = event(trace, 'alice', 'letter:calculated').data
    const { p, q, divisions } = event(trace, 'postman', 'letter:factored').data
    const words = ['none', 'one', 'two', 'three', 'four', 'five', 'six', 'seven']
    const believed = (mischief: string): string =>
      words[count(runOf('cryptography', { knobs: { mischief } }).trace, 'bob', 'letter:accepted')] ?? ''
    return [
      `Of seven letters he reads ${words[count(trace, 'postman', 'letter:read')] ?? ''}.`,
      `Of ${String(plain)} characters it makes ${String(sent('shared-key'))} bytes`,
      `In this run they are ${String(n)} and ${String(e)}.`,
      `calculates ${String(sum)}.`,
      `After ${String(divisions)} divisions he has ${String(n)} = ${String(p)} × ${String(q)}`,
      `All of it becomes ${String(sent('rsa-2048'))} bytes`,
      `Bob believes ${believed('change')} of seven.`,
      `Bob believes ${believed('forge')}: RSA`,
      `A **signature** (${String(sent('signature') - plain)} bytes)`,
      `It costs ${String(sent('hybrid') - plain)} bytes`,
      `\`LETTER hybrid ${String(sent('hybrid'))}\``,
    ]
  },
  ways: knobs({ mischief: 'change' }, { mischief: 'forge', loss: 0.02 }),
})
