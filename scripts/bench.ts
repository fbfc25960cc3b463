/**
 * `npm run bench`: how fast the engine is, and what the stage costs. Each part is bundled first, so that what runs is what ships.
 *
 *     npm run bench -- [--only engine,stage,crypto,page] [--runs N]
 *     npm run bench -- --against ns3 [--only bulk,udp,storm,crowd] [--runs N]
 *     npm run bench -- --only crowd      what a crowd costs, from 100 clients to 10,000, and the memory that an idle one takes; draws docs/crowd-cost.svg
 */
import { spawn, spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

const root = resolve(import.meta.dirname, '..')
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    against: { type: 'string' },
    runs: { type: 'string', default: '5' },
  },
})
if (values.against !== undefined && values.against !== 'ns3') throw new Error('there is nothing to run against but ns3')

/** A command that keeps what it starts to one processor, where there is one: the engines to compare have one thread each. */
function onOneCore(): string[] {
  const pin = ['taskset', '-c', '0']
  return spawnSync('taskset', ['-c', '0', 'true']).status === 0 ? pin : []
}

/** @param works which of several it is to do; none: all */
async function bench(name: string, before: readonly string[] = [], works: readonly string[] = []): Promise<void> {
  const file = join(root, '.cache/bench', `${name}.mjs`)
  await build({
    absWorkingDir: root,
    entryPoints: [`scripts/bench/${name}.ts`],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    tsconfig: 'tsconfig.base.json',
    logLevel: 'error',
  })
  await new Promise<void>((done, fail) => {
    const line = [...before, process.execPath, '--expose-gc', file, root, values.runs, ...works]
    const child = spawn(line[0], line.slice(1), { stdio: 'inherit' })
    child.on('error', fail)
    child.on('close', (code) => {
      if (code === 0) done()
      else fail(new Error(`the ${name} benchmark ended with ${String(code)}`))
    })
  })
}

const only = values.only?.split(',')
if (values.against !== undefined) await bench(values.against, onOneCore(), only)
else for (const name of only ?? ['engine', 'stage', 'crypto', 'page']) await bench(name)
