/**
 * Runs test files in Chromium, with modules as the browser loads them, and says `N passed, N failed` at the end.
 *
 *     node --import tsx scripts/check/page-tests.ts [--watch] FILE…
 */
import { posix, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { esbuildPlugin } from '@web/dev-server-esbuild'
import { defaultReporter, startTestRunner, type TestRunnerConfig } from '@web/test-runner'
import { chromeLauncher } from '@web/test-runner-chrome'
import { a11ySnapshotPlugin } from '@web/test-runner-commands/plugins'
import { build } from 'esbuild'
import { CHROMIUM_FLAGS, findChromium } from './chromium.ts'

type Plugin = NonNullable<TestRunnerConfig['plugins']>[number]
type Reporter = NonNullable<TestRunnerConfig['reporters']>[number]
type Session = Parameters<NonNullable<Reporter['onTestRunFinished']>>[0]['sessions'][number]
type Suite = NonNullable<Session['testResults']>

const root = resolve(import.meta.dirname, '../..')
const { values, positionals } = parseArgs({ allowPositionals: true, options: { watch: { type: 'boolean', default: false } } })

/** Packages which contain CommonJS, or a file for each of 1,700 icons, by the name they are imported by: bundled once, and together. */
const VENDOR: Readonly<Record<string, string>> = {
  'pixi.js': 'pixi',
  'pixi.js/unsafe-eval': 'pixi-unsafe-eval',
  'axe-core': 'axe-core',
  'lucide-static': 'lucide-static',
}
const VENDOR_FOLDER = '.cache/vendor'

async function bundleVendor(): Promise<Plugin> {
  await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(Object.entries(VENDOR).map(([name, file]) => [file, name])),
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    outdir: VENDOR_FOLDER,
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'error',
  })
  return {
    name: 'vendor',
    resolveImport: ({ source }) => (source in VENDOR ? `/${VENDOR_FOLDER}/${VENDOR[source]}.js` : undefined),
  }
}

async function workerScript(path: string): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [`.${path}`],
    bundle: true,
    format: 'iife',
    target: 'es2022',
    tsconfig: 'tsconfig.base.json',
    write: false,
    sourcemap: 'inline',
    logLevel: 'error',
  })
  return outputFiles[0].text
}

/** The same imports as in the build: `worker:` gives the URL of a classic script, `worker-code:` its text. */
const workerModules: Plugin = {
  name: 'worker-modules',
  resolveImport({ source, context }) {
    const match = /^(worker|worker-code):(.*)$/.exec(source)
    if (match === null) return undefined
    return `/__${match[1]}__${posix.resolve(posix.dirname(context.path), match[2])}.js`
  },
  async serve({ path }) {
    const match = /^\/__(worker|worker-code|worker-script)__(\/.*)\.js$/.exec(path)
    if (match === null) return undefined
    const [, form, entry] = match
    const body =
      form === 'worker'
        ? `export const url = ${JSON.stringify(`/__worker-script__${entry}.js`)}`
        : form === 'worker-code'
          ? `export default ${JSON.stringify(await workerScript(entry))}`
          : await workerScript(entry)
    return { type: 'js', body }
  },
}

const page = (test: string) => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Test</title>
    <script>
      // The runner sees errors only.
      addEventListener('unhandledrejection', (event) => setTimeout(() => { throw event.reason }))
    </script>
  </head>
  <body>
    <script type="module" src="${test}"></script>
  </body>
</html>`

let passed = 0
let failed = 0

function reportSuite(suite: Suite, names: readonly string[], problems: string[]): number {
  let tests = 0
  for (const test of suite.tests) {
    tests++
    const title = [...names, test.name].join(' › ')
    if (test.passed && !test.skipped) {
      passed++
      continue
    }
    failed++
    if (test.skipped) problems.push(`${title} is skipped`)
    else problems.push(`${title}\n${errorText(test.error)}`)
  }
  for (const inner of suite.suites) tests += reportSuite(inner, [...names, inner.name], problems)
  return tests
}

function errorText(error: Suite['tests'][number]['error']): string {
  if (error === undefined) return '    no reason given'
  const difference =
    error.expected !== undefined || error.actual !== undefined
      ? `\nexpected: ${error.expected ?? ''}\nactual:   ${error.actual ?? ''}`
      : ''
  return `${error.message}${difference}\n${error.stack ?? ''}`.replace(/^(?=.)/gm, '    ')
}

const closingReporter: Reporter = {
  onTestRunFinished({ sessions }) {
    for (const session of sessions) {
      const problems: string[] = []
      const before = failed
      const tests = session.testResults === undefined ? 0 : reportSuite(session.testResults, [], problems)
      const errors = session.errors.map((error) => errorText(error))
      if (tests === 0 && errors.length === 0) errors.push('    ran no tests')
      for (const error of errors) problems.push(`the page itself\n${error}`)
      // An error beside the tests counts once a file.
      if (errors.length > 0) failed++
      const file = posix.relative(root, session.testFile)
      console.log(`${failed > before ? '✖' : '✔'} ${file}: ${tests} tests`)
      for (const problem of problems) console.log(`\n  ✖ ${problem}\n`)
      if (failed > before) {
        for (const missing of session.request404s) console.log(`  not found: ${missing}`)
        for (const log of session.logs) console.log('  logged:', ...(log as unknown[]))
      }
    }
  },
}

const executablePath = await findChromium()
if (executablePath === undefined) throw new Error('No Chromium: name one in CHROMIUM.')

const runner = await startTestRunner({
  readCliArgs: false,
  readFileConfig: false,
  autoExitProcess: values.watch,
  config: {
    rootDir: root,
    files: positionals,
    nodeResolve: true,
    watch: values.watch,
    staticLogging: !values.watch,
    // With more, all tabs but one are hidden, and get no animation frames.
    concurrency: 1,
    browsers: [chromeLauncher({ concurrency: 1, launchOptions: { executablePath, args: [...CHROMIUM_FLAGS] } })],
    testFramework: { config: { timeout: 20_000 } },
    testsFinishTimeout: 180_000,
    plugins: [
      await bundleVendor(),
      workerModules,
      a11ySnapshotPlugin(),
      esbuildPlugin({ ts: true, tsconfig: resolve(root, 'tsconfig.base.json'), target: 'es2022' }),
    ],
    testRunnerHtml: page,
    reporters: values.watch ? [defaultReporter()] : [closingReporter],
  },
})
if (runner === undefined) throw new Error('The runner did not start.')
if (!values.watch) {
  await new Promise((done) => runner.on('stopped', done))
  console.log(`\n${passed} passed, ${failed} failed`)
  process.exit(failed > 0 || passed === 0 ? 1 : 0)
}
