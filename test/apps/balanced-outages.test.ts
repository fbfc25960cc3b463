import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LoadBalancer } from '../../src/apps/load-balancer.ts'
import { randomStream } from '../../src/kernel/random.ts'
import { backends, balanced, CHECK, generator, sites } from './balanced.ts'
import { data, MILLISECOND, noFailures, SECOND } from './site.ts'

const OPTIONS = {
  backends: backends(3),
  check: CHECK,
  outlier: { failures: 3, ejection: SECOND, longestEjection: 5 * SECOND, mostEjected: 0.5 },
  breaker: { failureShare: 0.5, minRequests: 5, window: 5 * SECOND, openFor: SECOND, trials: 2 },
  sticky: { by: 'cookie', name: 'SRV' },
  slowStart: SECOND,
  maxConnections: 3,
  queueTimeout: SECOND,
  retries: 2,
  retryOn: ['connect', 'broken', 'timeout', '503'],
  retryBudget: 0.5,
  tryTimeout: 400 * MILLISECOND,
  connectTimeout: 200 * MILLISECOND,
} as const

/** Kills and restarts of anybody but the balancer, at any time. @returns what is left in the end */
function survived(seed: number): void {
  const random = randomStream(seed, 'outages')
  const lb = new LoadBalancer(OPTIONS)
  const clients = [
    generator({ rate: 40, duration: 8 * SECOND, cookies: true, timeout: SECOND }),
    generator({ url: 'http://lb/slow', rate: 10, duration: 8 * SECOND, retries: 1 }),
    generator({ url: 'http://lb/big', method: 'PUT', body: 60_000, rate: 5, duration: 8 * SECOND }),
  ]
  const world = balanced(clients, (context) => lb.main(context), sites(3), {}, seed)
  const down = new Set<string>()
  for (let time = 0; time < 8 * SECOND;) {
    time += random.below(600) * MILLISECOND + 1
    world.run(time)
    const victim = ['c1', 'c2', 'c3', 's1', 's2', 's3'][random.below(6)]
    if (down.delete(victim)) world.restart(victim)
    else {
      world.kill(victim)
      down.add(victim)
    }
    world.frames.length = 0
  }
  for (const victim of down) world.restart(victim)
  // Restarted clients begin anew, and end in time.
  world.run(60 * SECOND)
  noFailures(world)
  for (const index of [0, 1, 2]) lb.configure(`backends[${String(index)}].drain`, true)
  world.run(61 * SECOND)
  const drained = world.happened('balancer:backend-drained').map(({ data: { backend } }) => String(backend))
  assert.deepEqual(drained.sort(), ['s1', 's2', 's3'], `seed ${String(seed)}: nobody is counted who has gone`)
  const asked = data(world, 'balancer:picked').length
  const told = data(world, 'balancer:answered').length + data(world, 'balancer:failed').length
  assert.ok(asked > 0 && told <= asked, `seed ${String(seed)}: each pick has one outcome at most`)
}

test('whoever is killed whenever: the balancer counts nobody who has gone, and nothing in it fails', () => {
  for (let seed = 1; seed <= 4; seed++) survived(seed)
})
