import type { AppContext, Blocking, Task } from '../host/socket.ts'
import type { IpAddress } from '../wire/address.ts'
import { rankOf } from './fetch-priority.ts'
import type { Http3Memory, Http3Place } from './http3-choice.ts'
import type { Loss } from './http-exchange.ts'
import type { PushCache } from './pushed-response.ts'
import { QuicWebConnection } from './quic-web-connection.ts'
import { TcpWebConnection } from './tcp-web-connection.ts'
import { tcpProtocolsFor } from './web-connection.ts'
import type { ConnectionOwner, ConnectionSettings, QuicTicket, Ticket, WebConnection } from './web-connection.ts'
import type { Failure, Fetch } from './web-fetch.ts'
import type { Nanos } from '../kernel/time.ts'
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
  readonly http3: Http3Memory
  /** Whether the host is to be visited over https only (RFC 6797). */
  isStrict(host: string): boolean
  /** An open connection like this one, to one of these addresses, whose certificate is for this host, too. */
  findShared(url: HttpUrl, addresses: readonly IpAddress[], like: WebConnection): WebConnection | undefined
  /** A request has to find its connection anew. */
  again(fetch: Fetch): void
}

/** Failures after which an idempotent request may be sent again: the server may have closed a kept connection just then. */
const RETRIED = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'incomplete'])
/** And those that say nothing about the server. */
const NOT_ITS_FAULT = new Set([
  'ERR_NETWORK_CHANGED',
  'ERR_QUIC_PROTOCOL_ERROR',
  'ERR_QUIC_HANDSHAKE_FAILED',
  'ERR_CONNECTION_RESET',
])
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
  private readonly quicTickets: QuicTicket[] = []
  /** Shown by the next QUIC connection (RFC 9000 section 8.1.3). */
  private token: Uint8Array | undefined
  /** The head start of QUIC, while it lasts. */
  private headStart: Task | undefined
  /** QUIC has failed here, and it is to be seen whether TCP does better. */
  private suspicion: { readonly place: Http3Place; readonly error: string } | undefined
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
    // Even where something else can take it: the next ones will have it (RFC 7838 section 2.4).
    this.openQuic()
    this.available()
  }

  /** Opens a connection that will be wanted soon. */
  preconnect(): void {
    if (this.connections.length > 0) return
    this.isAwaited = true
    this.openQuic()
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
    this.headStart?.cancel()
    for (const connection of this.connections) {
      this.noteRoundTrip(connection)
      connection.abort()
    }
    return this.connections.splice(0)
  }

  /** The host has other ways to the outside than before. */
  networkChanged(): void {
    for (const connection of [...this.connections]) connection.networkChanged()
  }

  private noteRoundTrip({ smoothedRtt }: WebConnection): void {
    if (smoothedRtt !== undefined) this.owner.http3.noteRoundTrip(this.url, smoothedRtt)
  }

  /** Hands out what waits to connections that can take it, and opens what is missing. */
  available(): void {
    const open = this.overTcp.filter(({ isOpening }) => !isOpening)
    this.isOld ||= open.some(({ protocol }) => protocol !== undefined && protocol !== 'h2')
    if (open.length > 0) this.confirmSuspicion()
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

  private get overTcp(): WebConnection[] {
    return this.connections.filter(({ transport }) => transport === 'tcp')
  }

  /** The connection of HTTP/3 that is there, or in the making. */
  private get overQuic(): WebConnection | undefined {
    return this.connections.find(({ transport, isRetired }) => transport === 'quic' && !isRetired)
  }

  /** Whether requests do better to wait for HTTP/3 than to have a connection of TCP opened. */
  private get awaitsQuic(): boolean {
    const { overQuic } = this
    return overQuic !== undefined && (!overQuic.isOpening || this.headStart?.done === false || !this.hasTcp)
  }

  private get hasTcp(): boolean {
    return tcpProtocolsFor(this.settings, this.url).length > 0
  }

  private open(): void {
    const { connections, context, pending, url } = this
    if (pending.length > 0) this.openQuic()
    if (this.awaitsQuic) return
    const limit = this.connectionLimit
    let opening = this.overTcp.filter(({ isOpening, isTaken }) => isOpening && !isTaken).length
    const wanted = Math.max(pending.length, this.isAwaited ? 1 : 0)
    while (opening < wanted && this.overTcp.filter(({ isRetired }) => !isRetired).length < limit) {
      const connection = new TcpWebConnection(context, this, url, this.isCautious)
      this.isCautious = false
      connections.push(connection)
      // Where both race, the first in line watches QUIC.
      if (this.overQuic === undefined) connection.herald = this.firstWithoutHerald
      connection.open()
      opening++
    }
    this.isAwaited = false
  }

  /** Opens a connection of HTTP/3 where there is a place for it, and gives it its head start. */
  private openQuic(): void {
    // Once it has failed, TCP has to show first whether that was QUIC's fault.
    if (this.overQuic !== undefined || this.suspicion !== undefined) return
    const { context, url, owner } = this
    const place = owner.http3.placeFor(url)
    if (place === undefined) return
    const connection = new QuicWebConnection(context, this, url, place)
    this.connections.push(connection)
    connection.herald = this.firstWithoutHerald
    this.headStart?.cancel()
    this.headStart = context.spawn(this.awaitQuic(owner.http3.headStart(url, place)))
    connection.open()
    this.isAwaited = false
  }

  private *awaitQuic(headStart: Nanos): Blocking<void> {
    yield* this.context.sleep(headStart)
    this.headStart = undefined
    this.available()
  }

  private get firstWithoutHerald(): Fetch | undefined {
    return this.pending.find((fetch) => !this.connections.some(({ herald }) => herald === fetch))
  }

  /** TCP works, where QUIC did not. */
  private confirmSuspicion(): void {
    const { suspicion, owner, url } = this
    if (suspicion === undefined) return
    this.suspicion = undefined
    owner.http3.failed(url, suspicion.place, suspicion.error)
  }

  /**
   * One is enough for HTTP/2. Where the server might speak it, the first connection has to say so before there is a second one: so does
   * Firefox; Chrome opens several to a server that it does not know, and drops what it does not need.
   */
  private get connectionLimit(): number {
    const protocols = tcpProtocolsFor(this.settings, this.url)
    if (protocols.length === 0) return 0
    return !this.isOld && protocols.includes('h2') ? 1 : this.settings.connections
  }

  private choose(fetch: Fetch): WebConnection | undefined {
    const { connections, settings } = this
    // What goes out in early data may be a replay to the server: nothing but GET (RFC 8470 section 3).
    const canTake = ({ isIdle, isEarly }: WebConnection): boolean => isIdle && !(isEarly && fetch.method !== 'GET')
    const idle = connections.find((one) => one.transport === 'quic' && canTake(one)) ?? connections.find(canTake)
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
    const races = this.overQuic !== undefined
    const free = this.connections.filter(
      ({ herald, isOpening, isTaken, transport }) =>
        isOpening && !isTaken && herald === undefined && !(races && transport === 'tcp'),
    )
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
    const shared = this.url.scheme === 'https' ? this.owner.findShared(this.url, addresses, connection) : undefined
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

  takeQuicTicket(): QuicTicket | undefined {
    return this.quicTickets.pop()
  }

  keepQuicTicket(ticket: QuicTicket): void {
    this.quicTickets.push(ticket)
    if (this.quicTickets.length > TICKETS) this.quicTickets.shift()
  }

  takeToken(): Uint8Array | undefined {
    const { token } = this
    this.token = undefined
    return token
  }

  keepToken(token: Uint8Array): void {
    this.token = token
  }

  quicConfirmed(place: Http3Place): void {
    this.suspicion = undefined
    this.owner.http3.confirmed(place)
  }

  quicFailed(place: Http3Place, { error }: Failure): void {
    if (this.hasTcp) this.suspicion = { place, error }
  }

  returned(fetch: Fetch, failure: Failure): void {
    this.sendAgain([fetch], { failure, announced: true, broken: [], unanswered: [fetch] })
  }

  refused(connection: WebConnection, failure: Failure, first: readonly Fetch[]): void {
    this.forget(connection)
    this.pending.unshift(...first.filter(({ isCancelled }) => !isCancelled))
    // Where one connection works, requests wait for that one; and where the other transport is still being tried, or can be.
    const isElsewhere = connection.transport === 'quic' ? this.hasTcp : this.overQuic !== undefined
    if (isElsewhere || this.connections.some(({ isOpening }) => !isOpening)) {
      if (first.length > 0 || isElsewhere) this.available()
      return
    }
    this.suspicion = undefined
    for (const fetch of this.pending.splice(0)) {
      this.dismiss(fetch)
      if (!fetch.isCancelled) fetch.fail(failure)
    }
  }

  gone(connection: WebConnection, loss: Loss): void {
    const { failure, broken, unanswered } = loss
    this.noteRoundTrip(connection)
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
  if (announced) return true
  return retries === 0 && (NOT_ITS_FAULT.has(failure.error) || (wasReused && RETRIED.has(failure.error)))
}
