import { tmpdir } from 'node:os'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runChild } from './child.ts'
import { findChromium, findProgram } from './chromium.ts'
import { missingStrangers, STRANGERS } from './strangers.ts'

export interface SystemPrograms {
  readonly chromium: string | undefined
  readonly tshark: string | undefined
  /** What was installed, and what is missing. */
  readonly notes: readonly string[]
}

async function aptInstall(packages: readonly string[], notes: string[]): Promise<void> {
  // Run level 1: no service is started that a package brings along.
  const options = { cwd: '/', seconds: 300, env: { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' } }
  const update = await runChild('apt-get', ['update', '-q'], options)
  const install = await runChild('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], options)
  if (install.code === 0) notes.push(`installed by apt-get: ${packages.join(', ')}`)
  else notes.push(`apt-get could not install ${packages.join(', ')}:\n${update.output}${install.output}`)
}

/** A Chromium that came as a package of the registry. It unpacks itself into TMPDIR, and reuses what another version left there. */
async function packagedChromium(notes: string[]): Promise<string | undefined> {
  const usual = process.env.TMPDIR
  try {
    const manifest = await readFile(join(import.meta.dirname, '../../node_modules/@sparticuz/chromium/package.json'), 'utf8')
    const { version } = JSON.parse(manifest) as { version: string }
    const folder = join(tmpdir(), `packetarium-chromium-${version}`)
    await mkdir(folder, { recursive: true })
    process.env.TMPDIR = folder
    const { default: chromium } = await import('@sparticuz/chromium')
    const file = await chromium.executablePath()
    notes.push('Chromium from the package @sparticuz/chromium')
    return file
  } catch (error) {
    notes.push(`@sparticuz/chromium: ${String(error)}`)
    return undefined
  } finally {
    if (usual === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = usual
  }
}

/** Finds a browser, tshark and the strangers; as root on Debian it installs what is missing. */
export async function findSystemPrograms(): Promise<SystemPrograms> {
  const notes: string[] = []
  let chromium = await findChromium()
  let tshark = await findProgram('tshark')
  const missing = [
    ...(chromium === undefined ? ['chromium', 'fonts-liberation'] : []),
    ...(tshark === undefined ? ['tshark'] : []),
    ...(await missingStrangers()).map((name) => STRANGERS[name]),
  ]
  if (missing.length > 0 && process.getuid?.() === 0 && (await findProgram('apt-get')) !== undefined) {
    await aptInstall(missing, notes)
    chromium ??= await findChromium()
    tshark ??= await findProgram('tshark')
  }
  chromium ??= await packagedChromium(notes)
  if (chromium === undefined) notes.push('Please install Chromium, or name it in CHROMIUM: the browser tests need it.')
  if (tshark === undefined) notes.push('Please install tshark (package tshark or wireshark-cli): the captures are judged by it.')
  return { chromium, tshark, notes }
}
