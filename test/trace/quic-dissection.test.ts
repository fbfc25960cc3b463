import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Inspection } from '../../src/trace/inspection.ts'
import { StreamDissection } from '../../src/trace/stream-dissection.ts'
import { finish, sum } from '../../src/wire/checksum.ts'
import type { Field, Layer } from '../../src/wire/field.ts'
import { PcapngWriter } from '../../src/wire/pcapng.ts'
import { encodeVersionNegotiation } from '../../src/wire/quic/header.ts'
import { vectorPath } from '../vectors/pcap.ts'
import { tsharkDissection, tsharkFields, withFile } from '../vectors/tshark.ts'
import { CapturedTrace } from './captured-trace.ts'
import { flat } from './field-comparison.ts'

const H3 = (): CapturedTrace => CapturedTrace.read('h3-dsb.pcapng')

function inspected(trace: CapturedTrace): Inspection[] {
  const dissection = new StreamDissection(trace)
  return trace.frames.map((_, index) => {
    const found = dissection.inspect(index + 1)
    assert.ok(found !== undefined, `frame ${String(index + 1)} is there`)
    return found
  })
}

function layersOf({ layers, views }: Inspection): Layer[] {
  return [...layers, ...views.flatMap((view) => view.layers)]
}

/** Of frames of HTTP/3 that span packets, which these all do, this tshark shows nothing. */
const UNSHOWN = 'HTTP/3 DATA'

function fieldsOf(inspection: Inspection): Field[] {
  return layersOf(inspection)
    .filter(({ summary }) => !summary.endsWith('(goes on)') && !summary.startsWith(UNSHOWN))
    .flatMap(({ fields }) => flat(fields))
}

/** What tshark computes, or shows as bytes which are shown here as what is in them. */
const DERIVED = [
  /^quic\.(?:connection\.number|packet_length|stream_data|payload|protected_payload)$/,
  /^tls\.(?:quic\.parameter\.value|handshake\.(?:ja3s?(?:_full)?|sig_hash_(?:hash|sig)|extensions_status_request_\w+))$/,
  /^http3\.(?:frame_payload|settings\.value)$/,
  // It counts parts of a name, where the name is said here.
  /^x509af\.(?:notBefore|notAfter|rdnSequence|issuer|subject)$|^x509ce\.GeneralNames?$|^x509if\.|^x509sat\.DirectoryString$/,
]
/** Wholes, whose parts are compared, and what tshark has no field for. */
const OURS_ALONE = [
  /^http3\.(?:settings|headers\..*|qpack\..*)$/,
  /^tls\.quic\.parameter$/,
  /^tls\.handshake\.(?:extension|extension\.data|certificates|ciphersuites|comp_methods|sig_hash_algs|verify_data)$/,
  /^tls\.handshake$|^tls\.handshake\.extensions_(?:ec_point_formats|key_share_entry|supported_groups)$/,
  /^tls\.handshake\.extensions\.psk\.(?:binders?|binder_length|identity)$|^x509\w+\.\w+_element$/,
]

/** Packets with the client's Finished once more. */
const AGAIN: readonly number[] = [45, 46, 47, 48]

function isChosen(name: string): boolean {
  return /^(?:quic|tls|http3|x509\w+)\./.test(name) && ![...DERIVED, ...OURS_ALONE].some((not) => not.test(name))
}

/** A value for comparing: long bytes by how they begin, numbers as numbers. */
function plain(value: string): string {
  const bare = value.replace(/ \([^)]*\)$| UTC$/, '').replaceAll(':', '')
  if (bare === 'set' || bare === 'yes') return '1'
  if (bare === 'not set') return '0'
  return /^(?:0x[\da-f]+|\d{1,15})$/.test(bare) ? String(Number(bare)) : bare.replace('…', '').slice(0, 64)
}

test('h3-dsb.pcapng: every field of QUIC, TLS and HTTP/3 that tshark reads, we read, in every packet, with its value', () => {
  const judged = tsharkDissection(vectorPath('h3-dsb.pcapng'))
  let compared = 0
  inspected(H3()).forEach((inspection, index) => {
    // What is in streams of 0-RTT, and in CRYPTO frames that were sent again, it does not look at.
    const isBare = inspection.summary.includes('0-RTT') || AGAIN.includes(index + 1)
    const isCompared = (name: string): boolean => isChosen(name) && !(isBare && !name.startsWith('quic'))
    const mine = fieldsOf(inspection).flatMap(({ name, value }) => (isCompared(name) ? [`${name} ${plain(value)}`] : []))
    const theirs = judged[index].flatMap(({ name, show, hidden }) =>
      // What is empty has no bytes that could be shown.
      isCompared(name) && !hidden && show !== '' ? [`${name} ${plain(show)}`] : [],
    )
    assert.deepEqual(mine.sort(), theirs.sort(), `frame ${String(index + 1)}`)
    compared += mine.length
    for (const { problem, title } of layersOf(inspection))
      assert.equal(problem, undefined, `frame ${String(index + 1)}: ${title}`)
  })
  assert.ok(compared > 2000, `${String(compared)} fields were compared`)
})

test('h3-dsb.pcapng: requests and responses, which this tshark cannot decompress', () => {
  const said = inspected(H3()).flatMap(({ views }) => views.flatMap(({ layers }) => layers))
  const headers = said.flatMap(({ summary }) => /^HTTP\/3 HEADERS .*/.exec(summary)?.[0] ?? [])
  assert.deepEqual(
    [...new Set(headers)],
    [
      'HTTP/3 HEADERS stream 0, GET /small.txt',
      'HTTP/3 HEADERS stream 4, GET /20k',
      'HTTP/3 HEADERS stream 0, 200',
      'HTTP/3 HEADERS stream 4, 200',
      'HTTP/3 HEADERS stream 0, GET /20k',
    ],
  )
  const values = said.flatMap(({ fields }) => flat(fields)).filter(({ name }) => name === 'http3.headers.header.value')
  assert.ok(values.some(({ value }) => value === 'nghttp3/ngtcp2 client'))
  // A name and a value that stand in the dynamic table alone.
  const instructions = said.flatMap(({ protocol, summary }) => (protocol === 'qpack' ? [summary] : []))
  assert.ok(instructions.includes('QPACK inserts :authority: localhost:4434'), instructions.join('\n'))
})

describe('what packets carry, in a line', () => {
  const lines = inspected(H3()).map(({ summary }) => summary)
  test('coalesced packets of three encryption levels', () => {
    assert.match(
      lines[1],
      /^Initial 0: TLS ServerHello, ACK 0; Handshake 0: TLS EncryptedExtensions, TLS Certificate, .*; 1-RTT 0: HTTP/,
    )
  })
  test('0-RTT', () => {
    assert.match(lines[33], /^Initial 0: TLS ClientHello; 0-RTT 0: HTTP\/3 HEADERS stream 0, GET \/20k, /)
  })
  test('content that goes on, acknowledgments, the end', () => {
    assert.equal(lines[8], '1-RTT 3: HTTP/3 DATA stream 0, 3000 bytes (goes on)')
    assert.equal(lines[22], '1-RTT 5: ACK 11–14')
    assert.equal(lines[32], '1-RTT 6: CONNECTION_CLOSE, application error 0x100')
  })
})

describe('as a trace grows, and is changed', () => {
  test('a packet says in the end what it said at first, but for what it waited for', () => {
    const whole = inspected(H3())
    const trace = H3()
    const dissection = new StreamDissection(trace)
    for (trace.frameCount = 1; trace.frameCount <= trace.frames.length; trace.frameCount++) {
      const found = dissection.inspect(trace.frameCount)
      if (found?.isOpen === false) assert.deepEqual(found, whole[trace.frameCount - 1], `frame ${String(trace.frameCount)}`)
    }
    assert.ok(
      whole.every(({ isOpen }) => !isOpen),
      'all was sent in the end',
    )
  })

  test('looking at every packet reads each a few times, however many there are', () => {
    const trace = H3()
    const dissection = new StreamDissection(trace)
    for (let number = 1; number <= trace.frames.length; number++) dissection.inspect(number)
    assert.ok(trace.looked.length < 6 * trace.frames.length, `${String(trace.looked.length)} looks`)
  })

  test('a flipped bit is a problem of its packet alone', () => {
    const trace = H3()
    const before = inspected(trace)
    const changed = trace.frames.map((frame) => frame.slice())
    changed[8][changed[8].length - 9] ^= 0x20
    const after = inspected(new CapturedTrace(changed, trace.keyLog))
    assert.match(after[8].summary, /^QUIC 1-RTT: does not decrypt/)
    assert.match(after[8].layers.at(-1)?.problem ?? '', /does not decrypt/)
    assert.equal(after[8].views.length, 0)
    assert.deepEqual(after[22], before[22])
  })

  test('what arrived changed says so, and what was sent is not forgotten', () => {
    const trace = H3()
    const before = inspected(trace)
    const arrived = trace.frames[10].slice()
    arrived[100] ^= 1
    trace.bytes = (frame) => (frame === 11 ? arrived : trace.frames[frame - 1])
    const after = inspected(trace)
    assert.equal(after[10].layers.at(-1)?.problem, 'does not decrypt: its tag does not match the bytes')
    assert.equal(after[10].views.length, 0)
    assert.equal(after[11].summary, before[11].summary)
  })

  test('a datagram that is seen on two links says the same twice', () => {
    const trace = H3()
    const twice = new CapturedTrace(
      trace.frames.flatMap((frame) => [frame, frame]),
      trace.keyLog,
    )
    const once = inspected(trace)
    inspected(twice).forEach(({ summary }, index) => {
      assert.equal(summary, once[index >> 1].summary)
    })
  })

  test('without secrets Initial packets alone are read', () => {
    const told = inspected(new CapturedTrace(H3().frames, []))
    assert.equal(told[0].summary, 'Initial 0: TLS ClientHello')
    assert.match(told[1].summary, /^Initial 0: TLS ServerHello, ACK 0; QUIC Handshake, 772 bytes; QUIC 1-RTT, 262 bytes$/)
    assert.ok(told.every(({ layers }) => layers.every(({ problem }) => problem === undefined)))
  })

  test('without its beginning a connection stays what it is: datagrams', () => {
    const trace = H3()
    trace.firstKept = 5
    const found = new StreamDissection(trace).inspect(9)
    assert.equal(found?.layers.at(-1)?.protocol, 'data')
  })

  test('a client that goes on from another address is found again by its connection IDs', () => {
    const trace = H3()
    const before = inspected(trace)
    // From frame 20 on the first connection takes another port of the client; checksums are not looked at here.
    const port = trace.frames[0][34] * 256 + trace.frames[0][35]
    const moved = trace.frames.map((frame, index) => {
      const copy = frame.slice()
      const at = copy[34] * 256 + copy[35] === port ? 34 : copy[36] * 256 + copy[37] === port ? 36 : 0
      if (index < 19 || at === 0) return copy
      copy[at] ^= 1
      copy[40] = copy[41] = 0
      return copy
    })
    const after = inspected(new CapturedTrace(moved, trace.keyLog))
    after.forEach(({ summary }, index) => {
      assert.equal(summary, before[index].summary, `frame ${String(index + 1)}`)
    })
  })
})

describe('a server that speaks other versions', () => {
  /** The vector's first datagram, and an answer to it, with addresses and ports the other way round. */
  function refused(): CapturedTrace {
    const { frames, keyLog } = H3()
    const first = frames[0]
    const idLength = first[47]
    const source = first.subarray(49 + idLength, 49 + idLength + first[48 + idLength])
    const answer = encodeVersionNegotiation(source, first.subarray(48, 48 + idLength), [0x6b33_43cf, 0x1a2a_3a4a], 0)
    const frame = new Uint8Array(42 + answer.length)
    const copy = (to: number, from: number, length: number): void => {
      frame.set(first.subarray(from, from + length), to)
    }
    copy(0, 6, 6)
    copy(6, 0, 6)
    copy(12, 12, 2)
    frame.set([0x45, 0, 0, frame.length - 14, 0, 0, 0, 0, 64, 17], 14)
    copy(26, 30, 4)
    copy(30, 26, 4)
    copy(34, 36, 2)
    copy(36, 34, 2)
    // A checksum of 0 is none.
    frame.set([0, 8 + answer.length], 38)
    frame.set(answer, 42)
    const checksum = finish(sum(frame, 14, 34))
    frame.set([checksum >> 8, checksum & 0xff], 24)
    return new CapturedTrace([first, frame], keyLog)
  }

  test('what it offers is read, here and by tshark', () => {
    const trace = refused()
    const [, answer] = inspected(trace)
    assert.match(answer.summary, /^QUIC Version Negotiation/)
    const offered = fieldsOf(answer).flatMap(({ name, value }) => (name === 'quic.supported_version' ? [value] : []))
    assert.deepEqual(offered, ['0x6b3343cf', '0x1a2a3a4a'])
    const writer = new PcapngWriter()
    const port = writer.addInterface({ name: 'wire' })
    trace.frames.forEach((bytes, time) => {
      writer.addPacket({ interface: port, time, bytes })
    })
    const rows = withFile(writer.take(), (path) =>
      tsharkFields(path, ['quic.supported_version', '_ws.malformed', 'quic.decryption_failed'], '-2'),
    )
    assert.deepEqual(rows, [
      ['', '', ''],
      [offered.join(','), '', ''],
    ])
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

test('all ranges of all packets lie in their bytes, whatever was changed in them', () => {
  let state = 0x1234_5678
  const random = (limit: number): number => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) + 0x6d2b_79f5
    return (state >>> 0) % limit
  }
  const original = H3()
  for (let round = 0; round < 25; round++) {
    const frames = original.frames.map((frame) => frame.slice())
    for (let change = 0; change < round % 7; change++) {
      const frame = frames[random(frames.length)]
      const action = random(4)
      if (action === 0) frame[42 + random(frame.length - 42)] ^= 1 << random(8)
      else if (action === 1) frame[42 + random(30)] = random(256)
      else if (action === 2) frame.fill(random(256), 42 + random(frame.length - 42))
      else frames.splice(random(frames.length), 1)
    }
    inspected(new CapturedTrace(frames, original.keyLog)).forEach(({ bytes, layers, views }, index) => {
      const where = `round ${String(round)}, frame ${String(index + 1)}`
      assertRanges(bytes, layers, where)
      for (const view of views) assertRanges(view.bytes, view.layers, where)
    })
  }
})
