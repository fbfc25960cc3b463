import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DecodeError } from '../../src/wire/errors.ts'
import {
  decodeIpv6,
  decodeIpv6Header,
  decrementHopLimit,
  encodeIpv6,
  Ipv6Header,
  IPV6_PAYLOAD_LIMIT,
  NextHeader,
} from '../../src/wire/ipv6.ts'
import {
  EXTENSION_HEADER_LIMIT,
  Ipv6Chain,
  OPTION_LIMIT,
  ParameterProblemCode,
  walkIpv6Chain,
} from '../../src/wire/ipv6-chain.ts'
import { ipv6Layer } from '../../src/wire/ipv6-layer.ts'
import { readPcap } from '../vectors/pcap.ts'
import { chained, counting, extension, packetOf, udp } from './ipv6-packets.ts'

const LARGEST = (1n << 128n) - 1n

const headers: fc.Arbitrary<Ipv6Header> = fc
  .record({
    dscp: fc.nat(63),
    ecn: fc.nat(3),
    flowLabel: fc.nat(0xf_ffff),
    nextHeader: fc.nat(255),
    hopLimit: fc.nat(255),
    source: fc.bigInt(0n, LARGEST),
    destination: fc.bigInt(0n, LARGEST),
  })
  .map((values) => Object.assign(new Ipv6Header(), values))

test('RFC 8200 section 3: a header of Linux’s, field by field, and back', () => {
  const { bytes } = readPcap('l2l3.pcap')[14]
  const header = decodeIpv6(bytes, 14, bytes.length)
  assert.deepEqual(Object.fromEntries(Object.entries(header)), {
    dscp: 0,
    ecn: 0,
    flowLabel: 0x1b92d,
    nextHeader: 58,
    hopLimit: 64,
    source: 0xfd09_0000_0000_0000_0000_0000_0000_0001n,
    destination: 0xfd09_0000_0000_0000_0000_0000_0000_0002n,
    payloadStart: 54,
    payloadEnd: 118,
  })
  const written = new Uint8Array(40)
  assert.equal(encodeIpv6(header, 64, written, 0), 40)
  assert.deepEqual(written, bytes.slice(14, 54))
})

test('any header survives bytes', () => {
  fc.assert(
    fc.property(headers, fc.nat(60), fc.nat(7), (header, payloadLength, start) => {
      const bytes = new Uint8Array(120).fill(0xee)
      const payloadStart = encodeIpv6(header, payloadLength, bytes, start)
      const decoded = decodeIpv6(bytes, start, bytes.length)
      assert.deepEqual(decoded, Object.assign(header, { payloadStart, payloadEnd: payloadStart + payloadLength }))
      assert.ok(
        bytes.every((byte, at) => (at >= start && at < start + 40) || byte === 0xee),
        'nothing else is written',
      )
    }),
    { seed: 8200, numRuns: 500 },
  )
})

test('what is cut short or of another version is refused, with the place', () => {
  const packet = packetOf({}, counting(30))
  const problem = (bytes: Uint8Array, end = bytes.length): string => {
    try {
      decodeIpv6(bytes, 0, end)
    } catch (error) {
      if (error instanceof DecodeError) return `${error.problem} ${String(error.offset)}`
    }
    return 'none'
  }
  assert.equal(problem(packet), 'none')
  assert.equal(problem(packet, 39), 'truncated 39')
  assert.equal(problem(packet, 69), 'truncated 69')
  assert.equal(decodeIpv6Header(packet, 0, 69).payloadEnd, 70)
  const other = Uint8Array.from(packet)
  other[0] = 0x45
  assert.equal(problem(other), 'invalid 0')
})

test('a payload of 65,535 bytes is written, one more is refused', () => {
  const bytes = new Uint8Array(40)
  assert.equal(encodeIpv6(new Ipv6Header(), IPV6_PAYLOAD_LIMIT, bytes, 0), 40)
  assert.throws(() => encodeIpv6(new Ipv6Header(), IPV6_PAYLOAD_LIMIT + 1, bytes, 0), RangeError)
})

test('the hop limit counts down in place', () => {
  const packet = packetOf({ hopLimit: 2 }, new Uint8Array(0))
  assert.deepEqual([decrementHopLimit(packet, 0), decrementHopLimit(packet, 0)], [1, 0])
  assert.equal(decodeIpv6(packet, 0, 40).hopLimit, 0)
})

const { HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION_OPTIONS, UDP } = NextHeader
type Link = readonly [kind: number, make: (next: number) => Uint8Array]

const PADDING = [1, 4, 0, 0, 0, 0]
const options = (kind: number, ...content: number[]): Link => [
  kind,
  (next) => extension(next, ...(content.length === 0 ? PADDING : content)),
]
const fragment = (word: number): Link => [FRAGMENT, (next) => Uint8Array.of(next, 0, word >>> 8, word, 0, 0, 0, 9)]
const routing = (type: number, segmentsLeft: number): Link => [ROUTING, (next) => extension(next, type, segmentsLeft, 0, 0, 0, 0)]

function walk(packet: Uint8Array, walker: 'destination' | 'router' = 'destination'): Ipv6Chain {
  // Somewhere in an array, so that offsets and pointers differ.
  const bytes = new Uint8Array(packet.length + 14)
  bytes.set(packet, 14)
  const header = decodeIpv6(bytes, 14, bytes.length)
  return walkIpv6Chain(bytes, header, header.payloadEnd, walker)
}

function verdict(links: readonly Link[], upper = udp(0), protocol: number = UDP, values: Partial<Ipv6Header> = {}): string {
  const { verdict: said, code, pointer } = walk(chained(links, protocol, upper, values))
  return said === 'parameter-problem' ? `code ${String(code)} at ${String(pointer)}` : said
}

test('RFC 8200 section 4: the upper layer behind all kinds of headers, in the order of section 4.1', () => {
  const links = [options(HOP_BY_HOP), options(DESTINATION_OPTIONS), routing(0, 0), fragment(0), options(DESTINATION_OPTIONS)]
  const chain = walk(chained(links, UDP, udp(0)))
  assert.equal(chain.verdict, 'accept')
  assert.equal(chain.protocol, UDP)
  assert.equal(chain.start, 14 + 40 + 5 * 8)
  // The last extension header's first byte says what follows.
  assert.equal(chain.protocolPointer, 40 + 4 * 8)
  assert.equal(verdict([]), 'accept')
  assert.equal(walk(packetOf({ nextHeader: UDP }, udp(0))).protocolPointer, 6)
  assert.equal(walk(packetOf({ nextHeader: NextHeader.NO_NEXT_HEADER }, counting(9))).verdict, 'accept')
})

test('RFC 8200 section 4: hop-by-hop options anywhere but first are an unknown next header', () => {
  assert.equal(verdict([options(DESTINATION_OPTIONS), options(HOP_BY_HOP)]), 'code 1 at 40')
  assert.equal(verdict([options(HOP_BY_HOP), options(HOP_BY_HOP)]), 'code 1 at 40')
  assert.equal(verdict([options(HOP_BY_HOP), options(DESTINATION_OPTIONS)]), 'accept')
})

test('RFC 8200 section 4.2: the two highest bits of an unknown option say what becomes of the packet', () => {
  for (const kind of [HOP_BY_HOP, DESTINATION_OPTIONS]) {
    const option = (type: number, values: Partial<Ipv6Header> = {}): string =>
      verdict([options(kind, 0, type, 3, 0, 0, 0)], udp(0), UDP, values)
    const group = { destination: 0xff02n << 112n }
    assert.equal(option(0x1e), 'accept')
    assert.equal(option(0x5e), 'discard')
    assert.equal(option(0x9e), 'code 2 at 43')
    assert.equal(option(0xde), 'code 2 at 43')
    assert.equal(option(0x9e, group), 'code 2 at 43')
    assert.equal(option(0xde, group), 'discard')
  }
  // The jumbo payload option of RFC 2675 is not known here.
  assert.equal(verdict([options(HOP_BY_HOP, 0xc2, 4, 0, 1, 0, 0)]), 'code 2 at 42')
})

test('RFC 2711: a router alert is told to routers', () => {
  const packet = chained([options(HOP_BY_HOP, 5, 2, 0, 0, 1, 0)], UDP, udp(0))
  assert.equal(walk(packet, 'router').routerAlert, true)
  assert.equal(walk(chained([options(HOP_BY_HOP)], UDP, udp(0)), 'router').routerAlert, false)
})

test('RFC 8200 section 4: a router looks at hop-by-hop options and no further', () => {
  const refused: Link = options(DESTINATION_OPTIONS, 0x9e, 4, 0, 0, 0, 0)
  assert.equal(walk(chained([refused], UDP, udp(0)), 'router').verdict, 'accept')
  assert.equal(walk(chained([options(HOP_BY_HOP), refused], UDP, udp(0)), 'router').verdict, 'accept')
  assert.equal(walk(chained([options(HOP_BY_HOP, 0x9e, 4, 0, 0, 0, 0)], UDP, udp(0)), 'router').code, 2)
  assert.equal(walk(chained([routing(0, 1)], UDP, udp(0)), 'router').verdict, 'accept')
})

test('RFC 8200 section 4.4: an unknown routing header matters only while segments are left', () => {
  assert.equal(verdict([routing(253, 0)]), 'accept')
  assert.equal(verdict([routing(253, 1)]), 'code 0 at 42')
  // RFC 5095: type 0 is no better.
  assert.equal(verdict([routing(0, 1)]), 'code 0 at 42')
})

test('RFC 8200 section 4.5: fragments are told from packets of one fragment (RFC 6946)', () => {
  assert.equal(verdict([fragment(0)]), 'accept')
  assert.equal(verdict([fragment(1)]), 'reassemble')
  assert.equal(verdict([fragment(8)]), 'reassemble')
  const { fragmentOffset, moreFragments, identification, fragmentStart, fragmentPointer, protocol } = walk(
    chained([options(HOP_BY_HOP), fragment(0x0fa9)], UDP, counting(16)),
  )
  assert.deepEqual([fragmentOffset, moreFragments, identification, protocol], [0xfa8, true, 9, UDP])
  assert.deepEqual([fragmentStart, fragmentPointer], [14 + 48, 14 + 40])
})

test('RFC 8200 section 4.5: a fragment that is not the last has a multiple of 8 bytes, or the payload length is to blame', () => {
  assert.equal(verdict([fragment(1)], udp(8)), 'reassemble')
  assert.equal(verdict([fragment(1)], udp(7)), 'code 0 at 4')
  assert.equal(verdict([fragment(8)], udp(7)), 'reassemble')
})

test('RFC 8200 section 4.5: a fragment that would make more than 65,535 bytes blames its offset', () => {
  assert.equal(verdict([fragment(0xfff8)], counting(7)), 'reassemble')
  assert.equal(verdict([fragment(0xfff8)], counting(8)), 'code 0 at 42')
  assert.equal(verdict([options(HOP_BY_HOP), fragment(0xfff8)], counting(7)), 'code 0 at 50')
})

test('RFC 7112: a first fragment without its whole header chain is refused', () => {
  assert.equal(verdict([fragment(1)], counting(16), NextHeader.TCP), 'code 3 at 0')
  assert.equal(verdict([fragment(1)], counting(24), NextHeader.TCP), 'reassemble')
  assert.equal(verdict([fragment(1), options(DESTINATION_OPTIONS)], new Uint8Array(0)), 'code 3 at 0')
  const cut = Uint8Array.of(UDP, 3, 1, 4, 0, 0, 0, 0)
  assert.equal(verdict([fragment(1)], cut, DESTINATION_OPTIONS), 'code 3 at 0')
})

test('a header that reaches past the packet blames its length, or who promised it', () => {
  assert.equal(verdict([], Uint8Array.of(UDP, 1, 1, 4, 0, 0, 0, 0), DESTINATION_OPTIONS), 'code 0 at 41')
  assert.equal(verdict([], Uint8Array.of(UDP), DESTINATION_OPTIONS), 'code 0 at 6')
  assert.equal(verdict([options(DESTINATION_OPTIONS)], new Uint8Array(0), FRAGMENT), 'code 0 at 40')
  assert.equal(verdict([options(DESTINATION_OPTIONS, 1, 9, 0, 0, 0, 0)]), 'code 0 at 42')
  assert.equal(verdict([options(DESTINATION_OPTIONS, 0, 0, 0, 0, 0, 7)]), 'code 0 at 47')
})

test('RFC 8504 section 5.3, RFC 8883: chains and options beyond what honest senders build are refused', () => {
  const many = (count: number): Link[] => Array.from({ length: count }, () => options(DESTINATION_OPTIONS))
  assert.equal(verdict(many(EXTENSION_HEADER_LIMIT)), 'accept')
  assert.equal(verdict(many(EXTENSION_HEADER_LIMIT + 1)), `code 8 at ${String(40 + 8 * EXTENSION_HEADER_LIMIT)}`)
  const small = (count: number): number[] => Array.from({ length: count }, () => [0x1e, 0]).flat()
  const filled = (content: number[]): Link => options(DESTINATION_OPTIONS, ...content, ...[1, 4, 0, 0, 0, 0])
  assert.equal(verdict([filled(small(OPTION_LIMIT))]), 'accept')
  assert.equal(verdict([filled(small(OPTION_LIMIT + 1))]), `code 9 at ${String(42 + 2 * OPTION_LIMIT)}`)
  const pads = (count: number): number[] => new Array<number>(count).fill(0)
  assert.equal(verdict([options(DESTINATION_OPTIONS, ...pads(14))]), 'accept')
  assert.equal(verdict([options(DESTINATION_OPTIONS, ...pads(22))]), `code 9 at ${String(42 + OPTION_LIMIT)}`)
})

test('the largest chain of the smallest options is refused after a few steps, not after 30,000', () => {
  const huge = Uint8Array.from([UDP, 255, ...Array.from({ length: 1023 }, () => [0x1e, 0]).flat()])
  const packet = packetOf(
    { nextHeader: DESTINATION_OPTIONS },
    Uint8Array.from(Array.from({ length: 31 }, () => [...huge.with(0, DESTINATION_OPTIONS)]).flat()),
  )
  let reads = 0
  const counted = new Proxy(packet, {
    get(target, key): unknown {
      if (typeof key === 'string' && /^\d+$/.test(key)) reads++
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  const chain = walkIpv6Chain(counted, decodeIpv6(packet, 0, packet.length), packet.length, 'destination')
  assert.equal(chain.code, ParameterProblemCode.TOO_MANY_OPTIONS)
  assert.ok(reads < 200, String(reads))
})

test('a walk starts afresh when its result is used again', () => {
  const chain = new Ipv6Chain()
  const first = chained([options(HOP_BY_HOP, 5, 2, 0, 0, 1, 0), fragment(1)], UDP, udp(8))
  const second = packetOf({ nextHeader: UDP }, udp(0))
  walkIpv6Chain(first, decodeIpv6(first, 0, first.length), first.length, 'destination', chain)
  assert.equal(chain.verdict, 'reassemble')
  walkIpv6Chain(second, decodeIpv6(second, 0, second.length), second.length, 'destination', chain)
  assert.deepEqual([chain.verdict, chain.fragmentStart, chain.routerAlert, chain.protocol], ['accept', -1, false, UDP])
})

test('any bytes behind a header: a verdict, and places within the packet', () => {
  const link = fc.oneof(
    fc
      .constantFrom(HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION_OPTIONS)
      .chain((kind) =>
        fc.uint8Array({ minLength: 6, maxLength: 22 }).map((content): Link => [kind, (next) => extension(next, ...content)]),
      ),
  )
  const packets = fc
    .record({ links: fc.array(link, { maxLength: 10 }), protocol: fc.nat(255), upper: fc.uint8Array({ maxLength: 30 }) })
    .map(({ links, protocol, upper }) => chained(links, protocol, upper))
  const verdicts = new Set<string>()
  fc.assert(
    fc.property(
      fc.oneof(
        packets,
        fc.uint8Array({ maxLength: 60 }).map((bytes) => packetOf({ nextHeader: bytes[0] ?? 0 }, bytes)),
      ),
      fc.constantFrom('destination' as const, 'router' as const),
      (packet, walker) => {
        const chain = walk(packet, walker)
        verdicts.add(`${chain.verdict} ${String(chain.code)}`)
        const isPlaced = chain.start >= 54 && chain.start <= packet.length + 14
        assert.ok(isPlaced, `start ${String(chain.start)}`)
        assert.ok(chain.protocolPointer < packet.length, `protocol at ${String(chain.protocolPointer)}`)
        if (chain.verdict === 'parameter-problem') assert.ok(chain.pointer < packet.length, `pointer ${String(chain.pointer)}`)
        if (chain.verdict === 'reassemble') assert.ok(chain.fragmentStart >= 54, 'a fragment has its header')
      },
    ),
    { seed: 8883, numRuns: 5000 },
  )
  assert.ok(verdicts.size >= 6, [...verdicts].join(', '))
})

test('the inspector tells what a destination refuses, and what cannot be whole', () => {
  const layerOf = (packet: Uint8Array, end = packet.length): string | undefined => ipv6Layer(packet, 0, end).problem
  assert.equal(layerOf(packetOf({ nextHeader: UDP }, udp(3))), undefined)
  assert.match(layerOf(chained([routing(0, 1)], UDP, udp(0))) ?? '', /erroneous header field at byte 42/)
  assert.equal(layerOf(packetOf({ nextHeader: UDP }, udp(3)), 45), 'payload length reaches past the end')
  const summary = ipv6Layer(chained([fragment(0x10)], UDP, counting(4)), 0, 52).summary
  assert.equal(summary, '2001:db8::1 → 2001:db8::2, UDP, hop limit 64, fragment at 16 (last)')
})
