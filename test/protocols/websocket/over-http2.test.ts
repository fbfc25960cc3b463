import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Http2Client } from '../../../src/protocols/http2/client.ts'
import type { Http2ClientEvent, Http2ServerEvent } from '../../../src/protocols/http2/event.ts'
import { Http2Server } from '../../../src/protocols/http2/server.ts'
import { LocalProtocolError } from '../../../src/protocols/local-protocol-error.ts'
import { judgeAnswer, judgeConnect, openingFields } from '../../../src/protocols/websocket/opening.ts'
import { clientOf, joined, sent, serverOf, tells, utf8 } from './frames.ts'

/* RFC 8441: WebSocket on a stream of HTTP/2, beside others. */

const CONNECT = {
  method: 'CONNECT',
  protocol: 'websocket',
  scheme: 'https',
  authority: 'bob',
  path: '/chat',
  body: 'unknown',
} as const

/** A client and a server that have told each other their settings. */
function joinedPair(enableConnectProtocol: boolean) {
  const client = new Http2Client()
  const server = new Http2Server({ settings: { enableConnectProtocol } })
  const exchange = (): { toClient: Http2ClientEvent[]; toServer: Http2ServerEvent[] } => {
    const all = { toClient: [] as Http2ClientEvent[], toServer: [] as Http2ServerEvent[] }
    for (let moved = true; moved;) {
      moved = false
      for (let piece = client.pollTransmit(0); piece; piece = client.pollTransmit(0)) {
        server.handle(Uint8Array.from(piece), 0)
        moved = true
      }
      for (let piece = server.pollTransmit(0); piece; piece = server.pollTransmit(0)) {
        client.handle(Uint8Array.from(piece), 0)
        moved = true
      }
    }
    for (let event = client.pollEvent(); event; event = client.pollEvent()) all.toClient.push(event)
    for (let event = server.pollEvent(); event; event = server.pollEvent()) all.toServer.push(event)
    return all
  }
  return { client, server, exchange }
}

const dataOf = (events: readonly (Http2ClientEvent | Http2ServerEvent)[]): Uint8Array =>
  joined(events.flatMap((event) => (event.type === 'data' ? [event.bytes] : [])))

describe('extended CONNECT', () => {
  test('section 3: without the server’s word for it, it is a fault of ours', () => {
    const { client, exchange } = joinedPair(false)
    exchange()
    assert.equal(client.peerSettings.enableConnectProtocol, false)
    assert.throws(() => client.request({ ...CONNECT, fields: openingFields({}) }), LocalProtocolError)
  })

  test('section 5.1: opening, messages both ways, closing; the stream ends, the connection goes on', () => {
    const { client, server, exchange } = joinedPair(true)
    exchange()
    assert.equal(client.peerSettings.enableConnectProtocol, true)
    const wish = { protocols: ['chat'], deflate: [{}] }
    const stream = client.request({ ...CONNECT, fields: openingFields(wish) })
    const [request] = exchange().toServer
    assert.ok(request.type === 'request', 'the server is asked')
    assert.deepEqual(
      [request.method, request.protocol, request.scheme, request.path, request.authority],
      ['CONNECT', 'websocket', 'https', '/chat', 'bob'],
    )
    const judgement = judgeConnect(request, { protocols: ['chat'], deflate: {} })
    assert.ok(judgement.accepted, 'it agrees')
    assert.equal(server.respond(stream, { status: 200, fields: judgement.fields, body: 'unknown' }), true)
    const [response] = exchange().toClient
    assert.ok(response.type === 'response', 'the client is answered')
    const answer = judgeAnswer(response, wish)
    assert.ok(answer.accepted, 'it takes the answer')
    assert.deepEqual(answer.agreement, judgement.agreement)

    const theirs = clientOf({}, answer.agreement.deflate)
    const ours = serverOf({}, judgement.agreement.deflate)
    const long = utf8('The same words again. '.repeat(5000))
    theirs.sendText(long)
    theirs.ping(utf8('p'))
    client.sendBody(stream, sent(theirs))
    ours.handle(dataOf(exchange().toServer), 0)
    assert.deepEqual(tells(ours), [`ping "p"`, `text "${Buffer.from(long).toString()}"`])
    ours.sendText(utf8('yes'))
    ours.close(1000)
    server.sendBody(stream, sent(ours))
    theirs.handle(dataOf(exchange().toClient), 0)
    assert.deepEqual(tells(theirs), ['pong "p"', 'text "yes"', 'close 1000'])
    client.sendBody(stream, sent(theirs))
    ours.handle(dataOf(exchange().toServer), 0)
    assert.deepEqual(tells(ours), ['close 1000', 'closed 1000 clean'])
    server.endBody(stream)
    const end = exchange().toClient.find(({ type }) => type === 'end')
    assert.ok(end, 'END_STREAM stands for the end of the stream of bytes')
    theirs.handleEnd(0)
    assert.deepEqual(tells(theirs), ['closed 1000 clean'])
    client.endBody(stream)
    exchange()
    assert.equal(client.openStreams + server.openStreams, 0)
    assert.equal(client.canRequest, true)
    assert.equal(server.finished, false)
  })

  test('section 5: a stream that is reset is a connection that was lost', () => {
    const { client, server, exchange } = joinedPair(true)
    exchange()
    const stream = client.request({ ...CONNECT, fields: openingFields({}) })
    exchange()
    server.respond(stream, { status: 200, fields: [], body: 'unknown' })
    exchange()
    const theirs = clientOf()
    server.cancel(stream)
    const [reset] = exchange().toClient
    assert.ok(reset.type === 'reset' && reset.error.code === 'CANCEL', 'it was reset')
    theirs.handleEnd(0)
    assert.deepEqual(tells(theirs), ['closed 1006 for 1006'])
  })

  test('a server that does not agree answers like to any request', () => {
    const { client, server, exchange } = joinedPair(true)
    exchange()
    const stream = client.request({ ...CONNECT, fields: [] })
    const [request] = exchange().toServer
    assert.ok(request.type === 'request', 'the server is asked')
    const judgement = judgeConnect(request)
    assert.ok(!judgement.accepted, 'no version')
    server.respond(stream, { status: judgement.status, fields: judgement.fields, body: 0 })
    const events = exchange().toClient
    assert.deepEqual(
      events.map(({ type }) => type),
      ['response', 'end'],
    )
  })
})
