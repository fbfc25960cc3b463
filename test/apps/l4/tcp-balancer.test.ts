import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AppContext, Blocking } from '../../../src/host/socket.ts'
import { SocketError } from '../../../src/host/socket.ts'
import { NEVER } from '../../../src/kernel/time.ts'
import { formatIpv4, readMac } from '../../../src/wire/address.ts'
import { read16, read32 } from '../../../src/wire/integer.ts'
import { tsharkFields, withFile } from '../../vectors/tshark.ts'
import type { World } from '../../host/world.ts'
import { data, latin1, MILLISECOND, noFailures, SECOND, type Body } from '../site.ts'
import { captureOf, cluster, echoes, MODES, say, VIRTUAL } from './cluster.ts'

const LONG = 'a long text '.repeat(2000)

/** Says something again and again, and notes what came back. */
const says = (heard: string[], times: number, pause = 100 * MILLISECOND, text = 'hello'): Body =>
  function* (context) {
    for (let i = 0; i < times; i++) {
      heard.push(yield* say(context, text))
      yield* context.sleep(pause)
    }
  }

/** Opens a connection, keeps it, and sends a word each so often; what comes back, or what error, is noted. */
const keeps = (heard: string[], words: number, pause: number): Body =>
  function* ({ sockets, sleep, spawn }: AppContext): Blocking<void> {
    const socket = yield* sockets.connect({ address: VIRTUAL, port: 80 }, { noDelay: true })
    const reader = spawn(
      (function* (): Blocking<void> {
        try {
          for (let bytes = yield* socket.read(); bytes !== undefined; bytes = yield* socket.read())
            heard.push(Buffer.from(bytes).toString('latin1').trim())
          heard.push('end')
        } catch (error) {
          if (!(error instanceof SocketError)) throw error
          heard.push(error.code)
        }
      })(),
    )
    for (let i = 0; i < words && !reader.done; i++) {
      try {
        yield* socket.write(latin1(`word${String(i)}`))
      } catch (error) {
        if (!(error instanceof SocketError)) throw error
        return
      }
      yield* sleep(pause)
    }
    if (!reader.done) socket.shutdown()
    yield* reader.join()
  }

/** Nothing is pending at the balancer: it remembers no connection. */
function remembersNothing(world: World): void {
  world.run(5000 * SECOND)
  assert.equal(world.engine('lb').nextTime, NEVER, 'no entry waits to expire')
}

for (const mode of MODES) {
  describe(`mode ${mode}`, () => {
    test('over lines that lose, every byte gets there and back, and tshark finds every checksum right', () => {
      const heard: string[] = []
      const seen: string[] = []
      const world = cluster({
        mode,
        clients: [0, 1, 2].map(() => says(heard, 3, SECOND, LONG)),
        servers: [echoes('w0', seen), echoes('w1', seen)],
        line: { loss: 0.01, delay: MILLISECOND },
      })
      world.run(100 * SECOND)
      noFailures(world)
      assert.equal(heard.length, 9)
      for (const text of heard) assert.match(text, /^w[01] (a long text )+$/)
      for (const text of heard) assert.equal(text.length, 3 + LONG.length)
      assert.equal(new Set(data(world, 'balancer:picked').map(({ backend }) => backend)).size, 2, 'both servers had their turn')
      const ends = [...new Set(seen)].sort()
      if (mode === 'nat') assert.deepEqual(ends.slice(0, 2), ['10.0.0.1 to 10.0.1.11', '10.0.0.1 to 10.0.1.12'])
      if (mode === 'full-nat') assert.deepEqual(ends, ['10.0.0.9 to 10.0.0.11', '10.0.0.9 to 10.0.0.12'])
      if (mode === 'dsr') assert.deepEqual(ends, ['10.0.0.1 to 10.0.0.100', '10.0.0.2 to 10.0.0.100', '10.0.0.3 to 10.0.0.100'])
      withFile(captureOf(world), (path) => {
        const checks = ['ip', 'tcp'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`])
        const rows = tsharkFields(path, ['ip.checksum.status', 'tcp.checksum.status'], ...checks, '-Y', 'tcp')
        assert.ok(rows.length > 300, `${String(rows.length)} segments`)
        for (const row of rows) assert.deepEqual(row, ['1', '1'])
      })
      remembersNothing(world)
    })

    test('its packets have one hop less to live, and in dsr replies pass it by', () => {
      const heard: string[] = []
      const world = cluster({ mode, clients: [says(heard, 1)], servers: [echoes('w0')] })
      world.run(20 * SECOND)
      assert.deepEqual(heard, ['w0 hello'])
      const tcp = world.frames.filter(({ from, bytes }) => from === 'lb' && read16(bytes, 12) === 0x0800 && bytes[23] === 6)
      assert.deepEqual([...new Set(tcp.map(({ bytes }) => bytes[22]))], [63])
      const replies = tcp.filter(({ bytes }) => read16(bytes, 34) === 80)
      assert.equal(replies.length > 0, mode !== 'dsr')
      if (mode !== 'dsr') return
      const [server] = world.frames.filter(({ from }) => from === 'w0')
      for (const { bytes } of tcp) {
        assert.equal(formatIpv4(read32(bytes, 30)), '10.0.0.100', 'the packet is for whom it was')
        assert.equal(readMac(bytes, 0), readMac(server.bytes, 6), 'the frame is for the server')
      }
    })

    test('a client keeps its server for a while, and no longer', () => {
      const heard: string[] = []
      const sticky: Body = function* (context) {
        yield* says(heard, 4, SECOND)(context)
        yield* context.sleep(5 * SECOND)
        yield* says(heard, 2, SECOND)(context)
      }
      const world = cluster({
        mode,
        clients: [sticky],
        servers: [echoes('w0'), echoes('w1'), echoes('w2')],
        options: { sticky: 3 * SECOND },
      })
      world.run(60 * SECOND)
      assert.deepEqual(
        heard.map((text) => text.slice(0, 2)),
        ['w0', 'w0', 'w0', 'w0', 'w1', 'w1'],
      )
    })

    test('who is drained finishes what it has, and gets nothing new', () => {
      const kept: string[] = []
      const heard: string[] = []
      const later: Body = function* (context) {
        yield* context.sleep(2 * SECOND)
        yield* says(heard, 4, 100 * MILLISECOND)(context)
      }
      const world = cluster({ mode, clients: [keeps(kept, 5, SECOND), later], servers: [echoes('w0'), echoes('w1')] })
      world.run(SECOND)
      world.app.configure?.('backends[0].drain', true)
      world.run(30 * SECOND)
      noFailures(world)
      assert.equal(kept.join(' '), 'w0 word0 word1 word2 word3 word4 end')
      assert.deepEqual(
        heard,
        Array.from({ length: 4 }, () => 'w1 hello'),
      )
      assert.equal(data(world, 'balancer:backend-drained').length, 1)
    })

    test('drain is changed to and fro: new connections go elsewhere and come back, those that are there stay all the while', () => {
      const kept: string[] = []
      const heard: string[] = []
      // One that goes on through all of it, and one a second that is new.
      const clients = [keeps(kept, 12, SECOND), says(heard, 12, SECOND)]
      const plan = { mode, clients, servers: [echoes('w0'), echoes('w1')], options: { strategy: 'weighted' } }
      const world = cluster(plan)
      const heardBetween = (from: number, to: number): string[] => {
        const names = data(world.run(to), 'balancer:picked').map(({ backend }) => String(backend).slice(-4, -3))
        assert.ok(names.length > from, 'connections are made all the while')
        return [...new Set(names.slice(from))].sort()
      }
      const count = (): number => data(world, 'balancer:picked').length
      world.run(0.5 * SECOND)
      world.app.configure?.('backends[0].drain', true)
      assert.deepEqual(heardBetween(count(), 4.5 * SECOND), ['2'])
      world.app.configure?.('backends[0].drain', false)
      assert.deepEqual(heardBetween(count(), 8.5 * SECOND), ['1', '2'])
      world.app.configure?.('backends[1].drain', true)
      assert.deepEqual(heardBetween(count(), 11.5 * SECOND), ['1'])
      world.app.configure?.('backends[0].drain', true)
      world.run(60 * SECOND)
      noFailures(world)
      const words = Array.from({ length: 12 }, (_, i) => `word${String(i)}`).join(' ')
      assert.match(kept.join(' '), new RegExp(`^w[01] ${words} end$`))
      assert.equal(heard.length, 12)
      assert.equal(data(world, 'balancer:connection-reset').length, 0)
      assert.deepEqual(
        data(world, 'balancer:backend-changed').map(({ backend, state }) => `${String(backend).slice(-4, -3)} ${String(state)}`),
        ['1 draining', '1 up', '2 draining', '1 draining'],
      )
      for (const name of ['1', '2']) {
        const drained = data(world, 'balancer:backend-drained').filter(({ backend }) => String(backend).slice(-4, -3) === name)
        assert.ok(drained.length > 0, `that ${name} has nothing left is told`)
      }
    })

    test('a server that dies: its connections are reset as soon as that is known, if so wished, and new ones go elsewhere', () => {
      const kept: string[] = []
      const heard: string[] = []
      const later: Body = function* (context) {
        yield* context.sleep(10 * SECOND)
        yield* says(heard, 2)(context)
      }
      const check = { by: 'tcp', path: '/', interval: SECOND, timeout: SECOND / 2, rise: 2, fall: 2 }
      const plan = { mode, clients: [keeps(kept, 100, SECOND), later], servers: [echoes('w0'), echoes('w1')] }
      const world = cluster({ ...plan, options: { check, orphans: 'reset' } })
      world.run(3.2 * SECOND)
      world.kill('w0')
      world.run(20 * SECOND)
      noFailures(world)
      assert.equal(kept.at(-1), 'ECONNRESET')
      const [reset] = world.happened('balancer:connection-reset')
      assert.ok(reset.time > 4 * SECOND && reset.time < 7 * SECOND, 'after two failed checks')
      assert.deepEqual(heard, ['w1 hello', 'w1 hello'])
      assert.deepEqual(
        data(world, 'balancer:backend-changed').map(({ state }) => state),
        ['down'],
      )
    })

    test('or they are left to themselves, as by most: the client goes on sending into the dark', () => {
      const kept: string[] = []
      const world = cluster({ mode, clients: [keeps(kept, 100, SECOND)], servers: [echoes('w0'), echoes('w1')] })
      world.run(3.2 * SECOND)
      world.kill('w0')
      world.run(20 * SECOND)
      assert.equal(kept.join(' '), 'w0 word0 word1 word2 word3')
      assert.equal(data(world, 'tcp:reset-received').length, 0)
    })

    test('nobody is well: a SYN is refused, or lost', () => {
      for (const [refusal, outcome] of [
        ['reset', 'ECONNREFUSED'],
        ['drop', 'ETIMEDOUT'],
      ]) {
        const heard: string[] = []
        const client: Body = function* (context) {
          yield* context.sleep(5 * SECOND)
          heard.push(yield* say(context, 'hello', 4 * SECOND))
        }
        const check = { by: 'tcp', path: '/', interval: SECOND, timeout: SECOND / 2, rise: 2, fall: 2 }
        const world = cluster({ mode, clients: [client], servers: [echoes('w0')], options: { check, refusal } })
        world.kill('w0').run(20 * SECOND)
        noFailures(world)
        assert.deepEqual(heard, [outcome])
        assert.equal(data(world, 'balancer:refused')[0]['why'], 'no server is well')
      }
    })

    test('a server gets no more connections than it may have, and has room again when one ends', () => {
      const kept: string[] = []
      const heard: string[] = []
      const later: Body = function* (context) {
        yield* context.sleep(SECOND)
        yield* says(heard, 4, 2 * SECOND)(context)
      }
      const world = cluster({
        mode,
        clients: [keeps(kept, 4, SECOND), later],
        servers: [echoes('w0')],
        options: { maxConnections: 1 },
      })
      world.run(30 * SECOND)
      assert.deepEqual(heard, ['ECONNREFUSED', 'ECONNREFUSED', 'w0 hello', 'w0 hello'])
      assert.equal(kept.at(-1), 'end')
    })

    test('an application behind that asks by HTTP is well only with a good answer', () => {
      const answers = ['HTTP/1.1 204 No Content\r\n\r\n', 'HTTP/1.1 503 Service Unavailable\r\n\r\n', 'nonsense, nonsense', '']
      const servers = answers.map(
        (answer): Body =>
          function* ({ sockets }) {
            for (const listener = sockets.listen(80); ;) {
              const socket = yield* listener.accept()
              yield* socket.read()
              if (answer !== '') yield* socket.write(latin1(answer))
              socket.close()
            }
          },
      )
      const check = { by: 'http', path: '/health', interval: SECOND, timeout: SECOND / 2, rise: 1, fall: 1 }
      const world = cluster({ mode, clients: [], servers, options: { check } })
      world.run(3 * SECOND)
      noFailures(world)
      const down = data(world, 'balancer:backend-changed').map(({ backend }) => String(backend).split('.')[3])
      assert.deepEqual(down, ['12:80', '13:80', '14:80'])
    })
  })
}

test('mid-connection packets after a restart: reset, lost, or taken up by a strategy that finds the same server again', () => {
  for (const [unknown, strategy, mode, outcome] of [
    ['reset', 'maglev', 'nat', 'ECONNRESET'],
    ['drop', 'maglev', 'nat', 'word3'],
    ['adopt', 'maglev', 'nat', 'end'],
    ['adopt', 'maglev', 'dsr', 'end'],
    ['adopt', 'maglev', 'full-nat', 'ECONNRESET'],
  ] as const) {
    const kept: string[] = []
    const options = { unknown, strategy, hashes: 'connection' }
    const servers = ['w0', 'w1', 'w2'].map((name) => echoes(name))
    const world = cluster({ mode, clients: [keeps(kept, 8, SECOND)], servers, options })
    world.run(3.2 * SECOND)
    world
      .kill('lb')
      .restart('lb')
      .run(20 * SECOND)
    noFailures(world)
    assert.equal(kept.at(-1), outcome, `${unknown} in ${mode}`)
    assert.equal(data(world, 'balancer:adopted').length, outcome === 'end' ? 1 : 0)
  }
})

test('a SYN whose server turns out to be down is tried with another', () => {
  const heard: string[] = []
  const client: Body = function* (context) {
    yield* context.sleep(100 * MILLISECOND)
    heard.push(yield* say(context, 'hello'))
  }
  const check = { by: 'tcp', path: '/', interval: SECOND, timeout: SECOND / 2, rise: 2, fall: 1 }
  const world = cluster({ mode: 'full-nat', clients: [client], servers: [echoes('w0'), echoes('w1')], options: { check } })
  world.kill('w0').run(20 * SECOND)
  assert.deepEqual(heard, ['w1 hello'])
  assert.deepEqual(
    data(world, 'balancer:picked').map(({ backend }) => backend),
    ['10.0.0.11:80', '10.0.0.12:80'],
  )
})

test('a connection without packets is forgotten when its time is up, and not earlier', () => {
  const kept: string[] = []
  const timeouts = { syn: 2 * SECOND, established: 5 * SECOND, fin: 2 * SECOND, closed: SECOND }
  const plan = { mode: 'nat' as const, servers: [echoes('w0')], options: { timeouts } }
  const fast = cluster({ ...plan, clients: [keeps(kept, 3, 4 * SECOND)] })
  fast.run(60 * SECOND)
  assert.equal(kept.at(-1), 'end')
  assert.equal(data(fast, 'balancer:connection-expired').length, 0)
  const slow = cluster({ ...plan, clients: [keeps(kept, 3, 6 * SECOND)] })
  slow.run(60 * SECOND)
  assert.equal(kept.at(-1), 'ECONNRESET')
  assert.deepEqual(data(slow, 'balancer:connection-expired'), [{ backend: '10.0.1.11:80', state: 'established' }])
  remembersNothing(slow)
})

test('the host itself, and who passes through it, are not disturbed', () => {
  const heard: string[] = []
  const client: Body = function* ({ sockets }) {
    for (const address of [0x0a000009, 0x0a00010b]) {
      const socket = yield* sockets.connect({ address, port: address === 0x0a000009 ? 81 : 80 })
      heard.push(Buffer.from((yield* socket.read()) ?? []).toString())
      socket.close()
    }
  }
  const own: Body = function* ({ sockets }) {
    const socket = yield* sockets.listen(81).accept()
    yield* socket.write(latin1('lb '))
    socket.close()
  }
  const world = cluster({ mode: 'nat', clients: [client], servers: [echoes('w0')], beside: [own] })
  world.run(10 * SECOND)
  noFailures(world)
  assert.deepEqual(heard, ['lb ', 'w0 '])
  assert.equal(data(world, 'balancer:picked').length, 0)
})
