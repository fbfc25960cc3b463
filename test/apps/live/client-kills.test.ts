import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomStream } from '../../../src/kernel/random.ts'
import { World } from '../../host/world.ts'
import { app, data, MILLISECOND, noFailures, SECOND } from '../site.ts'

test('over a lossy line and random kills of server and bus: what is acknowledged is said once, and heard once', () => {
  for (let run = 1; run <= 4; run++) {
    const random = randomStream(run, 'kills')
    const heartbeat = { interval: 500 * MILLISECOND, timeout: 500 * MILLISECOND }
    const reconnect = { base: 50 * MILLISECOND, cap: 500 * MILLISECOND }
    const common = { servers: ['http://server'], connectTimeout: SECOND, heartbeat, reconnect }
    const names = { server: '10.0.0.2', bus: '10.0.0.3' }
    const world = new World({
      seed: run,
      hosts: {
        alice: {
          apps: [app('live-client', { ...common, say: { interval: 100 * MILLISECOND, size: 20 }, stop: 12 * SECOND })],
          names,
        },
        server: { apps: [app('live-server', { history: 1000, bus: { to: 'bus', port: 6379 } })], names },
        bus: { apps: [app('redis-server', { appendonly: true, fsync: 'always' })] },
        listener: { apps: [app('live-client', common)], names },
        switch: { kind: 'switch' },
      },
      links: [
        { between: ['alice 10.0.0.1/24', 'switch'], delay: 5 * MILLISECOND, loss: 0.03 },
        { between: ['server 10.0.0.2/24', 'switch'] },
        { between: ['bus 10.0.0.3/24', 'switch'] },
        { between: ['listener 10.0.0.4/24', 'switch'], loss: 0.01 },
      ],
    })
    let at = SECOND
    for (let n = 0; n < 4; n++) {
      const victim = random.below(2) === 0 ? 'server' : 'bus'
      at += random.below(1_500_000_000)
      world.run(at).kill(victim)
      at += random.below(800_000_000)
      world.run(at).restart(victim)
    }
    world.run(22 * SECOND)
    noFailures(world)
    const acknowledged = data(world, 'chat:acknowledged', 'alice')
    const keys = acknowledged.map(({ key }) => key)
    assert.ok(keys.length > 30, `run ${String(run)}: ${String(keys.length)} acknowledged`)
    assert.equal(new Set(keys).size, keys.length, 'no key twice')
    // Each key is told once, under whatever number: all that was acknowledged, and nothing that was not said.
    const heard = data(world, 'chat:heard', 'listener').map(({ id }) => Number(id))
    assert.equal(new Set(heard).size, heard.length, 'nothing is heard twice')
    const sent = new Set(data(world, 'chat:sent', 'alice').map(({ key }) => key)).size
    const told = `run ${String(run)}: ${String(keys.length)} acknowledged, ${String(heard.length)} heard, ${String(sent)} said`
    assert.ok(keys.length <= heard.length && heard.length <= sent, told)
  }
})
