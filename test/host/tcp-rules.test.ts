/** What RFC 9293 demands, named by its numbers, where no other test fits: see test/conformance. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { tcpConfig, TcpConfigError } from '../../src/protocols/tcp/config.ts'
import { MILLISECOND, SECOND } from '../../src/kernel/time.ts'
import { encodeIcmp, icmpEncodedLength, IcmpMessage } from '../../src/wire/icmp.ts'
import { encodeIpv4, Ipv4Header } from '../../src/wire/ipv4.ts'
import { addressSum } from '../../src/wire/pseudo-header.ts'
import { encodeTcp, tcpEncodedLength, TcpFlag, TcpSegment } from '../../src/wire/tcp.ts'
import { Solo, soloIn, BARE, SYN, ACK, RST, PSH, URG } from '../protocols/tcp/solo.ts'
import { BOB, codeOf, echo, filler, flags, readAll, segments, segments6, server, type Body } from './conversations.ts'
import { narrow, pair } from './topologies.ts'
import { ip, World } from './world.ts'

const ALICE = ip('10.0.0.1')
const [ALICE_MAC, BOB_MAC] = [0x020000000100, 0x020000000200]

function bytesOf(mac: number): number[] {
  return [5, 4, 3, 2, 1, 0].map((power) => Math.floor(mac / 256 ** power) % 256)
}

interface Forged {
  source?: number
  destination?: number
  /** Of the link. */
  to?: number
  options?: Uint8Array
  damage?: boolean
}

/** A frame to bob with a segment of anybody's. */
function frameOf(
  segment: Partial<TcpSegment>,
  { source = ALICE, destination = BOB.address, to = BOB_MAC, ...more }: Forged = {},
): Uint8Array {
  const filled = Object.assign(new TcpSegment(), { sourcePort: 4000, destinationPort: 80, window: 1000 }, segment)
  const header = Object.assign(new Ipv4Header(), { ttl: 64, protocol: 6, source, destination })
  if (more.options !== undefined) header.options = more.options
  const length = tcpEncodedLength(filled)
  const start = 34 + (more.options?.length ?? 0)
  const frame = new Uint8Array(start + length)
  frame.set(bytesOf(to), 0)
  frame.set(bytesOf(ALICE_MAC), 6)
  frame[12] = 8
  encodeIpv4(header, length, frame, 14)
  encodeTcp(filled, frame, start, addressSum(source, destination))
  if (more.damage === true) frame[start + 16] ^= 1
  return frame
}

/** Bob listens; so many segments does he send for the frames that are given to him. */
function answersTo(...frames: Uint8Array[]): string[] {
  const world = pair(undefined, server(echo))
  // Alice's hardware address is known, so that nothing but TCP decides.
  for (const frame of frames) world.inject('bob', 0, frame)
  world.run(500 * MILLISECOND)
  return flags(world, 'bob')
}

const SYN_SEGMENT = { flags: SYN, seq: 100, mss: 1460 }

describe('what comes in', () => {
  test('RFC 9293 section 3.1, MUST-3: a segment with a wrong checksum is dropped without an answer', () => {
    assert.deepEqual(answersTo(frameOf(SYN_SEGMENT)), ['SYN ACK'])
    assert.deepEqual(answersTo(frameOf(SYN_SEGMENT, { damage: true })), [])
  })

  test('RFC 9293 section 3.9.2.3, MUST-57: a SYN to everybody gets no answer', () => {
    assert.deepEqual(answersTo(frameOf(SYN_SEGMENT, { destination: ip('10.0.0.255'), to: 0xffff_ffff_ffff })), [])
    assert.deepEqual(answersTo(frameOf(SYN_SEGMENT, { destination: 0xffff_ffff, to: 0xffff_ffff_ffff })), [])
    assert.deepEqual(answersTo(frameOf(SYN_SEGMENT, { destination: ip('224.0.0.1') })), [])
  })

  test('RFC 9293 section 3.9.2.3, MUST-63: a SYN from an address that cannot be a host’s gets no answer', () => {
    for (const source of ['0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255', '10.0.0.255', '10.0.0.2']) {
      assert.deepEqual(answersTo(frameOf(SYN_SEGMENT, { source: ip(source) })), [], source)
    }
  })

  test('RFC 9293 section 3.9.2, MUST-50: a segment is taken whatever options its IP header has', () => {
    // Of an unknown kind, with its length; then the end of the list.
    assert.deepEqual(answersTo(frameOf(SYN_SEGMENT, { options: new Uint8Array([0x99, 4, 1, 2, 0, 0, 0, 0]) })), ['SYN ACK'])
  })

  test('RFC 9293 section 3.9.2.2, MUST-55: a source quench changes nothing', () => {
    const run = (quench: boolean): string => {
      const world = pair(
        function* ({ sockets }) {
          const socket = yield* sockets.connect(BOB)
          yield* socket.write(filler(100_000))
          socket.close()
        },
        server(function* (socket) {
          yield* readAll(socket)
          socket.close()
        }),
        { delay: 10 * MILLISECOND, rate: 10_000_000 },
      ).run(100 * MILLISECOND)
      const last = world.frames.findLast(({ from, bytes }) => from === 'alice' && bytes[23] === 6)
      assert.ok(last !== undefined)
      const payload = last.bytes.slice(14, 14 + 28)
      const message = Object.assign(new IcmpMessage(), { type: 4, code: 0, payload })
      const header = Object.assign(new Ipv4Header(), { ttl: 64, protocol: 1, source: BOB.address, destination: ALICE })
      const frame = new Uint8Array(34 + icmpEncodedLength(message))
      frame.set([...bytesOf(ALICE_MAC), ...bytesOf(BOB_MAC), 8, 0])
      encodeIpv4(header, frame.length - 34, frame, 14)
      encodeIcmp(message, frame, 34)
      if (quench) world.inject('alice', 0, frame)
      world.run(20 * SECOND)
      return JSON.stringify(segments(world).map(({ frame: { time, bytes } }) => [time, Buffer.from(bytes).toString('hex')]))
    }
    assert.equal(run(true), run(false))
  })

  test('RFC 9293 section 3.5, MUST-11: a reset in SYN-RECEIVED refuses an active open, and is not told after a passive one', () => {
    // Active: simultaneous open, then a reset.
    const active = soloIn('SYN-SENT')
    active.give({ flags: SYN, seq: 0, mss: 1000 })
    assert.equal(active.state, 'SYN-RECEIVED')
    active.give({ flags: RST, seq: 1 })
    const [told] = active.events
    assert.deepEqual([told.type, told.type === 'closed' && told.error?.code], ['closed', 'ECONNREFUSED'])
    // Passive: nobody has heard of the connection, and nobody hears of its end.
    let accepted = 0
    const world = pair(undefined, function* ({ sockets }) {
      const listener = sockets.listen(80)
      for (;;) {
        yield* listener.accept()
        accepted++
      }
    })
    world.inject('bob', 0, frameOf(SYN_SEGMENT)).run(MILLISECOND)
    assert.equal(world.happened('tcp:state-changed', 'bob').at(-1)?.data.to, 'SYN-RECEIVED')
    world.inject('bob', 0, frameOf({ flags: RST, seq: 101 })).run(SECOND)
    assert.equal(world.happened('tcp:state-changed', 'bob').at(-1)?.data.to, 'CLOSED')
    assert.equal(accepted, 0)
    assert.deepEqual(world.happened('app:failed'), [])
  })

  test('RFC 9293 section 3.10.7.4, MUST-59: what waited behind a gap is acknowledged together when the gap is filled', () => {
    const solo = soloIn('ESTABLISHED')
    const { rcvNxt } = solo.connection.block
    for (let i = 5; i >= 1; i--) solo.give({ flags: ACK, seq: rcvNxt + i * 100, payload: filler(100) })
    const sent = solo.give({ flags: ACK, seq: rcvNxt, payload: filler(100) })
    assert.deepEqual(
      sent.map(({ ack }) => ack),
      [rcvNxt + 600],
    )
  })

  test('RFC 9293 section 3.8.5: data with URG is delivered in the stream like any other', () => {
    const solo = soloIn('ESTABLISHED')
    solo.give({ flags: ACK | URG, payload: filler(100) })
    assert.deepEqual(solo.connection.read(), filler(100))
  })

  test('RFC 5961 section 4.2: a SYN in a synchronized state gets a challenge ACK, with or without timestamps, in the window or not', () => {
    for (const seq of [-70_000, 0, 1, 500, 70_000]) {
      for (const timestamp of [undefined, [9, 0] as const]) {
        const solo = soloIn('ESTABLISHED', { ...BARE, timestamps: true })
        solo.now += SECOND
        const { rcvNxt } = solo.connection.block
        const given = { flags: SYN, seq: rcvNxt + seq, mss: 1000, ...(timestamp !== undefined && { timestamp }) }
        const sent = solo.give(given)
        assert.deepEqual(
          sent.map(({ flags: sentFlags, ack }) => [sentFlags, ack]),
          [['ACK', rcvNxt]],
          JSON.stringify(given),
        )
        assert.equal(solo.state, 'ESTABLISHED')
      }
    }
  })
})

describe('what goes out', () => {
  test('RFC 9293 section 3.4.1, MUST-8: initial sequence numbers of one tuple follow a clock', () => {
    const numbers: number[] = []
    const ask: Body = function* ({ sockets, sleep, environment }) {
      for (let i = 0; i < 4; i++) {
        sockets.sendRaw(
          ALICE,
          BOB.address,
          Object.assign(new TcpSegment(), { sourcePort: 4000, destinationPort: 80, flags: SYN, seq: 7 }),
        )
        yield* sleep(500 * MILLISECOND)
        sockets.sendRaw(
          ALICE,
          BOB.address,
          Object.assign(new TcpSegment(), { sourcePort: 4000, destinationPort: 80, flags: RST, seq: 8 }),
        )
        yield* sleep(500 * MILLISECOND)
        assert.ok(environment.now > 0, 'time goes by')
      }
    }
    const world = pair(ask, server(echo)).run(10 * SECOND)
    for (const { segment } of segments(world, 'bob')) if (segment.flags === (SYN | ACK)) numbers.push(segment.seq)
    assert.equal(numbers.length, 4)
    // A tick is 64 ns: within a second the clock has gone on by 15,625,000.
    const steps = numbers.slice(2).map((number, index) => (number - numbers[index + 1]) >>> 0)
    assert.deepEqual(steps, [15_625_000, 15_625_000])
  })

  test('RFC 9293 section 3.7.1, MUST-65 and MUST-67: the MSS stands in SYNs only, and is the link’s MTU less 40', () => {
    for (const mtu of [1500, 900]) {
      const world = pair(
        function* ({ sockets }) {
          const socket = yield* sockets.connect(BOB)
          yield* socket.write(filler(20_000))
          socket.close()
        },
        server(function* (socket) {
          yield* readAll(socket)
          socket.close()
        }),
        { mtu },
      ).run(10 * SECOND)
      for (const { segment } of segments(world)) assert.equal(segment.mss, (segment.flags & SYN) === 0 ? 0 : mtu - 40)
    }
  })

  test('RFC 9293 section 3.7.1, MUST-15: over IPv6 a peer that names no MSS is sent 1220 bytes at a time', () => {
    const [A6, B6] = [0x20010db8000000000000000000000001n, 0x20010db8000000000000000000000002n]
    const world: World = new World({
      hosts: {
        alice: {
          apps: [
            function* ({ sockets, sleep }) {
              const syn = Object.assign(new TcpSegment(), {
                sourcePort: 4000,
                destinationPort: 80,
                flags: SYN,
                seq: 7,
                window: 60_000,
              })
              sockets.sendRaw(A6, B6, syn)
              // While the answer is on its way, and before alice can reset what she knows nothing of.
              do yield* sleep(MILLISECOND)
              while (segments6(world, 'bob').length === 0)
              const [answer] = segments6(world, 'bob')
              Object.assign(syn, { flags: ACK, seq: 8, ack: (answer.segment.seq + 1) >>> 0 })
              sockets.sendRaw(A6, B6, syn)
            },
          ],
        },
        bob: {
          apps: [
            function* ({ sockets }) {
              const socket = yield* sockets.listen(80).accept()
              yield* socket.write(filler(5000))
              yield* socket.closed()
            },
          ],
        },
      },
      links: [{ between: ['alice 2001:db8::1/64', 'bob 2001:db8::2/64'], delay: 50 * MILLISECOND }],
    })
    world.run(2 * SECOND)
    const sizes = segments6(world, 'bob').map(({ segment }) => segment.payload.length)
    assert.equal(Math.max(...sizes), 1220)
  })

  test('RFC 9293 section 3.1, MUST-69: options fill whole words, so that nothing is left to pad but with zeros', () => {
    const segment = new TcpSegment()
    for (let bits = 0; bits < 64; bits++) {
      segment.clear()
      if ((bits & 1) !== 0) segment.mss = 1460
      if ((bits & 2) !== 0) segment.windowScale = 7
      if ((bits & 4) !== 0) segment.sackPermitted = true
      if ((bits & 8) !== 0) segment.hasTimestamp = true
      if ((bits & 16) !== 0) segment.fastOpen = filler((bits & 32) === 0 ? 0 : 6)
      const length = tcpEncodedLength(segment)
      assert.equal(length % 4, 0)
      const bytes = new Uint8Array(length).fill(0xff)
      assert.equal(encodeTcp(segment, bytes, 0, 0), length)
      assert.equal((bytes[12] >>> 4) * 4, length)
      // Every byte belongs to an option: walking them ends at the header's end.
      let at = 20
      while (at < length) at += bytes[at] === 1 ? 1 : bytes[at + 1]
      assert.equal(at, length)
    }
  })

  test('RFC 9293 section 3.9.1.2, MUST-60 and MUST-61: all that was written leaves, its last segment with PSH', () => {
    for (const length of [1, 999, 1000, 1001, 2500]) {
      const solo = soloIn('ESTABLISHED', { ...BARE, nagle: false })
      solo.give({ flags: ACK })
      const sent = solo.send(filler(length))
      assert.equal(
        sent.reduce((sum, segment) => sum + segment.length, 0),
        length,
      )
      assert.ok(sent.at(-1)?.flags.includes('PSH'), String(length))
      assert.ok(
        sent.slice(0, -1).every((segment) => !segment.flags.includes('PSH')),
        String(length),
      )
    }
    assert.equal(TcpFlag.PSH, PSH)
  })
})

describe('what applications may ask for', () => {
  test('RFC 9293 section 3.9.1.1, MUST-46: connecting to everybody, or to a group, is an error', () => {
    const codes: string[] = []
    pair(function* ({ sockets }) {
      for (const address of ['255.255.255.255', '10.0.0.255', '224.0.0.1', '0.0.0.0']) {
        codes.push(yield* codeOf(sockets.connect({ address: ip(address), port: 80 })))
      }
    }).run(SECOND)
    assert.deepEqual(codes, ['ENETUNREACH', 'ENETUNREACH', 'ENETUNREACH', 'ENETUNREACH'])
  })

  test('RFC 9293 section 3.9.1.1, MUST-41 and MUST-42: listening at a port leaves its connections alone, and two ports listen at a time', () => {
    const heard: string[] = []
    const world = pair(
      function* ({ sockets, sleep }) {
        const first = yield* sockets.connect(BOB)
        yield* sleep(SECOND)
        const second = yield* sockets.connect({ ...BOB, port: 81 })
        for (const socket of [first, second]) {
          yield* socket.write(filler(3))
          heard.push(String((yield* socket.readExactly(3)).length))
          socket.close()
        }
      },
      function* (context) {
        const listener = context.sockets.listen(80)
        context.spawn(echo(yield* listener.accept()))
        listener.close()
        // The port is listened at anew while the connection of before is still there; and another one besides.
        context.sockets.listen(80)
        context.spawn(echo(yield* context.sockets.listen(81).accept()))
        yield* context.sleep(20 * SECOND)
      },
    ).run(10 * SECOND)
    assert.deepEqual(heard, ['3', '3'])
    assert.deepEqual(world.happened('app:failed'), [])
  })

  test('RFC 9293 section 3.9.1.1, MUST-44 and MUST-45: the address of the interface on the way is used, and kept', () => {
    const world = narrow(
      function* ({ sockets }) {
        const socket = yield* sockets.connect({ address: ip('10.0.3.1'), port: 80 })
        yield* socket.write(filler(1000))
        yield* socket.readExactly(1000)
        socket.close()
      },
      server(echo),
      1500,
    ).run(10 * SECOND)
    const sources = new Set(segments(world, 'alice').map(({ frame: { bytes } }) => [...bytes.subarray(26, 30)].join('.')))
    assert.deepEqual([...sources], ['10.0.1.1'])
  })

  test('RFC 9293 section 3.8.3, MUST-21: how often data is sent again is a setting', () => {
    for (const retries of [0, 2, 4]) {
      const solo = soloIn('ESTABLISHED', { ...BARE, retries })
      let again = 0
      while (solo.state === 'ESTABLISHED') again += solo.timeout().filter(({ length }) => length > 0).length
      assert.equal(again, retries)
    }
  })

  test('RFC 9293 section 3.8.3, MUST-23: with seven retries a SYN is given up after more than three minutes', () => {
    const solo = new Solo({ ...BARE, synRetries: 7 }, false)
    solo.connection.connect(0)
    solo.drain()
    while (solo.state === 'SYN-SENT') solo.timeout()
    assert.ok(solo.now >= 180 * SECOND, `${String(solo.now / SECOND)} s`)
  })

  test('RFC 9293 section 3.8.6.3, MUST-40: no setting delays acknowledgments for longer than 500 ms', () => {
    assert.doesNotThrow(() => tcpConfig({ delayedAckTimeout: 500 * MILLISECOND }))
    assert.throws(() => tcpConfig({ delayedAckTimeout: 500 * MILLISECOND + 1 }), TcpConfigError)
  })
})
