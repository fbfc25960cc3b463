import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeIpv4, encodeIpv4, fragmentIpv4, Ipv4Header, verifyIpv4Checksum } from '../../src/wire/ipv4.ts'
import { DEFAULT_REASSEMBLY, Ipv4Reassembler } from '../../src/wire/ipv4-reassembly.ts'
import type { ReassemblyFailed } from '../../src/wire/reassembly.ts'
import { readPcap } from '../vectors/pcap.ts'

const SECOND = 1_000_000_000

function packetOf(values: Partial<Ipv4Header>, payload: Uint8Array): Uint8Array {
  const header = Object.assign(new Ipv4Header(), values)
  const bytes = new Uint8Array(20 + header.options.length + payload.length)
  bytes.set(payload, encodeIpv4(header, payload.length, bytes, 0))
  return bytes
}

function counting(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 13 + (i >>> 8))
}

/** A fragment made by hand: `length` bytes at `offset`. */
function piece(offset: number, length: number, more: boolean, values: Partial<Ipv4Header> = {}, fill = 0): Uint8Array {
  const place = { fragmentOffset: offset, moreFragments: more, protocol: 17, source: 1, destination: 2, identification: 7 }
  return packetOf({ ...place, ...values }, new Uint8Array(length).fill(fill))
}

function feed(reassembler: Ipv4Reassembler, packet: Uint8Array, now = 0): Uint8Array | undefined {
  return reassembler.handle(packet, 0, decodeIpv4(packet, 0, packet.length), now)
}

function events(reassembler: Ipv4Reassembler): ReassemblyFailed[] {
  const all: ReassemblyFailed[] = []
  for (let event = reassembler.pollEvent(); event !== undefined; event = reassembler.pollEvent()) all.push(event)
  return all
}

/** Why the datagram was given up when these came in turn. */
function failures(...packets: Uint8Array[]): string[] {
  const reassembler = new Ipv4Reassembler()
  for (const packet of packets) assert.equal(feed(reassembler, packet), undefined)
  return events(reassembler).map(({ why }) => why)
}

test('fragments in any order, some of them twice, become the datagram that they were cut from', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4000 }),
      fc.integer({ min: 68, max: 1500 }),
      fc.uint8Array({ maxLength: 8 }).map((bytes) => bytes.slice(0, bytes.length & ~3).fill(1)),
      fc.infiniteStream(fc.nat(1_000_000)),
      (length, mtu, options, random) => {
        const draw = (below: number): number => (random.next().value as number) % below
        const packet = packetOf({ options, identification: 99, protocol: 17, source: 5, destination: 6 }, counting(length))
        const fragments = fragmentIpv4(packet, 0, packet.length, mtu)
        fc.pre(fragments.length > 1)
        const last = fragments.splice(draw(fragments.length), 1)
        for (let i = fragments.length - 1; i > 0; i--) {
          const j = draw(i + 1)
          ;[fragments[i], fragments[j]] = [fragments[j], fragments[i]]
        }
        const copies = fragments.slice(0, draw(3))
        const reassembler = new Ipv4Reassembler()
        for (const fragment of [...fragments, ...copies]) assert.equal(feed(reassembler, fragment), undefined)
        assert.deepEqual(feed(reassembler, last[0]), packet)
        assert.deepEqual(events(reassembler), [])
        assert.equal(reassembler.memory, 0)
        assert.equal(reassembler.pollTimeout(), undefined)
      },
    ),
    { seed: 815, numRuns: 300 },
  )
})

test('fragments of fragments become the first datagram', () => {
  const packet = packetOf({ identification: 3 }, counting(3000))
  const reassembler = new Ipv4Reassembler()
  const small = fragmentIpv4(packet, 0, packet.length, 1500).flatMap((bytes) => fragmentIpv4(bytes, 0, bytes.length, 300))
  assert.deepEqual(small.map((bytes) => feed(reassembler, bytes)).at(-1), packet)
})

test('a real ping of 4,000 bytes', () => {
  const frames = readPcap('l2l3.pcap').slice(6, 9)
  const reassembler = new Ipv4Reassembler()
  const results = frames.map(({ bytes }) => reassembler.handle(bytes, 14, decodeIpv4(bytes, 14, bytes.length), 0))
  assert.deepEqual(results.slice(0, 2), [undefined, undefined])
  const packet = results[2] ?? new Uint8Array(0)
  assert.equal(packet.length, 4028)
  assert.equal(verifyIpv4Checksum(packet, 0), true)
  assert.equal(Buffer.from(packet.subarray(20, 28)).toString('hex'), '080064943e5e0001')
})

test('datagrams that differ in source, destination, protocol or identification are kept apart', () => {
  const reassembler = new Ipv4Reassembler()
  const others: Partial<Ipv4Header>[] = [{}, { source: 9 }, { destination: 9 }, { protocol: 6 }, { identification: 9 }]
  for (const [i, values] of others.entries()) assert.equal(feed(reassembler, piece(0, 8, true, values, i)), undefined)
  for (const [i, values] of others.entries()) {
    const packet = feed(reassembler, piece(8, 1, false, values, 0xff))
    assert.deepEqual([...(packet ?? []).slice(20)], [i, i, i, i, i, i, i, i, 0xff])
  }
})

test('RFC 1122 section 3.3.2: time runs from the first fragment, and its end tells what is owed to the source', () => {
  const reassembler = new Ipv4Reassembler()
  const first = piece(0, 1480, true)
  feed(reassembler, piece(2960, 40, false), 5 * SECOND)
  feed(reassembler, first, 20 * SECOND)
  assert.equal(reassembler.pollTimeout(), 35 * SECOND)
  reassembler.handleTimeout(35 * SECOND - 1)
  assert.deepEqual(events(reassembler), [])
  reassembler.handleTimeout(35 * SECOND)
  const place = { source: 1, destination: 2, protocol: 17, identification: 7 }
  assert.deepEqual(events(reassembler), [{ why: 'expired', ...place, received: 1520, missing: '1480–2959', first }])
  assert.equal(reassembler.pollTimeout(), undefined)
  assert.equal(reassembler.memory, 0)
  assert.equal(feed(reassembler, piece(1480, 1480, true), 35 * SECOND), undefined, 'what comes later begins anew')
})

test('without the first fragment there is nothing to quote', () => {
  const reassembler = new Ipv4Reassembler({ ...DEFAULT_REASSEMBLY, timeout: 10 })
  feed(reassembler, piece(8, 8, true), 100)
  feed(reassembler, piece(0, 8, true, { identification: 8 }), 105)
  assert.equal(reassembler.pollTimeout(), 110)
  feed(reassembler, piece(0, 8, true, { identification: 9 }), 112)
  assert.deepEqual(
    events(reassembler).map(({ first, missing }) => [first, missing]),
    [[undefined, '0–7, from 16']],
  )
  assert.equal(reassembler.pollTimeout(), 115)
})

test('RFC 5722 section 4: an overlap ends the datagram, and all that is still to come of it', () => {
  const reassembler = new Ipv4Reassembler()
  feed(reassembler, piece(0, 16, true))
  assert.equal(feed(reassembler, piece(8, 16, true)), undefined)
  const [event] = events(reassembler)
  assert.equal(event.why, 'overlap')
  assert.equal(event.missing, 'from 16')
  assert.equal(feed(reassembler, piece(16, 8, false)), undefined)
  assert.equal(feed(reassembler, piece(0, 16, true)), undefined)
  assert.equal(feed(reassembler, piece(16, 8, false)), undefined)
  reassembler.handleTimeout(DEFAULT_REASSEMBLY.timeout)
  assert.deepEqual(events(reassembler), [], 'it is told once')
  feed(reassembler, piece(0, 16, true), DEFAULT_REASSEMBLY.timeout)
  assert.equal(feed(reassembler, piece(16, 8, false), DEFAULT_REASSEMBLY.timeout)?.length, 44, 'its name is free again')
})

test('every way to overlap is one: from the left, from the right, inside, around, and other bytes in the same place', () => {
  const middle = piece(16, 16, true)
  assert.deepEqual(failures(middle, piece(8, 16, true)), ['overlap'])
  assert.deepEqual(failures(middle, piece(24, 16, true)), ['overlap'])
  assert.deepEqual(failures(middle, piece(16, 8, true)), ['overlap'])
  assert.deepEqual(failures(middle, piece(24, 8, true)), ['overlap'])
  assert.deepEqual(failures(middle, piece(8, 32, true)), ['overlap'])
  assert.deepEqual(failures(middle, piece(16, 16, true, {}, 1)), ['overlap'])
  assert.deepEqual(failures(middle, piece(16, 24, true)), ['overlap'])
})

test('neighbours that touch do not overlap, and an exact copy is ignored', () => {
  assert.deepEqual(failures(piece(16, 16, true), piece(0, 16, true), piece(32, 8, true), piece(16, 16, true)), [])
})

test('two ends, bytes behind the end, and a copy that is the end only now, contradict', () => {
  assert.deepEqual(failures(piece(16, 8, false), piece(32, 8, false)), ['contradictory-end'])
  assert.deepEqual(failures(piece(16, 8, false), piece(8, 4, false)), ['contradictory-end'])
  assert.deepEqual(failures(piece(16, 8, false), piece(24, 8, true)), ['contradictory-end'])
  assert.deepEqual(failures(piece(32, 8, true), piece(16, 8, false)), ['contradictory-end'])
  assert.deepEqual(failures(piece(16, 8, true), piece(16, 8, false)), ['contradictory-end'])
  assert.deepEqual(failures(piece(16, 8, false), piece(16, 8, true)), ['contradictory-end'])
})

test('a fragment that is empty, or uneven and not the last, is invalid', () => {
  assert.deepEqual(failures(piece(8, 0, true)), ['invalid-length'])
  assert.deepEqual(failures(piece(8, 0, false)), ['invalid-length'])
  assert.deepEqual(failures(piece(8, 15, true)), ['invalid-length'])
  assert.deepEqual(failures(piece(8, 15, false)), [])
})

test('the "ping of death": a datagram beyond 65,535 bytes is given up, and one of exactly that is not', () => {
  assert.deepEqual(failures(piece(65_528, 8, false)), ['oversized'])
  assert.deepEqual(failures(piece(65_512, 16, true), piece(0, 8, true)), ['oversized'])
  const options = new Uint8Array(40).fill(1)
  assert.deepEqual(failures(piece(65_504, 8, false), piece(0, 8, true, { options })), ['oversized'])
  const packet = packetOf({ protocol: 17 }, counting(65_515))
  const reassembler = new Ipv4Reassembler()
  const results = fragmentIpv4(packet, 0, packet.length, 9000).map((bytes) => feed(reassembler, bytes))
  assert.deepEqual(results.at(-1), packet)
})

test('RFC 3168 section 5.3: congestion that one fragment met is met by the datagram', () => {
  const reassembler = new Ipv4Reassembler()
  feed(reassembler, piece(0, 8, true, { ecn: 2 }))
  feed(reassembler, piece(8, 8, true, { ecn: 3 }))
  const packet = feed(reassembler, piece(16, 8, false, { ecn: 2 })) ?? new Uint8Array(60)
  assert.equal(decodeIpv4(packet, 0, packet.length).ecn, 3)
  assert.equal(verifyIpv4Checksum(packet, 0), true)
})

test('a flood of first fragments stays within the memory limit: the oldest go', () => {
  const limits = { timeout: 30 * SECOND, memory: 100_000 }
  const reassembler = new Ipv4Reassembler(limits)
  for (let i = 0; i < 1000; i++) {
    feed(reassembler, piece(0, 1400, true, { identification: i }), i)
    assert.ok(reassembler.memory <= limits.memory)
  }
  const lost = events(reassembler)
  assert.ok(lost.length > 900 && lost.every(({ why, identification }, i) => why === 'memory' && identification === i))
  assert.equal(feed(reassembler, piece(1400, 8, false, { identification: 999 }))?.length, 1428, 'the newest is whole')
})

test('a flood of datagrams that contradict themselves stays within the limit, too', () => {
  const limits = { timeout: 30 * SECOND, memory: 50_000 }
  const reassembler = new Ipv4Reassembler(limits)
  for (let i = 0; i < 2000; i++) {
    feed(reassembler, piece(8, 3, true, { identification: i }))
    assert.ok(reassembler.memory <= limits.memory)
    assert.equal(events(reassembler).length, 1)
  }
})

test('the smallest fragments, from the end to the beginning, are put together all the same', () => {
  const reassembler = new Ipv4Reassembler()
  const packet = packetOf({ protocol: 17, identification: 1 }, counting(40_000))
  const fragments = fragmentIpv4(packet, 0, packet.length, 28)
  assert.equal(fragments.length, 5000)
  const results = fragments.reverse().map((bytes) => feed(reassembler, bytes))
  assert.deepEqual(results.at(-1), packet)
})

test('any fragments at all: no exception, bounded memory, and only datagrams without gaps', () => {
  const eighths = fc.integer({ min: 0, max: 6 })
  const fragment = fc.record({
    offset: eighths,
    length: fc.nat(40),
    more: fc.boolean(),
    id: fc.nat(2),
    fill: fc.nat(1),
    wait: fc.nat(40),
  })
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 60 }), (list) => {
      const limits = { timeout: 100, memory: 4000 }
      const reassembler = new Ipv4Reassembler(limits)
      let now = 0
      for (const { offset, length, more, id, fill, wait } of list) {
        now += wait
        const packet = feed(reassembler, piece(offset * 8, length, more, { identification: id }, fill + 1), now)
        assert.ok(reassembler.memory <= limits.memory)
        assert.ok((reassembler.pollTimeout() ?? Infinity) > now)
        if (packet !== undefined) {
          const header = decodeIpv4(packet, 0, packet.length)
          assert.equal(header.moreFragments || header.fragmentOffset > 0, false)
          assert.equal(header.payloadEnd, packet.length)
          assert.ok(!packet.subarray(20).includes(0))
        }
      }
      reassembler.handleTimeout(now + limits.timeout)
      assert.equal(reassembler.memory, 0)
    }),
    { seed: 5722, numRuns: 2000 },
  )
})
