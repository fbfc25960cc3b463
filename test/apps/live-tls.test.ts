import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LiveServer } from '../../src/apps/live/live-server.ts'
import { decodeServerMessage, encodeMessage } from '../../src/apps/live/messages.ts'
import type { SecureStream } from '../../src/apps/secure-stream.ts'
import type { AppContext, Blocking } from '../../src/host/socket.ts'
import { Http2Client } from '../../src/protocols/http2/client.ts'
import type { Http2ClientEvent } from '../../src/protocols/http2/event.ts'
import { WebSocketConnection } from '../../src/protocols/websocket/connection.ts'
import { openingFields } from '../../src/protocols/websocket/opening.ts'
import { World } from '../host/world.ts'
import { asks, secureClient, serverTls } from './secure.ts'

const MS = 1e6
const S = 1e9

type Options = ConstructorParameters<typeof LiveServer>[0]

function lab(options: Options, ...clients: ((context: AppContext) => Blocking<void>)[]): World {
  return new World({
    hosts: {
      alice: { apps: clients },
      bob: { apps: [new LiveServer({ tls: serverTls({ plain: 'off' }), ...options })] },
    },
    links: [{ between: ['alice 10.0.0.1/24', 'bob 10.0.0.2/24'], delay: 5 * MS }],
  })
}

function sound(world: World): World {
  for (const name of ['app:failed', 'tls:failed']) assert.deepEqual(world.happened(name), [])
  return world
}

const REQUEST = { scheme: 'https', authority: 'bob', fields: [] } as const

/** Speaks HTTP/2 until it is told that that is enough. */
function* speak(
  stream: SecureStream,
  context: AppContext,
  client: Http2Client,
  take: (event: Http2ClientEvent) => boolean,
): Blocking<void> {
  for (;;) {
    const { now } = context.environment
    for (let piece = client.pollTransmit(now); piece !== undefined; piece = client.pollTransmit(now)) yield* stream.write(piece)
    const bytes = yield* stream.read()
    if (bytes === undefined) return
    client.handle(bytes, context.environment.now)
    for (let event = client.pollEvent(); event !== undefined; event = client.pollEvent()) if (take(event)) return
  }
}

describe('a live server under TLS', () => {
  test('answers over HTTP/1.1', () => {
    const heard: string[] = []
    sound(lab({}, secureClient(asks('GET /news HTTP/1.1\r\nHost: bob\r\nConnection: close\r\n\r\n', heard))).run(10 * S))
    assert.match(heard[0], /^HTTP\/1\.1 200 [^]*\{"last":0,"messages":\[\]\}$/)
  })

  test('over HTTP/2 an event stream and polls share a connection', () => {
    const streams = new Map<number, string>()
    const world = lab(
      { news: { interval: S, size: 50 } },
      secureClient(
        function* (stream, context) {
          const client = new Http2Client()
          for (const path of ['/events', '/poll']) client.request({ ...REQUEST, method: 'GET', path, body: 0 })
          const texts = (): string[] => [...streams.values()]
          yield* speak(stream, context, client, (event) => {
            if (event.type !== 'data') return false
            streams.set(event.stream, (streams.get(event.stream) ?? '') + Buffer.from(event.bytes).toString('latin1'))
            return (texts()[0]?.split('id: ').length ?? 0) > 3
          })
          stream.close()
        },
        { alpn: ['h2'] },
      ),
    ).run(20 * S)
    sound(world)
    const [first, second] = [...streams].sort(([a], [b]) => a - b).map(([, text]) => text)
    assert.match(first, /^retry: 3000\n\nid: [0-9]+\ndata: \{"type":"news"/)
    assert.equal((JSON.parse(second) as { messages: unknown[] }).messages.length, 1)
    assert.equal(world.happened('sse:closed').length, 1)
  })

  test('WebSocket runs on a stream of HTTP/2 (RFC 8441)', () => {
    const heard: unknown[] = []
    const world = lab(
      {},
      secureClient(
        function* (stream, context) {
          const client = new Http2Client()
          const ws = new WebSocketConnection({ role: 'client', maskKey: () => context.environment.random('mask').uint32() })
          let id = 0
          const pass = (): void => {
            const { now } = context.environment
            for (let piece = ws.pollTransmit(now); piece !== undefined; piece = ws.pollTransmit(now)) client.sendBody(id, piece)
          }
          yield* speak(stream, context, client, (event) => {
            if (event.type === 'settings') {
              const fields = openingFields({})
              id = client.request({
                ...REQUEST,
                method: 'CONNECT',
                protocol: 'websocket',
                path: '/live',
                fields,
                body: 'unknown',
              })
            } else if (event.type === 'response') {
              heard.push(event.status)
              ws.sendText(encodeMessage({ type: 'hello', room: 'lobby', last: 0, session: '' }))
              ws.sendText(encodeMessage({ type: 'say', room: 'lobby', key: 'k', text: 'over h2', sentAt: 0 }))
              pass()
            } else if (event.type === 'data') {
              ws.handle(event.bytes, context.environment.now)
              for (let told = ws.pollEvent(); told !== undefined; told = ws.pollEvent())
                if (told.type === 'message') heard.push(decodeServerMessage(told.bytes).type)
              pass()
            }
            return heard.includes('said') && heard.includes('ack')
          })
          stream.close()
        },
        { alpn: ['h2'] },
      ),
    ).run(20 * S)
    sound(world)
    assert.deepEqual(heard.slice(0, 2), [200, 'welcome'])
    assert.deepEqual(new Set(heard.slice(2)), new Set(['ack', 'said']))
    assert.equal(world.happened('websocket:opened')[0].data['version'], 'HTTP/2')
    assert.equal(world.happened('websocket:closed').length, 1)
  })
})
