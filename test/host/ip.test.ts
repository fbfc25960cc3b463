import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AppContext, Blocking, EchoReply } from '../../src/host/socket.ts'
import type { SocketError } from '../../src/host/socket.ts'
import { FrameMark } from '../../src/kernel/machine.ts'
import { SECOND } from '../../src/kernel/time.ts'
import { readMac, type IpAddress } from '../../src/wire/address.ts'
import { finish, sum } from '../../src/wire/checksum.ts'
import { decodeIcmp, encodeIcmp, IcmpMessage, icmpEncodedLength, IcmpType, UnreachableCode } from '../../src/wire/icmp.ts'
import { decodeIpv4, encodeIpv4, Ipv4Header, IpProtocol, verifyIpv4Checksum } from '../../src/wire/ipv4.ts'
import { pair, routed, switched } from './topologies.ts'
import { ip, World, type SentFrame } from './world.ts'

type Ping = Parameters<AppContext['sockets']['ping']>[1]

/** Pings once and keeps what came back. */
function pinger(
  target: string,
  replies: (EchoReply | undefined)[],
  options: Partial<Ping> = {},
): (context: AppContext) => Blocking<void> {
  return function* ({ sockets }) {
    replies.push(yield* sockets.ping(ip(target), { sequence: 1, payload: 56, timeout: 10 * SECOND, ...options }))
  }
}

interface Packet {
  readonly frame: SentFrame
  readonly header: Ipv4Header
}

function packets(world: World, from?: string): Packet[] {
  return world.frames
    .filter(({ bytes, from: sender }) => bytes[12] === 0x08 && bytes[13] === 0x00 && (from === undefined || from === sender))
    .map((frame) => ({ frame, header: decodeIpv4(frame.bytes, 14, frame.bytes.length) }))
}

function icmpOf({ frame, header }: Packet): IcmpMessage {
  return decodeIcmp(frame.bytes, header.payloadStart, header.payloadEnd)
}

/** A frame with a packet from alice for the interface of `routed`'s router, or of `pair`'s bob. */
function packetFrame(fields: Partial<Ipv4Header>, payload: Uint8Array, destinationMac: number): Uint8Array {
  const header = Object.assign(new Ipv4Header(), { source: ip('10.0.1.1'), ...fields })
  const frame = new Uint8Array(34 + payload.length)
  for (let i = 0; i < 6; i++) frame[i] = Math.floor(destinationMac / 2 ** (40 - 8 * i)) & 0xff
  frame[6] = 2
  frame[12] = 8
  encodeIpv4(header, payload.length, frame, 14)
  frame.set(payload, 34)
  return frame
}

function echoRequest(length = 8): Uint8Array {
  const message = Object.assign(new IcmpMessage(), { type: IcmpType.ECHO_REQUEST, payload: new Uint8Array(length) })
  const bytes = new Uint8Array(icmpEncodedLength(message))
  encodeIcmp(message, bytes, 0)
  return bytes
}

const ROUTER_MAC = 0x020000000200
const BOB_MAC = 0x020000000200

describe('ping', () => {
  test('across a switch', () => {
    const replies: EchoReply[] = []
    switched(pinger('10.0.0.3', replies)).run()
    assert.deepEqual(replies, [{ from: ip('10.0.0.3'), kind: 'reply', rtt: 8_000_000, ttl: 64 }])
  })

  test('across a router: the TTL says how many hops the reply took', () => {
    const replies: EchoReply[] = []
    const world = routed(pinger('10.0.2.1', replies)).run()
    assert.deepEqual(
      replies.map(({ from, kind, ttl }) => [from, kind, ttl]),
      [[ip('10.0.2.1'), 'reply', 63]],
    )
    for (const { frame, header } of packets(world)) {
      assert.equal(verifyIpv4Checksum(frame.bytes, 14), true)
      assert.equal(finish(sum(frame.bytes, header.payloadStart, header.payloadEnd)), 0)
    }
  })

  test('a forwarded packet has new addresses below, one hop less, and is otherwise the same', () => {
    const world = routed(pinger('10.0.2.1', [])).run()
    const [sent] = packets(world, 'alice')
    const [forwarded] = packets(world, 'router')
    assert.equal(forwarded.frame.mark, FrameMark.Forwarded)
    assert.equal(readMac(forwarded.frame.bytes, 6), 0x020000000201)
    assert.equal(forwarded.header.ttl, 63)
    const same = forwarded.frame.bytes.slice(14)
    same[8]++
    same.set(sent.frame.bytes.subarray(24, 26), 10)
    assert.deepEqual(same, sent.frame.bytes.slice(14))
  })

  test('a router answers at both of its addresses, with the address that was asked', () => {
    for (const address of ['10.0.1.254', '10.0.2.254']) {
      const replies: EchoReply[] = []
      routed(pinger(address, replies)).run()
      assert.deepEqual(
        replies.map(({ from, kind, ttl }) => [from, kind, ttl]),
        [[ip(address), 'reply', 64]],
      )
    }
  })

  test('its own address, by any name, without a frame', () => {
    for (const address of ['10.0.0.1', '127.0.0.1', '127.9.9.9']) {
      const replies: EchoReply[] = []
      const world = pair(pinger(address, replies)).run()
      assert.deepEqual(
        replies.map(({ from, kind }) => [from, kind]),
        [[ip(address), 'reply']],
      )
      assert.ok(replies[0].rtt > 0, 'time passes, so that nobody can talk to himself forever at one moment')
      assert.equal(world.frames.length, 0)
    }
  })

  test('a lost reply gives undefined at the timeout', () => {
    const replies: (EchoReply | undefined)[] = []
    const world = pair(pinger('10.0.0.2', replies, { timeout: SECOND }))
    world.kill('bob').run()
    assert.deepEqual(replies, [undefined])
  })

  test('no route: ENETUNREACH at once', () => {
    const errors: unknown[] = []
    pair(function* ({ sockets }) {
      try {
        yield* sockets.ping(ip('192.0.2.1'), { sequence: 1, payload: 1, timeout: SECOND })
      } catch (error) {
        errors.push(error)
      }
    }).run()
    assert.equal((errors[0] as SocketError).code, 'ENETUNREACH')
  })

  test('an echo to everybody is not answered (RFC 1122 section 3.2.2.6)', () => {
    const world = pair()
    for (const destination of ['10.0.0.255', '255.255.255.255']) {
      const fields = { source: ip('10.0.0.1'), destination: ip(destination), protocol: IpProtocol.ICMP }
      world.inject('bob', 0, packetFrame(fields, echoRequest(), 0xffffffffffff))
    }
    world.run(SECOND)
    assert.deepEqual(world.frames, [])
  })

  test('an echo from an impossible source is not answered', () => {
    const world = pair()
    for (const source of ['10.0.0.255', '255.255.255.255', '224.0.0.1', '127.0.0.1', '0.0.0.0', '10.0.0.2', '240.0.0.1']) {
      const fields = { source: ip(source), destination: ip('10.0.0.2'), protocol: IpProtocol.ICMP }
      world.inject('bob', 0, packetFrame(fields, echoRequest(), BOB_MAC))
    }
    world.run(SECOND)
    assert.deepEqual(world.frames, [])
    assert.equal(world.happened('ip:discarded').length, 7)
  })

  test('two applications that ping with the same sequence number get their own replies', () => {
    const a: EchoReply[] = []
    const b: EchoReply[] = []
    switched([pinger('10.0.0.2', a), pinger('10.0.0.3', b)]).run()
    assert.deepEqual([a[0].from, b[0].from], [ip('10.0.0.2'), ip('10.0.0.3')])
  })
})

describe('ICMP errors', () => {
  /** alice – r1 – r2 – r3 – bob. */
  function chain(alice: (context: AppContext) => Blocking<void>): World {
    return new World({
      hosts: {
        alice: { apps: [alice], gateway: '10.0.1.2' },
        r1: { kind: 'router', gateway: '10.0.2.2' },
        r2: { kind: 'router', routes: [{ to: '10.0.1.0/24', via: '10.0.2.1' }], gateway: '10.0.3.2' },
        r3: { kind: 'router', gateway: '10.0.3.1' },
        bob: { gateway: '10.0.4.1' },
      },
      links: [
        { between: ['alice 10.0.1.1/24', 'r1 10.0.1.2/24'] },
        { between: ['r1 10.0.2.1/24', 'r2 10.0.2.2/24'] },
        { between: ['r2 10.0.3.1/24', 'r3 10.0.3.2/24'] },
        { between: ['r3 10.0.4.1/24', 'bob 10.0.4.2/24'] },
      ],
    })
  }

  test('traceroute finds every router on the way, then the host', () => {
    const route: [string, IpAddress][] = []
    chain(function* ({ sockets }) {
      for (let ttl = 1; ttl <= 10; ttl++) {
        const reply = yield* sockets.ping(ip('10.0.4.2'), { sequence: ttl, payload: 32, ttl, timeout: SECOND })
        route.push([reply?.kind ?? 'lost', reply?.from ?? 0])
        if (reply?.kind === 'reply') break
      }
    }).run()
    assert.deepEqual(route, [
      ['time-exceeded', ip('10.0.1.2')],
      ['time-exceeded', ip('10.0.2.2')],
      ['time-exceeded', ip('10.0.3.2')],
      ['reply', ip('10.0.4.2')],
    ])
  })

  test('time exceeded quotes the packet as it came', () => {
    const world = chain(pinger('10.0.4.2', [], { ttl: 1 })).run()
    const [request] = packets(world, 'alice')
    const error = packets(world, 'r1').map(icmpOf)[0]
    assert.equal(error.type, IcmpType.TIME_EXCEEDED)
    assert.deepEqual(error.payload, request.frame.bytes.subarray(14))
    assert.equal(world.happened('icmp:sent', 'r1')[0].data.meaning, 'time exceeded in transit')
    assert.equal(packets(world, 'r1')[0].frame.cause, world.happened('icmp:sent', 'r1')[0].id)
  })

  test('a router without a route says network unreachable; without the host, host unreachable', () => {
    for (const [target, code, kind] of [
      ['10.9.9.9', UnreachableCode.NET_UNREACHABLE, 'unreachable'],
      ['10.0.2.77', UnreachableCode.HOST_UNREACHABLE, 'unreachable'],
    ] as const) {
      const replies: EchoReply[] = []
      const world = routed(pinger(target, replies)).run()
      assert.deepEqual(
        replies.map((reply) => [reply.from, reply.kind]),
        [[ip('10.0.1.254'), kind]],
      )
      const error = packets(world, 'router').map(icmpOf)[0]
      assert.deepEqual([error.type, error.code], [IcmpType.DESTINATION_UNREACHABLE, code])
    }
  })

  test('a protocol that nobody speaks is protocol unreachable', () => {
    const world = pair()
    const fields = { source: ip('10.0.0.1'), destination: ip('10.0.0.2'), protocol: 132 }
    world.inject('bob', 0, packetFrame(fields, new Uint8Array(12), BOB_MAC)).run(SECOND)
    const error = packets(world, 'bob').map(icmpOf)[0]
    assert.deepEqual([error.type, error.code], [IcmpType.DESTINATION_UNREACHABLE, UnreachableCode.PROTOCOL_UNREACHABLE])
  })

  test('fragmentation needed tells the MTU of the next hop (RFC 1191 section 4)', () => {
    const world = routed(undefined, undefined, { mtu: 600 })
    const fields = { destination: ip('10.0.2.1'), protocol: IpProtocol.UDP, dontFragment: true }
    world.inject('router', 0, packetFrame(fields, new Uint8Array(1000), ROUTER_MAC)).run(SECOND)
    const error = packets(world, 'router').map(icmpOf)[0]
    assert.deepEqual([error.code, error.sequence], [UnreachableCode.FRAGMENTATION_NEEDED, 600])
    const [{ header }] = packets(world, 'router')
    assert.ok(header.payloadEnd - 14 <= 576, 'an error is at most 576 bytes long (RFC 1812 section 4.3.2.3)')
  })

  test('a TCP segment that does not fit whole into an error is quoted by its first 8 bytes', () => {
    const world = routed(undefined, undefined, { mtu: 600 })
    const fields = { destination: ip('10.0.2.1'), protocol: IpProtocol.TCP, dontFragment: true }
    world.inject('router', 0, packetFrame(fields, new Uint8Array(1000), ROUTER_MAC)).run(SECOND)
    assert.equal(packets(world, 'router').map(icmpOf)[0].payload.length, 28)
  })

  test('never about what must not be reported (RFC 1122 section 3.2.2)', () => {
    const error = new Uint8Array(36)
    error.set([IcmpType.TIME_EXCEEDED, 0])
    const silent: [string, Partial<Ipv4Header>, Uint8Array, number][] = [
      ['an ICMP error', { ttl: 1, protocol: IpProtocol.ICMP }, error, ROUTER_MAC],
      ['a fragment other than the first', { ttl: 1, protocol: 17, fragmentOffset: 8 }, new Uint8Array(8), ROUTER_MAC],
      ['a link broadcast', { ttl: 1, protocol: 17 }, new Uint8Array(8), 0xffffffffffff],
      ['a multicast', { ttl: 1, protocol: 17, destination: ip('224.0.0.5') }, new Uint8Array(8), ROUTER_MAC],
      ['a broadcast into a subnet', { ttl: 1, protocol: 17, destination: ip('10.0.2.255') }, new Uint8Array(8), ROUTER_MAC],
      ['a source that is nobody', { ttl: 1, protocol: 17, source: 0 }, new Uint8Array(8), ROUTER_MAC],
      ['a loopback source', { ttl: 1, protocol: 17, source: ip('127.0.0.1') }, new Uint8Array(8), ROUTER_MAC],
      ['a multicast source', { ttl: 1, protocol: 17, source: ip('224.0.0.1') }, new Uint8Array(8), ROUTER_MAC],
      ['a broadcast source', { ttl: 1, protocol: 17, source: ip('10.0.1.255') }, new Uint8Array(8), ROUTER_MAC],
      ['our own address as the source', { ttl: 1, protocol: 17, source: ip('10.0.1.254') }, new Uint8Array(8), ROUTER_MAC],
    ]
    for (const [what, fields, payload, mac] of silent) {
      const world = routed()
      world.inject('router', 0, packetFrame({ destination: ip('10.0.2.1'), ...fields }, payload, mac)).run(SECOND)
      assert.deepEqual(world.frames, [], what)
    }
    // The control: the same packet without any of that.
    const world = routed()
    world
      .inject('router', 0, packetFrame({ destination: ip('10.0.2.1'), ttl: 1, protocol: 17 }, new Uint8Array(8), ROUTER_MAC))
      .run()
    assert.equal(world.happened('icmp:sent').length, 1)
  })

  test('errors to one destination are limited to six at once and then one a second', () => {
    const world = routed()
    const fields = { destination: ip('10.0.2.1'), ttl: 1, protocol: 17 }
    for (let i = 0; i < 100; i++) {
      world.inject('router', 0, packetFrame(fields, new Uint8Array(8), ROUTER_MAC), (i * SECOND) / 20)
    }
    world.run()
    assert.equal(world.happened('icmp:sent').length, 6 + 4)
  })

  test('a wrong header checksum, or a wrong ICMP checksum, is discarded and recorded', () => {
    const world = pair()
    const fields = { source: ip('10.0.0.1'), destination: ip('10.0.0.2'), protocol: IpProtocol.ICMP }
    const badHeader = packetFrame(fields, echoRequest(), BOB_MAC)
    badHeader[24] ^= 1
    const badMessage = packetFrame(fields, echoRequest(), BOB_MAC)
    badMessage[40] ^= 1
    world.inject('bob', 0, badHeader).inject('bob', 0, badMessage).run(SECOND)
    assert.deepEqual(
      world.events.map(({ name, data }) => [name, data.why]),
      [
        ['ip:discarded', 'wrong checksum'],
        ['icmp:discarded', 'wrong checksum'],
      ],
    )
    assert.deepEqual(world.frames, [])
  })

  test('a host does not forward', () => {
    const world = pair()
    const fields = { source: ip('10.0.0.1'), destination: ip('10.0.0.3'), protocol: IpProtocol.UDP }
    world.inject('bob', 0, packetFrame(fields, new Uint8Array(8), BOB_MAC)).run(SECOND)
    assert.deepEqual(world.frames, [])
  })

  test("the link's padding is not forwarded", () => {
    const world = routed()
    const padded = new Uint8Array(60)
    padded.set(packetFrame({ destination: ip('10.0.2.1'), protocol: IpProtocol.UDP }, new Uint8Array(8), ROUTER_MAC))
    world.inject('router', 0, padded).run(SECOND)
    const forwarded = packets(world, 'router').find(({ frame }) => frame.mark === FrameMark.Forwarded)
    assert.equal(forwarded?.frame.bytes.length, 42)
  })
})

describe('routes', () => {
  test('the longest prefix wins, wherever it stands in the list', () => {
    const via: number[] = []
    const world = new World({
      hosts: {
        alice: {
          apps: [
            function* ({ sockets }) {
              for (const target of ['10.9.0.1', '10.9.8.1', '10.9.8.7', '192.0.2.1']) {
                yield* sockets.ping(ip(target), { sequence: 1, payload: 0, timeout: SECOND / 2 })
              }
            },
          ],
          gateway: '10.0.1.2',
          routes: [
            { to: '10.9.8.0/24', via: '10.0.3.2' },
            { to: '10.9.0.0/16', via: '10.0.2.2' },
            { to: '10.9.8.7/32', via: '10.0.1.2' },
          ],
        },
        a: {},
        b: {},
        c: {},
      },
      links: [
        { between: ['alice 10.0.1.1/24', 'a 10.0.1.2/24'] },
        { between: ['alice 10.0.2.1/24', 'b 10.0.2.2/24'] },
        { between: ['alice 10.0.3.1/24', 'c 10.0.3.2/24'] },
      ],
    }).run()
    for (const { frame } of packets(world, 'alice')) via.push(frame.port)
    assert.deepEqual(via, [1, 2, 0, 0])
  })
})

describe('fragmentation', () => {
  test('an echo larger than the MTU goes in fragments, and comes back whole', () => {
    const replies: EchoReply[] = []
    const world = pair(pinger('10.0.0.2', replies, { payload: 4000 }), undefined, { mtu: 1500 }).run()
    assert.equal(replies[0].kind, 'reply')
    assert.deepEqual(
      packets(world, 'alice').map(({ header }) => [
        header.fragmentOffset,
        header.moreFragments,
        header.payloadEnd - header.payloadStart,
      ]),
      [
        [0, true, 1480],
        [1480, true, 1480],
        [2960, false, 1048],
      ],
    )
    for (const { frame } of packets(world)) assert.equal(verifyIpv4Checksum(frame.bytes, 14), true)
  })

  test('a router cuts what is too large for the next link; only the destination puts it together', () => {
    const sent = Uint8Array.from({ length: 1400 }, (_, i) => i * 7)
    const received: Uint8Array[] = []
    const world = routed(
      function* ({ sockets, sleep }) {
        sockets.udp(5000).sendTo({ address: ip('10.0.2.1'), port: 7 }, sent)
        yield* sleep(SECOND)
      },
      function* ({ sockets }) {
        const datagram = yield* sockets.udp(7).receive()
        if (datagram !== undefined) received.push(datagram.bytes)
      },
      { mtu: 500 },
    ).run()
    assert.deepEqual(received[0], sent)
    assert.equal(packets(world, 'alice').length, 1)
    const fragments = packets(world, 'router').filter(({ frame }) => frame.mark === FrameMark.Forwarded)
    assert.deepEqual(
      fragments.map(({ header, frame }) => [header.fragmentOffset, header.ttl, frame.bytes.length <= 514]),
      [
        [0, 63, true],
        [480, 63, true],
        [960, 63, true],
      ],
    )
  })

  test('a fragment that never comes: the rest is given up after 30 s, and the source is told', () => {
    const world = pair()
    const whole = packetFrame(
      { source: ip('10.0.0.1'), destination: ip('10.0.0.2'), protocol: 17, moreFragments: true },
      new Uint8Array(16),
      BOB_MAC,
    )
    world.inject('bob', 0, whole).run(60 * SECOND)
    const [failed] = world.happened('ip:reassembly-failed')
    assert.deepEqual([failed.time, failed.data.why, failed.data.missing], [30 * SECOND, 'expired', 'from 16'])
    const error = packets(world, 'bob').map(icmpOf)[0]
    assert.deepEqual([error.type, error.code], [IcmpType.TIME_EXCEEDED, 1])
  })
})
