import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { OPAQUE_FRAMES, type FrameInspector } from '../../src/kernel/frame-inspector.ts'
import type { LinkSettings } from '../../src/kernel/link.ts'
import { frameOf, Lab } from './lab.ts'

const MS = 1_000_000

/** Many frames, far apart; by number whether they are lost. */
function losses(settings: Partial<LinkSettings>, frames: number, seed = 1): boolean[] {
  const lab = new Lab([settings], [], seed)
  lab.do(0, 0, (environment) => {
    for (let i = 0; i < frames; i++) environment.transmit(0, frameOf(environment, 20))
  })
  return lab
    .run()
    .frames()
    .map(({ fate }) => fate !== 'arrived')
}

/** Lengths of the runs of losses. */
function bursts(lost: readonly boolean[]): number[] {
  const lengths: number[] = []
  lost.forEach((is, index) => {
    if (!is) return
    if (lost[index - 1]) lengths[lengths.length - 1]++
    else lengths.push(1)
  })
  return lengths
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
const share = (lost: readonly boolean[]): number => lost.filter(Boolean).length / lost.length

describe('losses in bursts', () => {
  for (const [loss, lossBurst] of [
    [0.02, 4],
    [0.05, 10],
    [0.3, 1],
    [0.01, 1.5],
  ] as const) {
    test(`${loss * 100} % in bursts of ${lossBurst}: both are kept in the mean`, () => {
      const lost = losses({ loss, lossBurst }, 100_000)
      const lengths = bursts(lost)
      // The share is a sum of burst lengths: its variance is that of independent losses times (2 * length - 1) at most.
      const bound = 5 * Math.sqrt(((loss * (1 - loss)) / 100_000) * (2 * lossBurst))
      assert.ok(Math.abs(share(lost) - loss) < bound, `${share(lost)} lost`)
      const deviation = Math.sqrt(lossBurst * (lossBurst - 1) + 0.01)
      assert.ok(Math.abs(mean(lengths) - lossBurst) < (5 * deviation) / Math.sqrt(lengths.length), `bursts of ${mean(lengths)}`)
    })
  }

  test('bursts of 1 / (1 - loss) are what independent losses make', () => {
    const independent = bursts(losses({ loss: 0.2 }, 50_000))
    const same = bursts(losses({ loss: 0.2, lossBurst: 1.25 }, 50_000))
    assert.ok(Math.abs(mean(independent) - 1.25) < 0.03, `${mean(independent)}`)
    assert.ok(Math.abs(mean(same) - 1.25) < 0.03, `${mean(same)}`)
  })

  test('at 0 nothing is lost, at 1 everything, however long the bursts are asked to be', () => {
    assert.equal(share(losses({ loss: 0, lossBurst: 5 }, 1000)), 0)
    assert.equal(share(losses({ loss: 1, lossBurst: 5 }, 1000)), 1)
    // 95 % cannot be had in bursts of 2 with gaps of a frame at least: the share is kept, the bursts are longer.
    const much = losses({ loss: 0.95, lossBurst: 2 }, 50_000)
    assert.ok(Math.abs(share(much) - 0.95) < 0.01, `${share(much)}`)
    assert.ok(mean(bursts(much)) > 15, `${mean(bursts(much))}`)
  })

  test('are told as such', () => {
    const lab = new Lab([{ loss: 1, lossBurst: 3 }]).send(0, 0, 1).run()
    assert.deepEqual(lab.fates(), ['burst-loss'])
  })
})

describe('Gilbert and Elliott', () => {
  for (const [p, r, h, k] of [
    [0.01, 0.1, 0, 1],
    [0.05, 0.3, 0.4, 0.99],
    [0.2, 0.2, 0.5, 0.9],
    [1, 1, 0, 1],
  ] as const) {
    test(`p ${p}, r ${r}, h ${h}, k ${k}: the stationary loss, and what follows a loss`, () => {
      const settings = { burstEnter: p, burstLeave: r, burstLoss: 1 - h, gapLoss: 1 - k }
      const lost = losses(settings, 100_000)
      const inBurst = p / (p + r)
      const expected = inBurst * (1 - h) + (1 - inBurst) * (1 - k)
      // Correlation of neighbours' states is 1 - p - r: the effective number of frames is smaller by that.
      const fewer = (2 - p - r) / (p + r)
      const bound = 5 * Math.sqrt((expected * (1 - expected) * Math.max(1, fewer)) / 100_000)
      assert.ok(Math.abs(share(lost) - expected) < bound, `${share(lost)} lost instead of ${expected}`)
      // P(loss | loss), from the chain: the state behind a loss, one step on, and its share of loss.
      const burstBehind = (inBurst * (1 - h)) / expected
      const burstNext = burstBehind * (1 - r) + (1 - burstBehind) * p
      const again = burstNext * (1 - h) + (1 - burstNext) * (1 - k)
      const followers = lost.filter((_, index) => index > 0 && lost[index - 1])
      const found = share(followers)
      const room = 5 * Math.sqrt((Math.max(0.001, again * (1 - again)) * Math.max(1, fewer)) / followers.length)
      assert.ok(Math.abs(found - again) < room, `${found} after a loss instead of ${again}`)
      if (h === 0 && k === 1) {
        const lengths = bursts(lost)
        const spread = Math.sqrt(1 - r) / r
        assert.ok(
          Math.abs(mean(lengths) - 1 / r) <= (5 * spread) / Math.sqrt(lengths.length),
          `bursts of ${mean(lengths)} instead of ${1 / r}`,
        )
      }
    })
  }

  test('without a way into a burst there is none, and without a way out it never ends', () => {
    assert.equal(share(losses({ burstEnter: 0, burstLeave: 0.1 }, 2000)), 0)
    assert.equal(share(losses({ burstEnter: 0.5, burstLeave: 0 }, 2000)), 1)
  })
})

describe('which frames are lost', () => {
  const KINDS: FrameInspector = {
    ...OPAQUE_FRAMES,
    carriesData: (frame) => frame[0] === 1,
    isPureAck: (frame) => frame[0] === 2,
    isUdp: (frame) => frame[0] === 3,
  }
  /** Data, ACK, something else, and so on. */
  const fates = (settings: Partial<LinkSettings>, frames = 3000): string[][] => {
    const lab = new Lab([settings], [], 1, KINDS)
    lab.do(0, 0, (environment) => {
      for (let i = 0; i < frames; i++) environment.transmit(0, frameOf(environment, 20, 1 + (i % 3)))
    })
    const all = lab.run().fates()
    return [0, 1, 2].map((kind) => all.filter((_, index) => index % 3 === kind))
  }
  const lost = (some: readonly string[]): number => some.filter((fate) => fate !== 'arrived').length

  test('only data: nothing else, and of data the share that was asked for', () => {
    for (const more of [{}, { lossBurst: 3 }]) {
      const [data, acks, others] = fates({ loss: 0.2, lossOf: 'data', ...more })
      assert.ok(Math.abs(lost(data) - 200) < 5 * Math.sqrt(160 * 5), `${lost(data)} of 1,000`)
      assert.equal(lost(acks) + lost(others), 0)
    }
  })

  test('only acknowledgments', () => {
    const [data, acks, others] = fates({ loss: 0.2, lossOf: 'acks' })
    assert.ok(Math.abs(lost(acks) - 200) < 5 * Math.sqrt(160), `${lost(acks)} of 1,000`)
    assert.equal(lost(data) + lost(others), 0)
  })

  test('only UDP, all of it', () => {
    const [data, acks, others] = fates({ loss: 1, lossOf: 'udp' })
    assert.equal(lost(others), 1000)
    assert.equal(lost(data) + lost(acks), 0)
  })

  test('bursts are as long in frames of the kind', () => {
    const [data] = fates({ loss: 0.1, lossBurst: 5, lossOf: 'data' }, 90_000)
    const lengths = bursts(data.map((fate) => fate !== 'arrived'))
    assert.ok(Math.abs(mean(lengths) - 5) < (5 * 4.5) / Math.sqrt(lengths.length), `bursts of ${mean(lengths)}`)
  })

  test('a list counts the frames of the kind', () => {
    const [data, acks, others] = fates({ lossList: [1, 4], lossOf: 'acks' }, 30)
    assert.deepEqual(
      acks.map((fate) => fate === 'listed-loss'),
      acks.map((_, index) => index === 0 || index === 3),
    )
    assert.equal(lost(data) + lost(others), 0)
  })
})

describe('a black hole', () => {
  test('swallows what carries more than it lets through, not a byte less; nobody is told', () => {
    const lab = new Lab([{ blackHoleMtu: 1400, delay: 4 * MS }])
    for (const length of [1413, 1414, 1415, 1514]) lab.send(0, 0, 1, length)
    assert.deepEqual(lab.run().fates(), ['arrived', 'arrived', 'too-big', 'too-big'])
    assert.deepEqual(
      lab
        .frames()
        .slice(2)
        .map(({ fateAt, sent }) => [sent, fateAt]),
      [
        [0, 2 * MS],
        [0, 2 * MS],
      ],
    )
    assert.equal(lab.store.events.length, 0)
  })

  test('a second copy does not get through either', () => {
    const lab = new Lab([{ blackHoleMtu: 50, duplicate: 1 }]).send(0, 0, 1, 100).send(1, 0, 1, 60).run()
    assert.deepEqual(lab.fates(), ['too-big', 'arrived', 'arrived'])
  })
})

describe('jitter by shape', () => {
  /** Extra delays as a share of the jitter, of frames far apart. */
  const extras = (more: Partial<LinkSettings>, frames = 4000): number[] => {
    const lab = new Lab([{ delay: 10, jitter: MS, ...more }])
    for (let i = 0; i < frames; i++) lab.send(i * 200 * MS, 0, 1, 20)
    return lab
      .run(frames * 200 * MS + 1)
      .frames()
      .map(({ sent, arrives }) => (arrives - sent - 10) / MS)
  }
  const within = (values: readonly number[], low: number, high: number): number =>
    values.filter((value) => value >= low && value < high).length / values.length

  /** Shares within bounds, by the distribution's own formula. */
  const SHAPES: readonly [LinkSettings['jitterShape'], readonly (readonly [number, number, number])[]][] = [
    ['uniform', [0, 0.25, 0.5, 0.75].map((low) => [low, low + 0.25, 0.25] as const)],
    // Of a normal distribution with standard deviation 1/6: one deviation, two, and beyond.
    [
      'normal',
      [
        [1 / 3, 2 / 3, 0.6827],
        [1 / 6, 5 / 6, 0.9545],
        [0, 0.5, 0.5],
      ],
    ],
    // P(X > x) = (1 + x)^-3.
    [
      'pareto',
      [
        [0, 0.26, 1 - 1.26 ** -3],
        [1, 1000, 1 / 8],
        [3, 1000, 1 / 64],
      ],
    ],
  ]
  for (const [jitterShape, bounds] of SHAPES) {
    test(`${jitterShape}: shares within bounds, and a mean of half the jitter`, () => {
      const found = extras({ jitterShape })
      for (const [low, high, expected] of bounds) {
        const room = 5 * Math.sqrt((expected * (1 - expected)) / found.length) + 0.002
        assert.ok(Math.abs(within(found, low, high) - expected) < room, `${within(found, low, high)} in ${low} to ${high}`)
      }
      const deviation = { uniform: 0.29, normal: 0.17, pareto: 0.87 }[jitterShape]
      assert.ok(Math.abs(mean(found) - 0.5) < (5 * deviation) / Math.sqrt(found.length), `mean ${mean(found)}`)
      assert.equal(Math.min(...found) >= 0, true)
      if (jitterShape !== 'pareto') assert.equal(Math.max(...found) <= 1, true)
      else assert.equal(Math.max(...found) <= 100, true)
    })
  }

  for (const jitterShape of ['uniform', 'normal', 'pareto'] as const) {
    test(`${jitterShape}: correlation is what was asked for, and leaves the shape alone`, () => {
      for (const jitterCorrelation of [0, 0.6]) {
        const found = extras({ jitterShape, jitterCorrelation })
        const same = found.filter((value, index) => index > 0 && value === found[index - 1]).length / found.length
        assert.ok(Math.abs(same - jitterCorrelation) < 5 * Math.sqrt(0.25 / found.length), `${same} like that before`)
        // With a correlation of 0.6, four frames tell as much as one without.
        const median = found.toSorted((a, b) => a - b)[found.length / 2]
        const expected = jitterShape === 'pareto' ? 2 ** (1 / 3) - 1 : 0.5
        assert.ok(Math.abs(median - expected) < 0.06, `median ${median}`)
      }
    })
  }

  test('a correlation of 1 keeps the first delay for ever', () => {
    assert.equal(new Set(extras({ jitterCorrelation: 1 }, 50)).size, 1)
  })
})

describe('reordering', () => {
  const held = (settings: Partial<LinkSettings>, frames = 6000): boolean[] => {
    const lab = new Lab([{ delay: 10, reorderBy: 5 * MS, ...settings }])
    for (let i = 0; i < frames; i++) lab.send(i * 100, 0, 1, 20)
    return lab
      .run()
      .frames()
      .map(({ sent, arrives }) => arrives - sent > 10)
  }

  test('with a gap: every n-th frame, and no other', () => {
    assert.deepEqual(
      held({ reorderEvery: 5 }, 20).flatMap((is, index) => (is ? [index + 1] : [])),
      [5, 10, 15, 20],
    )
    assert.equal(share(held({ reorderEvery: 1 }, 20)), 1)
  })

  test('by chance and with a gap together', () => {
    const found = held({ reorderEvery: 4, reorder: 0.1 })
    assert.ok(
      found.every((is, index) => (index + 1) % 4 !== 0 || is),
      'each fourth',
    )
    const others = found.filter((_, index) => (index + 1) % 4 !== 0)
    assert.ok(Math.abs(share(others) - 0.1) < 5 * Math.sqrt(0.09 / others.length), `${share(others)} of the others`)
  })

  test('correlated: the same share, in runs', () => {
    const found = held({ reorder: 0.2, reorderCorrelation: 0.8 })
    assert.ok(Math.abs(share(found) - 0.2) < 5 * Math.sqrt((0.16 * 9) / found.length), `${share(found)}`)
    // A run ends when a new decision is made (1 in 5) and is another (4 in 5).
    const lengths = bursts(found)
    assert.ok(Math.abs(mean(lengths) - 6.25) < (5 * 5.7) / Math.sqrt(lengths.length), `runs of ${mean(lengths)}`)
  })
})

describe('overhead and the token bucket', () => {
  test('overhead is time on the line, and nothing else', () => {
    const lab = new Lab([{ rate: 1_000_000, delay: MS, overhead: 25 }]).send(0, 0, 3, 100).run()
    assert.deepEqual(lab.times(1), [2 * MS, 3 * MS, 4 * MS])
    assert.deepEqual(
      lab.frames().map(({ length }) => length),
      [100, 100, 100],
    )
  })

  /** When each frame of 125 bytes leaves; the rate is one a millisecond. */
  const leaving = (more: Partial<LinkSettings>, count = 20): number[] =>
    new Lab([{ rate: 1_000_000, delay: MS, ...more }])
      .send(0, 0, count, 125)
      .run()
      .frames()
      .map(({ sent }) => sent / MS)

  test('as much as it is deep leaves at once, the next waits for tokens, and then the rate holds', () => {
    const ten = leaving({ bucket: 1250 })
    assert.deepEqual(ten, [...Array.from({ length: 10 }, () => 0), ...Array.from({ length: 10 }, (_, i) => i + 1)])
    // A byte less, and the tenth has to wait for its token: 8 microseconds.
    assert.equal(leaving({ bucket: 1249 })[9], 0.008)
    assert.equal(leaving({ bucket: 1249 })[8], 0)
  })

  test('what leaves out of the bucket does so at the peak rate', () => {
    const sent = leaving({ bucket: 1250, peakRate: 10_000_000 })
    // A tenth of a millisecond each, while tokens keep coming: 10 + 1/10 + ... frames in all.
    assert.deepEqual(sent.slice(0, 11), [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1])
    assert.equal(sent[12], 3)
  })

  test('fills again while the line is idle, up to its depth', () => {
    const lab = new Lab([{ rate: 1_000_000, delay: MS, bucket: 500 }]).send(0, 0, 4, 125)
    lab
      .send(2 * MS, 0, 4, 125)
      .send(100 * MS, 0, 6, 125)
      .run()
    assert.deepEqual(
      lab.frames().map(({ sent }) => sent / MS),
      [0, 0, 0, 0, 2, 2, 3, 4, 100, 100, 100, 100, 101, 102],
    )
  })

  test('a frame that is larger than the bucket passes when it is full, and its debt is paid', () => {
    const lab = new Lab([{ rate: 1_000_000, delay: MS, bucket: 250 }]).send(0, 0, 1, 500).send(0, 0, 2, 125).run()
    assert.deepEqual(
      lab.frames().map(({ sent }) => sent / MS),
      [0, 3, 4],
    )
  })

  test('in the long run it is the rate, whatever comes and however deep it is', () => {
    for (const bucket of [125, 1000, 10_000]) {
      const sent = leaving({ bucket, queueFrames: 1e6 }, 3000)
      assert.equal(sent.at(-1), 3000 - Math.max(1, bucket / 125))
    }
  })

  test('a rate that is raised, or a bucket that is taken away, lets go at once what waited for tokens', () => {
    const change = (settings: Partial<LinkSettings>): number[] => {
      const lab = new Lab([{ rate: 1000, delay: MS, bucket: 250 }]).send(0, 0, 5, 125)
      lab.at(10 * MS, 0, { kind: 'link', port: 0, settings }).run()
      return lab.frames().map(({ sent }) => sent / MS)
    }
    // At 1,000 bit/s the third would have waited for a second. Of that, 10 ms are paid already.
    assert.deepEqual(change({ rate: 1_000_000 }), [0, 0, 10.99, 11.99, 12.99])
    assert.deepEqual(change({ bucket: 0, rate: 1_000_000 }), [0, 0, 10, 11, 12])
    assert.deepEqual(change({ bucket: 250 + 375 }), [0, 0, 10, 10, 10])
  })

  test('the frame that waits for tokens can be dropped and spoilt by hand like those behind it', () => {
    const lab = new Lab([{ rate: 1_000_000, delay: MS, bucket: 125 }]).send(0, 0, 4, 125).run(1)
    const [, second, third] = lab.frames()
    assert.equal(lab.environments[0].queuedBytes(0), 375)
    lab.at(1, 0, { kind: 'drop', frame: second.id }, { kind: 'corrupt', frame: third.id, corruption: 300, detected: true })
    lab.run()
    assert.deepEqual(
      lab.frames().map(({ fate, sent }) => [fate, sent / MS]),
      [
        ['arrived', 0],
        // The trace is told of a drop by who ordered it.
        ['queued', Number.MAX_SAFE_INTEGER / MS],
        ['bad-fcs', 1],
        ['arrived', 2],
      ],
    )
  })

  test('a cut loses the frame that waits for tokens too', () => {
    const lab = new Lab([{ rate: 1_000_000, delay: MS, bucket: 125 }]).send(0, 0, 3, 125)
    lab.at(10, 0, { kind: 'link', port: 0, settings: { up: false } }).at(20, 0, { kind: 'link', port: 0, settings: { up: true } })
    lab.send(5 * MS, 0, 1, 125).run()
    assert.deepEqual(lab.fates(), ['arrived', 'link-down', 'link-down', 'arrived'])
  })
})
