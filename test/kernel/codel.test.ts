import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { CodelQueue } from '../../src/kernel/codel-queue.ts'
import type { LinkSettings } from '../../src/kernel/link.ts'
import { frameOf, Lab } from './lab.ts'
import { QueueLab, tagged } from './queue-lab.ts'

const MS = 1_000_000
/** 125 bytes are a millisecond on this line. */
const LINE: Partial<LinkSettings> = { rate: 1_000_000, delay: MS, discipline: 'codel', queueFrames: 100_000 }

/** A queue in which `standing` frames always wait: so many at once, then one for each that leaves. */
function standing(frames: number, until: number, more: Partial<LinkSettings> = {}): Lab {
  const lab = new Lab([{ ...LINE, ...more }])
  for (let at = 0; at < until; at += MS) lab.send(at, 0, at === 0 ? frames + 1 : 1, 125)
  return lab.run(until)
}

function drops(lab: Lab): number[] {
  return lab.frames().flatMap(({ fate, fateAt }) => (fate === 'codel-drop' ? [fateAt] : []))
}

describe('RFC 8289 section 3: the target and the interval', () => {
  test('a wait of a hair below the target is never too long, the target itself is', () => {
    assert.deepEqual(drops(standing(5, 1000 * MS, { codelTarget: 5 * MS + 1 })), [])
    const [first] = drops(standing(5, 1000 * MS, { codelTarget: 5 * MS }))
    // The first to have waited for 5 ms leaves at 5 ms; an interval later one goes.
    assert.equal(first, 105 * MS)
  })

  test('a burst that is worked off within the interval costs nothing', () => {
    const burst = (frames: number): number => drops(new Lab([LINE]).send(0, 0, frames, 125).run()).length
    // The wait is 5 ms at 5 ms, so at 105 ms one goes, if there are two behind it: a queue of one frame is none.
    assert.equal(burst(107), 0)
    assert.equal(burst(108), 1)
  })

  test('a single frame in the queue is not blamed for a slow line', () => {
    // A frame takes 100 ms, and so many are left when one of them leaves.
    const left = (frames: number): number => {
      const lab = new Lab([{ ...LINE, rate: 10_000 }]).send(0, 0, frames + 1, 125)
      for (let at = 50; at < 5000; at += 100) lab.send(at * MS, 0, 1, 125)
      return drops(lab.run()).length
    }
    assert.equal(left(1), 0)
    assert.ok(left(2) >= 1, 'two are a queue')
  })

  test('the interval begins anew when the wait was short once', () => {
    const lab = new Lab([{ ...LINE, codelTarget: 20 * MS }])
    // 90 frames at once keep the wait above 20 ms until 70 ms; then it is short; then again.
    for (let at = 0; at < 10; at++) lab.send(at * 95 * MS, 0, 90, 125)
    lab.run()
    assert.deepEqual(drops(lab), [])
  })
})

describe('RFC 8289 section 5: the control law', () => {
  test('drops follow each other after interval / sqrt(count), at the moment at which the line asks', () => {
    const lab = new Lab([LINE])
    // Twice as much comes as can leave.
    for (let at = 0; at < 3000; at++) lab.send(at * MS, 0, 2, 125)
    lab.run(3000 * MS)
    const found = drops(lab)
    // The 5 ms are first reached by a frame that came at 5 ms with 5 before it, which leaves at 10 ms.
    const expected: number[] = []
    let next = found[0]
    for (let count = 1; next < 3000 * MS; next += Math.floor((100 * MS) / Math.sqrt(count++))) {
      expected.push(Math.ceil(next / MS) * MS)
    }
    assert.deepEqual(found, expected.slice(0, found.length))
    assert.ok(found.length > 200, `${found.length} drops`)
    assert.equal(expected.length - found.length <= 1, true)
  })

  test('the trace tells when they were dropped, and that they never left', () => {
    const lab = standing(10, 400 * MS)
    const dropped = lab.frames().filter(({ fate }) => fate === 'codel-drop')
    assert.ok(dropped.length >= 2, 'some are dropped')
    for (const { sent, arrives, enqueued, fateAt } of dropped) {
      assert.deepEqual([sent, arrives], [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER])
      // 10 waited when it came, and the one behind it left in its place.
      assert.equal(fateAt - enqueued >= 5 * MS && fateAt - enqueued <= 10 * MS, true)
    }
    assert.equal(lab.frames().filter(({ sent }) => sent < 399 * MS).length, 399)
  })

  test('the rate of drops is remembered when the queue grows again soon, and forgotten after 16 intervals', () => {
    // The bottleneck is overloaded, then idle for some time, then overloaded again.
    const second = (pause: number): number => {
      const lab = new Lab([LINE])
      for (let at = 0; at < 1000; at++) lab.send(at * MS, 0, 2, 125)
      lab.run(1000 * MS)
      for (let at = 0; at < 400; at++) lab.send((2000 + pause + at) * MS, 0, 2, 125)
      lab.run()
      const again = drops(lab).filter((time) => time >= (2000 + pause) * MS)
      return again[1] - again[0]
    }
    assert.ok(second(0) < 50 * MS, 'it goes on at about the rate of before')
    assert.equal(second(3000), 100 * MS)
  })

  test('what is dropped by hand, or cut, is not counted', () => {
    const lab = standing(10, 90 * MS)
    lab.at(90 * MS, 0, { kind: 'link', port: 0, settings: { up: false } })
    lab.at(91 * MS, 0, { kind: 'link', port: 0, settings: { up: true } })
    for (let at = 91; at < 180; at++) lab.send(at * MS, 0, at === 91 ? 11 : 1, 125)
    lab.run(180 * MS)
    assert.deepEqual(drops(lab), [])
  })

  test('does what the pseudo-code of section 5 does, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(6), fc.nat(12)), { minLength: 20, maxLength: 300 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 5, max: 60 }),
        (steps, target, interval) => {
          const lab = new QueueLab(CodelQueue, { codelTarget: target, codelInterval: interval, queueFrames: 1e9 })
          const model = new Model(target, interval)
          for (const [gap, put] of steps) {
            lab.now += gap
            for (let i = 0; i < put % 4; i++) {
              const length = 100 + 50 * i
              model.queue.push({ id: lab.put(tagged(0, length)), time: lab.now, length })
            }
            assert.equal(lab.take(), model.dequeue(lab.now))
          }
          assert.deepEqual(
            lab.dropped.map(({ id }) => id),
            model.dropped,
          )
        },
      ),
      { seed: 8289, numRuns: 300 },
    )
  })
})

/** The pseudo-code, line by line. */
class Model {
  queue: { id: number; time: number; length: number }[] = []
  dropped: number[] = []
  private first_above_time = 0
  private drop_next = 0
  private count = 0
  private lastcount = 0
  private dropping = false
  private maxpacket = 0
  constructor(
    private readonly TARGET: number,
    private readonly INTERVAL: number,
  ) {}

  private control_law(t: number, count: number): number {
    return Math.floor(t + this.INTERVAL / Math.sqrt(count))
  }

  private dodequeue(now: number): { id: number; ok: boolean } {
    for (const { length } of this.queue) this.maxpacket = Math.max(this.maxpacket, length)
    const p = this.queue.shift()
    if (p === undefined) {
      this.first_above_time = 0
      return { id: 0, ok: false }
    }
    const sojourn_time = now - p.time
    const bytes = this.queue.reduce((sum, { length }) => sum + length, 0)
    let ok = false
    if (sojourn_time < this.TARGET || bytes <= this.maxpacket) this.first_above_time = 0
    else if (this.first_above_time === 0) this.first_above_time = now + this.INTERVAL
    else if (now >= this.first_above_time) ok = true
    return { id: p.id, ok }
  }

  dequeue(now: number): number {
    let r = this.dodequeue(now)
    if (r.id === 0) {
      this.dropping = false
      return 0
    }
    if (this.dropping) {
      if (!r.ok) this.dropping = false
      while (now >= this.drop_next && this.dropping) {
        this.dropped.push(r.id)
        ++this.count
        r = this.dodequeue(now)
        if (!r.ok) this.dropping = false
        else this.drop_next = this.control_law(this.drop_next, this.count)
      }
    } else if (r.ok) {
      this.dropped.push(r.id)
      r = this.dodequeue(now)
      this.dropping = true
      const delta = this.count - this.lastcount
      this.count = 1
      if (delta > 1 && now - this.drop_next < 16 * this.INTERVAL) this.count = delta
      this.drop_next = this.control_law(now, this.count)
      this.lastcount = this.count
    }
    return r.id
  }
}

describe('RFC 8289 with ECN', () => {
  test('marks where it would drop, and drops what cannot be marked', () => {
    const run = (capable: 0 | 1, ecn: boolean): QueueLab => {
      const lab = new QueueLab(CodelQueue, { codelTarget: 5, codelInterval: 100, queueFrames: 1e9, ecn })
      for (let i = 0; i < 1000; i++) {
        lab.now = i
        lab.put(tagged(0, 125, capable))
        lab.put(tagged(0, 125, capable))
        lab.take()
      }
      return lab
    }
    const marking = run(1, true)
    assert.deepEqual(marking.dropped, [])
    assert.ok(marking.marked.length > 20, `${marking.marked.length} marked`)
    const marked = marking.left.filter(({ frame }) => frame[1] === 2)
    assert.deepEqual(
      marked.map(({ id }) => id),
      marking.marked,
    )
    const refusing = run(0, true)
    assert.deepEqual(refusing.marked, [])
    const off = run(1, false)
    assert.deepEqual(off.marked, [])
    // Marking keeps the same pace as dropping.
    assert.deepEqual(marked.map(({ time }) => time).slice(0, 20), off.dropped.map(({ time }) => time).slice(0, 20))
    assert.deepEqual(refusing.dropped, off.dropped)
  })

  test('the frame that travels and the trace have the mark, the sender keeps his own bytes', () => {
    const lab = new Lab([{ ...LINE, ecn: true }], [], 1, {
      flow: () => 0,
      carriesData: () => false,
      isPureAck: () => false,
      isUdp: () => false,
      congestionMarked: (frame) => Uint8Array.from(frame, (byte, at) => (at === 1 ? 255 : byte)),
    })
    const kept: Uint8Array[] = []
    lab.do(0, 0, (environment) => {
      for (let i = 0; i < 700; i++) {
        const frame = frameOf(environment, 125)
        kept.push(frame)
        environment.transmit(0, frame)
      }
    })
    lab.run()
    assert.ok(
      kept.every((frame) => frame[1] === 1),
      'nobody writes into what was handed over',
    )
    const marked = lab.received.filter(({ bytes }) => bytes[1] === 255)
    assert.ok(marked.length > 1 && marked.length < 20, `${marked.length} marked`)
    for (const { bytes, cause } of marked) {
      const frame = lab.store.frameById(cause)
      assert.ok(frame, 'it is in the trace')
      assert.deepEqual(lab.recorder.bytesAsSent(frame.number), bytes)
      assert.equal(frame.mark & 8, 8)
    }
    assert.equal(lab.frames().filter(({ mark }) => (mark & 8) !== 0).length, marked.length)
  })
})
