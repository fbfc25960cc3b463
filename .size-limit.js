import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** A module and what it imports before it runs: all that is fetched for the first paint. */
function eager(file, seen = new Set()) {
  if (seen.has(file) || !existsSync(file)) return [file]
  seen.add(file)
  for (const [, source] of readFileSync(file, 'utf8').matchAll(/(?:\bfrom|\bimport)\s*["'](\.[^"']+)["']/g))
    eager(join(dirname(file), source), seen)
  return [...seen]
}

export default [
  { name: 'first paint', path: eager('dist/packetarium.js'), limit: '30 kB', gzip: true },
  {
    name: 'all that a page may load',
    path: ['dist/packetarium.js', 'dist/chunks/*.js', '!dist/chunks/{cli,lib}-*.js'],
    limit: '1400 kB',
    gzip: true,
  },
  { name: 'the worker of a host, or of the director', path: 'dist/workers/simulation-worker-*.js', limit: '460 kB', gzip: true },
  { name: 'one classic script', path: 'dist/packetarium.iife.js', limit: '1400 kB', gzip: true },
]
