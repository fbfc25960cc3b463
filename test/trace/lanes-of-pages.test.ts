import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runInline, type InlineRun } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { Lane, LaneGroup } from '../../src/trace/lanes-lane.ts'
import { Lanes } from '../../src/trace/lanes.ts'
import { NEVER, type FrameRecord, type Nanos } from '../../src/trace/record.ts'
import { StreamDissection } from '../../src/trace/stream-dissection.ts'

/*
 * Pages on links that lose, over HTTP/2 and HTTP/3: who waits for whose bytes, held against what stands in the packets that came.
 */

const FILES: Readonly<Record<string, string>> = {
  '/a.css': '12 kB',
  '/b.js': '25 kB',
  '/1.webp': '20 kB',
  '/2.webp': '25 kB',
  '/3.webp': '20 kB',
  '/4.webp': '4 kB',
}

const SEEDS = 10

type Link = Readonly<Record<string, string | number>>

function load(seed: number, protocol: 'h2' | 'h3', link: Link): InlineRun {
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
      bob: {
        app: 'web-server',
        protocols: ['h3', 'h2'],
        serves: { '/': { size: '10 kB', resources: Object.keys(FILES) }, ...FILES },
        tls: {},
        ...at(1),
      },
    },
    links: [
      { between: ['alice', 'router'], rate: '10 Mbit/s', delay: '15 ms', ...link },
      { between: ['router', 'bob'], rate: '100 Mbit/s', delay: '5 ms' },
    ],
  })
  return runInline(scenario)
}

function lanesOf({ trace }: InlineRun): Lanes {
  const lanes = new Lanes()
  lanes.update(trace)
  assert.ok(trace.first('page:loaded') !== undefined, 'the page did not load')
  return lanes
}

/** Checks that a lane shows a wait at every time at which some of what came was held back, and at no other. */
function assertShown(group: LaneGroup, lane: Lane): void {
  const { arrived, delivered, stream } = lane
  const holds = group.holds(lane)
  for (const time of [...arrived.times, ...delivered.times]) {
    const held = arrived.at(time) - delivered.at(time)
    assert.ok(held >= 0, 'more was delivered than had come')
    const isShown = holds.some(({ from, to }) => from <= time && time < to)
    assert.equal(isShown, held > 0, `stream ${String(stream)} at ${String(time)} holds ${String(held)}`)
  }
  for (const { from, to } of holds) assert.ok(to !== NEVER && to > from, 'a wait without an end')
}

/** STREAM frames of a datagram, decrypted. */
function streamFrames(dissection: StreamDissection, frame: FrameRecord): { stream: number; from: number; to: number }[] {
  const { layers = [], views = [] } = dissection.inspect(frame.number) ?? {}
  return [...layers, ...views.flatMap((view) => view.layers)].flatMap(({ summary }) => {
    const [, stream, length, offset] = /^STREAM (\d+), ([\d,]+) bytes? at (\d+)/.exec(summary) ?? []
    if (stream === undefined) return []
    const from = Number(offset)
    return [{ stream: Number(stream), from, to: from + Number(length?.replaceAll(',', '')) }]
  })
}

/**
 * When each byte of each stream first came to a host, read off the packets. Those that come before the handshake is complete wait for it
 * (RFC 9001 section 5.7): they count as having come then.
 */
function timesOfBytes({ trace }: InlineRun, dissection: StreamDissection, host: number): Map<number, Nanos[]> {
  const came = new Map<number, Nanos[]>()
  const done = trace.first('quic:handshake-done', (event) => event.host === host)?.time ?? NEVER
  const arrived = [
    ...trace.frames(({ to, fate, corrupted, kind }) => to === host && fate === 'arrived' && !corrupted && kind === 'udp'),
  ]
  for (const frame of arrived.sort((a, b) => a.fateAt - b.fateAt)) {
    for (const { stream, from, to } of streamFrames(dissection, frame)) {
      const times = came.get(stream) ?? []
      came.set(stream, times)
      for (let at = from; at < to; at++) times[at] ??= Math.max(done, frame.fateAt)
    }
  }
  return came
}

const LINKS: readonly Link[] = [{ loss: '3 %' }, { loss: '5 %', lossBurst: 3 }]

for (const link of LINKS) {
  describe(`pages over HTTP/3 on a link with ${JSON.stringify(link)}`, () => {
    let waits = 0
    let named = 0
    for (let seed = 1; seed <= SEEDS; seed++) {
      test(`seed ${String(seed)}: no stream waits for another’s bytes; what waits names the packets that were lost with its own`, () => {
        const run = load(seed, 'h3', link)
        const { trace, director } = run
        const lanes = lanesOf(run)
        const dissection = new StreamDissection(director.recorder)
        for (const group of lanes.groups) {
          assert.equal(group.transport, 'quic')
          const came = timesOfBytes(run, dissection, group.host)
          // Every byte is delivered in the moment in which the last byte of its own stream before it has come.
          const delivered = trace.all('quic:stream-delivered', ({ host }) => host === group.host)
          assert.ok(delivered.length > 0, 'nothing was delivered')
          const ready = new Map<number, { next: number; time: Nanos }>()
          for (const { time, data } of delivered) {
            const stream = Number(data['stream'])
            const at = ready.get(stream) ?? { next: 0, time: 0 }
            ready.set(stream, at)
            assert.equal(data['offset'], at.next)
            const times = came.get(stream) ?? []
            for (const end = at.next + Number(data['length']); at.next < end; at.next++) {
              at.time = Math.max(at.time, times[at.next])
              assert.equal(at.time, time, `byte ${String(at.next)} of stream ${String(stream)}`)
            }
          }
          for (const lane of group.lanes) {
            assertShown(group, lane)
            for (const hold of group.holds(lane)) {
              waits++
              assert.equal(hold.cause, 'own')
              assert.ok(hold.missing.length > 0, 'a wait for nothing')
              const times = came.get(lane.stream) ?? []
              for (const range of hold.missing) {
                assert.deepEqual(range.streams, [lane.stream])
                for (let at = range.from; at < range.to; at += 13) {
                  assert.ok(times[at] > hold.from && times[at] <= range.until, `byte ${String(at)} was not missing`)
                }
                const { lost, brought } = group.carriers(trace, lane, range, range.until)
                assert.equal(brought?.fateAt, range.until)
                for (const frame of lost) {
                  named++
                  const inside = streamFrames(dissection, frame)
                  assert.ok(
                    inside.some(({ stream, from, to }) => stream === lane.stream && from < range.to && to > range.from),
                    `packet ${String(frame.number)} has nothing of stream ${String(lane.stream)}`,
                  )
                }
                // Nothing overtakes on these links: each byte was in a packet that was lost.
                const carried = lost.flatMap((frame) => streamFrames(dissection, frame))
                for (let at = range.from; at < range.to; at += 13) {
                  assert.ok(
                    carried.some(({ stream, from, to }) => stream === lane.stream && from <= at && at < to),
                    `byte ${String(at)} was in no lost packet`,
                  )
                }
              }
            }
          }
        }
      })
    }
    test('there were waits, and packets to name', () => {
      assert.ok(waits >= SEEDS && named >= waits, `${String(waits)} waits, ${String(named)} packets`)
    })
  })

  describe(`the same pages over HTTP/2 on a link with ${JSON.stringify(link)}`, () => {
    const counts = { own: 0, others: 0 }
    for (let seed = 1; seed <= SEEDS; seed++) {
      test(`seed ${String(seed)}: every wait names the bytes of TCP that were missing, whose they were, and the packets lost with them`, () => {
        const run = load(seed, 'h2', link)
        const { trace } = run
        for (const group of lanesOf(run).groups) {
          assert.equal(group.transport, 'tcp')
          for (const lane of [group.whole, ...group.lanes]) {
            assertShown(group, lane)
            for (const hold of group.holds(lane)) {
              assert.ok(hold.missing.length > 0, 'a wait for nothing')
              const owners = hold.missing.flatMap(({ streams }) => streams)
              if (lane === group.whole) {
                // A connection waits for its own bytes, whosever they are.
                assert.equal(hold.cause, 'own')
              } else if (hold.cause === 'own') {
                counts.own++
                assert.ok(owners.includes(lane.stream), 'none of its own were missing')
              } else {
                counts.others++
                assert.equal(hold.cause, 'others')
                assert.ok(owners.length > 0 && !owners.includes(lane.stream), `it waits for ${owners.join()}`)
              }
              for (const range of hold.missing) {
                const { lost, brought } = group.carriers(trace, lane, range, range.until)
                assert.ok(lost.length > 0, `nothing was lost of ${String(range.from)}–${String(range.to)}`)
                assert.equal(brought?.fateAt, range.until)
              }
            }
          }
        }
      })
    }
    test('streams waited for their own bytes, and for those of others', () => {
      assert.ok(counts.others >= SEEDS && counts.own >= SEEDS, JSON.stringify(counts))
    })
  })
}
