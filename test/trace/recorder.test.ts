import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { FATE_NUMBER } from '../../src/kernel/egress.ts'
import { FrameMark, ID_SEQUENCE_LIMIT } from '../../src/kernel/machine.ts'
import { NEVER } from '../../src/kernel/time.ts'
import { Log, LogEntry, TraceLog } from '../../src/kernel/trace-log.ts'
import { ROW_BYTES } from '../../src/trace/frame-table.ts'
import { budgetsOf, DEFAULT_TRACE_LIMIT, Recorder } from '../../src/trace/recorder.ts'
import { TraceStore } from '../../src/trace/trace-store.ts'
import { frameOf, Lab } from '../kernel/lab.ts'

const MS = 1_000_000

/** A trace of hosts in a row, to which logs are told by hand. */
class Desk {
  readonly store: TraceStore
  readonly recorder: Recorder
  readonly logs: TraceLog[]
  private readonly sequences: number[]

  constructor(hosts: number, limit?: number) {
    const names = Array.from({ length: hosts }, (_, index) => `host${index}`)
    const links = names.slice(1).map((_, index) => [index, index + 1] as const)
    this.store = new TraceStore(names, links)
    this.recorder = new Recorder(this.store, limit)
    this.logs = names.map(() => new TraceLog())
    this.sequences = names.map(() => 0)
  }

  id(host: number): number {
    return host * ID_SEQUENCE_LIMIT + ++this.sequences[host]
  }

  frame(
    host: number,
    time: number,
    bytes: Uint8Array,
    { mark = 0, cause = 0, where = host === 0 ? 0 : host * 2 - 1 } = {},
  ): number {
    const log = this.logs[host]
    const id = this.id(host)
    const at = log.entry(LogEntry.Frame, time, id)
    const columns = { where, length: bytes.length, mark, cause, sent: time, arrives: time + 10, fateAt: NEVER }
    log.numbers[at + Log.Where] = columns.where
    log.numbers[at + Log.Length] = columns.length
    log.numbers[at + Log.Mark] = columns.mark
    log.numbers[at + Log.Cause] = columns.cause
    log.numbers[at + Log.Sent] = columns.sent
    log.numbers[at + Log.Arrives] = columns.arrives
    log.numbers[at + Log.Fate] = FATE_NUMBER['in-flight']
    log.numbers[at + Log.FateAt] = columns.fateAt
    log.numbers[at + Log.Corruption] = 0
    log.numbers[at + Log.Duplicate] = 0
    log.addFrame(bytes)
    return id
  }

  event(host: number, time: number, name: string): number {
    const id = this.id(host)
    this.logs[host].event(time, id, 0, name, '', {})
    return id
  }

  take(): void {
    this.recorder.take(this.logs)
    for (const log of this.logs) log.clear()
  }
}

describe('one order', () => {
  test('frames are numbered by time, and at one time by who sent them', () => {
    const desk = new Desk(3)
    const ids = [desk.frame(2, 5, new Uint8Array(20)), desk.frame(0, 5, new Uint8Array(20))]
    ids.push(desk.frame(1, 4, new Uint8Array(20)), desk.frame(1, 5, new Uint8Array(20)), desk.frame(0, 6, new Uint8Array(20)))
    desk.take()
    assert.deepEqual(
      [...desk.store.frames()].map(({ id }) => id),
      [ids[2], ids[1], ids[3], ids[0], ids[4]],
    )
  })

  test('however the same history is cut into spans, it gives the same trace', () => {
    const step = fc.record({ host: fc.nat(2), after: fc.nat(2), isFrame: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.array(fc.nat(60), { maxLength: 6 }), (steps, cuts) => {
        const summary = (ends: readonly number[]): unknown => {
          const desk = new Desk(3)
          const clocks = [0, 0, 0]
          const told = steps.map((one) => ({ ...one, time: (clocks[one.host] += one.after) }))
          let from = 0
          for (const end of [...ends, Infinity]) {
            for (const { host, time, isFrame } of told) {
              if (time < from || time >= end) continue
              if (isFrame) desk.frame(host, time, new Uint8Array(20))
              else desk.event(host, time, 'a:happened')
            }
            desk.take()
            from = end
          }
          return [
            [...desk.store.frames()].map(({ id, enqueued }) => [id, enqueued]),
            desk.store.events.map(({ id, time }) => [id, time]),
          ]
        }
        assert.deepEqual(summary([...new Set(cuts)].sort((a, b) => a - b)), summary([]))
      }),
      { seed: 2, numRuns: 150 },
    )
  })

  test("what a person did stands where it was done, as nobody's event", () => {
    const desk = new Desk(2)
    desk.event(0, 5, 'a:happened')
    desk.take()
    const id = desk.recorder.intervention(7, 'run:link-cut', { link: 'x' }, 0)
    const second = desk.recorder.intervention(7, 'run:link-healed', { link: 'x' }, id)
    desk.event(1, 7, 'b:happened')
    desk.take()
    assert.deepEqual(
      desk.store.events.map(({ name, host, time }) => [name, host, time]),
      [
        ['a:happened', 0, 5],
        ['run:link-cut', -1, 7],
        ['run:link-healed', -1, 7],
        ['b:happened', 1, 7],
      ],
    )
    assert.equal(desk.store.eventById(second)?.cause, id)
    assert.notEqual(id, second)
  })
})

describe('news of a frame', () => {
  test('one that waited is told anew when it leaves; who asks for changes gets those that he knew already', () => {
    const lab = new Lab([{ rate: 1_000_000, delay: 5 * MS }]).send(0, 0, 3, 125).run(1)
    assert.deepEqual(lab.fates(), ['in-flight', 'queued', 'queued'])
    assert.deepEqual([...lab.recorder.takeChanged()], [])
    lab.send(1, 0, 1, 125).run(1.5 * MS)
    assert.deepEqual([...lab.recorder.takeChanged()], [2])
    assert.deepEqual([...lab.recorder.takeChanged()], [])
    lab.run(2.5 * MS)
    assert.deepEqual([...lab.recorder.takeChanged()], [3])
    assert.deepEqual(lab.frames()[2].sent, 2 * MS)
  })

  test('the last thing that is known to come is the end of all that is under way', () => {
    const lab = new Lab([{ delay: 6 * MS }, { delay: 6 * MS, loss: 1 }])
    lab.send(MS, 0, 1).run(2 * MS)
    assert.equal(lab.recorder.lastMoment, 7 * MS)
    lab.send(10 * MS, 1, 1, 100, 1).run(11 * MS)
    assert.equal(lab.recorder.lastMoment, 13 * MS)
    lab.recorder.intervention(50 * MS, 'run:host-killed', {}, 0)
    assert.equal(lab.recorder.lastMoment, 50 * MS)
  })

  test('everything that is in flight on a cut direction is lost there; the rest is not', () => {
    const lab = new Lab([{ delay: 5 * MS, rate: 1_000_000 }, { delay: 5 * MS }])
    lab
      .send(0, 0, 3, 125)
      .send(0, 1, 1)
      .send(0, 1, 1, 100, 1)
      .run(2.5 * MS)
    lab.recorder.loseInFlight([0], FATE_NUMBER['link-down'], lab.now)
    assert.deepEqual(lab.fates(), ['link-down', 'link-down', 'link-down', 'in-flight', 'in-flight'])
    for (const { fateAt } of lab.frames().slice(0, 3)) assert.equal(fateAt, 2.5 * MS)
  })

  test('flipped bits of a frame that is doomed do not save it', () => {
    const lab = new Lab([{ delay: 6 * MS, lossList: [1] }]).send(0, 0, 2).run(MS)
    for (const detected of [true, false]) {
      lab.recorder.corrupt(1, 300, detected)
      lab.recorder.corrupt(2, 300, detected)
    }
    lab.run(4 * MS)
    assert.deepEqual(lab.fates(), ['listed-loss', 'in-flight'])
    lab.recorder.corrupt(2, 300, true)
    lab.run(10 * MS)
    assert.deepEqual(lab.fates(), ['listed-loss', 'bad-fcs'])
  })
})

describe('marks', () => {
  test('a router passes on that a frame is a retransmission, over any number of hops, and its own mark stays', () => {
    const desk = new Desk(4)
    const first = desk.frame(0, 1, new Uint8Array(20), { mark: FrameMark.Retransmission })
    const second = desk.frame(1, 2, new Uint8Array(20), { mark: FrameMark.Forwarded, cause: first, where: 2 })
    desk.frame(2, 3, new Uint8Array(20), { mark: FrameMark.Forwarded, cause: second, where: 4 })
    const plain = desk.frame(0, 4, new Uint8Array(20))
    desk.frame(1, 5, new Uint8Array(20), { mark: FrameMark.Forwarded, cause: plain, where: 2 })
    // An answer is no retransmission, although it was caused by one.
    desk.frame(3, 6, new Uint8Array(20), { cause: second })
    desk.take()
    const { Retransmission, Forwarded } = FrameMark
    assert.deepEqual(
      [...desk.store.frames()].map(({ mark }) => mark),
      [Retransmission, Retransmission | Forwarded, Retransmission | Forwarded, 0, Forwarded, 0],
    )
  })
})

describe('bytes', () => {
  test('are those of the frame, whichever buffer they came in', () => {
    const desk = new Desk(2)
    const shared = new Uint8Array(100_000)
    const given: Uint8Array[] = []
    for (let i = 0; i < 300; i++) {
      const small = new Uint8Array(60 + (i % 7)).fill(i)
      const large = shared.subarray(i * 100, i * 100 + 90).fill(255 - i)
      given.push(small, large)
      desk.frame(0, i * 2, small)
      desk.frame(0, i * 2 + 1, large)
      if (i % 10 === 0) desk.take()
    }
    desk.take()
    const kept = given.map((_, index) => desk.recorder.bytes(index + 1))
    assert.deepEqual(kept, given)
    assert.equal(desk.recorder.bytes(given.length + 1), undefined)
    assert.equal(desk.recorder.bytes(0), undefined)
  })
})

describe('the limit', () => {
  /** The kept part of a trace in which much happened, told in spans of some length. */
  function busy(limit: number, span: number) {
    const desk = new Desk(2, limit)
    for (let i = 0; i < 30_000; i++) {
      const bytes = new Uint8Array(100 + (i % 400))
      bytes[13] = i
      desk.frame(i % 2, i, bytes)
      if (i % 3 === 0) desk.event(i % 2, i, 'a:happened')
      if (i % span === 0) desk.take()
    }
    desk.take()
    return desk
  }

  test('holds for bytes, rows and events; the oldest went, the newest are there', () => {
    const limit = 4_000_000
    const { store, recorder } = busy(limit, 100)
    assert.equal(store.frameCount, 30_000)
    assert.equal(store.table.bytes <= limit * 0.375 + 4096 * ROW_BYTES, true)
    assert.equal(store.firstKept > 10_000, true)
    assert.equal(store.events.length * 250 <= limit / 4, true)
    assert.equal(store.events.at(-1)?.time, 29_997)
    assert.equal(store.events.length + store.thinnedEvents, 10_000)
    const sizes = [...store.frames()].map(({ number }) => recorder.bytes(number)?.length ?? 0)
    const kept = sizes.reduce((sum, size) => sum + size, 0)
    assert.equal(kept + store.table.bytes <= limit * 0.75, true)
    assert.equal(sizes[sizes.length - 1] > 0, true)
    assert.equal(store.thinnedBytes > 0, true)
    assert.equal(store.frame(store.firstKept - 1), undefined)
    assert.equal(store.first('a:happened')?.id, store.events[0].id)
    assert.equal(store.eventById(store.events[0].id), store.events[0])
  })

  test('lets the same go, however the history was cut into spans', () => {
    const summary = ({ store, recorder }: Desk): unknown => [
      store.firstKept,
      store.thinnedBytes,
      store.thinnedEvents,
      [...store.frames()].filter(({ number }) => recorder.bytes(number) !== undefined).map(({ number }) => number),
      store.events.map(({ id }) => id),
    ]
    const once = summary(busy(2_000_000, 1e9))
    for (const span of [7, 1000]) assert.deepEqual(summary(busy(2_000_000, span)), once)
  })

  test('bytes go before frames when frames are large', () => {
    const desk = new Desk(2, 1_000_000)
    for (let i = 0; i < 1500; i++) desk.frame(0, i, new Uint8Array(1500).fill(i))
    desk.take()
    const { store, recorder } = desk
    assert.equal(store.firstKept, 1)
    assert.equal(recorder.bytes(1), undefined)
    assert.equal(store.frame(1)?.length, 1500)
    assert.deepEqual(recorder.bytes(1500), new Uint8Array(1500).fill(1499 & 0xff))
    const kept = [...store.frames()].filter(({ number }) => recorder.bytes(number) !== undefined)
    // Rows of all are kept, and so there is the less room for bytes.
    assert.equal(kept.length, Math.floor((750_000 - 1500 * ROW_BYTES) / 1500))
    assert.equal(store.thinnedBytes, (1500 - kept.length) * 1500)
  })

  test('has room for a million frames of a hundred bytes when nobody says otherwise', () => {
    assert.ok(1_000_000 * (100 + ROW_BYTES) < budgetsOf(DEFAULT_TRACE_LIMIT).frames, 'together')
    assert.ok(1_000_000 * ROW_BYTES < budgetsOf(DEFAULT_TRACE_LIMIT).columns, 'their rows')
  })

  test('of nearly nothing still lets the run go on', () => {
    const desk = new Desk(2, 100)
    for (let i = 0; i < 5000; i++) {
      desk.frame(0, i, frameOf({ allocate: (length: number) => new Uint8Array(length) } as never, 200))
      desk.event(0, i, 'a:happened')
    }
    desk.take()
    assert.equal(desk.store.frameCount, 5000)
    assert.equal(desk.store.events.length, 0)
    assert.equal(desk.recorder.bytes(5000), undefined)
  })
})
