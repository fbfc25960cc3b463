import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import type { PerMessageDeflateParameters } from '../../src/protocols/websocket/per-message-deflate.ts'
import { bytesOf, seededBytes } from '../crypto/bytes.ts'
import {
  BINARY,
  endOf,
  FIRST_TEXT,
  framesOf,
  joined,
  LAST,
  MIDDLE,
  PING,
  RSV1,
  sent,
  TEXT,
  told,
  toward,
  utf8,
} from '../protocols/websocket/frames.ts'
import { fails, hold, ROLES, type Rule } from './websocket-rules.ts'

/*
 * permessage-deflate: RFC 7692 sections 6 and 7. Both ends, cut in several ways; what they compress is read by zlib, and what zlib compresses by
 * them.
 */

const DEFLATE: PerMessageDeflateParameters = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
}

const HELLO = 'f248cdc9c90700'
const hello: Pick<Rule, 'tells' | 'says' | 'deflate'> = { tells: ['text "Hello"'], says: [], deflate: DEFLATE }

hold('RFC 7692 section 7.2.3: the examples', [
  { name: '7.2.3.1: one block', sends: [[TEXT | RSV1, bytesOf(HELLO)]], ...hello },
  {
    name: '7.2.3.1: in two fragments',
    sends: [
      [FIRST_TEXT | RSV1, bytesOf('f248cd')],
      [LAST, bytesOf('c9c90700')],
    ],
    ...hello,
  },
  {
    name: '7.2.3.2: the second of two looks back at the first',
    sends: [
      [TEXT | RSV1, bytesOf(HELLO)],
      [TEXT | RSV1, bytesOf('f200110000')],
    ],
    ...hello,
    tells: ['text "Hello"', 'text "Hello"'],
  },
  { name: '7.2.3.3: a block that is not compressed', sends: [[TEXT | RSV1, bytesOf('000500faff48656c6c6f00')]], ...hello },
  { name: '7.2.3.4: a block that says that it is the last', sends: [[TEXT | RSV1, bytesOf('f348cdc9c9070000')]], ...hello },
  {
    name: '7.2.3.4: more behind such a block',
    sends: [[TEXT | RSV1, joined([bytesOf('f348cdc9c90700'), bytesOf(HELLO)])]],
    ...hello,
    tells: ['text "HelloHello"'],
  },
  { name: '7.2.3.5: two blocks', sends: [[TEXT | RSV1, bytesOf('f248050000 00ffff cac9c90700')]], ...hello },
  { name: '7.2.3.6: nothing', sends: [[TEXT | RSV1, bytesOf('00')]], ...hello, tells: ['text ""'] },
])

hold('RFC 7692 section 6: RSV1', [
  { name: 'a message that is not compressed', sends: [[TEXT, 'Hello']], ...hello },
  {
    name: 'compressed and not, in turn',
    sends: [
      [TEXT | RSV1, bytesOf(HELLO)],
      [TEXT, 'Hello'],
      [TEXT | RSV1, bytesOf('f200110000')],
    ],
    ...hello,
    tells: ['text "Hello"', 'text "Hello"', 'text "Hello"'],
  },
  {
    name: 'in a continuation',
    sends: [
      [FIRST_TEXT | RSV1, bytesOf('f248cd')],
      [LAST | RSV1, bytesOf('c9c90700')],
    ],
    ...fails(1002),
    deflate: DEFLATE,
  },
  { name: 'in a Ping', sends: [[PING | RSV1, 'a']], ...fails(1002), deflate: DEFLATE },
  { name: 'in a Close', sends: [[0x88 | RSV1]], ...fails(1002), deflate: DEFLATE },
  { name: 'with RSV2', sends: [[TEXT | RSV1 | 0x20, bytesOf(HELLO)]], ...fails(1002), deflate: DEFLATE },
  {
    name: 'a Ping between compressed fragments',
    sends: [[FIRST_TEXT | RSV1, bytesOf('f248')], [PING, 'p'], [MIDDLE], [MIDDLE, bytesOf('cdc9')], [LAST, bytesOf('c90700')]],
    ...hello,
    tells: ['ping "p"', 'text "Hello"'],
    says: ['pong "p"'],
  },
])

const GARBAGE = deflateRawSync(Uint8Array.of(0x61, 0xff, 0x62), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)

hold('what cannot be decompressed', [
  { name: 'no blocks at all', sends: [[TEXT | RSV1]], ...fails(1007), deflate: DEFLATE },
  { name: 'a block of a type that there is not', sends: [[TEXT | RSV1, bytesOf('ff00')]], ...fails(1007), deflate: DEFLATE },
  { name: 'the end is missing', sends: [[TEXT | RSV1, bytesOf('f248cd')]], ...fails(1007), deflate: DEFLATE },
  {
    name: 'a look back at a message that there was not',
    sends: [[TEXT | RSV1, bytesOf('f200110000')]],
    ...fails(1007),
    deflate: DEFLATE,
  },
  {
    name: 'a look back at a message that was forgotten',
    sends: [
      [TEXT | RSV1, bytesOf(HELLO)],
      [TEXT | RSV1, bytesOf('f200110000')],
    ],
    ...fails(1007, ['text "Hello"']),
    deflate: { ...DEFLATE, serverNoContextTakeover: true, clientNoContextTakeover: true },
  },
  {
    name: 'a look back at a message that was not compressed',
    sends: [
      [TEXT, 'Hello'],
      [TEXT | RSV1, bytesOf('f200110000')],
    ],
    ...fails(1007, ['text "Hello"']),
    deflate: DEFLATE,
  },
  { name: 'a text that is not UTF-8', sends: [[TEXT | RSV1, new Uint8Array(GARBAGE)]], ...fails(1007), deflate: DEFLATE },
])

test('a bomb: what would grow beyond the limit is refused, and never made', () => {
  for (const role of ROLES) {
    const bomb = new Uint8Array(
      deflateRawSync(new Uint8Array(20_000_000), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4),
    )
    const end = endOf(role, { maxMessage: 100_000 }, DEFLATE)
    end.handle(toward(role, BINARY | RSV1, bomb), 0)
    const [event] = told(end)
    assert.ok(event.type === 'closed' && event.error?.code === 1009, 'it is too big')
    const just = new Uint8Array(deflateRawSync(new Uint8Array(100_000), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4))
    const other = endOf(role, { maxMessage: 100_000 }, DEFLATE)
    other.handle(toward(role, BINARY | RSV1, just), 0)
    assert.equal(told(other)[0].type, 'message')
  }
})

/** Messages as a chat has them: alike, now and then one that cannot be compressed, or is long. */
function chat(count: number): Uint8Array[] {
  const random = seededBytes('chat')
  return Array.from({ length: count }, (_, i) => {
    if (i % 7 === 3) return random(200 + 31 * i)
    if (i % 11 === 5) return utf8(`{"type":"news","text":"${'All the news that fits. '.repeat(40 * i)}"}`)
    return utf8(
      `{"type":"said","room":"lobby","id":${String(i)},"from":"client ${String(i % 5)}","text":"Hello number ${String(i)}"}`,
    )
  })
}

const BITS = [8, 9, 10, 11, 12, 13, 14, 15]

describe('RFC 7692 section 7.2.1: what we compress is what zlib reads, within the window that was agreed on', () => {
  for (const role of ROLES) {
    for (const takesOver of [true, false]) {
      test(`${role}, ${takesOver ? 'with' : 'without'} context takeover, all windows`, () => {
        for (const bits of BITS) {
          const end = endOf(
            role,
            { fragmentSize: bits === 12 ? 100 : Infinity },
            {
              serverNoContextTakeover: !takesOver,
              clientNoContextTakeover: !takesOver,
              serverMaxWindowBits: role === 'server' ? bits : 15,
              clientMaxWindowBits: role === 'client' ? bits : 15,
            },
          )
          let before: Uint8Array = new Uint8Array(0)
          let compressed = 0
          for (const message of chat(40)) {
            end.sendBinary(message)
            const frames = framesOf(sent(end))
            assert.ok(
              frames.slice(1).every(({ first }) => (first & 0x7f) === 0),
              'RSV1 in the first frame only',
            )
            const payload = joined(frames.map((frame) => frame.payload))
            if ((frames[0].first & RSV1) === 0) {
              assert.deepEqual(payload, message)
              continue
            }
            compressed++
            const whole = Buffer.concat([payload, Uint8Array.of(0, 0, 0xff, 0xff)])
            // zlib reads a raw stream with windows of 512 bytes and more; a larger one hides nothing but a distance that is too long.
            const options = {
              windowBits: Math.max(9, bits),
              finishFlush: constants.Z_SYNC_FLUSH,
              ...(takesOver && before.length > 0 ? { dictionary: before } : {}),
            }
            assert.deepEqual(new Uint8Array(inflateRawSync(whole, options)), message, `${String(bits)} bits`)
            before = joined([before, message]).slice(-(1 << bits))
          }
          assert.ok(compressed > 10, `${String(compressed)} of 40 were compressed`)
        }
      })
    }
  }
})

describe('RFC 7692 section 7.2.2: two ends of ours, all parameters', () => {
  for (const bits of BITS) {
    test(`windows of ${String(bits)} and ${String(23 - bits)} bits`, () => {
      for (const takeovers of [0, 1, 2, 3]) {
        const parameters = {
          serverNoContextTakeover: (takeovers & 1) !== 0,
          clientNoContextTakeover: (takeovers & 2) !== 0,
          serverMaxWindowBits: bits,
          clientMaxWindowBits: 23 - bits,
        }
        const client = endOf('client', { fragmentSize: 1000 }, parameters)
        const server = endOf('server', {}, parameters)
        const messages = chat(25)
        for (const message of messages) {
          client.sendBinary(message)
          server.sendBinary(message)
          server.handle(sent(client), 0)
          client.handle(sent(server), 0)
        }
        for (const end of [client, server]) {
          const heard = told(end).map((event) => (event.type === 'message' ? event.bytes : event))
          assert.deepEqual(heard, messages)
        }
      }
    })
  }
})

test('short messages, and such as would not get shorter, are sent as they are', () => {
  const end = endOf('server', { deflateThreshold: 10 }, DEFLATE)
  end.sendText(utf8('aaaaaaaaa'))
  end.sendText(utf8('aaaaaaaaaa'))
  end.sendBinary(seededBytes('noise')(500))
  assert.deepEqual(
    framesOf(sent(end)).map(({ first }) => first),
    [TEXT, TEXT | RSV1, BINARY],
  )
})
