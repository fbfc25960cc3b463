import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { WebSocketConnection } from '../../src/protocols/websocket/connection.ts'
import { LocalProtocolError } from '../../src/protocols/local-protocol-error.ts'
import { bytesOf } from '../crypto/bytes.ts'
import {
  answer,
  BINARY,
  CLOSE,
  endOf,
  FIRST_TEXT,
  framesOf,
  joined,
  LAST,
  MIDDLE,
  PING,
  says,
  sent,
  tells,
  TEXT,
  told,
  toward,
  utf8,
} from '../protocols/websocket/frames.ts'
import { fails, hold, ROLES, type Rule } from './websocket-rules.ts'

/*
 * What RFC 6455 asks about text (section 8.1), closing (sections 5.5.1, 7) and limits (section 10.4). Both ends, cut in several ways.
 */

const GOOD = [
  '',
  'Hello-µ@ßöäüàá-UTF-8!!',
  'κόσμε',
  '\u0000',
  '\u0080',
  '\u07ff',
  '\u0800',
  '\ud7ff',
  '\ue000',
  '\uffff',
  '\u{10000}',
  '\u{10ffff}',
  '﻿a',
]
const BAD: readonly (readonly [string, string])[] = [
  ['a continuation alone', '80'],
  ['0xfe', 'fe'],
  ['0xff in a text', '61ff62'],
  ['a character of two that is cut off', 'c3'],
  ['a character of three that is cut off', 'e282'],
  ['a character of four that is cut off', 'f09f8c'],
  ['a slash in two bytes', 'c0af'],
  ['a slash in three bytes', 'e080af'],
  ['a slash in four bytes', 'f08080af'],
  ['the last code point of one byte, in two', 'c1bf'],
  ['the last code point of two bytes, in three', 'e09fbf'],
  ['the last code point of three bytes, in four', 'f08fbfbf'],
  ['a high surrogate', 'eda080'],
  ['a low surrogate', 'edbfbf'],
  ['both surrogates', 'eda080edb080'],
  ['U+110000', 'f4908080'],
  ['a form of five bytes', 'f888808080'],
  ['a form of six bytes', 'fc8480808080'],
  ['words before and behind what is wrong', 'cebae1bdb9cf83cebcceb5eda080656469746564'],
]

hold(
  'section 8.1: text',
  GOOD.flatMap((text): Rule[] => {
    const bytes = utf8(text)
    const halves: Rule['sends'] = [
      [FIRST_TEXT, bytes.slice(0, bytes.length >> 1)],
      [LAST, bytes.slice(bytes.length >> 1)],
    ]
    const octets: Rule['sends'] = [
      [FIRST_TEXT],
      ...Array.from(bytes, (octet): [number, Uint8Array] => [MIDDLE, Uint8Array.of(octet)]),
      [LAST],
    ]
    const name = JSON.stringify(text)
    return [
      { name: `${name} in one frame`, sends: [[TEXT, text]], tells: [`text "${text}"`], says: [] },
      { name: `${name} in two fragments`, sends: halves, tells: [`text "${text}"`], says: [] },
      { name: `${name} with a fragment for each octet`, sends: octets, tells: [`text "${text}"`], says: [] },
    ]
  }),
)

hold(
  'section 8.1: what is not UTF-8',
  BAD.flatMap(([name, hex]): Rule[] => {
    const bytes = bytesOf(hex)
    return [
      { name, sends: [[TEXT, bytes]], ...fails(1007) },
      {
        name: `${name}, a fragment for each octet`,
        sends: [[FIRST_TEXT], ...Array.from(bytes, (octet): [number, Uint8Array] => [MIDDLE, Uint8Array.of(octet)]), [LAST]],
        ...fails(1007),
      },
      { name: `${name}, as binary`, sends: [[BINARY, bytes]], tells: [`binary "${Buffer.from(bytes).toString()}"`], says: [] },
      { name: `${name}, as the reason of a Close`, sends: [[CLOSE, joined([Uint8Array.of(3, 232), bytes])]], ...fails(1007) },
    ]
  }),
)

describe('section 8.1: what cannot become right is told at once', () => {
  const bad = bytesOf('cebae1bdb9cf83cebcceb5f4908080')
  for (const role of ROLES) {
    test(`${role}: in the middle of a frame`, () => {
      const end = endOf(role)
      const whole = toward(role, TEXT, joined([bad, new Uint8Array(1000)]))
      const header = whole.length - bad.length - 1000
      // The second octet of U+110000 is the first that no character has there.
      end.handle(whole.slice(0, header + 12), 0)
      assert.deepEqual(says(end), [], 'it may still be a character')
      end.handle(whole.slice(header + 12, header + 13), 0)
      assert.deepEqual(says(end), ['close 1007'])
      assert.deepEqual(tells(end), ['closed 1006 for 1007'])
    })

    test(`${role}: in a message that has more fragments to come`, () => {
      const end = endOf(role)
      assert.deepEqual(answer(end, toward(role, FIRST_TEXT, bad)), fails(1007))
    })
  }
})

const reason = (code: number, text: string): Uint8Array => joined([Uint8Array.of(code >> 8, code & 255), utf8(text)])
const closed = (code: number, words = ''): Pick<Rule, 'tells' | 'says'> => {
  const said = words === '' ? '' : ` (${words})`
  const echo = code === 1005 ? 'close' : `close ${String(code)}`
  return { tells: [`close ${String(code)}${said}`, `closed ${String(code)}${said} clean`], says: [echo] }
}

hold('section 5.5.1: Close', [
  { name: 'of nothing', sends: [[CLOSE]], ...closed(1005) },
  { name: 'of one octet', sends: [[CLOSE, Uint8Array.of(3)]], ...fails(1002) },
  { name: 'with a code', sends: [[CLOSE, reason(1000, '')]], ...closed(1000) },
  { name: 'with a reason', sends: [[CLOSE, reason(1001, 'gone')]], ...closed(1001, 'gone') },
  { name: 'with the longest reason', sends: [[CLOSE, reason(1000, 'x'.repeat(123))]], ...closed(1000, 'x'.repeat(123)) },
  { name: 'with one octet more', sends: [[CLOSE, reason(1000, 'x'.repeat(124))]], ...fails(1002) },
  {
    name: 'a second Close is not heard',
    sends: [
      [CLOSE, reason(1000, '')],
      [CLOSE, reason(1001, '')],
    ],
    ...closed(1000),
  },
  {
    name: 'a Ping behind Close is not answered',
    sends: [
      [CLOSE, reason(1000, '')],
      [PING, 'a'],
    ],
    ...closed(1000),
  },
  {
    name: 'a text behind Close is not heard',
    sends: [
      [CLOSE, reason(1000, '')],
      [TEXT, 'a'],
    ],
    ...closed(1000),
  },
  {
    name: 'what is wrong behind Close counts for nothing',
    sends: [
      [CLOSE, reason(1000, '')],
      [0xff, 'a'],
    ],
    ...closed(1000),
  },
  {
    name: 'in the middle of a message',
    sends: [
      [FIRST_TEXT, 'a'],
      [CLOSE, reason(1000, '')],
      [LAST, 'b'],
    ],
    ...closed(1000),
  },
  {
    name: 'a Ping right before it',
    sends: [
      [TEXT, 'a'],
      [CLOSE, reason(1000, '')],
    ],
    tells: ['text "a"', ...closed(1000).tells],
    says: ['close 1000'],
  },
])

hold('section 7.4: status codes', [
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999].map((code): Rule => ({
    name: `${String(code)} is taken, and said back`,
    sends: [[CLOSE, reason(code, '')]],
    ...closed(code),
  })),
  ...[0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code): Rule => ({
    name: `${String(code)} is refused`,
    sends: [[CLOSE, reason(code, 'why')]],
    ...fails(1002),
  })),
])

describe('sections 5.5.1 and 7.1.7: what came before the end, and with it, can be answered', () => {
  /** Sends each text back as soon as it is told. */
  function echo(end: WebSocketConnection): string[] {
    const said: string[] = []
    for (let event = end.pollEvent(); event; event = end.pollEvent()) {
      if (event.type === 'message') end.sendText(event.bytes)
      said.push(...says(end))
    }
    return said
  }

  for (const role of ROLES) {
    const texts = [toward(role, TEXT, 'a'), toward(role, PING, 'p'), toward(role, TEXT, 'b')]
    const answers = ['pong "p"', 'text "a"', 'text "b"']

    test(`${role}: before a Close`, () => {
      const end = endOf(role)
      end.handle(joined([...texts, toward(role, CLOSE, reason(1001, '')), toward(role, TEXT, 'behind')]), 0)
      assert.deepEqual(echo(end), [...answers, 'close 1001'])
    })

    test(`${role}: before a mistake`, () => {
      const end = endOf(role)
      end.handle(joined([...texts, toward(role, 0xf1, 'c'), toward(role, TEXT, 'behind')]), 0)
      assert.deepEqual(echo(end), [...answers, 'close 1002'])
      assert.equal(end.state, 'closed')
    })

    test(`${role}: before a mistake and the end of the stream, nobody is left to be answered`, () => {
      const end = endOf(role)
      end.handle(joined([...texts, toward(role, 0xf1, 'c')]), 0)
      end.handleEnd(0)
      assert.deepEqual(tells(end), ['text "a"', 'ping "p"', 'text "b"', 'closed 1006 for 1002'])
    })

    test(`${role}: who answers with a Close of his own has said it already`, () => {
      const end = endOf(role)
      end.handle(joined([...texts, toward(role, CLOSE, reason(1000, ''))]), 0)
      assert.equal(end.pollEvent()?.type, 'message')
      end.close(1001)
      assert.deepEqual(says(end), ['pong "p"', 'close 1001'])
      const rest = ['ping "p"', 'text "b"', 'close 1000']
      assert.deepEqual(tells(end), role === 'server' ? [...rest, 'closed 1000 clean'] : rest)
      assert.deepEqual(says(end), [])
    })

    test(`${role}: who sends before he listens answers nothing, and the end is said at once`, () => {
      const end = endOf(role)
      end.handle(joined([...texts, toward(role, CLOSE, reason(1001, ''))]), 0)
      assert.deepEqual(says(end), ['pong "p"', 'close 1001'])
    })
  }
})

describe('section 7: closing from our side', () => {
  for (const role of ROLES) {
    test(`${role}: Close goes behind what waits, and nothing behind it`, () => {
      const end = endOf(role)
      end.sendText(utf8('a'))
      end.close(1001, 'bye')
      assert.equal(end.state, 'closing')
      assert.throws(() => {
        end.sendText(utf8('b'))
      }, LocalProtocolError)
      assert.throws(() => {
        end.ping()
      }, LocalProtocolError)
      end.close(1000)
      assert.deepEqual(says(end), ['text "a"', 'close 1001'])
      assert.deepEqual(tells(end), [])
    })

    test(`${role}: messages and Pings are heard until the peer says Close`, () => {
      const end = endOf(role)
      end.close(1000)
      says(end)
      assert.deepEqual(answer(end, toward(role, TEXT, 'late'), toward(role, PING, 'p')), {
        tells: ['text "late"', 'ping "p"'],
        says: ['pong "p"'],
      })
      end.handle(toward(role, CLOSE, reason(1000, '')), 0)
      if (role === 'client') {
        assert.deepEqual(tells(end), ['close 1000'], 'a client waits for the server to close the stream')
        end.handleEnd(0)
        assert.deepEqual(tells(end), ['closed 1000 clean'])
      } else {
        assert.deepEqual(tells(end), ['close 1000', 'closed 1000 clean'])
      }
      assert.deepEqual(says(end), [])
      assert.equal(end.state, 'closed')
    })

    test(`${role}: both say Close at once`, () => {
      const end = endOf(role)
      end.close(1001)
      end.handle(toward(role, CLOSE, reason(1000, '')), 0)
      assert.deepEqual(says(end), ['close 1001'])
      end.handleEnd(0)
      assert.deepEqual(tells(end), ['close 1000', 'closed 1000 clean'])
    })

    test(`${role}: a peer that does not answer is waited for so long`, () => {
      const end = endOf(role, { closeTimeout: 5e9 })
      end.close(1000)
      assert.equal(end.pollTimeout(), undefined, 'the time runs from when it is sent')
      sent(end, 7e9)
      assert.equal(end.pollTimeout(), 12e9)
      end.handleTimeout(11.9e9)
      assert.deepEqual(tells(end), [])
      end.handleTimeout(12e9)
      assert.deepEqual(tells(end), ['closed 1006 for 1006'])
      assert.equal(end.pollTimeout(), undefined)
    })

    test(`${role}: the stream ends without a Close`, () => {
      const end = endOf(role)
      end.handle(toward(role, TEXT, 'abc').slice(0, -1), 0)
      end.handleEnd(0)
      const [event, ...more] = told(end)
      assert.ok(event.type === 'closed' && !event.clean && event.code === 1006, 'it is over, not in order')
      assert.match(event.error?.detail ?? '', /in the middle/)
      assert.deepEqual(more, [])
    })

    test(`${role}: what may not be said is a fault of ours`, () => {
      const end = endOf(role)
      for (const code of [0, 999, 1004, 1005, 1006, 1015, 2000, 5000, 1000.5]) {
        assert.throws(
          () => {
            end.close(code)
          },
          RangeError,
          String(code),
        )
      }
      assert.throws(() => {
        end.close(1000, 'x'.repeat(124))
      }, RangeError)
      assert.throws(() => {
        end.close(1000, 'ß'.repeat(62))
      }, RangeError)
      assert.throws(() => {
        end.close(undefined, 'why')
      }, RangeError)
      assert.throws(() => {
        end.ping(new Uint8Array(126))
      }, RangeError)
      assert.throws(() => {
        end.pong(new Uint8Array(126))
      }, RangeError)
      assert.throws(() => {
        end.sendText(Uint8Array.of(0xc3))
      }, RangeError)
      assert.equal(end.state, 'open')
      end.close(1000, 'ß'.repeat(61))
      assert.deepEqual(says(end), ['close 1000'])
    })

    test(`${role}: commands are harmless once the peer has ended it`, () => {
      const end = endOf(role)
      answer(end, toward(role, CLOSE, ''))
      end.sendText(utf8('a'))
      end.ping()
      end.close(1000)
      assert.deepEqual(says(end), [])
    })
  }

  test('a client that says Close, and a server that only closes the stream', () => {
    const client = endOf('client')
    client.close(1000)
    says(client)
    client.handleEnd(0)
    assert.deepEqual(tells(client), ['closed 1006 for 1006'])
  })

  test('section 7.1.1: a server that leaves the stream open is waited for, and the end is clean', () => {
    const client = endOf('client', { closeTimeout: 3e9 })
    client.handle(toward('client', CLOSE, reason(1001, 'bye')), 0)
    assert.deepEqual(says(client, 1e9), ['close 1001'])
    client.handleTimeout(4e9)
    assert.deepEqual(tells(client), ['close 1001 (bye)', 'closed 1001 (bye) clean'])
  })

  test('closeTimeout 0: for ever', () => {
    const client = endOf('client', { closeTimeout: 0 })
    client.close(1000)
    sent(client)
    assert.equal(client.pollTimeout(), undefined)
  })
})

const SMALL = { maxMessage: 10, maxFrame: 8, maxFragments: 3 }

hold('section 10.4: limits', [
  {
    name: 'a frame that is as large as it may be',
    sends: [[BINARY, '12345678']],
    tells: ['binary "12345678"'],
    says: [],
    settings: SMALL,
  },
  { name: 'a frame that is larger', sends: [[BINARY, '123456789']], ...fails(1009), settings: SMALL },
  {
    name: 'a message that is as large as it may be',
    sends: [
      [FIRST_TEXT, '12345'],
      [LAST, '67890'],
    ],
    tells: ['text "1234567890"'],
    says: [],
    settings: SMALL,
  },
  {
    name: 'a message that is larger',
    sends: [
      [FIRST_TEXT, '12345'],
      [LAST, '678901'],
    ],
    ...fails(1009),
    settings: SMALL,
  },
  {
    name: 'three fragments',
    sends: [
      [FIRST_TEXT, 'a'],
      [MIDDLE, 'b'],
      [LAST, 'c'],
    ],
    tells: ['text "abc"'],
    says: [],
    settings: SMALL,
  },
  { name: 'four fragments', sends: [[FIRST_TEXT], [MIDDLE], [MIDDLE], [LAST]], ...fails(1008), settings: SMALL },
])

test('section 10.4: a frame is refused by its header, before its payload comes', () => {
  const end = endOf('server')
  end.handle(Uint8Array.of(0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4), 0)
  assert.deepEqual(says(end), ['close 1009'])
  const late = endOf('server')
  late.handle(Uint8Array.of(0x82, 0xff, 0, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1, 2, 3, 4), 0)
  assert.deepEqual(says(late), ['close 1009'])
})

test('section 7.1.7: the Close that answers a fault says what it is', () => {
  const end = endOf('server')
  end.handle(toward('client', TEXT, 'a'), 0)
  const [{ payload }] = framesOf(sent(end))
  assert.equal(Buffer.from(payload.slice(2)).toString(), 'the client does not mask what it sends')
  const [event] = told(end)
  assert.ok(event.type === 'closed', 'it is over')
  assert.deepEqual(event.error, {
    whose: 'remote',
    code: 1002,
    detail: 'the client does not mask what it sends',
    cites: 'RFC 6455 section 5.1',
  })
})
