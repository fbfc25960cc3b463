import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeIpv6, type Ipv6Header, NextHeader } from '../../src/wire/ipv6.ts'
import { walkIpv6Chain } from '../../src/wire/ipv6-chain.ts'
import { fragmentIpv6 } from '../../src/wire/ipv6-fragmentation.ts'
import { Ipv6Reassembler } from '../../src/wire/ipv6-reassembly.ts'
import type { ReassemblyFailed } from '../../src/wire/reassembly.ts'
import { readPcap } from '../vectors/pcap.ts'
import { chained, counting, extension, packetOf, SOURCE } from './ipv6-packets.ts'

const SECOND = 1_000_000_000
const { HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION_OPTIONS } = NextHeader

function feed(reassembler: Ipv6Reassembler, packet: Uint8Array, now = 0): Uint8Array | undefined {
  // As in a frame: behind a header, and with padding behind it.
  const bytes = new Uint8Array(packet.length + 20)
  bytes.set(packet, 14)
  const header = decodeIpv6(bytes, 14, bytes.length)
  const chain = walkIpv6Chain(bytes, header, header.payloadEnd, 'destination')
  assert.equal(chain.verdict, 'reassemble')
  return reassembler.handle(bytes, header, chain, now)
}

function cut(packet: Uint8Array, mtu: number, identification = 7): Uint8Array[] {
  return fragmentIpv6(packet, decodeIpv6(packet, 0, packet.length), mtu, identification)
}

function events(reassembler: Ipv6Reassembler): ReassemblyFailed<bigint>[] {
  const all: ReassemblyFailed<bigint>[] = []
  for (let event = reassembler.pollEvent(); event !== undefined; event = reassembler.pollEvent()) all.push(event)
  return all
}

/** A fragment made by hand: `length` bytes at `offset`, of a protocol that asks for no header. */
function piece(offset: number, length: number, more: boolean, values: Partial<Ipv6Header> = {}, fill = 0, id = 7): Uint8Array {
  const header = Uint8Array.of(253, 0, offset >>> 8, (offset & 0xf8) | (more ? 1 : 0), 0, 0, id >>> 8, id)
  return packetOf({ nextHeader: FRAGMENT, ...values }, Uint8Array.from([...header, ...new Uint8Array(length).fill(fill)]))
}

function failures(...packets: Uint8Array[]): string[] {
  const reassembler = new Ipv6Reassembler()
  for (const packet of packets) assert.equal(feed(reassembler, packet), undefined)
  return events(reassembler).map(({ why }) => why)
}

const HEADERS = [
  [],
  [[HOP_BY_HOP, (next: number) => extension(next, 1, 4)] as const],
  [
    [HOP_BY_HOP, (next: number) => extension(next, 5, 2, 0, 0, 1, 0)] as const,
    [DESTINATION_OPTIONS, (next: number) => extension(next, 1, 12, ...new Uint8Array(12))] as const,
    [ROUTING, (next: number) => extension(next, 0, 0, 0, 0, 0, 0)] as const,
    [DESTINATION_OPTIONS, (next: number) => extension(next, 1, 4)] as const,
  ],
]

test('fragments in any order, some of them twice, become the packet that they were cut from', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 60, max: 5000 }),
      fc.integer({ min: 128, max: 1500 }),
      fc.constantFrom(...HEADERS),
      fc.infiniteStream(fc.nat(1_000_000)),
      (length, mtu, headers, random) => {
        const draw = (below: number): number => (random.next().value as number) % below
        const packet = chained(headers, 253, counting(length), { dscp: 5, flowLabel: 77 })
        const fragments = cut(packet, mtu)
        fc.pre(fragments.length > 1)
        for (const fragment of fragments) assert.ok(fragment.length <= mtu, `${String(fragment.length)} bytes`)
        const last = fragments.splice(draw(fragments.length), 1)
        for (let i = fragments.length - 1; i > 0; i--) {
          const j = draw(i + 1)
          ;[fragments[i], fragments[j]] = [fragments[j], fragments[i]]
        }
        const copies = fragments.slice(0, draw(3))
        const reassembler = new Ipv6Reassembler()
        for (const fragment of [...fragments, ...copies]) assert.equal(feed(reassembler, fragment), undefined)
        assert.deepEqual(feed(reassembler, last[0]), packet)
        assert.deepEqual(events(reassembler), [])
        assert.equal(reassembler.memory, 0)
        assert.equal(reassembler.pollTimeout(), undefined)
      },
    ),
    { seed: 8200, numRuns: 300 },
  )
})

test('RFC 8200 section 4.5: headers up to the routing header go into each fragment, those behind it are cut', () => {
  const packet = chained(HEADERS[2], 253, counting(300))
  const [first, second] = cut(packet, 200, 0xdead_beef)
  // 40 bytes, and 8 + 16 + 8 of hop-by-hop options, destination options and routing header.
  assert.deepEqual(first.subarray(0, 4), packet.subarray(0, 4))
  assert.deepEqual(first.subarray(72, 80), Uint8Array.of(DESTINATION_OPTIONS, 0, 0, 1, 0xde, 0xad, 0xbe, 0xef))
  assert.deepEqual([first[40], first[48], first[64]], [DESTINATION_OPTIONS, ROUTING, FRAGMENT])
  assert.deepEqual(second.subarray(72, 76), Uint8Array.of(DESTINATION_OPTIONS, 0, 0, 121))
  assert.deepEqual([first.length, second.length], [200, 200])
})

test('a packet that fits is copied as it is, and an MTU without room for 8 bytes is refused', () => {
  const packet = packetOf({ nextHeader: 253 }, counting(100))
  const header = decodeIpv6(packet, 0, packet.length)
  const [whole] = fragmentIpv6(packet, header, 140, 1, 14)
  assert.deepEqual(whole.subarray(14), packet)
  assert.equal(fragmentIpv6(packet, header, 139, 1).length, 2)
  assert.throws(() => fragmentIpv6(packet, header, 55, 1), RangeError)
  assert.equal(fragmentIpv6(packet, header, 56, 1).length, 13)
})

test('Linux’s fragments of a ping become one packet', () => {
  const fragments = readPcap('l2l3.pcap').filter(({ bytes }) => bytes[12] === 0x86 && bytes[20] === FRAGMENT)
  const reassembler = new Ipv6Reassembler()
  const whole = fragments.map(({ bytes }) => feed(reassembler, bytes.slice(14))).filter((packet) => packet !== undefined)
  assert.equal(whole.length, 2)
  for (const packet of whole) {
    const header = decodeIpv6(packet, 0, packet.length)
    assert.deepEqual([header.nextHeader, header.payloadEnd], [58, packet.length])
    assert.ok(packet.length > 1500, String(packet.length))
  }
})

test('RFC 5722 section 4: overlapping fragments give up the datagram and what is still to come of it', () => {
  assert.deepEqual(failures(piece(0, 16, true), piece(8, 16, true)), ['overlap'])
  assert.deepEqual(failures(piece(8, 16, true), piece(0, 16, true)), ['overlap'])
  assert.deepEqual(failures(piece(0, 24, true), piece(8, 8, true)), ['overlap'])
  assert.deepEqual(failures(piece(0, 8, true), piece(0, 16, true), piece(16, 8, false)), ['overlap'])
  assert.deepEqual(failures(piece(0, 8, true), piece(0, 8, true, {}, 1), piece(8, 8, false)), ['overlap'])
  assert.deepEqual(failures(piece(0, 8, true), piece(0, 8, true)), [])
})

test('two ends, and bytes behind the end, give up the datagram', () => {
  assert.deepEqual(failures(piece(8, 8, false), piece(16, 8, false)), ['contradictory-end'])
  assert.deepEqual(failures(piece(16, 8, true), piece(8, 8, false)), ['contradictory-end'])
  assert.deepEqual(failures(piece(16, 0, true)), ['invalid-length'])
})

test('a datagram is named by its addresses and identification, whatever protocol later fragments claim', () => {
  const reassembler = new Ipv6Reassembler()
  assert.equal(feed(reassembler, piece(0, 8, true)), undefined)
  assert.equal(feed(reassembler, piece(8, 8, false, { source: SOURCE + 8n })), undefined)
  assert.equal(feed(reassembler, piece(8, 8, false, {}, 0, 8)), undefined)
  const claim = piece(8, 8, false)
  claim[40] = 17
  const packet = feed(reassembler, claim)
  assert.deepEqual(packet, packetOf({ nextHeader: 253 }, new Uint8Array(16)))
})

test('RFC 8200 section 4.5: after 60 s a datagram is given up, with its first fragment to quote', () => {
  const reassembler = new Ipv6Reassembler()
  const first = piece(0, 16, true, {}, 3)
  feed(reassembler, first, 5)
  feed(reassembler, piece(32, 8, false), 40 * SECOND)
  assert.equal(reassembler.pollTimeout(), 60 * SECOND + 5)
  reassembler.handleTimeout(60 * SECOND + 4)
  assert.deepEqual(events(reassembler), [])
  reassembler.handleTimeout(60 * SECOND + 5)
  const [{ why, source, received, missing, first: quoted, identification }] = events(reassembler)
  assert.deepEqual([why, source, received, missing, identification], ['expired', SOURCE, 24, '16–31', 7])
  assert.deepEqual(quoted, first)
  assert.equal(reassembler.memory, 0)
})

test('one fragment that met congestion speaks for all (RFC 3168 section 5.3)', () => {
  const reassembler = new Ipv6Reassembler()
  feed(reassembler, piece(8, 8, false, { ecn: 3 }))
  const packet = feed(reassembler, piece(0, 8, true, { ecn: 2 }))
  assert.ok(packet !== undefined, 'whole')
  assert.equal(decodeIpv6(packet, 0, packet.length).ecn, 3)
})

test('memory stays within its limit whatever is sent', () => {
  const memory = 64 * 1024
  const reassembler = new Ipv6Reassembler({ timeout: 60 * SECOND, memory })
  fc.assert(
    fc.property(fc.nat(0xffff), fc.nat(40), fc.nat(180), fc.boolean(), (id, eighths, length, more) => {
      feed(reassembler, piece(eighths * 8, Math.max(8, length & ~7), more || eighths === 0, {}, 0, id))
      assert.ok(reassembler.memory <= memory, String(reassembler.memory))
    }),
    { seed: 5722, numRuns: 2000 },
  )
  assert.ok(
    events(reassembler).some(({ why }) => why === 'memory'),
    'something was let go',
  )
})

test('the longest packet is put together', () => {
  const packet = packetOf({ nextHeader: 253 }, counting(65_535))
  const reassembler = new Ipv6Reassembler()
  const done = cut(packet, 1280).map((fragment) => feed(reassembler, fragment))
  assert.deepEqual(done.at(-1), packet)
})
