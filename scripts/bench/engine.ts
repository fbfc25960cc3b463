/**
 * The engine: bare events, and the bulk transfer of 20 MB over sender –1 Gbit/s, 5 ms– router –10 Mbit/s, 15 ms, 100 packets–
 * receiver with full TCP, real bytes, checksums and the trace on; inline, and with a thread for each host.
 */
import { build } from 'esbuild'
import { startThreads } from '../../src/cli/worker-hosts.ts'
import { EventQueue, type Happening } from '../../src/kernel/event-queue.ts'
import { randomStream } from '../../src/kernel/random.ts'
import { runInline } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { TraceStore } from '../../src/trace/trace-store.ts'
import { figuresOf, row, type Figures } from './figures.ts'

const [root = '.', runs = '5'] = process.argv.slice(2)
const RUNS = Number(runs)

const bulk = resolveScenario({
  id: 'bulk',
  title: 'Bulk transfer of 20 MB',
  seed: 1,
  duration: '120 s',
  hosts: {
    receiver: { app: 'browser', visits: 'http://sender/' },
    router: { kind: 'router' },
    sender: { app: 'web-server', serves: { '/': { size: '20 MB', type: 'application/octet-stream' } } },
  },
  links: [
    { between: ['sender', 'router'], rate: '1 Gbit/s', delay: '5 ms' },
    { between: ['router', 'receiver'], rate: '10 Mbit/s', delay: '15 ms', queue: '100 packets' },
  ],
})

/** Frames received at the end of any link. */
function packetHops(trace: TraceStore): number {
  let hops = 0
  for (let number = 1; number <= trace.frameCount; number++) if (trace.frame(number)?.fate === 'arrived') hops++
  return hops
}

function ensureDelivered(trace: TraceStore): void {
  const loaded = trace.first('page:loaded')
  if (loaded?.data['bytes'] !== 20_000_000) throw new Error('the transfer is not whole')
}

/** How often a part runs before it is measured: the compiler needs about a second of the bulk transfer to do its best. */
const WARM_UP = 12

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

const inlineCpu: number[] = []

function bulkInline(): number {
  const cpu = process.cpuUsage()
  const start = performance.now()
  const { director } = runInline(bulk)
  const seconds = (performance.now() - start) / 1000
  const used = process.cpuUsage(cpu)
  ensureDelivered(director.store)
  const hops = packetHops(director.store)
  inlineCpu.push(hops / ((used.user + used.system) / 1e6))
  return hops / seconds
}

async function hostScript(): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['workers/host-worker.ts'],
    bundle: true,
    format: 'iife',
    target: 'es2022',
    tsconfig: 'tsconfig.base.json',
    write: false,
  })
  return outputFiles[0]?.text ?? ''
}

async function bulkInThreads(script: string): Promise<number> {
  const { director, hosts, stop } = await startThreads(bulk, { seed: 1 }, script)
  const settle = (): void => {
    hosts.settle()
  }
  const start = performance.now()
  for (;;) {
    const step = director.next(bulk.duration, settle)
    if (step === undefined) break
    await hosts.perform(step)
  }
  const seconds = (performance.now() - start) / 1000
  settle()
  await stop()
  ensureDelivered(director.store)
  return packetHops(director.store) / seconds
}

const script = await hostScript()
// First, while the compiler has seen nothing else.
const cold = bulkInline()
const inline = await repeat(bulkInline, WARM_UP)
console.log(row('bulk, inline, first run of the process', figuresOf([cold]), 'packet-hops/s'))
console.log(row('bulk, inline', inline, 'packet-hops/s'))
console.log(row('bulk, inline, by processor time', figuresOf(inlineCpu.slice(1 + WARM_UP)), 'packet-hops/s'))
console.log(row('copies of 1,514 bytes', await repeat(copies), 'copies/s'))
console.log(row('kernel, 1,000 events pending', await repeat(() => holdModel(1000)), 'events/s'))
console.log(row('kernel, 100,000 events pending', await repeat(() => holdModel(100_000)), 'events/s'))
const threads = await repeat(() => bulkInThreads(script))
console.log(row('bulk, a thread for each host', threads, 'packet-hops/s'))
console.log(`inline to threads ${(inline.median / threads.median).toFixed(1)} : 1`)
