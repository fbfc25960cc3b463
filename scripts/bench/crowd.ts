/**
 * What a crowd costs: `storm` with reconnecting clients at four sizes, by the processor's time for each packet-hop, and the memory that one idle client
 * with an open connection takes in all: its whole stack, its socket, its applications, and the server's and the router's share. Draws
 * docs/crowd-cost.svg. The trace of the runs is on, as is every checksum; it does not count for the memory.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism, loadavg } from 'node:os'
import { join } from 'node:path'
import { inlineMore } from '../../src/cli/inlining.ts'
import { drawCrowdCost } from './crowd-picture.ts'
import { figuresOf, row } from './figures.ts'
import { doWork, idle, storm } from './works.ts'

const [root = '.', runs = '5', part, size] = process.argv.slice(2)
const RUNS = Number(runs)

const SIZES = [100, 500, 3000, 10_000]

/** Packet-hops of a turn at least: what is over at once is not measured well. */
const TURN = 500_000

/** Seconds of the processor for one packet-hop of a crowd: what other programs do meanwhile matters less than to wall time. */
function turn(clients: number): number {
  let [hops, seconds] = [0, 0]
  while (hops < TURN) {
    const effort = doWork(storm(clients, true))
    hops += effort.hops
    seconds += effort.processorSeconds
  }
  return seconds / hops
}

/** What `idle` takes, in a process of its own: one that has run anything before may still hold on to it, or let go of it meanwhile. */
function idleApart(clients: number): number {
  const [program, file] = [process.execPath, process.argv[1] ?? '']
  return Number(execFileSync(program, ['--expose-gc', file, root, runs, 'idle', String(clients)], { encoding: 'utf8' }))
}

function measure(): void {
  // As a sweep does.
  inlineMore()
  for (let i = 0; i < 20; i++) doWork(storm(100, true))
  for (const clients of [500, 3000]) doWork(storm(clients, true))
  const costs = SIZES.map((clients) => ({ clients, hops: doWork(storm(clients, true)).hops, times: [] as number[] }))
  // In turn, so that a machine whose speed drifts wrongs none.
  for (let run = 0; run < RUNS; run++) for (const { clients, times } of costs) times.push(turn(clients))
  const [first] = costs
  const least = figuresOf(first?.times ?? []).median
  const points = costs.map(({ clients, hops, times }) => {
    const { median } = figuresOf(times)
    console.log(row(`${String(clients)} clients`, figuresOf(times.map((time) => 1 / time)), 'packet-hops/CPU s'))
    console.log(`    rate to that of ${String(first?.clients)}: ${(least / median).toFixed(2)} : 1`)
    return { clients, seconds: median * hops }
  })
  // Others on the same processor take its caches from the large ones.
  const [, , load = 0] = loadavg()
  const conditions = `load ${load.toFixed(1)}, ${String(availableParallelism())} processors`
  console.log(conditions)
  const [few, many] = [1000, 10_000]
  const perClient = (idleApart(many) - idleApart(few)) / (many - few)
  console.log(`an idle connected client takes ${(perClient / 1000).toFixed(1)} kB in all`)
  writeFileSync(join(root, 'docs/crowd-cost.svg'), drawCrowdCost(points, conditions))
}

if (part === 'idle') console.log(idle(Number(size)))
else measure()
