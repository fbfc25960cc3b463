import { SocketError } from '../host/socket.ts'
import type { App, AppContext, Blocking } from '../host/socket.ts'
import type { Http2Scheduler } from '../protocols/http2/options.ts'
import type { ClientTlsSettings, HttpProtocol, ServerTlsSettings } from '../scenario/tls-settings.ts'
import { encodeLatin1 } from '../wire/http1.ts'
import type { HeaderField } from '../wire/http1.ts'
import { endToEnd, pathOf } from './forwarding.ts'
import { HttpFront } from './http-front.ts'
import { KEPT_BODY } from './http-service.ts'
import type { BodyStream, HttpService, SiteAnswer, SiteRecord, SiteRequest } from './http-service.ts'
import { fixedSetting, flagSetting } from './setting.ts'
import { Upstream } from './upstream.ts'
import type { UpstreamResponse } from './upstream.ts'

export interface MeddlerOptions {
  /** Words in pages, and what is put in their place. */
  readonly replace: Readonly<Record<string, string>>
  /** Whether everything that leads to https is made to lead to http (SSL stripping). */
  readonly strip: boolean
  /** How connections under TLS are met, with certificates made for every name; absent: they are let through untouched. */
  readonly tls?: ServerTlsSettings | undefined
  /** How it speaks TLS to servers itself. */
  readonly backendTls?: ClientTlsSettings | undefined
  readonly protocols?: readonly HttpProtocol[] | undefined
}

const DEFAULTS: MeddlerOptions = { replace: {}, strip: false }
const HTTP_PORT = 80
const HTTPS_PORT = 443
/** Servers that connections are kept to. */
const UPSTREAM_LIMIT = 64
/** Of the names in `Accept-Encoding` none is wanted: what is compressed cannot be read. */
const UNWANTED: ReadonlySet<string> = new Set(['accept-encoding', 'if-none-match', 'if-modified-since'])

/**
 * The man in the middle. Sits where packets pass: on a router, or beside an ARP spoofer. Takes connections to ports 80 and 443 for those that they
 * were meant for, reads what is asked, asks the real server in the client's stead, and changes the answer. Under TLS it can but show a
 * certificate of its own, from an authority that looks like the right one.
 */
export class Meddler implements App, HttpService {
  readonly keepAlive = true
  readonly digests = false
  readonly keepsBodies = true
  readonly scheduler: Http2Scheduler = 'priority'
  private readonly options: { -readonly [Key in keyof MeddlerOptions]: MeddlerOptions[Key] }
  private readonly front: HttpFront
  /** By scheme and address. */
  private readonly upstreams = new Map<string, Upstream>()
  /** Hosts whose http we have found to lead to https only. */
  private readonly secured = new Set<string>()
  private context: AppContext | undefined

  constructor(options: Partial<MeddlerOptions>) {
    this.options = { ...DEFAULTS, ...options }
    const { tls, protocols } = this.options
    this.front = new HttpFront(
      {
        port: HTTP_PORT,
        backlog: 128,
        fastOpen: false,
        protocols,
        tls: tls && { ...tls, port: HTTPS_PORT, plain: 'serve' },
        forges: true,
      },
      this,
    )
  }

  *main(context: AppContext): Blocking<void> {
    this.context = context
    const { link } = context.sockets
    link.divert(this.options.tls === undefined ? [HTTP_PORT] : [HTTP_PORT, HTTPS_PORT])
    try {
      yield* this.front.main(context)
    } finally {
      link.divert([])
    }
  }

  configure(path: string, value: unknown): void {
    if (path !== 'strip') throw fixedSetting(path, ['strip'])
    this.options.strip = flagSetting(path, value)
  }

  delayOf(): number {
    return 0
  }

  pushesOf(): readonly string[] {
    return []
  }

  *answer(request: SiteRequest, record: SiteRecord): Blocking<SiteAnswer> {
    const { method, target, authority, isSecure, bytes } = request
    const told = { method, target, host: authority, secure: isSecure, bytes }
    record('meddler:request-read', told)
    try {
      const response = yield* this.ask(request)
      const isStripped = !isSecure && this.secured.has(authority)
      if (isStripped) record('meddler:tls-stripped', told)
      return yield* this.meddled(response, request, record)
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      record('meddler:server-failed', { ...told, error: error.code, detail: error.message })
      return { status: 502, fields: [], content: encodeLatin1('502\n'), isChunked: false }
    }
  }

  /** Asks the real server what the client asked; where it insists on https, over https. */
  private *ask(request: SiteRequest): Blocking<UpstreamResponse> {
    const { authority, isSecure } = request
    const first = isSecure || this.secured.has(authority) ? 'https' : 'http'
    const response = yield* this.askBy(first, request)
    const location = response.fields.find(({ name }) => name === 'location')?.value ?? ''
    const leads = response.status >= 301 && response.status <= 308 && location.startsWith('https://')
    if (first === 'https' || !this.options.strip || !leads) return response
    response.body.cancel()
    this.secured.add(authority)
    return yield* this.askBy('https', request)
  }

  private *askBy(scheme: 'http' | 'https', request: SiteRequest): Blocking<UpstreamResponse> {
    const { method, target, server, authority, bytes, body } = request
    const { context } = this
    if (context === undefined || bytes > KEPT_BODY) throw new SocketError('EMSGSIZE', 'too long to be kept')
    const kept = endToEnd(request.fields).filter(({ name }) => name !== 'host' && !UNWANTED.has(name))
    const fields = [{ name: 'Host', value: authority === '' ? server : authority }, ...kept]
    const upstream = this.upstreamTo(scheme, server)
    return yield* upstream.fetch(context, { method, target: pathOf(target), fields, bytes, body })
  }

  private upstreamTo(scheme: 'http' | 'https', server: string): Upstream {
    const key = `${scheme}://${server}`
    let upstream = this.upstreams.get(key)
    if (upstream === undefined) {
      if (this.upstreams.size >= UPSTREAM_LIMIT) this.upstreams.clear()
      const port = scheme === 'http' ? HTTP_PORT : HTTPS_PORT
      upstream = new Upstream({ scheme, host: server, port, target: '/' }, this.options.backendTls)
      this.upstreams.set(key, upstream)
    }
    return upstream
  }

  private *meddled(response: UpstreamResponse, { target, authority }: SiteRequest, record: SiteRecord): Blocking<SiteAnswer> {
    const { status, body } = response
    const fields = this.options.strip ? endToEnd(response.fields).flatMap(stripped) : endToEnd(response.fields)
    const type = fields.find(({ name }) => name === 'content-type')?.value ?? ''
    if (!type.startsWith('text/') || (body.length ?? 0) > KEPT_BODY) return { status, fields, content: body, isChunked: false }
    const text = yield* readAll(body)
    const { text: changed, changes } = this.edited(text)
    if (changes > 0) record('meddler:response-edited', { host: authority, target, changes })
    return { status, fields, content: encodeLatin1(changed), isChunked: false }
  }

  private edited(text: string): { text: string; changes: number } {
    let changes = 0
    let edited = text
    const replaced = Object.entries(this.options.replace)
    if (this.options.strip) replaced.push(['https://', 'http://'])
    for (const [from, to] of replaced) {
      const parts = edited.split(from)
      changes += parts.length - 1
      edited = parts.join(to)
    }
    return { text: edited, changes }
  }
}

/** A field of a response without what would lead to https. */
function stripped(field: HeaderField): HeaderField[] {
  if (field.name === 'strict-transport-security') return []
  if (field.name === 'location') return [{ name: field.name, value: field.value.replace(/^https:/, 'http:') }]
  return [field]
}

function* readAll(body: BodyStream): Blocking<string> {
  let text = ''
  for (let bytes = yield* body.read(); bytes !== undefined; bytes = yield* body.read())
    for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}
