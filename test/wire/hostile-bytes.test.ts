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
import { decodeUdp, udpLayer } from '../../src/wire/udp.ts'
import { readPcap } from '../vectors/pcap.ts'

// Whatever the bytes: a decoder gives a value or throws a DecodeError that points into them, and a layer's fields lie within it.

const FRAMES = [...readPcap('l2l3.pcap'), ...readPcap('dns.pcap')].map(({ bytes }) => bytes)
const IPV4 = FRAMES.filter((bytes) => bytes[12] === 0x08 && bytes[13] === 0x00)
const SAMPLES = {
  ethernet: FRAMES,
  arp: FRAMES.filter((bytes) => bytes[13] === 0x06).map((bytes) => bytes.slice(14)),
  ipv4: IPV4.map((bytes) => bytes.slice(14)),
  icmp: IPV4.filter((bytes) => bytes[23] === 1).map((bytes) => bytes.slice(34)),
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

test('any bytes for the quotation of an ICMP error', () => {
  check(SAMPLES.ipv4, (bytes, start, end) => quoteIpv4(bytes, start, end))
  check(SAMPLES.ipv4, (bytes, start, end) => {
    try {
      return decodeQuotation(bytes.subarray(start, end))
    } catch (error) {
      // The view begins where the holder's range does.
      if (error instanceof DecodeError) throw new DecodeError(error.protocol, error.problem, start + error.offset, '')
      throw error
    }
  })
})
