import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FrameIndex, Row, Rows } from '../../components/packet-stage/frame-index.ts'
import { NEVER, type FrameRecord, type TraceView } from '../../src/trace/record.ts'
import { SyntheticTrace, syntheticScenario } from '../pages/synthetic-run.ts'

const MS = 1_000_000
const noLineTime = (): number => 0

function pairOfHosts(): SyntheticTrace {
  const scenario = syntheticScenario(
    [
      { name: 'alice', x: 0, y: 0 },
      { name: 'bob', x: 1, y: 0 },
    ],
    [{ between: ['alice', 'bob'] }],
  )
  return new SyntheticTrace(scenario)
}

function numbersAt(index: FrameIndex, time: number, linger = 0): number[] {
  const rows = new Rows()
  index.collect(time, linger, rows)
  return [...rows.rows.subarray(0, rows.count)].map((row) => row + 1)
}

/** A view of records that a test changes under the index's feet. */
function viewOf(records: (FrameRecord | undefined)[], firstKept = 1): TraceView {
  return {
    hosts: ['alice', 'bob'],
    frameCount: records.length,
    firstKept,
    thinnedBytes: 0,
    connections: [''],
    events: [],
    frame: (number: number) => (number < firstKept ? undefined : records[number - 1]),
    frameById: () => undefined,
    eventById: () => undefined,
    frames: () => [].values(),
    first: () => undefined,
    all: () => [],
  }
}

function record(number: number, changes: Partial<FrameRecord>): FrameRecord {
  return {
    number,
    id: number,
    link: 0,
    direction: 0,
    from: 0,
    to: 1,
    enqueued: 0,
    sent: 0,
    arrives: 20 * MS,
    fate: 'arrived',
    fateAt: 20 * MS,
    length: 100,
    corrupted: false,
    duplicate: false,
    mark: 0,
    kind: 'tcp-data',
    connection: 1,
    seq: 0,
    payload: 0,
    cause: 0,
    ...changes,
  }
}

void describe('the index of frames by time', () => {
  void it('shows a frame from when it is queued until it arrives', () => {
    const trace = pairOfHosts()
    const arrives = trace.send(5 * MS, 0, 0, 'tcp-syn', 60, 1)
    trace.horizon = 1000 * MS
    const index = new FrameIndex()
    index.update(trace, trace.horizon, noLineTime)
    assert.deepEqual(numbersAt(index, 5 * MS - 1), [])
    assert.deepEqual(numbersAt(index, 5 * MS), [1])
    assert.deepEqual(numbersAt(index, arrives), [1])
    assert.deepEqual(numbersAt(index, arrives + 1), [])
  })

  void it('keeps the trace of a loss, and not that of an arrival', () => {
    const trace = pairOfHosts()
    trace.send(0, 0, 0, 'tcp-data', 100, 1, { fate: 'random-loss' })
    const arrives = trace.send(0, 0, 1, 'tcp-data', 100, 1)
    trace.horizon = 1000 * MS
    const index = new FrameIndex()
    index.update(trace, trace.horizon, noLineTime)
    const died = trace.frame(1)?.fateAt ?? 0
    assert.deepEqual(numbersAt(index, died + 2 * MS, 3 * MS), [1, 2])
    assert.deepEqual(numbersAt(index, died + 4 * MS, 3 * MS), [2])
    assert.deepEqual(numbersAt(index, arrives + 1, 3 * MS), [])
  })

  void it('reads a record again while its fate is open', () => {
    const waiting = record(1, { sent: NEVER, arrives: NEVER, fate: 'queued', fateAt: NEVER })
    const index = new FrameIndex()
    index.update(viewOf([waiting]), 0, noLineTime)
    assert.deepEqual(numbersAt(index, 500 * MS), [1])
    index.update(viewOf([record(1, { sent: 5 * MS, arrives: 25 * MS, fate: 'in-flight', fateAt: NEVER })]), 10 * MS, noLineTime)
    const row = new Row()
    index.load(0, row)
    assert.equal(row.sent, 5 * MS)
    index.update(
      viewOf([record(1, { sent: 5 * MS, arrives: 25 * MS, fate: 'dropped-by-hand', fateAt: 12 * MS })]),
      12 * MS,
      noLineTime,
    )
    assert.deepEqual(numbersAt(index, 11 * MS), [1])
    assert.deepEqual(numbersAt(index, 13 * MS), [])
  })

  void it('believes a fate that lies in the future only until it is past', () => {
    const index = new FrameIndex()
    index.update(viewOf([record(1, { fate: 'random-loss', fateAt: 10 * MS })]), 2 * MS, noLineTime)
    index.update(viewOf([record(1, { fate: 'link-down', fateAt: 4 * MS })]), 5 * MS, noLineTime)
    const row = new Row()
    index.load(0, row)
    assert.equal(row.gone, 4 * MS)
  })

  void it('lets go of records that the trace has thinned away', () => {
    const records = Array.from({ length: 2000 }, (_, i) => record(i + 1, {}))
    const index = new FrameIndex()
    index.update(viewOf(records), 100 * MS, noLineTime)
    assert.equal(numbersAt(index, 10 * MS).length, 2000)
    index.update(viewOf(records, 1201), 100 * MS, noLineTime)
    const kept = numbersAt(index, 10 * MS)
    assert.equal(kept.length, 800)
    assert.equal(kept[0], 1201)
    const row = new Row()
    index.load(1200, row)
    assert.equal(row.number, 1201)
  })

  void it('starts in the middle of a trace that was thinned before', () => {
    const records = Array.from({ length: 3000 }, (_, i) => record(i + 1, {}))
    const index = new FrameIndex()
    index.update(viewOf(records, 2500), 100 * MS, noLineTime)
    assert.equal(numbersAt(index, 10 * MS).length, 501)
  })

  void it('begins anew when the trace does', () => {
    const index = new FrameIndex()
    index.update(viewOf([record(1, {}), record(2, {})]), 100 * MS, noLineTime)
    index.update(
      viewOf([record(1, { enqueued: 50 * MS, sent: 50 * MS, arrives: 70 * MS, fateAt: 70 * MS })]),
      100 * MS,
      noLineTime,
    )
    assert.deepEqual(numbersAt(index, 10 * MS), [])
    assert.deepEqual(numbersAt(index, 60 * MS), [1])
  })

  void it('remembers the SYNs of both sides, and neither copies nor retransmissions of them', () => {
    const index = new FrameIndex()
    const syn = { kind: 'tcp-syn' as const, connection: 3 }
    index.update(
      viewOf([record(1, syn), record(2, { ...syn, mark: 1 }), record(3, { ...syn, duplicate: true }), record(4, syn)]),
      0,
      noLineTime,
    )
    assert.deepEqual(index.openings.get(3), [1, 4])
  })

  void it('finds what a look at every frame finds, at any time and in any order of questions', () => {
    const span = fc.record({
      enqueued: fc.integer({ min: 0, max: 10_000 }),
      wait: fc.integer({ min: 0, max: 500 }),
      flight: fc.integer({ min: 1, max: 3000 }),
      lost: fc.boolean(),
    })
    fc.assert(
      fc.property(
        fc.array(span, { maxLength: 1500 }),
        fc.array(fc.integer({ min: 0, max: 15_000 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 0, max: 800 }),
        (spans, times, linger) => {
          const records = spans
            .sort((a, b) => a.enqueued - b.enqueued)
            .map(({ enqueued, wait, flight, lost }, i) => {
              const sent = enqueued + wait
              const fateAt = lost ? sent + Math.floor(flight / 2) : sent + flight
              return record(i + 1, { enqueued, sent, arrives: sent + flight, fate: lost ? 'random-loss' : 'arrived', fateAt })
            })
          const index = new FrameIndex()
          index.update(viewOf(records), 1e9, noLineTime)
          for (const time of times) {
            const expected = records
              .filter(({ enqueued, fateAt, fate }) => enqueued <= time && fateAt + (fate === 'random-loss' ? linger : 0) >= time)
              .map(({ number }) => number)
            assert.deepEqual(numbersAt(index, time, linger), expected)
          }
        },
      ),
      { seed: 11, numRuns: 60 },
    )
  })
})
