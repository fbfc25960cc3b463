import assert from 'node:assert/strict'
import { test } from 'node:test'
import { World } from '../../host/world.ts'
import { app, data, MILLISECOND, noFailures, SECOND } from '../site.ts'

test('what was not said while the server was away is said in one go over one connection, each thing once', () => {
  const names = { server: '10.0.0.2' }
  const world = new World({
    hosts: {
      alice: {
        apps: [
          app('live-client', {
            servers: ['http://server'],
            transport: 'poll',
            poll: 200 * MILLISECOND,
            heartbeat: { interval: 300 * MILLISECOND, timeout: 300 * MILLISECOND },
            reconnect: { base: 100 * MILLISECOND, cap: 300 * MILLISECOND },
            connectTimeout: 300 * MILLISECOND,
            say: { interval: 50 * MILLISECOND, size: 20 },
          }),
        ],
        names,
      },
      server: { apps: [app('live-server', {})] },
    },
    links: [{ between: ['alice 10.0.0.1/24', 'server 10.0.0.2/24'], delay: 5 * MILLISECOND }],
  })
  world.run(SECOND).kill('server')
  world.run(3 * SECOND).restart('server')
  world.run(6 * SECOND)
  noFailures(world)
  const posts = world
    .happened('http:request-received', 'server')
    .filter((each) => each.data['method'] === 'POST' && each.time > 3 * SECOND)
  assert.ok(posts.length > 40, `${String(posts.length)} things were said`)
  assert.equal(new Set(posts.map(({ connection }) => connection)).size, 1, 'all over one connection')
  const keys = data(world, 'chat:acknowledged', 'alice').map(({ key }) => key)
  assert.equal(new Set(keys).size, keys.length, 'each is said once')
})
