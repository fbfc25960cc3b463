import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { arpLayer, decodeArp } from '../../src/wire/arp.ts'
import { DecodeError } from '../../src/wire/errors.ts'
import { decodeEthernet, ethernetLayer } from '../../src/wire/ethernet.ts'
import type { Field, Layer } from '../../src/wire/field.ts'
import { icmpLayer } from '../../src/wire/icmp-layer.ts'
import { decodeIcmp, decodeQuotation, quoteIpv4 } from '../../src/wire/icmp.ts'
import { ipv4Layer } from '../../src/wire/ipv4-layer.ts'
import { decodeIpv4, decodeIpv4Header } from '../../src/wire/ipv4.ts'
import { icmpv6Layer } from '../../src/wire/icmpv6-layer.ts'
import { decodeIcmpv6, decodeQuotationV6, quoteIpv6 } from '../../src/wire/icmpv6.ts'
import { ipv6Layer } from '../../src/wire/ipv6-layer.ts'
import { decodeIpv6, decodeIpv6Header } from '../../src/wire/ipv6.ts'
import { decodeNdp } from '../../src/wire/ndp.ts'
import { decodeUdp, udpLayer } from '../../src/wire/udp.ts'
import { readPcap } from '../vectors/pcap.ts'
import * as ipv6 from './ipv6-packets.ts'

// Whatever the bytes: a decoder gives a value or throws a DecodeError that points into them, and a layer's fields lie within it.

const FRAMES = [...readPcap('l2l3.pcap'), ...readPcap('dns.pcap')].map(({ bytes }) => bytes)
const IPV4 = FRAMES.filter((bytes) => bytes[12] === 0x08 && bytes[13] === 0x00)
const IPV6: Uint8Array[] = FRAMES.filter((bytes) => bytes[12] === 0x86).map((bytes) => bytes.slice(14))
IPV6.push(
  ipv6.chained(
    [
      [0, (next) => ipv6.extension(next, 5, 2, 0, 0, 0x1e, 0)],
      [43, (next) => ipv6.extension(next, 0, 0, 0, 0, 0, 0)],
      [44, (next) => Uint8Array.of(next, 0, 0, 0, 1, 2, 3, 4)],
      [60, (next) => ipv6.extension(next, 1, 4)],
    ],
    17,
    ipv6.udp(20),
  ),
)
const NDP = [
  ipv6.ndp({ type: 133, sourceLinkLayer: 7 }),
  ipv6.ndp({ type: 135, target: 5n, sourceLinkLayer: 7 }),
  ipv6.ndp({ type: 136, isRouter: true, solicited: true, override: true, target: 5n, targetLinkLayer: 7 }),
  ipv6.ndp({ type: 137, target: 5n, destination: 5n, redirected: ipv6.packetOf({}, new Uint8Array(8)) }),
  ipv6.ndp({
    type: 134,
    hopLimit: 64,
    managed: false,
    otherConfiguration: false,
    routerLifetime: 9,
    reachableTime: 0,
    retransTimer: 0,
    mtu: 1500,
    prefixes: [{ prefix: 0n, length: 64, onLink: true, autonomous: true, validLifetime: 1, preferredLifetime: 1 }],
    dnsServers: [{ lifetime: 1, addresses: [1n] }],
  }),
].map((packet) => packet.slice(40))
const SAMPLES = {
  ethernet: FRAMES,
  arp: FRAMES.filter((bytes) => bytes[13] === 0x06).map((bytes) => bytes.slice(14)),
  ipv4: IPV4.map((bytes) => bytes.slice(14)),
  icmp: IPV4.filter((bytes) => bytes[23] === 1).map((bytes) => bytes.slice(34)),
  ipv6: IPV6,
  icmpv6: [...IPV6.filter((bytes) => bytes[6] === 58).map((bytes) => bytes.slice(40)), ...NDP],
  ndp: NDP,
  udp: IPV4.filter((bytes) => bytes[23] === 17).map((bytes) => bytes.slice(34)),
}

/** Noise, and real packets cut and changed in places, which get further. */
function hostile(samples: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const damaged = fc
    .record({
      sample: fc.constantFrom(...samples),
      cut: fc.option(fc.nat(120)),
      changes: fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 3 }),
    })
    .map(({ sample, cut, changes }) => {
      const bytes = sample.slice(0, cut ?? sample.length)
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      return bytes
    })
  return fc.oneof(fc.uint8Array({ maxLength: 120 }), { weight: 3, arbitrary: damaged })
}

function check(samples: readonly Uint8Array[], decode: (bytes: Uint8Array, start: number, end: number) => unknown): void {
  let decoded = 0
  let refused = 0
  fc.assert(
    fc.property(hostile(samples), fc.nat(3), fc.nat(3), (bytes, before, behind) => {
      const holder = new Uint8Array(before + bytes.length + behind).fill(0x45)
      holder.set(bytes, before)
      const end = before + bytes.length
      try {
        decode(holder, before, end)
        decoded++
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error))
        assert.ok(error.offset >= before && error.offset <= end, error.message)
        refused++
      }
    }),
    { seed: 20, numRuns: 2000 },
  )
  // Both ends were really reached.
  assert.ok(decoded > 50 && refused > 50, `${String(decoded)} decoded, ${String(refused)} refused`)
}

function checkFields(fields: readonly Field[], start: number, end: number): void {
  for (const field of fields) {
    assert.ok(
      field.start >= start && field.end <= end && field.end > field.start,
      `${field.name} ${String([field.start, field.end])}`,
    )
    checkFields(field.fields ?? [], field.start, field.end)
  }
}

function checkLayer(samples: readonly Uint8Array[], layer: (bytes: Uint8Array, start: number, end: number) => Layer): void {
  check(samples, (bytes, start, end) => {
    const result = layer(bytes, start, end)
    assert.ok(result.start === start && result.end <= end)
    checkFields(result.fields, result.start, result.end)
  })
}

test('any bytes for Ethernet', () => {
  check(SAMPLES.ethernet, decodeEthernet)
  checkLayer(SAMPLES.ethernet, ethernetLayer)
})

test('any bytes for ARP', () => {
  check(SAMPLES.arp, decodeArp)
  checkLayer(SAMPLES.arp, arpLayer)
})

test('any bytes for IPv4', () => {
  check(SAMPLES.ipv4, decodeIpv4)
  check(SAMPLES.ipv4, decodeIpv4Header)
  checkLayer(SAMPLES.ipv4, ipv4Layer)
})

test('any bytes for UDP', () => {
  check(SAMPLES.udp, decodeUdp)
  checkLayer(SAMPLES.udp, (bytes, start, end) => udpLayer(bytes, start, end, 1, 2))
})

test('any bytes for ICMP', () => {
  check(SAMPLES.icmp, (bytes, start, end) => decodeIcmp(bytes, start, end))
  checkLayer(SAMPLES.icmp, icmpLayer)
})

test('any bytes for IPv6', () => {
  check(SAMPLES.ipv6, (bytes, start, end) => decodeIpv6(bytes, start, end))
  check(SAMPLES.ipv6, (bytes, start, end) => decodeIpv6Header(bytes, start, end))
  checkLayer(SAMPLES.ipv6, ipv6Layer)
})

test('any bytes for ICMPv6 and neighbour discovery', () => {
  check(SAMPLES.icmpv6, (bytes, start, end) => decodeIcmpv6(bytes, start, end))
  checkLayer(SAMPLES.icmpv6, (bytes, start, end) => icmpv6Layer(bytes, start, end, 1n, 2n))
  check(SAMPLES.ndp, decodeNdp)
})

test('any bytes for the quotation of an ICMP error', () => {
  check(SAMPLES.ipv4, (bytes, start, end) => quoteIpv4(bytes, start, end))
  check(SAMPLES.ipv6, (bytes, start, end) => quoteIpv6(bytes, start, end))
  for (const [samples, decode] of [
    [SAMPLES.ipv4, decodeQuotation],
    [SAMPLES.ipv6, decodeQuotationV6],
  ] as const) {
    check(samples, (bytes, start, end) => {
      try {
        return decode(bytes.subarray(start, end))
      } catch (error) {
        // The view begins where the holder's range does.
        if (error instanceof DecodeError) throw new DecodeError(error.protocol, error.problem, start + error.offset, '')
        throw error
      }
    })
  }
})
