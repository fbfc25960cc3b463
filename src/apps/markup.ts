import type { PageReference } from '../scenario/page-reference.ts'

/** Texts of a page, and which part of its filler stands between each and the next: the parts add up to 1. */
export interface Markup {
  readonly texts: readonly string[]
  readonly shares: readonly number[]
}

const TYPES: Readonly<Record<PageReference['as'], string>> = {
  style: 'style',
  script: 'script',
  image: 'image',
  font: 'font',
  data: 'fetch',
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
}

/** Which kind of tag names a resource of which only the address is known. */
function tagFor(resource: string, type: string | undefined): string {
  const url = escaped(resource)
  const path = resource.replace(/[?#].*$/, '')
  if (type?.startsWith('text/css') ?? path.endsWith('.css')) return `<link rel="stylesheet" href="${url}">\n`
  if (type?.includes('javascript') ?? /\.m?js$/.test(path)) return `<script src="${url}" defer></script>\n`
  if (path.endsWith('.ico')) return `<link rel="icon" href="${url}">\n`
  return `<img src="${url}" alt="" width="16" height="16">\n`
}

/** What a page says to name a resource. */
function tagOf({ url: address, as, how, priority }: PageReference): string {
  const url = escaped(address)
  const hint = priority === undefined ? '' : ` fetchpriority="${priority}"`
  if (how === 'preconnect') return `<link rel="preconnect" href="${url}">\n`
  if (how === 'preload')
    return `<link rel="preload" href="${url}" as="${TYPES[as]}"${as === 'font' ? ' crossorigin' : ''}${hint}>\n`
  switch (as) {
    case 'style':
      return `<link rel="stylesheet" href="${url}"${hint}>\n`
    case 'script':
      return `<script src="${url}"${how === 'module' ? ' type="module"' : how === undefined || how === 'blocking' ? '' : ` ${how}`}${hint}></script>\n`
    case 'image': {
      const size = how === 'small' ? 'width="16" height="16"' : 'width="320" height="200"'
      return `<img src="${url}" alt="" ${size}${how === 'lazy' ? ' loading="lazy"' : ''}${hint}>\n`
    }
    case 'font':
      return `<style>@font-face{font-family:"${url}";src:url("${url}")}</style>\n`
    case 'data':
      return `<script>fetch("${address}")</script>\n`
  }
}

/**
 * The markup of a page around its filler.
 * @param path where the page is
 * @param resources what it names by address alone: a kind of tag is guessed
 * @param references what it names in detail
 * @param typeOf media type of another resource of the same server, by path; undefined: guessed from its name
 */
export function markup(
  path: string,
  resources: readonly string[],
  references: readonly PageReference[],
  typeOf: (resource: string) => string | undefined,
): Markup {
  const simple = resources.map((resource) => tagFor(resource, typeOf(resource)))
  const isPlaced = ({ as, at }: PageReference): boolean => at !== undefined || as === 'image'
  const inHead = [...simple.filter((tag) => !tag.startsWith('<img')), ...references.filter((one) => !isPlaced(one)).map(tagOf)]
  const title = escaped(path)
  const head = `<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>${title}</title>\n${inHead.join('')}</head>\n`
  const first = simple.filter((tag) => tag.startsWith('<img')).join('')
  const texts = [`${head}<body>\n<h1>${title}</h1>\n${first}`]
  const shares: number[] = []
  let at = 0
  for (const reference of references.filter(isPlaced).sort((a, b) => (a.at ?? 0) - (b.at ?? 0))) {
    const { at: place = 0 } = reference
    if (place > at) {
      texts[texts.length - 1] += '<p>\n'
      shares.push(place - at)
      texts.push('\n</p>\n')
      at = place
    }
    texts[texts.length - 1] += tagOf(reference)
  }
  texts[texts.length - 1] += '<p>\n'
  return { texts: [...texts, '\n</p>\n</body>\n</html>\n'], shares: [...shares, 1 - at] }
}

/** A stylesheet's or a script's text around its filler, which is a comment. */
export function codeAround(kind: 'style' | 'script', references: readonly PageReference[]): [string, string] {
  const lines = references.map(kind === 'style' ? ruleOf : statementOf)
  // Imports have to stand first.
  const imports = lines.filter((line) => /^@?import[ "]/.test(line))
  const rest = lines.filter((line) => !imports.includes(line))
  return [`${[...imports, ...rest].join('')}/*\n`, '\n*/\n']
}

function ruleOf({ url, as }: PageReference, index: number): string {
  const name = `n${String(index)}`
  if (as === 'style') return `@import "${url}";\n`
  if (as === 'font') return `@font-face{font-family:${name};src:url("${url}") format("woff2")}\n`
  return `.${name}{background:url("${url}")}\n`
}

function statementOf({ url, as, how }: PageReference): string {
  if (as === 'script') return how === 'module' ? `import "${url}";\n` : `import("${url}");\n`
  return as === 'image' ? `new Image().src="${url}";\n` : `fetch("${url}");\n`
}
