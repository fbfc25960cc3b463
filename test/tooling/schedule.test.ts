import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runSteps, type Outcome, type Step } from '../../scripts/check/schedule.ts'

const GOOD: Outcome = { passed: 1, failed: 0, output: '' }
const BAD: Outcome = { passed: 0, failed: 1, output: 'broken' }

/** A step that ends when it is told to. */
function step(name: string, options: Partial<Step> = {}): { step: Step; end: (outcome: Outcome) => void; begun: () => boolean } {
  let end: (outcome: Outcome) => void = () => assert.fail(`${name} has not begun`)
  let begun = false
  const run = () =>
    new Promise<Outcome>((done) => {
      begun = true
      end = done
    })
  return { step: { name, cores: 1, run, ...options }, end: (outcome) => end(outcome), begun: () => begun }
}

const settle = () => new Promise((done) => setImmediate(done))

test('steps run side by side up to the number of cores', async () => {
  const [a, b, c] = [step('a'), step('b'), step('c')]
  const all = runSteps([a.step, b.step, c.step], 2, () => undefined)
  await settle()
  assert.deepEqual([a.begun(), b.begun(), c.begun()], [true, true, false])
  b.end(GOOD)
  await settle()
  assert.equal(c.begun(), true)
  a.end(GOOD)
  c.end(BAD)
  assert.deepEqual(
    (await all).map(({ step, failed }) => [step.name, failed]),
    [
      ['b', 0],
      ['a', 0],
      ['c', 1],
    ],
  )
})

test('a step for all cores waits until they are free, and nothing else starts beside it', async () => {
  const [a, wide, c] = [step('a'), step('wide', { cores: 4 }), step('c', { after: ['wide'] })]
  const all = runSteps([a.step, wide.step, c.step], 2, () => undefined)
  await settle()
  assert.equal(wide.begun(), false)
  a.end(GOOD)
  await settle()
  assert.deepEqual([wide.begun(), c.begun()], [true, false])
  wide.end(GOOD)
  await settle()
  c.end(GOOD)
  assert.equal((await all).length, 3)
})

test('what needs a failed step fails without being run; what comes after it runs', async () => {
  const [build, site, unit] = [step('build'), step('site', { needs: ['build'] }), step('unit', { after: ['build'] })]
  const all = runSteps([build.step, site.step, unit.step], 2, () => undefined)
  await settle()
  build.end(BAD)
  await settle()
  assert.deepEqual([site.begun(), unit.begun()], [false, true])
  unit.end(GOOD)
  const finished = await all
  assert.equal(finished.find(({ step }) => step.name === 'site')?.failed, 1)
})

test('steps that are not part of this run are not waited for', async () => {
  const site = step('site', { needs: ['build'], after: ['unit'] })
  const all = runSteps([site.step], 2, () => undefined)
  await settle()
  site.end(GOOD)
  assert.equal((await all)[0].passed, 1)
})

test('a step that throws has failed', async () => {
  const thrower: Step = { name: 'thrower', cores: 1, run: () => Promise.reject(new Error('no disk')) }
  const [finished] = await runSteps([thrower], 2, () => undefined)
  assert.equal(finished.failed, 1)
  assert.match(finished.output, /no disk/)
})

test('steps that wait for each other are told apart from work', async () => {
  const [a, b] = [step('a', { after: ['b'] }), step('b', { needs: ['a'] })]
  await assert.rejects(
    runSteps([a.step, b.step], 2, () => undefined),
    /wait for each other: a, b/,
  )
})
