import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { reconnectWait, type ReconnectOptions } from '../../../src/apps/live/client-reconnection.ts'
import { randomStream } from '../../../src/kernel/random.ts'
import { RECONNECT_JITTERS, RECONNECT_POLICIES } from '../../../src/scenario/reconnect-policy.ts'

const MS = 1_000_000

function options(more: Partial<ReconnectOptions>): ReconnectOptions {
  return { policy: 'exponential', jitter: 'none', base: 100 * MS, cap: 3000 * MS, attempts: 0, honour: true, ...more }
}

/** Waits of many clients at one attempt, sorted. */
function waits(settings: ReconnectOptions, attempt: number, previous = 0, count = 4000): number[] {
  return Array.from({ length: count }, (_, seed) => reconnectWait(settings, attempt, previous, randomStream(seed, 'waits'))).sort(
    (a, b) => a - b,
  )
}

/**
 * Kolmogorov and Smirnov: how far the share of values below x is from that of a uniform distribution, at most. Beyond 1.95 / √n chance does
 * so once in a thousand times.
 */
function assertUniform(sorted: readonly number[], from: number, to: number, what: string): void {
  assert.ok(sorted[0] >= from && sorted[sorted.length - 1] <= to, `${what}: in [${String(from)}, ${String(to)}]`)
  let distance = 0
  sorted.forEach((value, i) => {
    const share = (value - from) / (to - from)
    distance = Math.max(distance, Math.abs(share - i / sorted.length), Math.abs(share - (i + 1) / sorted.length))
  })
  assert.ok(distance < 1.95 / Math.sqrt(sorted.length), `${what}: ${String(distance)} away from uniform`)
}

/** min(cap, base · 2^n) */
function exponential({ base, cap }: ReconnectOptions, attempt: number): number {
  return Math.min(cap, base * 2 ** attempt)
}

describe('how long a client waits', () => {
  test('at once: not at all, whatever the jitter', () => {
    for (const jitter of RECONNECT_JITTERS)
      assert.deepEqual(new Set(waits(options({ policy: 'at-once', jitter }), 5)), new Set([0]))
  })

  test('without jitter: the base, or the base doubled each time up to the cap', () => {
    const plain = (policy: 'fixed' | 'exponential') =>
      Array.from({ length: 8 }, (_, attempt) => reconnectWait(options({ policy }), attempt, 0, randomStream(1, 'x')) / MS)
    assert.deepEqual(plain('fixed'), [100, 100, 100, 100, 100, 100, 100, 100])
    assert.deepEqual(plain('exponential'), [100, 200, 400, 800, 1600, 3000, 3000, 3000])
  })

  test('full jitter: uniform in [0, min(cap, base · 2^n)]', () => {
    const settings = options({ jitter: 'full' })
    for (const attempt of [0, 1, 3, 5, 20])
      assertUniform(waits(settings, attempt), 0, exponential(settings, attempt), `attempt ${String(attempt)}`)
  })

  test('equal jitter: uniform in the upper half', () => {
    const settings = options({ jitter: 'equal' })
    for (const attempt of [0, 2, 20]) {
      const most = exponential(settings, attempt)
      assertUniform(waits(settings, attempt), most / 2, most, `attempt ${String(attempt)}`)
    }
  })

  test('decorrelated jitter: uniform in [base, 3 · the wait before], cut off at the cap', () => {
    const settings = options({ jitter: 'decorrelated' })
    assertUniform(waits(settings, 0), 100 * MS, 300 * MS, 'the first')
    assertUniform(waits(settings, 7, 200 * MS), 100 * MS, 600 * MS, 'after 200 ms')
    const capped = waits(settings, 1, 2000 * MS)
    const below = capped.filter((wait) => wait < settings.cap)
    assertUniform(below, 100 * MS, 3000 * MS, 'what is below the cap')
    const share = 1 - below.length / capped.length
    assert.ok(Math.abs(share - (6000 - 3000) / 5900) < 0.03, `${String(share)} are at the cap`)
  })

  test('a fixed wait is jittered around the base, never around its multiples', () => {
    assertUniform(waits(options({ policy: 'fixed', jitter: 'full' }), 9), 0, 100 * MS, 'full')
    assertUniform(waits(options({ policy: 'fixed', jitter: 'equal' }), 9), 50 * MS, 100 * MS, 'equal')
  })

  test('never less than nothing, never more than the cap or a single base, always whole nanoseconds', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...RECONNECT_POLICIES),
        fc.constantFrom(...RECONNECT_JITTERS),
        fc.integer({ min: MS, max: 3600e9 }),
        fc.integer({ min: MS, max: 3600e9 }),
        fc.nat(100),
        fc.integer({ min: 0, max: 3600e9 }),
        fc.nat(),
        (policy, jitter, base, cap, attempt, previous, seed) => {
          const wait = reconnectWait(options({ policy, jitter, base, cap }), attempt, previous, randomStream(seed, 'any'))
          assert.ok(Number.isSafeInteger(wait) && wait >= 0, String(wait))
          assert.ok(wait <= Math.max(cap, policy === 'fixed' ? base : 0), String(wait))
        },
      ),
      { seed: 4, numRuns: 2000 },
    )
  })
})
