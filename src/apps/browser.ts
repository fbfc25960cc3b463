import type { App, AppContext, Blocking } from '../host/socket.ts'
import { WaitQueue } from '../host/tasks.ts'
import type { Nanos } from '../kernel/time.ts'
import { Digest } from './digest.ts'
import { countSetting, fixedSetting, flagSetting, LONGEST } from './setting.ts'
import { formatAuthority, parseUrl } from './url.ts'
import type { HttpUrl } from './url.ts'
import type { Fetch, FetchOwner } from './web-fetch.ts'
import { WebOrigin } from './web-origin.ts'
import { WebPage } from './web-page.ts'
import type { PageOwner } from './web-page.ts'

export interface Visit {
  readonly url: string
  /** When to go there; later when an earlier visit is not over yet. */
  readonly at: Nanos
  /** Bytes to post there; 0: just gets the page. */
  readonly upload: number
}

export interface BrowserOptions {
  readonly visits: readonly Visit[]
  /** Most connections to one server at a time. */
  readonly connections: number
  /** Whether a connection carries more than one request. */
  readonly keepAlive: boolean
  /** Whether requests are sent without waiting for the response before. */
  readonly pipelining: boolean
  /** Whether the first request of a connection goes out with its SYN, where TCP is set to and the server is known (RFC 7413). */
  readonly fastOpen: boolean
  /** Longest silence while a connection or a response is awaited, in nanoseconds; 0: any. */
  readonly timeout: Nanos
  /** Whether events carry a digest of each body. It costs about a nanosecond a byte. */
  readonly digest: boolean
  /** Whether the addresses of a name are tried side by side (RFC 8305). */
  readonly happyEyeballs: boolean
  /** How long after an attempt to connect the next one begins, in nanoseconds. */
  readonly attemptDelay: Nanos
}

const DEFAULTS: BrowserOptions = {
  visits: [],
  connections: 6,
  keepAlive: true,
  pipelining: false,
  fastOpen: false,
  timeout: 0,
  digest: false,
  happyEyeballs: true,
  attemptDelay: 250_000_000,
}
const CHANGEABLE = ['connections', 'keepAlive', 'pipelining', 'timeout', 'happyEyeballs', 'attemptDelay']

/**
 * Loads pages, one after the other: the document, and while that arrives the stylesheets, icons, scripts and images that it names. Like
 * the tab of a real one it keeps connections between pages, and closes them when the last page is loaded.
 */
export class Browser implements App {
  private readonly options: { -readonly [Key in keyof BrowserOptions]: BrowserOptions[Key] }

  constructor(options: Partial<BrowserOptions>) {
    this.options = { ...DEFAULTS, ...options }
  }

  *main(context: AppContext): Blocking<void> {
    const session = new Session(context, this.options)
    for (const visit of this.options.visits) {
      const wait = visit.at - context.environment.now
      if (wait > 0) yield* context.sleep(wait)
      yield* session.visit(visit)
    }
  }

  configure(path: string, value: unknown): void {
    const { options } = this
    switch (path) {
      case 'connections':
        options.connections = countSetting(path, value, 1, 6)
        return
      case 'keepAlive':
        options.keepAlive = flagSetting(path, value)
        return
      case 'pipelining':
        options.pipelining = flagSetting(path, value)
        return
      case 'timeout':
        options.timeout = countSetting(path, value, 0, LONGEST)
        return
      case 'happyEyeballs':
        options.happyEyeballs = flagSetting(path, value)
        return
      case 'attemptDelay':
        options.attemptDelay = countSetting(path, value, 10_000_000, 2_000_000_000)
        return
      default:
        throw fixedSetting(path, CHANGEABLE)
    }
  }
}

/** What a browser remembers between pages: its connections. */
class Session implements PageOwner {
  private readonly origins = new Map<string, WebOrigin>()
  private readonly ended = new WaitQueue()
  private lastId = 0

  constructor(
    private readonly context: AppContext,
    private readonly options: BrowserOptions,
  ) {}

  *visit({ url, upload }: Visit): Blocking<void> {
    const parsed = parseUrl(url)
    if (parsed === undefined) throw new RangeError(`'${url}' is not an address of the http scheme`)
    const page = new WebPage(this.context, this, parsed)
    page.load(upload)
    while (!page.isDone) yield this.ended
  }

  pageEnded(): void {
    this.ended.wake()
  }

  fetch(owner: FetchOwner, url: HttpUrl, upload: number): Fetch {
    const fetch: Fetch = {
      id: ++this.lastId,
      owner,
      url,
      method: upload > 0 ? 'POST' : 'GET',
      upload,
      digest: this.options.digest ? new Digest() : undefined,
      status: 0,
      bytes: 0,
      sentAt: 0,
      retries: 0,
      wasReused: false,
      isCancelled: false,
    }
    this.originOf(url).fetch(fetch)
    return fetch
  }

  cancel(fetch: Fetch): void {
    this.originOf(fetch.url).cancel(fetch)
  }

  private originOf(url: HttpUrl): WebOrigin {
    const key = formatAuthority(url)
    let origin = this.origins.get(key)
    if (origin === undefined) {
      origin = new WebOrigin(this.context, this.options, url)
      this.origins.set(key, origin)
    }
    return origin
  }
}
