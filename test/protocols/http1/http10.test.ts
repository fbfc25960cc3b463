import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Http1Client } from '../../../src/protocols/http1/client.ts'
import { LocalProtocolError } from '../../../src/protocols/http1/fault.ts'
import { Http1Server } from '../../../src/protocols/http1/server.ts'
import { latin1, sent, told, types } from './stream.ts'

const HOST = { name: 'Host', value: 'bob' }
const GET = { method: 'GET', target: '/', fields: [HOST], body: 0 }

describe('a server that speaks HTTP/1.0 (RFC 9112 appendix C.2)', () => {
  function asked(head: string, body: number | 'chunked' | 'until-close' = 2) {
    const server = new Http1Server({ version: '1.0' })
    server.handle(latin1(head))
    assert.deepEqual(types(told(server)).slice(0, 2), ['request', 'end'])
    assert.equal(server.respond({ status: 200, fields: [], body }), true)
    server.sendBody(latin1('ok'))
    server.endBody()
    return { server, answer: sent(server) }
  }

  test('says so, and closes behind its answer, also to a client of 1.1', () => {
    for (const version of ['1.0', '1.1']) {
      const { server, answer } = asked(`GET / HTTP/${version}\r\nHost: bob\r\n\r\n`)
      assert.equal(answer, 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok')
      assert.ok(server.finished, 'the connection is over')
    }
  })

  test('keeps the connection for a client that asks for it, where the length is known', () => {
    const { server, answer } = asked('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
    assert.equal(answer, 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok')
    assert.equal(server.finished, false)
  })

  test('knows no chunks: a body of unknown length goes on until the close', () => {
    const { server, answer } = asked('GET / HTTP/1.1\r\nHost: bob\r\nConnection: keep-alive\r\n\r\n', 'chunked')
    assert.equal(answer, 'HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nok')
    assert.ok(server.finished, 'the connection is over')
  })

  test('refuses a body in chunks with 501 (RFC 9112 section 6.1)', () => {
    const server = new Http1Server({ version: '1.0' })
    server.handle(latin1('POST / HTTP/1.1\r\nHost: bob\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'))
    assert.match(sent(server), /^HTTP\/1\.0 501 Not Implemented\r\n/)
  })

  test('tells nobody to go on (RFC 9110 section 10.1.1)', () => {
    const server = new Http1Server({ version: '1.0' })
    server.handle(latin1('POST / HTTP/1.1\r\nHost: bob\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n'))
    const [request] = told(server)
    assert.equal(request.type === 'request' && request.expectsContinue, false)
    assert.throws(() => {
      server.sendContinue()
    }, LocalProtocolError)
  })
})

describe('a client that speaks HTTP/1.0', () => {
  test('asks for nothing more than what it wants, and only once on a connection', () => {
    const client = new Http1Client({ version: '1.0', keepAlive: false })
    client.request(GET)
    assert.equal(sent(client), 'GET / HTTP/1.0\r\nHost: bob\r\n\r\n')
    assert.equal(client.canRequest, false)
    client.handle(latin1('HTTP/1.0 200 OK\r\n\r\nhello'))
    client.handleEnd()
    const events = told(client)
    assert.deepEqual(types(events), ['response', 'body', 'end', 'closed'])
    const last = events.at(-1)
    assert.equal(last?.type === 'closed' && last.error, undefined)
  })

  test('asks for the connection to be kept, and uses it again when the server agrees', () => {
    const client = new Http1Client({ version: '1.0' })
    client.request(GET)
    assert.equal(sent(client), 'GET / HTTP/1.0\r\nHost: bob\r\nConnection: keep-alive\r\n\r\n')
    client.handle(latin1('HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n'))
    assert.deepEqual(types(told(client)), ['response', 'end'])
    assert.ok(client.canRequest, 'the connection is kept')
    client.request(GET)
    client.handle(latin1('HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n'))
    assert.deepEqual(types(told(client)), ['response', 'end', 'closed'])
  })

  test('has no chunks to send', () => {
    const client = new Http1Client({ version: '1.0' })
    assert.throws(() => client.request({ ...GET, method: 'POST', body: 'chunked' }), LocalProtocolError)
  })

  test('and a server of 1.1 understand each other: a body that ends with the connection', () => {
    const client = new Http1Client({ version: '1.0', keepAlive: false })
    const server = new Http1Server()
    client.request(GET)
    server.handle(latin1(sent(client)))
    server.respond({ status: 200, fields: [], body: 'chunked' })
    server.sendBody(latin1('all of it'))
    server.endBody()
    client.handle(latin1(sent(server)))
    client.handleEnd()
    const body = told(client).find((event) => event.type === 'body')
    assert.equal(body?.text, 'all of it')
  })
})
