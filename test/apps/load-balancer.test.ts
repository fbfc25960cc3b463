import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AppContext, Blocking, TcpSocket } from '../../src/host/socket.ts'
import { LoadBalancer } from '../../src/apps/load-balancer.ts'
import {
  backends,
  balanced,
  balancer,
  CHECK,
  counted,
  generator,
  get,
  heard,
  LB,
  outcomes,
  picked,
  run,
  site,
  sites,
} from './balanced.ts'
import { app, browser, data, latin1, MILLISECOND, noFailures, readHead, resource, SECOND, server } from './site.ts'
import type { Body } from './site.ts'

/** Answers every request with these words, each written by itself. */
function saying(...words: readonly string[]): Body {
  return function* (context: AppContext): Blocking<void> {
    const listener = context.sockets.listen(80)
    for (;;) {
      const socket = yield* listener.accept()
      context.spawn(
        (function* () {
          for (;;) {
            if ((yield* readHead(socket)) === '') break
            for (const word of words) {
              yield* socket.write(latin1(word))
              yield* context.sleep(100 * MILLISECOND)
            }
          }
          socket.close()
        })(),
      )
    }
  }
}

const status = (code: number, body = '') => `HTTP/1.1 ${code} X\r\nContent-Length: ${body.length}\r\n\r\n${body}`
describe('requests', () => {
  test('go to the servers in turn, over connections that are kept', () => {
    const world = run([generator({ rate: 20, count: 90 })], balancer(3), sites(3))
    assert.deepEqual(picked(world), { s1: 30, s2: 30, s3: 30 })
    assert.deepEqual(outcomes(world), { 200: 90 })
    const toServers = world
      .happened('tcp:state-changed', 'lb')
      .filter(({ data: { to, why } }) => to === 'SYN-SENT' && why === 'active-open')
    assert.equal(toServers.length, 3)
  })

  test('say for whom they are, by Via and X-Forwarded-For and -Proto, behind what the client has said', () => {
    const seen: string[] = []
    const server: Body = function* (context) {
      const socket = yield* context.sockets.listen(80).accept()
      seen.push(yield* readHead(socket))
      yield* socket.write(latin1(status(200)))
    }
    heard([get('/a?b', 'X-Forwarded-For: 1.2.3.4\r\nConnection: X-Own\r\nX-Own: 1\r\nCookie: a=b\r\n')], balancer(1), [server])
    assert.match(seen[0], /^GET \/a\?b HTTP\/1\.1\r\nHost: lb\r\n/)
    assert.match(seen[0], /X-Forwarded-For: 1\.2\.3\.4\r\n/i)
    assert.match(seen[0], /X-Forwarded-For: 10\.0\.1\.1\r\nX-Forwarded-Proto: http\r\n/)
    assert.match(seen[0], /cookie: a=b\r\n/)
    assert.match(seen[0], /Via: 1\.1 packetarium\r\n/)
    assert.doesNotMatch(seen[0], /X-Own/i)
  })

  test('HEAD and 304 keep their connection to the server, and say what a GET would have got', () => {
    const { text, world } = heard(
      [get('/').replace('GET', 'HEAD'), get('/').replace('GET', 'HEAD'), get('/')],
      balancer(1),
      sites(1),
    )
    assert.equal([...text.matchAll(/Content-Length: 100\r\n/g)].length, 3)
    assert.equal(world.happened('tcp:state-changed', 's1').filter(({ data: { to } }) => to === 'ESTABLISHED').length, 1)
  })

  test('pages of a browser over HTTP/1.1 and HTTP/2 come whole through it', () => {
    for (const protocols of [['http/1.1'], ['h2']]) {
      const page = resource(3000, { type: 'text/html', resources: ['/a', '/b', '/c'] })
      const content = { '/': page, '/a': resource(50_000), '/b': resource(1), '/c': resource(120_000) }
      const servers = [1, 2].map(() => server(content))
      const world = run([browser('http://lb/', { protocols })], balancer(2, { protocols: ['h2', 'http/1.1'] }), servers)
      const loaded = data(world, 'http:response-received', 'c1').map(
        ({ status: code, bytes }) => `${String(code)} ${String(bytes)}`,
      )
      assert.deepEqual(loaded.sort(), ['200 1', '200 120000', '200 3000', '200 50000'])
    }
  })
})

describe('bodies', () => {
  test('an upload reaches the server while it still comes in, and nothing of it is kept', () => {
    const times: number[] = []
    const server: Body = function* (context) {
      const socket = yield* context.sockets.listen(80).accept()
      yield* readHead(socket)
      let all = ''
      while (!all.endsWith('end')) {
        const bytes = yield* socket.read()
        if (bytes === undefined) break
        all += Buffer.from(bytes).toString('latin1')
        times.push(context.environment.now)
      }
      yield* socket.write(latin1(status(200, all)))
    }
    const words = ['POST / HTTP/1.1\r\nHost: lb\r\nContent-Length: 11\r\n\r\n', 'one ', 'two ', 'end']
    const { text } = heard(words, balancer(1), [server])
    assert.match(text, /one two end$/)
    assert.equal(times.length, 3)
    assert.ok(times[1] - times[0] > 90 * MILLISECOND, 'its parts come as they were sent')
  })

  test('chunks without a known length, after 100 (Continue)', () => {
    const server: Body = function* (context) {
      const socket = yield* context.sockets.listen(80).accept()
      const head = yield* readHead(socket)
      assert.match(head, /Transfer-Encoding: chunked/)
      assert.doesNotMatch(head, /Expect/i)
      let all = ''
      while (!all.endsWith('0\r\n\r\n')) all += Buffer.from((yield* socket.read()) ?? latin1('0\r\n\r\n')).toString('latin1')
      yield* socket.write(latin1(status(200, all.replace(/[\r\n]/g, '.'))))
    }
    const head = 'POST / HTTP/1.1\r\nHost: lb\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n'
    const { text } = heard([head, '3\r\nabc\r\n', '2\r\nde\r\n', '0\r\n\r\n'], balancer(1), [server])
    assert.match(text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200/)
    assert.match(text, /3\.\.abc\.\.2\.\.de\.\.0/)
  })

  test('a large upload over HTTP/2 gets through its windows', () => {
    const uploader = app('browser', { visits: [{ url: 'http://lb/up', at: 0, upload: 3_000_000 }], protocols: ['h2'] })
    const world = run([uploader], balancer(1, { protocols: ['h2'] }), sites(1))
    assert.deepEqual(
      data(world, 'http:request-received', 's1').map(({ bytes }) => bytes),
      [3_000_000],
    )
    assert.equal(data(world, 'http:response-received', 'c1')[0]['status'], 200)
  })

  test('events of a stream come one by one, as they were sent', () => {
    const events = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'
    const arrivals: { at: number; text: string }[] = []
    const listener: Body = function* (context) {
      const socket = yield* context.sockets.connect({ address: LB, port: 80 }, { noDelay: true })
      yield* socket.write(latin1(get('/events')))
      for (let bytes = yield* socket.read(); bytes !== undefined; bytes = yield* socket.read()) {
        arrivals.push({ at: context.environment.now, text: Buffer.from(bytes).toString('latin1') })
        if (arrivals.length === 5) break
      }
      socket.close()
    }
    const world = run([listener], balancer(1), [
      saying(events, '5\r\none\n\n\r\n', '5\r\ntwo\n\n\r\n', '5\r\nsix\n\n\r\n', '5\r\nten\n\n\r\n'),
    ])
    assert.deepEqual(
      arrivals.slice(1).map(({ text }) => /one|two|six|ten/.exec(text)?.[0]),
      ['one', 'two', 'six', 'ten'],
    )
    for (let i = 2; i < 5; i++)
      assert.ok(Math.abs(arrivals[i].at - arrivals[i - 1].at - 100 * MILLISECOND) < MILLISECOND, 'at once')
    // Who has hung up is not sent to any more, nor is the server asked for more.
    const last = world.happened('tcp:state-changed', 'lb').filter(({ connection }) => connection.includes('10.0.2.1'))
    assert.ok(['CLOSED', 'TIME-WAIT'].includes(String(last.at(-1)?.data['to'])), 'it is over')
  })

  test('an answer that breaks off in its middle is not passed on as if it were whole', () => {
    const breaking: Body = function* (context) {
      const socket = yield* context.sockets.listen(80).accept()
      yield* readHead(socket)
      yield* socket.write(latin1('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'))
      yield* context.sleep(10 * MILLISECOND)
      socket.reset()
    }
    const { text } = heard([get('/')], balancer(1), [breaking])
    assert.match(text, /half/)
    assert.match(text, /ECONNRESET$/)
  })

  test('a client that breaks off its upload takes the connection to the server with it, and the server is not blamed', () => {
    const giver: Body = function* (context) {
      const socket = yield* context.sockets.connect({ address: LB, port: 80 })
      yield* socket.write(latin1('POST / HTTP/1.1\r\nHost: lb\r\nContent-Length: 1000\r\n\r\nhalf'))
      yield* context.sleep(100 * MILLISECOND)
      socket.reset()
    }
    const world = run(
      [giver],
      balancer(1, { outlier: { failures: 1, ejection: SECOND, longestEjection: SECOND, mostEjected: 1 } }),
      sites(1),
    )
    assert.equal(world.happened('balancer:failed').length, 0)
    assert.equal(world.happened('balancer:backend-changed').length, 0)
    assert.equal(world.happened('http:response-sent', 's1').length, 0)
    assert.equal(data(world, 'tcp:state-changed', 's1').at(-1)?.['to'], 'CLOSED')
  })
})

describe('failures', () => {
  const refusing: Body = function* (context) {
    yield* context.sleep(0)
  }

  test('no server at its port: another one answers, and nobody notices', () => {
    const world = run([generator({ rate: 20, count: 40 })], balancer(2), [refusing, site('s2')])
    assert.deepEqual(outcomes(world), { 200: 40 })
    assert.deepEqual(counted(world.happened('balancer:retried'), 'why'), { connect: world.happened('balancer:retried').length })
  })

  test('all gone: 502, and 504 where nobody says no', () => {
    assert.match(heard([get('/')], balancer(2, { retries: 5 }), [refusing, refusing]).text, /^HTTP\/1\.1 502 Bad Gateway/)
    const { text } = heard([get('/slow')], balancer(1, { tryTimeout: 100 * MILLISECOND, retries: 0 }), sites(1))
    assert.match(text, /^HTTP\/1\.1 504 Gateway Timeout/)
  })

  test('a connection that dies before the answer: GET goes elsewhere, POST does not', () => {
    const dying: Body = function* (context) {
      const listener = context.sockets.listen(80)
      for (;;) {
        const socket = yield* listener.accept()
        yield* readHead(socket)
        socket.reset()
      }
    }
    assert.match(heard([get('/')], balancer(2), [dying, site('s2')]).text, /^HTTP\/1\.1 200/)
    const post = 'POST / HTTP/1.1\r\nHost: lb\r\nContent-Length: 0\r\n\r\n'
    const { text, world } = heard([post], balancer(2), [dying, site('s2')])
    assert.match(text, /^HTTP\/1\.1 502/)
    assert.equal(world.happened('balancer:retried').length, 0)
  })

  test('a 503 is tried elsewhere when that is wished, and passed on when nobody has better', () => {
    const busy = saying(status(503, 'busy'))
    assert.match(heard([get('/')], balancer(2, { retryOn: ['503'] }), [busy, site('s2')]).text, /^HTTP\/1\.1 200/)
    assert.match(heard([get('/')], balancer(2, { retryOn: ['503'] }), [busy, busy]).text, /^HTTP\/1\.1 503 [^]*busy$/)
    assert.match(heard([get('/')], balancer(2), [busy, site('s2')]).text, /^HTTP\/1\.1 503/)
  })

  test('a budget keeps retries to a share of requests', () => {
    const world = run([generator({ rate: 50, count: 400 })], balancer(2, { retries: 5, retryBudget: 0.1 }), [refusing, refusing])
    const retries = world.happened('balancer:retried').length
    assert.ok(retries >= 45 && retries <= 50, `a tenth of 400, and ten in reserve: ${String(retries)}`)
    assert.deepEqual(outcomes(world), { 502: 400 })
  })

  test('a server that dies with requests under way: none of the idempotent ones fails', () => {
    const world = balanced(
      [generator({ rate: 100, count: 500 })],
      balancer(3, {
        check: CHECK,
        tryTimeout: 300 * MILLISECOND,
        retryOn: ['connect', 'broken', 'timeout'],
        connectTimeout: 200 * MILLISECOND,
        retries: 2,
      }),
      sites(3),
    )
    world
      .run(2 * SECOND)
      .kill('s2')
      .run(40 * SECOND)
    noFailures(world)
    assert.deepEqual(outcomes(world), { 200: 500 })
    assert.deepEqual(data(world, 'balancer:backend-changed'), [{ backend: 's2', state: 'down' }])
    assert.ok(world.happened('balancer:retried').length > 0, 'some had been on their way')
  })

  test('idle connections that a server has closed are not used', () => {
    const closing: Body = function* (context) {
      const listener = context.sockets.listen(80)
      for (;;) {
        const socket: TcpSocket = yield* listener.accept()
        yield* readHead(socket)
        yield* socket.write(latin1(status(200)))
        yield* context.sleep(20 * MILLISECOND)
        socket.close()
      }
    }
    const post = 'POST / HTTP/1.1\r\nHost: lb\r\nContent-Length: 0\r\n\r\n'
    const { text, world } = heard([post, post, post], balancer(1), [closing])
    assert.equal([...text.matchAll(/HTTP\/1\.1 200/g)].length, 3)
    assert.equal(world.happened('balancer:failed').length, 0)
  })
})

describe('health', () => {
  test('active checks take a server out after so many failures, and bring it back after so many passes', () => {
    const world = balanced(
      [generator({ rate: 10 })],
      balancer(2, { check: CHECK, tryTimeout: SECOND, retryOn: ['connect', 'broken', 'timeout'] }),
      sites(2),
    )
    world
      .run(3 * SECOND)
      .kill('s1')
      .run(10 * SECOND)
      .restart('s1')
      .run(20 * SECOND)
    const changes = world
      .happened('balancer:backend-changed')
      .map(({ time, data: { backend, state } }) => [backend, state, time] as const)
    assert.deepEqual(
      changes.map(([backend, state]) => `${String(backend)} ${String(state)}`),
      ['s1 down', 's1 up'],
    )
    assert.ok(changes[0][2] > 4 * SECOND && changes[0][2] < 6 * SECOND, `two checks later: ${String(changes[0][2])}`)
    assert.ok(changes[1][2] > 11 * SECOND && changes[1][2] < 13.2 * SECOND, `two checks later: ${String(changes[1][2])}`)
    const late = world.happened('balancer:picked').filter(({ time }) => time > 14 * SECOND)
    assert.ok(Math.abs(counted(late, 'backend')['s1'] - late.length / 2) <= 1, 'it has its share again')
  })

  test('slow start: a server that is back has its share only by and by', () => {
    const world = balanced(
      [generator({ rate: 100, arrivals: 'constant' })],
      balancer(2, { check: { ...CHECK, rise: 1 }, slowStart: 10 * SECOND, connectTimeout: 100 * MILLISECOND }),
      sites(2),
    )
    world
      .run(2 * SECOND)
      .kill('s1')
      .run(6 * SECOND)
      .restart('s1')
      .run(30 * SECOND)
    const back = world.happened('balancer:backend-changed').find(({ data: { state } }) => state === 'slow-start')?.time ?? 0
    assert.ok(back > 6 * SECOND, 'it is back')
    const share = (from: number, to: number) => {
      const picks = world
        .happened('balancer:picked')
        .filter(({ time }) => time >= back + from * SECOND && time < back + to * SECOND)
      return (counted(picks, 'backend')['s1'] ?? 0) / picks.length
    }
    assert.ok(share(0, 1) < 0.2, `at first little: ${String(share(0, 1))}`)
    assert.ok(share(4, 6) > 0.3 && share(4, 6) < 0.4, `in the middle half as much as the other: ${String(share(4, 6))}`)
    assert.ok(Math.abs(share(11, 16) - 0.5) < 0.02, `then all: ${String(share(11, 16))}`)
    assert.equal(data(world, 'balancer:backend-changed').at(-1)?.['state'], 'up')
  })

  test('passive checks eject who fails, for longer each time, but never more than a share of all', () => {
    const failing = saying(status(500))
    const outlier = { failures: 3, ejection: 2 * SECOND, longestEjection: 5 * SECOND, mostEjected: 0.5 }
    const world = run([generator({ rate: 100 })], balancer(3, { outlier }), [failing, failing, site('s3')], 20)
    const ejected = world.happened('balancer:backend-changed').filter(({ data: { state } }) => state === 'ejected')
    assert.ok(ejected.length >= 3, `more than once: ${String(ejected.length)}`)
    let [out, most] = [0, 0]
    for (const {
      data: { state },
    } of world.happened('balancer:backend-changed')) {
      out += state === 'ejected' ? 1 : -1
      most = Math.max(most, out)
    }
    assert.equal(most, 1, 'half of three is one')
    const first = world
      .happened('balancer:backend-changed')
      .filter(({ data: { backend } }) => backend === ejected[0].data['backend'])
    const lasted = first.flatMap(({ time, data: { state } }, i) => (state === 'up' ? [time - first[i - 1].time] : []))
    assert.equal(lasted[0], 2 * SECOND)
    assert.ok(lasted.length < 2 || lasted[1] >= lasted[0], String(lasted))
  })

  test('a circuit breaker opens on failures, lets one request at a time find out, and closes again', () => {
    const breaker = { failureShare: 0.5, minRequests: 10, window: 10 * SECOND, openFor: SECOND, trials: 3 }
    const world = balanced(
      [generator({ rate: 50 })],
      balancer(1, { breaker, retries: 0, connectTimeout: 100 * MILLISECOND, tryTimeout: 200 * MILLISECOND }),
      sites(1),
    )
    world
      .run(SECOND)
      .kill('s1')
      .run(5 * SECOND)
      .restart('s1')
      .run(10 * SECOND)
    noFailures(world)
    const states = world.happened('balancer:circuit-changed').map(({ data: { state } }) => state)
    assert.deepEqual(states.slice(0, 3), ['open', 'half-open', 'open'])
    assert.equal(states.at(-1), 'closed')
    assert.deepEqual(counted(world.happened('balancer:refused'), 'why'), {
      'no server': world.happened('balancer:refused').length,
    })
    assert.ok(world.happened('balancer:refused').length > 100, 'most are refused at once while it is open')
    const late = world.happened('request:ended').filter(({ time }) => time > 8 * SECOND)
    assert.deepEqual(counted(late, 'status'), { 200: late.length })
  })

  test('draining: nothing new, what is under way ends well, and that it has ended is said', () => {
    const lb = new LoadBalancer({ backends: backends(2) })
    const world = balanced(
      [generator({ rate: 20 }), generator({ url: 'http://lb/slow', arrivals: 'closed', concurrency: 4 })],
      (context) => lb.main(context),
      sites(2),
    )
    world.run(3 * SECOND)
    lb.configure('backends[0].drain', true)
    world.run(8 * SECOND)
    lb.configure('backends[0].drain', false)
    world.run(12 * SECOND)
    noFailures(world)
    const picks = world.happened('balancer:picked').filter(({ data: { backend } }) => backend === 's1')
    assert.ok(!picks.some(({ time }) => time > 3 * SECOND && time < 8 * SECOND), 'nothing new')
    assert.ok(
      picks.some(({ time }) => time > 8 * SECOND),
      'later again',
    )
    assert.deepEqual(data(world, 'balancer:backend-changed'), [
      { backend: 's1', state: 'draining' },
      { backend: 's1', state: 'up' },
    ])
    const drained = world.happened('balancer:backend-drained')[0]
    assert.ok(drained.time > 3 * SECOND && drained.time < 3.7 * SECOND, `when the slow ones have ended: ${String(drained.time)}`)
    assert.deepEqual(Object.keys(outcomes(world)), ['200'])
  })
})
