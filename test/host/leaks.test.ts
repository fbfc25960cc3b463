import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SocketError, type AppContext, type Blocking, type TcpSocket } from '../../src/host/socket.ts'
import { NEVER, SECOND } from '../../src/kernel/time.ts'
import { ip, World } from './world.ts'

const CYCLES = 1000
const MESSAGE = new Uint8Array(700).fill(7)

/** How many objects of each class can be got at from one, by the names of their classes; what only code holds on to is not seen. */
function population(root: object): Map<string, number> {
  const counts = new Map<string, number>()
  const seen = new Set<object>([root])
  const open: object[] = [root]
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || seen.has(value)) return
    seen.add(value)
    open.push(value)
  }
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    const { name } = one.constructor
    counts.set(name, (counts.get(name) ?? 0) + 1)
    if (one instanceof Map || one instanceof Set) for (const entry of one.entries()) entry.forEach(visit)
    Object.values(one).forEach(visit)
  }
  return counts
}

/** Each of the ways in which a connection can end, in turn. */
function* client({ sockets, sleep }: AppContext): Blocking<void> {
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    try {
      const socket = yield* sockets.connect({ address: ip('10.0.0.2'), port: cycle % 5 === 4 ? 81 : 80 })
      yield* socket.write(MESSAGE)
      if (cycle % 5 === 0) yield* socket.readExactly(MESSAGE.length)
      if (cycle % 5 === 1) socket.reset()
      else if (cycle % 5 === 2) while ((yield* socket.read()) !== undefined);
      socket.close()
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
    }
    yield* sleep(SECOND / 10)
  }
  yield* sleep(10_000 * SECOND)
}

function* server({ sockets, spawn }: AppContext): Blocking<void> {
  const listener = sockets.listen(80)
  for (let count = 0; ; count++) spawn(serve(yield* listener.accept(), count))
}

/** Some of them it ends itself; of others it has not read all. */
function* serve(socket: TcpSocket, count: number): Blocking<void> {
  try {
    if (count % 4 !== 3) yield* socket.readExactly(MESSAGE.length)
    yield* socket.write(MESSAGE)
    if (count % 4 === 1) while ((yield* socket.read()) !== undefined);
    socket.close()
  } catch (error) {
    if (!(error instanceof SocketError)) throw error
    socket.reset()
  }
}

/** A reset may get lost: only probes find out then that the other side is gone. */
const tcp = { keepAlive: true, keepAliveIdle: 30 * SECOND, keepAliveInterval: 5 * SECOND }

describe('after a thousand connections, however they ended', () => {
  for (const loss of [0, 0.05]) {
    test(`nothing is left of them, where ${String(loss * 100)} % of the packets are lost`, () => {
      const world = new World({
        hosts: { alice: { apps: [client], tcp }, bob: { apps: [server], tcp } },
        links: [{ between: ['alice 10.0.0.1/24', 'bob 10.0.0.2/24'], loss }],
      })
      world.run(2000 * SECOND)
      const connected = world.happened('tcp:state-changed', 'alice').filter(({ data }) => data['to'] === 'ESTABLISHED')
      assert.ok(connected.length > CYCLES * 0.7, `${String(connected.length)} were established`)
      for (const [name, coroutines] of [
        ['alice', 1],
        ['bob', 1],
      ] as const) {
        const engine = world.engine(name)
        const left = population(engine)
        assert.equal(left.get('TcpEndpoint'), undefined, `${name} has no connection`)
        assert.equal(left.get('ControlBlock'), undefined, `${name} has no control block`)
        assert.equal(left.get('Coroutine'), coroutines, `${name} has its main task only`)
        assert.ok((left.get('WaitQueue') ?? 0) < 10, `${name} has ${String(left.get('WaitQueue'))} queues of those who wait`)
      }
      assert.equal(world.engine('bob').nextTime, NEVER, 'bob has no timer')
    })
  }
})
