import { encodeLatin1 } from '../wire/http1.ts'
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
  /** How long the server thinks before it answers, in nanoseconds. */
  delay: number
  /** Whether the body is sent in chunks. */
  chunked: boolean
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

/** Which kind of tag names a resource. */
function tagFor(resource: string, type: string | undefined): 'style' | 'script' | 'icon' | 'image' {
  const path = resource.replace(/[?#].*$/, '')
  if (type?.startsWith('text/css') ?? path.endsWith('.css')) return 'style'
  if (type?.includes('javascript') ?? /\.m?js$/.test(path)) return 'script'
  return path.endsWith('.ico') ? 'icon' : 'image'
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
}

/** The markup of a page around its filler. */
function markup(path: string, resources: readonly string[], typeOf: (resource: string) => string | undefined): [string, string] {
  let head = ''
  let body = ''
  for (const resource of resources) {
    const url = escaped(resource)
    switch (tagFor(resource, typeOf(resource))) {
      case 'style':
        head += `<link rel="stylesheet" href="${url}">\n`
        break
      case 'script':
        head += `<script src="${url}" defer></script>\n`
        break
      case 'icon':
        head += `<link rel="icon" href="${url}">\n`
        break
      case 'image':
        body += `<img src="${url}" alt="">\n`
        break
    }
  }
  const title = escaped(path)
  const before = `<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>${title}</title>\n${head}</head>\n`
  return [`${before}<body>\n<h1>${title}</h1>\n${body}<p>\n`, '\n</p>\n</body>\n</html>\n']
}

/**
 * The body of a resource: a page for text/html, a valid file for some other types, text for the rest. A page that names nothing and
 * is too small for its markup is text, too.
 * @param typeOf media type of another resource of the same server, by path; undefined: guessed from its name
 */
export function contentOf(path: string, resource: ServedResource, typeOf: (path: string) => string | undefined): Content {
  const { size, type, resources } = resource
  const key = fillerKey(path)
  if (type.startsWith('text/html')) {
    const [before, after] = markup(path, resources, typeOf).map(encodeLatin1)
    const length = size - before.length - after.length
    if (length >= 0 || resources.length > 0) return new Content(key, [before, Math.max(0, length), after])
  }
  return new Content(key, formed(type, size, key) ?? [size])
}
