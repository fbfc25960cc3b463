import type { AppContext } from '../host/socket.ts'
import { fieldValue } from '../protocols/http1/framing.ts'
import type { HeaderField } from '../wire/http1.ts'
import type { Nanos } from '../kernel/time.ts'
import { HtmlScanner } from './html-scanner.ts'
import { formatUrl, resolveUrl } from './url.ts'
import type { HttpUrl } from './url.ts'
import type { Failure, Fetch, FetchOwner } from './web-fetch.ts'

/** What a page needs of its browser. */
export interface PageOwner {
  fetch(owner: FetchOwner, url: HttpUrl, upload: number): Fetch
  cancel(fetch: Fetch): void
  /** The page has loaded, or failed. */
  pageEnded(): void
}

/** One visit: a document, and what it names. */
export class WebPage implements FetchOwner {
  isDone = false
  private readonly startedAt: Nanos
  private document: Fetch | undefined
  private scanner: HtmlScanner | undefined
  /** Addresses that were asked for already. */
  private readonly seen = new Set<string>()
  private readonly outstanding = new Set<Fetch>()
  private resources = 0
  private failures = 0
  private bytes = 0

  constructor(
    private readonly context: AppContext,
    private readonly owner: PageOwner,
    private readonly url: HttpUrl,
  ) {
    this.startedAt = context.environment.now
  }

  /** @param upload bytes to post; 0: just gets it */
  load(upload: number): void {
    this.context.environment.record('page:started', '', { url: formatUrl(this.url) })
    this.document = this.owner.fetch(this, this.url, upload)
    this.outstanding.add(this.document)
  }

  responded(fetch: Fetch, status: number, fields: readonly HeaderField[]): void {
    if (fetch !== this.document || status >= 400) return
    const type = fieldValue(fields, 'content-type') ?? ''
    if (!/^text\/html\b/i.test(type)) return
    this.scanner = new HtmlScanner(({ url }) => {
      this.want(url)
    })
  }

  private want(reference: string): void {
    const url = resolveUrl(this.url, reference)
    if (url === undefined) return
    const text = formatUrl(url)
    if (this.seen.has(text)) return
    this.seen.add(text)
    this.outstanding.add(this.owner.fetch(this, url, 0))
  }

  received(fetch: Fetch, bytes: Uint8Array): void {
    this.bytes += bytes.length
    if (fetch === this.document) this.scanner?.push(bytes)
  }

  ended(fetch: Fetch): void {
    this.outstanding.delete(fetch)
    if (fetch === this.document) {
      if (fetch.status >= 400) {
        this.fail({ error: `HTTP ${String(fetch.status)}`, detail: 'the server refused the page' })
        return
      }
    } else if (fetch.status < 400) {
      this.resources++
    } else {
      this.failures++
    }
    this.endIfComplete()
  }

  failed(fetch: Fetch, failure: Failure): void {
    const { environment } = this.context
    this.outstanding.delete(fetch)
    environment.record('http:request-failed', '', { id: fetch.id, url: formatUrl(fetch.url), ...failure })
    if (this.isDone) return
    if (fetch === this.document) {
      this.fail(failure)
    } else {
      this.failures++
      this.endIfComplete()
    }
  }

  private endIfComplete(): void {
    if (this.isDone || this.outstanding.size > 0) return
    const { resources, failures, bytes } = this
    const duration = this.context.environment.now - this.startedAt
    this.end('page:loaded', { resources, failures, bytes, duration })
  }

  /** Without its document a page is nothing: what else is on the way, nobody wants. */
  private fail(failure: Failure): void {
    const rest = [...this.outstanding]
    this.outstanding.clear()
    this.end('page:failed', { ...failure })
    for (const fetch of rest) this.owner.cancel(fetch)
  }

  private end(name: string, data: Record<string, string | number>): void {
    this.isDone = true
    this.context.environment.record(name, '', { url: formatUrl(this.url), ...data })
    this.owner.pageEnded()
  }
}
