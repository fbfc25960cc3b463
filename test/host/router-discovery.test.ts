import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AppContext, Blocking, EchoReply } from '../../src/host/socket.ts'
import { MILLISECOND, SECOND } from '../../src/kernel/time.ts'
import { formatIp, multicastMac } from '../../src/wire/address.ts'
import { Icmpv6Type } from '../../src/wire/icmpv6.ts'
import type { PrefixInformation, RouterAdvertisement } from '../../src/wire/ndp.ts'
import { codeOf, echo, segments6, server } from './conversations.ts'
import { icmpFrames, messages, ndpFrame, type PacketPlan } from './ipv6-frames.ts'
import { ip6, World } from './world.ts'

type Body = (context: AppContext) => Blocking<void>

const ROUTER = 0x020000000200
const ALICE = '2001:db8:1::ff:fe00:100'
const toAll = { destination: 'ff02::1', to: multicastMac(ip6('ff02::1')) }

/** alice, who configures herself – router – bob 2001:db8:2::1. */
function home(alice?: Body, options: { advertises?: boolean; mtu?: number; seed?: number } = {}): World {
  const { advertises = true, mtu = 1500, seed = 1 } = options
  return new World({
    seed,
    hosts: {
      alice: { apps: alice ? [alice] : [] },
      router: { kind: 'router', advertises },
      bob: { gateway6: '2001:db8:2::fe', apps: [server(echo)] },
    },
    links: [
      { between: ['alice auto', 'router 2001:db8:1::fe/64'], mtu },
      { between: ['router 2001:db8:2::fe/64', 'bob 2001:db8:2::1/64'] },
    ],
  })
}

const prefix = (change: Partial<PrefixInformation> = {}): PrefixInformation => ({
  prefix: ip6('2001:db8:9::'),
  length: 64,
  onLink: true,
  autonomous: true,
  validLifetime: 86_400,
  preferredLifetime: 14_400,
  ...change,
})
const advertisement = (change: Partial<RouterAdvertisement> = {}): RouterAdvertisement => ({
  type: Icmpv6Type.ROUTER_ADVERTISEMENT,
  hopLimit: 0,
  managed: false,
  otherConfiguration: false,
  routerLifetime: 1800,
  reachableTime: 0,
  retransTimer: 0,
  sourceLinkLayer: ROUTER,
  ...change,
})
const fromRouter: PacketPlan = { from: ROUTER, source: 'fe80::ff:fe00:200', ...toAll }

/** A host whose router says nothing but what is injected, at 3 s and later. */
function listening(said: readonly RouterAdvertisement[], alice?: Body, plan: PacketPlan = fromRouter): World {
  const world = home(alice, { advertises: false })
  said.forEach((message, index) => world.inject('alice', 0, ndpFrame(plan, message), (3 + index) * SECOND))
  return world
}

const addresses = (world: World): string[] =>
  world.happened('ipv6:address-assigned', 'alice').map(({ data }) => String(data['address']))

describe('RFC 4862: stateless address autoconfiguration', () => {
  test('link-local address, then the prefix of an advertisement with an identifier made of the MAC address', () => {
    const world = home().run(5 * SECOND)
    assert.deepEqual(addresses(world), ['fe80::ff:fe00:100/64', `${ALICE}/64`])
  })

  test('the world behind the router is reached with nothing but what the router said', () => {
    let reply: EchoReply | undefined
    home(function* ({ sockets, sleep }) {
      yield* sleep(5 * SECOND)
      reply = yield* sockets.ping(ip6('2001:db8:2::1'), { sequence: 1, payload: 8, timeout: SECOND })
    }).run(10 * SECOND)
    assert.equal(reply?.kind, 'reply')
  })

  test('before there is an address, there is no way: ENETUNREACH', () => {
    let code = ''
    home(function* ({ sockets }) {
      code = yield* codeOf(sockets.connect({ address: ip6('2001:db8:2::1'), port: 80 }))
    }).run(SECOND)
    assert.equal(code, 'ENETUNREACH')
  })

  test('section 5.5.3: no address of a prefix that is not autonomous, is link-local, has other than 64 bits, or prefers longer than it is valid', () => {
    const bad = [
      { autonomous: false },
      { prefix: ip6('fe80::') },
      { prefix: ip6('2001:db8:9::'), length: 48 },
      { validLifetime: 100, preferredLifetime: 200 },
      { validLifetime: 0, preferredLifetime: 0 },
    ]
    for (const change of bad) {
      const world = listening([advertisement({ prefixes: [prefix(change)] })]).run(8 * SECOND)
      assert.deepEqual(
        addresses(world),
        ['fe80::ff:fe00:100/64'],
        JSON.stringify(change, (_, value: unknown) => String(value)),
      )
    }
  })

  test('section 5.5.4: preferred, deprecated, gone', () => {
    const world = listening([advertisement({ prefixes: [prefix({ preferredLifetime: 20, validLifetime: 60 })] })]).run(
      100 * SECOND,
    )
    assert.deepEqual(
      ['ipv6:address-deprecated', 'ipv6:address-expired'].map((name) => world.happened(name, 'alice')[0].time / SECOND),
      [23, 63],
    )
  })

  test('section 5.5.3 (e): a forged advertisement cannot cut the valid lifetime below two hours', () => {
    const world = listening([
      advertisement({ prefixes: [prefix()] }),
      advertisement({ prefixes: [prefix({ preferredLifetime: 1, validLifetime: 1 })] }),
    ]).run(8000 * SECOND)
    assert.equal(world.happened('ipv6:address-expired', 'alice')[0].time, 4 * SECOND + 7200 * SECOND)
  })

  test('a new prefix is used for new connections once the old one is deprecated', () => {
    const sources: string[] = []
    const world = listening(
      [
        advertisement({ prefixes: [prefix({ prefix: ip6('2001:db8:1::'), preferredLifetime: 8 })] }),
        advertisement({ prefixes: [prefix({ prefix: ip6('2001:db8:7::') })] }),
      ],
      function* ({ sockets, sleep }) {
        for (const pause of [7, 6]) {
          yield* sleep(pause * SECOND)
          const socket = sockets.udp()
          socket.sendTo({ address: ip6('2001:db8:2::1'), port: 7 }, new Uint8Array(1))
          socket.close()
        }
      },
    ).run(20 * SECOND)
    for (const { bytes } of world.frames.filter(({ from, bytes }) => from === 'alice' && bytes[20] === 17)) {
      sources.push(Buffer.from(bytes.subarray(22, 30)).toString('hex'))
    }
    assert.deepEqual(sources, ['20010db800010000', '20010db800070000'])
  })
})

describe('RFC 4861 section 6: router discovery', () => {
  test('a host asks all routers from its link-local address, and is answered within half a second', () => {
    const world = home(undefined, { seed: 5 })
    world.run(5 * SECOND)
    const asked = messages(world, Icmpv6Type.ROUTER_SOLICITATION, 'alice')
    for (const { header, message } of asked) {
      assert.equal(formatIp(header.source), 'fe80::ff:fe00:100')
      assert.equal(formatIp(header.destination), 'ff02::2')
      assert.equal(message.sourceLinkLayer, 0x020000000100)
    }
    const told = messages(world, Icmpv6Type.ROUTER_ADVERTISEMENT, 'router')
    assert.ok(told.length >= 2)
    const [{ message, header }] = told
    assert.equal(header.hopLimit, 255)
    assert.deepEqual(
      message.prefixes?.map(({ prefix: network, length }) => [formatIp(network), length]),
      [['2001:db8:1::', 64]],
    )
  })

  test('when nobody answers it asks three times, four seconds apart, and no more', () => {
    const world = home(undefined, { advertises: false }).run(60 * SECOND)
    const times = messages(world, Icmpv6Type.ROUTER_SOLICITATION, 'alice').map(({ frame }) => frame.time)
    assert.equal(times.length, 3)
    assert.deepEqual([times[1] - times[0], times[2] - times[1]], [4 * SECOND, 4 * SECOND])
  })

  test('a restarted host asks, and is answered, too', () => {
    const world = home().run(30 * SECOND)
    world.restart('alice').run(40 * SECOND)
    const late = messages(world, Icmpv6Type.ROUTER_SOLICITATION, 'alice').filter(({ frame }) => frame.time > 30 * SECOND)
    assert.equal(late.length, 1)
    assert.equal(addresses(world).filter((address) => address.startsWith('2001:')).length, 2)
  })

  test('hop limit, MTU and timers are taken over', () => {
    const world = listening(
      [advertisement({ hopLimit: 33, mtu: 1300, reachableTime: 5000, prefixes: [prefix({ prefix: ip6('2001:db8:1::') })] })],
      function* ({ sockets, sleep }) {
        yield* sleep(8 * SECOND)
        const socket = yield* sockets.connect({ address: ip6('2001:db8:2::1'), port: 80 })
        yield* socket.write(new Uint8Array(3000))
        yield* socket.readExactly(3000)
        socket.close()
      },
    ).run(20 * SECOND)
    const [{ frame, segment }] = segments6(world, 'alice')
    assert.equal(frame.bytes[21], 33)
    assert.equal(segment.mss, 1240)
    const longest = Math.max(...segments6(world, 'alice').map(({ frame: { bytes } }) => bytes.length - 14))
    assert.equal(longest, 1300)
  })

  test('an MTU below 1,280 or above the link’s is no MTU', () => {
    for (const mtu of [576, 9000]) {
      const world = listening(
        [advertisement({ mtu, prefixes: [prefix({ prefix: ip6('2001:db8:1::') })] })],
        function* ({ sockets, sleep }) {
          yield* sleep(8 * SECOND)
          const socket = yield* sockets.connect({ address: ip6('2001:db8:2::1'), port: 80 })
          socket.close()
        },
      ).run(20 * SECOND)
      assert.equal(segments6(world, 'alice')[0].segment.mss, 1440)
    }
  })

  test('not believed: a router that speaks from a global address, or from beyond a router', () => {
    const message = advertisement({ prefixes: [prefix()] })
    for (const change of [{ source: '2001:db8:1::fe' }, { hopLimit: 254 }]) {
      const world = listening([message], undefined, { ...fromRouter, ...change }).run(8 * SECOND)
      assert.deepEqual(addresses(world), ['fe80::ff:fe00:100/64'])
      assert.equal(world.happened('ndp:discarded', 'alice').length, 1)
    }
  })

  test('section 6.3.4: a lifetime of zero: no router any more', () => {
    let code = ''
    listening(
      [advertisement({ prefixes: [prefix({ prefix: ip6('2001:db8:1::') })] }), advertisement({ routerLifetime: 0 })],
      function* ({ sockets, sleep }) {
        yield* sleep(8 * SECOND)
        code = yield* codeOf(sockets.connect({ address: ip6('2001:db8:2::1'), port: 80 }))
      },
    ).run(20 * SECOND)
    assert.equal(code, 'ENETUNREACH')
  })

  test('a host with an address of its own takes no notice of advertisements', () => {
    const world = new World({
      hosts: { alice: {}, router: { kind: 'router', advertises: true } },
      links: [{ between: ['alice 2001:db8:1::1/64', 'router 2001:db8:1::fe/64'] }],
    }).run(5 * SECOND)
    assert.equal(messages(world, Icmpv6Type.ROUTER_SOLICITATION).length, 0)
    assert.deepEqual(addresses(world), ['fe80::ff:fe00:100/64', '2001:db8:1::1/64'])
  })

  test('a flood of advertisements fills no memory: 16 routers, 32 prefixes', () => {
    const world = listening([])
    for (let i = 0; i < 500; i++) {
      const source = `fe80::${(i + 1).toString(16)}:1`
      const prefixes = [prefix({ prefix: ip6(`2001:db8:${(i + 1).toString(16)}::`) })]
      world.inject('alice', 0, ndpFrame({ ...fromRouter, source }, advertisement({ prefixes })), 3 * SECOND + i * MILLISECOND)
    }
    world.run(10 * SECOND)
    assert.ok(addresses(world).length <= 32, String(addresses(world).length))
  })
})

describe('RFC 4861 section 6.3.6: several default routers', () => {
  const twoRouters = (alice: Body): World =>
    new World({
      hosts: {
        alice: { apps: [alice] },
        one: { kind: 'router', advertises: true },
        two: { kind: 'router', advertises: true },
        switch: { kind: 'switch' },
        far: { kind: 'switch' },
        bob: {
          routes: [
            { to: '2001:db8:1::/64', via: '2001:db8:2::b' },
            { to: '::/0', via: '2001:db8:2::a' },
          ],
          apps: [server(echo)],
        },
      },
      links: [
        { between: ['alice auto', 'switch'] },
        { between: ['one 2001:db8:1::a/64', 'switch'] },
        { between: ['two 2001:db8:1::b/64', 'switch'] },
        { between: ['one 2001:db8:2::a/64', 'far'] },
        { between: ['two 2001:db8:2::b/64', 'far'] },
        { between: ['bob 2001:db8:2::1/64', 'far'] },
      ],
    })

  test('unreachability detection finds out that the router is gone, and the connection goes on over the other', () => {
    let echoed = 0
    const world = twoRouters(function* ({ sockets, sleep }) {
      yield* sleep(5 * SECOND)
      const socket = yield* sockets.connect({ address: ip6('2001:db8:2::1'), port: 80 })
      for (let i = 0; i < 60; i++) {
        yield* socket.write(new Uint8Array(10))
        yield* socket.readExactly(10)
        echoed++
        yield* sleep(SECOND)
      }
    }).run(10 * SECOND)
    const used = world.frames.findLast(({ from, bytes }) => from === 'alice' && bytes[20] === 6)
    const gone = used?.bytes[4] === 2 ? 'one' : 'two'
    const before = echoed
    world.kill(gone).run(100 * SECOND)
    assert.ok(before > 0 && before < 20)
    const failed = world.happened('ndp:failed', 'alice')
    assert.ok(failed.length >= 1, 'the router was found to be gone')
    // Answers come by "two": only where that lives, the conversation can go on.
    if (gone === 'one') assert.equal(echoed, 60)
  })
})

test('the same seed, the same advertisements; another seed, others', () => {
  const times = (seed: number): number[] =>
    icmpFrames(home(undefined, { seed }).run(60 * SECOND), Icmpv6Type.ROUTER_ADVERTISEMENT).map(({ time }) => time)
  assert.deepEqual(times(3), times(3))
  assert.notDeepEqual(times(3), times(4))
})
