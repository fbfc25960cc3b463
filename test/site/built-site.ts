import { resolve } from 'node:path'
import { chromium, type Browser, type Page } from 'playwright-core'
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/check/chromium.ts'
import type { Run } from '../../src/run/run.ts'

/** What `npm run build` wrote. */
export const DIST = resolve(import.meta.dirname, '../../dist')

declare global {
  interface Window {
    /** The first run of the page, once it stands at zero. */
    firstRun: Promise<Run>
  }
}

/** Functions that go from a test into a page call this when they define others: the loader of the tests keeps their names by it. */
export const NAMES = 'globalThis.__name ??= (named) => named'

/** A real browser, for the built site. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = await findChromium()
  if (executablePath === undefined) throw new Error('No Chromium: name one in CHROMIUM.')
  return chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] })
}

/** A page which waits for its first run, and what went wrong on it. */
export async function openPage(browser: Browser, url: string): Promise<{ page: Page; problems: string[] }> {
  const page = await browser.newPage()
  const problems: string[] = []
  const note = (problem: string) => {
    // The beginning says it, once.
    const short = problem.length > 160 ? `${problem.slice(0, 160)}…` : problem
    if (!problems.includes(short)) problems.push(short)
  }
  page.on('pageerror', (error) => note(`uncaught: ${String(error)}`))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') note(`${message.type()}: ${message.text()}`)
  })
  page.on('requestfailed', (request) => note(`failed: ${request.url()}`))
  page.on('response', (response) => {
    if (response.status() >= 400) note(`${response.status()}: ${response.url()}`)
  })
  await page.addInitScript(NAMES)
  await page.addInitScript(() => {
    window.firstRun = new Promise((done, fail) => {
      addEventListener('packetarium-ready', (event) => done((event as CustomEvent<{ run: Run }>).detail.run))
      addEventListener('packetarium-error', (event) =>
        fail(new Error((event as CustomEvent<{ message: string }>).detail.message)),
      )
    })
  })
  await page.goto(url)
  return { page, problems }
}

/** Runs the first playground of a page to its end. */
export async function runToTheEnd(page: Page): Promise<{ placement: string; frames: number; captureSha256: string }> {
  return page.evaluate(async () => {
    const run = await window.firstRun
    await run.seek(run.scenario.duration)
    const bytes = await run.capture({ kind: 'links' })
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes)))
    const captureSha256 = Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')
    return { placement: run.placement, frames: run.trace.frameCount, captureSha256 }
  })
}
