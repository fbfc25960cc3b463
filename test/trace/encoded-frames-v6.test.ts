import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dissect } from '../../src/trace/dissect.ts'
import {
  ALL_NODES_IPV6,
  ALL_ROUTERS_IPV6,
  linkLocalAddress,
  multicastMac,
  parseIpv6,
  solicitedNodeAddress,
} from '../../src/wire/address.ts'
import { encodeEthernet, EthernetHeader, EtherType } from '../../src/wire/ethernet.ts'
import { Icmpv6Type, quoteIpv6, TimeExceededCodeV6, UnreachableCodeV6 } from '../../src/wire/icmpv6.ts'
import { decodeIpv6, decrementHopLimit, NextHeader } from '../../src/wire/ipv6.ts'
import { ParameterProblemCode } from '../../src/wire/ipv6-chain.ts'
import { fragmentIpv6 } from '../../src/wire/ipv6-fragmentation.ts'
import { INFINITE_LIFETIME } from '../../src/wire/ndp.ts'
import { PcapngWriter } from '../../src/wire/pcapng.ts'
import { addressSum } from '../../src/wire/pseudo-header.ts'
import { encodeTcp, TcpFlag, tcpEncodedLength, TcpSegment } from '../../src/wire/tcp.ts'
import { chained, counting, DESTINATION, extension, icmpv6, ndp, packetOf, SOURCE, udp } from '../wire/ipv6-packets.ts'
import { DERIVED, flat, OURS_ALONE, placed, values } from './field-comparison.ts'
import { tsharkDissection, tsharkFields, withFile } from '../vectors/tshark.ts'

// IPv6 frames that our own codecs wrote, before the judge.

const ALICE = 0x02_00_00_00_00_01
const BOB = 0x02_00_00_00_00_02

function framed(packet: Uint8Array, destination = BOB): Uint8Array {
  const frame = new Uint8Array(Math.max(14 + packet.length, 60))
  const header = Object.assign(new EthernetHeader(), { destination, source: ALICE, type: EtherType.IPV6 })
  frame.set(packet, encodeEthernet(header, frame, 0))
  return frame
}

function tcp(values: Partial<TcpSegment>): Uint8Array {
  const segment = Object.assign(new TcpSegment(), { sourcePort: 40_000, destinationPort: 80, ...values })
  const bytes = new Uint8Array(tcpEncodedLength(segment))
  encodeTcp(segment, bytes, 0, addressSum(SOURCE, DESTINATION))
  return packetOf({ nextHeader: NextHeader.TCP, flowLabel: 0xabcde, dscp: 46, ecn: 2 }, bytes)
}

function forwarded(packet: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(packet)
  decrementHopLimit(copy, 0)
  return copy
}

function address(text: string): bigint {
  const parsed = parseIpv6(text)
  assert.ok(parsed !== undefined, text)
  return parsed
}

const UDP_PACKET = packetOf({ nextHeader: NextHeader.UDP }, udp(2000))
const FRAGMENTED = chained([[NextHeader.HOP_BY_HOP, (next) => extension(next, 5, 2, 0, 0, 1, 0)]], NextHeader.UDP, udp(3000))
const QUOTED = quoteIpv6(UDP_PACKET, 0, UDP_PACKET.length)
const ROUTER = linkLocalAddress(ALICE)
const ME = linkLocalAddress(BOB)
const PREFIX = {
  prefix: address('2001:db8:1::'),
  length: 64,
  onLink: true,
  autonomous: true,
  validLifetime: INFINITE_LIFETIME,
  preferredLifetime: 604_800,
}

const FRAMES: readonly Uint8Array[] = [
  ...[0, 1, 2, 17, 1232, 1452].map((length) => framed(packetOf({ nextHeader: NextHeader.UDP }, udp(length)))),
  framed(forwarded(packetOf({ nextHeader: NextHeader.UDP, hopLimit: 2, flowLabel: 0xf_ffff, dscp: 63, ecn: 3 }, udp(9)))),
  framed(tcp({ flags: TcpFlag.SYN, mss: 1440, windowScale: 7, sackPermitted: true, hasTimestamp: true, tsVal: 1 })),
  framed(tcp({ flags: TcpFlag.ACK | TcpFlag.PSH, seq: 0xffff_fff0, payload: counting(1001) })),
  framed(
    chained(
      [
        [NextHeader.HOP_BY_HOP, (next) => extension(next, 5, 2, 0, 0, 1, 0)],
        [NextHeader.DESTINATION_OPTIONS, (next) => extension(next, 30, 3, 7, 7, 7, 0)],
        [NextHeader.ROUTING, (next) => extension(next, 0, 0, 0, 0, 0, 0)],
        [NextHeader.DESTINATION_OPTIONS, (next) => extension(next, 1, 4)],
      ],
      NextHeader.UDP,
      udp(5),
    ),
  ),
  ...fragmentIpv6(FRAGMENTED, decodeIpv6(FRAGMENTED, 0, FRAGMENTED.length), 1280, 0xdead_beef).map((packet) => framed(packet)),
  framed(packetOf({ nextHeader: NextHeader.NO_NEXT_HEADER }, new Uint8Array(0))),
  framed(icmpv6({ type: Icmpv6Type.ECHO_REQUEST, rest: 0x0009_0001, payload: counting(33) })),
  framed(icmpv6({ type: Icmpv6Type.ECHO_REPLY, rest: 0x0009_0001, payload: counting(33) })),
  ...Object.values(UnreachableCodeV6).map((code) =>
    framed(icmpv6({ type: Icmpv6Type.DESTINATION_UNREACHABLE, code, payload: QUOTED })),
  ),
  framed(icmpv6({ type: Icmpv6Type.PACKET_TOO_BIG, rest: 1280, payload: QUOTED })),
  ...Object.values(TimeExceededCodeV6).map((code) => framed(icmpv6({ type: Icmpv6Type.TIME_EXCEEDED, code, payload: QUOTED }))),
  ...Object.values(ParameterProblemCode).map((code) =>
    framed(icmpv6({ type: Icmpv6Type.PARAMETER_PROBLEM, code, rest: 6, payload: QUOTED })),
  ),
  framed(
    ndp({ type: Icmpv6Type.ROUTER_SOLICITATION, sourceLinkLayer: ALICE }, { source: ROUTER, destination: ALL_ROUTERS_IPV6 }),
    multicastMac(ALL_ROUTERS_IPV6),
  ),
  framed(
    ndp(
      {
        type: Icmpv6Type.ROUTER_ADVERTISEMENT,
        hopLimit: 64,
        managed: false,
        otherConfiguration: true,
        routerLifetime: 1800,
        reachableTime: 30_000,
        retransTimer: 1000,
        sourceLinkLayer: ALICE,
        mtu: 1400,
        prefixes: [PREFIX, { ...PREFIX, onLink: false, length: 48, validLifetime: 7, preferredLifetime: 5 }],
        dnsServers: [{ lifetime: 600, addresses: [address('2001:db8::53'), address('2001:db8::54')] }],
      },
      { source: ROUTER, destination: ALL_NODES_IPV6 },
    ),
    multicastMac(ALL_NODES_IPV6),
  ),
  framed(
    ndp(
      { type: Icmpv6Type.NEIGHBOR_SOLICITATION, target: ME, sourceLinkLayer: ALICE },
      { source: ROUTER, destination: solicitedNodeAddress(ME) },
    ),
    multicastMac(solicitedNodeAddress(ME)),
  ),
  framed(ndp({ type: Icmpv6Type.NEIGHBOR_SOLICITATION, target: ME }, { source: 0n, destination: solicitedNodeAddress(ME) })),
  framed(
    ndp({
      type: Icmpv6Type.NEIGHBOR_ADVERTISEMENT,
      isRouter: true,
      solicited: true,
      override: true,
      target: SOURCE,
      targetLinkLayer: ALICE,
    }),
  ),
  framed(
    ndp(
      {
        type: Icmpv6Type.REDIRECT,
        target: ME,
        destination: DESTINATION,
        targetLinkLayer: BOB,
        redirected: UDP_PACKET.subarray(0, 120),
      },
      { source: ROUTER },
    ),
  ),
]

function captured(frames: readonly Uint8Array[]): Uint8Array {
  const writer = new PcapngWriter({ application: 'test' })
  const number = writer.addInterface({ name: 'eth0' })
  for (const [i, bytes] of frames.entries()) writer.addPacket({ interface: number, time: i, bytes })
  return writer.take()
}

const CHECKSUMS = ['udp', 'tcp', 'icmpv6'].map((protocol) => `${protocol}.checksum.status==0`)

/** Frames in which tshark finds something malformed, cut short, or with a wrong checksum. */
function complaints(frames: readonly Uint8Array[]): string[] {
  const bad = ['_ws.malformed', '_ws.short', ...CHECKSUMS].join('||')
  return withFile(captured(frames), (path) => tsharkFields(path, ['frame.number'], '-2', '-Y', bad)).flat()
}

test('tshark finds nothing wrong, with every checksum verified', () => {
  assert.deepEqual(complaints(FRAMES), [])
})

test('a flipped byte of an address, a port or a message is found by tshark and by us', () => {
  const whole = FRAMES.filter((frame) => frame[20] === 17 || frame[20] === 6 || frame[20] === 58)
  assert.ok(whole.length > 20, String(whole.length))
  // Source, destination, and the checksum's own bytes of ICMPv6, the length of UDP, the window of TCP.
  for (const at of [29, 45, 56]) {
    const flipped = whole.map((frame) => {
      const copy = Uint8Array.from(frame)
      copy[at] ^= 0x40
      return copy
    })
    const found = new Set(complaints(flipped).map(Number))
    for (const [i, frame] of flipped.entries()) {
      const place = `frame ${String(i + 1)}, byte ${String(at)}`
      assert.ok(found.has(i + 1), `${place}: tshark is content`)
      assert.ok(
        dissect(frame).some(({ problem }) => problem !== undefined),
        `${place}: we are content`,
      )
    }
  }
})

/** Frame by frame, without putting fragments together. */
const SINGLY = ['-o', 'ipv6.defragment:FALSE']

test('our fields stand where tshark finds them, with their values: options, extension headers and quoted packets too', () => {
  const judged = withFile(captured(FRAMES), (path) => tsharkDissection(path, ...SINGLY))
  let compared = 0
  for (const [i, frame] of FRAMES.entries()) {
    const theirs = new Map(judged[i].map((field) => [placed(field), field.show]))
    for (const layer of dissect(frame)) {
      assert.equal(layer.problem, undefined, `frame ${String(i + 1)}`)
      for (const field of flat(layer.fields)) {
        if (OURS_ALONE.has(field.name)) continue
        const their = theirs.get(placed(field))
        const place = `frame ${String(i + 1)}: ${placed(field)}`
        // A run of Pad1 is one option there.
        if (their === undefined && field.label === 'Pad1') continue
        assert.ok(their !== undefined, `tshark has no ${place}`)
        const [mine, judge] = values(field, their) ?? ['', '']
        assert.equal(mine, judge, place)
        compared++
      }
    }
  }
  assert.ok(compared > FRAMES.length * 15, String(compared))
})

test('what tshark reads of IPv6, ICMPv6, UDP and TCP, we show', () => {
  const judged = withFile(captured(FRAMES), (path) => tsharkDissection(path, ...SINGLY))
  for (const [i, frame] of FRAMES.entries()) {
    const layers = dissect(frame)
    const fields = layers.flatMap((layer) => flat(layer.fields))
    const ours = new Set(fields.map(placed))
    // tshark looks into the first fragment of a datagram.
    const isFragment = layers.some(({ title }) => title === 'Fragment of a packet')
    // The packet that a redirect quotes is one field here.
    const quoted = fields.find(({ name }) => name === 'icmpv6.opt.redirected_packet')
    for (const field of judged[i]) {
      if (field.hidden || field.end <= field.start || !/^(?:ipv6|icmpv6|udp|tcp)\./.test(field.name)) continue
      if (DERIVED.some((pattern) => pattern.test(field.name)) || (isFragment && field.name.startsWith('udp.'))) continue
      if (quoted !== undefined && field.start >= quoted.start && field.end <= quoted.end) continue
      // A run of Pad1 is one option there.
      if (field.name === 'ipv6.opt' && frame[field.start] === 0) continue
      assert.ok(ours.has(placed(field)), `frame ${String(i + 1)} lacks ${placed(field)}`)
    }
  }
})
