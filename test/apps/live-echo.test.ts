import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SocketError, type AppContext, type Blocking, type TcpSocket } from '../../src/host/socket.ts'
import {
  CLOSE,
  described,
  FIRST_TEXT,
  framesOf,
  joined,
  LAST,
  MIDDLE,
  PING,
  PONG,
  TEXT,
  toward,
} from '../protocols/websocket/frames.ts'
import { lab, sound } from './live-lab.ts'
import { ask, dial } from './live-talk.ts'

const MS = 1e6
const S = 1e9

const FIELDS =
  'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'

/** A WebSocket to the echo, with frames of the test's own. */
function* open(context: AppContext): Blocking<TcpSocket> {
  const socket = yield* dial(context)
  const { status } = yield* ask(context, '/echo', { socket, fields: FIELDS })
  assert.equal(status, 101)
  return socket
}

/** All bytes that come until the stream ends. */
function* read(socket: TcpSocket): Blocking<Uint8Array> {
  const all: Uint8Array[] = []
  for (let bytes = yield* socket.read(); bytes !== undefined; bytes = yield* socket.read()) all.push(bytes)
  return joined(all)
}

/** The same as frames, in short. */
function* rest(socket: TcpSocket): Blocking<string[]> {
  return framesOf(yield* read(socket)).map(described)
}

const sends = (first: number, payload: Uint8Array | string = ''): Uint8Array => toward('server', first, payload)
const code = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 255)

describe('a WebSocket that sends everything back', () => {
  const cases: readonly (readonly [name: string, sent: readonly Uint8Array[], back: readonly string[]])[] = [
    [
      'texts, and what is no text',
      [sends(TEXT, 'a'), sends(0x82, 'b'), sends(TEXT), sends(CLOSE, code(1000))],
      ['text "a"', 'binary "b"', 'text ""', 'close 1000'],
    ],
    [
      'fragments as one message, and a Pong between them',
      [sends(FIRST_TEXT, 'a'), sends(PING, 'p'), sends(MIDDLE, 'b'), sends(PONG), sends(LAST, 'c'), sends(CLOSE)],
      ['pong "p"', 'text "abc"', 'close'],
    ],
    ['what came before a mistake', [sends(TEXT, 'a'), sends(TEXT | 0x20, 'b')], ['text "a"', 'close 1002']],
    ['not what is longer than is taken', [sends(TEXT, 'a'), sends(0x82, new Uint8Array(200_000))], ['text "a"', 'close 1009']],
    ['not what is no UTF-8', [sends(TEXT, 'a'), sends(TEXT, Uint8Array.of(0xc3))], ['text "a"', 'close 1007']],
  ]
  for (const [name, sent, back] of cases) {
    test(name, () => {
      const heard: string[][] = []
      sound(
        lab({}, [
          function* (context) {
            const together = yield* open(context)
            yield* together.write(joined(sent))
            heard.push(yield* rest(together))
            const apart = yield* open(context)
            for (const frame of sent) {
              yield* apart.write(frame)
              yield* context.sleep(50 * MS)
            }
            heard.push(yield* rest(apart))
          },
        ]).run(10 * S),
      )
      assert.deepEqual(heard, [back, back])
    })
  }

  test('messages of a megabyte, to a client that reads nothing for a while: it is waited for, and nothing piles up', () => {
    const message = new Uint8Array(1_000_000).map((_, index) => index % 251)
    const COUNT = 12
    let back: Uint8Array[] = []
    let written = 0
    const world = lab({ maxMessage: 1_048_576, sendQueue: 100_000 }, [
      function* (context) {
        const socket = yield* open(context)
        context.spawn(
          (function* () {
            const frame = sends(0x82, message)
            for (; written < COUNT; written++) yield* socket.write(frame)
            yield* socket.write(sends(CLOSE, code(1000)))
          })(),
        )
        yield* context.sleep(20 * S)
        assert.ok(written < COUNT, `the server has taken ${String(written)} messages though none was read`)
        back = framesOf(yield* read(socket)).map(({ payload }) => payload)
      },
    ]).run(100 * S)
    sound(world)
    assert.equal(back.length, COUNT + 1)
    for (const each of back.slice(0, COUNT)) assert.deepEqual(Buffer.compare(each, message), 0)
    assert.equal(world.happened('live:slow-reader-dropped').length, 0)
    assert.equal(world.happened('websocket:closed')[0].data['clean'], true)
  })

  test('who goes on for ever after a mistake is not listened to for ever', () => {
    let ended = ''
    let at = 0
    const world = lab({}, [
      function* (context) {
        const socket = yield* open(context)
        yield* socket.write(sends(TEXT | 0x20, 'a'))
        try {
          for (;;) {
            yield* socket.write(new Uint8Array(1000))
            yield* context.sleep(50 * MS)
          }
        } catch (error) {
          if (!(error instanceof SocketError)) throw error
          ended = error.code
          at = context.environment.now
        }
      },
    ]).run(20 * S)
    sound(world)
    assert.equal(ended, 'ECONNRESET')
    assert.ok(at > 2 * S && at < 3 * S, `at ${String(at / S)} s`)
    assert.equal(world.happened('websocket:closed').length, 1)
  })

  test('who is silent is asked, and given up; who stays is told when the server goes', () => {
    const heard: string[][] = []
    const ends: string[] = []
    const world = lab({ heartbeat: S, leaving: { window: 0, after: 0, spread: 0, linger: 500 * MS } }, [
      function* (context) {
        const socket = yield* open(context)
        try {
          yield* rest(socket)
        } catch (error) {
          if (!(error instanceof SocketError)) throw error
          ends.push(error.code)
        }
      },
      function* (context) {
        const socket = yield* open(context)
        for (let i = 0; i < 7; i++) {
          yield* context.sleep(S / 2)
          yield* socket.write(sends(PONG))
        }
        const last = yield* socket.readExactly(4)
        heard.push(framesOf(joined([last, yield* socket.readExactly(last[1] - 2)])).map(described))
        yield* socket.write(sends(CLOSE, code(1012)))
        heard.push(yield* rest(socket))
      },
    ])
      .run(3.9 * S)
      .configure('server', 'app.drain', true)
      .run(10 * S)
    assert.deepEqual([heard, ends], [[['close 1012'], []], ['ECONNRESET']])
    assert.ok(world.happened('websocket:closed').some(({ data }) => data['reason'] === 'no answer to a Ping'))
  })

  test('is no place for other requests', () => {
    const seen: number[] = []
    sound(
      lab({}, [
        function* (context) {
          seen.push((yield* ask(context, '/echo')).status)
        },
      ]).run(S),
    )
    assert.deepEqual(seen, [426])
  })
})
