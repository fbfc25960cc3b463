/**
 * Any two faults on one direction of a link: each does to each frame exactly what it does alone. And a fault that was cleared has left
 * nothing behind.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { OPAQUE_FRAMES, type FrameInspector } from '../../src/kernel/frame-inspector.ts'
import { DEFAULT_LINK, type LinkSettings } from '../../src/kernel/link.ts'
import type { FrameRecord } from '../../src/trace/record.ts'
import { frameOf, Lab } from './lab.ts'

const MS = 1_000_000
const FRAMES = 600
/** So far apart that no frame waits for another, nor overtakes one. */
const APART = 150 * MS

const KINDS: FrameInspector = {
  ...OPAQUE_FRAMES,
  flow: (frame) => frame[0] * 0x01000193,
  carriesData: (frame) => frame[0] % 2 === 1,
  isPureAck: (frame) => frame[0] % 2 === 0,
  isUdp: () => false,
}

interface Fault {
  readonly name: string
  readonly settings: Partial<LinkSettings>
  /** How often it strikes a frame, at least and at most, where it is a matter of chance. */
  readonly strikes?: readonly [of: 'lost' | 'corrupted' | 'copied' | 'late', share: number, spread?: number]
}

const FAULTS: readonly Fault[] = [
  { name: 'delay', settings: { delay: 7 * MS } },
  { name: 'jitter', settings: { jitter: 3 * MS }, strikes: ['late', 1] },
  { name: 'normal jitter', settings: { jitter: 3 * MS, jitterShape: 'normal', jitterCorrelation: 0.5 } },
  { name: 'Pareto jitter', settings: { jitter: 100_000, jitterShape: 'pareto' } },
  { name: 'rate', settings: { rate: 2_000_000 } },
  { name: 'token bucket', settings: { rate: 2_000_000, bucket: 400, peakRate: 50_000_000 } },
  { name: 'loss', settings: { loss: 0.1 }, strikes: ['lost', 0.1] },
  { name: 'loss of data', settings: { loss: 0.2, lossOf: 'data' }, strikes: ['lost', 0.1] },
  { name: 'loss in bursts', settings: { loss: 0.1, lossBurst: 4 }, strikes: ['lost', 0.1, 7] },
  {
    name: 'Gilbert-Elliott',
    settings: { burstEnter: 0.05, burstLeave: 0.3, burstLoss: 0.8, gapLoss: 0.01 },
    strikes: ['lost', 0.123, 5],
  },
  { name: 'listed loss', settings: { lossList: [3, 50, 51, 400] } },
  { name: 'black hole', settings: { blackHoleMtu: 180 } },
  { name: 'corruption', settings: { corrupt: 0.2 }, strikes: ['corrupted', 0.2] },
  { name: 'duplication', settings: { duplicate: 0.2 }, strikes: ['copied', 0.2] },
  { name: 'reordering', settings: { reorder: 0.2, reorderBy: 20 * MS }, strikes: ['late', 0.2] },
  {
    name: 'correlated reordering',
    settings: { reorder: 0.2, reorderCorrelation: 0.5, reorderBy: 20 * MS },
    strikes: ['late', 0.2, 3],
  },
  { name: 'reordering with a gap', settings: { reorderEvery: 7, reorderBy: 20 * MS } },
  { name: 'RED', settings: { discipline: 'red', ecn: true } },
  { name: 'CoDel', settings: { discipline: 'codel' } },
  { name: 'FQ-CoDel', settings: { discipline: 'fq-codel' } },
  { name: 'queue limit', settings: { queueFrames: 3 } },
]

/** What befell frames, by their number. */
interface Effects {
  readonly lost: ReadonlySet<number>
  readonly corrupted: ReadonlySet<number>
  readonly copied: ReadonlySet<number>
  /** Nanoseconds between leaving the host and arriving beyond what it takes without faults. */
  readonly late: readonly number[]
}

const LINE: Partial<LinkSettings> = { delay: MS, overhead: 24 }

function effects(settings: Partial<LinkSettings>): Effects {
  const lab = new Lab([{ ...LINE, ...settings }], [], 3, KINDS)
  for (let i = 0; i < FRAMES; i++) {
    lab.do(i * APART, 0, (environment) => {
      environment.transmit(0, frameOf(environment, 100 + (i % 5) * 30, i))
    })
  }
  lab.run(FRAMES * APART + 1)
  const originals = lab.frames().filter(({ duplicate }) => !duplicate)
  assert.equal(originals.length, FRAMES)
  const numbers = (where: (frame: FrameRecord) => boolean): Set<number> =>
    new Set(originals.flatMap((frame, index) => (where(frame) ? [index + 1] : [])))
  const copies = new Set(lab.frames().flatMap(({ duplicate, cause }) => (duplicate ? [cause] : [])))
  return {
    lost: numbers(({ fate }) => fate !== 'arrived' && fate !== 'bad-fcs'),
    corrupted: numbers(({ corrupted }) => corrupted),
    copied: numbers(({ id }) => copies.has(id)),
    late: originals.map(({ enqueued, arrives }) => arrives - enqueued - MS),
  }
}

const alone = new Map(FAULTS.map((fault) => [fault.name, effects(fault.settings)]))
const of = ({ name }: Fault): Effects => alone.get(name) as Effects
const sorted = (numbers: Iterable<number>): number[] => [...numbers].sort((a, b) => a - b)

/** Whether two faults ask for different values of one setting, so that they cannot both be had. */
function exclude(one: Fault, other: Fault): boolean {
  const shared = (Object.keys(one.settings) as (keyof LinkSettings)[]).filter((key) => key in other.settings)
  return shared.some((key) => one.settings[key] !== other.settings[key])
}

/** Whether one is a variant of what the other is: jitter of another shape, loss of another kind. */
function isVariant(one: Fault, other: Fault): boolean {
  const variants: readonly (readonly (keyof LinkSettings)[])[] = [['jitter'], ['loss'], ['rate'], ['reorder']]
  return variants.some((keys) => keys.every((key) => key in one.settings && key in other.settings))
}

describe('each fault alone', () => {
  test('strikes as often as it was asked to', () => {
    for (const fault of FAULTS) {
      if (fault.strikes === undefined) continue
      const [kind, share, spread = 1] = fault.strikes
      const effect = of(fault)
      const struck = kind === 'late' ? effect.late.filter((late) => late > 0).length : effect[kind].size
      const bound = 5 * Math.sqrt(FRAMES * share * (1 - share) * spread) + 1
      assert.ok(Math.abs(struck - FRAMES * share) <= bound, `${fault.name}: ${struck} of ${FRAMES}`)
    }
  })

  test('leaves alone what is not its business', () => {
    for (const fault of FAULTS) {
      const { lost, corrupted, copied, late } = of(fault)
      const touched = [lost.size > 0, corrupted.size > 0, copied.size > 0, late.some((time) => time !== 0)]
      assert.equal(
        touched.filter(Boolean).length,
        fault.settings.discipline === undefined && fault.name !== 'queue limit' ? 1 : 0,
        fault.name,
      )
    }
  })
})

describe('two faults together', () => {
  for (const [index, one] of FAULTS.entries()) {
    test(`${one.name} and any other: each strikes the same frames as alone`, () => {
      for (const other of FAULTS.slice(index + 1)) {
        if (exclude(one, other) || isVariant(one, other)) continue
        const both = effects({ ...one.settings, ...other.settings })
        const [a, b] = [of(one), of(other)]
        const name = `${one.name} and ${other.name}`
        // `lossOf` speaks of bursts and lists as well.
        const onlyData = 'lossOf' in one.settings || 'lossOf' in other.settings
        const isList = 'lossList' in one.settings || 'lossList' in other.settings
        const isChain = 'burstEnter' in one.settings || 'burstEnter' in other.settings
        const lost = new Set([...a.lost, ...b.lost])
        if (!(onlyData && (isList || isChain))) assert.deepEqual(sorted(both.lost), sorted(lost), `${name}: lost`)
        const corrupted = [...a.corrupted, ...b.corrupted].filter((number) => !both.lost.has(number))
        assert.deepEqual(sorted(both.corrupted), sorted(corrupted), `${name}: corrupted`)
        const swallows = 'blackHoleMtu' in one.settings ? a.lost : 'blackHoleMtu' in other.settings ? b.lost : new Set<number>()
        const copied = [...a.copied, ...b.copied].filter((number) => !swallows.has(number))
        assert.deepEqual(sorted(both.copied), sorted(copied), `${name}: copied`)
        // A frame that two kinds of reordering hold back is held back once.
        const reorders = 'reorderBy' in one.settings && 'reorderBy' in other.settings
        const late = a.late.map((time, at) => (reorders ? Math.max(time, b.late[at]) : time + b.late[at]))
        assert.deepEqual(both.late, late, `${name}: late`)
      }
    })
  }
})

describe('a queue that refuses, and what happens on the way', () => {
  /** Three frames come where two can leave; at times many. */
  const crowd = (settings: Partial<LinkSettings>): FrameRecord[] => {
    const lab = new Lab([{ rate: 1_000_000, delay: MS, queueFrames: 20, ...settings }], [], 5, KINDS)
    for (let at = 0; at < 1500; at++) {
      lab.do(at * MS, 0, (environment) => {
        const count = at % 2 === 0 ? 2 : at % 200 === 1 ? 15 : 1
        for (let i = 0; i < count; i++) environment.transmit(0, frameOf(environment, 125, i))
      })
    }
    return lab
      .run()
      .frames()
      .filter(({ duplicate }) => !duplicate)
  }
  const QUEUE_FATES = new Set(['queue-full', 'red-drop', 'codel-drop', 'pushed-out'])
  const WAY: readonly Partial<LinkSettings>[] = [
    { loss: 0.1 },
    { loss: 0.1, lossBurst: 3 },
    { burstEnter: 0.05 },
    { corrupt: 0.1 },
    { duplicate: 0.1 },
    { reorder: 0.1 },
    { jitter: MS },
    { blackHoleMtu: 10 },
    { delay: 9 * MS },
  ]
  const QUEUES: readonly Partial<LinkSettings>[] = [
    {},
    { discipline: 'red', redWeight: 0.05 },
    { discipline: 'codel', queueFrames: 200 },
    { discipline: 'fq-codel', queueFrames: 100 },
    { bucket: 2000 },
  ]

  for (const queue of QUEUES) {
    test(`${JSON.stringify(queue)}: what happens on the way changes nothing of what leaves, nor when`, () => {
      const refusals = (frames: readonly FrameRecord[]): string[] =>
        frames.map(({ fate, fateAt, sent }) => (QUEUE_FATES.has(fate) ? `${fate} ${fateAt}` : `${sent}`))
      const plain = refusals(crowd(queue))
      assert.ok(plain.filter((words) => words.includes(' ')).length > 10, 'the queue refuses')
      for (const way of WAY) assert.deepEqual(refusals(crowd({ ...queue, ...way })), plain, JSON.stringify(way))
    })
  }

  test('whatever the queue does, the n-th frame to leave meets with the same', () => {
    const byOrder = (frames: readonly FrameRecord[]): string[] =>
      frames
        .filter(({ fate }) => !QUEUE_FATES.has(fate))
        .sort((a, b) => a.sent - b.sent || a.number - b.number)
        .map(({ fate }) => fate)
    for (const way of WAY.slice(0, 4)) {
      const patterns = QUEUES.map((queue) => byOrder(crowd({ ...queue, ...way })))
      for (const pattern of patterns) {
        const length = Math.min(pattern.length, patterns[0].length)
        assert.ok(length > 1000, `${length} left`)
        assert.deepEqual(pattern.slice(0, length), patterns[0].slice(0, length), JSON.stringify(way))
      }
    }
  })
})

describe('a fault that is cleared', () => {
  const BASE: Partial<LinkSettings> = {
    ...LINE,
    rate: 10_000_000,
    jitter: MS,
    loss: 0.1,
    corrupt: 0.1,
    duplicate: 0.1,
    reorder: 0.1,
    lossList: [205, 301],
    burstEnter: 0.02,
  }
  /** 100 frames, a time in which a fault is set, 200 frames; what befalls the latter. */
  const after = (fault: Partial<LinkSettings> | undefined, during: number): unknown[] => {
    const lab = new Lab([BASE], [], 7, KINDS)
    let time = 0
    const send = (count: number): void => {
      for (let i = 0; i < count; i++) {
        lab.do(time, 0, (environment) => {
          environment.transmit(0, frameOf(environment, 150, i))
        })
        time += APART
      }
    }
    send(100)
    if (fault !== undefined) lab.at(time, 0, { kind: 'link', port: 0, settings: fault })
    send(during)
    const usual: LinkSettings = { ...DEFAULT_LINK, ...BASE }
    const back = Object.fromEntries(Object.keys(fault ?? {}).map((key) => [key, usual[key as keyof LinkSettings]]))
    time += APART
    if (fault !== undefined) lab.at(time, 0, { kind: 'link', port: 0, settings: back })
    const from = (time += APART)
    send(200)
    lab.run(time + 1)
    return lab
      .frames()
      .filter(({ enqueued }) => enqueued >= from)
      .map(({ enqueued, sent, arrives, fate, fateAt, corrupted, duplicate }) => ({
        enqueued,
        sent,
        arrives,
        fate,
        fateAt,
        corrupted,
        duplicate,
      }))
  }

  const never = after(undefined, 60)
  for (const { name, settings } of FAULTS) {
    // In a burst that a fault began the line stays until it ends, as it would have by itself.
    if (name === 'Gilbert-Elliott') continue
    test(`${name}: the very same happens to the same frames as if it had never been set`, () => {
      assert.deepEqual(after(settings, 60), never)
    })
  }

  test('switching off what is always on, and on again, shifts none of it', () => {
    for (const key of ['loss', 'corrupt', 'duplicate', 'reorder', 'jitter'] as const) {
      assert.deepEqual(after({ [key]: 0 }, 60), never, key)
    }
  })

  test('a cut: what is sent meanwhile never leaves, so the next frames are those that would have come instead', () => {
    const cut = after({ up: false }, 60)
    assert.deepEqual(cut, shifted(after(undefined, 0), 60 * APART))
  })

  function shifted(frames: readonly unknown[], by: number): unknown[] {
    return (frames as Record<string, number>[]).map((frame) =>
      Object.fromEntries(
        Object.entries(frame).map(([key, value]) => [
          key,
          typeof value === 'number' && value !== Number.MAX_SAFE_INTEGER ? value + by : value,
        ]),
      ),
    )
  }
})
