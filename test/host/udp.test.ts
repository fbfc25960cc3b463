import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SocketError } from '../../src/host/socket.ts'
import { type AppContext, type Blocking, type Datagram } from '../../src/host/socket.ts'
import { UDP_RECEIVE_BUFFER } from '../../src/host/udp-protocol.ts'
import { MILLISECOND, SECOND } from '../../src/kernel/time.ts'
import { encodeIcmp, icmpEncodedLength, IcmpMessage } from '../../src/wire/icmp.ts'
import { encodeIpv4, Ipv4Header, IpProtocol } from '../../src/wire/ipv4.ts'
import { encodeUdp, UdpHeader } from '../../src/wire/udp.ts'
import { pair, routed, switched } from './topologies.ts'
import { ip } from './world.ts'

const BOB = { address: ip('10.0.0.2'), port: 9 }

/** What bob says when alice has sent from port 5000 to one of his ports. */
function portUnreachable(port: number): Uint8Array {
  const udp = Object.assign(new UdpHeader(), { sourcePort: 5000, destinationPort: port })
  const quoted = new Uint8Array(20 + 8 + 3)
  const alice = ip('10.0.0.1')
  const sent = Object.assign(new Ipv4Header(), { source: alice, destination: BOB.address, protocol: IpProtocol.UDP })
  encodeUdp(udp, new Uint8Array(3), quoted, encodeIpv4(sent, 11, quoted, 0), alice, BOB.address)
  const message = Object.assign(new IcmpMessage(), { type: 3, code: 3, payload: quoted })
  const frame = new Uint8Array(34 + icmpEncodedLength(message))
  frame.set([2, 0, 0, 0, 1, 0, 2, 0, 0, 0, 2, 0, 8, 0])
  const outer = Object.assign(new Ipv4Header(), { source: BOB.address, destination: alice, protocol: IpProtocol.ICMP })
  encodeIcmp(message, frame, encodeIpv4(outer, icmpEncodedLength(message), frame, 14))
  return frame
}

function codeOf(action: () => void): string {
  try {
    action()
  } catch (error) {
    return (error as SocketError).code
  }
  return 'none'
}

describe('UDP sockets', () => {
  test('a datagram and its answer, whole, in order, of any size', () => {
    const answers: Datagram[] = []
    const sizes = [0, 1, 1472, 1473, 65_507]
    routed(
      function* ({ sockets }) {
        const socket = sockets.udp()
        for (const size of sizes) {
          socket.sendTo(
            { address: ip('10.0.2.1'), port: 7 },
            Uint8Array.from({ length: size }, (_, i) => i),
          )
          const answer = yield* socket.receive(SECOND)
          if (answer !== undefined) answers.push(answer)
        }
      },
      function* ({ sockets }) {
        const socket = sockets.udp(7)
        for (;;) {
          const datagram = yield* socket.receive()
          if (datagram !== undefined) socket.sendTo(datagram.from, datagram.bytes)
        }
      },
    ).run()
    assert.deepEqual(
      answers.map(({ bytes }) => bytes.length),
      sizes,
    )
    for (const { bytes, from } of answers) {
      assert.deepEqual(from, { address: ip('10.0.2.1'), port: 7 })
      assert.ok(bytes.every((byte, i) => byte === (i & 0xff)))
    }
  })

  test('nobody listens: ICMP port unreachable becomes ECONNREFUSED', () => {
    const errors: string[] = []
    const world = routed(function* ({ sockets }) {
      const socket = sockets.udp()
      socket.sendTo({ address: ip('10.0.2.1'), port: 7 }, new Uint8Array(3))
      try {
        yield* socket.receive()
      } catch (error) {
        errors.push((error as SocketError).message)
      }
    }).run()
    assert.deepEqual(errors, ['ECONNREFUSED: nobody listens at 10.0.2.1:7'])
    assert.equal(world.happened('icmp:sent', 'bob')[0].data.meaning, 'port unreachable')
  })

  test('an ICMP error about a datagram that was never sent disturbs nobody', () => {
    let outcome = ''
    const world = pair(function* ({ sockets }) {
      const socket = sockets.udp(5000)
      socket.sendTo(BOB, new Uint8Array(3))
      try {
        outcome = (yield* socket.receive(2 * SECOND)) === undefined ? 'nothing' : 'a datagram'
      } catch (error) {
        outcome = String(error)
      }
    })
    // Before the datagram arrives, so that only forged errors come.
    world.run(MILLISECOND).kill('bob')
    world.inject('alice', 0, portUnreachable(10)).run(SECOND)
    assert.equal(outcome, '')
    world.inject('alice', 0, portUnreachable(9)).run(SECOND + 1)
    assert.equal(outcome, 'SocketError: ECONNREFUSED: nobody listens at 10.0.0.2:9')
    assert.deepEqual(world.happened('icmp:discarded'), [])
  })

  test('a receive that times out gives undefined, at its time', () => {
    const times: number[] = []
    pair(function* ({ sockets, environment }) {
      const socket = sockets.udp(5)
      times.push((yield* socket.receive(SECOND)) === undefined ? environment.now : -1)
      times.push((yield* socket.receive(0)) === undefined ? environment.now : -1)
    }).run()
    assert.deepEqual(times, [SECOND, SECOND])
  })

  test('a broadcast reaches every socket on the link, and nobody complains', () => {
    const heard: string[] = []
    const listen = (name: string) =>
      function* ({ sockets }: AppContext): Blocking<void> {
        const datagram = yield* sockets.udp(9).receive()
        heard.push(`${name} ${String(datagram?.bytes.length)}`)
      }
    const world = switched(
      function* ({ sockets, sleep }) {
        const socket = sockets.udp()
        socket.sendTo({ address: ip('10.0.0.255'), port: 9 }, new Uint8Array(4))
        socket.sendTo({ address: ip('255.255.255.255'), port: 10 }, new Uint8Array(4))
        yield* sleep(SECOND)
      },
      listen('bob'),
      listen('carol'),
    ).run()
    assert.deepEqual(heard.sort(), ['bob 4', 'carol 4'])
    assert.equal(world.happened('icmp:sent').length, 0)
    assert.equal(world.happened('arp:resolved').length, 0)
  })

  test('misuse: a taken port, too much in one datagram, no route, a closed socket', () => {
    const codes: string[] = []
    pair(function* ({ sockets }) {
      const socket = sockets.udp(5)
      codes.push(codeOf(() => sockets.udp(5)))
      codes.push(codeOf(() => socket.sendTo({ address: ip('10.0.0.2'), port: 5 }, new Uint8Array(65_508))))
      codes.push(codeOf(() => socket.sendTo({ address: ip('192.0.2.1'), port: 5 }, new Uint8Array(1))))
      socket.close()
      codes.push(codeOf(() => socket.sendTo({ address: ip('10.0.0.2'), port: 5 }, new Uint8Array(1))))
      codes.push(codeOf(() => sockets.udp(5)))
      yield* sockets.resolve('10.0.0.1')
    }).run()
    assert.deepEqual(codes, ['EADDRINUSE', 'EMSGSIZE', 'ENETUNREACH', 'ECONNABORTED', 'none'])
  })

  test('a reader that does not read loses what does not fit its buffer', () => {
    const size = 60_000
    let read = 0
    const world = pair(
      function* ({ sockets, sleep }) {
        const socket = sockets.udp()
        socket.sendTo({ address: ip('10.0.0.2'), port: 7 }, new Uint8Array(0))
        yield* sleep(SECOND)
        for (let i = 0; i < 6; i++) {
          socket.sendTo({ address: ip('10.0.0.2'), port: 7 }, new Uint8Array(size))
          yield* sleep(SECOND)
        }
      },
      function* ({ sockets, sleep }) {
        const socket = sockets.udp(7)
        yield* socket.receive()
        yield* sleep(20 * SECOND)
        while ((yield* socket.receive(SECOND)) !== undefined) read++
      },
    ).run()
    assert.equal(read, Math.floor(UDP_RECEIVE_BUFFER / size))
    assert.equal(world.happened('udp:discarded')[0].data.why, 'receive buffer full')
  })

  test('a host talks to itself', () => {
    let heard = ''
    const world = pair([
      function* ({ sockets }) {
        const socket = sockets.udp(7)
        const datagram = yield* socket.receive()
        heard = new TextDecoder().decode(datagram?.bytes)
      },
      function* ({ sockets, sleep }) {
        sockets.udp().sendTo({ address: yield* sockets.resolve('localhost'), port: 7 }, new TextEncoder().encode('me'))
        yield* sleep(SECOND)
      },
    ]).run()
    assert.equal(heard, 'me')
    assert.equal(world.frames.length, 0)
  })

  test('names of the scenario are resolved; others are ENOTFOUND', () => {
    const results: unknown[] = []
    pair(function* ({ sockets }) {
      results.push(yield* sockets.resolve('bob'))
      results.push(yield* sockets.resolve('10.1.2.3'))
      for (const name of ['mallory', 'toString', '10.1.2', '']) {
        try {
          results.push(yield* sockets.resolve(name))
        } catch (error) {
          results.push((error as SocketError).code)
        }
      }
    }).run()
    assert.deepEqual(results, [ip('10.0.0.2'), ip('10.1.2.3'), 'ENOTFOUND', 'ENOTFOUND', 'ENOTFOUND', 'ENOTFOUND'])
  })
})
