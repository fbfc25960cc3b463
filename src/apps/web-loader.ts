import { fieldValue } from '../protocols/http1/framing.ts'
import { isNamed } from '../protocols/x509/host-name.ts'
import type { AppContext, Blocking } from '../host/socket.ts'
import type { Nanos } from '../kernel/time.ts'
import { formatIp, type IpAddress } from '../wire/address.ts'
import type { HeaderField } from '../wire/http1.ts'
import { decodeCertificate } from '../wire/x509.ts'
import { parseAltSvc } from './alt-svc.ts'
import { Http3Memory } from './http3-choice.ts'
import { parseStrictTransport, StrictHosts } from './hsts.ts'
import { HttpCache, isStorable, LARGEST_KEPT } from './http-cache.ts'
import type { StoredResponse } from './http-cache.ts'
import type { PushCache, PushedResponse } from './pushed-response.ts'
import { formatOrigin, formatUrl, resolveUrl, secured } from './url.ts'
import type { HttpUrl } from './url.ts'
import type { WebConnection } from './web-connection.ts'
import { Fetch } from './web-fetch.ts'
import type { Failure, FetchOwner, FetchRequest } from './web-fetch.ts'
import { WebOrigin } from './web-origin.ts'
import type { OriginOwner, OriginSettings } from './web-origin.ts'

export interface LoaderSettings extends OriginSettings {
  readonly digest: boolean
  /** Whether a connection of HTTP/2 or HTTP/3 serves other names, too, for which its certificate is (RFC 9113 section 9.1.1). */
  readonly coalescing: boolean
  /** Whether responses are kept, and used again. */
  readonly cache: boolean
  /** Names of hosts that are known from the start to be visited over https only. */
  readonly hstsPreload: readonly string[]
  /** How long HTTP/3 is left alone where it has failed while TCP works; twice as long each further time. */
  readonly http3Rest: Nanos
}

/** Who is told what has come of a fetch, whatever it took. */
export interface LoadOwner extends FetchOwner {
  /** It led elsewhere: another fetch takes its place. */
  redirected(from: Fetch, to: Fetch): void
}

/** As many redirects follow each other as in Chrome. */
const REDIRECTS = 20
const MOVED = new Set([301, 302, 303, 307, 308])
/** So many pushes are kept that nobody has asked for. */
const PUSHES = 100
const NO_FIELDS: readonly HeaderField[] = []

/** What the loader remembers of a fetch that is under way. */
interface Load {
  readonly owner: LoadOwner
  /** Parts of the body, when it is to be kept. */
  body: Uint8Array[] | undefined
  fields: readonly HeaderField[]
  /** Where it leads instead. */
  location: HttpUrl | undefined
  /** The body is that of the cache. */
  confirmed: StoredResponse | undefined
}

/**
 * What stands between the pages of a browser and its connections, and lasts from visit to visit: the cache, strict hosts, redirects, what was
 * pushed, and an origin for each server.
 */
export class WebLoader implements FetchOwner, OriginOwner, PushCache {
  private readonly origins = new Map<string, WebOrigin>()
  private readonly cache = new HttpCache()
  private readonly strict: StrictHosts
  readonly http3: Http3Memory
  private readonly loads = new Map<Fetch, Load>()
  private pushed: PushedResponse[] = []
  private lastId = 0

  constructor(
    private readonly context: AppContext,
    readonly settings: LoaderSettings,
  ) {
    this.strict = new StrictHosts(settings.hstsPreload)
    this.http3 = new Http3Memory(context.environment, settings.protocols, settings.http3Rest)
  }

  get pushes(): PushCache {
    return this
  }

  /** Something is wanted. Nothing happens before `start`. */
  create(owner: LoadOwner, wanted: FetchRequest): Fetch {
    const request = { ...wanted, url: this.upgraded(wanted.url) }
    const fetch = new Fetch(this.context.environment, ++this.lastId, this, request, this.settings.digest)
    this.loads.set(fetch, { owner, body: undefined, fields: NO_FIELDS, location: undefined, confirmed: undefined })
    return fetch
  }

  /** @param reload whether what is in the cache has to be confirmed, fresh or not */
  start(fetch: Fetch, reload: boolean): void {
    const url = formatUrl(fetch.url)
    if (fetch.method === 'GET') {
      const push = this.takePush(url)
      const stored = this.settings.cache && !reload ? this.cache.fresh(url, this.context.environment.now) : undefined
      if (stored !== undefined) {
        this.context.spawn(this.tellStored(fetch, stored))
        return
      }
      if (push !== undefined) {
        push.adopt(fetch)
        return
      }
      if (this.settings.cache) fetch.conditions = this.cache.conditions(url)
    }
    this.originOf(fetch.url).fetch(fetch)
  }

  cancel(fetch: Fetch): void {
    this.loads.delete(fetch)
    this.originOf(fetch.url).cancel(fetch)
  }

  /** It matters more than was thought. */
  prioritise(fetch: Fetch, priority: Fetch['priority']): void {
    if (fetch.priority === priority || fetch.isEnded) return
    fetch.priority = priority
    this.context.environment.record('fetch:prioritised', '', { id: fetch.id, priority })
    this.originOf(fetch.url).reprioritise(fetch)
  }

  preconnect(url: HttpUrl): void {
    this.originOf(this.upgraded(url)).preconnect()
  }

  /** Ends all connections. @returns them */
  closeConnections(): readonly WebConnection[] {
    return [...this.origins.values()].flatMap((origin) => origin.close())
  }

  /** Lets connections go on, or end, as links lose their carrier and get it back. */
  *watchNetwork(): Blocking<void> {
    const { sockets } = this.context
    for (;;) {
      yield* sockets.networkChanged()
      this.http3.networkChanged()
      for (const origin of this.origins.values()) origin.networkChanged()
    }
  }

  /** QUIC connections go on by other ports. */
  rebind(): void {
    const all = new Set([...this.origins.values()].flatMap(({ connections }) => connections))
    for (const connection of all) connection.rebind()
  }

  private originOf(url: HttpUrl): WebOrigin {
    const key = formatOrigin(url)
    let origin = this.origins.get(key)
    if (origin === undefined) {
      origin = new WebOrigin(this.context, this, url)
      this.origins.set(key, origin)
    }
    return origin
  }

  /** RFC 6797 section 8.3. */
  private upgraded(url: HttpUrl): HttpUrl {
    if (url.scheme === 'https' || !this.isStrict(url.host)) return url
    const to = secured(url)
    this.context.environment.record('fetch:upgraded', '', { url: formatUrl(url), to: formatUrl(to), reason: 'hsts' })
    return to
  }

  isStrict(host: string): boolean {
    return this.strict.has(host, this.context.wallClock())
  }

  findShared(url: HttpUrl, addresses: readonly IpAddress[], like: WebConnection): WebConnection | undefined {
    if (!this.settings.coalescing) return undefined
    const texts = addresses.map(formatIp)
    for (const origin of this.origins.values()) {
      for (const connection of origin.connections) {
        const { peerChain, remote, protocol, isRetired } = connection
        if (connection.transport !== like.transport || (protocol !== 'h2' && protocol !== 'h3')) continue
        if (isRetired || connection.isEarly || peerChain === undefined || remote === undefined) continue
        if (remote.port !== like.port || !texts.includes(formatIp(remote.address))) continue
        if (isCertificateFor(peerChain, url.host)) return connection
      }
    }
    return undefined
  }

  again(fetch: Fetch): void {
    this.originOf(fetch.url).fetch(fetch)
  }

  // What was pushed.

  objection(url: HttpUrl, parent: Fetch | undefined): string | undefined {
    // RFC 9113 section 8.4.2: a server speaks for itself only.
    if (parent === undefined || formatOrigin(parent.url) !== formatOrigin(url)) return 'not-authoritative'
    const address = formatUrl(url)
    if (this.settings.cache && this.cache.fresh(address, this.context.environment.now) !== undefined) return 'cached'
    for (const fetch of this.loads.keys()) if (formatUrl(fetch.url) === address) return 'requested'
    return this.pushed.some((push) => formatUrl(push.url) === address) ? 'pushed' : undefined
  }

  keep(push: PushedResponse): void {
    this.pushed.push(push)
    if (this.pushed.length > PUSHES) this.pushed.shift()
  }

  private takePush(url: string): PushedResponse | undefined {
    const push = this.pushed.find((candidate) => formatUrl(candidate.url) === url)
    if (push === undefined) return undefined
    this.pushed = this.pushed.filter((other) => other !== push)
    return push.isOffered ? push : undefined
  }

  // What comes of a fetch.

  private *tellStored(fetch: Fetch, { status, fields, body }: StoredResponse): Blocking<void> {
    yield* this.context.sleep(0)
    const load = this.loads.get(fetch)
    if (load === undefined) return
    this.loads.delete(fetch)
    fetch.status = status
    load.owner.responded(fetch, status, fields)
    for (const part of body) load.owner.received(fetch, part)
    fetch.end('from-cache', '', '')
    load.owner.ended(fetch)
  }

  responded(fetch: Fetch, status: number, fields: readonly HeaderField[]): void {
    const load = this.loads.get(fetch)
    if (load === undefined) return
    load.fields = fields
    this.noteStrict(fetch, fields)
    this.noteServices(fetch, fields)
    // RFC 8470 section 5.2: asked for too early, in data that may be a replay. Once is enough: by now the handshake is over.
    if (status === 425 && fetch.wasEarly) load.location = fetch.url
    if (load.location !== undefined) return
    if (MOVED.has(status)) {
      const location = fieldValue(fields, 'location')
      load.location = location === undefined ? undefined : resolveUrl(fetch.url, location)
      if (load.location !== undefined) {
        fetch.location = formatUrl(load.location)
        return
      }
    }
    const { now } = this.context.environment
    const url = formatUrl(fetch.url)
    if (status === 304 && fetch.conditions.length > 0) load.confirmed = this.cache.confirm(url, fields, now)
    else if (this.settings.cache && fetch.method === 'GET' && isStorable(status, fields)) load.body = []
    if (load.confirmed === undefined) load.owner.responded(fetch, status, fields)
    else load.owner.responded(fetch, load.confirmed.status, load.confirmed.fields)
  }

  received(fetch: Fetch, bytes: Uint8Array): void {
    const load = this.loads.get(fetch)
    if (load === undefined || load.location !== undefined || load.confirmed !== undefined) return
    if (fetch.bytes > LARGEST_KEPT) load.body = undefined
    load.body?.push(bytes.slice())
    load.owner.received(fetch, bytes)
  }

  ended(fetch: Fetch): void {
    const load = this.loads.get(fetch)
    if (load === undefined) return
    this.loads.delete(fetch)
    const { owner, body, fields, location, confirmed } = load
    if (location !== undefined) {
      this.redirect(fetch, owner, location)
      return
    }
    for (const part of confirmed?.body ?? []) owner.received(fetch, part)
    const url = formatUrl(fetch.url)
    if (body !== undefined)
      this.cache.store(url, { status: fetch.status, fields, body, length: fetch.bytes }, this.context.environment.now)
    // RFC 9111 section 4.4: what was changed there is not what it was.
    else if (fetch.method !== 'GET') this.cache.drop(url)
    owner.ended(fetch)
  }

  failed(fetch: Fetch, failure: Failure): void {
    const load = this.loads.get(fetch)
    if (load === undefined) return
    this.loads.delete(fetch)
    this.tellFailure(fetch, load.owner, failure)
  }

  private tellFailure(fetch: Fetch, owner: LoadOwner, failure: Failure): void {
    const { id, url } = fetch
    this.context.environment.record('http:request-failed', '', { id, url: formatUrl(url), ...failure })
    owner.failed(fetch, failure)
  }

  private redirect(fetch: Fetch, owner: LoadOwner, location: HttpUrl): void {
    const { request, status } = fetch
    if (request.redirects >= REDIRECTS) {
      this.tellFailure(fetch, owner, {
        error: 'ERR_TOO_MANY_REDIRECTS',
        detail: `${String(REDIRECTS)} redirects, and no end`,
        cites: 'RFC 9110 section 15.4',
        whose: 'remote',
      })
      return
    }
    // RFC 9110 section 15.4: 301 and 302 turn POST into GET, as they always did, and 303 is for that; 307 and 308 are made not to.
    const upload = status === 307 || status === 308 || status === 425 ? request.upload : 0
    const next = this.create(owner, { ...request, url: location, upload, initiator: fetch.id, redirects: request.redirects + 1 })
    owner.redirected(fetch, next)
    if (!next.isCancelled) this.start(next, false)
  }

  /** Whether there is a connection to a server without any certificate error. */
  private isSecure(url: HttpUrl): boolean {
    return this.originOf(url).connections.some(({ peerChain }) => peerChain !== undefined)
  }

  /** RFC 7838 section 3, and section 2.1: only who has shown that he is the origin is believed. */
  private noteServices({ url }: Fetch, fields: readonly HeaderField[]): void {
    const value = url.scheme === 'https' ? fieldValue(fields, 'alt-svc') : undefined
    const services = value === undefined ? undefined : parseAltSvc(value)
    if (services === undefined || !this.isSecure(url)) return
    const age = fieldValue(fields, 'age') ?? ''
    this.http3.note(url, services, /^\d{1,15}$/.test(age) ? Number(age) : 0)
  }

  /** RFC 6797 section 8.1: only what comes over a connection without any certificate error counts. */
  private noteStrict({ url }: Fetch, fields: readonly HeaderField[]): void {
    if (url.scheme !== 'https') return
    const value = fieldValue(fields, 'strict-transport-security')
    const policy = value === undefined ? undefined : parseStrictTransport(value)
    if (policy === undefined) return
    if (!this.isSecure(url) || !this.strict.note(url.host, policy, this.context.wallClock())) return
    const { maxAge, includeSubDomains } = policy
    const { environment } = this.context
    if (maxAge === 0) environment.record('hsts:forgotten', '', { host: url.host })
    else environment.record('hsts:remembered', '', { host: url.host, maxAge, includeSubDomains })
  }
}

/** @param chain that was found good for another name of the same server */
function isCertificateFor(chain: readonly Uint8Array[], host: string): boolean {
  return chain.length > 0 && isNamed(decodeCertificate(chain[0]).known.subjectAltName ?? [], host)
}
