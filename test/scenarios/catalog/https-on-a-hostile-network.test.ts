import { runOf, type RunSetup } from '../catalog-runs.ts'
import { event, isOf, knobs, ms, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import { formatCount } from '../../../src/scenario/units.ts'
import type { TraceView } from '../../../src/trace/record.ts'

testScenario('https-on-a-hostile-network', {
  variants: knobs(
    { meddler: 'reads' },
    { meddler: 'self-signed', asks: 'https' },
    { meddler: 'unknown', asks: 'both' },
    { meddler: 'unknown', warning: 'proceed' },
    { meddler: 'unknown', warning: 'proceed', hsts: 'preload' },
    { meddler: 'strips' },
    { meddler: 'strips', loss: 0.1 },
    { meddler: 'strips', hsts: 'preload' },
    { meddler: 'strips', hsts: 'server', asks: 'both' },
    { meddler: 'strips', certificate: 'expired' },
    { certificate: 'expired', loss: 0.05 },
    { certificate: 'wrong-name', asks: 'https' },
    { certificate: 'self-signed', asks: 'both', warning: 'proceed' },
  ),
  contradictions: [
    // As if the browser, or anybody, had noticed, and thrown away what Mallory wrote.
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'alice', 'http:response-received') && each.data['bytes'] === 996
            ? withData(each, { digest: event(trace, 'news', 'http:response-sent').data['digest'] })
            : each,
      },
    ],
    [
      { knobs: { asks: 'https' } },
      {
        event: (each, trace) =>
          isOf(each, trace, 'mallory', 'meddler:request-read')
            ? { ...each, connection: event(trace, 'bank', 'http:request-received').connection }
            : each,
      },
    ],
    [
      { knobs: { meddler: 'unknown' } },
      {
        event: (each, trace) =>
          isOf(each, trace, 'alice', 'http:request-sent') && String(each.data['url']).startsWith('http://bank')
            ? { ...each, connection: event(trace, 'alice', 'tls:certificate-refused').connection }
            : each,
      },
    ],
    [
      { knobs: { meddler: 'strips', hsts: 'preload' } },
      {
        event: (each, trace) =>
          isOf(each, trace, 'alice', 'http:request-sent') && each.data['url'] === 'https://bank/'
            ? withData(each, { url: 'http://bank/' })
            : each,
      },
    ],
    [
      { knobs: { certificate: 'expired' } },
      { event: (each) => (each.name === 'tls:alert-received' ? withData(each, { alert: 'unknown_ca' }) : each) },
    ],
  ],
  figures: () => {
    const run = (values: RunSetup['knobs'] = {}): TraceView => runOf('https-on-a-hostile-network', { knobs: values }).trace
    const [plain, forged, stripped] = [run(), run({ meddler: 'unknown', warning: 'proceed' }), run({ meddler: 'strips' })]
    const bytes = (host: string, name: string): string => formatCount(Number(event(plain, host, name).data['bytes']))
    const loaded = (trace: TraceView, nth: number): string =>
      ms(Number(event(trace, 'alice', 'page:loaded', nth).data['duration']), 1)
    const refused = event(run({ meddler: 'unknown' }), 'alice', 'tls:certificate-refused').time
    const read = event(forged, 'mallory', 'meddler:request-read', -1).time
    return [
      `The server sent ${bytes('news', 'http:response-sent')} bytes. Alice gets ${bytes('alice', 'http:response-received')},`,
      `The page is there after ${loaded(plain, 0)}`,
      `${ms(refused, 1)} into the run`,
      `${ms(read - refused, 1)} later Mallory reads`,
      `Alice sees her page after ${loaded(stripped, 1)}; directly, with the redirect, it would be ${loaded(plain, 1)}`,
    ]
  },
  ways: knobs(
    { meddler: 'unknown' },
    { meddler: 'unknown', warning: 'proceed' },
    { meddler: 'strips' },
    { certificate: 'expired', asks: 'https' },
    { meddler: 'strips', hsts: 'server', asks: 'both', loss: 0.02 },
  ),
  passesOnWrongFrames: true,
})
