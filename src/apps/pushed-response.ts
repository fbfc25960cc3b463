import type { AppContext, Blocking } from '../host/socket.ts'
import type { HeaderField } from '../wire/http1.ts'
import type { Http2Fault } from '../protocols/http2/fault.ts'
import type { HttpUrl } from './url.ts'
import { formatUrl } from './url.ts'
import { failureOfFault } from './web-fetch.ts'
import type { Failure, Fetch } from './web-fetch.ts'

/** What a server pushed and nobody has wanted so far. */
export interface PushCache {
  /** Why a push is not wanted; undefined: it is welcome. @param parent the fetch with whose response it was promised */
  objection(url: HttpUrl, parent: Fetch | undefined): string | undefined
  keep(push: PushedResponse): void
}

type StreamEvent =
  | { readonly type: 'informational' }
  | { readonly type: 'response'; readonly status: number; readonly fields: readonly HeaderField[] }
  | { readonly type: 'data'; readonly bytes: Uint8Array }
  | { readonly type: 'end' }
  | { readonly type: 'reset'; readonly error: Http2Fault }

/** Bytes that are kept for somebody who may never come. */
const LIMIT = 4 * 1024 * 1024
const TOO_MUCH: Failure = {
  error: 'ENHANCE_YOUR_CALM',
  detail: `more than ${String(LIMIT)} bytes were pushed that nobody had asked for`,
  whose: 'remote',
}

/** A response on a stream that the server began (RFC 9113 section 8.4). It waits for a fetch that wants it. */
export class PushedResponse {
  private readonly told: StreamEvent[] = []
  private fetch: Fetch | undefined
  private isTelling = false
  private bytes = 0
  private failure: Failure | undefined

  constructor(
    private readonly context: AppContext,
    readonly url: HttpUrl,
    private readonly stream: number,
    private readonly connection: string,
  ) {}

  /** Whether it can still be handed out. */
  get isOffered(): boolean {
    return this.fetch === undefined && this.failure === undefined
  }

  /** Somebody wants it. What has come already is told soon. */
  adopt(fetch: Fetch): void {
    this.fetch = fetch
    this.context.environment.record('http2:push-used', this.connection, {
      id: fetch.id,
      stream: this.stream,
      url: formatUrl(this.url),
    })
    this.context.spawn(this.tell())
  }

  /** @returns whether it is still welcome: otherwise the stream should be given up */
  take(event: StreamEvent): boolean {
    this.told.push(event)
    if (event.type === 'data') this.bytes += event.bytes.length
    if (this.isTelling) this.pass()
    if (this.isOffered && this.bytes > LIMIT) {
      this.told.length = 0
      this.failure = TOO_MUCH
      return false
    }
    return true
  }

  /** The connection is gone. */
  lose(failure: Failure): void {
    this.failure ??= failure
    if (this.isTelling) this.pass()
  }

  private *tell(): Blocking<void> {
    yield* this.context.sleep(0)
    this.fetch?.enter('waiting', this.connection, this.stream)
    this.isTelling = true
    this.pass()
  }

  private pass(): void {
    const { fetch, connection, told } = this
    if (fetch === undefined) return
    for (let event = told.shift(); event !== undefined && !fetch.isEnded; event = told.shift()) {
      switch (event.type) {
        case 'informational':
          break
        case 'response':
          fetch.status = event.status
          fetch.enter('receiving', connection)
          fetch.owner.responded(fetch, event.status, event.fields)
          break
        case 'data':
          fetch.bytes += event.bytes.length
          fetch.digest?.update(event.bytes)
          fetch.owner.received(fetch, event.bytes)
          break
        case 'end':
          fetch.end('pushed', 'h2', connection)
          fetch.owner.ended(fetch)
          break
        case 'reset':
          this.failure = failureOfFault(event.error)
      }
    }
    if (this.failure !== undefined && !fetch.isEnded) fetch.fail(this.failure, connection, 'h2')
  }
}
