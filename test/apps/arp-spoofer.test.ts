import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ArpSpoofer } from '../../src/apps/arp-spoofer.ts'
import { ArpOperation, decodeArp } from '../../src/wire/arp.ts'
import { decodeEthernet, EtherType } from '../../src/wire/ethernet.ts'
import { decodeIpv4 } from '../../src/wire/ipv4.ts'
import { World, type HostPlan, type SentFrame } from '../host/world.ts'
import { app, data, MILLISECOND, noFailures, SECOND } from './site.ts'

const ALICE = 0x0200_0000_0100
const MALLORY = 0x0200_0000_0200
const ROUTER = 0x0200_0000_0400

/** Alice, Mallory and a router on one switch, Bob behind the router. Alice pings Bob five times a second. */
function lan(spoofer: Record<string, unknown>, alice: Partial<HostPlan> = {}, router: Partial<HostPlan> = {}): World {
  const delay = MILLISECOND
  return new World({
    hosts: {
      alice: { gateway: '10.0.0.254', apps: [app('ping', { to: '10.0.1.1', count: 50, interval: 200 * MILLISECOND })], ...alice },
      mallory: { gateway: '10.0.0.254', apps: [app('arp-spoofer', { victim: '10.0.0.1', pose: '10.0.0.254', ...spoofer })] },
      switch: { kind: 'switch' },
      router: { kind: 'router', ...router },
      bob: { gateway: '10.0.1.254' },
    },
    links: [
      { between: ['alice 10.0.0.1/24', 'switch'], delay },
      { between: ['mallory 10.0.0.2/24', 'switch'], delay },
      { between: ['switch', 'router 10.0.0.254/24'], delay },
      { between: ['router 10.0.1.254/24', 'bob 10.0.1.1/24'], delay },
    ],
  })
}

/** Packets between Alice and Bob that Mallory sent on. */
function passedOn(world: World): { frame: SentFrame; ttl: number; to: number }[] {
  return world.frames.flatMap((frame) => {
    const { type, destination } = decodeEthernet(frame.bytes, 0, frame.bytes.length)
    if (frame.from !== 'mallory' || type !== EtherType.IPV4) return []
    const { source, destination: target, ttl } = decodeIpv4(frame.bytes, 14, frame.bytes.length)
    const far = 0x0a000101
    return source === far || target === far ? [{ frame, ttl, to: destination }] : []
  })
}

/** ARP replies of Mallory's: to whom, about which address, and where that is said to be. */
function lies(world: World): [to: number, address: number, mac: number][] {
  return world.frames.flatMap(({ from, bytes }): [number, number, number][] => {
    const { type, destination } = decodeEthernet(bytes, 0, bytes.length)
    if (from !== 'mallory' || type !== EtherType.ARP) return []
    const { operation, senderIp, senderMac, targetIp } = decodeArp(bytes, 14, bytes.length)
    const isOwn = senderIp === 0x0a000002
    return operation === ArpOperation.REPLY && !isOwn && targetIp !== 0 ? [[destination, senderIp, senderMac]] : []
  })
}

const seconds = (world: World): number[] => passedOn(world).map(({ frame }) => frame.time / SECOND)

describe('ARP spoofer', () => {
  test('between the first lie and the truth at the end, it is in the middle both ways, and nobody misses anything', () => {
    const world = lan({ start: 2 * SECOND, duration: 3 * SECOND }).run(30 * SECOND)
    noFailures(world)
    const times = seconds(world)
    // Five pings and five answers a second, for three seconds.
    assert.equal(times.length, 30)
    assert.ok(times[0] > 2 && (times.at(-1) ?? 0) < 5.3, `from ${String(times[0])} to ${String(times.at(-1))}`)
    assert.deepEqual(data(world, 'ping:finished'), [{ sent: 50, received: 50 }])
    assert.deepEqual(
      data(world, 'spoof:ended').map(({ lies }) => lies),
      [6],
    )
  })

  test('what it passes on has a TTL of one less, and goes to whom it was meant for', () => {
    const there = passedOn(lan({ duration: SECOND, start: SECOND }).run(5 * SECOND)).filter(({ to }) => to === ROUTER)
    const back = passedOn(lan({ duration: SECOND, start: SECOND }).run(5 * SECOND)).filter(({ to }) => to === ALICE)
    assert.equal(there.length, 5)
    assert.equal(back.length, 5)
    assert.deepEqual([...new Set(there.map(({ ttl }) => ttl))], [63])
    // Bob's answers have been through the router before.
    assert.deepEqual([...new Set(back.map(({ ttl }) => ttl))], [62])
  })

  test('each is told that the other is at Mallory’s hardware address, and at the end the truth', () => {
    const world = lan({ start: SECOND, duration: 2 * SECOND }).run(5 * SECOND)
    const [router, alice] = [0x0a0000fe, 0x0a000001]
    const lie = [
      [ALICE, router, MALLORY],
      [ROUTER, alice, MALLORY],
    ]
    assert.deepEqual(lies(world), [...lie, ...lie, [ALICE, router, ROUTER], [ROUTER, alice, ALICE]])
  })

  test('when it does not pass on, nothing arrives until the truth is told', () => {
    const world = lan({ start: 2 * SECOND, duration: 3 * SECOND, forward: false }).run(30 * SECOND)
    assert.deepEqual(passedOn(world), [])
    const [{ sent, received }] = data(world, 'ping:finished')
    assert.deepEqual([sent, received], [50, 35])
  })

  test('static entries: Alice’s keep her packets, the router’s keep the answers', () => {
    const attack = { start: 2 * SECOND, duration: 3 * SECOND }
    const atAlice = { staticArp: { '10.0.0.254': ROUTER, '10.0.0.2': MALLORY } }
    const atRouter = { staticArp: { '10.0.0.1': ALICE, '10.0.0.2': MALLORY } }
    const half = lan(attack, atAlice).run(30 * SECOND)
    assert.deepEqual([...new Set(passedOn(half).map(({ to }) => to))], [ALICE])
    assert.equal(passedOn(half).length, 15)
    const other = lan(attack, {}, atRouter).run(30 * SECOND)
    assert.deepEqual([...new Set(passedOn(other).map(({ to }) => to))], [ROUTER])
    const both = lan(attack, atAlice, atRouter).run(30 * SECOND)
    assert.deepEqual(passedOn(both), [])
    assert.equal(both.happened('arp:ignored', 'alice').length, 3)
    // The truth at the end is no news.
    assert.equal(both.happened('arp:ignored', 'router').length, 3)
    // And nobody on the local network asked anybody but Mallory, whom nobody told.
    assert.deepEqual([...new Set(both.happened('arp:resolved').map(({ host }) => host))].sort(), ['bob', 'mallory', 'router'])
  })

  test('a victim that does not answer is given up', () => {
    const world = lan({ victim: '10.0.0.77' }).run(30 * SECOND)
    assert.deepEqual(
      data(world, 'spoof:failed').map(({ error }) => error),
      ['EHOSTUNREACH'],
    )
    assert.deepEqual(lies(world), [])
  })

  test('forwarding and pace can be changed while it runs, the victim cannot', () => {
    const spoofer = new ArpSpoofer({ victim: 'alice' })
    spoofer.configure('interval', 5 * MILLISECOND)
    spoofer.configure('forward', false)
    for (const [path, value] of [
      ['victim', 'bob'],
      ['interval', 0],
      ['forward', 1],
    ] as const) {
      assert.throws(() => {
        spoofer.configure(path, value)
      }, path)
    }
  })
})

describe('static ARP entries', () => {
  test('are neither asked for nor aged, and survive a scan of the whole network', () => {
    const scan = function* ({ sockets }: Parameters<ReturnType<typeof app>>[0]): Generator<never> {
      const socket = sockets.udp()
      for (let last = 0; last < 1200; last++) socket.sendTo({ address: 0x0a00_0100 + last, port: 9 }, new Uint8Array(1))
      yield* []
    }
    const world = new World({
      hosts: {
        alice: {
          staticArp: { '10.0.0.2': 0x0200_0000_0200 },
          apps: [scan, app('ping', { to: '10.0.0.2', count: 3, interval: 60 * SECOND })],
        },
        bob: {},
      },
      links: [{ between: ['alice 10.0.0.1/16', 'bob 10.0.0.2/16'], delay: MILLISECOND }],
    }).run(200 * SECOND)
    assert.deepEqual(data(world, 'ping:finished'), [{ sent: 3, received: 3 }])
    const asked = world.frames.flatMap(({ from, bytes }) => {
      if (from !== 'alice' || bytes[13] !== 6) return []
      const { operation, targetIp } = decodeArp(bytes, 14, bytes.length)
      return operation === ArpOperation.REQUEST ? [targetIp] : []
    })
    assert.ok(asked.length > 1000, String(asked.length))
    assert.ok(!asked.includes(0x0a00_0002), 'Bob was asked for')
  })
})
