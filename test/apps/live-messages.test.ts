import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  decodeClientMessage,
  decodePoll,
  decodeServerMessage,
  encodeMessage,
  messageText,
  pollText,
  type ClientMessage,
  type ServerMessage,
} from '../../src/apps/live/messages.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 60 })
const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const time = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })

const clientMessage: fc.Arbitrary<ClientMessage> = fc.oneof(
  fc.record({ type: fc.constant('hello' as const), room: text, last: time, session: text }, { noNullPrototype: true }),
  fc.record({ type: fc.constant('say' as const), room: text, key: text, text, sentAt: time }, { noNullPrototype: true }),
  fc.constant({ type: 'ping' as const }),
  fc.constant({ type: 'pong' as const }),
)
const serverMessage: fc.Arbitrary<ServerMessage> = fc.oneof(
  fc.record({ type: fc.constant('welcome' as const), session: text, resumed: fc.boolean() }, { noNullPrototype: true }),
  fc.record({ type: fc.constant('said' as const), room: text, id, from: text, text, sentAt: time }, { noNullPrototype: true }),
  fc.record({ type: fc.constant('news' as const), room: text, id, text, sentAt: time }, { noNullPrototype: true }),
  fc.record({ type: fc.constant('ack' as const), key: text, id }, { noNullPrototype: true }),
  fc.record({ type: fc.constant('refused' as const), key: text, why: text }, { noNullPrototype: true }),
  fc.record({ type: fc.constant('go-away' as const), after: time }, { noNullPrototype: true }),
  fc.constant({ type: 'ping' as const }),
  fc.constant({ type: 'pong' as const }),
)

describe('messages of live applications', () => {
  test('what is written is read, whatever the texts', () => {
    fc.assert(
      fc.property(clientMessage, (message) => {
        assert.deepEqual(decodeClientMessage(encodeMessage(message)), message)
        assert.equal((JSON.parse(messageText(message)) as ClientMessage).type, message.type)
      }),
      { seed: 6, numRuns: 500 },
    )
    fc.assert(
      fc.property(serverMessage, (message) => {
        const bytes = encodeMessage(message)
        assert.deepEqual(decodeServerMessage(bytes), message)
        assert.ok(
          bytes.every((byte) => byte >= 0x20 && byte < 0x7f),
          'a byte for each character, and none that a line would end at',
        )
      }),
      { seed: 6, numRuns: 500 },
    )
  })

  test('the answer to a poll is read as what it was made of', () => {
    fc.assert(
      fc.property(fc.array(serverMessage, { maxLength: 5 }), id, (messages, last) => {
        const answer = decodePoll(Buffer.from(pollText(last, messages.map(messageText))))
        assert.deepEqual(answer, { last, messages })
      }),
      { seed: 6, numRuns: 300 },
    )
  })

  test('members that nobody knows are left alone, and what is missing has its usual value', () => {
    const hello = decodeClientMessage(Buffer.from('{"more":[1,{"x":2}],"room":"lobby","type":"hello","last":"4"}'))
    assert.deepEqual(hello, { type: 'hello', room: 'lobby', last: 0, session: '' })
    assert.deepEqual(decodeServerMessage(Buffer.from('{"type":"welcome"}')), { type: 'welcome', session: '', resumed: false })
  })

  test('UTF-8 is read, and what is not UTF-8 is refused', () => {
    const message = decodeClientMessage(Buffer.from('{"type":"say","room":"r","key":"k","text":"grüß 🙂"}'))
    assert.ok(message.type === 'say' && message.text === 'grüß 🙂')
    assert.equal(decodeClientMessage(Uint8Array.of(0x22, 0xff, 0x22)).type, 'malformed')
    assert.equal(decodeClientMessage(Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22)).type, 'malformed')
  })

  test('names that every object has are no members', () => {
    assert.equal(decodeClientMessage(Buffer.from('{"type":"toString"}')).type, 'malformed')
    assert.equal(decodeServerMessage(Buffer.from('{"__proto__":{"type":"ping"}}')).type, 'malformed')
  })

  test('100,000 inputs that are nearly right give a message or say what is wrong, and never throw', () => {
    const valid = [
      '{"type":"hello","room":"lobby","last":41,"session":"abc"}',
      '{"type":"say","room":"lobby","key":"k","text":"t\\u00e9xt","sentAt":5}',
      '{"type":"said","room":"lobby","id":42,"from":"x","text":"grüß","sentAt":3}',
      '{"last":4,"messages":[{"type":"news","room":"r","id":1,"text":"t","sentAt":0},{"type":"ack","key":"k","id":7}]}',
    ].map((line) => Buffer.from(line))
    let state = 1
    const draw = (bound: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((state / 2 ** 32) * bound)
    }
    let understood = 0
    for (let i = 0; i < 100_000; i++) {
      const bytes = Buffer.from(valid[i % valid.length])
      const end = draw(4) === 0 ? draw(bytes.length) : bytes.length
      for (let changes = draw(3); changes > 0; changes--) bytes[draw(bytes.length)] = draw(256)
      const input = bytes.subarray(0, end)
      const client = decodeClientMessage(input)
      const server = decodeServerMessage(input)
      decodePoll(input)
      if (client.type !== 'malformed') understood++
      if (server.type !== 'malformed') understood++
    }
    assert.ok(understood > 20_000 && understood < 100_000, `${understood} were understood`)
  })
})
