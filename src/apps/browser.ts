import type { App, AppContext, Blocking } from '../host/socket.ts'
import { WaitQueue } from '../host/tasks.ts'
import type { Nanos } from '../kernel/time.ts'
import { USUAL_CLIENT_QUIC } from '../scenario/quic-settings.ts'
import { countSetting, fixedSetting, flagSetting, LONGEST } from './setting.ts'
import { parseUrl } from './url.ts'
import { WebLoader } from './web-loader.ts'
import type { LoaderSettings } from './web-loader.ts'
import { WebPage } from './web-page.ts'
import type { PageSettings } from './web-page.ts'

export interface Visit {
  readonly url: string
  /** When to go there; later when an earlier visit is not over yet. */
  readonly at: Nanos
  /** Bytes to post there; 0: just gets the page. */
  readonly upload: number
  /** Whether all connections are closed first. */
  readonly reconnect?: boolean
  /** Whether the page itself is asked for anew, or confirmed, even when the cache has it. */
  readonly reload?: boolean
}

/** Settings of an application that loads pages; see `LoaderSettings`, `OriginSettings`, `ConnectionSettings` and `PageSettings`. */
export interface BrowserOptions extends LoaderSettings, PageSettings {
  readonly visits: readonly Visit[]
  /** When QUIC connections go on by other ports without their knowledge, as if a NAT on the way had forgotten the ones before. */
  readonly rebinds: readonly Nanos[]
}

const DEFAULTS: BrowserOptions = {
  visits: [],
  rebinds: [],
  connections: 6,
  keepAlive: true,
  pipelining: false,
  fastOpen: false,
  timeout: 0,
  digest: false,
  happyEyeballs: true,
  attemptDelay: 250_000_000,
  protocols: undefined,
  tls: undefined,
  quic: USUAL_CLIENT_QUIC,
  push: true,
  coalescing: true,
  cache: true,
  hstsPreload: [],
  http3Rest: 300_000_000_000,
  preloadScanner: true,
  tightMode: true,
}
const FLAGS = ['keepAlive', 'pipelining', 'happyEyeballs', 'coalescing', 'cache', 'preloadScanner', 'tightMode'] as const
const CHANGEABLE = ['connections', 'timeout', 'attemptDelay', ...FLAGS]

/**
 * Loads pages, one after the other: the document, and while that arrives what it and its parts name, in a browser's order. Like
 * the tab of a real one it keeps connections between pages, and closes them when the last page is loaded. `fetch-events.ts` has what it
 * records.
 */
export class Browser implements App {
  private readonly options: { -readonly [Key in keyof BrowserOptions]: BrowserOptions[Key] }

  constructor(options: Partial<BrowserOptions>) {
    this.options = { ...DEFAULTS, ...options }
  }

  *main(context: AppContext): Blocking<void> {
    const { options } = this
    const loader = new WebLoader(context, options)
    // Where there is but one way to the outside, it never changes.
    if (context.environment.ports > 1) context.spawn(loader.watchNetwork())
    for (const at of options.rebinds) context.spawn(rebind(context, loader, at))
    for (const visit of options.visits) {
      const wait = visit.at - context.environment.now
      if (wait > 0) yield* context.sleep(wait)
      if (visit.reconnect === true) loader.closeConnections()
      yield* this.visit(context, loader, visit)
    }
    for (const connection of loader.closeConnections()) yield* connection.closed()
  }

  private *visit(context: AppContext, loader: WebLoader, { url, upload, reload = false }: Visit): Blocking<void> {
    const parsed = parseUrl(url)
    if (parsed === undefined) throw new RangeError(`'${url}' is not an address of the http or the https scheme`)
    const ended = new WaitQueue()
    const page = new WebPage(context, loader, this.options, parsed, () => {
      ended.wake()
    })
    page.load(upload, reload)
    while (!page.isDone) yield ended
  }

  configure(path: string, value: unknown): void {
    const { options } = this
    const flag = FLAGS.find((name) => name === path)
    if (flag !== undefined) {
      options[flag] = flagSetting(path, value)
      return
    }
    switch (path) {
      case 'connections':
        options.connections = countSetting(path, value, 1, 6)
        return
      case 'timeout':
        options.timeout = countSetting(path, value, 0, LONGEST)
        return
      case 'attemptDelay':
        options.attemptDelay = countSetting(path, value, 10_000_000, 2_000_000_000)
        return
      default:
        throw fixedSetting(path, CHANGEABLE)
    }
  }
}

function* rebind(context: AppContext, loader: WebLoader, at: Nanos): Blocking<void> {
  yield* context.sleep(Math.max(0, at - context.environment.now))
  loader.rebind()
}
