import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { corrupted, corruptionOf } from '../../src/kernel/impairments.ts'
import { DEFAULT_LINK, type LinkSettings } from '../../src/kernel/link.ts'
import { NEVER, serializationTime } from '../../src/kernel/time.ts'
import { frameOf, Lab } from './lab.ts'

const MS = 1_000_000
/** 125 bytes are 1,000 bits, which take a millisecond here. */
const SLOW: Partial<LinkSettings> = { rate: 1_000_000, delay: 5 * MS }

function count(fates: readonly string[], fate: string): number {
  return fates.filter((one) => one === fate).length
}

describe('rate and delay', () => {
  test('each frame takes its time on the line, one after another, and then the delay', () => {
    const lab = new Lab([SLOW]).send(10 * MS, 0, 3, 125).run()
    assert.deepEqual(lab.times(1), [16 * MS, 17 * MS, 18 * MS])
    assert.deepEqual(
      lab.frames().map(({ enqueued, sent, arrives }) => [enqueued, sent, arrives]),
      [10, 11, 12].map((ms) => [10 * MS, ms * MS, (ms + 6) * MS]),
    )
  })

  test('a line without a rate takes no time for any frame', () => {
    const lab = new Lab([{ delay: 7 }]).send(0, 0, 50, 1500).run()
    assert.deepEqual(new Set(lab.times(1)), new Set([7]))
    assert.deepEqual(
      lab.arrivals(1),
      Array.from({ length: 50 }, (_, index) => index + 1),
    )
  })

  test('a time that is no whole number of nanoseconds is rounded up, so that no line is faster than its rate', () => {
    assert.equal(serializationTime(1, 3), Math.ceil(8e9 / 3))
    const lab = new Lab([{ rate: 3e9, delay: 1 }]).send(0, 0, 300, 100).run()
    const bits = 299 * 800
    assert.equal((lab.times(1)[299] - lab.times(1)[0]) * 3 >= bits, true)
  })

  test('a frame that comes just when the line is free does not pass those that wait', () => {
    const lab = new Lab([SLOW], [undefined, undefined])
    lab.send(0, 0, 2, 125)
    lab.send(MS, 0, 1, 125)
    lab.run()
    assert.deepEqual(lab.arrivals(1), [1, 2, 3])
    assert.deepEqual(lab.times(1), [6 * MS, 7 * MS, 8 * MS])
  })

  test('both directions have a line of their own', () => {
    const lab = new Lab([SLOW]).send(0, 0, 2, 125).send(0, 1, 1, 125).run()
    assert.deepEqual(lab.times(0), [6 * MS])
    assert.deepEqual(lab.times(1), [6 * MS, 7 * MS])
  })

  test('a new delay holds for frames that leave from then on; under a shorter one they overtake', () => {
    const lab = new Lab([{ delay: 100 * MS }]).send(0, 0, 1)
    lab.at(10 * MS, 0, { kind: 'link', port: 0, settings: { delay: 20 * MS } }).send(10 * MS, 0, 1)
    lab.run()
    assert.deepEqual(lab.arrivals(1), [2, 1])
    assert.deepEqual(lab.times(1), [30 * MS, 100 * MS])
  })

  test('that is so on a line with jitter, too', () => {
    const lab = new Lab([{ delay: 100 * MS, jitter: MS }]).send(0, 0, 1)
    lab.at(10 * MS, 0, { kind: 'link', port: 0, settings: { delay: 20 * MS } }).send(10 * MS, 0, 1)
    lab.run()
    assert.deepEqual(lab.arrivals(1), [2, 1])
  })

  test('a new rate holds for what waits, not for the frame on the line', () => {
    const lab = new Lab([SLOW]).send(0, 0, 3, 125)
    lab.at(MS / 2, 0, { kind: 'link', port: 0, settings: { rate: 2_000_000 } }).run()
    assert.deepEqual(lab.times(1), [6 * MS, 6.5 * MS, 7 * MS])
  })
})

describe('the egress queue', () => {
  test('of 3 frames holds 3 beside the one on the line, and refuses the next', () => {
    const lab = new Lab([{ ...SLOW, queueFrames: 3 }]).send(0, 0, 5, 125).run()
    assert.deepEqual(lab.fates(), ['arrived', 'arrived', 'arrived', 'arrived', 'queue-full'])
    const refused = lab.frames()[4]
    assert.deepEqual([refused.sent, refused.arrives, refused.fateAt], [NEVER, NEVER, 0])
  })

  test('of 250 bytes takes exactly 250, and not one more', () => {
    const lab = new Lab([{ ...SLOW, queueBytes: 250 }])
    lab.do(0, 0, (environment) => {
      for (const length of [500, 125, 126, 125, 1]) environment.transmit(0, frameOf(environment, length))
      assert.equal(environment.queuedBytes(0), 250)
    })
    lab.run()
    assert.deepEqual(lab.fates(), ['arrived', 'arrived', 'queue-full', 'arrived', 'queue-full'])
    assert.equal(lab.environments[0].queuedBytes(0), 0)
  })

  test('of nothing leaves only a free line', () => {
    const lab = new Lab([{ ...SLOW, queueFrames: 0 }]).send(0, 0, 2, 125).send(MS, 0, 1, 125).run()
    assert.deepEqual(lab.fates(), ['arrived', 'queue-full', 'arrived'])
  })

  test('made shorter keeps what is in it, and takes nothing until it fits', () => {
    const lab = new Lab([SLOW]).send(0, 0, 4, 125)
    lab.at(1, 0, { kind: 'link', port: 0, settings: { queueFrames: 2 } })
    lab
      .send(2, 0, 1, 125)
      .send(1.5 * MS, 0, 1, 125)
      .send(2.5 * MS, 0, 1, 125)
      .run()
    assert.deepEqual(lab.fates(), ['arrived', 'arrived', 'arrived', 'arrived', 'queue-full', 'queue-full', 'arrived'])
  })

  test('serves thousands in their order', () => {
    const lab = new Lab([{ ...SLOW, queueFrames: 5000 }]).send(0, 0, 3000, 125).run()
    assert.deepEqual(
      lab.arrivals(1),
      Array.from({ length: 3000 }, (_, index) => index + 1),
    )
    assert.equal(lab.times(1)[2999], (3000 + 5) * MS)
  })

  test('gives up a frame that is dropped by hand; those behind it move up, and its room is free', () => {
    const lab = new Lab([{ ...SLOW, queueFrames: 3 }]).send(0, 0, 4, 125).run(1)
    lab.at(1, 0, { kind: 'drop', frame: lab.frames()[2].id })
    lab.send(1, 0, 1, 125).run()
    assert.deepEqual(lab.arrivals(1), [1, 2, 4, 5])
    assert.deepEqual(lab.times(1), [6 * MS, 7 * MS, 8 * MS, 9 * MS])
  })
})

describe('loss', () => {
  test('is nothing at 0, everything at 1, and the share that was asked for in between', () => {
    for (const loss of [0, 0.02, 0.3, 1]) {
      const lab = new Lab([{ loss }]).send(0, 0, 1).send(1, 0, 10_000, 20).run()
      const lost = count(lab.fates(), 'random-loss')
      const expected = 10_001 * loss
      assert.ok(Math.abs(lost - expected) <= 5 * Math.sqrt(expected * (1 - loss)), `${lost} lost at ${loss}`)
      assert.equal(lab.received.length, 10_001 - lost)
    }
  })

  test('befalls a frame half way', () => {
    const lab = new Lab([{ ...SLOW, loss: 1 }]).send(0, 0, 1, 125).run()
    const [frame] = lab.frames()
    assert.deepEqual([frame.fate, frame.fateAt, frame.arrives], ['random-loss', 3 * MS, 6 * MS])
  })

  test('takes the same frames whatever else befalls them', () => {
    const pattern = (more: Partial<LinkSettings>): number[] => {
      const lab = new Lab([{ loss: 0.2, ...more }]).send(0, 0, 300).run()
      const originals = lab.frames().filter(({ duplicate }) => !duplicate)
      return originals.flatMap(({ fate }, index) => (fate === 'random-loss' ? [index] : []))
    }
    const alone = pattern({})
    assert.equal(alone.length > 30, true)
    assert.deepEqual(pattern({ corrupt: 0.3 }), alone)
    assert.deepEqual(pattern({ duplicate: 0.5, reorder: 0.5, jitter: MS, corrupt: 0.1 }), alone)
    assert.deepEqual(pattern({ rate: 1e9 }), alone)
  })

  test('is drawn anew for each direction, link and seed, and does not change with other links', () => {
    const pattern = (lab: Lab, host: number, port = 0): string => {
      lab.send(0, host, 200, 50, port).run()
      return lab.fates().join()
    }
    const there = pattern(new Lab([{ loss: 0.5 }]), 0)
    assert.equal(pattern(new Lab([{ loss: 0.5 }, { loss: 0.5 }, {}]), 0), there)
    assert.notEqual(pattern(new Lab([{ loss: 0.5 }]), 1), there)
    assert.notEqual(pattern(new Lab([{}, { loss: 0.5 }]), 1, 1), there)
    assert.notEqual(pattern(new Lab([{ loss: 0.5 }], [], 2), 0), there)
  })

  test('of listed frames takes those, by the number in which they leave', () => {
    const lab = new Lab([{ ...SLOW, queueFrames: 2, lossList: [2, 4] }])
      .send(0, 0, 4, 125)
      .send(20 * MS, 0, 2, 125)
      .run()
    assert.deepEqual(lab.fates(), ['arrived', 'listed-loss', 'arrived', 'queue-full', 'listed-loss', 'arrived'])
  })

  test('a list that is set while frames fly counts from the first frame of all', () => {
    const lab = new Lab([{}]).send(0, 0, 2)
    lab.at(1, 0, { kind: 'link', port: 0, settings: { lossList: [1, 4] } })
    lab.send(2, 0, 3).run()
    assert.deepEqual(lab.fates(), ['arrived', 'arrived', 'arrived', 'listed-loss', 'arrived'])
  })
})

describe('corruption', () => {
  test('changes one byte, never none; undoing it gives the frame back', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 1600 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (frame, where, mask) => {
          const code = corruptionOf(where % frame.length, mask)
          const wrong = corrupted(frame, code)
          assert.equal(wrong.filter((byte, index) => byte !== frame[index]).length, 1)
          assert.deepEqual(corrupted(wrong, code), frame)
          // It travels in 32 bits.
          assert.equal(new Uint32Array([code])[0], code)
        },
      ),
      { seed: 6, numRuns: 200 },
    )
  })

  test('is told by the frame check sequence on arrival, and the host hears nothing', () => {
    const lab = new Lab([{ ...SLOW, corrupt: 1 }]).send(0, 0, 2, 125).run(6 * MS)
    assert.deepEqual(lab.fates(), ['in-flight', 'in-flight'])
    lab.run()
    assert.deepEqual(lab.fates(), ['bad-fcs', 'bad-fcs'])
    assert.deepEqual(
      lab.frames().map(({ fateAt, corrupted }) => [fateAt, corrupted]),
      [
        [6 * MS, true],
        [7 * MS, true],
      ],
    )
    assert.equal(lab.received.length, 0)
  })

  test('that slips past the check reaches the host, one byte different; the sender keeps his own', () => {
    const kept: Uint8Array[] = []
    const lab = new Lab([{ corrupt: 1, corruptUndetected: true }]).do(0, 0, (environment) => {
      for (let i = 0; i < 50; i++) {
        const frame = frameOf(environment, 60, i)
        kept.push(frame)
        environment.transmit(0, frame)
      }
    })
    lab.run()
    assert.deepEqual(new Set(lab.fates()), new Set(['arrived']))
    lab.received.forEach(({ bytes }, index) => {
      const intact = Uint8Array.from({ length: 60 }, (_, at) => index + at)
      assert.deepEqual(kept[index], intact)
      assert.equal(bytes.filter((byte, at) => byte !== intact[at]).length, 1)
      assert.deepEqual(lab.recorder.bytes(index + 1), bytes)
      assert.deepEqual(lab.recorder.bytesAsSent(index + 1), intact)
    })
  })

  test('strikes the share that was asked for', () => {
    const lab = new Lab([{ corrupt: 0.1 }]).send(0, 0, 5000, 20).run()
    const struck = count(lab.fates(), 'bad-fcs')
    assert.ok(Math.abs(struck - 500) < 5 * Math.sqrt(450), `${struck} of 5,000`)
  })

  test('does not befall what is lost', () => {
    const lab = new Lab([{ corrupt: 1, loss: 1 }]).send(0, 0, 5).run()
    assert.deepEqual(new Set(lab.fates()), new Set(['random-loss']))
    assert.equal(
      lab.frames().every(({ corrupted }) => !corrupted),
      true,
    )
  })
})

describe('duplication', () => {
  test('makes a second frame that arrives right behind the first, and was caused by it', () => {
    const lab = new Lab([{ ...SLOW, duplicate: 1 }]).send(0, 0, 1, 125).run()
    const [first, second] = lab.frames()
    assert.deepEqual(lab.times(1), [6 * MS, 6 * MS])
    assert.deepEqual(lab.arrivals(1), [1, 2])
    assert.deepEqual([first.duplicate, second.duplicate], [false, true])
    assert.equal(second.cause, first.id)
    assert.deepEqual(lab.recorder.bytes(2), lab.recorder.bytes(1))
    assert.deepEqual([second.enqueued, second.sent, second.arrives], [0, 0, 6 * MS])
  })

  test('strikes the share that was asked for, and takes no room on the line', () => {
    const lab = new Lab([{ ...SLOW, duplicate: 0.2, queueFrames: 5000 }]).send(0, 0, 5000, 125).run()
    const copies = lab.frames().filter(({ duplicate }) => duplicate).length
    assert.ok(Math.abs(copies - 1000) < 5 * Math.sqrt(800), `${copies} copies`)
    assert.equal(lab.times(1).at(-1), 5005 * MS)
  })

  test('saves a lost frame, and its copy is whole where the first was not', () => {
    assert.deepEqual(new Lab([{ duplicate: 1, lossList: [1] }]).send(0, 0, 1).run().fates(), ['listed-loss', 'arrived'])
    assert.deepEqual(new Lab([{ duplicate: 1, corrupt: 1 }]).send(0, 0, 1).run().fates(), ['bad-fcs', 'arrived'])
  })

  test('copies are not counted by a list of losses', () => {
    const lab = new Lab([{ duplicate: 1, lossList: [2] }]).send(0, 0, 2).run()
    assert.deepEqual(lab.fates(), ['arrived', 'arrived', 'listed-loss', 'arrived'])
  })
})

describe('jitter and reordering', () => {
  test('jitter makes frames later by at most so much, and keeps their order', () => {
    const lab = new Lab([{ delay: 10 * MS, jitter: 4 * MS }])
    for (let i = 0; i < 2000; i++) lab.send(i * 1000, 0, 1, 20)
    lab.run()
    const late = lab.frames().map(({ sent, arrives }) => arrives - sent - 10 * MS)
    assert.equal(Math.min(...late) >= 0, true)
    assert.equal(Math.max(...late) <= 4 * MS, true)
    assert.equal(Math.max(...late) > 3.5 * MS, true)
    assert.deepEqual(
      lab.arrivals(1),
      Array.from({ length: 2000 }, (_, index) => index + 1),
    )
  })

  test('jitter alone does not hold: frames far enough apart are spread evenly over it', () => {
    const lab = new Lab([{ delay: MS, jitter: MS }])
    for (let i = 0; i < 2000; i++) lab.send(i * 10 * MS, 0, 1, 20)
    lab.run()
    const mean = lab.frames().reduce((sum, { sent, arrives }) => sum + (arrives - sent - MS), 0) / 2000
    assert.ok(Math.abs(mean - MS / 2) < (5 * MS) / Math.sqrt(12 * 2000), `mean ${mean}`)
  })

  test('a frame that is held back comes exactly so much later, and others pass it', () => {
    const lab = new Lab([{ delay: 10 * MS, reorder: 0.1, reorderBy: 3 * MS }])
    for (let i = 0; i < 3000; i++) lab.send(i * MS, 0, 1, 20)
    lab.run()
    const times = lab.frames().map(({ sent, arrives }) => arrives - sent)
    assert.deepEqual(new Set(times), new Set([10 * MS, 13 * MS]))
    const held = times.filter((time) => time > 10 * MS).length
    assert.ok(Math.abs(held - 300) < 5 * Math.sqrt(270), `${held} held back`)
    assert.notDeepEqual(
      lab.arrivals(1),
      Array.from({ length: 3000 }, (_, index) => index + 1),
    )
  })

  test('with jitter, a frame that is held back does not hold back those behind it', () => {
    const lab = new Lab([{ delay: 10 * MS, jitter: MS, reorder: 0.1, reorderBy: 100 * MS }])
    for (let i = 0; i < 500; i++) lab.send(i * MS, 0, 1, 20)
    lab.run()
    for (const { sent, arrives } of lab.frames()) {
      const late = arrives - sent - 10 * MS
      assert.ok((late >= 0 && late <= MS) || (late >= 100 * MS && late <= 101 * MS), `${late}`)
    }
    const inTime = lab.frames().filter(({ sent, arrives }) => arrives - sent <= 11 * MS)
    assert.equal(
      inTime.every(({ arrives }, index) => index === 0 || arrives >= inTime[index - 1].arrives),
      true,
    )
  })
})

describe('a cut cable', () => {
  const cut = { kind: 'link', port: 0, settings: { up: false } } as const
  const heal = { kind: 'link', port: 0, settings: { up: true } } as const

  test('loses what waits and what is sent; once whole, it is empty and free at once', () => {
    // A frame of 1,250,000 bytes would have kept the line busy for ten seconds.
    const lab = new Lab([SLOW]).send(0, 0, 1, 1_250_000).send(0, 0, 2, 125)
    lab.at(2 * MS, 0, cut)
    lab.send(3 * MS, 0, 1, 125)
    lab.at(4 * MS, 0, heal)
    lab.send(5 * MS, 0, 3, 125).run()
    assert.deepEqual(lab.fates().slice(1), ['link-down', 'link-down', 'link-down', 'arrived', 'arrived', 'arrived'])
    assert.deepEqual(lab.times(1).slice(0, 3), [11 * MS, 12 * MS, 13 * MS])
    assert.deepEqual(
      lab
        .frames()
        .map(({ fateAt }) => fateAt)
        .slice(1, 4),
      [2 * MS, 2 * MS, 3 * MS],
    )
  })

  test('loses what is on its way when the receiving end is told so, and only at that port', () => {
    const lab = new Lab([{ delay: 5 * MS }, { delay: 5 * MS }]).send(0, 0, 1).send(0, 2, 1)
    lab.at(MS, 1, { kind: 'cut-incoming', port: 0 }).run()
    assert.deepEqual(
      lab.received.map(({ host, port }) => [host, port]),
      [[1, 1]],
    )
  })

  test('tells the machine of each change once', () => {
    const heard: unknown[] = []
    const lab = new Lab([{}], [{ carrier: ({ now }, port, up) => heard.push([now, port, up]) }])
    lab.at(1, 0, cut).at(2, 0, cut).at(3, 0, heal).at(4, 0, heal).run()
    assert.deepEqual(heard, [
      [1, 0, false],
      [3, 0, true],
    ])
  })

  test('can be cut and healed in the middle of a long queue, again and again', () => {
    const lab = new Lab([{ ...SLOW, queueFrames: 5000 }])
    for (let round = 0; round < 20; round++) {
      lab.send(round * 100 * MS, 0, 200, 125)
      lab.at(round * 100 * MS + 10 * MS, 0, cut)
      lab.at(round * 100 * MS + 10 * MS + 1, 0, heal)
    }
    lab.send(2000 * MS, 0, 2, 125).run()
    // Of each 200 one is on the line at each millisecond; the one at 10 ms has just left.
    assert.equal(count(lab.fates(), 'link-down'), 20 * 190)
    assert.deepEqual(lab.times(1).slice(-2), [2006 * MS, 2007 * MS])
  })

  test('leaves no wake-ups behind that come again and again', () => {
    const lab = new Lab([{ ...SLOW, queueFrames: 5000 }])
    for (let round = 0; round < 10; round++) {
      // A frame that would take about ten seconds, each a little less than the one before, and one that waits for it.
      lab.send(round * 1000, 0, 1, 1_250_000 - round * 1000).send(round * 1000, 0, 1, 125)
      lab.at(round * 1000 + 500, 0, cut).at(round * 1000 + 501, 0, heal)
    }
    const late = lab.send(9900 * MS, 0, 1000, 125).run(9900 * MS + 1).engines[0].processed
    lab.run()
    assert.equal(lab.fates().slice(-1000).join(), Array.from({ length: 1000 }, () => 'arrived').join())
    // One for each frame that waited, and the ten from before once each.
    const wakeUps = lab.engines[0].processed - late
    assert.ok(wakeUps >= 999 && wakeUps <= 999 + 10, `${wakeUps} wake-ups`)
  })
})

describe('settings', () => {
  const change = fc.record(
    {
      rate: fc.constantFrom(1e5, 1e9),
      delay: fc.integer({ min: 1, max: 50 * MS }),
      jitter: fc.integer({ min: 1, max: 50 * MS }),
      queueFrames: fc.nat(3),
      queueBytes: fc.nat(500),
      loss: fc.constantFrom(0.1, 1),
      lossList: fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 5 }),
      corrupt: fc.constantFrom(0.1, 1),
      corruptUndetected: fc.boolean(),
      duplicate: fc.constantFrom(0.1, 1),
      reorder: fc.constantFrom(0.1, 1),
      reorderBy: fc.integer({ min: 0, max: 50 * MS }),
      up: fc.boolean(),
      overhead: fc.nat(100),
      bucket: fc.constantFrom(0, 200, 5000),
      peakRate: fc.constantFrom(0, 1e7),
      jitterShape: fc.constantFrom('uniform', 'normal', 'pareto'),
      jitterCorrelation: fc.constantFrom(0, 0.5),
      discipline: fc.constantFrom('drop-tail', 'red', 'codel', 'fq-codel'),
      ecn: fc.boolean(),
      redMin: fc.nat(5),
      redMax: fc.nat(5),
      redWeight: fc.constantFrom(0.002, 1),
      codelTarget: fc.integer({ min: 1, max: 50 * MS }),
      codelInterval: fc.integer({ min: 1, max: 50 * MS }),
      fqFlows: fc.constantFrom(1, 16),
      fqQuantum: fc.constantFrom(64, 3000),
      lossBurst: fc.constantFrom(0, 3),
      burstEnter: fc.constantFrom(0, 0.3),
      lossOf: fc.constantFrom('all', 'data', 'acks', 'udp'),
      reorderCorrelation: fc.constantFrom(0, 0.5),
      reorderEvery: fc.nat(5),
      blackHoleMtu: fc.nat(200),
    },
    { requiredKeys: [] },
  )

  test('changing some leaves the others; putting them back gives the link as it was', () => {
    const base: LinkSettings = { ...DEFAULT_LINK, rate: 1_000_000, delay: 5 * MS, queueFrames: 100 }
    fc.assert(
      fc.property(fc.array(change, { maxLength: 6 }), fc.nat(), (changes, seed) => {
        const lab = new Lab([base], [], seed)
        let time = 0
        for (const settings of changes) {
          lab.send(time, 0, 4, 125)
          lab.at((time += 2 * MS), 0, { kind: 'link', port: 0, settings })
          lab.send(time, 0, 4, 125)
          const back = Object.fromEntries(Object.keys(settings).map((key) => [key, base[key as keyof LinkSettings]]))
          lab.at((time += 2 * MS), 0, { kind: 'link', port: 0, settings: back })
        }
        // The slowest frame on the line is gone after 10 ms; its queue, too, by then.
        lab.run((time += 3000 * MS))
        const [frames, received] = [lab.frames().length, lab.received.length]
        lab.send(time, 0, 3, 125).run()
        assert.deepEqual(lab.fates().slice(frames), ['arrived', 'arrived', 'arrived'])
        assert.deepEqual(
          lab.received.slice(received).map((one) => one.time - time),
          [6 * MS, 7 * MS, 8 * MS],
        )
        for (const [index, { bytes }] of lab.received.slice(received).entries()) {
          assert.deepEqual(
            bytes,
            Uint8Array.from(bytes, (_, at) => index + at),
          )
        }
      }),
      { seed: 8, numRuns: 150 },
    )
  })
})
