import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BusClient, type BusClientOptions } from '../../../src/apps/bus/bus-client.ts'
import { BusError } from '../../../src/apps/bus/bus-error.ts'
import type { AppContext, Blocking } from '../../../src/host/socket.ts'
import { randomStream } from '../../../src/kernel/random.ts'
import { textBytes } from '../../../src/wire/resp-request.ts'
import { pair } from '../../host/topologies.ts'
import { app, MILLISECOND, noFailures, scripted, SECOND, type Body } from '../site.ts'

type Work = (bus: BusClient, context: AppContext) => Blocking<void>

/** An application that uses a bus. */
function user(work: Work, options: Partial<BusClientOptions> = {}): Body {
  return function* (context) {
    const bus = new BusClient(context, { host: '10.0.0.2', ...options })
    yield* work(bus, context)
    bus.close()
  }
}

function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString()
}

/** What a command came to: its answer, or the problem. */
function* outcome(command: Blocking<unknown>): Blocking<unknown> {
  try {
    return yield* command
  } catch (error) {
    if (!(error instanceof BusError)) throw error
    return error.problem === 'refused' ? error.code : error.problem
  }
}

for (const protocol of [2, 3] as const) {
  test(`values, streams and refusals, over RESP${String(protocol)}`, () => {
    const found: unknown[] = []
    const world = pair(
      user(
        function* (bus) {
          yield* bus.set('häuser', Buffer.from('drei ☂'))
          found.push(text(yield* bus.get('häuser')), yield* bus.get('none'))
          const first = yield* bus.append('s', { a: '1', b: new Uint8Array([0, 255]) })
          const second = yield* bus.append('s', { c: '2' })
          const all = yield* bus.range('s', '0')
          found.push(all.map(({ id }) => [first, second].indexOf(id)))
          found.push(all[0].fields.map(([name, value]) => [name, ...value]))
          found.push((yield* bus.range('s', first)).length, (yield* bus.range('s', second)).length, yield* bus.range('none', '0'))
          yield* bus.append('s', { d: '3' }, 1)
          found.push((yield* bus.range('s', '0')).length)
          found.push(yield* outcome(bus.append('häuser', { a: 'b' })), yield* outcome(bus.command(['NONSENSE'])))
          yield* bus.set('short', textBytes('x'), 20 * MILLISECOND)
          found.push((yield* bus.command(['PTTL', 'short'])).type)
          found.push(text((yield* bus.get('short')) ?? new Uint8Array(0)))
        },
        { protocol },
      ),
      app('redis-server', {}),
    ).run(10 * SECOND)
    noFailures(world)
    assert.deepEqual(found, [
      'drei ☂',
      undefined,
      [0, 1],
      [
        ['a', 49],
        ['b', 0, 255],
      ],
      1,
      0,
      [],
      1,
      'WRONGTYPE',
      'ERR',
      'integer',
      'x',
    ])
  })

  test(`what is published comes to who subscribes, by name or by pattern, over RESP${String(protocol)}`, () => {
    const heard: unknown[] = []
    const world = pair(
      user(
        function* (bus) {
          bus.subscribe('a')
          bus.subscribe('ü')
          bus.subscribePattern('room:*')
          for (let n = 0; n < 3;) if ((yield* bus.nextEvent()).type === 'subscribed') n++
          assert.equal(yield* bus.publish('a', textBytes('one')), 1)
          assert.equal(yield* bus.publish('ü', textBytes('two')), 1)
          assert.equal(yield* bus.publish('room:7', textBytes('three')), 1)
          assert.equal(yield* bus.publish('b', textBytes('nobody')), 0)
          bus.unsubscribe('a')
          while (heard.length < 3) {
            const event = yield* bus.nextEvent()
            if (event.type === 'message') heard.push([event.channel, event.pattern, text(event.bytes)])
          }
          assert.equal(yield* bus.publish('a', textBytes('gone')), 0)
        },
        { protocol },
      ),
      app('redis-server', {}),
      { delay: MILLISECOND },
    ).run(10 * SECOND)
    noFailures(world)
    assert.deepEqual(heard, [
      ['a', undefined, 'one'],
      ['ü', undefined, 'two'],
      ['room:7', 'room:*', 'three'],
    ])
  })
}

test('commands of several tasks share a pipeline: each gets its own answer', () => {
  const answers: (string | undefined)[] = []
  const world = pair(
    user(function* (bus, context) {
      const tasks = Array.from({ length: 50 }, (_, i) =>
        context.spawn(
          (function* () {
            yield* bus.set(`k${String(i)}`, textBytes(String(i)))
            answers[i] = text(yield* bus.get(`k${String(i)}`))
          })(),
        ),
      )
      for (const task of tasks) yield* task.join()
    }),
    app('redis-server', {}),
    { delay: 20 * MILLISECOND },
  )
  world.run(300 * MILLISECOND)
  noFailures(world)
  assert.deepEqual(
    answers,
    Array.from({ length: 50 }, (_, i) => String(i)),
  )
})

describe('when the bus goes', () => {
  test('a command on its way fails as lost, the next one waits for the connection, subscriptions are renewed', () => {
    const found: unknown[] = []
    const world = pair(
      user(
        function* (bus, { sleep }) {
          bus.subscribe('c')
          yield* bus.set('a', textBytes('1'))
          yield* sleep(1990 * MILLISECOND)
          found.push(yield* outcome(bus.set('a', textBytes('2'))))
          found.push(yield* outcome(bus.get('a')))
          const kinds: string[] = []
          for (let event = bus.pollEvent(); event !== undefined; event = bus.pollEvent()) kinds.push(event.type)
          found.push(kinds.filter((kind) => kind === 'subscribed').length > 0)
          yield* sleep(3 * SECOND)
          found.push(yield* outcome(bus.publish('c', textBytes('again'))))
        },
        { commandTimeout: 3 * SECOND },
      ),
      app('redis-server', {}),
      { delay: 20 * MILLISECOND },
    )
    world
      .run(2080 * MILLISECOND)
      .kill('bob')
      .run(2500 * MILLISECOND)
      .restart('bob')
      .run(20 * SECOND)
    noFailures(world)
    assert.deepEqual(found, ['lost', undefined, true, 1])
  })

  test('a silent one is given up in time; what was never sent is said to be harmless', () => {
    const found: unknown[] = []
    const world = pair(
      user(
        function* (bus, { environment, sleep }) {
          yield* bus.set('a', textBytes('1'))
          while (environment.now < 1400 * MILLISECOND) yield* bus.get('a')
          yield* sleep(200 * MILLISECOND)
          found.push(yield* outcome(bus.get('a')))
          try {
            yield* bus.get('a')
          } catch (error) {
            if (!(error instanceof BusError)) throw error
            found.push(error.problem, error.isHarmless)
          }
        },
        { commandTimeout: SECOND },
      ),
      app('redis-server', {}),
      { delay: 20 * MILLISECOND },
    )
    world
      .run(1500 * MILLISECOND)
      .link(0, { up: false })
      .run(10 * SECOND)
    noFailures(world)
    assert.deepEqual(found, ['timed-out', 'unreachable', true])
  })

  test('killed at any moment, over a lossy link: an append that was acknowledged is there once, with its id', () => {
    const random = randomStream(11, 'bus-kills')
    for (let run = 0; run < 12; run++) {
      const acknowledged: string[] = []
      let lost = 0
      let found: (readonly [string, string | undefined])[] = []
      const world = pair(
        user(
          function* (bus, { environment, sleep }) {
            for (let i = 0; environment.now < 6 * SECOND; i++) {
              const id = yield* outcome(bus.append('s', { n: String(i) }))
              if (typeof id === 'string' && id.includes('-')) acknowledged.push(`${id} ${String(i)}`)
              else lost++
              yield* sleep(5 * MILLISECOND)
            }
            yield* sleep(5 * SECOND)
            found = (yield* bus.range('s', '0')).map(({ id, fields }) => [id, text(fields[0][1])])
          },
          { commandTimeout: 2 * SECOND },
        ),
        app('redis-server', { appendonly: true, fsync: 'always' }),
        { seed: run + 1, delay: 3 * MILLISECOND, loss: 0.02 },
      )
      let at = 0
      for (let n = 0; n < 3; n++) {
        at += 200 * MILLISECOND + random.below(1_200_000_000)
        world.run(at).kill('bob')
        at += random.below(300_000_000)
        world.run(at).restart('bob')
      }
      world.run(60 * SECOND)
      noFailures(world)
      const there = found.map(([id, n]) => `${id} ${String(n)}`)
      for (const each of acknowledged)
        assert.equal(there.filter((other) => other === each).length, 1, `run ${String(run)}: ${each}`)
      assert.ok(acknowledged.length > 50, `run ${String(run)}: only ${String(acknowledged.length)}`)
      assert.ok(there.length <= acknowledged.length + lost, 'nothing came from nowhere')
    }
  })
})

describe('a bus that is none', () => {
  test('is left alone at once, and tried again with ever longer waits', () => {
    let connections = 0
    const found: unknown[] = []
    const world = pair(
      user(function* (bus) {
        found.push(yield* outcome(bus.get('a')))
      }),
      function* (context) {
        const listener = context.sockets.listen(6379)
        for (;;) {
          const socket = yield* listener.accept()
          connections++
          yield* socket.write(textBytes('220 mail.example ESMTP\r\n'))
          socket.close()
        }
      },
    ).run(6 * SECOND)
    noFailures(world)
    assert.deepEqual(found, ['unreachable'])
    assert.ok(connections > 3 && connections < 40, String(connections))
  })

  test('100,000 answers of any kind: commands end, and the application goes on', () => {
    const random = randomStream(5, 'answers')
    const pieces = [
      '+OK\r\n',
      ':1\r\n',
      '$-1\r\n',
      '-ERR no\r\n',
      '*1\r\n',
      '%1\r\n',
      '>3\r\n',
      '$3\r\nabc\r\n',
      '_\r\n',
      '\0',
      '$',
      '\r\n',
    ]
    let ended = 0
    const script = scripted(function* (socket) {
      try {
        yield* socket.read()
        yield* socket.write(textBytes('%0\r\n'))
        const words = Array.from({ length: 200 }, () => pieces[random.below(random.below(20) === 0 ? pieces.length : 8)])
        yield* socket.write(textBytes(words.join('')))
        yield* socket.read()
      } finally {
        socket.close()
      }
    })
    const world = pair(
      user(
        function* (bus) {
          bus.subscribe('c')
          for (let i = 0; i < 520; i++) {
            yield* outcome(bus.range('s', '0'))
            ended++
          }
        },
        { port: 80, commandTimeout: 200 * MILLISECOND, backoffBase: MILLISECOND, backoffCap: MILLISECOND },
      ),
      script,
    ).run(200 * SECOND)
    assert.equal(ended, 520)
    for (const { error } of world.happened('app:failed').map(({ data }) => data)) assert.match(String(error), /SocketError/)
  })
})
