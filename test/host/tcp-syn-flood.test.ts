import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SynFlooder } from '../../src/apps/syn-flooder.ts'
import { MILLISECOND, SECOND } from '../../src/kernel/time.ts'
import { TcpFlag, TcpSegment } from '../../src/wire/tcp.ts'
import { codeOf, echo, filler, readAll, segments, server, type Body } from './conversations.ts'
import { World } from './world.ts'

const BOB = { address: 0x0a00_0202, port: 80 }

/** alice 10.0.1.2, mallory 10.0.1.3 – switch – router – bob 10.0.2.2; mallory's addresses lead nowhere. */
function flooded(options: {
  alice?: Body
  bob: Body
  rate?: number
  backlog?: number
  tcp?: Record<string, unknown>
  client?: Record<string, unknown>
  lossList?: readonly number[]
  seed?: number
}): World {
  const { alice, bob, rate = 200, tcp = {}, client = {}, lossList = [], seed = 1 } = options
  const flood: Body = (context) =>
    new SynFlooder({ to: '10.0.2.2', port: 80, sources: '198.51.100.0/24', rate, duration: 30 * SECOND }).main(context)
  return new World({
    seed,
    hosts: {
      alice: { ...(alice !== undefined && { apps: [alice] }), gateway: '10.0.1.1', tcp: client },
      mallory: { ...(rate > 0 && { apps: [flood] }), gateway: '10.0.1.1' },
      switch: { kind: 'switch' },
      router: { kind: 'router', icmpErrors: false },
      bob: { apps: [bob], gateway: '10.0.2.1', tcp },
    },
    links: [
      { between: ['alice 10.0.1.2/24', 'switch'], lossList },
      { between: ['mallory 10.0.1.3/24', 'switch'] },
      { between: ['switch', 'router 10.0.1.1/24'] },
      { between: ['router 10.0.2.1/24', 'bob 10.0.2.2/24'] },
    ],
  })
}

/** Connects at 10 s, says something, and tells how it went. */
function visitor(codes: string[], length = 1000): Body {
  return function* ({ sockets, sleep }) {
    yield* sleep(10 * SECOND)
    const code = yield* codeOf(
      (function* () {
        const socket = yield* sockets.connect(BOB, { timeout: 20 * SECOND })
        yield* socket.write(filler(length))
        socket.shutdown()
        assert.deepEqual(yield* readAll(socket), filler(length))
        socket.close()
      })(),
    )
    codes.push(code)
  }
}

describe('SYN cookies', () => {
  test('RFC 4987 section 2: without cookies a flood keeps everybody else out', () => {
    const codes: string[] = []
    const world = flooded({ alice: visitor(codes), bob: server(echo) }).run(60 * SECOND)
    assert.deepEqual(codes, ['ETIMEDOUT'])
    assert.ok(world.happened('tcp:listen-overflowed', 'bob').length > 1000, 'most SYNs are dropped')
  })

  test('RFC 4987 section 3.6: with cookies the same flood keeps nobody out', () => {
    const codes: string[] = []
    const world = flooded({ alice: visitor(codes, 100_000), bob: server(echo), tcp: { synCookies: true } }).run(60 * SECOND)
    assert.deepEqual(codes, ['none'])
    assert.ok(world.happened('tcp:syn-cookie-sent', 'bob').length > 1000, 'SYNs are answered')
    const [accepted, ...more] = world.happened('tcp:syn-cookie-accepted', 'bob')
    assert.deepEqual(more, [])
    assert.deepEqual(accepted.data, { port: 80, mss: 1460 })
    // With timestamps, the options have come through: windows beyond 64 KiB, SACK.
    const synAck = segments(world, 'bob').find(
      ({ segment, frame }) => frame.time > 10 * SECOND && segment.flags === (TcpFlag.SYN | TcpFlag.ACK) && segment.hasTimestamp,
    )
    assert.ok(synAck !== undefined)
    assert.deepEqual([synAck.segment.sackPermitted, synAck.segment.windowScale], [true, 5])
  })

  test('a client without timestamps is served by a cookie too, with its MSS rounded down, without scaling and SACK', () => {
    const codes: string[] = []
    const world = flooded({
      alice: visitor(codes, 50_000),
      bob: server(echo),
      tcp: { synCookies: true },
      client: { timestamps: false, mss: 1400 },
    }).run(60 * SECOND)
    assert.deepEqual(codes, ['none'])
    assert.equal(world.happened('tcp:syn-cookie-accepted', 'bob')[0].data.mss, 1300)
    assert.ok(
      segments(world, 'bob').every(({ segment }) => segment.payload.length <= 1300),
      'segments of 1300 bytes',
    )
  })

  test('as long as there is room in the queue, no cookies', () => {
    const world = flooded({ bob: server(echo), rate: 2, tcp: { synCookies: true } }).run(20 * SECOND)
    assert.equal(world.happened('tcp:syn-cookie-sent').length, 0)
  })

  test('a made-up ACK is no connection: it is reset, during a flood and without one', () => {
    for (const rate of [200, 0]) {
      const alice: Body = function* ({ sockets, sleep, environment }) {
        yield* sleep(5 * SECOND)
        const random = environment.random('guess')
        for (let i = 0; i < 500; i++) {
          const ack = Object.assign(new TcpSegment(), { sourcePort: 1024 + i, destinationPort: 80, flags: TcpFlag.ACK })
          ack.seq = random.uint32()
          ack.ack = random.uint32()
          sockets.sendRaw(0x0a00_0102, BOB.address, ack)
          yield* sleep(MILLISECOND)
        }
      }
      const world = flooded({ alice, bob: server(echo), rate, tcp: { synCookies: true } }).run(8 * SECOND)
      assert.equal(world.happened('tcp:syn-cookie-accepted').length, 0)
      assert.equal(segments(world, 'bob').filter(({ segment }) => (segment.flags & TcpFlag.RST) !== 0).length, 500)
    }
  })

  test('the first data brings the cookie when the last ACK of the handshake is lost', () => {
    const codes: string[] = []
    // Alice's frames: her question for the router, the SYN, the ACK.
    const world = flooded({ alice: visitor(codes), bob: server(echo), tcp: { synCookies: true }, lossList: [3] }).run(60 * SECOND)
    assert.deepEqual(codes, ['none'])
    assert.equal(segments(world, 'alice')[1].segment.payload.length, 0)
    assert.equal(world.happened('tcp:syn-cookie-accepted', 'bob').length, 1)
  })
})

describe('a SYN queue', () => {
  test('more than half full of old ones, it is less patient: SYN-ACKs are sent again twice instead of five times', () => {
    /** Of the SYN-ACK that answers the first SYN. */
    const retries = (rate: number): number => {
      const world = flooded({ bob: server(echo), rate, tcp: { synCookies: false } }).run(90 * SECOND)
      const { connection } = world.happened('tcp:state-changed', 'bob')[0]
      const again = world.happened('tcp:segment-retransmitted', 'bob')
      return again.filter((event) => event.connection === connection && event.data.why === 'syn').length
    }
    assert.equal(retries(1), 5, 'at one SYN a second there is room')
    assert.equal(retries(200), 2, 'under a flood')
  })

  test('the flooder’s SYNs come from the network that it was given, at the rate that it was given, from the seed', () => {
    const run = (seed: number): string[] =>
      segments(flooded({ bob: server(echo), seed }).run(10 * SECOND), 'mallory').map(
        ({ frame: { bytes, time } }) => `${String(time)} ${[...bytes.subarray(26, 30)].join('.')}`,
      )
    const sent = run(1)
    assert.ok(Math.abs(sent.length - 2000) < 60, `${String(sent.length)} in 10 s`)
    assert.ok(
      sent.every((line) => /^\d+ 198\.51\.100\.([1-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-4])$/.test(line)),
      'sources',
    )
    assert.deepEqual(run(1), sent)
    assert.notDeepEqual(run(2), sent)
  })
})
