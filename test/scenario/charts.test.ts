import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ScenarioError } from '../../src/scenario/errors.ts'
import { scenarioJsonSchema } from '../../src/scenario/json-schema.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'

const BASE = {
  id: 'charts',
  title: 'Charts',
  duration: '30 s',
  hosts: { alice: { app: 'browser', visits: 'http://bob/' }, bob: { app: 'web-server', serves: { '/': '1 KiB' } } },
  links: [{ between: ['alice', 'bob'], rate: '10 Mbit/s', delay: '20 ms' }],
}

const resolved = (...charts: readonly unknown[]) => resolveScenario({ ...BASE, views: ['charts'], charts }).charts ?? []

/** The error's path, for charts that are wrong. */
function refused(...charts: readonly unknown[]): string {
  try {
    resolved(...charts)
  } catch (error) {
    assert.ok(error instanceof ScenarioError, String(error))
    return `${error.path}: ${error.allowed}`
  }
  return assert.fail('it was accepted')
}

test('a scenario without charts has none', () => {
  assert.equal('charts' in resolveScenario(BASE), false)
})

test('a chart gets its bucket from the duration, and units from what is measured', () => {
  const [chart] = resolved({
    title: 'All kinds',
    series: [
      { measure: 'value', label: 'processor', event: 'host:load-sampled', field: 'processor', host: 'bob' },
      { measure: 'percentile', label: 'delay', event: 'chat:heard', field: 'delay', percentile: 95 },
    ],
  })
  assert.equal(chart.bucket, 100_000_000)
  assert.equal(chart.stacked, false)
  assert.deepEqual(
    chart.series.map(({ unit, perSecond }) => [unit, perSecond]),
    [
      ['fraction', false],
      ['time', false],
    ],
  )
})

test('links are resolved to their indices; hosts keep their names', () => {
  const [chart] = resolved({
    title: 'Packets',
    bucket: '50 ms',
    series: [
      { measure: 'frames', label: 'SYN/s', kind: 'tcp-syn', to: 'bob' },
      { measure: 'frames', label: 'lost', link: 'alice-bob', when: 'lost' },
      { measure: 'events', label: 'loads', event: 'page:loaded', host: 'alice', where: { status: 200 } },
    ],
  })
  assert.equal(chart.bucket, 50_000_000)
  assert.deepEqual(
    chart.series.map(({ spec }) => spec),
    [
      { measure: 'frames', kind: 'tcp-syn', to: 'bob' },
      { measure: 'frames', link: 0, when: 'lost' },
      { measure: 'events', event: 'page:loaded', host: 'alice', where: { status: 200 } },
    ],
  )
  assert.ok(
    chart.series.every(({ perSecond }) => perSecond),
    'rates are per second',
  )
})

test('what is wrong is named with its path and what is allowed', () => {
  const frames = { measure: 'frames', label: 'packets' }
  assert.match(refused({ title: 'No series', series: [] }), /^charts\[0\]\.series: a list of 1 to 8 series/)
  assert.match(refused({ title: 'x', series: [{ ...frames, to: 'bop' }] }), /^charts\[0\]\.series\[0\]\.to: .*bob perhaps/)
  assert.match(refused({ title: 'x', series: [{ ...frames, link: 'a-b' }] }), /^charts\[0\]\.series\[0\]\.link: .*alice-bob/)
  assert.match(refused({ title: 'x', series: [{ ...frames, kind: 'syn' }] }), /^charts\[0\]\.series\[0\]\.kind: /)
  assert.match(refused({ title: 'x', series: [{ label: 'x', measure: 'frame' }] }), /one of frames, bytes, events/)
  assert.match(refused({ title: 'x', bucket: '1 us', series: [frames] }), /^charts\[0\]\.bucket: a width that gives at most/)
  const bytes = { measure: 'bytes', label: 'bytes' }
  const total = { measure: 'bytes', label: 'all', as: 'total' }
  assert.match(refused({ title: 'x', series: [frames, bytes, total] }), /^charts\[0\]\.series: at most two/)
  assert.match(refused({ title: 'x', stacked: true, series: [frames, bytes] }), /^charts\[0\]\.series: series of one unit/)
})

test('the published schema knows charts', () => {
  const text = JSON.stringify(scenarioJsonSchema())
  for (const word of ['"percentile"', '"members"', '"backing-off"', 'Charts over simulated time']) {
    assert.ok(text.includes(word), word)
  }
})
