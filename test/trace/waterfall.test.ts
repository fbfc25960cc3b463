import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { NEVER, type EventRecord, type TraceView } from '../../src/trace/record.ts'
import { NO_STREAM } from '../../src/trace/stalls-episode.ts'
import { Waterfall, type FetchPhase, type FetchRow } from '../../src/trace/waterfall.ts'
import { madeTrace, type MadeEvent } from '../scenario/trace-fixture.ts'

const HOSTS = ['alice', 'carol', 'bob']
const BOB = 2
const CONNECTION = '10.0.0.1:49152 ↔ 10.0.0.2:443'

const queued = (time: number, id: number, more: MadeEvent['data'] = {}, host = 0): MadeEvent => ({
  name: 'fetch:queued',
  time,
  host,
  data: { id, url: `https://bob/${String(id)}`, kind: 'image', priority: 'low', initiator: 0, renderBlocking: false, ...more },
})
const phase = (
  time: number,
  id: number,
  name: FetchPhase,
  more: { stream?: number; host?: number; connection?: string } = {},
): MadeEvent => {
  const { stream, host = 0, connection = '' } = more
  return {
    name: 'fetch:phase-started',
    time,
    host,
    connection,
    data: { id, phase: name, ...(stream !== undefined && { stream }) },
  }
}
const ended = (time: number, id: number, more: MadeEvent['data'] = {}, connection = ''): MadeEvent => ({
  name: 'fetch:ended',
  time,
  connection,
  data: { id, status: 200, bytes: 1000, outcome: 'complete', protocol: 'h2', ...more },
})
const early = (time: number, offset: number, length: number, missingOffset: number): MadeEvent => ({
  name: 'tcp:out-of-order-buffered',
  time,
  connection: CONNECTION,
  data: { seq: offset, length, missingFrom: missingOffset, offset, missingOffset },
})
const delivered = (time: number, offset: number, length: number): MadeEvent => ({
  name: 'tcp:delivered',
  time,
  connection: CONNECTION,
  data: { offset, length },
})
const sent = (stream: number, from: number, to: number): MadeEvent => ({
  name: 'http2:frame-sent',
  host: BOB,
  connection: CONNECTION,
  data: { stream, type: 'DATA', length: to - from, from, to },
})

function read(events: readonly MadeEvent[]): { waterfall: Waterfall; trace: TraceView } {
  const trace = madeTrace(HOSTS, events)
  const waterfall = new Waterfall()
  waterfall.update(trace)
  return { waterfall, trace }
}

const told = (waterfall: Waterfall, row: FetchRow | undefined, until = NEVER): string =>
  row === undefined
    ? 'no such row'
    : waterfall
        .spans(row, until)
        .map(({ kind, from, to }) => `${kind} ${String(from)}–${String(to)}`)
        .join(', ')

describe('the phases of a resource', () => {
  const events = [
    { name: 'page:started', time: 0, data: { url: 'https://bob/' } },
    queued(0, 1, { kind: 'document', priority: 'highest' }),
    phase(5, 1, 'dns'),
    phase(5, 1, 'connect'),
    phase(45, 1, 'tls', { connection: CONNECTION }),
    phase(85, 1, 'sending', { connection: CONNECTION, stream: 1 }),
    phase(85, 1, 'waiting', { connection: CONNECTION, stream: 1 }),
    phase(130, 1, 'receiving', { connection: CONNECTION, stream: 1 }),
    ended(150, 1, {}, CONNECTION),
  ]

  test('follow each other from when it was queued to its end; those that took no time are left out', () => {
    const { waterfall } = read(events)
    assert.equal(told(waterfall, waterfall.row(0, 1)), 'queued 0–5, connect 5–45, tls 45–85, waiting 85–130, receiving 130–150')
  })

  test('as of an earlier time, the last one runs up to there; before it was queued there is nothing', () => {
    const { waterfall } = read(events)
    assert.equal(told(waterfall, waterfall.row(0, 1), 60), 'queued 0–5, connect 5–45, tls 45–60')
    assert.equal(told(waterfall, waterfall.row(0, 1), 0), '')
  })

  test('what is known of it stands in its row', () => {
    const { waterfall } = read(events)
    const row = waterfall.row(0, 1)
    assert.ok(row !== undefined, 'no row')
    const { url, kind, priority, initiator, status, bytes, outcome, protocol, connection, stream } = row
    assert.deepEqual(
      { url, kind, priority, initiator, status, bytes, outcome, protocol, connection, stream },
      {
        url: 'https://bob/1',
        kind: 'document',
        priority: 'highest',
        initiator: 0,
        status: 200,
        bytes: 1000,
        outcome: 'complete',
        protocol: 'h2',
        connection: CONNECTION,
        stream: 1,
      },
    )
    assert.equal(waterfall.rowOfStream(0, CONNECTION, 1), row)
    assert.equal(waterfall.rowOfStream(0, CONNECTION, NO_STREAM), undefined)
  })

  test('a span tells the events that began and ended its phase, so that their packets can be found', () => {
    const { waterfall, trace } = read(events)
    const row = waterfall.row(0, 1)
    assert.ok(row !== undefined, 'no row')
    const [, connect] = waterfall.spans(row, NEVER)
    assert.deepEqual([trace.eventById(connect.begunBy)?.time, trace.eventById(connect.endedBy)?.time], [5, 45])
  })

  test('a phase may come again: sent anew on another connection', () => {
    const { waterfall } = read([
      queued(0, 1),
      phase(1, 1, 'sending', { connection: 'a' }),
      phase(1, 1, 'waiting', { connection: 'a' }),
      phase(9, 1, 'queued'),
      phase(12, 1, 'sending', { connection: 'b' }),
      phase(12, 1, 'waiting', { connection: 'b' }),
    ])
    const row = waterfall.row(0, 1)
    assert.equal(told(waterfall, row, 20), 'queued 0–1, waiting 1–9, queued 9–12, waiting 12–20')
    assert.equal(row?.connection, 'b')
  })

  test('the same phase on one connection after the other is one', () => {
    const { waterfall } = read([
      queued(0, 1),
      phase(2, 1, 'tls', { connection: 'a' }),
      phase(5, 1, 'tls', { connection: 'b' }),
      phase(9, 1, 'sending'),
    ])
    assert.equal(told(waterfall, waterfall.row(0, 1), 9), 'queued 0–2, tls 2–9')
  })

  test('add up to its time exactly, whatever was held back meanwhile, at every time', () => {
    const phases = ['dns', 'connect', 'tls', 'sending', 'waiting', 'receiving', 'queued'] as const
    fc.assert(
      fc.property(
        fc.array(fc.record({ wait: fc.nat(50), phase: fc.constantFrom(...phases) }), { maxLength: 12 }),
        fc.array(fc.record({ wait: fc.nat(30), hole: fc.integer({ min: 1, max: 20 }), hold: fc.nat(40) }), { maxLength: 6 }),
        fc.nat(600),
        (steps, holes, until) => {
          const events: MadeEvent[] = [queued(7, 1)]
          let time = 7
          for (const step of steps) {
            time += step.wait
            events.push(phase(time, 1, step.phase, { connection: CONNECTION, stream: 3 }))
          }
          events.push(ended(time + 5, 1))
          let [at, next] = [0, 0]
          for (const { wait, hole, hold } of holes) {
            at += wait
            events.push(early(at, next + hole, 10, next))
            at += hold
            events.push(delivered(at, next, hole + 10))
            next += hole + 10
          }
          events.push(sent(1, 0, 5), sent(3, 5, next + 5))
          const { waterfall } = read(events.toSorted((a, b) => (a.time ?? 0) - (b.time ?? 0)))
          const row = waterfall.row(0, 1)
          assert.ok(row !== undefined, 'no row')
          for (const end of [until, NEVER]) {
            const spans = waterfall.spans(row, end)
            const sum = spans.reduce((total, span) => total + span.to - span.from, 0)
            assert.equal(sum, Math.max(0, Math.min(row.ended, end) - row.queued))
            let last: number = row.queued
            for (const { from, to } of spans) {
              assert.equal(from, last)
              assert.ok(to > from, 'an empty span')
              last = to
            }
          }
        },
      ),
      { seed: 4, numRuns: 500 },
    )
  })
})

describe('what was held back', () => {
  const loading = (id: number, stream?: number): MadeEvent[] => [
    queued(0, id),
    phase(0, id, 'sending', { connection: CONNECTION, ...(stream !== undefined && { stream }) }),
    phase(0, id, 'waiting', { connection: CONNECTION, ...(stream !== undefined && { stream }) }),
  ]

  test('is taken out of waiting and receiving: blocked by loss elsewhere, or repairing its own', () => {
    const { waterfall } = read([
      sent(1, 0, 100),
      sent(3, 100, 200),
      sent(1, 200, 300),
      ...loading(1, 1),
      ...loading(2, 3),
      early(20, 100, 100, 0),
      early(25, 200, 100, 0),
      delivered(60, 0, 300),
      phase(60, 2, 'receiving', { connection: CONNECTION, stream: 3 }),
      ended(61, 2),
      ended(61, 1),
    ])
    assert.equal(told(waterfall, waterfall.row(0, 2)), 'waiting 0–20, blocked 20–60, receiving 60–61')
    assert.equal(told(waterfall, waterfall.row(0, 1)), 'waiting 0–25, repairing 25–60, waiting 60–61')
    const row = waterfall.row(0, 2)
    assert.deepEqual(row && waterfall.spans(row, NEVER)[1].stall?.missing, [
      { from: 0, to: 100, seq: 0, since: 0, streams: [1], until: 60 },
    ])
  })

  test('with HTTP/1 on one connection, belongs to the response that is being read', () => {
    const { waterfall } = read([
      ...loading(1),
      ...loading(2),
      early(20, 100, 100, 0),
      delivered(60, 0, 200),
      ended(60, 1),
      early(70, 300, 100, 200),
      delivered(90, 200, 200),
      ended(95, 2),
    ])
    assert.equal(told(waterfall, waterfall.row(0, 1)), 'waiting 0–20, repairing 20–60')
    assert.equal(told(waterfall, waterfall.row(0, 2)), 'waiting 0–70, repairing 70–90, waiting 90–95')
  })

  test('is nobody’s on another browser’s connection of the same name', () => {
    const { waterfall } = read([sent(3, 0, 200), ...loading(2, 3), { ...early(20, 100, 100, 0), host: 1 }])
    assert.equal(told(waterfall, waterfall.row(0, 2), 30), 'waiting 0–30')
  })
})

describe('pages', () => {
  test('resources belong to the page that their browser was loading; two browsers are two', () => {
    const { waterfall } = read([
      { name: 'page:started', time: 0, host: 0, data: { url: 'https://bob/' } },
      queued(0, 1),
      { name: 'page:started', time: 1, host: 1, data: { url: 'https://bob/' } },
      queued(1, 1, {}, 1),
      queued(2, 2),
      { name: 'page:first-rendered', time: 5, host: 0, data: {} },
      { name: 'page:parsed', time: 6, host: 0, data: {} },
      { name: 'page:loaded', time: 7, host: 0, data: {} },
      { name: 'page:started', time: 8, host: 0, data: { url: 'https://bob/next' } },
      queued(8, 3),
    ])
    assert.deepEqual(
      waterfall.pages.map(({ host, url, rows }) => [host, url, rows.map(({ id }) => id)]),
      [
        [0, 'https://bob/', [1, 2]],
        [1, 'https://bob/', [1]],
        [0, 'https://bob/next', [3]],
      ],
    )
    assert.deepEqual(
      waterfall.pages[0].milestones.map(({ kind, time }) => [kind, time]),
      [
        ['first-rendered', 5],
        ['parsed', 6],
        ['loaded', 7],
      ],
    )
  })

  test('a browser that is switched off fetches nothing more; the one after it begins at 1 again', () => {
    const { waterfall } = read([
      queued(0, 1),
      { name: 'run:host-killed', time: 9, host: -1, data: { host: 'alice' } },
      queued(20, 1),
      ended(30, 1),
    ])
    assert.deepEqual(
      waterfall.rows.map((row) => [row.outcome, told(waterfall, row)]),
      [
        ['cancelled', 'queued 0–9'],
        ['complete', 'queued 20–30'],
      ],
    )
  })

  test('a growing trace gives what the whole one gives; one that let its oldest go, what is left', () => {
    const events = [queued(0, 1), phase(3, 1, 'waiting'), ended(9, 1), queued(10, 2)]
    const whole = madeTrace(HOSTS, events)
    const growing: EventRecord[] = []
    const trace: TraceView = { ...whole, events: growing }
    const waterfall = new Waterfall()
    for (const event of whole.events) {
      growing.push(event)
      waterfall.update(trace)
    }
    assert.deepEqual(
      waterfall.rows.map((row) => told(waterfall, row, 12)),
      ['queued 0–3, waiting 3–9', 'queued 10–12'],
    )
    growing.splice(0, 3)
    waterfall.update(trace)
    assert.deepEqual(
      waterfall.rows.map(({ id }) => id),
      [2],
    )
  })
})
