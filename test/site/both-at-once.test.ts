import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser, Locator, Page } from 'playwright-core'
import { serve, type StaticServer } from '../../scripts/serve.ts'
import type { PairRun } from '../../src/run/pair-run.ts'
import type { Run } from '../../src/run/run.ts'
import { DIST, launchBrowser, openPage } from './built-site.ts'

interface Playground extends HTMLElement {
  readonly run: Run
}

/** What is shown, when it is a pair of runs: how far, and which packets were dropped by hand, by their numbers on the way to Alice. */
function stateOf(
  page: Page,
): Promise<{ isPair: boolean; state: string; playhead: number; dropped: number[][]; placement: string }> {
  return page.evaluate(() => {
    const run = document.querySelector<Playground>('packet-playground')?.run
    if (run === undefined) throw new Error('no run')
    const runs: readonly Run[] = 'sides' in run ? (run as PairRun).sides : [run]
    const dropped = runs.map(({ trace }) =>
      [...trace.frames(({ direction, fate }) => direction === 1 && fate !== 'queued')]
        .sort((a, b) => a.sent - b.sent)
        .flatMap(({ fate }, index) => (fate === 'dropped-by-hand' ? [index + 1] : [])),
    )
    const { state, playhead, placement } = run
    return { isPair: 'sides' in run, state, playhead, dropped, placement }
  })
}

/** Goes to a time in milliseconds. */
function seek(page: Page, time: number): Promise<void> {
  return page.evaluate((at) => document.querySelector<Playground>('packet-playground')?.run.seek(at * 1e6), time)
}

/** Clicks on a large packet, where one is under the pointer, as a person does who looks for one. */
async function strike(page: Page, stage: Locator): Promise<void> {
  await stage.scrollIntoViewIfNeeded()
  const box = await stage.boundingBox()
  assert.ok(box !== null, 'the stage is not to be seen')
  const tooltip = stage.locator('.tooltip')
  for (let y = box.height * 0.15; y < box.height * 0.85; y += 6) {
    for (let x = box.width * 0.3; x < box.width * 0.7; x += 8) {
      await page.mouse.move(box.x + x, box.y + y)
      if (!/DATA/.test((await tooltip.isVisible()) ? ((await tooltip.textContent()) ?? '') : '')) continue
      await page.mouse.click(box.x + x, box.y + y)
      return
    }
  }
  assert.fail('there is no packet under the pointer')
}

describe('HTTP/2 and HTTP/3 on one playhead, in workers', () => {
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

  for (const width of [1280, 390]) {
    test(`at ${String(width)} px: a click drops the same packet in both, and the lanes say which streams waited for whom`, async () => {
      const { page, problems } = await openPage(browser, `${site.url}/http2-vs-http3/`)
      await page.setViewportSize({ width, height: 900 })
      await page.evaluate(() => window.firstRun.then(() => undefined))
      // Nothing is lost but what is lost by hand.
      await page.evaluate(() =>
        document.querySelector<Playground>('packet-playground')?.run.intervene({ set: { knob: 'lost', value: 'none' } }),
      )
      await seek(page, 300)
      await strike(page, page.locator('packet-stage').first())
      await page.waitForFunction(() =>
        document.querySelector<Playground>('packet-playground')?.run.log.some((each) => 'drop' in each),
      )
      await seek(page, 5000)
      const { dropped, placement, isPair } = await stateOf(page)
      assert.deepEqual([placement, isPair, dropped[0]?.length], ['workers', true, 1])
      assert.deepEqual(dropped[0], dropped[1])
      const sentences = page.locator('packet-lanes .now')
      await sentences.first().filter({ hasText: 'waited' }).waitFor()
      assert.match(
        (await sentences.nth(0).textContent()) ?? '',
        /^Nothing is held back\. \d+ streams? waited for bytes of others, /,
      )
      assert.match(
        (await sentences.nth(1).textContent()) ?? '',
        /^Nothing is held back\. No stream has waited for bytes of others/,
      )
      assert.deepEqual(problems, [])
      await page.close()
    })
  }

  test('flipped while it plays: one run goes on from there, and both again', async () => {
    const { page, problems } = await openPage(browser, `${site.url}/http2-vs-http3/`)
    await page.evaluate(() => window.firstRun.then(() => undefined))
    await seek(page, 250)
    await page.getByRole('button', { name: 'Play', exact: true }).click()
    const both = page.getByRole('switch', { name: 'Both at once' })
    for (const isPair of [false, true]) {
      await both.click()
      await page.waitForFunction((wanted) => {
        const run = document.querySelector<Playground>('packet-playground')?.run
        return run !== undefined && 'sides' in run === wanted && run.state === 'playing'
      }, isPair)
      assert.ok((await stateOf(page)).playhead >= 250e6, 'it began anew')
      assert.equal(await both.isChecked(), isPair)
    }
    assert.deepEqual(problems, [])
    await page.close()
  })
})
