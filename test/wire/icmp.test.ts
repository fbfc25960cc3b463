import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DecodeError } from '../../src/wire/errors.ts'
import { icmpLayer } from '../../src/wire/icmp-layer.ts'
import {
  decodeIcmp,
  decodeQuotation,
  encodeIcmp,
  icmpEncodedLength,
  IcmpMessage,
  IcmpType,
  isIcmpError,
  quoteIpv4,
  TimeExceededCode,
  UnreachableCode,
  verifyIcmpChecksum,
} from '../../src/wire/icmp.ts'
import { encodeIpv4, Ipv4Header } from '../../src/wire/ipv4.ts'
import { readPcap } from '../vectors/pcap.ts'

function packetOf(values: Partial<Ipv4Header>, payload: Uint8Array): Uint8Array {
  const header = Object.assign(new Ipv4Header(), values)
  const bytes = new Uint8Array(20 + payload.length)
  bytes.set(payload, encodeIpv4(header, payload.length, bytes, 0))
  return bytes
}

function encoded(values: Partial<IcmpMessage>): Uint8Array {
  const message = Object.assign(new IcmpMessage(), values)
  const bytes = new Uint8Array(icmpEncodedLength(message))
  encodeIcmp(message, bytes, 0)
  return bytes
}

const TCP_START = Buffer.from('c0000050' + '8899aabb' + '00000000' + '50021000' + '00000000', 'hex')

test('RFC 792: an echo request of a real ping', () => {
  const [, , { bytes: frame }] = readPcap('l2l3.pcap')
  const message = decodeIcmp(frame, 34, frame.length)
  assert.equal(message.type, IcmpType.ECHO_REQUEST)
  assert.equal(message.identifier, 0x3e44)
  assert.equal(message.sequence, 1)
  assert.equal(message.checksum, 0x2e63)
  assert.equal(message.payload.length, 56)
  assert.equal(verifyIcmpChecksum(frame, 34, frame.length), true)
  assert.deepEqual(encoded(message), frame.slice(34))
  assert.equal(icmpLayer(frame, 34, frame.length).summary, 'echo request, id 0x3e44, seq 1')
})

test('any message survives bytes', () => {
  const short = fc.nat(0xffff)
  fc.assert(
    fc.property(fc.nat(255), fc.nat(255), short, short, fc.uint8Array({ maxLength: 600 }), fc.nat(5), (...values) => {
      const [type, code, identifier, sequence, payload, start] = values
      const message = Object.assign(new IcmpMessage(), { type, code, identifier, sequence, payload })
      const bytes = new Uint8Array(start + icmpEncodedLength(message))
      assert.equal(encodeIcmp(message, bytes, start), bytes.length)
      assert.equal(verifyIcmpChecksum(bytes, start, bytes.length), true)
      const decoded = decodeIcmp(bytes, start, bytes.length)
      assert.deepEqual(Uint8Array.from(decoded.payload), payload)
      assert.deepEqual(Object.assign(decoded, { payload, checksum: 0 }), message)
    }),
    { seed: 792, numRuns: 500 },
  )
})

test('a message below 8 bytes is truncated', () => {
  assert.throws(
    () => decodeIcmp(new Uint8Array(7), 0, 7),
    (error) => error instanceof DecodeError && error.problem === 'truncated',
  )
})

test('RFC 1122 section 3.2.2: errors are told from queries', () => {
  const errors = Array.from({ length: 256 }, (_, type) => type).filter(isIcmpError)
  assert.deepEqual(errors, [3, 4, 5, 11, 12])
})

test('RFC 1812 section 4.3.2.3: an error quotes as much as leaves it within 576 bytes', () => {
  const packet = packetOf({ protocol: 17 }, new Uint8Array(1400))
  assert.equal(quoteIpv4(packet, 0, packet.length).length, 576 - 20 - 8)
  assert.equal(quoteIpv4(packet, 0, packet.length, 60).length, 576 - 60 - 8)
})

test('RFC 792: a short packet is quoted whole, without the padding of its link', () => {
  const packet = packetOf({ protocol: 17 }, new Uint8Array(4))
  const frame = new Uint8Array(60)
  frame.set(packet, 14)
  assert.deepEqual(Uint8Array.from(quoteIpv4(frame, 14, 60)), packet)
})

test('a packet cut short is quoted as far as it is there', () => {
  const packet = packetOf({ protocol: 17 }, new Uint8Array(100))
  assert.equal(quoteIpv4(packet, 0, 50).length, 50)
})

test('the quotation of a TCP segment tells its ends and its sequence number', () => {
  const packet = packetOf({ protocol: 6, source: 0x0a000001, destination: 0xc0a80002 }, TCP_START)
  const expected = {
    protocol: 6,
    source: 0x0a000001,
    destination: 0xc0a80002,
    sourcePort: 0xc000,
    destinationPort: 80,
    sequence: 0x8899aabb,
  }
  assert.deepEqual(decodeQuotation(packet), expected)
  assert.deepEqual(decodeQuotation(packet.subarray(0, 28)), expected, 'RFC 792: 8 bytes of the transport are enough')
})

test('a quotation without ports says so: too short, a later fragment, or another protocol', () => {
  const without = { sourcePort: -1, destinationPort: -1, sequence: -1 }
  const ends = { source: 1, destination: 2 }
  const whole = packetOf({ protocol: 6, ...ends }, TCP_START)
  assert.deepEqual(decodeQuotation(whole.subarray(0, 27)), { protocol: 6, ...ends, ...without })
  const later = packetOf({ protocol: 6, fragmentOffset: 8, ...ends }, TCP_START)
  assert.deepEqual(decodeQuotation(later), { protocol: 6, ...ends, ...without })
  const ping = packetOf({ protocol: 1, ...ends }, TCP_START)
  assert.deepEqual(decodeQuotation(ping), { protocol: 1, ...ends, ...without })
  assert.throws(() => decodeQuotation(whole.subarray(0, 19)), DecodeError)
})

test('the layer names all sixteen codes of destination unreachable', () => {
  const names = new Set<string>()
  for (const code of Object.values(UnreachableCode)) {
    const bytes = encoded({ type: IcmpType.DESTINATION_UNREACHABLE, code, payload: packetOf({ protocol: 6 }, TCP_START) })
    names.add(icmpLayer(bytes, 0, bytes.length).summary)
  }
  assert.equal(names.size, 16)
  assert.ok([...names].every((name) => name.startsWith('destination unreachable: ')))
})

test('RFC 1191 section 4: "fragmentation needed" shows the MTU of the next hop', () => {
  const payload = packetOf({ protocol: 6 }, TCP_START)
  const code = UnreachableCode.FRAGMENTATION_NEEDED
  const bytes = encoded({ type: IcmpType.DESTINATION_UNREACHABLE, code, sequence: 1400, payload })
  const mtu = icmpLayer(bytes, 0, bytes.length).fields.find(({ name }) => name === 'icmp.mtu')
  assert.deepEqual(mtu, { name: 'icmp.mtu', label: 'MTU of next hop', value: '1400', start: 6, end: 8 })
})

test('the layer shows the quoted packet with offsets into the frame', () => {
  const payload = packetOf({ protocol: 6, source: 0x0a000001, destination: 0x0a000002, ttl: 0 }, TCP_START.subarray(0, 8))
  const bytes = new Uint8Array(34 + 36)
  bytes.set(encoded({ type: IcmpType.TIME_EXCEEDED, code: TimeExceededCode.TTL, payload }), 34)
  const layer = icmpLayer(bytes, 34, 70)
  assert.equal(layer.problem, undefined)
  assert.equal(layer.summary, 'time exceeded: TTL exceeded in transit')
  const quote = layer.fields.find(({ name }) => name === 'icmp.quote')
  assert.deepEqual([quote?.start, quote?.end], [42, 70])
  const part = (name: string): unknown => quote?.fields?.find((inner) => inner.name === name)
  assert.deepEqual(part('tcp.seq_raw'), {
    name: 'tcp.seq_raw',
    label: 'Sequence number',
    value: '2291772091',
    start: 66,
    end: 70,
  })
  assert.deepEqual(part('ip.ttl'), { name: 'ip.ttl', label: 'Time to live', value: '0', start: 50, end: 51 })
})

test('the layer says what the checksum should be, and that an error quotes nothing', () => {
  const bytes = encoded({ type: IcmpType.TIME_EXCEEDED, payload: Uint8Array.of(1, 2, 3) })
  const right = `0x${Buffer.from(bytes.subarray(2, 4)).toString('hex')}`
  bytes[2] ^= 0xff
  assert.equal(icmpLayer(bytes, 0, bytes.length).problem, `checksum should be ${right}; quotes no IPv4 packet`)
})
