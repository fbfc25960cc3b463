import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseIpv6 } from '../../src/wire/address.ts'
import { finish, sum } from '../../src/wire/checksum.ts'
import { DecodeError } from '../../src/wire/errors.ts'
import { icmpv6Layer } from '../../src/wire/icmpv6-layer.ts'
import {
  decodeIcmpv6,
  decodeQuotationV6,
  encodeIcmpv6,
  icmpv6EncodedLength,
  Icmpv6Message,
  Icmpv6Type,
  isIcmpv6Error,
  isNdp,
  quoteIpv6,
  verifyIcmpv6Checksum,
} from '../../src/wire/icmpv6.ts'
import { decodeIpv6 } from '../../src/wire/ipv6.ts'
import { fragmentIpv6 } from '../../src/wire/ipv6-fragmentation.ts'
import {
  decodeNdp,
  encodeNdp,
  INFINITE_LIFETIME,
  ndpEncodedLength,
  type NdpMessage,
  type RouterAdvertisement,
} from '../../src/wire/ndp.ts'
import { addressSum } from '../../src/wire/pseudo-header.ts'
import { TcpFlag, TcpSegment, encodeTcp, tcpEncodedLength, tcpLayer, verifyTcpChecksum } from '../../src/wire/tcp.ts'
import { udpLayer, verifyUdpChecksum } from '../../src/wire/udp.ts'
import { readPcap } from '../vectors/pcap.ts'
import { counting, DESTINATION, icmpv6, ndp, packetOf, SOURCE, udp } from './ipv6-packets.ts'

const ADDRESSES = addressSum(SOURCE, DESTINATION)
const LARGEST = (1n << 128n) - 1n
const ipv6Addresses = fc.bigInt(0n, LARGEST)

test('RFC 8200 section 8.1: the pseudo-header is both addresses, the length in 32 bits, and the next header', () => {
  fc.assert(
    fc.property(ipv6Addresses, ipv6Addresses, fc.uint8Array({ minLength: 8, maxLength: 40 }), (source, destination, bytes) => {
      const pseudo = Buffer.alloc(40)
      for (const [i, address] of [source, destination].entries()) {
        pseudo.write(address.toString(16).padStart(32, '0'), i * 16, 'hex')
      }
      pseudo.writeUInt32BE(bytes.length, 32)
      pseudo[39] = 58
      const message = decodeIcmpv6(bytes, 0, bytes.length)
      const written = new Uint8Array(bytes.length)
      encodeIcmpv6(message, written, 0, addressSum(source, destination))
      const bare = Uint8Array.from(bytes).fill(0, 2, 4)
      assert.equal((written[2] << 8) | written[3], finish(sum(bare, 0, bare.length, sum(pseudo, 0, 40))))
      assert.equal(verifyIcmpv6Checksum(written, 0, written.length, addressSum(source, destination)), true)
      // Another address is another checksum. Words that differ by one in the other direction make up for it, so only one is changed.
      assert.equal(verifyIcmpv6Checksum(written, 0, written.length, addressSum(source ^ 1n, destination)), false)
    }),
    { seed: 81, numRuns: 500 },
  )
})

test('the sum of two IPv4 addresses is what the transports’ checksums take in their place', () => {
  const segment = Object.assign(new TcpSegment(), { flags: TcpFlag.ACK, payload: counting(31) })
  const bytes = new Uint8Array(tcpEncodedLength(segment))
  encodeTcp(segment, bytes, 0, 0xc0a8_0001, 0x0a00_0002)
  assert.equal(verifyTcpChecksum(bytes, 0, bytes.length, addressSum(0xc0a8_0001, 0x0a00_0002)), true)
  assert.equal(verifyTcpChecksum(bytes, 0, bytes.length, addressSum(0xc0a8_0001, 0x0a00_0003)), false)
  const again = new Uint8Array(bytes.length)
  encodeTcp(segment, again, 0, addressSum(0xc0a8_0001, 0x0a00_0002))
  assert.deepEqual(again, bytes)
})

test('RFC 8200 section 8.1: UDP over IPv6 has a checksum; without one the inspector says what is missing', () => {
  const bytes = udp(5)
  assert.equal(verifyUdpChecksum(bytes, 0, ADDRESSES), true)
  assert.equal(verifyUdpChecksum(bytes, 0, ADDRESSES + 1), false)
  assert.equal(udpLayer(bytes, 0, bytes.length, SOURCE, DESTINATION).problem, undefined)
  const right = `0x${Buffer.from(bytes.subarray(6, 8)).toString('hex')}`
  bytes.fill(0, 6, 8)
  assert.equal(udpLayer(bytes, 0, bytes.length, SOURCE, DESTINATION).problem, `checksum should be ${right}`)
  assert.equal(udpLayer(bytes, 0, bytes.length, 1, 2).problem, undefined)
})

test('TCP over IPv6: the inspector looks at the checksum', () => {
  const segment = Object.assign(new TcpSegment(), { flags: TcpFlag.SYN, mss: 1440 })
  const bytes = new Uint8Array(tcpEncodedLength(segment))
  encodeTcp(segment, bytes, 0, ADDRESSES)
  assert.equal(tcpLayer(bytes, 0, bytes.length, SOURCE, DESTINATION).problem, undefined)
  assert.match(tcpLayer(bytes, 0, bytes.length, SOURCE, SOURCE).problem ?? '', /^checksum should be 0x/)
})

test('RFC 4443 section 4.1: Linux’s echo request, and back', () => {
  const { bytes } = readPcap('l2l3.pcap')[14]
  const { source, destination, payloadStart, payloadEnd } = decodeIpv6(bytes, 14, bytes.length)
  const message = decodeIcmpv6(bytes, payloadStart, payloadEnd)
  assert.deepEqual([message.type, message.code, message.identifier, message.sequence], [128, 0, 0x3e60, 1])
  assert.equal(message.payload.length, 56)
  assert.equal(verifyIcmpv6Checksum(bytes, payloadStart, payloadEnd, addressSum(source, destination)), true)
  const written = new Uint8Array(icmpv6EncodedLength(message))
  encodeIcmpv6(message, written, 0, addressSum(source, destination))
  assert.deepEqual(written, bytes.slice(payloadStart, payloadEnd))
})

test('any message survives bytes, and each flipped bit makes its checksum wrong', () => {
  const messages = fc
    .record({
      type: fc.nat(255),
      code: fc.nat(255),
      rest: fc.nat(0xffff_ffff),
      payload: fc.uint8Array({ maxLength: 30 }),
    })
    .map((values) => Object.assign(new Icmpv6Message(), values))
  fc.assert(
    fc.property(messages, fc.nat(3), fc.nat(1000), (message, start, bit) => {
      const bytes = new Uint8Array(50).fill(0xee)
      const end = encodeIcmpv6(message, bytes, start, ADDRESSES)
      const decoded = decodeIcmpv6(bytes, start, end)
      assert.deepEqual(
        [decoded.type, decoded.code, decoded.rest, Uint8Array.from(decoded.payload)],
        [message.type, message.code, message.rest, message.payload],
      )
      assert.equal(bytes[end], 0xee)
      const flipped = start * 8 + (bit % ((end - start) * 8))
      bytes[flipped >>> 3] ^= 0x80 >>> (flipped & 7)
      assert.equal(verifyIcmpv6Checksum(bytes, start, end, ADDRESSES), false, `bit ${String(flipped)}`)
    }),
    { seed: 4443, numRuns: 500 },
  )
})

test('RFC 4443 section 2.1: types below 128 are errors', () => {
  assert.deepEqual([0, 1, 4, 127, 128, 129, 135, 255].map(isIcmpv6Error), [true, true, true, true, false, false, false, false])
  assert.deepEqual([132, 133, 137, 138].map(isNdp), [false, true, true, false])
})

test('RFC 4443 section 2.4 (c): an error quotes as much as leaves it within 1,280 bytes', () => {
  const packet = packetOf({ nextHeader: 17 }, udp(3000))
  assert.equal(quoteIpv6(packet, 0, packet.length).length, 1232)
  const error = icmpv6({ type: Icmpv6Type.PACKET_TOO_BIG, rest: 1280, payload: quoteIpv6(packet, 0, packet.length) })
  assert.equal(error.length, 1280)
  const small = packetOf({ nextHeader: 17 }, udp(9))
  const padded = new Uint8Array(100)
  padded.set(small)
  assert.equal(quoteIpv6(padded, 0, padded.length).length, small.length)
  assert.throws(() => quoteIpv6(small, 0, 39), DecodeError)
})

test('RFC 4443 section 2.4 (d): a quotation tells whose packet it was', () => {
  const packet = packetOf({ nextHeader: 17 }, udp(3000))
  const whole = {
    protocol: 17,
    source: SOURCE,
    destination: DESTINATION,
    sourcePort: 40_000,
    destinationPort: 40_001,
    sequence: -1,
  }
  assert.deepEqual(decodeQuotationV6(quoteIpv6(packet, 0, packet.length)), whole)
  const none = { ...whole, sourcePort: -1, destinationPort: -1 }
  assert.deepEqual(decodeQuotationV6(packet.subarray(0, 47)), none)
  const [first, later] = fragmentIpv6(packet, decodeIpv6(packet, 0, packet.length), 1280, 1)
  assert.deepEqual(decodeQuotationV6(quoteIpv6(first, 0, first.length)), whole)
  assert.deepEqual(decodeQuotationV6(quoteIpv6(later, 0, later.length)), none)
  const segment = Object.assign(new TcpSegment(), { sourcePort: 1, destinationPort: 2, seq: 0xfedc_ba98 })
  const bytes = new Uint8Array(20)
  encodeTcp(segment, bytes, 0, ADDRESSES)
  assert.equal(decodeQuotationV6(packetOf({ nextHeader: 6 }, bytes).subarray(0, 48)).sequence, 0xfedc_ba98)
})

function address(text: string): bigint {
  const parsed = parseIpv6(text)
  assert.ok(parsed !== undefined, text)
  return parsed
}

const ADVERTISEMENT: RouterAdvertisement = {
  type: Icmpv6Type.ROUTER_ADVERTISEMENT,
  hopLimit: 64,
  managed: true,
  otherConfiguration: false,
  routerLifetime: 1800,
  reachableTime: 30_000,
  retransTimer: 1000,
  sourceLinkLayer: 0x0200_0000_0001,
  mtu: 1400,
  prefixes: [
    {
      prefix: address('2001:db8:1::'),
      length: 64,
      onLink: true,
      autonomous: true,
      validLifetime: INFINITE_LIFETIME,
      preferredLifetime: 604_800,
    },
  ],
  dnsServers: [{ lifetime: 600, addresses: [address('2001:db8::53')] }],
}

function decodeHex(hex: string): NdpMessage {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex')
  return decodeNdp(bytes, 0, bytes.length)
}

function refusal(hex: string): string {
  try {
    decodeHex(hex)
  } catch (error) {
    if (error instanceof DecodeError) return `${error.problem} ${String(error.offset)}`
  }
  return 'none'
}

test('RFC 4861 section 4.2: a router advertisement, byte by byte', () => {
  const bytes = new Uint8Array(ndpEncodedLength(ADVERTISEMENT))
  assert.equal(encodeNdp(ADVERTISEMENT, bytes, 0, ADDRESSES), bytes.length)
  assert.equal(verifyIcmpv6Checksum(bytes, 0, bytes.length, ADDRESSES), true)
  bytes.fill(0, 2, 4)
  const expected =
    '86 00 0000 40 80 0708 00007530 000003e8' +
    '01 01 020000000001' +
    '03 04 40 c0 ffffffff 00093a80 00000000 20010db8000100000000000000000000' +
    '05 01 0000 00000578' +
    '19 03 0000 00000258 20010db8000000000000000000000053'
  assert.equal(Buffer.from(bytes).toString('hex'), expected.replaceAll(' ', ''))
  assert.deepEqual(decodeHex(expected), ADVERTISEMENT)
})

test('RFC 4861 section 4.6.2: bits of a prefix behind its length mean nothing', () => {
  const option = '03 04 30 40 00000001 00000002 00000000 20010db8000112345678000000000001'
  const message = decodeHex(`86 00 0000 00 00 0000 00000000 00000000 ${option}`)
  assert.deepEqual(message.prefixes, [
    {
      prefix: address('2001:db8:1::'),
      length: 48,
      onLink: false,
      autonomous: true,
      validLifetime: 1,
      preferredLifetime: 2,
    },
  ])
})

const GROUP = 'ff0200000000000000000000000000 01'
const NODE = 'fe800000000000000000000000000001'

test('RFC 4861 sections 6.1, 7.1 and 8.1: what must silently be discarded is refused', () => {
  const solicitation = `87 00 0000 00000000 ${NODE}`
  assert.equal(refusal(solicitation), 'none')
  assert.equal(refusal(`87 01 0000 00000000 ${NODE}`), 'invalid 1')
  assert.equal(refusal(`87 00 0000 00000000 ${GROUP}`), 'invalid 8')
  assert.equal(refusal(`88 00 0000 00000000 ${GROUP}`), 'invalid 8')
  assert.equal(refusal(solicitation.slice(0, -2)), 'truncated 23')
  assert.equal(refusal(`${solicitation} 01 00 020000000001`), 'invalid 25')
  assert.equal(refusal(`${solicitation} 01 02 020000000001`), 'truncated 32')
  assert.equal(refusal(`${solicitation} 01`), 'invalid 25')
  assert.equal(refusal('85 00 0000 000000'), 'truncated 7')
  assert.equal(refusal('86 00 0000 00 00 0000 00000000 000000'), 'truncated 15')
  assert.equal(refusal(`89 00 0000 00000000 ${NODE} 20010db8000000000000000000000009`), 'none')
  assert.equal(refusal(`89 00 0000 00000000 ${NODE} ${GROUP}`), 'invalid 24')
  const far = '20010db8000000000000000000000001'
  assert.equal(refusal(`89 00 0000 00000000 ${far} 20010db8000000000000000000000009`), 'invalid 8')
  assert.equal(refusal(`89 00 0000 00000000 ${far} ${far}`), 'none')
  assert.equal(refusal('80 00 0000 00000000'), 'unsupported 0')
  assert.equal(refusal(''), 'truncated 0')
})

test('RFC 4861 section 4.6: options that are unknown, or of another length than theirs, are stepped over', () => {
  const solicitation = `87 00 0000 00000000 ${NODE}`
  const known = '01 01 020000000001'
  const message = decodeHex(`${solicitation} fd 02 ${'00'.repeat(14)} 05 02 ${'00'.repeat(14)} 19 02 ${'00'.repeat(14)} ${known}`)
  assert.deepEqual(message, {
    type: 135,
    target: address('fe80::1'),
    sourceLinkLayer: 0x0200_0000_0001,
  })
})

const macs = fc.bigInt(0n, 0xffff_ffff_ffffn).map(Number)
const nodes = fc.bigInt(0n, (0xffn << 120n) - 1n)
const words = fc.nat(0xffff_ffff)
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined })
const ndpOptions = fc
  .record({
    sourceLinkLayer: optional(macs),
    targetLinkLayer: optional(macs),
    mtu: optional(words),
    prefixes: optional(
      fc.array(
        fc
          .record({
            prefix: ipv6Addresses,
            length: fc.nat(128),
            onLink: fc.boolean(),
            autonomous: fc.boolean(),
            validLifetime: words,
            preferredLifetime: words,
          })
          .map((values) => ({
            ...values,
            prefix: (values.prefix >> BigInt(128 - values.length)) << BigInt(128 - values.length),
          })),
        { minLength: 1, maxLength: 3 },
      ),
    ),
    dnsServers: optional(
      fc.array(
        fc.record(
          { lifetime: words, addresses: fc.array(ipv6Addresses, { minLength: 1, maxLength: 3 }) },
          { noNullPrototype: true },
        ),
        {
          minLength: 1,
          maxLength: 2,
        },
      ),
    ),
    redirected: optional(fc.uint8Array({ minLength: 0, maxLength: 10 }).map((bytes) => new Uint8Array(bytes.length * 8).fill(7))),
  })
  .map((options) => Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)))

const ndpMessages: fc.Arbitrary<NdpMessage> = fc
  .oneof(
    fc.record({ type: fc.constant(Icmpv6Type.ROUTER_SOLICITATION) }),
    fc.record({
      type: fc.constant(Icmpv6Type.ROUTER_ADVERTISEMENT),
      hopLimit: fc.nat(255),
      managed: fc.boolean(),
      otherConfiguration: fc.boolean(),
      routerLifetime: fc.nat(0xffff),
      reachableTime: words,
      retransTimer: words,
    }),
    fc.record({ type: fc.constant(Icmpv6Type.NEIGHBOR_SOLICITATION), target: nodes }),
    fc.record({
      type: fc.constant(Icmpv6Type.NEIGHBOR_ADVERTISEMENT),
      isRouter: fc.boolean(),
      solicited: fc.boolean(),
      override: fc.boolean(),
      target: nodes,
    }),
    nodes.map((target) => ({ type: Icmpv6Type.REDIRECT, target, destination: target })),
  )
  .chain((message) => ndpOptions.map((options) => ({ ...message, ...options })))

test('any message of neighbour discovery survives bytes', () => {
  fc.assert(
    fc.property(ndpMessages, fc.nat(3), (message, start) => {
      const length = ndpEncodedLength(message)
      const bytes = new Uint8Array(start + length + 1).fill(0xee)
      assert.equal(encodeNdp(message, bytes, start, ADDRESSES), start + length)
      assert.equal(bytes.at(-1), 0xee)
      assert.equal(verifyIcmpv6Checksum(bytes, start, start + length, ADDRESSES), true)
      const decoded = decodeNdp(bytes, start, start + length)
      assert.deepEqual(
        'redirected' in decoded ? { ...decoded, redirected: Uint8Array.from(decoded.redirected ?? []) } : decoded,
        message,
      )
    }),
    { seed: 4861, numRuns: 1000 },
  )
})

test('an option of more than 2,040 bytes cannot be written', () => {
  const message = { type: Icmpv6Type.REDIRECT, target: 1n, destination: 1n, redirected: new Uint8Array(2040) }
  assert.throws(() => encodeNdp(message, new Uint8Array(3000), 0, 0), RangeError)
})

test('the inspector says in words what messages are about', () => {
  const summary = (packet: Uint8Array): string => icmpv6Layer(packet, 40, packet.length).summary
  assert.equal(summary(ndp({ type: Icmpv6Type.NEIGHBOR_SOLICITATION, target: address('fe80::2') })), 'who has fe80::2?')
  const advertised = { type: Icmpv6Type.NEIGHBOR_ADVERTISEMENT, isRouter: false, solicited: true, override: true, target: 1n }
  assert.equal(summary(ndp({ ...advertised, targetLinkLayer: 0x0200_0000_0001 })), '::1 is at 02:00:00:00:00:01')
  assert.equal(summary(ndp(ADVERTISEMENT)), 'router for 1800 s, prefix 2001:db8:1::/64')
  assert.equal(summary(icmpv6({ type: Icmpv6Type.PACKET_TOO_BIG, rest: 1280 })), 'packet too big: at most 1280 bytes')
  const quoted = icmpv6({ type: Icmpv6Type.DESTINATION_UNREACHABLE, code: 4, payload: packetOf({ nextHeader: 17 }, udp(3)) })
  assert.equal(summary(quoted), 'destination unreachable: port unreachable')
  assert.equal(icmpv6Layer(quoted, 40, quoted.length, SOURCE, DESTINATION).problem, undefined)
})

test('the inspector tells a wrong checksum, a message that is no good, and an error about nothing', () => {
  const problem = (packet: Uint8Array): string => icmpv6Layer(packet, 40, packet.length, SOURCE, DESTINATION).problem ?? ''
  const echo = icmpv6({ type: Icmpv6Type.ECHO_REQUEST, payload: counting(9) })
  assert.equal(problem(echo), '')
  const right = `0x${Buffer.from(echo.subarray(42, 44)).toString('hex')}`
  echo[43] ^= 1
  assert.equal(problem(echo), `checksum should be ${right}`)
  assert.match(problem(icmpv6({ type: Icmpv6Type.NEIGHBOR_SOLICITATION, payload: counting(3) })), /truncated/)
  assert.equal(problem(icmpv6({ type: Icmpv6Type.TIME_EXCEEDED, payload: counting(50) })), 'quotes no IPv6 packet')
})
