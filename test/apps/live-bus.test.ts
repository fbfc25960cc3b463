import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LiveServer } from '../../src/apps/live/live-server.ts'
import { createApp } from '../../src/apps/registry.ts'
import { SocketError } from '../../src/host/socket.ts'
import type { AppContext, Blocking } from '../../src/host/socket.ts'
import { ip, World } from '../host/world.ts'
import { ask, dial, said, Talk } from './live-talk.ts'

const MS = 1e6
const S = 1e9

type Body = (context: AppContext) => Blocking<void>

const ONE = '10.0.0.1'
const TWO = '10.0.0.3'

/** Two servers with or without a bus between them, and clients. */
function lab(clients: readonly Body[], { withBus = true, history = 50, stream = true } = {}): World {
  const bus = withBus ? { bus: { to: '10.0.0.4', port: 6379, stream } } : {}
  return new World({
    hosts: {
      one: { apps: [new LiveServer({ history, ...bus })] },
      clients: { apps: clients },
      two: { apps: [new LiveServer({ history, ...bus })] },
      redis: { apps: [createApp('redis-server', { appendonly: true, fsync: 'always' })] },
      switch: { kind: 'switch' },
    },
    links: [
      { between: [`one ${ONE}/24`, 'switch'], delay: 5 * MS },
      { between: ['clients 10.0.0.2/24', 'switch'], delay: 5 * MS },
      { between: [`two ${TWO}/24`, 'switch'], delay: 5 * MS },
      { between: ['redis 10.0.0.4/24', 'switch'], delay: 5 * MS },
    ],
  })
}

function sound(world: World): World {
  assert.deepEqual(
    world.happened('app:failed').map(({ data }) => data),
    [],
  )
  return world
}

/** Listens at a server for so long. */
function listener(address: string, seconds: number, texts: string[], ids: number[] = []): Body {
  return function* (context) {
    const talk = yield* Talk.open(context, {}, address)
    yield* talk.enter()
    context.spawn(
      (function* (): Blocking<void> {
        yield* context.sleep(seconds * S)
        talk.socket.close()
      })(),
    )
    try {
      for (;;) {
        const { text, id } = yield* talk.next('said')
        texts.push(text)
        ids.push(id)
      }
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
    }
  }
}

function sayer(address: string, count: number, word: string, acknowledged: string[] = []): Body {
  return function* (context) {
    yield* context.sleep(S)
    const talk = yield* Talk.open(context, {}, address)
    yield* talk.enter()
    for (let i = 0; i < count; i++) {
      yield* talk.say({ type: 'say', room: 'lobby', key: `${word}${i}`, text: `${word}${i}`, sentAt: 0 })
      acknowledged.push((yield* talk.next('ack')).key)
    }
  }
}

describe('servers that share their rooms over a bus', () => {
  test('what is said at one is heard at both, once and in the same order', () => {
    const [first, second]: [string[], string[]] = [[], []]
    const [firstIds, secondIds]: [number[], number[]] = [[], []]
    const clients = [
      listener(ONE, 9, first, firstIds),
      listener(TWO, 9, second, secondIds),
      sayer(ONE, 10, 'a'),
      sayer(TWO, 10, 'b'),
    ]
    sound(lab(clients).run(10 * S))
    assert.equal(first.length, 20)
    assert.deepEqual(first, second)
    assert.deepEqual(firstIds, secondIds)
    assert.deepEqual(
      firstIds,
      firstIds.toSorted((a, b) => a - b),
    )
  })

  test('what is said under one key at two servers at once is told once, and acknowledged by both under the id that was told', () => {
    const texts: string[] = []
    const told: number[] = []
    const acknowledged: number[] = []
    const twice = (address: string, word: string): Body =>
      function* (context) {
        yield* context.sleep(S)
        const socket = yield* dial(context, address)
        for (let i = 0; i < 5; i++) {
          const { body } = yield* ask(context, '/say', { socket, body: said(`key${String(i)}`, word) })
          acknowledged.push((JSON.parse(body) as { id: number }).id)
        }
      }
    let length = ''
    const count: Body = function* (context) {
      yield* context.sleep(8 * S)
      const socket = yield* context.sockets.connect({ address: ip('10.0.0.4'), port: 6379 })
      yield* socket.write(Buffer.from('XLEN room:lobby\r\n'))
      length = Buffer.from((yield* socket.read()) ?? []).toString()
    }
    sound(lab([listener(ONE, 9, texts, told), twice(ONE, 'same'), twice(TWO, 'same'), count]).run(10 * S))
    assert.deepEqual([texts.length, told.length], [5, 5])
    // Else nothing was put to the test: the bus has it twice.
    assert.equal(length, ':10\r\n')
    assert.deepEqual(
      acknowledged.toSorted((a, b) => a - b),
      told.flatMap((id) => [id, id]),
    )
  })

  test('without a bus each server is an island', () => {
    const [first, second]: [string[], string[]] = [[], []]
    sound(lab([listener(ONE, 9, first), listener(TWO, 9, second), sayer(ONE, 3, 'a')], { withBus: false }).run(10 * S))
    assert.deepEqual([first.length, second.length], [3, 0])
  })

  test('by a channel alone it is heard at both as well, but not at one that was away meanwhile', () => {
    const [first, second]: [string[], string[]] = [[], []]
    const acknowledged: string[] = []
    const later = (address: string, texts: string[]): Body =>
      function* (context) {
        yield* context.sleep(6 * S)
        yield* listener(address, 20, texts)(context)
      }
    const [again, missed]: [string[], string[]] = [[], []]
    const world = lab(
      [
        listener(ONE, 4, first),
        listener(TWO, 2, second),
        sayer(ONE, 3, 'a'),
        function* (context) {
          yield* context.sleep(2 * S)
          yield* sayer(ONE, 3, 'b', acknowledged)(context)
        },
        later(ONE, again),
        later(TWO, missed),
      ],
      { stream: false },
    ).run(2 * S)
    assert.deepEqual(first, ['a0', 'a1', 'a2'])
    assert.deepEqual(second, first)
    sound(
      world
        .kill('two')
        .run(5 * S)
        .restart('two')
        .run(30 * S),
    )
    assert.deepEqual(acknowledged, ['b0', 'b1', 'b2'])
    assert.deepEqual(again, ['a0', 'a1', 'a2', 'b0', 'b1', 'b2'])
    assert.deepEqual(missed, [])
  })

  test('a client says again what the bus could not take, under the same key, until it is acknowledged', () => {
    const heard: string[] = []
    const say = { interval: 400 * MS, size: 10 }
    const client = createApp('live-client', { servers: [`http://${ONE}`], say, stop: 12 * S, reconnect: { base: 200 * MS } })
    const world = new World({
      hosts: {
        one: { apps: [new LiveServer({ bus: { to: '10.0.0.4', port: 6379 }, history: 1000 })] },
        clients: { apps: [client, listener(ONE, 28, heard)] },
        redis: { apps: [createApp('redis-server', { appendonly: true, fsync: 'always' })] },
        switch: { kind: 'switch' },
      },
      links: [
        { between: [`one ${ONE}/24`, 'switch'], delay: 5 * MS },
        { between: ['clients 10.0.0.2/24', 'switch'], delay: 5 * MS },
        { between: ['redis 10.0.0.4/24', 'switch'], delay: 5 * MS },
      ],
    })
    sound(
      world
        .run(2 * S)
        .kill('redis')
        .run(4 * S)
        .restart('redis')
        .run(30 * S),
    )
    const keys = (name: string, isAgain: boolean): unknown[] =>
      world
        .happened(name)
        .filter(({ data }) => (data['again'] ?? false) === isAgain)
        .map(({ data }) => data['key'])
    const said = keys('chat:sent', false)
    assert.ok(said.length > 20, `${String(said.length)} were said`)
    assert.ok(keys('chat:sent', true).length > 0, 'some were said again')
    assert.ok(world.happened('chat:refused').length > 0, 'some were refused')
    assert.deepEqual(keys('chat:acknowledged', false).toSorted(), said.toSorted())
    assert.equal(heard.length, said.length)
  })

  test('an acknowledged message outlives the server that acknowledged it: who comes to another is told', () => {
    const acknowledged: string[] = []
    const heard: string[] = []
    const late: Body = function* (context) {
      yield* context.sleep(5 * S)
      const talk = yield* Talk.open(context, {}, TWO)
      yield* talk.enter()
      for (let i = 0; i < 5; i++) heard.push((yield* talk.next('said')).text)
    }
    const world = lab([sayer(ONE, 5, 'x', acknowledged), late]).run(3 * S)
    world.kill('one').run(10 * S)
    assert.deepEqual(heard, acknowledged)
    assert.equal(heard.length, 5)
  })

  test('a bus that was killed has every acknowledged message when it is back, and goes on', () => {
    const acknowledged: string[] = []
    const heard: string[] = []
    const world = lab([
      sayer(ONE, 5, 'x', acknowledged),
      listener(TWO, 60, heard),
      function* (context) {
        yield* context.sleep(20 * S)
        const answer = yield* ask(context, '/say', { body: said('later', 'later') })
        acknowledged.push((JSON.parse(answer.body) as { key: string }).key)
      },
      function* (context) {
        yield* context.sleep(40 * S)
        const talk = yield* Talk.open(context, {}, ONE)
        yield* talk.enter()
        for (let i = 0; i < 6; i++) acknowledged.push((yield* talk.next('said')).text)
      },
    ]).run(3 * S)
    world
      .kill('redis')
      .run(5 * S)
      .restart('redis')
      .kill('one')
      .restart('one')
      .run(60 * S)
    sound(world)
    const all = ['x0', 'x1', 'x2', 'x3', 'x4', 'later']
    assert.deepEqual(acknowledged, [...all, ...all])
    assert.deepEqual(heard, all)
  })

  test('while the bus is away nothing is acknowledged, and the client is told so', () => {
    const answers: string[] = []
    const world = lab([
      function* (context) {
        yield* context.sleep(2 * S)
        const talk = yield* Talk.open(context, {}, ONE)
        yield* talk.enter()
        yield* talk.say({ type: 'say', room: 'lobby', key: 'k', text: 'x', sentAt: 0 })
        answers.push((yield* talk.next('refused')).key, String(talk.heard.length))
      },
    ])
    world.kill('redis').run(30 * S)
    sound(world)
    assert.deepEqual(answers, ['k', '0'])
  })
})
