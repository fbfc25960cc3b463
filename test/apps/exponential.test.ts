import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exponential } from '../../src/apps/exponential.ts'
import { randomStream } from '../../src/kernel/random.ts'

test('exponential numbers: mean, variance and tails are those of the distribution', () => {
  for (const seed of [1, 2, 3]) {
    const random = randomStream(seed, 'exponential')
    const drawn = Array.from({ length: 200_000 }, () => exponential(random))
    const mean = drawn.reduce((sum, x) => sum + x, 0) / drawn.length
    const square = drawn.reduce((sum, x) => sum + x * x, 0) / drawn.length
    assert.ok(Math.abs(mean - 1) < 0.01, `mean ${String(mean)}`)
    assert.ok(Math.abs(square - 2) < 0.05, `mean of squares ${String(square)}`)
    for (const time of [0.1, 0.5, 1, 1.5, 2, 3, 5]) {
      const tail = drawn.filter((x) => x > time).length / drawn.length
      const expected = Math.exp(-time)
      // Four standard errors.
      assert.ok(Math.abs(tail - expected) < 4 * Math.sqrt(expected / drawn.length), `beyond ${String(time)}: ${String(tail)}`)
    }
  }
})

test('exponential numbers: each seed gives its own, the same again', () => {
  const some = (seed: number) => {
    const random = randomStream(seed, 'exponential')
    return Array.from({ length: 20 }, () => exponential(random))
  }
  assert.deepEqual(some(1), some(1))
  assert.notDeepEqual(some(1), some(2))
})
