import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MILLISECOND, SECOND } from '../../src/kernel/time.ts'
import { multicastMac } from '../../src/wire/address.ts'
import { Icmpv6Type } from '../../src/wire/icmpv6.ts'
import { write16 } from '../../src/wire/integer.ts'
import { NextHeader } from '../../src/wire/ipv6.ts'
import { echo, readAll, server } from './conversations.ts'
import { icmpFrame, ndpFrame, packet, soliciting, UPPER, type PacketPlan } from './ipv6-frames.ts'
import { ip6, World } from './world.ts'

const BOB = 0x020000000200
const STRANGER = 0x020000007700
const toBob: PacketPlan = { from: STRANGER, to: BOB, source: '2001:db8::77', destination: '2001:db8::2' }
const toAll = { from: STRANGER, source: 'fe80::77', destination: 'ff02::1', to: multicastMac(ip6('ff02::1')) }

/** Well-formed frames of every kind, to be spoiled. */
const SEEDS: readonly Uint8Array[] = [
  ndpFrame(
    { ...toBob, ...soliciting('2001:db8::2') },
    { type: Icmpv6Type.NEIGHBOR_SOLICITATION, target: ip6('2001:db8::2'), sourceLinkLayer: STRANGER },
  ),
  ndpFrame(toAll, {
    type: Icmpv6Type.NEIGHBOR_ADVERTISEMENT,
    isRouter: true,
    solicited: false,
    override: false,
    target: ip6('2001:db8::77'),
    targetLinkLayer: STRANGER,
  }),
  ndpFrame(toAll, {
    type: Icmpv6Type.ROUTER_ADVERTISEMENT,
    hopLimit: 64,
    managed: false,
    otherConfiguration: false,
    routerLifetime: 10,
    reachableTime: 0,
    retransTimer: 0,
    prefixes: [
      { prefix: ip6('2001:db8:5::'), length: 64, onLink: true, autonomous: true, validLifetime: 9, preferredLifetime: 5 },
    ],
  }),
  icmpFrame(toBob, Icmpv6Type.ECHO_REQUEST, 0, 7, new Uint8Array(60)),
  icmpFrame(toBob, Icmpv6Type.PACKET_TOO_BIG, 0, 1300, new Uint8Array(60)),
  packet({ ...toBob, nextHeader: NextHeader.FRAGMENT }, 40, (bytes, start) => {
    bytes[start] = NextHeader.UDP
    write16(bytes, start + 2, 1)
  }),
  packet({ ...toBob, nextHeader: NextHeader.HOP_BY_HOP }, 32, (bytes, start) => {
    bytes.set(
      [NextHeader.DESTINATION_OPTIONS, 0, 1, 4, 0, 0, 0, 0, NextHeader.ROUTING, 0, 1, 4, 0, 0, 0, 0, NextHeader.TCP, 0],
      start,
    )
  }),
  packet({ ...toBob, nextHeader: NextHeader.UDP }, 20, () => undefined),
]

const spoiled = fc
  .record({
    seed: fc.nat(SEEDS.length - 1),
    changes: fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 6 }),
    cut: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(60) }),
    // With the checksum made right, what is behind it is looked at, too.
    repair: fc.boolean(),
  })
  .map(({ seed, changes, cut, repair }) => {
    const frame = SEEDS[seed].slice(0, SEEDS[seed].length - Math.min(cut, SEEDS[seed].length - 14))
    // The Ethernet header stays, or the card would take none of it.
    for (const [at, value] of changes) if (14 + at < frame.length) frame[14 + at] = value
    if (repair && frame.length >= UPPER + 4 && frame[20] === NextHeader.ICMPV6) repairChecksum(frame)
    return frame
  })

function repairChecksum(frame: Uint8Array): void {
  write16(frame, UPPER + 2, 0)
  let total = NextHeader.ICMPV6 + (frame.length - UPPER)
  for (let at = 22; at < frame.length; at += 2) total += (frame[at] << 8) | (frame[at + 1] ?? 0)
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
  write16(frame, UPPER + 2, ~total & 0xffff)
}

test('whatever comes over the wire, no application fails, and a conversation beside it goes on', () => {
  fc.assert(
    fc.property(fc.array(spoiled, { minLength: 20, maxLength: 60 }), fc.constantFrom('auto', 'plain'), (frames, kind) => {
      let got = 0
      const world = new World({
        hosts: {
          alice: {
            apps: [
              function* ({ sockets, sleep }) {
                yield* sleep(3 * SECOND)
                const socket = yield* sockets.connect({ address: ip6('2001:db8::2'), port: 80 })
                for (let i = 0; i < 5; i++) {
                  yield* socket.write(new Uint8Array(3000))
                  yield* sleep(100 * MILLISECOND)
                }
                socket.shutdown()
                got = (yield* readAll(socket)).length
                socket.close()
              },
            ],
          },
          bob: { apps: [server(echo)], duplicateAddressDetection: kind === 'auto' },
        },
        links: [{ between: ['alice 2001:db8::1/64', 'bob 2001:db8::2/64'] }],
      })
      frames.forEach((frame, index) => {
        world.inject('bob', 0, frame, 2900 * MILLISECOND + index * 10 * MILLISECOND)
      })
      world.run(30 * SECOND)
      assert.deepEqual(world.happened('app:failed'), [])
      // A neighbour on the link can always claim somebody's address; short of that, nothing that it says may matter.
      const isRobbed = world.happened('ipv6:duplicate-detected').length > 0
      if (!isRobbed) assert.equal(got, 15_000)
    }),
    { numRuns: 80, seed: 20261123 },
  )
})
