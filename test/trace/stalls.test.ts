import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { NEVER } from '../../src/trace/record.ts'
import { StallFinder } from '../../src/trace/stalls.ts'
import { carriersOf } from '../../src/trace/stalls-carriers.ts'
import { NO_STREAM, type Stall } from '../../src/trace/stalls-episode.ts'
import { madeTrace, type MadeEvent } from '../scenario/trace-fixture.ts'

const BROWSER = 0
const SERVER = 1
const CONNECTION = '10.0.0.1:49152 ↔ 10.0.0.2:443'
/** Sequence number of the byte at offset 0: it wraps on the way. */
const BASE = 0xffff_f000

const early = (time: number, offset: number, length: number, missingOffset: number): MadeEvent => ({
  name: 'tcp:out-of-order-buffered',
  time,
  host: BROWSER,
  connection: CONNECTION,
  data: { seq: (BASE + offset) >>> 0, length, missingFrom: (BASE + missingOffset) >>> 0, offset, missingOffset },
})
const delivered = (time: number, offset: number, length: number): MadeEvent => ({
  name: 'tcp:delivered',
  time,
  host: BROWSER,
  connection: CONNECTION,
  data: { offset, length },
})
const frame = (how: 'sent' | 'received', time: number, stream: number, from: number, to: number): MadeEvent => ({
  name: `http2:frame-${how}`,
  time,
  host: how === 'sent' ? SERVER : BROWSER,
  connection: CONNECTION,
  data: { stream, type: 'DATA', length: to - from - 9, from, to },
})

function stallsIn(events: readonly MadeEvent[]): Stall[] {
  const finder = new StallFinder()
  for (const event of madeTrace(['browser', 'server'], events).events) finder.take(event)
  return finder.stalls(BROWSER, CONNECTION)
}

describe('what TCP held back', () => {
  test('nothing, while everything comes in order', () => {
    assert.deepEqual(stallsIn([frame('sent', 0, 1, 0, 100), delivered(5, 0, 100)]), [])
  })

  test('a stream waits for another’s bytes: blocked by loss elsewhere, until they come', () => {
    const events = [
      frame('sent', 0, 5, 0, 100),
      frame('sent', 0, 7, 100, 300),
      early(10, 100, 100, 0),
      early(11, 200, 100, 0),
      delivered(50, 0, 300),
    ]
    assert.deepEqual(stallsIn(events), [
      {
        stream: 7,
        isOwn: false,
        from: 10,
        to: 50,
        heldFrom: 100,
        missing: [{ from: 0, to: 100, seq: BASE, since: 0, streams: [5], until: 50 }],
      },
    ])
  })

  test('a stream that misses bytes of its own waits for itself; one behind it waits for loss elsewhere', () => {
    const events = [
      frame('sent', 0, 1, 0, 200),
      frame('sent', 0, 3, 200, 300),
      delivered(1, 0, 50),
      early(10, 100, 100, 50),
      early(12, 200, 100, 50),
      delivered(40, 50, 250),
    ]
    const stalls = stallsIn(events)
    assert.deepEqual(
      stalls.map(({ stream, isOwn, from, to }) => ({ stream, isOwn, from, to })),
      [
        { stream: 1, isOwn: true, from: 10, to: 40 },
        { stream: 3, isOwn: false, from: 12, to: 40 },
      ],
    )
    assert.deepEqual(stalls[1].missing, [{ from: 50, to: 100, seq: BASE + 50, since: 0, streams: [1], until: 40 }])
  })

  test('when its own bytes have come and others have not, its own loss becomes loss elsewhere', () => {
    const events = [
      frame('sent', 0, 1, 0, 100),
      frame('sent', 0, 3, 100, 300),
      early(10, 200, 100, 0),
      early(20, 100, 100, 0),
      delivered(30, 0, 300),
    ]
    assert.deepEqual(
      stallsIn(events).map(({ stream, isOwn, from, to, heldFrom }) => ({ stream, isOwn, from, to, heldFrom })),
      [
        { stream: 3, isOwn: true, from: 10, to: 20, heldFrom: 200 },
        { stream: 3, isOwn: false, from: 20, to: 30, heldFrom: 100 },
      ],
    )
  })

  test('two holes: each is named with when it was filled, and the wait goes on with what is left', () => {
    const events = [
      frame('sent', 0, 1, 0, 100),
      frame('sent', 0, 3, 100, 200),
      frame('sent', 0, 1, 200, 300),
      frame('sent', 0, 3, 300, 400),
      early(10, 100, 100, 0),
      early(12, 300, 100, 0),
      delivered(30, 0, 200),
      delivered(60, 200, 200),
    ]
    assert.deepEqual(
      stallsIn(events).map(({ stream, isOwn, from, to, heldFrom }) => ({ stream, isOwn, from, to, heldFrom })),
      [
        { stream: 3, isOwn: false, from: 10, to: 30, heldFrom: 100 },
        { stream: 3, isOwn: false, from: 30, to: 60, heldFrom: 300 },
      ],
    )
    assert.deepEqual(
      stallsIn(events).map(({ missing }) => missing),
      [
        [{ from: 0, to: 100, seq: BASE, since: 0, streams: [1], until: 30 }],
        [{ from: 200, to: 300, seq: BASE + 200, since: 0, streams: [1], until: 60 }],
      ],
    )
  })

  test('when two ports serve another connection later, whose bytes were whose is told apart', () => {
    const first = [frame('sent', 0, 5, 0, 100), frame('sent', 0, 7, 100, 200), early(10, 100, 100, 0), delivered(50, 0, 200)]
    const second = [frame('sent', 60, 1, 0, 100), frame('sent', 60, 3, 100, 200), early(70, 100, 100, 0), delivered(90, 0, 200)]
    assert.deepEqual(
      stallsIn([...first, ...second]).map(({ stream, missing }) => [stream, missing[0].streams, missing[0].since]),
      [
        [7, [5], 0],
        [3, [1], 0],
      ],
    )
  })

  test('a wait that has not ended is open', () => {
    const [stall] = stallsIn([frame('sent', 0, 1, 0, 10), frame('sent', 0, 3, 10, 20), early(10, 10, 10, 0)])
    assert.equal(stall.to, NEVER)
    assert.equal(stall.missing[0].until, NEVER)
  })

  test('without HTTP/2 the connection waits for its own bytes', () => {
    const [stall] = stallsIn([early(10, 100, 100, 0), delivered(30, 0, 200)])
    assert.deepEqual([stall.stream, stall.isOwn, stall.missing[0].streams], [NO_STREAM, true, [NO_STREAM]])
  })

  test('where the server is a stranger, what the browser has read tells whose the bytes were', () => {
    const events = [
      early(10, 100, 100, 0),
      delivered(30, 0, 200),
      frame('received', 30, 5, 0, 100),
      frame('received', 30, 7, 100, 200),
    ]
    assert.deepEqual(
      stallsIn(events).map(({ stream, isOwn, missing }) => [stream, isOwn, missing[0].streams]),
      [[7, false, [5]]],
    )
  })

  test('a TLS record that carried frames of two streams is missing to both', () => {
    const events = [
      frame('sent', 0, 1, 0, 100),
      frame('sent', 0, 3, 0, 100),
      frame('sent', 0, 3, 100, 200),
      early(10, 100, 100, 0),
    ]
    const [stall] = stallsIn(events)
    assert.deepEqual([stall.stream, stall.isOwn, stall.missing[0].streams], [3, true, [1, 3]])
  })
})

test('bytes were not under way before the frames ahead of theirs had been written', () => {
  // A frame is told of when it has been written as a whole: its first bytes may have left long before.
  const events = [
    frame('sent', 3, 1, 0, 100),
    frame('sent', 40, 3, 100, 200),
    frame('sent', 40, 5, 200, 300),
    early(20, 250, 50, 150),
  ]
  assert.equal(stallsIn(events)[0].missing[0].since, 3)
})

describe('any order of arrival', () => {
  const SIZE = 60
  const plan = fc.record({
    streams: fc.array(fc.record({ stream: fc.constantFrom(1, 3, 5), length: fc.integer({ min: 1, max: 12 }) }), {
      minLength: 20,
      maxLength: 20,
    }),
    arrivals: fc.array(fc.record({ from: fc.nat(SIZE - 1), length: fc.integer({ min: 1, max: 9 }) }), {
      minLength: 1,
      maxLength: 40,
    }),
  })

  test('the waits are those that a receiver sees byte by byte', () => {
    fc.assert(
      fc.property(plan, ({ streams, arrivals }) => {
        const owner: number[] = []
        const events: MadeEvent[] = []
        for (const { stream, length } of streams) {
          if (owner.length >= SIZE) break
          events.push(frame('sent', 0, stream, owner.length, owner.length + length))
          owner.push(...Array<number>(length).fill(stream))
        }
        fc.pre(owner.length >= SIZE)
        const has = Array<boolean>(owner.length).fill(false)
        const came = Array<number>(owner.length).fill(NEVER)
        let next = 0
        /** By time: what each stream waits for, as `stream: own?` with the missing bytes below. */
        const seen: Map<number, { isOwn: boolean; missing: number[] }>[] = []
        arrivals.forEach(({ from, length }, index) => {
          const time = index + 1
          const to = Math.min(from + length, owner.length)
          if (to > next) {
            if (from > next) events.push(early(time, from, to - from, next))
            for (let at = Math.max(from, next); at < to; at++) came[at] = Math.min(came[at], time)
            has.fill(true, Math.max(from, next), to)
            if (from <= next) {
              const before = next
              while (has[next]) next++
              events.push(delivered(time, before, next - before))
            }
          }
          const waits = new Map<number, { isOwn: boolean; missing: number[] }>()
          const missing: number[] = []
          for (let at = next; at < owner.length; at++) {
            if (!has[at]) missing.push(at)
            else if (missing.length > 0 && !waits.has(owner[at])) {
              waits.set(owner[at], { isOwn: missing.some((byte) => owner[byte] === owner[at]), missing: [...missing] })
            }
          }
          seen[time] = waits
        })
        const stalls = stallsIn(events)
        for (let time = 1; time < seen.length; time++) {
          const now = stalls.filter(({ from, to }) => from <= time && time < to)
          assert.deepEqual(new Set(now.map(({ stream }) => stream)), new Set(seen[time].keys()))
          for (const stall of now) {
            const { isOwn, missing } = seen[time].get(stall.stream) ?? { isOwn: false, missing: [] }
            assert.equal(stall.isOwn, isOwn)
            // Each byte that is missing now was missing when the wait began, and is named.
            for (const byte of missing) {
              const range = stall.missing.find(({ from, to }) => from <= byte && byte < to)
              assert.ok(
                range !== undefined && range.until > time,
                `byte ${String(byte)} is missing at ${String(time)} and not named`,
              )
            }
          }
        }
        for (const { missing, from, to } of stalls) {
          assert.ok(missing.length > 0 && from < to, 'an empty wait')
          for (const range of missing) assert.equal(range.until, Math.max(...came.slice(range.from, range.to)))
        }
      }),
      { seed: 4, numRuns: 1000 },
    )
  })
})

describe('which packets had carried the missing bytes', () => {
  const wanted = { host: BROWSER, connection: CONNECTION, seq: (BASE + 0xff0) >>> 0, length: 100, since: 5, until: 90 }
  const data = { kind: 'tcp-data', connection: 1, from: SERVER, to: BROWSER, direction: 1 } as const
  const trace = madeTrace(
    ['browser', 'server'],
    [delivered(0, 0, 1)],
    [
      { ...data, enqueued: 1, seq: (BASE + 0xff0) >>> 0, payload: 100, fate: 'random-loss', fateAt: 2 },
      { ...data, enqueued: 6, seq: (BASE + 0xff0) >>> 0, payload: 100, fate: 'random-loss', fateAt: 7 },
      { ...data, enqueued: 7, seq: (BASE + 0xff0 - 100) >>> 0, payload: 100, fate: 'queue-full', fateAt: 8 },
      { ...data, enqueued: 8, seq: (BASE + 0xff0 + 100) >>> 0, payload: 100, fate: 'queue-full', fateAt: 8 },
      // Beyond the end of sequence numbers: the range goes on there.
      { ...data, enqueued: 9, seq: 0x20, payload: 10, fate: 'arrived', fateAt: 12, corrupted: true },
      { ...data, enqueued: 10, seq: (BASE + 0xff0) >>> 0, payload: 100, connection: 0, fate: 'random-loss', fateAt: 12 },
      { ...data, enqueued: 11, from: BROWSER, to: SERVER, seq: 0, payload: 10, fate: 'random-loss', fateAt: 12 },
      { ...data, enqueued: 60, seq: (BASE + 0xff0) >>> 0, payload: 50, fate: 'arrived', fateAt: 80 },
      { ...data, enqueued: 61, seq: (BASE + 0xff0 + 50) >>> 0, payload: 50, fate: 'arrived', fateAt: 90 },
      { ...data, enqueued: 95, seq: (BASE + 0xff0) >>> 0, payload: 100, fate: 'random-loss', fateAt: 99 },
    ],
  )

  test('the lost and the spoiled ones, and the one that brought them at last, across the end of sequence numbers', () => {
    const { lost, brought } = carriersOf(trace, wanted)
    assert.deepEqual(
      lost.map(({ number }) => number),
      [2, 5],
    )
    assert.equal(brought?.number, 9)
  })

  test('while they are missing, nothing has brought them', () => {
    assert.equal(carriersOf(trace, { ...wanted, until: NEVER }).brought, undefined)
  })

  test('of a connection that the trace does not know, there are none', () => {
    assert.deepEqual(carriersOf(trace, { ...wanted, connection: 'no such' }), { lost: [], brought: undefined })
  })
})
