import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Blocking, TcpSocket } from '../../src/host/socket.ts'
import type { AppContext } from '../../src/host/socket.ts'
import type { Http2ServerEvent } from '../../src/protocols/http2/event.ts'
import { Http2Server } from '../../src/protocols/http2/server.ts'
import { pair } from '../host/topologies.ts'
import type { World } from '../host/world.ts'
import { browser, data, latin1, MILLISECOND, noFailures, SECOND, scripted } from './site.ts'

const LINK = { delay: 10 * MILLISECOND, rate: 10_000_000 }

/** What a server does when something happens on a connection. The request's number counts from 1 over all streams of the connection. */
type Behaviour = (server: Http2Server, event: Http2ServerEvent, request: number, socket: TcpSocket) => void

const gone = new WeakSet<TcpSocket>()
const isGone = (socket: TcpSocket): boolean => gone.has(socket)

/** Speaks HTTP/2 on one connection. */
function serving(behave: Behaviour): (socket: TcpSocket, context: AppContext) => Blocking<void> {
  return function* (socket, { environment }) {
    const server = new Http2Server()
    let requests = 0
    for (;;) {
      const bytes = yield* socket.read()
      if (bytes === undefined) server.handleEnd(environment.now)
      else server.handle(bytes, environment.now)
      for (let event = server.pollEvent(); event; event = server.pollEvent()) {
        if (event.type === 'request') requests++
        behave(server, event, requests, socket)
      }
      if (isGone(socket)) return
      for (let piece = server.pollTransmit(environment.now); piece; piece = server.pollTransmit(environment.now))
        yield* socket.write(piece)
      if (bytes === undefined || server.finished) {
        socket.close()
        return
      }
    }
  }
}

function answer(server: Http2Server, stream: number, body: string): void {
  server.respond(stream, { status: 200, fields: [{ name: 'content-type', value: 'text/html' }], body: body.length })
  server.sendBody(stream, latin1(body))
  server.endBody(stream)
}

const FOUR = '<img src=1><img src=2><img src=3><img src=4>'

/** Answers everything: the first request with a page that names four pictures. */
const good: Behaviour = (server, event, request) => {
  if (event.type === 'request') answer(server, event.stream, request === 1 && event.path === '/' ? FOUR : 'x')
}

function load(...behaviours: Behaviour[]): World {
  const world = pair(
    browser('http://bob/', { protocols: ['h2'], timeout: 20 * SECOND }),
    scripted(...behaviours.map(serving)),
    LINK,
  ).run(100 * SECOND)
  noFailures(world)
  return world
}

const whole = (world: World): unknown[] => data(world, 'page:loaded').map(({ resources, failures }) => [resources, failures])
const connections = (world: World): number => new Set(world.happened('http:request-sent').map((event) => event.connection)).size
const sent = (world: World): unknown[] => data(world, 'http:request-sent').map(({ id }) => id)

test('a page over one connection', () => {
  const world = load(good)
  assert.deepEqual(whole(world), [[4, 0]])
  assert.equal(connections(world), 1)
})

describe('RFC 9113 section 8.7: what the server did nothing with is sent again', () => {
  test('REFUSED_STREAM: on the same connection', () => {
    let refused = false
    const world = load((server, event, request, socket) => {
      if (event.type === 'request' && event.path === '/2' && !refused) {
        refused = true
        server.cancel(event.stream, 'REFUSED_STREAM')
      } else {
        good(server, event, request, socket)
      }
    })
    assert.deepEqual(whole(world), [[4, 0]])
    assert.equal(connections(world), 1)
    assert.deepEqual(sent(world), [1, 2, 3, 4, 5, 3])
    assert.deepEqual(
      data(world, 'http:requests-retried').map(({ ids, error, announced }) => [ids, error, announced]),
      [[[3], 'REFUSED_STREAM', true]],
    )
  })

  test('a server that refuses for ever is believed in the end', () => {
    const world = load((server, event, request, socket) => {
      if (event.type === 'request' && event.path === '/2') server.cancel(event.stream, 'REFUSED_STREAM')
      else good(server, event, request, socket)
    })
    assert.deepEqual(whole(world), [[3, 1]])
    const [failed] = data(world, 'http:request-failed')
    assert.deepEqual([failed['error'], failed['whose']], ['REFUSED_STREAM', 'remote'])
  })

  test('GOAWAY: on another connection, while the first goes on to its end', () => {
    let hasLeft = false
    const leaving: Behaviour = (server, event, request, socket) => {
      if (event.type === 'request' && event.path === '/3' && !hasLeft) {
        hasLeft = true
        server.shutdown()
      }
      good(server, event, request, socket)
    }
    const world = load(leaving, (server, event) => {
      if (event.type === 'request') answer(server, event.stream, 'x')
    })
    assert.deepEqual(whole(world), [[4, 0]])
    assert.deepEqual(data(world, 'http:request-failed'), [])
  })
})

describe('what goes wrong', () => {
  test('a stream is reset in the middle: only that one fails', () => {
    const world = load((server, event, request, socket) => {
      if (event.type === 'request' && event.path === '/2') {
        server.respond(event.stream, { status: 200, fields: [], body: 100 })
        server.sendBody(event.stream, latin1('only this'))
        server.cancel(event.stream, 'INTERNAL_ERROR')
      } else {
        good(server, event, request, socket)
      }
    })
    assert.deepEqual(whole(world), [[3, 1]])
    assert.deepEqual(
      data(world, 'http:request-failed').map(({ error, whose }) => [error, whose]),
      [['INTERNAL_ERROR', 'remote']],
    )
  })

  test('the connection dies under requests of a kept one: they go over a new one, once', () => {
    const world = load(
      (server, event, request, socket) => {
        if (request <= 1) good(server, event, request, socket)
        else {
          socket.reset()
          gone.add(socket)
        }
      },
      (server, event) => {
        if (event.type === 'request') answer(server, event.stream, 'x')
      },
    )
    assert.deepEqual(whole(world), [[4, 0]])
    assert.equal(connections(world), 2)
  })

  test('the server breaks the protocol: whose fault it is, and which part', () => {
    const world = pair(
      browser('http://bob/', { protocols: ['h2'] }),
      scripted(function* (socket) {
        yield* socket.read()
        // SETTINGS on stream 1.
        yield* socket.write(Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0, 1))
        while ((yield* socket.read()) !== undefined);
        socket.close()
      }),
      LINK,
    ).run(100 * SECOND)
    noFailures(world)
    const [failed] = data(world, 'page:failed')
    assert.deepEqual([failed['error'], failed['whose']], ['PROTOCOL_ERROR', 'remote'])
    assert.match(String(failed['cites']), /^RFC 9113 section 6\.5/)
  })

  test('it speaks HTTP/1.1 only', () => {
    const world = pair(
      browser('http://bob/', { protocols: ['h2'] }),
      scripted(function* (socket) {
        yield* socket.read()
        yield* socket.write(latin1('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'))
        socket.close()
      }),
      LINK,
    ).run(100 * SECOND)
    noFailures(world)
    assert.equal(data(world, 'page:failed').length, 1)
    assert.equal(data(world, 'page:failed')[0]['whose'], 'remote')
  })

  test('it is silent: after the time allowed', () => {
    const world = pair(
      browser('http://bob/', { protocols: ['h2'], timeout: 2 * SECOND }),
      scripted(function* (socket) {
        while ((yield* socket.read()) !== undefined);
        socket.close()
      }),
      LINK,
    ).run(100 * SECOND)
    noFailures(world)
    assert.equal(data(world, 'page:failed')[0]['error'], 'ETIMEDOUT')
  })

  test('any bytes at all: the page fails with a reason, and nothing hangs', () => {
    let state = 1
    const random = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state >>> 8
    }
    for (let round = 0; round < 150; round++) {
      const bytes = Uint8Array.from({ length: 1 + (random() % 200) }, () => random())
      // Half of them begin well.
      const start = round % 2 === 0 ? [0, 0, 0, 4, 0, 0, 0, 0, 0] : []
      const world = pair(
        browser('http://bob/', { protocols: ['h2'], timeout: 5 * SECOND }),
        scripted(function* (socket) {
          yield* socket.read()
          yield* socket.write(Uint8Array.from([...start, ...bytes]))
          socket.shutdown()
          while ((yield* socket.read()) !== undefined);
          socket.close()
        }),
        LINK,
      ).run(60 * SECOND)
      noFailures(world)
      const [failed] = data(world, 'page:failed')
      assert.ok(failed, `round ${String(round)} comes to an end`)
      assert.match(String(failed['whose']), /^(remote|network)$/, `round ${String(round)}: ${JSON.stringify(failed)}`)
    }
  })
})

test('a server that pushes without end what nobody wants is stopped', () => {
  let reset: unknown
  const world = pair(
    browser([], {
      protocols: ['h2'],
      visits: [0, 20].map((at) => ({ url: 'http://bob/', at: at * SECOND, upload: 0 })),
    }),
    scripted(
      serving((server, event, request) => {
        if (event.type === 'reset') reset = event.error
        if (event.type !== 'request') return
        if (request === 1) {
          const { scheme, authority } = event
          const pushed = server.push(event.stream, { method: 'GET', scheme, authority, path: '/huge', fields: [] })
          server.respond(pushed, { status: 200, fields: [], body: 'unknown' })
          const piece = new Uint8Array(65_536)
          server.sendSource(pushed, { length: 100_000_000, read: (_offset, most) => piece.subarray(0, most) })
        }
        answer(server, event.stream, 'x')
      }),
    ),
    LINK,
  ).run(30 * SECOND)
  noFailures(world)
  assert.equal(data(world, 'page:loaded').length, 2)
  assert.deepEqual((reset as { code: string }).code, 'CANCEL')
  const bytes = data(world, 'http2:frame-received', 'alice')
    .filter(({ type, stream }) => type === 'DATA' && stream === 2)
    .reduce((sum, { length }) => sum + Number(length), 0)
  // What the server had written before it heard of that still comes: a window at most.
  assert.ok(bytes > 4_000_000 && bytes <= 6_291_456, `${String(bytes)} bytes`)
})

test('an upload of more than a window arrives byte for byte', () => {
  const got: Record<string, number> = {}
  const world = pair(
    browser([], { protocols: ['h2'], visits: [{ url: 'http://bob/form', at: 0, upload: 300_000 }] }),
    scripted(
      serving((server, event) => {
        if (event.type === 'data') got[String(event.stream)] = (got[String(event.stream)] ?? 0) + event.bytes.length
        if (event.type === 'end') answer(server, event.stream, 'thanks')
      }),
    ),
    LINK,
  ).run(100 * SECOND)
  noFailures(world)
  assert.deepEqual(got, { 1: 300_000 })
  assert.equal(data(world, 'page:loaded').length, 1)
  const phases = world.happened('fetch:phase-started', 'alice')
  const start = (phase: string): number => phases.find((event) => event.data['phase'] === phase)?.time ?? 0
  assert.ok(start('waiting') - start('sending') >= 2 * LINK.delay, "the rest goes out when the server's window is known")
})
