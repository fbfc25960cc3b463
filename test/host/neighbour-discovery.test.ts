import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AppContext, Blocking, EchoReply } from '../../src/host/socket.ts'
import { MILLISECOND, SECOND } from '../../src/kernel/time.ts'
import { multicastMac, readMac } from '../../src/wire/address.ts'
import { Icmpv6Type } from '../../src/wire/icmpv6.ts'
import type { NdpMessage, NeighborAdvertisement } from '../../src/wire/ndp.ts'
import { codeOf, echo, server } from './conversations.ts'
import { messages, ndpFrame, soliciting, type PacketPlan } from './ipv6-frames.ts'
import { ip6, World } from './world.ts'

const ALICE = 0x020000000100
const BOB = 0x020000000200
const MALLORY = 0x020000009900
const ALL_NODES = { destination: 'ff02::1', to: multicastMac(ip6('ff02::1')) }

type Body = (context: AppContext) => Blocking<void>

function cable(alice?: Body, bob?: Body, link: { loss?: number } = {}): World {
  return new World({
    hosts: { alice: { apps: alice ? [alice] : [] }, bob: { apps: bob ? [bob] : [] } },
    links: [{ between: ['alice 2001:db8::1/64', 'bob 2001:db8::2/64'], ...link }],
  })
}

function* ping({ sockets }: AppContext, to = '2001:db8::2', sequence = 1): Blocking<EchoReply | undefined> {
  return yield* sockets.ping(ip6(to), { sequence, payload: 8, timeout: 10 * SECOND })
}

const states = (world: World, host: string, address = '2001:db8::2'): string[] =>
  world.happened('ndp:state-changed', host).flatMap(({ data }) => (data['address'] === address ? [String(data['to'])] : []))

const solicitations = (world: World, from: string) => messages(world, Icmpv6Type.NEIGHBOR_SOLICITATION, from)

describe('RFC 4861 section 7.2: address resolution', () => {
  test('the question goes to the solicited-node group with the asker’s MAC address; the answer to the asker alone', () => {
    const world = cable(function* (context) {
      yield* ping(context)
    }).run(SECOND)
    const [question] = solicitations(world, 'alice')
    assert.equal(readMac(question.frame.bytes, 0), 0x3333_ff00_0002)
    assert.equal(question.header.hopLimit, 255)
    assert.equal(question.header.destination, ip6('ff02::1:ff00:2'))
    assert.deepEqual(question.message, {
      type: Icmpv6Type.NEIGHBOR_SOLICITATION,
      target: ip6('2001:db8::2'),
      sourceLinkLayer: ALICE,
    })
    const [answer] = messages(world, Icmpv6Type.NEIGHBOR_ADVERTISEMENT, 'bob')
    assert.equal(readMac(answer.frame.bytes, 0), ALICE)
    assert.deepEqual(answer.message, {
      type: Icmpv6Type.NEIGHBOR_ADVERTISEMENT,
      isRouter: false,
      solicited: true,
      override: true,
      target: ip6('2001:db8::2'),
      targetLinkLayer: BOB,
    })
    assert.equal(messages(world, Icmpv6Type.NEIGHBOR_ADVERTISEMENT).length, 1, 'bob learned of alice by her question')
  })

  test('a card takes multicast only of groups that it has joined: a third station on the switch hears none of it', () => {
    const heard: string[] = []
    const world = new World({
      hosts: {
        alice: {
          apps: [
            function* (context) {
              yield* ping(context)
            },
          ],
        },
        bob: {},
        carol: {},
        switch: { kind: 'switch' },
      },
      links: [
        { between: ['alice 2001:db8::1/64', 'switch'] },
        { between: ['bob 2001:db8::2/64', 'switch'] },
        { between: ['carol 2001:db8::3/64', 'switch'] },
      ],
    }).run(SECOND)
    const flooded = world.frames.filter(({ from, port, bytes }) => from === 'switch' && port === 2 && bytes[0] === 0x33)
    assert.equal(flooded.length, 1, 'the switch floods the question')
    heard.push(...world.events.filter(({ host, name }) => host === 'carol' && name.startsWith('ndp:')).map(({ name }) => name))
    assert.deepEqual(heard, [], 'and her card drops it')
  })

  test('three questions a second apart, then the packets that waited are reported undeliverable', () => {
    let reply: EchoReply | undefined
    const world = cable(function* (context) {
      reply = yield* ping(context, '2001:db8::99')
    }).run(10 * SECOND)
    assert.deepEqual(
      solicitations(world, 'alice').map(({ frame }) => frame.time),
      [0, SECOND, 2 * SECOND],
    )
    assert.equal(reply?.kind, 'unreachable')
    assert.equal(reply.rtt, 3 * SECOND)
    assert.deepEqual(world.happened('ndp:failed')[0].data, { address: '2001:db8::99', interface: 'eth0', attempts: 3 })
  })

  test('a TCP connection to nobody fails with EHOSTUNREACH', () => {
    let code = ''
    cable(function* ({ sockets }) {
      code = yield* codeOf(sockets.connect({ address: ip6('2001:db8::99'), port: 80 }))
    }).run(10 * SECOND)
    assert.equal(code, 'EHOSTUNREACH')
  })

  test('packets that wait are sent in order when the answer comes', () => {
    const order: number[] = []
    cable(
      function* ({ sockets }) {
        const socket = sockets.udp()
        for (let i = 1; i <= 20; i++) socket.sendTo({ address: ip6('2001:db8::2'), port: 7 }, Uint8Array.of(i))
        yield* socket.receive(SECOND)
      },
      function* ({ sockets }) {
        const socket = sockets.udp(7)
        for (;;) order.push((yield* socket.receive())?.bytes[0] ?? -1)
      },
    ).run(2 * SECOND)
    assert.deepEqual(
      order,
      Array.from({ length: 20 }, (_, i) => i + 1),
    )
  })
})

describe('RFC 4861 section 7.3: neighbour unreachability detection', () => {
  test('INCOMPLETE, REACHABLE, STALE after the reachable time, DELAY for 5 s, PROBE, and REACHABLE again', () => {
    const world = cable(function* (context) {
      yield* ping(context)
      yield* context.sleep(60 * SECOND)
      yield* ping(context, undefined, 2)
    }).run(80 * SECOND)
    assert.deepEqual(states(world, 'alice'), ['REACHABLE', 'STALE', 'DELAY', 'PROBE', 'REACHABLE'])
    const changes = world.happened('ndp:state-changed', 'alice').filter(({ data }) => data['address'] === '2001:db8::2')
    const at = (to: string): number => changes.findLast(({ data }) => data['to'] === to)?.time ?? 0
    assert.equal(at('PROBE') - at('DELAY'), 5 * SECOND)
    const probe = solicitations(world, 'alice').at(-1)
    assert.equal(readMac(probe?.frame.bytes ?? new Uint8Array(6), 0), BOB, 'a probe goes to the neighbour alone')
  })

  test('acknowledgments of TCP keep a neighbour REACHABLE: nobody asks while a conversation flows', () => {
    const world = cable(function* ({ sockets, sleep }) {
      const socket = yield* sockets.connect({ address: ip6('2001:db8::2'), port: 80 })
      for (let i = 0; i < 60; i++) {
        yield* socket.write(new Uint8Array(10))
        yield* socket.readExactly(10)
        yield* sleep(2 * SECOND)
      }
      socket.close()
    }, server(echo)).run(119 * SECOND)
    assert.equal(solicitations(world, 'alice').length, 1)
  })

  test('who does not answer three probes is forgotten, and asked for anew', () => {
    const world = cable(function* (context) {
      yield* ping(context)
      yield* context.sleep(60 * SECOND)
      yield* context.sockets.ping(ip6('2001:db8::2'), { sequence: 2, payload: 8, timeout: 20 * SECOND })
      yield* ping(context, undefined, 3)
    })
    world
      .run(30 * SECOND)
      .kill('bob')
      .run(100 * SECOND)
    assert.deepEqual(states(world, 'alice'), ['REACHABLE', 'STALE', 'DELAY', 'PROBE'])
    assert.deepEqual(
      world.happened('ndp:failed', 'alice').map(({ data }) => data['attempts']),
      [3, 3],
    )
    const asked = solicitations(world, 'alice')
    assert.deepEqual(
      asked.map(({ frame }) => readMac(frame.bytes, 0) === BOB),
      [false, true, true, true, false, false, false],
      'by multicast, three probes by unicast, then by multicast again',
    )
  })

  test('the reachable time is drawn between 15 and 45 s, and is the same for the same seed', () => {
    const stale = (seed: number): number => {
      const world = new World({
        seed,
        hosts: {
          alice: {
            apps: [
              function* (context) {
                for (let i = 1; i <= 60; i++) {
                  yield* ping(context, undefined, i)
                  yield* context.sleep(SECOND)
                }
              },
            ],
          },
          bob: {},
        },
        links: [{ between: ['alice 2001:db8::1/64', 'bob 2001:db8::2/64'] }],
      }).run(60 * SECOND)
      return world.happened('ndp:state-changed', 'alice').find(({ data }) => data['to'] === 'STALE')?.time ?? 0
    }
    const times = [1, 2, 3, 4, 5].map(stale)
    for (const time of times) assert.ok(time >= 15 * SECOND && time <= 46 * SECOND, `${String(time / SECOND)} s`)
    assert.ok(new Set(times).size > 1, 'it depends on the seed')
    assert.equal(stale(1), times[0])
  })
})

/** Alice knows Bob, then hears something. @returns her world, a while later */
function afterHearing(plan: PacketPlan, message: NdpMessage, runs: (context: AppContext) => Blocking<void> = ping1): World {
  const world = cable(runs).run(SECOND)
  return world.inject('alice', 0, ndpFrame(plan, message), SECOND).run(SECOND + 100 * MILLISECOND)
}

function* ping1(context: AppContext): Blocking<void> {
  yield* ping(context)
}

const spoof = (change: Partial<NeighborAdvertisement> = {}): NeighborAdvertisement => ({
  type: Icmpv6Type.NEIGHBOR_ADVERTISEMENT,
  isRouter: false,
  solicited: false,
  override: true,
  target: ip6('2001:db8::2'),
  targetLinkLayer: MALLORY,
  ...change,
})
const toAll: PacketPlan = { from: MALLORY, source: '2001:db8::2', ...ALL_NODES }
const macs = (world: World): unknown[] => world.happened('ndp:resolved', 'alice').map(({ data }) => data['mac'])

describe('RFC 4861 section 7.2.5: receipt of neighbour advertisements', () => {
  test('with the override flag another MAC address replaces the one that is known, and is STALE', () => {
    const world = afterHearing(toAll, spoof())
    assert.deepEqual(macs(world), ['02:00:00:00:02:00', '02:00:00:00:99:00'])
    assert.equal(states(world, 'alice').at(-1), 'STALE')
  })

  test('without it what is known stays, under doubt', () => {
    const world = afterHearing(toAll, spoof({ override: false }))
    assert.deepEqual(macs(world), ['02:00:00:00:02:00'])
    assert.equal(states(world, 'alice').at(-1), 'STALE')
  })

  test('of somebody who is not known a host takes no notice', () => {
    const world = afterHearing({ ...toAll, source: '2001:db8::77' }, spoof({ target: ip6('2001:db8::77') }))
    assert.deepEqual(macs(world), ['02:00:00:00:02:00'])
  })

  test('RFC 9131 section 6.1.1: a router does', () => {
    const world = new World({
      hosts: { router: { kind: 'router' }, bob: {} },
      links: [{ between: ['router 2001:db8::fe/64', 'bob 2001:db8::2/64'] }],
    }).run(SECOND)
    world.inject('router', 0, ndpFrame(toAll, spoof({ override: false })), SECOND).run(2 * SECOND)
    assert.deepEqual(states(world, 'router'), ['STALE'])
  })

  test('an answer for one’s own address is reported, and changes nothing', () => {
    const world = afterHearing({ ...toAll, source: '2001:db8::77' }, spoof({ target: ip6('2001:db8::1') }))
    assert.deepEqual(world.happened('ndp:conflict-detected', 'alice')[0].data, { address: '2001:db8::1', interface: 'eth0' })
  })
})

describe('RFC 4861 sections 6.1 and 7.1: what is not believed', () => {
  const discarded = (world: World): unknown[] => world.happened('ndp:discarded', 'alice').map(({ data }) => data['why'])

  test('a hop limit below 255: it came through a router', () => {
    const world = afterHearing({ ...toAll, hopLimit: 254 }, spoof())
    assert.deepEqual(macs(world), ['02:00:00:00:02:00'])
    assert.match(String(discarded(world)[0]), /hop limit of 254/)
  })

  test('a wrong checksum', () => {
    const world = cable(ping1).run(SECOND)
    const frame = ndpFrame(toAll, spoof())
    frame[frame.length - 1] ^= 1
    world.inject('alice', 0, frame, SECOND).run(2 * SECOND)
    assert.deepEqual(macs(world), ['02:00:00:00:02:00'])
    assert.equal(world.happened('icmpv6:discarded', 'alice')[0].data['why'], 'wrong checksum')
  })

  test('a solicited advertisement to a group', () => {
    const world = afterHearing(toAll, spoof({ solicited: true }))
    assert.equal(discarded(world).length, 1)
  })

  test('a check for duplicates that brings a MAC address, or does not go to the solicited-node group', () => {
    const solicitation = { type: Icmpv6Type.NEIGHBOR_SOLICITATION, target: ip6('2001:db8::1') } as const
    const nobody = { from: MALLORY, source: '::' }
    const named = afterHearing({ ...nobody, ...soliciting('2001:db8::1') }, { ...solicitation, sourceLinkLayer: MALLORY })
    assert.equal(discarded(named).length, 1)
    const direct = afterHearing({ ...nobody, destination: '2001:db8::1', to: ALICE }, solicitation)
    assert.equal(discarded(direct).length, 1)
  })

  test('an option of length zero', () => {
    const world = cable(ping1).run(SECOND)
    const frame = ndpFrame(toAll, spoof())
    frame[14 + 40 + 25] = 0
    // The checksum stays right when what one word loses another gains.
    frame[14 + 40 + 31] += 1
    world.inject('alice', 0, frame, SECOND).run(2 * SECOND)
    assert.deepEqual(macs(world), ['02:00:00:00:02:00'])
    assert.equal(world.happened('ndp:discarded', 'alice').length, 1)
  })

  test('a flood of solicitations from invented neighbours fills no memory and does not push out who talks', () => {
    const world = cable(function* (context) {
      for (let i = 1; i <= 10; i++) {
        yield* ping(context, undefined, i)
        yield* context.sleep(100 * MILLISECOND)
      }
    }).run(500 * MILLISECOND)
    for (let i = 0; i < 3000; i++) {
      const source = `2001:db8::1:${i.toString(16)}`
      const plan = { from: MALLORY, source, ...soliciting('2001:db8::1') }
      const message = { type: Icmpv6Type.NEIGHBOR_SOLICITATION, target: ip6('2001:db8::1'), sourceLinkLayer: MALLORY } as const
      world.inject('alice', 0, ndpFrame(plan, message), 500 * MILLISECOND)
    }
    world.run(3 * SECOND)
    assert.equal(world.happened('app:ended', 'alice').length, 1, 'she goes on')
  })
})

describe('RFC 4862 section 5.4: duplicate address detection', () => {
  const careful = (bob = 'bob 2001:db8::2/64'): World =>
    new World({
      hosts: { alice: { duplicateAddressDetection: true }, bob: {} },
      links: [{ between: ['alice 2001:db8::1/64', bob] }],
    })
  const assigned = (world: World): unknown[] =>
    world.happened('ipv6:address-assigned', 'alice').map(({ data }) => data['address'])

  test('an address is asked for from no address, after up to a second, and used a second later', () => {
    const world = careful().run(3 * SECOND)
    const asked = solicitations(world, 'alice')
    assert.deepEqual(
      asked.map(({ header, message }) => [header.source, header.hopLimit, Object.hasOwn(message, 'sourceLinkLayer')]),
      [
        [0n, 255, false],
        [0n, 255, false],
      ],
    )
    assert.ok(asked[0].frame.time < SECOND, 'within a second')
    assert.deepEqual(assigned(world), ['fe80::ff:fe00:100/64', '2001:db8::1/64'])
    assert.equal(world.happened('ipv6:address-assigned', 'alice')[1].time - asked[1].frame.time, SECOND)
  })

  test('somebody answers for it: it is never used', () => {
    const world = careful('bob 2001:db8::1/64').run(3 * SECOND)
    assert.deepEqual(assigned(world), ['fe80::ff:fe00:100/64'])
    assert.deepEqual(world.happened('ipv6:duplicate-detected', 'alice')[0].data, { address: '2001:db8::1', interface: 'eth0' })
    const [answer] = messages(world, Icmpv6Type.NEIGHBOR_ADVERTISEMENT, 'bob')
    assert.equal(answer.header.destination, ip6('ff02::1'), 'who has no address is answered by telling all')
  })

  test('somebody else asks for it at the same time: neither uses it', () => {
    const world = new World({
      hosts: { alice: { duplicateAddressDetection: true }, bob: { duplicateAddressDetection: true } },
      links: [{ between: ['alice 2001:db8::5/64', 'bob 2001:db8::5/64'] }],
    }).run(4 * SECOND)
    const unused = world.happened('ipv6:duplicate-detected').map(({ host }) => host)
    assert.ok(unused.length >= 1 && unused.length <= 2, unused.join())
    const users = world.happened('ipv6:address-assigned').filter(({ data }) => data['address'] === '2001:db8::5/64')
    assert.equal(users.length + unused.length, 2)
    assert.ok(users.length <= 1, 'never both')
  })

  test('a question that asks for resolution proves nothing about a tentative address', () => {
    const world = careful()
    const plan = { from: BOB, source: '2001:db8::2', ...soliciting('2001:db8::1') }
    const message = { type: Icmpv6Type.NEIGHBOR_SOLICITATION, target: ip6('2001:db8::1'), sourceLinkLayer: BOB } as const
    world.inject('alice', 0, ndpFrame(plan, message), 500 * MILLISECOND).run(3 * SECOND)
    assert.equal(assigned(world).length, 2)
    const answers = messages(world, Icmpv6Type.NEIGHBOR_ADVERTISEMENT, 'alice').filter(
      ({ message }) => 'solicited' in message && message.solicited,
    )
    assert.equal(answers.length, 0, 'and is not answered')
  })

  test('a link-local address that is taken silences the interface', () => {
    const world = careful()
    const linkLocal = ip6('fe80::ff:fe00:100')
    const answer = spoof({ target: linkLocal })
    world.inject('alice', 0, ndpFrame({ ...toAll, source: 'fe80::ff:fe00:100' }, answer), 900 * MILLISECOND).run(5 * SECOND)
    assert.equal(world.happened('ipv6:duplicate-detected', 'alice').length, 1)
    assert.ok(
      solicitations(world, 'alice').every(({ frame }) => frame.time < 900 * MILLISECOND),
      'not a word since',
    )
  })
})
