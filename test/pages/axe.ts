import { emulateMedia } from '@web/test-runner-commands'
import axe from 'axe-core'
import { fail } from './assert.ts'

/** Fails when axe finds something in an element, shadow trees included. */
export async function assertAccessible(element: Element): Promise<void> {
  // A colour on its way to another has a contrast that nobody reads by, and a late rendering may set one on its way.
  await emulateMedia({ reducedMotion: 'reduce' })
  const { violations } = await axe
    .run(element, {
      // An element alone in a test page is in no landmark, and its page has no heading.
      rules: { region: { enabled: false }, 'page-has-heading-one': { enabled: false }, 'landmark-one-main': { enabled: false } },
    })
    .finally(() => emulateMedia({ reducedMotion: 'no-preference' }))
  if (violations.length === 0) return
  const lines = violations.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n${nodes.map(({ target, failureSummary }) => `  ${JSON.stringify(target)} ${failureSummary ?? ''}`).join('\n')}`,
  )
  fail(lines.join('\n'))
}
