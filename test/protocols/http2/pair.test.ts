import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Http2Client } from '../../../src/protocols/http2/client.ts'
import type { Http2ClientEvent, Http2ServerEvent } from '../../../src/protocols/http2/event.ts'
import type { FrameNotice, Http2Options } from '../../../src/protocols/http2/options.ts'
import { Http2Server } from '../../../src/protocols/http2/server.ts'
import { seededChoice } from '../../property/seeded-choice.ts'
import { converse, piecesOf, whole } from './pair.ts'
import type { Cut } from './pair.ts'

/* Our client and our server. */

const made = new Map<number, Uint8Array>()

/** Bytes of which no piece is like another. */
function noise(length: number): Uint8Array {
  let bytes = made.get(length)
  if (bytes === undefined) {
    const random = seededChoice(length)
    bytes = Uint8Array.from({ length }, () => random(256))
    made.set(length, bytes)
  }
  return bytes
}

interface Received {
  status: number
  content: Uint8Array[]
  trailers: string
  isWhole: boolean
}

/** A server's way to answer: with the path's number of bytes, behind the request's body if there is one; every third with trailers. */
function answerer(server: Http2Server, pushes: boolean): (event: Http2ServerEvent) => void {
  const bodies = new Map<number, Uint8Array[]>()
  return (event) => {
    if (event.type === 'request') {
      bodies.set(event.stream, [])
      if (pushes && server.canPush) {
        const stream = server.push(event.stream, { method: 'GET', scheme: 'http', authority: 'bob', path: '/77', fields: [] })
        if (server.respond(stream, { status: 200, fields: [], body: 77 })) {
          server.sendSource(stream, {
            length: 77,
            read: (offset, most) => noise(77).subarray(offset, offset + Math.min(most, 10)),
          })
        }
      }
      const size = Number(event.path.slice(1))
      bodies.get(event.stream)?.push(noise(size))
    }
    if (event.type === 'data') bodies.get(event.stream)?.unshift(event.bytes)
    if (event.type !== 'end') return
    const { stream } = event
    const pieces = bodies.get(stream) ?? []
    if (server.respond(stream, { status: 200, fields: [], body: 'unknown' })) {
      // Uploads were put before, the last piece first.
      for (const piece of [...pieces.slice(0, -1).reverse(), ...pieces.slice(-1)]) server.sendBody(stream, piece)
      server.endBody(stream, stream % 3 === 0 ? [{ name: 'x-stream', value: String(stream) }] : [])
    }
  }
}

interface Wish {
  readonly size: number
  readonly upload: number
  readonly urgency: number
  readonly incremental: boolean
}

function exchange(wishes: readonly Wish[], options: Http2Options, cut: Cut): { received: Map<number, Received>; closed: number } {
  const client = new Http2Client(options)
  const server = new Http2Server(options)
  const received = new Map<number, Received>()
  const waiting = [...wishes]
  let closed = 0
  const ask = (): void => {
    while (client.canRequest && waiting.length > 0) {
      const [{ size, upload, urgency, incremental }] = waiting.splice(0, 1)
      const head = { scheme: 'http', authority: 'bob', path: `/${String(size)}`, fields: [{ name: 'X-Same', value: 'always' }] }
      const stream = client.request({ ...head, method: upload > 0 ? 'POST' : 'GET', body: upload }, { urgency, incremental })
      received.set(stream, { status: 0, content: [], trailers: '', isWhole: false })
      if (upload > 0) {
        client.sendBody(stream, noise(upload))
        client.endBody(stream)
      }
    }
  }
  const onClient = (event: Http2ClientEvent): void => {
    assert.notEqual(event.type, 'reset')
    if (event.type === 'closed') {
      assert.equal(event.error, undefined)
      closed++
    }
    // Not before the server has said how many streams it takes: it would refuse those beyond.
    if (event.type === 'settings') ask()
    if (event.type === 'pushed') received.set(event.stream, { status: 0, content: [], trailers: '', isWhole: false })
    if (!('stream' in event)) return
    const exchange = received.get(event.stream)
    if (exchange === undefined) return
    if (event.type === 'response') exchange.status = event.status
    if (event.type === 'data') {
      exchange.content.push(event.bytes)
      if (options.autoConsume === false) client.consume(event.stream, event.bytes.length)
    }
    if (event.type === 'end') {
      exchange.trailers = event.trailers.map(({ value }) => value).join()
      exchange.isWhole = true
      ask()
    }
  }
  const answer = answerer(server, options.settings?.enablePush === true)
  converse(
    client,
    server,
    onClient,
    (event) => {
      answer(event)
      if (event.type === 'data' && options.autoConsume === false) server.consume(event.stream, event.bytes.length)
    },
    cut,
  )
  assert.equal(waiting.length, 0, 'all was asked for')
  client.shutdown()
  converse(client, server, onClient, answer, cut)
  return { received, closed }
}

describe('any requests over any windows, cut in any way', () => {
  test('every byte comes, once and in order', () => {
    const wish = fc.record({
      size: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 60_000 })),
      upload: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 40_000 })),
      urgency: fc.integer({ min: 0, max: 7 }),
      incremental: fc.boolean(),
    })
    const options = fc.record({
      settings: fc.record({
        headerTableSize: fc.constantFrom(0, 100, 4096, 65_536),
        enablePush: fc.boolean(),
        maxConcurrentStreams: fc.constantFrom(1, 3, 100),
        initialWindowSize: fc.constantFrom(1000, 65_535, 1_000_000),
        maxFrameSize: fc.constantFrom(16_384, 50_000),
      }),
      scheduler: fc.constantFrom('priority' as const, 'fair' as const, 'in-order' as const),
      frameSize: fc.constantFrom(100, 16_375, 40_000),
      autoConsume: fc.boolean(),
    })
    fc.assert(
      fc.property(
        fc.array(wish, { maxLength: 8 }),
        options,
        fc.nat(),
        fc.constantFrom(0, 7, 20_000),
        (wishes, chosen, seed, longest) => {
          const cut = longest === 0 ? whole : piecesOf(seededChoice(seed), longest)
          const { received, closed } = exchange(wishes, chosen, cut)
          assert.equal(closed, 1)
          let own = 0
          for (const [stream, { status, content, trailers, isWhole }] of received) {
            assert.equal(status, 200)
            assert.equal(isWhole, true, `stream ${String(stream)} has its end`)
            const bytes = Buffer.concat(content)
            if (stream % 2 === 0) {
              assert.deepEqual(bytes, Buffer.from(noise(77)))
              continue
            }
            const { size, upload } = wishes[own++]
            assert.equal(
              bytes.equals(Buffer.concat([noise(upload), noise(size)])),
              true,
              `the content of stream ${String(stream)}`,
            )
            assert.equal(trailers, stream % 3 === 0 ? String(stream) : '')
          }
          assert.equal(own, wishes.length)
        },
      ),
      { seed: 9113, numRuns: 150 },
    )
  })
})

describe('frames are told with their places', () => {
  test('what one end sent, the other received, without a gap', () => {
    const log: Record<string, FrameNotice[]> = {
      'client sent': [],
      'client received': [],
      'server sent': [],
      'server received': [],
    }
    const sink = (end: string) => (frame: FrameNotice) => {
      log[`${end} ${frame.direction}`].push(frame)
    }
    const options = { settings: { enablePush: true } }
    const client = new Http2Client({ ...options, onFrame: sink('client') })
    const server = new Http2Server({ ...options, onFrame: sink('server') })
    const length = 40_000
    client.request({ method: 'GET', scheme: 'http', authority: 'bob', path: `/${String(length)}`, fields: [], body: 0 })
    let bytes = 0
    const count: Cut = (piece) => {
      bytes += piece.length
      return piecesOf(seededChoice(1), 1000)(piece)
    }
    converse(client, server, () => undefined, answerer(server, true), count)
    for (const [sender, receiver, first] of [
      ['client', 'server', 24],
      ['server', 'client', 0],
    ] as const) {
      const sent = log[`${sender} sent`]
      assert.deepEqual(
        log[`${receiver} received`],
        sent.map((frame) => ({ ...frame, direction: 'received' })),
      )
      let at: number = first
      for (const { from, to, length } of sent) {
        assert.equal(from, at)
        assert.equal(to, from + 9 + length)
        at = to
      }
      bytes -= at
    }
    assert.equal(bytes, 0, 'every byte belongs to a frame, or to the preface')
    const types = new Set(log['server sent'].map(({ type }) => type))
    assert.deepEqual([...types].sort(), ['DATA', 'HEADERS', 'PUSH_PROMISE', 'SETTINGS', 'WINDOW_UPDATE'])
  })
})

describe('an end of the stream of bytes', () => {
  test('with nothing open it is well, else it says what broke', () => {
    const idle = new Http2Server()
    idle.handleEnd(0)
    assert.deepEqual(idle.pollEvent(), { type: 'closed', error: undefined, broken: [], unprocessed: [] })
    const client = new Http2Client()
    client.request({ method: 'GET', scheme: 'http', authority: 'bob', path: '/', fields: [], body: 0 })
    client.pollTransmit(0)
    client.handleEnd(0)
    const event = client.pollEvent()
    assert.ok(event?.type === 'closed', 'it is closed')
    assert.equal(event.error?.whose, 'remote')
    assert.deepEqual([event.broken, event.unprocessed], [[1], []])
    assert.equal(client.canRequest, false)
    assert.equal(client.pollTimeout(), undefined)
    // What comes late changes nothing.
    client.sendBody(1, new Uint8Array(1))
    client.cancel(1)
    client.handleEnd(0)
    assert.equal(client.pollEvent(), undefined)
  })
})
