import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createApp } from '../../../src/apps/registry.ts'
import { acceptOf } from './accept.ts'
import type { Blocking, TcpSocket } from '../../../src/host/socket.ts'
import { World, type HappenedEvent, type HostPlan } from '../../host/world.ts'
import { pair, switched } from '../../host/topologies.ts'
import { app, data, latin1, MILLISECOND, noFailures, readHead, scripted, SECOND, type Body } from '../site.ts'
import { clientTls, serverTls } from '../secure.ts'

const TRANSPORTS = ['websocket', 'sse', 'long-poll', 'poll'] as const

function client(options: Record<string, unknown> = {}): Body {
  return app('live-client', { servers: ['http://bob'], poll: 200 * MILLISECOND, ...options })
}

function states(world: World, host = 'alice'): HappenedEvent['data'][] {
  return data(world, 'client:state-changed', host)
}

function stateNames(world: World, host = 'alice'): unknown[] {
  return states(world, host).map(({ state }) => state)
}

/** Bytes of a server's text message, of up to 125 of them. */
function frame(text: string): Uint8Array {
  return latin1(`\x81${String.fromCharCode(text.length)}${text}`)
}

const WELCOME = '{"type":"welcome","session":"s1","resumed":false}'

/** Grants an upgrade. */
function* granted(socket: TcpSocket): Blocking<void> {
  const head = yield* readHead(socket)
  const key = /sec-websocket-key: (.*)\r/i.exec(head)?.[1] ?? ''
  const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}`
  yield* socket.write(latin1(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`))
}

/** Lets a client in, says something, and holds the line. */
function saying(...frames: readonly Uint8Array[]) {
  return function* (socket: TcpSocket): Blocking<void> {
    yield* granted(socket)
    yield* socket.read()
    for (const bytes of [frame(WELCOME), ...frames]) yield* socket.write(bytes)
    // The client's Close: the server is the one who ends the connection.
    yield* socket.read()
    socket.close()
  }
}

describe('over each transport', () => {
  for (const transport of TRANSPORTS) {
    test(`${transport}: a client hears news, says things, and has them acknowledged`, () => {
      const world = pair(
        client({ transport, say: { interval: 500 * MILLISECOND, size: 30 } }),
        app('live-server', { news: { interval: SECOND } }),
        { delay: 5 * MILLISECOND },
      ).run(5500 * MILLISECOND)
      noFailures(world)
      assert.deepEqual(stateNames(world), ['connecting', 'connected'])
      assert.deepEqual(
        data(world, 'news:received').map(({ id }) => id),
        data(world, 'news:published').map(({ id }) => id),
      )
      const sent = data(world, 'chat:sent').map(({ key }) => key)
      assert.ok(sent.length >= 10, `${String(sent.length)} said`)
      const acknowledged = data(world, 'chat:acknowledged').map(({ key }) => key)
      assert.ok(sent.length - acknowledged.length <= 1, 'but for the last, perhaps')
      assert.deepEqual(acknowledged, sent.slice(0, acknowledged.length))
      assert.deepEqual(
        data(world, 'chat:heard')
          .map(({ id }) => id)
          .slice(0, 9),
        data(world, 'chat:said')
          .map(({ id }) => id)
          .slice(0, 9),
      )
      const longest = Math.max(...data(world, 'news:received').map(({ delay }) => Number(delay)))
      const most = { websocket: 6, sse: 6, 'long-poll': 16, poll: 220 }[transport]
      assert.ok(longest >= 5 * MILLISECOND && longest <= most * MILLISECOND, `${String(longest)} ns to hear it`)
    })

    test(`${transport}: a server that was killed is found again, what was missed is told, what was said is said again`, () => {
      const heartbeat = { interval: 500 * MILLISECOND, timeout: 500 * MILLISECOND }
      const world = pair(
        client({
          transport,
          heartbeat,
          say: { interval: 300 * MILLISECOND },
          reconnect: { base: 100 * MILLISECOND, cap: SECOND },
        }),
        app('live-server', { heartbeat: 200 * MILLISECOND }),
        { delay: 5 * MILLISECOND },
      )
      world
        .run(3 * SECOND)
        .kill('bob')
        .run(5 * SECOND)
        .restart('bob')
        .run(12 * SECOND)
      noFailures(world)
      const told = stateNames(world)
      assert.deepEqual(told.slice(0, 3), ['connecting', 'connected', 'backing-off'])
      assert.equal(told.at(-1), 'connected')
      const sent = new Set(data(world, 'chat:sent').map(({ key }) => key))
      const acknowledged = data(world, 'chat:acknowledged').map(({ key }) => key)
      assert.equal(new Set(acknowledged).size, acknowledged.length, 'none is acknowledged twice')
      assert.ok(sent.size - acknowledged.length <= 2, 'all but the last are acknowledged')
      assert.ok(
        data(world, 'chat:sent').some(({ again }) => again),
        'some were said again',
      )
    })
  }

  test('websocket: under TLS, where a session is resumed the second time', () => {
    const world = pair(
      client({ servers: ['https://bob'], tls: clientTls(), heartbeat: { interval: SECOND, timeout: SECOND } }),
      app('live-server', { tls: serverTls({ plain: 'off' }) }),
      { delay: 5 * MILLISECOND },
    )
    world
      .run(2 * SECOND)
      .link(0, { up: false })
      .run(4 * SECOND)
      .link(0, { up: true })
      .run(12 * SECOND)
    noFailures(world)
    assert.deepEqual(
      data(world, 'tls:connected', 'alice').map(({ resumed }) => resumed),
      [false, true],
    )
    assert.deepEqual(stateNames(world).filter((state) => state === 'connected').length, 2)
    assert.match(String(data(world, 'websocket:opened', 'alice')[0]?.['url']), /^wss:\/\/bob\/live$/)
  })

  test('websocket: with compression where both want it', () => {
    const world = pair(client({ compression: true }), app('live-server', { compression: true, news: { interval: SECOND } })).run(
      3500 * MILLISECOND,
    )
    noFailures(world)
    assert.equal(data(world, 'websocket:opened', 'alice')[0]?.['extensions'], 'permessage-deflate')
    assert.equal(data(world, 'news:received').length, 3)
  })
})

describe('which server', () => {
  const three = (options: Record<string, unknown>, names: HostPlan['names'] = {}): World =>
    new World({
      seed: 3,
      hosts: {
        alice: {
          apps: [client(options)],
          names: { bob: '10.0.0.2', carol: '10.0.0.3', live: ['10.0.0.2', '10.0.0.3'], ...names },
        },
        bob: { apps: [app('live-server', {})] },
        carol: { apps: [app('live-server', {})] },
        switch: { kind: 'switch' },
      },
      links: [
        { between: ['alice 10.0.0.1/24', 'switch'] },
        { between: ['bob 10.0.0.2/24', 'switch'] },
        { between: ['carol 10.0.0.3/24', 'switch'] },
      ],
    })
  const quick = { heartbeat: { interval: 200 * MILLISECOND, timeout: 200 * MILLISECOND }, reconnect: { base: 10 * MILLISECOND } }

  for (const pick of ['in-order', 'random']) {
    test(`${pick}: when the server of a list goes, the other one is tried`, () => {
      const world = three({ servers: ['http://bob', 'http://carol'], pick, ...quick })
      world.run(SECOND)
      const [, { server: first }] = states(world)
      world.kill(String(first)).run(4 * SECOND)
      noFailures(world)
      const second = states(world).filter(({ state }) => state === 'connected')[1]
      assert.deepEqual([String(first), String(second['server'])].sort(), ['bob', 'carol'])
    })

    test(`${pick}: when a name has several addresses, the other one is tried`, () => {
      const world = three({ servers: ['http://live'], pick, ...quick })
      world.run(SECOND)
      const served = (): string[] => ['bob', 'carol'].filter((host) => data(world, 'live:joined', host).length > 0)
      const [first] = served()
      world.kill(first).run(4 * SECOND)
      noFailures(world)
      assert.deepEqual(served().sort(), ['bob', 'carol'])
    })
  }

  test('a path in front of all paths goes along', () => {
    const targets: string[] = []
    const world = pair(
      client({ servers: ['http://bob/chat/'] }),
      scripted(function* (socket) {
        targets.push((yield* readHead(socket)).split(' ')[1])
        socket.close()
      }),
    ).run(100 * MILLISECOND)
    noFailures(world)
    assert.equal(targets[0], '/chat/live')
  })
})

describe('when', () => {
  test('a crowd of clients starts evenly spread', () => {
    const starts: number[] = []
    for (let seed = 1; seed <= 60; seed++) {
      const world = new World({
        seed,
        hosts: { alice: { apps: [client({ start: SECOND, startWithin: 2 * SECOND })], names: { bob: '10.0.0.2' } }, bob: {} },
        links: [{ between: ['alice 10.0.0.1/24', 'bob 10.0.0.2/24'] }],
      }).run(3 * SECOND)
      assert.equal(stateNames(world)[0], 'idle')
      starts.push(world.happened('client:state-changed').find((event) => event.data['state'] === 'connecting')?.time ?? 0)
    }
    const early = starts.filter((time) => time < 2 * SECOND).length
    assert.ok(Math.min(...starts) >= SECOND && Math.max(...starts) < 3 * SECOND, 'within the time')
    assert.ok(early > 15 && early < 45, `${String(early)} of 60 in the first half`)
  })

  test('a client that stops says Close, and is gone; nothing of it is left', () => {
    for (const transport of TRANSPORTS) {
      const say = { interval: 300 * MILLISECOND }
      const world = pair(client({ transport, say, stop: 2 * SECOND }), app('live-server', {}), { delay: 20 * MILLISECOND })
      world.run(3 * SECOND)
      noFailures(world)
      assert.deepEqual(stateNames(world), ['connecting', 'connected', 'gone'], transport)
      assert.equal(data(world, 'app:ended', 'alice').length, 1)
      assert.ok(
        world.happened('chat:sent', 'alice').every(({ time }) => time <= 2 * SECOND),
        'it says nothing any more',
      )
    }
  })

  test('a client that stops while it waits to come back is gone, too', () => {
    const world = pair(client({ stop: 2 * SECOND, reconnect: { policy: 'fixed', jitter: 'none', base: 30 * SECOND } })).run(
      60 * SECOND,
    )
    noFailures(world)
    assert.deepEqual(stateNames(world), ['connecting', 'backing-off', 'gone'])
  })

  test('after so many attempts it gives up', () => {
    const reconnect = { policy: 'fixed', jitter: 'none', base: 100 * MILLISECOND, attempts: 3 }
    const world = pair(client({ reconnect })).run(60 * SECOND)
    noFailures(world)
    assert.deepEqual(
      states(world).map(({ state, attempt, why }) => [state, attempt, why]),
      [
        ['connecting', 1, undefined],
        ['backing-off', 2, 'ECONNREFUSED'],
        ['connecting', 2, undefined],
        ['backing-off', 3, 'ECONNREFUSED'],
        ['connecting', 3, undefined],
        ['gone', undefined, 'ECONNREFUSED'],
      ],
    )
  })

  test('a server that accepts and says nothing is given up in time', () => {
    for (const transport of TRANSPORTS) {
      const world = pair(
        client({ transport, connectTimeout: SECOND, reconnect: { policy: 'fixed', jitter: 'none', base: 100 * MILLISECOND } }),
        scripted(function* (socket, { sleep }) {
          yield* sleep(60 * SECOND)
          socket.close()
        }),
      ).run(1050 * MILLISECOND)
      noFailures(world)
      assert.deepEqual(
        states(world).map(({ state, why }) => [state, why]),
        [
          ['connecting', undefined],
          ['backing-off', 'ETIMEDOUT'],
        ],
        transport,
      )
    }
  })

  test('a dead peer is noticed by the heartbeat: after the silence and the time to answer, and not before', () => {
    const heartbeat = { interval: 2 * SECOND, timeout: SECOND }
    const world = pair(client({ heartbeat }), app('live-server', {}), { delay: 5 * MILLISECOND })
    world.run(9 * SECOND)
    assert.deepEqual(stateNames(world), ['connecting', 'connected'], 'as long as it answers nothing is missed')
    world.link(0, { up: false }).run(20 * SECOND)
    noFailures(world)
    const [{ silence }] = data(world, 'client:heartbeat-missed')
    assert.equal(Math.round(Number(silence) / MILLISECOND), 3000)
    const lost = states(world).find(({ state }) => state === 'backing-off')
    assert.equal(lost?.['why'], 'silence')
  })
})

describe('what servers tell', () => {
  const fixed = (honour: boolean) => ({ policy: 'fixed', jitter: 'none', base: 100 * MILLISECOND, honour })
  const firstWait = (options: Record<string, unknown>, server: Body): unknown => {
    const world = pair(client(options), server).run(2 * SECOND)
    noFailures(world)
    return states(world).find(({ state }) => state === 'backing-off')?.['wait']
  }
  const answering = (answer: string): Body =>
    scripted(function* (socket) {
      yield* readHead(socket)
      yield* socket.write(latin1(answer))
      socket.close()
    })

  test('Retry-After is waited, and the policy’s wait on top; unless nobody cares', () => {
    for (const transport of TRANSPORTS) {
      const server = answering('HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n')
      assert.equal(firstWait({ transport, reconnect: fixed(true) }, server), 7100 * MILLISECOND, transport)
      assert.equal(firstWait({ transport, reconnect: fixed(false) }, server), 100 * MILLISECOND, transport)
    }
  })

  test('go-away: the client says Close, and waits as long as it says', () => {
    const server = scripted(saying(frame('{"type":"go-away","after":2500}'), latin1('\x88\x02\x03\xe8')))
    assert.equal(firstWait({ reconnect: fixed(true) }, server), 2600 * MILLISECOND)
    assert.equal(firstWait({ reconnect: fixed(false) }, server), 100 * MILLISECOND)
  })

  test('close codes 1012 and 1013: between 5 s and 30 s; any other code: nothing', () => {
    for (const [code, least, most] of [
      ['\x03\xf4', 5, 30],
      ['\x03\xf5', 5, 30],
      ['\x03\xe8', 0, 0],
    ] as const) {
      const wait = Number(firstWait({ reconnect: fixed(true) }, scripted(saying(latin1(`\x88\x02${code}`)))))
      assert.ok(wait >= least * SECOND + 100 * MILLISECOND && wait <= most * SECOND + 100 * MILLISECOND, String(wait))
    }
  })

  test('retry of an event stream is waited when the stream ends', () => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n'
    const options = { transport: 'sse', reconnect: fixed(true) }
    assert.equal(firstWait(options, answering(`${head}retry: 1500\n\n`)), 1600 * MILLISECOND)
    assert.equal(firstWait(options, answering(head)), 100 * MILLISECOND)
  })

  test('204 to an event stream ends it for good', () => {
    const world = pair(client({ transport: 'sse' }), answering('HTTP/1.1 204 No Content\r\n\r\n')).run(100 * SECOND)
    noFailures(world)
    assert.deepEqual(stateNames(world), ['connecting', 'gone'])
  })

  test('cookies come back, so that a balancer can send the client where it was', () => {
    const heads: string[] = []
    const world = pair(
      client({ transport: 'poll', servers: ['http://bob'], reconnect: fixed(true) }),
      scripted(function* (socket) {
        for (const set of [
          'Set-Cookie: server=a; Path=/\r\nSet-Cookie: x="1"; HttpOnly\r\n',
          'Set-Cookie: x=; Max-Age=0\r\n',
          '',
        ]) {
          heads.push(yield* readHead(socket))
          yield* socket.write(latin1(`HTTP/1.1 200 OK\r\n${set}Content-Length: 24\r\n\r\n{"last":0,"messages":[]}`))
        }
        socket.close()
      }),
    ).run(SECOND)
    noFailures(world)
    assert.deepEqual(
      heads.slice(0, 3).map((head) => /Cookie: (.*)\r/.exec(head)?.[1]),
      [undefined, 'server=a; x="1"', 'server=a'],
    )
  })
})

describe('coming back', () => {
  test('with resume a client says what it has; without it all begins anew', () => {
    for (const resume of [true, false]) {
      const hellos: string[] = []
      const targets: string[] = []
      pair(
        [
          client({ resume, reconnect: { base: MILLISECOND } }),
          client({ resume, transport: 'long-poll', servers: ['http://bob:81'] }),
        ],
        [
          scripted(function* (socket) {
            yield* granted(socket)
            const bytes = Buffer.from((yield* socket.read()) ?? [])
            const mask = bytes.subarray(2, 6)
            hellos.push(String.fromCharCode(...bytes.subarray(6).map((byte, i) => byte ^ mask[i % 4])))
            yield* socket.write(frame(WELCOME))
            yield* socket.write(frame('{"type":"said","id":41,"text":"x","sentAt":0}'))
            socket.close()
          }),
          function* (context) {
            const listener = context.sockets.listen(81)
            const socket = yield* listener.accept()
            for (let i = 0; i < 2; i++) {
              targets.push((yield* readHead(socket)).split(' ')[1])
              const body = '{"last":7,"messages":[{"type":"news","id":7,"text":"x","sentAt":0}]}'
              yield* socket.write(latin1(`HTTP/1.1 200 OK\r\nContent-Length: ${String(body.length)}\r\n\r\n${body}`))
            }
            socket.close()
          },
        ],
      ).run(SECOND)
      assert.deepEqual(
        hellos.slice(0, 2).map((text) => JSON.parse(text) as unknown),
        [
          { type: 'hello', room: 'lobby' },
          { type: 'hello', room: 'lobby', ...(resume && { last: 41, session: 's1' }) },
        ],
      )
      assert.deepEqual(targets, ['/news?room=lobby&after=0', `/poll?room=lobby&after=${resume ? '7' : '0'}`])
    }
  })

  test('clients can be spread over rooms, and members of one room hear each other alone', () => {
    const world = switched(
      client({ rooms: 1000, servers: ['http://10.0.0.2'] }),
      app('live-server', { rooms: 1000 }),
      client({ rooms: 1000, servers: ['http://10.0.0.2'] }),
    ).run(SECOND)
    const rooms = data(world, 'live:joined', 'bob').map(({ room }) => String(room))
    assert.equal(new Set(rooms).size, 2)
    for (const room of rooms) assert.match(room, /^lobby-\d{1,3}$/)
  })
})

test('settings change while it runs, for all who share them alike', () => {
  const options = { servers: ['http://bob'] }
  const [one, other] = [createApp('live-client', options), createApp('live-client', options)]
  const settingsOf = (each: unknown): unknown => (each as { settings: unknown }).settings
  assert.equal(settingsOf(one), settingsOf(other), 'options are not copied')
  for (const each of [one, other]) each.configure?.('reconnect.jitter', 'none')
  assert.equal(settingsOf(one), settingsOf(other), 'nor when they have changed')
  for (const [path, value] of [
    ['reconnect.jitter', 'some'],
    ['heartbeat.timeout', 0],
    ['say.jitter', 2],
    ['room', 'other'],
  ] as const)
    assert.throws(() => one.configure?.(path, value), { name: 'UnknownSetting' })
})
