/**
 * How long 5 MB take from one simulated host to another with the preset `linux`, beside the time between two real Linux hosts under the same
 * impairment. What was measured there is in `reference/README.md`. Medians of 20 seeds are to be within 15 % of the measured median, or
 * within the measured range where that is wider.
 *
 * The impairment differs in two small things: a frame that is lost takes its time on the line here, and the queue's limit leaves out the frame
 * on the line.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { runInline } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'

const SEEDS = Number(process.env['SEEDS'] ?? 20)
/** What starting curl takes, in seconds, which the measured times include. */
const START = 0.02

/** Seconds that each run took, by congestion control and loss in percent. */
const measured = new Map<string, number[]>()
const [, ...rows] = readFileSync(resolve(import.meta.dirname, 'reference/linux-transfer-5mb.csv'), 'utf8')
  .trim()
  .split('\n')
for (const row of rows) {
  const [algorithm, loss, , seconds] = row.split(',')
  const key = `${algorithm} ${loss}`
  measured.set(key, [...(measured.get(key) ?? []), Number(seconds)])
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >>> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

function download(congestionControl: 'new-reno' | 'cubic', loss: number, seed: number): number {
  const tcp = { preset: 'linux', congestionControl }
  const scenario = resolveScenario({
    id: 'linux',
    title: 'Beside Linux',
    seed,
    duration: '200 s',
    hosts: {
      client: { app: 'browser', visits: 'http://server/', tcp },
      server: { app: 'web-server', serves: { '/': '5000000 B' }, tcp },
    },
    links: [{ between: ['client', 'server'], rate: '10 Mbit/s', delay: '25 ms', queue: '62500 B', loss: loss / 100 }],
  })
  const response = runInline(scenario, { traceLimit: 1e9 }).trace.first('http:response-received')
  assert.ok(response !== undefined, 'the response came')
  assert.equal(response.data['bytes'], 5_000_000)
  return response.time / 1e9 + START
}

for (const [name, congestionControl] of [
  ['cubic', 'cubic'],
  ['reno', 'new-reno'],
] as const) {
  for (const loss of [0, 1, 2]) {
    test(`${name}, ${String(loss)} % loss: 5 MB take as long as between two Linux hosts (${String(SEEDS)} seeds)`, (context) => {
      const times = Array.from({ length: SEEDS }, (_, index) => download(congestionControl, loss, index + 1))
      const theirs = measured.get(`${name} ${String(loss)}`) ?? []
      const [ours, expected] = [median(times), median(theirs)]
      const least = Math.min(0.85 * expected, ...theirs)
      const most = Math.max(1.15 * expected, ...theirs)
      const told = `${ours.toFixed(2)} s [${Math.min(...times).toFixed(2)}–${Math.max(...times).toFixed(2)}], Linux ${expected.toFixed(2)} s`
      context.diagnostic(told)
      assert.ok(ours >= least && ours <= most, `${told}; allowed ${least.toFixed(2)} to ${most.toFixed(2)} s`)
    })
  }
}
