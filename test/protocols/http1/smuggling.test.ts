import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Http1Client } from '../../../src/protocols/http1/client.ts'
import { Http1Server } from '../../../src/protocols/http1/server.ts'
import { cut, latin1, sent, told } from './stream.ts'

/*
 * RFC 9112 section 11.2: what two recipients read differently, one of them takes for a request that nobody meant to send. Each of these is sent by
 * somebody who hopes that `GET /smuggled` is read as a request of its own.
 */

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: bob\r\n\r\n'
const POST = 'POST / HTTP/1.1\r\nHost: bob\r\n'
const LENGTH = String(SMUGGLED.length + 5)
/** An empty chunked body, and behind it what is to be smuggled; for who goes by the length, it is all one body. */
const BODY = `0\r\n\r\n${SMUGGLED}`

/** How each of them is refused. */
const ATTACKS: Readonly<Record<string, readonly [attack: string, refusal: string]>> = {
  'section 6.1: Transfer-Encoding in HTTP/1.0': [
    `POST / HTTP/1.0\r\nContent-Length: ${LENGTH}\r\nTransfer-Encoding: chunked\r\n\r\n${BODY}`,
    '400 RFC 9112 section 6.1',
  ],
  'section 6.1: chunked is not the last coding': [
    `${POST}Transfer-Encoding: chunked, gzip\r\n\r\n${BODY}`,
    '400 RFC 9112 section 6.1',
  ],
  'section 6.1: chunked twice': [`${POST}Transfer-Encoding: chunked, chunked\r\n\r\n${BODY}`, '400 RFC 9112 section 6.1'],
  'section 6.1: chunked twice, on two lines': [
    `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n${BODY}`,
    '400 RFC 9112 section 6.1',
  ],
  'section 6.3: both Content-Length and Transfer-Encoding': [
    `${POST}Content-Length: ${LENGTH}\r\nTransfer-Encoding: chunked\r\n\r\n${BODY}`,
    '400 RFC 9112 section 6.3',
  ],
  'section 6.3: the same in the other order, in capitals': [
    `${POST}TRANSFER-ENCODING: CHUNKED\r\nCONTENT-LENGTH: ${LENGTH}\r\n\r\n${BODY}`,
    '400 RFC 9112 section 6.3',
  ],
  'section 6.3: Transfer-Encoding that does not end in chunked': [
    `${POST}Transfer-Encoding: identity\r\n\r\n${BODY}`,
    '400 RFC 9112 section 6.3',
  ],
  'section 6.3: a coding that only looks like chunked': [
    `${POST}Transfer-Encoding: "chunked"\r\n\r\n${BODY}`,
    '400 RFC 9112 section 6.3',
  ],
  'section 6.3: a parameter of chunked': [`${POST}Transfer-Encoding: chunked;q=1\r\n\r\n${BODY}`, '400 RFC 9112 section 6.3'],
  'section 6.3: two lengths': [
    `${POST}Content-Length: 0\r\nContent-Length: ${LENGTH}\r\n\r\n${BODY}`,
    '400 RFC 9112 section 6.3',
  ],
  'section 6.3: two lengths in one field': [`${POST}Content-Length: 0, ${LENGTH}\r\n\r\n${BODY}`, '400 RFC 9112 section 6.3'],
  'RFC 9110 section 8.6: a length with a sign': [`${POST}Content-Length: +0\r\n\r\n${SMUGGLED}`, '400 RFC 9110 section 8.6'],
  'RFC 9110 section 8.6: a length in words': [`${POST}Content-Length: 0 0\r\n\r\n${SMUGGLED}`, '400 RFC 9110 section 8.6'],
  'section 5.1: whitespace before the colon': [
    `${POST}Transfer-Encoding : chunked\r\nContent-Length: ${LENGTH}\r\n\r\n${BODY}`,
    '400 RFC 9112 section 5.1',
  ],
  'section 5.1: a name that is no token': [`${POST}X\x80Y: 1\r\n\r\n`, '400 RFC 9112 section 5.1'],
  'section 5.2: Transfer-Encoding behind a fold': [
    `${POST}X: 1\r\n Transfer-Encoding: chunked\r\nContent-Length: ${LENGTH}\r\n\r\n${BODY}`,
    '400 RFC 9112 section 5.2',
  ],
  'section 5.2: a folded value of Transfer-Encoding': [
    `${POST}Transfer-Encoding:\r\n chunked\r\nContent-Length: ${LENGTH}\r\n\r\n${BODY}`,
    '400 RFC 9112 section 5.2',
  ],
  'section 2.2: a bare CR ends no line': [
    `${POST}X: 1\rTransfer-Encoding: chunked\r\nContent-Length: ${LENGTH}\r\n\r\n${BODY}`,
    '400 RFC 9112 section 2.2',
  ],
  'section 2.2: a bare LF ends no line': [
    `${POST}X: 1\nTransfer-Encoding: chunked\r\nContent-Length: ${LENGTH}\r\n\r\n${BODY}`,
    '400 RFC 9112 section 2.2',
  ],
  'section 2.2: whitespace between the request line and the first field': [
    `POST / HTTP/1.1\r\n Host: bob\r\nTransfer-Encoding: chunked\r\n\r\n${BODY}`,
    '400 RFC 9112 section 5.2',
  ],
  'section 2.2: a control character before chunked': [
    `${POST}Transfer-Encoding: \x0bchunked\r\nContent-Length: ${LENGTH}\r\n\r\n${BODY}`,
    '400 RFC 9112 section 2.2',
  ],
  'section 7.1: a size with a prefix': [
    `${POST}Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n${SMUGGLED}`,
    '400 RFC 9112 section 7.1.1',
  ],
  'section 7.1: a size with underscores': [
    `${POST}Transfer-Encoding: chunked\r\n\r\n0_1\r\nx\r\n${SMUGGLED}`,
    '400 RFC 9112 section 7.1.1',
  ],
  'section 7.1: a chunk longer than it says': [
    `${POST}Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n${SMUGGLED}`,
    '400 RFC 9112 section 7.1',
  ],
  'section 7.1.1: an extension with a bare LF': [
    `${POST}Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\nx\r\n0\r\n\r\n${SMUGGLED}`,
    '400 RFC 9112 section 2.2',
  ],
  'section 3.2: an invalid Host': [`GET / HTTP/1.1\r\nHost: bob@eve\r\n\r\n${SMUGGLED}`, '400 RFC 9112 section 3.2'],
  'section 3.2: a list of Hosts': [`GET / HTTP/1.1\r\nHost: bob, eve\r\n\r\n${SMUGGLED}`, '400 RFC 9112 section 3.2'],
  'section 3.2: a second Host': [`GET / HTTP/1.1\r\nHost: bob\r\nHost: eve\r\n\r\n${SMUGGLED}`, '400 RFC 9112 section 3.2'],
  'section 3: a second request line within the first': [
    `GET / HTTP/1.1 GET /smuggled HTTP/1.1\r\nHost: bob\r\n\r\n`,
    '400 RFC 9112 section 2.3',
  ],
}

describe('what is meant to be read in two ways is refused, and nothing behind it is read', () => {
  for (const [name, [attack, refusal]] of Object.entries(ATTACKS)) {
    test(name, () => {
      for (const lengths of [[attack.length], [1], [7, 3]]) {
        const server = new Http1Server()
        for (const piece of cut(latin1(attack), lengths)) server.handle(piece)
        const events = told(server)
        const last = events.at(-1)
        assert.equal(last?.type, 'closed')
        assert.equal(`${String(last.error?.status)} ${String(last.error?.cites)}`, refusal)
        const targets = events.flatMap((event) => (event.type === 'request' ? [event.target] : []))
        assert.ok(!targets.includes('/smuggled'), 'nothing was smuggled in')
        assert.match(sent(server), /^HTTP\/1\.1 \d{3} (?:.|\r\n)*Connection: close\r\n/)
      }
    })
  }
})

test('the body of a request is no request, however much it looks like one', () => {
  const server = new Http1Server()
  server.handle(
    latin1(`${POST}Content-Length: ${String(SMUGGLED.length)}\r\n\r\n${SMUGGLED}GET /next HTTP/1.1\r\nHost: bob\r\n\r\n`),
  )
  const targets = told(server).flatMap((event) => (event.type === 'request' ? [event.target] : []))
  assert.deepEqual(targets, ['/', '/next'])
})

test('section 7.1.1: the extensions of all chunks together have a limit', () => {
  const chunk = `1;${'x'.repeat(900)}\r\na\r\n`
  const upload = (count: number): string => `${POST}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(count)}`
  const takes = new Http1Server()
  takes.handle(latin1(upload(18)))
  assert.deepEqual(
    told(takes).map(({ type }) => type),
    ['request', 'body'],
  )
  const refuses = new Http1Server()
  refuses.handle(latin1(upload(19)))
  const last = told(refuses).at(-1)
  assert.equal(last?.type, 'closed')
  assert.deepEqual([last.error?.code, last.error?.cites], ['too-large', 'RFC 9112 section 7.1.1'])
})

describe('response splitting: a client takes nothing for a response that is none', () => {
  const head = 'HTTP/1.1 200 OK\r\n'
  const cases: Readonly<Record<string, string>> = {
    'section 6.3: both Content-Length and Transfer-Encoding': `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'section 6.3: two lengths': `${head}Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello`,
    'section 6.1: Transfer-Encoding in HTTP/1.0': 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'section 9.2: a second response that nobody asked for': `${head}Content-Length: 0\r\n\r\n${head}Content-Length: 0\r\n\r\n`,
  }
  for (const [name, bytes] of Object.entries(cases)) {
    test(name, () => {
      const client = new Http1Client()
      client.request({ method: 'GET', target: '/', fields: [{ name: 'Host', value: 'bob' }], body: 0 })
      client.handle(latin1(bytes))
      const last = told(client).at(-1)
      assert.equal(last?.type, 'closed')
      assert.equal(last.error?.whose, 'remote')
      assert.equal(client.canRequest, false)
    })
  }
})
