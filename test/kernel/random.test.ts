import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { randomStream } from '../../src/kernel/random.ts'

const SEEDS = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })

function words(seed: number, label: string, count: number): number[] {
  const stream = randomStream(seed, label)
  return Array.from({ length: count }, () => stream.uint32())
}

/** xoshiro128** again, after the authors' C and in whole numbers of any size. */
function* reference([a, b, c, d]: bigint[]): Generator<bigint> {
  const mask = 0xffff_ffffn
  const rotate = (x: bigint, by: bigint): bigint => ((x << by) | (x >> (32n - by))) & mask
  for (;;) {
    yield (rotate((b * 5n) & mask, 7n) * 9n) & mask
    const t = (b << 9n) & mask
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = rotate(d, 11n)
  }
}

test('a seed and a label give these numbers, on every machine and for ever', () => {
  assert.deepEqual(words(7, 'link/0/0/loss', 4), [3491581373, 435557329, 1404434278, 1209351115])
})

test('the generator is xoshiro128**', () => {
  const stream = randomStream(7, 'link/0/0/loss') as unknown as Record<'a' | 'b' | 'c' | 'd', number> & { uint32(): number }
  const state = [stream.a, stream.b, stream.c, stream.d].map((word) => BigInt(word >>> 0))
  const expected = reference(state)
  for (let i = 0; i < 1000; i++) assert.equal(BigInt(stream.uint32()), expected.next().value)
})

test('the same seed and label give the same stream; another of either gives another one', () => {
  fc.assert(
    fc.property(SEEDS, SEEDS, fc.string(), fc.string(), (seed, otherSeed, label, otherLabel) => {
      assert.deepEqual(words(seed, label, 8), words(seed, label, 8))
      if (otherSeed !== seed) assert.notDeepEqual(words(seed, label, 4), words(otherSeed, label, 4))
      if (otherLabel !== label) assert.notDeepEqual(words(seed, label, 4), words(seed, otherLabel, 4))
    }),
    { seed: 1, numRuns: 500 },
  )
})

test('neighbouring seeds, and seeds that differ above 32 bits only, have nothing to do with each other', () => {
  for (const [one, other] of [
    [1, 2],
    [0, 2 ** 32],
    [5, 5 + 2 ** 52],
  ]) {
    const [a, b] = [words(one, 'loss', 2000), words(other, 'loss', 2000)]
    let sameBits = 0
    for (let i = 0; i < a.length; i++) for (let bit = 0; bit < 32; bit++) if (((a[i] ^ b[i]) & (1 << bit)) === 0) sameBits++
    // Half of 64,000 coins, within 5 standard deviations.
    assert.ok(Math.abs(sameBits - 32_000) < 5 * 127, `${sameBits} of 64,000 bits agree`)
  }
})

test('numbers are spread evenly: next in [0, 1), below in [0, bound)', () => {
  const stream = randomStream(3, 'even')
  const counts = new Array<number>(16).fill(0)
  for (let i = 0; i < 64_000; i++) {
    const x = stream.next()
    assert.equal(x >= 0 && x < 1, true)
    counts[Math.floor(x * 16)]++
  }
  const chiSquared = counts.reduce((sum, count) => sum + (count - 4000) ** 2 / 4000, 0)
  // 15 degrees of freedom: 37.7 is passed once in a thousand streams.
  assert.ok(chiSquared < 37.7, `chi-squared ${chiSquared}`)
  const seen = new Set<number>()
  for (let i = 0; i < 1000; i++) seen.add(stream.below(10))
  assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  for (let i = 0; i < 100; i++) assert.equal(stream.below(1), 0)
  for (let i = 0; i < 100; i++) assert.equal(stream.below(2 ** 32) < 2 ** 32, true)
})

test('a share of p happens in a share of p of the cases', () => {
  for (const p of [0.001, 0.02, 0.5, 0.99]) {
    const stream = randomStream(11, `share/${p}`)
    let hits = 0
    for (let i = 0; i < 100_000; i++) if (stream.next() < p) hits++
    const deviation = Math.sqrt(100_000 * p * (1 - p))
    assert.ok(Math.abs(hits - 100_000 * p) < 5 * deviation, `${hits} of 100,000 at ${p}`)
  }
})
