import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { applyKnob, findKnob, parseKnobValue, writeKnobValue } from '../../src/scenario/knob.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { DOWNLOAD, hostNamed, refusalOf } from './scenario-fixture.ts'
import type { ResolvedKnob } from '../../src/scenario/resolved.ts'

function withKnob(knob: Record<string, unknown>, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { ...DOWNLOAD, ...more, knobs: { it: { label: 'It', ...knob } } }
}

const knobOf = (knob: Record<string, unknown>, more: Record<string, unknown> = {}): ResolvedKnob =>
  resolveScenario(withKnob(knob, more)).knobs[0]

test('a range of shares', () => {
  const knob = knobOf({ range: ['0 %', '20 %'], sets: 'links[0].loss', help: 'How many.' })
  assert.deepEqual(knob, {
    name: 'it',
    label: 'It',
    help: 'How many.',
    control: { kind: 'range', min: 0, max: 0.2, step: 0.002, scale: 'linear', unit: 'fraction' },
    value: 0,
    sets: ['links[0].loss'],
    applies: 'live',
  })
  assert.deepEqual(knobOf({ range: [0, 0.2], sets: 'links[0].loss' }).control, knob.control, 'a bare number is a share too')
})

test('a wide range of times or rates runs on a logarithmic scale, unless the author says otherwise', () => {
  const delay = knobOf({ range: ['1 ms', '500 ms'], sets: 'links[0].delay' })
  assert.deepEqual(delay.control, { kind: 'range', min: 1e6, max: 500e6, step: 100_000, scale: 'log', unit: 'time' })
  assert.equal(delay.value, 20e6)
  const linear = knobOf({ range: ['1 ms', '500 ms'], step: '1 ms', scale: 'linear', sets: 'links[0].delay' })
  assert.deepEqual(linear.control, { kind: 'range', min: 1e6, max: 500e6, step: 1e6, scale: 'linear', unit: 'time' })
  assert.equal(refusalOf(() => knobOf({ range: ['0 ms', '5 ms'], scale: 'log', sets: 'links[0].jitter' })).path, 'knobs.it.scale')
})

test('a queue is turned in bytes or in packets', () => {
  const bytes = knobOf({ range: ['1 kB', '128 KiB'], sets: 'links[0].queue' })
  assert.deepEqual([bytes.value, bytes.applies], [65_536, 'live'])
  const links = [{ between: ['alice', 'bob'], queue: '20 packets' }]
  const scenario = resolveScenario(withKnob({ range: ['1 packets', '50 packets'], sets: 'links[0].queue' }, { links }))
  assert.equal(scenario.knobs[0].value, 20)
  assert.deepEqual(applyKnob(scenario, 'it', 5), [
    { kind: 'link', link: 0, settings: { queueBytes: Number.MAX_SAFE_INTEGER, queueFrames: 5 } },
  ])
})

test('choices, with labels or without', () => {
  const hosts = { ...DOWNLOAD.hosts, alice: { app: 'stream-sender', to: 'bob' } }
  const knob = knobOf({ choices: ['udp', { value: 'tcp', label: 'TCP' }], sets: 'hosts.alice.app.transport' }, { hosts })
  assert.deepEqual(knob.control, {
    kind: 'choice',
    choices: [
      { value: 'udp', label: 'udp' },
      { value: 'tcp', label: 'TCP' },
    ],
  })
  assert.deepEqual([knob.value, knob.applies], ['udp', 'restart'])
  const delays = knobOf({ choices: ['0.02 s', '100 ms'], sets: 'links[0].delay' })
  assert.equal(delays.value, '0.02 s', 'the choice that means the same as the scenario')
  assert.equal(refusalOf(() => knobOf({ choices: ['1 ms', '2 ms'], sets: 'links[0].delay' })).path, 'knobs.it.choices')
  assert.equal(refusalOf(() => knobOf({ choices: ['20 ms', '0 ms'], sets: 'links[0].delay' })).path, 'knobs.it.choices[1]')
  assert.equal(refusalOf(() => knobOf({ choices: ['20 ms', '20 ms'], sets: 'links[0].delay' })).path, 'knobs.it.choices[1]')
})

test('a switch between true and false may set TCP options of several hosts', () => {
  const source = withKnob({ sets: ['hosts.alice.tcp.sack', 'hosts.bob.tcp.sack'] })
  const knob = resolveScenario(source).knobs[0]
  assert.deepEqual([knob.control.kind, knob.value, knob.applies], ['toggle', true, 'restart'])
  const off = resolveScenario(source, { knobs: { it: false } })
  assert.deepEqual(
    [hostNamed(off, 'alice').tcp, hostNamed(off, 'bob').tcp, off.knobs[0].value],
    [{ sack: false }, { sack: false }, false],
  )
})

test('paths may go by names, and leave out app', () => {
  const sets = (path: string): readonly string[] => knobOf({ range: [1, 6], sets: path }).sets
  for (const path of ['hosts.alice.connections', 'hosts.alice.app.connections'])
    assert.deepEqual(sets(path), ['hosts.alice.app.connections'])
  assert.deepEqual(knobOf({ range: ['1 ms', '50 ms'], sets: 'links.alice-bob.delay' }).sets, ['links[0].delay'])
  assert.deepEqual(knobOf({ range: ['1 ms', '50 ms'], sets: 'links.alice-bob.backward.delay' }).sets, ['links[0].backward.delay'])
})

test('what one direction says for itself, a knob for both leaves alone', () => {
  const links = [{ between: ['alice', 'bob'], forward: { loss: '5 %' } }]
  const scenario = resolveScenario(withKnob({ range: ['0 %', '20 %'], sets: 'links[0].loss' }, { links }), {
    knobs: { it: '10 %' },
  })
  assert.deepEqual(scenario.knobs[0].sets, ['links[0].backward.loss'])
  assert.deepEqual(
    scenario.links[0].settings.map(({ loss }) => loss),
    [0.05, 0.1],
  )
  assert.deepEqual(applyKnob(scenario, 'it', 0.2), [{ kind: 'link', link: 0, direction: 1, settings: { loss: 0.2 } }])
  const both = [{ between: ['alice', 'bob'], forward: { loss: '5 %' }, backward: { loss: '5 %' } }]
  assert.equal(refusalOf(() => knobOf({ range: ['0 %', '20 %'], sets: 'links[0].loss' }, { links: both })).path, 'knobs.it.sets')
})

test('the size of a served page, by either form', () => {
  const short = withKnob({ range: ['1 kB', '1 MB'], sets: 'hosts.bob.app.serves["/"]' })
  assert.equal(resolveScenario(short).knobs[0].value, 65_536)
  const sizeOf = (source: unknown): unknown => {
    const served = hostNamed(resolveScenario(source, { knobs: { it: '2 kB' } }), 'bob').apps[0].options['serves'] as Record<
      string,
      { size: number }
    >
    return served['/'].size
  }
  assert.equal(sizeOf(short), 2000)
  const hosts = { ...DOWNLOAD.hosts, bob: { app: 'web-server', serves: { '/': { size: '5 kB' } } } }
  assert.equal(sizeOf(withKnob({ range: ['1 kB', '1 MB'], sets: 'hosts.bob.serves["/"].size' }, { hosts })), 2000)
  const into = refusalOf(() => knobOf({ range: ['1 kB', '1 MB'], sets: 'hosts.bob.app.serves["/"].size' }))
  assert.match(into.allowed, /"64 KiB", which may have a longer form/)
})

test("a knob's own value is put into the scenario", () => {
  const scenario = resolveScenario(withKnob({ range: ['0 %', '20 %'], value: '3 %', sets: 'links[0].loss' }))
  assert.equal(scenario.knobs[0].value, 0.03)
  assert.deepEqual(
    scenario.links[0].settings.map(({ loss }) => loss),
    [0.03, 0.03],
  )
})

test('paths that begin with different values need a value', () => {
  const links = [
    { between: ['alice', 'bob'], name: 'one', loss: '1 %' },
    { between: ['alice', 'bob'], name: 'two' },
  ]
  const knob = { range: ['0 %', '20 %'], sets: ['links.one.loss', 'links.two.loss'] }
  const refused = refusalOf(() => knobOf(knob, { links }))
  assert.deepEqual([refused.path, refused.found], ['knobs.it.value', 'nothing'])
  assert.equal(knobOf({ ...knob, value: '4 %' }, { links }).value, 0.04)
})

test('knobs that cannot be are refused with the path of what is wrong', () => {
  const refused: [Record<string, unknown>, string][] = [
    [{ sets: 'title' }, 'knobs.it.sets'],
    [{ sets: 'hosts.carol.tcp.sack' }, 'knobs.it.sets'],
    [{ sets: 'hosts.alice' }, 'knobs.it.sets'],
    [{ sets: 'hosts.alice.apps[0].x' }, 'knobs.it.sets'],
    [{ sets: 'hosts.alice.tcp.sak' }, 'knobs.it.sets'],
    [{ sets: 'links[0]' }, 'knobs.it.sets'],
    [{ sets: 'links[0].loss.x', range: [0, 1] }, 'knobs.it.sets'],
    [{ sets: ['links[0].loss', 'links[0]..loss'], range: [0, 1] }, 'knobs.it.sets[1]'],
    [{ sets: 'links[0].loss' }, 'knobs.it.sets'],
    [{ sets: 'links[0].loss', range: ['0 %', '5 ms'] }, 'knobs.it.range'],
    [{ sets: 'links[0].loss', range: ['0 %', '5 x'] }, 'knobs.it.range[1]'],
    [{ sets: 'links[0].loss', range: [0, 1], choices: ['0 %', '1 %'] }, 'knobs.it'],
    [{ sets: 'links[0].loss', range: ['0 %', '5 %'], step: '10 %' }, 'knobs.it.step'],
    [{ sets: 'links[0].loss', range: ['0 %', '5 %'], value: '6 %' }, 'knobs.it.value'],
    [{ sets: 'hosts.alice.connections', range: [1, 7] }, 'knobs.it.range[1]'],
    [{ range: [0, 1] }, 'knobs.it.sets'],
    [{}, 'knobs.it.sets'],
  ]
  for (const [knob, path] of refused) assert.equal(refusalOf(() => knobOf(knob)).path, path, JSON.stringify(knob))
})

const TROUBLE = {
  choices: [
    { value: 'none', label: 'Nothing' },
    { value: 'first', label: 'The first frame is lost', sets: { 'links[0].forward.lossList': [1] } },
    {
      value: 'far',
      label: 'Bob is far away, and slow',
      sets: { 'links.alice-bob.delay': '300 ms', 'hosts.bob.serves["/"]': { size: '64 KiB', delay: '1 s' } },
    },
  ],
}

test('choices may each set something of their own, of any shape', () => {
  const source = withKnob(TROUBLE)
  const none = resolveScenario(source)
  assert.deepEqual(none.knobs[0], {
    name: 'it',
    label: 'It',
    help: '',
    control: { kind: 'choice', choices: TROUBLE.choices.map(({ value, label }) => ({ value, label })) },
    value: 'none',
    sets: ['links[0].forward.lossList', 'links[0].delay', 'hosts.bob.app.serves["/"].size'],
    applies: 'restart',
  })
  const settings = (knobs: Record<string, unknown>, source: unknown = withKnob(TROUBLE)) =>
    resolveScenario(source, { knobs }).links[0].settings.map(({ lossList, delay }) => [lossList, delay])
  const usual = [
    [[], 20e6],
    [[], 20e6],
  ]
  assert.deepEqual(settings({}), usual)
  assert.deepEqual(settings({ it: 'none' }), usual)
  assert.deepEqual(settings({ it: 'first' }), [
    [[1], 20e6],
    [[], 20e6],
  ])
  assert.deepEqual(settings({ it: 'far' }), [
    [[], 300e6],
    [[], 300e6],
  ])
  assert.deepEqual(settings({}, withKnob({ ...TROUBLE, value: 'first' })), settings({ it: 'first' }), 'where it stands at first')
  assert.deepEqual(settings({ it: 'none' }, withKnob({ ...TROUBLE, value: 'first' })), usual)
  const far = resolveScenario(source, { knobs: { it: 'far' } })
  assert.equal(far.knobs[0].value, 'far')
  const { serves } = hostNamed(far, 'bob').apps[0].options as { serves: Record<string, { delay: number }> }
  assert.equal(serves['/'].delay, 1e9)
  assert.throws(() => applyKnob(none, 'it', 'first'), /start anew/)
  assert.throws(() => settings({ it: 'second' }), /none, first or far/)
})

test('choices that cannot set what they say are refused, whether they are chosen or not', () => {
  const setting = (sets: Record<string, unknown>, more: Record<string, unknown> = {}) =>
    refusalOf(() => knobOf({ choices: ['none', { value: 'some', label: 'Some', sets }], ...more }))
  const at = (path: string): string => `knobs.it.choices[1].sets${path}`
  assert.equal(setting({ 'links[1].loss': '2 %' }).path, at('["links[1].loss"]'))
  assert.equal(setting({ 'links[0].los': '2 %' }).path, at('["links[0].los"]'))
  const wrong = setting({ 'links[0].loss': '2 ms' })
  assert.deepEqual([wrong.path, wrong.found], [at('["links[0].loss"]'), '"2 ms"'])
  assert.match(wrong.allowed, /links\[0\]\.loss: a share/)
  assert.equal(setting({ 'hosts.bob.serves': { 'no-slash': '1 kB' } }).path, at('["hosts.bob.serves"]'))
  assert.equal(setting({ title: 'Another' }).path, at('.title'))
  assert.equal(setting({}).path, 'knobs.it.sets', 'nothing is set at all')
  assert.equal(setting({ 'links[0].loss': '2 %' }, { restart: false }).path, 'knobs.it.restart')
  assert.equal(setting({ 'links[0].loss': '2 %' }, { value: 'more' }).path, 'knobs.it.value')
  assert.equal(setting({ 'links[0].loss': '2 %' }, { sets: 'links[0].loss' }).path, 'knobs.it.choices[1].sets')
})

test('values chosen for a run: unknown knobs and values out of range are refused', () => {
  const refuse = (knobs: Record<string, unknown>) => refusalOf(() => resolveScenario(DOWNLOAD, { knobs }))
  assert.match(refuse({ los: 0 }).allowed, /loss perhaps/)
  assert.equal(refuse({ loss: '30 %' }).path, 'knobs.loss')
  assert.match(refuse({ loss: '30 %' }).allowed, /from 0 % to 20 %/)
  assert.equal(refuse({ loss: Number.NaN }).path, 'knobs.loss')
  assert.equal(refuse({ loss: '5 ms' }).path, 'knobs.loss')
})

test('a live knob changes link settings at once; one that needs a restart says so', () => {
  const scenario = resolveScenario(DOWNLOAD)
  assert.deepEqual(applyKnob(scenario, 'loss', 0.02), [{ kind: 'link', link: 0, settings: { loss: 0.02 } }])
  assert.throws(() => applyKnob(scenario, 'loss', 0.5), /from 0 % to 20 %/)
  assert.throws(() => applyKnob(scenario, 'delay', 1), /found "delay"; allowed: a knob of this scenario: .*loss/)
  const backlog = resolveScenario(withKnob({ range: [1, 200], sets: 'hosts.bob.backlog' }))
  assert.equal(backlog.knobs[0].applies, 'restart')
  assert.throws(() => applyKnob(backlog, 'it', 2), /start anew/)
  const forced = resolveScenario(withKnob({ range: ['0 %', '20 %'], sets: 'links[0].loss', restart: true }))
  assert.equal(forced.knobs[0].applies, 'restart')
  assert.equal(knobOf({ range: ['576 B', '1500 B'], sets: 'links[0].mtu' }).applies, 'restart', 'the shape of a link')
})

test('a live knob of an application says what to configure, in base units', () => {
  const hosts = {
    ...DOWNLOAD.hosts,
    alice: {
      apps: [
        { app: 'ping', to: 'bob' },
        { app: 'stream-sender', to: 'bob' },
      ],
    },
  }
  const scenario = resolveScenario(withKnob({ range: ['5 ms', '100 ms'], sets: 'hosts.alice.apps[1].interval' }, { hosts }))
  assert.deepEqual(applyKnob(scenario, 'it', '40 ms'), [{ kind: 'host', host: 'alice', path: 'apps[1].interval', value: 40e6 }])
  const first = resolveScenario(withKnob({ range: ['5 ms', '2 s'], sets: 'hosts.alice.app.interval' }, { hosts }))
  assert.deepEqual(applyKnob(first, 'it', 40e6), [{ kind: 'host', host: 'alice', path: 'app.interval', value: 40e6 }])
})

test('what an application can change while it runs is live; how a connection is made is not, unless the author says so', () => {
  const applies = (sets: string, more: Record<string, unknown>): string => knobOf({ sets, ...more }).applies
  assert.equal(applies('hosts.alice.connections', { range: [1, 6] }), 'live')
  assert.equal(applies('hosts.bob.app.delay', { range: ['0 ms', '1 s'] }), 'live')
  assert.equal(applies('hosts.bob.app.serves["/"]', { range: ['1 kB', '1 MB'] }), 'live')
  assert.equal(applies('hosts.bob.port', { range: [1, 100] }), 'restart')
  assert.equal(applies('hosts.bob.tcp.sack', {}), 'restart')
  const sack = resolveScenario(withKnob({ sets: 'hosts.bob.tcp.sack', restart: false }))
  assert.deepEqual(applyKnob(sack, 'it', false), [{ kind: 'host', host: 'bob', path: 'tcp.sack', value: false }])
  const rto = resolveScenario(withKnob({ sets: 'hosts.bob.tcp.minRto', range: ['100 ms', '1 s'], restart: false }))
  assert.deepEqual(applyKnob(rto, 'it', 5e8), [{ kind: 'host', host: 'bob', path: 'tcp.minRto', value: 5e8 }])
  const size = resolveScenario(withKnob({ range: ['1 kB', '1 MB'], sets: 'hosts.bob.app.serves["/"]' }))
  assert.deepEqual(applyKnob(size, 'it', 2000), [{ kind: 'host', host: 'bob', path: 'app.serves["/"].size', value: 2000 }])
  for (const [transport, expected] of [
    ['udp', 'live'],
    ['tcp', 'restart'],
  ]) {
    const hosts = { ...DOWNLOAD.hosts, alice: { app: 'stream-sender', to: 'bob', transport } }
    assert.equal(knobOf({ range: ['100 B', '1 kB'], sets: 'hosts.alice.size' }, { hosts }).applies, expected)
  }
})

test('every value that a knob has is written and read back', () => {
  const knobs = [
    knobOf({ range: ['0 %', '20 %'], sets: 'links[0].loss' }),
    knobOf({ range: ['1 ms', '500 ms'], sets: 'links[0].delay' }),
    knobOf({ range: ['1 kbit/s', '1 Gbit/s'], sets: 'links[0].rate' }),
    knobOf({ range: ['1 kB', '128 KiB'], sets: 'links[0].queue' }),
    knobOf({ range: [1, 6], sets: 'hosts.alice.connections' }),
  ]
  fc.assert(
    fc.property(fc.constantFrom(...knobs), fc.double({ min: 0, max: 1, noNaN: true }), (knob, part) => {
      assert.ok(knob.control.kind === 'range')
      const { min, max, unit } = knob.control
      const value = unit === 'fraction' ? min + (max - min) * part : Math.round(min + (max - min) * part)
      const written = writeKnobValue(knob, value)
      assert.equal(parseKnobValue(knob, written), value)
      assert.equal(parseKnobValue(knob, String(written)), value, 'as text, as on a command line')
    }),
    { seed: 1, numRuns: 1000 },
  )
  const toggle = knobOf({ sets: 'hosts.alice.keepAlive' })
  for (const [text, value] of [
    ['true', true],
    ['on', true],
    ['false', false],
    ['off', false],
  ] as const)
    assert.equal(parseKnobValue(toggle, text), value)
  assert.throws(() => parseKnobValue(toggle, 'maybe'), /true or false/)
  assert.throws(() => parseKnobValue(knobs[4], 2.5), /a whole number from 1 to 6/)
})

test('a knob is found by name', () => {
  const scenario = resolveScenario(DOWNLOAD)
  assert.equal(findKnob(scenario, 'loss').name, 'loss')
  assert.match(refusalOf(() => findKnob({ ...scenario, knobs: [] }, 'loss', '--set')).allowed, /no knobs/)
})

test('choices may each set several things of their own; such a knob needs a restart', () => {
  const choices = [
    { value: 'nothing', label: 'Nothing' },
    { value: 'syn', label: 'The SYN is lost', sets: { 'links[0].forward.lossList': [1] } },
    { value: 'far', label: 'Far away', sets: { 'links[0].delay': '300 ms', 'hosts.bob.tcp.minRto': '1 s' } },
  ]
  const source = withKnob({ choices })
  const usual = resolveScenario(source)
  assert.deepEqual([usual.knobs[0].value, usual.knobs[0].applies], ['nothing', 'restart'])
  assert.deepEqual(usual.knobs[0].sets, ['links[0].forward.lossList', 'links[0].delay', 'hosts.bob.tcp.minRto'])
  assert.deepEqual(usual.links[0].settings[0].lossList, [])
  const far = resolveScenario(source, { knobs: { it: 'far' } })
  assert.deepEqual(
    [far.knobs[0].value, far.links[0].settings[1].delay, hostNamed(far, 'bob').tcp],
    ['far', 300e6, { minRto: 1e9 }],
  )
  assert.deepEqual(resolveScenario(source, { knobs: { it: 'syn' } }).links[0].settings[0].lossList, [1])
  assert.deepEqual(resolveScenario(withKnob({ choices, value: 'syn' })).links[0].settings[0].lossList, [1])
  assert.throws(() => applyKnob(far, 'it', 'syn'), /start anew/)
})

test('choices that set nothing, or what cannot be, are refused', () => {
  const lost = (sets: unknown) => [
    { value: 'no', label: 'No' },
    { value: 'yes', label: 'Yes', sets },
  ]
  const refused: [Record<string, unknown>, string][] = [
    [{ choices: ['a', 'b'] }, 'knobs.it.sets'],
    [{ choices: lost({ 'links[0].delay': '0 ms' }) }, 'knobs.it.choices[1].sets["links[0].delay"]'],
    [{ choices: lost({ 'links[4].delay': '1 ms' }) }, 'knobs.it.choices[1].sets["links[4].delay"]'],
    [{ choices: lost({ 'links[0].dellay': '1 ms' }) }, 'knobs.it.choices[1].sets["links[0].dellay"]'],
    [{ choices: lost({ 'links[0].delay': '1 ms' }), sets: 'links[0].delay' }, 'knobs.it.choices[1].sets'],
    [{ choices: lost({ 'links[0].delay': '1 ms' }), restart: false }, 'knobs.it.restart'],
  ]
  for (const [knob, path] of refused) assert.equal(refusalOf(() => knobOf(knob)).path, path, JSON.stringify(knob))
})
