/**
 * `npm run bench`: how fast the engine is, and what the stage costs. Each part is bundled first, so that what runs is what ships.
 *
 *     npm run bench -- [--only engine,stage] [--runs N]
 */
import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

const root = resolve(import.meta.dirname, '..')
const { values } = parseArgs({
  options: { only: { type: 'string', default: 'engine,stage' }, runs: { type: 'string', default: '5' } },
})

async function bench(name: string): Promise<void> {
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
    const child = spawn(process.execPath, [file, root, values.runs], { stdio: 'inherit' })
    child.on('error', fail)
    child.on('close', (code) => {
      if (code === 0) done()
      else fail(new Error(`the ${name} benchmark ended with ${String(code)}`))
    })
  })
}

for (const name of values.only.split(',')) await bench(name)
