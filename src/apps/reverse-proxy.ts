import { SocketError } from '../host/socket.ts'
import type { App, AppContext, Blocking } from '../host/socket.ts'
import type { Http2Scheduler } from '../protocols/http2/options.ts'
import type { ClientTlsSettings } from '../scenario/tls-settings.ts'
import { encodeLatin1 } from '../wire/http1.ts'
import { endToEnd, pathOf, requestFields, VIA } from './forwarding.ts'
import { HttpFront, LIVE_TLS, type HttpFrontOptions } from './http-front.ts'
import { KEPT_BODY } from './http-service.ts'
import type { HttpService, SiteAnswer, SiteRecord, SiteRequest } from './http-service.ts'
import { fixedSetting, flagSetting } from './setting.ts'
import { Upstream } from './upstream.ts'
import { formatAuthority, formatOrigin, parseUrl } from './url.ts'

export interface ReverseProxyOptions extends HttpFrontOptions {
  /** Addresses of the servers behind it, which take turns: `'http://origin:8080'`. */
  readonly backends: readonly string[]
  /** How it speaks TLS to those of the https scheme. */
  readonly backendTls?: ClientTlsSettings | undefined
  readonly keepAlive: boolean
  readonly digest: boolean
}

const DEFAULTS: ReverseProxyOptions = { port: 80, backends: [], keepAlive: true, backlog: 128, fastOpen: false, digest: false }

/**
 * A server's front: takes requests over any version of HTTP, under TLS or not, and has them answered by servers behind it, over HTTP/1.1
 * and, as their addresses say, under TLS or in the clear. Requests are passed on when they are whole; responses as they come.
 */
export class ReverseProxy implements App, HttpService {
  readonly digests: boolean
  readonly keepsBodies = true
  readonly scheduler: Http2Scheduler = 'priority'
  keepAlive: boolean
  private readonly front: HttpFront
  private readonly upstreams: readonly Upstream[]
  private context: AppContext | undefined
  /** How many requests were passed on. */
  private passed = 0

  constructor(options: Partial<ReverseProxyOptions>) {
    const all = { ...DEFAULTS, ...options }
    this.keepAlive = all.keepAlive
    this.digests = all.digest
    this.front = new HttpFront(all, this)
    this.upstreams = all.backends.map((text) => {
      const url = parseUrl(text)
      if (url === undefined) throw new RangeError(`'${text}' is no address of a server`)
      return new Upstream(url, all.backendTls)
    })
  }

  *main(context: AppContext): Blocking<void> {
    this.context = context
    yield* this.front.main(context)
  }

  /** `keepAlive` and all of `tls`: of new connections. */
  configure(path: string, value: unknown): void {
    if (path === 'keepAlive') this.keepAlive = flagSetting(path, value)
    else if (!this.front.configure(path, value)) throw fixedSetting(path, ['keepAlive', LIVE_TLS])
  }

  delayOf(): number {
    return 0
  }

  pushesOf(): readonly string[] {
    return []
  }

  *answer(request: SiteRequest, record: SiteRecord): Blocking<SiteAnswer> {
    const { method, target, bytes, body, client } = request
    const upstream = this.upstreams.at(this.passed++ % this.upstreams.length)
    const { context } = this
    if (upstream === undefined || context === undefined) return failed(502, 'there is no server behind this one')
    if (bytes > KEPT_BODY) return failed(413, `more than ${String(KEPT_BODY)} bytes are not passed on`)
    const backend = formatOrigin(upstream.url)
    try {
      const fields = requestFields(request, formatAuthority(upstream.url))
      const response = yield* upstream.fetch(context, { method, target: pathOf(target), fields, bytes, body })
      const { status } = response
      const { connection: backendConnection } = response
      record('proxy:request-forwarded', { method, target, backend, backendConnection, status, forwardedFor: client })
      return { status, fields: [...endToEnd(response.fields), VIA], content: response.body, isChunked: false }
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      record('proxy:backend-failed', { method, target, backend, error: error.code, detail: error.message })
      return failed(502, `the server behind this one: ${error.message}`)
    }
  }
}

function failed(status: number, why: string): SiteAnswer {
  const fields = [{ name: 'Content-Type', value: 'text/plain' }, VIA]
  return { status, fields, content: encodeLatin1(`${String(status)}: ${why.replace(/[^ -~]/g, '?')}\n`), isChunked: false }
}
