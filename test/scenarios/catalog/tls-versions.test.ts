import { runOf, type RunSetup } from '../catalog-runs.ts'
import { event, knobs, ms, s, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { TraceView } from '../../../src/trace/record.ts'

/** The trace without what a host's first handshake had to hear. */
const isFirst = (connection: string, trace: TraceView, host: string): boolean =>
  connection === event(trace, host, 'tls:connected').connection

testScenario('tls-versions', {
  variants: knobs(
    { delay: 1e6 },
    { delay: 200e6 },
    { resumption: false },
    { key: 'rsa' },
    { loss: 0.05 },
    { loss: 0.1, resumption: false },
  ),
  contradictions: [
    [
      {},
      {
        // As if the server's second flight to Ann had come without being waited for.
        event: (each, trace) =>
          each.name === 'tls:message-received' &&
          isFirst(each.connection, trace, 'ann') &&
          (each.data['message'] === 'Finished' || each.data['message'] === 'NewSessionTicket')
            ? undefined
            : each,
      },
    ],
    [
      {},
      {
        event: (each) =>
          each.name === 'tls:message-sent' && each.data['message'] === 'Certificate' && each.data['encrypted'] === true
            ? withData(each, { encrypted: false })
            : each,
      },
    ],
    [
      {},
      {
        event: (each) =>
          each.name === 'tls:message-received' && each.data['message'] === 'ServerHello' && each.time > 1e9
            ? withData(each, { message: 'Certificate' })
            : each,
      },
    ],
  ],
  figures: () => {
    const run = (values: RunSetup['knobs'] = {}): TraceView => runOf('tls-versions', { knobs: values }).trace
    const plain = run()
    const far = run({ delay: 200e6 })
    const loaded = (trace: TraceView, host: string, nth: number): number =>
      Number(event(trace, host, 'page:loaded', nth).data['duration'])
    const toAsk = (host: string): string =>
      ms(event(plain, host, 'http:request-sent').time - event(plain, host, 'tls:handshake-started').time)
    const certificate = event(
      plain,
      'server',
      'tls:message-sent',
      0,
      ({ data }) => data['message'] === 'Certificate' && data['encrypted'] === true,
    )
    return [
      `Ben has his page after ${ms(loaded(plain, 'ben', 0))}, Ann hers after ${ms(loaded(plain, 'ann', 0))}`,
      `takes ${toAsk('ann')}: two round trips`,
      `${toAsk('ben')}, one round trip`,
      `the page takes ${s(loaded(far, 'ann', 0), 2)} against ${s(loaded(far, 'ben', 0), 2)}`,
      `${String(certificate.data['length'])} bytes of it`,
      `has the page after ${ms(loaded(plain, 'ann', 1))}, Ben after ${ms(loaded(plain, 'ben', 1))}`,
    ]
  },
  ways: knobs({ resumption: false }, { key: 'rsa', loss: 0.05 }),
  waits: [],
  passesOnWrongFrames: true,
})
