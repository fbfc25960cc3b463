/**
 * How long 5 MB take between Linux's TCP and ours, over a simulated link in real time, beside the time between two Linux hosts over the same
 * link (`test/models/reference/README.md`). Takes minutes, and a machine with little else to do; so it is no part of `npm test`.
 *
 *     node --import tsx test/strangers/linux-transfer.ts [--seeds 20] [--parallel 4] [--loss 0,1,2] [--algorithm cubic,reno]
 *         [--direction to-linux,from-linux]
 *
 * A median within 15 % of Linux's, or within the range that Linux was measured in, is marked ✓. As root, on what `npm run build` wrote.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { noise } from './body.ts'
import { inLab, type Lab } from './lab.ts'

const SIZE = 5_000_000
const FILE = '5M.bin'
const LOG = 'server.log'
const LAST = 'that-is-all'

type Algorithm = 'cubic' | 'reno'
type Direction = 'to-linux' | 'from-linux'

interface Case {
  readonly direction: Direction
  readonly algorithm: Algorithm
  readonly loss: number
}

interface Result {
  readonly seconds: number
  /** How late frames went out, in milliseconds: 99 % were better. */
  readonly late: number
}

const list = (text: string): string[] => text.split(',').filter((word) => word !== '')

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20' },
    parallel: { type: 'string', default: '4' },
    loss: { type: 'string', default: '0,1,2' },
    algorithm: { type: 'string', default: 'cubic,reno' },
    direction: { type: 'string', default: 'to-linux,from-linux' },
  },
})

function scenarioOf({ direction, algorithm, loss }: Case): unknown {
  const tcp = { preset: 'linux', congestionControl: algorithm === 'reno' ? 'new-reno' : 'cubic' }
  const browser = {
    app: 'browser',
    // When the second page is asked for, the first one is there.
    visits: [FILE, LAST].map((path) => ({ url: `http://server:8080/${path}`, at: '200 ms' })),
    tcp,
  }
  const server = { app: 'web-server', port: 8080, serves: { [`/${FILE}`]: `${String(SIZE)} B` }, tcp }
  return {
    id: 'linux-transfer',
    title: 'Beside Linux',
    hosts: direction === 'to-linux' ? { client: {}, server } : { client: browser, server: {} },
    links: [{ between: ['client', 'server'], rate: '10 Mbit/s', delay: '25 ms', queue: '62500 B', loss: loss / 100 }],
  }
}

/** Linux's TCP as it comes, without what it remembers of earlier connections. */
async function prepare(lab: Lab, algorithm: Algorithm): Promise<void> {
  for (const setting of [`tcp_congestion_control=${algorithm}`, 'tcp_no_metrics_save=1']) {
    await lab.run('sysctl', ['-q', '-w', `net.ipv4.${setting}`])
  }
}

async function measure(one: Case, seed: number): Promise<Result> {
  let result: Result | undefined
  await inLab(async (lab) => {
    const outside = one.direction === 'to-linux' ? 'client' : 'server'
    const ready = await lab.start(scenarioOf(one), outside, ['--seed', String(seed)], false)
    await prepare(lab, one.algorithm)
    let seconds: number | undefined
    if (outside === 'client') {
      await lab.takeOn(ready)
      const url = `http://${String(ready.peers['server']?.address)}:8080/${FILE}`
      const { out } = await lab.run('curl', ['-sS', '--fail', '-o', 'got', '-w', '%{time_total}', url], 300)
      seconds = Number(out)
    } else {
      lab.file(FILE, noise(SIZE))
      lab.background('python3', ['-um', 'http.server', '-p', 'HTTP/1.1', '8080'], LOG)
      await lab.untilListening(8080)
      await lab.takeOn(ready)
      await lab.until(LOG, LAST, 300)
    }
    lab.signal('SIGINT')
    const { summary, events } = await lab.unjudgedResults()
    const loaded = events.find(({ name }) => name === 'page:loaded')
    seconds ??= Number(loaded?.data['duration']) / 1e9
    result = { seconds, late: summary.late.p99 }
  })
  if (result === undefined) throw new Error('nothing was measured')
  return result
}

/** Seconds that it took between two Linux hosts. */
function reference({ algorithm, loss }: Case): number[] {
  const rows = readFileSync(resolve(import.meta.dirname, '../models/reference/linux-transfer-5mb.csv'), 'utf8')
    .trim()
    .split('\n')
  return rows
    .map((row) => row.split(','))
    .filter(([by, percent]) => by === algorithm && Number(percent) === loss)
    .map(([, , , seconds]) => Number(seconds))
}

function quantile(sorted: readonly number[], part: number): number {
  const at = (sorted.length - 1) * part
  return (sorted[Math.floor(at)] + sorted[Math.ceil(at)]) / 2
}

function report(one: Case, results: readonly Result[]): string {
  const ours = results.map(({ seconds }) => seconds).sort((a, b) => a - b)
  const theirs = reference(one).sort((a, b) => a - b)
  const [median, expected] = [quantile(ours, 0.5), quantile(theirs, 0.5)]
  const least = Math.min(expected * 0.85, theirs[0])
  const most = Math.max(expected * 1.15, theirs[theirs.length - 1])
  const range = (times: readonly number[]): string => `[${times[0].toFixed(2)}–${times[times.length - 1].toFixed(2)}]`
  const late = Math.max(...results.map((result) => result.late))
  return [
    median >= least && median <= most ? '✓' : '✖',
    `${one.direction} ${one.algorithm} ${String(one.loss)} %:`,
    `${median.toFixed(2)} s ${range(ours)} of ${String(ours.length)} seeds,`,
    `Linux ${expected.toFixed(2)} s ${range(theirs)}, ${(median / expected).toFixed(2)} of it;`,
    `frames late by ${late.toFixed(1)} ms (worst p99)`,
  ].join(' ')
}

// A namespace may choose only what the first one allows.
execFileSync('sysctl', ['-q', '-w', 'net.ipv4.tcp_allowed_congestion_control=reno bbr cubic'])
const cases = list(values.direction).flatMap((direction) =>
  list(values.algorithm).flatMap((algorithm) =>
    list(values.loss).map((loss) => ({ direction, algorithm, loss: Number(loss) }) as Case),
  ),
)
for (const one of cases) {
  const seeds = Array.from({ length: Number(values.seeds) }, (_, index) => index + 1).values()
  const results: Result[] = []
  const worker = async (): Promise<void> => {
    for (const seed of seeds) results.push(await measure(one, seed))
  }
  await Promise.all(Array.from({ length: Number(values.parallel) }, worker))
  console.log(report(one, results))
}
