import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// The judge of our bytes. A test that needs it fails where it is missing.

const VERIFY = ['-o', 'ip.check_checksum:TRUE', '-o', 'tcp.check_checksum:TRUE', '-o', 'udp.check_checksum:TRUE']

/** What tshark prints about a capture file, with checksums verified. */
export function tshark(path: string, ...options: string[]): string {
  return execFileSync('tshark', ['-n', '-r', path, ...VERIFY, ...options], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
}

/** One line for each frame, one tab-separated column for each field. */
export function tsharkFields(path: string, fields: readonly string[], ...options: string[]): string[][] {
  const text = tshark(path, '-T', 'fields', ...fields.flatMap((field) => ['-e', field]), ...options)
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t'))
}

/** A field as tshark found it. */
export interface DissectedField {
  readonly name: string
  /** The value, as a display filter writes it. */
  readonly show: string
  /** First byte in the frame, and one past the last. */
  readonly start: number
  readonly end: number
  /** Hidden ones repeat others under another name. */
  readonly hidden: boolean
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#x27': "'" }

function attribute(tag: string, name: string): string {
  const value = new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1] ?? ''
  return value.replace(/&([^;]+);/g, (all, entity: string) => ENTITIES[entity] ?? all)
}

/** All fields of all frames, in order, whatever protocol or field they are nested in. */
export function tsharkDissection(path: string, ...options: string[]): DissectedField[][] {
  return tshark(path, '-T', 'pdml', ...options)
    .split('<packet>')
    .slice(1)
    .map((packet) =>
      (packet.match(/<field [^>]*>/g) ?? []).map((tag) => {
        const start = Number(attribute(tag, 'pos'))
        const end = start + Number(attribute(tag, 'size'))
        return { name: attribute(tag, 'name'), show: attribute(tag, 'show'), start, end, hidden: tag.includes(' hide="yes"') }
      }),
    )
}

/** Gives bytes to `judge` as a file, and removes the file. */
export function withFile<T>(bytes: Uint8Array, judge: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'capture-'))
  try {
    const path = join(folder, 'capture')
    writeFileSync(path, bytes)
    return judge(path)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
