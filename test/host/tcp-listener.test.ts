import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SocketError, TcpListener } from '../../src/host/socket.ts'
import { FrameMark } from '../../src/kernel/machine.ts'
import { MILLISECOND, SECOND } from '../../src/kernel/time.ts'
import { TcpFlag } from '../../src/wire/tcp.ts'
import { BOB, codeOf, echo, filler, flags, readAll, segments, server, setChecksum, type Body } from './conversations.ts'
import { pair } from './topologies.ts'
import type { World } from './world.ts'

describe('a listener', () => {
  /** Ten clients, one after another; bob accepts none until 20 s. */
  function crowded(backlog: number, clients: number): { world: World; codes: string[] } {
    const codes: string[] = []
    const one = (): Body =>
      function* ({ sockets, sleep }) {
        const code = yield* codeOf(sockets.connect(BOB))
        codes.push(code)
        yield* sleep(100 * SECOND)
      }
    const world = pair(Array.from({ length: clients }, one), function* ({ sockets, sleep }) {
      const listener = sockets.listen(80, { backlog })
      yield* sleep(20 * SECOND)
      for (;;) yield* listener.accept()
    })
    return { world, codes }
  }

  test('a full accept queue drops SYNs; they succeed later, when there is room', () => {
    const { world, codes } = crowded(2, 6)
    world.run(10 * SECOND)
    const overflows = world.happened('tcp:listen-overflowed', 'bob')
    assert.ok(overflows.length > 0)
    assert.equal(overflows[0].data.port, 80)
    assert.equal(world.happened('tcp:reset-sent').length, 0, 'dropped, not refused')
    const established = world.happened('tcp:state-changed', 'bob').filter(({ data }) => data.to === 'ESTABLISHED')
    assert.equal(established.length, 3, 'Linux lets one more than the backlog wait')
    world.run()
    assert.deepEqual(codes, ['none', 'none', 'none', 'none', 'none', 'none'])
  })

  test('a full SYN queue drops SYNs', () => {
    const { world } = crowded(2, 6)
    world.run(10 * SECOND)
    assert.equal(world.happened('tcp:listen-overflowed', 'bob')[0].data.why, 'the SYN queue is full')
  })

  test('the last ACK of a handshake is dropped when the accept queue is full: the client believes itself connected', () => {
    // Backlog 1: two wait for accept; the third SYN came when the SYN queue had room, its ACK comes when there is none.
    const codes: string[] = []
    const client = (start: number): Body =>
      function* ({ sockets, sleep }) {
        yield* sleep(start)
        codes.push(yield* codeOf(sockets.connect(BOB)))
        yield* sleep(100 * SECOND)
      }
    const world = pair(
      [client(0), client(5 * MILLISECOND), client(10 * MILLISECOND), client(10.5 * MILLISECOND)],
      function* ({ sockets, sleep }) {
        const listener = sockets.listen(80, { backlog: 2 })
        yield* sleep(100 * SECOND)
        yield* listener.accept()
      },
    ).run(SECOND / 2)
    assert.deepEqual(codes, ['none', 'none', 'none', 'none'])
    const [overflow] = world.happened('tcp:listen-overflowed')
    assert.equal(overflow.data.why, 'the accept queue is full')
    const onServer = world.happened('tcp:state-changed', 'bob').filter(({ data }) => data.to === 'ESTABLISHED')
    assert.equal(onServer.length, 3)
    world.run(3 * SECOND)
    assert.ok(
      segments(world, 'bob').some(
        ({ frame, segment }) => (segment.flags & TcpFlag.SYN) !== 0 && frame.mark === FrameMark.Retransmission,
      ),
      'so the server sends its SYN-ACK again',
    )
  })

  test('a port is listened at by one; another application hears EADDRINUSE, until it is closed', () => {
    const results: string[] = []
    pair(function* ({ sockets }) {
      const listener = sockets.listen(80)
      try {
        sockets.listen(80)
      } catch (error) {
        results.push((error as SocketError).code)
      }
      listener.close()
      results.push(String(sockets.listen(80).local.port))
      results.push(yield* codeOf(listener.accept()))
    }).run()
    assert.deepEqual(results, ['EADDRINUSE', '80', 'ECONNABORTED'])
  })

  test('closing it resets who waits in the accept queue, and refuses who comes later', () => {
    const codes: string[] = []
    pair(
      function* ({ sockets, sleep }) {
        const socket = yield* sockets.connect(BOB)
        codes.push(yield* codeOf(socket.read()))
        yield* sleep(SECOND)
        codes.push(yield* codeOf(sockets.connect(BOB)))
      },
      function* ({ sockets, sleep }) {
        const listener = sockets.listen(80)
        yield* sleep(SECOND)
        listener.close()
        yield* sleep(10 * SECOND)
      },
    ).run()
    assert.deepEqual(codes, ['ECONNRESET', 'ECONNREFUSED'])
  })

  test('a segment for a connection that does not exist is answered by a reset, a reset by nothing', () => {
    const world = pair(function* ({ sockets }) {
      const socket = yield* sockets.connect(BOB)
      yield* socket.closed()
    }, server(echo))
    world.run(SECOND)
    const data = segments(world, 'alice').at(-1)?.frame.bytes ?? new Uint8Array()
    world
      .restart('bob')
      .inject('bob', 0, data)
      .run(2 * SECOND)
    assert.deepEqual(flags(world, 'bob').slice(-1), ['RST'])
    const count = world.frames.length
    world.inject('bob', 0, segments(world, 'bob').at(-1)?.frame.bytes ?? new Uint8Array()).run(3 * SECOND)
    assert.equal(world.frames.length, count)
  })
})

describe('closing', () => {
  test('half-close: one side finishes, the other still sends', () => {
    const log: string[] = []
    const world = pair(
      function* ({ sockets }) {
        const socket = yield* sockets.connect(BOB)
        yield* socket.write(filler(10))
        socket.shutdown()
        log.push(`alice writes: ${yield* codeOf(socket.write(filler(1)))}`)
        log.push(`alice reads ${String((yield* readAll(socket)).length)}`)
        socket.close()
        yield* socket.closed()
        log.push('alice is done')
      },
      server(function* (socket, { sleep }) {
        log.push(`bob reads ${String((yield* readAll(socket)).length)}`)
        yield* sleep(SECOND)
        yield* socket.write(filler(100_000))
        socket.close()
      }),
    ).run()
    assert.deepEqual(log, ['alice writes: EPIPE', 'bob reads 10', 'alice reads 100000', 'alice is done'])
    assert.deepEqual(
      world.happened('tcp:state-changed', 'alice').map(({ data }) => data.to),
      ['SYN-SENT', 'ESTABLISHED', 'FIN-WAIT-1', 'FIN-WAIT-2', 'TIME-WAIT', 'CLOSED'],
    )
    assert.deepEqual(
      world.happened('tcp:state-changed', 'bob').map(({ data }) => data.to),
      ['LISTEN', 'SYN-RECEIVED', 'ESTABLISHED', 'CLOSE-WAIT', 'LAST-ACK', 'CLOSED'],
    )
  })

  test('a tuple stays taken during TIME-WAIT', () => {
    const ports: number[] = []
    const world = pair(function* ({ sockets, sleep }) {
      for (let i = 0; i < 30; i++) {
        const socket = yield* sockets.connect(BOB)
        ports.push(socket.local.port)
        socket.close()
        yield* sleep(100 * MILLISECOND)
      }
    }, server(echo))
    world.run(10 * SECOND)
    const waiting = world.happened('tcp:state-changed', 'alice').filter(({ data }) => data.to === 'TIME-WAIT')
    assert.equal(waiting.length, 30)
    assert.equal(new Set(ports).size, 30)
    world.run()
    assert.equal(world.happened('tcp:state-changed', 'alice').filter(({ data }) => data.to === 'CLOSED').length, 30)
  })

  test('reset: the peer hears ECONNRESET, who resets hears nothing', () => {
    const log: string[] = []
    const world = pair(
      function* ({ sockets }) {
        const socket = yield* sockets.connect(BOB)
        yield* socket.write(filler(10))
        socket.reset()
        log.push(`alice: ${yield* codeOf(socket.closed())}`)
        log.push(`alice reads: ${yield* codeOf(socket.read())}`)
      },
      server(function* (socket, { sleep }) {
        yield* sleep(SECOND)
        log.push(`bob: ${yield* codeOf(socket.closed())}`)
      }),
    ).run()
    assert.deepEqual(log, ['alice: none', 'alice reads: ECONNABORTED', 'bob: ECONNRESET'])
    assert.ok(flags(world, 'alice').at(-1)?.includes('RST'))
  })

  test('closing with unread input is a reset (RFC 2525 section 2.17)', () => {
    const log: string[] = []
    pair(
      function* ({ sockets, sleep }) {
        const socket = yield* sockets.connect(BOB)
        yield* socket.write(filler(10))
        yield* sleep(SECOND)
        log.push(yield* codeOf(socket.read()))
      },
      server(function* (socket, { sleep }) {
        yield* sleep(SECOND / 2)
        socket.close()
      }),
    ).run()
    assert.deepEqual(log, ['ECONNRESET'])
  })

  test('an application that ends closes what it had open', () => {
    const log: string[] = []
    pair(
      function* ({ sockets }) {
        const socket = yield* sockets.connect(BOB)
        yield* socket.write(filler(10))
      },
      server(function* (socket) {
        log.push(String((yield* readAll(socket)).length))
        socket.close()
      }),
    ).run()
    assert.deepEqual(log, ['10'])
  })

  test('a closed socket is not used', () => {
    const log: string[] = []
    pair(function* ({ sockets }) {
      const socket = yield* sockets.connect(BOB)
      socket.close()
      socket.close()
      socket.shutdown()
      log.push(yield* codeOf(socket.read()), yield* codeOf(socket.write(filler(1))))
      yield* socket.closed()
    }, server(echo)).run()
    assert.deepEqual(log, ['ECONNABORTED', 'ECONNABORTED'])
  })
})

describe('a peer that is gone', () => {
  function transfer(codes: string[]): World {
    return pair(
      function* ({ sockets }) {
        const socket = yield* sockets.connect(BOB)
        codes.push(yield* codeOf(socket.write(filler(3_000_000))))
        codes.push(yield* codeOf(socket.closed()))
      },
      server(function* (socket) {
        yield* readAll(socket)
        socket.close()
      }),
      { rate: 10_000_000, tcp: { retries: 6 } },
    )
  }

  test('killed in the middle: ETIMEDOUT after the retries, or EHOSTUNREACH never', () => {
    const codes: string[] = []
    const world = transfer(codes)
    world.run(SECOND)
    world.kill('bob').run()
    assert.deepEqual(codes, ['ETIMEDOUT', 'ETIMEDOUT'])
    assert.deepEqual(
      world.frames.filter(({ time, from }) => from === 'bob' && time > SECOND),
      [],
    )
  })

  test('restarted in the middle: ECONNRESET, for it knows nothing of the connection', () => {
    const codes: string[] = []
    const world = transfer(codes)
    world.run(SECOND)
    world.kill('bob').run(2 * SECOND)
    world.restart('bob').run()
    assert.deepEqual(codes, ['ECONNRESET', 'ECONNRESET'])
  })

  test('a cut cable that is mended in time: the transfer goes on', () => {
    const codes: string[] = []
    const world = pair(
      function* ({ sockets }) {
        const socket = yield* sockets.connect(BOB)
        codes.push(yield* codeOf(socket.write(filler(2_000_000))))
        socket.close()
        codes.push(yield* codeOf(socket.closed()))
      },
      server(function* (socket) {
        codes.push(String((yield* readAll(socket)).length))
        socket.close()
      }),
      { rate: 10_000_000 },
    )
    world.run(SECOND)
    world.link(0, { up: false }).run(4 * SECOND)
    world.link(0, { up: true }).run()
    assert.deepEqual(codes, ['none', '2000000', 'none'])
  })
})

test('a new SYN for a tuple in TIME-WAIT on the server begins a new connection (RFC 9293 section 3.10.7.4)', () => {
  // The server closes first, so it keeps the tuple; the client restarts with the same seed of ports by a forged SYN.
  let accepted = 0
  const world = pair(
    function* ({ sockets }) {
      const socket = yield* sockets.connect(BOB)
      yield* readAll(socket)
      socket.close()
    },
    function* ({ sockets, spawn }) {
      const listener: TcpListener = sockets.listen(80)
      for (;;) {
        const socket = yield* listener.accept()
        accepted++
        spawn(
          (function* () {
            socket.close()
            yield* socket.closed()
          })(),
        )
      }
    },
    { tcp: { timestamps: false } },
  )
  world.run(5 * SECOND)
  assert.equal(accepted, 1)
  const syn = segments(world, 'alice')[0].frame.bytes.slice()
  const seq = ((syn[38] << 24) | (syn[39] << 16) | (syn[40] << 8) | syn[41]) >>> 0
  const later = seq + 100_000
  syn.set([later >>> 24, later >>> 16, later >>> 8, later], 38)
  syn.fill(0, 50, 52)
  const pseudo = new Uint8Array(12 + syn.length - 34)
  pseudo.set(syn.subarray(26, 34), 0)
  pseudo.set([0, 6, 0, syn.length - 34], 8)
  pseudo.set(syn.subarray(34), 12)
  setChecksum(pseudo, 0, pseudo.length, 12 + 16)
  syn.set(pseudo.subarray(28, 30), 50)
  world.inject('bob', 0, syn).run(6 * SECOND)
  assert.equal(flags(world, 'bob').filter((names) => names === 'SYN ACK').length, 2)
})
