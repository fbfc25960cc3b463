import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LocalProtocolError } from '../../../src/protocols/http1/fault.ts'
import { Http1Server } from '../../../src/protocols/http1/server.ts'
import type { Http1ServerOptions } from '../../../src/protocols/http1/server.ts'
import { latin1, sent, told, types } from './stream.ts'
import type { Told } from './stream.ts'

/** A server that was given these bytes, and what it told. */
function given(text: string, options: Http1ServerOptions = {}): { server: Http1Server; events: Told[] } {
  const server = new Http1Server(options)
  server.handle(latin1(text))
  return { server, events: told(server) }
}

/** The fault that these bytes are, as `status citation`. */
function refusal(text: string, options: Http1ServerOptions = {}): string {
  const { server, events } = given(text, options)
  const last = events.at(-1)
  assert.equal(last?.type, 'closed', JSON.stringify(text))
  assert.ok(last.error, JSON.stringify(text))
  assert.equal(last.error.whose, 'remote')
  const answer = sent(server)
  const { status, cites } = last.error
  assert.match(
    answer,
    new RegExp(`^HTTP/1\\.1 ${String(status)} [A-Z].*\r\n(?:.*\r\n)*Connection: close\r\n`),
    JSON.stringify(text),
  )
  assert.ok(answer.includes(cites))
  assert.ok(server.finished)
  return `${String(status)} ${cites}`
}

const GET = 'GET / HTTP/1.1\r\nHost: bob\r\n\r\n'
const OK = { status: 200, fields: [], body: 2 } as const

describe('requests', () => {
  test('one without a body', () => {
    const { server, events } = given(GET)
    assert.deepEqual(events, [
      {
        type: 'request',
        id: 1,
        method: 'GET',
        target: '/',
        minorVersion: 1,
        fields: [{ name: 'host', value: 'bob' }],
        framing: 0,
        expectsContinue: false,
      },
      { type: 'end', id: 1, trailers: [] },
    ])
    assert.equal(server.unanswered, 1)
    assert.equal(server.respond({ ...OK, fields: [{ name: 'Content-Type', value: 'text/plain' }] }), true)
    server.sendBody(latin1('ok'))
    server.endBody()
    assert.equal(sent(server), 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok')
    assert.equal(server.unanswered, 0)
    assert.equal(server.finished, false)
  })

  test('with a length, with chunks and trailers', () => {
    const { events } = given(
      'POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n\r\nhello' +
        'POST /b HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Sum: 9\r\n\r\n',
    )
    assert.deepEqual(types(events), ['request', 'body', 'end', 'request', 'body', 'end'])
    assert.deepEqual(events[1], { type: 'body', id: 1, text: 'hello' })
    assert.deepEqual(events.slice(4), [
      { type: 'body', id: 2, text: 'abc0123456789' },
      { type: 'end', id: 2, trailers: [{ name: 'x-sum', value: '9' }] },
    ])
  })

  test('bodies are views of the bytes that came in', () => {
    const server = new Http1Server()
    const bytes = latin1('POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n\r\nhello')
    server.handle(bytes)
    server.pollEvent()
    const event = server.pollEvent()
    assert.equal(event?.type, 'data')
    assert.equal(event.bytes.buffer, bytes.buffer)
  })

  test('empty lines before a request are overlooked (RFC 9112 section 2.2), but not for ever', () => {
    assert.deepEqual(types(given(`\r\n\r\n${GET}\r\n${GET}`).events), ['request', 'end', 'request', 'end'])
    assert.equal(refusal('\r\n'.repeat(9)), '400 RFC 9112 section 3.1')
  })

  test('the same length said twice is one length (RFC 9112 section 6.3)', () => {
    const { events } = given('POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 2, 02\r\nContent-Length: 2\r\n\r\nhi')
    assert.deepEqual(events[1], { type: 'body', id: 1, text: 'hi' })
  })
})

describe('what is refused, with which status', () => {
  const host = 'Host: bob\r\n'
  const post = `POST / HTTP/1.1\r\n${host}`
  const cases: Record<string, [string, string]> = {
    'a bare LF': ['GET / HTTP/1.1\nHost: b\n\n', '400 RFC 9112 section 2.2'],
    'a bare CR': ['GET / HTTP/1.1\rHost: b\r\n\r\n', '400 RFC 9112 section 2.2'],
    'a NUL': ['GET / HTTP/1.1\r\nX: \0\r\n\r\n', '400 RFC 9112 section 2.2'],
    'a TLS handshake': ['\x16\x03\x01\x00\xf1\x01\x00\x00\xed\x03\x03', '400 RFC 9112 section 2.2'],
    'HTTP/0.9': ['GET /\r\n', '400 RFC 9112 section 3.2'],
    'HTTP/2': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '505 RFC 9110 section 15.6.6'],
    'no Host': ['GET / HTTP/1.1\r\n\r\n', '400 RFC 9112 section 3.2'],
    'two Hosts': [`GET / HTTP/1.1\r\n${host}${host}\r\n`, '400 RFC 9112 section 3.2'],
    'a wrong Host': ['GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', '400 RFC 9112 section 3.2'],
    'a space before the colon': ['GET / HTTP/1.1\r\nHost : b\r\n\r\n', '400 RFC 9112 section 5.1'],
    'a folded field': [`GET / HTTP/1.1\r\n${host}X: a\r\n b\r\n\r\n`, '400 RFC 9112 section 5.2'],
    'whitespace before the first field': ['GET / HTTP/1.1\r\n Host: b\r\n\r\n', '400 RFC 9112 section 5.2'],
    'CL.TE': [`${post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, '400 RFC 9112 section 6.3'],
    'TE.CL': [`${post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`, '400 RFC 9112 section 6.3'],
    'TE.TE': [`${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n`, '400 RFC 9112 section 6.1'],
    'chunked twice': [`${post}Transfer-Encoding: chunked, chunked\r\n\r\n`, '400 RFC 9112 section 6.1'],
    'a masked chunked': [`${post}Transfer-Encoding: xchunked\r\n\r\n`, '400 RFC 9112 section 6.3'],
    'no coding at all': [`${post}Transfer-Encoding:\r\n\r\n`, '400 RFC 9112 section 6.1'],
    identity: [`${post}Transfer-Encoding: identity\r\n\r\n`, '400 RFC 9112 section 6.3'],
    'an unknown coding below chunked': [`${post}Transfer-Encoding: gzip, chunked\r\n\r\n`, '501 RFC 9112 section 6.1'],
    'chunks in HTTP/1.0': ['POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n', '400 RFC 9112 section 6.1'],
    'two lengths': [`${post}Content-Length: 4\r\nContent-Length: 5\r\n\r\n`, '400 RFC 9112 section 6.3'],
    'two lengths in a list': [`${post}Content-Length: 4, 5\r\n\r\n`, '400 RFC 9112 section 6.3'],
    'a signed length': [`${post}Content-Length: +4\r\n\r\n`, '400 RFC 9110 section 8.6'],
    'a hexadecimal length': [`${post}Content-Length: 0x4\r\n\r\n`, '400 RFC 9110 section 8.6'],
    'an empty length': [`${post}Content-Length:\r\n\r\n`, '400 RFC 9110 section 8.6'],
    'a fractional length': [`${post}Content-Length: 4.0\r\n\r\n`, '400 RFC 9110 section 8.6'],
    'an endless length': [`${post}Content-Length: ${'9'.repeat(40)}\r\n\r\n`, '413 RFC 9110 section 8.6'],
    'a chunk without a size': [`${post}Transfer-Encoding: chunked\r\n\r\n\r\n`, '400 RFC 9112 section 7.1'],
    'a negative chunk': [`${post}Transfer-Encoding: chunked\r\n\r\n-1\r\n`, '400 RFC 9112 section 7.1'],
    'a chunk of 2^64 bytes': [`${post}Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n`, '413 RFC 9112 section 7.1'],
    'a chunk that is too long': [`${post}Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n`, '400 RFC 9112 section 7.1'],
    'a chunk with a bare LF': [`${post}Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n`, '400 RFC 9112 section 2.2'],
    'a chunk line without end': [`${post}Transfer-Encoding: chunked\r\n\r\n3;${'x'.repeat(2000)}`, '400 RFC 9112 section 7.1.1'],
    'a bad trailer': [`${post}Transfer-Encoding: chunked\r\n\r\n0\r\nX : 1\r\n\r\n`, '400 RFC 9112 section 5.1'],
    'a long request line': [`GET /${'x'.repeat(9000)}`, '414 RFC 9112 section 3'],
    'a long field': [`GET / HTTP/1.1\r\nX: ${'x'.repeat(70_000)}`, '431 RFC 6585 section 5'],
    'long fields together': [`GET / HTTP/1.1\r\n${`X: ${'x'.repeat(7000)}\r\n`.repeat(10)}`, '431 RFC 6585 section 5'],
    'many fields': [`GET / HTTP/1.1\r\n${'X: 1\r\n'.repeat(101)}`, '431 RFC 6585 section 5'],
    'an unknown expectation': [`GET / HTTP/1.1\r\n${host}Expect: magic\r\n\r\n`, '417 RFC 9110 section 10.1.1'],
  }
  for (const [name, [bytes, expected]] of Object.entries(cases)) {
    test(name, () => {
      assert.equal(refusal(bytes), expected)
    })
  }

  test('a body over the limit, announced or chunked', () => {
    assert.equal(refusal(`${post}Content-Length: 11\r\n\r\n`, { bodyLimit: 10 }), '413 RFC 9110 section 15.5.14')
    const chunks = `${post}Transfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n5\r\n01234\r\n`
    assert.equal(refusal(chunks, { bodyLimit: 10 }), '413 RFC 9110 section 15.5.14')
    assert.equal(
      given(chunks, { bodyLimit: 11 }).events.some(({ type }) => type === 'closed'),
      false,
    )
  })

  test('lines and sections exactly at their limits are taken', () => {
    const limits = { startLine: 20, fieldSection: 20, fieldCount: 2, chunkLine: 5 }
    const head = (target: string, fields: string) => `GET ${target} HTTP/1.1\r\n${fields}\r\n`
    assert.equal(given(head('/123456', 'Host: 6789\r\nX: 4567890\r\n'), { limits }).events.length, 2)
    assert.equal(refusal(head('/1234567', 'Host: 6789\r\n'), { limits }), '414 RFC 9112 section 3')
    assert.equal(refusal(head('/', 'Host: 6789\r\nX: 45678901\r\n'), { limits }), '431 RFC 6585 section 5')
    assert.equal(refusal(head('/', 'Host: b\r\nX:\r\nY:\r\n'), { limits }), '431 RFC 6585 section 5')
  })

  test('nothing behind a refused request is read: no smuggled request', () => {
    const { events } = given(`${post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${GET}`)
    assert.deepEqual(types(events), ['closed'])
  })

  test('the answer waits for the answers to what was asked before', () => {
    const { server, events } = given(`${GET}GET / HTTP/9\r\n\r\n`)
    assert.deepEqual(types(events), ['request', 'end', 'closed'])
    assert.equal(sent(server), '')
    assert.equal(server.finished, false)
    server.respond({ ...OK, body: 0 })
    const answers = sent(server)
    assert.match(answers, /^HTTP\/1\.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP\/1\.1 400 Bad Request\r\n/)
    assert.ok(server.finished)
    assert.throws(() => server.respond(OK), LocalProtocolError)
  })

  test('a fault in the body of a request that is not answered yet takes its place', () => {
    const { server, events } = given(`${GET}${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n`)
    assert.deepEqual(types(events), ['request', 'end', 'request', 'closed'])
    assert.deepEqual(events.at(-1), {
      type: 'closed',
      broken: 2,
      error: {
        whose: 'remote',
        code: 'malformed',
        status: 400,
        detail: 'a chunk does not begin with its size in hexadecimal digits',
        cites: 'RFC 9112 section 7.1',
      },
    })
    assert.equal(server.unanswered, 1)
    server.respond({ ...OK, body: 0 })
    assert.match(sent(server), /^HTTP\/1\.1 200 OK\r\n[^]*HTTP\/1\.1 400 Bad Request\r\n/)
    assert.ok(server.finished)
  })

  test('a fault in the body of a request that is being answered ends the connection behind that answer', () => {
    const server = new Http1Server()
    server.handle(latin1(`${post}Transfer-Encoding: chunked\r\n\r\n`))
    server.respond(OK)
    server.sendBody(latin1('o'))
    server.handle(latin1('zz\r\n'))
    server.sendBody(latin1('k'))
    assert.equal(server.finished, false)
    server.endBody()
    assert.equal(sent(server), 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    assert.ok(server.finished)
  })

  test('a fault in the body of a request that was answered early is not answered again', () => {
    const server = new Http1Server()
    server.handle(latin1(`${post}Transfer-Encoding: chunked\r\n\r\n`))
    server.respond({ ...OK, body: 0 })
    server.handle(latin1('zz\r\n'))
    assert.equal(sent(server).match(/HTTP/g)?.length, 1)
    assert.ok(server.finished)
  })
})

describe('responses', () => {
  const answer = (
    request: string,
    response: Parameters<Http1Server['respond']>[0],
    body = '',
    options: Http1ServerOptions = {},
  ) => {
    const { server } = given(request, options)
    if (server.respond(response)) {
      server.sendBody(latin1(body))
      server.endBody([])
    }
    return { answer: sent(server), finished: server.finished }
  }

  test('to HEAD, and with 304, a length but no body (RFC 9112 section 6.3)', () => {
    const head = answer('HEAD / HTTP/1.1\r\nHost: b\r\n\r\n', OK)
    assert.deepEqual(head, { answer: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n', finished: false })
    assert.equal(answer(GET, { ...OK, status: 304 }).answer, 'HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n')
    assert.equal(
      answer('HEAD / HTTP/1.1\r\nHost: b\r\n\r\n', { ...OK, body: 'chunked' }).answer,
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    )
    assert.equal(answer('HEAD / HTTP/1.1\r\nHost: b\r\n\r\n', { ...OK, body: 'until-close' }).finished, false)
  })

  test('204 has neither (RFC 9110 section 8.6)', () => {
    assert.equal(answer(GET, { status: 204, fields: [], body: 0 }).answer, 'HTTP/1.1 204 No Content\r\n\r\n')
  })

  test('an empty body has a length', () => {
    assert.equal(answer(GET, { ...OK, body: 0 }).answer, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  })

  test('chunks, with trailers', () => {
    const { server } = given(GET)
    server.respond({ ...OK, body: 'chunked' })
    server.sendBody(latin1('Wikipedia in chunks'))
    server.sendBody(latin1(''))
    server.sendBody(latin1('!'))
    server.endBody([{ name: 'X-Sum', value: '1' }])
    assert.equal(
      sent(server),
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n13\r\nWikipedia in chunks\r\n1\r\n!\r\n0\r\nX-Sum: 1\r\n\r\n',
    )
  })

  test('to HTTP/1.0 without keep-alive: closed after the response; no chunks', () => {
    const request = 'GET / HTTP/1.0\r\n\r\n'
    assert.deepEqual(answer(request, OK, 'ok'), {
      answer: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok',
      finished: true,
    })
    assert.deepEqual(answer(request, { ...OK, body: 'chunked' }, 'ok'), {
      answer: 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok',
      finished: true,
    })
  })

  test('to HTTP/1.0 with keep-alive: kept, when the length is known', () => {
    const request = 'GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n'
    assert.deepEqual(answer(request, OK, 'ok'), {
      answer: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok',
      finished: false,
    })
    assert.ok(answer(request, { ...OK, body: 'chunked' }, 'ok').finished)
  })

  test('the end of the connection, by the client, by the server, by one response, by its framing', () => {
    const close = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
    const empty = { ...OK, body: 0 }
    assert.deepEqual(answer('GET / HTTP/1.1\r\nHost: b\r\nConnection: x, Close\r\n\r\n', empty), {
      answer: close,
      finished: true,
    })
    assert.deepEqual(answer(GET, empty, '', { keepAlive: false }), { answer: close, finished: true })
    assert.deepEqual(answer(GET, { ...empty, close: true }), { answer: close, finished: true })
    assert.deepEqual(answer(GET, { ...OK, body: 'until-close' }, 'ok'), {
      answer: 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok',
      finished: true,
    })
  })

  test('behind the last request and the last response nothing is read or answered (RFC 9112 section 9.6)', () => {
    const { events } = given(`GET / HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n${GET}`)
    assert.deepEqual(types(events), ['request', 'end', 'closed'])
    const { server } = given(GET + GET + GET)
    assert.equal(server.unanswered, 3)
    server.respond({ ...OK, body: 0, close: true })
    assert.equal(server.unanswered, 0)
    assert.ok(server.finished)
    server.handle(latin1(GET))
    assert.deepEqual(told(server), [{ type: 'closed', error: undefined, broken: undefined }])
  })

  test('pipelined requests are answered in their order', () => {
    const { server, events } = given(
      'GET /1 HTTP/1.1\r\nHost: b\r\n\r\nHEAD /2 HTTP/1.1\r\nHost: b\r\n\r\nGET /3 HTTP/1.1\r\nHost: b\r\n\r\n',
    )
    assert.deepEqual(
      events.flatMap((event) => (event.type === 'request' ? [event.target] : [])),
      ['/1', '/2', '/3'],
    )
    for (const body of ['a', 'b', 'c']) {
      if (!server.respond({ ...OK, body: 1 })) continue
      server.sendBody(latin1(body))
      server.endBody()
    }
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n'
    assert.equal(sent(server), `${head}a${head}${head}c`)
  })

  test('a head goes out together with the beginning of its body, a long body without a copy', () => {
    const { server } = given(GET)
    const body = new Uint8Array(65_536).fill(46)
    server.respond({ ...OK, body: body.length })
    server.sendBody(body)
    server.endBody()
    const first = server.pollTransmit()
    const second = server.pollTransmit()
    assert.equal(first?.length, 2048)
    assert.equal(second?.buffer, body.buffer)
    assert.equal(first.length + second.length, 'HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n'.length + 65_536)
    assert.equal(server.pollTransmit(), undefined)
  })
})

describe('Expect: 100-continue (RFC 9110 section 10.1.1)', () => {
  const expecting = 'POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n'

  test('the body is asked for, and comes', () => {
    const { server, events } = given(expecting)
    assert.equal(events[0].type === 'request' && events[0].expectsContinue, true)
    server.sendContinue()
    assert.equal(sent(server), 'HTTP/1.1 100 Continue\r\n\r\n')
    assert.throws(() => server.sendContinue(), LocalProtocolError)
    server.handle(latin1('hi'))
    assert.deepEqual(types(told(server)), ['body', 'end'])
    server.respond({ ...OK, body: 0 })
    assert.equal(sent(server), 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  })

  test('a final answer instead ends the connection, for the body may come or not', () => {
    const { server } = given(expecting)
    server.respond({ status: 403, fields: [], body: 0 })
    assert.equal(sent(server), 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    assert.ok(server.finished)
    server.handle(latin1(`hi${GET}`))
    assert.deepEqual(told(server), [{ type: 'closed', error: undefined, broken: 1 }])
  })

  test('a client that does not wait is not told to go on', () => {
    const { server } = given(`${expecting}h`)
    assert.throws(() => server.sendContinue(), LocalProtocolError)
  })

  test('it means nothing in HTTP/1.0, and without a body', () => {
    for (const request of [
      'POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: b\r\nExpect: 100-continue\r\n\r\n',
    ]) {
      const [event] = given(request).events
      assert.equal(event.type === 'request' && event.expectsContinue, false)
    }
  })

  test('100 has its turn like every response', () => {
    const { server } = given(GET + expecting)
    assert.throws(() => server.sendContinue(), LocalProtocolError)
    server.respond({ ...OK, body: 0 })
    server.sendContinue()
    assert.match(sent(server), /200 OK[^]*100 Continue/)
  })
})

describe("the client's end of the stream", () => {
  test('between requests: nothing is left to do', () => {
    const { server } = given('')
    server.handleEnd()
    assert.deepEqual(told(server), [{ type: 'closed', error: undefined, broken: undefined }])
    assert.ok(server.finished)
  })

  test('behind a request: it is still answered (half-close)', () => {
    const { server } = given(GET)
    server.handleEnd()
    assert.deepEqual(types(told(server)), ['closed'])
    assert.equal(server.finished, false)
    server.respond({ ...OK, body: 0 })
    assert.ok(server.finished)
  })

  for (const part of [
    'G',
    'GET / HTTP/1.1\r\n',
    'GET / HTTP/1.1\r',
    'POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 9\r\n\r\nhi',
  ]) {
    test(`in the middle of a request: ${JSON.stringify(part.slice(-20))}`, () => {
      const { server } = given(part)
      server.handleEnd()
      const last = told(server).at(-1)
      assert.equal(last?.type === 'closed' && last.error?.code, 'incomplete')
      assert.match(sent(server), /^HTTP\/1\.1 400 /)
      assert.ok(server.finished)
    })
  }

  test('said twice, or before more bytes, changes nothing', () => {
    const { server } = given(GET)
    server.handleEnd()
    server.handleEnd()
    server.handle(latin1(GET))
    assert.equal(types(told(server)).filter((type) => type === 'closed').length, 1)
    assert.equal(server.unanswered, 1)
  })
})

describe('misuse throws, and changes nothing', () => {
  test('bodies that do not fit their length', () => {
    const { server } = given(GET)
    assert.throws(() => server.sendBody(latin1('x')), LocalProtocolError)
    server.respond(OK)
    assert.throws(() => server.respond(OK), LocalProtocolError)
    assert.throws(() => server.endBody(), LocalProtocolError)
    assert.throws(() => server.sendBody(latin1('toolong')), LocalProtocolError)
    server.sendBody(latin1('ok'))
    assert.throws(() => server.endBody([{ name: 'X', value: '' }]), LocalProtocolError)
    server.endBody()
    assert.equal(sent(server), 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  })

  test('statuses and fields', () => {
    const { server } = given(GET)
    for (const response of [
      { status: 100, fields: [], body: 0 },
      { status: 600, fields: [], body: 0 },
      { status: 204, fields: [], body: 1 },
      { status: 200, fields: [], body: 0.5 },
      { status: 200, fields: [{ name: 'Connection', value: 'x' }], body: 0 },
      { status: 200, fields: [{ name: 'content-length', value: '1' }], body: 0 },
    ]) {
      assert.throws(() => server.respond(response), LocalProtocolError)
    }
    assert.throws(() => server.respond({ ...OK, fields: [{ name: 'X', value: 'a\r\nb' }] }), RangeError)
    assert.equal(server.respond({ ...OK, body: 0 }), false)
    assert.equal(sent(server).match(/HTTP/g)?.length, 1)
  })
})
