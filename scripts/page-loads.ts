/**
 * Draws the pictures of `scenarios/http2-vs-http3` from `page-loads.csv` beside them. With `--measure` all is measured anew before,
 * 5,400 page loads, which takes some eight minutes.
 *
 *     node --import tsx scripts/page-loads.ts [--measure]
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { drawPageLoads, readPageLoads } from './build/page-loads-picture.ts'

const root = resolve(import.meta.dirname, '..')
const folder = join(root, 'scenarios/http2-vs-http3')
const table = join(folder, 'page-loads.csv')

const SWEEP = [
  ...['--set', 'lost=none', '--set', 'page=tiny,pictures,wikipedia-like', '--set', 'delay=10ms,30ms,100ms'],
  ...['--set', 'loss=0%,1%,2%,5%', '--set', 'protocol=http/1.1,h2,h3', '--seeds', '50', '--measure', 'page:loaded.duration'],
]

if (process.argv.includes('--measure')) {
  const { status } = spawnSync(
    process.execPath,
    ['--import', 'tsx', 'src/cli/main.ts', 'sweep', 'http2-vs-http3', ...SWEEP, '--max-wall', '600s', '--csv', table],
    { cwd: root, stdio: 'inherit' },
  )
  if (status !== 0) throw new Error(`the sweep ended with ${String(status)}`)
}

const loads = readPageLoads(readFileSync(table, 'utf8'))
writeFileSync(join(folder, 'page-loads.svg'), drawPageLoads(loads, 3))
writeFileSync(join(folder, 'page-loads-narrow.svg'), drawPageLoads(loads, 1))
