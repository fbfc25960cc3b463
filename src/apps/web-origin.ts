import type { AppContext } from '../host/socket.ts'
import { WebConnection } from './web-connection.ts'
import type { ConnectionOwner, ConnectionSettings, Loss } from './web-connection.ts'
import type { Failure, Fetch } from './web-fetch.ts'
import { formatUrl } from './url.ts'
import type { HttpUrl } from './url.ts'

export interface OriginSettings extends ConnectionSettings {
  /** Most connections at a time. */
  readonly connections: number
  readonly pipelining: boolean
}

/** Failures after which an idempotent request may be sent again: the server may have closed a kept connection just then. */
const RETRIED = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'incomplete'])

/** What a browser does with one server: the requests that wait, and the connections that carry them. */
export class WebOrigin implements ConnectionOwner {
  private readonly pending: Fetch[] = []
  private readonly connections: WebConnection[] = []
  /** Whether the next connection carries requests over from a broken one. */
  private isCautious = false

  constructor(
    private readonly context: AppContext,
    readonly settings: OriginSettings,
    private readonly url: HttpUrl,
  ) {}

  fetch(fetch: Fetch): void {
    this.pending.push(fetch)
    this.available()
  }

  /** Nobody wants this any more: the request is forgotten, or its connection is given up. */
  cancel(fetch: Fetch): void {
    fetch.isCancelled = true
    const at = this.pending.indexOf(fetch)
    if (at >= 0) {
      this.pending.splice(at, 1)
      return
    }
    const connection = this.connections.find((candidate) => candidate.has(fetch))
    if (connection === undefined) return
    this.forget(connection)
    connection.abort()
  }

  /** Hands out what waits to connections that can take it, and opens what is missing. */
  available(): void {
    for (;;) {
      const [fetch] = this.pending
      const connection = this.pending.length > 0 ? this.choose(fetch) : undefined
      if (connection === undefined) break
      this.pending.shift()
      connection.begin(fetch)
    }
    const { connections, context, pending } = this
    let opening = connections.filter(({ isOpening, isTaken }) => isOpening && !isTaken).length
    while (opening < pending.length && connections.length < this.settings.connections) {
      const connection = new WebConnection(context, this, this.isCautious)
      this.isCautious = false
      connections.push(connection)
      const { host, port } = this.url
      connection.open(() => context.sockets.resolveAll(host), port)
      opening++
    }
  }

  private choose(fetch: Fetch): WebConnection | undefined {
    const { connections, settings } = this
    const idle = connections.find(({ isIdle }) => isIdle)
    // Only where no further connection can be had, or is being had, requests queue up behind others.
    const isFull = connections.length >= settings.connections && !connections.some(({ isOpening }) => isOpening)
    if (idle || !settings.pipelining || fetch.method === 'POST' || !isFull) return idle
    let best: WebConnection | undefined
    for (const candidate of connections) {
      if (candidate.canPipeline && (best === undefined || candidate.load < best.load)) best = candidate
    }
    return best
  }

  private forget(connection: WebConnection): void {
    const at = this.connections.indexOf(connection)
    if (at >= 0) this.connections.splice(at, 1)
  }

  firstRequest(): Fetch | undefined {
    return this.pending[0]?.method === 'GET' ? this.pending.shift() : undefined
  }

  refused(connection: WebConnection, failure: Failure, first: Fetch | undefined): void {
    this.forget(connection)
    if (first !== undefined && !first.isCancelled) this.pending.unshift(first)
    // Where one connection works, requests wait for that one.
    if (this.connections.some(({ isOpening }) => !isOpening)) {
      if (first !== undefined) this.available()
      return
    }
    for (const fetch of this.pending.splice(0)) if (!fetch.isCancelled) fetch.owner.failed(fetch, failure)
  }

  gone(connection: WebConnection, loss: Loss): void {
    const { failure, announced, broken, unanswered } = loss
    this.forget(connection)
    broken?.owner.failed(broken, failure)
    const again: Fetch[] = []
    for (const fetch of unanswered) {
      if (fetch.isCancelled) continue
      if (!mayRetry(fetch, loss)) {
        fetch.owner.failed(fetch, failure)
        continue
      }
      if (!announced) fetch.retries++
      again.push(fetch)
    }
    if (again.length > 0) {
      this.isCautious = true
      this.pending.unshift(...again)
      const ids = again.map(({ id }) => id)
      this.context.environment.record('http:requests-retried', '', {
        ids,
        url: formatUrl(this.url),
        error: failure.error,
        announced,
      })
    }
    this.available()
  }
}

/**
 * RFC 9110 section 9.2.2, RFC 9112 section 9.3.1: an idempotent request may be sent again by itself when a connection that was kept has
 * died under it; once, so that a server which dies of the request is not asked for ever. What stands behind an announced close was
 * never read, and may be sent as often as it takes.
 */
function mayRetry({ method, wasReused, retries }: Fetch, { announced, failure }: Loss): boolean {
  if (method !== 'GET') return false
  return announced || (wasReused && retries === 0 && RETRIED.has(failure.error))
}
