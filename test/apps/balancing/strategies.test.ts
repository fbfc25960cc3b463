import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Backend } from '../../../src/apps/balancing/backend.ts'
import { createStrategy } from '../../../src/apps/balancing/strategies.ts'
import type { StrategyOptions } from '../../../src/apps/balancing/strategies.ts'
import { STRATEGIES, type StrategyName } from '../../../src/scenario/balancing-strategy.ts'
import { randomStream } from '../../../src/kernel/random.ts'

const SEEDED = { seed: 7, numRuns: 60 }
const KEYS = 20_000

function pool(weights: readonly number[]): Backend[] {
  return weights.map((weight, i) => new Backend(`server-${i}`, i, weight))
}

function equal(count: number): Backend[] {
  return pool(Array.from({ length: count }, () => 1))
}

function strategyOf(name: StrategyName, more: Partial<StrategyOptions> = {}, seed = 1) {
  return createStrategy(name, { random: randomStream(seed, name), now: () => 0, ...more })
}

/** Picks for so many keys, none of which stays. */
function placed(name: StrategyName, backends: readonly Backend[], keys = KEYS, more: Partial<StrategyOptions> = {}): number[] {
  const strategy = strategyOf(name, more)
  return Array.from({ length: keys }, (_, key) => strategy.pick({ key: `key-${key}`, client: key }, backends)?.index ?? -1)
}

function counts(picks: readonly number[], size: number): number[] {
  const sums = Array.from({ length: size }, () => 0)
  for (const index of picks) sums[index]++
  return sums
}

/** Spread of load: the most over the mean. */
function spread(sums: readonly number[]): number {
  return (Math.max(...sums) * sums.length) / sums.reduce((sum, count) => sum + count, 0)
}

/** So many connections, one after the other, of which all stay. @returns how many each has in the end */
function filled(name: StrategyName, backends: readonly Backend[], connections: number, seed = 1): number[] {
  const strategy = strategyOf(name, {}, seed)
  for (let i = 0; i < connections; i++) {
    const backend = strategy.pick({ key: `key-${i}`, client: i }, backends)
    assert.ok(backend !== undefined, 'somebody is picked')
    backend.active++
  }
  return backends.map(({ active }) => active)
}

/** The share of keys that go elsewhere when the last server of `before + 1` goes. */
function moved(name: StrategyName, before: number): { all: number; needless: number } {
  const more = equal(before + 1)
  const from = placed(name, more)
  const to = placed(name, more.slice(0, before))
  const all = from.filter((index, key) => index !== to[key]).length
  const needless = from.filter((index, key) => index !== to[key] && index !== before).length
  return { all: all / KEYS, needless: needless / KEYS }
}

describe('what all strategies promise', () => {
  test('nobody is picked of nobody', () => {
    for (const name of STRATEGIES) assert.equal(strategyOf(name).pick({ client: 1 }, []), undefined, name)
  })

  test('who was tried in vain is not picked again, and somebody is while anybody is left', () => {
    const subset = fc.uniqueArray(fc.nat(7), { maxLength: 7 })
    fc.assert(
      fc.property(fc.constantFrom(...STRATEGIES), subset, fc.string(), (name, out, key) => {
        const backends = equal(8)
        const tried = out.map((index) => backends[index])
        const picked = strategyOf(name).pick({ key, client: 1, tried }, backends)
        assert.ok(picked !== undefined && !tried.includes(picked), `${name} picks one of those who are left`)
      }),
      SEEDED,
    )
  })

  test('strategies that go by no key pass over who is full; those that do wait for him', () => {
    const byKey: readonly StrategyName[] = ['ip-hash', 'modulo', 'ring', 'maglev']
    for (const name of STRATEGIES) {
      if (name === 'bounded-ring') continue
      const backends = equal(4)
      for (const backend of backends) backend.limit = 5
      const strategy = strategyOf(name)
      const picks = Array.from({ length: 30 }, (_, i) => {
        const backend = strategy.pick({ key: `k${i}`, client: i }, backends)
        if (backend?.hasRoom === true) backend.active++
        return backend
      })
      if (byKey.includes(name)) assert.ok(!picks.includes(undefined), `${name} always knows whose a key is`)
      else {
        assert.deepEqual(
          backends.map(({ active }) => active),
          [5, 5, 5, 5],
          name,
        )
        assert.deepEqual(
          picks.slice(20),
          Array.from({ length: 10 }, () => undefined),
          name,
        )
      }
    }
  })

  test('the same draws give the same picks', () => {
    for (const name of STRATEGIES) assert.deepEqual(placed(name, equal(5), 200), placed(name, equal(5), 200), name)
  })
})

describe('round robin', () => {
  test('of any number of picks, no two servers differ by more than one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(300), (size, picks) => {
        const sums = counts(placed('round-robin', equal(size), picks), size)
        assert.ok(Math.max(...sums) - Math.min(...sums) <= 1, String(sums))
      }),
      SEEDED,
    )
  })

  test('weighted: exactly by weight over each round, and never far from it within one', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 4 }), (given, rounds) => {
        const total = given.reduce((sum, weight) => sum + weight, 0)
        const picks = placed('weighted', pool(given), rounds * total)
        assert.deepEqual(
          counts(picks, given.length),
          given.map((weight) => weight * rounds),
        )
        for (let end = 1; end <= total; end++) {
          const sums = counts(picks.slice(0, end), given.length)
          // Smooth: ahead of its share by less than one pick for each of the others.
          sums.forEach((sum, i) => {
            assert.ok(
              sum - (end * given[i]) / total < given.length,
              `${String(sum)} of ${String(end)} by weights ${String(given)}`,
            )
          })
        }
      }),
      SEEDED,
    )
  })

  test('a server that comes back slowly gets a part of its share that grows', () => {
    let now = 0
    const backends = equal(2)
    backends[1].rampFrom = 0
    backends[1].ramp = 1000
    const strategy = createStrategy('round-robin', { random: randomStream(1, 'x'), now: () => now })
    const share = () => {
      const picks = Array.from({ length: 1000 }, () => strategy.pick({ client: 1 }, backends)?.index ?? -1)
      return counts(picks, 2)[1] / 1000
    }
    const shares = [0, 500, 1000].map((time) => {
      now = time
      return share()
    })
    assert.ok(shares[0] > 0.07 && shares[0] < 0.11, `a tenth of it at first, not ${String(shares[0])}`)
    assert.ok(shares[1] > 0.33 && shares[1] < 0.37, `half of it in the middle, not ${String(shares[1])}`)
    assert.ok(shares[2] === 0.5, `all of it in the end, not ${String(shares[2])}`)
  })
})

describe('by what servers have', () => {
  test('least connections: even by weight, to one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 10 }),
        fc.nat(500),
        (weights, connections) => {
          const sums = filled('least-connections', pool(weights), connections)
          // Nobody has more for his weight than anybody else would have with one more.
          sums.forEach((sum, i) => {
            sums.forEach((other, j) => {
              assert.ok(sum / weights[i] <= (other + 1) / weights[j] + 1e-9, `${String(sums)} by ${String(weights)}`)
            })
          })
        },
      ),
      SEEDED,
    )
  })

  test('least connections: an idle pool is used in turn, not only its first', () => {
    assert.deepEqual(counts(placed('least-connections', equal(4), 400), 4), [100, 100, 100, 100])
  })

  test('two choices: the fullest of 100 servers with 100 connections each is much nearer to the mean than at random', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const random = Math.max(...filled('random', equal(100), 10_000, seed))
      const choices = Math.max(...filled('two-choices', equal(100), 10_000, seed))
      // ln ln n / ln 2 above the mean (Mitzenmacher 2001), against the square root of 2 m ln n / n.
      assert.ok(choices <= 105, `two choices: ${String(choices)}`)
      assert.ok(random >= 115, `random: ${String(random)}`)
    }
  })

  test('least response time: who answers twice as slowly gets half as many', () => {
    const backends = equal(2)
    backends[0].answered(10e6, 0)
    backends[1].answered(20e6, 0)
    const sums = filled('least-response-time', backends, 300)
    assert.ok(Math.abs(sums[0] - 200) <= 2, String(sums))
  })

  test('least response time: who has never answered gets one request at once, and no second one before it has', () => {
    const backends = equal(3)
    for (const backend of backends.slice(0, 2)) backend.answered(5e6, 0)
    assert.deepEqual(filled('least-response-time', backends, 21), [10, 10, 1])
  })

  test('response times: slower counts at once, faster by and by', () => {
    const [backend] = equal(1)
    backend.answered(10e6, 0)
    backend.answered(100e6, 1e6)
    assert.equal(backend.responseTime, 100e6)
    backend.answered(10e6, 2e6)
    assert.ok(
      backend.responseTime > 90e6 && backend.responseTime < 100e6,
      `soon after it still counts: ${String(backend.responseTime)}`,
    )
    backend.answered(10e6, 100e9)
    assert.ok(backend.responseTime < 20e6, `long after it does not: ${String(backend.responseTime)}`)
  })

  test('random: by weight', () => {
    const sums = counts(placed('random', pool([1, 2, 5]), 80_000), 3)
    sums.forEach((sum, i) => {
      assert.ok(Math.abs(sum / 10_000 / [1, 2, 5][i] - 1) < 0.05, String(sums))
    })
  })
})

describe('by a key', () => {
  const BY_KEY = ['modulo', 'ring', 'bounded-ring', 'maglev', 'ip-hash'] as const

  test('the same key comes to the same server, whatever was asked in between', () => {
    for (const name of BY_KEY) {
      const strategy = strategyOf(name)
      const backends = equal(7)
      const first = Array.from({ length: 500 }, (_, i) => strategy.pick({ key: `k${i}`, client: i }, backends))
      const again = Array.from({ length: 500 }, (_, i) =>
        strategy.pick({ key: `k${499 - i}`, client: 499 - i }, backends),
      ).reverse()
      assert.deepEqual(again, first, name)
    }
  })

  test('IP hash goes by the client alone, over IPv4 and IPv6', () => {
    const strategy = strategyOf('ip-hash')
    const backends = equal(5)
    for (const client of [0x0a000001, 0x20010db8_00000000_00000000_00000001n]) {
      const first = strategy.pick({ key: 'a', client }, backends)
      for (const key of ['b', 'c', 'd']) assert.equal(strategy.pick({ key, client }, backends), first)
    }
    const clients = Array.from(
      { length: 5000 },
      (_, i) => strategy.pick({ client: 0xfe80n * 2n ** 112n + BigInt(i) }, backends)?.index ?? -1,
    )
    assert.ok(spread(counts(clients, 5)) < 1.1, 'neighbours are spread')
  })

  test('spread over 10 servers: Maglev within 3 %, modulo within 5 %, the ring with 160 points within a third', () => {
    const of = (name: StrategyName) => spread(counts(placed(name, equal(10)), 10))
    assert.ok(of('maglev') < 1.05, `Maglev ${String(of('maglev'))}`)
    assert.ok(of('modulo') < 1.05, `modulo ${String(of('modulo'))}`)
    assert.ok(of('ring') < 1.33, `ring ${String(of('ring'))}`)
    const few = spread(counts(placed('ring', equal(10), KEYS, { virtualNodes: 1 }), 10))
    assert.ok(few > 1.5, `with one point each a ring is uneven: ${String(few)}`)
  })

  test('ring and Maglev share by weight', () => {
    for (const name of ['ring', 'maglev'] as const) {
      const sums = counts(placed(name, pool([1, 2, 3]), 60_000), 3)
      sums.forEach((sum, i) => {
        assert.ok(Math.abs(sum / (10_000 * (i + 1)) - 1) < 0.25, `${name}: ${String(sums)}`)
      })
    }
  })

  test('when one of n + 1 servers goes, or comes: the ring moves its keys and no other', () => {
    for (const n of [2, 5, 10, 30]) {
      const { all, needless } = moved('ring', n)
      assert.equal(needless, 0, 'no key moves between two that stay')
      assert.ok(all < 1.5 / (n + 1), `${String(all)} of all keys, for one of ${String(n + 1)}`)
    }
  })

  test('Maglev moves little more than these keys, at most 1/n + ε', () => {
    for (const n of [2, 5, 10, 30]) {
      const { all, needless } = moved('maglev', n)
      assert.ok(all < 1 / (n + 1) + 0.05, `${String(all)} of all keys, for one of ${String(n + 1)}`)
      assert.ok(needless < 0.05, `${String(needless)} of all keys that need not`)
    }
  })

  test('modulo moves nearly all, n of n + 1', () => {
    for (const n of [2, 5, 10, 30]) {
      const { all } = moved('modulo', n)
      assert.ok(Math.abs(all - n / (n + 1)) < 0.02, `${String(all)} of all keys, for one of ${String(n + 1)}`)
    }
  })

  test('bounded ring: nobody has more than ceil(c · m / n), whatever the keys', () => {
    const bound = fc.double({ min: 1.05, max: 2, noNaN: true })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 300 }),
        bound,
        fc.boolean(),
        (size, load, c, isHot) => {
          const backends = equal(size)
          const strategy = strategyOf('bounded-ring', { loadBound: c })
          for (let m = 1; m <= load; m++) {
            const backend = strategy.pick({ key: isHot ? 'the same' : `key-${m}`, client: 1 }, backends)
            assert.ok(backend !== undefined, 'there is always room')
            backend.active++
            const most = Math.max(...backends.map(({ active }) => active))
            assert.ok(
              most <= Math.ceil((c * m) / size),
              `${String(most)} of ${String(m)} at one of ${String(size)}, c = ${String(c)}`,
            )
          }
        },
      ),
      SEEDED,
    )
  })

  test('bounded ring: where there is room, a key has the server that it has on the ring', () => {
    const backends = equal(6)
    assert.deepEqual(placed('bounded-ring', backends, 2000), placed('ring', backends, 2000))
  })

  test('the order in which servers are listed has no say on the ring and in Maglev', () => {
    for (const name of ['ring', 'maglev'] as const) {
      const backends = equal(6)
      const names = (list: readonly Backend[]) => {
        const strategy = strategyOf(name)
        return Array.from({ length: 2000 }, (_, key) => strategy.pick({ key: `key-${key}`, client: 1 }, list)?.name)
      }
      assert.deepEqual(names([...backends].reverse()), names(backends), name)
    }
  })
})
