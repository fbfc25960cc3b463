import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { chromium } from 'playwright-core'
import { WebSocket, WebSocketServer } from 'ws'
import type { ClientOptions, PerMessageDeflateOptions } from 'ws'
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/check/chromium.ts'
import { Http2Client } from '../../src/protocols/http2/client.ts'
import type { Http2ClientEvent } from '../../src/protocols/http2/event.ts'
import { WebSocketConnection } from '../../src/protocols/websocket/connection.ts'
import { judgeAnswer, openingFields } from '../../src/protocols/websocket/opening.ts'
import { credentialsOf } from '../protocols/tls/tls-pair.ts'
import { CLOSE, described, frame, framesOf, TEXT, utf8 } from '../protocols/websocket/frames.ts'
import { noise } from './body.ts'
import { pump } from './endpoint-socket.ts'
import { pemFolder } from './tls-peers.ts'
import { connectWebSocket, serveWebSockets, type Serving } from './websocket-ends.ts'

/*
 * Our ends of WebSocket and those of others: ws, Chromium, Node's http2.
 */

const DEFLATED: readonly (readonly [string, PerMessageDeflateOptions | false, string])[] = [
  ['without compression', false, ''],
  ['with permessage-deflate', { threshold: 0 }, 'permessage-deflate'],
  [
    'with all its parameters',
    {
      threshold: 0,
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
      serverMaxWindowBits: 10,
      clientMaxWindowBits: 9,
    },
    'permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=9',
  ],
]

/** Messages of all kinds and sizes. */
function samples(): (string | Buffer)[] {
  const alike = Array.from({ length: 20 }, (_, i) =>
    JSON.stringify({ type: 'said', room: 'lobby', id: i, text: 'Grüße, 世界 🌍' }),
  )
  return [
    '',
    'a',
    ...alike,
    'x'.repeat(125),
    'y'.repeat(126),
    Buffer.alloc(0),
    Buffer.alloc(65_536, 7),
    noise(70_000),
    'long '.repeat(60_000),
  ]
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
}

/** The next message of theirs, as we would send it. */
function next(socket: WebSocket): Promise<string | Buffer> {
  return new Promise((resolve, reject) => {
    const lost = (code: number): void => {
      reject(new Error(`closed: ${String(code)}`))
    }
    socket.once('close', lost)
    socket.once('message', (data: Buffer, isBinary) => {
      socket.off('close', lost)
      resolve(isBinary ? data : data.toString('utf8'))
    })
  })
}

function closing(socket: WebSocket): Promise<[number, string]> {
  return new Promise((resolve) => {
    socket.once('close', (code, reason) => {
      resolve([code, reason.toString()])
    })
  })
}

for (const tls of [false, true]) {
  const scheme = tls ? 'wss' : 'ws'
  describe(`ws as the client, ${tls ? 'with our TLS' : 'in the clear'}`, () => {
    const connect = (port: number, options: ClientOptions = {}, protocols: string[] = []): WebSocket =>
      new WebSocket(`${scheme}://127.0.0.1:${String(port)}/chat`, protocols, { rejectUnauthorized: false, ...options })
    const serving = (more: Serving = {}): Serving => ({ ...(tls ? { alpn: ['http/1.1'] } : {}), ...more })

    for (const [name, perMessageDeflate, extensions] of DEFLATED) {
      for (const fragmentSize of [Infinity, 1000]) {
        test(`${name}${fragmentSize === Infinity ? '' : ', in fragments'}: everything comes back`, async () => {
          const server = await serveWebSockets(
            serving({ policy: { deflate: {} }, settings: { fragmentSize, deflateThreshold: 1 } }),
          )
          const socket = connect(server.port, { perMessageDeflate })
          try {
            await opened(socket)
            assert.equal(server.talks[0].agreement.extensions, extensions)
            assert.equal(socket.extensions, extensions === '' ? '' : 'permessage-deflate')
            for (const message of samples()) {
              const back = next(socket)
              socket.send(message)
              const echoed = await back
              assert.ok(
                typeof message === 'string' ? echoed === message : message.equals(echoed as Buffer),
                `${String(message.length)} bytes`,
              )
            }
            const end = closing(socket)
            socket.close(1000, 'done')
            assert.deepEqual(await end, [1000, ''])
            assert.deepEqual(await server.talks[0].closed(), {
              type: 'closed',
              code: 1000,
              reason: 'done',
              clean: true,
              error: undefined,
            })
          } finally {
            socket.terminate()
            server.close()
          }
        })
      }
    }

    test('its fragments with Pings between them, our Ping, our Close', async () => {
      const server = await serveWebSockets(serving({ policy: { protocols: ['chat'] } }))
      const socket = connect(server.port, {}, ['superchat', 'chat'])
      try {
        await opened(socket)
        assert.equal(socket.protocol, 'chat')
        const back = next(socket)
        socket.send('one, ', { fin: false })
        socket.ping('between')
        socket.send('two, ', { fin: false })
        socket.send('three', { fin: true })
        assert.equal(await back, 'one, two, three')
        const pinged = new Promise((resolve) => socket.once('ping', resolve))
        socket.send('ping')
        assert.equal(String(await pinged), 'are you there')
        await server.talks[0].until((events) => events.some(({ type }) => type === 'pong'))
        const end = closing(socket)
        socket.send('close 3001 for a reason: Grüße')
        assert.deepEqual(await end, [3001, 'for a reason: Grüße'])
        assert.equal((await server.talks[0].closed()).code, 3001)
      } finally {
        socket.terminate()
        server.close()
      }
    })

    test('codes both ways, a client that is gone, a message over the limit', async () => {
      const server = await serveWebSockets(serving({ settings: { maxMessage: 1000 } }))
      try {
        for (const code of [1000, 1001, 1003, 1008, 1011, 1012, 1013, 1014, 3000, 4999]) {
          const socket = connect(server.port)
          await opened(socket)
          const end = closing(socket)
          socket.send(`close ${String(code)}`)
          assert.equal((await end)[0], code)
        }
        for (const code of [1000, 3999]) {
          const socket = connect(server.port)
          await opened(socket)
          socket.close(code)
          assert.equal((await server.talks.at(-1)?.closed())?.code, code)
        }
        const gone = connect(server.port)
        await opened(gone)
        gone.terminate()
        const lost = await server.talks.at(-1)?.closed()
        assert.ok(lost?.clean === false && lost.code === 1006, 'it was lost')
        const large = connect(server.port)
        await opened(large)
        const end = closing(large)
        large.send(Buffer.alloc(1001))
        assert.equal((await end)[0], 1009)
      } finally {
        server.close()
      }
    })
  })

  describe(`ws as the server, ${tls ? 'with our TLS' : 'in the clear'}`, () => {
    /** Their server, which sends everything back, or closes. */
    const serving = async (
      perMessageDeflate: PerMessageDeflateOptions | false,
      use: (port: number) => Promise<void>,
    ): Promise<void> => {
      const pem = pemFolder()
      const key = readFileSync(pem.file('ec-p256.pem'))
      const listener = tls ? https.createServer({ key, cert: key }) : undefined
      const handleProtocols = (protocols: Set<string>): string | false => protocols.has('chat') && 'chat'
      const theirs = new WebSocketServer({
        ...(listener ? { server: listener } : { port: 0 }),
        perMessageDeflate,
        handleProtocols,
      })
      theirs.on('connection', (socket) => {
        socket.on('message', (data: Buffer, isBinary) => {
          const close = isBinary ? null : /^close (\d+) ?(.*)$/.exec(data.length < 100 ? data.toString() : '')
          if (close === null) socket.send(data, { binary: isBinary })
          else socket.close(Number(close[1]), close[2])
        })
      })
      listener?.listen(0, '127.0.0.1')
      await new Promise((resolve) => (listener ?? theirs).once('listening', resolve))
      try {
        await use(((listener ?? theirs).address() as AddressInfo).port)
      } finally {
        for (const socket of theirs.clients) socket.terminate()
        theirs.close()
        listener?.close()
        pem.remove()
      }
    }

    for (const [name, perMessageDeflate] of DEFLATED) {
      test(`${name}: everything comes back`, async () => {
        await serving(perMessageDeflate, async (port) => {
          for (const fragmentSize of [Infinity, 1000]) {
            const wish = { protocols: ['chat'], deflate: [{ clientMaxWindowBits: true } as const] }
            const talk = await connectWebSocket(port, { tls, wish, settings: { fragmentSize, deflateThreshold: 1 } })
            assert.equal(talk.agreement.protocol, 'chat')
            assert.equal(talk.agreement.deflate === undefined, perMessageDeflate === false)
            const sent = samples()
            for (const message of sent) {
              talk.do((socket) => {
                if (typeof message === 'string') socket.sendText(utf8(message))
                else socket.sendBinary(new Uint8Array(message))
              })
            }
            talk.do((socket) => {
              socket.ping(utf8('p'))
            })
            const messages = await talk.messages(sent.length)
            for (const [i, { opcode, bytes }] of messages.entries()) {
              const message = sent[i]
              assert.equal(opcode, typeof message === 'string' ? 'text' : 'binary')
              assert.ok(Buffer.from(message).equals(bytes), `message ${String(i)}`)
            }
            await talk.until((events) => events.some(({ type }) => type === 'pong'))
            talk.do((socket) => {
              socket.close(1000, 'done')
            })
            const end = await talk.closed()
            assert.deepEqual([end.code, end.clean, end.error], [1000, true, undefined])
          }
        })
      })
    }

    test('its Close, with code and reason', async () => {
      await serving(false, async (port) => {
        for (const [code, reason] of [
          [1001, 'going'],
          [3001, 'Grüße'],
          [4999, ''],
        ] as const) {
          const talk = await connectWebSocket(port, { tls })
          talk.do((socket) => {
            socket.sendText(utf8(`close ${String(code)} ${reason}`))
          })
          const end = await talk.closed()
          assert.deepEqual([end.code, end.reason, end.clean], [code, reason, true])
        }
      })
    })
  })
}

test('a plain web server is none of WebSocket', async () => {
  const plain = net.createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => {
      socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')
    })
  })
  await new Promise<void>((done) => plain.listen(0, '127.0.0.1', done))
  try {
    await assert.rejects(connectWebSocket((plain.address() as AddressInfo).port), /answered 404/)
  } finally {
    plain.close()
  }
})

describe('Node’s http2, RFC 8441', () => {
  test('as the client', async () => {
    const server = await serveWebSockets({ alpn: ['h2'], policy: { protocols: ['chat'] } })
    const session = http2.connect(`https://127.0.0.1:${String(server.port)}`, { rejectUnauthorized: false })
    try {
      await new Promise((resolve) => session.once('remoteSettings', resolve))
      assert.equal(session.remoteSettings.enableConnectProtocol, true)
      const stream = session.request({
        ':method': 'CONNECT',
        ':protocol': 'websocket',
        ':path': '/chat',
        'sec-websocket-version': '13',
        'sec-websocket-protocol': 'chat',
      })
      const headers = await new Promise<http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader>((resolve) => {
        stream.once('response', resolve)
      })
      assert.equal(headers[':status'], 200)
      assert.equal(headers['sec-websocket-protocol'], 'chat')
      const heard: Buffer[] = []
      stream.on('data', (bytes: Buffer) => heard.push(bytes))
      stream.write(frame(TEXT, 'Hello', [1, 2, 3, 4]))
      stream.write(frame(CLOSE, Uint8Array.of(3, 232), [1, 2, 3, 4]))
      await new Promise((resolve) => stream.once('end', resolve))
      assert.deepEqual(framesOf(Buffer.concat(heard)).map(described), ['text "Hello"', 'close 1000'])
      assert.equal((await server.talks[0].closed()).clean, true)
      stream.end()
    } finally {
      session.destroy()
      server.close()
    }
  })

  test('as the server', async () => {
    const theirs = http2.createServer({ settings: { enableConnectProtocol: true } })
    theirs.on('stream', (stream, headers) => {
      stream.on('error', () => undefined)
      assert.equal(headers[':protocol'], 'websocket')
      stream.respond({ ':status': 200 })
      stream.on('data', (bytes: Buffer) => {
        for (const { first, payload } of framesOf(bytes)) stream.write(frame(first, payload))
      })
      stream.on('end', () => stream.end())
    })
    await new Promise<void>((done) => theirs.listen(0, '127.0.0.1', done))
    const socket = net.connect((theirs.address() as AddressInfo).port, '127.0.0.1')
    const client = new Http2Client()
    const end = new WebSocketConnection({ role: 'client', maskKey: () => 0x37fa213d })
    try {
      const told = await new Promise<string[]>((resolve, reject) => {
        socket.once('error', reject)
        let stream = 0
        const heard: string[] = []
        const send = (): void => {
          for (let bytes = end.pollTransmit(0); bytes; bytes = end.pollTransmit(0)) client.sendBody(stream, bytes)
          for (let event = end.pollEvent(); event; event = end.pollEvent()) heard.push(event.type)
        }
        pump<Http2ClientEvent>(client, socket, (event) => {
          if (event.type === 'settings' && stream === 0) {
            assert.equal(event.settings.enableConnectProtocol, true)
            const request = { method: 'CONNECT', protocol: 'websocket', scheme: 'http', authority: 'bob', path: '/' }
            stream = client.request({ ...request, fields: openingFields({}), body: 'unknown' })
          } else if (event.type === 'response') {
            assert.equal(judgeAnswer(event, {}).accepted, true)
            end.sendText(utf8('Hello'))
            end.close(1000)
            send()
          } else if (event.type === 'data') {
            end.handle(event.bytes, 0)
            send()
            if (heard.at(-1) === 'close') client.endBody(stream)
          } else if (event.type === 'end') {
            end.handleEnd(0)
            send()
            resolve(heard)
          }
        })
      })
      assert.deepEqual(told, ['message', 'close', 'closed'])
    } finally {
      socket.destroy()
      theirs.close()
    }
  })
})

describe('Chromium’s own WebSocket', () => {
  const CASES: readonly (readonly [string, Serving, string])[] = [
    ['in the clear', {}, 'HTTP/1.1'],
    ['with our TLS', { alpn: ['http/1.1'] }, 'HTTP/1.1'],
    ['over HTTP/2', { alpn: ['h2', 'http/1.1'] }, 'HTTP/2'],
  ]
  for (const [name, serving, carrier] of CASES) {
    for (const deflate of [undefined, {}, { serverMaxWindowBits: 9, clientMaxWindowBits: 10, clientNoContextTakeover: true }]) {
      test(`${name}, ${deflate === undefined ? 'without compression' : `compressed: ${JSON.stringify(deflate)}`}`, async () => {
        const program = await findChromium()
        assert.ok(program !== undefined, 'no Chromium: name one in CHROMIUM')
        const policy = { protocols: ['chat'], ...(deflate === undefined ? {} : { deflate }) }
        const server = await serveWebSockets({ ...serving, policy, settings: { fragmentSize: 5000, deflateThreshold: 1 } })
        const [certificate] = credentialsOf().chain
        const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' })
        const pin = createHash('sha256').update(key).digest('base64')
        const args = [...CHROMIUM_FLAGS, `--ignore-certificate-errors-spki-list=${pin}`]
        const browser = await chromium.launch({ executablePath: program, args })
        try {
          const page = await browser.newPage()
          await page.goto(`${serving.alpn ? 'https' : 'http'}://127.0.0.1:${String(server.port)}/`)
          const seen = await page.evaluate(async () => {
            const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/chat`, ['other', 'chat'])
            socket.binaryType = 'arraybuffer'
            await new Promise((resolve, reject) => {
              socket.onopen = resolve
              socket.onerror = () => {
                reject(new Error('it did not open'))
              }
            })
            const { protocol, extensions } = socket
            const messages = ['', 'Grüße, 世界 🌍', 'words and words '.repeat(20_000), new Uint8Array(70_000).fill(9).buffer]
            const results: boolean[] = []
            for (const message of messages) {
              const back = new Promise<unknown>((resolve) => {
                socket.onmessage = ({ data }) => {
                  resolve(data)
                }
              })
              socket.send(message)
              const echoed = await back
              results.push(
                typeof message === 'string' ? echoed === message : (echoed as ArrayBuffer).byteLength === message.byteLength,
              )
            }
            const closed = new Promise<{ code: number; reason: string; wasClean: boolean }>((resolve) => {
              socket.onclose = (event) => {
                resolve(event)
              }
            })
            socket.send('close 3001 Grüße')
            const { code, reason, wasClean } = await closed
            return { protocol, extensions, results, code, reason, wasClean }
          })
          assert.deepEqual(seen, {
            protocol: 'chat',
            extensions: server.talks[0].agreement.extensions,
            results: [true, true, true, true],
            code: 3001,
            reason: 'Grüße',
            wasClean: true,
          })
          assert.equal(server.talks[0].carrier, carrier)
          assert.equal(seen.extensions === '', deflate === undefined)
          assert.equal((await server.talks[0].closed()).clean, true)
        } finally {
          await browser.close()
          server.close()
        }
      })
    }
  }
})
