import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Classifier } from '../../src/trace/classify.ts'
import { FRAME_KINDS } from '../../src/trace/record.ts'
import { TcpSegmentPlace } from '../../src/trace/tcp-segment-place.ts'
import { encodeEthernet, EthernetHeader, EtherType } from '../../src/wire/ethernet.ts'
import { encodeIcmp, icmpEncodedLength, IcmpMessage, IcmpType, quoteIpv4 } from '../../src/wire/icmp.ts'
import { Icmpv6Type } from '../../src/wire/icmpv6.ts'
import { encodeIpv4, fragmentIpv4, Ipv4Header } from '../../src/wire/ipv4.ts'
import { decodeIpv6 } from '../../src/wire/ipv6.ts'
import { fragmentIpv6 } from '../../src/wire/ipv6-fragmentation.ts'
import { addressSum } from '../../src/wire/pseudo-header.ts'
import { encodeTcp, TcpFlag, tcpEncodedLength, TcpSegment } from '../../src/wire/tcp.ts'
import { encodeUdp, UdpHeader } from '../../src/wire/udp.ts'
import { readPcap, vectorPath } from '../vectors/pcap.ts'
import { tsharkFields } from '../vectors/tshark.ts'
import * as ipv6 from '../wire/ipv6-packets.ts'

const { SOURCE, DESTINATION } = ipv6

const ALICE = 0x0a000001
const A6 = '2001:db8::1'
const B6 = '2001:db8::2'
const BOB = 0xc0a80002

function framed(packet: Uint8Array): Uint8Array {
  const frame = new Uint8Array(14 + packet.length)
  frame.set(packet, encodeEthernet(Object.assign(new EthernetHeader(), { type: EtherType.IPV4 }), frame, 0))
  return frame
}

function packetOf(source: number, destination: number, protocol: number, payload: Uint8Array): Uint8Array {
  const header = Object.assign(new Ipv4Header(), { source, destination, protocol, identification: 5 })
  const packet = new Uint8Array(20 + payload.length)
  packet.set(payload, encodeIpv4(header, payload.length, packet, 0))
  return packet
}

function tcp(
  source: number,
  sourcePort: number,
  destination: number,
  destinationPort: number,
  flags: number,
  length = 0,
): Uint8Array {
  const segment = Object.assign(new TcpSegment(), { sourcePort, destinationPort, flags, payload: new Uint8Array(length) })
  const bytes = new Uint8Array(tcpEncodedLength(segment))
  encodeTcp(segment, bytes, 0, source, destination)
  return framed(packetOf(source, destination, 6, bytes))
}

function udpPacket(source: number, sourcePort: number, destination: number, destinationPort: number, length = 4): Uint8Array {
  const bytes = new Uint8Array(8 + length)
  encodeUdp(
    Object.assign(new UdpHeader(), { sourcePort, destinationPort }),
    new Uint8Array(length),
    bytes,
    0,
    source,
    destination,
  )
  return packetOf(source, destination, 17, bytes)
}

function icmpPacket(source: number, destination: number, values: Partial<IcmpMessage>): Uint8Array {
  const message = Object.assign(new IcmpMessage(), values)
  const bytes = new Uint8Array(icmpEncodedLength(message))
  encodeIcmp(message, bytes, 0)
  return packetOf(source, destination, 1, bytes)
}

function seen(classifier: Classifier, frame: Uint8Array): [string, string] {
  classifier.classify(frame)
  assert.equal(classifier.connections[classifier.connectionNumber], classifier.connection)
  return [FRAME_KINDS[classifier.kind], classifier.connection]
}

/** What a frame's record tells of its segment. */
function segmentOf(frame: Uint8Array): [seq: number, payload: number] {
  const place = new TcpSegmentPlace()
  return place.find(frame) ? [place.segSeq, place.payloadLength] : [0, 0]
}

test('flags and data make the kind of a TCP segment; RST before SYN before FIN before data', () => {
  const classifier = new Classifier()
  const kind = (flags: number, length = 0): string => seen(classifier, tcp(ALICE, 49152, BOB, 80, flags, length))[0]
  assert.equal(kind(TcpFlag.SYN), 'tcp-syn')
  assert.equal(kind(TcpFlag.SYN | TcpFlag.ACK), 'tcp-syn')
  assert.equal(kind(TcpFlag.ACK), 'tcp-ack')
  assert.equal(kind(TcpFlag.ACK, 1), 'tcp-data')
  assert.equal(kind(TcpFlag.ACK | TcpFlag.PSH, 100), 'tcp-data')
  assert.equal(kind(TcpFlag.FIN | TcpFlag.ACK), 'tcp-fin')
  assert.equal(kind(TcpFlag.FIN | TcpFlag.ACK, 5), 'tcp-fin')
  assert.equal(kind(TcpFlag.RST), 'tcp-rst')
  assert.equal(kind(TcpFlag.RST | TcpFlag.ACK | TcpFlag.SYN), 'tcp-rst')
})

test('the padding of a short frame is no data', () => {
  const frame = new Uint8Array(60)
  frame.set(tcp(ALICE, 49152, BOB, 80, TcpFlag.ACK))
  const classifier = new Classifier()
  assert.equal(seen(classifier, frame)[0], 'tcp-ack')
  assert.deepEqual(segmentOf(frame), [0, 0])
})

test('a conversation is named after who was seen first, and both directions are one', () => {
  const classifier = new Classifier()
  const name = '192.168.0.2:80 ↔ 10.0.0.1:49152'
  assert.equal(seen(classifier, tcp(BOB, 80, ALICE, 49152, TcpFlag.SYN))[1], name)
  assert.equal(seen(classifier, tcp(ALICE, 49152, BOB, 80, TcpFlag.ACK))[1], name)
  assert.equal(seen(classifier, tcp(ALICE, 49153, BOB, 80, TcpFlag.SYN))[1], '10.0.0.1:49153 ↔ 192.168.0.2:80')
  assert.deepEqual(classifier.connections, ['', name, '10.0.0.1:49153 ↔ 192.168.0.2:80'])
})

test('two hosts that use each other’s port numbers, and a host that talks to itself, are told apart', () => {
  const classifier = new Classifier()
  const first = seen(classifier, tcp(ALICE, 1, BOB, 2, TcpFlag.SYN))[1]
  assert.notEqual(seen(classifier, tcp(ALICE, 2, BOB, 1, TcpFlag.SYN))[1], first)
  assert.equal(seen(classifier, tcp(BOB, 2, ALICE, 1, TcpFlag.SYN))[1], first)
  const own = seen(classifier, tcp(ALICE, 7, ALICE, 5, TcpFlag.SYN))[1]
  assert.equal(seen(classifier, tcp(ALICE, 5, ALICE, 7, TcpFlag.ACK))[1], own)
})

test('UDP by its ports, pings by their addresses, ARP without a conversation', () => {
  const classifier = new Classifier()
  assert.deepEqual(seen(classifier, framed(udpPacket(ALICE, 5004, BOB, 5004))), ['udp', '10.0.0.1:5004 ↔ 192.168.0.2:5004'])
  const request = icmpPacket(ALICE, BOB, { type: IcmpType.ECHO_REQUEST, identifier: 1 })
  const reply = icmpPacket(BOB, ALICE, { type: IcmpType.ECHO_REPLY, identifier: 1 })
  assert.deepEqual(seen(classifier, framed(request)), ['icmp', '10.0.0.1 ↔ 192.168.0.2'])
  assert.deepEqual(seen(classifier, framed(reply)), ['icmp', '10.0.0.1 ↔ 192.168.0.2'])
  const arp = new Uint8Array(42)
  encodeEthernet(Object.assign(new EthernetHeader(), { type: EtherType.ARP }), arp, 0)
  assert.deepEqual(seen(classifier, arp), ['arp', ''])
})

test('an ICMP error belongs to the conversation of the packet that it quotes', () => {
  const classifier = new Classifier()
  const segment = tcp(ALICE, 49152, BOB, 80, TcpFlag.SYN)
  const conversation = seen(classifier, segment)[1]
  const router = 0x0a0000fe
  const error = { type: IcmpType.TIME_EXCEEDED, payload: quoteIpv4(segment, 14, segment.length) }
  assert.deepEqual(seen(classifier, framed(icmpPacket(router, ALICE, error))), ['icmp', conversation])
  const ping = icmpPacket(ALICE, BOB, { type: IcmpType.ECHO_REQUEST })
  seen(classifier, framed(ping))
  const about = { type: IcmpType.DESTINATION_UNREACHABLE, payload: ping }
  assert.deepEqual(seen(classifier, framed(icmpPacket(router, ALICE, about))), ['icmp', '10.0.0.1 ↔ 192.168.0.2'])
})

test('an ICMP error about a packet never seen belongs to its own two ends', () => {
  const classifier = new Classifier()
  const segment = tcp(ALICE, 49152, BOB, 80, TcpFlag.SYN)
  const error = { type: IcmpType.TIME_EXCEEDED, payload: quoteIpv4(segment, 14, segment.length) }
  assert.deepEqual(seen(classifier, framed(icmpPacket(BOB, ALICE, error))), ['icmp', '192.168.0.2 ↔ 10.0.0.1'])
})

test('later fragments belong to the conversation of their first, as long as it was seen before them', () => {
  const classifier = new Classifier()
  const packet = udpPacket(ALICE, 5004, BOB, 5004, 3000)
  const [first, ...later] = fragmentIpv4(packet, 0, packet.length, 1500).map(framed)
  assert.deepEqual(seen(classifier, later[0]), ['udp', '10.0.0.1 ↔ 192.168.0.2'])
  for (const frame of [first, ...later]) assert.deepEqual(seen(classifier, frame), ['udp', '10.0.0.1:5004 ↔ 192.168.0.2:5004'])
})

test('flipped bits open no conversation, and do not lose a known one', () => {
  const classifier = new Classifier()
  const frame = tcp(ALICE, 49152, BOB, 80, TcpFlag.ACK, 10)
  const damaged = Uint8Array.from(frame)
  damaged[34] ^= 4
  assert.deepEqual(seen(classifier, damaged), ['tcp-data', ''])
  const elsewhere = Uint8Array.from(frame)
  elsewhere[26] ^= 4
  assert.deepEqual(seen(classifier, elsewhere), ['tcp-data', ''])
  seen(classifier, frame)
  const inData = Uint8Array.from(frame)
  inData[60] ^= 1
  assert.equal(seen(classifier, inData)[1], '10.0.0.1:49152 ↔ 192.168.0.2:80')
  assert.deepEqual(seen(classifier, damaged), ['tcp-data', ''])
  assert.equal(classifier.connections.length, 2)
})

test('ten thousand conversations keep their numbers', () => {
  const classifier = new Classifier()
  const frames = Array.from({ length: 10_000 }, (_, i) =>
    framed(udpPacket(ALICE + (i >>> 8) * 0x10101, 1000 + (i & 255), BOB, 53)),
  )
  const numbers = frames.map((frame) => {
    classifier.classify(frame)
    return classifier.connectionNumber
  })
  assert.equal(new Set(numbers).size, 10_000)
  for (const [i, frame] of frames.entries()) {
    classifier.classify(frame)
    assert.equal(classifier.connectionNumber, numbers[i])
  }
})

function framed6(packet: Uint8Array): Uint8Array {
  const frame = new Uint8Array(14 + packet.length)
  frame.set(packet, encodeEthernet(Object.assign(new EthernetHeader(), { type: EtherType.IPV6 }), frame, 0))
  return frame
}

function tcp6(flags: number, length = 0, turned = false): Uint8Array {
  const ports = turned ? { sourcePort: 80, destinationPort: 49152 } : { sourcePort: 49152, destinationPort: 80 }
  const segment = Object.assign(new TcpSegment(), { ...ports, flags, payload: new Uint8Array(length) })
  const bytes = new Uint8Array(tcpEncodedLength(segment))
  encodeTcp(segment, bytes, 0, addressSum(SOURCE, DESTINATION))
  const addresses = turned ? { source: DESTINATION, destination: SOURCE } : {}
  return framed6(ipv6.packetOf({ nextHeader: 6, ...addresses }, bytes))
}

test('over IPv6 the kinds are the same, and both directions are one conversation', () => {
  const classifier = new Classifier()
  const name = `[${A6}]:49152 ↔ [${B6}]:80`
  assert.deepEqual(seen(classifier, tcp6(TcpFlag.SYN)), ['tcp-syn', name])
  assert.deepEqual(seen(classifier, tcp6(TcpFlag.SYN | TcpFlag.ACK, 0, true)), ['tcp-syn', name])
  assert.deepEqual(seen(classifier, tcp6(TcpFlag.ACK)), ['tcp-ack', name])
  assert.deepEqual(seen(classifier, tcp6(TcpFlag.ACK, 1)), ['tcp-data', name])
  assert.deepEqual(segmentOf(tcp6(TcpFlag.ACK, 1)), [0, 1])
  assert.deepEqual(seen(classifier, tcp6(TcpFlag.FIN)), ['tcp-fin', name])
  assert.deepEqual(seen(classifier, tcp6(TcpFlag.RST)), ['tcp-rst', name])
  assert.deepEqual(classifier.connections, ['', name])
})

test('pings over IPv6 belong to their addresses, neighbour discovery like ARP to none', () => {
  const classifier = new Classifier()
  const echo = ipv6.icmpv6({ type: Icmpv6Type.ECHO_REQUEST })
  assert.deepEqual(seen(classifier, framed6(echo)), ['icmp', `${A6} ↔ ${B6}`])
  const solicitation = ipv6.ndp({ type: Icmpv6Type.NEIGHBOR_SOLICITATION, target: DESTINATION })
  assert.deepEqual(seen(classifier, framed6(solicitation)), ['ndp', ''])
})

test('the transport is found behind extension headers, but not behind more than any host takes', () => {
  const options = (next: number): Uint8Array => ipv6.extension(next, 1, 4)
  const headers = (count: number): Uint8Array =>
    framed6(
      ipv6.chained(
        Array.from({ length: count }, () => [60, options] as const),
        17,
        ipv6.udp(5),
      ),
    )
  for (const count of [0, 1, 8]) {
    assert.deepEqual(seen(new Classifier(), headers(count)), ['udp', `[${A6}]:40000 ↔ [${B6}]:40001`], String(count))
  }
  assert.deepEqual(seen(new Classifier(), headers(500)), ['other', ''])
})

test('an ICMPv6 error belongs to the conversation of the packet that it quotes', () => {
  const classifier = new Classifier()
  const segment = tcp6(TcpFlag.SYN)
  const name = seen(classifier, segment)[1]
  const error = ipv6.icmpv6({ type: Icmpv6Type.PACKET_TOO_BIG, rest: 1280, payload: segment.subarray(14) }, { source: 9n })
  assert.deepEqual(seen(classifier, framed6(error)), ['icmp', name])
  const unknown = ipv6.packetOf({ source: 5n, nextHeader: 6 }, segment.subarray(54))
  const other = ipv6.icmpv6({ type: Icmpv6Type.PACKET_TOO_BIG, payload: unknown }, { source: 9n })
  assert.deepEqual(seen(classifier, framed6(other)), ['icmp', `::9 ↔ ${B6}`])
})

test('later IPv6 fragments belong to the conversation of their first, as long as it was seen before them', () => {
  const classifier = new Classifier()
  const packet = ipv6.packetOf({ nextHeader: 17 }, ipv6.udp(3000))
  const fragments = fragmentIpv6(packet, decodeIpv6(packet, 0, packet.length), 1280, 0xdead_beef)
  const [first, ...later] = fragments.map(framed6)
  assert.deepEqual(seen(classifier, later[0]), ['udp', `${A6} ↔ ${B6}`])
  for (const frame of [first, ...later]) assert.deepEqual(seen(classifier, frame), ['udp', `[${A6}]:40000 ↔ [${B6}]:40001`])
})

test('flipped bits of an IPv6 frame open no conversation, and neither does UDP without a checksum', () => {
  const classifier = new Classifier()
  for (const at of [25, 40, 55, 60]) {
    const damaged = tcp6(TcpFlag.ACK, 10)
    damaged[at] ^= 4
    assert.equal(seen(classifier, damaged)[1], '', `byte ${String(at)}`)
  }
  const echo = framed6(ipv6.icmpv6({ type: Icmpv6Type.ECHO_REPLY }))
  echo[60] ^= 1
  assert.deepEqual(seen(classifier, echo), ['icmp', ''])
  const unchecked = framed6(ipv6.packetOf({ nextHeader: 17 }, ipv6.udp(4)))
  unchecked.fill(0, 60, 62)
  assert.deepEqual(seen(classifier, unchecked), ['udp', ''])
  assert.deepEqual(classifier.connections, [''])
})

test('IPv4 and IPv6 conversations are told apart, however many there are', () => {
  const classifier = new Classifier()
  const numbers = new Set<number>()
  const frames: Uint8Array[] = []
  for (let i = 0; i < 1000; i++) {
    frames.push(framed(udpPacket(i + 1, 7, i + 2, 7)))
    const addresses = { source: BigInt(i + 1), destination: BigInt(i + 2) }
    const bytes = new Uint8Array(8)
    const header = Object.assign(new UdpHeader(), { sourcePort: 7, destinationPort: 7 })
    encodeUdp(header, new Uint8Array(0), bytes, 0, addressSum(addresses.source, addresses.destination))
    frames.push(framed6(ipv6.packetOf({ nextHeader: 17, ...addresses }, bytes)))
  }
  const found = frames.map((frame) => {
    classifier.classify(frame)
    numbers.add(classifier.connectionNumber)
    return classifier.connection
  })
  assert.equal(numbers.size, 2000)
  assert.deepEqual(
    frames.map((frame) => seen(classifier, frame)[1]),
    found,
  )
})

/** The kind that follows from what tshark says of a frame. */
function judgedKind([protocols, reset, syn, fin, length, , , discovery]: readonly string[]): string {
  const has = (protocol: string): boolean => protocols.split(':').includes(protocol)
  if (has('arp')) return 'arp'
  if (has('icmpv6')) return Number(discovery) >= 133 && Number(discovery) <= 137 ? 'ndp' : 'icmp'
  if (!has('ip') && !has('ipv6')) return 'other'
  if (has('icmp')) return 'icmp'
  if (has('udp')) return 'udp'
  if (reset === '1') return 'tcp-rst'
  if (syn === '1') return 'tcp-syn'
  if (fin === '1') return 'tcp-fin'
  return length === '0' ? 'tcp-ack' : 'tcp-data'
}

for (const capture of ['l2l3.pcap', 'dns.pcap', 'h1.pcap']) {
  test(`${capture}: kinds and conversations are those that tshark finds`, () => {
    const columns = [
      'frame.protocols',
      'tcp.flags.reset',
      'tcp.flags.syn',
      'tcp.flags.fin',
      'tcp.len',
      'tcp.stream',
      'udp.stream',
      'icmpv6.type',
      'tcp.seq_raw',
    ]
    const singly = ['-o', 'ip.defragment:FALSE', '-o', 'ipv6.defragment:FALSE']
    const judged = tsharkFields(vectorPath(capture), columns, ...singly)
    const classifier = new Classifier()
    const streams = new Map<string, string>()
    for (const [i, { bytes, number }] of readPcap(capture).entries()) {
      const [kind, connection] = seen(classifier, bytes)
      // Of a fragment, tshark knows only the protocol's number.
      const isIpv6 = bytes[12] === 0x86
      const isFragment = kind === 'icmp' && (isIpv6 ? bytes[20] === 44 : (bytes[20] & 0x3f) !== 0)
      assert.equal(kind, isFragment ? 'icmp' : judgedKind(judged[i]), `frame ${String(number)}`)
      const [, , , , length, tcpStream, udpStream, , seq] = judged[i]
      const isTcp = kind.startsWith('tcp-')
      assert.deepEqual(segmentOf(bytes), isTcp ? [Number(seq), Number(length)] : [0, 0])
      if (tcpStream === '' && udpStream === '') continue
      const stream = `tcp ${tcpStream}, udp ${udpStream}`
      assert.equal(streams.get(stream) ?? connection, connection, `frame ${String(number)}`)
      streams.set(stream, connection)
    }
    assert.equal(new Set(streams.values()).size, streams.size)
  })
}

test('any bytes: no exception, and a kind and a conversation that exist', () => {
  const classifier = new Classifier()
  const real = [...readPcap('l2l3.pcap'), ...readPcap('dns.pcap')].map(({ bytes }) => bytes)
  real.push(tcp6(TcpFlag.SYN), framed6(ipv6.chained([[0, (next) => ipv6.extension(next, 1, 4)]], 17, ipv6.udp(9))))
  const damaged = fc
    .tuple(fc.constantFrom(...real), fc.option(fc.nat(100)), fc.array(fc.tuple(fc.nat(70), fc.nat(255)), { maxLength: 6 }))
    .map(([frame, cut, changes]) => {
      const bytes = frame.slice(0, cut ?? frame.length)
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      return bytes
    })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), { weight: 5, arbitrary: damaged }), (bytes) => {
      const [kind, connection] = seen(classifier, bytes)
      assert.ok(FRAME_KINDS.some((known) => known === kind))
      assert.equal(typeof connection, 'string')
    }),
    { seed: 15, numRuns: 5000 },
  )
})
