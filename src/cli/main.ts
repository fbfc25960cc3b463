import { scenarios } from '../../scenarios/index.ts'
import { createBridge } from './bridge.ts'
import { createInlineEngine } from './inline-engine.ts'
import { runProcess } from './process.ts'
import { createWorkerEngine } from './worker-engine.ts'

const wallSeconds = (): number => performance.now() / 1000
const inline = createInlineEngine(wallSeconds)
const workers = createWorkerEngine(
  async () => (await import('worker-code:../../workers/simulation-worker.ts')).default,
  wallSeconds,
)

// The program: `packetarium`.
process.exitCode = await runProcess({
  catalog: scenarios,
  engine: { run: (request) => (request.placement === 'workers' ? workers : inline).run(request) },
  bridge: createBridge(() => performance.now()),
})
