import { createReadStream } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { runCli } from './program.ts'
import type { CliContext } from './context.ts'

/** What the program brings with it. */
type OwnParts = Pick<CliContext, 'catalog' | 'engine' | 'bridge'>

/** Far beyond any scenario; a device that never ends is cut off here. */
const LONGEST_FILE = 20_000_000

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** As of BSD's sysexits: the fault is ours. */
const SOFTWARE_FAULT = 70

/**
 * Runs the command line of this process: its arguments, its files, its standard streams.
 * @returns the exit code, for `process.exitCode`, so that what was printed still drains
 */
export async function runProcess(parts: OwnParts): Promise<number> {
  // Whoever reads may go away early, as `head` does.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  try {
    return await runCli(process.argv.slice(2), await nodeContext(parts))
  } catch (error) {
    process.stderr.write(
      `packetarium: a fault of the program itself\n${error instanceof Error ? String(error.stack) : String(error)}\n`,
    )
    return SOFTWARE_FAULT
  }
}

/** The command line's world in Node. */
export async function nodeContext(parts: OwnParts): Promise<CliContext> {
  return {
    ...parts,
    version: await ownVersion(),
    out: (text) => {
      process.stdout.write(text)
    },
    err: (text) => {
      process.stderr.write(text)
    },
    readFile: readText,
    writeFile: (path, content) => writeFile(path, content),
    makeFolder: async (path) => {
      await mkdir(path, { recursive: true })
    },
    wallSeconds: () => performance.now() / 1000,
    interrupted,
  }
}

/** The second signal ends the process as if nobody listened. */
function interrupted(): AbortSignal {
  const controller = new AbortController()
  const abort = (): void => {
    for (const signal of SIGNALS) process.off(signal, abort)
    controller.abort()
  }
  for (const signal of SIGNALS) process.on(signal, abort)
  return controller.signal
}

async function readText(path: string): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > LONGEST_FILE) throw Object.assign(new Error('too large'), { code: 'EFBIG' })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** From the package around this file, built or not. */
async function ownVersion(): Promise<string> {
  for (let folder = import.meta.dirname, up = dirname(folder); ; folder = up, up = dirname(folder)) {
    const own = await versionIn(join(folder, 'package.json'))
    if (own !== undefined || up === folder) return own ?? 'unknown'
  }
}

async function versionIn(file: string): Promise<string | undefined> {
  try {
    const { name, version } = JSON.parse(await readFile(file, 'utf8')) as { name?: unknown; version?: unknown }
    return name === 'packetarium' && typeof version === 'string' ? version : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
