import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Http1Client } from '../../../src/protocols/http1/client.ts'
import { LocalProtocolError } from '../../../src/protocols/http1/fault.ts'
import { Http1Server } from '../../../src/protocols/http1/server.ts'
import { cut, latin1, sent, text, told, types } from './stream.ts'

/* RFC 9110 section 7.8, RFC 9112 section 9.8: another protocol on the connection. */

const HOST = { name: 'Host', value: 'bob' }
const ASK = 'GET /chat HTTP/1.1\r\nHost: bob\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'
const AGREE = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX: y\r\n\r\n'

describe('the client', () => {
  test('asks, hears 101, and gives what came behind it', () => {
    for (const lengths of [[1000], [1], [7, 3], [AGREE.length], [AGREE.length + 2]]) {
      const client = new Http1Client()
      assert.equal(client.upgrade({ target: '/chat', fields: [HOST], protocol: 'websocket' }), 1)
      assert.equal(sent(client), ASK)
      assert.equal(client.canRequest, false)
      let rest = ''
      let upgraded = 0
      for (const piece of cut(latin1(`${AGREE}abc`), lengths)) {
        if (upgraded > 0) {
          rest += text(piece)
          continue
        }
        client.handle(piece)
        for (const event of told(client)) {
          assert.equal(event.type, 'upgraded')
          if (event.type !== 'upgraded') continue
          upgraded++
          rest += text(event.rest)
          assert.deepEqual(event.fields.at(-1), { name: 'x', value: 'y' })
        }
      }
      assert.equal(upgraded, 1)
      assert.equal(rest, 'abc')
      assert.equal(client.canRequest, false)
      assert.equal(client.finished, false, 'the connection goes on')
      client.handleEnd()
      assert.deepEqual(told(client), [], 'it is another one’s business')
      assert.throws(() => client.request({ method: 'GET', target: '/', fields: [HOST], body: 0 }), LocalProtocolError)
    }
  })

  test('a server that does not agree answers, and HTTP goes on', () => {
    const client = new Http1Client()
    client.upgrade({ target: '/chat', fields: [HOST], protocol: 'websocket' })
    sent(client)
    assert.throws(() => client.request({ method: 'GET', target: '/', fields: [HOST], body: 0 }), LocalProtocolError)
    client.handle(latin1('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno'))
    assert.deepEqual(types(told(client)), ['informational', 'response', 'body', 'end'])
    assert.equal(client.canRequest, true)
    client.request({ method: 'GET', target: '/', fields: [HOST], body: 0 })
    client.handle(latin1('HTTP/1.1 101 Switching Protocols\r\n\r\n'))
    const [closed] = told(client)
    assert.ok(closed.type === 'closed' && closed.error?.code === 'malformed', 'nobody has asked this time')
  })

  test('101 to a request behind others is heard after their responses', () => {
    const client = new Http1Client()
    client.request({ method: 'GET', target: '/', fields: [HOST], body: 0 })
    client.upgrade({ target: '/chat', fields: [HOST], protocol: 'websocket' })
    client.handle(latin1(`HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n${AGREE}`))
    assert.deepEqual(types(told(client)), ['response', 'end', 'upgraded'])
  })

  test('101 to a request before it is a fault', () => {
    const client = new Http1Client()
    client.request({ method: 'GET', target: '/', fields: [HOST], body: 0 })
    client.upgrade({ target: '/chat', fields: [HOST], protocol: 'websocket' })
    client.handle(latin1(AGREE))
    assert.deepEqual(types(told(client)), ['closed'])
  })

  test('what may not be asked', () => {
    const client = new Http1Client()
    assert.throws(() => client.upgrade({ target: '/', fields: [], protocol: 'websocket' }), LocalProtocolError)
    const own = { name: 'Connection', value: 'x' }
    assert.throws(() => client.upgrade({ target: '/', fields: [HOST, own], protocol: 'websocket' }), LocalProtocolError)
    const old = new Http1Client({ version: '1.0' })
    assert.throws(() => old.upgrade({ target: '/', fields: [HOST], protocol: 'websocket' }), LocalProtocolError)
  })
})

describe('the server', () => {
  test('agrees with 101, and gives what came behind the request', () => {
    for (const lengths of [[1000], [1], [ASK.length + 1]]) {
      const server = new Http1Server()
      for (const piece of cut(latin1(`${ASK}GET / HT\0`), lengths)) server.handle(piece)
      assert.deepEqual(types(told(server)), ['request', 'end'], 'what follows is not read')
      assert.equal(server.canSwitchProtocols, true)
      assert.equal(text(server.switchProtocols('websocket', [{ name: 'X', value: 'y' }])), 'GET / HT\0')
      assert.equal(sent(server), AGREE)
      assert.equal(server.finished, false, 'the connection goes on')
      server.handle(latin1('not for HTTP'))
      server.handleEnd()
      assert.deepEqual(told(server), [])
    }
  })

  test('does not agree: what was pipelined behind it is read then', () => {
    const server = new Http1Server()
    server.handle(latin1(`${ASK}GET /next HTTP/1.1\r\nHost: bob\r\n\r\n`))
    server.handleEnd()
    assert.deepEqual(types(told(server)), ['request', 'end'])
    server.respond({ status: 426, fields: [{ name: 'Upgrade', value: 'websocket' }], body: 0 })
    assert.equal(
      sent(server),
      'HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 0\r\nConnection: Upgrade\r\n\r\n',
    )
    assert.deepEqual(types(told(server)), ['request', 'end', 'closed'])
    assert.equal(server.canSwitchProtocols, false)
    server.respond({ status: 200, fields: [], body: 0 })
    assert.match(sent(server), /^HTTP\/1.1 200 OK/)
  })

  test('nobody asks: 101 is a fault of ours', () => {
    const requests = [
      'GET / HTTP/1.1\r\nHost: bob\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: bob\r\nUpgrade: websocket\r\n\r\n',
      'GET / HTTP/1.0\r\nHost: bob\r\nUpgrade: websocket\r\nConnection: Upgrade, keep-alive\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: bob\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 5\r\n\r\nabc',
      'GET / HTTP/1.1\r\nHost: bob\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n',
    ]
    for (const request of requests) {
      const server = new Http1Server()
      server.handle(latin1(request))
      assert.equal(server.canSwitchProtocols, false, request)
      assert.throws(() => server.switchProtocols('websocket', []), LocalProtocolError)
    }
  })

  test('a request before it has to be answered first', () => {
    const server = new Http1Server()
    server.handle(latin1(`GET / HTTP/1.1\r\nHost: bob\r\n\r\n${ASK}`))
    assert.equal(server.canSwitchProtocols, false)
    server.respond({ status: 200, fields: [], body: 0 })
    assert.equal(server.canSwitchProtocols, true)
    server.switchProtocols('websocket', [])
    assert.match(sent(server), /200 OK[^]*101 Switching/)
  })
})
