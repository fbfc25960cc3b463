import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { finish, pseudoHeaderSum, sum } from '../../src/wire/checksum.ts'
import { DecodeError } from '../../src/wire/errors.ts'
import { decodeUdp, encodeUdp, UdpHeader, udpLayer, verifyUdpChecksum } from '../../src/wire/udp.ts'

const SOURCE = 0x0a090001
const DESTINATION = 0x0a090002
/** Sent by traceroute to 10.9.0.2 from 10.9.0.1. */
const PROBE = Buffer.from('d1d8829a000a1f48780a', 'hex')

function problemOf(bytes: Uint8Array, end = bytes.length): string {
  try {
    decodeUdp(bytes, 0, end)
  } catch (error) {
    if (error instanceof DecodeError) return error.problem
  }
  return 'none'
}

test('RFC 768: the header of a real datagram', () => {
  const header = decodeUdp(PROBE, 0, PROBE.length)
  assert.deepEqual(
    header,
    Object.assign(new UdpHeader(), {
      sourcePort: 53720,
      destinationPort: 33434,
      checksum: 0x1f48,
      payloadStart: 8,
      payloadEnd: 10,
    }),
  )
  const bytes = new Uint8Array(10)
  assert.equal(encodeUdp(header, PROBE.subarray(8), bytes, 0, SOURCE, DESTINATION), 10)
  assert.deepEqual(Buffer.from(bytes), PROBE)
  assert.equal(verifyUdpChecksum(bytes, 0, SOURCE, DESTINATION), true)
})

test('any datagram survives bytes, with a right checksum that depends on both addresses', () => {
  const port = fc.nat(0xffff)
  const address = fc.nat(0xffff_ffff)
  fc.assert(
    fc.property(port, port, fc.uint8Array({ maxLength: 1500 }), address, address, fc.nat(7), (from, to, payload, a, b, start) => {
      const header = Object.assign(new UdpHeader(), { sourcePort: from, destinationPort: to })
      const bytes = new Uint8Array(start + 8 + payload.length + 5)
      const end = encodeUdp(header, payload, bytes, start, a, b)
      assert.equal(end, start + 8 + payload.length)
      const decoded = decodeUdp(bytes, start, bytes.length)
      assert.equal(decoded.sourcePort, from)
      assert.equal(decoded.destinationPort, to)
      assert.deepEqual(bytes.slice(decoded.payloadStart, decoded.payloadEnd), payload)
      assert.equal(verifyUdpChecksum(bytes, start, a, b), true)
      assert.equal(finish(sum(bytes, start, end, pseudoHeaderSum(a, b, 17, end - start))), 0)
      assert.equal(verifyUdpChecksum(bytes, start, (a ^ 1) >>> 0, b), false)
    }),
    { seed: 768, numRuns: 500 },
  )
})

test('RFC 768: a checksum that computes to zero is sent as all ones', () => {
  const header = Object.assign(new UdpHeader(), { sourcePort: 1, destinationPort: 2 })
  const bytes = new Uint8Array(10)
  encodeUdp(header, Uint8Array.of(0, 0), bytes, 0, SOURCE, DESTINATION)
  // With the checksum itself as data, the rest sums to all ones.
  const data = bytes.slice(6, 8)
  encodeUdp(header, data, bytes, 0, SOURCE, DESTINATION)
  assert.deepEqual(bytes.slice(6, 8), Uint8Array.of(0xff, 0xff))
  assert.equal(verifyUdpChecksum(bytes, 0, SOURCE, DESTINATION), true)
})

test('RFC 768: a checksum of zero means that there is none', () => {
  const bytes = Uint8Array.from(PROBE).fill(0, 6, 8)
  assert.equal(verifyUdpChecksum(bytes, 0, SOURCE, DESTINATION), true)
  assert.equal(udpLayer(bytes, 0, bytes.length, SOURCE, DESTINATION).problem, undefined)
  assert.equal(udpLayer(bytes, 0, bytes.length).fields[3].value, '0x0000 (none)')
})

test('a length below 8, or beyond the packet, is refused; bytes behind it are left out', () => {
  assert.equal(problemOf(PROBE, 7), 'truncated')
  assert.equal(problemOf(PROBE, 9), 'truncated')
  const short = Uint8Array.from(PROBE)
  short[5] = 7
  assert.equal(problemOf(short), 'invalid')
  short[5] = 8
  assert.equal(decodeUdp(short, 0, short.length).payloadEnd, 8)
})

test('a payload that the length field cannot say is our own mistake', () => {
  const bytes = new Uint8Array(70_000)
  assert.throws(() => encodeUdp(new UdpHeader(), new Uint8Array(65_528), bytes, 0, 0, 0), RangeError)
  assert.equal(encodeUdp(new UdpHeader(), new Uint8Array(65_527), bytes, 0, 0, 0), 65_535)
})

test('the layer says what the checksum should be', () => {
  const header = Object.assign(new UdpHeader(), { sourcePort: 5004, destinationPort: 53 })
  const bytes = new Uint8Array(13)
  encodeUdp(header, Uint8Array.of(1, 2, 3, 4, 5), bytes, 0, SOURCE, DESTINATION)
  const right = `0x${Buffer.from(bytes.subarray(6, 8)).toString('hex')}`
  assert.equal(udpLayer(bytes, 0, 13, SOURCE, DESTINATION).problem, undefined)
  bytes[7] ^= 0x10
  assert.equal(udpLayer(bytes, 0, 13, SOURCE, DESTINATION).problem, `checksum should be ${right}`)
  assert.equal(udpLayer(bytes, 0, 13, SOURCE, DESTINATION).summary, '5004 → 53, 5 bytes')
})
