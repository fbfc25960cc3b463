import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Http1Client } from '../../../src/protocols/http1/client.ts'
import { Http1Server } from '../../../src/protocols/http1/server.ts'
import { cut, latin1, sent, text, told, types } from './stream.ts'
import type { Told } from './stream.ts'

/** All that a server tells of a stream, and answers by itself. */
function heardByServer(pieces: readonly Uint8Array[], end: boolean): { events: Told[]; answers: string } {
  const server = new Http1Server({ limits: { startLine: 40, fieldSection: 80, fieldCount: 4, chunkLine: 12 }, bodyLimit: 60 })
  const events: Told[] = []
  for (const piece of pieces) {
    server.handle(piece)
    told(server, events)
  }
  if (end) server.handleEnd()
  told(server, events)
  return { events, answers: sent(server) }
}

/** All that a client tells of a stream, after a GET, a HEAD and four more GETs. */
function heardByClient(pieces: readonly Uint8Array[], end: boolean): Told[] {
  const client = new Http1Client({ limits: { startLine: 40, fieldSection: 80, fieldCount: 4, chunkLine: 12 } })
  for (const method of ['GET', 'HEAD', 'GET', 'GET', 'GET', 'GET']) {
    client.request({ method, target: '/', fields: [{ name: 'Host', value: 'bob' }], body: 0 })
  }
  const events: Told[] = []
  for (const piece of pieces) {
    client.handle(piece)
    told(client, events)
  }
  if (end) client.handleEnd()
  return told(client, events)
}

// Streams that are mostly right: words of the language, now and then broken.
const words = fc.constantFrom(
  ...[
    'GET / HTTP/1.1\r\n',
    'POST /a HTTP/1.1\r\n',
    'GET / HTTP/1.0\r\n',
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.1 100 \r\n',
    'HTTP/1.0 204\r\n',
  ],
  ...['Host: b\r\n', 'Content-Length: 5\r\n', 'Content-Length: 0\r\n', 'Transfer-Encoding: chunked\r\n', 'Connection: close\r\n'],
  ...[
    'Expect: 100-continue\r\n',
    'X: y\r\n',
    ' folded\r\n',
    'X : y\r\n',
    '\r\n',
    '\r\n\r\n',
    'hello',
    '5\r\nhello\r\n',
    '0\r\n\r\n',
    '0\r\n',
    '3;x=y\r\n',
  ],
  ...['abc\r\n', '\r', '\n', '\0', 'x'.repeat(45), '5', ' ', ':', 'ff\r\n'],
)
const whole = fc.constantFrom(
  'GET / HTTP/1.1\r\nHost: b\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n\r\nhello',
  'POST / HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'HTTP/1.1 103 x\r\nX: y\r\n z\r\n\r\n',
  'HTTP/1.1 200 OK\r\n\r\n',
)
const streams = fc
  .array(fc.oneof({ arbitrary: whole, weight: 3 }, { arbitrary: words, weight: 4 }), { maxLength: 10 })
  .map((parts) => latin1(parts.join('')))
const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 })

describe('how a stream is cut changes nothing', () => {
  test('for a server', () => {
    fc.assert(
      fc.property(streams, lengths, fc.boolean(), (stream, lengths, end) => {
        const atOnce = heardByServer([stream], end)
        assert.deepEqual(heardByServer(cut(stream, lengths), end), atOnce)
        assert.deepEqual(heardByServer(cut(stream, [1]), end), atOnce)
      }),
      { seed: 1, numRuns: 2000 },
    )
  })

  test('for a client', () => {
    fc.assert(
      fc.property(streams, lengths, fc.boolean(), (stream, lengths, end) => {
        const atOnce = heardByClient([stream], end)
        assert.deepEqual(heardByClient(cut(stream, lengths), end), atOnce)
        assert.deepEqual(heardByClient(cut(stream, [1]), end), atOnce)
      }),
      { seed: 2, numRuns: 2000 },
    )
  })
})

describe('any bytes', () => {
  const noise = fc.oneof(fc.uint8Array({ maxLength: 200 }), streams)

  test('end in events or one typed fault', () => {
    fc.assert(
      fc.property(noise, lengths, (stream, lengths) => {
        for (const events of [heardByServer(cut(stream, lengths), true).events, heardByClient(cut(stream, lengths), true)]) {
          const closed = events.filter(({ type }) => type === 'closed')
          assert.equal(closed.length, 1)
          assert.equal(events.at(-1)?.type, 'closed')
          for (const event of closed) {
            assert.ok(event.type === 'closed')
            if (event.error) assert.match(event.error.cites, /^RFC \d{4} section \d/)
          }
        }
      }),
      { seed: 3, numRuns: 3000 },
    )
  })

  test('a body that never ends keeps nothing in memory, a line that never ends is cut off', () => {
    const server = new Http1Server()
    server.handle(latin1('POST / HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n'))
    let bytes = 0
    for (let i = 0; i < 2000; i++) {
      server.handle(latin1(`400\r\n${'x'.repeat(1024)}\r\n`))
      for (let event = server.pollEvent(); event; event = server.pollEvent())
        if (event.type === 'data') bytes += event.bytes.length
    }
    assert.equal(bytes, 2000 * 1024)
    for (let i = 0; i < 2000 && !server.finished; i++) server.handle(latin1('1;'))
    assert.deepEqual(types(told(server)), ['closed'])
  })
})

describe('a client and a server, back to back', () => {
  const body = fc.oneof(
    fc.record({
      framing: fc.constant('length' as const),
      parts: fc.array(fc.string({ unit: 'binary-ascii', maxLength: 30 }), { maxLength: 3 }),
    }),
    fc.record({
      framing: fc.constant('chunked' as const),
      parts: fc.array(fc.string({ unit: 'binary-ascii', maxLength: 3000 }), { maxLength: 3 }),
    }),
  )
  const exchange = fc.record({
    method: fc.constantFrom('GET', 'HEAD', 'POST'),
    request: body,
    response: body,
    status: fc.constantFrom(200, 204, 304, 404),
  })

  test('every body comes to the other side, in order, whatever the framing, the pieces and the pipelining', () => {
    fc.assert(
      fc.property(fc.array(exchange, { maxLength: 6 }), lengths, fc.boolean(), (exchanges, lengths, pipelining) => {
        const client = new Http1Client()
        const server = new Http1Server()
        const atServer: Told[] = []
        const atClient: Told[] = []
        let answered = 0
        const move = (): void => {
          for (const piece of cut(latin1(sent(client)), lengths)) server.handle(piece)
          told(server, atServer)
        }
        const reply = (count: number): void => {
          for (let left = count; left > 0; left--) {
            const { method, status, response } = exchanges[answered++]
            const length = response.parts.join('').length
            const framing = status === 204 ? 0 : response.framing === 'length' ? length : 'chunked'
            if (!server.respond({ status, fields: [], body: framing })) continue
            assert.ok(method !== 'HEAD')
            for (const part of response.parts) server.sendBody(latin1(part))
            server.endBody()
          }
          for (const piece of cut(latin1(sent(server)), lengths)) client.handle(piece)
          told(client, atClient)
        }
        const asked: string[] = []
        exchanges.forEach(({ method, request }, i) => {
          const whole = request.parts.join('')
          const framing = request.framing === 'length' ? whole.length : 'chunked'
          client.request({ method, target: `/${String(i)}`, fields: [{ name: 'Host', value: 'b' }], body: framing })
          if (framing !== 0) {
            for (const part of request.parts) client.sendBody(latin1(part))
            client.endBody()
          }
          asked.push(whole)
          move()
          if (!pipelining) {
            assert.equal(client.pending, 1)
            reply(1)
          }
        })
        if (pipelining) reply(exchanges.length)

        const bodies = (events: readonly Told[], id: number) =>
          events.flatMap((event) => (event.type === 'body' && event.id === id ? [event.text] : [])).join('')
        exchanges.forEach(({ method, status, response }, i) => {
          assert.equal(bodies(atServer, i + 1), asked[i])
          const expected = method === 'HEAD' || (status !== 200 && status !== 404) ? '' : response.parts.join('')
          assert.equal(bodies(atClient, i + 1), expected)
        })
        assert.equal(atClient.filter(({ type }) => type === 'end').length, exchanges.length)
        assert.equal(client.pending, 0)
        assert.equal(server.unanswered, 0)
        assert.ok(client.canRequest)
      }),
      { seed: 4, numRuns: 400 },
    )
  })
})

describe('real bytes: h1.pcap, curl and python', () => {
  /** The payloads of both directions, in the order of the capture, which lost and reordered nothing. */
  function payloads(): { fromClient: boolean; bytes: Uint8Array }[] {
    const pcap = readFileSync(new URL('../../vectors/h1.pcap', import.meta.url))
    const found: { fromClient: boolean; bytes: Uint8Array }[] = []
    for (let at = 24; at < pcap.length;) {
      const length = pcap.readUInt32LE(at + 8)
      const packet = pcap.subarray(at + 16, at + 16 + length)
      at += 16 + length
      const bytes = packet.subarray(34 + (packet[46] >> 4) * 4, 14 + packet.readUInt16BE(16))
      if (bytes.length > 0) found.push({ fromClient: packet.readUInt16BE(36) === 8002, bytes })
    }
    return found
  }

  test('our server understands what curl asked', () => {
    const server = new Http1Server()
    for (const { fromClient, bytes } of payloads()) if (fromClient) server.handle(bytes)
    const requests = told(server).flatMap((event) => (event.type === 'request' ? [`${event.method} ${event.target}`] : []))
    assert.deepEqual(requests, ['GET /small.txt', 'GET /20k', 'GET /nope'])
  })

  test('our client asks for the same, and understands what python answered', () => {
    const client = new Http1Client()
    const events: Told[] = []
    for (const { fromClient, bytes } of payloads()) {
      if (fromClient) {
        const target = text(bytes).split(' ')[1]
        const fields = [
          { name: 'Host', value: '10.9.0.2:8002' },
          { name: 'User-Agent', value: 'curl/7.88.1' },
          { name: 'Accept', value: '*/*' },
        ]
        client.request({ method: 'GET', target, fields, body: 0 })
        assert.equal(sent(client), text(bytes))
      } else {
        client.handle(bytes)
        told(client, events)
      }
    }
    assert.deepEqual(
      events.map((event) => (event.type === 'response' ? event.status : event.type === 'body' ? event.text.length : event.type)),
      [200, 3000, 'end', 200, 20_000, 'end', 404, 335, 'end', 'closed'],
    )
  })
})
