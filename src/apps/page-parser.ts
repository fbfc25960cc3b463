import type { PageToken } from './html-scanner.ts'
import type { PageResource } from './page-resource.ts'

type Token<Kind extends PageToken['kind']> = Extract<PageToken, { kind: Kind }>

/** What the parser asks of its page. What is found anew is fetched; what is known already is only returned. */
export interface ParsedPage {
  /** @returns undefined: nothing to wait for */
  stylesheet(token: Token<'style'>, isInHead: boolean): PageResource | undefined
  inlineStyle(text: string): void
  script(token: Token<'script'>, isInHead: boolean): PageResource | undefined
  /** Pictures, icons, preloads, preconnects: nothing waits for them. */
  hint(token: Token<'image' | 'icon' | 'preload' | 'preconnect'>): void
  /** The parser has met a stylesheet: scripts behind it wait for it, and in the head the first paint does. */
  appliesStyle(sheet: PageResource): void
  /** Whether a stylesheet is missing that scripts have to wait for. */
  readonly awaitsStyles: boolean
  run(script: PageResource): void
  runInline(text: string): void
  /** A script that runs as soon as it is there. */
  runWhenReady(script: PageResource): void
  bodyBegun(): void
  /** Everything is parsed, and all deferred scripts have run. */
  parsed(): void
}

/**
 * The HTML parser of a browser, as far as it matters for loading: it goes through the page in order, stops at each script that
 * is neither `async` nor `defer` until that has come and run, and a script does not run before the stylesheets ahead of it are there
 * (WHATWG HTML section 4.12.1.1, "has no style sheet that is blocking scripts"). While it stands, the preload scanner looks ahead: it
 * fetches what the tokens behind name, without their effects.
 */
export class PageParser {
  private readonly tokens: PageToken[] = []
  /** How many tokens were taken. */
  private taken = 0
  /** A script that has to run before parsing goes on. */
  private blocker: { readonly isReady: () => boolean; readonly run: () => void } | undefined
  private readonly deferred: PageResource[] = []
  /** Whether the body has begun, for the parser and for the scanner ahead of it. */
  private isInBody = false
  private scannedBody = false
  private isAtEnd = false
  private isParsed = false

  /** @param scansAhead whether there is a preload scanner */
  constructor(
    private readonly page: ParsedPage,
    private readonly scansAhead: boolean,
  ) {}

  /** Whether it has gone through the whole document; deferred scripts may still have to run. */
  get isThrough(): boolean {
    return this.isAtEnd && this.blocker === undefined && this.taken === this.tokens.length
  }

  /** Takes the next token of the document. */
  push(token: PageToken): void {
    this.tokens.push(token)
    this.advance()
    if (this.taken < this.tokens.length && this.scansAhead) this.scan(token)
    if (token.kind === 'body') this.scannedBody = true
  }

  /** The document is whole. */
  end(): void {
    this.isAtEnd = true
    this.advance()
  }

  /** Goes on as far as it can: something has arrived. */
  advance(): void {
    for (;;) {
      if (this.blocker !== undefined && !this.unblock()) return
      const token = this.tokens[this.taken]
      if (token === undefined) break
      this.taken++
      this.take(token)
    }
    if (this.isAtEnd && !this.isParsed) this.finish()
  }

  private unblock(): boolean {
    const { blocker } = this
    if (blocker === undefined) return true
    if (!blocker.isReady() || this.page.awaitsStyles) return false
    this.blocker = undefined
    blocker.run()
    return true
  }

  private take(token: PageToken): void {
    const { page } = this
    switch (token.kind) {
      case 'body':
        this.isInBody = true
        page.bodyBegun()
        return
      case 'style': {
        const sheet = page.stylesheet(token, !this.isInBody)
        if (sheet !== undefined && !token.isForOtherMedia) page.appliesStyle(sheet)
        return
      }
      case 'inline-style':
        page.inlineStyle(token.text)
        return
      case 'script':
        this.takeScript(token)
        return
      case 'inline-script':
        // Deviates from WHATWG HTML section 4.12.1: an inline module runs where it stands, and its imports are not waited for.
        this.blocker = {
          isReady: () => true,
          run: () => {
            page.runInline(token.text)
          },
        }
        return
      default:
        page.hint(token)
    }
  }

  private takeScript(token: Token<'script'>): void {
    const { page } = this
    const script = page.script(token, !this.isInBody)
    if (script === undefined) return
    if (token.timing === 'async') page.runWhenReady(script)
    else if (token.timing === 'defer') this.deferred.push(script)
    else
      this.blocker = {
        isReady: () => script.isReady(),
        run: () => {
          page.run(script)
        },
      }
  }

  /** What the preload scanner does with a token that the parser has not come to. */
  private scan(token: PageToken): void {
    const { page } = this
    if (token.kind === 'style') page.stylesheet(token, !this.scannedBody)
    else if (token.kind === 'script') page.script(token, !this.scannedBody)
    else if (token.kind === 'preload' || token.kind === 'preconnect' || (token.kind === 'image' && !token.isLazy))
      page.hint(token)
  }

  /** Runs what was deferred, in its order. */
  private finish(): void {
    const { page, deferred } = this
    for (let script = deferred[0]; deferred.length > 0; script = deferred[0]) {
      if (!script.isReady() || page.awaitsStyles) return
      deferred.shift()
      page.run(script)
    }
    this.isParsed = true
    page.parsed()
  }
}
