import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FrameMark } from '../../src/kernel/machine.ts'
import { MILLISECOND, SECOND } from '../../src/kernel/time.ts'
import { decodeIpv4, verifyIpv4Checksum } from '../../src/wire/ipv4.ts'
import { TcpFlag, verifyTcpChecksum } from '../../src/wire/tcp.ts'
import { BOB, codeOf, echo, FAR_BOB, filler, flags, readAll, segments, server, setChecksum } from './conversations.ts'
import { narrow, pair, routed } from './topologies.ts'
import { ip } from './world.ts'

describe('a TCP transfer', () => {
  test('1 MB each way through a router: the exact bytes, right checksums, no ARP after the first', () => {
    const up = filler(1_000_000)
    const down = filler(1_000_000, 2)
    let arrivedUp: Uint8Array = new Uint8Array()
    let arrivedDown: Uint8Array = new Uint8Array()
    const world = routed(
      function* (context) {
        const socket = yield* context.sockets.connect(FAR_BOB)
        const writing = context.spawn(
          (function* () {
            yield* socket.write(up)
            socket.shutdown()
          })(),
        )
        arrivedDown = yield* readAll(socket)
        yield* writing.join()
        socket.close()
        yield* socket.closed()
      },
      server(function* (socket, context) {
        context.spawn(
          (function* () {
            yield* socket.write(down)
            socket.shutdown()
          })(),
        )
        arrivedUp = yield* readAll(socket)
      }),
      { link: { rate: 100_000_000, delay: 5 * MILLISECOND } },
    ).run()
    assert.deepEqual(arrivedUp, up)
    assert.deepEqual(arrivedDown, down)
    assert.deepEqual(world.happened('app:failed'), [])
    for (const { bytes } of world.frames) {
      if (bytes[13] !== 0) continue
      const { payloadStart, payloadEnd, source, destination } = decodeIpv4(bytes, 14, bytes.length)
      assert.ok(verifyIpv4Checksum(bytes, 14))
      assert.ok(verifyTcpChecksum(bytes, payloadStart, payloadEnd, source, destination))
    }
    assert.equal(world.frames.filter(({ bytes }) => bytes[13] === 6).length, 4)
  })

  test('with loss, duplicates, reordering and corruption that slips past: still the exact bytes', () => {
    const sent = filler(200_000)
    let arrived: Uint8Array = new Uint8Array()
    const world = routed(
      function* ({ sockets }) {
        const socket = yield* sockets.connect(FAR_BOB)
        yield* socket.write(sent)
        socket.shutdown()
        yield* readAll(socket)
        socket.close()
      },
      server(function* (socket) {
        arrived = yield* readAll(socket)
        socket.close()
      }),
      { seed: 5, link: { loss: 0.03, duplicate: 0.03, reorder: 0.05, corrupt: 0.02, corruptUndetected: true, rate: 10_000_000 } },
    ).run()
    assert.deepEqual(arrived, sent)
    assert.ok(world.happened('tcp:discarded').length > 0, 'the checksum did catch some')
    assert.ok(segments(world, 'alice').some(({ frame }) => frame.mark === FrameMark.Retransmission))
  })

  test('retransmissions are caused by the event that explains them', () => {
    const world = pair(
      function* ({ sockets }) {
        const socket = yield* sockets.connect(BOB)
        yield* socket.write(filler(50_000))
        socket.close()
      },
      server(function* (socket) {
        yield* readAll(socket)
        socket.close()
      }),
      // Frame 1 is the ARP request, 2 the SYN, 3 the ACK.
      { lossList: [6], rate: 10_000_000 },
    ).run()
    const resent = segments(world, 'alice').filter(({ frame }) => (frame.mark & FrameMark.Retransmission) !== 0)
    assert.equal(resent.length, 1)
    const cause = world.events.find(({ id }) => id === resent[0].frame.cause)
    assert.equal(cause?.name, 'tcp:segment-retransmitted')
    const before = world.events.find(({ id }) => id === cause?.cause)
    assert.equal(before?.name, 'tcp:fast-retransmit-entered')
    assert.ok(
      world.frames.some(({ id, from }) => id === before?.cause && from === 'bob'),
      'which a duplicate ACK caused',
    )
  })

  test('a timeout is caused by what last set the timer', () => {
    const world = pair(
      function* ({ sockets }) {
        const socket = yield* sockets.connect(BOB)
        yield* socket.write(filler(500_000))
        socket.close()
      },
      server(function* (socket) {
        yield* readAll(socket)
        socket.close()
      }),
      { rate: 10_000_000 },
    )
    world.run(SECOND / 5)
    world.link(0, { loss: 1 }).run(SECOND)
    const [expired] = world.happened('tcp:rto-expired', 'alice')
    const cause = world.frames.find(({ id }) => id === expired.cause)
    assert.equal(cause?.from, 'bob')
    assert.ok(expired.time - (cause?.time ?? 0) < 300 * MILLISECOND, 'not by the handshake, which armed the first timer')
  })

  test('timers of the kernel are not moved with every segment', () => {
    const world = pair(
      function* ({ sockets }) {
        const socket = yield* sockets.connect(BOB)
        yield* socket.write(filler(1_000_000))
        socket.close()
      },
      server(function* (socket) {
        yield* readAll(socket)
        socket.close()
      }),
      { rate: 10_000_000 },
    )
    const armed = { alice: 0, bob: 0 }
    for (const name of ['alice', 'bob'] as const) {
      const engine = world.engine(name)
      const schedule = engine.schedule.bind(engine)
      engine.schedule = (at, action) => {
        armed[name]++
        return schedule(at, action)
      }
    }
    world.run()
    assert.ok(segments(world, 'alice').length > 600)
    assert.ok(armed.alice < 30 && armed.bob < 100, JSON.stringify(armed))
  })

  test('both ends name the conversation alike, after who began it', () => {
    const names: string[] = []
    pair(
      function* ({ sockets }) {
        const socket = yield* sockets.connect(BOB)
        names.push(socket.connection)
        socket.close()
      },
      server(function* (socket) {
        names.push(socket.connection)
        yield* readAll(socket)
        socket.close()
      }),
    ).run()
    assert.equal(names[0], names[1])
    assert.match(names[0], /^10\.0\.0\.1:\d+ ↔ 10\.0\.0\.2:80$/)
  })

  test('a read limit and readExactly give what was asked for', () => {
    const lengths: number[] = []
    pair(
      function* ({ sockets }) {
        const socket = yield* sockets.connect(BOB)
        yield* socket.write(filler(10_000))
        socket.close()
      },
      server(function* (socket) {
        lengths.push((yield* socket.read(10))?.length ?? -1)
        lengths.push((yield* socket.readExactly(5_000)).length)
        lengths.push((yield* socket.readExactly(0)).length)
        lengths.push((yield* socket.readExactly(100_000)).length)
        lengths.push((yield* socket.read())?.length ?? -1)
        socket.close()
      }),
    ).run()
    assert.deepEqual(lengths, [10, 5_000, 0, 4_990, -1])
  })

  test('a reader that does not read stops the writer, and lets it go on', () => {
    const sent = filler(300_000)
    let written = -1
    let arrived: Uint8Array = new Uint8Array()
    const world = pair(
      function* ({ sockets, environment }) {
        const socket = yield* sockets.connect(BOB)
        yield* socket.write(sent)
        written = environment.now
        socket.close()
      },
      server(function* (socket, { sleep }) {
        yield* sleep(30 * SECOND)
        arrived = yield* readAll(socket)
        socket.close()
      }),
      { tcp: { receiveBuffer: 65_536, sendBuffer: 65_536 } },
    ).run()
    assert.ok(written > 30 * SECOND)
    assert.deepEqual(arrived, sent)
    assert.ok(segments(world, 'alice').some(({ frame }) => (frame.mark & FrameMark.Probe) !== 0))
  })

  test('over a path whose middle is narrow: the router there says so, and everything arrives (RFC 1191)', () => {
    for (const mtu of [1400, 600, 300]) {
      const sent = filler(100_000)
      let arrived: Uint8Array = new Uint8Array()
      const world = narrow(
        function* ({ sockets }) {
          const socket = yield* sockets.connect({ address: ip('10.0.3.1'), port: 80 })
          yield* socket.write(sent)
          socket.close()
        },
        server(function* (socket) {
          arrived = yield* readAll(socket)
          socket.close()
        }),
        mtu,
      ).run(200 * SECOND)
      assert.deepEqual(arrived, sent, `MTU ${String(mtu)}`)
      assert.ok(world.happened('icmp:sent', 'r1').some(({ data }) => data.meaning === 'fragmentation needed'))
    }
  })

  test('a host talks to itself', () => {
    let heard = ''
    const world = pair([
      server(echo),
      function* ({ sockets }) {
        const socket = yield* sockets.connect({ address: yield* sockets.resolve('localhost'), port: 80 })
        yield* socket.write(new TextEncoder().encode('me'))
        socket.shutdown()
        heard = new TextDecoder().decode(yield* readAll(socket))
        socket.close()
      },
    ]).run()
    assert.equal(heard, 'me')
    assert.equal(world.frames.length, 0)
  })
})

describe('connecting', () => {
  test('nobody listens: a reset, and ECONNREFUSED', () => {
    const codes: string[] = []
    const world = pair(function* ({ sockets }) {
      codes.push(yield* codeOf(sockets.connect(BOB)))
    }).run()
    assert.deepEqual(codes, ['ECONNREFUSED'])
    assert.deepEqual(flags(world, 'bob'), ['RST ACK'])
    assert.equal(world.happened('tcp:reset-sent', 'bob').length, 1)
  })

  test('no route: ENETUNREACH; a route whose end does not exist: what the router says', () => {
    const codes: string[] = []
    pair(function* ({ sockets }) {
      codes.push(yield* codeOf(sockets.connect({ address: ip('192.0.2.1'), port: 80 })))
      codes.push(yield* codeOf(sockets.connect({ address: ip('10.0.0.255'), port: 80 })))
    }).run()
    routed(function* ({ sockets }) {
      codes.push(yield* codeOf(sockets.connect({ address: ip('192.0.2.1'), port: 80 })))
      codes.push(yield* codeOf(sockets.connect({ address: ip('10.0.2.77'), port: 80 })))
    }).run()
    assert.deepEqual(codes, ['ENETUNREACH', 'ENETUNREACH', 'ENETUNREACH', 'EHOSTUNREACH'])
  })

  test('an unreachable with a wrong sequence number, as of somebody who guesses, does not end an attempt (RFC 5927)', () => {
    const codes: string[] = []
    const world = pair(
      function* ({ sockets }) {
        codes.push(yield* codeOf(sockets.connect(BOB)))
      },
      server(echo),
      { delay: 100 * MILLISECOND },
    )
    world.run(250 * MILLISECOND)
    // The SYN is on its way; an error about it, but for one bit.
    const [{ frame }] = segments(world, 'alice')
    const forged = new Uint8Array(14 + 20 + 8 + 28)
    forged.set(frame.bytes.subarray(6, 12), 0)
    forged.set(frame.bytes.subarray(0, 6), 6)
    forged[12] = 8
    forged.set([0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1], 14)
    forged.set([3, 1], 34)
    forged.set(frame.bytes.subarray(14, 42), 42)
    forged[42 + 27] ^= 1
    setChecksum(forged, 14, 34, 24)
    setChecksum(forged, 34, forged.length, 36)
    world.inject('alice', 0, forged).run(SECOND)
    assert.deepEqual(world.happened('icmp:discarded'), [])
    assert.deepEqual(codes, ['none'])
  })

  test('no answer at all: ETIMEDOUT after the last SYN, or at the time that the application sets', () => {
    for (const [timeout, at, syns] of [
      [0, 15, 4],
      [5 * SECOND, 5, 3],
    ] as const) {
      const codes: string[] = []
      const world = pair(
        [
          function* ({ sockets, sleep, environment }) {
            // So that the address is known when the SYN is sent.
            yield* sockets.ping(BOB.address, { sequence: 1, payload: 0, timeout: SECOND })
            yield* sleep(SECOND - environment.now)
            codes.push(yield* codeOf(sockets.connect(BOB, { timeout })), String(Math.round((environment.now - SECOND) / SECOND)))
          },
        ],
        undefined,
        { tcp: { synRetries: 3 } },
      )
      world.run(SECOND / 2)
      world.link(0, { loss: 1 }).run()
      assert.deepEqual(codes, ['ETIMEDOUT', String(at)])
      assert.equal(segments(world, 'alice').length, syns)
    }
  })

  test('connections have ports and sequence numbers that no one can foresee, from the seed', () => {
    const starts = (seed: number): string[] => {
      const world = pair(
        function* ({ sockets }) {
          for (let i = 0; i < 3; i++) (yield* sockets.connect(BOB)).close()
        },
        server(echo),
        { seed },
      ).run(10 * SECOND)
      return segments(world)
        .filter(({ segment }) => (segment.flags & TcpFlag.SYN) !== 0)
        .map(({ segment }) => `${String(segment.sourcePort)} ${String(segment.seq)}`)
    }
    const first = starts(1)
    assert.deepEqual(starts(1), first)
    assert.equal(new Set([...first, ...starts(2)]).size, 12)
    for (const start of first) assert.ok(start.startsWith('80 ') || Number(start.split(' ')[0]) >= 49_152)
  })

  test('an application that is killed while it connects leaves no connection behind', () => {
    const world = pair(
      function* ({ sockets, spawn, sleep }) {
        const task = spawn(
          (function* () {
            yield* sockets.connect(BOB)
          })(),
        )
        yield* sleep(10 * MILLISECOND)
        task.cancel()
        yield* sleep(10 * SECOND)
      },
      undefined,
      { loss: 1 },
    ).run()
    assert.deepEqual(
      world.happened('tcp:state-changed', 'alice').map(({ data }) => data.to),
      ['SYN-SENT', 'CLOSED'],
    )
    assert.deepEqual(world.happened('app:failed'), [])
  })
})
