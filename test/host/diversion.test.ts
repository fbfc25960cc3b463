import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AppContext, Blocking } from '../../src/host/socket.ts'
import { formatIp } from '../../src/wire/address.ts'
import { MILLISECOND, SECOND } from '../../src/kernel/time.ts'
import { World, ip } from './world.ts'

type Body = (context: AppContext) => Blocking<void>

/** alice – mallory (a router) – bob. */
function between(alice: Body, mallory: Body, bob: Body, rate = 0): World {
  return new World({
    hosts: {
      alice: { gateway: '10.0.1.254', apps: [alice] },
      mallory: { kind: 'router', apps: [mallory] },
      bob: { gateway: '10.0.2.254', apps: [bob] },
    },
    links: [
      { between: ['alice 10.0.1.1/24', 'mallory 10.0.1.254/24'], rate },
      { between: ['mallory 10.0.2.254/24', 'bob 10.0.2.1/24'] },
    ],
  })
}

/** Answers every connection to a port with a word. */
const says = (port: number, word: string, heard: string[] = []): Body =>
  function* (context) {
    const listener = context.sockets.listen(port)
    for (;;) {
      const socket = yield* listener.accept()
      heard.push(`${formatIp(socket.remote.address)} for ${formatIp(socket.local.address)}`)
      yield* socket.write(Buffer.from(word))
      socket.shutdown()
    }
  }

const asks = (port: number, heard: string[], at = 0): Body =>
  function* (context) {
    yield* context.sleep(at)
    const socket = yield* context.sockets.connect({ address: ip('10.0.2.1'), port })
    heard.push(Buffer.from((yield* socket.read()) ?? []).toString())
    socket.close()
  }

test('who diverts a port answers for those behind, and on no other port', () => {
  const heard: string[] = []
  const seen: string[] = []
  const alice: Body = function* (context) {
    yield* asks(80, heard)(context)
    yield* asks(81, heard)(context)
  }
  const mallory: Body = function* (context) {
    context.sockets.link.divert([80])
    yield* says(80, 'mallory', seen)(context)
  }
  const bob: Body = function* (context) {
    context.spawn(says(80, 'bob')(context))
    yield* says(81, 'bob', seen)(context)
  }
  between(alice, mallory, bob).run(5 * SECOND)
  assert.deepEqual(heard, ['mallory', 'bob'])
  assert.deepEqual(seen, ['10.0.1.1 for 10.0.2.1', '10.0.1.1 for 10.0.2.1'], 'he sees for whom it was meant')
})

test('until he lets go; and he can ask those behind himself', () => {
  const heard: string[] = []
  const alice: Body = function* (context) {
    yield* asks(80, heard)(context)
    yield* asks(80, heard, SECOND)(context)
  }
  const mallory: Body = function* (context) {
    context.sockets.link.divert([80])
    context.spawn(says(80, 'mallory')(context))
    yield* asks(80, heard)(context)
    yield* context.sleep(SECOND / 2)
    context.sockets.link.divert([])
    yield* context.sleep(10 * SECOND)
  }
  between(alice, mallory, says(80, 'bob')).run(5 * SECOND)
  assert.deepEqual(heard.sort(), ['bob', 'bob', 'mallory'])
})

test('drained: what is written waits until little is left that was never sent', () => {
  const times: number[] = []
  const alice: Body = function* (context) {
    const socket = yield* context.sockets.connect({ address: ip('10.0.2.1'), port: 80 })
    yield* socket.write(new Uint8Array(100_000))
    times.push(context.environment.now)
    for (const most of [50_000, 10_000, 0]) {
      yield* socket.drained(most)
      times.push(context.environment.now)
    }
    yield* socket.drained(0)
    socket.close()
  }
  const bob: Body = function* (context) {
    const socket = yield* context.sockets.listen(80).accept()
    while ((yield* socket.read()) !== undefined);
    socket.close()
  }
  // A byte takes a microsecond.
  const nobody: Body = function* () {
    yield* []
  }
  between(alice, nobody, bob, 8_000_000).run(5 * SECOND)
  const [written, half, tenth, none] = times.map((time) => Math.round(time / MILLISECOND))
  assert.ok(half - written >= 20, `${half - written} ms until half of it was sent`)
  assert.ok(tenth - half >= 20 && none > tenth, `${tenth - half} ms more, and ${none - tenth} ms`)
})
