import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadScenario } from '../../src/scenario/catalog.ts'
import { defineScenario } from '../../src/scenario/define.ts'
import { ScenarioError } from '../../src/scenario/errors.ts'
import { DOWNLOAD } from './scenario-fixture.ts'
import type { Catalog } from '../../src/scenario/catalog.ts'

const CATALOG: Catalog = {
  download: { title: 'A download', summary: 'One.', load: () => Promise.resolve({ default: defineScenario(DOWNLOAD) }) },
}

test('a scenario of the list is loaded by its id', async () => {
  assert.equal(await loadScenario(CATALOG, 'download'), DOWNLOAD)
})

test('an unknown id is refused with the list', async () => {
  for (const id of ['downlaod', 'constructor', '']) {
    await assert.rejects(loadScenario(CATALOG, id), (error: unknown) => {
      assert.ok(error instanceof ScenarioError)
      assert.match(error.allowed, /a scenario of the list: .*download/)
      return true
    })
  }
})
