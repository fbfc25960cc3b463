import { encodeLatin1 } from '../wire/http1.ts'
import type { PageReference } from '../scenario/page-reference.ts'
import { codeAround, markup } from './markup.ts'
import { filler, fillerKey } from './filler.ts'
import { formed } from './media.ts'
import type { Part } from './media.ts'

/** Something that a web server serves. */
export interface ServedResource {
  /** Length of the body in bytes; a page or a picture whose form needs more is longer. */
  size: number
  /** Media type. */
  type: string
  /** What a page (text/html) names: paths or addresses. */
  readonly resources: readonly string[]
  /** What a page, a stylesheet or a script names, and how. */
  readonly references?: readonly PageReference[]
  /** How long the server thinks before it answers, in nanoseconds. */
  delay: number
  /** Whether the body is sent in chunks. */
  chunked: boolean
  /** Paths that are pushed along with it over HTTP/2 (RFC 9113 section 8.4). */
  readonly push?: readonly string[]
  /** Value of the field Cache-Control; with one, there is an ETag, too. */
  readonly cacheControl?: string
  /** Further fields of the response, by name. */
  readonly headers?: Readonly<Record<string, string>>
  /** Where it has moved: answered with 301. */
  readonly location?: string
  /** What a request (GET or POST) there does, each time. */
  readonly effect?: 'counter'
  /** Whether requests in early data are refused (RFC 8470). */
  tooEarly?: boolean
}

/** A body of up to so many bytes is put together once, and kept. */
const KEPT = 16_384

/** A body that is made when it is sent. */
export class Content {
  /** In bytes. */
  readonly length: number
  /** Where each part begins in the body. */
  private readonly starts: number[] = []
  /** Where each part begins in the filler. */
  private readonly fillerStarts: number[] = []
  /** The part that was asked for last: the next is near. */
  private recent = 0
  /** All of it, when it is short. */
  private whole: Uint8Array | undefined

  /** @param key of the filler */
  constructor(
    private readonly key: number,
    private readonly parts: readonly Part[],
  ) {
    let at = 0
    let inFiller = 0
    for (const part of parts) {
      this.starts.push(at)
      this.fillerStarts.push(inFiller)
      at += typeof part === 'number' ? part : part.length
      if (typeof part === 'number') inFiller += part
    }
    this.length = at
  }

  /** The bytes from `offset` on, as many as there are in one piece; empty at the end. Views: not to be written to. */
  piece(offset: number): Uint8Array {
    if (offset >= this.length) return NOTHING
    if (this.length > KEPT) return this.partOf(offset)
    this.whole ??= this.putTogether()
    return offset === 0 ? this.whole : this.whole.subarray(offset)
  }

  private putTogether(): Uint8Array {
    const whole = new Uint8Array(this.length)
    for (let at = 0; at < whole.length;) {
      const piece = this.partOf(at)
      whole.set(piece, at)
      at += piece.length
    }
    return whole
  }

  private partOf(offset: number): Uint8Array {
    const { parts, starts } = this
    let i = starts[this.recent] <= offset ? this.recent : 0
    while (i + 1 < parts.length && starts[i + 1] <= offset) i++
    this.recent = i
    const part = parts[i]
    const within = offset - starts[i]
    return typeof part === 'number' ? filler(this.key, this.fillerStarts[i] + within, part - within) : part.subarray(within)
  }
}

const NOTHING = new Uint8Array(0)

/**
 * The body of a resource: a page for text/html, a valid file for some other types, text for the rest. A page that names nothing and
 * is too small for its markup is text, too.
 * @param typeOf media type of another resource of the same server, by path; undefined: guessed from its name
 */
export function contentOf(path: string, resource: ServedResource, typeOf: (path: string) => string | undefined): Content {
  const { size, type, resources, references = [] } = resource
  const key = fillerKey(path)
  const kind = type.replace(/;.*$/s, '').trim().toLowerCase()
  if (kind === 'text/html') {
    const { texts, shares } = markup(path, resources, references, typeOf)
    const length = size - texts.reduce((sum, text) => sum + text.length, 0)
    if (length >= 0 || resources.length + references.length > 0)
      return new Content(key, interleaved(texts.map(encodeLatin1), shares, Math.max(0, length)))
  }
  if (kind === 'text/css' || kind.endsWith('/javascript')) {
    const [before, after] = codeAround(kind === 'text/css' ? 'style' : 'script', references).map(encodeLatin1)
    const length = size - before.length - after.length
    if (length >= 0 || references.length > 0) return new Content(key, [before, Math.max(0, length), after])
  }
  return new Content(key, formed(type, size, key) ?? [size])
}

/** Texts with filler between them. @param shares of the filler, between one text and the next: they add up to 1 */
function interleaved(texts: readonly Uint8Array[], shares: readonly number[], length: number): Part[] {
  const parts: Part[] = []
  let filled = 0
  let share = 0
  texts.forEach((text, index) => {
    parts.push(text)
    if (index === shares.length) return
    share += shares[index]
    const until = index === shares.length - 1 ? length : Math.round(share * length)
    parts.push(until - filled)
    filled = until
  })
  return parts
}
