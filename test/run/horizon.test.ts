import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NEVER } from '../../src/kernel/time.ts'
import { runInline } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { PAGE, resolved, ROUTE } from './networks.ts'
import { BURST, BUSY, Session } from './session.ts'

const MS = 1_000_000

describe('the end', () => {
  test('is when nothing can happen any more, and all that was under way has come to its end', () => {
    const session = new Session()
    assert.equal(session.director.over, false)
    session.to(105 * MS)
    assert.equal(session.director.over, false)
    session.to(9 * 1e9)
    assert.equal(session.director.over, true)
    const answers = session.director.store.all('ping:replied')
    assert.equal(session.director.lasted, Math.max(...session.director.store.events.map(({ time }) => time), answers[9].time))
    // One can still do something to it, and then it goes on.
    session.do({ restart: 'alice' })
    assert.equal(session.director.over, false)
    session.end()
    assert.equal(session.answered().length, 20)
    assert.equal(session.director.over, true)
    assert.equal(session.director.lasted > 9 * 1e9, true)
  })

  test('does not come before a lost frame has died', () => {
    const scenario = resolveScenario({
      id: 'lost',
      title: 'Lost',
      duration: '5 s',
      hosts: { alice: { app: 'stream-sender', to: 'bob', count: 1 }, bob: {} },
      links: [{ between: ['alice', 'bob'], delay: '100 ms', lossList: [1] }],
    })
    const session = new Session(scenario).to(10 * MS)
    const [lost] = session.frames()
    assert.equal(lost.fate, 'in-flight')
    assert.equal(session.director.over, false)
    session.end()
    assert.deepEqual([lost.fate, lost.fateAt], ['listed-loss', 50 * MS])
  })

  test('of a run that is cut short is where it was cut', () => {
    const { director, finished } = runInline(BURST, { until: BUSY })
    assert.deepEqual([director.horizon, director.lasted, director.over, finished], [BUSY, BUSY, false, true])
    let looks = 0
    const stopped = runInline(BURST, { goOn: () => ++looks < 3 })
    assert.equal(stopped.finished, false)
    assert.equal(stopped.director.horizon < BURST.duration, true)
    assert.equal(stopped.director.lasted, stopped.director.horizon)
  })

  test('what a person did last counts', () => {
    const session = new Session()
      .to(9 * 1e9)
      .do({ cut: 'alice-bob' })
      .end()
    assert.equal(session.director.lasted, 9 * 1e9)
  })
})

describe('at any horizon', () => {
  test('the trace says nothing of what lies beyond, and takes nothing back later', () => {
    for (const source of [PAGE, ROUTE]) {
      const scenario = resolved(source)
      const whole = runInline(scenario).trace
      const session = new Session(scenario)
      for (let time = 1; time < 2000 * MS; time += 17_654_321) {
        session.to(time)
        for (const frame of session.frames()) {
          const later = whole.frame(frame.number)
          assert.ok(later !== undefined, 'it is there')
          assert.deepEqual([frame.id, frame.enqueued, frame.length], [later.id, later.enqueued, later.length])
          if (later.fateAt < time) assert.deepEqual([frame.fate, frame.fateAt], [later.fate, later.fateAt])
          else if (later.sent < time) assert.deepEqual([frame.fate, frame.fateAt], ['in-flight', NEVER])
          else assert.deepEqual([frame.fate, frame.sent, frame.arrives], ['queued', NEVER, NEVER])
        }
        const count = session.director.store.events.length
        assert.deepEqual(session.director.store.events, whole.events.slice(0, count))
        assert.equal(count === whole.events.length || whole.events[count].time >= time, true)
      }
    }
  })
})
