import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Field, Layer } from '../../src/wire/field.ts'
import { encodeGoaway, encodeSettings, HTTP2_PREFACE } from '../../src/wire/http2-frame.ts'
import { Http2LayerReader } from '../../src/wire/http2-layer.ts'
import { vectorPath } from '../vectors/pcap.ts'
import { tshark, tsharkDissection } from '../vectors/tshark.ts'
import type { DissectedField } from '../vectors/tshark.ts'

const hexBytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))

const beginsWithPreface = (bytes: Uint8Array): boolean => Buffer.from(bytes.subarray(0, 3)).toString() === 'PRI'

/** What both ends of a stream sent, as tshark puts it together; the client's first. */
function followed(path: string, protocol: 'tcp' | 'tls', stream: number, ...options: string[]): [Uint8Array, Uint8Array] {
  const text = tshark(path, '-q', ...options, '-z', `follow,${protocol},raw,${String(stream)}`)
  const lines = text.split('\n').filter((line) => /^\t?[\da-f]+$/.test(line))
  const of = (mine: boolean): Uint8Array => hexBytes(lines.filter((line) => line.startsWith('\t') !== mine).join(''))
  const sides = [of(true), of(false)]
  // tshark begins with who spoke first.
  return beginsWithPreface(sides[0]) ? [sides[0], sides[1]] : [sides[1], sides[0]]
}

function layersOf(bytes: Uint8Array): Layer[] {
  const reader = new Http2LayerReader()
  const layers: Layer[] = []
  let at = 0
  if (beginsWithPreface(bytes)) {
    layers.push(reader.preface())
    at = HTTP2_PREFACE.length
  }
  while (at < bytes.length) {
    const length = 9 + ((bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2])
    layers.push(reader.frame(bytes.subarray(at, at + length)))
    at += length
  }
  return layers
}

const flat = (fields: readonly Field[]): Field[] => fields.flatMap((field) => [field, ...flat(field.fields ?? [])])

/** Only name and value: Wireshark places these in a buffer of its own. */
const ELSEWHERE = /^http2\.header\.(?:name|value)$|^http2\.(?:data\.data|magic)$/
/** Said twice there, made up, or not read from these bytes. */
const DERIVED =
  /^http2\.(?:stream|flags\.unused.*|headers\.(?!weight|padding).*|header\.(?:length|count|name\.length|value\.length|unescaped)|request\..*|body\..*|data\.segment|headers\.weight_real)$/
/** Bytes as a whole. */
const WITHOUT_VALUE =
  /^http2\.(?:settings|header|headers|push_promise\.header|data\.data|data\.padding|header_table_size_update|magic)$/

function plain(value: string): string {
  const bare = value.replace(/ \(.*\)$/, '')
  if (bare === 'set') return '1'
  if (bare === 'not set') return '0'
  return /^(?:0x[\da-f]+|\d+)$/.test(bare) ? String(Number(bare)) : bare
}

function line(name: string, value: string, start: number, end: number): string {
  const place = ELSEWHERE.test(name) ? '' : ` ${String(start)}–${String(end)}`
  return `${name}${place}${WITHOUT_VALUE.test(name) ? '' : ` ${plain(value)}`}`
}

const ours = (layers: readonly Layer[]): string[] =>
  layers.flatMap(({ fields }) => flat(fields).map(({ name, value, start, end }) => line(name, value, start, end)))

function theirs(fields: readonly DissectedField[]): string[] {
  const lines: string[] = []
  let base = 0
  for (const { name, show, start, end, hidden } of fields) {
    if (name === 'http2.stream') base = start
    if (!name.startsWith('http2.') || hidden || DERIVED.test(name)) continue
    if (name === 'http2.pad_length' && start === end) continue
    lines.push(line(name, show, start - base, end - base))
  }
  return lines
}

describe('the captures of a real connection read as tshark reads them', () => {
  const KEYS = ['-o', `tls.keylog_file:${vectorPath('h2.keys')}`]
  const CASES = [
    { file: 'h2c.pcap', protocol: 'tcp', stream: 1, options: ['-d', 'tcp.port==8080,http2'] },
    { file: 'h2.pcap', protocol: 'tls', stream: 0, options: KEYS },
    { file: 'h2.pcap', protocol: 'tls', stream: 1, options: KEYS },
  ] as const
  for (const { file, protocol, stream, options } of CASES) {
    test(`${file}, connection ${String(stream)}, field by field`, () => {
      const path = vectorPath(file)
      const packets = tsharkDissection(path, ...options, '-Y', `tcp.stream == ${String(stream)}`)
      const sides = followed(path, protocol, stream, ...options)
      const clientPort = packets[0].find(({ name }) => name === 'tcp.srcport')?.show
      let compared = 0
      sides.forEach((bytes, side) => {
        const expected = packets
          .filter((fields) => (fields.find(({ name }) => name === 'tcp.srcport')?.show === clientPort) === (side === 0))
          .flatMap(theirs)
        const layers = layersOf(bytes)
        assert.deepEqual(ours(layers), expected)
        for (const { problem } of layers) assert.equal(problem, undefined)
        compared += expected.length
      })
      assert.ok(compared > 100, `only ${String(compared)} fields were compared`)
    })
  }
})

describe('frames that no capture here has', () => {
  const read = (bytes: Uint8Array): Layer => new Http2LayerReader().frame(bytes)

  test('a field block in three frames is shown where it ends', () => {
    const reader = new Http2LayerReader()
    assert.equal(reader.frame(hexBytes('000001 01 00 00000001 82')).summary, 'HEADERS[1]')
    assert.equal(reader.frame(hexBytes('000001 09 00 00000001 86')).summary, 'CONTINUATION[1]')
    const layer = reader.frame(hexBytes('000002 09 04 00000001 8441'.slice(0, -2)))
    assert.equal(layer.summary, 'CONTINUATION[1] GET /')
    const shown = layer.fields.filter(({ name }) => name === 'http2.header')
    assert.deepEqual(
      shown.map(({ label, value, start, end }) => [label, value, start, end]),
      [
        [':method', 'GET', 9, 10],
        [':scheme', 'http', 9, 10],
        [':path', '/', 9, 10],
      ],
    )
  })

  test('padding and the priority of RFC 7540', () => {
    const layer = read(hexBytes('00000a 01 2d 00000003 02 80000001 0f 82 84 0000'))
    assert.deepEqual(
      flat(layer.fields)
        .filter(({ name }) => /pad|weight|depend|exclusive$/.test(name))
        .map(({ name, value, start, end }) => `${name} ${value} ${String(start)}–${String(end)}`),
      [
        'http2.flags.padded set 4–5',
        'http2.pad_length 2 9–10',
        'http2.headers.padding 2 bytes 17–19',
        'http2.exclusive set 10–14',
        'http2.stream_dependency 1 10–14',
        'http2.headers.weight 15 14–15',
      ],
    )
  })

  test('a goodbye with its reason, and a setting that cannot be', () => {
    assert.equal(read(encodeGoaway(7, 'ENHANCE_YOUR_CALM', 'slowly')).summary, 'GOAWAY ENHANCE_YOUR_CALM, last stream 7')
    const layer = read(encodeSettings([['MAX_FRAME_SIZE', 1]]))
    assert.equal(layer.problem, 'MAX_FRAME_SIZE cannot be 1')
    assert.equal(layer.fields.at(-1)?.name, 'http2.settings')
  })

  test('PUSH_PROMISE, PRIORITY_UPDATE, an unknown type, a length that cannot be', () => {
    assert.equal(read(hexBytes('000005 05 04 00000001 00000002 84')).summary, 'PUSH_PROMISE[1] promises 2: /')
    assert.equal(read(hexBytes('000007 10 00 00000000 00000005 753d31')).summary, 'PRIORITY_UPDATE of 5: u=1')
    assert.equal(read(hexBytes('000001 fa 00 00000000 00')).summary, 'Frame of type 0xfa')
    const layer = read(hexBytes('000003 03 00 00000001 000000'))
    assert.match(layer.problem ?? '', /another length than 4/)
  })

  test('after a block that cannot be read, no later one is guessed at', () => {
    const reader = new Http2LayerReader()
    assert.match(reader.frame(hexBytes('000001 01 04 00000001 ff')).problem ?? '', /truncated/)
    assert.match(reader.frame(hexBytes('000001 01 04 00000003 82')).problem ?? '', /an earlier field block/)
  })

  test('of DATA, the header is enough', () => {
    const layer = read(hexBytes('00ffff 00 01 00000001'))
    assert.equal(layer.end, 9 + 0xffff)
    assert.equal(layer.summary, 'DATA[1] 65535 bytes')
  })
})
