import { runOf, type RunSetup } from '../catalog-runs.ts'
import { event, isOf, knobs, later, ms, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { EventRecord, TraceView } from '../../../src/trace/record.ts'

const isHello = ({ data }: EventRecord): boolean => data['message'] === 'ClientHello'

testScenario('post-quantum-hello', {
  variants: knobs({ trouble: 'second' }, { trouble: 'box' }, { rate: 64e3 }, { rate: 1e6, loss: 0.05 }, { loss: 0.1 }),
  contradictions: [
    [
      {},
      {
        // As if both pieces had gone out as one.
        frame: (frame, trace) =>
          trace.hosts[frame.from] === 'ben' && frame.payload > 0 && frame.payload < 300 && frame.enqueued < 0.2e9
            ? undefined
            : frame,
      },
    ],
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'ben', 'tls:message-received') && each.data['message'] === 'ServerHello'
            ? withData(each, { length: Number(each.data['length']) + 1 })
            : each,
      },
    ],
    [
      {},
      {
        event: (each, trace) => (isOf(each, trace, 'server', 'tls:message-received') && isHello(each) ? later(each, 1e6) : each),
      },
    ],
    // As if Cleo had asked before the server had answered.
    [{}, { event: (each, trace) => (isOf(each, trace, 'cleo', 'http:request-sent') ? { ...each, cause: 0 } : each) }],
  ],
  figures: () => {
    const run = (values: RunSetup['knobs'] = {}): TraceView => runOf('post-quantum-hello', { knobs: values }).trace
    const plain = run()
    const slow = run({ rate: 64e3 })
    const lost = run({ trouble: 'second' })
    const length = (message: string, from: string, host: string): string =>
      Number(event(plain, host, from, 0, ({ data }) => data['message'] === message).data['length']).toLocaleString('en-US')
    const row = (name: string, cells: readonly string[]): string => `| ${name} | ${cells.join(' | ')} |`
    const loaded = (trace: TraceView, host: string): number => event(trace, host, 'page:loaded').time
    const [ann, ben] = [loaded(plain, 'ann'), loaded(plain, 'ben')]
    const readers = ['ann', 'ben']
    return [
      row(
        'ClientHello',
        readers.map((host) => `${length('ClientHello', 'tls:message-sent', host)} bytes`),
      ),
      row(
        'ServerHello',
        readers.map((host) => `${length('ServerHello', 'tls:message-received', host)} bytes`),
      ),
      row('page is there at', [ms(ann, 1), ms(ben, 1), ms(loaded(plain, 'cleo'), 1)]),
      row(
        'at 64 kbit/s',
        ['ann', 'ben', 'cleo'].map((host) => ms(loaded(slow, host))),
      ),
      `Ben's ${ms(ben - ann, 1)} are the time`,
      `has his page after ${ms(loaded(lost, 'ben'))}`,
      `she has the page after ${ms(loaded(lost, 'cleo'))}`,
    ]
  },
  ways: knobs({ trouble: 'second' }, { trouble: 'box' }, { rate: 64e3 }),
  waits: knobs({ trouble: 'second' }),
  passesOnWrongFrames: true,
})
