import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { cookiesAfter } from '../../../src/apps/live/cookies.ts'
import { EventStreamDecoder, type StreamedEvent } from '../../../src/apps/live/event-stream-decoder.ts'
import { acceptOf } from './accept.ts'
import { randomStream, type Random } from '../../../src/kernel/random.ts'
import type { AppContext, Blocking, TcpSocket } from '../../../src/host/socket.ts'
import { pair } from '../../host/topologies.ts'
import { app, data, latin1, MILLISECOND, noFailures, readHead, scripted, SECOND } from '../site.ts'

/** What a stream says that is cut into pieces of so many bytes. */
function streamed(text: string, size = text.length): unknown[] {
  const decoder = new EventStreamDecoder()
  const bytes = new Uint8Array(Buffer.from(text))
  const events: StreamedEvent[] = []
  for (let at = 0; at < bytes.length; at += size) events.push(...decoder.push(bytes.subarray(at, at + size)))
  return events.map((event) =>
    event.type === 'message'
      ? [event.event, event.id, Buffer.from(event.data).toString()]
      : event.type === 'retry'
        ? event.after
        : event.type,
  )
}

describe('a stream of events (HTML Living Standard, section 9.2.6)', () => {
  const examples: readonly (readonly [string, unknown[]])[] = [
    ['data: YHOO\ndata: +2\ndata: 10\n\n', [['', '', 'YHOO\n+2\n10']]],
    [
      ': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n',
      [
        ['', '1', 'first event'],
        ['', '', 'second event'],
        ['', '', ' third event'],
      ],
    ],
    [
      'data\n\ndata\ndata\n\ndata:',
      [
        ['', '', ''],
        ['', '', '\n'],
      ],
    ],
    [
      'data:test\n\ndata: test\n\n',
      [
        ['', '', 'test'],
        ['', '', 'test'],
      ],
    ],
    [
      'event: add\r\ndata: ü\r\n\r\nevent: none\r\rdata: x\r\r',
      [
        ['add', '', 'ü'],
        ['', '', 'x'],
      ],
    ],
    ['\ufeffdata: x\n\n', [['', '', 'x']]],
    ['retry: 150\nretry: 1x\nid: a\0b\ndata: y\nother: z\n\n', [150, ['', '', 'y']]],
  ]

  test('examples, cut in any way', () => {
    for (const [text, expected] of examples)
      for (const size of [1, 2, 3, 7, 1000]) assert.deepEqual(streamed(text, size), expected, JSON.stringify(text))
  })

  test('what is too long ends it', () => {
    assert.deepEqual(streamed(`data: ${'x'.repeat(70_000)}`), ['oversized'])
    assert.deepEqual(streamed('data: xxxxxxxxxx\n'.repeat(7000)), ['oversized'])
  })

  test('100,000 mutated streams: events, retries, or nothing; nothing is thrown', () => {
    const random = randomStream(1, 'events')
    const valid = new Uint8Array(Buffer.from(examples.map(([text]) => text).join('')))
    const signs = Buffer.from('\r\n: dataid\0\xff0')
    let count = 0
    for (let i = 0; i < 100_000; i++) {
      const bytes = new Uint8Array(valid.subarray(random.below(valid.length)))
      for (let n = random.below(4); n > 0; n--) bytes[random.below(bytes.length)] = signs[random.below(signs.length)]
      count += new EventStreamDecoder().push(bytes).length
    }
    assert.ok(count > 300_000, String(count))
  })
})

test('100,000 fields that set cookies: what goes back can stand in a head, and is short', () => {
  const random = randomStream(2, 'cookies')
  const valid = ['a=1', 'b="x"; Path=/; HttpOnly', 'c=; Max-Age=0', 'd=1; max-age=-5', '=x', 'long=' + 'x'.repeat(500)]
  const signs = '=;, "\\\0\x7f\xffa\r\n'
  let fields: ReturnType<typeof cookiesAfter> = []
  for (let i = 0; i < 100_000; i++) {
    const letters = valid[random.below(valid.length)].split('')
    for (let n = random.below(3); n > 0; n--) letters[random.below(letters.length)] = signs[random.below(signs.length)]
    fields = cookiesAfter(fields, [{ name: 'Set-Cookie', value: letters.join('') }])
    assert.ok(fields.length <= 1, 'one field')
    for (const { value } of fields) assert.ok(value.length <= 4096 && /^[!-~]+(; [!-~]+)*$/.test(value), JSON.stringify(value))
  }
})

/** Mutates what a server would say: the head, or what is behind it. */
function mutated(random: Random, text: string): Uint8Array {
  const bytes = latin1(text)
  const signs = '\0\x01\x7f\x80\x81\x82\x88\x89\xff\r\n0129{}":,'
  for (let n = random.below(4); n > 0; n--) bytes[random.below(bytes.length)] = signs.charCodeAt(random.below(signs.length))
  return random.below(8) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes
}

const frame = (text: string, opcode = 1): string => `${String.fromCharCode(0x80 | opcode, text.length)}${text}`
const MESSAGES = [
  '{"type":"welcome","session":"s","resumed":true}',
  '{"type":"said","room":"lobby","id":7,"from":"x","text":"y","sentAt":1}',
  '{"type":"ack","key":"alice/1-1","id":9}',
  '{"type":"ping"}',
  '{"type":"refused","key":"k","why":"w"}',
]

describe('a hostile server', () => {
  const answers: Readonly<Record<string, (random: Random, socket: TcpSocket) => Blocking<void>>> = {
    *websocket(random, socket) {
      const head = yield* readHead(socket)
      const key = /sec-websocket-key: (.*)\r/i.exec(head)?.[1] ?? ''
      const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}`
      const granted = `HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`
      yield* socket.write(random.below(4) === 0 ? mutated(random, granted) : latin1(granted))
      yield* socket.write(latin1(frame(MESSAGES[0])))
      for (let i = 0; i < 160; i++) yield* socket.write(mutated(random, frame(MESSAGES[random.below(MESSAGES.length)])))
      if (random.below(2) === 0) yield* socket.write(mutated(random, frame('\x03\xe8', 8)))
    },
    *sse(random, socket) {
      yield* readHead(socket)
      const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n'
      yield* socket.write(random.below(4) === 0 ? mutated(random, head) : latin1(head))
      for (let i = 0; i < 160; i++) yield* socket.write(mutated(random, `id: ${String(i)}\ndata: ${MESSAGES[1]}\nretry: 1\n\n`))
    },
    *'long-poll'(random, socket) {
      for (let i = 0; i < 160; i++) {
        yield* readHead(socket)
        const body = `{"last":${String(i)},"messages":[${MESSAGES.join(',')}]}`
        yield* socket.write(
          mutated(random, `HTTP/1.1 200 OK\r\nContent-Length: ${String(body.length)}\r\nSet-Cookie: a=b\r\n\r\n${body}`),
        )
      }
    },
  }

  for (const [transport, answer] of Object.entries(answers)) {
    test(`${transport}: tens of thousands of mutated answers; the client comes back each time, and nothing in it fails`, () => {
      const random = randomStream(3, transport)
      let served = 0
      const serve = function* (socket: TcpSocket, { spawn, sleep }: AppContext): Blocking<void> {
        served++
        // Who hangs around is thrown out, so that the next one comes soon.
        spawn(
          (function* () {
            yield* sleep(15 * MILLISECOND)
            socket.reset()
          })(),
        )
        try {
          yield* answer(random, socket)
        } catch {
          socket.close()
        }
      }
      const world = pair(
        app('live-client', {
          servers: ['http://bob'],
          transport,
          connectTimeout: 20 * MILLISECOND,
          heartbeat: { interval: 10 * MILLISECOND, timeout: 10 * MILLISECOND },
          reconnect: { policy: 'fixed', jitter: 'none', base: MILLISECOND, honour: false },
          ...(transport === 'websocket' && { say: { interval: 5 * MILLISECOND, size: 10 } }),
        }),
        scripted(serve),
      ).run(6 * SECOND)
      noFailures(world)
      assert.ok(served > 210, `only ${String(served)} connections`)
      assert.ok(data(world, 'client:state-changed').length > served, 'it never rests')
    })
  }
})
