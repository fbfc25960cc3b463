import { runOf, type RunSetup } from '../catalog-runs.ts'
import { knobs, later, withData, event, ms, s, median } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'

testScenario('http1-page', {
  variants: ['kept', 'closed', 'six', 'pipeline'].flatMap((way) =>
    knobs({ way }, { way, loss: 0.02 }, { way, loss: 0.1 }, { way, slow: 500e6 }, { way, delay: 200e6 }),
  ),
  contradictions: [
    [
      { knobs: { way: 'pipeline' } },
      { event: (event) => (event.name === 'http:response-started' && event.data['id'] === 5 ? later(event, -50e6) : event) },
    ],
    [
      { knobs: { way: 'closed' } },
      { event: (event) => (event.name === 'http:request-sent' && event.data['id'] === 5 ? later(event, -1e6) : event) },
    ],
    [{ knobs: { way: 'closed' } }, { event: (event) => (event.data['from'] === 'ESTABLISHED' ? undefined : event) }],
    [{}, { event: (event) => (event.name === 'page:loaded' ? withData(event, { failures: 1, resources: 9 }) : event) }],
  ],
  figures: () => {
    const load = (knobs: RunSetup['knobs'] = {}, seed?: number): number => {
      const { trace } = runOf('http1-page', { knobs, ...(seed !== undefined && { seed }) })
      return Number(event(trace, 'browser', 'page:loaded').data['duration'])
    }
    const typical = (way: string, loss: number): string =>
      ms(median(Array.from({ length: 100 }, (_, index) => load({ way, loss }, index + 1))))
    const six = runOf('http1-page', { knobs: { way: 'six', slow: 500e6 } }).trace
    const images = six.all('http:response-received').slice(0, -1)
    return [
      ...['closed', 'kept', 'six', 'pipeline'].map((way) => ` ${ms(load({ way }))} |`),
      `the pipeline takes ${ms(load({ way: 'pipeline', slow: 500e6 }))}`,
      `the last image is there at ${ms(images.at(-1)?.time ?? 0)}`,
      `one connection takes ${s(load({ delay: 150e6 }))}, six take ${s(load({ way: 'six', delay: 150e6 }))}`,
      `${typical('kept', 0.05)} for the kept connection, ${typical('six', 0.05)} for six, ${typical('pipeline', 0.05)} for the pipeline`,
    ]
  },
  ways: ['closed', 'six', 'pipeline'].map((way) => ({ knobs: { way, loss: 0.02 } })),
})
