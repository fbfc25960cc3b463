import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { WebServer } from '../../src/apps/web-server.ts'
import type { AppContext } from '../../src/host/socket.ts'
import { pair } from '../host/topologies.ts'
import { data, MILLISECOND, noFailures, page, readAll, resource, SECOND, server, talker, latin1 } from './site.ts'

const SITE = {
  '/': page(['/a.css'], { size: 600 }),
  '/a.css': resource(11, { type: 'text/css' }),
  '/slow': resource(5, { delay: 300 * MILLISECOND }),
  '/chunks': resource(70_000, { chunked: true }),
  '/q?x=1': resource(3),
}

/** What the server answers to these words, one packet each. */
function answers(
  words: string | readonly string[],
  options: Parameters<typeof talker>[2] & { server?: Record<string, unknown> } = {},
) {
  const heard: string[] = []
  const world = pair(talker(heard, typeof words === 'string' ? [words] : words, options), server(SITE, options.server))
  world.run(60 * SECOND)
  noFailures(world)
  assert.equal(heard.length, 1)
  return { heard: heard[0], world }
}

const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: bob\r\n${more}\r\n`
/** Status codes of responses. */
const statuses = (heard: string) => [...heard.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status))

describe('what is served', () => {
  test('a page with its size and type', () => {
    const { heard } = answers(get('/'))
    const [head, body] = heard.split('\r\n\r\n')
    assert.equal(head, 'HTTP/1.1 200 OK\r\nServer: packetarium\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 600')
    assert.equal(body.length, 600)
    assert.match(body, /href="\/a\.css"/)
  })

  test('a query is part of the path when it is served so, and overlooked when not', () => {
    assert.match(answers(get('/q?x=1')).heard, /Content-Length: 3\r\n/)
    assert.match(answers(get('/a.css?v=2')).heard, /Content-Length: 11\r\n/)
  })

  test('absolute-form (RFC 9112 section 3.2.2)', () => {
    assert.match(answers(get('http://bob/a.css')).heard, /Content-Length: 11\r\n/)
    assert.match(answers(get('http://bob')).heard, /Content-Length: 600\r\n/)
  })

  test('chunks, whose sum is the size', () => {
    const { heard } = answers(get('/chunks'))
    const [head, ...rest] = heard.split('\r\n\r\n')
    assert.match(head, /Transfer-Encoding: chunked/)
    let body = rest.join('\r\n\r\n')
    let bytes = 0
    for (;;) {
      const size = Number.parseInt(body, 16)
      if (size === 0) break
      bytes += size
      body = body.slice(body.indexOf('\r\n') + 2 + size + 2)
    }
    assert.equal(bytes, 70_000)
  })

  test('HEAD gets the same head and no body', () => {
    const { heard } = answers(get('/').replace('GET', 'HEAD'))
    assert.match(heard, /Content-Length: 600\r\n\r\n$/)
  })

  test('other methods: 404, 405, 501, 204', () => {
    const words = [
      get('/nothing'),
      get('/').replace('GET', 'PATCH'),
      get('/').replace('GET', 'BREW'),
      get('*').replace('GET', 'OPTIONS'),
    ]
    const { heard } = answers(words)
    assert.deepEqual(statuses(heard), [404, 405, 501, 204])
    assert.match(heard, /405[^]*Allow: GET, HEAD, POST, PUT, OPTIONS/)
  })

  test('POST: the body is counted', () => {
    const { heard, world } = answers('POST /form HTTP/1.1\r\nHost: bob\r\nContent-Length: 11\r\n\r\nhello world')
    assert.match(heard, /\r\n\r\n11 bytes received, digest b94d27b9[0-9a-f]{56}\n$/)
    assert.deepEqual(data(world, 'http:request-received', 'bob'), [
      {
        id: 1,
        method: 'POST',
        target: '/form',
        bytes: 11,
        digest: 'b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9',
      },
    ])
  })

  test('PUT: the body is counted, and the answer owns up that it is not kept', () => {
    const { heard } = answers('PUT /new HTTP/1.1\r\nHost: bob\r\nContent-Length: 11\r\n\r\nhello world')
    assert.match(heard, /\r\n\r\n11 bytes received, not kept, digest b94d27b9[0-9a-f]{56}\n$/)
    assert.match(answers(`PUT /new HTTP/1.1\r\nHost: bob\r\nContent-Length: 0\r\n\r\n${get('/new')}`).heard, /404 Not Found/)
  })
})

describe('connections', () => {
  test('are kept, for one request after the other', () => {
    const { heard, world } = answers([get('/a.css'), get('/a.css')])
    assert.deepEqual(statuses(heard), [200, 200])
    assert.equal(new Set(world.happened('http:response-sent').map(({ connection }) => connection)).size, 1)
  })

  test('end with the response when the client, or the server, wants so', () => {
    for (const { heard, world } of [
      answers([get('/a.css', 'Connection: close\r\n'), get('/a.css')], { finish: false }),
      answers([get('/a.css'), get('/a.css')], { finish: false, server: { keepAlive: false } }),
      answers(['GET /a.css HTTP/1.0\r\n\r\n', get('/a.css')], { finish: false }),
    ]) {
      assert.deepEqual(statuses(heard), [200])
      assert.match(heard, /Connection: close\r\n/)
      assert.doesNotMatch(heard, /E[A-Z]+$/)
      assert.deepEqual(data(world, 'http:connection-failed'), [])
    }
  })

  test('a request behind the last one does not reset the response before it is read (RFC 9112 section 9.6)', () => {
    const { heard } = answers([get('/chunks', 'Connection: close\r\n') + 'x'.repeat(3000), 'y'.repeat(3000)], { finish: false })
    assert.match(heard, /\r\n0\r\n\r\n$/)
  })

  test('a client that never closes is let go after two seconds', () => {
    const heard: string[] = []
    const silent = function* (context: AppContext) {
      const socket = yield* context.sockets.connect({ address: 0x0a000002, port: 80 })
      yield* socket.write(latin1(get('/a.css', 'Connection: close\r\n')))
      heard.push(yield* readAll(socket))
      yield* context.sleep(10 * SECOND)
      yield* socket.write(latin1('x'))
      yield* context.sleep(100 * MILLISECOND)
      heard.push(yield* readAll(socket))
    }
    const world = pair(silent, server(SITE)).run(60 * SECOND)
    assert.match(heard[0], /^HTTP\/1\.1 200/)
    assert.deepEqual(data(world, 'http:connection-failed'), [])
    // The server is gone: what the client says now is answered by a reset.
    assert.equal(heard[1], 'ECONNRESET')
  })

  test('a half-closed client gets its answer, slow as it may be', () => {
    assert.deepEqual(statuses(answers(get('/slow')).heard), [200])
  })

  test('many at once', () => {
    const heard: string[] = []
    const world = pair(
      Array.from({ length: 20 }, () => talker(heard, [get('/chunks')])),
      server(SITE),
    ).run(60 * SECOND)
    noFailures(world)
    assert.equal(heard.length, 20)
    for (const text of heard) assert.match(text, /\r\n0\r\n\r\n$/)
  })

  test('a client that vanishes in the middle is noted, once, and hurts nobody', () => {
    const heard: string[] = []
    const world = pair(function* (context) {
      const socket = yield* context.sockets.connect({ address: 0x0a000002, port: 80 })
      yield* socket.write(latin1(get('/chunks') + get('/chunks')))
      yield* context.sleep(3 * MILLISECOND)
      socket.reset()
      yield* talker(heard, [get('/a.css')])(context)
    }, server(SITE)).run(60 * SECOND)
    noFailures(world)
    assert.deepEqual(
      data(world, 'http:connection-failed').map(({ error }) => error),
      ['ECONNRESET'],
    )
    assert.deepEqual(statuses(heard[0]), [200])
  })
})

describe('pipelining', () => {
  test('answers come in the order of the requests, whatever they take', () => {
    const { heard, world } = answers(get('/slow') + get('/a.css') + get('/slow'))
    assert.deepEqual(
      [...heard.matchAll(/Content-Length: (\d+)/g)].map(([, length]) => Number(length)),
      [5, 11, 5],
    )
    const times = world.happened('http:response-sent').map(({ time }) => Math.floor(time / (100 * MILLISECOND)))
    // They are thought about at once.
    assert.deepEqual(times, [times[0], times[0], times[0]])
  })

  test('a hundred requests in one go', () => {
    assert.equal(statuses(answers(get('/a.css').repeat(100)).heard).length, 100)
  })

  test('what stands behind a refused request is not served', () => {
    const { heard, world } = answers(`${get('/a.css')}GET / HTTP/1.1\r\n\r\n${get('/a.css')}`, { finish: false })
    assert.deepEqual(statuses(heard), [200, 400])
    assert.deepEqual(data(world, 'http:request-refused'), [
      {
        status: 400,
        error: 'malformed',
        whose: 'remote',
        detail: 'a request of HTTP/1.1 without Host',
        cites: 'RFC 9112 section 3.2',
      },
    ])
  })
})

describe('Expect: 100-continue', () => {
  const expecting = 'POST / HTTP/1.1\r\nHost: bob\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n'

  test('the server asks for the body', () => {
    assert.deepEqual(statuses(answers([expecting, 'body']).heard), [100, 200])
  })

  test('not when the body comes anyway', () => {
    assert.deepEqual(statuses(answers([`${expecting}body`]).heard), [200])
  })

  test('behind a request that is still being answered', () => {
    assert.deepEqual(statuses(answers([get('/slow') + expecting, '', '', '', '', 'body']).heard), [200, 100, 200])
  })

  test('in pieces', () => {
    assert.deepEqual(statuses(answers(Array.from(`${expecting}body`)).heard), [100, 200])
  })
})

describe('while it runs', () => {
  test('delay, size and chunks of one resource, delay of all, keep-alive', () => {
    const heard: string[] = []
    const web = new WebServer({ serves: SITE })
    const world = pair(talker(heard, [get('/a.css'), get('/a.css'), get('/a.css')]), (context) => web.main(context))
    world.run(50 * MILLISECOND)
    web.configure('serves["/a.css"].size', 100)
    world.run(150 * MILLISECOND)
    web.configure('serves["/a.css"].chunked', true)
    web.configure('serves["/a.css"].delay', 400 * MILLISECOND)
    world.run(10 * SECOND)
    assert.deepEqual(
      [...heard[0].matchAll(/Content-Length: (\d+)|chunked/g)].map(([all]) => all),
      ['Content-Length: 11', 'Content-Length: 100', 'chunked'],
    )
    const [, second, third] = world.happened('http:response-sent').map(({ time }) => time)
    assert.ok(third - second > 400 * MILLISECOND)
    web.configure('delay', 0)
    web.configure('keepAlive', false)
    assert.equal(web.delayOf('/slow'), 0)
    assert.deepEqual(SITE['/slow'].delay, 300 * MILLISECOND)
  })

  test('anything else is refused with the path and what is allowed', () => {
    const web = new WebServer({ serves: SITE })
    const wrong: [string, unknown][] = [
      ['port', 81],
      ['serves', {}],
      ['serves["/none"].delay', 1],
      ['serves["/"].type', 'x'],
      ['serves["/"].delay', '20 ms'],
      ['serves["/"].delay', -1],
      ['keepAlive', 1],
      ['delay', 0.5],
      ['keepAlive.x', true],
      ['serves["/\u0001\\x"].delay', 1],
      ['serves["/\u0001"].delay', 1],
      ['serves[', 1],
      ['', 1],
    ]
    for (const [path, value] of wrong) {
      assert.throws(() => web.configure(path, value), { name: 'UnknownSetting', path }, path)
    }
  })
})
