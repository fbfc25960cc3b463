import { runOf, type RunSetup } from '../catalog-runs.ts'
import { event, isOf, knobs, ms, s } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import { formatCount } from '../../../src/scenario/units.ts'
import type { EventRecord, FrameRecord, TraceView } from '../../../src/trace/record.ts'

const READERS = ['ann', 'ben', 'cleo']
const isAsked = (each: EventRecord, trace: TraceView, host: string, id: number): boolean =>
  isOf(each, trace, host, 'http:request-sent') && each.data['id'] === id

testScenario('quic-handshake', {
  variants: knobs(
    { certificate: 'hundred' },
    { early: false },
    { delay: 1e6 },
    { delay: 200e6, certificate: 'hundred' },
    { loss: 0.05 },
    { loss: 0.1, certificate: 'hundred' },
  ),
  contradictions: [
    // As if Ben had asked before he had heard anything.
    [{}, { event: (each, trace) => (isAsked(each, trace, 'ben', 1) ? { ...each, cause: 0 } : each) }],
    [
      {},
      {
        // As if Cleo had asked only with the server's answer.
        event: (each, trace) =>
          isAsked(each, trace, 'cleo', 2) ? { ...each, cause: event(trace, 'cleo', 'quic:early-data-accepted').cause } : each,
      },
    ],
    [
      { knobs: { certificate: 'hundred' } },
      {
        // As if the server had packed a little more into its last packet before it stopped.
        frame: (frame, trace) =>
          trace.hosts[frame.from] === 'server' && frame.length === 1242 ? { ...frame, length: 1243 } : frame,
      },
    ],
    [
      { knobs: { certificate: 'hundred' } },
      {
        // As if the third packet had been enough for Ben.
        event: (each, trace) => {
          if (!isAsked(each, trace, 'ben', 1)) return each
          const host = trace.hosts.indexOf('ben')
          const [first] = trace.frames(({ to, kind }) => to === host && kind === 'udp')
          return { ...each, cause: first.id }
        },
      },
    ],
  ],
  figures: () => {
    const run = (values: RunSetup['knobs'] = {}): TraceView => runOf('quic-handshake', { knobs: values }).trace
    const plain = run()
    const large = run({ certificate: 'hundred' })
    const far = run({ delay: 200e6 })
    const loaded = (trace: TraceView, host: string, nth: number): number =>
      Number(event(trace, host, 'page:loaded', nth).data['duration'])
    const row = (name: string, trace: TraceView, nth: number): string =>
      `| ${name} | ${READERS.map((host) => ms(loaded(trace, host, nth))).join(' | ')} |`
    /** UDP payloads that a server sends somebody before 0.2 s, when no answer has come yet. */
    const said = (trace: TraceView, host: string): string => {
      const { connection } = event(trace, host, 'quic:connection-started')
      const frames = [...trace.frames((frame) => frame.enqueued < 0.2e9 && trace.connections[frame.connection] === connection)]
      const isFrom = ({ from }: FrameRecord): boolean => ['server', 'wary'].includes(trace.hosts[from])
      return formatCount(frames.filter(isFrom).reduce((sum, { length }) => sum + length - 42, 0))
    }
    const messages = large.all('tls:message-sent', ({ host, time }) => large.hosts[host] === 'server' && time < 0.25e9)
    const flight = messages
      .filter(({ data }) => data['message'] !== 'ChangeCipherSpec')
      .reduce((sum, { data }) => sum + Number(data['length']), 0)
    const arp = event(plain, 'server', 'quic:connection-started').time - 43e6
    return [
      row('page is there after', plain, 0),
      row('page is there then after', plain, 1),
      row('page, hundred names', large, 0),
      `the first ${ms(arp)} go by`,
      `he has the page after ${s(loaded(far, 'ben', 0), 2)}, Ann after ${s(loaded(far, 'ann', 0), 2)}`,
      `Here the server needs ${said(plain, 'ben')}`,
      `sends a **Retry**: ${said(plain, 'cleo')} bytes`,
      `hello, certificate and signature take ${formatCount(flight)} bytes. The server sends Ben ${said(large, 'ben')}`,
      `he has the page ${ms(loaded(large, 'ben', 0) - loaded(large, 'ann', 0))} later than Ann`,
    ]
  },
  ways: knobs({ certificate: 'hundred' }, { early: false }, { loss: 0.02 }, { certificate: 'hundred', loss: 0.02 }),
  passesOnWrongFrames: true,
})
