import { createHash, X509Certificate } from 'node:crypto'
import { chmodSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/check/chromium.ts'
import type { Lab } from './lab.ts'

/** What Chromium calls a key: the SHA-256 of its SubjectPublicKeyInfo, in base64. */
function keyPin(pem: string): string {
  const key = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(key).digest('base64')
}

/**
 * A real Chromium in a lab, for which every certificate below one of these is as good as any, and all others as bad as ever.
 * @param overQuic hosts and ports that it is to speak HTTP/3 with from the start, without having heard of it; by itself it never does
 */
export async function launchIn(lab: Lab, trusted: readonly string[], overQuic: readonly string[] = []): Promise<Browser> {
  const program = await findChromium()
  if (program === undefined) throw new Error('No Chromium: name one in CHROMIUM.')
  const wrapper = lab.file('chromium.sh', `#!/bin/sh\nexec ip netns exec ${lab.namespace} '${program}' "$@"\n`)
  chmodSync(wrapper, 0o755)
  const pins = trusted.length === 0 ? [] : [`--ignore-certificate-errors-spki-list=${trusted.map(keyPin).join(',')}`]
  const flags =
    overQuic.length === 0
      ? CHROMIUM_FLAGS
      : [...CHROMIUM_FLAGS.filter((flag) => flag !== '--disable-quic'), `--origin-to-force-quic-on=${overQuic.join(',')}`]
  // Addresses that are still being made would be a change of the network, for which Chromium gives up what it is loading.
  await lab.run('sysctl', ['-qw', 'net.ipv6.conf.eth0.disable_ipv6=1'])
  return chromium.launch({ executablePath: wrapper, args: [...flags, ...pins] })
}

/** What a page says that Chromium has loaded from a simulated server. */
export interface LoadedPage {
  readonly status: number | undefined
  /** SHA-256 of what the page fetched afterwards, in hex. */
  readonly digest: string
  /** `nextHopProtocol` of all that was loaded, each once. */
  readonly protocols: readonly string[]
  /** Paths of all that was loaded. */
  readonly names: readonly string[]
  /** Messages of the console, and URLs that failed. */
  readonly problems: readonly string[]
}

/** Loads a page, and by a script in it one more file. */
export async function loadPage(browser: Browser, origin: string, path: string): Promise<LoadedPage> {
  const page = await browser.newPage()
  const problems: string[] = []
  page.on('console', (message) => problems.push(message.text()))
  page.on('requestfailed', (request) => problems.push(request.url()))
  const response = await page.goto(`${origin}/`, { waitUntil: 'load', timeout: 60_000 })
  const seen = await page.evaluate(async (file) => {
    const body = await (await fetch(file)).arrayBuffer()
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', body))
    const entries = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    return {
      digest: Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join(''),
      protocols: [...new Set(entries.map((entry) => (entry as PerformanceResourceTiming).nextHopProtocol))],
      names: entries.map(({ name }) => new URL(name).pathname).filter((name) => name !== '/favicon.ico'),
    }
  }, path)
  // Nobody serves an icon.
  return { status: response?.status(), ...seen, problems: problems.filter((problem) => !problem.includes('404')) }
}
