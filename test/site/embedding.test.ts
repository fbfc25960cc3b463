import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright-core'
import { serve, type StaticServer } from '../../scripts/serve.ts'
import { DIST, launchBrowser, openPage, runToTheEnd } from './built-site.ts'

const SCENARIO = 'tcp-handshake'

const embed = (script: string) =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>A blog</title>${script}<packet-playground scenario="${SCENARIO}"></packet-playground>`
const module = (url: string) => `<script type="module" src="${url}"></script>`

describe('one tag, no server: the same capture wherever the element stands', () => {
  let browser: Browser
  /** Where the files of `dist` are. */
  let cdn: StaticServer
  let empty: string
  let expected: string

  before(async () => {
    browser = await launchBrowser()
    cdn = await serve({ root: DIST, port: 0 })
    empty = await mkdtemp(join(tmpdir(), 'blog-'))
    const report = execFileSync(process.execPath, [join(DIST, 'cli.js'), 'run', SCENARIO, '--json'], { encoding: 'utf8' })
    expected = (JSON.parse(report) as { captureSha256: string }).captureSha256
  })
  after(async () => {
    await browser.close()
    await cdn.close()
    await rm(empty, { recursive: true })
  })

  /** Opens a page and checks that it made the capture that the command line made. */
  async function check(url: string, placement: 'workers' | 'inline', expectedProblems: readonly RegExp[] = []): Promise<void> {
    const { page, problems } = await openPage(browser, url)
    try {
      assert.deepEqual(await runToTheEnd(page).then(({ placement, captureSha256 }) => ({ placement, captureSha256 })), {
        placement,
        captureSha256: expected,
      })
      const surprises = problems.filter((problem) => !expectedProblems.some((pattern) => pattern.test(problem)))
      assert.deepEqual(surprises, [])
      assert.equal(await page.locator('[role=alert]').count(), 0, 'the reader is told nothing alarming')
    } finally {
      await page.close()
    }
  }

  /** A blog with a policy, on an origin of its own. */
  async function onBlog(html: string, csp: string | undefined, use: (url: string) => Promise<void>): Promise<void> {
    const blog = await serve({
      root: empty,
      port: 0,
      pages: { '/': html, '/favicon.ico': '' },
      ...(csp !== undefined && { csp }),
    })
    try {
      await use(`${blog.url}/`)
    } finally {
      await blog.close()
    }
  }

  test('on the origin of its files', async () => {
    await check(`${cdn.url}/${SCENARIO}/`, 'workers')
  })

  test('on the origin of its files, with default-src self', async () => {
    const strict = await serve({
      root: DIST,
      port: 0,
      csp: "default-src 'self'",
      pages: { '/blog.html': embed(module('/packetarium.js')), '/favicon.ico': '' },
    })
    try {
      await check(`${strict.url}/blog.html`, 'workers')
    } finally {
      await strict.close()
    }
  })

  test('on another origin, without a policy', async () => {
    await onBlog(embed(module(`${cdn.url}/packetarium.js`)), undefined, (url) => check(url, 'workers'))
  })

  test('on another origin whose policy names ours and allows blobs as workers', async () => {
    const csp = `default-src 'self' ${cdn.url}; worker-src blob:`
    await onBlog(embed(module(`${cdn.url}/packetarium.js`)), csp, (url) => check(url, 'workers'))
  })

  test('on another origin whose policy refuses workers: inline', async () => {
    const csp = `default-src 'self' ${cdn.url}; worker-src 'none'`
    // The browser itself reports each refusal.
    const refusal = /Content Security Policy/
    await onBlog(embed(module(`${cdn.url}/packetarium.js`)), csp, (url) => check(url, 'inline', [refusal]))
  })

  test('opened from a disk, by the classic script', async () => {
    const file = join(empty, 'lesson.html')
    await writeFile(file, embed(`<script src="${pathToFileURL(join(DIST, 'packetarium.iife.js')).href}"></script>`))
    await check(pathToFileURL(file).href, 'workers')
  })
})
