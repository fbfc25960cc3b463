import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ARP_CAPACITY, ARP_QUEUE_LIMIT } from '../../src/host/neighbour-cache.ts'
import type { SocketError } from '../../src/host/socket.ts'
import { type AppContext, type Blocking } from '../../src/host/socket.ts'
import { SECOND } from '../../src/kernel/time.ts'
import { ArpOperation, ArpPacket, decodeArp, encodeArp } from '../../src/wire/arp.ts'
import { BROADCAST_MAC } from '../../src/wire/address.ts'
import { decodeEthernet, encodeEthernet, EthernetHeader, EtherType } from '../../src/wire/ethernet.ts'
import { pair, switched } from './topologies.ts'
import { ip, World, type SentFrame } from './world.ts'

const ALICE_MAC = 0x020000000100
const BOB_MAC = 0x020000000200
const MALLORY_MAC = 0x02000000bad0

function arps(world: World, from?: string): { frame: SentFrame; to: number; packet: ArpPacket }[] {
  return world.frames
    .filter((frame) => decodeEthernet(frame.bytes, 0, frame.bytes.length).type === EtherType.ARP)
    .filter((frame) => from === undefined || frame.from === from)
    .map((frame) => ({
      frame,
      to: decodeEthernet(frame.bytes, 0, frame.bytes.length).destination,
      packet: decodeArp(frame.bytes, 14, frame.bytes.length),
    }))
}

function arpFrame(fields: Partial<ArpPacket>, destination: number, source = MALLORY_MAC): Uint8Array {
  const ethernet = Object.assign(new EthernetHeader(), { destination, source, type: EtherType.ARP })
  const frame = new Uint8Array(60)
  encodeArp(Object.assign(new ArpPacket(), fields), frame, encodeEthernet(ethernet, frame, 0))
  return frame
}

function pings(target: string, count: number, interval = SECOND): (context: AppContext) => Blocking<void> {
  return function* ({ sockets, sleep, environment }) {
    for (let sequence = 0; sequence < count; sequence++) {
      const reply = yield* sockets.ping(ip(target), { sequence, payload: 8, timeout: 10 * SECOND })
      environment.record('test:reply', '', { kind: reply?.kind ?? 'none', rtt: reply?.rtt ?? -1 })
      yield* sleep(interval)
    }
  }
}

describe('address resolution', () => {
  test('the first packet waits for one question and one answer; the next finds the address known', () => {
    const world = pair(pings('10.0.0.2', 2)).run()
    assert.deepEqual(
      arps(world).map(({ frame, to, packet }) => [frame.from, to, packet.operation, packet.targetIp]),
      [
        ['alice', BROADCAST_MAC, ArpOperation.REQUEST, ip('10.0.0.2')],
        ['bob', ALICE_MAC, ArpOperation.REPLY, ip('10.0.0.1')],
      ],
    )
    // Four crossings of a link of 1 ms the first time, two the second.
    assert.deepEqual(
      world.happened('test:reply').map(({ data }) => data.rtt),
      [4_000_000, 2_000_000],
    )
    assert.deepEqual(
      world.happened('arp:resolved').map(({ host, data }) => [host, data.address]),
      [
        ['bob', '10.0.0.1'],
        ['alice', '10.0.0.2'],
      ],
    )
  })

  test('who asks is thereby known, so the answer needs no question of its own', () => {
    const world = pair(pings('10.0.0.2', 1)).run()
    assert.equal(arps(world, 'bob').length, 1)
  })

  test('nobody answers: three questions a second apart, then the packet fails with host unreachable', () => {
    const world = pair(pings('10.0.0.77', 1)).run()
    assert.deepEqual(
      arps(world, 'alice').map(({ frame }) => frame.time),
      [0, SECOND, 2 * SECOND],
    )
    const [reply] = world.happened('test:reply')
    assert.deepEqual(reply.data, { kind: 'unreachable', rtt: 3 * SECOND })
    assert.equal(world.happened('arp:failed')[0].data.address, '10.0.0.77')
    assert.equal(reply.cause, world.happened('arp:failed')[0].id)
  })

  test('nobody answers: a UDP socket hears EHOSTUNREACH, a TCP connect fails with it', () => {
    const errors: string[] = []
    pair([
      function* ({ sockets }) {
        const socket = sockets.udp()
        socket.sendTo({ address: ip('10.0.0.77'), port: 9 }, new Uint8Array(1))
        try {
          yield* socket.receive()
        } catch (error) {
          errors.push(`udp ${(error as SocketError).code}`)
        }
      },
      function* ({ sockets }) {
        try {
          yield* sockets.connect({ address: ip('10.0.0.77'), port: 80 })
        } catch (error) {
          errors.push(`tcp ${(error as SocketError).code}`)
        }
      },
    ]).run()
    assert.deepEqual(errors.sort(), ['tcp EHOSTUNREACH', 'udp EHOSTUNREACH'])
  })

  test('after a failure the next packet asks anew', () => {
    const world = pair(pings('10.0.0.77', 2)).run()
    assert.equal(arps(world, 'alice').length, 6)
  })

  test('packets wait in a bounded queue, the oldest are lost, the others leave in order', () => {
    const sent = ARP_QUEUE_LIMIT + 5
    const received: number[] = []
    const world = pair(
      function* ({ sockets, sleep }) {
        const socket = sockets.udp()
        for (let i = 0; i < sent; i++) socket.sendTo({ address: ip('10.0.0.2'), port: 7 }, Uint8Array.of(i))
        yield* sleep(SECOND)
      },
      function* ({ sockets }) {
        const socket = sockets.udp(7)
        for (;;) received.push((yield* socket.receive())?.bytes[0] ?? -1)
      },
    ).run()
    assert.deepEqual(
      received,
      Array.from({ length: ARP_QUEUE_LIMIT }, (_, i) => i + 5),
    )
    assert.equal(arps(world, 'alice').length, 1)
    assert.equal(world.happened('arp:queue-overflowed').length, 5)
  })

  test('an entry that has grown old is used while its owner is asked by unicast', () => {
    const world = pair(pings('10.0.0.2', 2, 40 * SECOND)).run()
    const questions = arps(world, 'alice').filter(({ packet }) => packet.operation === ArpOperation.REQUEST)
    assert.deepEqual(
      questions.map(({ to }) => to),
      [BROADCAST_MAC, BOB_MAC],
    )
    assert.equal(world.happened('test:reply')[1].data.rtt, 2_000_000, 'nothing waits for the answer')
  })

  test('an old entry whose owner is silent is forgotten, and then asked for by broadcast', () => {
    const world = pair(pings('10.0.0.2', 4, 40 * SECOND))
    world.run(20 * SECOND)
    world.kill('bob').run()
    const questions = arps(world, 'alice').filter(({ packet }) => packet.operation === ArpOperation.REQUEST)
    assert.deepEqual(
      questions.map(({ to }) => to),
      [BROADCAST_MAC, BOB_MAC, BOB_MAC, BOB_MAC, ...Array.from({ length: 6 }, () => BROADCAST_MAC)],
    )
  })

  test('an announcement corrects an entry, and makes none', () => {
    const world = pair(pings('10.0.0.2', 1))
    const announce = (address: string): Uint8Array =>
      arpFrame(
        { operation: ArpOperation.REQUEST, senderMac: MALLORY_MAC, senderIp: ip(address), targetIp: ip(address) },
        BROADCAST_MAC,
      )
    world.run(2 * SECOND)
    world
      .inject('alice', 0, announce('10.0.0.2'))
      .inject('alice', 0, announce('10.0.0.9'))
      .run(3 * SECOND)
    const resolved = world.happened('arp:resolved', 'alice')
    assert.deepEqual(
      resolved.map(({ data }) => [data.address, data.mac]),
      [
        ['10.0.0.2', '02:00:00:00:02:00'],
        ['10.0.0.2', '02:00:00:00:ba:d0'],
      ],
    )
  })

  test('a probe (RFC 5227) is answered and teaches nothing', () => {
    const world = pair()
    const probe = arpFrame({ senderMac: MALLORY_MAC, senderIp: 0, targetIp: ip('10.0.0.1') }, BROADCAST_MAC)
    world.inject('alice', 0, probe).run(SECOND)
    assert.equal(arps(world, 'alice').length, 1)
    assert.equal(arps(world, 'alice')[0].packet.operation, ArpOperation.REPLY)
    assert.equal(world.happened('arp:resolved').length, 0)
  })

  test('claims that cannot be true are not believed', () => {
    const claims: Partial<ArpPacket>[] = [
      { senderMac: BROADCAST_MAC, senderIp: ip('10.0.0.5') },
      { senderMac: 0, senderIp: ip('10.0.0.5') },
      { senderMac: 0x010000000001, senderIp: ip('10.0.0.5') },
      { senderMac: MALLORY_MAC, senderIp: ip('192.168.0.5') },
      { senderMac: MALLORY_MAC, senderIp: ip('10.0.0.255') },
      { senderMac: MALLORY_MAC, senderIp: ip('10.0.0.1') },
    ]
    const world = pair()
    for (const claim of claims) {
      world.inject('alice', 0, arpFrame({ operation: ArpOperation.REPLY, targetIp: ip('10.0.0.1'), ...claim }, ALICE_MAC))
    }
    world.run(SECOND)
    assert.equal(world.happened('arp:resolved').length, 0)
    assert.equal(world.happened('arp:conflict-detected').length, 1)
    assert.equal(world.frames.length, 0)
  })

  test('requests for others are not answered', () => {
    const world = switched(pings('10.0.0.2', 1)).run()
    assert.equal(arps(world, 'carol').length, 0)
    assert.equal(arps(world, 'bob').length, 1)
  })

  test('a scan of the subnet does not push out a neighbour in use', () => {
    const world = new World({
      hosts: {
        alice: {
          apps: [
            pings('10.0.0.2', 3, 4 * SECOND),
            function* ({ sockets, sleep }) {
              yield* sleep(SECOND)
              const socket = sockets.udp()
              for (let i = 0; i < ARP_CAPACITY * 2; i++)
                socket.sendTo({ address: ip('10.1.0.0') + i, port: 9 }, new Uint8Array(1))
              yield* sleep(20 * SECOND)
            },
          ],
        },
        bob: {},
      },
      links: [{ between: ['alice 10.0.0.1/8', 'bob 10.0.0.2/8'], queueFrames: 10_000 }],
    }).run()
    const aboutBob = arps(world, 'alice').filter(({ packet }) => packet.targetIp === ip('10.0.0.2'))
    assert.equal(aboutBob.length, 1)
    assert.equal(world.happened('test:reply').filter(({ data }) => data.kind === 'reply').length, 3)
    // Those who were pushed out are not asked again.
    assert.ok(world.happened('arp:failed').length <= ARP_CAPACITY)
  })

  test('a flood of invented neighbours does not grow the cache beyond its bound', () => {
    const world = new World({ hosts: { alice: {}, bob: {} }, links: [{ between: ['alice 10.0.0.1/8', 'bob 10.0.0.2/8'] }] })
    const claim = (i: number): Uint8Array =>
      arpFrame(
        { operation: ArpOperation.REPLY, senderMac: 0x020100000000 + i, senderIp: ip('10.1.0.0') + i, targetIp: ip('10.0.0.1') },
        ALICE_MAC,
      )
    for (let i = 0; i < ARP_CAPACITY + 1; i++) world.inject('alice', 0, claim(i))
    // The second round: the first was forgotten for the last, the last is still known.
    world.inject('alice', 0, claim(ARP_CAPACITY)).inject('alice', 0, claim(0))
    world.run(SECOND)
    assert.equal(world.happened('arp:resolved', 'alice').length, ARP_CAPACITY + 2)
  })

  test('while a connection makes progress, its neighbour is not asked (RFC 1122 section 2.3.2.1)', () => {
    const world = pair(
      function* ({ sockets }) {
        const socket = yield* sockets.connect({ address: ip('10.0.0.2'), port: 80 })
        yield* socket.write(new Uint8Array(1_000_000))
        socket.close()
      },
      function* ({ sockets }) {
        const socket = yield* sockets.listen(80).accept()
        while ((yield* socket.read()) !== undefined);
        socket.close()
      },
      { rate: 80_000 },
    ).run()
    assert.ok((world.frames.at(-1)?.time ?? 0) > 100 * SECOND)
    assert.equal(arps(world).length, 2)
  })

  test('a restarted machine knows nobody', () => {
    const world = pair(pings('10.0.0.2', 1))
    world.run(2 * SECOND)
    world.restart('alice').run()
    assert.equal(arps(world, 'alice').filter(({ packet }) => packet.operation === ArpOperation.REQUEST).length, 2)
  })

  test('entries outlive a cut cable', () => {
    const world = pair(pings('10.0.0.2', 2, 4 * SECOND))
    world.run(SECOND)
    world.link(0, { up: false }).run(2 * SECOND)
    world.link(0, { up: true }).run()
    assert.equal(arps(world, 'alice').length, 1)
    assert.equal(world.happened('test:reply').filter(({ data }) => data.kind === 'reply').length, 2)
    assert.deepEqual(
      world.events.filter(({ name, host }) => name.startsWith('interface:') && host === 'alice').map(({ name }) => name),
      ['interface:carrier-lost', 'interface:carrier-restored'],
    )
  })
})
