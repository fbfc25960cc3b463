import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextMoment, previousMoment } from '../../src/trace/moments.ts'
import { Lab } from '../kernel/lab.ts'

const MS = 1_000_000

/** Times that a reader steps through, from 0 to the horizon. */
function steps(lab: Lab): number[] {
  const times: number[] = []
  for (let time = 0; ;) {
    const next = nextMoment(lab.store, time, lab.now)
    if (next === undefined) return times
    times.push((time = next))
  }
}

test('a reader steps from what happened to what happened next, and back the same way', () => {
  const lab = new Lab([{ rate: 1_000_000, delay: 5 * MS }])
  lab.send(MS, 0, 2, 125)
  lab.do(4 * MS, 1, (environment) => environment.record('a:happened', '', {}))
  lab.run(20 * MS)
  const forth = steps(lab)
  assert.deepEqual(
    forth,
    [1, 2, 4, 7, 8].map((ms) => ms * MS),
  )
  const back: number[] = []
  for (let time = lab.now; time > 0;) back.push((time = previousMoment(lab.store, time)))
  assert.deepEqual(back, [...forth.toReversed(), 0])
})

test('what lies at the horizon or beyond is not stepped to', () => {
  const lab = new Lab([{ delay: 5 * MS }]).send(MS, 0, 1).run(6 * MS)
  assert.deepEqual(steps(lab), [MS])
  lab.run(6 * MS + 1)
  assert.deepEqual(steps(lab), [MS, 6 * MS])
})

test('a lost frame is stepped to where it dies, not to when it would have arrived', () => {
  const lab = new Lab([{ delay: 6 * MS, loss: 1 }]).send(MS, 0, 1).run(100 * MS)
  assert.deepEqual(steps(lab), [MS, 4 * MS])
  assert.equal(previousMoment(lab.store, 100 * MS), 4 * MS)
})

test('in an empty trace there is nowhere to go', () => {
  const { store } = new Lab([{}])
  assert.equal(nextMoment(store, 0, 1e9), undefined)
  assert.equal(previousMoment(store, 5), 0)
})
