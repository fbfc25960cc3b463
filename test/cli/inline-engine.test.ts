import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createBridge } from '../../src/cli/bridge.ts'
import { createInlineEngine } from '../../src/cli/inline-engine.ts'
import { nodeContext } from '../../src/cli/process.ts'
import { runCli } from '../../src/cli/program.ts'
import { DOWNLOAD } from '../scenario/scenario-fixture.ts'
import type { RunReport } from '../../src/cli/report.ts'

const folder = await mkdtemp(join(tmpdir(), 'packetarium-'))
after(() => rm(folder, { recursive: true }))
const file = join(folder, 'download.json')
await writeFile(
  file,
  JSON.stringify({
    ...DOWNLOAD,
    claims: [{ says: 'All of it arrives', measure: 'bytes-delivered', host: 'alice', above: '65535 B' }],
  }),
)

let clock = 0
const context = await nodeContext({ catalog: {}, engine: createInlineEngine(() => clock++), bridge: createBridge(() => clock) })

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const code = await runCli(['run', file, ...args], { ...context, out: (text) => (out += text), err: (text) => (err += text) })
  return { code, out, err }
}

async function report(...args: string[]): Promise<RunReport> {
  return JSON.parse((await run('--json', ...args)).out) as RunReport
}

test('a download of 64 KiB over a lossless link of 10 Mbit/s', async () => {
  const { frames, framesLost, packetHops, simulatedSeconds, claims } = await report()
  assert.equal(packetHops, frames)
  assert.deepEqual(framesLost, {})
  assert.ok(frames > 64 && frames < 200, `${frames} frames`)
  assert.ok(simulatedSeconds > 0.1)
  assert.deepEqual(
    claims.map(({ holds }) => holds),
    [true],
  )
})

test('the same seed gives the same capture, another one does not where chance has a say', async () => {
  const first = await report('--set', 'loss=5%')
  assert.equal((await report('--set', 'loss=5%')).captureSha256, first.captureSha256)
  assert.notEqual((await report('--set', 'loss=5%', '--seed', '8')).captureSha256, first.captureSha256)
  assert.ok((first.framesLost['random-loss'] ?? 0) > 0)
  assert.notEqual((await report('--capture', 'host:bob')).captureSha256, (await report()).captureSha256)
})

test('--until ends a run there', async () => {
  const { simulatedSeconds, frames } = await report('--until', '50 ms')
  assert.equal(simulatedSeconds, 0.05)
  assert.ok(frames < 10)
  assert.equal((await run('--until', '50 ms')).code, 1, 'the file has not arrived by then')
})

test('a run over its budget of frames or of time is stopped, with 3', async () => {
  const frames = await run('--max-frames', '20')
  assert.deepEqual([frames.code, frames.err], [3, 'packetarium: the run went over its budget: more than 20 frames\n'])
  const time = await run('--max-wall', '1 ms')
  assert.deepEqual([time.code, time.err], [3, 'packetarium: the run went over its budget: more than 1 ms of real time\n'])
})

test('an intervention acts: a link that is cut loses what is on it', async () => {
  const log = join(folder, 'log.json')
  await writeFile(log, '[{"at":"130 ms","cut":"alice-bob"},{"at":"1 s","drop":{"frame":1}}]')
  const { framesLost, refusedInterventions } = await report('--interventions', log)
  assert.ok((framesLost['link-down'] ?? 0) > 0)
  assert.match(refusedInterventions?.[0]?.why ?? '', /no longer on its way/)
})
