import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { ScenarioError } from '../../src/scenario/errors.ts'
import { parseInterventions } from '../../src/scenario/intervention-json.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { decodeShareLink, encodeShareLink } from '../../src/scenario/share-link.ts'
import { DOWNLOAD, refusalOf } from './scenario-fixture.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'

const SCENARIO = resolveScenario(DOWNLOAD)

function decoded(fragment: string): NonNullable<ReturnType<typeof decodeShareLink>> {
  const run = decodeShareLink(fragment)
  assert.ok(run)
  return run
}

test('a plain share link can be read by people', () => {
  const fragment = encodeShareLink({ scenario: SCENARIO, seed: 12, knobs: { loss: 0.02 }, at: 1.5e9, frame: 17, both: true })
  assert.equal(fragment, 'scenario=download&seed=12&set.loss=2%20%25&at=1.5%20s&frame=17&both=yes')
  assert.deepEqual(decoded(`#${fragment}`), {
    scenario: { id: 'download' },
    seed: 12,
    knobs: { loss: '2 %' },
    log: [],
    at: 1.5e9,
    frame: 17,
    both: true,
  })
  assert.equal(decoded('#scenario=download').both, undefined)
  assert.equal(decoded('#scenario=download&both=no').both, false)
  assert.throws(() => decodeShareLink('#scenario=download&both=perhaps'), /yes or no/)
})

test('a long log is packed, and comes back whole', () => {
  const log: Intervention[] = Array.from({ length: 40 }, (_, index) => ({ at: index * 1e6, drop: { frame: index + 1 } }))
  const fragment = encodeShareLink({ scenario: SCENARIO, seed: 7, log })
  assert.match(fragment, /^z=[A-Za-z0-9_-]+$/)
  assert.ok(fragment.length < 400, `${fragment.length} characters`)
  assert.deepEqual(parseInterventions(decoded(fragment).log, SCENARIO), log)
})

test('a scenario of no catalog travels inside', () => {
  const { knobs: _, ...source } = DOWNLOAD
  const fragment = encodeShareLink({ scenario: SCENARIO, source, seed: 3 })
  const run = decoded(fragment)
  assert.ok('source' in run.scenario)
  assert.deepEqual(run.scenario.source, source)
  assert.equal(resolveScenario(run.scenario.source, { seed: run.seed ?? 0 }).seed, 3)
})

test('every seed, knob, time and log comes back', () => {
  const entry = fc.record({ at: fc.nat(), kill: fc.constantFrom('alice', 'bob') }, { noNullPrototype: true })
  const options = fc.record({
    seed: fc.maxSafeNat(),
    loss: fc.double({ min: 0, max: 0.2, noNaN: true }).map((value) => Math.abs(value)),
    log: fc.array(entry, { maxLength: 20 }).map((list) => list.sort((a, b) => a.at - b.at)),
    at: fc.nat(),
  })
  fc.assert(
    fc.property(options, ({ seed, loss, log, at }) => {
      const fragment = encodeShareLink({ scenario: SCENARIO, seed, knobs: { loss }, log, at })
      assert.match(fragment, /^[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]*$/, 'only what RFC 3986 allows in a fragment')
      const run = decoded(fragment)
      assert.equal(run.seed, seed)
      assert.equal(run.at, at)
      assert.equal(resolveScenario(DOWNLOAD, { knobs: run.knobs }).knobs[0].value, loss)
      assert.deepEqual(parseInterventions(run.log, SCENARIO), log)
    }),
    { seed: 1, numRuns: 300 },
  )
})

test('a fragment of the page around is no share link', () => {
  for (const fragment of ['', '#', '#chapter-2', '#a=b&c=d', '#scenarios=1']) assert.equal(decodeShareLink(fragment), undefined)
})

test('broken links are refused with a reason', () => {
  const packed = encodeShareLink({
    scenario: SCENARIO,
    seed: 7,
    log: Array.from({ length: 40 }, (_, index) => ({ at: index * 1e6, drop: { frame: index + 1 } })),
  })
  const pack = (text: string): string => `z=${deflateRawSync(text).toString('base64url')}`
  const broken: [string, string][] = [
    ['scenario=%E0%A4%A', 'link'],
    ['scenario=x&seed=-1', 'seed'],
    ['scenario=x&seed=1e3', 'seed'],
    ['scenario=x&seed=9007199254740993', 'seed'],
    ['scenario=x&at=soon', 'at'],
    ['scenario=x&log={', 'log'],
    ['scenario=x&log={}', 'log'],
    ['inline={', 'inline'],
    ['z=', 'link'],
    ['z=a', 'link'],
    ['z=!!!!', 'link'],
    ['z=AAAA', 'link'],
    [packed.slice(0, -20), 'link'],
    [pack('nonsense'), 'link'],
    [pack('[]'), 'link'],
    [pack('{"scenario":5}'), 'link'],
    [pack('{"seed":"5"}'), 'link'],
    [`inline=${'x'.repeat(200_001)}`, 'link'],
  ]
  for (const [fragment, path] of broken) {
    const error = refusalOf(() => decodeShareLink(fragment))
    assert.equal(error.path, path, fragment.slice(0, 60))
    assert.ok(error.message.length < 400)
  }
})

test('a decompression bomb is stopped at its limit', () => {
  const bomb = `z=${deflateRawSync(Buffer.alloc(100_000_000, 'a')).toString('base64url')}`
  assert.ok(bomb.length < 200_000)
  const before = process.memoryUsage().arrayBuffers
  assert.match(refusalOf(() => decodeShareLink(bomb)).message, /too much content; allowed: at most 1000000 bytes/)
  assert.ok(process.memoryUsage().arrayBuffers - before < 20_000_000)
})

test('names that every object has are no knobs', () => {
  const { knobs } = decoded('scenario=x&set.__proto__=1&set.constructor=2&set.loss=3')
  assert.deepEqual(Object.entries(knobs), [['loss', '3']])
})

test('any fragment gives a run, nothing or a ScenarioError', () => {
  const pair = fc.tuple(
    fc.constantFrom('scenario', 'inline', 'z', 'seed', 'log', 'at', 'set.x'),
    fc.string({ unit: 'grapheme-ascii' }),
  )
  fc.assert(
    fc.property(fc.array(pair, { maxLength: 4 }), (pairs) => {
      try {
        decodeShareLink(pairs.map(([key, value]) => `${key}=${value}`).join('&'))
      } catch (error) {
        if (!(error instanceof ScenarioError)) throw error
      }
    }),
    { seed: 1, numRuns: 1500 },
  )
})
