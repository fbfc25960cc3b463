import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runInline, type InlineRun } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { judgeByDefault } from './default-judge.ts'
import { tsharkFields, withFile } from '../vectors/tshark.ts'

/** A download that takes many segments, over two routers, each of three links losing some. */
function download(seed: number, more: { app?: Record<string, unknown>; loss?: string; ip?: string } = {}): InlineRun {
  const { loss = '3 %', ip = 'v4' } = more
  const line = { rate: '20 Mbit/s', delay: '5 ms', loss }
  const scenario = resolveScenario({
    id: 'far',
    title: 'Far',
    seed,
    ip,
    duration: '60 s',
    hosts: {
      alice: { app: 'browser', visits: 'http://bob/' },
      r1: { kind: 'router' },
      r2: { kind: 'router' },
      bob: { app: 'web-server', serves: { '/': '200 kB' } },
      ...more.app,
    },
    links: [
      { between: ['alice', 'r1'], ...line },
      { between: ['r1', 'r2'], ...line },
      { between: ['r2', 'bob'], ...line },
    ],
  })
  return runInline(scenario)
}

const COLUMNS = [
  'frame.number',
  'frame.len',
  'frame.cap_len',
  'frame.comment',
  'tcp.len',
  'tcp.seq_raw',
  'tcp.payload',
  'tcp.srcport',
]

describe('a capture of all links of a download with losses', () => {
  for (const ip of ['v4', 'v6']) {
    for (const seed of [1, 2, 3]) {
      test(`over IP${ip}, seed ${String(seed)}: Wireshark finds nothing wrong, and the whole file`, () => {
        const run = download(seed, { ip })
        assert.ok(run.trace.first('page:loaded') !== undefined, 'the page was loaded')
        const capture = run.capture({ kind: 'links' })
        const { frames, complaints } = judgeByDefault(capture)
        assert.deepEqual(complaints, [])
        assert.equal(frames, run.trace.frameCount)
        const sizes = withFile(capture, (path) => tsharkFields(path, ['http.content_length'], '-2', '-Y', 'http.response'))
        assert.deepEqual(sizes, [['200000']])
      })
    }
  }

  test('a repeat has its headers, its length, and the number of the packet that has its payload', () => {
    const run = download(1)
    const rows = (repeats: 'headers' | 'whole'): string[][] =>
      withFile(run.capture({ kind: 'links', repeats }), (path) => tsharkFields(path, COLUMNS))
    const [cut, whole] = [rows('headers'), rows('whole')]
    assert.equal(cut.length, whole.length)
    let repeats = 0
    for (const [index, [number, length, captured, comment, tcpLength, seq, payload, port]] of cut.entries()) {
      const [, wholeLength, wholeCaptured, , wholeTcpLength, , wholePayload] = whole[index]
      assert.deepEqual([length, tcpLength], [wholeLength, wholeTcpLength])
      const earlier = /payload as in packet (\d+)$/.exec(comment)?.[1]
      if (earlier === undefined) {
        assert.deepEqual([captured, payload], [wholeCaptured, wholePayload])
        continue
      }
      repeats++
      assert.equal(Number(captured), Number(length) - Number(tcpLength))
      assert.ok(Number(earlier) < Number(number), `packet ${earlier} comes before ${number}`)
      const [, , , firstComment, firstLength, firstSeq, firstPayload, firstPort] = cut[Number(earlier) - 1]
      assert.ok(!firstComment.includes('payload as in'), 'the packet named has its payload')
      assert.equal(firstPort, port)
      const offset = Number(seq) - Number(firstSeq)
      assert.ok(offset >= 0 && offset < Number(firstLength), 'the packet named has the first byte')
      assert.equal(firstPayload.slice(offset * 2, offset * 2 + 8), wholePayload.slice(0, 8))
    }
    assert.ok(repeats > 250, `each segment of three links, ${String(repeats)} repeats`)
  })
})

test('of a stream that Wireshark does not put together, each copy is whole', () => {
  const run = download(1, {
    app: {
      alice: { app: 'socket-script', connect: 'bob:5000', steps: [{ do: 'read-to-end' }, { do: 'close' }] },
      bob: { app: 'socket-script', listen: 5000, steps: [{ do: 'send', bytes: '100 kB' }, { do: 'close' }] },
    },
  })
  assert.deepEqual(run.capture({ kind: 'links' }), run.capture({ kind: 'links', repeats: 'whole' }))
})

test('what one host saw is whole, whatever came again', () => {
  const run = download(2)
  for (const host of ['alice', 'bob']) {
    const lengths = withFile(run.capture({ kind: 'host', host }), (path) => tsharkFields(path, ['frame.len', 'frame.cap_len']))
    for (const [length, captured] of lengths) assert.equal(captured, length)
  }
})

test('what was refused for flipped bits stands there as it was handed to the link, and says so', () => {
  const scenario = resolveScenario({
    id: 'noise',
    title: 'Noise',
    duration: '60 s',
    hosts: { alice: { app: 'browser', visits: 'http://bob/' }, bob: { app: 'web-server', serves: { '/': '50 kB' } } },
    links: [{ between: ['alice', 'bob'], rate: '20 Mbit/s', delay: '5 ms', corrupt: '20 %' }],
  })
  const run = runInline(scenario)
  const columns = ['frame.comment', 'frame.len', 'frame.cap_len', 'tcp.seq_raw', 'tcp.len', 'tcp.srcport', 'tcp.checksum.status']
  const spoiled = (repeats: 'headers' | 'whole'): string[][] => {
    const rows = withFile(run.capture({ kind: 'links', repeats }), (path) => tsharkFields(path, columns))
    return rows.filter(([comment, , , , length, port]) => comment.includes('bits flipped') && port === '80' && Number(length) > 0)
  }
  const shown = spoiled('headers')
  assert.ok(shown.length > 3, 'some are spoiled')
  for (const [comment, length, captured, , , , checksum] of shown) {
    assert.match(comment, /^lost: bits flipped on the way/)
    if (!comment.includes('payload as in packet')) assert.deepEqual([captured, checksum], [length, '1'])
  }
  const flipped = spoiled('whole').filter(([, , , , , , checksum]) => checksum === '0')
  assert.ok(flipped.length > 3, 'with every byte as it came to be, the checksums are wrong')
})
