import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { LaneGroup } from '../../src/trace/lanes-lane.ts'
import { Lanes } from '../../src/trace/lanes.ts'
import { FrameMark, NEVER, type FrameRecord } from '../../src/trace/record.ts'
import { madeTrace, type MadeEvent } from '../scenario/trace-fixture.ts'

const BROWSER = 0
const SERVER = 1
const CONNECTION = '10.0.0.1:49152 ↔ 10.0.0.2:443'

const at = (time: number, name: string, data: MadeEvent['data'] = {}, host = BROWSER): MadeEvent => ({
  time,
  name,
  host,
  connection: CONNECTION,
  data,
})
const early = (time: number, offset: number, length: number, missingOffset: number): MadeEvent =>
  at(time, 'tcp:out-of-order-buffered', { seq: 1000 + offset, length, missingFrom: 1000 + missingOffset, offset, missingOffset })
const delivered = (time: number, offset: number, length: number): MadeEvent => at(time, 'tcp:delivered', { offset, length })
const frame = (time: number, stream: number, from: number, to: number): MadeEvent =>
  at(time, 'http2:frame-sent', { stream, type: 'DATA', length: to - from - 9, from, to }, SERVER)
const received = (time: number, stream: number, offset: number, length: number, packet = 0): MadeEvent =>
  at(time, 'quic:stream-received', { stream, offset, length, packet })
const readable = (time: number, stream: number, offset: number, length: number): MadeEvent =>
  at(time, 'quic:stream-delivered', { stream, offset, length })

function read(events: readonly MadeEvent[]): Lanes {
  const lanes = new Lanes()
  lanes.update(madeTrace(['browser', 'server'], events))
  return lanes
}

function only(lanes: Lanes): LaneGroup {
  assert.equal(lanes.groups.length, 1)
  return lanes.groups[0]
}

/** What lanes say, in plain words: by stream, its growth and its waits. */
function told(group: LaneGroup): Record<string, unknown> {
  return Object.fromEntries(
    group.lanes.map((lane) => [
      lane.stream,
      {
        arrived: lane.arrived.times.map((time, index) => [time, lane.arrived.totals[index]]),
        delivered: lane.delivered.times.map((time, index) => [time, lane.delivered.totals[index]]),
        holds: group.holds(lane).map(({ cause, from, to }) => [cause, from, to]),
      },
    ]),
  )
}

describe('streams of HTTP/2 over one TCP connection', () => {
  test('bytes go to the stream they belong to, when they come and when they are handed on', () => {
    const group = only(read([frame(0, 1, 0, 100), frame(0, 3, 100, 300), delivered(5, 0, 150), delivered(6, 150, 150)]))
    assert.deepEqual(told(group), {
      1: { arrived: [[5, 100]], delivered: [[5, 100]], holds: [] },
      3: {
        arrived: [
          [5, 50],
          [6, 200],
        ],
        delivered: [
          [5, 50],
          [6, 200],
        ],
        holds: [],
      },
    })
    assert.deepEqual([group.transport, group.whole.arrived.total, group.whole.delivered.total], ['tcp', 300, 300])
  })

  test('one lost segment of one stream holds back the bytes of another: they have come, and wait', () => {
    const group = only(
      read([frame(0, 1, 0, 100), frame(0, 3, 100, 300), early(10, 100, 100, 0), early(11, 200, 100, 0), delivered(50, 0, 300)]),
    )
    assert.deepEqual(told(group), {
      3: {
        arrived: [
          [10, 100],
          [11, 200],
        ],
        delivered: [[50, 200]],
        holds: [['others', 10, 50]],
      },
      1: { arrived: [[50, 100]], delivered: [[50, 100]], holds: [] },
    })
    const [, lane] = group.lanes
    assert.deepEqual(
      group.holds(group.lanes[0])[0].missing.map(({ from, to, streams }) => [from, to, streams]),
      [[0, 100, [1]]],
    )
    assert.equal(group.lanes[0].arrived.at(10) - group.lanes[0].delivered.at(10), 100)
    assert.equal(lane.arrived.at(49), 0)
    assert.deepEqual(
      group.holds(group.whole).map(({ cause, from, to }) => [cause, from, to]),
      [['own', 10, 50]],
    )
  })

  test('frames that share a record of TLS share its bytes: none is counted twice', () => {
    const shared = (stream: number): MadeEvent =>
      at(0, 'http2:frame-sent', { stream, type: 'HEADERS', length: 20, from: 0, to: 80 }, SERVER)
    const group = only(read([shared(1), shared(3), delivered(5, 0, 80)]))
    assert.deepEqual(
      group.lanes.map(({ stream, arrived }) => [stream, arrived.total]),
      [
        [1, 29],
        [3, 29],
      ],
    )
    assert.equal(group.whole.arrived.total, 80)
  })

  test('where the sender is a stranger, the receiver says whose bytes they were, when their frame is complete', () => {
    const own = (time: number, stream: number, from: number, to: number): MadeEvent =>
      at(time, 'http2:frame-received', { stream, type: 'DATA', length: to - from - 9, from, to })
    const group = only(read([delivered(5, 0, 100), delivered(6, 100, 100), own(6, 1, 0, 200)]))
    assert.deepEqual(told(group)[1], {
      arrived: [
        [5, 100],
        [6, 200],
      ],
      delivered: [
        [5, 100],
        [6, 200],
      ],
      holds: [],
    })
  })

  test('each end has its lanes; the one that opened the connection is the client', () => {
    const lanes = read([
      at(0, 'tcp:state-changed', { from: 'CLOSED', to: 'SYN-SENT' }),
      at(1, 'tcp:state-changed', { from: 'LISTEN', to: 'SYN-RECEIVED' }, SERVER),
      { ...delivered(3, 0, 10), host: SERVER },
      delivered(5, 0, 100),
    ])
    assert.deepEqual(
      lanes.groups.map(({ host, isClient, whole }) => [host, isClient, whole.arrived.total]),
      [
        [BROWSER, true, 100],
        [SERVER, false, 10],
      ],
    )
  })

  test('the same two ports once more are another connection', () => {
    const open = (time: number): MadeEvent => at(time, 'tcp:state-changed', { from: 'CLOSED', to: 'SYN-SENT' })
    const lanes = read([
      open(0),
      frame(1, 1, 0, 100),
      delivered(5, 0, 100),
      open(100),
      frame(101, 1, 0, 40),
      early(110, 20, 20, 0),
      delivered(120, 0, 40),
    ])
    assert.deepEqual(
      lanes.groups.map((group) => [group.begun, told(group)]),
      [
        [0, { 1: { arrived: [[5, 100]], delivered: [[5, 100]], holds: [] } }],
        [
          100,
          {
            1: {
              arrived: [
                [110, 20],
                [120, 40],
              ],
              delivered: [[120, 40]],
              holds: [['own', 110, 120]],
            },
          },
        ],
      ],
    )
  })

  test('a lane is called by what was asked for', () => {
    const lanes = read([
      { ...at(0, 'fetch:queued', { id: 4, url: 'https://bob/a.css' }), connection: '' },
      delivered(1, 0, 10),
      at(2, 'fetch:phase-started', { id: 4, phase: 'sending', stream: 7 }),
      at(3, 'fetch:phase-started', { id: 4, phase: 'waiting', stream: 7 }),
    ])
    const [lane] = only(lanes).lanes
    assert.deepEqual([lane.stream, lane.carries], [7, [{ time: 2, url: 'https://bob/a.css' }]])
    assert.equal(lane.urlAt(1), '')
  })
})

describe('streams of QUIC', () => {
  test('each waits for its own bytes, none for another’s', () => {
    const group = only(
      read([
        received(10, 0, 100, 100),
        received(11, 4, 0, 100),
        readable(11, 4, 0, 100),
        received(50, 0, 0, 100),
        readable(50, 0, 0, 200),
      ]),
    )
    assert.deepEqual(told(group), {
      0: {
        arrived: [
          [10, 100],
          [50, 200],
        ],
        delivered: [[50, 200]],
        holds: [['own', 10, 50]],
      },
      4: { arrived: [[11, 100]], delivered: [[11, 100]], holds: [] },
    })
    assert.deepEqual(
      group.holds(group.lanes[0])[0].missing.map(({ from, to, until, streams }) => [from, to, until, streams]),
      [[0, 100, 50, [0]]],
    )
    assert.deepEqual([group.transport, group.holds(group.whole)], ['quic', []])
  })

  test('a second hole opens while the first is open: both are named, each until it is filled', () => {
    const group = only(read([received(1, 0, 10, 10), received(2, 0, 30, 10), received(3, 0, 0, 10), received(9, 0, 20, 10)]))
    const [hold, ...more] = group.holds(group.lanes[0])
    assert.deepEqual(more, [])
    assert.deepEqual([hold.from, hold.to], [1, 9])
    assert.deepEqual(
      hold.missing.map(({ from, to, until }) => [from, to, until]),
      [
        [0, 10, 3],
        [20, 30, 9],
      ],
    )
  })

  test('what comes twice is counted once, and changes nothing', () => {
    const group = only(read([received(1, 0, 0, 10), received(2, 0, 0, 10), received(3, 0, 5, 10)]))
    assert.deepEqual(told(group)[0], {
      arrived: [
        [1, 10],
        [3, 15],
      ],
      delivered: [],
      holds: [],
    })
  })

  test('a header section waits for the table of QPACK (RFC 9204 section 2.1.2)', () => {
    const group = only(
      read([
        received(1, 4, 0, 10),
        at(1, 'qpack:blocked', { stream: 4 }),
        at(1, 'qpack:blocked', { stream: 4 }),
        at(30, 'qpack:unblocked', { stream: 4 }),
      ]),
    )
    assert.deepEqual(told(group)[4], { arrived: [[1, 10]], delivered: [], holds: [['qpack', 1, 30]] })
  })

  test('the lost packet is the one that left between those with the bytes below and above', () => {
    const base = { connection: 1, from: SERVER, to: BROWSER, length: 1242 }
    const lost: Partial<FrameRecord> = { fate: 'random-loss' }
    // On their first link, then passed on by a router; the third is lost on the second link, the fourth is an acknowledgment.
    const frames: Partial<FrameRecord>[] = [
      { ...base, to: 2, id: 1 },
      { ...base, to: 2, id: 2 },
      { ...base, to: 2, id: 3, length: 80, ...lost },
      { ...base, to: 2, id: 4 },
      { ...base, from: 2, id: 5, cause: 1, mark: FrameMark.Forwarded },
      { ...base, from: 2, id: 6, cause: 2, mark: FrameMark.Forwarded, ...lost },
      { ...base, from: 2, id: 7, cause: 4, mark: FrameMark.Forwarded },
      { ...base, id: 8, ...lost },
      { ...base, id: 9 },
    ]
    const events = [received(10, 0, 0, 1000), received(11, 0, 2000, 1000), received(50, 0, 1000, 1000)]
    const made = madeTrace(['browser', 'server', 'router'], events, frames)
    const causes = [5, 7, 9]
    const trace = { ...made, events: made.events.map((event, index) => ({ ...event, cause: causes[index] })) }
    const lanes = new Lanes()
    lanes.update(trace)
    const group = only(lanes)
    const [hold] = group.holds(group.lanes[0])
    const carriers = group.carriers(trace, group.lanes[0], hold.missing[0], 50)
    assert.deepEqual([carriers.lost.map(({ id }) => id), carriers.brought?.id], [[6], 9])
    assert.equal(group.carriers(trace, group.lanes[0], hold.missing[0], NEVER).brought, undefined)
  })
})

test('read in pieces or at once, the lanes are the same; delivered never exceeds arrived, and a stream without a hold has both alike', () => {
  const piece = fc.record({ stream: fc.constantFrom(0, 4, 8), chunk: fc.nat(9), early: fc.boolean() })
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.integer({ min: 1, max: 7 }), (pieces, size) => {
      const came = new Map<number, Set<number>>()
      const next = new Map<number, number>()
      const events = pieces.flatMap(({ stream, chunk }, index): MadeEvent[] => {
        const chunks = came.get(stream) ?? new Set<number>()
        came.set(stream, chunks.add(chunk))
        const from = next.get(stream) ?? 0
        let to = from
        while (chunks.has(to)) to++
        next.set(stream, to)
        const told = [received(index, stream, chunk * 10, 10)]
        return to > from ? [...told, readable(index, stream, from * 10, (to - from) * 10)] : told
      })
      const whole = read(events)
      const inPieces = new Lanes()
      for (let end = 0; end < events.length + size; end += size) {
        inPieces.update(madeTrace(['browser', 'server'], events.slice(0, end)))
      }
      assert.deepEqual(inPieces.groups.map(told), whole.groups.map(told))
      for (const group of whole.groups) {
        for (const lane of group.lanes) {
          for (let time = 0; time < pieces.length; time++) {
            const held = lane.arrived.at(time) - lane.delivered.at(time)
            const waits = group.holds(lane).some(({ from, to }) => from <= time && time < to)
            assert.equal(held > 0, waits, `stream ${String(lane.stream)} at ${String(time)}`)
          }
        }
      }
    }),
    { seed: 11, numRuns: 300 },
  )
})
