import { encodeLatin1 } from '../wire/http1.ts'
import { filler, fillerKey } from './filler.ts'

/** Something that a web server serves. */
export interface ServedResource {
  /** Length of the body in bytes; a page whose markup needs more is longer. */
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

/** A body that is made when it is sent: markup, filler, markup. */
export class Content {
  /** In bytes. */
  readonly length: number
  private readonly key: number

  constructor(
    path: string,
    private readonly before: Uint8Array,
    private readonly fillerLength: number,
    private readonly after: Uint8Array,
  ) {
    this.key = fillerKey(path)
    this.length = before.length + fillerLength + after.length
  }

  /** The bytes from `offset` on, as many as there are in one piece; empty at the end. Views: not to be written to. */
  piece(offset: number): Uint8Array {
    const { before, fillerLength, after } = this
    if (offset < before.length) return before.subarray(offset)
    const inFiller = offset - before.length
    if (inFiller < fillerLength) return filler(this.key, inFiller, fillerLength - inFiller)
    return after.subarray(inFiller - fillerLength)
  }
}

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
 * The body of a resource: a page for text/html, filler for everything else. A page that names nothing and is too small for its
 * markup is filler, too.
 * @param typeOf media type of another resource of the same server, by path; undefined: guessed from its name
 */
export function contentOf(path: string, resource: ServedResource, typeOf: (path: string) => string | undefined): Content {
  const nothing = new Uint8Array(0)
  if (resource.type.startsWith('text/html')) {
    const [before, after] = markup(path, resource.resources, typeOf).map(encodeLatin1)
    const length = resource.size - before.length - after.length
    if (length >= 0 || resource.resources.length > 0) return new Content(path, before, Math.max(0, length), after)
  }
  return new Content(path, nothing, resource.size, nothing)
}
