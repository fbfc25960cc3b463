import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dissect } from '../../src/trace/dissect.ts'
import type { Layer } from '../../src/wire/field.ts'
import { readPcap, vectorPath } from '../vectors/pcap.ts'
import { type DissectedField, tsharkDissection } from '../vectors/tshark.ts'
import { DERIVED, flat, OURS_ALONE, placed, values } from './field-comparison.ts'

const CAPTURES = ['l2l3.pcap', 'dns.pcap', 'h1.pcap']

/** Frame by frame, without putting anything together. */
const SINGLY = ['-o', 'ip.defragment:FALSE', '-o', 'ipv6.defragment:FALSE', '-o', 'tcp.desegment_tcp_streams:FALSE']

function isFragment(layers: readonly Layer[]): boolean {
  return layers.some(({ protocol, summary }) => protocol.startsWith('ipv') && summary.includes('fragment'))
}

for (const capture of CAPTURES) {
  test(`${capture}: each field of ours stands where tshark found it, with its value`, () => {
    const judged = tsharkDissection(vectorPath(capture), ...SINGLY)
    const frames = readPcap(capture)
    assert.equal(judged.length, frames.length)
    let compared = 0
    for (const [i, { bytes, number }] of frames.entries()) {
      const theirs = new Map(judged[i].map((field) => [placed(field), field]))
      for (const layer of dissect(bytes)) {
        if (layer.protocol === 'http') continue
        assert.equal(layer.problem, undefined, `frame ${String(number)}`)
        for (const field of flat(layer.fields)) {
          if (OURS_ALONE.has(field.name)) continue
          const their = theirs.get(placed(field))
          const place = `frame ${String(number)}, ${placed(field)}`
          assert.ok(their !== undefined, `tshark has no ${place}`)
          const [mine, judged] = values(field, their.show) ?? ['', '']
          assert.equal(mine, judged, place)
          compared++
        }
      }
    }
    assert.ok(compared > frames.length * 10, String(compared))
  })

  test(`${capture}: what tshark reads of Ethernet, ARP, IP, ICMP, UDP and TCP, we show`, () => {
    const judged = tsharkDissection(vectorPath(capture), ...SINGLY)
    const isOurs = ({ name, start, end, hidden }: DissectedField): boolean =>
      !hidden &&
      end > start &&
      /^(?:eth|arp|ip|ipv6|icmp|icmpv6|udp|tcp)\./.test(name) &&
      !DERIVED.some((pattern) => pattern.test(name))
    for (const [i, { bytes, number }] of readPcap(capture).entries()) {
      const layers = dissect(bytes)
      const ours = new Set(layers.flatMap(({ fields }) => flat(fields)).map(placed))
      const theirs = judged[i].filter(isOurs).filter(({ name }) => !isFragment(layers) || !/^icmp(?:v6)?\./.test(name))
      for (const field of theirs) assert.ok(ours.has(placed(field)), `frame ${String(number)} lacks ${placed(field)}`)
    }
  })
}

test('the layers of the captures, from the outside in', () => {
  const protocols = (capture: string, number: number): string =>
    dissect(readPcap(capture)[number - 1].bytes)
      .map(({ protocol }) => protocol)
      .join(' ')
  assert.equal(protocols('l2l3.pcap', 1), 'ethernet arp')
  assert.equal(protocols('l2l3.pcap', 3), 'ethernet ipv4 icmp')
  assert.equal(protocols('l2l3.pcap', 8), 'ethernet ipv4 data')
  assert.equal(protocols('l2l3.pcap', 13), 'ethernet ipv6 icmpv6')
  assert.equal(protocols('l2l3.pcap', 19), 'ethernet ipv6 data')
  assert.equal(protocols('dns.pcap', 1), 'ethernet ipv4 udp data')
  assert.equal(protocols('h1.pcap', 1), 'ethernet ipv4 tcp')
  assert.equal(protocols('h1.pcap', 4), 'ethernet ipv4 tcp http')
  assert.equal(protocols('h1.pcap', 8), 'ethernet ipv4 tcp data')
})

/** Whether every byte of a frame lies in some field; the empty line that ends a head is none. */
function isCovered(layers: readonly Layer[], length: number): boolean {
  const covered = new Uint8Array(length)
  for (const { protocol, start, end } of layers) if (protocol === 'http') covered.fill(1, start, end)
  for (const { start, end } of layers.flatMap(({ fields }) => flat(fields))) covered.fill(1, start, end)
  return !covered.includes(0)
}

test('each byte of each frame of the captures lies in a field', () => {
  for (const capture of CAPTURES) {
    for (const { bytes, number } of readPcap(capture))
      assert.ok(isCovered(dissect(bytes), bytes.length), `${capture} ${String(number)}`)
  }
})

test('the padding of a short frame belongs to Ethernet', () => {
  const [{ bytes: request }] = readPcap('l2l3.pcap')
  const frame = new Uint8Array(60)
  frame.set(request)
  const layers = dissect(frame)
  assert.equal(layers.length, 2)
  assert.deepEqual(layers[0].fields.at(-1), { name: 'eth.padding', label: 'Padding', value: '18 bytes', start: 42, end: 60 })
  assert.equal(layers[0].end, 14)
  const probe = readPcap('l2l3.pcap')[28].bytes
  const padded = new Uint8Array(60)
  padded.set(probe)
  assert.deepEqual(dissect(padded)[0].fields.at(-1)?.start, 44)
})

/** Problems of a frame of a capture after one byte of it was changed. */
function problems(capture: string, number: number, at: number, flip: number): string[] {
  const bytes = Uint8Array.from(readPcap(capture)[number - 1].bytes)
  bytes[at] ^= flip
  return dissect(bytes).flatMap(({ protocol, problem }) => (problem === undefined ? [] : [`${protocol}: ${problem}`]))
}

test('a wrong checksum of any layer is told, with the right one', () => {
  assert.deepEqual(problems('l2l3.pcap', 3, 25, 1), ['ipv4: header checksum should be 0x8a31'])
  assert.deepEqual(problems('l2l3.pcap', 3, 37, 1), ['icmp: checksum should be 0x2e63'])
  assert.deepEqual(problems('l2l3.pcap', 29, 41, 1), ['udp: checksum should be 0x1f48'])
  assert.deepEqual(problems('dns.pcap', 3, 51, 1), ['tcp: checksum should be 0x1da1'])
})

test('a changed address spoils the header’s checksum and, by the pseudo-header, the transport’s', () => {
  assert.deepEqual(
    problems('dns.pcap', 3, 26, 4).map((problem) => problem.slice(0, 10)),
    ['ipv4: head', 'tcp: check'],
  )
})

test('a layer that cannot be read is one with a problem and its bytes, and the last', () => {
  const { bytes } = readPcap('l2l3.pcap')[28]
  assert.deepEqual(dissect(bytes.subarray(0, 5)), [
    {
      protocol: 'ethernet',
      title: 'Ethernet II',
      summary: 'malformed',
      start: 0,
      end: 5,
      fields: [{ name: 'data.data', label: 'Data', value: '5 bytes', start: 0, end: 5 }],
      problem: 'ethernet: truncated at byte 5: the header takes 14 bytes',
    },
  ])
  const cut = dissect(bytes.subarray(0, 38))
  assert.deepEqual(
    cut.map(({ protocol, problem }) => [protocol, problem]),
    [
      ['ethernet', undefined],
      ['ipv4', 'total length reaches past the end'],
      ['udp', 'udp: truncated at byte 38: the header takes 8 bytes'],
    ],
  )
  assert.equal(dissect(new Uint8Array(0)).length, 1)
})

test('bytes between the datagram’s end and the packet’s are told', () => {
  const bytes = Uint8Array.from(readPcap('l2l3.pcap')[28].bytes)
  bytes[39] = 9
  assert.match(dissect(bytes)[2].problem ?? '', /1 byte behind the datagram's end$/)
})

test('any frame: no exception, and fields within the frame', () => {
  const real = CAPTURES.flatMap((capture) => readPcap(capture)).map(({ bytes }) => bytes.subarray(0, 400))
  const damaged = fc
    .record({
      frame: fc.constantFrom(...real),
      cut: fc.option(fc.nat(400)),
      changes: fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 8 }),
    })
    .map(({ frame, cut, changes }) => {
      const bytes = frame.slice(0, cut ?? frame.length)
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      return bytes
    })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), { weight: 5, arbitrary: damaged }), (bytes) => {
      const layers = dissect(bytes)
      assert.ok(layers.length > 0)
      for (const field of layers.flatMap(({ fields }) => flat(fields))) {
        assert.ok(field.start >= 0 && field.start < field.end && field.end <= bytes.length, placed(field))
      }
    }),
    { seed: 14, numRuns: 5000 },
  )
})
