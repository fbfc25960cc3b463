import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { scenarios } from '../../scenarios/index.ts'
import { serve, type StaticServer } from '../../scripts/serve.ts'
import { DIST, launchBrowser, openPage, runToTheEnd } from './built-site.ts'

/** Where a whole run takes long, what is chosen on the page's address, as its reader can. */
const SHORTER: Readonly<Record<string, string>> = {
  'reconnection-storm': '#scenario=reconnection-storm&seed=1&set.clients=200',
}

describe('the gallery', { concurrency: 2 }, () => {
  let browser: Browser
  let site: StaticServer
  before(async () => {
    browser = await launchBrowser()
    site = await serve({ root: DIST, port: 0 })
  })
  after(async () => {
    await browser.close()
    await site.close()
  })

  test('lists every scenario with a picture that is there', async () => {
    const { page, problems } = await openPage(browser, `${site.url}/`)
    try {
      const list = page.locator('.cards')
      for (const { title } of Object.values(scenarios)) await list.getByRole('link', { name: title, exact: true }).waitFor()
      await list.scrollIntoViewIfNeeded()
      await page.waitForLoadState('networkidle')
      for (const picture of await list.locator('img').all()) {
        await picture.scrollIntoViewIfNeeded()
        await picture.evaluate((image) => (image as HTMLImageElement).decode())
      }
      assert.deepEqual(problems, [])
    } finally {
      await page.close()
    }
  })

  for (const [id, { title }] of Object.entries(scenarios)) {
    test(`${id}: the page loads, runs to its end and complains of nothing`, async () => {
      const { page, problems } = await openPage(browser, `${site.url}/${id}/${SHORTER[id] ?? ''}`)
      try {
        assert.ok((await page.title()).startsWith(title))
        const { placement, frames } = await runToTheEnd(page)
        assert.equal(placement, 'workers')
        assert.ok(frames > 0)
        assert.deepEqual(problems, [])
      } finally {
        await page.close()
      }
    })
  }
})
