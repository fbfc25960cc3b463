import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runChild, type Ending } from '../../scripts/check/child.ts'

const root = resolve(import.meta.dirname, '../..')

describe('the runner of tests in Node', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runner-'))
  })
  after(async () => {
    await rm(folder, { recursive: true })
  })

  async function run(code: string): Promise<Ending> {
    const file = join(folder, 'probe.test.mjs')
    await writeFile(file, `import { test, describe, it } from 'node:test'\n${code}`)
    return runChild(process.execPath, ['--import', 'tsx', 'scripts/check/node-tests.ts', file], { cwd: root, seconds: 30 })
  }
  const closing = ({ output }: Ending) => output.trimEnd().split('\n').at(-1)

  test('counts tests, not the suites around them', async () => {
    const ending = await run("describe('a', () => { it('b', () => {}); it('c', () => {}) })")
    assert.equal(closing(ending), '2 passed, 0 failed')
    assert.equal(ending.code, 0)
  })

  test('shows a failure with its whole name and reason', async () => {
    const ending = await run("describe('a', () => { it('b', () => { throw new Error('because') }) })")
    assert.equal(closing(ending), '0 passed, 1 failed')
    assert.equal(ending.code, 1)
    assert.match(ending.output, /a › b[\s\S]*Error: because/)
  })

  test('a skipped test has failed', async () => {
    assert.equal(closing(await run("test('a', () => {})\ntest('b', { skip: true }, () => {})")), '1 passed, 1 failed')
  })

  test('a file without tests has failed, and so has one that leaves early', async () => {
    assert.equal(closing(await run('')), '0 passed, 1 failed')
    assert.equal(closing(await run("test('a', () => process.exit(0))")), '0 passed, 1 failed')
  })

  test('a file that cannot be loaded has failed, and what it printed is shown', async () => {
    const ending = await run("import './nowhere.mjs'")
    assert.equal(closing(ending), '0 passed, 1 failed')
    assert.match(ending.output, /nowhere\.mjs/)
  })
})

test('a program that takes too long is ended with its children, and says so', async () => {
  const ending = await runChild('bash', ['-c', 'sleep 60 & echo begun; wait'], { cwd: root, seconds: 1 })
  assert.equal(ending.code, 1)
  assert.match(ending.output, /begun[\s\S]*killed: not done after 1 s/)
})

test('a program that does not exist has failed', async () => {
  const ending = await runChild('no-such-program', [], { cwd: root, seconds: 1 })
  assert.equal(ending.code, 1)
  assert.match(ending.output, /ENOENT/)
})
