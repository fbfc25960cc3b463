import type { EventData } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'

/** The event by which a host says a secret of TLS; its data's `line` is one line of a key log. */
export const SECRET_EVENT = 'tls:secret-logged'

/** The line of such an event; undefined when it has none. */
export function keyLogLine(data: EventData): string | undefined {
  const line = data['line']
  return typeof line === 'string' ? line : undefined
}

/** A key log as programs exchange it (SSLKEYLOGFILE, draft-ietf-tls-keylogfile): a line for each secret. Both ends may log the same. */
export function formatKeyLog(lines: readonly string[]): string {
  return [...new Set(lines)].map((line) => `${line}\n`).join('')
}

/** A line of a key log, and when it was written. */
export interface TimedLine {
  readonly time: Nanos
  readonly line: string
}

/** Lines that a reader may have from a moment on, and not earlier. */
export interface KeyLogPart {
  readonly time: Nanos
  /** As a program would have written it. */
  text: string
}

/**
 * A key log in parts. Lines go by the random value of a ClientHello, so where one was sent twice (a replay: RFC 8446 section 8) a line says
 * for the second connection something else than for the first, and readers believe the latest: it must not come before its packets.
 * @param lines in their order
 * @returns the first part from 0 on, with all that contradicts nothing before
 */
export function keyLogParts(lines: readonly TimedLine[]): KeyLogPart[] {
  const first: KeyLogPart = { time: 0, text: '' }
  const parts = [first]
  const seen = new Set<string>()
  const said = new Set<string>()
  for (const { time, line } of lines) {
    if (seen.has(line)) continue
    seen.add(line)
    const about = line.slice(0, line.lastIndexOf(' '))
    const part = said.has(about) ? partAt(parts, time) : first
    said.add(about)
    part.text += `${line}\n`
  }
  return parts.filter(({ text }) => text !== '')
}

/** The last part, if it is of that time; otherwise a new one. */
function partAt(parts: KeyLogPart[], time: Nanos): KeyLogPart {
  const last = parts.at(-1)
  if (last?.time === time && parts.length > 1) return last
  const part = { time, text: '' }
  parts.push(part)
  return part
}
