import type { AppContext } from '../host/socket.ts'
import type { IpAddress } from '../wire/address.ts'
import { rankOf } from './fetch-priority.ts'
import type { Loss } from './http-exchange.ts'
import type { PushCache } from './pushed-response.ts'
import { protocolsFor, WebConnection } from './web-connection.ts'
import type { ConnectionOwner, ConnectionSettings, Ticket } from './web-connection.ts'
import type { Failure, Fetch } from './web-fetch.ts'
import { formatOrigin, formatUrl } from './url.ts'
import type { HttpUrl } from './url.ts'

export interface OriginSettings extends ConnectionSettings {
  /** Most connections at a time, in HTTP/1.x. */
  readonly connections: number
  readonly pipelining: boolean
}

/** What an origin asks of its browser. */
export interface OriginOwner {
  readonly settings: OriginSettings
  readonly pushes: PushCache
  /** Whether the host is to be visited over https only (RFC 6797). */
  isStrict(host: string): boolean
  /** An open connection of HTTP/2 to one of these addresses whose certificate is for this host, too. */
  findShared(url: HttpUrl, addresses: readonly IpAddress[]): WebConnection | undefined
  /** A request has to find its connection anew. */
  again(fetch: Fetch): void
}

/** Failures after which an idempotent request may be sent again: the server may have closed a kept connection just then. */
const RETRIED = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'incomplete'])
/** How often a request is sent again at most, whoever announced what. */
const PATIENCE = 20
/** How many tickets are kept for a server. */
const TICKETS = 8

/** What a browser does with one server: the requests that wait, and the connections that carry them. */
export class WebOrigin implements ConnectionOwner {
  readonly settings: OriginSettings
  /** The most urgent first, and of those the oldest. */
  private readonly pending: Fetch[] = []
  readonly connections: WebConnection[] = []
  private readonly tickets: Ticket[] = []
  /** Whether the next connection carries requests over from a broken one. */
  private isCautious = false
  /** Whether its server is known to speak HTTP/1.x only. */
  private isOld = false
  /** A connection is wanted though there is no request yet. */
  private isAwaited = false

  constructor(
    private readonly context: AppContext,
    private readonly owner: OriginOwner,
    private readonly url: HttpUrl,
  ) {
    this.settings = owner.settings
  }

  get pushes(): PushCache {
    return this.owner.pushes
  }

  get mayProceed(): boolean {
    return !this.owner.isStrict(this.url.host)
  }

  fetch(fetch: Fetch): void {
    this.enqueue(fetch)
    this.available()
  }

  /** Opens a connection that will be wanted soon. */
  preconnect(): void {
    if (this.connections.length > 0) return
    this.isAwaited = true
    this.available()
  }

  private enqueue(fetch: Fetch): void {
    const { pending } = this
    const rank = rankOf(fetch.priority)
    let at = pending.length
    while (at > 0 && rankOf(pending[at - 1].priority) > rank) at--
    pending.splice(at, 0, fetch)
  }

  /** Its priority has changed. */
  reprioritise(fetch: Fetch): void {
    const at = this.pending.indexOf(fetch)
    if (at >= 0) {
      this.pending.splice(at, 1)
      this.enqueue(fetch)
      return
    }
    this.connections.find((candidate) => candidate.has(fetch))?.reprioritise(fetch)
  }

  /** Nobody wants this any more: the request is forgotten, or its connection is given up. */
  cancel(fetch: Fetch): void {
    fetch.isCancelled = true
    const at = this.pending.indexOf(fetch)
    if (at >= 0) {
      this.pending.splice(at, 1)
      this.dismiss(fetch)
      fetch.end('cancelled', '', '')
      return
    }
    const connection = this.connections.find((candidate) => candidate.has(fetch))
    fetch.end('cancelled', connection?.protocol ?? '', connection?.connection ?? '')
    if (connection === undefined || connection.cancel(fetch)) return
    this.forget(connection)
    connection.abort()
  }

  /** Ends all connections, which nobody uses now. @returns them */
  close(): readonly WebConnection[] {
    for (const connection of this.connections) connection.abort()
    return this.connections.splice(0)
  }

  /** Hands out what waits to connections that can take it, and opens what is missing. */
  available(): void {
    this.isOld ||= this.connections.some(({ protocol }) => protocol !== undefined && protocol !== 'h2')
    for (;;) {
      const [fetch] = this.pending
      const connection = this.pending.length > 0 ? this.choose(fetch) : undefined
      if (connection === undefined) break
      this.pending.shift()
      this.dismiss(fetch)
      connection.begin(fetch)
    }
    this.open()
    this.appointHeralds()
  }

  private open(): void {
    const { connections, context, pending, url } = this
    const limit = this.connectionLimit
    let opening = connections.filter(({ isOpening, isTaken }) => isOpening && !isTaken).length
    const wanted = Math.max(pending.length, this.isAwaited ? 1 : 0)
    while (opening < wanted && connections.filter(({ isRetired }) => !isRetired).length < limit) {
      const connection = new WebConnection(context, this, url, this.isCautious)
      this.isCautious = false
      connections.push(connection)
      connection.herald = this.pending.find((fetch) => !connections.some(({ herald }) => herald === fetch))
      connection.open()
      opening++
    }
    this.isAwaited = false
  }

  /**
   * One is enough for HTTP/2. Where the server might speak it, the first connection has to say so before there is a second one: so does
   * Firefox; Chrome opens several to a server that it does not know, and drops what it does not need.
   */
  private get connectionLimit(): number {
    const mayMultiplex = !this.isOld && protocolsFor(this.settings, this.url).includes('h2')
    return mayMultiplex ? 1 : this.settings.connections
  }

  private choose(fetch: Fetch): WebConnection | undefined {
    const { connections, settings } = this
    const idle = connections.find(({ isIdle }) => isIdle)
    // Only where no further connection can be had, or is being had, requests queue up behind others.
    const isFull = connections.length >= this.connectionLimit && !connections.some(({ isOpening }) => isOpening)
    if (idle || !settings.pipelining || fetch.method === 'POST' || !isFull) return idle
    let best: WebConnection | undefined
    for (const candidate of connections) {
      if (candidate.canPipeline && (best === undefined || candidate.load < best.load)) best = candidate
    }
    return best
  }

  /** A fetch waits no longer for the connection that was opened for it. */
  private dismiss(fetch: Fetch): void {
    for (const connection of this.connections) if (connection.herald === fetch) connection.herald = undefined
  }

  /** Each connection that is being opened is so for the first fetch that has none; what waits for none is queued. */
  private appointHeralds(): void {
    for (const connection of this.connections) {
      const { herald, isOpening } = connection
      if (isOpening || herald === undefined) continue
      connection.herald = undefined
      herald.enter('queued', '')
    }
    const free = this.connections.filter(({ herald, isOpening, isTaken }) => isOpening && !isTaken && herald === undefined)
    for (const fetch of this.pending) {
      if (free.length === 0) return
      if (this.connections.some(({ herald }) => herald === fetch)) continue
      const connection = free.shift()
      if (connection === undefined) return
      connection.herald = fetch
      fetch.enter(connection.phase, '')
    }
  }

  private forget(connection: WebConnection): void {
    const at = this.connections.indexOf(connection)
    if (at >= 0) this.connections.splice(at, 1)
    connection.herald?.enter('queued', '')
    connection.herald = undefined
  }

  firstRequest(): Fetch | undefined {
    return this.pending[0]?.method === 'GET' ? this.pending.shift() : undefined
  }

  coalesced(connection: WebConnection, addresses: readonly IpAddress[]): boolean {
    const shared = this.url.scheme === 'https' ? this.owner.findShared(this.url, addresses) : undefined
    if (shared === undefined) return false
    this.forget(connection)
    this.connections.push(shared)
    shared.share(this)
    this.context.environment.record('http:connection-coalesced', shared.connection, { origin: formatOrigin(this.url) })
    this.available()
    return true
  }

  takeTicket(): Ticket | undefined {
    return this.tickets.pop()
  }

  keepTicket(ticket: Ticket): void {
    this.tickets.push(ticket)
    if (this.tickets.length > TICKETS) this.tickets.shift()
  }

  returned(fetch: Fetch, failure: Failure): void {
    this.sendAgain([fetch], { failure, announced: true, broken: [], unanswered: [fetch] })
  }

  refused(connection: WebConnection, failure: Failure, first: readonly Fetch[]): void {
    this.forget(connection)
    this.pending.unshift(...first.filter(({ isCancelled }) => !isCancelled))
    // Where one connection works, requests wait for that one.
    if (this.connections.some(({ isOpening }) => !isOpening)) {
      if (first.length > 0) this.available()
      return
    }
    for (const fetch of this.pending.splice(0)) {
      this.dismiss(fetch)
      if (!fetch.isCancelled) fetch.fail(failure)
    }
  }

  gone(connection: WebConnection, loss: Loss): void {
    const { failure, broken, unanswered } = loss
    this.forget(connection)
    for (const fetch of broken) if (!fetch.isCancelled) fetch.fail(failure, connection.connection, connection.protocol)
    this.sendAgain(unanswered, loss, connection)
    this.available()
  }

  private sendAgain(unanswered: readonly Fetch[], loss: Loss, connection?: WebConnection): void {
    const { failure, announced } = loss
    const again: Fetch[] = []
    for (const fetch of unanswered) {
      if (fetch.isCancelled) continue
      if (!mayRetry(fetch, loss)) {
        fetch.fail(failure, connection?.connection, connection?.protocol)
        continue
      }
      if (!announced) fetch.retries++
      fetch.returns++
      again.push(fetch)
    }
    if (again.length === 0) return
    this.isCautious = true
    const ids = again.map(({ id }) => id)
    this.context.environment.record('http:requests-retried', '', {
      ids,
      url: formatUrl(this.url),
      error: failure.error,
      announced,
    })
    for (const fetch of again) fetch.enter('queued', '')
    const own = again.filter(({ url }) => formatOrigin(url) === formatOrigin(this.url))
    this.pending.unshift(...own)
    for (const fetch of again) if (!own.includes(fetch)) this.owner.again(fetch)
  }
}

/**
 * RFC 9110 section 9.2.2, RFC 9112 section 9.3.1: an idempotent request may be sent again by itself when a connection that was kept has
 * died under it; once, so that a server which dies of the request is not asked for ever. What stands behind an announced close was
 * never read, and may be sent again more often.
 */
function mayRetry({ method, wasReused, retries, returns }: Fetch, { announced, failure }: Loss): boolean {
  if (method !== 'GET') return false
  if (returns >= PATIENCE) return false
  return announced || (wasReused && retries === 0 && RETRIED.has(failure.error))
}
