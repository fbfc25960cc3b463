/**
 * Everything that must hold before a change lands.
 *
 *     npm test                              all of it
 *     npm test -- --only=unit,pages         some steps
 *     npm test -- --only=unit tcp           of the tests, those in files whose path contains one of these words
 *     npm test -- --list                    names of the steps
 *
 * The last line is `N passed, N failed`: checks and tests of all runners added up.
 */
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { killAll, runChild } from './check/child.ts'
import { runSteps, type Finished, type Outcome, type Step } from './check/schedule.ts'
import { whyNoStrangers } from './check/strangers.ts'
import { findSystemPrograms } from './check/system.ts'

const root = resolve(import.meta.dirname, '..')
const { values, positionals: words } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string', default: '' }, list: { type: 'boolean', default: false } },
})

const testFiles = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .map((file) => join('test', file))
  .filter((file) => file.endsWith('.test.ts') && (words.length === 0 || words.some((word) => file.includes(word))))
  .sort()
const pageTests = testFiles.filter((file) => file.startsWith('test/pages/'))
const siteTests = testFiles.filter((file) => file.startsWith('test/site/'))
const strangerTests = testFiles.filter((file) => file.startsWith('test/strangers/'))
const unitTests = testFiles.filter((file) => ![pageTests, siteTests, strangerTests].some((others) => others.includes(file)))

/** A program of a package, run by this Node. */
async function tool(name: string, ...args: string[]): Promise<Outcome> {
  return check(join(root, 'node_modules/.bin', name), ...args)
}

/** Passes when the program ends with 0. */
async function check(command: string, ...args: string[]): Promise<Outcome> {
  const { code, output } = await runChild(command, args, { cwd: root, seconds: 600, env: { NO_COLOR: '1' } })
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, output }
}

/** Counts what a runner of tests says in its last line. A runner that runs none has failed. */
async function tests(runner: string, files: readonly string[], ...options: string[]): Promise<Outcome> {
  if (files.length === 0) return { passed: 0, failed: 1, output: 'no test files' }
  const args = ['--import', 'tsx', runner, ...options, ...files]
  const { code, output } = await runChild(process.execPath, args, { cwd: root, seconds: 1500, env: { NO_COLOR: '1' } })
  const closing = /^(\d+) passed, (\d+) failed\s*$/m.exec(output.slice(output.trimEnd().lastIndexOf('\n') + 1))
  const passed = Number(closing?.[1] ?? 0)
  const failed = Number(closing?.[2] ?? 0)
  const broken = failed === 0 && (closing === null || code !== 0 || passed === 0)
  return {
    passed,
    failed: broken ? 1 : failed,
    output: broken ? `${output}\nthe runner ended with ${code}, and ran ${passed} tests` : output,
  }
}

async function system(): Promise<Outcome> {
  const { chromium, tshark, notes } = await findSystemPrograms()
  if (chromium !== undefined) process.env.CHROMIUM = chromium
  const found = [chromium, tshark].filter((file) => file !== undefined)
  return { passed: found.length, failed: 2 - found.length, output: [...found, ...notes].join('\n') }
}

/** Where they cannot be met, that is said, and counts as nothing. */
async function strangers(): Promise<Outcome> {
  const why = await whyNoStrangers()
  if (why !== undefined) return { passed: 0, failed: 0, output: '', note: `not run, for ${why}` }
  return tests('scripts/check/node-tests.ts', strangerTests)
}

const allSteps: readonly Step[] = [
  // Waits for the network more than it computes.
  { name: 'system', cores: 0, run: system },
  { name: 'build', cores: 1, run: () => check(process.execPath, '--import', 'tsx', 'scripts/build.ts') },
  { name: 'lint', cores: 1, run: () => tool('eslint', '.') },
  { name: 'types-core', cores: 1, run: () => tool('tsc', '-p', 'tsconfig.core.json') },
  { name: 'types-page', cores: 1, run: () => tool('tsc', '-p', 'tsconfig.page.json') },
  { name: 'types-node', cores: 1, run: () => tool('tsc', '-p', 'tsconfig.node.json') },
  { name: 'format', cores: 1, run: () => tool('prettier', '--check', '.') },
  {
    name: 'boundaries',
    cores: 1,
    run: () =>
      tool('depcruise', '--config', '.dependency-cruiser.js', 'src', 'workers', 'components', 'scenarios', 'scripts', 'test'),
  },
  { name: 'unused', cores: 1, run: () => tool('knip') },
  { name: 'unused-but-by-tests', cores: 1, run: () => tool('knip', '--production', '--include', 'files') },
  { name: 'size', cores: 1, needs: ['build'], run: () => tool('size-limit') },
  { name: 'unit', cores: 2, after: ['system', 'build'], run: () => tests('scripts/check/node-tests.ts', unitTests) },
  { name: 'pages', cores: 2, needs: ['system'], run: () => tests('scripts/check/page-tests.ts', pageTests) },
  {
    name: 'site',
    cores: 2,
    needs: ['system', 'build'],
    // One at a time, as a reader's browser would be.
    run: () => tests('scripts/check/node-tests.ts', siteTests, '--concurrency', '1'),
  },
  // In real time, so nothing runs beside it.
  { name: 'strangers', cores: 2, needs: ['system', 'build'], run: strangers },
]

function report({ step, seconds, passed, failed, output, note }: Finished): void {
  const verdict = failed > 0 ? '✖' : note === undefined ? '✔' : '–'
  const counts = note !== undefined ? `: ${note}` : passed + failed > 1 ? `: ${passed} passed, ${failed} failed` : ''
  console.log(`${verdict} ${step.name}${counts} (${seconds.toFixed(1)} s)`)
  const [slowest] = /^\d+ files; slowest.*/m.exec(output) ?? []
  if (failed > 0) console.log(`\n${output.trimEnd().replace(/^(?=.)/gm, '    ')}\n`)
  else if (slowest !== undefined) console.log(`    ${slowest}`)
}

const wanted = values.only.split(',').filter((name) => name !== '')
const unknown = wanted.filter((name) => !allSteps.some((step) => step.name === name))
if (values.list || unknown.length > 0) {
  if (unknown.length > 0) console.error(`no such step: ${unknown.join(', ')}`)
  console.log(`steps: ${allSteps.map(({ name }) => name).join(', ')}`)
  process.exit(values.list ? 0 : 2)
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    killAll()
    process.exit(1)
  })
}

const start = performance.now()
const steps = allSteps.filter(({ name }) => wanted.length === 0 || wanted.includes(name))
const finished = await runSteps(steps, Math.min(2, availableParallelism()), report)
const passed = finished.reduce((sum, part) => sum + part.passed, 0)
const failed = finished.reduce((sum, part) => sum + part.failed, 0)
const broken = finished.filter((part) => part.failed > 0).map(({ step }) => step.name)
console.log(
  `\n${((performance.now() - start) / 1000).toFixed(0)} s${broken.length > 0 ? `, failed: ${broken.join(', ')}` : ''}\n`,
)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
