import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AppContext, Blocking, Datagram, EchoReply } from '../../src/host/socket.ts'
import { FrameMark } from '../../src/kernel/machine.ts'
import { MILLISECOND, SECOND } from '../../src/kernel/time.ts'
import { formatIp, multicastMac } from '../../src/wire/address.ts'
import { decodeQuotationV6, Icmpv6Type, UnreachableCodeV6 } from '../../src/wire/icmpv6.ts'
import { read16, read32, write16 } from '../../src/wire/integer.ts'
import { NextHeader } from '../../src/wire/ipv6.ts'
import { codeOf, echo, filler, readAll, segments6, server } from './conversations.ts'
import { icmpFrame, icmpFrames, packet, UPPER, type PacketPlan } from './ipv6-frames.ts'
import { ip6, World, type HostPlan, type SentFrame } from './world.ts'

type Body = (context: AppContext) => Blocking<void>

const ALICE = 0x020000000100
const STRANGER = 0x020000007700

const run = (body?: Body): HostPlan => (body === undefined ? {} : { apps: [body] })

/** alice 2001:db8:1::1 – r1 – (an MTU of its own) – r2 – bob 2001:db8:3::1. */
function chain(alice?: Body, bob?: Body, mtu = 1500): World {
  return new World({
    hosts: {
      alice: { ...run(alice), gateway6: '2001:db8:1::fe' },
      r1: { kind: 'router', gateway6: '2001:db8:2::2' },
      r2: { kind: 'router', gateway6: '2001:db8:2::1' },
      bob: { ...run(bob), gateway6: '2001:db8:3::fe' },
    },
    links: [
      { between: ['alice 2001:db8:1::1/64', 'r1 2001:db8:1::fe/64'] },
      { between: ['r1 2001:db8:2::1/64', 'r2 2001:db8:2::2/64'], mtu },
      { between: ['r2 2001:db8:3::fe/64', 'bob 2001:db8:3::1/64'] },
    ],
  })
}
const BOB = { address: ip6('2001:db8:3::1'), port: 80 }

function alone(alice?: Body): World {
  return new World({
    hosts: { alice: run(alice), bob: {} },
    links: [{ between: ['alice 2001:db8::1/64', 'bob 2001:db8::2/64'] }],
  })
}

function pinger(to: string, replies: (EchoReply | undefined)[], options: { ttl?: number; payload?: number } = {}): Body {
  return function* ({ sockets }) {
    replies.push(yield* sockets.ping(ip6(to), { sequence: 1, payload: 56, timeout: 5 * SECOND, ...options }))
  }
}

describe('RFC 8200: forwarding', () => {
  test('a packet goes over two routers and back, its hop limit two less', () => {
    const replies: (EchoReply | undefined)[] = []
    const world = chain(pinger('2001:db8:3::1', replies)).run(6 * SECOND)
    assert.deepEqual(
      replies.map((reply) => [reply?.kind, reply && formatIp(reply.from), reply?.ttl]),
      [['reply', '2001:db8:3::1', 62]],
    )
    const forwarded = icmpFrames(world, Icmpv6Type.ECHO_REQUEST).filter(({ mark }) => (mark & FrameMark.Forwarded) !== 0)
    assert.deepEqual(
      forwarded.map(({ from, bytes }) => [from, bytes[21]]),
      [
        ['r1', 63],
        ['r2', 62],
      ],
    )
  })

  test('traceroute: each router on the way names itself', () => {
    const route: string[] = []
    chain(function* ({ sockets }) {
      for (let ttl = 1; ttl <= 4; ttl++) {
        const reply = yield* sockets.ping(BOB.address, { sequence: ttl, payload: 32, ttl, timeout: 5 * SECOND })
        route.push(`${reply?.kind ?? 'lost'} ${reply === undefined ? '' : formatIp(reply.from)}`)
        if (reply?.kind === 'reply') return
      }
    }).run(20 * SECOND)
    assert.deepEqual(route, ['time-exceeded 2001:db8:1::fe', 'time-exceeded 2001:db8:2::2', 'reply 2001:db8:3::1'])
  })

  test('the longest prefix decides, whatever the order in the table', () => {
    for (const order of [0, 1]) {
      const routes = [
        { to: '2001:db8::/32', via: '2001:db8:1::b' },
        { to: '2001:db8:9::/48', via: '2001:db8:1::a' },
      ]
      if (order === 1) routes.reverse()
      const world = new World({
        hosts: {
          alice: { ...run(pinger('2001:db8:9::1', [])), routes },
          a: { kind: 'router' },
          b: { kind: 'router' },
          switch: { kind: 'switch' },
        },
        links: [
          { between: ['alice 2001:db8:1::1/64', 'switch'] },
          { between: ['a 2001:db8:1::a/64', 'switch'] },
          { between: ['b 2001:db8:1::b/64', 'switch'] },
        ],
      }).run(6 * SECOND)
      assert.deepEqual(
        world.happened('icmpv6:sent').map(({ host, data }) => [host, data['meaning']]),
        [['a', 'no route']],
      )
    }
  })

  test('no route, of a host itself: ENETUNREACH; of a router: destination unreachable, code 0', () => {
    let code = ''
    alone(function* ({ sockets }) {
      code = yield* codeOf(sockets.connect({ address: ip6('2001:db8:5::1'), port: 80 }))
    }).run()
    assert.equal(code, 'ENETUNREACH')
    const replies: (EchoReply | undefined)[] = []
    const world = new World({
      hosts: { alice: { ...run(pinger('2001:db8:5::1', replies)), gateway6: '2001:db8::fe' }, router: { kind: 'router' } },
      links: [{ between: ['alice 2001:db8::1/64', 'router 2001:db8::fe/64'] }],
    }).run(6 * SECOND)
    assert.equal(replies[0]?.kind, 'unreachable')
    const [error] = icmpFrames(world, Icmpv6Type.DESTINATION_UNREACHABLE, 'router')
    assert.equal(error.bytes[UPPER + 1], UnreachableCodeV6.NO_ROUTE)
  })

  test('RFC 4291 section 2.5.6: what has a link-local address stays on its link', () => {
    const world = chain()
    const plan = { from: ALICE, to: 0x020000000200, hopLimit: 64 }
    const request = (source: string, destination: string): Uint8Array =>
      icmpFrame({ ...plan, source, destination }, Icmpv6Type.ECHO_REQUEST, 0, 1, new Uint8Array(8))
    world.inject('r1', 0, request('fe80::ff:fe00:100', '2001:db8:3::1'), MILLISECOND)
    world.inject('r1', 0, request('2001:db8:1::1', 'fe80::77'), MILLISECOND)
    world.run(6 * SECOND)
    assert.equal(icmpFrames(world, Icmpv6Type.ECHO_REQUEST, 'r1').length, 0)
    const [error] = icmpFrames(world, Icmpv6Type.DESTINATION_UNREACHABLE, 'r1')
    assert.equal(error.bytes[UPPER + 1], UnreachableCodeV6.BEYOND_SCOPE)
  })
})

describe('RFC 8200 section 5, RFC 4443 section 3.2: packets that are too big', () => {
  test('a router never cuts: it says what the next link takes, and the source cuts the next one; so of the answer', () => {
    const replies: (EchoReply | undefined)[] = []
    const world = chain(
      function* ({ sockets, sleep }) {
        for (let sequence = 1; sequence <= 3; sequence++) {
          replies.push(yield* sockets.ping(BOB.address, { sequence, payload: 1400, timeout: SECOND }))
          yield* sleep(10 * MILLISECOND)
        }
      },
      undefined,
      1300,
    ).run(10 * SECOND)
    assert.deepEqual(
      replies.map((reply) => reply?.kind),
      [undefined, undefined, 'reply'],
    )
    const [error] = icmpFrames(world, Icmpv6Type.PACKET_TOO_BIG, 'r1')
    assert.equal(read32(error.bytes, UPPER + 4), 1300)
    assert.equal(error.bytes.length - 14, 1280, 'it quotes as much as fits')
    const fragments = world.frames.filter(({ from, bytes }) => from === 'alice' && bytes[20] === NextHeader.FRAGMENT)
    assert.deepEqual(
      fragments.map(({ bytes }) => bytes.length - 14 <= 1300),
      [true, true, true, true],
    )
    const passedOn = world.frames.filter(({ from, bytes }) => from.startsWith('r') && bytes[20] === NextHeader.FRAGMENT)
    assert.ok(passedOn.length > 0 && passedOn.every(({ bytes }) => isCopy(world, bytes)), 'routers pass fragments on as they are')
  })

  test('RFC 8201 section 4: a report of less than 1,280 is not believed to mean less', () => {
    const plan = { from: STRANGER, to: ALICE, source: '2001:db8::66', destination: '2001:db8::1', hopLimit: 60 }
    const world = alone(function* ({ sockets, sleep }) {
      for (let i = 0; i < 2; i++) {
        sockets.udp(i === 0 ? 4000 : 4001).sendTo({ address: ip6('2001:db8::2'), port: 7 }, new Uint8Array(1400))
        yield* sleep(SECOND)
      }
    }).run(500 * MILLISECOND)
    const sent = world.frames.find(({ from, bytes }) => from === 'alice' && bytes[20] === NextHeader.UDP)
    const quoted = sent?.bytes.subarray(14, 14 + 1232) ?? new Uint8Array()
    world.inject('alice', 0, icmpFrame(plan, Icmpv6Type.PACKET_TOO_BIG, 0, 68, quoted), 600 * MILLISECOND).run(3 * SECOND)
    const fragments = world.frames.filter(({ from, bytes }) => from === 'alice' && bytes[20] === NextHeader.FRAGMENT)
    assert.deepEqual(
      fragments.map(({ bytes }) => bytes.length - 14 > 1200),
      [true, false],
    )
  })

  test('fragments are put together; a datagram of 65,527 bytes arrives, one byte more is refused', () => {
    const got: (Datagram | undefined)[] = []
    let code = ''
    const payload = filler(65_527)
    chain(
      function* ({ sockets }) {
        const socket = sockets.udp()
        socket.sendTo({ ...BOB, port: 7 }, payload)
        try {
          socket.sendTo({ ...BOB, port: 7 }, new Uint8Array(65_528))
        } catch (error) {
          code = (error as { code: string }).code
        }
        yield* socket.receive(SECOND)
      },
      function* ({ sockets }) {
        got.push(yield* sockets.udp(7).receive(10 * SECOND))
      },
    ).run(20 * SECOND)
    assert.deepEqual(got[0]?.bytes, payload)
    assert.equal(code, 'EMSGSIZE')
  })

  test('a fragment that never gets its others: time exceeded, code 1, after 60 s', () => {
    const plan = { from: STRANGER, to: ALICE, source: '2001:db8::2', destination: '2001:db8::1', nextHeader: NextHeader.FRAGMENT }
    const first = packet(plan, 8 + 16, (bytes, start) => {
      bytes[start] = NextHeader.UDP
      write16(bytes, start + 2, 1)
      write16(bytes, start + 12, 100)
    })
    const world = alone()
      .inject('alice', 0, first, SECOND)
      .run(100 * SECOND)
    const [error] = icmpFrames(world, Icmpv6Type.TIME_EXCEEDED, 'alice')
    assert.equal(error.bytes[UPPER + 1], 1)
    assert.ok(error.time >= 61 * SECOND && error.time < 62 * SECOND + 10 * MILLISECOND, String(error.time))
  })
})

function isCopy(world: World, bytes: Uint8Array): boolean {
  return world.frames.some(({ from, bytes: other }) => !from.startsWith('r') && same(other, bytes))
}
function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a.subarray(22)).equals(Buffer.from(b.subarray(22)))
}

describe('RFC 8200 section 4: extension headers', () => {
  const plan: PacketPlan = { from: STRANGER, to: ALICE, source: '2001:db8::2', destination: '2001:db8::1', hopLimit: 64 }
  /** A packet whose payload is written out. */
  const raw = (nextHeader: number, ...bytes: number[]): Uint8Array =>
    packet({ ...plan, nextHeader }, bytes.length, (frame, start) => {
      frame.set(bytes, start)
    })
  const problems = (frame: Uint8Array): [code: number, pointer: number][] => {
    const world = alone()
      .inject('alice', 0, frame, SECOND)
      .run(5 * SECOND)
    return icmpFrames(world, Icmpv6Type.PARAMETER_PROBLEM, 'alice').map(({ bytes }) => [
      bytes[UPPER + 1],
      read32(bytes, UPPER + 4),
    ])
  }
  const PADN = [1, 4, 0, 0, 0, 0]

  test('hop-by-hop and destination options are stepped over: the UDP datagram behind them arrives', () => {
    let got: Datagram | undefined
    const world = alone(function* ({ sockets }) {
      got = yield* sockets.udp(7).receive(5 * SECOND)
    })
    const udp = packet({ ...plan, nextHeader: NextHeader.HOP_BY_HOP }, 16 + 9, (bytes, start, addresses) => {
      bytes.set([NextHeader.DESTINATION_OPTIONS, 0, ...PADN, NextHeader.UDP, 0, ...PADN], start)
      bytes.set([0, 9, 0, 7, 0, 9, 0, 0, 42], start + 16)
      let total = addresses + NextHeader.UDP + 9 + 9 + 7 + 9 + 42 * 256
      while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
      write16(bytes, start + 16 + 6, ~total & 0xffff)
    })
    world.inject('alice', 0, udp, SECOND).run(6 * SECOND)
    assert.deepEqual(got?.bytes, Uint8Array.of(42))
  })

  test('a next header that nobody here speaks: parameter problem, code 1, pointing at it', () => {
    assert.deepEqual(problems(raw(132, 0, 0, 0, 0)), [[1, 6]])
    assert.deepEqual(problems(raw(NextHeader.DESTINATION_OPTIONS, 132, 0, ...PADN)), [[1, 40]])
  })

  test('no next header: nothing is said', () => {
    assert.deepEqual(problems(raw(NextHeader.NO_NEXT_HEADER)), [])
  })

  test('an unknown option whose type begins with 10: code 2; with 01: silence; with 00: as if it were not there', () => {
    const withOption = (type: number): Uint8Array =>
      raw(NextHeader.DESTINATION_OPTIONS, NextHeader.NO_NEXT_HEADER, 0, type, 4, 0, 0, 0, 0)
    assert.deepEqual(problems(withOption(0x9e)), [[2, 42]])
    assert.deepEqual(problems(withOption(0x5e)), [])
    assert.deepEqual(problems(withOption(0x1e)), [])
  })

  test('a routing header with segments left: code 0, pointing at its type (RFC 5095)', () => {
    assert.deepEqual(problems(raw(NextHeader.ROUTING, NextHeader.NO_NEXT_HEADER, 0, 0, 1, 0, 0, 0, 0)), [[0, 42]])
  })

  test('a chain of extension headers that never ends is cut off', () => {
    const bytes: number[] = []
    for (let i = 0; i < 60; i++) bytes.push(NextHeader.DESTINATION_OPTIONS, 0, ...PADN)
    assert.equal(problems(raw(NextHeader.DESTINATION_OPTIONS, ...bytes)).length, 1)
  })
})

describe('RFC 4443: errors', () => {
  const plan: PacketPlan = { from: STRANGER, to: ALICE, source: '2001:db8::2', destination: '2001:db8::1', hopLimit: 64 }
  const closedPort = (change: Partial<PacketPlan> = {}): Uint8Array =>
    packet({ ...plan, nextHeader: NextHeader.UDP, ...change }, 8, (bytes, start, addresses) => {
      bytes.set([0, 9, 0, 99, 0, 8, 0, 0], start)
      let total = addresses + NextHeader.UDP + 8 + 9 + 99 + 8
      while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
      write16(bytes, start + 6, ~total & 0xffff)
    })
  const errors = (world: World): SentFrame[] => icmpFrames(world, Icmpv6Type.DESTINATION_UNREACHABLE, 'alice')

  test('section 3.1: nobody listens at the port', () => {
    let code = ''
    alone(function* ({ sockets }) {
      const socket = sockets.udp()
      socket.sendTo({ address: ip6('2001:db8::2'), port: 99 }, new Uint8Array(8))
      code = yield* codeOf(socket.receive(5 * SECOND))
    }).run(10 * SECOND)
    assert.equal(code, 'ECONNREFUSED')
  })

  test('section 2.4 (e): never about what was sent to a group, from nobody, or about an error', () => {
    const quiet = [
      closedPort({ destination: 'ff02::1', to: multicastMac(ip6('ff02::1')) }),
      closedPort({ source: '::' }),
      icmpFrame(plan, Icmpv6Type.DESTINATION_UNREACHABLE, 4, 0, new Uint8Array(48)),
    ]
    for (const frame of quiet) {
      const world = alone()
        .inject('alice', 0, frame, SECOND)
        .run(5 * SECOND)
      assert.equal(errors(world).length, 0)
    }
    assert.equal(
      errors(
        alone()
          .inject('alice', 0, closedPort(), SECOND)
          .run(5 * SECOND),
      ).length,
      1,
      'but otherwise',
    )
  })

  test('section 2.4 (f): a flood gets six answers at once, and then one a second', () => {
    const world = alone()
    for (let i = 0; i < 400; i++) world.inject('alice', 0, closedPort(), i * 10 * MILLISECOND)
    world.run(10 * SECOND)
    assert.equal(errors(world).length, 6 + 3)
  })

  test('section 2.4 (d): an error is for the conversation that it quotes, and a forged one hits nobody', () => {
    let code = ''
    const world = alone(function* ({ sockets }) {
      const socket = sockets.udp(5000)
      code = yield* codeOf(socket.receive(5 * SECOND))
    })
    const forged = closedPort().subarray(14)
    world.inject('alice', 0, icmpFrame(plan, Icmpv6Type.DESTINATION_UNREACHABLE, 4, 0, forged), SECOND).run(10 * SECOND)
    assert.equal(code, 'none')
    assert.equal(decodeQuotationV6(forged).destinationPort, 99)
  })

  test('RFC 8200 section 8.1: a UDP datagram without a checksum is dropped', () => {
    const frame = closedPort()
    write16(frame, UPPER + 6, 0)
    const world = alone()
      .inject('alice', 0, frame, SECOND)
      .run(5 * SECOND)
    assert.equal(world.happened('udp:discarded', 'alice')[0].data['why'], 'no checksum')
    assert.equal(errors(world).length, 0)
  })

  test('impossible addresses on the wire: from a group, from and to ::1, from oneself', () => {
    for (const change of [{ source: 'ff02::1' }, { source: '::1' }, { destination: '::1' }, { source: '2001:db8::1' }]) {
      const world = alone()
        .inject('alice', 0, closedPort(change), SECOND)
        .run(5 * SECOND)
      assert.equal(world.happened('ipv6:discarded', 'alice').length, 1, JSON.stringify(change))
      assert.equal(errors(world).length, 0)
    }
  })
})

describe('TCP over IPv6', () => {
  test('bytes go both ways; the MSS is 60 less than the MTU', () => {
    const sent = filler(100_000)
    let got: Uint8Array | undefined
    const world = chain(function* ({ sockets }) {
      const socket = yield* sockets.connect(BOB)
      yield* socket.write(sent)
      socket.shutdown()
      got = yield* readAll(socket)
      socket.close()
    }, server(echo)).run(30 * SECOND)
    assert.deepEqual(got, sent)
    assert.equal(segments6(world, 'alice')[0].segment.mss, 1440)
    assert.equal(world.happened('tcp:discarded').length, 0)
  })

  test('the conversation is named with brackets, its client first', () => {
    const world = chain(function* ({ sockets }) {
      const socket = yield* sockets.connect(BOB)
      socket.close()
    }, server(echo)).run(10 * SECOND)
    const [{ connection }] = world.happened('tcp:state-changed', 'bob')
    assert.match(connection, /^\[2001:db8:1::1\]:\d+ ↔ \[2001:db8:3::1\]:80$/)
  })

  test('nobody listens: ECONNREFUSED', () => {
    let code = ''
    chain(function* ({ sockets }) {
      code = yield* codeOf(sockets.connect(BOB))
    }).run(10 * SECOND)
    assert.equal(code, 'ECONNREFUSED')
  })

  test('a host talks to itself by ::1, and by its own address', () => {
    for (const address of ['::1', '2001:db8::1']) {
      let got: Uint8Array | undefined
      const world = new World({
        hosts: {
          alice: {
            apps: [
              server(echo),
              function* ({ sockets }) {
                const socket = yield* sockets.connect({ address: ip6(address), port: 80 })
                yield* socket.write(Uint8Array.of(1, 2, 3))
                got = yield* socket.readExactly(3)
                socket.close()
              },
            ],
          },
          bob: {},
        },
        links: [{ between: ['alice 2001:db8::1/64', 'bob 2001:db8::2/64'] }],
      }).run(10 * SECOND)
      assert.deepEqual(got, Uint8Array.of(1, 2, 3))
      assert.equal(world.frames.length, 0)
    }
  })

  test('one listener serves both versions, and tells them apart', () => {
    const from: string[] = []
    new World({
      hosts: {
        alice: {
          apps: [
            function* ({ sockets }) {
              for (const address of [0x0a00_0002, ip6('2001:db8::2')]) {
                const socket = yield* sockets.connect({ address, port: 80 })
                yield* socket.read()
                socket.close()
              }
            },
          ],
        },
        bob: {
          apps: [
            server(function* (socket) {
              from.push(formatIp(socket.remote.address))
              socket.close()
              yield* socket.closed()
            }),
          ],
        },
      },
      links: [{ between: ['alice 10.0.0.1/24 2001:db8::1/64', 'bob 10.0.0.2/24 2001:db8::2/64'] }],
    }).run(10 * SECOND)
    assert.deepEqual(from, ['10.0.0.1', '2001:db8::1'])
  })

  test('a flipped bit in the address makes the checksum wrong', () => {
    const world = alone(server(echo))
    const frame = packet(
      { from: STRANGER, to: ALICE, source: '2001:db8::2', destination: '2001:db8::1', nextHeader: NextHeader.TCP },
      20,
      (bytes, start, addresses) => {
        bytes.set([0, 9, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0], start)
        let total = addresses + NextHeader.TCP + 20
        for (let i = 0; i < 20; i += 2) total += read16(bytes, start + i)
        while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
        write16(bytes, start + 16, ~total & 0xffff)
      },
    )
    const right = frame.slice()
    frame[14 + 8 + 15] ^= 4
    world
      .inject('alice', 0, frame, SECOND)
      .inject('alice', 0, right, SECOND)
      .run(2 * SECOND)
    assert.equal(world.happened('tcp:discarded', 'alice').length, 1)
    assert.equal(segments6(world, 'alice').length, 1, 'the right one is answered')
  })
})

describe('a host that speaks one version only', () => {
  test('IPv4 alone: IPv6 is not heard, and has no way', () => {
    let code = ''
    const world = new World({
      hosts: {
        alice: {
          apps: [
            function* ({ sockets }) {
              code = yield* codeOf(sockets.connect({ address: ip6('2001:db8::2'), port: 80 }))
            },
          ],
        },
        bob: {},
      },
      links: [{ between: ['alice 10.0.0.1/24', 'bob 10.0.0.2/24'] }],
    })
    const plan = { from: STRANGER, to: ALICE, source: '2001:db8::2', destination: '2001:db8::1' }
    world.inject('alice', 0, icmpFrame(plan, Icmpv6Type.ECHO_REQUEST, 0, 1, new Uint8Array(8)), SECOND).run(5 * SECOND)
    assert.equal(code, 'ENETUNREACH')
    assert.deepEqual([world.frames.length, world.happened('ipv6:discarded').length], [0, 0])
  })

  test('IPv6 alone: no ARP, and no answer over IPv4', () => {
    let code = ''
    const world = alone(function* ({ sockets }) {
      code = yield* codeOf(sockets.connect({ address: 0x0a00_0002, port: 80 }))
    })
    const arp = new Uint8Array(42)
    arp.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0x77, 0, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0x77, 0])
    world.inject('alice', 0, arp, SECOND).run(5 * SECOND)
    assert.equal(code, 'ENETUNREACH')
    assert.equal(world.frames.length, 0)
  })
})
