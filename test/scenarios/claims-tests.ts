import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeClaims } from '../../src/scenario/claims.ts'
import { runOf, sourceOf, verdictsOf, type RunSetup } from './catalog-runs.ts'
import type { Expectations } from './expectations.ts'
import { spoiledTrace } from './spoiled-trace.ts'

/** How many seeds for each scenario as it stands: `SEEDS=500 npm test -- --only=unit scenarios`. */
const SEEDS = Number(process.env['SEEDS'] ?? 8)
/** For each of its variants. */
const VARIANT_SEEDS = Math.ceil(SEEDS / 4)

const wasTested = (evidence: string): boolean => !evidence.startsWith('Not put to the test')

/** Registers tests of a scenario's claims. */
export function testClaims(id: string, { variants, contradictions }: Expectations): void {
  const source = sourceOf(id)
  const tested = new Set<string>()
  const judge = (setup: RunSetup, seeds: number): void => {
    for (let seed = 1; seed <= seeds; seed++) {
      for (const { says, holds, evidence } of verdictsOf(id, { ...setup, seed })) {
        assert.ok(holds, `seed ${String(seed)}, ${JSON.stringify(setup)}: ${says} ${evidence}`)
        if (wasTested(evidence)) tested.add(says)
      }
    }
  }

  test(`its claims hold over ${String(SEEDS)} seeds`, () => {
    judge({}, SEEDS)
  })

  test('they hold as well in what else a reader may set', () => {
    assert.ok(variants.length > 0)
    for (const setup of variants) judge(setup, VARIANT_SEEDS)
  })

  test('each is put to the test by some of these runs, and cites where it is written', () => {
    const claims = source.claims ?? []
    assert.ok(claims.length >= 2 && claims.length <= 5)
    assert.deepEqual(
      claims.map(({ says }) => says).filter((says) => !tested.has(says)),
      [],
    )
    for (const { cites } of claims) assert.match(cites ?? '', /^RFC \d{3,4}\b/)
  })

  test('each can fail', () => {
    assert.equal(contradictions.length, source.claims?.length)
    contradictions.forEach(([setup, spoil], index) => {
      const { trace } = runOf(id, setup)
      const before = judgeClaims(sourceOf(id), trace)[index]
      assert.ok(before.holds && wasTested(before.evidence), `${before.says} ${before.evidence}`)
      const after = judgeClaims(sourceOf(id), spoiledTrace(trace, spoil))[index]
      assert.ok(!after.holds, `${after.says} ${after.evidence}`)
      assert.doesNotMatch(after.evidence, /could not be measured/)
    })
  })
}
