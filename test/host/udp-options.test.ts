import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SocketError } from '../../src/host/socket.ts'
import type { AppContext, Blocking, DatagramError, DatagramListener, DatagramOptions, UdpSocket } from '../../src/host/socket.ts'
import { SECOND } from '../../src/kernel/time.ts'
import { decodeIpv4 } from '../../src/wire/ipv4.ts'
import { decodeIpv6 } from '../../src/wire/ipv6.ts'
import { narrow, pair } from './topologies.ts'
import { ip, ip6, World } from './world.ts'

const BOB = { address: ip('10.0.0.2'), port: 9 }

interface Heard {
  readonly from: { readonly address: unknown; readonly port: number }
  readonly to: unknown
  readonly ecn: number
  readonly length: number
}

/** Keeps what a socket is told. */
class Ear implements DatagramListener {
  readonly heard: Heard[] = []
  readonly errors: DatagramError[] = []
  reply: ((from: Heard['from']) => void) | undefined
  datagramReceived(from: Heard['from'], to: unknown, ecn: number, bytes: Uint8Array): void {
    this.heard.push({ from, to, ecn, length: bytes.length })
    this.reply?.(from)
  }
  datagramFailed(error: DatagramError): void {
    this.errors.push(error)
  }
}

function* listening({ sockets, sleep }: AppContext, ear: Ear, port: number): Blocking<void> {
  sockets.udp(port, ear)
  yield* sleep(100 * SECOND)
}

function codeOf(action: () => void): string {
  try {
    action()
  } catch (error) {
    if (error instanceof SocketError) return error.code
    throw error
  }
  return 'none'
}

describe('how a datagram is sent', () => {
  test('the two ECN bits are set, and read, over IPv4 and IPv6; nobody asks for fragments', () => {
    const ear = new Ear()
    const world = new World({
      hosts: {
        alice: {
          apps: [
            function* ({ sockets, sleep }) {
              const socket = sockets.udp(5000)
              yield* sleep(2 * SECOND)
              for (const address of [BOB.address, ip6('2001:db8::2')]) {
                for (const ecn of [0, 1, 2, 3] as const)
                  socket.sendTo({ address, port: 9 }, new Uint8Array(10 + ecn), { ecn, dontFragment: true })
              }
              yield* sleep(SECOND)
            },
          ],
        },
        bob: { apps: [(context) => listening(context, ear, 9)] },
      },
      links: [{ between: ['alice 10.0.0.1/24 2001:db8::1/64', 'bob 10.0.0.2/24 2001:db8::2/64'] }],
    }).run(5 * SECOND)
    assert.deepEqual(
      ear.heard.map(({ ecn, length }) => [ecn, length]),
      [0, 1, 2, 3, 0, 1, 2, 3].map((ecn) => [ecn, 10 + ecn]),
    )
    assert.deepEqual(
      ear.heard.map(({ to }) => to),
      [...Array<unknown>(4).fill(BOB.address), ...Array<unknown>(4).fill(ip6('2001:db8::2'))],
    )
    const sent = world.frames.filter(
      ({ from, bytes }) => from === 'alice' && bytes[23] === 17 && bytes[12] === 8 && bytes[13] === 0,
    )
    assert.deepEqual(
      sent.map(({ bytes }) => decodeIpv4(bytes, 14, bytes.length)).map(({ ecn, dontFragment }) => [ecn, dontFragment]),
      [0, 1, 2, 3].map((ecn) => [ecn, true]),
    )
    const sent6 = world.frames.filter(({ from, bytes }) => from === 'alice' && bytes[12] === 0x86 && bytes[20] === 17)
    assert.deepEqual(
      sent6.map(({ bytes }) => decodeIpv6(bytes, 14, bytes.length).ecn),
      [0, 1, 2, 3],
    )
  })

  test('what nobody may cut, and the link does not take, is not sent: EMSGSIZE; the rest is cut as ever', () => {
    const codes: string[] = []
    const world = pair(
      function* ({ sockets, sleep }) {
        const socket = sockets.udp(5000)
        for (const [length, dontFragment] of [
          [1472, true],
          [1473, true],
          [1473, false],
        ] as const)
          codes.push(codeOf(() => socket.sendTo(BOB, new Uint8Array(length), { dontFragment })))
        assert.deepEqual(socket.wayTo(BOB.address), { source: ip('10.0.0.1'), payload: 1472 })
        yield* sleep(SECOND)
      },
      (context) => listening(context, new Ear(), 9),
    ).run(SECOND)
    assert.deepEqual(codes, ['none', 'EMSGSIZE', 'none'])
    const packets = world.frames.filter(({ from, bytes }) => from === 'alice' && bytes[13] === 0)
    assert.deepEqual(
      packets.map(({ bytes }) => bytes.length),
      [1514, 1514, 35],
    )
  })

  test('a router says that the path is narrow: the listener hears of it, and goes on sending as large as it wants', () => {
    const ear = new Ear()
    const far = new Ear()
    const sizes: number[] = []
    narrow(
      function* ({ sockets, sleep }) {
        const socket = sockets.udp(5000, ear)
        for (const length of [1472, 1472, 1172]) {
          socket.sendTo({ address: ip('10.0.3.1'), port: 9 }, new Uint8Array(length), { dontFragment: true })
          yield* sleep(SECOND)
        }
        const { payload } = socket.wayTo(ip('10.0.3.1'))
        sizes.push(payload)
      },
      (context) => listening(context, far, 9),
      1200,
    ).run(10 * SECOND)
    assert.deepEqual(ear.errors, [
      ...Array.from({ length: 2 }, () => ({
        source: { address: ip('10.0.1.1'), port: 5000 },
        destination: { address: ip('10.0.3.1'), port: 9 },
        kind: 'too-big',
        mtu: 1200,
      })),
    ])
    assert.deepEqual(
      far.heard.map(({ length }) => length),
      [1172],
    )
    assert.deepEqual(sizes, [1472], 'the first link takes as much as ever')
  })

  test('nobody listens: a listener is told softly, and the socket stays as it is', () => {
    const ear = new Ear()
    const results: string[] = []
    pair(function* ({ sockets, sleep }) {
      const socket: UdpSocket = sockets.udp(5000, ear)
      for (let i = 0; i < 2; i++) {
        results.push(codeOf(() => socket.sendTo(BOB, new Uint8Array(3))))
        yield* sleep(2 * SECOND)
      }
    }).run(10 * SECOND)
    assert.deepEqual(results, ['none', 'none'])
    assert.deepEqual(
      ear.errors.map(({ kind, mtu, destination }) => [kind, mtu, destination]),
      [
        ['refused', 0, BOB],
        ['refused', 0, BOB],
      ],
    )
  })

  test('from an address of ours of our choice; from any other: EADDRNOTAVAIL', () => {
    const ear = new Ear()
    const codes: string[] = []
    new World({
      hosts: {
        alice: {
          apps: [
            function* ({ sockets, sleep }) {
              const socket = sockets.udp(5000)
              const from: DatagramOptions['source'][] = [ip('10.0.0.1'), ip('10.0.9.1'), ip('10.0.0.7'), ip6('2001:db8::1')]
              for (const source of from) codes.push(codeOf(() => socket.sendTo(BOB, new Uint8Array(1), { source })))
              yield* sleep(SECOND)
            },
          ],
        },
        bob: { apps: [(context) => listening(context, ear, 9)], routes: [{ to: '10.0.9.0/24', via: '10.0.0.1' }] },
        carol: {},
      },
      links: [{ between: ['alice 10.0.0.1/24', 'bob 10.0.0.2/24'] }, { between: ['alice 10.0.9.1/24', 'carol 10.0.9.2/24'] }],
    }).run(5 * SECOND)
    assert.deepEqual(codes, ['none', 'none', 'EADDRNOTAVAIL', 'EADDRNOTAVAIL'])
    assert.deepEqual(
      ear.heard.map(({ from }) => from),
      [
        { address: ip('10.0.0.1'), port: 5000 },
        { address: ip('10.0.9.1'), port: 5000 },
      ],
    )
  })

  test('a listener takes everything at once, and its answer goes to whom it names', () => {
    const ear = new Ear()
    const answers: string[] = []
    pair(
      function* ({ sockets }) {
        const socket = sockets.udp(5000)
        socket.sendTo(BOB, new Uint8Array(3))
        const answer = yield* socket.receive(SECOND)
        if (answer !== undefined) answers.push(`${String(answer.from.port)} ${String(answer.bytes.length)}`)
      },
      function* ({ sockets, sleep }) {
        const socket = sockets.udp(9, ear)
        ear.reply = (from) => {
          socket.sendTo({ address: ip('10.0.0.1'), port: from.port }, new Uint8Array(4))
        }
        yield* sleep(SECOND)
      },
    ).run(SECOND)
    assert.deepEqual(answers, ['9 4'])
  })
})
