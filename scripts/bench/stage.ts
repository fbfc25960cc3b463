/**
 * The stage: script a frame on the page's thread of the built playground, while about 1,000 packets are in flight; by itself, and
 * with the list of packets and events open beside it. Then the same of a storm of 10,000 clients and 100,000 packets a second at real
 * speed, with charts, members and list open, from when a million packets and 300,000 events are there: records by formula, so that the page's own work is what is measured.
 * Needs a build in `dist`.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { chromium } from 'playwright-core'
import type { Run } from '../../src/run/run.ts'
import { CHROMIUM_FLAGS, findChromium } from '../check/chromium.ts'
import { serve } from '../serve.ts'

const [root = '.'] = process.argv.slice(2)
const FRAMES = 200

/** One datagram each millisecond over a link of one second: a thousand under way. */
const crowd = (views: readonly string[]) => ({
  id: 'crowd',
  views,
  title: 'A thousand packets',
  seed: 1,
  duration: '60 s',
  speed: 0.2,
  hosts: {
    sender: { app: 'stream-sender', to: 'receiver', interval: '1 ms', size: '160 B', count: 50_000 },
    receiver: { app: 'stream-receiver', interval: '1 ms', size: '160 B' },
  },
  links: [{ between: ['sender', 'receiver'], rate: '100 Mbit/s', delay: '1 s' }],
})

interface TraceEvent {
  readonly name: string
  readonly ph: string
  readonly ts: number
  readonly dur?: number
  readonly tid: number
  readonly pid: number
}

const SCRIPT = new Set(['FireAnimationFrame', 'FunctionCall', 'EvaluateScript', 'RunMicrotasks'])

/** Milliseconds of script in each frame: outermost script between the beginnings of two animation frames. */
function scriptPerFrame(events: readonly TraceEvent[]): number[] {
  const animation = events.filter(({ name }) => name === 'FireAnimationFrame')
  const first = animation[0]
  if (first === undefined) throw new Error('no animation frames')
  const own = events
    .filter(({ pid, tid, name, ph }) => pid === first.pid && tid === first.tid && ph === 'X' && SCRIPT.has(name))
    .sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0))
  const frames: number[] = []
  let frameTime = -1
  let end = 0
  for (const { name, ts, dur = 0 } of own) {
    if (ts < end) continue
    end = ts + dur
    if (name === 'FireAnimationFrame' && ts - frameTime > 4000) {
      frames.push(0)
      frameTime = ts
    }
    if (frames.length > 0) frames[frames.length - 1] += dur / 1000
  }
  return frames
}

const page = (views: readonly string[]) =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>Crowd</title><script type="module" src="/packetarium.js"></script><packet-playground><script type="application/json">${JSON.stringify(crowd(views))}</script></packet-playground>`

const site = await serve({
  root: join(root, 'dist'),
  port: 0,
  pages: { '/stage.html': page([]), '/list.html': page(['events']) },
})
/** The page of the storm starts no workers. */
const withoutWorkers: Plugin = {
  name: 'without-workers',
  setup(builder) {
    builder.onResolve({ filter: /^worker(-code)?:/ }, ({ path }) => ({ path, namespace: 'worker' }))
    builder.onLoad({ filter: /.*/, namespace: 'worker' }, () => ({ contents: `export default ''` }))
  },
}
const bundle = await mkdtemp(join(tmpdir(), 'packetarium-storm-'))
await build({
  entryPoints: { storm: join(root, 'test/pages/storm-page.ts') },
  outdir: bundle,
  bundle: true,
  splitting: true,
  format: 'esm',
  minify: true,
  logLevel: 'error',
  tsconfig: join(root, 'tsconfig.page.json'),
  plugins: [withoutWorkers],
})
const storm = await serve({
  root: bundle,
  port: 0,
  pages: {
    '/storm.html': `<!doctype html><html lang="en"><meta charset="utf-8"><title>Storm</title><script type="module" src="/storm.js"></script><packet-playground scenario="storm"></packet-playground>`,
  },
})
const executablePath = await findChromium()
if (executablePath === undefined) throw new Error('No Chromium: name one in CHROMIUM.')
const browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] })
const trace = join(tmpdir(), `packetarium-stage-${String(process.pid)}.json`)

async function measure(name: string, address: string, from: number): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
  await page.goto(address)
  const run = await page.waitForFunction(() => {
    const playground = document.querySelector('packet-playground') as unknown as { run?: Run } | null
    return playground?.run?.state === 'paused' ? playground.run : undefined
  })
  const flying = await run.evaluate(async (run, from) => {
    if (run === undefined) return 0
    await run.seek(from)
    run.play()
    return [...run.trace.frames(({ fate }) => fate === 'in-flight')].length
  }, from)
  await page.waitForTimeout(1500)
  await browser.startTracing(page, { path: trace, categories: ['devtools.timeline'] })
  await page.waitForTimeout(FRAMES * 25)
  await browser.stopTracing()
  const { traceEvents } = JSON.parse(await readFile(trace, 'utf8')) as { traceEvents: TraceEvent[] }
  const frames = scriptPerFrame(traceEvents).sort((a, b) => a - b)
  const at = (share: number): string => (frames[Math.floor((frames.length - 1) * share)] ?? NaN).toFixed(2)
  console.log(
    `${name}, ${String(flying)} packets in flight`.padEnd(44),
    `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms of script a frame over ${String(frames.length)} frames`,
  )
  await page.close()
}

try {
  // The question for the address takes the first two seconds.
  await measure('stage', `${site.url}/stage.html`, 4e9)
  await measure('stage and list', `${site.url}/list.html`, 4e9)
  await measure('storm', `${storm.url}/storm.html`, 10e9)
} finally {
  await browser.close()
  await site.close()
  await storm.close()
  await rm(bundle, { recursive: true })
  await rm(trace, { force: true })
}
