/**
 * What stylesheets and scripts make a browser fetch, found by their text alone: nothing is parsed into a tree, nothing is run. A script is
 * taken to do everything once that stands in it literally.
 */

/** What a stylesheet names, as written; relative to the stylesheet. */
export interface StyleReferences {
  /** Other stylesheets: `@import`. */
  readonly imports: readonly string[]
  /** Of `@font-face` rules. They are fetched when there is text to be set in them. */
  readonly fonts: readonly string[]
  /** Pictures: backgrounds and the like. They are fetched when something is to be painted with them. */
  readonly images: readonly string[]
}

// What is repeated is bounded, so that no text takes time that grows with the square of its length.
const URL_FUNCTION = /url\(\s{0,20}(?:"([^"]{0,2000})"|'([^']{0,2000})'|([^\s"'()]{1,2000}))\s{0,20}\)/gi
const IMPORT_RULE = /@import\s{1,20}(?:url\(\s{0,20})?(?:"([^"]{0,2000})"|'([^']{0,2000})'|([^\s"'();]{1,2000}))[^;]*;?/gi
const FONT_FACE = /@font-face\s{0,20}\{([^}]{0,4000})\}/gi

function matchesOf(pattern: RegExp, text: string): string[] {
  const found: string[] = []
  for (const [, double, single, bare] of text.matchAll(pattern) as Iterable<(string | undefined)[]>) {
    const url = double ?? single ?? bare ?? ''
    if (url !== '' && !/^data:/i.test(url)) found.push(url)
  }
  return found
}

/** @param text of a stylesheet, without comments */
export function styleReferences(text: string): StyleReferences {
  const imports = matchesOf(IMPORT_RULE, text)
  const rest = text.replace(IMPORT_RULE, '')
  // Of several formats a browser takes the first that it knows.
  const fonts = [...rest.matchAll(FONT_FACE)].flatMap(([, rule = '']) => matchesOf(URL_FUNCTION, rule).slice(0, 1))
  return { imports, fonts, images: matchesOf(URL_FUNCTION, rest.replace(FONT_FACE, '')) }
}

/** What a script fetches when it runs, as written; relative to the page, imports to the script. */
export interface ScriptReferences {
  /** Modules that must be there before it runs: `import … from "…"`. */
  readonly imports: readonly string[]
  /** Modules that it loads while it runs: `import("…")`. */
  readonly dynamicImports: readonly string[]
  /** `fetch("…")`. */
  readonly data: readonly string[]
  /** `new Image().src = "…"`. */
  readonly images: readonly string[]
}

const STATIC_IMPORT =
  /(?:^|[;\s])import\s{0,20}(?:[\w$*{][^"'();]{0,500}?[\s}]from\s{0,20})?(?:"([^"]{1,2000})"|'([^']{1,2000})')/g
const DYNAMIC_IMPORT = /\bimport\(\s{0,20}(?:"([^"]{1,2000})"|'([^']{1,2000})')\s{0,20}\)/g
const FETCH_CALL = /\bfetch\(\s{0,20}(?:"([^"]{1,2000})"|'([^']{1,2000})')/g
const NEW_IMAGE = /\bnew Image\([^)]{0,50}\)\.src\s{0,20}=\s{0,20}(?:"([^"]{1,2000})"|'([^']{1,2000})')/g

/** @param text of a script, without comments */
export function scriptReferences(text: string): ScriptReferences {
  return {
    imports: matchesOf(STATIC_IMPORT, text),
    dynamicImports: matchesOf(DYNAMIC_IMPORT, text),
    data: matchesOf(FETCH_CALL, text),
    images: matchesOf(NEW_IMAGE, text),
  }
}
