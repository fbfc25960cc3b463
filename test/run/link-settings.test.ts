/** Every setting of a link: by scenario, by knob, by intervention; in one direction or both; and cleared. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DEFAULT_LINK, type LinkSettings } from '../../src/kernel/link.ts'
import { runInline, type InlineRun } from '../../src/run/run-inline.ts'
import { formatInterventions, parseInterventions } from '../../src/scenario/intervention-json.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'
import type { LinkChange } from '../../src/scenario/link-layers.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { decodeShareLink, encodeShareLink } from '../../src/scenario/share-link.ts'

const MS = 1_000_000
const SECOND = 1e9

/** Each setting as an author writes it, and what the engine gets. */
const SETTINGS: Readonly<Record<string, readonly [written: unknown, plain: Partial<LinkSettings>]>> = {
  rate: ['10 Mbit/s', { rate: 10_000_000 }],
  overhead: ['24 B', { overhead: 24 }],
  bucket: ['15 kB', { bucket: 15_000 }],
  peakRate: ['1 Gbit/s', { peakRate: 1_000_000_000 }],
  delay: ['20 ms', { delay: 20 * MS }],
  jitter: ['5 ms', { jitter: 5 * MS }],
  jitterShape: ['pareto', { jitterShape: 'pareto' }],
  jitterCorrelation: ['25 %', { jitterCorrelation: 0.25 }],
  discipline: ['fq-codel', { discipline: 'fq-codel' }],
  queue: ['64 KiB', { queueBytes: 65_536, queueFrames: Number.MAX_SAFE_INTEGER }],
  ecn: [true, { ecn: true }],
  redMin: [7.5, { redMin: 7.5 }],
  redMax: [40, { redMax: 40 }],
  redProbability: ['2 %', { redProbability: 0.02 }],
  redWeight: [0.01, { redWeight: 0.01 }],
  redGentle: [false, { redGentle: false }],
  codelTarget: ['1 ms', { codelTarget: MS }],
  codelInterval: ['20 ms', { codelInterval: 20 * MS }],
  fqFlows: [16, { fqFlows: 16 }],
  fqQuantum: ['300 B', { fqQuantum: 300 }],
  loss: ['2 %', { loss: 0.02 }],
  lossBurst: [4.5, { lossBurst: 4.5 }],
  burstEnter: ['1 %', { burstEnter: 0.01 }],
  burstLeave: ['20 %', { burstLeave: 0.2 }],
  burstLoss: ['90 %', { burstLoss: 0.9 }],
  gapLoss: ['0.1 %', { gapLoss: 0.001 }],
  lossList: [[3, 7], { lossList: [3, 7] }],
  lossOf: ['acks', { lossOf: 'acks' }],
  corrupt: ['1 %', { corrupt: 0.01 }],
  corruptUndetected: [true, { corruptUndetected: true }],
  duplicate: ['3 %', { duplicate: 0.03 }],
  reorder: ['4 %', { reorder: 0.04 }],
  reorderCorrelation: ['50 %', { reorderCorrelation: 0.5 }],
  reorderEvery: [9, { reorderEvery: 9 }],
  reorderBy: ['3 ms', { reorderBy: 3 * MS }],
  blackHoleMtu: ['1.4 kB', { blackHoleMtu: 1400 }],
  flaps: [[{ at: '2.5 s', for: '100 ms' }], { flaps: [{ at: 2500 * MS, for: 100 * MS }] }],
  flapEvery: ['1.5 s', { flapEvery: 1500 * MS }],
  flapFor: ['200 ms', { flapFor: 200 * MS }],
  up: [false, { up: false }],
}

/** A ping every 100 ms between two hosts. */
function source(link: object = {}, more: object = {}): unknown {
  return {
    id: 'settings',
    title: 'Settings',
    seed: 11,
    duration: '6 s',
    hosts: { alice: { app: 'ping', to: 'bob', count: 60, interval: '100 ms', timeout: '500 ms' }, bob: {} },
    links: [{ between: ['alice', 'bob'], name: 'wire', ...link }],
    ...more,
  }
}

function run(written: unknown, log: readonly Intervention[] = []): InlineRun {
  return runInline(resolveScenario(written), { interventions: log })
}

function settingsOf({ director }: InlineRun): readonly [LinkSettings, LinkSettings] {
  return director.state.snapshot().links[0].settings
}

const change = (at: number, settings: LinkChange, direction?: 0 | 1): Intervention => ({
  at,
  link: { name: 'wire', settings, ...(direction === undefined ? {} : { direction }) },
})

test('this list names every setting', () => {
  const plain = Object.values(SETTINGS).flatMap(([, each]) => Object.keys(each))
  // Packets struck by hand are put there by the log of a run, by their numbers.
  const byHand = ['dropList', 'corruptList']
  assert.deepEqual([...plain, ...byHand].sort(), Object.keys(DEFAULT_LINK).sort())
  for (const [, each] of Object.values(SETTINGS)) assert.notDeepEqual({ ...DEFAULT_LINK, ...each }, DEFAULT_LINK)
})

describe('by scenario', () => {
  for (const [key, [written, plain]] of Object.entries(SETTINGS)) {
    test(`${key}: on both directions, or on one`, () => {
      const usual = { ...DEFAULT_LINK }
      assert.deepEqual(resolveScenario(source({ [key]: written })).links[0].settings, [
        { ...usual, ...plain },
        { ...usual, ...plain },
      ])
      assert.deepEqual(resolveScenario(source({ backward: { [key]: written } })).links[0].settings, [
        usual,
        { ...usual, ...plain },
      ])
    })
  }
})

describe('by knob, while it runs', () => {
  /** A knob that has the setting's value as one of its choices, or turns a switch. */
  function knobFor(key: string, written: unknown): [object, unknown] | undefined {
    if (typeof written === 'boolean') return [{ label: key, sets: `links[0].${key}` }, written]
    if (Array.isArray(written)) return undefined
    const usual: Readonly<Record<string, unknown>> = {
      jitterShape: 'uniform',
      discipline: 'drop-tail',
      lossOf: 'all',
      queue: '1000 packets',
      fqQuantum: '1514 B',
      rate: 'unlimited',
      peakRate: 'unlimited',
    }
    const first = usual[key] ?? (typeof written === 'number' ? 1 : `11 ${String(written).split(' ')[1]}`)
    return [{ label: key, choices: [first, written], value: first, sets: `links[0].${key}` }, written]
  }

  for (const [key, [written, plain]] of Object.entries(SETTINGS)) {
    const knob = knobFor(key, written)
    if (knob === undefined) continue
    test(`${key}: acts live`, () => {
      const scenario = resolveScenario(source({}, { knobs: { it: knob[0] } }))
      assert.equal(scenario.knobs[0].applies, 'live')
      const before = scenario.links[0].settings[0]
      const done = runInline(scenario, { interventions: [{ at: SECOND, set: { knob: 'it', value: knob[1] as number } }] })
      assert.deepEqual(done.director.refused, [])
      // A cable that the schedule has down at the end is told as down.
      const [there] = settingsOf(done)
      assert.deepEqual({ ...there, up: key === 'up' ? there.up : true }, { ...before, ...plain })
    })
  }
})

describe('by intervention', () => {
  for (const [key, [written, plain]] of Object.entries(SETTINGS)) {
    test(`${key}: set in one direction, then in both, then cleared, from a file`, () => {
      const scenario = resolveScenario(source())
      const file = [
        { at: '1 s', link: { name: 'wire', direction: 'backward', [key]: written } },
        { at: '2 s', link: { name: 'wire', [key]: written } },
        { at: '3 s', link: { name: 'wire', [key]: null } },
      ]
      const log = parseInterventions(file, scenario)
      assert.deepEqual(log[0], change(SECOND, plain, 1))
      // What is written is what was read; a link that is shared has it, too.
      assert.deepEqual(JSON.parse(formatInterventions(log, scenario)), file)
      const shared = decodeShareLink(encodeShareLink({ scenario, log }))
      assert.deepEqual(shared && parseInterventions(shared.log, scenario), log)

      const usual = { ...DEFAULT_LINK }
      const upTo = (count: number): readonly [LinkSettings, LinkSettings] => {
        const done = run(source(), log.slice(0, count))
        assert.deepEqual(done.director.refused, [])
        return settingsOf(done)
      }
      const other = { ...usual, ...plain }
      const withoutFlaps = (settings: LinkSettings): LinkSettings =>
        key.startsWith('flap') ? { ...settings, up: true } : settings
      assert.deepEqual(upTo(1).map(withoutFlaps), [usual, other])
      assert.deepEqual(upTo(2).map(withoutFlaps), [other, other])
      assert.deepEqual(upTo(3), [usual, usual])
    })
  }

  test('what a file says wrongly is told with its place', () => {
    const wrong = (link: object): string => {
      try {
        parseInterventions([{ at: '1 s', link: { name: 'wire', ...link } }], resolveScenario(source()))
      } catch (error) {
        return String(error)
      }
      return ''
    }
    assert.match(wrong({ discipline: 'cake' }), /\[0\]\.link\.discipline: .*"cake".*fq-codel/)
    assert.match(wrong({ lossBurst: -1 }), /\[0\]\.link\.lossBurst: .*from 0 to 10,000/)
    assert.match(wrong({ flapEvery: '1 us' }), /\[0\]\.link\.flapEvery: .*at least "1 ms"/)
    assert.match(wrong({ flaps: [{ at: '1 s' }] }), /\[0\]\.link\.flaps\[0\]/)
    assert.match(wrong({ blackHoleMtu: 1400 }), /\[0\]\.link\.blackHoleMtu: .*"64 KiB"/)
    assert.match(wrong({ jitterShape: 'normals' }), /normal perhaps/)
  })

  test('what a program says wrongly is refused', () => {
    for (const settings of [
      { loss: 2 },
      { fqFlows: 0 },
      { codelTarget: 0.5 },
      { discipline: 7 },
      { lossList: 3 },
      { none: 1 },
      { delay: 0 },
    ]) {
      const done = run(source(), [change(SECOND, settings as LinkChange)])
      assert.equal(done.director.refused.length, 1, JSON.stringify(settings))
      assert.deepEqual(settingsOf(done), [DEFAULT_LINK, DEFAULT_LINK])
    }
  })
})

describe('two layers', () => {
  const knobs = { loss: { label: 'Loss', range: ['0 %', '50 %'], sets: 'links[0].loss' } }
  const lossOf = (log: readonly Intervention[]): readonly number[] =>
    settingsOf(run(source({ loss: '5 %', backward: { loss: '6 %' } }, { knobs: {} }), log)).map(({ loss }) => loss)

  test('a fault lies on top; cleared, each direction has its own again', () => {
    assert.deepEqual(lossOf([change(SECOND, { loss: 0.3 })]), [0.3, 0.3])
    assert.deepEqual(lossOf([change(SECOND, { loss: 0.3 }), change(2 * SECOND, { loss: null })]), [0.05, 0.06])
    assert.deepEqual(lossOf([change(SECOND, { loss: 0.3 }), change(2 * SECOND, { loss: null }, 1)]), [0.3, 0.06])
  })

  test('a knob that is turned meanwhile does not clear it, and is what holds once it is cleared', () => {
    const log: Intervention[] = [
      change(SECOND, { loss: 0.3 }),
      { at: 2 * SECOND, set: { knob: 'loss', value: 0.1 } },
      change(3 * SECOND, { loss: null }),
    ]
    const at = (count: number): readonly number[] =>
      settingsOf(run(source({}, { knobs }), log.slice(0, count))).map(({ loss }) => loss)
    assert.deepEqual(
      [at(1), at(2), at(3)],
      [
        [0.3, 0.3],
        [0.3, 0.3],
        [0.1, 0.1],
      ],
    )
  })

  test('a cut and its healing leave everything else; healing a link whose scenario has it cut plugs it in', () => {
    const log: Intervention[] = [
      change(SECOND, { delay: 9 * MS }),
      { at: 2 * SECOND, cut: 'wire' },
      change(2.5 * SECOND, { jitter: MS }),
      { at: 3 * SECOND, heal: 'wire' },
    ]
    assert.deepEqual(settingsOf(run(source(), log)), [
      { ...DEFAULT_LINK, delay: 9 * MS, jitter: MS },
      { ...DEFAULT_LINK, delay: 9 * MS, jitter: MS },
    ])
    assert.equal(settingsOf(run(source({ up: false }), [{ at: SECOND, heal: 'wire' }]))[0].up, true)
  })

  test('clearing what was never set is done, and does nothing', () => {
    const done = run(source(), [change(SECOND, { loss: null, discipline: null, flaps: null })])
    assert.deepEqual(done.director.refused, [])
    assert.deepEqual(done.capture({ kind: 'links' }), run(source()).capture({ kind: 'links' }))
  })
})

describe('a fault that was set and cleared', () => {
  const BASE = {
    rate: '10 Mbit/s',
    delay: '5 ms',
    loss: '10 %',
    jitter: '1 ms',
    duplicate: '5 %',
    reorder: '5 %',
    reorderBy: '2 ms',
  }
  const from = 4 * SECOND
  const later = ({ trace }: InlineRun): unknown[] =>
    [...trace.frames(({ enqueued }) => enqueued >= from)].map(
      ({ direction, enqueued, sent, arrives, fate, fateAt, duplicate, corrupted }) => [
        direction,
        enqueued,
        sent,
        arrives,
        fate,
        fateAt,
        duplicate,
        corrupted,
      ],
    )
  const never = later(run(source(BASE)))

  /** Those that change how many frames leave; what befalls the n-th frame then befalls another one. */
  const COUNTED = new Set(['up', 'flapEvery', 'flaps'])
  for (const [key, [, plain]] of Object.entries(SETTINGS)) {
    if (COUNTED.has(key)) continue
    test(`${key}: from then on the same frames at the same times as if it had never been`, () => {
      // Bob answers what reaches him: only forth, where the same frames leave whatever befalls them.
      const forth = (list: unknown[]): unknown[] => (list as unknown[][]).filter(([direction]) => direction === 0)
      const log = [
        change(2 * SECOND, plain, 0),
        change(3 * SECOND, Object.fromEntries(Object.keys(plain).map((each) => [each, null])), 0),
      ]
      const done = run(source(BASE), log)
      assert.deepEqual(done.director.refused, [])
      assert.ok(never.length > 30, 'pings go on')
      assert.deepEqual(forth(later(done)), forth(never))
    })
  }
})

describe('flaps', () => {
  const QUIET = { rate: '1 Mbit/s', delay: '30 ms' }
  const downs = ({ trace }: InlineRun, host: string): number[] =>
    trace.all('interface:carrier-lost', ({ host: index }) => trace.hosts[index] === host).map(({ time }) => time / MS)
  const ups = ({ trace }: InlineRun): number[] =>
    trace.all('interface:carrier-restored', ({ host }) => host === 0).map(({ time }) => time / MS)

  test('by a list: down from its time on, for as long as it says; both ends notice', () => {
    const done = run(
      source({
        ...QUIET,
        flaps: [
          { at: '1010 ms', for: '100 ms' },
          { at: '2 s', for: '1 ms' },
        ],
      }),
    )
    assert.deepEqual(
      [downs(done, 'alice'), downs(done, 'bob'), ups(done)],
      [
        [1010, 2000],
        [1010, 2000],
        [1110, 2001],
      ],
    )
  })

  test('what is on the way when the cable goes down is lost then, and what is sent meanwhile at once', () => {
    const done = run(source({ ...QUIET, flaps: [{ at: '1010 ms', for: '100 ms' }] }))
    const lost = [...done.trace.frames(({ fate }) => fate === 'link-down')]
    assert.deepEqual(
      lost.map(({ enqueued, fateAt, sent }) => [Math.floor(enqueued / MS), fateAt / MS, sent === Number.MAX_SAFE_INTEGER]),
      [
        [1000, 1010, false],
        [1100, 1100, true],
      ],
    )
    // On both sides of the threshold: one that arrives just before is whole.
    const just = run(source({ delay: '10 ms', flaps: [{ at: '1010000001 ns', for: '1 ms' }] }))
    assert.equal(
      [...just.trace.frames(({ fate }) => fate === 'link-down')].some(({ direction }) => direction === 0),
      false,
    )
    const before = run(source({ delay: '10 ms', flaps: [{ at: '1010 ms', for: '1 ms' }] }))
    assert.equal([...before.trace.frames(({ fate, direction }) => fate === 'link-down' && direction === 0)].length, 1)
  })

  test('by period: from the first period on, again and again; for longer than the period: for good', () => {
    const done = run(source({ ...QUIET, flapEvery: '1500 ms', flapFor: '200 ms' }))
    assert.deepEqual(
      [downs(done, 'alice'), ups(done)],
      [
        [1500, 3000, 4500],
        [1700, 3200, 4700],
      ],
    )
    const for_good = run(source({ ...QUIET, flapEvery: '1500 ms', flapFor: '1500 ms' }))
    assert.deepEqual([downs(for_good, 'alice'), ups(for_good)], [[1500], []])
  })

  test('one direction can flap alone: a partition one way', () => {
    const done = run(source({ ...QUIET, forward: { flaps: [{ at: '1 s', for: '1 s' }] } }))
    const lost = [...done.trace.frames(({ fate }) => fate === 'link-down')]
    assert.ok(lost.length >= 10 && lost.every(({ direction }) => direction === 0), `${lost.length} lost`)
  })

  test('set by hand in the middle of a time in which it is down acts at once, and so does clearing it', () => {
    const log = [change(1.6 * SECOND, { flapEvery: 1500 * MS, flapFor: 500 * MS }), change(3.1 * SECOND, { flapEvery: null })]
    const done = run(source(QUIET), log)
    assert.deepEqual(
      [downs(done, 'alice'), ups(done)],
      [
        [1600, 3000],
        [2000, 3100],
      ],
    )
  })

  test('a cut by hand outlasts a flap, and a heal does not end one', () => {
    const flapping = { ...QUIET, flaps: [{ at: '1 s', for: '1 s' }] }
    const done = run(source(flapping), [
      { at: 1.5 * SECOND, cut: 'wire' },
      { at: 3 * SECOND, heal: 'wire' },
    ])
    assert.deepEqual([downs(done, 'alice'), ups(done)], [[1000], [3000]])
    const refused = run(source(flapping), [{ at: 1.5 * SECOND, heal: 'wire' }])
    assert.match(refused.director.refused[0].why, /is not cut/)
    assert.deepEqual(ups(refused), [2000])
  })

  test('they keep a run alive until its end, and are the same however it is cut into pieces', () => {
    const scenario = resolveScenario(source({ ...QUIET, flapEvery: '700 ms', flapFor: '33 ms' }))
    const whole = runInline(scenario)
    const pieces = runInline(scenario, { until: 1 })
    for (let at = 1; at <= 6000; at += 37) pieces.hosts.advance(at * MS)
    pieces.hosts.advance(6 * SECOND)
    assert.deepEqual(pieces.capture({ kind: 'links' }), whole.capture({ kind: 'links' }))
    assert.deepEqual([...pieces.trace.events], [...whole.trace.events])
  })
})
