import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EVERYTHING, EventRows } from '../../components/packet-events/event-rows.ts'
import { TraceMarks } from '../../components/trace-marks.ts'
import { MS, longTrace, scriptedTrace } from '../pages/scripted-run.ts'

function times(rows: EventRows): number[] {
  return Array.from({ length: rows.length }, (_, index) => rows.time(index))
}

describe('rows of the event list', () => {
  it('come in the order of time, an event before the frame that it caused', () => {
    const trace = scriptedTrace()
    trace.horizon = 200 * MS
    const rows = new EventRows()
    rows.update(trace)
    assert.equal(rows.length, trace.frameCount + trace.events.length)
    assert.deepEqual(
      times(rows),
      times(rows).toSorted((a, b) => a - b),
    )
    assert.deepEqual([rows.row(0), rows.row(1)], [-1, 1])
  })

  it('are the same whether the trace came at once or bit by bit', () => {
    const whole = new EventRows()
    const piecemeal = new EventRows()
    const trace = scriptedTrace()
    for (let time = 0; time <= 200; time += 3) {
      trace.horizon = time * MS
      piecemeal.update(trace)
    }
    trace.horizon = 200 * MS
    piecemeal.update(trace)
    whole.update(trace)
    const list = (rows: EventRows): number[] => Array.from({ length: rows.length }, (_, index) => rows.row(index))
    assert.deepEqual(list(piecemeal), list(whole))
  })

  it('up to a time end with the last row at that time', () => {
    const trace = scriptedTrace()
    trace.horizon = 200 * MS
    const rows = new EventRows()
    rows.update(trace)
    assert.equal(rows.countUntil(-1), 0)
    assert.equal(rows.countUntil(0), 2)
    assert.equal(rows.countUntil(20 * MS - 1), 2)
    assert.equal(rows.countUntil(20 * MS), 3)
  })

  it('pass a filter by what they are and by what they say', () => {
    const trace = scriptedTrace()
    trace.horizon = 200 * MS
    const rows = new EventRows()
    rows.update(trace)
    const found = (part: Partial<typeof EVERYTHING>): number[] =>
      rows.filter(trace, { ...EVERYTHING, ...part }).map((index) => rows.row(index))
    assert.deepEqual(found({ show: 'lost' }), [6])
    assert.deepEqual(found({ show: 'again' }), [12])
    assert.deepEqual(found({ show: 'events' }), [-1, -2, -3])
    assert.deepEqual(found({ text: 'syn bob' }), [1, 2])
    assert.deepEqual(found({ text: 'random LOSS' }), [6])
    assert.deepEqual(found({ text: 'page loaded' }), [-3])
    assert.equal(found({ connection: 1 }).length, 12)
    assert.equal(found({ show: 'events', host: 0 }).length, 2)
    assert.deepEqual(found({ text: 'nothing says this' }), [])
  })

  it('go when the trace lets go of the oldest records', () => {
    const trace = longTrace(100)
    trace.horizon = 1000 * MS
    const rows = new EventRows()
    assert.equal(rows.update(trace), true)
    trace.allEvents.splice(0, 10)
    trace.firstKept = 6
    assert.equal(rows.update(trace), false, 'the indices are others now')
    assert.equal(rows.length, 100 - 10 - 5)
    assert.deepEqual([rows.row(0), rows.row(1)], [6, 7])
    assert.deepEqual(
      times(rows),
      times(rows).toSorted((a, b) => a - b),
    )
    assert.equal(rows.update(trace), true)
  })

  it('find their place when a record comes late', () => {
    const trace = scriptedTrace()
    trace.horizon = 60 * MS
    const rows = new EventRows()
    rows.update(trace)
    trace.allEvents.push({ ...trace.allEvents[0], id: 999, time: 20 * MS })
    assert.equal(rows.update(trace), false)
    assert.deepEqual(times(rows), [0, 0, 20 * MS, 20 * MS, 40 * MS, 60 * MS])
  })

  it('of a long trace alternate as its records do', () => {
    const trace = longTrace(2000)
    trace.horizon = 1000 * MS
    const rows = new EventRows()
    rows.update(trace)
    assert.equal(rows.length, 2000)
    assert.equal(rows.row(0), 1)
    assert.equal(rows.row(1), -1)
  })
})

describe('marks of a trace', () => {
  it('appear when the fate is known, once', () => {
    const trace = scriptedTrace()
    const marks = new TraceMarks()
    for (let time = 0; time <= 200; time++) {
      trace.horizon = time * MS
      marks.update(trace)
      assert.equal(marks.losses.length, time < 74 ? 0 : 1, `at ${String(time)} ms`)
      assert.equal(marks.retransmissions.length, time < 110 ? 0 : 1, `at ${String(time)} ms`)
    }
    assert.deepEqual(marks.losses, [{ kind: 'loss', time: 74 * MS, frame: 6 }])
  })

  it('begin anew when cleared', () => {
    const trace = scriptedTrace()
    trace.horizon = 200 * MS
    const marks = new TraceMarks()
    marks.update(trace)
    marks.clear()
    assert.equal(marks.losses.length, 0)
    marks.update(trace)
    assert.equal(marks.losses.length, 1)
  })
})
