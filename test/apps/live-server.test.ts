import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LiveServer } from '../../src/apps/live/live-server.ts'
import type { AppContext, Blocking } from '../../src/host/socket.ts'
import { World } from '../host/world.ts'
import { datas, lab, sound } from './live-lab.ts'
import { ask, dial, readEvents, said, Talk } from './live-talk.ts'

const MS = 1e6
const S = 1e9

type Body = (context: AppContext) => Blocking<void>

describe('rooms over WebSocket', () => {
  test('what one says the others hear, and who said it gets it acknowledged', () => {
    const heard: unknown[] = []
    const world = lab({}, [
      function* (context) {
        const talk = yield* Talk.open(context)
        yield* talk.enter()
        const { from, text, sentAt, id } = yield* talk.next('said')
        heard.push({ from, text, sentAt }, id > 0)
      },
      function* (context) {
        yield* context.sleep(S)
        const talk = yield* Talk.open(context)
        yield* talk.enter()
        yield* talk.say({ type: 'say', room: 'lobby', key: 'k1', text: 'héllo "you"', sentAt: 7 })
        const { key, id } = yield* talk.next('ack')
        heard.push(key, id === (yield* talk.next('said')).id)
      },
    ]).run(10 * S)
    sound(world)
    assert.deepEqual(heard, [{ from: '10.0.0.2', text: 'héllo "you"', sentAt: 7 }, true, 'k1', true])
    assert.equal(world.happened('chat:said').length, 1)
    assert.equal(world.happened('websocket:opened').length, 2)
  })

  test('who comes later is told what was said before, as far as it is kept; who has some of it, the rest', () => {
    const texts: string[][] = []
    sound(
      lab({ history: 3 }, [
        function* (context) {
          const first = yield* Talk.open(context)
          yield* first.enter()
          const ids: number[] = []
          for (let i = 0; i < 5; i++) {
            yield* first.say({ type: 'say', room: 'lobby', key: `k${i}`, text: String(i), sentAt: 0 })
            ids.push((yield* first.next('ack')).id)
          }
          for (const last of [0, ids[3]]) {
            const talk = yield* Talk.open(context)
            yield* talk.enter(last)
            const got: string[] = []
            for (let i = last === 0 ? 3 : 1; i > 0; i--) got.push((yield* talk.next('said')).text)
            texts.push(got)
          }
        },
      ]).run(10 * S),
    )
    assert.deepEqual(texts, [['2', '3', '4'], ['4']])
  })

  test('a message that comes twice under one key is said once', () => {
    const ids: number[] = []
    const world = lab({}, [
      function* (context) {
        const talk = yield* Talk.open(context)
        yield* talk.enter()
        for (let i = 0; i < 2; i++) {
          yield* talk.say({ type: 'say', room: 'lobby', key: 'same', text: 'once', sentAt: 0 })
          ids.push((yield* talk.next('ack')).id)
        }
        yield* context.sleep(S)
        yield* talk.say({ type: 'ping' })
        yield* talk.next('pong')
        ids.push(talk.heard.filter(({ type }) => type === 'said').length)
      },
    ]).run(10 * S)
    sound(world)
    assert.equal(ids[0], ids[1])
    assert.equal(ids[2], 1)
  })

  test('rooms do not hear each other, and who is in none is refused', () => {
    const seen: unknown[] = []
    sound(
      lab({}, [
        function* (context) {
          const talk = yield* Talk.open(context)
          yield* talk.say({ type: 'say', room: 'lobby', key: 'early', text: 'x', sentAt: 0 })
          seen.push((yield* talk.next('refused')).key)
          yield* talk.enter(0, '', 'other')
          yield* context.sleep(2 * S)
          yield* talk.say({ type: 'ping' })
          yield* talk.next('pong')
          seen.push(talk.heard)
        },
        function* (context) {
          yield* context.sleep(S)
          const talk = yield* Talk.open(context)
          yield* talk.enter()
          yield* talk.say({ type: 'say', room: 'lobby', key: 'k', text: 'x', sentAt: 0 })
          yield* talk.next('said')
        },
      ]).run(10 * S),
    )
    assert.deepEqual(seen, ['early', []])
  })

  test('compressed for those who offer it, plainly for others, and both read the same', () => {
    const texts: string[] = []
    const heads: boolean[] = []
    const text = 'so much of the same '.repeat(50)
    const world = lab({ compression: true }, [
      function* (context) {
        const squeezed = yield* Talk.open(context, { deflate: [{}] })
        heads.push(/permessage-deflate/.test(squeezed.head))
        const plain = yield* Talk.open(context)
        heads.push(/permessage-deflate/.test(plain.head))
        yield* squeezed.enter()
        yield* plain.enter()
        yield* plain.say({ type: 'say', room: 'lobby', key: 'k', text, sentAt: 0 })
        for (const talk of [squeezed, plain]) texts.push((yield* talk.next('said')).text)
      },
    ]).run(10 * S)
    sound(world)
    assert.deepEqual(heads, [true, false])
    assert.deepEqual(texts, [text, text])
  })
})

describe('sessions', () => {
  test('who comes back in time goes on without the cost of joining, who comes late does not', () => {
    const took: number[] = []
    const world = lab({ sessions: 5 * S, join: { cost: 300 * MS } }, [
      function* (context) {
        let session = ''
        for (const pause of [0, S, 20 * S]) {
          yield* context.sleep(pause)
          const talk = yield* Talk.open(context)
          const began = context.environment.now
          const welcome = yield* talk.enter(0, session)
          took.push(Math.round((context.environment.now - began) / MS))
          assert.equal(welcome.resumed, pause === S)
          ;({ session } = welcome)
          talk.socket.close()
        }
      },
    ]).run(60 * S)
    sound(world)
    assert.deepEqual(took, [310, 10, 310])
  })

  test('a token that nobody gave leads nowhere', () => {
    const resumed: boolean[] = []
    sound(
      lab({ sessions: 5 * S }, [
        function* (context) {
          const talk = yield* Talk.open(context)
          resumed.push((yield* talk.enter(0, 'guess')).resumed)
        },
      ]).run(5 * S),
    )
    assert.deepEqual(resumed, [false])
  })

  /** Enters at the first of two servers, then at both with the token that it was given. @returns whether its session went on, at each */
  function* elsewhere(context: AppContext, session: (token: string) => string = (token) => token): Blocking<boolean[]> {
    const first = yield* Talk.open(context)
    const token = (yield* first.enter()).session
    first.socket.close()
    yield* context.sleep(S)
    const resumed: boolean[] = []
    for (const address of ['10.0.0.3', '10.0.0.1']) {
      const talk = yield* Talk.open(context, {}, address)
      resumed.push((yield* talk.enter(0, session(token))).resumed)
    }
    return resumed
  }

  /** Two servers with secrets of their own. */
  function twoServers(secrets: readonly [string, string], client: Body): World {
    const [one, two] = secrets.map((sessionSecret) => new LiveServer({ sessions: 60 * S, sessionSecret }))
    return new World({
      hosts: { one: { apps: [one] }, clients: { apps: [client] }, two: { apps: [two] }, switch: { kind: 'switch' } },
      links: ['one 10.0.0.1', 'clients 10.0.0.2', 'two 10.0.0.3'].map((end) => ({ between: [`${end}/24`, 'switch'] as const })),
    })
  }

  test('sessionSecret: a token is good at a server with the same secret, at no other, and nowhere when it was changed', () => {
    const same = ['one secret', 'one secret'] as const
    const room = (token: string): string => token.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
    const later = (token: string): string => token.replace(/\.[0-9]+\./, '.999999999999.')
    for (const [secrets, session, expected] of [
      [same, undefined, [true, true]],
      [['one secret', 'another'], undefined, [false, true]],
      [['one secret', ''], undefined, [false, true]],
      // Known to the first alone, which remembers it.
      [['', 'one secret'], undefined, [false, true]],
      [['', ''], undefined, [false, true]],
      [same, room, [false, false]],
      [same, later, [false, false]],
      [same, (token: string) => `${token}0`, [false, false]],
      [same, () => '..', [false, false]],
    ] as const) {
      const resumed: boolean[] = []
      const world = twoServers(secrets, function* (context) {
        resumed.push(...(yield* elsewhere(context, session)))
      })
      sound(world.run(20 * S))
      assert.deepEqual(resumed, expected, `${secrets.join(' and ')}, ${String(session)}`)
    }
  })

  test('sessionSecret: a token is good for its room alone, until its time is up, and outlives the server that gave it', () => {
    const resumed: boolean[] = []
    const same = ['one secret', 'one secret'] as const
    const world = twoServers(same, function* (context) {
      const first = yield* Talk.open(context)
      const token = (yield* first.enter()).session
      yield* context.sleep(5 * S)
      for (const [room, until] of [
        ['kitchen', 6],
        ['lobby', 7],
        // Nobody can take it back: it is good for another time.
        ['lobby', 59],
        ['lobby', 61],
      ] as const) {
        yield* context.sleep(until * S - context.environment.now)
        const talk = yield* Talk.open(context, {}, '10.0.0.3')
        resumed.push((yield* talk.enter(0, token, room)).resumed)
      }
    })
    world
      .run(4 * S)
      .kill('one')
      .run(100 * S)
    sound(world)
    assert.deepEqual(resumed, [false, true, true, false])
  })
})

describe('requests', () => {
  test('what is posted is said and acknowledged; what cannot be understood is refused', () => {
    const seen: unknown[] = []
    sound(
      lab({}, [
        function* (context) {
          const talk = yield* Talk.open(context)
          yield* talk.enter()
          const { status, body } = yield* ask(context, '/say', { body: said('p1', 'by post') })
          seen.push(status, (JSON.parse(body) as { key: string }).key, (yield* talk.next('said')).text)
          seen.push((yield* ask(context, '/say', { body: '{"type":"hello","room":"lobby"}' })).status)
          seen.push((yield* ask(context, '/say', { body: 'not json' })).status)
          seen.push((yield* ask(context, '/say')).status)
          seen.push((yield* ask(context, '/nowhere')).status)
          seen.push((yield* ask(context, '/live')).status)
          seen.push((yield* ask(context, '/health')).status)
        },
      ]).run(10 * S),
    )
    assert.deepEqual(seen, [200, 'p1', 'by post', 400, 400, 405, 404, 426, 200])
  })

  test('a WebSocket that is opened wrongly is refused, and the connection goes on', () => {
    const seen: unknown[] = []
    sound(
      lab({}, [
        function* (context) {
          const socket = yield* dial(context)
          const fields =
            'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 12\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'
          const refused = yield* ask(context, '/live', { socket, fields })
          seen.push(refused.status, /sec-websocket-version: 13/i.test(refused.head))
          seen.push((yield* ask(context, '/health', { socket })).status)
        },
      ]).run(10 * S),
    )
    assert.deepEqual(seen, [426, true, 200])
  })

  test('who goes while a poll is held leaves nothing behind', () => {
    const world = lab({ pollTimeout: 500 * S }, [
      function* (context) {
        const socket = yield* dial(context)
        yield* socket.write(Buffer.from('GET /poll HTTP/1.1\r\nHost: server\r\n\r\n'))
        yield* context.sleep(S)
        socket.close()
      },
    ])
      .run(3 * S)
      .configure('server', 'app.drain', true)
      .run(60 * S)
    sound(world)
    assert.deepEqual(datas(world.happened('live:drain-started')), [{ connections: 0 }])
    assert.equal(world.happened('live:drained').length, 1)
  })
})

describe('who does not play by the rules', () => {
  test('messages that are none are refused, and after ten of them the client is sent away', () => {
    const seen: unknown[] = []
    const wrong = [
      '{',
      '[]',
      '"x"',
      '{"type":"welcome"}',
      '{"type":"hello"}',
      '{"type":1}',
      'null',
      '{"type":"say"}',
      '',
      '{}',
      '{}',
    ]
    sound(
      lab({}, [
        function* (context) {
          const talk = yield* Talk.open(context)
          for (const text of wrong) talk.ws.sendText(Buffer.from(text))
          yield* talk.flush()
          yield* talk.until(() => talk.closes.length > 0)
          seen.push(talk.heard.filter(({ type }) => type === 'refused').length, ...talk.closes)
        },
      ]).run(10 * S),
    )
    assert.deepEqual(seen, [10, 1008])
  })

  test('a message of 1 MB ends its connection with 1009, and a body of 1 MB with 413', () => {
    const seen: unknown[] = []
    sound(
      lab({}, [
        function* (context) {
          const talk = yield* Talk.open(context)
          talk.ws.sendText(new Uint8Array(1_000_000).fill(0x20))
          context.spawn(
            (function* () {
              yield* talk.flush()
            })(),
          )
          yield* talk.until(() => talk.closes.length > 0)
          seen.push(...talk.closes)
          seen.push((yield* ask(context, '/say', { body: ' '.repeat(1_000_000) })).status)
        },
      ]).run(30 * S),
    )
    assert.deepEqual(seen.slice(0, 2), [1009, 413])
  })

  test('who reads too slowly is sent away when too much waits for him, and others notice nothing', () => {
    const heard = { quick: 0 }
    const world = lab(
      { news: { interval: 20 * MS, size: 10_000, start: S }, sendQueue: 100_000 },
      [
        function* (context) {
          const talk = yield* Talk.open(context)
          yield* talk.say({ type: 'hello', room: 'lobby', last: 0, session: '' })
          // And never reads.
          yield* context.sleep(1000 * S)
        },
        function* (context) {
          const talk = yield* Talk.open(context)
          yield* talk.enter()
          for (;;) {
            yield* talk.next('news')
            heard.quick++
          }
        },
      ],
      { memory: 100_000_000 },
    ).run(10 * S)
    sound(world)
    const [dropped, ...more] = world.happened('live:slow-reader-dropped')
    assert.ok(dropped !== undefined && more.length === 0, 'one, once')
    assert.ok(Number(dropped.data['waiting']) <= 100_000, 'never more than it may be')
    assert.ok(heard.quick > 400, `the other heard ${heard.quick}`)
    const used = Math.max(...world.happened('host:load-sampled').map(({ data }) => Number(data['memory'])))
    assert.ok(used < 8_000_000, `memory stayed bounded: ${used}`)
  })

  test('an event stream that nobody reads is reset when too much waits, and one that is asked for by HEAD is none', () => {
    const world = lab({ news: { interval: 20 * MS, size: 10_000, start: S }, sendQueue: 50_000 }, [
      function* (context) {
        const socket = yield* dial(context)
        yield* socket.write(Buffer.from('GET /events HTTP/1.1\r\nHost: server\r\n\r\n'))
        yield* context.sleep(1000 * S)
      },
      function* (context) {
        const socket = yield* dial(context)
        yield* socket.write(Buffer.from('HEAD /events HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n'))
        assert.match(yield* readEvents(socket, () => false), /^HTTP\/1\.1 200 [^]*\r\n\r\n$/)
        socket.close()
      },
    ]).run(20 * S)
    sound(world)
    assert.deepEqual(
      world.happened('sse:closed').map(({ data }) => data['why']),
      ['the client has gone', 'reads too slowly'],
    )
    assert.equal(world.happened('http:connection-failed').length, 0)
  })

  test('RFC 6455 section 7.1.1: a Close is answered, and it is the server that closes the connection then', () => {
    const seen: unknown[] = []
    const world = lab({}, [
      function* (context) {
        const talk = yield* Talk.open(context)
        yield* talk.enter()
        talk.ws.close(1000, 'done')
        yield* talk.flush()
        seen.push(yield* talk.until(() => false), talk.closes, context.environment.now < 100 * MS)
      },
    ]).run(10 * S)
    sound(world)
    assert.deepEqual(seen, [false, [1000], true])
    assert.deepEqual(datas(world.happened('websocket:closed', 'server')), [
      { code: 1000, reason: 'done', clean: true, whose: 'remote' },
    ])
  })

  test('without keep-alive each answer is the last of its connection, but what has become a stream stays', () => {
    const seen: unknown[] = []
    const world = lab({ keepAlive: false, news: { interval: S } }, [
      function* (context) {
        const socket = yield* dial(context)
        const { head } = yield* ask(context, '/news', { socket })
        seen.push(/^connection: close\r?$/im.test(head), yield* socket.read())
        socket.close()
      },
      function* (context) {
        const talk = yield* Talk.open(context)
        yield* talk.enter()
        yield* context.sleep(3 * S)
        seen.push((yield* talk.next('news')).type)
      },
    ]).run(5 * S)
    sound(world)
    assert.deepEqual(seen, [true, undefined, 'news'])
    world.configure('server', 'app.keepAlive', true)
  })

  test('there are only so many rooms', () => {
    const seen: unknown[] = []
    sound(
      lab({ rooms: 2 }, [
        function* (context) {
          const talk = yield* Talk.open(context)
          for (const room of ['a', 'b', 'c']) yield* talk.say({ type: 'hello', room, last: 0, session: '' })
          seen.push((yield* talk.next('refused')).why, talk.heard.filter(({ type }) => type === 'welcome').length)
          seen.push((yield* ask(context, '/news?room=d')).status)
        },
      ]).run(10 * S),
    )
    assert.deepEqual(seen, ['there are too many rooms', 2, 404])
  })

  test('a silent client that has gone without a word is noticed by the heartbeat', () => {
    const world = lab({ heartbeat: 2 * S }, [
      function* (context) {
        const talk = yield* Talk.open(context)
        yield* talk.enter()
        yield* context.sleep(1000 * S)
      },
    ])
    world.run(S)
    world.kill('clients')
    world.run(10 * S)
    sound(world)
    assert.equal(world.happened('websocket:closed', 'server')[0].data['reason'], 'no answer to a Ping')
  })

  test('one that sends requests stays as well, until it has sent none for as long as a Ping and its answer would take', () => {
    const ended: number[] = []
    const world = lab({ heartbeat: S }, [
      function* (context) {
        const socket = yield* dial(context)
        for (let asked = 0; asked < 4; asked++) {
          assert.equal((yield* ask(context, '/news', { socket })).status, 200)
          yield* context.sleep(1.9 * S)
        }
        assert.equal(yield* socket.read(), undefined)
        ended.push(context.environment.now)
      },
    ]).run(20 * S)
    sound(world)
    // Asked for the last time after 5.7 s.
    assert.ok(ended[0] > 7.7 * S && ended[0] < 8.8 * S, String(ended))
  })

  test('one that answers pings stays', () => {
    const world = lab({ heartbeat: S }, [
      function* (context) {
        const talk = yield* Talk.open(context)
        yield* talk.enter()
        yield* talk.until(() => false)
      },
    ]).run(20 * S)
    sound(world)
    assert.equal(world.happened('websocket:closed', 'server').length, 0)
  })
})

test('the same again is the same', () => {
  const run = (): unknown[] =>
    lab({ news: { interval: 100 * MS }, heartbeat: S, sessions: S, leaving: { spread: S } }, [
      function* (context) {
        for (let i = 0; i < 5; i++) {
          const talk = yield* Talk.open(context)
          yield* talk.enter()
          yield* talk.next('news')
          talk.socket.close()
        }
      },
    ])
      .run(2 * S)
      .configure('server', 'app.drain', true)
      .run(5 * S)
      .events.map(({ time, name, data }) => [time, name, data])
  assert.deepEqual(run(), run())
})
