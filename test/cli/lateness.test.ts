import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LATE, Lateness } from '../../src/cli/lateness.ts'

const MS = 1_000_000

function watch(): { lateness: Lateness; said: { late: { milliseconds: number; at: number; lateFrames: number } }[] } {
  const said: { late: { milliseconds: number; at: number; lateFrames: number } }[] = []
  return { said, lateness: new Lateness((line) => said.push(JSON.parse(line) as (typeof said)[number])) }
}

test('up to the threshold nothing is said, beyond it the first one is', () => {
  const { lateness, said } = watch()
  lateness.delivered(LATE, 1000 * MS)
  lateness.behind(LATE, 1000 * MS)
  assert.deepEqual(said, [])
  lateness.delivered(LATE + MS, 1100 * MS)
  assert.deepEqual(said, [{ late: { milliseconds: 21, at: 1.1, lateFrames: 1 } }])
})

test('it is said once a second at most, with the number of frames so far', () => {
  const { lateness, said } = watch()
  for (let i = 0; i < 30; i++) lateness.delivered(50 * MS, i * 100 * MS)
  assert.deepEqual(
    said.map(({ late }) => [late.at, late.lateFrames]),
    [
      [0, 1],
      [1, 11],
      [2, 21],
    ],
  )
})

test('being behind counts without a frame, too', () => {
  const { lateness, said } = watch()
  lateness.behind(70 * MS, 5000 * MS)
  assert.equal(said.length, 1)
  assert.deepEqual(lateness.report, { p50: 0, p99: 0, max: 0, behind: 70, lateFrames: 0 })
})

test('the report: median, 99th percentile and most, in milliseconds', () => {
  const { lateness } = watch()
  for (let i = 100; i >= 0; i--) lateness.delivered(i * 100_000, 0)
  assert.deepEqual(lateness.report, { p50: 5, p99: 9.9, max: 10, behind: 0, lateFrames: 0 })
})

test('percentiles are of the latest frames, the most is of all', () => {
  const { lateness } = watch()
  lateness.delivered(19 * MS, 0)
  for (let i = 0; i < 70_000; i++) lateness.delivered(MS, 0)
  assert.deepEqual([lateness.report.p99, lateness.report.max], [1, 19])
})
