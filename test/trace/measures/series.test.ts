import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInline } from '../../../src/run/run-inline.ts'
import { resolveScenario } from '../../../src/scenario/resolve.ts'
import { FRAME_KINDS, type EventData, type TraceView } from '../../../src/trace/record.ts'
import type { MeasureSpec } from '../../../src/trace/measures/measure-spec.ts'
import { measureSeries } from '../../../src/trace/measures/series.ts'
import { SeriesSet } from '../../../src/trace/measures/series-set.ts'
import { TraceStore } from '../../../src/trace/trace-store.ts'

const MS = 1_000_000
const DOWNLOAD = {
  id: 'download',
  title: 'A lossy download',
  seed: 3,
  duration: '4 s',
  hosts: {
    alice: { app: 'browser', visits: 'http://bob/' },
    bob: { app: 'web-server', serves: { '/': '200 KiB' } },
  },
  links: [{ between: ['alice', 'bob'], rate: '10 Mbit/s', delay: '20 ms', loss: '3 %', queue: '32 KiB' }],
}

const SPECS: readonly MeasureSpec[] = [
  { measure: 'frames' },
  { measure: 'frames', kind: 'tcp-data', to: 'alice' },
  { measure: 'frames', kind: 'tcp-syn', from: 'alice', when: 'sent', as: 'total' },
  { measure: 'bytes', link: 0, when: 'lost', as: 'total' },
  { measure: 'bytes', to: 'bob' },
  { measure: 'events', event: 'tcp:segment-retransmitted', host: 'bob', as: 'total' },
  { measure: 'value', event: 'tcp:congestion-updated', field: 'cwnd', host: 'bob' },
  { measure: 'percentile', event: 'tcp:rtt-sampled', field: 'rtt', percentile: 50, host: 'bob' },
]

/** Counts from all records at once, knowing nothing of how series are kept. */
function counted(trace: TraceView, spec: MeasureSpec, bucket: number, horizon: number): number[] {
  assert.ok(spec.measure === 'frames' || spec.measure === 'bytes', 'a count of frames')
  const values = new Array<number>(Math.ceil(horizon / bucket)).fill(0)
  for (const frame of trace.frames()) {
    const { from, to, kind, sent, arrives, fate, fateAt, length, link } = frame
    if (spec.from !== undefined && trace.hosts[from] !== spec.from) continue
    if (spec.to !== undefined && trace.hosts[to] !== spec.to) continue
    if (spec.link !== undefined && spec.link !== link) continue
    if (spec.kind !== undefined && spec.kind !== kind) continue
    const isLost = fate !== 'arrived' && fate !== 'queued' && fate !== 'in-flight'
    const when = spec.when ?? 'arrived'
    const time = when === 'sent' ? sent : when === 'lost' ? (isLost ? fateAt : Infinity) : fate === 'arrived' ? arrives : Infinity
    if (time < horizon) values[Math.floor(time / bucket)] += spec.measure === 'bytes' ? length : 1
  }
  if (spec.as !== 'total') return values.map((value) => (value * 1e9) / bucket)
  let sum = 0
  return values.map((value) => (sum += value))
}

test('counts of frames and bytes are those of the records, in the same buckets', () => {
  const { trace, director } = runInline(resolveScenario(DOWNLOAD))
  const bucket = 50 * MS
  for (const spec of SPECS.slice(0, 5)) {
    const { values } = measureSeries(trace, spec, bucket)
    assert.deepEqual([...values], counted(trace, spec, bucket, director.store.horizon), JSON.stringify(spec))
    assert.ok(Math.max(...values) > 0, `something was counted: ${JSON.stringify(spec)}`)
  }
})

test('a series that was kept up step by step is the one that is measured at the end', () => {
  const scenario = resolveScenario(DOWNLOAD)
  const { trace } = runInline(scenario)
  const bucket = 50 * MS
  for (const step of [7 * MS, 333 * MS]) {
    const { hosts, director } = runInline(scenario, { until: 1 })
    const set = new SeriesSet(
      SPECS.map((spec) => ({ spec, bucket })),
      director.store.hosts,
    )
    for (let time = step; time < scenario.duration; time += step) {
      hosts.advance(time)
      set.update(director.store, director.horizon)
      // Asking in between changes nothing.
      if (time % 3 === 0) set.values(time % SPECS.length)
    }
    hosts.advance(scenario.duration)
    set.update(director.store, director.horizon, true)
    SPECS.forEach((spec, index) => {
      assert.deepEqual([...set.values(index)], [...measureSeries(trace, spec, bucket).values], JSON.stringify(spec))
    })
  }
})

test('a rate is not known before its bucket has passed; a total is known at once', () => {
  const { director } = runInline(resolveScenario(DOWNLOAD), { until: 1 })
  const { hosts } = runInline(resolveScenario(DOWNLOAD), { until: 1 })
  const store = director.store
  hosts.advance(130 * MS)
  const set = new SeriesSet(
    [
      { spec: { measure: 'frames' }, bucket: 50 * MS },
      { spec: { measure: 'frames', as: 'total' }, bucket: 50 * MS },
    ],
    store.hosts,
  )
  set.update(store, 130 * MS)
  assert.equal(set.values(0).length, 3)
  assert.ok(Number.isNaN(set.values(0)[2]), 'the third bucket has not passed')
  assert.ok(!Number.isNaN(set.values(0)[1]), 'the second one has')
  assert.ok(!Number.isNaN(set.values(1)[2]), 'a total is what it is by now')
})

function storeOf(events: readonly (readonly [time: number, host: number, name: string, data: EventData, member?: number])[]) {
  const store = new TraceStore(['server', 'clients'], [[0, 1]])
  events.forEach(([time, host, name, data, member = 0], index) => {
    const record = { id: index + 1, time, host, name, connection: '', data, cause: 0, member }
    store.eventTable.adopt(record)
  })
  store.horizon = 1000 * MS
  return store
}

const sampled = (time: number, processor: number) => [time * MS, 0, 'host:load-sampled', { processor }] as const

test('a value stands until the next one, and not while its host is off', () => {
  const store = storeOf([
    sampled(120, 0.25),
    sampled(310, 0.5),
    sampled(350, 0.75),
    [420 * MS, -1, 'run:host-killed', { host: 'server' }],
    [700 * MS, -1, 'run:host-restarted', { host: 'server' }],
    sampled(820, 0.1),
  ])
  const spec: MeasureSpec = { measure: 'value', event: 'host:load-sampled', field: 'processor', host: 'server' }
  const gap = Number.NaN
  const last = [gap, 0.25, 0.25, 0.75, 0.75, gap, gap, gap, 0.1, 0.1]
  assert.deepEqual([...measureSeries(store, spec, 100 * MS).values], last)
  const mean = measureSeries(store, { ...spec, take: 'mean' }, 100 * MS)
  assert.equal(mean.values[3], 0.625)
  assert.equal(measureSeries(store, { ...spec, take: 'max' }, 1000 * MS).values[0], 0.75)
  assert.equal(measureSeries(store, { ...spec, take: 'sum' }, 1000 * MS).values[0], 1.6)
  assert.equal(measureSeries(store, { ...spec, host: 'clients' }, 1000 * MS).peak(), undefined)
})

test('percentiles are by nearest rank, of each bucket by itself; an empty one is a gap', () => {
  const delays = [5, 1, 4, 2, 3].map((delay, index) => [(10 + index) * MS, 1, 'chat:heard', { delay }, index + 1] as const)
  const store = storeOf([...delays, [250 * MS, 1, 'chat:heard', { delay: 9 }, 1]])
  const of = (percentile: number): number[] =>
    [...measureSeries(store, { measure: 'percentile', event: 'chat:heard', field: 'delay', percentile }, 100 * MS).values].slice(
      0,
      4,
    )
  assert.deepEqual(of(50), [3, Number.NaN, 9, Number.NaN])
  assert.deepEqual(of(0), [1, Number.NaN, 9, Number.NaN])
  assert.deepEqual(of(81), [5, Number.NaN, 9, Number.NaN])
  assert.deepEqual(of(100), [5, Number.NaN, 9, Number.NaN])
})

test("a crowd's members are counted by what they last said, and as down when they were killed", () => {
  const is = (time: number, member: number, state: string) =>
    [time * MS, 1, 'client:state-changed', { state }, member + 1] as const
  const store = storeOf([
    is(10, 0, 'connecting'),
    is(20, 1, 'connecting'),
    is(110, 0, 'connected'),
    is(210, 1, 'backing-off'),
    [310 * MS, -1, 'run:host-killed', { host: 'clients[0]' }],
    [410 * MS, -1, 'run:host-killed', { host: 'clients' }],
    [510 * MS, -1, 'run:host-restarted', { host: 'clients[2]' }],
  ])
  const count = (state: 'idle' | 'connecting' | 'connected' | 'backing-off' | 'down'): number[] =>
    [...measureSeries(store, { measure: 'members', host: 'clients', state, members: 3 }, 100 * MS).values].slice(0, 6)
  assert.deepEqual(count('idle'), [1, 1, 1, 1, 0, 1])
  assert.deepEqual(count('connecting'), [2, 1, 0, 0, 0, 0])
  assert.deepEqual(count('connected'), [0, 1, 1, 0, 0, 0])
  assert.deepEqual(count('backing-off'), [0, 0, 1, 1, 0, 0])
  assert.deepEqual(count('down'), [0, 0, 0, 1, 3, 2])
})

test('events count when their data say what was asked for', () => {
  const state = (time: number, name: string) => [time * MS, 1, 'client:state-changed', { state: name }, 1] as const
  const store = storeOf([state(10, 'gone'), state(20, 'connecting'), state(150, 'gone')])
  const series = measureSeries(
    store,
    { measure: 'events', event: 'client:state-changed', where: { state: 'gone' }, as: 'total' },
    100 * MS,
  )
  assert.deepEqual([series.values[0], series.values[1], series.values[9]], [1, 2, 2])
  assert.equal(
    series.firstTime((value) => value === 2),
    100 * MS,
  )
  assert.deepEqual(series.peak(0, 100 * MS), { value: 1, time: 0 })
  assert.equal(series.mean(0, 200 * MS), 1.5)
  assert.equal(series.at(155 * MS), 2)
})

test('what a trace has let go before anybody measured it is a gap, not a zero', () => {
  const scenario = resolveScenario({
    ...DOWNLOAD,
    hosts: { ...DOWNLOAD.hosts, bob: { app: 'web-server', serves: { '/': '9 MB' } } },
    links: [{ between: ['alice', 'bob'], rate: '100 Mbit/s', delay: '5 ms' }],
  })
  const { trace } = runInline(scenario, { traceLimit: 1_000_000 })
  assert.ok(trace.firstKept > 1, 'frames have been let go')
  const rate = measureSeries(trace, { measure: 'frames' }, 50 * MS).values
  const known = rate.findIndex((value) => !Number.isNaN(value))
  const first = trace.frame(trace.firstKept)
  assert.ok(first !== undefined && known * 50 * MS >= first.enqueued, 'nothing is told of what went')
  assert.ok(known < rate.length, 'the rest is told')
  assert.ok(
    Number.isNaN(measureSeries(trace, { measure: 'frames', as: 'total' }, 50 * MS).values.at(-1)),
    'no total without its beginning',
  )
  const delivered = measureSeries(trace, { measure: 'events', event: 'tcp:delivered' }, 50 * MS).values
  assert.ok(Number.isNaN(delivered[0]), 'nor of events')
})

test('kinds of frames in a spec are those of records', () => {
  const { trace } = runInline(resolveScenario(DOWNLOAD))
  const totals = FRAME_KINDS.map(
    (kind) => measureSeries(trace, { measure: 'frames', kind, when: 'sent', as: 'total' }, 50 * MS).values.at(-1) ?? 0,
  )
  assert.equal(
    totals.reduce((sum, value) => sum + value, 0),
    [...trace.frames(({ sent }) => sent < Infinity)].length,
  )
})
