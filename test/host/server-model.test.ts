import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SocketError } from '../../src/host/socket.ts'
import type { AppContext, Blocking, TcpSocket } from '../../src/host/socket.ts'
import { randomStream } from '../../src/kernel/random.ts'
import type { MachineSettings } from '../../src/scenario/machine-settings.ts'
import { ip, World, type HappenedEvent, type HostPlan } from './world.ts'

const MS = 1e6
const S = 1e9

type Body = (context: AppContext) => Blocking<void>

/** Accepts, pays for it, and keeps what it has accepted until the client has gone. */
function acceptor(backlog = 128, kept: (socket: TcpSocket, context: AppContext) => void = () => undefined): Body {
  return function* (context) {
    const listener = context.sockets.listen(80, { backlog })
    for (;;) {
      const socket = yield* listener.accept()
      yield* context.processConnection()
      context.environment.record('test:accepted', socket.connection, {})
      kept(socket, context)
      context.spawn(untilGone(socket))
    }
  }
}

function* untilGone(socket: TcpSocket): Blocking<void> {
  try {
    while ((yield* socket.read()) !== undefined);
  } catch (error) {
    if (!(error instanceof SocketError)) throw error
  }
  socket.close()
}

/** So many connections at once, each held for so long. */
function callers(count: number, hold: number): Body {
  return function* ({ sockets, spawn, sleep, environment }) {
    function* call(): Blocking<void> {
      try {
        const socket = yield* sockets.connect({ address: ip('10.0.0.2'), port: 80 })
        yield* sleep(hold)
        socket.close()
      } catch (error) {
        if (!(error instanceof SocketError)) throw error
        environment.record('test:failed', '', { error: error.code })
      }
    }
    for (let i = 0; i < count; i++) spawn(call())
    yield* sleep(1000 * S)
  }
}

function world(machine: Partial<MachineSettings>, client: Body, server: Body, plan: HostPlan = {}): World {
  return new World({
    hosts: { clients: { apps: [client] }, server: { machine, apps: [server], ...plan } },
    links: [{ between: ['clients 10.0.0.1/24', 'server 10.0.0.2/24'], delay: MS }],
  })
}

const times = (events: readonly HappenedEvent[]): number[] => events.map(({ time }) => time)
const numbers = (events: readonly HappenedEvent[], key: string): number[] => events.map(({ data }) => Number(data[key]))

describe('what a connection costs', () => {
  test('connections are accepted one after the other, each for its time of the processor', () => {
    const result = world({ perConnection: 10 * MS }, callers(5, 10 * S), acceptor()).run(2 * S)
    const accepted = times(result.happened('test:accepted'))
    assert.equal(accepted.length, 5)
    for (let i = 1; i < 5; i++) assert.equal(accepted[i] - accepted[i - 1], 10 * MS)
  })

  test('a server that accepts slower than clients come fills its queue, and drops the rest until it has caught up', () => {
    const result = world({ perConnection: 500 * MS }, callers(20, 60 * S), acceptor(4)).run(60 * S)
    assert.ok(result.happened('tcp:listen-overflowed').length > 0, 'the queue overflowed')
    assert.ok(Math.max(...numbers(result.happened('host:load-sampled'), 'acceptQueue')) >= 4, 'the queue is as long as it may be')
    assert.equal(result.happened('test:accepted').length + result.happened('test:failed').length, 20)
  })
})

describe('descriptors', () => {
  test('without one left, connections wait in the queue until one is closed; it is said once', () => {
    // One is the listener.
    const result = world({ descriptors: 3 }, callers(3, 5 * S), acceptor()).run(20 * S)
    const accepted = times(result.happened('test:accepted'))
    assert.equal(accepted.length, 3)
    assert.ok(accepted[1] < S && accepted[2] > 5 * S, 'the third had to wait for the first to go')
    assert.equal(result.happened('host:descriptors-exhausted').length, 1)
    assert.deepEqual(result.happened('host:descriptors-exhausted')[0].data, { error: 'EMFILE', limit: 3 })
    assert.equal(result.happened('app:failed').length, 0)
  })

  test('connect and udp fail with EMFILE', () => {
    const codes: string[] = []
    const client: Body = function* ({ sockets }) {
      const first = sockets.udp()
      for (const attempt of [() => sockets.connect({ address: ip('10.0.0.2'), port: 80 }).next(), () => sockets.udp()]) {
        try {
          attempt()
        } catch (error) {
          codes.push(error instanceof SocketError ? error.code : 'another')
        }
      }
      first.close()
      sockets.udp()
      codes.push('again')
      yield* []
    }
    new World({
      hosts: { a: { machine: { descriptors: 1 }, apps: [client] }, b: {} },
      links: [{ between: ['a 10.0.0.1/24', 'b 10.0.0.2/24'], delay: MS }],
    }).run(S)
    assert.deepEqual(codes, ['EMFILE', 'EMFILE', 'again'])
  })

  test('raised while it runs, those who waited get in at once', () => {
    const result = world({ descriptors: 2 }, callers(3, 50 * S), acceptor()).run(2 * S)
    assert.equal(result.happened('test:accepted').length, 1)
    result.configure('server', 'machine.descriptors', 0).run(3 * S)
    assert.equal(result.happened('test:accepted').length, 3)
  })
})

describe('memory', () => {
  test('each connection that an application holds takes what it needs for it, until it is gone', () => {
    const result = world({ connectionMemory: 100_000 }, callers(3, 2 * S), acceptor()).run(10 * S)
    const memory = numbers(result.happened('host:load-sampled'), 'memory')
    assert.equal(Math.max(...memory), 3 * (100_000 + 4096))
    assert.equal(memory.at(-1), 0)
  })

  test('where it does not crash, it resets what it has no room for', () => {
    const result = world({ connectionMemory: 100_000, memory: 250_000 }, callers(4, 5 * S), acceptor()).run(4 * S)
    assert.equal(result.happened('test:accepted').length, 2)
    assert.ok(result.happened('host:memory-exhausted').length > 0, 'it is said')
    assert.equal(result.happened('host:crashed').length, 0)
  })

  test('where it crashes, it is off for its time, forgets everything, and starts anew', () => {
    const settings = { connectionMemory: 100_000, memory: 250_000, restartAfter: 3 * S }
    const result = world(settings, callers(4, 50 * S), acceptor()).run(20 * S)
    const [crash] = result.happened('host:crashed')
    assert.equal(crash.data['why'], 'out of memory')
    const started = times(result.happened('app:started', 'server'))
    assert.deepEqual(started.slice(0, 2), [0, crash.time + 3 * S])
  })

  test('what an application claims counts, and is given back when it ends', () => {
    const seen: (number | boolean)[] = []
    const body: Body = function* ({ claimMemory, releaseMemory, memoryShare, sleep }) {
      seen.push(claimMemory(600), claimMemory(600), memoryShare())
      releaseMemory(200)
      seen.push(claimMemory(600), memoryShare())
      yield* sleep(S)
    }
    const result = world({ memory: 1000 }, callers(0, 0), body).run(5 * S)
    assert.deepEqual(seen, [true, false, 0.6, true, 1])
    assert.deepEqual(numbers(result.happened('host:load-sampled'), 'memory'), [1000, 0])
  })
})

describe('how loaded a host is', () => {
  /** Jobs come at random, on average one each `interval`; each takes `service`. @returns the share of time in which the processor was busy, and how long a job waited on average */
  function queue(interval: number, service: number, jobs: number): { busy: number; waited: number } {
    const draw = randomStream(5, 'test/arrivals')
    let waited = 0
    let last = 0
    const body: Body = function* ({ processFor, environment, sleep, spawn }) {
      function* job(): Blocking<void> {
        const came = environment.now
        yield* processFor(service)
        waited += environment.now - came - service
        last = environment.now
      }
      for (let i = 0; i < jobs; i++) {
        yield* sleep(-Math.log(1 - draw.next()) * interval)
        spawn(job())
      }
      yield* sleep(1000 * S)
    }
    // A cost that nothing here has: samples are taken where there is any.
    const result = world({ perRequest: 1 }, callers(0, 0), body).run(2000 * S)
    const busy = numbers(result.happened('host:load-sampled'), 'processor').reduce((sum, share) => sum + share, 0)
    return { busy: (busy * 100 * MS) / last, waited: waited / jobs }
  }

  test('of jobs that take always the same (M/D/1), a processor is busy for the share that they ask for, and they wait as theory says', () => {
    const service = 8 * MS
    const { busy, waited } = queue(10 * MS, service, 20_000)
    assert.ok(Math.abs(busy - 0.8) < 0.02, `busy for ${busy}`)
    // Pollaczek and Khinchine: ρ / (2 (1 - ρ)) times the service.
    const theory = (0.8 / (2 * 0.2)) * service
    assert.ok(Math.abs(waited / theory - 1) < 0.1, `waited ${waited} where theory says ${theory}`)
  })

  test('a machine without costs and limits says nothing, and has no timer', () => {
    const result = world({}, callers(3, S), acceptor()).run(100 * S)
    assert.equal(result.happened('host:load-sampled').length, 0)
  })

  test('one whose trace is brief says it where it serves, and rests when nothing changes', () => {
    const result = world({}, callers(3, 10 * S), acceptor(), { trace: 'brief' }).run(100 * S)
    const samples = result.happened('host:load-sampled')
    assert.deepEqual(numbers(samples, 'connections'), [3, 0])
    assert.ok(result.engine('server').nextTime > 1e15, 'no timer is left')
  })

  test('samples have all figures', () => {
    const [sample] = world({ perPacket: MS }, callers(2, 10 * S), acceptor())
      .run(S)
      .happened('host:load-sampled')
    assert.deepEqual(Object.keys(sample.data), ['processor', 'memory', 'connections', 'acceptQueue', 'synQueue', 'descriptors'])
    // Two handshakes of three packets, and what ARP says.
    assert.ok(Number(sample.data['processor']) >= 0.06 && Number(sample.data['processor']) <= 0.12, JSON.stringify(sample.data))
  })
})
