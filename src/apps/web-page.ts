import type { AppContext } from '../host/socket.ts'
import { fieldValue } from '../protocols/http1/framing.ts'
import type { Nanos } from '../kernel/time.ts'
import type { HeaderField } from '../wire/http1.ts'
import { scriptReferences, styleReferences } from './code-scanner.ts'
import type { ScriptReferences, StyleReferences } from './code-scanner.ts'
import type { FetchKind, FetchPriority } from './fetch-events.ts'
import { EARLY_IMAGES, priorityOf, rankOf } from './fetch-priority.ts'
import type { FoundAs } from './fetch-priority.ts'
import { HtmlScanner } from './html-scanner.ts'
import type { PageToken } from './html-scanner.ts'
import { LoadThrottle } from './load-throttle.ts'
import { PageParser } from './page-parser.ts'
import type { ParsedPage } from './page-parser.ts'
import { PageResource } from './page-resource.ts'
import { formatUrl, resolveUrl, secured } from './url.ts'
import type { HttpUrl } from './url.ts'
import type { Failure, Fetch } from './web-fetch.ts'
import type { LoadOwner, WebLoader } from './web-loader.ts'

export interface PageSettings {
  /** Whether the preload scanner looks ahead of a parser that stands. */
  readonly preloadScanner: boolean
  /** Whether less urgent things wait until the body begins. */
  readonly tightMode: boolean
}

/** So many things may belong to a page; what it names besides is overlooked. */
const RESOURCES = 10_000

type Token<Kind extends PageToken['kind']> = Extract<PageToken, { kind: Kind }>

/** Where and why something was named. */
interface Naming {
  /** What relative addresses are relative to. */
  readonly base: HttpUrl
  /** Id of the fetch that named it. */
  readonly initiator: number
  readonly found?: FoundAs
  readonly isRenderBlocking?: boolean
}

/**
 * One visit: a document, and what it and its parts name. Its milestones are those of a browser: first paint, DOMContentLoaded, the first
 * screen complete, load.
 *
 * There is no layout. Fonts and backgrounds are asked for with the first paint, as if all were used; of the pictures, the first five that are no
 * icons are taken for those in the first screen. Parsing, scripts and painting take no time.
 */
export class WebPage implements LoadOwner, ParsedPage {
  isDone = false
  private readonly startedAt: Nanos
  private document: Fetch | undefined
  private parser: PageParser | undefined
  private scanner: HtmlScanner | undefined
  private readonly throttle: LoadThrottle
  /** By address. */
  private readonly resources = new Map<string, PageResource>()
  private readonly byFetch = new Map<Fetch, PageResource>()
  /** Stylesheets that the parser has met and that are not there yet. */
  private readonly missingStyles = new Set<PageResource>()
  /** Scripts that run as soon as they are there. */
  private readonly arriving: PageResource[] = []
  /** What is asked for when something is painted for the first time. */
  private readonly awaitingPaint: (() => void)[] = []
  private images = 0
  private hasBody = false
  private hasParsed = false
  private hasPainted = false
  private isComplete = false
  private hasLoaded = false
  /** Whether something was still under way at the load event. */
  private isLate = false
  private loaded = 0
  private failures = 0
  private bytes = 0
  /** Where it is: redirects lead elsewhere. */
  private at: HttpUrl

  constructor(
    private readonly context: AppContext,
    private readonly loader: WebLoader,
    private readonly settings: PageSettings,
    private readonly url: HttpUrl,
    /** Called when it has loaded, or failed. */
    private readonly over: () => void,
  ) {
    this.startedAt = context.environment.now
    this.at = url
    this.throttle = new LoadThrottle((fetch) => {
      loader.start(fetch, false)
    }, settings.tightMode)
  }

  /** @param upload bytes to post; 0: just gets it */
  load(upload: number, reload: boolean): void {
    this.context.environment.record('page:started', '', { url: formatUrl(this.url) })
    this.document = this.loader.create(this, {
      url: this.url,
      kind: 'document',
      priority: priorityOf('document'),
      initiator: 0,
      renderBlocking: true,
      upload,
      redirects: 0,
    })
    this.loader.start(this.document, reload)
  }

  // What comes of fetches.

  responded(fetch: Fetch, status: number, fields: readonly HeaderField[]): void {
    if (fetch !== this.document || status >= 400) return
    this.at = fetch.url
    const type = fieldValue(fields, 'content-type') ?? ''
    if (!/^text\/html\b/i.test(type)) return
    const parser = new PageParser(this, this.settings.preloadScanner)
    this.parser = parser
    this.scanner = new HtmlScanner((token) => {
      parser.push(token)
    })
  }

  received(fetch: Fetch, bytes: Uint8Array): void {
    this.bytes += bytes.length
    if (fetch !== this.document) {
      this.byFetch.get(fetch)?.receive(bytes)
      return
    }
    this.scanner?.push(bytes)
    if (!this.hasPainted && this.hasBody) this.check()
  }

  redirected(from: Fetch, to: Fetch): void {
    if (from === this.document) {
      this.document = to
      return
    }
    const resource = this.byFetch.get(from)
    if (resource === undefined) {
      this.loader.cancel(to)
      return
    }
    this.byFetch.delete(from)
    this.byFetch.set(to, resource)
    resource.fetch = to
    resource.url = to.url
    this.throttle.replace(from, to)
    if (!this.isMixed(to.url)) return
    this.recordBlocked(formatUrl(to.url), resource.kind)
    this.finish(to, true)
    this.loader.cancel(to)
    this.check()
  }

  ended(fetch: Fetch): void {
    if (fetch === this.document) {
      if (fetch.status >= 400)
        this.fail({ error: `HTTP ${String(fetch.status)}`, detail: 'the server refused the page', whose: 'remote' })
      else if (this.parser === undefined) this.hasParsed = true
      else this.parser.end()
    } else {
      this.finish(fetch, fetch.status >= 400)
    }
    this.check()
  }

  failed(fetch: Fetch, failure: Failure): void {
    if (fetch === this.document) this.fail(failure)
    else this.finish(fetch, true)
    this.check()
  }

  private finish(fetch: Fetch, hasFailed: boolean): void {
    const resource = this.byFetch.get(fetch)
    if (resource === undefined) return
    this.byFetch.delete(fetch)
    if (hasFailed) this.failures++
    else this.loaded++
    this.settle(resource, hasFailed)
    this.throttle.remove(fetch)
  }

  private settle(resource: PageResource, hasFailed: boolean): void {
    resource.isDone = true
    resource.hasFailed = hasFailed
    if (resource.kind === 'stylesheet') this.applyStyle(resource)
    if (resource.kind === 'script' && resource.isModule) this.importModules(resource)
    for (const script of this.arriving.filter((candidate) => candidate.isReady())) {
      this.arriving.splice(this.arriving.indexOf(script), 1)
      this.run(script)
    }
    this.parser?.advance()
  }

  // What is named.

  private name(reference: string, kind: FetchKind, naming: Naming): PageResource | undefined {
    let url = resolveUrl(naming.base, reference)
    if (url === undefined) return undefined
    const isMixed = this.isMixed(url)
    if (isMixed && kind === 'image') url = this.upgradeMixed(url)
    const address = formatUrl(url)
    const priority = priorityOf(kind, naming.found)
    const known = this.resources.get(address)
    if (known !== undefined) {
      this.raise(known, priority)
      return known
    }
    if (this.resources.size >= RESOURCES) return undefined
    if (isMixed && kind !== 'image') return this.block(address, url, kind)
    const { initiator, isRenderBlocking = false } = naming
    const request = { url, kind, priority, initiator, renderBlocking: isRenderBlocking, upload: 0, redirects: 0 }
    const fetch = this.loader.create(this, request)
    const resource = new PageResource(fetch.url, kind, fetch, isRenderBlocking)
    this.resources.set(address, resource)
    this.byFetch.set(fetch, resource)
    this.throttle.submit(fetch)
    return resource
  }

  private raise({ fetch }: PageResource, priority: FetchPriority): void {
    if (fetch !== undefined && rankOf(priority) < rankOf(fetch.priority)) this.loader.prioritise(fetch, priority)
  }

  /** Whether something would come without TLS into a page with it (W3C Mixed Content section 4.2). */
  private isMixed(url: HttpUrl): boolean {
    return this.at.scheme === 'https' && url.scheme === 'http'
  }

  private recordBlocked(url: string, kind: FetchKind): void {
    this.context.environment.record('fetch:blocked', '', { url, kind, reason: 'mixed-content' })
  }

  /** Pictures without TLS are asked for with it, as Chrome does since version 84 (Mixed Content Level 2). */
  private upgradeMixed(url: HttpUrl): HttpUrl {
    const to = secured(url)
    const data = { url: formatUrl(url), to: formatUrl(to), reason: 'mixed-content' }
    if (!this.resources.has(data.to)) this.context.environment.record('fetch:upgraded', '', data)
    return to
  }

  /** What could take over a secure page is not let in without TLS (W3C Mixed Content). */
  private block(address: string, url: HttpUrl, kind: FetchKind): PageResource {
    const resource = new PageResource(url, kind, undefined, false)
    resource.isDone = true
    resource.hasFailed = true
    this.resources.set(address, resource)
    this.failures++
    this.recordBlocked(address, kind)
    return resource
  }

  private get inDocument(): Naming {
    return { base: this.at, initiator: this.document?.id ?? 0 }
  }

  stylesheet(token: Token<'style'>, isInHead: boolean): PageResource | undefined {
    const isRenderBlocking = isInHead && !token.isForOtherMedia
    return this.name(token.url, 'stylesheet', { ...this.inDocument, found: token, isRenderBlocking })
  }

  script(token: Token<'script'>, isInHead: boolean): PageResource | undefined {
    const isDeferred = token.timing !== 'blocking'
    const found = { isDeferred, isLate: !isInHead && this.images > 0, ...(token.hint !== undefined && { hint: token.hint }) }
    const script = this.name(token.url, 'script', { ...this.inDocument, found, isRenderBlocking: isInHead && !isDeferred })
    if (script !== undefined && token.isModule) script.isModule = true
    return script
  }

  hint(token: Token<'image' | 'icon' | 'preload' | 'preconnect'>): void {
    switch (token.kind) {
      case 'image':
        this.image(token)
        return
      case 'icon': {
        const icon = this.name(token.url, 'other', this.inDocument)
        if (icon !== undefined) icon.delaysLoad = false
        return
      }
      case 'preload':
        this.name(token.url, token.as, { ...this.inDocument, found: { isPreload: true } })
        return
      case 'preconnect': {
        const url = resolveUrl(this.at, token.url)
        if (url !== undefined) this.loader.preconnect(url)
      }
    }
  }

  private image(token: Token<'image'>): void {
    if (token.isLazy && !this.hasPainted) {
      this.awaitingPaint.push(() => {
        this.image(token)
      })
      return
    }
    const isEarly = !token.isSmall && this.images < EARLY_IMAGES
    const found = {
      isEarlyImage: isEarly,
      isVisible: isEarly && this.hasPainted,
      ...(token.hint !== undefined && { hint: token.hint }),
    }
    const count = this.resources.size
    const resource = this.name(token.url, 'image', { ...this.inDocument, found })
    if (resource === undefined || this.resources.size === count) return
    if (!token.isSmall) this.images++
    resource.isVisible = isEarly
    if (token.isLazy) resource.delaysLoad = false
  }

  // Styles.

  appliesStyle(sheet: PageResource): void {
    if (!sheet.isDone) this.missingStyles.add(sheet)
  }

  get awaitsStyles(): boolean {
    return this.missingStyles.size > 0
  }

  inlineStyle(text: string): void {
    for (const sheet of this.useStyles(styleReferences(text), this.inDocument, !this.hasBody)) this.appliesStyle(sheet)
  }

  private applyStyle(sheet: PageResource): void {
    const naming = { base: sheet.url, initiator: sheet.fetch?.id ?? 0 }
    const imports = this.useStyles(sheet.styles, naming, sheet.isRenderBlocking)
    // A stylesheet is there when those that it imports are.
    if (this.missingStyles.delete(sheet)) for (const other of imports) this.appliesStyle(other)
  }

  private useStyles(styles: StyleReferences, naming: Naming, isRenderBlocking: boolean): PageResource[] {
    const { imports, fonts, images } = styles
    const use = (): void => {
      for (const url of fonts) this.name(url, 'font', naming)
      for (const url of images) this.name(url, 'image', { ...naming, found: { isVisible: true } })
    }
    if (this.hasPainted) use()
    else this.awaitingPaint.push(use)
    return imports.flatMap((url) => this.name(url, 'stylesheet', { ...naming, isRenderBlocking }) ?? [])
  }

  // Scripts.

  runWhenReady(script: PageResource): void {
    if (script.isReady()) this.run(script)
    else this.arriving.push(script)
  }

  private importModules(script: PageResource): void {
    const naming = { base: script.url, initiator: script.fetch?.id ?? 0, found: { isDeferred: true } }
    for (const url of script.actions.imports) {
      const other = this.name(url, 'script', naming)
      if (other === undefined) continue
      script.imports.push(other)
      if (other.isModule) continue
      other.isModule = true
      if (other.isDone) this.importModules(other)
    }
  }

  run(script: PageResource): void {
    if (script.hasRun) return
    script.hasRun = true
    for (const other of script.imports) this.run(other)
    this.act(script.actions, script.url, script.fetch?.id ?? 0)
  }

  runInline(text: string): void {
    this.act(scriptReferences(text), this.at, this.document?.id ?? 0)
  }

  private act({ dynamicImports, data, images }: ScriptReferences, base: HttpUrl, initiator: number): void {
    for (const url of dynamicImports) {
      const module = this.name(url, 'script', { base, initiator, found: { isDeferred: true } })
      if (module === undefined) continue
      module.delaysLoad = false
      module.isModule = true
      if (module.isDone) this.importModules(module)
      this.runWhenReady(module)
    }
    for (const url of data) {
      const answer = this.name(url, 'data', { base: this.at, initiator })
      if (answer !== undefined) answer.delaysLoad = false
    }
    for (const url of images) this.name(url, 'image', { base: this.at, initiator })
  }

  // Milestones.

  bodyBegun(): void {
    this.hasBody = true
    this.throttle.relax()
  }

  parsed(): void {
    this.hasParsed = true
    this.throttle.relax()
    this.milestone('page:parsed')
  }

  private check(): void {
    if (this.isDone) return
    if (!this.hasPainted && this.parser !== undefined && (this.hasBody || this.hasParsed)) this.paint()
    const open = [...this.byFetch.values()]
    const isMissing = ({ kind, isVisible }: PageResource): boolean => isVisible || kind === 'font'
    if (!this.isComplete && this.hasPainted && this.parser?.isThrough === true && !this.awaitsStyles && !open.some(isMissing)) {
      this.isComplete = true
      this.milestone('page:rendered')
    }
    if (!this.hasLoaded && this.hasParsed && !open.some(({ delaysLoad }) => delaysLoad)) this.finishLoad()
    if (!this.hasLoaded || this.byFetch.size > 0) return
    if (this.isLate) this.recordTotals('page:settled')
    this.end()
  }

  private paint(): void {
    for (const sheet of this.missingStyles) if (sheet.isRenderBlocking) return
    this.hasPainted = true
    this.milestone('page:first-rendered')
    for (const resource of this.byFetch.values()) if (resource.isVisible) this.raise(resource, 'high')
    for (const ask of this.awaitingPaint.splice(0)) ask()
  }

  private milestone(name: string): void {
    const duration = this.context.environment.now - this.startedAt
    this.context.environment.record(name, '', { url: formatUrl(this.url), duration })
  }

  private finishLoad(): void {
    this.hasLoaded = true
    this.isLate = this.byFetch.size > 0
    this.recordTotals('page:loaded')
  }

  private recordTotals(name: string): void {
    const { loaded: resources, failures, bytes } = this
    const { environment } = this.context
    const location = formatUrl(this.at) === formatUrl(this.url) ? {} : { location: formatUrl(this.at) }
    const duration = environment.now - this.startedAt
    environment.record(name, '', { url: formatUrl(this.url), resources, failures, bytes, duration, ...location })
  }

  /** Without its document a page is nothing: what else is on the way, nobody wants. */
  private fail(failure: Failure): void {
    if (this.isDone) return
    const rest = [...this.byFetch.keys()]
    this.byFetch.clear()
    this.context.environment.record('page:failed', '', { url: formatUrl(this.url), ...failure })
    this.end()
    for (const fetch of rest) this.loader.cancel(fetch)
  }

  private end(): void {
    this.isDone = true
    this.over()
  }
}
