import type { App, AppContext, Blocking } from '../host/socket.ts'
import type { Http2Scheduler } from '../protocols/http2/options.ts'
import type { Nanos } from '../kernel/time.ts'
import { exponential } from './exponential.ts'
import { HttpFront, LIVE_TLS, type HttpFrontOptions } from './http-front.ts'
import type { HttpService, SiteAnswer, SiteRecord, SiteRequest } from './http-service.ts'
import { choiceSetting, countSetting, flagSetting, LONGEST } from './setting.ts'
import { WebSite } from './web-site.ts'
import type { WebSiteOptions } from './web-site.ts'

/** How long the processor works on a request. */
export interface ServiceTime {
  readonly mean: Nanos
  readonly distribution: 'constant' | 'exponential'
}

export interface WebServerOptions extends WebSiteOptions, HttpFrontOptions {
  /** Whether a connection is kept for further requests. */
  readonly keepAlive: boolean
  /** Whether events carry a digest of each body. It costs about five nanoseconds a byte. */
  readonly digest: boolean
  /** Which stream's bytes go first over HTTP/2 and HTTP/3. */
  readonly scheduler: Http2Scheduler
  /**
   * For how many seconds browsers may believe that HTTP/3 is served, too (RFC 7838); 0: they are to forget it; false: nothing is said of it.
   * Undefined: a day, if it is.
   */
  readonly altSvc?: number | false | undefined
  /** What requests take of the processor, which works on them one after the other; undefined: what the machine says. */
  readonly service?: ServiceTime | undefined
}

/** Usual with real servers. */
const DAY = 86_400

const DEFAULTS: WebServerOptions = {
  port: 80,
  serves: {},
  keepAlive: true,
  backlog: 128,
  fastOpen: false,
  digest: false,
  scheduler: 'priority',
}

/**
 * Serves made-up content by path over HTTP/1.0, 1.1, 2 and 3, under TLS or not, on any number of connections. POST and PUT are accepted at
 * every path, the body counted and thrown away.
 */
export class WebServer implements App, HttpService {
  readonly digests: boolean
  readonly keepsBodies = false
  keepAlive: boolean
  scheduler: Http2Scheduler
  private readonly site: WebSite
  private readonly front: HttpFront
  private service: ServiceTime | undefined
  private context: AppContext | undefined

  constructor(options: Partial<WebServerOptions>) {
    const all = { ...DEFAULTS, ...options }
    this.site = new WebSite(all)
    this.front = new HttpFront(all, this)
    this.keepAlive = all.keepAlive
    this.scheduler = all.scheduler
    this.digests = all.digest
    this.service = all.service
    this.site.altSvc = this.alternative(all.altSvc ?? DAY)
  }

  /** As the field says it. */
  private alternative(seconds: number | false): string | undefined {
    const port = this.front.quicPort
    if (port === undefined || seconds === false) return undefined
    return seconds === 0 ? 'clear' : `h3=":${String(port)}"; ma=${String(seconds)}`
  }

  *main(context: AppContext): Blocking<void> {
    this.context = context
    yield* this.front.main(context)
  }

  /** `keepAlive`, `scheduler` and all of `tls`: of new connections; `altSvc` and `service.mean`: of responses from now on. */
  configure(path: string, value: unknown): void {
    if (path === 'keepAlive') this.keepAlive = flagSetting(path, value)
    else if (path === 'scheduler') this.scheduler = choiceSetting(path, value, ['priority', 'fair', 'in-order'])
    else if (path === 'altSvc')
      this.site.altSvc = this.alternative(typeof value === 'boolean' ? value && DAY : countSetting(path, value, 0, 1e9))
    else if (path === 'service.mean' && this.service !== undefined)
      this.service = { ...this.service, mean: countSetting(path, value, 0, LONGEST) }
    else if (!this.front.configure(path, value))
      this.site.configure(path, value, ['keepAlive', 'scheduler', 'altSvc', 'service.mean', LIVE_TLS])
  }

  delayOf(target: string): Nanos {
    return this.site.delayOf(target)
  }

  pushesOf(target: string): readonly string[] {
    return this.site.pushesOf(target)
  }

  *answer(request: SiteRequest, record: SiteRecord): Blocking<SiteAnswer> {
    const { service, context } = this
    if (service !== undefined && context !== undefined) {
      const { mean, distribution } = service
      const share = distribution === 'constant' ? 1 : exponential(context.environment.random('service'))
      yield* context.processFor(Math.round(mean * share))
    }
    return this.site.answer(request, record)
  }
}
