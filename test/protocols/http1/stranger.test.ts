import assert from 'node:assert/strict'
import { createServer, request as httpRequest, Agent } from 'node:http'
import type { IncomingMessage, RequestListener } from 'node:http'
import { connect, createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { Http1Client } from '../../../src/protocols/http1/client.ts'
import type { Http1Request } from '../../../src/protocols/http1/client.ts'
import { Http1Server } from '../../../src/protocols/http1/server.ts'
import type { BodyFraming } from '../../../src/protocols/http1/framing.ts'
import { latin1, told } from './stream.ts'
import type { Told } from './stream.ts'

/** Writes all that an endpoint wants to send. */
function drain(endpoint: Http1Client | Http1Server, socket: Socket): void {
  for (let piece = endpoint.pollTransmit(); piece; piece = endpoint.pollTransmit()) socket.write(piece)
}

/** Listens on a port of its own until the test is over, passed or failed. */
async function listening(t: TestContext, server: Server): Promise<number> {
  const open = new Set<Socket>()
  server.on('connection', (socket) => open.add(socket))
  t.after(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** Our server on a real socket: echoes bodies, framed as the path says. */
async function ours(t: TestContext): Promise<number> {
  const framings: Record<string, (body: string) => BodyFraming> = {
    '/length': (body) => body.length,
    '/chunks': () => 'chunked',
    '/close': () => 'until-close',
  }
  const server = createTcpServer((socket) => {
    const http = new Http1Server()
    const bodies = new Map<number, string>()
    const targets = new Map<number, string>()
    socket.on('data', (bytes) => {
      http.handle(bytes)
      for (let event = http.pollEvent(); event; event = http.pollEvent()) {
        if (event.type === 'request') {
          targets.set(event.id, event.target)
          if (event.expectsContinue) http.sendContinue()
        }
        if (event.type === 'data')
          bodies.set(event.id, (bodies.get(event.id) ?? '') + Buffer.from(event.bytes).toString('latin1'))
        if (event.type === 'end') {
          const body = bodies.get(event.id) ?? 'nothing'
          const framing = framings[targets.get(event.id) ?? ''](body)
          if (http.respond({ status: 200, fields: [{ name: 'X-Path', value: targets.get(event.id) ?? '' }], body: framing })) {
            http.sendBody(latin1(body))
            http.endBody(framing === 'chunked' ? [{ name: 'X-Length', value: String(body.length) }] : [])
          }
        }
      }
      drain(http, socket)
      if (http.finished) socket.end()
    })
  })
  return listening(t, server)
}

/** Node's client asks for this. */
function ask(
  port: number,
  agent: Agent,
  method: string,
  path: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<{ message: IncomingMessage; text: string; localPort: number | undefined }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port, host: '127.0.0.1', method, path, agent, headers }, (message) => {
      let text = ''
      const { localPort } = message.socket
      message.setEncoding('latin1')
      message.on('data', (part: string) => (text += part))
      message.on('end', () => {
        resolve({ message, text, localPort })
      })
    })
    request.on('error', reject)
    if (headers['Expect'] === undefined) request.end(body)
    else request.on('continue', () => request.end(body))
  })
}

describe("Node's client and our server", () => {
  test('bodies of every framing, both ways, on one connection', async (t) => {
    const port = await ours(t)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const sockets = new Set<unknown>()
    const long = 'lorem ipsum '.repeat(20_000)
    for (const [method, path, body, expected] of [
      ['GET', '/length', '', 'nothing'],
      ['HEAD', '/length', '', ''],
      ['POST', '/length', 'hello', 'hello'],
      ['POST', '/chunks', long, long],
      ['HEAD', '/chunks', '', ''],
      ['POST', '/close', long, long],
    ] as const) {
      const { message, text, localPort } = await ask(
        port,
        agent,
        method,
        path,
        body,
        path === '/chunks' ? { 'Transfer-Encoding': 'chunked' } : {},
      )
      assert.equal(message.statusCode, 200)
      assert.equal(message.headers['x-path'], path)
      assert.equal(text, expected)
      if (path === '/chunks' && method === 'POST') assert.equal(message.trailers['x-length'], String(long.length))
      sockets.add(localPort)
    }
    assert.equal(sockets.size, 1)
    agent.destroy()
  })

  test('Expect: 100-continue', async (t) => {
    const port = await ours(t)
    const agent = new Agent({ keepAlive: false })
    const { text } = await ask(port, agent, 'POST', '/length', 'hello', { Expect: '100-continue', 'Content-Length': '5' })
    assert.equal(text, 'hello')
  })
})

/** What our client tells of Node's server, until everything is answered. */
function tell(port: number, requests: readonly (Http1Request & { content?: string })[]): Promise<Told[]> {
  return new Promise((resolve, reject) => {
    const client = new Http1Client()
    const events: Told[] = []
    const socket = connect(port, '127.0.0.1', () => {
      for (const request of requests) {
        client.request(request)
        if (request.body === 0) continue
        client.sendBody(latin1(request.content ?? ''))
        client.endBody()
      }
      drain(client, socket)
    })
    const finish = (): void => {
      told(client, events)
      if (client.pending > 0 && !client.finished) return
      socket.destroy()
      resolve(events)
    }
    socket.on('data', (bytes) => {
      client.handle(bytes)
      finish()
    })
    socket.on('end', () => {
      client.handleEnd()
      finish()
    })
    socket.on('error', reject)
  })
}

describe("our client and Node's server", () => {
  const HOST = [{ name: 'Host', value: 'localhost' }]
  const get = (target: string): Http1Request => ({ method: 'GET', target, fields: HOST, body: 0 })

  test('pipelined requests, answered with every framing', async (t) => {
    const listener: RequestListener = (request, response) => {
      let body = ''
      request.setEncoding('latin1')
      request.on('data', (part: string) => (body += part))
      request.on('end', () => {
        if (request.url === '/204') response.writeHead(204).end()
        else if (request.url === '/hints') {
          response.writeEarlyHints({ link: '</x>' })
          response.end('hints')
        } else if (request.url === '/chunks') {
          if (request.method === 'GET') response.setHeader('Trailer', 'X-Sum')
          for (const part of ['a', 'bc', 'x'.repeat(100_000)]) response.write(part)
          if (request.method === 'GET') response.addTrailers({ 'X-Sum': '7' })
          response.end()
        } else response.setHeader('Content-Length', body.length).end(body)
      })
    }
    const port = await listening(t, createServer(listener))
    const content = 'y'.repeat(50_000)
    const events = await tell(port, [
      get('/204'),
      get('/chunks'),
      { ...get('/chunks'), method: 'HEAD' },
      get('/hints'),
      { ...get('/echo'), method: 'POST', body: content.length, content },
      { ...get('/echo'), method: 'PUT', body: 'chunked', content },
    ])
    const bodies = events.flatMap((event) => (event.type === 'body' ? [`${String(event.id)} ${String(event.text.length)}`] : []))
    assert.deepEqual(bodies, ['2 100003', '4 5', '5 50000', '6 50000'])
    const statuses = events.flatMap((event) => (event.type === 'response' ? [event.status] : []))
    assert.deepEqual(statuses, [204, 200, 200, 200, 200, 200])
    assert.equal(events.filter(({ type }) => type === 'informational').length, 1)
    const trailers = events.flatMap((event) => (event.type === 'end' ? event.trailers : []))
    assert.deepEqual(trailers, [{ name: 'x-sum', value: '7' }])
  })

  test('the close is announced, and comes', async (t) => {
    const listener: RequestListener = (_request, response) => {
      response.setHeader('Connection', 'close').end('bye')
    }
    const port = await listening(t, createServer(listener))
    const events = await tell(port, [get('/'), get('/')])
    const last = events.at(-1)
    assert.deepEqual(last, { type: 'closed', error: undefined, broken: undefined, unanswered: [2] })
  })
})
