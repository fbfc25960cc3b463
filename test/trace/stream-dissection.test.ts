import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Inspection } from '../../src/trace/inspection.ts'
import { StreamDissection } from '../../src/trace/stream-dissection.ts'
import type { Field, Layer } from '../../src/wire/field.ts'
import { vectorPath } from '../vectors/pcap.ts'
import { tsharkDissection } from '../vectors/tshark.ts'
import { CapturedTrace } from './captured-trace.ts'
import { flat } from './field-comparison.ts'

function inspected(trace: CapturedTrace): Inspection[] {
  const dissection = new StreamDissection(trace)
  return trace.frames.map((_, index) => {
    const found = dissection.inspect(index + 1)
    assert.ok(found !== undefined, `frame ${String(index + 1)} is there`)
    return found
  })
}

function isContinued(layer: Layer): boolean {
  return layer.summary.endsWith('(goes on)')
}

/** What stands in the fields of each record, message and frame, once each. */
function fieldsOf({ layers, views }: Inspection): Field[] {
  const began = layers.some(({ fields }) => fields.some(({ name }) => name === 'tls.record.began'))
  // Of a record that spans packets, what is shown whole is shown with each of them.
  const inside = views.filter(({ title }) => !began || title !== 'Decrypted TLS').flatMap((view) => view.layers)
  return [...layers, ...inside].filter((layer) => !isContinued(layer)).flatMap(({ fields }) => flat(fields))
}

/** Port of the sender, for telling directions apart. */
function sender(trace: CapturedTrace, index: number): string {
  const frame = trace.frames[index]
  return String(frame[34] * 256 + frame[35])
}

const CHOSEN = [
  ['tls.record.opaque_type', 'tls.record.version', 'tls.record.length'],
  [
    'tls.handshake.type',
    'tls.handshake.length',
    'tls.handshake.version',
    'tls.handshake.ciphersuite',
    'tls.handshake.extension.type',
  ],
  ['tls.handshake.extensions_server_name', 'tls.handshake.extensions_alpn_str', 'tls.handshake.extensions_key_share_group'],
  ['tls.alert_message.level', 'tls.alert_message.desc'],
  ['http2.type', 'http2.length', 'http2.flags', 'http2.streamid'],
  ['http2.header.name', 'http2.header.value', 'http2.header.repr', 'http2.header.index'],
  ['http2.settings.id', 'http2.window_update.window_size_increment', 'http2.goaway.error', 'http2.goaway.last_stream_id'],
  ['http2.data.data'],
]

/** Settings in a request to go on with HTTP/2 are no frame. */
function isHttp1({ layers }: Inspection): boolean {
  return layers.some(({ protocol }) => protocol === 'http')
}

function plain(value: string): string {
  const bare = value.replace(/ \([^)]*\)$/, '').replace(/ bytes?$/, '')
  return /^(?:0x[\da-f]+|\d+)$/.test(bare) ? String(Number(bare)) : bare
}

const CAPTURES = [
  { name: 'tls13-dsb.pcapng', keys: undefined, options: ['-d', 'tcp.port==4433,tls'], least: 250 },
  {
    name: 'h2.pcap',
    keys: 'h2.keys',
    options: ['-o', `tls.keylog_file:${vectorPath('h2.keys')}`, '-d', 'tcp.port==8443,tls'],
    least: 600,
  },
  { name: 'h2c.pcap', keys: undefined, options: ['-d', 'tcp.port==8080,http'], least: 80 },
] as const

describe('captures of strangers', () => {
  for (const { name, keys, options, least } of CAPTURES) {
    test(`${name}: what tshark reads of TLS and HTTP/2, we read, in its order and with its values`, () => {
      const trace = CapturedTrace.read(name, keys)
      const judged = tsharkDissection(vectorPath(name), '-2', ...options)
      const ours = inspected(trace)
      let compared = 0
      for (const port of new Set(trace.frames.map((_, index) => sender(trace, index)))) {
        for (const group of CHOSEN) {
          const theirs = judged.flatMap((fields, index) =>
            sender(trace, index) === port && !isHttp1(ours[index])
              ? fields.filter((field) => group.includes(field.name) && !field.hidden)
              : [],
          )
          const mine = ours.flatMap((found, index) =>
            sender(trace, index) === port ? fieldsOf(found).filter((field) => group.includes(field.name)) : [],
          )
          assert.deepEqual(
            mine.map(({ name: field, value }) => `${field} ${plain(value)}`),
            theirs.map(({ name: field, show, start, end }) =>
              field === 'http2.data.data' ? `${field} ${String(end - start)}` : `${field} ${plain(show)}`,
            ),
            `from port ${port}`,
          )
          compared += mine.length
        }
      }
      assert.ok(compared >= least, `${String(compared)} fields were compared`)
      for (const { layers, views } of ours) {
        for (const layer of [...layers, ...views.flatMap((view) => view.layers)]) assert.equal(layer.problem, undefined)
      }
    })
  }
})

/** Another way to hand over the same frames. */
function reordered(trace: CapturedTrace, frames: readonly Uint8Array[]): CapturedTrace {
  return new CapturedTrace(frames, trace.keyLog)
}

const H2 = (): CapturedTrace => CapturedTrace.read('h2.pcap', 'h2.keys')
const TLS13 = (): CapturedTrace => CapturedTrace.read('tls13-dsb.pcapng')

describe('as a trace grows', () => {
  test('a packet whose record is whole says the same as it says in the end', () => {
    const whole = inspected(H2())
    const trace = H2()
    const dissection = new StreamDissection(trace)
    const { frames } = trace
    for (trace.frameCount = 1; trace.frameCount <= frames.length; trace.frameCount++) {
      const found = dissection.inspect(trace.frameCount)
      if (found?.summary.includes('not whole yet') === true) continue
      // Which version it is, only the ServerHello tells.
      const versionless = (summary = ''): string => summary.replaceAll('TLS 1.3', 'TLS')
      assert.equal(versionless(found?.summary), versionless(whole[trace.frameCount - 1].summary))
    }
    trace.frameCount = frames.length
    frames.forEach((_, index) => {
      assert.deepEqual(dissection.inspect(index + 1), whole[index], `frame ${String(index + 1)}`)
    })
  })

  test('a record that is not whole yet is told as such', () => {
    const trace = H2()
    trace.frameCount = 17
    const found = new StreamDissection(trace).inspect(17)
    assert.equal(found?.summary, 'TLS 1.3: 1,448 bytes of a record that is not whole yet')
    assert.deepEqual(found.views, [])
  })

  test('looking at every packet reads each a few times, however many there are', () => {
    const trace = H2()
    const dissection = new StreamDissection(trace)
    for (let number = 1; number <= trace.frames.length; number++) dissection.inspect(number)
    const first = trace.looked.length
    assert.ok(first < 20 * trace.frames.length, `${String(first)} looks at ${String(trace.frames.length)} packets`)
    for (let number = 1; number <= trace.frames.length; number++) dissection.inspect(number)
    assert.ok(trace.looked.length - first <= first, 'what is known is not worked out again')
  })

  test('secrets that come late are found, for connections that have not been looked at', () => {
    const trace = H2()
    const { keyLog } = trace
    trace.keyLog = []
    const dissection = new StreamDissection(trace)
    assert.equal(dissection.inspect(1)?.views.length, 0)
    trace.keyLog = keyLog
    const later = trace.frames.findIndex((_, index) => trace.connectionOf(index + 1) === 2)
    assert.ok(later > 0, 'there is a second connection')
    assert.ok(
      trace.frames.some((_, index) => trace.connectionOf(index + 1) === 2 && dissection.inspect(index + 1)?.views.length === 1),
      'it is decrypted',
    )
  })
})

describe('what befalls packets', () => {
  test('a copy says what the first one says', () => {
    const trace = H2()
    const twice = reordered(
      trace,
      trace.frames.flatMap((frame) => [frame, frame]),
    )
    const once = inspected(trace)
    const told = inspected(twice)
    once.forEach(({ summary }, index) => {
      const renumbered = summary.replace(/#(\d+)/g, (_, number: string) => `#${String(2 * Number(number) - 1)}`)
      assert.equal(told[2 * index].summary, renumbered)
      assert.equal(told[2 * index + 1].summary, renumbered)
    })
  })

  test('packets that come in another order are put in order', () => {
    const trace = H2()
    // Three segments of one record, the last first.
    const frames = [...trace.frames]
    ;[frames[16], frames[19]] = [frames[19], frames[16]]
    const dissection = new StreamDissection(reordered(trace, frames))
    assert.match(
      dissection.inspect(20)?.summary ?? '',
      /^HTTP\/2 HEADERS stream 1, 200; HTTP\/2 DATA stream 1, 3000 bytes, continues in #18$/,
    )
    assert.match(dissection.inspect(17)?.summary ?? '', /^HTTP\/2 DATA stream 1, 3000 bytes, began in #20$/)
  })

  test('a changed copy does not decrypt, and spoils nothing else', () => {
    const trace = H2()
    const changed = trace.frames[15].slice()
    changed[changed.length - 1] ^= 1
    const frames = [...trace.frames.slice(0, 16), changed, ...trace.frames.slice(16)]
    const told = inspected(reordered(trace, frames))
    const [good, bad] = [told[15], told[16]]
    assert.equal(good.layers.at(-1)?.problem, undefined)
    assert.equal(good.views.length, 1)
    assert.match(bad.layers.at(-1)?.problem ?? '', /does not decrypt/)
    assert.equal(bad.views.length, 0)
    assert.equal(told[17].summary, inspected(H2())[16].summary.replace('#18', '#19'))
  })

  test('one flipped byte of a record is a problem of its packet, and of no other’s records', () => {
    const trace = H2()
    const frames = [...trace.frames]
    frames[15] = frames[15].slice()
    frames[15][frames[15].length - 20] ^= 0x10
    const told = inspected(reordered(trace, frames))
    const problems = told.flatMap(({ layers }, index) =>
      layers.some(({ protocol, problem }) => protocol === 'tls' && problem !== undefined) ? [index + 1] : [],
    )
    assert.deepEqual(problems, [16])
  })

  test('without the beginning of a connection its records stay what they are', () => {
    const trace = H2()
    trace.firstKept = 10
    const dissection = new StreamDissection(trace)
    assert.equal(dissection.inspect(5), undefined)
    const found = dissection.inspect(17)
    assert.equal(found?.views.length, 0)
    assert.equal(found.layers.at(-1)?.protocol, 'data')
  })

  test('a port that is used again is another connection', () => {
    const trace = TLS13()
    const first = trace.frames.slice(0, 20)
    // The same packets again, with other sequence numbers.
    const second = first.map((frame) => {
      const copy = frame.slice()
      copy[38] ^= 0x55
      copy[42] ^= 0x55
      return copy
    })
    const told = inspected(reordered(trace, [...first, ...second]))
    for (let index = 0; index < 20; index++) {
      if (told[index].views.length > 0) assert.equal(told[index + 20].summary, told[index].summary)
    }
    assert.ok(
      told.slice(20).some(({ views }) => views.length > 0),
      'the second is decrypted as well',
    )
  })
})

/** Checks that every range lies in its bytes. */
function assertRanges(bytes: Uint8Array, layers: readonly Layer[], where: string): void {
  for (const layer of layers) {
    assert.ok(layer.start >= 0 && layer.end <= bytes.length && layer.start <= layer.end, `${where}: layer ${layer.title}`)
    for (const { name, start, end } of flat(layer.fields))
      assert.ok(start >= 0 && start < end && end <= bytes.length, `${where}: ${name} [${String(start)}, ${String(end)})`)
  }
}

test('all ranges of all packets lie in their bytes', () => {
  for (const trace of [H2(), TLS13(), CapturedTrace.read('h2c.pcap')]) {
    inspected(trace).forEach(({ bytes, layers, views }, index) => {
      const where = `frame ${String(index + 1)}`
      assertRanges(bytes, layers, where)
      for (const view of views) assertRanges(view.bytes, view.layers, `${where}, ${view.title}`)
    })
  }
})

test('any bytes in place of some: no exception, and ranges that lie in their bytes', () => {
  let state = 0x9e37_79b9
  const random = (limit: number): number => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) + 0x6d2b_79f5
    return (state >>> 0) % limit
  }
  let looked = 0
  for (let round = 0; round < 500; round++) {
    const trace = [H2, TLS13, () => CapturedTrace.read('h2c.pcap')][round % 3]()
    const frames = trace.frames.map((frame) => frame.slice())
    for (let change = 0; change <= random(6); change++) {
      const frame = frames[random(frames.length)]
      const action = random(4)
      if (action === 0) frame[random(frame.length)] ^= 1 << random(8)
      else if (action === 1 && frame.length > 70) frame.fill(random(256), 66, 66 + random(frame.length - 66))
      else if (action === 2 && frame.length > 66) for (let at = 66; at < frame.length; at++) frame[at] = random(256)
      else frames.splice(random(frames.length), 1)
    }
    inspected(reordered(trace, frames)).forEach(({ bytes, layers, views }, index) => {
      looked++
      assertRanges(bytes, layers, `round ${String(round)}, frame ${String(index + 1)}`)
      for (const view of views) assertRanges(view.bytes, view.layers, `round ${String(round)}, frame ${String(index + 1)}`)
    })
  }
  assert.ok(looked > 15_000, `${String(looked)} packets were looked at`)
})
