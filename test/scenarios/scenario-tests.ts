import { describe } from 'node:test'
import { testArticle } from './article-tests.ts'
import { testCaptures } from './capture-tests.ts'
import { testClaims } from './claims-tests.ts'
import type { Expectations } from './expectations.ts'

/** Registers all tests of one scenario of the catalog. */
export function testScenario(id: string, expectations: Expectations): void {
  describe(id, () => {
    testClaims(id, expectations)
    testArticle(id, expectations)
  })
  describe(`${id}, read by tshark`, () => {
    testCaptures(id, expectations)
  })
}
