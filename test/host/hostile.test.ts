import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { SocketError, type AppContext, type Blocking } from '../../src/host/socket.ts'
import { MILLISECOND, SECOND } from '../../src/kernel/time.ts'
import { finish, pseudoHeaderSum, sum } from '../../src/wire/checksum.ts'
import { routed } from './topologies.ts'
import { ip, type World } from './world.ts'

const FAR_BOB = { address: ip('10.0.2.1'), port: 80 }

/** A small conversation of every kind: ARP, ping, UDP, TCP, fragments. */
function* talk({ sockets, sleep, spawn }: AppContext): Blocking<void> {
  const udp = sockets.udp(5000)
  spawn(
    (function* () {
      for (;;) {
        try {
          yield* udp.receive()
        } catch (error) {
          if (!(error instanceof SocketError)) throw error
        }
      }
    })(),
  )
  for (;;) {
    yield* sockets.ping(FAR_BOB.address, { sequence: 1, payload: 2000, timeout: SECOND })
    udp.sendTo({ address: FAR_BOB.address, port: 7 }, new Uint8Array(100))
    udp.sendTo({ address: FAR_BOB.address, port: 8 }, new Uint8Array(100))
    try {
      const socket = yield* sockets.connect(FAR_BOB)
      yield* socket.write(new Uint8Array(20_000))
      socket.shutdown()
      while ((yield* socket.read()) !== undefined);
      socket.close()
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
    }
    yield* sleep(100 * MILLISECOND)
  }
}

function* listen({ sockets, spawn }: AppContext): Blocking<void> {
  const udp = sockets.udp(7)
  spawn(
    (function* () {
      for (;;) {
        try {
          const datagram = yield* udp.receive()
          if (datagram !== undefined) udp.sendTo(datagram.from, datagram.bytes)
        } catch (error) {
          if (!(error instanceof SocketError)) throw error
        }
      }
    })(),
  )
  const listener = sockets.listen(80)
  for (;;) {
    const socket = yield* listener.accept()
    spawn(
      (function* () {
        try {
          while ((yield* socket.read()) !== undefined);
          yield* socket.write(new Uint8Array(5_000))
        } catch (error) {
          if (!(error instanceof SocketError)) throw error
        }
        socket.close()
      })(),
    )
  }
}

function conversation(): World {
  return routed(talk, listen, { mtu: 700, link: { rate: 100_000_000 } })
}

/** Makes checksums right again where there are any, so that mutations get past them. */
function repaired(frame: Uint8Array): Uint8Array {
  if (frame.length < 34 || frame[12] !== 8 || frame[13] !== 0) return frame
  const headerEnd = 14 + (frame[14] & 15) * 4
  const end = Math.min(frame.length, 14 + ((frame[16] << 8) | frame[17]))
  if (headerEnd < 34 || headerEnd + 20 > end) return frame
  const set = (at: number, from: number, to: number, initial: number): void => {
    frame.fill(0, at, at + 2)
    const checksum = finish(sum(frame, from, to, initial))
    frame.set([checksum >>> 8, checksum & 0xff], at)
  }
  set(24, 14, headerEnd, 0)
  const word = (at: number): number => ((frame[at] << 24) | (frame[at + 1] << 16) | (frame[at + 2] << 8) | frame[at + 3]) >>> 0
  const pseudo = pseudoHeaderSum(word(26), word(30), frame[23], end - headerEnd)
  if (frame[23] === 1) set(headerEnd + 2, headerEnd, end, 0)
  if (frame[23] === 6) set(headerEnd + 16, headerEnd, end, pseudo)
  if (frame[23] === 17) set(headerEnd + 6, headerEnd, end, pseudo)
  return frame
}

const recorded = conversation()
  .run(3 * SECOND)
  .frames.map(({ bytes }) => bytes)

/** Runs on with a limit on what may happen: a hostile frame must not start a storm. */
function settles(world: World): void {
  const before = world.frames.length
  world.run(world.engine('router').now + 300 * MILLISECOND)
  assert.ok(world.frames.length - before < 2_000, 'no storm')
  assert.deepEqual(world.happened('app:failed'), [])
}

describe('hostile frames', () => {
  test('the recorded conversation has every kind of frame in it', () => {
    const kinds = new Set(recorded.map((bytes) => (bytes[13] === 6 ? 'arp' : String(bytes[23]))))
    assert.deepEqual([...kinds].sort(), ['1', '17', '6', 'arp'])
    assert.ok(
      recorded.some((bytes) => bytes[13] === 0 && (bytes[20] & 0x20) !== 0),
      'fragments too',
    )
    assert.ok(recorded.length > 100)
  })

  test('any bytes: nothing throws, nothing hangs, the conversation goes on', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('alice', 'router', 'bob'), fc.uint8Array({ maxLength: 200 })), {
          minLength: 1,
          maxLength: 30,
        }),
        (frames) => {
          const world = conversation().run(100 * MILLISECOND)
          for (const [host, bytes] of frames) world.inject(host, 0, bytes)
          settles(world)
        },
      ),
      { numRuns: 60, seed: 1 },
    )
  })

  test('recorded frames that are truncated, changed and repeated, with right checksums again', () => {
    const mutation = fc.record({
      frame: fc.nat(recorded.length - 1),
      host: fc.constantFrom('alice', 'router', 'bob'),
      keep: fc.option(fc.nat(120), { nil: undefined }),
      changes: fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 4 }),
      repair: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 40 }), (mutations) => {
        const world = conversation().run(150 * MILLISECOND)
        for (const { frame, host, keep, changes, repair } of mutations) {
          const bytes = recorded[frame].slice(0, keep)
          for (const [at, value] of changes) if (at >= 12 && at < bytes.length) bytes[at] = value
          // Addressed to the host that gets it, whatever it was before.
          if (bytes.length >= 6) bytes.set([2, 0, 0, 0, ['alice', 'router', 'bob'].indexOf(host) + 1, 0], 0)
          world.inject(host, 0, repair ? repaired(bytes) : bytes)
        }
        settles(world)
      }),
      { numRuns: 100, seed: 2 },
    )
  })

  test('every truncation of every kind of frame', () => {
    const world = conversation().run(100 * MILLISECOND)
    const kinds = new Map(
      recorded.map((bytes) => [`${String(bytes[13])} ${String(bytes[23])} ${String(bytes[20] & 0x20)}`, bytes]),
    )
    for (const bytes of kinds.values()) {
      for (let length = 0; length < Math.min(bytes.length, 100); length++) {
        for (const host of ['alice', 'router', 'bob']) {
          const cut = bytes.slice(0, length)
          if (length >= 6) cut.set([2, 0, 0, 0, ['alice', 'router', 'bob'].indexOf(host) + 1, 0], 0)
          world.inject(host, 0, repaired(cut))
        }
      }
    }
    settles(world)
    assert.ok(world.events.some(({ name }) => name.endsWith(':discarded')))
  })

  test('a flood of SYNs from invented addresses fills the SYN queue and no more', () => {
    const world = conversation().run(SECOND)
    const syn = recorded.find((bytes) => bytes[13] === 0 && bytes[23] === 6 && bytes[47] === 2)
    assert.ok(syn !== undefined)
    for (let i = 0; i < 2_000; i++) {
      const forged = syn.slice()
      forged.set([2, 0, 0, 0, 3, 0], 0)
      forged.set([11, 1, i >>> 8, i & 0xff], 26)
      world.inject('bob', 0, repaired(forged))
    }
    world.run(SECOND + MILLISECOND)
    const opened = world
      .happened('tcp:state-changed', 'bob')
      .filter(({ data, time }) => time >= SECOND && data.to === 'SYN-RECEIVED')
    assert.ok(opened.length <= 128, `${String(opened.length)} half-open connections`)
    assert.ok(world.happened('tcp:listen-overflowed').length >= 2_000 - 128)
  })
})

describe('determinism', () => {
  test('two identical worlds send identical frames and record identical events; another seed gives others', () => {
    const run = (seed: number): string =>
      JSON.stringify(
        [
          routed(talk, listen, { seed, mtu: 700, link: { loss: 0.05, reorder: 0.05, duplicate: 0.02, jitter: MILLISECOND } }).run(
            20 * SECOND,
          ),
        ].map(({ frames, events }) => [
          frames.map((frame) => ({ ...frame, bytes: Buffer.from(frame.bytes).toString('hex') })),
          events,
        ]),
      )
    const first = run(1)
    assert.ok(first.length > 1_000_000)
    assert.ok(run(1) === first)
    assert.ok(run(2) !== first)
  })
})
