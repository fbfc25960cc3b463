import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { PerMessageDeflateParameters } from '../../../src/protocols/websocket/per-message-deflate.ts'
import { randomStream } from '../../../src/kernel/random.ts'
import { mutants } from '../../wire/mutants.ts'
import {
  BINARY,
  clientOf,
  CLOSE,
  endOf,
  FIRST_BINARY,
  FIRST_TEXT,
  framesOf,
  joined,
  LAST,
  MIDDLE,
  PING,
  PONG,
  RSV1,
  sent,
  serverOf,
  TEXT,
  told,
  toward,
  utf8,
} from './frames.ts'

const DEFLATE: PerMessageDeflateParameters = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: true,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 10,
}
const HELLO = new Uint8Array(Buffer.from('f248cdc9c90700', 'hex'))

/** A conversation with everything in it, as the peer of an end sends it. */
function everything(role: 'client' | 'server'): Uint8Array[] {
  return [
    toward(role, TEXT, 'Grüße'),
    toward(role, BINARY, new Uint8Array(200).fill(7)),
    toward(role, FIRST_TEXT, Uint8Array.of(0xc3)),
    toward(role, PING, 'p'),
    toward(role, MIDDLE, Uint8Array.of(0xbc)),
    toward(role, LAST, '!'),
    toward(role, PONG, ''),
    toward(role, TEXT | RSV1, HELLO),
    toward(role, FIRST_BINARY | RSV1, HELLO.slice(0, 3)),
    toward(role, LAST, HELLO.slice(3)),
    toward(role, TEXT, ''),
    toward(role, BINARY, new Uint8Array(70_000).fill(1)),
    toward(role, CLOSE, Uint8Array.of(3, 232, 0x62, 0x79, 0x65)),
  ]
}

describe('any chunking gives the same events and the same answers', () => {
  for (const role of ['client', 'server'] as const) {
    test(role, () => {
      const stream = joined(everything(role))
      const heard = (lengths: readonly number[]): unknown => {
        const end = endOf(role, {}, DEFLATE)
        for (let at = 0, i = 0; at < stream.length; i++) {
          const length = lengths[i % lengths.length]
          end.handle(stream.slice(at, at + length), 0)
          at += length
        }
        end.handleEnd(0)
        const says = framesOf(sent(end)).map(({ first, payload }) => ({ first, payload }))
        return { tells: told(end), says }
      }
      const expected = heard([stream.length])
      fc.assert(
        fc.property(
          fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 40_000 })), {
            minLength: 1,
            maxLength: 30,
          }),
          (lengths) => {
            assert.deepEqual(heard(lengths), expected)
          },
        ),
        { seed: 4, numRuns: 150 },
      )
    })
  }
})

test('two ends over a stream that is cut at random: every message once, in order, and a clean end', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ fromClient: fc.boolean(), text: fc.string({ unit: 'grapheme', maxLength: 300 }), ping: fc.boolean() }),
        { maxLength: 25 },
      ),
      fc.integer({ min: 1, max: 2000 }),
      fc.integer({ min: 1, max: 100 }),
      fc.boolean(),
      (messages, cut, fragmentSize, compress) => {
        const random = randomStream(cut, 'cuts')
        const deflate = compress ? DEFLATE : undefined
        const client = clientOf({ fragmentSize, deflateThreshold: 1 }, deflate)
        const server = serverOf({ fragmentSize, deflateThreshold: 1 }, deflate)
        for (const { fromClient, text, ping } of messages) {
          const end = fromClient ? client : server
          end.sendText(utf8(text))
          if (ping) end.ping(utf8('p'))
        }
        client.close(1000, 'done')
        const pass = (from: typeof client, to: typeof client): boolean => {
          const bytes = sent(from)
          for (let at = 0; at < bytes.length;) {
            const length = 1 + (random.uint32() % cut)
            to.handle(bytes.slice(at, at + length), 0)
            at += length
          }
          return bytes.length > 0
        }
        for (let moves = true; moves;) moves = [pass(client, server), pass(server, client)].includes(true)
        client.handleEnd(0)
        for (const [end, isClient] of [
          [client, true],
          [server, false],
        ] as const) {
          const events = told(end)
          const texts = events.flatMap((event) => (event.type === 'message' ? [Buffer.from(event.bytes).toString()] : []))
          assert.deepEqual(
            texts,
            messages.filter(({ fromClient }) => fromClient !== isClient).map(({ text }) => text),
          )
          const last = events.at(-1)
          assert.ok(last?.type === 'closed' && last.clean && last.error === undefined, 'it ends cleanly')
          // What answers the server's may come behind the client's Close, where nobody listens.
          if (!isClient) continue
          const pings = messages.filter(({ fromClient, ping }) => ping && fromClient === isClient).length
          assert.equal(events.filter(({ type }) => type === 'pong').length, pings)
        }
      },
    ),
    { seed: 5, numRuns: 200 },
  )
})

test('100,000 mutated conversations for either end: events, and one proper end', () => {
  const outcomes = new Map<string, number>()
  for (const role of ['client', 'server'] as const) {
    const parts = everything(role).filter(({ length }) => length < 1000)
    const samples = [joined(parts), ...parts, joined(parts.slice(2, 6))]
    for (const mutant of mutants(samples, 51_000, `websocket ${role}`)) {
      const end = endOf(role, { maxMessage: 4096, maxFrame: 4096, maxFragments: 10 }, DEFLATE)
      const middle = mutant.length >> 1
      end.handle(mutant.slice(0, middle), 0)
      end.handle(mutant.slice(middle), 0)
      // Whatever it was, what is said is whole frames, of which Close is the last.
      const frames = framesOf(sent(end))
      const close = frames.findIndex(({ first }) => first === CLOSE)
      assert.ok(close < 0 || close === frames.length - 1, 'nothing is said behind Close')
      end.handleEnd(0)
      const events = told(end)
      const last = events.at(-1)
      assert.ok(last?.type === 'closed', 'it ends')
      assert.equal(events.filter(({ type }) => type === 'closed').length, 1)
      for (const event of events) {
        if (event.type === 'message') assert.ok(event.bytes.length <= 4096, 'no message is over the limit')
      }
      const code = last.error?.code ?? last.code
      outcomes.set(`${role} ${String(code)}`, (outcomes.get(`${role} ${String(code)}`) ?? 0) + 1)
    }
  }
  for (const code of [1000, 1002, 1006, 1007, 1009]) {
    for (const role of ['client', 'server']) {
      assert.ok((outcomes.get(`${role} ${String(code)}`) ?? 0) > 20, `${role} ${String(code)}: ${JSON.stringify([...outcomes])}`)
    }
  }
})

test('a length that is announced takes no memory', () => {
  const ends = Array.from({ length: 200 }, () => {
    const end = serverOf()
    end.handle(Uint8Array.of(0x82, 0xff, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5), 0)
    return end
  })
  const before = process.memoryUsage().arrayBuffers
  for (const end of ends) end.handle(Uint8Array.of(6, 7, 8), 0)
  assert.ok(process.memoryUsage().arrayBuffers - before < 1e6, '200 times 16 MB are announced')
})
