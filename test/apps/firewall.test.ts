import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createApp } from '../../src/apps/registry.ts'
import { parseIpv6 } from '../../src/wire/address.ts'
import { ip, World } from '../host/world.ts'
import { app, data, noFailures, SECOND } from './site.ts'
import type { Body } from './site.ts'
import type { IpAddress } from '../../src/wire/address.ts'

const BOB: IpAddress = ip('10.0.2.1')
const BOB_6: IpAddress = parseIpv6('2001:db8:2::1') ?? 0n

/** alice – a firewall – bob, who sends back what he gets over UDP. */
function behind(firewall: Body, alice: Body, bob: readonly Body[] = [app('udp-echo', {})]): World {
  return new World({
    hosts: {
      alice: { gateway: '10.0.1.254', gateway6: '2001:db8:1::ff', apps: [alice] },
      firewall: { kind: 'router', apps: [firewall] },
      bob: { gateway: '10.0.2.254', gateway6: '2001:db8:2::ff', apps: bob },
    },
    links: [
      { between: ['alice 10.0.1.1/24 2001:db8:1::1/64', 'firewall 10.0.1.254/24 2001:db8:1::ff/64'] },
      { between: ['firewall 10.0.2.254/24 2001:db8:2::ff/64', 'bob 10.0.2.1/24 2001:db8:2::1/64'] },
    ],
  })
}

/** Sends a datagram every second, and notes which came back. */
const asks = (address: IpAddress, times: number, heard: number[]): Body =>
  function* ({ sockets, sleep, environment }) {
    const socket = sockets.udp(5001)
    for (let second = 0; second < times; second++) {
      yield* sleep(Math.max(0, second * SECOND - environment.now))
      socket.sendTo({ address, port: 7 }, Uint8Array.of(second))
      const answer = yield* socket.receive(SECOND / 2)
      if (answer !== undefined) heard.push(answer.bytes[0])
    }
  }

for (const [version, address] of [
  ['IPv4', BOB],
  ['IPv6', BOB_6],
] as const) {
  test(`UDP over ${version} does not pass it, and nobody is told; later it does`, () => {
    const heard: number[] = []
    const world = behind(app('firewall', { until: 2.5 * SECOND }), asks(address, 5, heard)).run(10 * SECOND)
    noFailures(world)
    assert.deepEqual(heard, [3, 4])
    assert.equal(data(world, 'firewall:packet-blocked', 'firewall').length, 3)
    assert.equal(data(world, 'firewall:closed', 'firewall').length, 1)
    assert.equal(data(world, 'firewall:opened', 'firewall').length, 1)
    assert.deepEqual(
      world.events.filter(({ name }) => name.startsWith('icmp')),
      [],
    )
  })
}

test('TCP passes, and so does UDP where nothing is to be blocked', () => {
  const heard: number[] = []
  let said = ''
  const alice: Body = function* (context) {
    const socket = yield* context.sockets.connect({ address: BOB, port: 80 })
    said = Buffer.from((yield* socket.read()) ?? []).toString()
    socket.close()
  }
  const bob: Body = function* ({ sockets }) {
    const socket = yield* sockets.listen(80).accept()
    yield* socket.write(Buffer.from('hello'))
    socket.close()
  }
  noFailures(behind(app('firewall', {}), alice, [bob]).run(10 * SECOND))
  noFailures(behind(app('firewall', { blocks: false }), asks(BOB, 2, heard)).run(10 * SECOND))
  assert.equal(said, 'hello')
  assert.deepEqual(heard, [0, 1])
})

test('it is closed and opened by hand, and UDP passes when its program has ended', () => {
  const heard: number[] = []
  const firewall: Body = function* (context) {
    const program = createApp('firewall', { blocks: false })
    const task = context.spawn(program.main(context))
    yield* context.sleep(0.7 * SECOND)
    program.configure?.('blocks', true)
    yield* context.sleep(SECOND)
    program.configure?.('blocks', false)
    yield* context.sleep(SECOND)
    program.configure?.('blocks', true)
    yield* context.sleep(SECOND)
    task.cancel()
  }
  noFailures(behind(firewall, asks(BOB, 5, heard)).run(10 * SECOND))
  assert.deepEqual(heard, [0, 2, 4])
  const idle = createApp('firewall', {})
  assert.throws(() => idle.configure?.('until', SECOND), { name: 'UnknownSetting', path: 'until' })
  assert.throws(() => idle.configure?.('blocks', 1), { name: 'UnknownSetting', path: 'blocks' })
})
