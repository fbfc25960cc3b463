import { createHash } from 'node:crypto'
import { contentOf } from '../../src/apps/web-content.ts'

/** SHA-256 of what a simulated web server serves at a path, in the type of files that nobody knows. */
export function servedHash(path: string, size: number): string {
  const resource = { size, type: 'application/octet-stream', resources: [], delay: 0, chunked: false }
  const content = contentOf(path, resource, () => undefined)
  const hash = createHash('sha256')
  for (let at = 0; at < content.length;) {
    const piece = content.piece(at)
    hash.update(piece)
    at += piece.length
  }
  return hash.digest('hex')
}

/** SHA-256, as the simulated hosts record it too: 64 hexadecimal digits. */
export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

const SYMBOLS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-'

/** Letters, digits and two signs in which no piece is like another, and which no dissector takes for something. */
export function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = length + 1
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[i] = SYMBOLS.charCodeAt(state >>> 26)
  }
  return bytes
}
