import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { rollup } from 'rollup'
import { WorkerBundles, workerModules } from '../../scripts/build/worker-modules.ts'

test('worker: gives the URL of an emitted classic script, worker-code: its text, and it is built once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'worker-'))
  try {
    await writeFile(join(folder, 'answer.js'), 'export const answer = 41')
    await writeFile(join(folder, 'host-worker.js'), "import { answer } from './answer.js'\nself.answer = answer + 1")
    await writeFile(
      join(folder, 'page.js'),
      "import { url } from 'worker:./host-worker.js'\nexport { url }\nexport const code = () => import('worker-code:./host-worker.js')",
    )
    let builds = 0
    const bundles = new WorkerBundles(() => {
      builds++
      return []
    })
    const bundle = await rollup({ input: join(folder, 'page.js'), plugins: [workerModules(bundles)] })
    const { output } = await bundle.generate({ format: 'es', assetFileNames: 'workers/[name]-[hash][extname]' })
    await bundle.close()

    const script = output.find((file) => file.type === 'asset')
    assert.match(script?.fileName ?? '', /^workers\/host-worker-.+\.js$/)
    const scope = { self: { answer: 0 } }
    runInNewContext(String(script?.source), scope)
    assert.equal(scope.self.answer, 42)

    const entry = output.find((file) => file.type === 'chunk' && file.isEntry)
    assert.ok(entry?.type === 'chunk' && entry.code.includes(`new URL('${script?.fileName}', import.meta.url)`))
    assert.equal(entry.dynamicImports.length, 1, 'the text is in a chunk of its own')
    const lazy = output.find((file) => file.fileName === entry.dynamicImports[0])
    assert.ok(lazy?.type === 'chunk' && lazy.code.includes(JSON.stringify(script?.source)))
    assert.equal(builds, 1)
  } finally {
    await rm(folder, { recursive: true })
  }
})
