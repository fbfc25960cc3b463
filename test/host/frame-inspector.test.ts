import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { FRAME_INSPECTOR as inspector } from '../../src/host/frame-inspector.ts'
import { sum, finish } from '../../src/wire/checksum.ts'
import { decodeIpv6, Ipv6Header } from '../../src/wire/ipv6.ts'
import { decodeIpv4, Ipv4Header } from '../../src/wire/ipv4.ts'
import { readPcap, vectorPath, type CapturedFrame } from '../vectors/pcap.ts'
import { tsharkFields } from '../vectors/tshark.ts'

const FILES = ['l2l3.pcap', 'dns.pcap', 'h1.pcap'] as const
const IPV4_AT = 14

/** A frame with its ECN field set; IPv4's checksum put right. */
function withEcn(frame: Uint8Array, ecn: number): Uint8Array {
  const copy = frame.slice()
  if (frame[12] === 0x86) {
    copy[15] = (copy[15] & 0xcf) | (ecn << 4)
    return copy
  }
  copy[15] = (copy[15] & 0xfc) | ecn
  const end = IPV4_AT + (copy[14] & 15) * 4
  copy[24] = 0
  copy[25] = 0
  const checksum = finish(sum(copy, IPV4_AT, end))
  copy[24] = checksum >> 8
  copy[25] = checksum & 255
  return copy
}

const isIp = ({ bytes }: CapturedFrame): boolean =>
  (bytes[12] === 8 && bytes[13] === 0) || (bytes[12] === 0x86 && bytes[13] === 0xdd)

describe('what links are told of real frames is what tshark says of them', () => {
  for (const file of FILES) {
    test(file, () => {
      const columns = [
        'tcp.len',
        'tcp.flags',
        'tcp.stream',
        'udp.length',
        'udp.stream',
        'ip.src',
        'ipv6.src',
        'ip.frag_offset',
        'icmp.type',
        'icmpv6.type',
      ]
      const rows = tsharkFields(vectorPath(file), columns, '-o', 'ip.defragment:FALSE', '-o', 'ipv6.defragment:FALSE')
      const frames = readPcap(file)
      assert.equal(rows.length, frames.length)
      const hashes = new Map<string, number>()
      for (const [index, { bytes, number }] of frames.entries()) {
        const [length, flags, tcp, udpLength, udp, source, source6, offset, icmp, icmp6] = rows[index]
        // An ICMP error quotes the packet that it is about, and tshark reads on into that.
        const isError = icmp !== '' || icmp6 !== ''
        if (isError || Number(offset) > 0) continue
        if (tcp !== '') assert.equal(inspector.carriesData(bytes), Number(length) > 0, `data in ${number}`)
        if (udp !== '') assert.equal(inspector.carriesData(bytes), Number(udpLength) > 8, `data in ${number}`)
        if (tcp === '' && udp === '') assert.equal(inspector.carriesData(bytes), false, `data in ${number}`)
        // ACK, perhaps with PSH or ECN's flags; no SYN, FIN, RST.
        const isAck = tcp !== '' && Number(length) === 0 && (Number(flags) & 0x17) === 0x10
        assert.equal(inspector.isPureAck(bytes), isAck, `ACK in ${number}`)
        assert.equal(inspector.isUdp(bytes), udp !== '', `UDP in ${number}`)
        if (tcp === '' && udp === '') continue
        const key = `${tcp} ${udp} ${source} ${source6}`
        const hash = inspector.flow(bytes)
        assert.equal(hashes.get(key) ?? hash, hash, `flow of ${number}`)
        hashes.set(key, hash)
      }
      assert.equal(new Set(hashes.values()).size, hashes.size, 'each direction of each connection is a flow of its own')
    })
  }

  test('fragments of a packet are one flow, later ones too', () => {
    const rows = tsharkFields(vectorPath('l2l3.pcap'), ['ip.id', 'ip.flags.mf', 'ip.frag_offset'], '-o', 'ip.defragment:FALSE')
    const groups = new Map<string, Set<number>>()
    readPcap('l2l3.pcap').forEach(({ bytes }, index) => {
      const [id, more, offset] = rows[index]
      if (more !== '1' && more !== 'True' && !(Number(offset) > 0)) return
      const group = groups.get(id) ?? new Set()
      groups.set(id, group.add(inspector.flow(bytes)))
    })
    assert.ok(groups.size > 0, 'there are fragments')
    for (const [id, hashes] of groups) assert.equal(hashes.size, 1, id)
  })
})

describe('RFC 3168 section 5: congestion experienced', () => {
  test('is said by a copy with the right checksum and nothing else changed', () => {
    let marked = 0
    for (const frame of FILES.flatMap(readPcap).filter(isIp)) {
      for (const ect of [1, 2]) {
        const capable = withEcn(frame.bytes, ect)
        const before = capable.slice()
        const found = inspector.congestionMarked(capable)
        assert.deepEqual(capable, before, 'the frame itself is as it was')
        assert.deepEqual(found, withEcn(frame.bytes, 3))
        marked++
        if (frame.bytes[12] === 8) assert.equal(decodeIpv4(found, 14, found.length, new Ipv4Header()).ecn, 3)
        else assert.equal(decodeIpv6(found, 14, found.length, new Ipv6Header()).ecn, 3)
      }
    }
    assert.ok(marked > 100, `${marked} frames`)
  })

  test('is not said to who does not understand it, and not said twice', () => {
    for (const { bytes } of FILES.flatMap(readPcap).filter(isIp)) {
      assert.equal(inspector.congestionMarked(withEcn(bytes, 0)), undefined)
      const said = withEcn(bytes, 3)
      assert.equal(inspector.congestionMarked(said), said)
    }
    for (const frame of FILES.flatMap(readPcap).filter((each) => !isIp(each))) {
      assert.equal(inspector.congestionMarked(frame.bytes), undefined)
    }
  })
})

test('any bytes at all are answered', () => {
  const real = FILES.flatMap(readPcap).filter(isIp)
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 120 }),
        // A real frame, cut short and with a byte changed.
        fc.tuple(fc.nat(real.length - 1), fc.nat(120), fc.nat(80), fc.nat(255)).map(([which, length, at, value]) => {
          const frame = real[which].bytes.slice(0, length)
          if (at < frame.length) frame[at] = value
          return frame
        }),
      ),
      (frame) => {
        const flow = inspector.flow(frame)
        assert.ok(Number.isInteger(flow) && flow >= 0 && flow < 2 ** 32, `${flow}`)
        assert.equal(typeof inspector.carriesData(frame), 'boolean')
        assert.equal(typeof inspector.isPureAck(frame), 'boolean')
        assert.equal(typeof inspector.isUdp(frame), 'boolean')
        const marked = inspector.congestionMarked(frame)
        assert.ok(marked === undefined || marked.length === frame.length, 'a mark adds nothing')
      },
    ),
    { seed: 3168, numRuns: 2000 },
  )
})
