/**
 * The engine: bare events, the works of `works.ts` inline, the first of them with a thread for each host, and what memory a long transfer
 * takes. All with full stacks, real bytes, checksums and the trace on.
 */
import { build } from 'esbuild'
import { startThreads } from '../../src/cli/worker-hosts.ts'
import { EventQueue } from '../../src/kernel/event-queue.ts'
import type { Happening } from '../../src/kernel/happening.ts'
import { randomStream } from '../../src/kernel/random.ts'
import { runInline } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { figuresOf, row, type Figures } from './figures.ts'
import { BULK, doWork, storm, UDP, type Effort, type Work } from './works.ts'

const [root = '.', runs = '5'] = process.argv.slice(2)
const RUNS = Number(runs)

const UNIT = 'packet-hops/s'

async function repeat(work: () => number | Promise<number>, warmUp = 1): Promise<Figures> {
  const rates: number[] = []
  for (let run = 0; run < warmUp; run++) await work()
  for (let run = 0; run < RUNS; run++) rates.push(await work())
  return figuresOf(rates)
}

/** Hold model: take the earliest, put another a random time later. */
function holdModel(pending: number): number {
  const queue = new EventQueue()
  const random = randomStream(1, 'bench')
  const nothing: Happening = { fire: () => undefined, cancelled: false }
  let id = 0
  for (; id < pending; id++) queue.push(random.below(1e6), id, nothing)
  const events = 1_000_000
  const start = performance.now()
  for (let i = 0; i < events; i++) {
    const now = queue.nextTime
    queue.pop()
    queue.push(now + random.below(1e6), ++id, nothing)
  }
  return events / ((performance.now() - start) / 1000)
}

/** The machine's own speed at that moment: copying what a full-sized frame holds. */
function copies(): number {
  const from = new Uint8Array(1514).fill(7)
  const to = new Uint8Array(1514)
  const count = 1_000_000
  const start = performance.now()
  for (let i = 0; i < count; i++) to.set(from)
  return count / ((performance.now() - start) / 1000)
}

/**
 * Prints how fast a work is done.
 * @param warmUp how often it is done before it counts: the compiler needs a second or two to do its best
 */
function measure(work: Work, warmUp: number): Figures {
  for (let run = 0; run < warmUp; run++) doWork(work)
  const efforts = Array.from({ length: RUNS }, () => doWork(work))
  const rates = figuresOf(efforts.map(rate))
  console.log(row(`${work.name}, inline`, rates, UNIT))
  const byProcessor = efforts.map(({ hops, processorSeconds }) => hops / processorSeconds)
  console.log(row(`${work.name}, inline, by processor time`, figuresOf(byProcessor), UNIT))
  return rates
}

function rate({ hops, seconds }: Effort): number {
  return hops / seconds
}

async function hostScript(): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['workers/simulation-worker.ts'],
    bundle: true,
    format: 'iife',
    target: 'es2022',
    tsconfig: 'tsconfig.base.json',
    write: false,
  })
  return outputFiles[0]?.text ?? ''
}

async function bulkInThreads(script: string): Promise<number> {
  const scenario = BULK.scenario()
  const { director, hosts, stop } = await startThreads(scenario, { seed: 1 }, script)
  const settle = (): void => {
    hosts.settle()
  }
  const start = performance.now()
  for (;;) {
    const step = director.next(scenario.duration, settle)
    if (step === undefined) break
    await hosts.perform(step)
  }
  const seconds = (performance.now() - start) / 1000
  settle()
  await stop()
  BULK.ensureDone(director.store)
  let hops = 0
  for (const { fate } of director.store.frames()) if (fate === 'arrived') hops++
  return hops / seconds
}

/** What a transfer of 200 MB takes, of which the trace may keep 20 MB, as it goes on. */
function longTransfer(): void {
  const scenario = resolveScenario({
    id: 'long',
    title: 'Bulk transfer of 200 MB',
    seed: 1,
    duration: '300 s',
    hosts: {
      receiver: { app: 'browser', visits: ['http://sender/', 'http://sender/'] },
      router: { kind: 'router' },
      sender: { app: 'web-server', serves: { '/': { size: '100 MB', type: 'application/octet-stream' } } },
    },
    links: [
      { between: ['sender', 'router'], rate: '1 Gbit/s', delay: '5 ms' },
      { between: ['router', 'receiver'], rate: '10 Mbit/s', delay: '15 ms', queue: '100 packets' },
    ],
  })
  const samples: string[] = []
  const each = 42_000
  runInline(scenario, {
    traceLimit: 20_000_000,
    goOn: (frames) => {
      if (frames < each * (samples.length + 1)) return true
      const { heapUsed, external, rss } = process.memoryUsage()
      samples.push([heapUsed + external, rss].map((bytes) => (bytes / 1e6).toFixed(0)).join('/'))
      return true
    },
  })
  console.log(`200 MB, 20 MB of it kept: heap and buffers/process in MB, at each tenth: ${samples.join(' ')}`)
}

// First, while the compiler has seen nothing else.
console.log(row('bulk, inline, first run of the process', figuresOf([rate(doWork(BULK))]), UNIT))
const inline = measure(BULK, 15)
measure(UDP, 3)
measure(storm(1000), 6)
console.log(row('copies of 1,514 bytes', await repeat(copies), 'copies/s'))
console.log(row('kernel, 1,000 events pending', await repeat(() => holdModel(1000)), 'events/s'))
console.log(row('kernel, 100,000 events pending', await repeat(() => holdModel(100_000)), 'events/s'))
const script = await hostScript()
const threads = await repeat(() => bulkInThreads(script))
console.log(row('bulk, a thread for each host', threads, UNIT))
console.log(`inline to threads ${(inline.median / threads.median).toFixed(1)} : 1`)
longTransfer()
