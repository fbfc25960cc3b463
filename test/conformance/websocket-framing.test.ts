import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  frame,
  framesOf,
  answer,
  BINARY,
  CLOSE,
  endOf,
  FIRST_BINARY,
  FIRST_TEXT,
  LAST,
  MIDDLE,
  PING,
  PONG,
  sent,
  TEXT,
  told,
  toward,
  utf8,
} from '../protocols/websocket/frames.ts'
import { fails, hold, ROLES, type Rule } from './websocket-rules.ts'

/*
 * What RFC 6455 asks of an end that receives frames, in the order of the groups of well-known suites: framing, Pings and Pongs, reserved bits,
 * opcodes, fragmentation. Both ends, cut in several ways.
 */

const LENGTHS = [0, 1, 125, 126, 127, 128, 65_535, 65_536, 100_000]

describe('section 5.2: messages of every form of length, there and back', () => {
  for (const role of ROLES) {
    for (const [first, opcode, send] of [
      [TEXT, 'text', 'sendText'],
      [BINARY, 'binary', 'sendBinary'],
    ] as const) {
      test(`${role}, ${opcode}`, () => {
        for (const length of LENGTHS) {
          const payload = opcode === 'text' ? utf8('*'.repeat(length)) : new Uint8Array(length).fill(0xfe)
          const bytes = toward(role, first, payload)
          for (const piece of [bytes.length, 997, 7]) {
            if (piece === 7 && length > 1000) continue
            const end = endOf(role)
            for (let at = 0; at < bytes.length; at += piece) end.handle(bytes.slice(at, at + piece), 0)
            assert.deepEqual(told(end), [{ type: 'message', opcode, bytes: payload }], `${String(length)} in ${String(piece)}`)
            end[send](payload)
            const frames = framesOf(sent(end))
            assert.equal(frames.length, 1)
            assert.deepEqual(frames[0].payload, payload)
            assert.equal(frames[0].first, first)
            assert.equal(frames[0].mask === undefined, role === 'server')
          }
        }
      })
    }
  }
})

test('section 5.3: each frame of a client has a masking key of its own', () => {
  const client = endOf('client', { fragmentSize: 3 })
  for (let i = 0; i < 50; i++) client.sendText(utf8('Hello'))
  client.ping()
  client.close(1000)
  const keys = framesOf(sent(client)).map(({ mask }) => mask)
  assert.equal(keys.length, 102)
  assert.equal(new Set(keys).size, 102)
})

test('section 5.1: what is masked and must not be, or is not and must be', () => {
  assert.deepEqual(answer(endOf('server'), frame(TEXT, 'a')), fails(1002))
  assert.deepEqual(answer(endOf('client'), frame(TEXT, 'a', [1, 2, 3, 4])), fails(1002))
  assert.deepEqual(answer(endOf('server'), frame(PING)), fails(1002))
  assert.deepEqual(answer(endOf('client'), frame(CLOSE, '', [1, 2, 3, 4])), fails(1002))
  assert.deepEqual(answer(endOf('server'), frame(TEXT, 'abc', [0, 0, 0, 0])), { tells: ['text "abc"'], says: [] })
})

const X125 = 'x'.repeat(125)
const NUL = new Uint8Array([0x00, 0xff, 0xfe, 0xfd])

hold('section 5.5.2: Pings and Pongs', [
  { name: 'a Ping of nothing', sends: [[PING]], tells: ['ping ""'], says: ['pong ""'] },
  { name: 'a Ping with words', sends: [[PING, 'Hello']], tells: ['ping "Hello"'], says: ['pong "Hello"'] },
  { name: 'a Ping of 125 bytes', sends: [[PING, X125]], tells: [`ping "${X125}"`], says: [`pong "${X125}"`] },
  { name: 'a Ping of 126 bytes', sends: [[PING, `${X125}x`]], ...fails(1002) },
  { name: 'a Pong that nobody asked for', sends: [[PONG]], tells: ['pong ""'], says: [] },
  { name: 'a Pong of 126 bytes', sends: [[PONG, `${X125}x`]], ...fails(1002) },
  {
    name: 'ten Pings at once are answered in their order',
    sends: Array.from({ length: 10 }, (_, i): [number, string] => [PING, String(i)]),
    tells: Array.from({ length: 10 }, (_, i) => `ping "${String(i)}"`),
    says: Array.from({ length: 10 }, (_, i) => `pong "${String(i)}"`),
  },
  {
    name: 'a Pong that nobody asked for, then a Ping',
    sends: [
      [PONG, 'unasked'],
      [PING, 'asked'],
    ],
    tells: ['pong "unasked"', 'ping "asked"'],
    says: ['pong "asked"'],
  },
])

test('section 5.5.2: a Ping with octets that are no text comes back as it was', () => {
  for (const role of ROLES) {
    const end = endOf(role)
    end.handle(toward(role, PING, NUL), 0)
    const [pong] = framesOf(sent(end))
    assert.equal(pong.first, PONG)
    assert.deepEqual(pong.payload, NUL)
  }
})

test('section 5.5.3: of a flood of Pings that nobody polls, the latest are answered', () => {
  const end = endOf('server')
  for (let i = 0; i < 10_000; i++) end.handle(toward('server', PING, String(i)), 0)
  const pongs = framesOf(sent(end)).map(({ payload }) => Buffer.from(payload).toString())
  assert.equal(pongs.length, 64)
  assert.equal(pongs.at(-1), '9999')
})

const BITS = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70]
const KINDS = [TEXT, BINARY, CLOSE, PING, PONG, FIRST_TEXT]

hold(
  'section 5.2: reserved bits that nothing was agreed on for',
  BITS.flatMap((bits): Rule[] => [
    ...KINDS.map((first): Rule => ({
      name: `0x${bits.toString(16)} in 0x${first.toString(16)}`,
      sends: [
        [TEXT, 'before'],
        [first | bits, first === CLOSE ? '' : 'abc'],
        [PING, 'behind'],
      ],
      ...fails(1002, ['text "before"']),
    })),
    {
      name: `0x${bits.toString(16)} in a continuation`,
      sends: [
        [FIRST_TEXT, 'a'],
        [LAST | bits, 'b'],
      ],
      ...fails(1002),
    },
  ]),
)

hold(
  'section 5.2: reserved opcodes',
  [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode) =>
    ['', 'abc'].map((payload): Rule => ({
      name: `${String(opcode)} ${payload === '' ? 'with nothing' : 'with something'}`,
      sends: [[TEXT, 'before'], [0x80 | opcode, payload], [PING]],
      ...fails(1002, ['text "before"']),
    })),
  ),
)

hold('section 5.4: fragmentation', [
  {
    name: 'two fragments',
    sends: [
      [FIRST_TEXT, 'Hel'],
      [LAST, 'lo'],
    ],
    tells: ['text "Hello"'],
    says: [],
  },
  {
    name: 'a Ping between fragments is answered between them',
    sends: [
      [FIRST_TEXT, 'Hel'],
      [PING, 'p'],
      [LAST, 'lo'],
    ],
    tells: ['ping "p"', 'text "Hello"'],
    says: ['pong "p"'],
  },
  {
    name: 'Pings between many fragments',
    sends: [
      [FIRST_TEXT, 'a'],
      [MIDDLE, 'b'],
      [PING, '1'],
      [MIDDLE, 'c'],
      [PONG, '2'],
      [MIDDLE, 'd'],
      [PING, '3'],
      [LAST, 'e'],
    ],
    tells: ['ping "1"', 'pong "2"', 'ping "3"', 'text "abcde"'],
    says: ['pong "1"', 'pong "3"'],
  },
  {
    name: 'fragments of nothing',
    sends: [[FIRST_TEXT], [MIDDLE], [LAST]],
    tells: ['text ""'],
    says: [],
  },
  {
    name: 'only the middle of three has something in it',
    sends: [[FIRST_BINARY], [MIDDLE, 'x'], [LAST]],
    tells: ['binary "x"'],
    says: [],
  },
  {
    name: 'one message in fragments after the other',
    sends: [
      [FIRST_TEXT, 'a'],
      [LAST, 'b'],
      [FIRST_BINARY, 'c'],
      [LAST, 'd'],
      [TEXT, 'e'],
    ],
    tells: ['text "ab"', 'binary "cd"', 'text "e"'],
    says: [],
  },
  {
    name: 'a Ping in fragments',
    sends: [
      [0x09, 'a'],
      [LAST, 'b'],
    ],
    ...fails(1002),
  },
  {
    name: 'a Pong in fragments',
    sends: [
      [0x0a, 'a'],
      [LAST, 'b'],
    ],
    ...fails(1002),
  },
  {
    name: 'a Close in fragments',
    sends: [
      [0x08, ''],
      [LAST, ''],
    ],
    ...fails(1002),
  },
  {
    name: 'a continuation of nothing',
    sends: [
      [LAST, 'a'],
      [TEXT, 'b'],
    ],
    ...fails(1002),
  },
  {
    name: 'a continuation of nothing that is to go on',
    sends: [
      [MIDDLE, 'a'],
      [LAST, 'b'],
    ],
    ...fails(1002),
  },
  {
    name: 'a continuation behind a whole message',
    sends: [
      [TEXT, 'a'],
      [LAST, 'b'],
    ],
    ...fails(1002, ['text "a"']),
  },
  {
    name: 'a whole message in the middle of one',
    sends: [
      [FIRST_TEXT, 'a'],
      [TEXT, 'b'],
    ],
    ...fails(1002),
  },
  {
    name: 'another first fragment in the middle of a message',
    sends: [
      [FIRST_TEXT, 'a'],
      [FIRST_BINARY, 'b'],
    ],
    ...fails(1002),
  },
  {
    name: 'what was told before the fault stays',
    sends: [
      [FIRST_TEXT, 'a'],
      [LAST, 'b'],
      [MIDDLE, 'c'],
    ],
    ...fails(1002, ['text "ab"']),
  },
])

test('section 5.4: a control frame of ours goes between the fragments of a long message', () => {
  for (const role of ROLES) {
    const end = endOf(role, { fragmentSize: 4 })
    end.sendText(utf8('0123456789'))
    const first = framesOf(end.pollTransmit(0) ?? new Uint8Array(0))
    end.handle(toward(role, PING, 'now'), 0)
    const rest = framesOf(sent(end))
    const all = [...first, ...rest].map(({ first: byte, payload }) => [byte, Buffer.from(payload).toString()])
    assert.deepEqual(all, [
      [FIRST_TEXT, '0123'],
      [PONG, 'now'],
      [MIDDLE, '4567'],
      [LAST, '89'],
    ])
  }
})

test('section 5.4: a message that fits exactly is not fragmented, and a message of nothing is one frame', () => {
  const end = endOf('server', { fragmentSize: 4 })
  end.sendText(utf8('0123'))
  end.sendBinary(new Uint8Array(0))
  assert.deepEqual(
    framesOf(sent(end)).map(({ first, payload }) => [first, payload.length]),
    [
      [TEXT, 4],
      [BINARY, 0],
    ],
  )
})

hold('section 5.2: lengths in more bytes than they need', [
  { name: '5 in two bytes', sends: [Uint8Array.of(0x82, 0xfe, 0, 5, 0, 0, 0, 0, 1, 2, 3, 4, 5)], ...fails(1002) },
  { name: '125 in eight bytes', sends: [Uint8Array.of(0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 125, 0, 0, 0, 0)], ...fails(1002) },
  { name: 'the first bit of eight', sends: [Uint8Array.of(0x82, 0xff, 128, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)], ...fails(1002) },
])
