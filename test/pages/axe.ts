import axe from 'axe-core'
import { fail } from './assert.ts'

/** An element alone in a test page is in no landmark, and its page has no heading. */
const RULES = { region: { enabled: false }, 'page-has-heading-one': { enabled: false }, 'landmark-one-main': { enabled: false } }

/** Fails when axe finds something in an element, shadow trees included. */
export async function assertAccessible(element: Element): Promise<void> {
  let { violations } = await axe.run(element, { rules: RULES })
  // A colour on its way to another has a contrast that nobody reads by: what is only then wrong is not wrong.
  for (let tries = 0; violations.length > 0 && tries < 3; tries++) {
    await new Promise((done) => setTimeout(done, 300))
    for (const animation of document.getAnimations()) animation.finish()
    violations = (await axe.run(element, { rules: RULES })).violations
  }
  if (violations.length === 0) return
  const lines = violations.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n${nodes.map(({ target, failureSummary }) => `  ${JSON.stringify(target)} ${failureSummary ?? ''}`).join('\n')}`,
  )
  fail(lines.join('\n'))
}
