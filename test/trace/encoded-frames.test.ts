import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dissect } from '../../src/trace/dissect.ts'
import { ARP_LENGTH, ArpOperation, ArpPacket, encodeArp } from '../../src/wire/arp.ts'
import { encodeEthernet, ETHERNET_MIN_LENGTH, EthernetHeader, EtherType } from '../../src/wire/ethernet.ts'
import type { Field } from '../../src/wire/field.ts'
import {
  encodeIcmp,
  icmpEncodedLength,
  IcmpMessage,
  IcmpType,
  quoteIpv4,
  TimeExceededCode,
  UnreachableCode,
} from '../../src/wire/icmp.ts'
import { decrementTtl, encodeIpv4, fragmentIpv4, Ipv4Header, ipv4HeaderLength } from '../../src/wire/ipv4.ts'
import { PcapngWriter } from '../../src/wire/pcapng.ts'
import { encodeUdp, UdpHeader } from '../../src/wire/udp.ts'
import { tsharkDissection, tsharkFields, withFile } from '../vectors/tshark.ts'

// Frames that our own codecs wrote, before the judge.

const SOURCE = 0x0a000001
const DESTINATION = 0xc0a80002

function framed(packet: Uint8Array, type: number = EtherType.IPV4): Uint8Array {
  const frame = new Uint8Array(Math.max(14 + packet.length, ETHERNET_MIN_LENGTH))
  const header = Object.assign(new EthernetHeader(), { destination: 0x020000000002, source: 0x020000000001, type })
  frame.set(packet, encodeEthernet(header, frame, 0))
  return frame
}

function packetOf(values: Partial<Ipv4Header>, payload: Uint8Array): Uint8Array {
  const header = Object.assign(new Ipv4Header(), { source: SOURCE, destination: DESTINATION, identification: 77, ...values })
  const packet = new Uint8Array(ipv4HeaderLength(header) + payload.length)
  packet.set(payload, encodeIpv4(header, payload.length, packet, 0))
  return packet
}

function udp(length: number, values: Partial<Ipv4Header> = {}): Uint8Array {
  const bytes = new Uint8Array(8 + length)
  const header = Object.assign(new UdpHeader(), { sourcePort: 40_000, destinationPort: 40_001 })
  encodeUdp(
    header,
    Uint8Array.from({ length }, (_, i) => i),
    bytes,
    0,
    SOURCE,
    DESTINATION,
  )
  return packetOf({ protocol: 17, ...values }, bytes)
}

function icmp(values: Partial<IcmpMessage>): Uint8Array {
  const message = Object.assign(new IcmpMessage(), values)
  const bytes = new Uint8Array(icmpEncodedLength(message))
  encodeIcmp(message, bytes, 0)
  return packetOf({ protocol: 1, ttl: 255, dscp: 48 }, bytes)
}

function arp(operation: number): Uint8Array {
  const addresses = { senderMac: 0x020000000001, senderIp: SOURCE, targetMac: 0x020000000002, targetIp: DESTINATION }
  const bytes = new Uint8Array(ARP_LENGTH)
  encodeArp(Object.assign(new ArpPacket(), { operation, ...addresses }), bytes, 0)
  return bytes
}

function forwarded(packet: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(packet)
  decrementTtl(copy, 0)
  return copy
}

const BIG = udp(3000)
const QUOTED = quoteIpv4(BIG, 0, BIG.length)
const OPTIONS = Uint8Array.of(7, 11, 8, 10, 0, 0, 9, 0, 0, 0, 0, 1, 148, 4, 0, 0)

const FRAMES: readonly Uint8Array[] = [
  framed(arp(ArpOperation.REQUEST), EtherType.ARP),
  framed(arp(ArpOperation.REPLY), EtherType.ARP),
  ...[0, 1, 2, 17, 18, 1400, 1472].map((length) => framed(udp(length))),
  framed(forwarded(udp(31, { ttl: 2 }))),
  framed(udp(40, { options: OPTIONS, dontFragment: true, ecn: 2 })),
  ...fragmentIpv4(BIG, 0, BIG.length, 1500).map((packet) => framed(packet)),
  framed(icmp({ type: IcmpType.ECHO_REQUEST, identifier: 9, sequence: 1, payload: new Uint8Array(33) })),
  framed(icmp({ type: IcmpType.ECHO_REPLY, identifier: 9, sequence: 1, payload: new Uint8Array(33) })),
  ...Object.values(UnreachableCode).map((code) =>
    framed(icmp({ type: IcmpType.DESTINATION_UNREACHABLE, code, sequence: code === 4 ? 1400 : 0, payload: QUOTED })),
  ),
  ...Object.values(TimeExceededCode).map((code) => framed(icmp({ type: IcmpType.TIME_EXCEEDED, code, payload: QUOTED }))),
  framed(icmp({ type: IcmpType.REDIRECT, code: 1, identifier: 0x0a00, sequence: 0x00fe, payload: QUOTED })),
  framed(icmp({ type: IcmpType.PARAMETER_PROBLEM, identifier: 0x1400, payload: QUOTED })),
]

function captured(frames: readonly Uint8Array[]): Uint8Array {
  const writer = new PcapngWriter({ application: 'test' })
  const number = writer.addInterface({ name: 'eth0' })
  for (const [i, bytes] of frames.entries()) writer.addPacket({ interface: number, time: i, bytes })
  return writer.take()
}

/** Frames in which tshark finds something malformed, cut short, or with a wrong checksum. */
function complaints(frames: readonly Uint8Array[]): string[] {
  const bad = ['_ws.malformed', '_ws.short', 'ip.checksum.status==0', 'udp.checksum.status==0', 'icmp.checksum.status==0']
  return withFile(captured(frames), (path) => tsharkFields(path, ['frame.number'], '-2', '-Y', bad.join('||'))).flat()
}

test('tshark finds nothing wrong, with every checksum verified', () => {
  assert.deepEqual(complaints(FRAMES), [])
})

test('a flipped byte in any frame is found by tshark and by us', () => {
  // Behind the Ethernet header every byte of a packet is under some checksum.
  for (const at of [23, 29, 37]) {
    const flipped = FRAMES.slice(2, 11).map((frame) => {
      const copy = Uint8Array.from(frame)
      copy[at] ^= 0x40
      return copy
    })
    assert.equal(complaints(flipped).length, flipped.length, `byte ${String(at)}`)
    for (const frame of flipped) assert.ok(dissect(frame).some(({ problem }) => problem !== undefined))
  }
})

function flat(fields: readonly Field[]): Field[] {
  return fields.flatMap((field) => [field, ...flat(field.fields ?? [])])
}

test('our fields stand where tshark finds them, options and quoted packets too', () => {
  const alone = new Set(['icmp.quote', 'icmp.quote.data', 'data.data', 'eth.padding', 'ip.opt', 'ip.opt.route'])
  const judged = withFile(captured(FRAMES), (path) => tsharkDissection(path, '-o', 'ip.defragment:FALSE'))
  for (const [i, frame] of FRAMES.entries()) {
    const theirs = new Set(judged[i].map(({ name, start, end }) => `${name} ${String(start)}–${String(end)}`))
    for (const layer of dissect(frame)) {
      assert.equal(layer.problem, undefined, `frame ${String(i + 1)}`)
      for (const { name, start, end } of flat(layer.fields)) {
        const place = `${name} ${String(start)}–${String(end)}`
        assert.ok(alone.has(name) || theirs.has(place), `frame ${String(i + 1)}: tshark has no ${place}`)
      }
    }
  }
})

test('tshark puts our fragments together', () => {
  const fragments = fragmentIpv4(BIG, 0, BIG.length, 576).map((packet) => framed(packet))
  const rows = withFile(captured(fragments), (path) => tsharkFields(path, ['udp.length', 'udp.checksum.status']))
  assert.deepEqual(rows.at(-1), ['3008', '1'])
})
