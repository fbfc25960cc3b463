import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFileSync } from 'node:fs'
import { createInlineEngine } from '../../src/cli/inline-engine.ts'
import { runCli } from '../../src/cli/program.ts'
import { scenarios } from '../../scenarios/index.ts'
import { callCli } from './fake-engine.ts'

const SWEEP = ['sweep', 'download', '--set', 'loss=0%,2%', '--seeds', '3']

test('sweep: every combination with every seed, and what was measured', async () => {
  const { code, out, requests, disposed } = await callCli([...SWEEP, '--measure', 'page:loaded.duration'])
  assert.equal(code, 0)
  assert.equal(
    out,
    `  loss  measure               runs  missing      least     median       most
  0%    page:loaded.duration     3        0  300000000  300000000  300000000
  2%    page:loaded.duration     3        0  300000000  300000000  300000000
`,
  )
  assert.deepEqual(
    requests.map(({ scenario }) => [scenario.links[0].settings[0].loss, scenario.seed]),
    [0, 0.02].flatMap((loss) => [1, 2, 3].map((seed) => [loss, seed])),
  )
  assert.equal(disposed, 6)
})

test('sweep: what a run lacks is counted, and is no number; times of events; hosts', async () => {
  const measures = ['page:loaded', 'page:loaded.duration@bob', 'no:such-event', 'page:loaded.words']
  const { out } = await callCli(['sweep', 'download', '--seeds', '2', ...measures.flatMap((measure) => ['--measure', measure])])
  const rows = out.split('\n').map((line) => line.trim().split(/ {2,}/))
  assert.deepEqual(rows.slice(1, -1), [
    ['page:loaded', '2', '0', '300000000', '300000000', '300000000'],
    ['page:loaded.duration@bob', '2', '2'],
    ['no:such-event', '2', '2'],
    ['page:loaded.words', '2', '2'],
  ])
})

test('sweep --csv writes the table to a file', async () => {
  const { out, files } = await callCli([...SWEEP, '--measure', 'page:loaded.duration', '--csv', 'x.csv'])
  assert.equal(out, '')
  assert.equal(
    files.get('x.csv'),
    `loss,measure,runs,missing,least,median,most
0%,page:loaded.duration,3,0,300000000,300000000,300000000
2%,page:loaded.duration,3,0,300000000,300000000,300000000
`,
  )
})

test('sweep: what cannot be done is said', async () => {
  for (const [args, words] of [
    [SWEEP, /--measure: found nothing; allowed: at least one/],
    [[...SWEEP, '--measure', 'loaded'], /--measure: found "loaded"; allowed: event, event.field or event.field@host/],
    [['sweep', 'download', '--seeds', '0', '--measure', 'a:b'], /--seeds: found "0"/],
    [['sweep', 'download', '--set', 'speed=1', '--measure', 'a:b'], /--set: found "speed"/],
    [['sweep', 'download', '--set', 'loss', '--measure', 'a:b'], /--set: found "loss"; allowed: knob=value/],
  ] as const) {
    const { code, err } = await callCli(args)
    assert.match(err, words)
    assert.equal(code, 2)
  }
  const over = await callCli([...SWEEP, '--measure', 'a:b'], { overBudget: 'more than 60 s' })
  assert.match(over.err, /seed 1 of loss=0% went over its budget: more than 60 s/)
  assert.equal(over.code, 3)
})

test('sweep: with the engine, more loss takes longer', async () => {
  let out = ''
  const code = await runCli(
    ['sweep', 'http1-page', '--set', 'loss=0%,10%', '--seeds', '5', '--measure', 'page:loaded.duration'],
    {
      catalog: scenarios,
      version: '0.0.0',
      engine: createInlineEngine(() => 0),
      bridge: { run: () => Promise.reject(new Error('no bridge')) },
      interrupted: () => new AbortController().signal,
      out: (text) => {
        out += text
      },
      err: (text) => assert.fail(text),
      readFile: (path) => Promise.resolve(readFileSync(path, 'utf8')),
      writeFile: () => Promise.reject(new Error('nothing is written')),
      makeFolder: () => Promise.reject(new Error('nothing is written')),
      wallSeconds: () => 0,
    },
  )
  assert.equal(code, 0)
  const medians = out
    .split('\n')
    .slice(1, 3)
    .map((line) => Number(line.trim().split(/ +/)[5]))
  assert.ok(medians[1] > medians[0] * 1.2, `${String(medians[1])} with loss, ${String(medians[0])} without`)
})
