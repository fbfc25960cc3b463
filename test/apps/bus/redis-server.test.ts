import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { randomStream } from '../../../src/kernel/random.ts'
import type { TcpSocket } from '../../../src/host/socket.ts'
import { textBytes } from '../../../src/wire/resp-request.ts'
import { encodeRespCommand } from '../../../src/wire/resp.ts'
import { pair } from '../../host/topologies.ts'
import { ip } from '../../host/world.ts'
import { app, data, MILLISECOND, noFailures, readAll, SECOND, type Body } from '../site.ts'

const BOB = { address: ip('10.0.0.2'), port: 6379 }

function encoded(...commands: readonly string[]): Uint8Array {
  return Buffer.concat(commands.map((words) => encodeRespCommand(words.split(' ').map(textBytes))))
}

/** Says commands, one word after the other, and collects what comes until nothing has come for 100 ms. */
function asks(heard: string[], ...commands: readonly string[]): Body {
  return function* ({ sockets, sleep }) {
    const socket = yield* sockets.connect(BOB, { noDelay: true })
    yield* socket.write(encoded(...commands))
    yield* sleep(100 * MILLISECOND)
    heard.push(gathered(socket))
    socket.close()
  }
}

/** All that is there now. */
function gathered(socket: TcpSocket): string {
  let all = ''
  for (let bytes = socket.readNow(); bytes !== undefined; bytes = socket.readNow()) all += Buffer.from(bytes).toString('latin1')
  return all.replaceAll('\r\n', '|')
}

/** The same at several times. */
function asksAt(heard: string[], times: Readonly<Record<number, readonly string[]>>): Body {
  return function* (context) {
    for (const [at, commands] of Object.entries(times)) {
      const left = Number(at) * MILLISECOND - context.environment.now
      if (left > 0) yield* context.sleep(left)
      yield* asks(heard, ...commands)(context)
    }
  }
}

describe('time', () => {
  test('what has expired is gone, and not a millisecond before', () => {
    const heard: string[] = []
    const world = pair(
      function* ({ sockets, sleep }) {
        const socket = yield* sockets.connect(BOB, { noDelay: true })
        yield* socket.write(encoded('SET a 1 PX 500', 'PTTL a'))
        for (const wait of [400, 90, 20]) {
          yield* sleep(wait * MILLISECOND)
          yield* socket.write(encoded('EXISTS a'))
        }
        yield* sleep(100 * MILLISECOND)
        heard.push(gathered(socket))
        socket.close()
      },
      app('redis-server', {}),
      { delay: MILLISECOND },
    ).run(10 * SECOND)
    noFailures(world)
    assert.deepEqual(heard, ['+OK|:500|:1|:1|:0|'])
  })

  test('ids of a stream follow the clock, and never go back', () => {
    const heard: string[] = []
    const world = pair(asks(heard, 'XADD s * a 1', 'XADD s * a 2', 'XRANGE s - +'), app('redis-server', {}), {
      delay: MILLISECOND,
    })
    world.run(SECOND)
    const ids = [...heard[0].matchAll(/(\d{13})-(\d+)/g)].map(([, ms, seq]) => [Number(ms), Number(seq)])
    // 2026-01-01, and the three one-way delays that it took the commands to come.
    const began = 1_767_225_600_000
    assert.equal(ids.length, 4)
    assert.ok(ids[0][0] >= began && ids[0][0] < began + 20, String(ids[0][0]))
    assert.deepEqual(ids[1], [ids[0][0], 1])
  })

  test('a command takes the time that the machine needs for a request, one after the other', () => {
    let took = 0
    const world = pair(
      function* ({ sockets, environment, sleep }) {
        yield* sleep(100 * MILLISECOND)
        const socket = yield* sockets.connect(BOB, { noDelay: true })
        const began = environment.now
        yield* socket.write(encoded('PING', 'PING', 'PING'))
        yield* socket.readExactly(21)
        took = environment.now - began
        socket.close()
      },
      app('redis-server', {}),
      { delay: MILLISECOND },
    )
    world.engine('bob').obey({ kind: 'configure', path: 'machine.perRequest', value: 5 * MILLISECOND, cause: 0 })
    world.run(10 * SECOND)
    assert.equal(Math.round(took / MILLISECOND), 3 * 5 + 2)
  })
})

describe('waiting for a stream', () => {
  test('XREAD BLOCK is answered when an entry comes, or when time is up; meanwhile the connection waits', () => {
    const heard: string[] = []
    const world = pair(
      [
        function* ({ sockets, sleep }) {
          const socket = yield* sockets.connect(BOB, { noDelay: true })
          yield* socket.write(encoded('XREAD BLOCK 0 STREAMS s $', 'ECHO behind', 'XREAD BLOCK 300 STREAMS s $'))
          for (const wait of [500, 300, 400]) {
            yield* sleep(wait * MILLISECOND)
            heard.push(gathered(socket))
          }
          socket.close()
        },
        function* (context) {
          yield* context.sleep(600 * MILLISECOND)
          yield* asks([], 'XADD s 5-1 a b')(context)
        },
      ],
      app('redis-server', {}),
      { delay: MILLISECOND },
    ).run(10 * SECOND)
    noFailures(world)
    assert.deepEqual(heard, ['', '*1|*2|$1|s|*1|*2|$3|5-1|*2|$1|a|$1|b|$6|behind|', '*-1|'])
  })

  test('a client that goes while it waits is forgotten', () => {
    const heard: string[] = []
    const world = pair(
      [
        function* ({ sockets, sleep }) {
          const socket = yield* sockets.connect(BOB, { noDelay: true })
          yield* socket.write(encoded('XREAD BLOCK 0 STREAMS s $'))
          yield* sleep(200 * MILLISECOND)
          socket.close()
        },
        asksAt(heard, { 100: ['INFO clients'], 500: ['INFO clients'] }),
      ],
      app('redis-server', {}),
      { delay: MILLISECOND },
    ).run(10 * SECOND)
    noFailures(world)
    assert.deepEqual(
      heard.map((text) => /connected_clients:(\d+).*blocked_clients:(\d+)/s.exec(text)?.slice(1)),
      [
        ['2', '1'],
        ['1', '0'],
      ],
    )
  })
})

describe('limits', () => {
  test('a subscriber who does not read is thrown out, and others go on', () => {
    const counts: string[] = []
    const world = pair(
      [
        function* ({ sockets, sleep }) {
          const socket = yield* sockets.connect(BOB, { noDelay: true })
          yield* socket.write(encoded('SUBSCRIBE c'))
          yield* sleep(60 * SECOND)
        },
        function* ({ sockets, sleep }) {
          yield* sleep(SECOND)
          const socket = yield* sockets.connect(BOB, { noDelay: true })
          for (let i = 0; i < 200; i++) yield* socket.write(encoded(`PUBLISH c ${'x'.repeat(10_000)}`))
          yield* sleep(5 * SECOND)
          counts.push(gathered(socket))
          socket.close()
        },
      ],
      app('redis-server', { outputLimit: { hard: 100_000, soft: 0, softTime: 0 } }),
      { delay: MILLISECOND },
    ).run(20 * SECOND)
    noFailures(world)
    const [first] = counts
    assert.match(first, /^(:1\|)+(:0\|)+$/)
    assert.equal(first.length, 200 * 3)
    const [{ waiting }] = data(world, 'redis:output-limit-exceeded')
    assert.ok(Number(waiting) > 100_000 && Number(waiting) <= 111_000, String(waiting))
  })

  test('soft: for so long, and no longer', () => {
    const world = pair(
      [
        function* ({ sockets, sleep }) {
          const socket = yield* sockets.connect(BOB, { noDelay: true })
          yield* socket.write(encoded('SUBSCRIBE c'))
          yield* sleep(60 * SECOND)
        },
        function* ({ sockets, sleep }) {
          yield* sleep(SECOND)
          const socket = yield* sockets.connect(BOB, { noDelay: true })
          for (let i = 0; i < 60; i++) {
            yield* socket.write(encoded(`PUBLISH c ${'x'.repeat(80_000)}`))
            yield* sleep(200 * MILLISECOND)
          }
          socket.close()
        },
      ],
      app('redis-server', { outputLimit: { hard: 0, soft: 50_000, softTime: 3 * SECOND } }),
      { delay: MILLISECOND },
    ).run(30 * SECOND)
    noFailures(world)
    assert.equal(data(world, 'redis:output-limit-exceeded').length, 1)
  })

  test('more clients than there may be are told so', () => {
    const heard: string[] = []
    const world = pair(
      [
        function* ({ sockets, sleep }) {
          const socket = yield* sockets.connect(BOB)
          yield* sleep(SECOND)
          socket.close()
        },
        function* ({ sockets, sleep }) {
          yield* sleep(100 * MILLISECOND)
          const socket = yield* sockets.connect(BOB)
          heard.push(yield* readAll(socket))
          socket.close()
        },
      ],
      app('redis-server', { maxClients: 1 }),
    ).run(10 * SECOND)
    noFailures(world)
    assert.deepEqual(heard, ['-ERR max number of clients reached\r\n'])
  })

  test('with all memory taken, what needs more is refused, and what frees some is not', () => {
    const heard: string[] = []
    const big = 'x'.repeat(3000)
    const world = pair(
      asks(heard, `SET a ${big}`, `SET b ${big}`, 'GET nothing', 'SET c 1', 'DEL a b', 'SET c 1'),
      app('redis-server', { maxMemory: 4000 }),
    ).run(SECOND)
    noFailures(world)
    const full = "-OOM command not allowed when used memory > 'maxmemory'."
    assert.deepEqual(heard, [`+OK|+OK|$-1|${full}|:2|+OK|`])
  })

  test('who has not said the password can do nothing, and not much of that', () => {
    const heard: string[] = []
    const world = pair(
      asksAt(heard, {
        0: ['GET a', 'PING', 'AUTH wrong', 'AUTH secret', 'SET a 1', 'HELLO 3 AUTH default wrong'],
        500: ['HELLO 3', 'HELLO 3 AUTH default secret SETNAME me', 'CLIENT GETNAME'],
        1000: ['GET 1 2 3 4 5 6 7 8 9 10'],
      }),
      app('redis-server', { password: 'secret' }),
    ).run(5 * SECOND)
    noFailures(world)
    const no = '-NOAUTH Authentication required.|'
    const wrong = '-WRONGPASS invalid username-password pair or user is disabled.|'
    assert.equal(heard[0], `${no}${no}${wrong}+OK|+OK|${wrong}`)
    assert.match(heard[1], /^-NOAUTH HELLO must be called .*\|%7\|\$6\|server\|.*\$2\|me\|$/)
    assert.equal(heard[2], '-ERR Protocol error: unauthenticated multibulk length|')
  })
})

describe('a server that is killed and started again', () => {
  const SETTINGS = { appendonly: true, fsync: 'always' }
  const WRITES = ['SET a 1', 'INCR a', 'SET b x PX 100000', 'XADD s 1-1 f v', 'XADD s 1-2 f w', 'XTRIM s MAXLEN 1']
  const MORE = [
    'SELECT 3',
    'SET other 1',
    'SELECT 0',
    'APPEND b yz',
    'SET gone 1 PX 1',
    'SET c 1',
    'DEL c',
    'XADD t MAXLEN 5 * k v',
  ]
  const LOOK = ['GET a', 'GET b', 'XRANGE s - +', 'XLEN t', 'EXISTS gone c', 'SELECT 3', 'GET other', 'DBSIZE']
  const FOUND = '$1|2|$3|xyz|*1|*2|$3|1-2|*2|$1|f|$1|w|:1|:0|+OK|$1|1|:1|'

  /** What is found when the server has been away from 2 s to 3 s. */
  function afterKill(settings: Record<string, unknown>, commands: readonly string[], look: readonly string[]): string {
    const heard: string[] = []
    const world = pair(asksAt(heard, { 0: commands, 3500: look }), app('redis-server', settings))
    world
      .run(2 * SECOND)
      .kill('bob')
      .run(3 * SECOND)
      .restart('bob')
      .run(10 * SECOND)
    noFailures(world)
    return heard[1]
  }

  test('has all that it had, with fsync always', () => {
    assert.equal(afterKill(SETTINGS, [...WRITES, ...MORE], LOOK), FOUND)
  })

  test('has it from a log that was rewritten in between, too, and what came after that', () => {
    assert.equal(afterKill(SETTINGS, [...WRITES, 'BGREWRITEAOF', ...MORE], LOOK), FOUND)
    assert.equal(afterKill({ ...SETTINGS, rewriteAbove: 1 }, [...WRITES, ...MORE], LOOK), FOUND)
    assert.equal(afterKill(SETTINGS, [...WRITES, ...MORE, 'BGREWRITEAOF'], LOOK), FOUND)
  })

  test('has nothing without a log', () => {
    assert.equal(afterKill({}, WRITES, ['DBSIZE']), ':0|')
  })

  test('has lost the last second with everysec, and the last half minute with no', () => {
    const last = (fsync: string, at: number): string => {
      const heard: string[] = []
      const world = pair(asksAt(heard, { [at]: ['SET a 1'], 5500: ['GET a'] }), app('redis-server', { appendonly: true, fsync }))
      world
        .run(4 * SECOND)
        .kill('bob')
        .run(5 * SECOND)
        .restart('bob')
        .run(10 * SECOND)
      noFailures(world)
      return heard[1]
    }
    assert.equal(last('everysec', 2500), '$1|1|')
    assert.equal(last('everysec', 3500), '$-1|')
    assert.equal(last('no', 100), '$-1|')
    assert.equal(last('always', 3895), '$1|1|')
  })

  test('killed at any moment, with fsync always: what was acknowledged is there', () => {
    const random = randomStream(7, 'kills')
    for (let run = 0; run < 40; run++) {
      const acknowledged: number[] = []
      let found: string[] = []
      const world = pair(
        function* ({ sockets, sleep }) {
          const socket = yield* sockets.connect(BOB, { noDelay: true })
          try {
            for (let i = 0; i < 1000; i++) {
              yield* socket.write(encoded(`XADD s ${String(i + 1)}-0 n ${String(i)}`))
              const answer = Buffer.from(yield* socket.readExactly(1)).toString()
              if (answer !== '$') break
              yield* socket.readExactly(String(String(i + 1).length + 2).length + 4 + String(i + 1).length + 2)
              acknowledged.push(i + 1)
            }
          } catch {
            yield* sleep(SECOND)
          }
          socket.close()
          const again = yield* sockets.connect(BOB, { noDelay: true })
          yield* again.write(encoded('XRANGE s - +'))
          yield* sleep(SECOND)
          found = [...gathered(again).matchAll(/(\d+)-0\|/g)].map(([, id]) => id)
        },
        app('redis-server', SETTINGS),
        { seed: run + 1, delay: 2 * MILLISECOND },
      )
      world.run(100 * MILLISECOND + random.below(500_000_000)).kill('bob')
      world
        .run(SECOND)
        .restart('bob')
        .run(20 * SECOND)
      noFailures(world)
      assert.ok(acknowledged.length > 5, `run ${String(run)} came to nothing`)
      assert.deepEqual(found.slice(0, acknowledged.length), acknowledged.map(String))
      assert.ok(found.length <= acknowledged.length + 1, 'at most the one whose answer was lost is there besides')
    }
  })

  test('a log whose end was not written whole is read up to there', () => {
    const heard: string[] = []
    const world = pair(asksAt(heard, { 0: ['SET a 1', 'SET b 2'], 3500: ['GET a', 'GET b', 'SET b 3', 'GET b'] }), [
      app('redis-server', SETTINGS),
      function* ({ sleep, environment }) {
        yield* sleep(1500 * MILLISECOND)
        if (environment.boot > 1) return
        const [...pieces] = environment.disk.read('appendonly.aof')
        const all = Buffer.concat(pieces)
        environment.disk.replace('appendonly.aof', new Uint8Array(all.subarray(0, all.length - 5)))
      },
    ])
    world
      .run(2 * SECOND)
      .kill('bob')
      .run(3 * SECOND)
      .restart('bob')
      .run(10 * SECOND)
    noFailures(world)
    assert.equal(heard[1], '$1|1|$-1|+OK|$1|3|')
    assert.deepEqual(
      data(world, 'redis:log-replayed').map(({ refused, cutOff }) => [refused, Number(cutOff) > 0]),
      [[0, true]],
    )
  })
})

test('100,000 mutated requests: the server answers, or ends the connection, and serves the next one', () => {
  const random = randomStream(3, 'requests')
  const valid = encoded(
    'SET a 1',
    'XADD s * a b',
    'XREAD COUNT 1 STREAMS s 0',
    'SUBSCRIBE c',
    'HELLO 3',
    'PUBLISH c x',
    'INFO',
    'CLIENT LIST',
  )
  const signs = textBytes('*$0123456789\r\n"\\ \0\xffab')
  let answer = ''
  const world = pair(
    function* (context) {
      const { sockets, sleep } = context
      for (let i = 0; i < 400; i++) {
        const bytes = new Uint8Array(valid.length * 32)
        for (let n = 0; n < 32; n++) bytes.set(valid, n * valid.length)
        // Each connection is ended by its first fault: so faults become more likely as it goes.
        for (let n = i % 40; n > 0; n--) bytes[random.below(bytes.length)] = signs[random.below(signs.length)]
        const socket = yield* sockets.connect(BOB, { noDelay: true })
        try {
          yield* socket.write(bytes.subarray(0, bytes.length - random.below(20)))
          yield* sleep(20 * MILLISECOND)
          gathered(socket)
          socket.close()
        } catch {
          socket.close()
        }
      }
      const heard: string[] = []
      yield* asks(heard, 'PING')(context)
      answer = heard[0]
    },
    app('redis-server', {}),
  ).run(100 * SECOND)
  noFailures(world)
  assert.equal(answer, '+PONG|')
  assert.ok(data(world, 'redis:client-disconnected').length >= 400, 'all are gone')
})
