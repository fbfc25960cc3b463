/**
 * Runs test files in Node and says `N passed, N failed` at the end. A skipped test counts as failed, and so does a file without tests.
 *
 *     node --import tsx scripts/check/node-tests.ts [--concurrency N] FILE…
 */
import { relative, resolve } from 'node:path'
import { run } from 'node:test'
import { inspect, parseArgs } from 'node:util'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { concurrency: { type: 'string', default: '2' } } })
const files = positionals.map((file) => resolve(file))
const SECONDS_PER_FILE = 420
/** So many of the slowest files are named. */
const SLOWEST = 12

interface FileReport {
  /** Names of the tests that are open, by nesting. */
  names: string[]
  passed: number
  failed: number
  milliseconds: number
  problems: string[]
  /** What the file printed. */
  printed: string
}

const reports = new Map<string, FileReport>()

function reportOf(file: string | undefined): FileReport {
  const name = relative(process.cwd(), file ?? '')
  let report = reports.get(name)
  if (report === undefined) {
    report = { names: [], passed: 0, failed: 0, milliseconds: 0, problems: [], printed: '' }
    reports.set(name, report)
  }
  return report
}

/** What the assertion said, rather than the runner's wrapping of it. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  if (typeof cause === 'string') return cause
  return inspect(cause, { colors: false, depth: 6 }).replace(/\n\s+at .*\(?node:.*/g, '')
}

const indent = (text: string) => text.replace(/^(?=.)/gm, '    ')

// It would not run a file when it takes itself for a test, as it does when a test runs it.
delete process.env.NODE_TEST_CONTEXT
const events = run({ files, concurrency: Number(values.concurrency), timeout: SECONDS_PER_FILE * 1000 })
events.on('test:start', ({ file, nesting, name }) => {
  reportOf(file).names.splice(nesting, Infinity, name)
})
events.on('test:stdout', ({ file, message }) => (reportOf(file).printed += message))
events.on('test:stderr', ({ file, message }) => (reportOf(file).printed += message))
events.on('test:pass', ({ file, nesting, name, details, skip, todo }) => {
  const report = reportOf(file)
  if (nesting === 0) report.milliseconds += details.duration_ms
  if (details.type === 'suite') return
  const why =
    name === file
      ? 'ran no tests, or left before they were done'
      : skip !== undefined
        ? 'is skipped'
        : todo !== undefined
          ? 'is not written'
          : undefined
  if (why === undefined) {
    report.passed++
  } else {
    report.failed++
    report.problems.push(name === file ? why : `${report.names.slice(0, nesting + 1).join(' › ')} ${why}`)
  }
})
events.on('test:fail', ({ file, nesting, name, details }) => {
  const report = reportOf(file)
  if (nesting === 0) report.milliseconds += details.duration_ms
  const error: unknown = details.error
  const ofParts = error instanceof Error && 'failureType' in error && error.failureType === 'subtestsFailed'
  if (ofParts) return
  report.failed++
  const title = name === file ? 'the file itself' : report.names.slice(0, nesting + 1).join(' › ')
  report.problems.push(`${title}\n${indent(reasonOf(error))}`)
})

await new Promise((done) => {
  events.on('end', done)
  events.resume()
})

let passed = 0
let failed = 0
const seconds = ({ milliseconds }: FileReport) => `${(milliseconds / 1000).toFixed(1)} s`
reports.delete('')
for (const [file, report] of [...reports].sort(([a], [b]) => (a < b ? -1 : 1))) {
  passed += report.passed
  failed += report.failed
  if (report.failed === 0) continue
  console.log(`✖ ${file}: ${report.passed} passed, ${report.failed} failed (${seconds(report)})`)
  for (const problem of report.problems) console.log(`\n  ✖ ${problem}\n`)
  if (report.printed !== '') console.log(`  It printed:\n${indent(report.printed)}`)
}
const slowest = [...reports].sort(([, a], [, b]) => b.milliseconds - a.milliseconds).slice(0, SLOWEST)
console.log(`${reports.size} files; slowest: ${slowest.map(([file, report]) => `${file} (${seconds(report)})`).join(', ')}`)
console.log(`\n${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
