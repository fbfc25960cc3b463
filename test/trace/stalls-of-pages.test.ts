import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runInline, type InlineRun } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { NEVER } from '../../src/trace/record.ts'
import { carriersOf } from '../../src/trace/stalls-carriers.ts'
import { Waterfall, type FetchRow, type SpanKind } from '../../src/trace/waterfall.ts'
import { decodeEthernet } from '../../src/wire/ethernet.ts'
import { decodeIpv4Header, IpProtocol } from '../../src/wire/ipv4.ts'
import { decodeTcp, TcpSegment } from '../../src/wire/tcp.ts'

/*
 * Pages over HTTP/2 on links that lose, held against what can be read off the packets themselves: which bytes came when.
 */

const FILES: Readonly<Record<string, string>> = {
  '/a.css': '30 kB',
  '/b.js': '60 kB',
  '/1.webp': '40 kB',
  '/2.webp': '50 kB',
  '/3.webp': '20 kB',
  '/4.webp': '4 kB',
}

function load(seed: number, protocol: 'h2' | 'http/1.1', link: Record<string, string>): InlineRun {
  const at = (x: number) => ({ position: { x, y: 0.5 } })
  const scenario = resolveScenario({
    id: 'lossy-page',
    title: 'A page',
    summary: 'Over a link that loses.',
    seed,
    duration: '60 s',
    hosts: {
      alice: { app: 'browser', visits: 'https://bob/', protocols: [protocol], ...at(0) },
      router: { kind: 'router', ...at(0.5) },
      bob: { app: 'web-server', serves: { '/': { size: '20 kB', resources: Object.keys(FILES) }, ...FILES }, tls: {}, ...at(1) },
    },
    links: [
      { between: ['alice', 'router'], rate: '10 Mbit/s', delay: '15 ms', ...link },
      { between: ['router', 'bob'], rate: '100 Mbit/s', delay: '5 ms' },
    ],
  })
  return runInline(scenario)
}

/** A segment with text that reached the browser's host whole. */
interface Arrival {
  readonly time: number
  readonly seq: number
  readonly length: number
}

/** What reached a host on one connection, read off the bytes of the packets; and the sequence number of the first byte. */
function arrivalsAt({ trace, director }: InlineRun, host: number, connection: string): { base: number; arrivals: Arrival[] } {
  const arrivals: Arrival[] = []
  let base = -1
  for (const frame of trace.frames()) {
    if (frame.to !== host || frame.fate !== 'arrived' || frame.corrupted || trace.connections[frame.connection] !== connection)
      continue
    const bytes = director.recorder.bytesAsSent(frame.number)
    assert.ok(bytes !== undefined, 'bytes were let go')
    const { payloadStart } = decodeEthernet(bytes, 0, bytes.length)
    const header = decodeIpv4Header(bytes, payloadStart, bytes.length)
    assert.equal(header.protocol, IpProtocol.TCP)
    const segment = decodeTcp(bytes, header.payloadStart, header.payloadEnd, new TcpSegment())
    assert.deepEqual([frame.seq, frame.payload], [segment.seq, segment.payload.length])
    if (frame.kind === 'tcp-syn') base = (segment.seq + 1) >>> 0
    if (segment.payload.length > 0) arrivals.push({ time: frame.fateAt, seq: segment.seq, length: segment.payload.length })
  }
  return { base, arrivals: arrivals.sort((a, b) => a.time - b.time) }
}

/** When each byte of a stream came first, by offset. */
function timesOfBytes(base: number, arrivals: readonly Arrival[]): number[] {
  const times: number[] = []
  for (const { time, seq, length } of arrivals) {
    const offset = (seq - base) | 0
    for (let at = Math.max(0, offset); at < offset + length; at++) times[at] ??= time
  }
  return times
}

/** Checks that the phases of each resource add up to its time, at its end and on the way; returns how many spans there are of each kind. */
function addUp(waterfall: Waterfall): Map<SpanKind, number> {
  const counts = new Map<SpanKind, number>()
  for (const row of waterfall.rows) {
    assert.ok(row.ended !== NEVER, `${row.url} did not end`)
    for (const share of [0.1, 0.5, 0.9, 1, 2]) {
      const until = row.queued + Math.round((row.ended - row.queued) * share)
      const spans = waterfall.spans(row, until)
      const sum = spans.reduce((total, { from, to }) => total + to - from, 0)
      assert.equal(sum, Math.min(until, row.ended) - row.queued)
      if (share === 1) for (const { kind } of spans) counts.set(kind, (counts.get(kind) ?? 0) + 1)
    }
  }
  return counts
}

const LINKS: readonly Record<string, string>[] = [{ loss: '2 %' }, { loss: '6 %' }, { queue: '16 KiB' }]

for (const link of LINKS) {
  describe(`pages over HTTP/2 on a link with ${JSON.stringify(link)}`, () => {
    let waits = 0
    let blocked = 0
    for (let seed = 1; seed <= 6; seed++) {
      test(`seed ${String(seed)}: every wait names the bytes that were missing, and the packets that were lost with them`, () => {
        const run = load(seed, 'h2', link)
        const { trace } = run
        const waterfall = new Waterfall()
        waterfall.update(trace)
        assert.equal(waterfall.pages[0]?.milestones.at(-1)?.kind, 'loaded')
        const connections = new Set(waterfall.rows.map(({ connection }) => connection))
        for (const connection of connections) {
          const { base, arrivals } = arrivalsAt(run, 0, connection)
          const came = timesOfBytes(base, arrivals)
          // When each byte could be handed on: when all before it had come, too.
          const handed: number[] = []
          came.forEach((time, at) => (handed[at] = Math.max(time, handed[at - 1] ?? 0)))
          const stalls = waterfall.stalls.stalls(0, connection)
          // A stream's bytes that waited lie within one of its stalls, all the time.
          const frames = trace.all('http2:frame-sent', (event) => event.host === 2 && event.connection === connection)
          assert.ok(frames.length > 0, 'nobody told of frames')
          for (const { data } of frames) {
            const [from, to] = [Number(data['from']), Number(data['to'])]
            for (let at = from; at < to; at += 97) {
              if (handed[at] === came[at]) continue
              const during = stalls.filter(
                (stall) => stall.stream === data['stream'] && stall.from < handed[at] && stall.to > came[at],
              )
              const covered = during.reduce(
                (sum, stall) => sum + Math.min(stall.to, handed[at]) - Math.max(stall.from, came[at]),
                0,
              )
              assert.equal(covered, handed[at] - came[at], `byte ${String(at)} of stream ${String(data['stream'])} waited unseen`)
            }
          }
          for (const stall of stalls) {
            waits++
            assert.ok(stall.missing.length > 0, 'a wait for nothing')
            assert.ok(stall.to !== NEVER && stall.to > stall.from, 'a wait without an end')
            for (const range of stall.missing) {
              for (let at = range.from; at < range.to; at += 13) {
                assert.ok(came[at] > stall.from, `byte ${String(at)} had come before the wait began`)
                assert.ok(came[at] <= range.until, `byte ${String(at)} came after the range was said to be whole`)
              }
              const { lost, brought } = carriersOf(trace, {
                host: 0,
                connection,
                seq: range.seq,
                length: range.to - range.from,
                since: range.since,
                until: range.until,
              })
              assert.ok(lost.length > 0, `nothing was lost of ${String(range.from)}–${String(range.to)}`)
              // Each byte of the range was in one of them.
              for (let at = range.from; at < range.to; at += 13) {
                const seq = (base + at) >>> 0
                assert.ok(
                  lost.some((frame) => (seq - frame.seq) >>> 0 < frame.payload),
                  `byte ${String(at)} was in no lost packet`,
                )
              }
              assert.equal(brought?.fateAt, range.until)
            }
          }
        }
        blocked += addUp(waterfall).get('blocked') ?? 0
      })
    }
    test('there were waits, and some for loss elsewhere', () => {
      assert.ok(waits > 0, 'no waits')
      assert.ok(blocked > 0, 'nothing was blocked')
    })
  })
}

test('on a link that also reorders, duplicates and corrupts, each range that was missing was lost, spoiled or overtaken', () => {
  const counts = { lost: 0, overtaken: 0 }
  for (let seed = 1; seed <= 6; seed++) {
    const { trace } = load(seed, 'h2', { loss: '1 %', reorder: '4 %', reorderBy: '15 ms', duplicate: '3 %', corrupt: '2 %' })
    const waterfall = new Waterfall()
    waterfall.update(trace)
    addUp(waterfall)
    for (const connection of new Set(waterfall.rows.map((row) => row.connection))) {
      for (const { missing } of waterfall.stalls.stalls(0, connection)) {
        for (const { from, to, seq, since, until } of missing) {
          const { lost, brought } = carriersOf(trace, { host: 0, connection, seq, length: to - from, since, until })
          assert.equal(brought?.fateAt, until)
          counts[lost.length > 0 ? 'lost' : 'overtaken']++
        }
      }
    }
  }
  assert.ok(counts.lost > 0 && counts.overtaken > 0, JSON.stringify(counts))
})

test('with HTTP/1.1 on six connections, resources wait for lost bytes of their own, and never for those of others', () => {
  let own = 0
  for (let seed = 1; seed <= 6; seed++) {
    const { trace } = load(seed, 'http/1.1', { loss: '6 %' })
    const waterfall = new Waterfall()
    waterfall.update(trace)
    const counts = addUp(waterfall)
    assert.equal(counts.get('blocked'), undefined)
    own += counts.get('repairing') ?? 0
  }
  assert.ok(own > 10, `only ${String(own)} waits`)
})

test('in the middle of a run, the whole of it gives what the beginning gave', () => {
  const run = load(3, 'h2', { loss: '6 %' })
  const { events } = run.trace
  const whole = new Waterfall()
  whole.update(run.trace)
  const growing = new Waterfall()
  let shown = 0
  for (let count = 0; count <= events.length; count += 13) {
    const now = events[count]?.time ?? 0
    growing.update({ ...run.trace, hosts: run.trace.hosts, events: events.slice(0, count) })
    for (const row of growing.rows) {
      const later = whole.rows[row.index]
      const told = (waterfall: Waterfall, of: FetchRow) =>
        waterfall.spans(of, now).map(({ kind, from, to }) => `${kind} ${String(from)}–${String(to)}`)
      assert.deepEqual(told(growing, row), told(whole, later))
      shown++
    }
  }
  assert.ok(shown > 100, 'nothing was compared')
})
