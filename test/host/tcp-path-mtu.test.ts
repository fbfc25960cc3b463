import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MILLISECOND, SECOND } from '../../src/kernel/time.ts'
import { verifyTcpChecksum, TcpFlag } from '../../src/wire/tcp.ts'
import { decodeIpv4 } from '../../src/wire/ipv4.ts'
import { encodeIcmp, icmpEncodedLength, IcmpMessage } from '../../src/wire/icmp.ts'
import { encodeIpv4, Ipv4Header } from '../../src/wire/ipv4.ts'
import { filler, readAll, segments, server, type Body } from './conversations.ts'
import { narrow } from './topologies.ts'
import { ip, type World } from './world.ts'

const FAR = { address: ip('10.0.3.1'), port: 80 }

/** Alice sends, bob reads. */
function upload(
  length: number,
  mtu: number,
  options: Parameters<typeof narrow>[3] = {},
): { world: World; arrived: () => number } {
  const sent = filler(length)
  let arrived = 0
  const world = narrow(
    function* ({ sockets }) {
      const socket = yield* sockets.connect(FAR)
      yield* socket.write(sent)
      socket.close()
    },
    server(function* (socket) {
      const bytes = yield* readAll(socket)
      assert.deepEqual(bytes, sent)
      arrived = bytes.length
      socket.close()
    }),
    mtu,
    options,
  )
  return { world, arrived: () => arrived }
}

function isWhole({ bytes }: { bytes: Uint8Array }): boolean {
  return (bytes[20] & 0x40) !== 0
}

describe('path MTU discovery', () => {
  test('RFC 1191 section 3: every packet of TCP says "don’t fragment", before and after the path was found to be narrow', () => {
    const { world, arrived } = upload(100_000, 1400)
    world.run(100 * SECOND)
    assert.equal(arrived(), 100_000)
    assert.ok(
      segments(world).every(({ frame }) => isWhole(frame)),
      'all of them',
    )
    const largest = Math.max(...segments(world, 'r1').map(({ segment }) => segment.payload.length))
    assert.equal(largest, 1400 - 40 - 12)
  })

  test('RFC 1191 section 6.4: the lost segments go out again within a round trip, without a timeout', () => {
    const { world, arrived } = upload(100_000, 1400)
    world.run(100 * SECOND)
    assert.equal(arrived(), 100_000)
    assert.deepEqual(world.happened('tcp:rto-expired'), [])
    assert.equal(world.happened('tcp:path-narrowed', 'alice')[0].data.mtu, 1400)
  })

  test('what one connection has learnt the next one knows, and it is announced no smaller MSS', () => {
    const sizes: number[] = []
    const client: Body = function* ({ sockets, sleep }) {
      for (let i = 0; i < 2; i++) {
        const socket = yield* sockets.connect(FAR)
        yield* socket.write(filler(20_000))
        socket.close()
        yield* sleep(5 * SECOND)
      }
    }
    const world = narrow(
      client,
      server(function* (socket) {
        sizes.push((yield* readAll(socket)).length)
        socket.close()
      }),
      1300,
    ).run(100 * SECOND)
    assert.deepEqual(sizes, [20_000, 20_000])
    assert.equal(world.happened('icmp:sent', 'r1').filter(({ time }) => time > 4 * SECOND).length, 0)
    const syns = segments(world, 'alice').filter(({ segment }) => (segment.flags & TcpFlag.SYN) !== 0)
    assert.deepEqual(
      syns.map(({ segment }) => segment.mss),
      [1460, 1460],
    )
  })

  test('RFC 1191 section 6.3: after ten minutes larger packets are tried again', () => {
    const world = narrow(
      function* ({ sockets, sleep }) {
        const socket = yield* sockets.connect(FAR)
        yield* socket.write(filler(20_000))
        yield* sleep(590 * SECOND)
        yield* socket.write(filler(20_000))
        yield* sleep(30 * SECOND)
        yield* socket.write(filler(200_000))
        socket.close()
      },
      server(function* (socket) {
        assert.equal((yield* readAll(socket)).length, 240_000)
        socket.close()
      }),
      1300,
    ).run(1000 * SECOND)
    const reports = world.happened('tcp:path-narrowed', 'alice').map(({ time }) => Math.floor(time / SECOND))
    assert.equal(reports.filter((time) => time > 0 && time < 615).length, 0)
    assert.ok(
      reports.some((time) => time >= 615),
      reports.join(),
    )
    assert.equal(world.happened('tcp:closed').length, 0)
    assert.deepEqual(world.happened('app:failed'), [])
  })

  test('a path below the least MTU that is believed: packets may be cut, and get there', () => {
    const { world, arrived } = upload(20_000, 300)
    world.run(100 * SECOND)
    assert.equal(arrived(), 20_000)
    const late = segments(world, 'alice').filter(({ frame, segment }) => frame.time > SECOND && segment.payload.length > 0)
    assert.ok(
      late.every(({ frame }) => !isWhole(frame)),
      'none says "don’t fragment"',
    )
  })

  test('switched off, routers cut what is too large, and say nothing', () => {
    const { world, arrived } = upload(100_000, 1400, { tcp: { pathMtuDiscovery: false } })
    world.run(100 * SECOND)
    assert.equal(arrived(), 100_000)
    assert.equal(world.happened('icmp:sent').length, 0)
    assert.ok(
      segments(world, 'alice').every(({ frame }) => !isWhole(frame)),
      'none says "don’t fragment"',
    )
  })

  /** "Fragmentation needed" about a segment of alice's with a sequence number of the forger's choice. */
  function forge(world: World, shift: number): void {
    const frame = world.frames.findLast(({ from, bytes }) => from === 'alice' && bytes[23] === 6)
    assert.ok(frame !== undefined)
    const quoted = frame.bytes.slice(14, 14 + 28)
    new DataView(quoted.buffer).setUint32(24, (new DataView(quoted.buffer).getUint32(24) + shift) >>> 0)
    const message = Object.assign(new IcmpMessage(), { type: 3, code: 4, identifier: 0, sequence: 600, payload: quoted })
    const header = Object.assign(new Ipv4Header(), { ttl: 60, protocol: 1, source: ip('10.0.2.2'), destination: ip('10.0.1.1') })
    const length = icmpEncodedLength(message)
    const forged = new Uint8Array(34 + length)
    forged.set(frame.bytes.subarray(6, 12), 0)
    forged.set(frame.bytes.subarray(0, 6), 6)
    forged[12] = 8
    encodeIpv4(header, length, forged, 14)
    encodeIcmp(message, forged, 34)
    world.inject('alice', 0, forged)
  }

  test('RFC 5927 section 4.1: a forged report with a guessed sequence number narrows nothing; with the right one it does', () => {
    for (const [shift, believed] of [
      [-100_000, 0],
      [0x4000_0000, 0],
      [0, 1],
    ] as const) {
      const { world } = upload(1_000_000, 1500)
      // In the middle of the transfer.
      for (let at = 0; world.frames.length < 300; at += MILLISECOND) world.run(at)
      forge(world, shift)
      world.run(100 * SECOND)
      assert.equal(world.happened('tcp:path-narrowed', 'alice').length, believed, String(shift))
    }
  })
})

describe('a black hole', () => {
  const silent = { icmpErrors: false }

  test('RFC 2923 section 2.1: a router that reports nothing lets the handshake through, and then nothing', () => {
    const { world, arrived } = upload(20_000, 1400, { router: silent })
    world.run(60 * SECOND)
    assert.equal(arrived(), 0)
    assert.equal(world.happened('icmp:sent').length, 0)
    assert.ok(
      world.happened('tcp:state-changed', 'bob').some(({ data }) => data.to === 'ESTABLISHED'),
      'bob is connected',
    )
    assert.ok(world.happened('tcp:rto-expired', 'alice').length > 5, 'alice tries again and again')
  })

  test('RFC 4821 section 7.7: with probing the transfer gets through, and uses most of the path', () => {
    const { world, arrived } = upload(2_000_000, 1400, { router: silent, tcp: { mtuProbing: 'on-black-hole' } })
    world.run(200 * SECOND)
    assert.equal(arrived(), 2_000_000)
    const sizes = segments(world, 'r2').map(({ segment }) => segment.payload.length)
    assert.ok(Math.max(...sizes) > 1400 - 52 - 8, String(Math.max(...sizes)))
  })

  test('a router that clamps the MSS of SYNs makes the black hole harmless, with right checksums', () => {
    const { world, arrived } = upload(100_000, 1400, { router: { ...silent, clampsMss: true } })
    world.run(60 * SECOND)
    assert.equal(arrived(), 100_000)
    assert.deepEqual(world.happened('tcp:rto-expired'), [])
    const syns = segments(world).filter(({ segment }) => (segment.flags & TcpFlag.SYN) !== 0)
    assert.deepEqual(syns.map(({ segment }) => segment.mss).sort(), [1360, 1360, 1360, 1360, 1460, 1460])
    for (const { frame } of syns) {
      const { payloadStart, payloadEnd, source, destination } = decodeIpv4(frame.bytes, 14, frame.bytes.length)
      assert.ok(verifyTcpChecksum(frame.bytes, payloadStart, payloadEnd, source, destination), 'the checksum')
    }
  })
})
