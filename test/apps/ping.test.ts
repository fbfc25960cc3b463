import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ping } from '../../src/apps/ping.ts'
import { pair, routed } from '../host/topologies.ts'
import { app, data, MILLISECOND, noFailures, SECOND } from './site.ts'

test('four echoes, a second apart, with their round-trip times', () => {
  const world = pair(app('ping', { to: 'bob' }), undefined, { delay: 10 * MILLISECOND }).run(20 * SECOND)
  noFailures(world)
  assert.deepEqual(
    world.happened('ping:sent').map(({ time, data }) => [time / SECOND, data['sequence'], data['ttl']]),
    [
      [0, 1, 64],
      [1, 2, 64],
      [2, 3, 64],
      [3, 4, 64],
    ],
  )
  const replies = data(world, 'ping:replied')
  assert.deepEqual(
    replies.map(({ sequence, from, kind }) => [sequence, from, kind]),
    [1, 2, 3, 4].map((i) => [i, '10.0.0.2', 'reply']),
  )
  assert.deepEqual(
    replies.slice(1).map(({ rtt }) => rtt),
    [20, 20, 20].map((ms) => ms * MILLISECOND),
  )
  assert.deepEqual(data(world, 'ping:finished'), [{ sent: 4, received: 4 }])
  assert.equal(data(world, 'app:ended').length, 1)
})

test('nothing comes back: each is given up at its time, and the pace is kept', () => {
  const world = pair(app('ping', { to: 'bob', timeout: 1500 * MILLISECOND })).run(500 * MILLISECOND)
  world.link(0, { loss: 1 }).run(20 * SECOND)
  const lost = world.happened('ping:timed-out').map(({ time, data }) => [time / SECOND, data['sequence']])
  assert.deepEqual(lost, [
    [2.5, 2],
    [3.5, 3],
    [4.5, 4],
  ])
  assert.deepEqual(data(world, 'ping:finished'), [{ sent: 4, received: 1 }])
})

test('traceroute: one request for each hop, until the target answers', () => {
  const world = routed(app('ping', { to: '10.0.2.1', traceroute: true, count: 1 })).run(20 * SECOND)
  noFailures(world)
  assert.deepEqual(
    data(world, 'ping:replied').map(({ sequence, from, kind }) => [sequence, from, kind]),
    [
      [1, '10.0.1.254', 'time-exceeded'],
      [2, '10.0.2.1', 'reply'],
    ],
  )
  assert.deepEqual(data(world, 'ping:finished'), [{ sent: 2, received: 1 }])
})

test('traceroute ends at the most hops when nobody answers', () => {
  const world = routed(app('ping', { to: '10.0.2.1', traceroute: true, ttl: 3 }), undefined, { link: { loss: 1 } }).run(
    20 * SECOND,
  )
  assert.deepEqual(
    data(world, 'ping:sent').map(({ ttl }) => ttl),
    [1, 2, 3],
  )
})

test('a time to live that is too short, a name that nobody has, a network without a route', () => {
  const short = routed(app('ping', { to: '10.0.2.1', ttl: 1, count: 1 })).run(20 * SECOND)
  assert.deepEqual(
    data(short, 'ping:replied').map(({ kind }) => kind),
    ['time-exceeded'],
  )
  const unknown = pair(app('ping', { to: 'carol' })).run(20 * SECOND)
  assert.deepEqual(
    data(unknown, 'ping:failed').map(({ error }) => error),
    ['ENOTFOUND'],
  )
  const lost = pair(app('ping', { to: '192.0.2.1', count: 1 })).run(20 * SECOND)
  assert.deepEqual(
    data(lost, 'ping:failed').map(({ sequence, error }) => [sequence, error]),
    [[1, 'ENETUNREACH']],
  )
})

test('settings change while it runs', () => {
  const ping = new Ping({ to: 'bob', count: 100 })
  const world = pair((context) => ping.main(context)).run(1500 * MILLISECOND)
  ping.configure('interval', 100 * MILLISECOND)
  ping.configure('ttl', 9)
  ping.configure('size', 1000)
  ping.configure('timeout', SECOND)
  ping.configure('count', 10)
  world.run(10 * SECOND)
  assert.equal(data(world, 'ping:sent').length, 10)
  assert.equal(data(world, 'ping:sent')[9]['ttl'], 9)
  assert.ok(world.frames.some(({ bytes }) => bytes.length === 14 + 20 + 8 + 1000))
  for (const [path, value] of [
    ['to', 'x'],
    ['ttl', 0],
    ['size', 70_000],
    ['traceroute', true],
  ] as const) {
    assert.throws(() => ping.configure(path, value), { name: 'UnknownSetting', path })
  }
})
