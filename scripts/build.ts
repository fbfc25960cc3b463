/**
 * Builds everything into `dist`, or, with `--watch`, what a page needs, again after each change, and serves it.
 *
 *     tsx scripts/build.ts [--out DIR] [--watch]
 */
import { spawn } from 'node:child_process'
import { watch } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { RollupCache } from 'rollup'
import {
  classicBundle,
  commandBundle,
  libraryBundle,
  pageBundle,
  typesBundle,
  workerBundles,
  write,
  type BundleOptions,
} from './build/bundles.ts'
import { serve } from './serve.ts'

const root = resolve(import.meta.dirname, '..')

/** Runs a program of this project; resolves to what it printed. */
function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let problems = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (problems += chunk.toString()))
    child.on('error', fail)
    child.on('close', (code) => {
      if (code === 0) done(output)
      else fail(new Error(`${[command, ...args].join(' ')} ended with ${String(code)}\n${output}${problems}`))
    })
  })
}

/** One page for each scenario and an index. In a process of its own, so that a rebuild sees changed modules. */
async function gallery(out: string): Promise<void> {
  await run(process.execPath, ['--import', 'tsx', 'scripts/build/gallery.ts', out])
}

async function elementsManifest(out: string): Promise<void> {
  // Takes its folder as relative to the checkout, whatever it looks like.
  const args = ['analyze', '--litelement', '--quiet', '--globs', 'components/**/*.ts', '--outdir', relative(root, out)]
  await run(join(root, 'node_modules/.bin/cem'), args)
}

/** What went wrong and where, without the rest of what bundlers attach to their errors. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const frame = 'frame' in error && typeof error.frame === 'string' ? `\n${error.frame}` : ''
  const id = 'id' in error && typeof error.id === 'string' ? `\n${error.id}` : ''
  return `${error.message}${id}${frame}`
}

async function step(name: string, work: Promise<unknown>): Promise<void> {
  const start = performance.now()
  await work
  console.log(`${name.padEnd(24)} ${((performance.now() - start) / 1000).toFixed(1)} s`)
}

async function buildAll(options: BundleOptions): Promise<void> {
  await rm(options.out, { recursive: true, force: true })
  const workers = workerBundles(options)
  // The schema is made by the command line, and the types are where most mistakes show. Terser has threads of its own: the rest may overlap.
  await step('cli.js', write(commandBundle(options, workers)))
  await step('index.d.ts', write(typesBundle(options)))
  await Promise.all([
    step('packetarium.js', write(pageBundle(options, workers))),
    step('packetarium.iife.js', write(classicBundle(options, workers))),
    step('index.js', write(libraryBundle(options, workers))),
    step('gallery', gallery(options.out)),
    step('custom-elements.json', elementsManifest(options.out)),
    step(
      'scenario.schema.json',
      run(process.execPath, [join(options.out, 'cli.js'), 'schema']).then((schema) =>
        writeFile(join(options.out, 'scenario.schema.json'), schema),
      ),
    ),
  ])
}

async function buildAndWatch(options: BundleOptions): Promise<void> {
  let cache: RollupCache | undefined
  let building = false
  let stale = true
  const build = async () => {
    if (building) return
    building = true
    while (stale) {
      stale = false
      try {
        await step(
          'built',
          Promise.all([write(pageBundle(options, workerBundles(options)), cache).then((c) => (cache = c)), gallery(options.out)]),
        )
      } catch (error) {
        console.error(messageOf(error))
      }
    }
    building = false
  }
  await build()
  let timer: NodeJS.Timeout | undefined
  for (const folder of ['src', 'workers', 'components', 'scenarios']) {
    watch(join(root, folder), { recursive: true }, () => {
      stale = true
      clearTimeout(timer)
      timer = setTimeout(() => void build(), 100)
    })
  }
  const { url } = await serve({ root: options.out, port: Number(process.env.PORT ?? 8000) })
  console.log(`gallery on ${url}, built again after each change`)
}

const { values } = parseArgs({
  options: { out: { type: 'string', default: 'dist' }, watch: { type: 'boolean', default: false } },
})
const options: BundleOptions = { root, out: resolve(root, values.out), release: !values.watch }
try {
  await (values.watch ? buildAndWatch(options) : buildAll(options))
} catch (error) {
  console.error(messageOf(error))
  process.exit(1)
}
