import { createHash, X509Certificate } from 'node:crypto'
import { chmodSync } from 'node:fs'
import { chromium, type Browser, type Page, type Response } from 'playwright-core'
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
  return chromium.launch({ executablePath: wrapper, args: [...flags, ...pins] })
}

/**
 * Opens a page, up to its load event. Chromium gives up what it is loading when the machine's addresses change, and a lab's own address for
 * IPv6 becomes valid a moment after the lab is there: then it is asked again, as a person would.
 */
export async function visit(page: Page, url: string): Promise<Response | null> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await page.goto(url, { waitUntil: 'load', timeout: 60_000 })
    } catch (error) {
      if (attempt === 3 || !String(error).includes('ERR_NETWORK_CHANGED')) throw error
    }
  }
}
