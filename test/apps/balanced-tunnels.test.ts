import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { Http2Client } from '../../src/protocols/http2/client.ts'
import { SocketError } from '../../src/host/socket.ts'
import type { AppContext, Blocking, TcpSocket } from '../../src/host/socket.ts'
import type { World } from '../host/world.ts'
import { balanced } from './balanced.ts'
import { app, data, latin1, MILLISECOND, noFailures, readAll, readHead, SECOND } from './site.ts'
import type { Body } from './site.ts'

const LB = 0x0a000001
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const UPGRADE = `GET /chat HTTP/1.1\r\nHost: lb\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n`

function balancer(count: number, options: Record<string, unknown> = {}): Body {
  const backends = Array.from({ length: count }, (_, i) => ({ url: `http://s${i + 1}`, weight: 1, drain: false }))
  return app('load-balancer', { backends, ...options })
}

/** RFC 6455 section 4.2.2. */
function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}

/** Switches protocols for everybody, says a greeting in the same breath, and sends back what it hears. */
function echo(seen: string[] = [], greeting = 'hello '): Body {
  return function* (context: AppContext): Blocking<void> {
    const listener = context.sockets.listen(80, { backlog: 4096 })
    for (;;) context.spawn(serve(yield* listener.accept()))
  }
  function* serve(socket: TcpSocket): Blocking<void> {
    const head = yield* readHead(socket)
    seen.push(head)
    const key = /sec-websocket-key: (\S+)/i.exec(head)?.[1] ?? ''
    const accept = `Sec-WebSocket-Accept: ${acceptOf(key)}`
    yield* socket.write(
      latin1(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${accept}\r\n\r\n${greeting}`),
    )
    try {
      for (let bytes = yield* socket.read(); bytes !== undefined; bytes = yield* socket.read()) yield* socket.write(bytes)
      socket.shutdown()
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
    }
  }
}

/** Upgrades, says words, and hears what comes. */
function speaker(heard: string[], words: readonly string[], how: 'finish' | 'reset' | 'stay' = 'finish'): Body {
  return function* (context) {
    const socket = yield* context.sockets.connect({ address: LB, port: 80 }, { noDelay: true })
    const reader = context.spawn(
      (function* () {
        heard.push(yield* readAll(socket))
      })(),
    )
    for (const word of words) {
      yield* socket.write(latin1(word))
      yield* context.sleep(50 * MILLISECOND)
    }
    if (how === 'finish') socket.shutdown()
    if (how === 'reset') socket.reset()
    yield* reader.join()
  }
}

function lastState(world: World, host: string): unknown {
  return data(world, 'tcp:state-changed', host).at(-1)?.['to']
}

describe('what became of a request to switch protocols', () => {
  test('goes both ways byte for byte, the first bytes behind the heads included', () => {
    const [heard, seen]: string[][] = [[], []]
    const world = balanced([speaker(heard, [`${UPGRADE}eager `, 'one ', '\0\x81\xff two'])], balancer(1), [echo(seen)])
    world.run(20 * SECOND)
    noFailures(world)
    const [head, body] = heard[0].split('\r\n\r\n')
    assert.match(head, /^HTTP\/1\.1 101 Switching Protocols\r\n/)
    assert.match(head, /Upgrade: websocket\r\nConnection: Upgrade\r\n/)
    // RFC 6455 section 1.3.
    assert.match(head, /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/)
    assert.equal(body, 'hello eager one \0\x81\xff two')
    assert.match(seen[0], /^GET \/chat HTTP\/1\.1\r\nHost: lb\r\n[^]*Upgrade: websocket\r\nConnection: Upgrade\r\n/)
    assert.match(seen[0], /X-Forwarded-For: 10\.0\.1\.1/)
    assert.deepEqual(data(world, 'balancer:tunnel-closed'), [{ backend: 's1', up: 17, down: 23, isSilent: false }])
    assert.ok(['CLOSED', 'TIME-WAIT'].includes(String(lastState(world, 'c1'))), 'both ends have finished')
    assert.ok(['CLOSED', 'TIME-WAIT'].includes(String(lastState(world, 's1'))), 'both ends have finished')
  })

  test('the client breaks off: so does the server’s connection', () => {
    const world = balanced([speaker([], [UPGRADE, 'one'], 'reset')], balancer(1), [echo()])
    world.run(20 * SECOND)
    noFailures(world)
    assert.equal(lastState(world, 's1'), 'CLOSED')
    assert.equal(world.happened('balancer:tunnel-closed').length, 1)
  })

  test('the server breaks off: so does the client’s connection', () => {
    const heard: string[] = []
    const breaking: Body = function* (context) {
      const socket = yield* context.sockets.listen(80).accept()
      yield* readHead(socket)
      yield* socket.write(latin1('HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'))
      yield* context.sleep(SECOND)
      socket.reset()
    }
    const world = balanced([speaker(heard, [UPGRADE], 'stay')], balancer(1), [breaking])
    world.run(20 * SECOND)
    noFailures(world)
    assert.match(heard[0], /ECONNRESET$/)
  })

  test('a server that does not want to: its answer is passed on, and HTTP goes on', () => {
    const heard: string[] = []
    const refusing: Body = function* (context) {
      const socket = yield* context.sockets.listen(80).accept()
      yield* readHead(socket)
      yield* socket.write(latin1('HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno'))
      yield* readHead(socket)
      yield* socket.write(latin1('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes'))
    }
    const world = balanced([speaker(heard, [UPGRADE, 'GET / HTTP/1.1\r\nHost: lb\r\n\r\n'])], balancer(1), [refusing])
    world.run(20 * SECOND)
    noFailures(world)
    assert.match(heard[0], /^HTTP\/1\.1 426 [^]*no[^]*HTTP\/1\.1 200 [^]*yes$/)
  })

  test('nobody there: another server, then 502', () => {
    const gone: Body = function* (context) {
      yield* context.sleep(0)
    }
    for (const [servers, status] of [
      [[gone, echo()], '101'],
      [[gone, gone], '502'],
    ] as const) {
      const heard: string[] = []
      const world = balanced([speaker(heard, [UPGRADE])], balancer(2), servers)
      world.run(20 * SECOND)
      noFailures(world)
      assert.ok(heard[0].startsWith(`HTTP/1.1 ${status}`), heard[0])
    }
  })

  test('tunnelTimeout: a tunnel through which nothing goes for so long is broken off at both ends; one that is used stays', () => {
    const seen: string[] = []
    const [silent, used]: [string[], string[]] = [[], []]
    const more = Array.from({ length: 100 }, (_, i) => `<${i}>`)
    const world = balanced(
      [speaker(silent, [UPGRADE, 'a'], 'stay'), speaker(used, [UPGRADE, ...more], 'stay')],
      balancer(1, { tunnelTimeout: SECOND }),
      [echo(seen)],
    )
    world.run(5.5 * SECOND)
    noFailures(world)
    const closed = world.happened('balancer:tunnel-closed')
    assert.deepEqual(
      closed.map(({ data: { up, isSilent } }) => ({ up, isSilent })),
      [{ up: 1, isSilent: true }],
    )
    assert.ok(closed[0].time > SECOND && closed[0].time < 1.3 * SECOND, 'a second after the last byte')
    world.run(9 * SECOND)
    assert.equal(world.happened('balancer:tunnel-closed').length, 2)
    assert.deepEqual([lastState(world, 'c1'), lastState(world, 'c2'), lastState(world, 's1')], ['CLOSED', 'CLOSED', 'CLOSED'])
    noFailures(world)
  })

  test('cutDown: who is taken for down loses its tunnels at once; otherwise they stay until TCP finds out', () => {
    for (const cutDown of [true, false]) {
      const heard: string[] = []
      const check = { path: '/', interval: SECOND, timeout: 200 * MILLISECOND, rise: 1, fall: 2 }
      const world = balanced([speaker(heard, [UPGRADE], 'stay')], balancer(1, { check, cutDown }), [echo([], '')])
      world
        .run(3 * SECOND)
        .kill('s1')
        .run(10 * SECOND)
      noFailures(world)
      assert.equal(heard.length === 1, cutDown)
    }
  })

  test('a tunnel counts as a connection of its server, which is drained when it ends', () => {
    const options = { maxConnections: 1, queueTimeout: 100 * MILLISECOND }
    const [first, second]: string[][] = [[], []]
    const world = balanced([speaker(first, [UPGRADE], 'stay'), speaker(second, ['', UPGRADE])], balancer(1, options), [echo()])
    world.run(5 * SECOND)
    assert.match(second[0], /^HTTP\/1\.1 503/)
    assert.equal(first.length, 0)
  })
})

describe('WebSockets over HTTP/2 (RFC 8441)', () => {
  /** One stream per word, each sending its word twice and finishing; what comes back is noted by stream. */
  function speakerOverHttp2(heard: Map<number, string>, words: readonly string[]): Body {
    return function* (context) {
      const { environment } = context
      const socket = yield* context.sockets.connect({ address: LB, port: 80 }, { noDelay: true })
      const client = new Http2Client()
      const flush = function* (): Blocking<void> {
        for (let piece = client.pollTransmit(environment.now); piece; piece = client.pollTransmit(environment.now))
          yield* socket.write(piece)
      }
      const saying = new Map<number, string>()
      yield* flush()
      for (let open = -1; open !== 0;) {
        const bytes = yield* socket.read()
        if (bytes === undefined) return
        client.handle(bytes, environment.now)
        for (let event = client.pollEvent(); event !== undefined; event = client.pollEvent()) {
          if (event.type === 'settings' && open < 0) {
            open = words.length
            for (const word of words) {
              const fields = [{ name: 'sec-websocket-version', value: '13' }]
              const head = { method: 'CONNECT', protocol: 'websocket', scheme: 'http', authority: 'lb', path: '/chat', fields }
              saying.set(client.request({ ...head, body: 'unknown' }), word)
            }
          } else if (event.type === 'response') {
            const word = latin1(saying.get(event.stream) ?? '')
            heard.set(event.stream, `${String(event.status)} ${event.fields.map(({ name }) => name).join(',')} `)
            client.sendBody(event.stream, word)
            client.sendBody(event.stream, word)
            client.endBody(event.stream)
          } else if (event.type === 'data') {
            heard.set(event.stream, (heard.get(event.stream) ?? '') + Buffer.from(event.bytes).toString('latin1'))
          } else if (event.type === 'end') open--
        }
        yield* flush()
      }
      client.shutdown()
      yield* flush()
      socket.close()
    }
  }

  test('each is a WebSocket over HTTP/1.1 to the server, with a key of its own', () => {
    const heard = new Map<number, string>()
    const seen: string[] = []
    const big = 'x'.repeat(100_000)
    const world = balanced([speakerOverHttp2(heard, ['one', 'two', big])], balancer(1, { protocols: ['h2', 'http/1.1'] }), [
      echo(seen),
    ])
    world.run(20 * SECOND)
    noFailures(world)
    assert.deepEqual([...heard.values()], [`200 via hello oneone`, `200 via hello twotwo`, `200 via hello ${big}${big}`])
    const keys = seen.map((head) => /Sec-WebSocket-Key: (\S+)/.exec(head)?.[1])
    assert.equal(new Set(keys).size, 3)
    for (const head of seen)
      assert.match(head, /^GET \/chat HTTP\/1\.1\r\nHost: lb\r\n[^]*Upgrade: websocket\r\nConnection: Upgrade\r\n/)
    assert.equal(world.happened('balancer:tunnel-closed').length, 3)
  })
})
