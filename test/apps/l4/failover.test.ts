import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createApp } from '../../../src/apps/registry.ts'
import { NEVER } from '../../../src/kernel/time.ts'
import { randomStream } from '../../../src/kernel/random.ts'
import { readMac } from '../../../src/wire/address.ts'
import { read16 } from '../../../src/wire/integer.ts'
import { tsharkFields, withFile } from '../../vectors/tshark.ts'
import { World, type HappenedEvent, type HostPlan, type LinkPlan } from '../../host/world.ts'
import { app, data, latin1, MILLISECOND, noFailures, resource, SECOND, server, type Body } from '../site.ts'
import { balancer, captureOf, echoes, MODES, optionsOf, say, type Mode } from './cluster.ts'

const VIRTUAL_MAC = 0x0000_5e00_0107

const failover = (priority: number, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  vrid: 7,
  priority,
  virtual: [],
  interval: SECOND,
  preempt: true,
  enabled: true,
  ...more,
})

/** A client `c0`, two balancers `lb0` and `lb1` with failover, and two servers, on one switch. */
function pair(mode: Mode, client: Body, options: Record<string, unknown> = {}, seed = 1): World {
  const hosts: Record<string, HostPlan> = { c0: { apps: [client] }, front: { kind: 'switch' } }
  const links: LinkPlan[] = [{ between: ['c0 10.0.0.1/24', 'front'] }]
  for (const i of [0, 1]) {
    const { body } = balancer({ ...optionsOf(mode, 2), failover: failover(200 - 100 * i), ...options })
    hosts[`lb${String(i)}`] = { apps: [body] }
    links.push({ between: [`lb${String(i)} 10.0.0.${String(8 + i)}/24`, 'front'] })
    hosts[`w${String(i)}`] = { apps: [echoes(`w${String(i)}`)], ...(mode === 'dsr' && { loopback: ['10.0.0.100'] }) }
    links.push({ between: [`w${String(i)} 10.0.0.${String(11 + i)}/24`, 'front'] })
  }
  return new World({ seed, hosts, links })
}

/** Asks twice a second from the fifth second on, and notes at what time it was answered. */
const asks = (answered: number[], until: number): Body =>
  function* (context) {
    yield* context.sleep(5 * SECOND)
    while (context.environment.now < until) {
      const text = yield* say(context, 'hello', 500 * MILLISECOND)
      if (text.endsWith('hello')) answered.push(context.environment.now)
      yield* context.sleep(500 * MILLISECOND)
    }
  }

const states = (world: World, host: string): string[] =>
  world
    .happened('vrrp:state-changed', host)
    .map(({ time, data: { state, why } }) => `${(time / SECOND).toFixed(1)} ${String(state)} ${String(why)}`)

for (const mode of ['full-nat', 'dsr'] as const) {
  test(`${mode}: the active one dies, and within 4 s clients are served by the other; it comes back, and takes over again`, () => {
    const answered: number[] = []
    const world = pair(mode, asks(answered, 30 * SECOND))
    world
      .run(10.2 * SECOND)
      .kill('lb0')
      .run(20.1 * SECOND)
      .restart('lb0')
      .run(40 * SECOND)
    noFailures(world)
    assert.deepEqual(states(world, 'lb0'), [
      '0.0 BACKUP startup',
      '3.2 ACTIVE silence',
      '20.1 BACKUP startup',
      '23.3 ACTIVE silence',
    ])
    assert.deepEqual(states(world, 'lb1'), ['0.0 BACKUP startup', '12.8 ACTIVE silence', '23.3 BACKUP better-router'])
    const gaps = answered.slice(1).map((time, i) => (time - answered[i]) / SECOND)
    assert.ok(Math.max(...gaps) < 4.6, `the longest time without an answer was ${String(Math.max(...gaps))} s`)
    assert.ok(gaps.filter((gap) => gap > 1.1).length <= 2, 'and there were two such times at most')
    assert.ok(answered[answered.length - 1] > 29 * SECOND, 'to the end')
    const [takeover] = world.happened('vrrp:state-changed', 'lb1').filter(({ data: { state } }) => state === 'ACTIVE')
    const next = answered.find((time) => time > takeover.time) ?? NEVER
    assert.ok(takeover.time - 10.2 * SECOND < 4 * SECOND && next - takeover.time < 1.2 * SECOND, 'in less than 4 s')
  })
}

test('nat: servers whose gateway is shared as well are reached again when the one dies, and when it is back', () => {
  const answered: number[] = []
  const hosts: Record<string, HostPlan> = {
    c0: { apps: [asks(answered, 30 * SECOND)] },
    front: { kind: 'switch' },
    back: { kind: 'switch' },
  }
  const links: LinkPlan[] = [{ between: ['c0 10.0.0.1/24', 'front'] }]
  for (const i of [0, 1]) {
    const shared = failover(200 - 100 * i, { virtual: ['10.0.1.100'] })
    hosts[`lb${String(i)}`] = { kind: 'router', apps: [balancer({ ...optionsOf('nat', 2), failover: shared }).body] }
    links.push({ between: [`lb${String(i)} 10.0.0.${String(8 + i)}/24`, 'front'] })
    links.push({ between: [`lb${String(i)} 10.0.1.${String(8 + i)}/24`, 'back'] })
    hosts[`w${String(i)}`] = { gateway: '10.0.1.100', apps: [echoes(`w${String(i)}`)] }
    links.push({ between: [`w${String(i)} 10.0.1.${String(11 + i)}/24`, 'back'] })
  }
  const world = new World({ hosts, links })
  world
    .run(10.2 * SECOND)
    .kill('lb0')
    .run(20.1 * SECOND)
    .restart('lb0')
    .run(40 * SECOND)
  noFailures(world)
  assert.equal(states(world, 'lb0').at(-1), '23.3 ACTIVE silence')
  const gaps = answered.slice(1).map((time, i) => (time - answered[i]) / SECOND)
  assert.ok(Math.max(...gaps) < 4.6, `the longest time without an answer was ${String(Math.max(...gaps))} s`)
  assert.ok(answered[answered.length - 1] > 29 * SECOND, 'to the end')
})

test('what it sends: TTL 255, to the group, from the virtual MAC address, with checksums that tshark finds right; ARP tells of that address', () => {
  const world = pair('dsr', asks([], 8 * SECOND)).run(10 * SECOND)
  withFile(captureOf(world), (path) => {
    const fields = [
      'ip.ttl',
      'ip.dst',
      'eth.src',
      'eth.dst',
      'vrrp.version',
      'vrrp.virt_rtr_id',
      'vrrp.prio',
      'vrrp.short_adver_int',
    ]
    const rows = tsharkFields(path, [...fields, 'vrrp.ip_addr', 'vrrp.checksum.status'], '-Y', 'vrrp')
    const right = ['255', '224.0.0.18', '00:00:5e:00:01:07', '01:00:5e:00:00:12', '3', '7', '200', '100', '10.0.0.100', '1']
    assert.ok(rows.length > 5, `${String(rows.length)} advertisements`)
    for (const row of rows) assert.deepEqual(row, right)
    const announced = tsharkFields(
      path,
      ['eth.src', 'arp.src.hw_mac', 'arp.src.proto_ipv4', 'arp.dst.proto_ipv4'],
      '-Y',
      'arp.isgratuitous',
    )
    assert.deepEqual(announced[0], ['00:00:5e:00:01:07', '00:00:5e:00:01:07', '10.0.0.100', '10.0.0.100'])
  })
  const requests = world.frames.filter(({ from, bytes }) => from === 'c0' && read16(bytes, 12) === 0x0800)
  assert.ok(requests.length > 0, 'the client has asked')
  for (const { bytes } of requests) assert.equal(readMac(bytes, 0), VIRTUAL_MAC)
})

test('an orderly end is told with priority 0, and the other takes over within its skew', () => {
  const first = createApp('vrrp', failover(200, { virtual: ['10.0.0.100'] }))
  const world = new World({
    hosts: {
      a: { apps: [(context) => first.main(context)] },
      b: { apps: [app('vrrp', failover(100, { virtual: ['10.0.0.100'] }))] },
    },
    links: [{ between: ['a 10.0.0.1/24', 'b 10.0.0.2/24'] }],
  })
  world.run(5.1 * SECOND)
  first.configure?.('enabled', false)
  world.run(10 * SECOND)
  assert.deepEqual(states(world, 'a').slice(1), ['3.2 ACTIVE silence', '5.1 INITIALIZE shutdown'])
  assert.deepEqual(states(world, 'b').slice(1), ['5.7 ACTIVE resignation'])
  first.configure?.('enabled', true)
  first.configure?.('preempt', false)
  world.run(20 * SECOND)
  assert.deepEqual(states(world, 'a').slice(3), ['10.0 BACKUP startup'])
  first.configure?.('preempt', true)
  world.run(30 * SECOND)
  assert.equal(states(world, 'a').at(-1)?.includes('ACTIVE'), true)
})

test('whatever listens on a host is reached by the address that it has for now', () => {
  const names: string[] = []
  const serves = (name: string): Body =>
    function* ({ sockets }) {
      for (const listener = sockets.listen(80); ;) {
        const socket = yield* listener.accept()
        yield* socket.write(latin1(name))
        socket.close()
      }
    }
  const asking: Body = function* (context) {
    for (const at of [5, 12]) {
      yield* context.sleep(at * SECOND - context.environment.now)
      names.push(yield* say(context, ''))
    }
  }
  const vrrp = (priority: number): Body => app('vrrp', failover(priority, { virtual: ['10.0.0.100'] }))
  const world = new World({
    hosts: {
      c: { apps: [asking] },
      sw: { kind: 'switch' },
      a: { apps: [vrrp(200), serves('a')] },
      b: { apps: [vrrp(100), serves('b')] },
    },
    links: ['c 10.0.0.1/24', 'a 10.0.0.2/24', 'b 10.0.0.3/24'].map((end) => ({ between: [end, 'sw'] as const })),
  })
  world
    .run(6 * SECOND)
    .kill('a')
    .run(20 * SECOND)
  noFailures(world)
  assert.deepEqual(names, ['a', 'b'])
})

test('a pair of balancers of layer 7 shares its address in the same way', () => {
  const loaded: string[] = []
  const asking: Body = function* (context) {
    for (const at of [5, 12]) {
      yield* context.sleep(at * SECOND - context.environment.now)
      loaded.push((yield* say(context, 'GET / HTTP/1.1\r\nHost: www\r\nConnection: close\r\n\r\n')).split('\r\n')[0])
    }
  }
  const backends = [{ url: 'http://10.0.0.4/', weight: 1, drain: false }]
  const layer7 = (priority: number): Body =>
    app('load-balancer', { backends, failover: failover(priority, { virtual: ['10.0.0.100'] }) })
  const world = new World({
    hosts: {
      c: { apps: [asking] },
      sw: { kind: 'switch' },
      a: { apps: [layer7(200)] },
      b: { apps: [layer7(100)] },
      w: { apps: [server({ '/': resource(1000) })] },
    },
    links: ['c 10.0.0.1/24', 'a 10.0.0.2/24', 'b 10.0.0.3/24', 'w 10.0.0.4/24'].map((end) => ({ between: [end, 'sw'] as const })),
  })
  world
    .run(6 * SECOND)
    .kill('a')
    .run(20 * SECOND)
  noFailures(world)
  assert.deepEqual(loaded, ['HTTP/1.1 200 OK', 'HTTP/1.1 200 OK'])
  const picked = world.happened('balancer:picked').map(({ host }) => host)
  assert.deepEqual(picked, ['a', 'b'])
})

test('a cut that both outlive leaves one active when it is over', () => {
  const world = pair('dsr', asks([], 25 * SECOND)).run(8 * SECOND)
  world.link(1, { up: false }).run(15 * SECOND)
  assert.deepEqual([states(world, 'lb0').at(-1), states(world, 'lb1').at(-1)], ['3.2 ACTIVE silence', '10.8 ACTIVE silence'])
  world.link(1, { up: true }).run(25 * SECOND)
  assert.equal(states(world, 'lb1').at(-1)?.includes('BACKUP better-router'), true)
})

test('forged, broken and foreign advertisements are thrown away, and said so', () => {
  const world = new World({
    hosts: { a: { apps: [app('vrrp', failover(100, { virtual: ['10.0.0.100'] }))] }, b: {} },
    links: [{ between: ['a 10.0.0.1/24', 'b 10.0.0.2/24'] }],
  })
  world.run(5.5 * SECOND)
  const [own] = world.frames.filter(({ bytes }) => bytes[23] === 112)
  const forged = (change: (bytes: Uint8Array) => void): Uint8Array => {
    const bytes = own.bytes.slice()
    bytes[29] = 2
    bytes[25] -= 1
    change(bytes)
    return bytes
  }
  world.inject(
    'a',
    0,
    forged((bytes) => (bytes[40] ^= 0xff)),
  )
  world.inject(
    'a',
    0,
    forged((bytes) => (bytes[34] = 0x21)),
  )
  world.inject(
    'a',
    0,
    forged((bytes) => (bytes[37] = 9)),
  )
  world.run(6 * SECOND)
  const why = data(world, 'vrrp:discarded').map(({ why: text }) => String(text))
  assert.equal(why.length, 3, why.join('; '))
  assert.equal(why[0], 'wrong checksum')
  assert.deepEqual(states(world, 'a').length, 2, 'it stays what it is')
})

describe('killed at random', () => {
  const endless =
    (until: number): Body =>
    (context) =>
      asks([], until)(context)
  for (const mode of MODES.filter((one) => one !== 'nat')) {
    test(`${mode}: 12 runs of kills and restarts leave no entry behind when all is quiet`, () => {
      for (let seed = 1; seed <= 12; seed++) {
        const random = randomStream(seed, 'kills')
        const timeouts = { syn: 5 * SECOND, established: 10 * SECOND, fin: 5 * SECOND, closed: SECOND }
        const world = pair(
          mode,
          endless(30 * SECOND),
          { timeouts, failover: failover(100, { interval: 200 * MILLISECOND }) },
          seed,
        )
        const hosts = ['c0', 'lb0', 'lb1', 'w0', 'w1']
        let now = 5 * SECOND
        for (let i = 0; i < 15; i++) {
          now += random.below(2 * SECOND)
          const host = hosts[random.below(hosts.length)]
          world.run(now)
          if (random.below(2) === 0) world.kill(host)
          else world.restart(host)
        }
        for (const host of hosts) world.restart(host)
        // Restarted clients begin anew, by the clock, and so end soon.
        world.run(now + 40 * SECOND)
        noFailures(world)
        const events = world.happened('balancer:picked')
        assert.ok(events.length > 5, 'there were connections')
        const quiet = pendingWithoutAdvertisements(world, now + 80 * SECOND)
        assert.deepEqual(quiet, [], `seed ${String(seed)}`)
      }
    })
  }
})

/** What balancers still do in a quiet time but for advertising: nothing, if they remember nothing. */
function pendingWithoutAdvertisements(world: World, until: number): HappenedEvent[] {
  const before = world.events.length
  const frames = world.frames.length
  world.run(until)
  const others = world.frames.slice(frames).filter(({ from, bytes }) => from.startsWith('lb') && bytes[23] !== 112)
  assert.deepEqual(
    others.map(({ bytes }) => read16(bytes, 12)),
    [],
    'no frame but advertisements',
  )
  return world.events.slice(before).filter(({ host, name }) => host.startsWith('lb') && !name.startsWith('vrrp'))
}
