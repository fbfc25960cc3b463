import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TcpSocket } from '../../src/host/socket.ts'
import { MILLISECOND, SECOND } from '../../src/kernel/time.ts'
import { TcpFlag, TcpSegment } from '../../src/wire/tcp.ts'
import { BOB, filler, segments, type Body } from './conversations.ts'
import { pair } from './topologies.ts'
import type { World } from './world.ts'

/** Answers each request of 100 bytes with as many. */
const fastServer = (fastOpen = true): Body =>
  function* (context) {
    const listener = context.sockets.listen(80, { fastOpen })
    for (;;) {
      const socket = yield* listener.accept()
      context.spawn(
        (function* () {
          const request = yield* socket.readExactly(100)
          if (request.length === 100) yield* socket.write(request)
          socket.close()
        })(),
      )
    }
  }

/** Asks so many times, and notes how long each took. */
function asking(times: number, took: number[], pause = SECOND): Body {
  return function* ({ sockets, environment, sleep }) {
    for (let i = 0; i < times; i++) {
      const begin = environment.now
      const socket: TcpSocket = yield* sockets.connect(BOB, { data: filler(100) })
      assert.deepEqual(yield* socket.readExactly(100), filler(100))
      took.push(Math.round((environment.now - begin) / MILLISECOND))
      socket.close()
      yield* sleep(pause)
    }
  }
}

const LINK = { delay: 50 * MILLISECOND }
const syns = (world: World): number[] =>
  segments(world, 'alice')
    .filter(({ segment }) => (segment.flags & TcpFlag.SYN) !== 0)
    .map(({ segment }) => segment.payload.length)

describe('Fast Open on a host', () => {
  test('RFC 7413 section 3: the first connection fetches a cookie, later ones save a round trip', () => {
    const took: number[] = []
    const world = pair(asking(3, took), fastServer(), { ...LINK, tcp: { fastOpen: true } }).run(20 * SECOND)
    // The first includes ARP.
    assert.deepEqual(took, [300, 100, 100])
    assert.deepEqual(syns(world), [0, 100, 100])
    assert.equal(world.happened('tcp:fast-open-accepted', 'bob').length, 2)
    assert.deepEqual(world.happened('app:failed'), [])
  })

  test('where one side does not take part, connections are as always', () => {
    for (const [tcp, listens] of [
      [{ fastOpen: false }, true],
      [{ fastOpen: true }, false],
    ] as const) {
      const took: number[] = []
      const world = pair(asking(2, took), fastServer(listens), { ...LINK, tcp }).run(20 * SECOND)
      assert.deepEqual(took, [300, 200])
      assert.deepEqual(syns(world), [0, 0])
    }
  })

  test('a restarted server knows its cookies no more: it gives new ones, and the data comes after the handshake', () => {
    const took: number[] = []
    const world = pair(asking(4, took, 5 * SECOND), fastServer(), { ...LINK, tcp: { fastOpen: true } })
    world
      .run(8 * SECOND)
      .kill('bob')
      .restart('bob')
      .run(60 * SECOND)
    // Bob asks for alice's hardware address, too.
    assert.deepEqual(took.slice(1), [100, 300, 100])
    assert.deepEqual(syns(world), [0, 100, 100, 100])
  })

  /** Alice learns a cookie; then so many SYNs with it and data come, and nothing else. */
  function bare(limit: number, count: number, finish?: number): World {
    const alice: Body = function* ({ sockets, sleep }) {
      const socket = yield* sockets.connect(BOB, { data: filler(100) })
      socket.close()
      yield* sleep(SECOND)
      const cookie = learnt(world)
      for (let i = 0; i < count; i++) {
        const syn = Object.assign(new TcpSegment(), {
          sourcePort: 2000 + i,
          destinationPort: 80,
          flags: TcpFlag.SYN,
          window: 1000,
        })
        syn.payload = filler(50)
        syn.fastOpen = cookie
        sockets.sendRaw(0x0a00_0001, BOB.address, syn)
        yield* sleep(10 * MILLISECOND)
        if (finish !== undefined && i === count - 2) yield* sleep(finish)
      }
    }
    const world: World = pair(alice, fastServer(), { tcp: { fastOpen: true, fastOpenBacklog: limit } })
    return world
  }

  function learnt(world: World): Uint8Array {
    // The application runs within the world: frames are collected after each step.
    const answer = segments(world, 'bob').find(({ segment }) => (segment.fastOpen?.length ?? 0) > 0)
    assert.ok(answer?.segment.fastOpen !== undefined, 'a cookie was given')
    return answer.segment.fastOpen
  }

  test('RFC 7413 section 5.1: beyond the limit of unfinished ones, data in SYNs is not taken; alice resets hers, which count for a minute', () => {
    const world = bare(3, 6).run(10 * SECOND)
    assert.equal(world.happened('tcp:fast-open-accepted', 'bob').length, 3)
    // All six are answered, the last three for the SYN alone.
    const answered = segments(world, 'bob').filter(({ segment }) => segment.flags === (TcpFlag.SYN | TcpFlag.ACK))
    assert.deepEqual(
      answered.slice(1, 7).map(({ segment }) => segment.ack),
      [51, 51, 51, 1, 1, 1],
    )
  })

  test('RFC 7413 section 5.1: a minute after the resets there is room again', () => {
    assert.equal(
      bare(2, 4, 50 * SECOND)
        .run(200 * SECOND)
        .happened('tcp:fast-open-accepted', 'bob').length,
      2,
    )
    assert.equal(
      bare(2, 4, 61 * SECOND)
        .run(200 * SECOND)
        .happened('tcp:fast-open-accepted', 'bob').length,
      3,
    )
  })

  test('data larger than the send buffer, given to connect: all of it arrives', () => {
    let arrived = 0
    const world = pair(
      function* ({ sockets }) {
        const socket = yield* sockets.connect(BOB, { data: filler(50_000) })
        socket.close()
      },
      function* ({ sockets }) {
        const socket = yield* sockets.listen(80, { fastOpen: true }).accept()
        arrived = (yield* socket.readExactly(60_000)).length
      },
      { tcp: { fastOpen: true, sendBuffer: 4000 } },
    ).run(20 * SECOND)
    assert.equal(arrived, 50_000)
    assert.deepEqual(world.happened('app:failed'), [])
  })
})

describe('what an application sets on a socket', () => {
  test('RFC 9293 section 3.8.4, MUST-24: keepalive for one socket, though the host has none', () => {
    let code = ''
    const world = pair(
      function* ({ sockets }) {
        const socket = yield* sockets.connect(BOB)
        socket.setKeepAlive({ idle: 5 * SECOND, interval: SECOND, probes: 3 })
        try {
          yield* socket.read()
        } catch (error) {
          code = (error as { code: string }).code
        }
      },
      function* ({ sockets }) {
        const socket = yield* sockets.listen(80).accept()
        yield* socket.read()
      },
    )
    world.run(20 * SECOND)
    assert.ok(world.happened('tcp:keepalive-sent', 'alice').length >= 3, 'bob is asked, and answers')
    world.kill('bob').run(60 * SECOND)
    assert.equal(code, 'ETIMEDOUT')
  })

  test('RFC 9293 section 3.9.1.9, MUST-48, and 3.9.2, MUST-49: traffic class and time to live', () => {
    const world = pair(
      function* ({ sockets }) {
        const socket = yield* sockets.connect(BOB)
        socket.setTrafficClass(46)
        yield* socket.write(filler(10))
        assert.throws(() => {
          socket.setTrafficClass(64)
        }, RangeError)
        socket.close()
      },
      function* ({ sockets }) {
        const socket = yield* sockets.listen(80).accept()
        yield* socket.read()
        socket.close()
      },
      { tcp: { timeToLive: 7 } },
    ).run(5 * SECOND)
    const [syn, , data] = segments(world, 'alice').map(({ frame }) => frame.bytes)
    assert.deepEqual([syn[15] >> 2, data[15] >> 2], [0, 46])
    assert.ok(
      segments(world).every(({ frame }) => frame.bytes[22] === 7),
      'seven hops',
    )
  })
})
