import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DecodeError } from '../../src/wire/errors.ts'
import { ipv4Layer } from '../../src/wire/ipv4-layer.ts'
import {
  decodeIpv4,
  decodeIpv4Header,
  decrementTtl,
  encodeIpv4,
  fragmentIpv4,
  Ipv4Header,
  ipv4HeaderLength,
  verifyIpv4Checksum,
} from '../../src/wire/ipv4.ts'

/** A header that is quoted in many a textbook: UDP from 192.168.0.1 to 192.168.0.199, checksum 0xb861. */
const KNOWN = Buffer.from('45000073000040004011b861c0a80001c0a800c7', 'hex')

const headers: fc.Arbitrary<Ipv4Header> = fc
  .record({
    dscp: fc.nat(63),
    ecn: fc.nat(3),
    identification: fc.nat(0xffff),
    dontFragment: fc.boolean(),
    moreFragments: fc.boolean(),
    fragmentOffset: fc.nat(0x1fff).map((eighths) => eighths * 8),
    ttl: fc.nat(255),
    protocol: fc.nat(255),
    source: fc.nat(0xffff_ffff),
    destination: fc.nat(0xffff_ffff),
    options: fc.uint8Array({ maxLength: 40 }),
  })
  .map((values) => Object.assign(new Ipv4Header(), values))

function packetOf(header: Ipv4Header, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(ipv4HeaderLength(header) + payload.length)
  bytes.set(payload, encodeIpv4(header, payload.length, bytes, 0))
  return bytes
}

function counting(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 7 + (i >>> 8))
}

function problemOf(bytes: Uint8Array, end = bytes.length): string {
  try {
    decodeIpv4(bytes, 0, end)
  } catch (error) {
    if (error instanceof DecodeError) return `${error.problem} ${String(error.offset)}`
  }
  return 'none'
}

function with16(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const changed = Uint8Array.from(bytes)
  changed[at] = value >>> 8
  changed[at + 1] = value
  return changed
}

test('RFC 791 section 3.1: a known header and its checksum', () => {
  const header = decodeIpv4Header(KNOWN, 0, 20)
  assert.equal(header.source, 0xc0a80001)
  assert.equal(header.destination, 0xc0a800c7)
  assert.equal(header.protocol, 17)
  assert.equal(header.ttl, 64)
  assert.equal(header.dontFragment, true)
  assert.equal(header.payloadEnd, 115)
  assert.equal(verifyIpv4Checksum(KNOWN, 0), true)
  const bytes = new Uint8Array(20)
  assert.equal(encodeIpv4(header, 95, bytes, 0), 20)
  assert.deepEqual(Buffer.from(bytes), KNOWN)
})

test('any header survives bytes; options come back padded with zeros', () => {
  fc.assert(
    fc.property(headers, fc.nat(60), fc.nat(7), (header, payloadLength, start) => {
      const bytes = new Uint8Array(140).fill(0xee)
      const payloadStart = encodeIpv4(header, payloadLength, bytes, start)
      assert.equal(payloadStart, start + ipv4HeaderLength(header))
      assert.equal(verifyIpv4Checksum(bytes, start), true)
      const decoded = decodeIpv4(bytes, start, bytes.length)
      const options = new Uint8Array(payloadStart - start - 20)
      options.set(header.options)
      assert.deepEqual(Uint8Array.from(decoded.options), options)
      const payloadEnd = payloadStart + payloadLength
      const { checksum } = decoded
      assert.deepEqual(
        Object.assign(decoded, { options: header.options }),
        Object.assign(header, { payloadStart, payloadEnd, checksum }),
      )
      assert.ok(bytes.every((byte, at) => (at >= start && at < payloadStart) || byte === 0xee))
    }),
    { seed: 791, numRuns: 500 },
  )
})

test('each flipped bit of a header makes its checksum wrong', () => {
  for (let bit = 0; bit < 160; bit++) {
    // The header's length says how much is summed: a flip there is another matter.
    if (bit >= 4 && bit < 8) continue
    const bytes = Uint8Array.from(KNOWN)
    bytes[bit >>> 3] ^= 0x80 >>> (bit & 7)
    assert.equal(verifyIpv4Checksum(bytes, 0), false, `bit ${String(bit)}`)
  }
})

test('what contradicts itself or is cut short is refused, with the place', () => {
  const packet = packetOf(new Ipv4Header(), counting(30))
  assert.equal(problemOf(packet), 'none')
  assert.equal(problemOf(packet, 19), 'truncated 19')
  assert.equal(problemOf(packet, 49), 'truncated 49')
  assert.equal(problemOf(with16(packet, 0, 0x6500)), 'invalid 0')
  assert.equal(problemOf(with16(packet, 0, 0x4400)), 'invalid 0')
  assert.equal(problemOf(with16(packet, 0, 0x4f00)), 'truncated 50')
  assert.equal(problemOf(with16(packet, 2, 19)), 'invalid 2')
  assert.equal(problemOf(with16(packet, 2, 51)), 'truncated 50')
  assert.equal(decodeIpv4Header(with16(packet, 2, 51), 0, 50).payloadEnd, 51)
})

test('options beyond 40 bytes, or a packet beyond 65,535, are our own mistake', () => {
  const bytes = new Uint8Array(100)
  const header = Object.assign(new Ipv4Header(), { options: new Uint8Array(41) })
  assert.throws(() => encodeIpv4(header, 0, bytes, 0), RangeError)
  assert.throws(() => encodeIpv4(new Ipv4Header(), 65_516, bytes, 0), RangeError)
  assert.equal(encodeIpv4(new Ipv4Header(), 65_515, bytes, 0), 20)
})

test('RFC 1812 section 5.3.1: forwarding takes one off the TTL and the checksum stays right', () => {
  fc.assert(
    fc.property(headers, fc.integer({ min: 1, max: 255 }), (header, ttl) => {
      header.ttl = ttl
      const bytes = new Uint8Array(80)
      const end = encodeIpv4(header, 0, bytes, 2)
      assert.equal(decrementTtl(bytes, 2), ttl - 1)
      assert.equal(verifyIpv4Checksum(bytes, 2), true)
      const again = new Uint8Array(80)
      encodeIpv4(Object.assign(header, { ttl: ttl - 1 }), 0, again, 2)
      assert.deepEqual(bytes.subarray(0, end), again.subarray(0, end))
    }),
    { seed: 1624, numRuns: 1000 },
  )
})

test('a header that came in with a wrong checksum goes out with a wrong one', () => {
  const bytes = Uint8Array.from(KNOWN)
  bytes[15] ^= 1
  decrementTtl(bytes, 0)
  assert.equal(verifyIpv4Checksum(bytes, 0), false)
})

test('RFC 791 section 3.2: fragments fit the MTU, are cut at multiples of 8, and tell all of the payload once', () => {
  fc.assert(
    fc.property(headers, fc.nat(3000), fc.integer({ min: 68, max: 1500 }), fc.nat(20), (header, length, mtu, headroom) => {
      header.dontFragment = false
      header.fragmentOffset = Math.min(header.fragmentOffset, 62_000 - 3000)
      const payload = counting(length)
      const packet = packetOf(header, payload)
      const padded = new Uint8Array(packet.length + 10).fill(0xff)
      padded.set(packet, 3)
      const fragments = fragmentIpv4(padded, 3, padded.length, mtu, headroom)
      let at = 0
      for (const [index, bytes] of fragments.entries()) {
        const isLast = index === fragments.length - 1
        assert.ok(bytes.length - headroom <= mtu)
        assert.ok(bytes.subarray(0, headroom).every((byte) => byte === 0))
        const fragment = decodeIpv4(bytes, headroom, bytes.length)
        assert.equal(fragment.payloadEnd, bytes.length)
        assert.equal(verifyIpv4Checksum(bytes, headroom), true)
        assert.equal(fragment.fragmentOffset, header.fragmentOffset + at)
        assert.equal(fragment.moreFragments, header.moreFragments || !isLast)
        const data = bytes.subarray(fragment.payloadStart)
        if (!isLast) {
          assert.equal(data.length % 8, 0)
          assert.ok(fragment.payloadEnd - headroom + 8 > mtu, 'as few fragments as can be')
        }
        assert.deepEqual(Uint8Array.from(data), payload.slice(at, at + data.length))
        at += data.length
        assert.equal(fragment.identification, header.identification)
        assert.equal(fragment.ttl, header.ttl)
        assert.equal(fragment.protocol, header.protocol)
        assert.equal(fragment.source, header.source)
        assert.equal(fragment.destination, header.destination)
      }
      assert.equal(at, length)
    }),
    { seed: 815, numRuns: 500 },
  )
})

test('a packet of exactly the MTU stays whole, one byte more does not', () => {
  const cut = (length: number): number => {
    const packet = packetOf(new Ipv4Header(), counting(length))
    return fragmentIpv4(packet, 0, packet.length, 1500).length
  }
  assert.equal(cut(1480), 1)
  assert.equal(cut(1481), 2)
})

test('RFC 791 section 3.1: options are in the first fragment, and in later ones when their copied bit is set', () => {
  const routerAlert = [148, 4, 0, 0]
  const recordRoute = [7, 7, 4, 0, 0, 0, 0]
  const options = Uint8Array.from([...recordRoute, 1, ...routerAlert])
  const packet = packetOf(Object.assign(new Ipv4Header(), { options }), counting(200))
  const [first, second, ...rest] = fragmentIpv4(packet, 0, packet.length, 100)
  assert.deepEqual(Uint8Array.from(decodeIpv4(first, 0, first.length).options), options)
  for (const later of [second, ...rest]) {
    assert.deepEqual([...decodeIpv4(later, 0, later.length).options], routerAlert)
  }
})

test('malformed options do not stop fragmentation, and stay in the first fragment', () => {
  for (const options of [
    [148, 0, 0, 0],
    [148, 1, 0, 0],
    [148, 9, 0, 0],
    [1, 1, 1, 148],
  ]) {
    const packet = packetOf(Object.assign(new Ipv4Header(), { options: Uint8Array.from(options) }), counting(200))
    const [, second] = fragmentIpv4(packet, 0, packet.length, 100)
    assert.equal(decodeIpv4(second, 0, second.length).options.length, 0)
  }
})

test('a packet that says "don’t fragment", or an MTU without room for 8 bytes, is our own mistake', () => {
  const dontFragment = packetOf(Object.assign(new Ipv4Header(), { dontFragment: true }), counting(200))
  assert.throws(() => fragmentIpv4(dontFragment, 0, dontFragment.length, 100), RangeError)
  assert.equal(fragmentIpv4(dontFragment, 0, dontFragment.length, 220).length, 1)
  const packet = packetOf(new Ipv4Header(), counting(200))
  assert.throws(() => fragmentIpv4(packet, 0, packet.length, 27), RangeError)
  assert.equal(fragmentIpv4(packet, 0, packet.length, 28).length, 25)
})

test('the layer tells of a wrong checksum, a total length too far, and malformed options', () => {
  assert.equal(ipv4Layer(with16(KNOWN, 10, 0xb862), 0, 115).problem, 'header checksum should be 0xb861')
  assert.equal(ipv4Layer(KNOWN, 0, 20).problem, 'total length reaches past the end')
  const options = Uint8Array.of(1, 7, 99, 0)
  const packet = packetOf(Object.assign(new Ipv4Header(), { options }), counting(4))
  const layer = ipv4Layer(packet, 0, packet.length)
  assert.equal(layer.problem, 'an option is malformed')
  assert.equal(layer.end, 24)
})

test('the layer shows options with their parts', () => {
  const options = Uint8Array.of(7, 11, 8, 10, 0, 0, 1, 0, 0, 0, 0, 148, 4, 0, 0, 0)
  const packet = packetOf(Object.assign(new Ipv4Header(), { options }), new Uint8Array(0))
  const layer = ipv4Layer(packet, 0, packet.length)
  const shown = layer.fields.filter(({ name }) => name === 'ip.opt').map(({ label, start, end }) => [label, start, end])
  assert.deepEqual(shown, [
    ['Record route', 20, 31],
    ['Router alert', 31, 35],
    ['End of options', 35, 36],
  ])
  const route = layer.fields[12].fields?.find(({ name }) => name === 'ip.opt.route')
  assert.equal(route?.value, '10.0.0.1, 0.0.0.0')
  assert.equal(layer.problem, undefined)
})
