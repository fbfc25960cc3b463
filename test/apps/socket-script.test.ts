import assert from 'node:assert/strict'
import { test } from 'node:test'
import { APPLICATION_NAMES, createApp } from '../../src/apps/registry.ts'
import type { ScriptStep } from '../../src/apps/socket-script.ts'
import { pair } from '../host/topologies.ts'
import type { World } from '../host/world.ts'
import { app, data, MILLISECOND, noFailures, SECOND } from './site.ts'

function script(alice: readonly ScriptStep[], bob: readonly ScriptStep[]): World {
  const world = pair(
    app('socket-script', { connect: 'bob:7', steps: alice, start: 100 * MILLISECOND }),
    app('socket-script', { listen: 7, steps: bob }),
    { delay: 10 * MILLISECOND },
  )
  world.run(1000 * SECOND)
  noFailures(world)
  return world
}

const steps = (world: World, host: string) => data(world, 'script:step', host).map((step) => step['do'])
const states = (world: World, host: string) => data(world, 'tcp:state-changed', host).map(({ to }) => to)

test('every byte that one sends the other reads; each step is told', () => {
  const world = script(
    [{ do: 'send', bytes: 150_000 }, { do: 'shutdown' }, { do: 'read-to-end' }],
    [{ do: 'read', bytes: 100 }, { do: 'read-to-end' }, { do: 'sleep', for: SECOND }, { do: 'send', bytes: 10 }, { do: 'close' }],
  )
  assert.deepEqual(
    data(world, 'script:read', 'bob').map(({ bytes }) => bytes),
    [100, 149_900],
  )
  assert.deepEqual(
    data(world, 'script:read', 'alice').map(({ bytes }) => bytes),
    [10],
  )
  assert.deepEqual(steps(world, 'alice'), ['send', 'shutdown', 'read-to-end'])
  assert.deepEqual(
    data(world, 'script:finished'),
    [{ steps: 3 }, { steps: 5 }].filter(() => true).sort((a, b) => b.steps - a.steps),
  )
  assert.equal(world.happened('script:step', 'alice')[0].connection, world.happened('script:step', 'bob')[0].connection)
})

test('the four-way close, from the side that begins it and from the other', () => {
  const world = script([{ do: 'close' }, { do: 'wait-closed' }], [{ do: 'read-to-end' }, { do: 'close' }, { do: 'wait-closed' }])
  assert.deepEqual(states(world, 'alice').slice(0, 5), ['SYN-SENT', 'ESTABLISHED', 'FIN-WAIT-1', 'FIN-WAIT-2', 'TIME-WAIT'])
  assert.ok(states(world, 'bob').join().includes('CLOSE-WAIT,LAST-ACK,CLOSED'))
})

test('a reset is heard on the other side', () => {
  const world = script([{ do: 'sleep', for: 50 * MILLISECOND }, { do: 'reset' }], [{ do: 'read-to-end' }])
  assert.deepEqual(
    data(world, 'script:failed', 'bob').map(({ step, error }) => [step, error]),
    [[1, 'ECONNRESET']],
  )
  assert.deepEqual(data(world, 'script:failed', 'alice'), [])
})

test('nobody listens; nobody has the name', () => {
  for (const [connect, error] of [
    ['bob:8', 'ECONNREFUSED'],
    ['carol:8', 'ENOTFOUND'],
  ]) {
    const world = pair(app('socket-script', { connect, steps: [{ do: 'send', bytes: 1 }] })).run(10 * SECOND)
    assert.deepEqual(
      data(world, 'script:failed').map(({ step, error }) => [step, error]),
      [[0, error]],
    )
  }
})

test('it listens for one connection: the second is refused', () => {
  const world = pair(
    [
      app('socket-script', { connect: 'bob:7', steps: [{ do: 'wait-closed' }] }),
      app('socket-script', { connect: 'bob:7', start: SECOND }),
    ],
    app('socket-script', { listen: 7, steps: [{ do: 'sleep', for: 5 * SECOND }, { do: 'close' }] }),
  ).run(100 * SECOND)
  assert.deepEqual(
    data(world, 'script:failed', 'alice').map(({ error }) => error),
    ['ECONNREFUSED'],
  )
})

test('the registry knows the applications by their names, and no others', () => {
  assert.deepEqual([...APPLICATION_NAMES].sort(), [
    'arp-spoofer',
    'browser',
    'firewall',
    'letter-carrier',
    'letter-reader',
    'letter-writer',
    'live-client',
    'live-server',
    'load-balancer',
    'meddler',
    'ping',
    'redis-server',
    'replayer',
    'request-generator',
    'reverse-proxy',
    'session-client',
    'session-server',
    'socket-script',
    'stream-receiver',
    'stream-sender',
    'syn-flooder',
    'tcp-balancer',
    'udp-echo',
    'vrrp',
    'web-server',
  ])
  const servers = { url: 'http://bob/', server: 'http://bob/', servers: ['http://bob/'] }
  for (const name of APPLICATION_NAMES) assert.equal(typeof createApp(name, servers).main, 'function')
  for (const name of ['', 'Browser', 'toString', '__proto__']) assert.throws(() => createApp(name, {}), RangeError)
})

test('a script takes no settings while it runs', () => {
  assert.throws(() => createApp('socket-script', {}).configure?.('steps', []), { name: 'UnknownSetting', path: 'steps' })
})
