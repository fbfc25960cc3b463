import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decodeStreamFrame, encodeStreamFrame, STREAM_HEADER } from '../../src/apps/stream-frame.ts'
import { StreamReceiver } from '../../src/apps/stream-receiver.ts'
import { StreamSender } from '../../src/apps/stream-sender.ts'
import type { LinkSettings } from '../../src/kernel/link.ts'
import { pair } from '../host/topologies.ts'
import type { World } from '../host/world.ts'
import { app, data, latin1, MILLISECOND, noFailures, SECOND } from './site.ts'

const MS20 = 20 * MILLISECOND

function stream(
  transport: 'udp' | 'tcp',
  link: Partial<LinkSettings> & { seed?: number } = {},
  count = 50,
  playout = 60 * MILLISECOND,
): World {
  const world = pair(
    app('stream-sender', { to: 'bob', port: 5004, transport, interval: MS20, size: 160, count, start: 100 * MILLISECOND }),
    app('stream-receiver', { port: 5004, transport, interval: MS20, size: 160, playout }),
    { delay: 10 * MILLISECOND, rate: 1_000_000, ...link },
  )
  world.run(100 * SECOND)
  noFailures(world)
  return world
}

const sequences = (world: World, name: string) => data(world, name).map(({ sequence }) => Number(sequence))
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

describe('a frame', () => {
  test('comes back as it went in', () => {
    const sequence = fc.nat({ max: 0xfffffffe })
    fc.assert(
      fc.property(sequence, fc.maxSafeNat(), fc.integer({ min: STREAM_HEADER, max: 400 }), (sequence, sentAt, size) => {
        const frame = { sequence, sentAt, total: 0xffffffff }
        const bytes = encodeStreamFrame(frame, size)
        assert.equal(bytes.length, size)
        assert.deepEqual(decodeStreamFrame(bytes), frame)
      }),
      { seed: 1 },
    )
  })

  test('anything else is none', () => {
    assert.equal(decodeStreamFrame(new Uint8Array(15)), undefined)
    assert.equal(decodeStreamFrame(new Uint8Array(16)), undefined)
    assert.equal(decodeStreamFrame(new Uint8Array(160).fill(255)), undefined)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const frame = decodeStreamFrame(bytes)
        assert.ok(frame === undefined || (frame.sequence < frame.total && Number.isSafeInteger(frame.sentAt)))
      }),
      { seed: 2 },
    )
  })
})

for (const transport of ['udp', 'tcp'] as const) {
  describe(`over ${transport}`, () => {
    test('a good link: every frame in its slot', () => {
      const world = stream(transport)
      assert.deepEqual(sequences(world, 'stream:frame-played'), upTo(50))
      assert.deepEqual(data(world, 'stream:finished'), [{ played: 50, missed: 0 }])
      const played = world.happened('stream:frame-played').map(({ time }) => time)
      for (let i = 1; i < played.length; i++) assert.equal(played[i] - played[i - 1], MS20)
      const first = world.happened('stream:frame-received')[0].time
      assert.equal(played[0] - first, 60 * MILLISECOND)
    })

    test('delays are measured from the time of sending', () => {
      const delays = data(stream(transport), 'stream:frame-received').map(({ delay }) => Number(delay))
      for (const delay of delays.slice(3)) assert.ok(delay > 11 * MILLISECOND && delay < 15 * MILLISECOND, String(delay))
    })

    test('frames are sent at their time, whatever became of those before', () => {
      const sent = stream('udp')
        .happened('stream:frame-sent')
        .map(({ time }) => time)
      assert.deepEqual(
        sent,
        upTo(50).map((i) => 100 * MILLISECOND + i * MS20),
      )
    })

    test('every frame is played or missed, and none that is late was played', () => {
      fc.assert(
        fc.property(fc.nat({ max: 1000 }), fc.constantFrom(0.02, 0.2), fc.constantFrom(0, 0.1), (seed, loss, other) => {
          const world = stream(transport, { seed, loss, duplicate: other, reorder: other, jitter: 30 * MILLISECOND })
          const [played, missed, late] = ['played', 'missed', 'late'].map((name) => sequences(world, `stream:frame-${name}`))
          const [finished] = data(world, 'stream:finished').slice(-1)
          assert.deepEqual(finished, { played: played.length, missed: missed.length })
          const slots = [...played, ...missed].sort((a, b) => a - b)
          assert.deepEqual(slots, upTo(slots.length))
          assert.equal(new Set(late).size, late.length)
          for (const sequence of late) assert.ok(missed.includes(sequence))
          // Over TCP everything comes in the end, in order.
          if (transport === 'tcp') assert.deepEqual(sequences(world, 'stream:frame-received'), upTo(50))
        }),
        { seed: 3, numRuns: 15 },
      )
    })
  })
}

test('the same loss: UDP misses one, TCP makes others late', () => {
  const udp = stream('udp', { lossList: [12] })
  assert.deepEqual(sequences(udp, 'stream:frame-late'), [])
  assert.equal(sequences(udp, 'stream:frame-missed').length, 1)
  const tcp = stream('tcp', { lossList: [14] })
  assert.ok(sequences(tcp, 'stream:frame-late').length > 1)
  assert.deepEqual(sequences(tcp, 'stream:frame-late'), sequences(tcp, 'stream:frame-missed'))
})

test('a frame that is late says by how much', () => {
  const tcp = stream('tcp', { lossList: [14] })
  for (const { data: late, time } of tcp.happened('stream:frame-late')) {
    const missed = tcp.happened('stream:frame-missed').find((event) => event.data['sequence'] === late['sequence'])
    assert.equal(late['late'], time - (missed?.time ?? 0))
  }
})

test('the first frames are lost: their slots are missed', () => {
  const world = stream('udp', { lossList: [2, 3] })
  assert.deepEqual(sequences(world, 'stream:frame-missed'), [0, 1])
  assert.equal(sequences(world, 'stream:frame-played').length, 48)
})

test('the sender dies: silence is heard for five seconds, and then given up', () => {
  const world = pair(
    app('stream-sender', { to: 'bob', transport: 'udp', count: 1000, interval: MS20 }),
    app('stream-receiver', { transport: 'udp', interval: MS20 }),
  )
  world
    .run(1 * SECOND)
    .kill('alice')
    .run(100 * SECOND)
  const missed = world.happened('stream:frame-missed')
  assert.ok(Math.abs(missed.length - 247) < 5, String(missed.length))
  assert.equal(data(world, 'stream:finished').length, 1)
})

test('nobody listens: the sender hears of it, and of a refused connection', () => {
  const udp = pair(app('stream-sender', { to: 'bob', transport: 'udp', count: 20, interval: MS20 })).run(10 * SECOND)
  assert.ok(data(udp, 'stream:refused').every(({ error }) => error === 'ECONNREFUSED'))
  assert.ok(data(udp, 'stream:refused').length > 0)
  assert.equal(data(udp, 'stream:frame-sent').length, 20)
  const tcp = pair(app('stream-sender', { to: 'bob', transport: 'tcp' })).run(10 * SECOND)
  assert.deepEqual(
    data(tcp, 'stream:failed').map(({ error }) => error),
    ['ECONNREFUSED'],
  )
  const unknown = pair(app('stream-sender', { to: 'carol' })).run(10 * SECOND)
  assert.deepEqual(
    data(unknown, 'stream:failed').map(({ error }) => error),
    ['ENOTFOUND'],
  )
})

test('strangers: what is no frame is refused, and two senders have a clock each', () => {
  const receiver = app('stream-receiver', { interval: MS20 })
  const world = pair(
    [
      app('stream-sender', { to: 'bob', count: 10, interval: MS20 }),
      app('stream-sender', { to: 'bob', count: 5, interval: MS20, start: 50 * MILLISECOND }),
      function* ({ sockets }) {
        sockets.udp().sendTo({ address: 0x0a000002, port: 5004 }, latin1('hello'))
        yield* sockets.udp().receive(1)
      },
    ],
    receiver,
  ).run(10 * SECOND)
  noFailures(world)
  assert.deepEqual(data(world, 'stream:frame-refused'), [{ bytes: 5 }])
  assert.deepEqual(
    data(world, 'stream:finished')
      .map(({ played }) => played)
      .sort(),
    [10, 5],
  )
})

test('over TCP, a sender that breaks off, or speaks something else', () => {
  const reset = pair(
    function* ({ sockets, sleep }) {
      const socket = yield* sockets.connect({ address: 0x0a000002, port: 5004 })
      yield* socket.write(encodeStreamFrame({ sequence: 0, sentAt: 0, total: 3 }, 160))
      yield* sleep(SECOND)
      socket.reset()
    },
    app('stream-receiver', { transport: 'tcp' }),
  ).run(10 * SECOND)
  noFailures(reset)
  assert.deepEqual(
    data(reset, 'stream:failed').map(({ error }) => error),
    ['ECONNRESET'],
  )
  const garbage = pair(
    function* ({ sockets }) {
      const socket = yield* sockets.connect({ address: 0x0a000002, port: 5004 })
      yield* socket.write(new Uint8Array(500).fill(255))
      yield* socket.closed()
    },
    app('stream-receiver', { transport: 'tcp' }),
  ).run(10 * SECOND)
  assert.deepEqual(data(garbage, 'stream:frame-refused'), [{ bytes: 160 }])
})

describe('while it runs', () => {
  test('interval, size and count of the sender', () => {
    const sender = new StreamSender({ to: 'bob', interval: MS20, count: 1000 })
    const world = pair((context) => sender.main(context), app('stream-receiver', {})).run(200 * MILLISECOND)
    const before = data(world, 'stream:frame-sent').length
    sender.configure('interval', 10 * MILLISECOND)
    sender.configure('size', 300)
    world.run(400 * MILLISECOND)
    assert.ok(data(world, 'stream:frame-sent').length - before >= 19)
    assert.ok(world.frames.some(({ bytes }) => bytes.length === 14 + 20 + 8 + 300))
    sender.configure('count', 40)
    world.run(10 * SECOND)
    assert.equal(data(world, 'stream:frame-sent').length, 40)
    assert.equal(data(world, 'app:ended', 'alice').length, 1)
  })

  test('anything else is refused', () => {
    for (const [path, value] of [
      ['to', 'x'],
      ['interval', 0],
      ['size', 15],
      ['size', 65_508],
      ['count', 0],
    ] as const) {
      assert.throws(() => new StreamSender({}).configure(path, value), { name: 'UnknownSetting', path })
    }
    assert.throws(() => new StreamSender({ transport: 'tcp' }).configure('size', 100), { name: 'UnknownSetting' })
    assert.throws(() => new StreamReceiver({}).configure('playout'), { name: 'UnknownSetting' })
  })
})
