import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LiveServer } from '../../src/apps/live/live-server.ts'
import { SocketError } from '../../src/host/socket.ts'
import type { AppContext, Blocking } from '../../src/host/socket.ts'
import { randomStream } from '../../src/kernel/random.ts'
import { World } from '../host/world.ts'
import { ask, dial, poll, readEvents, Talk } from './live-talk.ts'

const MS = 1e6
const S = 1e9

/** Does one of several things with the server, and breaks off in the middle of it, or does not. */
function* visit(context: AppContext, kind: number, stay: number): Blocking<void> {
  try {
    if (kind === 0) {
      yield* poll(context, '/poll', 0)
    } else if (kind === 1) {
      const socket = yield* dial(context)
      yield* socket.write(Buffer.from('GET /events HTTP/1.1\r\nHost: server\r\n\r\n'))
      const until = context.environment.now + stay
      yield* readEvents(socket, () => context.environment.now > until)
      socket.close()
    } else if (kind === 2) {
      yield* ask(context, '/say', { body: '{"type":"say","room":"lobby","key":"' + String(stay) + '","text":"x"}' })
    } else if (kind === 3) {
      // Begins a request, and never ends it.
      const socket = yield* dial(context)
      yield* socket.write(Buffer.from('POST /say HTTP/1.1\r\nHost: server\r\nContent-Length: 100\r\n\r\nabc'))
      yield* context.sleep(stay)
      socket.reset()
    } else {
      const talk = yield* Talk.open(context)
      yield* talk.enter()
      yield* talk.say({ type: 'say', room: 'lobby', key: String(stay), text: 'x'.repeat(2000), sentAt: 0 })
      yield* context.sleep(stay)
      if (kind === 4) talk.socket.close()
      else if (kind === 5) talk.socket.reset()
      else yield* talk.until(() => false)
    }
  } catch (error) {
    if (error instanceof SocketError || (error instanceof Error && error.message.startsWith('the connection ended'))) return
    throw error
  }
}

test('whatever clients do and wherever they are cut off or killed, a server that outlives them keeps nothing of them', () => {
  let opened = 0
  let lost = 0
  for (let seed = 1; seed <= 6; seed++) {
    const draw = randomStream(seed, 'test/outages')
    const world = new World({
      seed,
      hosts: {
        server: {
          machine: { memory: 1e9, connectionMemory: 1000, perMessage: MS, perConnection: MS, perRequest: 2 * MS },
          apps: [
            new LiveServer({
              heartbeat: 2 * S,
              pollTimeout: 5 * S,
              sessions: S,
              sendQueue: 10_000,
              news: { interval: 500 * MS },
            }),
          ],
        },
        clients: {
          apps: [
            function* (context) {
              for (let i = 0; i < 40; i++) {
                context.spawn(visit(context, draw.below(7), Math.floor(draw.next() * 4 * S)))
                yield* context.sleep(Math.floor(draw.next() * 300 * MS))
              }
              yield* context.sleep(100 * S)
            },
          ],
        },
      },
      links: [{ between: ['server 10.0.0.1/24', 'clients 10.0.0.2/24'], delay: 5 * MS, loss: 0.02, rate: 2_000_000 }],
    })
    for (let time = S; time < 20 * S; time += S) {
      world.run(time + Math.floor(draw.next() * S))
      const what = draw.below(6)
      if (what === 0) world.link(0, { up: false })
      else if (what === 1) world.link(0, { up: true })
      else if (what === 2) world.kill('clients')
      else if (what === 3) world.restart('clients')
    }
    world.configure('server', 'app.news.interval', 0)
    world
      .link(0, { up: true })
      .kill('clients')
      .run(2000 * S)
    assert.deepEqual(world.happened('app:failed'), [], `seed ${seed}`)
    opened += world.happened('websocket:opened').length
    lost += world.happened('websocket:closed').filter(({ data }) => data['whose'] === 'network').length
    const last = world.happened('host:load-sampled', 'server').at(-1)?.data
    const nothing = { processor: 0, memory: 0, connections: 0, acceptQueue: 0, synQueue: 0, descriptors: 1 }
    assert.deepEqual(last, nothing, `seed ${seed}`)
    world.configure('server', 'app.drain', true).run(2001 * S)
    assert.deepEqual(world.happened('live:drain-started')[0]?.data, { connections: 0 }, `seed ${seed}`)
  }
  assert.ok(opened > 30 && lost > 5, `${opened} were opened, and ${lost} of them lost on the way`)
})
