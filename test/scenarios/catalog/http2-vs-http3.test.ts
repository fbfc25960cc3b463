import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { drawPageLoads, readPageLoads, type PageLoad } from '../../../scripts/build/page-loads-picture.ts'
import { StallFinder } from '../../../src/trace/stalls.ts'
import { runOf, type RunSetup } from '../catalog-runs.ts'
import { event, knobs, later, median, ms, s, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { TraceView } from '../../../src/trace/record.ts'

const ID = 'http2-vs-http3'

/** Streams of HTTP/2 that waited, and those of them that waited for bytes of others. */
function waitsOverTcp(trace: TraceView): [number, number] {
  const finder = new StallFinder()
  for (const each of trace.events) finder.take(each)
  const stalls = finder.stalls(trace.hosts.indexOf('alice'), event(trace, 'alice', 'tcp:delivered').connection)
  const streams = (found: typeof stalls): number => new Set(found.map(({ stream }) => stream)).size
  return [streams(stalls), streams(stalls.filter(({ isOwn }) => !isOwn))]
}

/** How long the page took in runs with the first so many seeds, in nanoseconds. */
function loadTimes(knobs: RunSetup['knobs'], seeds: number): number[] {
  return Array.from({ length: seeds }, (_, index) => {
    const run = runOf(ID, { seed: index + 1, knobs: { lost: 'none', ...knobs } })
    const duration = Number(event(run.trace, 'alice', 'page:loaded').data['duration'])
    run.dispose()
    return duration
  })
}

const fileOf = (name: string): string => readFileSync(new URL(`../../../scenarios/${ID}/${name}`, import.meta.url), 'utf8')
const loads = readPageLoads(fileOf('page-loads.csv'))

/** Of the table that the picture is drawn from. */
function loadOf(page: string, roundTrip: number, loss: number, protocol: string): PageLoad {
  const found = loads.find(
    (load) => load.page === page && load.roundTrip === roundTrip && load.loss === loss && load.protocol === protocol,
  )
  assert.ok(found, `${page}, ${String(roundTrip)} ms, ${String(loss)} %, ${protocol}`)
  return found
}
/** Who takes the least, clearly or not. */
const fastest = (page: string, roundTrip: number, loss: number): string =>
  ['http/1.1', 'h2', 'h3'].reduce((best, protocol) =>
    loadOf(page, roundTrip, loss, protocol).median < loadOf(page, roundTrip, loss, best).median ? protocol : best,
  )

const told = (...which: Parameters<typeof loadOf>): string => s(loadOf(...which).median * 1e6, 2)

test('the article’s pictures are drawn from its table', () => {
  const rewrite = 'rewrite it with: node --import tsx scripts/page-loads.ts'
  assert.equal(fileOf('page-loads.svg'), drawPageLoads(loads, 3), rewrite)
  assert.equal(fileOf('page-loads-narrow.svg'), drawPageLoads(loads, 1), rewrite)
})

test('who wins where the article says so', () => {
  const trips = [20, 60, 200]
  const losses = [0, 1, 2, 5]
  for (const trip of trips) {
    for (const loss of losses) {
      assert.equal(fastest('tiny', trip, loss), 'h3')
      if (loss <= 2) assert.equal(fastest('pictures', trip, loss), 'h3')
      else if (trip > 20) assert.equal(fastest('pictures', trip, loss), 'http/1.1')
      if (loss > 0 && trip > 20) assert.equal(fastest('wikipedia-like', trip, loss), 'http/1.1')
      for (const page of ['tiny', 'pictures', 'wikipedia-like']) assert.notEqual(fastest(page, trip, loss), 'h2')
    }
  }
})

test('where the table is measured anew, the same comes out, within 5 %', () => {
  for (const protocol of ['h2', 'h3']) {
    const ratio =
      median(loadTimes({ page: 'pictures', protocol, delay: 30e6, loss: 0.05 }, 50)) /
      1e6 /
      loadOf('pictures', 60, 5, protocol).median
    assert.ok(
      Math.abs(ratio - 1) < 0.05,
      `${protocol}: ${ratio.toFixed(3)}; measure all with: node --import tsx scripts/page-loads.ts --measure`,
    )
  }
})

testScenario(ID, {
  variants: knobs(
    { protocol: 'h3' },
    { protocol: 'http/1.1' },
    { protocol: 'h2', loss: 0.02 },
    { protocol: 'h3', loss: 0.02 },
    { protocol: 'h2', loss: 0.05, burst: 3 },
    { protocol: 'h3', loss: 0.05, burst: 3 },
    { protocol: 'h3', loss: 0.1 },
    { protocol: 'h2', loss: 0.02, delay: 100e6 },
    { protocol: 'h3', loss: 0.02, delay: 100e6 },
    { protocol: 'h2', loss: 0.02, rate: 1e6, page: 'tiny' },
    { protocol: 'h3', loss: 0.02, rate: 1e6, page: 'tiny' },
    { protocol: 'h3', lost: 'none', page: 'wikipedia-like' },
  ),
  contradictions: [
    [
      {},
      {
        event: (each) =>
          each.name === 'tcp:out-of-order-buffered'
            ? withData(each, { missingOffset: Number(each.data['missingOffset']) + 1 })
            : each,
      },
    ],
    [{ knobs: { protocol: 'h3' } }, { event: (each) => (each.name === 'quic:stream-delivered' ? later(each, 1) : each) }],
    [{}, { event: (each) => (each.name === 'http:request-sent' ? { ...each, cause: 0 } : each) }],
    [
      { knobs: { protocol: 'h3' } },
      { event: (each) => (each.name === 'http:response-received' ? withData(each, { bytes: 19_999 }) : each) },
    ],
  ],
  figures: () => {
    const [over2, over3] = ['h2', 'h3'].map((protocol) => runOf(ID, { knobs: { protocol } }).trace)
    const loaded = (trace: TraceView): string => ms(Number(event(trace, 'alice', 'page:loaded').data['duration']))
    const asked = (trace: TraceView): string => ms(event(trace, 'alice', 'http:request-sent').time)
    const [all, innocent] = waitsOverTcp(over2)
    return [
      `HTTP/2 | ${String(all)} | ${String(innocent)} | ${loaded(over2)} |`,
      `HTTP/3 | 1 | 0 | ${loaded(over3)} |`,
      `at 60 ms take ${told('tiny', 60, 0, 'h3')}, with HTTP/2 ${told('tiny', 60, 0, 'h2')}.`,
      `takes ${told('wikipedia-like', 60, 2, 'http/1.1')}, with HTTP/2 ${told('wikipedia-like', 60, 2, 'h2')}, with HTTP/3 ${told('wikipedia-like', 60, 2, 'h3')}.`,
      `takes ${told('wikipedia-like', 200, 1, 'h2')}, with HTTP/3 ${told('wikipedia-like', 200, 1, 'h3')}.`,
      `are ${s(median(loadTimes({ page: 'download', protocol: 'h2', loss: 0.02 }, 11)))} and ${s(median(loadTimes({ page: 'download', protocol: 'h3', loss: 0.02 }, 11)))}.`,
      `leaves after ${asked(over3)} with HTTP/3, and after ${asked(over2)} with HTTP/2`,
    ]
  },
  ways: knobs({ protocol: 'h3' }, { protocol: 'h3', loss: 0.02 }, { protocol: 'http/1.1', loss: 0.02 }),
  waits: knobs({ protocol: 'h3' }),
})
