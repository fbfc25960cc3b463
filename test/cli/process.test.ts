import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { nodeContext } from '../../src/cli/process.ts'
import { runCli } from '../../src/cli/program.ts'
import { DOWNLOAD } from '../scenario/scenario-fixture.ts'
import type { CliContext } from '../../src/cli/context.ts'

const folder = await mkdtemp(join(tmpdir(), 'packetarium-'))
after(() => rm(folder, { recursive: true }))

const engine: CliContext['engine'] = { run: () => Promise.reject(new Error('nothing is run here')) }
const bridge: CliContext['bridge'] = { run: () => Promise.reject(new Error('nothing is joined here')) }
const context = await nodeContext({ catalog: {}, engine, bridge })

async function validate(path: string): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const code = await runCli(['validate', path], { ...context, out: (text) => (out += text), err: (text) => (err += text) })
  return { code, out, err }
}

test('files are read and written', async () => {
  const path = join(folder, 'scenario.json')
  await context.writeFile(path, `\uFEFF${JSON.stringify(DOWNLOAD)}`)
  assert.equal((await validate(path)).out, `${path}: valid: download, 2 hosts, 1 link, 1 knob\n`)
  await context.writeFile(path, new Uint8Array([1, 2, 3]))
  assert.deepEqual([...(await readFile(path))], [1, 2, 3])
})

test('what cannot be read is said with its reason, and 2', async () => {
  const large = join(folder, 'large.json')
  await writeFile(large, ' '.repeat(20_000_001))
  const reasons: [string, RegExp][] = [
    [join(folder, 'missing.json'), /there is no such file/],
    [folder, /it is a directory/],
    [large, /it is too large/],
    ['/dev/zero', /it is too large/],
    [join(folder, 'scenario.json', 'x'), /no directory/],
  ]
  for (const [path, reason] of reasons) {
    const { code, err } = await validate(path)
    assert.equal(code, 2, path)
    assert.match(err, reason)
  }
})

test('the version is that of the package', async () => {
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  assert.equal(context.version, version)
})

test('a fault of the engine is no verdict: it is thrown', async () => {
  await assert.rejects(
    runCli(['run', join(folder, 'other.json')], { ...context, readFile: () => Promise.resolve(JSON.stringify(DOWNLOAD)) }),
    /nothing is run here/,
  )
})
