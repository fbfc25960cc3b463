/** A resource that a page names. */
export interface Reference {
  readonly kind: 'style' | 'icon' | 'script' | 'image'
  /** As written, with character references replaced; relative to the page. */
  readonly url: string
}

/** Elements whose content is no markup (WHATWG HTML section 13.1.2). */
const RAW_TEXT = new Set(['script', 'style', 'textarea', 'title'])
/** A tag that is longer than this is none that we look for. */
const TAG_LIMIT = 8192

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

/** What a start tag refers to. @param source the tag between its angle brackets */
function referenceOf(name: string, source: string): Reference | undefined {
  if (name !== 'link' && name !== 'script' && name !== 'img') return undefined
  const attributes = attributesOf(source.slice(name.length))
  const url = attributes.get(name === 'link' ? 'href' : 'src')
  if (url === undefined || url.trim() === '') return undefined
  if (name === 'img') return { kind: 'image', url }
  if (name === 'script') return { kind: 'script', url }
  const rel = (attributes.get('rel') ?? '').toLowerCase().split(/\s+/)
  if (rel.includes('stylesheet')) return { kind: 'style', url }
  return rel.includes('icon') ? { kind: 'icon', url } : undefined
}

/**
 * Finds the stylesheets, icons, scripts and images that a page names, while it arrives. It knows comments, quotes and raw text,
 * but builds no tree and does not run anything. Bytes are taken for ISO 8859-1, which does no harm to what it looks for.
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

  /** @param found told of each reference, in order, as soon as its tag is complete */
  constructor(private readonly found: (reference: Reference) => void) {}

  push(bytes: Uint8Array): void {
    let i = 0
    while (i < bytes.length) {
      if (this.state === 'text' || this.state === 'raw') {
        const open = bytes.indexOf(LESS_THAN, i)
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

  private backToRaw(byte: number): void {
    this.state = 'raw'
    if (byte === LESS_THAN) this.open()
  }

  private close(): void {
    const source = String.fromCharCode(...this.tag)
    const name = (/^\/?[a-z][^\s/>]*/i.exec(source)?.[0] ?? '').toLowerCase()
    if (this.element !== '' && name !== `/${this.element}`) {
      this.state = 'raw'
      return
    }
    this.state = RAW_TEXT.has(name) ? 'raw' : 'text'
    this.element = this.state === 'raw' ? name : ''
    const reference = this.tag.length < TAG_LIMIT ? referenceOf(name, source) : undefined
    if (reference) this.found(reference)
  }
}

/** A letter, `/`, `!` or `?`: otherwise the `<` is text. */
function isTagStart(byte: number): boolean {
  const lower = byte | 0x20
  return (lower >= 0x61 && lower <= 0x7a) || byte === 0x2f || byte === 0x21 || byte === 0x3f
}
