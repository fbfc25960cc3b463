import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Browser } from '../../src/apps/browser.ts'
import type { TcpSocket } from '../../src/host/socket.ts'
import type { EventData } from '../../src/kernel/machine.ts'
import { pair } from '../host/topologies.ts'
import type { World } from '../host/world.ts'
import { browser, data, latin1, MILLISECOND, noFailures, page, readHead, resource, scripted, SECOND, server } from './site.ts'

const LINK = { delay: 10 * MILLISECOND, rate: 10_000_000 }
const IMAGES = Array.from({ length: 10 }, (_, i) => `/${String(i)}.png`)
const SITE = {
  '/': page(['/style.css', ...IMAGES, '/style.css']),
  '/style.css': resource(3000, { type: 'text/css' }),
  ...Object.fromEntries(IMAGES.map((path, i) => [path, resource(5000 + i, { type: 'image/png', chunked: i % 2 === 0 })])),
}

function loaded(world: World, until = 100 * SECOND): World {
  world.run(until)
  noFailures(world)
  return world
}

const pick = (events: readonly EventData[], ...keys: string[]) => events.map((event) => keys.map((key) => event[key]))
const connections = (world: World, name = 'http:request-sent') => [
  ...new Set(world.happened(name).map(({ connection }) => connection)),
]
/** Time of an event of the browser, in whole milliseconds. */
const times = (world: World, name: string) => world.happened(name, 'alice').map(({ time }) => Math.round(time / MILLISECOND))

/** Every body that came is one that was sent, byte for byte. */
function sameBodies(world: World): void {
  const bodies = (name: string, host: string) =>
    world
      .happened(name, host)
      .map(({ connection, data }) => `${connection} ${String(data['status'])} ${String(data['bytes'])} ${String(data['digest'])}`)
      .sort()
  assert.deepEqual(bodies('http:response-received', 'alice'), bodies('http:response-sent', 'bob'))
}

describe('a page and what it names', () => {
  for (const [name, options, expected] of [
    ['six connections', {}, 6],
    ['two connections', { connections: 2 }, 2],
    ['one connection', { connections: 1 }, 1],
    ['one connection with pipelining', { connections: 1, pipelining: true }, 1],
    ['three connections with pipelining', { connections: 3, pipelining: true }, 3],
    ['a connection for each request', { keepAlive: false }, 12],
    ['a connection for each request, one at a time', { keepAlive: false, connections: 1 }, 12],
  ] as const) {
    test(`over ${name}`, () => {
      const world = loaded(pair(browser('http://bob/', options), server(SITE), LINK))
      assert.equal(connections(world).length, expected)
      const total = Object.values(SITE).reduce((sum, { size }) => sum + size, 0)
      const [result] = data(world, 'page:loaded')
      assert.deepEqual({ ...result, duration: 0 }, { url: 'http://bob/', resources: 11, failures: 0, bytes: total, duration: 0 })
      assert.equal(world.happened('http:request-sent').length, 12)
      sameBodies(world)
      // Everything is closed afterwards, without a reset.
      assert.equal(world.happened('tcp:reset-sent').length, 0)
      assert.deepEqual(data(world, 'http:connection-failed'), [])
    })
  }

  test('pipelining: requests do not wait, responses come in their order', () => {
    const world = loaded(pair(browser('http://bob/', { connections: 1, pipelining: true }), server(SITE), LINK))
    const sent = times(world, 'http:request-sent')
    assert.equal(new Set(sent.slice(1)).size, 1)
    const ids = pick(data(world, 'http:response-received'), 'id').flat()
    assert.deepEqual(ids, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    const one = loaded(pair(browser('http://bob/', { connections: 1 }), server(SITE), LINK))
    assert.ok(Number(data(world, 'page:loaded')[0]['duration']) < Number(data(one, 'page:loaded')[0]['duration']))
  })

  test('resources are asked for while the page still arrives', () => {
    const site = { ...SITE, '/': page(['/style.css'], { size: 100_000 }) }
    const world = loaded(pair(browser('http://bob/'), server(site), LINK))
    const asked = times(world, 'http:request-sent')[1]
    const whole = world.happened('http:response-received').find((event) => event.data['id'] === 1)
    assert.ok(whole && asked < whole.time / MILLISECOND - 40)
  })

  test('other origins have connections of their own', () => {
    const site = {
      '/': page(['http://10.0.0.2/style.css', 'https://bob/no', 'data:,no']),
      '/style.css': resource(10, { type: 'text/css' }),
    }
    const world = loaded(pair(browser('http://bob/', { connections: 1 }), server(site), LINK))
    assert.deepEqual(pick(data(world, 'http:request-sent'), 'url').flat(), ['http://bob/', 'http://10.0.0.2/style.css'])
    assert.equal(connections(world).length, 2)
  })

  test('without digests there are none', () => {
    const world = loaded(pair(browser('http://bob/style.css', { digest: false }), server(SITE, { digest: false }), LINK))
    assert.equal('digest' in data(world, 'http:response-received')[0], false)
    assert.equal('digest' in data(world, 'http:response-sent')[0], false)
  })

  test('the events of one request', () => {
    const world = loaded(pair(browser('http://bob/style.css'), server(SITE), LINK))
    const [connection] = connections(world)
    const told = world.events.filter(({ host, name }) => host === 'alice' && /^(http|page):/.test(name))
    assert.deepEqual(
      told.map(({ name, data }) => [name, Object.keys(data).join()]),
      [
        ['page:started', 'url'],
        ['http:request-sent', 'id,method,url,connection'],
        ['http:response-started', 'id,status'],
        ['http:response-received', 'id,status,bytes,duration,digest'],
        ['page:loaded', 'url,resources,failures,bytes,duration'],
      ],
    )
    assert.equal(told[1].connection, connection)
    assert.match(connection, /^10\.0\.0\.1:\d+ ↔ 10\.0\.0\.2:80$/)
  })
})

describe('visits', () => {
  test('one after the other, on connections that are kept between them', () => {
    const world = loaded(pair(browser(['http://bob/', 'http://bob/style.css'], { connections: 2 }), server(SITE), LINK))
    assert.deepEqual(pick(data(world, 'page:loaded'), 'url').flat(), ['http://bob/', 'http://bob/style.css'])
    assert.equal(connections(world).length, 2)
    assert.ok(times(world, 'page:started')[1] >= times(world, 'page:loaded')[0])
  })

  test('at their time', () => {
    const visits = [300, 500].map((at) => ({ url: 'http://bob/style.css', at: at * MILLISECOND, upload: 0 }))
    const world = loaded(pair(browser([], { visits }), server(SITE), LINK))
    assert.deepEqual(times(world, 'page:started'), [300, 500])
  })

  test('an upload arrives byte for byte', () => {
    const visits = [{ url: 'http://bob/form', at: 0, upload: 200_000 }]
    const world = loaded(pair(browser([], { visits }), server(SITE), LINK))
    const [{ method, bytes }] = data(world, 'http:request-received')
    assert.deepEqual([method, bytes], ['POST', 200_000])
    assert.equal(data(world, 'page:loaded').length, 1)
  })
})

/** Answers requests of a browser with these texts, one after the other, and then does `last`. */
function* replies(socket: TcpSocket, texts: readonly string[]): Generator<never, void, void> | ReturnType<TcpSocket['closed']> {
  for (const text of texts) {
    yield* readHead(socket)
    yield* socket.write(latin1(text))
  }
}
const ok = (body: string, more = '') =>
  `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n${more}Content-Length: ${String(body.length)}\r\n\r\n${body}`
const FOUR = '<img src=1><img src=2><img src=3><img src=4>'

describe('what goes wrong with a page', () => {
  const failure = (world: World) => pick(data(world, 'page:failed'), 'error').flat()

  test('it is not there', () => {
    const world = loaded(pair(browser('http://bob/none'), server(SITE), LINK))
    assert.deepEqual(failure(world), ['HTTP 404'])
  })

  test('nobody listens', () => {
    const world = loaded(pair(browser('http://bob:81/'), server(SITE), LINK))
    assert.deepEqual(failure(world), ['ECONNREFUSED'])
    assert.deepEqual(pick(data(world, 'http:request-failed'), 'id', 'url', 'error'), [[1, 'http://bob:81/', 'ECONNREFUSED']])
  })

  test('nobody has this name', () => {
    assert.deepEqual(failure(loaded(pair(browser('http://carol/'), server(SITE), LINK))), ['ENOTFOUND'])
  })

  test('the cable is cut: after the time allowed', () => {
    const world = pair(browser('http://bob/', { timeout: 3 * SECOND }), server(SITE), LINK)
    world.link(0, { up: false })
    loaded(world)
    assert.equal(failure(world).length, 1)
    assert.ok(times(world, 'page:failed')[0] <= 3000)
  })

  test('the server is silent: after the time allowed, and not before', () => {
    const silent = scripted((socket) => replies(socket, ['']))
    const world = loaded(pair(browser('http://bob/', { timeout: 2 * SECOND }), silent, LINK))
    assert.deepEqual(failure(world), ['ETIMEDOUT'])
    assert.ok(Math.abs(times(world, 'page:failed')[0] - 2040) < 50)
    // A slow one that goes on talking is given its time.
    const slow = scripted(function* (socket, { sleep }) {
      yield* replies(socket, ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'])
      for (const letter of 'hello') {
        yield* sleep(1500 * MILLISECOND)
        yield* socket.write(latin1(letter))
      }
    })
    assert.equal(data(loaded(pair(browser('http://bob/', { timeout: 2 * SECOND }), slow, LINK)), 'page:loaded').length, 1)
  })

  test('it is cut short', () => {
    const short = scripted(function* (socket) {
      yield* replies(socket, ['HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello'])
      socket.close()
    })
    const world = loaded(pair(browser('http://bob/'), short, LINK))
    assert.deepEqual(failure(world), ['incomplete'])
    assert.match(String(data(world, 'page:failed')[0]['cites']), /^RFC 9112/)
  })

  test('it is no HTTP', () => {
    const world = loaded(
      pair(
        browser('http://bob/'),
        scripted((socket) => replies(socket, ['220 smtp.example.com ESMTP\r\n'])),
        LINK,
      ),
    )
    assert.deepEqual(failure(world), ['malformed'])
    assert.deepEqual(pick(data(world, 'http:connection-failed'), 'error', 'whose'), [['malformed', 'remote']])
  })

  test('the server is killed in the middle of it', () => {
    const world = pair(browser('http://bob/', { timeout: 1 * SECOND }), server({ '/': page([], { size: 1_000_000 }) }), LINK)
    world.run(200 * MILLISECOND)
    world.kill('bob')
    loaded(world)
    assert.deepEqual(failure(world), ['ETIMEDOUT'])
  })

  test('a document that fails takes its resources with it: nothing more is asked for', () => {
    const document = `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5000\r\n\r\n${FOUR}`
    const dying = scripted(function* (socket, { sleep }) {
      yield* replies(socket, [document])
      yield* sleep(15 * MILLISECOND)
      socket.reset()
    })
    const world = loaded(pair(browser(['http://bob/', 'http://carol/'], { connections: 3 }), dying, LINK))
    assert.deepEqual(failure(world), ['ECONNRESET', 'ENOTFOUND'])
    const failed = world.happened('page:failed')[0].time
    assert.ok(world.happened('http:request-sent').every(({ time }) => time <= failed))
    assert.equal(data(world, 'app:ended', 'alice').length, 1)
  })

  test('only a resource is missing: the rest is shown', () => {
    const site = { '/': page(['/none.png', '/style.css']), '/style.css': resource(10, { type: 'text/css' }) }
    const world = loaded(pair(browser('http://bob/'), server(site), LINK))
    assert.deepEqual(pick(data(world, 'page:loaded'), 'resources', 'failures'), [[1, 1]])
  })
})

describe('connections that end', () => {
  test('after an old server without keep-alive: a new one each time', () => {
    const old = scripted(function* (socket) {
      yield* replies(socket, [`HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n${FOUR}`])
      socket.close()
    })
    const world = loaded(pair(browser('http://bob/', { connections: 2 }), old, LINK))
    assert.deepEqual(pick(data(world, 'page:loaded'), 'resources', 'bytes'), [[4, 5 * FOUR.length]])
    assert.equal(connections(world).length, 5)
  })

  test('a kept one dies under a request: the request is sent again, once', () => {
    const dying = scripted(
      function* (socket) {
        yield* replies(socket, [ok('<img src=1>')])
        yield* readHead(socket)
        socket.reset()
      },
      (socket) => replies(socket, [ok('x')]),
    )
    const world = loaded(pair(browser('http://bob/', { connections: 1 }), dying, LINK))
    assert.deepEqual(pick(data(world, 'http:request-sent'), 'id', 'retry'), [
      [1, undefined],
      [2, undefined],
      [2, 1],
    ])
    assert.deepEqual(pick(data(world, 'page:loaded'), 'resources', 'failures'), [[1, 0]])
    assert.deepEqual(pick(data(world, 'http:requests-retried'), 'ids', 'error'), [[[2], 'ECONNRESET']])
  })

  test('the new one dies, too: that was it', () => {
    const dying = scripted(
      function* (socket) {
        yield* replies(socket, [ok('<img src=1>')])
        yield* readHead(socket)
        socket.reset()
      },
      function* (socket) {
        yield* readHead(socket)
        socket.reset()
      },
    )
    const world = loaded(pair(browser('http://bob/', { connections: 1 }), dying, LINK))
    assert.equal(world.happened('http:request-sent').length, 3)
    assert.deepEqual(pick(data(world, 'page:loaded'), 'resources', 'failures'), [[0, 1]])
  })

  test('a fresh one dies: nothing is sent again, for the request may be what kills it', () => {
    const dying = scripted(function* (socket) {
      yield* readHead(socket)
      socket.reset()
    })
    const world = loaded(pair(browser('http://bob/'), dying, LINK))
    assert.equal(world.happened('http:request-sent').length, 1)
    assert.equal(data(world, 'page:failed').length, 1)
  })

  test('half a response has come: it is not asked for again', () => {
    const dying = scripted(function* (socket, { sleep }) {
      yield* replies(socket, [ok('<img src=1>'), 'HTTP/1.1 2'])
      yield* sleep(100 * MILLISECOND)
      socket.reset()
    })
    const world = loaded(pair(browser('http://bob/', { connections: 1 }), dying, LINK))
    assert.equal(world.happened('http:request-sent').length, 2)
    assert.deepEqual(pick(data(world, 'page:loaded'), 'failures'), [[1]])
  })

  test('POST is never sent twice (RFC 9110 section 9.2.2)', () => {
    const dying = scripted(function* (socket) {
      yield* replies(socket, [ok('x')])
      yield* readHead(socket)
      socket.reset()
    })
    const visits = [
      { url: 'http://bob/', at: 0, upload: 0 },
      { url: 'http://bob/', at: 500 * MILLISECOND, upload: 10 },
    ]
    const world = loaded(pair(browser([], { visits }), dying, LINK))
    assert.deepEqual(pick(data(world, 'http:request-sent'), 'method').flat(), ['GET', 'POST'])
    assert.equal(data(world, 'page:failed').length, 1)
  })

  test('a kept one is closed while nothing is in flight: the next request takes a new one', () => {
    const closing = scripted(function* (socket, { sleep }) {
      yield* replies(socket, [ok('x')])
      yield* sleep(50 * MILLISECOND)
      socket.close()
    })
    const visits = [0, 500].map((at) => ({ url: 'http://bob/', at: at * MILLISECOND, upload: 0 }))
    const world = loaded(pair(browser([], { visits }), closing, LINK))
    assert.equal(data(world, 'page:loaded').length, 2)
    assert.equal(connections(world).length, 2)
    assert.deepEqual(data(world, 'http:connection-failed'), [])
  })

  test('the close is announced in the middle of a pipeline: the rest goes over a new one, as often as it takes', () => {
    const one = (body: string) =>
      function* (socket: TcpSocket): ReturnType<TcpSocket['closed']> {
        yield* replies(socket, [ok(body, 'Connection: close\r\n')])
        socket.shutdown()
        while ((yield* socket.read()) !== undefined);
        socket.close()
      }
    const stubborn = scripted(function* (socket) {
      yield* replies(socket, [ok(FOUR)])
      yield* one('x')(socket)
    }, one('x'))
    const world = loaded(pair(browser('http://bob/', { connections: 1, pipelining: true }), stubborn, LINK))
    assert.deepEqual(pick(data(world, 'page:loaded'), 'resources', 'failures'), [[4, 0]])
    const sent = pick(data(world, 'http:request-sent'), 'id').flat()
    // All four behind the document; then, on the connection that replaces a broken one, one alone (RFC 9112 section 9.3.2).
    assert.deepEqual(sent, [1, 2, 3, 4, 5, 3, 4, 5, 5])
  })

  test('a pipeline breaks: its requests go over a new connection, the first alone, the others behind its response', () => {
    const dying = scripted(
      function* (socket) {
        yield* replies(socket, [ok(FOUR)])
        yield* readHead(socket)
        socket.reset()
      },
      function* (socket, { sleep }) {
        yield* readHead(socket)
        yield* sleep(100 * MILLISECOND)
        yield* socket.write(latin1(ok('x')))
        yield* readHead(socket)
        yield* socket.write(latin1(ok('x') + ok('x') + ok('x')))
      },
    )
    const world = loaded(pair(browser('http://bob/', { connections: 1, pipelining: true }), dying, LINK))
    assert.deepEqual(pick(data(world, 'page:loaded'), 'resources', 'failures'), [[4, 0]])
    const retried = world.happened('http:request-sent').filter((event) => event.data['retry'] === 1)
    assert.deepEqual(
      pick(
        retried.map((event) => event.data),
        'id',
      ).flat(),
      [2, 3, 4, 5],
    )
    assert.ok(retried[1].time - retried[0].time >= 100 * MILLISECOND)
    assert.equal(retried[3].time, retried[1].time)
  })

  test('a request that was sent again dies again, on another kept connection: that was it', () => {
    const dying = (answers: number) =>
      function* (socket: TcpSocket): ReturnType<TcpSocket['closed']> {
        yield* replies(
          socket,
          Array.from({ length: answers }, () => ok('<img src=1><img src=2><img src=3>')),
        )
        yield* readHead(socket)
        socket.reset()
      }
    const world = loaded(pair(browser('http://bob/', { connections: 2 }), scripted(dying(2), dying(1), dying(9)), LINK))
    const third = data(world, 'http:request-sent').filter(({ id }) => id === 4)
    assert.deepEqual(pick(third, 'retry').flat(), [undefined, 1])
    assert.deepEqual(pick(data(world, 'page:loaded'), 'resources', 'failures'), [[2, 1]])
    assert.equal(connections(world).length, 2)
  })

  test('a document dies with its resources pipelined behind it: none of them is sent again', () => {
    const document = `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5000\r\n\r\n${FOUR}`
    const dying = scripted(function* (socket, { sleep }) {
      yield* replies(socket, [document])
      yield* sleep(50 * MILLISECOND)
      socket.reset()
    })
    // The next visit keeps the browser open.
    const visits = [0, 1].map((at) => ({ url: 'http://bob/', at: at * SECOND, upload: 0 }))
    const world = pair(browser([], { visits, connections: 1, pipelining: true }), dying, LINK).run(900 * MILLISECOND)
    noFailures(world)
    assert.deepEqual(pick(data(world, 'page:failed'), 'error').flat(), ['ECONNRESET'])
    assert.deepEqual(pick(data(world, 'http:request-sent'), 'id').flat(), [1, 2, 3, 4, 5])
    assert.equal(connections(world, 'tcp:state-changed').length, 1)
  })

  test('a 1xx response is overlooked', () => {
    const hinting = scripted((socket) => replies(socket, [`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok('x')}`]))
    assert.deepEqual(pick(data(loaded(pair(browser('http://bob/'), hinting, LINK)), 'http:response-received'), 'status'), [[200]])
  })
})

test('a hostile link: every page comes whole, byte for byte, or fails with a reason', () => {
  const site = { ...SITE, '/': page(IMAGES.slice(0, 4), { size: 20_000 }) }
  fc.assert(
    fc.property(
      fc.record({
        seed: fc.nat({ max: 1000 }),
        loss: fc.constantFrom(0, 0.02, 0.1),
        corrupt: fc.constantFrom(0, 0.05),
        duplicate: fc.constantFrom(0, 0.1),
        reorder: fc.constantFrom(0, 0.2),
        jitter: fc.constantFrom(0, 5 * MILLISECOND),
      }),
      fc.record({ connections: fc.integer({ min: 1, max: 6 }), keepAlive: fc.boolean(), pipelining: fc.boolean() }),
      (link, options) => {
        const world = loaded(pair(browser('http://bob/', options), server(site), { ...LINK, ...link }), 1000 * SECOND)
        assert.deepEqual(pick(data(world, 'page:loaded'), 'resources', 'failures'), [[4, 0]])
        sameBodies(world)
      },
    ),
    { seed: 5, numRuns: 25 },
  )
})

describe('while it runs', () => {
  test('settings change, and count for what comes', () => {
    const app = new Browser({
      visits: [0, 1000].map((at) => ({ url: 'http://bob/', at: at * MILLISECOND, upload: 0 })),
      connections: 1,
    })
    const world = pair((context) => app.main(context), server(SITE), LINK).run(900 * MILLISECOND)
    assert.equal(connections(world).length, 1)
    app.configure('connections', 4)
    app.configure('pipelining', true)
    app.configure('timeout', 5 * SECOND)
    loaded(world)
    assert.equal(connections(world).length, 4)
    assert.equal(data(world, 'page:loaded').length, 2)
    app.configure('keepAlive', false)
  })

  test('anything else is refused', () => {
    const app = new Browser({})
    for (const [path, value] of [
      ['connections', 0],
      ['connections', 7],
      ['keepAlive', 'no'],
      ['visits', []],
      ['x', 1],
      ['timeout', -1],
    ] as const) {
      assert.throws(() => app.configure(path, value), { name: 'UnknownSetting', path })
    }
  })
})
