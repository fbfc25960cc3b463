import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { LinkSettings } from '../../src/kernel/link.ts'
import { Red } from '../../src/kernel/red.ts'
import { Lab } from './lab.ts'
import { QueueLab, tagged } from './queue-lab.ts'

/** An average that is the queue itself. */
const INSTANT: Partial<LinkSettings> = { redWeight: 1, redMin: 5, redMax: 15, redProbability: 0.1, queueFrames: 1e6 }

/** Keeps so many frames waiting, and lets many more come, one for each that leaves. Numbers of those refused (or marked). */
function atLength(frames: number, arrivals: number, settings: Partial<LinkSettings>, ecn: 0 | 1 | 2 = 0): number[] {
  const lab = new QueueLab(Red, { ...INSTANT, redMin: 1e6, redMax: 2e6 })
  for (let i = 0; i < frames; i++) lab.put(tagged(0))
  Object.assign(lab.settings, { redMin: 5, redMax: 15, ...settings })
  const struck: number[] = []
  for (let i = 1; i <= arrivals; i++) {
    const before = lab.dropped.length + lab.marked.length
    lab.put(tagged(0, 1000, ecn))
    if (lab.dropped.length + lab.marked.length > before) struck.push(i)
    if (lab.queue.count > frames) lab.take()
  }
  return struck
}

function gaps(struck: readonly number[]): number[] {
  return struck.slice(1).map((number, index) => number - struck[index])
}

describe('RED (Floyd and Jacobson 1993): the probability', () => {
  test('is nothing below the minimum, and something from there on', () => {
    assert.deepEqual(atLength(4, 5000, {}), [])
    // At the minimum itself it is 0.
    assert.deepEqual(atLength(5, 5000, {}), [])
    assert.ok(atLength(6, 5000, {}).length > 0, 'a frame above')
  })

  for (const [length, base] of [
    [6, 0.01],
    [10, 0.05],
    [9, 0.04],
  ] as const) {
    test(`at an average of ${length}: the distance between drops is even over 1 to 1/p - 1, with p = ${base}`, () => {
      const found = gaps(atLength(length, 60_000, {}))
      const most = Math.round(1 / base) - 1
      assert.equal(Math.max(...found) <= most, true)
      const mean = found.reduce((sum, gap) => sum + gap, 0) / found.length
      const deviation = Math.sqrt((most * most - 1) / 12)
      assert.ok(Math.abs(mean - (most + 1) / 2) < (5 * deviation) / Math.sqrt(found.length), `mean ${mean} of 1 to ${most}`)
      // Evenly: each quarter of the range has its share.
      const quarters = [0, 0, 0, 0]
      for (const gap of found) quarters[Math.min(3, Math.floor(((gap - 1) * 4) / most))]++
      for (const [index, count] of quarters.entries()) {
        const lowest = Math.ceil((index * most) / 4)
        const share = (Math.ceil(((index + 1) * most) / 4) - lowest) / most
        const bound = 5 * Math.sqrt(found.length * share * (1 - share))
        assert.ok(Math.abs(count - found.length * share) < bound, `${quarters.join()} of ${found.length}`)
      }
    })
  }

  test('jumps to 1 at the maximum; gentle, it climbs to 1 at twice that', () => {
    const all = Array.from({ length: 1000 }, (_, index) => index + 1)
    assert.deepEqual(atLength(15, 1000, { redGentle: false }), all)
    assert.ok(atLength(14, 1000, { redGentle: false }).length < 300, 'just below it does not')
    // p is 0.1 + 0.9 * 7 / 15 = 0.52 at 22: the second frame after each drop goes for certain.
    assert.ok(atLength(22, 1000, {}).length >= 499, 'about each')
    assert.ok(atLength(15, 10_000, {}).length < 2600, 'at the maximum it is still a tenth')
    assert.deepEqual(atLength(30, 1000, {}), all)
  })
})

describe('RED: the average', () => {
  test('follows avg + w (q - avg): it crosses a bound at the arrival that the formula says', () => {
    for (const [weight, queue, bound] of [
      [0.002, 20, 5],
      [0.01, 20, 15],
      [0.1, 50, 49],
    ] as const) {
      const lab = new QueueLab(Red, {
        ...INSTANT,
        redWeight: weight,
        redMin: bound,
        redMax: bound,
        redGentle: false,
      })
      for (let i = 0; i < queue; i++) lab.queue.adopt(tagged(0), -i - 1, 0)
      let average = 0
      let expected = 0
      while (average < bound) {
        average += weight * (queue - average)
        expected++
      }
      let arrival = 0
      while (lab.dropped.length === 0) {
        arrival++
        lab.put(tagged(0))
        if (lab.queue.count > queue) lab.take()
      }
      assert.equal(arrival, expected)
    }
  })

  test('falls while the line is idle, as if so many frames of 1,000 bytes had come as fit into the time', () => {
    const survives = (idle: number): boolean => {
      // 1,000 bytes a millisecond.
      const lab = new QueueLab(Red, { ...INSTANT, redWeight: 0.5, redMin: 4, redMax: 4, redGentle: false, rate: 8_000_000 })
      for (let i = 0; i < 16; i++) lab.queue.adopt(tagged(0), -i - 1, 0)
      lab.put(tagged(0))
      // The average is 8, which is refused, and now the queue runs empty.
      assert.equal(lab.dropped.length, 1)
      while (lab.take() !== 0);
      lab.now = idle
      lab.put(tagged(0))
      return lab.dropped.length === 1
    }
    // Halved once, it is 4: that is the maximum. Halved twice, 2.
    assert.equal(survives(1_999_999), false)
    assert.equal(survives(2_000_000), true)
  })

  test('lets a burst pass that a queue of this maximum would refuse', () => {
    const lab = new Lab([{ rate: 8_000_000, delay: 1000, discipline: 'red' }]).send(0, 0, 60, 1000).run()
    assert.deepEqual(new Set(lab.fates()), new Set(['arrived']))
  })
})

describe('RED: marks and limits', () => {
  test('marks instead of dropping between the bounds, and drops beyond the upper one all the same', () => {
    const dropping = atLength(10, 5000, {})
    const marking = atLength(10, 5000, { ecn: true }, 1)
    assert.deepEqual(marking, dropping)
    const lab = new QueueLab(Red, { ...INSTANT, ecn: true })
    for (let i = 0; i < 40; i++) lab.put(tagged(0, 1000, 1))
    assert.ok(lab.marked.length > 0, 'some are marked')
    assert.equal(lab.queue.count, 30)
    assert.deepEqual(new Set(lab.dropped.map(({ fate }) => fate)), new Set(['red-drop']))
  })

  test('the queue has a limit besides', () => {
    const lab = new QueueLab(Red, { redMin: 100, redMax: 200, queueFrames: 3 })
    for (let i = 0; i < 4; i++) lab.put(tagged(0))
    assert.deepEqual(
      lab.dropped.map(({ id, fate }) => [id, fate]),
      [[4, 'queue-full']],
    )
  })

  test('under overload, keeps the average queue between its bounds where drop-tail keeps it full', () => {
    const mean = (discipline: 'red' | 'drop-tail'): number => {
      const lab = new Lab([{ rate: 8_000_000, delay: 1000, discipline, redWeight: 0.02, queueFrames: 100 }])
      for (let at = 0; at < 3000; at++) lab.send(at * 1_000_000, 0, at % 10 === 0 ? 2 : 1, 1000)
      lab.run()
      const waits = lab
        .frames()
        .filter(({ fate }) => fate === 'arrived')
        .slice(-1000)
        .map(({ sent, enqueued }) => sent - enqueued)
      return waits.reduce((sum, wait) => sum + wait, 0) / waits.length / 1_000_000
    }
    assert.ok(mean('red') > 3 && mean('red') < 25, `${mean('red')} frames`)
    assert.ok(mean('drop-tail') > 80, `${mean('drop-tail')} frames`)
  })
})
