import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { balanced } from '../apps/balanced.ts'
import { app, noFailures, resource, SECOND } from '../apps/site.ts'
import { pair } from '../host/topologies.ts'
import type { World } from '../host/world.ts'
import { exponential } from '../../src/apps/exponential.ts'
import { randomStream } from '../../src/kernel/random.ts'

/*
 * Requests of a Poisson process at servers that take an exponential time for each: what queueing theory says of the time from request to answer
 * (Kleinrock, *Queueing Systems* I, sections 3.2 and 3.5), against what real requests over TCP see. Lines are short against service times.
 */

/** On average, in seconds and in nanoseconds. */
const SERVICE = 0.01
const SERVICE_NANOS = SERVICE * SECOND
const LINE = { delay: 5_000, rate: 0 }

/** A server that takes so long for each. */
const served = app('web-server', { serves: { '/': resource(20) }, service: { mean: SERVICE_NANOS, distribution: 'exponential' } })

/**
 * Two steps, for chance is large: of 60,000 requests at 80 % the mean has a standard error of 3.7 %, the 99th percentile more. First, what real
 * requests see is, for each seed, what the recursion of Lindley (of Kiefer and Wolfowitz for several servers) makes of the same draws. That leaves no
 * room for chance. Then the recursion, which is cheap, is run for so many seeds that their average tells something, and compared with theory.
 *
 * Real requests alone, over 30 seeds each, have these shares of what theory says, ± a standard error: of M/M/1 at 50 % (450,000 requests) the mean
 * 1.002 ± 0.005 and p99 0.987 ± 0.010, at 80 % (1,200,000) 0.998 ± 0.009 and 1.014 ± 0.020, at 90 % (1,500,000) 0.994 ± 0.016 and 1.014 ± 0.035;
 * of M/M/4 at 80 % (450,000) 1.003 ± 0.011 and 1.018 ± 0.028.
 */
const SEEDS = [1, 2, 3]
const LONG_SEEDS = Array.from({ length: 30 }, (_, i) => 1000 + i)
const LONG = 50_000

/** A second. */
const RATE = 1 / SERVICE

/** One request: when it was made, and how long it took, in nanoseconds. */
interface Made {
  readonly id: number
  readonly at: number
  readonly duration: number
}

/** Runs a world in steps, so that nothing but requests is kept. @returns those up to the first that is still under way, and who got each */
function requestsOf(world: World, count: number): { made: Made[]; picked: string[] } {
  const ended: Made[] = []
  const picked: string[] = []
  for (let until = 10; ended.length < count; until += 10) {
    world.run(until * SECOND)
    noFailures(world)
    for (const { name, data, time } of world.events) {
      if (name === 'balancer:picked') picked.push(String(data['backend']))
      if (name !== 'request:ended') continue
      const duration = Number(data['duration'])
      ended.push({ id: Number(data['id']), at: time - duration, duration })
    }
    world.events.length = 0
    world.frames.length = 0
    assert.ok(until < 100_000, 'requests are answered')
  }
  const made = ended.sort((a, b) => a.id - b.id).filter(({ id }, i) => id === i + 1)
  return { made, picked }
}

const SHARES = [0.5, 0.9, 0.95, 0.99]
const NAMES = ['mean', ...SHARES.map((share) => `p${String(share * 100)}`)]

/** The mean and percentiles of durations in nanoseconds, in seconds. The beginning, with all queues empty, is no sample of the long run. */
function measure(durations: readonly number[]): number[] {
  const sorted = Float64Array.from(durations.slice(500)).sort()
  const mean = sorted.reduce((sum, duration) => sum + duration, 0) / sorted.length
  return [mean, ...SHARES.map((share) => sorted[Math.floor(share * sorted.length)])].map((nanos) => nanos / SECOND)
}

/** Erlang's C: how probable it is to wait at c servers under a load of so many Erlangs. */
function erlangC(servers: number, load: number): number {
  let sum = 0
  let term = 1
  for (let k = 0; k < servers; k++) {
    sum += term
    term *= load / (k + 1)
  }
  const last = (term * servers) / (servers - load)
  return last / (sum + last)
}

/** How probable it is in M/M/c that a request takes longer than `time`. */
function tail(servers: number, load: number, time: number): number {
  const wait = erlangC(servers, load)
  const free = servers - load
  const scaled = time * RATE
  if (Math.abs(free - 1) < 1e-9) return Math.exp(-scaled) * (1 + wait * scaled)
  return Math.exp(-scaled) + (wait * (Math.exp(-scaled) - Math.exp(-free * scaled))) / (free - 1)
}

function percentile(servers: number, load: number, share: number): number {
  let [low, high] = [0, 1000 * SERVICE]
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2
    if (tail(servers, load, middle) > 1 - share) low = middle
    else high = middle
  }
  return low
}

function expected(servers: number, load: number): number[] {
  const mean = SERVICE * (1 + erlangC(servers, load) / (servers - load))
  return [mean, ...SHARES.map((share) => percentile(servers, load, share))]
}

/** The recursion, on draws of its own: who comes is served by whoever is free first. */
function recursion(servers: number, load: number, seed: number): number[] {
  const [gaps, services] = ['gaps', 'services'].map((label) => randomStream(seed, label))
  const freeAt = new Float64Array(servers)
  let at = 0
  return measure(
    Array.from({ length: LONG }, () => {
      at += (SERVICE_NANOS / load) * exponential(gaps)
      let first = 0
      for (let i = 1; i < servers; i++) if (freeAt[i] < freeAt[first]) first = i
      freeAt[first] = Math.max(freeAt[first], at) + SERVICE_NANOS * exponential(services)
      return freeAt[first] - at
    }),
  )
}

/** The average over seeds is what theory says, and chance is no excuse. */
function compare(servers: number, load: number): void {
  const theory = expected(servers, load)
  const all = LONG_SEEDS.map((seed) => recursion(servers, load, seed).map((value, i) => value / theory[i]))
  for (const [i, name] of NAMES.entries()) {
    const ratios = all.map((each) => each[i])
    const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length
    const variance = ratios.reduce((sum, ratio) => sum + (ratio - mean) ** 2, 0) / (ratios.length - 1)
    const error = Math.sqrt(variance / ratios.length)
    assert.ok(error < 0.025, `${name}: the standard error is ${String(error)}`)
    assert.ok(Math.abs(mean - 1) < 0.05, `${name} is ${String(mean)} of what theory says, ± ${String(error)}`)
  }
}

/** What real requests saw is what these draws must take: all in all, and percentile by percentile. */
function agree(found: readonly number[], drawn: readonly number[], what: string): void {
  const [real, theirs] = [measure(found), measure(drawn)]
  for (const [i, name] of NAMES.entries()) {
    const ratio = real[i] / theirs[i]
    assert.ok(
      Math.abs(ratio - 1) < (i === 0 ? 0.002 : 0.01),
      `${what}: ${name} is ${String(ratio)} of what these draws must take`,
    )
  }
}

const generator = (host: string, load: number) => app('request-generator', { url: `http://${host}/`, rate: load * RATE })

describe('times from request to answer, against queueing theory', () => {
  for (const [load, count] of [
    [0.5, 3_000],
    [0.8, 5_000],
  ] as const)
    test(`M/M/1 at ${String(100 * load)} % of what the server can do`, () => {
      for (const seed of SEEDS) {
        const { made } = requestsOf(pair(generator('bob', load), served, { ...LINE, seed }), count)
        const service = randomStream(seed, 'host/bob/service')
        let freeAt = 0
        const drawn = made.map(({ at }) => {
          freeAt = Math.max(freeAt, at + LINE.delay) + Math.round(SERVICE_NANOS * exponential(service))
          return freeAt - at - LINE.delay
        })
        // Connections are made now and then, which costs a little.
        agree(
          made.map(({ duration }) => duration - 2 * LINE.delay),
          drawn,
          `seed ${String(seed)}`,
        )
      }
      compare(1, load)
    })

  test('M/M/4 at 80 %: one queue in a balancer, before servers that take one request each', () => {
    const load = 3.2
    const names = [1, 2, 3, 4]
    for (const seed of SEEDS) {
      const balancer = app('load-balancer', {
        backends: names.map((i) => ({ url: `http://s${i}`, weight: 1, drain: false })),
        maxConnections: 1,
        queue: 1_000_000,
        queueTimeout: 0,
        strategy: 'least-connections',
      })
      const servers = names.map(() => served)
      const { made, picked } = requestsOf(balanced([generator('lb', load)], balancer, servers, LINE, seed), 2_500)
      const services = names.map((i) => randomStream(seed, `host/s${i}/service`))
      const freeAt = names.map(() => 0)
      // First come, first served: the nth that was sent to a server is the nth that came.
      const drawn = made.map(({ at }, n) => {
        const server = Number(/s([1-4])/.exec(picked[n])?.[1]) - 1
        const arrived = at + 2 * LINE.delay
        // Lines are short, but not of no length: two servers may be free at nearly the same time.
        const free = Math.max(arrived, Math.min(...freeAt))
        assert.ok(Math.max(arrived, freeAt[server]) - free < 20 * LINE.delay, 'nobody waits while a server has nothing to do')
        // There, and the word back that it is free.
        freeAt[server] = free + Math.round(SERVICE_NANOS * exponential(services[server])) + 4 * LINE.delay
        return freeAt[server] - arrived - 4 * LINE.delay
      })
      agree(
        made.map(({ duration }) => duration - 8 * LINE.delay),
        drawn,
        `seed ${String(seed)}`,
      )
    }
    compare(4, load)
  })
})
