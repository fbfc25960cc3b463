/**
 * The works of `works.ts` beside ns-3, which does the same works (`ns3/works.cc`) on the same processor: the two in turn, and the ratio of
 * each pair, so that a machine whose speed drifts wrongs neither. Needs g++ and ns-3's library (Debian: `libns3-dev`).
 *
 * Ours computes and verifies every checksum and keeps every frame in the trace, and is compiled as in a sweep (`src/cli/inlining.ts`); ns-3
 * is taken both without checksums, as it comes, and with.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { inlineMore } from '../../src/cli/inlining.ts'
import { big, figuresOf, row } from './figures.ts'
import { BULK, doWork, storm, UDP, type Effort, type Work } from './works.ts'

const [root = '.', runs = '5', ...only] = process.argv.slice(2)
const RUNS = Number(runs)

/** Least length of a turn, in seconds: what comes right after a pause is slower, in caches and in what the compiler has done. */
const TURN = 1

const LIBRARIES = ['point-to-point', 'internet', 'traffic-control', 'bridge', 'network', 'stats', 'core']

/** Compiles ns-3's side. @returns the program's path */
function compile(): string {
  const folder = join(root, '.cache/bench')
  mkdirSync(folder, { recursive: true })
  const program = join(folder, 'ns3-works')
  const source = join(root, 'scripts/bench/ns3/works.cc')
  const flags = ['-O3', '-march=native', '-std=c++17', '-o', program, source, ...LIBRARIES.map((name) => `-lns3-${name}`)]
  const { status, error, stderr } = spawnSync('g++', flags, { encoding: 'utf8' })
  if (status === 0) return program
  throw new Error(`ns-3's side could not be built: install g++ and libns3-dev\n${error?.message ?? stderr}`)
}

interface Measured {
  readonly seconds: number
  readonly processorSeconds: number
  readonly hops: number
}

function doByNs3(program: string, args: readonly string[]): Measured {
  return JSON.parse(execFileSync(program, args, { encoding: 'utf8' })) as Measured
}

/** Does a work of ours until the turn is over. */
function turn(work: Work): Effort {
  const sum = { hops: 0, seconds: 0, processorSeconds: 0 }
  while (sum.seconds < TURN) {
    const { hops, seconds, processorSeconds } = doWork(work)
    sum.hops += hops
    sum.seconds += seconds
    sum.processorSeconds += processorSeconds
  }
  return sum
}

const byWall = ({ hops, seconds }: Measured | Effort): number => hops / seconds
const byProcessor = ({ hops, processorSeconds }: Measured | Effort): number => hops / processorSeconds

/** @param warmUp how often ours is done before it counts: the compiler needs a second or two to do its best */
function compare(program: string, work: Work, warmUp: number): void {
  for (let run = 0; run < warmUp; run++) doWork(work)
  const size = work.size === undefined ? [] : [String(work.size)]
  if (work.end !== undefined) size.push(`${String(work.end)}s`)
  const ways = [
    { words: 'ns-3', args: [work.name, ...size] },
    { words: 'ns-3 with checksums', args: [work.name, ...size, 'checksums'] },
  ]
  const ours: Effort[] = []
  const theirs: Measured[][] = ways.map(() => [])
  for (let run = 0; run < RUNS; run++) {
    ours.push(turn(work))
    ways.forEach(({ args }, index) => theirs[index].push(doByNs3(program, args)))
  }
  console.log(row(`${work.name}, ours`, figuresOf(ours.map(byWall)), 'packet-hops/s'))
  ways.forEach(({ words }, index) => {
    console.log(row(`${work.name}, ${words}`, figuresOf(theirs[index].map(byWall)), 'packet-hops/s'))
    for (const [clock, rate] of [
      ['wall', byWall],
      ['processor', byProcessor],
    ] as const) {
      const { median, least, most } = figuresOf(ours.map((effort, run) => rate(effort) / rate(theirs[index][run])))
      console.log(`    ours to ${words}, by ${clock} time: ${median.toFixed(2)} : 1 (${least.toFixed(2)} to ${most.toFixed(2)})`)
    }
  })
  console.log(`    packet-hops of one: ours ${big(doWork(work).hops)}, ns-3 ${big(theirs[0][0].hops)}`)
}

// As a sweep does.
inlineMore()
const program = compile()
const isAsked = (name: string): boolean => only.length === 0 || only.includes(name)
if (isAsked('bulk')) compare(program, BULK, 30)
if (isAsked('udp')) compare(program, UDP, 3)
if (isAsked('storm')) compare(program, storm(1000), 8)
// ns-3 takes many minutes for all that ten thousand do: the same beginning of it on both sides.
if (only.includes('crowd')) compare(program, storm(10_000, true, 3), 1)
