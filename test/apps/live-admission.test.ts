import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LiveServer } from '../../src/apps/live/live-server.ts'
import type { AppContext, Blocking } from '../../src/host/socket.ts'
import type { MachineSettings } from '../../src/scenario/machine-settings.ts'
import { World } from '../host/world.ts'
import { ask, dial, readEvents, Talk } from './live-talk.ts'

const MS = 1e6
const S = 1e9

type Body = (context: AppContext) => Blocking<void>
type Options = ConstructorParameters<typeof LiveServer>[0]

function lab(options: Options, clients: readonly Body[], machine: Partial<MachineSettings> = {}, rate = 0): World {
  return new World({
    hosts: {
      server: { machine, apps: [new LiveServer(options)] },
      clients: { apps: clients },
    },
    links: [{ between: ['server 10.0.0.1/24', 'clients 10.0.0.2/24'], delay: 5 * MS, rate }],
  })
}

/** Fails when an application has. */
function sound(world: World): World {
  assert.deepEqual(
    world.happened('app:failed').map(({ data }) => data),
    [],
  )
  return world
}

describe('who is let in', () => {
  /** So many connect, one each `pause`, and say how they fared. */
  function comers(count: number, pause: number, results: string[]): Body {
    return function* (context) {
      for (let i = 0; i < count; i++) {
        context.spawn(
          (function* (): Blocking<void> {
            try {
              const talk = yield* Talk.open(context)
              results.push(talk.head.slice(9, 12) + (/retry-after: ([0-9]+)/i.exec(talk.head)?.[1] ?? ''))
              yield* context.sleep(30 * S)
            } catch {
              results.push('reset')
            }
          })(),
        )
        yield* context.sleep(pause)
      }
      yield* context.sleep(60 * S)
    }
  }

  test('only so many at once; others are told when to come again', () => {
    const results: string[] = []
    const world = lab({ admission: { connections: 3, retryAfter: 2 * S } }, [comers(5, 100 * MS, results)]).run(20 * S)
    sound(world)
    assert.deepEqual(results, ['101', '101', '101', '5032', '5032'])
    assert.deepEqual(
      world.happened('live:connection-refused').map(({ data }) => data['why']),
      ['connections', 'connections'],
    )
  })

  test('only so many in a second, at the price of a reset', () => {
    const results: string[] = []
    const admission = { rate: 2, burst: 1, refusal: 'reset' } as const
    sound(lab({ admission }, [comers(20, 100 * MS, results)]).run(20 * S))
    assert.equal(results.filter((result) => result === '101').length, 4, 'the first, and one each half second')
    assert.equal(results.filter((result) => result === 'reset').length, 16)
  })

  test('nobody while work waits too long for the processor', () => {
    const results: string[] = []
    const machine = { perConnection: 5 * MS, perMessage: 5 * MS, perRequest: 100 * MS }
    const world = lab({ shed: { delay: 80 * MS } }, [comers(40, 20 * MS, results)], machine).run(30 * S)
    sound(world)
    const why = new Set(world.happened('live:connection-refused').map(({ data }) => data['why']))
    assert.deepEqual([...why], ['processor'])
    assert.ok(results.includes('101') && results.includes('5031'), results.join())
  })

  test('nobody while too much of the memory is taken', () => {
    const results: string[] = []
    const machine = { connectionMemory: 100_000, memory: 1_000_000 }
    const world = lab({ shed: { memory: 0.5 } }, [comers(10, 100 * MS, results)], machine).run(20 * S)
    sound(world)
    assert.equal(results.filter((result) => result === '101').length, 4)
    assert.equal(world.happened('live:connection-refused')[0].data['why'], 'memory')
  })

  test('who is there, and enters together with others, is sent away before any work of joining is done for him', () => {
    const seen: string[] = []
    const left: number[] = []
    /** Opens early, and enters together with the others, as somebody new or with a session. */
    const enters = (name: string, isKnown = false): Body =>
      function* (context) {
        const talk = yield* Talk.open(context)
        const session = isKnown ? (yield* talk.enter()).session : ''
        yield* context.sleep(2 * S - context.environment.now)
        yield* talk.say({ type: 'hello', room: 'lobby', last: 0, session })
        const isOver = (): boolean => talk.heard.some(({ type }) => type === 'welcome' || type === 'go-away')
        yield* talk.until(isOver)
        const [answer] = talk.heard
        seen.push(`${name}: ${answer.type} at ${String(Math.round((context.environment.now - 2 * S) / MS))} ms`)
        if (answer.type === 'go-away') left.push(answer.after)
      }
    const options = { shed: { delay: 100 * MS }, join: { cost: 400 * MS }, sessions: 60 * S, admission: { retryAfter: 7 * S } }
    const names = ['a', 'b', 'c', 'd'].map((name) => enters(name))
    const world = lab(options, [...names, enters('known', true)]).run(20 * S)
    sound(world)
    // All others' words have to wait for the work for the first; then there is that for the second to be done, which is too long for the rest.
    assert.deepEqual(seen, [
      'a: welcome at 410 ms',
      'c: go-away at 410 ms',
      'd: go-away at 410 ms',
      'known: welcome at 410 ms',
      'b: welcome at 810 ms',
    ])
    assert.deepEqual(left, [7000, 7000])
    assert.equal(world.happened('live:joined').length, 4, 'that of the known one before, and three')
    assert.deepEqual(
      world.happened('live:connection-refused').map(({ data }) => [data['why'], data['by']]),
      [
        ['processor', 'go-away'],
        ['processor', 'go-away'],
      ],
    )
  })

  test('where nobody is sent away, all join one after the other', () => {
    const took: number[] = []
    const joiner: Body = function* (context) {
      const talk = yield* Talk.open(context)
      yield* context.sleep(2 * S - context.environment.now)
      yield* talk.enter()
      took.push(Math.round((context.environment.now - 2 * S) / MS))
    }
    sound(lab({ join: { cost: 400 * MS } }, [joiner, joiner, joiner]).run(20 * S))
    assert.deepEqual(took, [410, 810, 1210])
  })
})

describe('accepts: how many are let in at one turn of the processor', () => {
  /** Many who come at once, and when each was let in, in milliseconds; a processor that takes 10 ms for each. */
  function arrivals(accepts: number): number[] {
    const opened: number[] = []
    const comer: Body = function* (context) {
      yield* context.sleep(S)
      yield* Talk.open(context)
      opened.push(Math.round(context.environment.now / MS))
    }
    const options = { accepts, backlog: 20 }
    sound(lab(options, Array<Body>(8).fill(comer), { perConnection: 10 * MS }).run(20 * S))
    return opened.map((time) => time - 1000)
  }

  test('one at a time, each after its own work; several, all of them after the work for all', () => {
    const one = arrivals(1)
    const four = arrivals(4)
    assert.deepEqual([one.length, four.length], [8, 8])
    assert.deepEqual([one[1] - one[0], one[2] - one[0]], [10, 20])
    assert.equal(four[0], one[0], 'the first finds nobody beside it')
    assert.ok(
      four[1] >= four[0] + 40,
      `the next four are worked for together, and the first of them is in at ${String(four[1])} ms`,
    )
    assert.equal(four[7], one[7], 'all of the work takes as long')
  })

  test('a limit holds within a turn', () => {
    const codes: string[] = []
    const comer: Body = function* (context) {
      codes.push((yield* Talk.open(context)).head.slice(9, 12))
      yield* context.sleep(10 * S)
    }
    const options = { accepts: 8, admission: { connections: 3 } }
    sound(lab(options, Array<Body>(8).fill(comer), { perConnection: 10 * MS }).run(20 * S))
    assert.deepEqual(codes.sort(), ['101', '101', '101', '503', '503', '503', '503', '503'])
  })
})

describe('draining', () => {
  test('clients are told to go one after the other, with how long they shall wait, and nobody new comes in', () => {
    const left: number[] = []
    const waits: number[] = []
    const codes: number[] = []
    const sitter: Body = function* (context) {
      const talk = yield* Talk.open(context)
      yield* talk.enter()
      waits.push((yield* talk.next('go-away')).after)
      left.push(context.environment.now)
      yield* talk.until(() => talk.closes.length > 0)
      codes.push(...talk.closes)
    }
    const late: string[] = []
    const world = lab({ leaving: { window: 4 * S, after: S, spread: 2 * S, linger: 100 * MS } }, [
      sitter,
      sitter,
      sitter,
      sitter,
      function* (context) {
        yield* context.sleep(4 * S)
        try {
          yield* dial(context)
          late.push('came in')
        } catch (error) {
          late.push(String(error))
        }
      },
    ])
      .run(2 * S)
      .configure('server', 'app.drain', true)
      .run(20 * S)
    sound(world)
    for (let i = 1; i < 4; i++) assert.equal(Math.round((left[i] - left[i - 1]) / MS), 1000)
    assert.ok(
      waits.every((wait) => wait >= 1000 && wait <= 3000) && new Set(waits).size === 4,
      `each waits for another time: ${waits.join()}`,
    )
    assert.deepEqual(codes, [1012, 1012, 1012, 1012])
    assert.match(late[0], /ECONNREFUSED/)
    assert.equal(world.happened('live:drained').length, 1)
  })

  test('an event stream is told when to come back, and a poll that is held that it is not now', () => {
    const seen: string[] = []
    const world = lab({ leaving: { window: 0, after: 7 * S } }, [
      function* (context) {
        const socket = yield* dial(context)
        yield* socket.write(Buffer.from('GET /events HTTP/1.1\r\nHost: server\r\n\r\n'))
        seen.push(yield* readEvents(socket, () => false))
      },
      function* (context) {
        const { status, head } = yield* ask(context, '/poll')
        seen.push(`${status} ${/retry-after: ([0-9]+)/i.exec(head)?.[1]}`)
      },
    ])
      .run(2 * S)
      .configure('server', 'app.drain', true)
      .run(20 * S)
    sound(world)
    const [events, polled] = seen.sort((a, b) => b.length - a.length)
    assert.match(events, /retry: 7000\n\n\r\n0\r\n\r\n$/)
    assert.equal(polled, '503 7')
  })

  test('a server that was drained opens again when it is told so', () => {
    const codes: string[] = []
    const world = lab({}, [
      function* (context) {
        yield* context.sleep(10 * S)
        codes.push((yield* Talk.open(context)).head.slice(9, 12))
      },
    ])
      .run(S)
      .configure('server', 'app.drain', true)
      .run(5 * S)
      .configure('server', 'app.drain', false)
      .run(20 * S)
    sound(world)
    assert.deepEqual(codes, ['101'])
  })
})
