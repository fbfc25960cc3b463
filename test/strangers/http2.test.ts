import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http2 from 'node:http2'
import net from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { Http2Client } from '../../src/protocols/http2/client.ts'
import type { Http2ClientEvent, Http2ServerEvent } from '../../src/protocols/http2/event.ts'
import type { Http2Options } from '../../src/protocols/http2/options.ts'
import { Http2Server } from '../../src/protocols/http2/server.ts'
import type { HeaderField } from '../../src/wire/http1.ts'
import { hashOf, noise } from './body.ts'
import { pump } from './endpoint-socket.ts'

/*
 * HTTP/2 in the clear, with prior knowledge (RFC 9113 section 3.3), between our endpoints and programs that nobody here wrote, over
 * sockets of this machine.
 */

const run = promisify(execFile)

/** Runs a program to its end. */
async function output(program: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await run(program, args, { timeout: 60_000, maxBuffer: 1 << 26 })
  return stdout + stderr
}

const FILES: Readonly<Record<string, Uint8Array>> = {
  '/': new Uint8Array(Buffer.from('hello\n')),
  '/empty': new Uint8Array(0),
  '/100k': noise(100_000),
  '/3M': noise(3_000_000),
}

type Served = (server: Http2Server, event: Http2ServerEvent) => void

/** Answers with FILES; sends back what comes with POST. */
function serveFiles(): Served {
  const uploads = new Map<number, Uint8Array[]>()
  return (server, event) => {
    if (event.type === 'request' && event.method === 'POST') {
      uploads.set(event.stream, [])
    } else if (event.type === 'request') {
      const file = FILES[event.path]
      if (file === undefined) server.respond(event.stream, { status: 404, fields: [], body: 0 })
      else if (server.respond(event.stream, { status: 200, fields: [{ name: 'x-from', value: 'us' }], body: file.length })) {
        server.sendBody(event.stream, file)
        server.endBody(event.stream)
      }
    } else if (event.type === 'data') {
      uploads.get(event.stream)?.push(event.bytes)
    } else if (event.type === 'end' && uploads.has(event.stream)) {
      const body = Buffer.concat(uploads.get(event.stream) ?? [])
      uploads.delete(event.stream)
      server.respond(event.stream, { status: 200, fields: [], body: 'unknown' })
      server.sendBody(event.stream, new Uint8Array(body))
      server.endBody(event.stream, [{ name: 'x-length', value: String(body.length) }])
    }
  }
}

/** Our server on a port of its own while `use` goes on; what went wrong with connections is given to it. */
async function withOurs(
  makeServed: () => Served,
  use: (port: number, faults: readonly string[]) => Promise<void>,
  options: Http2Options = {},
): Promise<void> {
  const faults: string[] = []
  const sockets = new Set<net.Socket>()
  const listener = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    const server = new Http2Server(options)
    const served = makeServed()
    pump<Http2ServerEvent>(server, socket, (event) => {
      if (event.type === 'closed' && event.error) faults.push(`${event.error.code}: ${event.error.detail}`)
      served(server, event)
    })
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  try {
    await use((listener.address() as AddressInfo).port, faults)
  } finally {
    for (const socket of sockets) socket.destroy()
    listener.close()
  }
}

interface Fetched {
  status: number
  body: Uint8Array
  trailers: string
}

/** What our client gets for these paths, all asked for as soon as the server takes them. */
async function fetchAll(
  port: number,
  requests: readonly { path: string; body?: Uint8Array; fields?: readonly HeaderField[] }[],
  options: Http2Options = {},
  onEvent: (client: Http2Client, event: Http2ClientEvent) => void = () => undefined,
): Promise<Fetched[]> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  const client = new Http2Client(options)
  const results: Fetched[] = []
  const bodies = new Map<number, { at: number; pieces: Uint8Array[]; status: number }>()
  let next = 0
  await new Promise<void>((resolve, reject) => {
    const request = (): void => {
      while (next < requests.length && client.canRequest) {
        const { path, body, fields = [] } = requests[next]
        const head = { scheme: 'http', authority: `127.0.0.1:${String(port)}`, path, fields }
        const stream = client.request({ ...head, method: body ? 'POST' : 'GET', body: body?.length ?? 0 })
        if (body && body.length > 0) {
          client.sendBody(stream, body)
          client.endBody(stream)
        }
        bodies.set(stream, { at: next++, pieces: [], status: 0 })
      }
    }
    request()
    pump<Http2ClientEvent>(client, socket, (event) => {
      onEvent(client, event)
      if (event.type === 'closed') {
        if (event.error || event.broken.length > 0)
          reject(new Error(`closed: ${event.error?.code ?? ''} ${event.error?.detail ?? ''}`))
        else resolve()
        return
      }
      if (event.type === 'reset') reject(new Error(`stream ${String(event.stream)} was reset: ${event.error.code}`))
      if (!('stream' in event)) return
      const fetched = bodies.get(event.stream)
      if (fetched === undefined) return
      if (event.type === 'response') fetched.status = event.status
      if (event.type === 'data') fetched.pieces.push(event.bytes)
      if (event.type !== 'end') return
      const trailers = event.trailers.map(({ name, value }) => `${name}: ${value}`).join(', ')
      results[fetched.at] = { status: fetched.status, body: new Uint8Array(Buffer.concat(fetched.pieces)), trailers }
      bodies.delete(event.stream)
      request()
      if (bodies.size === 0 && next === requests.length) client.shutdown()
    })
  }).finally(() => socket.destroy())
  return results
}

describe('our server', () => {
  test('curl gets files, and their heads, and brings one', async () => {
    await withOurs(serveFiles, async (port, faults) => {
      const url = `http://127.0.0.1:${String(port)}`
      const prior = ['-s', '--http2-prior-knowledge', '-w', '%{http_code} %{http_version} %{size_download}', '-o', '/dev/null']
      const expected = {
        '/': '200 2 6',
        '/100k': '200 2 100000',
        '/3M': '200 2 3000000',
        '/nothing': '404 2 0',
        '/empty': '200 2 0',
      }
      // A connection each: this curl stumbles over its own reuse of such connections, with any server.
      for (const [path, line] of Object.entries(expected)) assert.equal(await output('curl', ...prior, url + path), line)
      const head = await output('curl', '-sI', '--http2-prior-knowledge', `${url}/3M`)
      assert.match(head, /^HTTP\/2 200 .*content-length: 3000000/s)
      const folder = mkdtempSync(join(tmpdir(), 'http2-'))
      const file = join(folder, 'body')
      const body = noise(2_500_000)
      writeFileSync(file, body)
      try {
        const { stdout } = await run('curl', ['-s', '--http2-prior-knowledge', '--data-binary', `@${file}`, `${url}/up`], {
          encoding: 'buffer',
          maxBuffer: 1 << 24,
        })
        assert.equal(hashOf(new Uint8Array(stdout)), hashOf(body))
      } finally {
        rmSync(folder, { recursive: true })
      }
      assert.deepEqual(faults, [])
    })
  })

  test('nghttp gets a page with what is pushed beside it', async () => {
    const push: Served = (server, event) => {
      if (event.type !== 'request') return
      const { stream, authority } = event
      const pushed = server.push(stream, { method: 'GET', scheme: 'http', authority, path: '/style.css', fields: [] })
      for (const [id, text] of [
        [stream, 'page'],
        [pushed, 'style'],
      ] as const) {
        server.respond(id, { status: 200, fields: [], body: text.length })
        server.sendBody(id, new Uint8Array(Buffer.from(text)))
        server.endBody(id)
      }
    }
    await withOurs(
      () => push,
      async (port, faults) => {
        const log = await output('nghttp', '-nv', `http://127.0.0.1:${String(port)}/`)
        assert.match(log, /recv PUSH_PROMISE frame .*promised_stream_id=2/s)
        assert.match(log, /:path: \/style.css/)
        assert.match(log, /recv DATA frame <length=5, flags=0x01, stream_id=2>/)
        assert.match(log, /recv DATA frame <length=4, flags=0x01, stream_id=13>/)
        assert.doesNotMatch(log, /GOAWAY frame[^[]*error_code=(?!NO_ERROR)/s)
        assert.deepEqual(faults, [])
      },
    )
  })

  test('h2load: 1,000 requests over 4 connections with 100 streams each', async () => {
    await withOurs(serveFiles, async (port, faults) => {
      const url = `http://127.0.0.1:${String(port)}/100k`
      const log = await output('h2load', '-n', '1000', '-c', '4', '-m', '100', url)
      assert.match(log, /1000 total, 1000 started, 1000 done, 1000 succeeded, 0 failed, 0 errored/)
      assert.match(log, /status codes: 1000 2xx/)
      assert.match(log, /100000000\) data/)
      assert.deepEqual(faults, [])
    })
  })

  test("Node's client: bodies both ways, trailers, a PING and a goodbye", async () => {
    await withOurs(serveFiles, async (port, faults) => {
      const session = http2.connect(`http://127.0.0.1:${String(port)}`)
      const body = noise(1_500_000)
      const exchange = session.request({ ':method': 'POST', ':path': '/up' })
      exchange.end(body)
      const pieces: Buffer[] = []
      let trailers: http2.IncomingHttpHeaders = {}
      exchange.on('trailers', (fields: http2.IncomingHttpHeaders) => (trailers = fields))
      for await (const piece of exchange) pieces.push(piece as Buffer)
      assert.equal(hashOf(new Uint8Array(Buffer.concat(pieces))), hashOf(body))
      assert.equal(trailers['x-length'], '1500000')
      const echoed = await new Promise<Buffer>((resolve, reject) => {
        session.ping(Buffer.from('01234567'), (error, _duration, payload) => {
          if (error) reject(error)
          else resolve(payload)
        })
      })
      assert.equal(echoed.toString(), '01234567')
      await new Promise<void>((resolve) => {
        session.close(resolve)
      })
      assert.deepEqual(faults, [])
    })
  })
})

describe('our client', () => {
  test('nginx serves it files on one connection', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'http2-'))
    const files = [0, 1, 100_000, 2_000_000].map((size) => noise(size))
    files.forEach((file, i) => {
      writeFileSync(join(folder, String(i)), file)
    })
    const port = await freePort()
    const configuration = `
daemon off; user root; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events {}
http { access_log off; root ${folder}; server { listen 127.0.0.1:${String(port)} http2; } }
`
    writeFileSync(join(folder, 'nginx.conf'), configuration)
    const server = spawn('nginx', ['-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')], { stdio: 'ignore' })
    try {
      await untilListening(port)
      const results = await fetchAll(port, [...files.map((_, i) => ({ path: `/${String(i)}` })), { path: '/nothing' }])
      assert.deepEqual(
        results.map(({ status, body }) => [status, status === 200 ? hashOf(body) : '']),
        [...files.map((file) => [200, hashOf(file)]), [404, '']],
      )
    } finally {
      server.kill()
      rmSync(folder, { recursive: true })
    }
  })

  test('nghttpd serves it files, a hundred at once and more', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'http2-'))
    const files = Array.from({ length: 300 }, (_, i) => noise(1000 * (i % 50) + i))
    files.forEach((file, i) => {
      writeFileSync(join(folder, String(i)), file)
    })
    const port = await freePort()
    const server = spawn('nghttpd', ['--no-tls', '-a', '127.0.0.1', '-d', folder, String(port)], { stdio: 'ignore' })
    try {
      await untilListening(port)
      const requests = files.map((_, i) => ({ path: `/${String(i)}` }))
      const results = await fetchAll(port, requests)
      assert.equal(results.length, files.length)
      results.forEach(({ status, body }, i) => {
        assert.equal(status, 200)
        assert.equal(hashOf(body), hashOf(files[i]))
      })
    } finally {
      server.kill()
      rmSync(folder, { recursive: true })
    }
  })

  test("Node's server: bodies both ways, a 103, trailers, and a push", async () => {
    const pushed: string[] = []
    const server = http2.createServer()
    server.on('stream', (stream, headers) => {
      if (headers[':method'] === 'POST') {
        stream.additionalHeaders({ ':status': 103, link: '</style.css>' })
        stream.respond({ ':status': 200 }, { waitForTrailers: true })
        stream.on('wantTrailers', () => {
          stream.sendTrailers({ 'x-done': 'yes' })
        })
        stream.pipe(stream)
        return
      }
      stream.pushStream({ ':path': '/pushed' }, (error, push) => {
        assert.equal(error, null)
        push.respond({ ':status': 200 })
        push.end('pushed content')
      })
      stream.respond({ ':status': 200, 'x-echo': headers['x-long'] ?? '' })
      stream.end(Buffer.from(FILES['/100k']))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = server.address() as AddressInfo
      const body = noise(2_000_000)
      const seen: string[] = []
      // Longer than a frame, so that it takes CONTINUATION there and back.
      const long = noise(30_000).toString()
      const results = await fetchAll(
        port,
        [
          { path: '/up', body },
          { path: '/page', fields: [{ name: 'X-Long', value: long }] },
        ],
        { settings: { enablePush: true } },
        (_, event) => {
          if (event.type === 'response' && event.stream === 3)
            assert.equal(event.fields.find(({ name }) => name === 'x-echo')?.value, long)
          if (event.type === 'informational') seen.push(String(event.status))
          if (event.type === 'pushed') pushed.push(`${event.path} on ${String(event.stream)}`)
          if (event.type === 'data' && event.stream === 2) seen.push(Buffer.from(event.bytes).toString())
        },
      )
      assert.equal(hashOf(results[0].body), hashOf(body))
      assert.equal(results[0].trailers, 'x-done: yes')
      assert.equal(hashOf(results[1].body), hashOf(FILES['/100k']))
      assert.deepEqual(pushed, ['/pushed on 2'])
      assert.deepEqual(seen.sort(), ['103', 'pushed content'])
    } finally {
      server.close()
    }
  })
})

async function freePort(): Promise<number> {
  const probe = net.createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}

/** A program that was started takes connections. */
async function untilListening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const isThere = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, '127.0.0.1')
      socket.on('connect', () => {
        socket.destroy()
        resolve(true)
      })
      socket.on('error', () => {
        resolve(false)
      })
    })
    if (isThere) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.fail(`nobody listens on port ${String(port)}`)
}
