import { runOf, type RunSetup } from '../catalog-runs.ts'
import { count, event, knobs, ms, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { EventRecord, TraceView } from '../../../src/trace/record.ts'

/** On a connection over which a copy was sent. */
const isCopy = ({ connection }: EventRecord, trace: TraceView): boolean =>
  trace.first('replayer:flight-replayed', (replay) => replay.connection === connection) !== undefined

testScenario('tls-resumption-and-0-rtt', {
  variants: knobs(
    { care: 'once' },
    { care: 'later' },
    { early: false },
    { copies: 3 },
    { delay: 1e6 },
    { delay: 200e6, care: 'once' },
    { loss: 0.05 },
    { loss: 0.1, care: 'once', copies: 2 },
    { loss: 0.1, care: 'later' },
  ),
  contradictions: [
    [
      {},
      {
        // As if the bank had shown its certificate again.
        event: (each) =>
          each.name === 'tls:message-sent' && each.data['message'] === 'EncryptedExtensions' && each.time > 1e9
            ? withData(each, { message: 'Certificate' })
            : each,
      },
    ],
    [
      {},
      {
        // As if Ann had sent her order only with her Finished.
        event: (each) =>
          each.name === 'tls:message-received' && each.data['message'] === 'ChangeCipherSpec' && each.time > 1e9
            ? withData(each, { message: 'Finished' })
            : each,
      },
    ],
    // As if Cleo's order had come with her Finished.
    [
      {},
      {
        event: (each, trace) =>
          each.name === 'http:request-received' && each.data['target'] === '/pay?from=cleo'
            ? { ...each, cause: event(trace, 'bank', 'quic:handshake-done', 1).cause }
            : each,
      },
    ],
    [{}, { event: (each, trace) => (each.name === 'http:effect-applied' && isCopy(each, trace) ? undefined : each) }],
    [
      { knobs: { care: 'once' } },
      {
        event: (each, trace) =>
          each.name === 'tls:early-data-rejected' && isCopy(each, trace)
            ? each
            : each.name === 'tls:message-received' && isCopy(each, trace)
              ? { ...withData(each, { target: '/pay?from=ann' }), name: 'http:effect-applied' }
              : each,
      },
    ],
  ],
  figures: () => {
    const run = (values: RunSetup['knobs'] = {}): TraceView => runOf('tls-resumption-and-0-rtt', { knobs: values }).trace
    const plain = run()
    const receipt = (trace: TraceView, host: string): string => ms(Number(event(trace, host, 'page:loaded', 1).data['duration']))
    const arrived = (who: string): number =>
      event(plain, 'bank', 'http:request-received', 0, ({ data }) => data['target'] === `/pay?from=${who}`).time
    const proof = ['Certificate', 'CertificateVerify'].map((message) =>
      Number(event(plain, 'bank', 'tls:message-sent', 0, ({ data }) => data['message'] === message).data['length']),
    )
    const paid = plain.all('http:effect-applied', ({ data }) => data['target'] === '/pay?from=ann').length
    const fiveCopies = run({ copies: 5 })
    return [
      `take ${proof.reduce((sum, length) => sum + length, 0).toLocaleString('en-US')} bytes`,
      `has his receipt after ${receipt(plain, 'ben')}`,
      `It has her order ${ms(arrived('ben') - arrived('ann'))} before Ben's`,
      `she has her receipt after ${receipt(plain, 'ann')}`,
      `she has her receipt after ${receipt(plain, 'cleo')}. One round trip`,
      `${String(event(plain, 'mallory', 'replayer:flight-recorded').data['bytes'])} bytes. She cannot read`,
      `shows _Effect applied_ ${paid === 2 ? 'two' : String(paid)} times for Ann`,
      `Ann pays ${String(count(fiveCopies, 'bank', 'http:effect-applied') - 2)} times`,
      `has her receipt after ${receipt(run({ care: 'later' }), 'ann')}: what she saved is gone`,
    ]
  },
  ways: knobs({ care: 'once' }, { care: 'later' }, { copies: 3 }, { early: false, loss: 0.05 }),
  passesOnWrongFrames: true,
})
