import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { serve, type StaticServer } from '../../scripts/serve.ts'
import type { Run } from '../../src/run/run.ts'
import type { EventRecord } from '../../src/trace/record.ts'
import { DIST, launchBrowser, NAMES, openPage } from './built-site.ts'

interface Playground extends HTMLElement {
  readonly run: Run
}

declare global {
  interface Window {
    /** Messages that went over each channel that the page made: how many, and how many frames were in them. */
    channels: { messages: number; frames: number; ports: number }[]
  }
}

/** Puts a counter between the two ends of every channel that the page makes. */
function countChannels(): void {
  const Original = MessageChannel
  window.channels = []
  window.MessageChannel = class {
    readonly port1: MessagePort
    readonly port2: MessagePort
    constructor() {
      const here = new Original()
      const there = new Original()
      this.port1 = here.port1
      this.port2 = there.port1
      const count = { messages: 0, frames: 0, ports: 0 }
      window.channels.push(count)
      const relay = (from: MessagePort, to: MessagePort): void => {
        from.onmessage = ({ data, ports }: MessageEvent<unknown>) => {
          count.messages++
          count.ports += ports.length
          if (data instanceof ArrayBuffer) count.frames += new Float64Array(data, 0, 1)[0] ?? 0
          to.postMessage(data, data instanceof ArrayBuffer ? [data] : [...ports])
        }
      }
      relay(here.port2, there.port2)
      relay(there.port2, here.port2)
    }
  }
}

const firstRun = (page: Page): Promise<void> => page.evaluate(() => window.firstRun.then(() => undefined))

/** Waits until the run of the first playground satisfies a condition. */
async function until(page: Page, condition: (run: Run) => boolean): Promise<void> {
  await page.waitForFunction(
    (text) => {
      const run = document.querySelector<Playground>('packet-playground')?.run
      // The condition is this file's own code, on its way into the page.
      return run !== undefined && ((0, eval)(`(${text})`) as (run: Run) => boolean)(run)
    },
    condition.toString(),
    { timeout: 60_000, polling: 50 },
  )
}

/** More than the trace may keep: 120,000 full frames are 180 MB. */
const LONG_RUN = {
  id: 'long-run',
  title: 'A long run',
  seed: 1,
  duration: '10 s',
  hosts: {
    sender: { app: 'stream-sender', to: 'receiver', interval: '20 us', size: '1472 B', count: 120_000 },
    receiver: { app: 'stream-receiver', interval: '20 us', size: '1472 B' },
  },
  links: [{ between: ['sender', 'receiver'], rate: '10 Gbit/s', delay: '10 ms' }],
}

describe('a page which is played, broken and looked at', () => {
  let browser: Browser
  let site: StaticServer
  before(async () => {
    browser = await launchBrowser()
    site = await serve({
      root: DIST,
      port: 0,
      pages: {
        '/two.html':
          '<!doctype html><html lang="en"><meta charset="utf-8"><title>Two</title><link rel="icon" href="/icon.svg"><script type="module" src="/packetarium.js"></script>' +
          '<packet-playground scenario="tcp-handshake"></packet-playground><packet-playground scenario="tcp-head-of-line"></packet-playground>',
        '/long.html':
          '<!doctype html><html lang="en"><meta charset="utf-8"><title>Long</title><link rel="icon" href="/icon.svg"><script type="module" src="/packetarium.js"></script>' +
          '<packet-playground scenario="tcp-head-of-line"></packet-playground><p style="height:5000px">A long article</p>',
        '/much.html':
          '<!doctype html><html lang="en"><meta charset="utf-8"><title>Much</title><link rel="icon" href="/icon.svg"><script type="module" src="/packetarium.js"></script>' +
          `<packet-playground><script type="application/json">${JSON.stringify(LONG_RUN)}</script></packet-playground>`,
      },
    })
  })
  after(async () => {
    await browser.close()
    await site.close()
  })

  test('a click destroys a flying segment: three duplicate ACKs come back, it is sent again, the file arrives whole', async () => {
    const { page, problems } = await openPage(browser, `${site.url}/tcp-head-of-line/`)
    await firstRun(page)
    await page.getByRole('button', { name: 'Play', exact: true }).click()
    await until(page, (run) => {
      const under = [...run.trace.frames((f) => f.kind === 'tcp-data' && f.length > 1000 && f.fate === 'in-flight')]
      return under.some((f) => f.number > 40 && run.playhead > f.sent + (f.arrives - f.sent) * 0.2)
    })
    await page.getByRole('button', { name: 'Pause', exact: true }).click()
    const stage = page.locator('packet-stage')
    const box = await stage.boundingBox()
    assert.ok(box !== null)
    // Looks for a full segment under the pointer, as a person does.
    const tooltip = stage.locator('.tooltip')
    let clicked = false
    search: for (let y = box.height * 0.2; y < box.height * 0.8; y += 8) {
      for (let x = box.width * 0.7; x > box.width * 0.3; x -= 12) {
        await page.mouse.move(box.x + x, box.y + y)
        if (!/data|segment/i.test((await tooltip.isVisible()) ? ((await tooltip.textContent()) ?? '') : '')) continue
        await page.mouse.click(box.x + x, box.y + y)
        clicked = true
        break search
      }
    }
    assert.ok(clicked, 'a data packet was under the pointer')
    // The page knows of the intervention before it has heard what became of the frame.
    await until(page, (run) => run.log.length === 1 && [...run.trace.frames((f) => f.fate === 'dropped-by-hand')].length === 1)
    const dropped = await page.evaluate(() => {
      const run = document.querySelector<Playground>('packet-playground')?.run
      const frame = [...(run?.trace.frames((f) => f.fate === 'dropped-by-hand') ?? [])][0]
      return frame === undefined ? undefined : { kind: frame.kind, fateAt: frame.fateAt, playhead: run?.playhead }
    })
    assert.equal(dropped?.kind, 'tcp-data')
    await page.evaluate(async () => {
      const run = document.querySelector<Playground>('packet-playground')?.run
      await run?.seek(run.scenario.duration)
    })
    const seen = await page.evaluate(() => {
      const trace = document.querySelector<Playground>('packet-playground')?.run.trace
      const count = (name: string, where?: (event: EventRecord) => boolean): number => trace?.all(name, where).length ?? 0
      return {
        dropped: [...(trace?.frames((f) => f.fate === 'dropped-by-hand') ?? [])].length,
        duplicates: count('tcp:duplicate-ack-received'),
        fast: count('tcp:fast-retransmit-entered'),
        again: [...(trace?.frames((f) => (f.mark & 1) !== 0) ?? [])].length,
        loaded: trace?.first('script:read', ({ data }) => data['step'] === 2)?.data['bytes'],
        timeouts: count('tcp:rto-expired'),
      }
    })
    assert.equal(seen.dropped, 1)
    assert.ok(seen.duplicates >= 3, `${String(seen.duplicates)} duplicate ACKs`)
    assert.equal(seen.fast, 1)
    assert.equal(seen.timeouts, 0)
    assert.ok(seen.again >= 1)
    assert.equal(seen.loaded, 100_000)
    assert.deepEqual(problems, [])
    await page.close()
  })

  test('one dedicated worker for each host and the director; every frame goes through the channel of its link', async () => {
    const page = await browser.newPage()
    await page.addInitScript(NAMES)
    await page.addInitScript(countChannels)
    await page.goto(`${site.url}/tcp-head-of-line/`)
    await until(page, (run) => run.state === 'paused')
    const { hosts, links } = await page.evaluate(async () => {
      const run = document.querySelector<Playground>('packet-playground')?.run
      await run?.seek(run.scenario.duration)
      return { hosts: run?.scenario.hosts.length ?? 0, links: run?.scenario.links.length ?? 0 }
    })
    assert.equal(page.workers().length, hosts + 1)
    const { channels, delivered } = await page.evaluate(() => ({
      channels: window.channels,
      delivered: [
        ...(document.querySelector<Playground>('packet-playground')?.run.trace.frames((f) => f.fate === 'arrived') ?? []),
      ].length,
    }))
    const carrying = channels.filter(({ frames }) => frames > 0)
    assert.equal(carrying.length, links)
    assert.equal(
      carrying.reduce((sum, { frames }) => sum + frames, 0),
      delivered,
    )
    assert.ok(
      carrying.every(({ frames, messages }) => messages <= frames),
      'frames travel in batches',
    )
    await page.close()
  })

  test('two playgrounds on one page run apart from each other; removing one ends its workers', async () => {
    const { page, problems } = await openPage(browser, `${site.url}/two.html`)
    await page.locator('packet-playground').nth(1).scrollIntoViewIfNeeded()
    await page.waitForFunction(
      // An element that is not defined yet has none.
      () =>
        [...document.querySelectorAll<Partial<Playground> & Element>('packet-playground')].every(
          ({ run }) => run?.state === 'paused',
        ),
      undefined,
      { timeout: 60_000 },
    )
    const ends = await page.evaluate(() =>
      Promise.all(
        [...document.querySelectorAll<Playground>('packet-playground')].map(async ({ run }) => {
          await run.seek(run.scenario.duration)
          return { hosts: run.scenario.hosts.length, frames: run.trace.frameCount }
        }),
      ),
    )
    assert.equal(
      page.workers().length,
      ends.reduce((sum, { hosts }) => sum + hosts + 1, 0),
    )
    assert.ok(ends.every(({ frames }) => frames > 0))
    await page.evaluate(() => {
      document.querySelector('packet-playground')?.remove()
    })
    const left = (ends[1]?.hosts ?? 0) + 1
    for (let tries = 0; tries < 100 && page.workers().length > left; tries++) await page.waitForTimeout(50)
    assert.equal(page.workers().length, left)
    assert.deepEqual(problems, [])
    await page.close()
  })

  test('a run that outgrows the memory of its trace goes on, and the page says what it lets go', async () => {
    const { page, problems } = await openPage(browser, `${site.url}/much.html`)
    await firstRun(page)
    const notice = page.getByText('This run has become long')
    assert.equal(await notice.count(), 0)
    const { frames, thinned, oldest } = await page.evaluate(async () => {
      const run = document.querySelector<Playground>('packet-playground')?.run
      await run?.seek(run.scenario.duration)
      const capture = await run?.capture({ kind: 'links' })
      return {
        frames: run?.trace.frameCount ?? 0,
        thinned: run?.trace.thinnedBytes ?? 0,
        oldest: (capture?.length ?? 0) < 200e6,
      }
    })
    assert.ok(frames > 115_000, `${String(frames)} frames`)
    assert.ok(thinned > 10e6, `${String(thinned)} bytes were let go`)
    assert.ok(oldest, 'the capture has what is left')
    await notice.waitFor({ timeout: 10_000 })
    assert.match((await notice.textContent()) ?? '', /oldest records\s+\(\d[\d.,]*\sMB\)\s+were let go/)
    assert.deepEqual(problems, [])
    await page.close()
  })

  test('time stands still while the element is off the screen, and while the tab is hidden', async () => {
    const { page } = await openPage(browser, `${site.url}/long.html`)
    await firstRun(page)
    const playhead = (): Promise<number> =>
      page.evaluate(() => document.querySelector<Playground>('packet-playground')?.run.playhead ?? -1)
    const moves = async (): Promise<boolean> => {
      const before = await playhead()
      await page.waitForTimeout(400)
      return (await playhead()) > before
    }
    await page.getByRole('button', { name: 'Play', exact: true }).click()
    assert.equal(await moves(), true, 'it plays')
    await page.evaluate(() => {
      window.scrollTo(0, document.body.scrollHeight)
    })
    await page.waitForTimeout(300)
    assert.equal(await moves(), false, 'it pauses off the screen')
    await page.evaluate(() => {
      window.scrollTo(0, 0)
    })
    await page.waitForTimeout(300)
    assert.equal(await moves(), true, 'it goes on when it is back')
    await page.evaluate(() => {
      Object.defineProperty(document, 'visibilityState', { configurable: true, value: 'hidden' })
      Object.defineProperty(document, 'hidden', { configurable: true, value: true })
      document.dispatchEvent(new Event('visibilitychange'))
    })
    await page.waitForTimeout(300)
    assert.equal(await moves(), false, 'it pauses in a hidden tab')
    await page.close()
  })
})
