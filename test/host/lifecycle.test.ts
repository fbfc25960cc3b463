import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createHost } from '../../src/host/host-machine.ts'
import { SocketError, type App, type AppContext, type Blocking } from '../../src/host/socket.ts'
import { UnknownSetting } from '../../src/host/unknown-setting.ts'
import { MemoryDisk } from '../../src/kernel/disk.ts'
import type { Environment, Machine, Timer } from '../../src/kernel/machine.ts'
import { randomStream } from '../../src/kernel/random.ts'
import { MILLISECOND, SECOND } from '../../src/kernel/time.ts'
import type { ResolvedHost } from '../../src/scenario/resolved.ts'
import { pair } from './topologies.ts'
import { ip } from './world.ts'

const BOB = { address: ip('10.0.0.2'), port: 80 }

/** A world of one host, which counts what the machine asks of it. */
class Ledger implements Environment {
  now = 0
  readonly host = 0
  readonly name = 'alice'
  readonly boot = 1
  readonly ports = 1
  cause = 0
  transmitted = 0
  recorded: string[] = []
  readonly pending = new Set<() => void>()
  private id = 0
  allocate(length: number): Uint8Array {
    return new Uint8Array(length)
  }
  transmit(): number {
    this.transmitted++
    return ++this.id
  }
  queuedBytes(): number {
    return 0
  }
  schedule(_at: number, action: () => void): Timer {
    this.pending.add(action)
    return {
      cancel: () => {
        this.pending.delete(action)
      },
    }
  }
  random(purpose: string): ReturnType<typeof randomStream> {
    return randomStream(1, purpose)
  }
  record(name: string): number {
    this.recorded.push(name)
    return ++this.id
  }
  readonly isBrief = false
  omit(): number {
    return ++this.id
  }
  crash(why: string): void {
    this.recorded.push(why)
  }
  readonly disk = new MemoryDisk()
}

function host(apps: readonly string[] = ['app']): ResolvedHost {
  return {
    name: 'alice',
    label: 'alice',
    kind: 'host',
    interfaces: [{ name: 'eth0', link: 0, end: 0, mac: 0x020000000001, address: ip('10.0.0.1'), prefix: 24, mtu: 1500 }],
    routes: [],
    names: {},
    apps: apps.map((app) => ({ app, options: {} })),
    tcp: {},
    position: { x: 0, y: 0 },
  }
}

function machine(
  main: (context: AppContext) => Blocking<void>,
  configure?: App['configure'],
): { ledger: Ledger; machine: Machine } {
  const ledger = new Ledger()
  const app: App = configure === undefined ? { main } : { main, configure }
  return { ledger, machine: createHost(ledger, host(), () => app) }
}

describe('power', () => {
  test('off: finally blocks run, but nothing is sent, scheduled or recorded any more', () => {
    const log: string[] = []
    const { ledger, machine: alice } = machine(function* ({ sockets, sleep, spawn, environment }) {
      const listener = sockets.listen(80)
      const socket = sockets.udp(5)
      spawn(
        (function* () {
          try {
            yield* sockets.connect(BOB)
          } finally {
            log.push('connecting')
          }
        })(),
      )
      try {
        yield* sleep(SECOND)
      } finally {
        log.push('main')
        socket.sendTo({ address: BOB.address, port: 1 }, new Uint8Array(1))
        environment.record('test:late', '', {})
        environment.schedule(0, () => log.push('late'))
        environment.transmit(0, new Uint8Array(60))
        listener.close()
        yield* sleep(SECOND)
        log.push('not reached')
      }
    })
    alice.start()
    const before = { transmitted: ledger.transmitted, recorded: ledger.recorded.length }
    assert.equal(before.transmitted, 1, 'the ARP request for the SYN')
    // The kernel has dropped the machine's timers by now.
    ledger.pending.clear()
    alice.stop()
    assert.deepEqual(log, ['connecting', 'main'])
    assert.deepEqual({ transmitted: ledger.transmitted, recorded: ledger.recorded.length }, before)
    assert.equal(ledger.pending.size, 0)
  })

  test('a killed application that was asleep or connecting has cancelled its own timers', () => {
    const { ledger, machine: alice } = machine(function* ({ sleep, spawn, race, sockets }) {
      const tasks = [spawn(sleep(SECOND)), spawn(sleep(2 * SECOND)), spawn(receiving(sockets))]
      yield* race(tasks)
    })
    function* receiving(sockets: AppContext['sockets']): Blocking<void> {
      yield* sockets.udp(9).receive(SECOND)
    }
    alice.start()
    assert.equal(ledger.pending.size, 3)
    alice.stop()
    assert.equal(ledger.pending.size, 0)
  })

  test('a machine starts blank after a restart, its random streams being others', () => {
    const ports: number[] = []
    const world = pair(
      function* ({ sockets }) {
        const socket = yield* sockets.connect(BOB)
        ports.push(socket.local.port)
        yield* socket.closed()
      },
      function* ({ sockets }) {
        const listener = sockets.listen(80)
        for (;;) yield* listener.accept()
      },
    )
    world.run(SECOND)
    world.restart('alice').run(2 * SECOND)
    assert.equal(world.happened('app:started', 'alice').length, 2)
    assert.equal(world.happened('app:failed').length, 0)
    assert.equal(new Set(ports).size, 2)
  })

  test('timers of one life do not fire in the next', () => {
    const awake: number[] = []
    const world = pair(function* ({ sleep, environment }) {
      yield* sleep(SECOND)
      awake.push(environment.now)
    })
    world.run(SECOND / 2)
    world.restart('alice').run(10 * SECOND)
    assert.deepEqual(awake, [SECOND * 1.5])
  })
})

describe('applications', () => {
  test('start, end and failure are recorded', () => {
    const world = pair([
      function* ({ sleep }) {
        yield* sleep(MILLISECOND)
      },
      function* ({ sleep }) {
        yield* sleep(2 * MILLISECOND)
        throw new TypeError('this is wrong')
      },
      function* ({ sockets }) {
        yield* sockets.resolve('nobody')
      },
    ]).run()
    assert.deepEqual(
      world.events
        .filter(({ name }) => name.startsWith('app:'))
        .map(({ time, name, data }) => [time, name, data.app, data.error]),
      [
        [0, 'app:started', 'app0', undefined],
        [0, 'app:started', 'app1', undefined],
        [0, 'app:started', 'app2', undefined],
        [0, 'app:failed', 'app2', 'SocketError: ENOTFOUND: no host is called nobody'],
        [MILLISECOND, 'app:ended', 'app0', undefined],
        [2 * MILLISECOND, 'app:failed', 'app1', 'TypeError: this is wrong'],
      ],
    )
  })

  test('a failing task is recorded, and the application goes on; tasks die with their application', () => {
    const log: string[] = []
    const world = pair(function* ({ sleep, spawn }) {
      spawn(
        (function* () {
          yield* sleep(MILLISECOND)
          throw new SocketError('EPIPE', 'no more')
        })(),
      )
      spawn(
        (function* () {
          try {
            yield* sleep(SECOND)
          } finally {
            log.push('ended early')
          }
        })(),
      )
      yield* sleep(2 * MILLISECOND)
      log.push('main goes on')
    }).run()
    assert.deepEqual(log, ['main goes on', 'ended early'])
    assert.deepEqual(
      world.events.filter(({ name }) => name !== 'app:started').map(({ name }) => name),
      ['app:failed', 'app:ended'],
    )
  })

  test('sleep takes what it says, and even sleep(0) lets others have their turn', () => {
    const log: string[] = []
    pair([
      function* ({ sleep, environment }) {
        for (let i = 0; i < 3; i++) {
          log.push(`a ${String(environment.now)}`)
          yield* sleep(0)
        }
      },
      function* ({ sleep, environment }) {
        for (let i = 0; i < 3; i++) {
          log.push(`b ${String(environment.now)}`)
          yield* sleep(1.5)
        }
      },
    ]).run()
    assert.deepEqual(log, ['a 0', 'b 0', 'a 0', 'a 0', 'b 2', 'b 4'])
  })

  test('what sleeps for no length of time is told so', () => {
    const world = pair(function* ({ sleep }) {
      yield* sleep(NaN)
    }).run()
    assert.match(String(world.happened('app:failed')[0].data.error), /RangeError/)
  })

  test('what an application does is caused by what woke it', () => {
    const world = pair(
      function* ({ sockets, sleep }) {
        yield* sleep(SECOND)
        sockets.udp().sendTo({ address: BOB.address, port: 7 }, new Uint8Array(1))
        yield* sleep(SECOND)
      },
      function* ({ sockets, environment }) {
        yield* sockets.udp(7).receive()
        environment.record('test:heard', '', {})
      },
    ).run()
    const datagram = world.frames.at(-1)
    assert.equal(world.happened('test:heard')[0].cause, datagram?.id)
  })

  test('settings reach the application that they are for', () => {
    const changes: unknown[] = []
    const { machine: alice } = machine(
      function* ({ sleep }) {
        yield* sleep(SECOND)
      },
      (path, value) => {
        if (path !== 'delay') throw new UnknownSetting(path, 'unknown')
        changes.push(value)
      },
    )
    alice.start()
    alice.configure('app.delay', 1)
    alice.configure('apps[0].delay', 2)
    alice.configure('apps.0.delay', 3)
    alice.configure('tcp.nagle', false)
    assert.deepEqual(changes, [1, 2, 3])
    for (const [path, value] of [
      ['app.nothing', 1],
      ['apps[1].delay', 1],
      ['tcp.nothing', 1],
      ['tcp.nagle', 'yes'],
      ['mtu', 1],
      ['', 1],
    ] as const) {
      assert.throws(() => {
        alice.configure(path, value)
      }, UnknownSetting)
    }
  })

  test('an application that takes no settings says so', () => {
    const { machine: alice } = machine(function* ({ sleep }) {
      yield* sleep(SECOND)
    })
    alice.start()
    assert.throws(() => {
      alice.configure('app.delay', 1)
    }, /takes no settings/)
  })
})
