import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DecodeError } from '../../src/wire/errors.ts'
import type { Field } from '../../src/wire/field.ts'
import { decodeIpv4, encodeIpv4, Ipv4Header } from '../../src/wire/ipv4.ts'
import {
  decodeTcp,
  encodeTcp,
  sequenceLength,
  TcpFlag,
  tcpEncodedLength,
  tcpLayer,
  TcpSegment,
  verifyTcpChecksum,
} from '../../src/wire/tcp.ts'
import { pattern, TcpPair, TransferDriver } from '../pair/tcp-pair.ts'
import { readPcap, vectorPath } from '../vectors/pcap.ts'
import { tsharkFields, withFile } from '../vectors/tshark.ts'

const SOURCE = 0x0a000001
const DESTINATION = 0xc0a80102

function encode(segment: TcpSegment, start = 0): Uint8Array {
  const bytes = new Uint8Array(start + tcpEncodedLength(segment))
  assert.equal(encodeTcp(segment, bytes, start, SOURCE, DESTINATION), bytes.length)
  return bytes
}

/** A header of 20 bytes, then options given in hexadecimal, then a payload. */
function withOptions(options: string, payload = ''): Uint8Array {
  const length = 20 + options.length / 2
  const header = `c0000050 00000001 00000002 ${((length / 4) << 4).toString(16).padStart(2, '0')}10 1000 0000 0000`
  return new Uint8Array(Buffer.from(header.replaceAll(' ', '') + options + payload, 'hex'))
}

function decode(bytes: Uint8Array): TcpSegment {
  return decodeTcp(bytes, 0, bytes.length, new TcpSegment())
}

function problemOf(bytes: Uint8Array, end = bytes.length): string {
  try {
    decodeTcp(bytes, 0, end, new TcpSegment())
  } catch (error) {
    if (error instanceof DecodeError) return error.problem
    throw error
  }
  return 'none'
}

/** Segments with options that fit into 40 bytes. */
const segments = fc
  .record({
    sourcePort: fc.nat(0xffff),
    destinationPort: fc.nat(0xffff),
    seq: fc.nat(0xffff_ffff),
    ack: fc.nat(0xffff_ffff),
    flags: fc.nat(0xff),
    window: fc.nat(0xffff),
    urgent: fc.nat(0xffff),
    mss: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 0xffff })),
    windowScale: fc.integer({ min: -1, max: 255 }),
    sackPermitted: fc.boolean(),
    edges: fc.array(fc.nat(0xffff_ffff), { maxLength: 8 }),
    hasTimestamp: fc.boolean(),
    tsVal: fc.nat(0xffff_ffff),
    tsEcr: fc.nat(0xffff_ffff),
    fastOpen: fc.oneof(
      fc.constant(undefined),
      fc.constantFrom(0, 4, 6, 8, 10, 12, 14, 16).map((length) => Uint8Array.from({ length }, (_, i) => i)),
    ),
    payload: fc.uint8Array({ maxLength: 1500 }),
  })
  .map(({ edges, ...values }) => {
    const segment = new TcpSegment()
    Object.assign(segment, values)
    if (!segment.hasTimestamp) segment.tsVal = segment.tsEcr = 0
    segment.sackCount = edges.length >>> 1
    for (let i = 0; i < segment.sackCount * 2; i++) segment.sack[i] = edges[i]
    while (tcpEncodedLength(segment) - segment.payload.length > 60) segment.sackCount--
    for (let i = segment.sackCount * 2; i < 8; i++) segment.sack[i] = 0
    return segment
  })

test('every segment of a real download is read as tshark reads it, and written as it was', () => {
  const fields = ['srcport', 'dstport', 'seq_raw', 'ack_raw', 'flags', 'window_size_value', 'len'].map((name) => `tcp.${name}`)
  const options = ['mss_val', 'wscale.shift', 'timestamp.tsval', 'timestamp.tsecr'].map((name) => `tcp.options.${name}`)
  const judged = tsharkFields(vectorPath('h1.pcap'), [...fields, ...options, 'tcp.options.sack_perm'])
  const frames = readPcap('h1.pcap')
  let segmentsSeen = 0
  for (const { number, bytes } of frames) {
    const row = judged[number - 1]
    if (row[0] === '') continue
    segmentsSeen++
    const ip = decodeIpv4(bytes, 14, bytes.length)
    const segment = decodeTcp(bytes, ip.payloadStart, ip.payloadEnd, new TcpSegment())
    const { sourcePort, destinationPort, seq, ack, flags, window, payload, mss, windowScale, hasTimestamp, tsVal, tsEcr } =
      segment
    assert.deepEqual(
      [sourcePort, destinationPort, seq, ack, `0x${flags.toString(16).padStart(4, '0')}`, window, payload.length].map(String),
      row.slice(0, 7),
    )
    assert.equal(mss === 0 ? '' : String(mss), row[7])
    assert.equal(windowScale < 0 ? '' : String(windowScale), row[8])
    assert.deepEqual(hasTimestamp ? [String(tsVal), String(tsEcr)] : ['', ''], row.slice(9, 11))
    assert.equal(segment.sackPermitted, row[11] !== '')
    assert.equal(verifyTcpChecksum(bytes, ip.payloadStart, ip.payloadEnd, ip.source, ip.destination), true)
    const written = new Uint8Array(tcpEncodedLength(segment))
    encodeTcp(segment, written, 0, ip.source, ip.destination)
    assert.deepEqual(written, bytes.slice(ip.payloadStart, ip.payloadEnd))
  }
  assert.ok(segmentsSeen > 30)
})

test('any segment survives bytes, at any offset, with a right checksum', () => {
  fc.assert(
    fc.property(segments, fc.nat(9), (segment, start) => {
      const bytes = encode(segment, start)
      const decoded = decodeTcp(bytes, start, bytes.length, new TcpSegment())
      decoded.payload = decoded.payload.slice()
      assert.deepEqual(decoded, segment)
      assert.equal(verifyTcpChecksum(bytes, start, bytes.length, SOURCE, DESTINATION), true)
      assert.equal(verifyTcpChecksum(bytes, start, bytes.length, SOURCE ^ 1, DESTINATION), false)
    }),
    { seed: 9293, numRuns: 1000 },
  )
})

test('a segment object that is used again keeps nothing of the last one', () => {
  fc.assert(
    fc.property(segments, segments, (first, second) => {
      const into = new TcpSegment()
      const bytes = [encode(first), encode(second)]
      for (const each of bytes) decodeTcp(each, 0, each.length, into)
      const fresh = decode(bytes[1])
      // Edges beyond the count are left over, and do not count.
      for (let i = fresh.sackCount * 2; i < 8; i++) into.sack[i] = 0
      assert.deepEqual(into, fresh)
    }),
    { seed: 1, numRuns: 300 },
  )
})

test('RFC 9293 section 3.1, MUST-5: options are understood in any order and at any alignment', () => {
  const segment = decode(withOptions('030307' + '0204058c' + '01' + '080a89abcdef00000002' + '0402', 'ff'))
  assert.equal(segment.windowScale, 7)
  assert.equal(segment.mss, 1420)
  assert.equal(segment.tsVal, 0x89abcdef)
  assert.equal(segment.tsEcr, 2)
  assert.equal(segment.sackPermitted, true)
  assert.deepEqual([...segment.payload], [0xff])
})

test('RFC 9293 section 3.1, MUST-6: unknown options are stepped over', () => {
  const segment = decode(withOptions('fd06aabbccdd0101020405b4'))
  assert.equal(segment.mss, 1460)
})

test('RFC 9293 section 3.1: nothing behind the end of the option list counts', () => {
  assert.equal(decode(withOptions('00020405b4020405b4000000')).mss, 0)
})

test('RFC 9293 section 3.1, MUST-7: an impossible option length makes the segment invalid, and hangs nobody', () => {
  assert.equal(problemOf(withOptions('02000000')), 'invalid')
  assert.equal(problemOf(withOptions('0201ffff')), 'invalid')
  assert.equal(problemOf(withOptions('01010a05')), 'invalid')
  assert.equal(problemOf(withOptions('0101010a')), 'invalid')
})

test('a known option of an unusual length is ignored', () => {
  const segment = decode(withOptions('020305' + '030401ff' + '05060000ffff' + '080400ff' + '040300' + '010101' + '01'))
  assert.equal(segment.mss, 0)
  assert.equal(segment.windowScale, -1)
  assert.equal(segment.sackCount, 0)
  assert.equal(segment.hasTimestamp, false)
  assert.equal(segment.sackPermitted, false)
})

test('RFC 7413 section 4.1.1: a Fast Open cookie has 4 to 16 bytes, an even number of them, or none to ask for one', () => {
  const cookie = (length: number): number | undefined => {
    const segment = new TcpSegment()
    segment.fastOpen = new Uint8Array(length).fill(7)
    const bytes = new Uint8Array(tcpEncodedLength(segment))
    encodeTcp(segment, bytes, 0, 1, 2)
    return decode(bytes).fastOpen?.length
  }
  assert.deepEqual([0, 4, 8, 16].map(cookie), [0, 4, 8, 16])
  assert.deepEqual([2, 5, 18].map(cookie), [undefined, undefined, undefined])
})

test('a header cut short, or a data offset that lies, is refused', () => {
  const bytes = withOptions('01010101', 'aabb')
  assert.equal(problemOf(bytes, 19), 'truncated')
  assert.equal(problemOf(bytes, 23), 'truncated')
  assert.equal(problemOf(bytes, 24), 'none')
  bytes[12] = 0x40
  assert.equal(problemOf(bytes), 'invalid')
})

test('RFC 9293 section 3.4: SYN and FIN take a sequence number each', () => {
  const segment = new TcpSegment()
  assert.equal(sequenceLength(segment), 0)
  segment.flags = TcpFlag.SYN | TcpFlag.FIN | TcpFlag.RST | TcpFlag.ACK
  segment.payload = new Uint8Array(5)
  assert.equal(sequenceLength(segment), 7)
})

test('options that do not fit into a header are our own mistake', () => {
  const segment = new TcpSegment()
  segment.hasTimestamp = true
  segment.sackCount = 4
  assert.throws(() => encodeTcp(segment, new Uint8Array(100), 0, 0, 0), RangeError)
})

test('whatever the bytes: a segment, or a DecodeError', () => {
  const header = fc.tuple(fc.uint8Array({ minLength: 0, maxLength: 80 }), fc.integer({ min: 4, max: 15 }))
  fc.assert(
    fc.property(header, ([bytes, offset]) => {
      if (bytes.length > 12) bytes[12] = offset << 4
      try {
        const segment = decode(bytes)
        assert.equal(segment.payload.length, bytes.length - offset * 4)
      } catch (error) {
        assert.ok(error instanceof DecodeError)
        assert.ok(error.offset <= bytes.length)
      }
      try {
        const layer = tcpLayer(bytes, 0, bytes.length, SOURCE, DESTINATION)
        const check = (fields: readonly Field[]): void => {
          for (const field of fields) {
            assert.ok(field.start >= 0 && field.start < field.end && field.end <= layer.end, field.name)
            check(field.fields ?? [])
          }
        }
        check(layer.fields)
      } catch (error) {
        assert.ok(error instanceof DecodeError)
      }
    }),
    { seed: 7, numRuns: 2000 },
  )
})

test('the layer names each part, and says what is wrong', () => {
  const segment = new TcpSegment()
  Object.assign(segment, { sourcePort: 49152, destinationPort: 80, seq: 7, window: 65535, mss: 1460, windowScale: 7 })
  segment.flags = TcpFlag.SYN
  segment.sackPermitted = true
  segment.hasTimestamp = true
  const bytes = encode(segment)
  const layer = tcpLayer(bytes, 0, bytes.length, SOURCE, DESTINATION)
  assert.equal(layer.problem, undefined)
  assert.equal(layer.summary, '49152 → 80 [SYN] seq 7 win 65535')
  const options = layer.fields.find((field) => field.name === 'tcp.options')
  assert.deepEqual(
    options?.fields?.map((field) => field.name),
    ['mss', 'sack_perm', 'timestamp', 'nop', 'wscale'].map((name) => `tcp.options.${name}`),
  )
  const right = `0x${Buffer.from(bytes.subarray(16, 18)).toString('hex')}`
  bytes[17] ^= 1
  assert.equal(tcpLayer(bytes, 0, bytes.length, SOURCE, DESTINATION).problem, `checksum should be ${right}`)
  assert.equal(tcpLayer(bytes, 0, bytes.length).problem, undefined)
  bytes[21] = 0
  assert.match(tcpLayer(bytes, 0, bytes.length).problem ?? '', /option/)
})

test('tshark finds nothing malformed, no bad checksum and the same SACK blocks in a lossy transfer of ours', () => {
  const drivers = { a: new TransferDriver(pattern(200_000)), b: new TransferDriver(pattern(50_000)) }
  const pair = new TcpPair({ drivers, link: { loss: 0.1, rate: 10e6 }, seed: 3 })
  pair.connect().runToEnd()
  const parts: Uint8Array[] = [new Uint8Array(24)]
  const header = Buffer.from(parts[0].buffer)
  header.writeUInt32LE(0xa1b2c3d4, 0)
  header.writeUInt16LE(2, 4)
  header.writeUInt16LE(4, 6)
  header.writeUInt32LE(65535, 16)
  header.writeUInt32LE(101, 20) // LINKTYPE_RAW: each frame begins with the IP header.
  for (const { from, segment } of pair.seen) {
    const ip = Object.assign(new Ipv4Header(), {
      protocol: 6,
      source: from === 'a' ? SOURCE : DESTINATION,
      destination: from === 'a' ? DESTINATION : SOURCE,
    })
    const frame = new Uint8Array(16 + 20 + tcpEncodedLength(segment))
    encodeTcp(segment, frame, 36, ip.source, ip.destination)
    encodeIpv4(ip, frame.length - 36, frame, 16)
    Buffer.from(frame.buffer).writeUInt32LE(frame.length - 16, 8)
    Buffer.from(frame.buffer).writeUInt32LE(frame.length - 16, 12)
    parts.push(frame)
  }
  const rows = withFile(Buffer.concat(parts), (path) =>
    tsharkFields(
      path,
      ['_ws.malformed', 'tcp.checksum.status', 'tcp.options.sack_le', 'tcp.options.sack_re', 'tcp.len'],
      ...['-o', 'tcp.relative_sequence_numbers:FALSE'],
    ),
  )
  assert.equal(rows.length, pair.seen.length)
  let blocks = 0
  for (const [index, [malformed, status, left, right, length]] of rows.entries()) {
    const { segment } = pair.seen[index]
    const edges = segment.sack.slice(0, segment.sackCount * 2)
    blocks += segment.sackCount
    assert.deepEqual([malformed, status, length], ['', '1', String(segment.payload.length)])
    assert.equal(left, edges.filter((_, i) => i % 2 === 0).join(','))
    assert.equal(right, edges.filter((_, i) => i % 2 === 1).join(','))
  }
  assert.ok(blocks > 50)
})
