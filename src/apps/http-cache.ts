import { fieldValue } from '../protocols/http1/framing.ts'
import type { HeaderField } from '../wire/http1.ts'
import type { Nanos } from '../kernel/time.ts'
import { SECOND } from '../kernel/time.ts'

/** A response that is kept. */
export interface StoredResponse {
  readonly status: number
  readonly fields: readonly HeaderField[]
  /** Copies of its body's parts. */
  readonly body: readonly Uint8Array[]
  /** Length of the body in bytes. */
  readonly length: number
}

interface Entry {
  response: StoredResponse
  /** Until when it may be used without asking. */
  freshUntil: Nanos
}

/** Bytes of bodies that are kept at most; what was used longest ago goes first. */
const CAPACITY = 64 * 1024 * 1024
/** Bytes of one body that is kept at most: an eighth of all, as in Chrome. */
export const LARGEST_KEPT = CAPACITY / 8

/** Directives of Cache-Control by name, in lower case (RFC 9111 section 5.2). */
function directivesOf(fields: readonly HeaderField[]): ReadonlyMap<string, string> {
  const directives = new Map<string, string>()
  for (const part of (fieldValue(fields, 'cache-control') ?? '').split(',')) {
    const [name = '', value = ''] = part.split('=').map((word) => word.trim())
    if (name !== '') directives.set(name.toLowerCase(), value.replace(/^"(.*)"$/, '$1'))
  }
  return directives
}

/** How long a response is fresh from when it came: RFC 9111 section 4.2.1, without Expires and without guessing. */
function freshnessOf(fields: readonly HeaderField[]): Nanos {
  const directives = directivesOf(fields)
  if (directives.has('no-cache')) return 0
  const maxAge = directives.get('max-age') ?? ''
  if (!/^\d{1,15}$/.test(maxAge)) return 0
  const age = fieldValue(fields, 'age') ?? '0'
  return Math.max(0, Number(maxAge) - (/^\d{1,15}$/.test(age) ? Number(age) : 0)) * SECOND
}

/** Whether a response to GET is worth keeping: it may be kept, and can be used again, at once or after asking. */
export function isStorable(status: number, fields: readonly HeaderField[]): boolean {
  if (status !== 200 || directivesOf(fields).has('no-store')) return false
  // Deviates from RFC 9111 section 4.1: what varies by request fields is not kept at all, for requests here hardly differ.
  if (fieldValue(fields, 'vary') !== undefined) return false
  return freshnessOf(fields) > 0 || fieldValue(fields, 'etag') !== undefined
}

/** A browser's private cache, in memory (RFC 9111). Keys are addresses. */
export class HttpCache {
  private readonly entries = new Map<string, Entry>()
  private size = 0

  /** What may be used without asking; undefined when there is no such thing. */
  fresh(url: string, now: Nanos): StoredResponse | undefined {
    const entry = this.entries.get(url)
    if (entry === undefined || entry.freshUntil <= now) return undefined
    this.use(url, entry)
    return entry.response
  }

  /** The fields with which to ask whether what is kept is still good (RFC 9111 section 4.3.1); none when nothing is kept. */
  conditions(url: string): readonly HeaderField[] {
    const etag = fieldValue(this.entries.get(url)?.response.fields ?? [], 'etag')
    return etag === undefined ? [] : [{ name: 'If-None-Match', value: etag }]
  }

  /** The server says that what is kept is still good (RFC 9111 section 4.3.4). @returns it, unless it is gone */
  confirm(url: string, fields: readonly HeaderField[], now: Nanos): StoredResponse | undefined {
    const entry = this.entries.get(url)
    if (entry === undefined) return undefined
    const kept = entry.response.fields.filter(({ name }) => fieldValue(fields, name) === undefined)
    entry.response = { ...entry.response, fields: [...kept, ...fields] }
    entry.freshUntil = now + freshnessOf(entry.response.fields)
    this.use(url, entry)
    return entry.response
  }

  store(url: string, response: StoredResponse, now: Nanos): void {
    this.drop(url)
    if (response.length > LARGEST_KEPT) return
    this.entries.set(url, { response, freshUntil: now + freshnessOf(response.fields) })
    this.size += response.length
    for (const oldest of this.entries.keys()) {
      if (this.size <= CAPACITY) return
      this.drop(oldest)
    }
  }

  drop(url: string): void {
    const entry = this.entries.get(url)
    if (entry === undefined) return
    this.size -= entry.response.length
    this.entries.delete(url)
  }

  private use(url: string, entry: Entry): void {
    this.entries.delete(url)
    this.entries.set(url, entry)
  }
}
