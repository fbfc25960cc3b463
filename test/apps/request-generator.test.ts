import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { RequestGenerator } from '../../src/apps/request-generator.ts'
import type { RequestGeneratorOptions } from '../../src/apps/request-generator.ts'
import { SocketError } from '../../src/host/socket.ts'
import { UnknownSetting } from '../../src/host/unknown-setting.ts'
import { pair } from '../host/topologies.ts'
import type { World } from '../host/world.ts'
import { data, latin1, MILLISECOND, noFailures, readHead, scripted, SECOND, type Body } from './site.ts'

/** To a server and back. */
const ROUND_TRIP = 2 * MILLISECOND
/** What comes before the first request: ARP, and the connection. */
const ARRANGING = 2 * ROUND_TRIP

type Answer = number | 'reset' | 'silence'

/** Answers the nth request of all (from 0), once it knows how; notes when each came. */
function answering(statusOf: (n: number) => Answer, came: number[] = [], pause = 0): Body {
  return scripted(function* (socket, context) {
    try {
      while ((yield* readHead(socket)) !== '') {
        const answer = statusOf(came.length)
        came.push(context.environment.now)
        if (pause > 0) yield* context.sleep(pause)
        if (answer === 'reset') socket.reset()
        else if (answer !== 'silence') yield* socket.write(latin1(`HTTP/1.1 ${String(answer)} So\r\nContent-Length: 0\r\n\r\n`))
      }
      socket.close()
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      socket.close()
    }
  })
}

type Options = Partial<RequestGeneratorOptions>

/** A generator that can be configured, on a line of its own to a server. */
function lab(options: Options, server: Body, seed = 1): { world: World; generator: RequestGenerator } {
  const generator = new RequestGenerator({ url: 'http://bob/', arrivals: 'closed', ...options })
  const world = pair((context) => generator.main(context), server, { delay: ROUND_TRIP / 2, rate: 0, seed })
  return { world, generator }
}

function run(options: Options, server: Body, seed = 1): World {
  const { world } = lab(options, server, seed)
  world.run(1000 * SECOND)
  noFailures(world)
  return world
}

describe('retries', () => {
  test('of what had no answer or 5xx, as often as is allowed; of nothing else', () => {
    for (const [answer, attempts, error] of [
      [200, 1, undefined],
      [204, 1, undefined],
      [301, 1, undefined],
      [404, 1, undefined],
      [429, 1, undefined],
      [499, 1, undefined],
      [500, 4, undefined],
      [503, 4, undefined],
      [599, 4, undefined],
      ['reset', 4, 'ECONNRESET'],
      ['silence', 4, 'timeout'],
    ] as const) {
      const came: number[] = []
      const world = run(
        { count: 1, retries: 3, timeout: SECOND },
        answering(() => answer, came),
      )
      const [ended] = data(world, 'request:ended')
      const status = typeof answer === 'number' ? answer : 0
      assert.deepEqual([ended['status'], ended['attempts'], ended['error']], [status, attempts, error], String(answer))
      assert.equal(came.length, attempts, `${String(answer)}: what is told is what the server saw`)
      assert.deepEqual(
        data(world, 'request:retried'),
        Array.from({ length: attempts - 1 }, (_, i) => ({ id: 1, attempt: i + 1 })),
      )
    }
  })

  test('nobody listens: it is asked for again, too', () => {
    const world = run({ count: 1, retries: 2, retryDelay: SECOND }, function* () {
      yield* []
    })
    const [ended] = data(world, 'request:ended')
    assert.deepEqual([ended['error'], ended['attempts']], ['ECONNREFUSED', 3])
  })

  test('they end with the first good answer, and the time is that from the first attempt to the end of the last', () => {
    const options = { count: 1, retries: 9, retryDelay: 50 * MILLISECOND }
    const [ended] = data(
      run(
        options,
        answering((n) => (n < 2 ? 503 : 200)),
      ),
      'request:ended',
    )
    // The connection is kept.
    const duration = ARRANGING + 3 * ROUND_TRIP + 100 * MILLISECOND
    assert.deepEqual([ended['status'], ended['attempts'], ended['duration']], [200, 3, duration])
  })

  test('no retries are made where none are allowed', () => {
    const world = run(
      { count: 20 },
      answering(() => 503),
    )
    assert.equal(data(world, 'request:retried').length, 0)
    assert.deepEqual([...new Set(data(world, 'request:ended').map(({ attempts }) => attempts))], [1])
  })
})

describe('retryBudget', () => {
  test('retries are at no time more than their share of requests, and ten', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 9 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 8 }),
        (tenths, retries, concurrency) => {
          const world = run(
            { count: 100, concurrency, retries, retryBudget: tenths / 10 },
            answering(() => 500),
            1 + tenths,
          )
          let made = 0
          let spent = 0
          const order = world.events.filter(({ name }) => name === 'request:retried' || name === 'request:ended')
          for (const { name } of order) {
            if (name === 'request:ended') made++
            else spent++
            assert.ok(spent <= 10 + (tenths / 10) * (made + concurrency) + 1e-6, `${String(spent)} of ${String(made)}`)
          }
          assert.equal(spent, Math.min(100 * retries, 10 + tenths * 10), 'and what is allowed is used')
        },
      ),
      { numRuns: 15, seed: 5 },
    )
  })

  test('of 1, as many are made as fail', () => {
    const world = run(
      { count: 100, retries: 2 },
      answering(() => 500),
    )
    assert.equal(data(world, 'request:retried').length, 200)
  })

  test('what is saved up while all goes well is spent later', () => {
    const world = run(
      { count: 300, retries: 1, retryBudget: 0.2 },
      answering((n) => (n < 200 ? 200 : 500)),
    )
    // 10 and a fifth of 300.
    assert.equal(data(world, 'request:retried').length, 70)
  })
})

describe('backoff', () => {
  const DELAY = 100 * MILLISECOND
  const RETRIES = 6

  /** How long is waited before each retry: by its number from 1, one for each request. */
  function waits(options: Options, seed: number): number[][] {
    const came: number[] = []
    run(
      { count: 60, retries: RETRIES, retryDelay: DELAY, ...options },
      answering(() => 503, came),
      seed,
    )
    assert.equal(came.length, 60 * (1 + RETRIES))
    return Array.from({ length: RETRIES }, (_, i) =>
      Array.from({ length: 60 }, (_, request) => {
        const at = request * (1 + RETRIES) + i
        return came[at + 1] - came[at] - ROUND_TRIP
      }),
    )
  }

  test('constant: each wait is what was asked for, to the nanosecond', () => {
    assert.deepEqual([...new Set(waits({}, 1).flat())], [DELAY])
  })

  test('exponential: before the nth retry it is drawn from 0 to retryDelay · 2^(n − 1), all of it', () => {
    for (const seed of [1, 2, 3])
      for (const [i, drawn] of waits({ backoff: 'exponential' }, seed).entries()) {
        const bound = DELAY * 2 ** i
        for (const wait of drawn) assert.ok(wait >= 0 && wait < bound, `retry ${String(i + 1)} waits for ${String(wait)} ns`)
        // Of 60 uniform draws, nine tenths of the range are missed with a probability of 2 · 0.95^60 at most.
        const [least, most] = [Math.min(...drawn), Math.max(...drawn)]
        assert.ok(
          least < 0.1 * bound && most > 0.9 * bound,
          `retry ${String(i + 1)}: from ${String(least)} to ${String(most)} ns`,
        )
      }
  })

  test('exponential: no retry waits for more than an hour, however many there were', () => {
    const came: number[] = []
    const options: Options = { count: 1, retries: 40, retryDelay: SECOND, backoff: 'exponential' }
    const { world } = lab(
      options,
      answering(() => 503, came),
    )
    world.run(200_000 * SECOND)
    noFailures(world)
    const gaps = came.slice(1).map((time, i) => time - came[i] - ROUND_TRIP)
    assert.equal(gaps.length, 40)
    for (const [i, gap] of gaps.entries()) assert.ok(gap >= 0 && gap < Math.min(2 ** i, 3600) * SECOND, `${String(gap)} ns`)
    assert.ok(Math.max(...gaps.slice(13)) > 1800 * SECOND, 'and the bound stays there')
  })
})

describe('the open loop', () => {
  const dues = (world: World): number[] =>
    world.happened('request:ended').map(({ time, data: { duration } }) => time - Number(duration))

  test('at a fixed rate does not slip, however late answers are', () => {
    for (const [rate, gap] of [
      [100, 10 * MILLISECOND],
      [300, SECOND / 300],
      [7, SECOND / 7],
    ]) {
      const came: number[] = []
      const world = run(
        { arrivals: 'constant', rate, count: 200 },
        answering(() => 200, came, 5 * SECOND),
      )
      const due = dues(world).sort((a, b) => a - b)
      assert.equal(due.length, 200)
      // Time is in whole nanoseconds, to which sums of fractions are rounded up.
      for (const [i, at] of due.entries())
        assert.ok(at >= (i + 1) * gap - 1e-3 && at < (i + 1) * gap + 2, `request ${String(i + 1)} at ${String(at)} ns`)
      const last = came[199]
      assert.ok(last - 200 * gap < 2 * ROUND_TRIP, 'and the server sees them when they are made')
    }
  })

  test('poisson: requests under way change nothing of when others are made', () => {
    const made = (pause: number): number[] => {
      const options: Options = { arrivals: 'poisson', rate: 50, count: 200 }
      return dues(
        run(
          options,
          answering(() => 200, [], pause),
        ),
      ).sort((a, b) => a - b)
    }
    assert.deepEqual(made(0), made(5 * SECOND))
  })

  test('begins after start, and ends with its duration', () => {
    const due = dues(
      run(
        { arrivals: 'constant', rate: 10, start: 3 * SECOND, duration: 2 * SECOND },
        answering(() => 200),
      ),
    )
    assert.deepEqual([due.length, due[0], due.at(-1)], [19, 3.1 * SECOND, 4.9 * SECOND])
  })
})

test('the closed loop has so many under way at a time, no more and no fewer', () => {
  let [underWay, most] = [0, 0]
  const server = scripted(function* (socket, context) {
    while ((yield* readHead(socket)) !== '') {
      most = Math.max(most, ++underWay)
      yield* context.sleep(100 * MILLISECOND)
      underWay--
      yield* socket.write(latin1('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))
    }
    socket.close()
  })
  const world = run({ concurrency: 7, count: 70 }, server)
  assert.equal(most, 7)
  assert.equal(world.happened('request:ended').length, 70)
  // In ten rounds.
  assert.equal(world.happened('request:ended').at(-1)?.time, 10 * (100 * MILLISECOND + ROUND_TRIP) + ARRANGING)
})

test('paths: one of so many is drawn for each, below the address', () => {
  const heads: string[] = []
  const server = scripted(function* (socket) {
    for (let head = yield* readHead(socket); head !== ''; head = yield* readHead(socket)) {
      heads.push(head.split(' ')[1])
      yield* socket.write(latin1('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))
    }
    socket.close()
  })
  run({ url: 'http://bob/k', paths: 5, count: 100 }, server)
  assert.deepEqual([...new Set(heads)].sort(), ['/k/0', '/k/1', '/k/2', '/k/3', '/k/4'])
})

describe('what can be changed while it runs', () => {
  test('retries, from the next attempt on', () => {
    const { world, generator } = lab(
      { count: 40, retryDelay: SECOND },
      answering(() => 503),
    )
    const made = (until: number): unknown[] => {
      world.run(until)
      return data(world, 'request:ended').map(({ attempts }) => attempts)
    }
    generator.configure('retries', 5)
    assert.deepEqual(made(0.5 * SECOND), [])
    generator.configure('retries', 2)
    assert.equal(made(100 * SECOND)[0], 3)
    noFailures(world)
  })

  test('retryDelay and backoff, from the next wait on', () => {
    const came: number[] = []
    const { world, generator } = lab(
      { count: 1, retries: 6, retryDelay: SECOND },
      answering(() => 503, came),
    )
    world.run(1.5 * SECOND)
    generator.configure('retryDelay', 4 * SECOND)
    world.run(7 * SECOND)
    generator.configure('retryDelay', 0)
    world.run(100 * SECOND)
    const gaps = came.slice(1).map((time, i) => time - came[i] - ROUND_TRIP)
    assert.deepEqual(gaps, [SECOND, SECOND, 4 * SECOND, 4 * SECOND, 0, 0])

    const drawn: number[] = []
    const other = lab(
      { count: 1, retries: 6, retryDelay: SECOND },
      answering(() => 503, drawn),
    )
    other.generator.configure('backoff', 'exponential')
    other.world.run(100 * SECOND)
    assert.equal(new Set(drawn.slice(1).map((time, i) => time - drawn[i])).size, 6, 'no two waits are the same')
  })

  test('retryBudget, at once', () => {
    const { world, generator } = lab(
      { arrivals: 'constant', rate: 10, retries: 1, retryBudget: 0 },
      answering(() => 503),
    )
    const retried = (until: number): number => data(world.run(until), 'request:retried').length
    assert.equal(retried(10.05 * SECOND), 10, 'the reserve')
    generator.configure('retryBudget', 0.5)
    assert.equal(retried(20.05 * SECOND), 60)
    generator.configure('retryBudget', 1)
    assert.equal(retried(30.05 * SECOND), 160)
    generator.configure('retryBudget', 0)
    assert.ok(retried(100 * SECOND) <= 161, 'nothing is left')
  })

  test('timeout, of attempts to come', () => {
    const { world, generator } = lab(
      { count: 3 },
      answering((n) => (n === 0 ? 200 : 'silence'), [], 2 * SECOND),
    )
    world.run(SECOND)
    generator.configure('timeout', 500 * MILLISECOND)
    world.run(100 * SECOND)
    noFailures(world)
    assert.deepEqual(
      data(world, 'request:ended').map(({ status, error, duration }) => [status, error, duration]),
      [
        [200, undefined, 2 * SECOND + ARRANGING + ROUND_TRIP],
        [0, 'timeout', 500 * MILLISECOND],
        [0, 'timeout', 500 * MILLISECOND],
      ],
    )
  })

  test('rate: what is left of a gap shrinks with it, and what follows keeps to it', () => {
    const { world, generator } = lab(
      { arrivals: 'constant', rate: 0.5 },
      answering(() => 200),
    )
    world.run(3 * SECOND)
    generator.configure('rate', 100)
    world.run(10 * SECOND)
    const due = world.happened('request:ended').map(({ time, data: { duration } }) => time - Number(duration))
    assert.equal(due[0], 2 * SECOND)
    // It looks each second, then half a gap is left; then it is 10 ms each.
    assert.ok(due[1] > 3 * SECOND && due[1] <= 4.01 * SECOND, `the next one at ${String(due[1])}`)
    for (let i = 2; i < due.length; i++) assert.equal(Math.round(due[i] - due[i - 1]), 10 * MILLISECOND)
    assert.ok(due.length > 500, `${String(due.length)} requests`)
  })

  test('nothing else, and to nothing that makes no sense; a refusal changes nothing', () => {
    const { world, generator } = lab(
      { count: 1, retries: 2, retryDelay: SECOND },
      answering(() => 503),
    )
    for (const [path, value] of [
      ['rate', 0],
      ['rate', -1],
      ['rate', NaN],
      ['rate', 100_001],
      ['rate', '5'],
      ['retries', -1],
      ['retries', 101],
      ['retries', 1.5],
      ['retries', true],
      ['retryDelay', -1],
      ['retryDelay', 3_600_000_000_001],
      ['retryDelay', '1 s'],
      ['backoff', 'linear'],
      ['backoff', true],
      ['retryBudget', -0.01],
      ['retryBudget', 1.01],
      ['retryBudget', NaN],
      ['timeout', -1],
      ['timeout', 0.5],
      ['url', 'http://bob/other'],
      ['count', 5],
      ['concurrency', 5],
      ['arrivals', 'closed'],
      ['', 1],
      ['toString', 1],
    ] as const)
      assert.throws(
        () => {
          generator.configure(path, value)
        },
        UnknownSetting,
        `${path}: ${String(value)}`,
      )
    world.run(100 * SECOND)
    assert.equal(data(world, 'request:ended')[0]['duration'], 2 * SECOND + ARRANGING + 3 * ROUND_TRIP)
  })
})
