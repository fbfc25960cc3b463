import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runInline, type InlineRun } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { Vantage } from '../../src/trace/pcapng-export.ts'
import { StreamDissection } from '../../src/trace/stream-dissection.ts'
import { judgeByDefault } from './default-judge.ts'
import { tshark, tsharkFields, withFile } from '../vectors/tshark.ts'

interface Choices {
  readonly seed?: number
  readonly loss?: string
  readonly protocol?: string
  readonly tls?: Record<string, unknown>
  readonly clientTls?: Record<string, unknown>
  readonly traceLimit?: number
}

/** A page over TLS, from a browser through a router. */
function secure({ seed = 1, loss = '2 %', protocol = 'h2', tls = {}, clientTls = {}, traceLimit }: Choices): InlineRun {
  const line = { rate: '20 Mbit/s', delay: '5 ms', loss }
  const protocols = [protocol]
  const scenario = resolveScenario({
    id: 'secure',
    title: 'Secure',
    seed,
    duration: '60 s',
    hosts: {
      alice: { app: 'browser', visits: 'https://bob/', protocols, tls: clientTls },
      router: { kind: 'router' },
      bob: {
        app: 'web-server',
        protocols,
        tls,
        serves: {
          '/': { size: '30 kB', type: 'text/html', resources: ['/a.css', '/b.js'] },
          '/a.css': '20 kB',
          '/b.js': '60 kB',
        },
      },
    },
    links: [
      { between: ['alice', 'router'], ...line },
      { between: ['router', 'bob'], ...line },
    ],
  })
  const run = runInline(scenario, traceLimit === undefined ? {} : { traceLimit })
  assert.ok(run.trace.first('page:loaded') !== undefined, 'the page was loaded')
  return run
}

const LINKS: Vantage = { kind: 'links' }

describe('from the file alone, with what Wireshark does by default', () => {
  const cases: readonly (readonly [string, Choices])[] = [
    ['TLS 1.3 and HTTP/2', {}],
    ['TLS 1.3 and HTTP/1.1', { protocol: 'http/1.1' }],
    ['TLS 1.2 and HTTP/2', { tls: { versions: ['1.2'] } }],
    ['AES-GCM with records of 1 kB', { tls: { cipherSuites: ['TLS_AES_128_GCM_SHA256'], recordSize: '1 kB' } }],
  ]
  for (const [name, choices] of cases) {
    test(`${name}, through a router with losses: every record decrypts, and every request is read`, () => {
      for (const seed of [1, 2]) {
        const run = secure({ ...choices, seed })
        const capture = run.capture(LINKS)
        const { complaints, frames } = judgeByDefault(capture)
        assert.deepEqual(complaints, [], `seed ${String(seed)}`)
        assert.equal(frames, run.trace.frameCount)
        const paths = withFile(capture, (path) =>
          tsharkFields(path, ['http2.headers.path', 'http.request.uri'], '-2', '-Y', 'http2.headers.path || http.request')
            .flat()
            .flatMap((cell) => cell.split(','))
            .filter((cell) => cell !== ''),
        )
        assert.deepEqual(paths.sort(), ['/', '/a.css', '/b.js'])
      }
    })
  }

  test('with every payload in it, repeats are taken for more of the stream: this is what the headers alone are for', () => {
    const { complaints } = judgeByDefault(secure({}).capture({ kind: 'links', repeats: 'whole' }))
    assert.match(complaints.join(), /New fragment overlaps old data/)
  })

  test('what one host saw needs nothing but the reassembly of segments that are out of order', () => {
    const run = secure({ seed: 2 })
    for (const host of ['alice', 'bob']) {
      const undecrypted = withFile(run.capture({ kind: 'host', host }), (path) =>
        tsharkFields(
          path,
          ['frame.number'],
          ...['-2', '-o', 'tcp.reassemble_out_of_order:TRUE'],
          ...['-Y', 'tls.record.opaque_type && !tls.record.content_type || _ws.expert.severity >= 0x800000'],
        ),
      )
      assert.deepEqual(undecrypted, [])
    }
  })

  test('without losses what one host saw needs nothing at all', () => {
    const run = secure({ loss: '0 %' })
    for (const host of ['alice', 'bob']) assert.deepEqual(judgeByDefault(run.capture({ kind: 'host', host })).complaints, [])
  })

  test('hosts that keep their secrets log none, and nothing can be read', () => {
    const keep = { keyLog: false }
    const run = secure({ loss: '0 %', tls: keep, clientTls: keep })
    assert.deepEqual(run.director.store.keyLog, [])
    const { complaints } = judgeByDefault(run.capture(LINKS))
    assert.ok(complaints.length > 5, 'this is how a capture looks that does not decrypt')
    assert.deepEqual(
      [...new Set(complaints.map((complaint) => complaint.replace(/^frame \d+: /, '')))],
      ['undecrypted TLS record'],
    )
  })

  test('one flipped byte of a record is noticed, and so is what no checksum tells', () => {
    const run = secure({ loss: '0 %' })
    const capture = run.capture(LINKS)
    assert.deepEqual(judgeByDefault(capture).complaints, [])
    const at = withFile(capture, (path) => lastPayload(path, capture))
    const flipped = capture.slice()
    flipped[at] ^= 1
    assert.ok(judgeByDefault(flipped).complaints.length > 0, 'a byte that was flipped on the way')
    // Two words change places, which no checksum notices: this is for TLS to tell.
    const swapped = capture.slice()
    swapped.copyWithin(at, at + 2, at + 4)
    swapped.set(capture.subarray(at, at + 2), at + 2)
    const complaints = judgeByDefault(swapped).complaints.join()
    assert.match(complaints, /undecrypted TLS record/)
  })
})

/** Where in a capture file the payload of the last long segment lies, somewhere in its middle. */
function lastPayload(path: string, capture: Uint8Array): number {
  const payload = tshark(path, '-Y', 'tcp.len > 1000 && tls', '-T', 'fields', '-e', 'tcp.payload').trim().split('\n').at(-1)
  const wanted = Buffer.from(payload ?? '', 'hex').subarray(100, 140)
  const at = Buffer.from(capture.buffer, capture.byteOffset, capture.length).lastIndexOf(wanted)
  assert.ok(wanted.length === 40 && at > 0, 'the segment is in the file')
  return at
}

test('the secrets stay when the events that told them are let go', () => {
  const whole = secure({ loss: '0 %' })
  // Room for few events, and for few frames.
  const thin = secure({ loss: '0 %', traceLimit: 120_000 })
  assert.ok(thin.director.store.thinnedEvents > 0, 'events went')
  assert.deepEqual(thin.director.store.keyLog, whole.director.store.keyLog)
  assert.ok(thin.director.store.keyLog.length >= 5, 'there are some')
})

test('a run again has the same capture, secrets and all', () => {
  assert.deepEqual(secure({ seed: 3 }).capture(LINKS), secure({ seed: 3 }).capture(LINKS))
})

describe('the inspector', () => {
  test('reads every packet of TLS under losses, and finds nothing wrong', () => {
    const run = secure({ seed: 1, loss: '4 %' })
    const dissection = new StreamDissection(run.director.recorder)
    const told: string[] = []
    for (const { number } of run.trace.frames()) {
      const found = dissection.inspect(number)
      assert.ok(found !== undefined, `packet ${String(number)} is there`)
      told.push(found.summary)
      for (const { problem, title } of [...found.layers, ...found.views.flatMap(({ layers }) => layers)])
        assert.equal(problem, undefined, `packet ${String(number)}, ${title}`)
    }
    const all = told.join('\n')
    for (const words of [
      'TLS 1.3 ClientHello, ',
      'TLS 1.3 ServerHello, ',
      'HTTP/2 HEADERS stream 1, GET /',
      'HTTP/2 DATA stream 3, ',
    ])
      assert.ok(all.includes(words), words)
    assert.ok(!all.includes('encrypted:'), 'everything is decrypted')
  })

  test('a packet with flipped bits has a problem; the same bytes sent again have none', () => {
    const scenario = resolveScenario({
      id: 'noise',
      title: 'Noise',
      seed: 4,
      duration: '60 s',
      hosts: {
        alice: { app: 'browser', visits: 'https://bob/', protocols: ['h2'] },
        bob: { app: 'web-server', protocols: ['h2'], tls: {}, serves: { '/': '60 kB' } },
      },
      links: [{ between: ['alice', 'bob'], rate: '20 Mbit/s', delay: '5 ms', corrupt: '10 %' }],
    })
    const run = runInline(scenario)
    const dissection = new StreamDissection(run.director.recorder)
    let flipped = 0
    for (const frame of run.trace.frames(({ kind, length }) => kind === 'tcp-data' && length > 1000)) {
      const found = dissection.inspect(frame.number)
      const problems = found?.layers.flatMap(({ protocol, problem }) => (problem === undefined ? [] : [protocol])) ?? []
      if (!frame.corrupted) {
        assert.deepEqual(problems, [], `packet ${String(frame.number)}`)
        continue
      }
      flipped++
      assert.ok(problems.length > 0, `packet ${String(frame.number)}`)
      if (problems.includes('tls')) assert.match(found?.summary ?? '', /does not decrypt/)
    }
    assert.ok(flipped > 2, `${String(flipped)} packets had flipped bits`)
  })

  test('whoever has no keys sees how much, not what', () => {
    const run = secure({ loss: '0 %' })
    const { recorder } = run.director
    const blind = new StreamDissection({
      frameCount: recorder.frameCount,
      firstKept: recorder.firstKept,
      keyLog: [],
      connectionOf: (frame) => recorder.connectionOf(frame),
      bytes: (frame) => recorder.bytes(frame),
      bytesAsSent: (frame) => recorder.bytesAsSent(frame),
    })
    const told = [...run.trace.frames()].map(({ number }) => blind.inspect(number))
    const all = told.map((found) => found?.summary ?? '').join('\n')
    assert.match(all, /TLS 1\.3 ClientHello, \d+ bytes/)
    assert.match(all, /encrypted: 1,4\d\d of 16,\d\d\d bytes of TLS application data, began in #\d+, continues in #\d+/)
    assert.ok(
      told.every((found) => found?.views.length === 0),
      'nothing is decrypted',
    )
  })
})
