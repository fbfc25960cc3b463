import type { FetchKind } from './fetch-events.ts'

/** Something in a page that matters for loading it. Addresses are as written, with character references replaced; relative to the page. */
export type PageToken =
  /** `<link rel=stylesheet>`. */
  | { readonly kind: 'style'; readonly url: string; readonly isForOtherMedia: boolean; readonly hint?: 'high' | 'low' }
  | { readonly kind: 'icon'; readonly url: string }
  | {
      readonly kind: 'script'
      readonly url: string
      /** When it runs: where it stands, as soon as it is there, or when the page is parsed. */
      readonly timing: 'blocking' | 'async' | 'defer'
      readonly isModule: boolean
      readonly hint?: 'high' | 'low'
    }
  | {
      readonly kind: 'image'
      readonly url: string
      /** Fetched only when it may be seen. */
      readonly isLazy: boolean
      /** By its attributes of at most 10,000 pixels: an icon rather than a picture. */
      readonly isSmall: boolean
      readonly hint?: 'high' | 'low'
    }
  | { readonly kind: 'preload'; readonly url: string; readonly as: FetchKind }
  | { readonly kind: 'preconnect'; readonly url: string }
  /** `<script>` and `<style>` with their text. */
  | { readonly kind: 'inline-script'; readonly text: string; readonly isModule: boolean }
  | { readonly kind: 'inline-style'; readonly text: string }
  /** The first thing that is to be seen: `<body>`, or what implies it. */
  | { readonly kind: 'body' }

/** Elements whose content is no markup (WHATWG HTML section 13.1.2). */
const RAW_TEXT = new Set(['script', 'style', 'textarea', 'title'])
/** A tag that is longer than this is none that we look for. */
const TAG_LIMIT = 8192
/** Characters of inline scripts and styles that are looked at; the rest is overlooked. */
const TEXT_LIMIT = 65_536
/** Elements that may stand in a head; any other begins the body (WHATWG HTML section 13.2.6.4.4). */
const IN_HEAD = new Set(['html', 'head', 'title', 'meta', 'link', 'script', 'style', 'base', 'noscript', 'template'])
/** Pictures of at most so many pixels are none that matter early (Chrome's limit). */
const SMALL_IMAGE = 10_000

const PRELOADED: Readonly<Record<string, FetchKind>> = {
  style: 'stylesheet',
  script: 'script',
  font: 'font',
  image: 'image',
  fetch: 'data',
}

const LESS_THAN = 0x3c
const GREATER_THAN = 0x3e
const QUOTATION_MARK = 0x22
const APOSTROPHE = 0x27
const EQUALS = 0x3d
const DASH = 0x2d

const NAMED: Readonly<Record<string, string>> = { amp: '&', quot: '"', apos: "'", lt: '<', gt: '>' }

function withoutCharacterReferences(text: string): string {
  return text.replace(
    /&(?:#(\d{1,7})|#x([\da-f]{1,6})|(amp|quot|apos|lt|gt));/gi,
    (all, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return NAMED[name.toLowerCase()]
      const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal)
      return code <= 0x10ffff ? String.fromCodePoint(code) : all
    },
  )
}

const ATTRIBUTE = /([^\s"'>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?/g

function attributesOf(source: string): Map<string, string> {
  const attributes = new Map<string, string>()
  for (const [, name, double, single, bare] of source.matchAll(ATTRIBUTE) as Iterable<(string | undefined)[]>) {
    const key = (name ?? '').toLowerCase()
    if (!attributes.has(key)) attributes.set(key, withoutCharacterReferences(double ?? single ?? bare ?? ''))
  }
  return attributes
}

type Attributes = ReadonlyMap<string, string>

function hintOf(attributes: Attributes): { readonly hint?: 'high' | 'low' } {
  const hint = attributes.get('fetchpriority')?.toLowerCase()
  return hint === 'high' || hint === 'low' ? { hint } : {}
}

function linkOf(attributes: Attributes, url: string): PageToken | undefined {
  const rel = (attributes.get('rel') ?? '').toLowerCase().split(/\s+/)
  if (rel.includes('stylesheet')) {
    if (rel.includes('alternate') || attributes.has('disabled')) return undefined
    const isForOtherMedia = /^(print|speech)\b/i.test((attributes.get('media') ?? '').trim())
    return { kind: 'style', url, isForOtherMedia, ...hintOf(attributes) }
  }
  if (rel.includes('icon')) return { kind: 'icon', url }
  if (rel.includes('preconnect')) return { kind: 'preconnect', url }
  if (rel.includes('modulepreload')) return { kind: 'preload', url, as: 'script' }
  const as = PRELOADED[(attributes.get('as') ?? '').toLowerCase()]
  return rel.includes('preload') && as !== undefined ? { kind: 'preload', url, as } : undefined
}

function scriptOf(attributes: Attributes, url: string): PageToken {
  const isModule = attributes.get('type')?.toLowerCase() === 'module'
  const timing = attributes.has('async') ? 'async' : isModule || attributes.has('defer') ? 'defer' : 'blocking'
  return { kind: 'script', url, timing, isModule, ...hintOf(attributes) }
}

function imageOf(attributes: Attributes, url: string): PageToken {
  const [width, height] = ['width', 'height'].map((name) => Number.parseInt(attributes.get(name) ?? '', 10))
  const isLazy = attributes.get('loading')?.toLowerCase() === 'lazy'
  return { kind: 'image', url, isLazy, isSmall: width * height <= SMALL_IMAGE, ...hintOf(attributes) }
}

/** What a start tag refers to. @param source the tag between its angle brackets */
function tokenOf(name: string, source: string): PageToken | undefined {
  if (name !== 'link' && name !== 'script' && name !== 'img') return undefined
  const attributes = attributesOf(source.slice(name.length))
  const url = attributes.get(name === 'link' ? 'href' : 'src')
  if (url === undefined || url.trim() === '') return undefined
  if (name === 'img') return imageOf(attributes, url)
  return name === 'script' ? scriptOf(attributes, url) : linkOf(attributes, url)
}

/**
 * Finds the stylesheets, icons, scripts and images that a page names, while it arrives, and where its body begins. It knows comments,
 * quotes and raw text, but builds no tree and does not run anything. Bytes are taken for ISO 8859-1, which does no harm to what it looks for.
 */
export class HtmlScanner {
  private state: 'text' | 'tag' | 'comment' | 'raw' = 'text'
  /** The tag so far, behind its `<`. */
  private tag: number[] = []
  /** The quotation mark that the tag's current value ends with; 0: none. */
  private quote = 0
  /** The last byte in a tag that is no space. */
  private previous = 0
  /** Dashes in a row, in a comment. */
  private dashes = 0
  /** The element whose raw text it is in. */
  private element = ''
  /** Makes a token of that element's text; undefined: nobody cares for it. */
  private inline: ((text: string) => PageToken) | undefined
  private readonly text: string[] = []
  private textLength = 0
  private hasBody = false

  /** @param found told of each token, in order, as soon as its tag is complete */
  constructor(private readonly found: (token: PageToken) => void) {}

  push(bytes: Uint8Array): void {
    let i = 0
    while (i < bytes.length) {
      if (this.state === 'text' || this.state === 'raw') {
        const open = bytes.indexOf(LESS_THAN, i)
        if (this.inline !== undefined) this.keep(bytes.subarray(i, open < 0 ? bytes.length : open))
        if (open < 0) return
        i = open + 1
        this.open()
      } else {
        this.take(bytes[i++])
      }
    }
  }

  private open(): void {
    if (this.state !== 'raw') this.element = ''
    this.state = 'tag'
    this.tag = []
    this.quote = 0
    this.previous = 0
  }

  private take(byte: number): void {
    if (this.state === 'comment') this.takeInComment(byte)
    else if (byte === GREATER_THAN && this.quote === 0) this.close()
    else this.takeInTag(byte)
  }

  private takeInComment(byte: number): void {
    if (byte === GREATER_THAN && this.dashes >= 2) this.state = 'text'
    this.dashes = byte === DASH ? this.dashes + 1 : 0
  }

  private takeInTag(byte: number): void {
    const { tag } = this
    if (tag.length < TAG_LIMIT) tag.push(byte)
    if (this.element !== '') {
      // In raw text only the element's own end tag counts: `</script`.
      const end = `/${this.element}`
      const at = tag.length - 1
      if (at < end.length && (byte | 0x20) !== (end.charCodeAt(at) | 0x20)) this.backToRaw(byte)
      return
    }
    if (tag.length === 1 && !isTagStart(byte)) {
      this.state = 'text'
      if (byte === LESS_THAN) this.open()
      return
    }
    if (tag.length === 3 && tag[0] === 0x21 && tag[1] === DASH && tag[2] === DASH) {
      this.state = 'comment'
      // `<!-->` is a comment, too.
      this.dashes = 2
      return
    }
    if (this.quote !== 0) {
      if (byte === this.quote) this.quote = 0
    } else if ((byte === QUOTATION_MARK || byte === APOSTROPHE) && this.previous === EQUALS) {
      this.quote = byte
    }
    if (byte > 0x20) this.previous = byte
  }

  /** Keeps text of an inline script or style. */
  private keep(bytes: Uint8Array | readonly number[]): void {
    for (let at = 0; at < bytes.length && this.textLength < TEXT_LIMIT; at += 1024) {
      const piece = bytes.slice(at, at + 1024)
      this.text.push(String.fromCharCode(...piece))
      this.textLength += piece.length
    }
  }

  private backToRaw(byte: number): void {
    this.state = 'raw'
    if (this.inline !== undefined) this.keep([LESS_THAN, ...(byte === LESS_THAN ? this.tag.slice(0, -1) : this.tag)])
    if (byte === LESS_THAN) this.open()
  }

  private close(): void {
    const source = String.fromCharCode(...this.tag)
    const name = (/^\/?[a-z][^\s/>]*/i.exec(source)?.[0] ?? '').toLowerCase()
    if (this.element !== '') {
      this.closeRaw(name)
      return
    }
    this.state = RAW_TEXT.has(name) ? 'raw' : 'text'
    this.element = this.state === 'raw' ? name : ''
    if (!this.hasBody && /^[a-z]/.test(name) && !IN_HEAD.has(name)) {
      this.hasBody = true
      this.found({ kind: 'body' })
    }
    const token = this.tag.length < TAG_LIMIT ? tokenOf(name, source) : undefined
    if (token) this.found(token)
    else if (name === 'style') this.inline = (text) => ({ kind: 'inline-style', text })
    else if (name === 'script') this.beginScript(source)
  }

  /** A script without an address has its text here, unless that is no script but data. */
  private beginScript(source: string): void {
    const type = (attributesOf(source.slice('script'.length)).get('type') ?? '').toLowerCase()
    if (!/^$|^module$|javascript/.test(type)) return
    this.inline = (text) => ({ kind: 'inline-script', text, isModule: type === 'module' })
  }

  private closeRaw(name: string): void {
    if (name !== `/${this.element}`) {
      this.state = 'raw'
      if (this.inline !== undefined) this.keep([LESS_THAN, ...this.tag, GREATER_THAN])
      return
    }
    const token = this.inline?.(this.text.join(''))
    this.state = 'text'
    this.element = ''
    this.inline = undefined
    this.text.length = 0
    this.textLength = 0
    if (token) this.found(token)
  }
}

/** A letter, `/`, `!` or `?`: otherwise the `<` is text. */
function isTagStart(byte: number): boolean {
  const lower = byte | 0x20
  return (lower >= 0x61 && lower <= 0x7a) || byte === 0x2f || byte === 0x21 || byte === 0x3f
}
