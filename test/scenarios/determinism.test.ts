import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { runOf, sourceOf, sources, type RunSetup } from './catalog-runs.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'

/** Every source of chance at once. */
const CHANCE: RunSetup['links'] = { loss: 0.03, corrupt: 0.02, duplicate: 0.02, reorder: 0.05, jitter: 3_000_000 }
const UNHEARD_OF = 2 ** 53 - 1

/** Breaks the first link of a scenario in many ways, and its last host. */
function trouble(id: string): Intervention[] {
  const { links, hosts } = resolveScenario(sourceOf(id))
  const { name } = links[0]
  const host = hosts.at(-1)?.name ?? ''
  return [
    { at: 310e6, drop: { frame: 5 } },
    { at: 320e6, link: { name, direction: 1, settings: { loss: 0.2, delay: 70e6 } } },
    { at: 400e6, pause: host },
    { at: 500e6, resume: host },
    { at: 650e6, cut: name },
    { at: 900e6, heal: name },
    { at: 1200e6, kill: host },
    { at: 1300e6, restart: host },
  ]
}

function sha(id: string, setup: RunSetup): string {
  const run = runOf(id, setup)
  const hash = createHash('sha256').update(run.capture({ kind: 'links' }))
  for (const host of run.trace.hosts) hash.update(run.capture({ kind: 'host', host }))
  // What is in no capture must be the same too.
  for (const { id, time, name, data, cause } of run.trace.events) hash.update(JSON.stringify([id, time, name, data, cause]))
  return hash.digest('hex')
}

for (const id of sources.keys()) {
  describe(id, () => {
    const setups: readonly RunSetup[] = [{}, { links: CHANCE }, { links: CHANCE, interventions: trouble(id) }]

    test('the same scenario, seed and interventions give the same captures and events, another seed gives others', () => {
      for (const setup of setups) {
        const once = [0, 1, UNHEARD_OF].map((seed) => sha(id, { ...setup, seed }))
        const again = [0, 1, UNHEARD_OF].map((seed) => sha(id, { ...setup, seed }))
        assert.deepEqual(again, once, JSON.stringify(setup))
        assert.equal(new Set(once).size, once.length)
      }
    })

    test('one intervention less gives others', () => {
      const interventions = trouble(id)
      const whole = sha(id, { seed: 1, interventions })
      assert.notEqual(sha(id, { seed: 1, interventions: interventions.slice(0, -1) }), whole)
      assert.notEqual(sha(id, { seed: 1, interventions: interventions.slice(1) }), whole)
    })
  })
}
