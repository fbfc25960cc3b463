import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ScenarioError } from '../../src/scenario/errors.ts'
import { formatInterventions, parseInterventions, writeInterventions } from '../../src/scenario/intervention-json.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { DOWNLOAD, refusalOf } from './scenario-fixture.ts'
import type { Action, Intervention } from '../../src/scenario/intervention.ts'

const SCENARIO = resolveScenario({
  ...DOWNLOAD,
  knobs: {
    ...DOWNLOAD.knobs,
    delay: { label: 'Delay', range: ['1 ms', '500 ms'], sets: 'links[0].delay' },
    loops: { label: 'Connections', range: [1, 6], sets: 'hosts.alice.connections', restart: true },
  },
})

test('every kind of the documented form is read', () => {
  const list = parseInterventions(
    [
      { at: '120 ms', drop: { frame: 17 } },
      { at: '130 ms', corrupt: { frame: 18 } },
      { at: '1 s', set: { knob: 'loss', value: '2 %' } },
      { at: '2 s', kill: 'bob' },
      { at: '3 s', restart: 'bob' },
      { at: '4 s', pause: 'alice' },
      { at: '5 s', resume: 'alice' },
      { at: '6 s', cut: 'alice-bob' },
      { at: '7 s', heal: 'alice-bob' },
      {
        at: '8 s',
        link: { name: 'alice-bob', direction: 'backward', rate: '1 Mbit/s', queue: '10 packets', loss: 0.5, lossList: [3] },
      },
    ],
    SCENARIO,
  )
  assert.deepEqual(list, [
    { at: 120e6, drop: { frame: 17 } },
    { at: 130e6, corrupt: { frame: 18 } },
    { at: 1e9, set: { knob: 'loss', value: 0.02 } },
    { at: 2e9, kill: 'bob' },
    { at: 3e9, restart: 'bob' },
    { at: 4e9, pause: 'alice' },
    { at: 5e9, resume: 'alice' },
    { at: 6e9, cut: 'alice-bob' },
    { at: 7e9, heal: 'alice-bob' },
    {
      at: 8e9,
      link: {
        name: 'alice-bob',
        direction: 1,
        settings: { rate: 1e6, queueBytes: Number.MAX_SAFE_INTEGER, queueFrames: 10, loss: 0.5, lossList: [3] },
      },
    },
  ])
})

test('the list is put in the order of time; what happens at once keeps its order', () => {
  const list = parseInterventions(
    [
      { at: '2 s', kill: 'bob' },
      { at: '1 s', cut: 'alice-bob' },
      { at: '1 s', heal: 'alice-bob' },
    ],
    SCENARIO,
  )
  assert.deepEqual(
    list.map((entry) => Object.keys(entry)[1]),
    ['cut', 'heal', 'kill'],
  )
})

test('what is wrong is named with its place', () => {
  const refused: [unknown, string, RegExp][] = [
    [{}, '', /a list such as/],
    ['[]', '', /a list such as/],
    [[5], '[0]', /an object such as/],
    [[{ at: '1 s' }], '[0]', /exactly one of drop, corrupt/],
    [[{ at: '1 s', kill: 'bob', cut: 'alice-bob' }], '[0]', /exactly one of/],
    [[{ at: '1 s', explode: 'bob' }], '[0].explode', /no key of this name/],
    [[{ at: '1 s', kil: 'bob' }], '[0].kil', /kill perhaps/],
    [[{ kill: 'bob' }], '[0].at', /a time such as/],
    [[{ at: 5, kill: 'bob' }], '[0].at', /a time such as/],
    [[{ at: '1 s', kill: 'bbo' }], '[0].kill', /the name of a host: bob perhaps/],
    [[{ at: '1 s', cut: 'bob' }], '[0].cut', /the name of a link: .*alice-bob/],
    [[{ at: '1 s', cut: 3 }], '[0].cut', /the name of a link: alice-bob/],
    [[{ at: '1 s', drop: { frame: 0 } }], '[0].drop.frame', /a whole number from 1/],
    [[{ at: '1 s', drop: 17 }], '[0].drop', /frame/],
    [[{ at: '1 s', drop: { frame: 1, link: 2 } }], '[0].drop.link', /no key of this name/],
    [[{ at: '1 s', set: { knob: 'los', value: 1 } }], '[0].set.knob', /loss perhaps/],
    [[{ at: '1 s', set: { knob: 'loss', value: '30 %' } }], '[0].set.value', /from 0 % to 20 %/],
    [[{ at: '1 s', set: { knob: 'loss', value: [] } }], '[0].set.value', /a value of the knob/],
    [[{ at: '1 s', set: { knob: 'loops', value: 2 } }], '[0].set.knob', /a knob that acts live/],
    [[{ at: '1 s', link: { name: 'x', rate: '1 Mbit/s' } }], '[0].link.name', /the name of a link/],
    [[{ at: '1 s', link: { name: 'alice-bob', delay: '0 ms' } }], '[0].link.delay', /from 1 ns/],
    [[{ at: '1 s', link: { name: 'alice-bob', direction: 'up' } }], '[0].link.direction', /forward or backward/],
    [[{ at: '1 s', link: { name: 'alice-bob' } }], '[0].link', /at least one setting/],
    [Array.from({ length: 10_001 }, () => ({ at: '1 s', kill: 'bob' })), '', /at most 10000/],
  ]
  for (const [value, path, allowed] of refused) {
    const error = refusalOf(() => parseInterventions(value, SCENARIO))
    assert.equal(error.path, path, JSON.stringify(value).slice(0, 100))
    assert.match(error.allowed, allowed)
  }
})

const nanos = fc.oneof(fc.nat(), fc.maxSafeNat())
const share = fc.double({ min: 0, max: 1, noNaN: true }).map((value) => Math.abs(value))
const delay = fc.integer({ min: 1, max: 86_400e9 })
const setting = fc
  .record(
    {
      rate: fc.nat({ max: 1e9 }),
      delay,
      jitter: fc.nat(),
      queueBytes: fc.oneof(fc.nat(), fc.constant(Number.MAX_SAFE_INTEGER)),
      queueFrames: fc.oneof(fc.nat(), fc.constant(Number.MAX_SAFE_INTEGER)),
      loss: share,
      lossList: fc.array(fc.integer({ min: 1, max: 99 }), { maxLength: 3 }),
      corrupt: share,
      corruptUndetected: fc.boolean(),
      duplicate: share,
      reorder: share,
      reorderBy: fc.nat(),
      up: fc.boolean(),
    },
    { requiredKeys: [], noNullPrototype: true },
  )
  .filter((settings) => Object.keys(settings).length > 0)
const frame = fc.integer({ min: 1, max: 1e9 }).map((number) => ({ frame: number }))
const host = fc.constantFrom('alice', 'bob')
const action: fc.Arbitrary<Action> = fc.oneof(
  frame.map((drop) => ({ drop })),
  frame.map((corrupt) => ({ corrupt })),
  fc.double({ min: 0, max: 0.2, noNaN: true }).map((value) => ({ set: { knob: 'loss', value: Math.abs(value) } })),
  fc.integer({ min: 1e6, max: 500e6 }).map((value) => ({ set: { knob: 'delay', value } })),
  host.map((kill) => ({ kill })),
  host.map((restart) => ({ restart })),
  host.map((pause) => ({ pause })),
  host.map((resume) => ({ resume })),
  fc.constant({ cut: 'alice-bob' }),
  fc.constant({ heal: 'alice-bob' }),
  setting.map((settings) => ({ link: { name: 'alice-bob', settings } })),
  fc
    .tuple(fc.constantFrom<(0 | 1)[]>(0, 1), setting)
    .map(([direction, settings]) => ({ link: { name: 'alice-bob', direction, settings } })),
)
const log: fc.Arbitrary<Intervention[]> = fc
  .array(fc.tuple(nanos, action), { maxLength: 8 })
  .map((list) => list.map(([at, what]): Intervention => ({ at, ...what })).sort((a, b) => a.at - b.at))

test('every log that is written is read back, also from its text', () => {
  fc.assert(
    fc.property(log, (list) => {
      assert.deepEqual(parseInterventions(writeInterventions(list, SCENARIO), SCENARIO), list)
      assert.deepEqual(parseInterventions(JSON.parse(formatInterventions(list, SCENARIO)), SCENARIO), list)
    }),
    { seed: 1, numRuns: 1000 },
  )
})

test('the text of a file has one intervention a line, in units', () => {
  const list: Intervention[] = [
    { at: 120e6, drop: { frame: 17 } },
    { at: 1e9, set: { knob: 'loss', value: 0.02 } },
    {
      at: 2e9,
      link: {
        name: 'alice-bob',
        direction: 0,
        settings: { rate: 1e6, queueBytes: 65_536, queueFrames: Number.MAX_SAFE_INTEGER },
      },
    },
  ]
  assert.equal(
    formatInterventions(list, SCENARIO),
    `[
  {"at":"120 ms","drop":{"frame":17}},
  {"at":"1 s","set":{"knob":"loss","value":"2 %"}},
  {"at":"2 s","link":{"name":"alice-bob","direction":"forward","rate":"1 Mbit/s","queue":"64 KiB"}}
]
`,
  )
  assert.equal(formatInterventions([], SCENARIO), '[]\n')
})

test('any JSON gives a log or a ScenarioError', () => {
  const entry = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.dictionary(
      fc.constantFrom('at', 'drop', 'set', 'kill', 'cut', 'link', 'x'),
      fc.oneof(fc.constant('1 s'), fc.jsonValue({ maxDepth: 2 })),
    ),
  )
  fc.assert(
    fc.property(fc.array(entry), (value) => {
      try {
        parseInterventions(value, SCENARIO)
      } catch (error) {
        if (!(error instanceof ScenarioError)) throw error
      }
    }),
    { seed: 1, numRuns: 1000 },
  )
})
