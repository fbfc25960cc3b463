import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { InlineRun } from '../../src/run/run-inline.ts'
import type { Vantage } from '../../src/trace/pcapng-export.ts'
import { StreamDissection } from '../../src/trace/stream-dissection.ts'
import { tshark, tsharkFields, withFile } from '../vectors/tshark.ts'
import { judgeByDefault } from './default-judge.ts'
import { HARD, page, phone, SITUATIONS } from './quic-situations.ts'

const LINKS: Vantage = { kind: 'links' }

/** All that is wrong with what we read of frames that arrived as they were sent. */
function problemsOf(run: InlineRun): string[] {
  const dissection = new StreamDissection(run.director.recorder)
  const problems: string[] = []
  for (const { number, corrupted } of run.trace.frames()) {
    const found = corrupted ? undefined : dissection.inspect(number)
    if (found === undefined) continue
    const layers = [...found.layers, ...found.views.flatMap((view) => view.layers)]
    problems.push(...layers.flatMap(({ problem }) => (problem === undefined ? [] : [`${String(number)}: ${problem}`])))
    const isUnread = layers.some(
      ({ protocol, fields }) => protocol === 'quic' && fields.some(({ name }) => name === 'quic.remaining_payload'),
    )
    if (isUnread) problems.push(`${String(number)}: not decrypted, ${found.summary}`)
  }
  return problems
}

/** Every request of the run as the inspector shows it, once. */
function requestsOf(run: InlineRun): string[] {
  const dissection = new StreamDissection(run.director.recorder)
  const requests = new Set<string>()
  for (const { number } of run.trace.frames()) {
    const layers = dissection.inspect(number)?.views.flatMap((view) => view.layers) ?? []
    for (const { summary } of layers) {
      const path = /^HTTP\/3 HEADERS stream \d+, GET (\S+)$/.exec(summary)?.[1]
      if (path !== undefined) requests.add(path)
    }
  }
  return [...requests].sort()
}

/** How many packets tshark could not decrypt. */
function undecryptedIn(capture: Uint8Array): number {
  return withFile(capture, (path) => tsharkFields(path, ['frame.number'], '-2', '-Y', 'quic.decryption_failed')).length
}

describe('from the file alone, with what Wireshark does by default', () => {
  for (const [name, make] of SITUATIONS) {
    test(`${name}: everything decrypts, nothing is malformed, and the inspector reads it all`, () => {
      const run = make(1)
      const capture = run.capture(LINKS)
      const { complaints, frames } = judgeByDefault(capture)
      assert.deepEqual(complaints, [])
      assert.equal(frames, run.trace.frameCount)
      assert.deepEqual(problemsOf(run), [])
      assert.deepEqual(requestsOf(run), make === phone ? ['/'] : ['/', '/a.css', '/b.js'])
      // What one host saw comes in another order.
      for (const host of [run.trace.hosts[0], run.trace.hosts.at(-1) ?? ''])
        assert.deepEqual(judgeByDefault(run.capture({ kind: 'host', host })).complaints, [], `at ${host}`)
    })
  }

  test('one flipped byte of a datagram is noticed', () => {
    const run = page({})
    const capture = run.capture(LINKS)
    const at = withFile(capture, (path) => {
      const payload = tshark(path, '-Y', 'udp.length > 1000 && !quic.long.packet_type', '-T', 'fields', '-e', 'udp.payload')
      const wanted = Buffer.from(payload.trim().split('\n').at(-1) ?? '', 'hex').subarray(100, 140)
      return Buffer.from(capture.buffer, capture.byteOffset, capture.length).lastIndexOf(wanted)
    })
    assert.ok(at > 0, 'the datagram is in the file')
    const flipped = capture.slice()
    flipped[at] ^= 1
    assert.equal(undecryptedIn(flipped), 1)
  })

  test('hosts that keep their secrets log none, and only Initial packets can be read', () => {
    const keep = { tls: { keyLog: false } }
    const run = page({ server: keep, browser: keep })
    assert.deepEqual(run.director.store.keyLog, [])
    assert.ok(undecryptedIn(run.capture(LINKS)) > 1, 'this is how a capture looks that does not decrypt')
    assert.deepEqual(requestsOf(run), [])
  })
})

describe('the inspector decompresses what was sent', () => {
  /** Fields of all HEADERS of the run, each once, by stream and by what they are of. */
  function fieldsOf(run: InlineRun): Map<string, Map<string, string>> {
    const dissection = new StreamDissection(run.director.recorder)
    const found = new Map<string, Map<string, string>>()
    for (const { number } of run.trace.frames()) {
      const layers = dissection.inspect(number)?.views.flatMap((view) => view.layers) ?? []
      for (const { summary, fields } of layers) {
        const stream = /^HTTP\/3 HEADERS stream (\d+)/.exec(summary)?.[1]
        if (stream === undefined || summary.endsWith('(goes on)')) continue
        const headers = fields.flatMap(({ name, label, value }) =>
          name === 'http3.headers.header' ? [[label, value] as const] : [],
        )
        const map = new Map(headers)
        found.set(`${map.has(':status') ? 'response' : 'request'} ${stream}`, map)
      }
    }
    return found
  }

  for (const capacity of ['0 B', '4 KiB']) {
    test(`with a dynamic table of ${capacity}`, () => {
      const quic = { qpackTableCapacity: capacity, qpackBlockedStreams: 16 }
      const run = page({ seed: 3, link: HARD, browser: { quic }, server: { quic } })
      const fields = fieldsOf(run)
      const asked = run.trace.all('http:request-received').map(({ data }) => data['target'])
      assert.deepEqual(asked.sort(), ['/', '/a.css', '/b.js'])
      const sizes = new Map([
        ['/', ['30000', 'text/html']],
        ['/a.css', ['20000', 'text/css']],
        ['/b.js', ['60000', 'text/javascript']],
      ])
      for (const stream of ['0', '4', '8']) {
        const request = fields.get(`request ${stream}`)
        const response = fields.get(`response ${stream}`)
        const expected = sizes.get(request?.get(':path') ?? '')
        assert.ok(expected !== undefined, `stream ${stream} asks for something of the page`)
        assert.equal(request?.get(':authority'), 'bob')
        assert.equal(request?.get(':method'), 'GET')
        assert.equal(response?.get(':status'), '200')
        assert.deepEqual([response?.get('content-length'), response?.get('content-type')], expected)
      }
      assert.equal(fields.size, 6)
    })
  }
})

describe('what Wireshark could not read at its place', () => {
  const ofRetries = SITUATIONS.find(([name]) => name === 'Retries and copies of them')?.[1] ?? phone

  test('what would mislead it is set aside whole, with the reason', () => {
    const run = ofRetries(1)
    const rows = withFile(run.capture(LINKS), (path) =>
      tsharkFields(path, ['frame.number', 'frame.interface_name', 'frame.comment', 'frame.len', 'frame.cap_len']),
    )
    const aside = rows.filter(([, name]) => name === 'aside')
    assert.ok(aside.length > 0, 'some packets are')
    for (const [number, , comment, length, captured] of aside) {
      assert.match(comment, /set aside: Wireshark 4\.0 would take it for the beginning of another handshake/, number)
      assert.equal(length, captured)
      assert.equal(Number(length), run.trace.frame(Number(number))?.length, 'it stands where it was')
    }
  })

  test('what came to a host too early to be read stands behind what it needs, with its own time', () => {
    const capture = ofRetries(4).capture({ kind: 'host', host: 'alice' })
    const times = withFile(capture, (path) => tsharkFields(path, ['frame.time_epoch']).map(([time]) => Number(time)))
    const isBack = times.map((time, index) => index > 0 && time < times[index - 1])
    assert.equal(isBack.filter(Boolean).length, 1)
    assert.deepEqual(judgeByDefault(capture).complaints, [])
  })
})

test('with every frame as it was, flipped bits are in the file', () => {
  const run = page({ seed: 2, link: HARD })
  assert.ok(
    undecryptedIn(run.capture({ kind: 'links', repeats: 'whole' })) > 0,
    'this is what showing them as they were sent is for',
  )
})
