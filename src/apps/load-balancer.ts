import { randomBytesFrom } from '../crypto/random-bytes.ts'
import { SocketError } from '../host/socket.ts'
import type { App, AppContext, Blocking } from '../host/socket.ts'
import type { Http2Scheduler } from '../protocols/http2/options.ts'
import { webSocketKey } from '../protocols/websocket/opening.ts'
import { STRATEGIES } from '../scenario/balancing-strategy.ts'
import type { StrategyName } from '../scenario/balancing-strategy.ts'
import { encodeLatin1 } from '../wire/http1.ts'
import type { HeaderField } from '../wire/http1.ts'
import { parseIp } from '../wire/address.ts'
import type { Backend } from './balancing/backend.ts'
import { checkHealth } from './balancing/health-check.ts'
import { httpProbe } from './balancing/http-probe.ts'
import { PickQueue } from './balancing/pick-queue.ts'
import type { Refusal } from './balancing/pick-queue.ts'
import { BackendPool } from './balancing/pool.ts'
import { RetryBudget } from './balancing/retry-budget.ts'
import { hashOfWanted } from './balancing/strategy.ts'
import type { Wanted } from './balancing/strategy.ts'
import { within } from './balancing/time-limit.ts'
import { endToEnd, pathOf, requestFields, VIA } from './forwarding.ts'
import { sharing, type Failover } from './l4/failover.ts'
import { HttpFront, LIVE_TLS } from './http-front.ts'
import type { BodyStream, HttpService, SiteAnswer, SiteRecord, SiteRequest, Upgrade } from './http-service.ts'
import { LOAD_BALANCER_DEFAULTS } from './load-balancer-options.ts'
import type { LoadBalancerOptions, RetryCause } from './load-balancer-options.ts'
import { cookieOf, Stickiness } from './load-balancer-stickiness.ts'
import { Tunnels } from './load-balancer-tunnel.ts'
import { choiceSetting, countSetting, fixedSetting, flagSetting, LONGEST, numberSetting } from './setting.ts'
import { IDEMPOTENT, Upstream } from './upstream.ts'
import type { UpgradedUpstream, UpstreamProgress, UpstreamResponse } from './upstream.ts'
import { formatAuthority, parseUrl } from './url.ts'
import type { HttpUrl } from './url.ts'

const LIVE = [
  'strategy',
  'maxConnections',
  'queue',
  'queueTimeout',
  'retries',
  'retryBudget',
  'tryTimeout',
  'keepAlive',
  'backends[0].weight',
  '.drain',
  LIVE_TLS,
]

/** Strategies that go by the hash of the key. */
const HASHING: ReadonlySet<StrategyName> = new Set(['modulo', 'ring', 'bounded-ring', 'maglev'])

/** How many retries a budget allows before there were requests. */
const RETRY_RESERVE = 10

/** How many idle connections to a server are kept. */
const IDLE_LIMIT = 1024

/** Why a server did not serve, and what the client is told when nobody does. */
interface Failure {
  readonly why: RetryCause
  readonly status: 502 | 504
  readonly detail: string
}

/** What one server made of a request. */
type Outcome = { readonly answer: UpstreamResponse | UpgradedUpstream } | { readonly failure: Failure }

/** A request on its way through. */
interface Passage {
  readonly request: SiteRequest
  readonly record: SiteRecord
  /** Whether nothing has been read of its body, so that another server can have it from the beginning. */
  isFresh: boolean
  /** Whether the client has broken off. */
  isAbandoned: boolean
}

/** Sends it to a server. Throws SocketError. */
type Attempt = (upstream: Upstream, progress: UpstreamProgress) => Blocking<UpstreamResponse | UpgradedUpstream>

/**
 * A load balancer of layer 7: takes requests over HTTP/1.1 and HTTP/2, under TLS or not, and gives each to one of several servers, over
 * HTTP/1.1. It passes on bodies in both directions as they come, whole or not, so that streams of events and uploads go through; what
 * became of a WebSocket it carries without understanding it, and turns one over HTTP/2 (RFC 8441) into one over HTTP/1.1 (RFC 6455).
 *
 * Records `balancer:picked {backend, strategy, method, target, attempt, waited, active, hash}` (`active`: how many that server has now, with this
 * one; `hash`: of the key, where the strategy goes by it), `balancer:answered {backend, backendConnection, status,
 * duration}`, `balancer:failed {backend, why, detail}`, `balancer:retried {backend, why, attempt}`, `balancer:refused {why, status}`,
 * `balancer:tunnel-opened {backend, backendConnection, protocol}` and `balancer:tunnel-closed {backend, up, down, isSilent}`; and what the pool records.
 */
export class LoadBalancer implements App, HttpService {
  readonly digests: boolean
  readonly keepsBodies = false
  readonly streamsBodies = true
  readonly scheduler: Http2Scheduler = 'priority'
  keepAlive: boolean
  private readonly front: HttpFront
  private readonly urls: readonly HttpUrl[]
  private readonly budget: RetryBudget
  private upstreams: readonly Upstream[] = []
  private state: { readonly context: AppContext; readonly pool: BackendPool; readonly queue: PickQueue } | undefined
  private stickiness: Stickiness | undefined
  private failover: Failover | undefined
  private tunnels: Tunnels | undefined
  private options: LoadBalancerOptions

  constructor(options: Partial<LoadBalancerOptions>) {
    const all = { ...LOAD_BALANCER_DEFAULTS, ...options }
    this.options = all
    this.keepAlive = all.keepAlive
    this.digests = all.digest
    this.front = new HttpFront(all, this)
    this.budget = new RetryBudget(all.retryBudget, RETRY_RESERVE)
    this.urls = all.backends.map(({ url: text }) => {
      const url = parseUrl(text)
      if (url === undefined) throw new RangeError(`'${text}' is no address of a server`)
      return url
    })
  }

  *main(context: AppContext): Blocking<void> {
    const { options, urls } = this
    const { backends, backendTls, connectTimeout, check } = options
    const names = namesOf(urls)
    this.upstreams = urls.map(
      (url) => new Upstream(url, backendTls, { connectTimeout, watchesIdle: true, idleLimit: IDLE_LIMIT }),
    )
    const pool = new BackendPool(context.environment, {
      ...options,
      backends: backends.map(({ weight }, i) => ({ name: names[i], weight })),
      rise: check?.rise ?? 1,
      fall: check?.fall ?? 1,
    })
    this.state = { context, pool, queue: new PickQueue(context, pool, options.queue, options.queueTimeout) }
    this.tunnels = new Tunnels(context, pool, options)
    if (options.sticky !== undefined) this.stickiness = new Stickiness(options.sticky, pool)
    pool.onDown = (backend) => {
      this.cut(backend)
    }
    for (const backend of pool.backends) {
      if (backends[backend.index].drain) pool.drain(backend, true)
      if (check === undefined) continue
      const probe = httpProbe(context, urls[backend.index], backendTls, check.path)
      context.spawn(checkHealth(context, pool, backend, check, probe))
    }
    yield* sharing(context, options.failover, this.front.main(context), (failover) => {
      this.failover = failover
    })
  }

  /** `strategy`, `maxConnections`, `queue`, `queueTimeout`, `retries`, `retryBudget`, `tryTimeout`, `backends[i].weight`, `.drain`; of new connections: `keepAlive`, and all of `tls`. */
  configure(path: string, value: unknown): void {
    const [, index, key] = /^backends\[(\d+)\]\.(weight|drain)$/.exec(path) ?? []
    const { state } = this
    if (this.failover !== undefined && path.startsWith('failover.')) {
      this.failover.configure(path.slice('failover.'.length), value)
      return
    }
    if (index !== undefined) {
      const backend = state?.pool.backends[Number(index)]
      if (backend === undefined) throw fixedSetting(path, LIVE)
      if (key === 'drain') state?.pool.drain(backend, flagSetting(path, value))
      else state?.pool.setWeight(backend, numberSetting(path, value, 0.01, 256))
      return
    }
    switch (path) {
      case 'strategy':
        this.options = { ...this.options, strategy: choiceSetting(path, value, STRATEGIES) }
        state?.pool.setStrategy(this.options.strategy)
        return
      case 'maxConnections':
        state?.pool.setLimit(countSetting(path, value, 0, 1_000_000))
        return
      case 'queue':
        if (state !== undefined) state.queue.limit = countSetting(path, value, 0, 1_000_000)
        return
      case 'queueTimeout':
        if (state !== undefined) state.queue.timeout = countSetting(path, value, 0, LONGEST)
        return
      case 'retries':
        this.options = { ...this.options, retries: countSetting(path, value, 0, 100) }
        return
      case 'retryBudget':
        this.budget.share = numberSetting(path, value, 0, 1)
        return
      case 'tryTimeout':
        this.options = { ...this.options, tryTimeout: countSetting(path, value, 0, LONGEST) }
        return
      case 'keepAlive':
        this.keepAlive = flagSetting(path, value)
        return
      default:
        if (!this.front.configure(path, value)) throw fixedSetting(path, LIVE)
    }
  }

  delayOf(): number {
    return 0
  }

  pushesOf(): readonly string[] {
    return []
  }

  *answer(request: SiteRequest, record: SiteRecord): Blocking<SiteAnswer> {
    const { method, target } = request
    const passage: Passage = { request, record, isFresh: true, isAbandoned: false }
    const stream = request.incoming && watched(request.incoming, passage)
    const placed = yield* this.place(passage, method, (upstream, progress) => {
      const fields = requestFields(request, formatAuthority(upstream.url))
      const more = stream === undefined ? {} : { stream }
      return upstream.fetch(this.context, { method, target: pathOf(target), fields, bytes: 0, body: [], ...more }, progress)
    })
    if ('refusal' in placed) return placed.refusal
    if ('stream' in placed.answer) throw new Error('a protocol was switched to that nobody had asked for')
    return yield* this.relay(placed.backend, placed.answer, placed.more, method === 'HEAD')
  }

  *upgrade(request: SiteRequest, protocol: string, record: SiteRecord): Blocking<Upgrade | SiteAnswer> {
    const { context } = this
    // Over HTTP/2 there is no key (RFC 8441 section 5.1), and the answer to it is of no use there.
    const isTranslated = request.method === 'CONNECT'
    const key = isTranslated ? [{ name: 'Sec-WebSocket-Key', value: webSocketKey(randomBytesFrom(this.random)) }] : []
    const passage: Passage = { request, record, isFresh: true, isAbandoned: false }
    const placed = yield* this.place(passage, 'GET', (upstream, progress) => {
      const fields = [...requestFields(request, formatAuthority(upstream.url)), ...key]
      return upstream.upgrade(context, { target: pathOf(request.target), fields, protocol }, progress)
    })
    if ('refusal' in placed) return placed.refusal
    const { backend, answer, more } = placed
    if (!('stream' in answer)) return yield* this.relay(backend, answer, more, false)
    const { stream, rest } = answer
    const fields = [...endToEnd(answer.fields), VIA, ...more].filter(
      ({ name }) => !isTranslated || name !== 'sec-websocket-accept',
    )
    record('balancer:tunnel-opened', { backend: backend.name, backendConnection: stream.connection, protocol })
    return this.tunnelTo(backend, stream, rest, fields)
  }

  /** Here, and not where it is asked for, so that it keeps nothing of the request. */
  private tunnelTo(
    backend: Backend,
    server: UpgradedUpstream['stream'],
    rest: Uint8Array,
    fields: readonly HeaderField[],
  ): Upgrade {
    const { tunnels } = this
    if (tunnels === undefined) throw new Error('it does not run')
    return { fields, run: (client, first) => tunnels.carry(backend, client, server, first, rest) }
  }

  private get pool(): BackendPool {
    if (this.state === undefined) throw new Error('it does not run')
    return this.state.pool
  }

  private get context(): AppContext {
    if (this.state === undefined) throw new Error('it does not run')
    return this.state.context
  }

  private get random() {
    return this.context.environment.random('websocket-key')
  }

  /** Finds a server that answers, if anybody does. Who has answered counts one more, until `pool.ended`. */
  private *place(passage: Passage, method: string, attempt: Attempt): Blocking<Placed> {
    const { request, record } = passage
    const { target } = request
    if (this.state === undefined) throw new Error('it does not run')
    const { context, pool, queue } = this.state
    const tried: Backend[] = []
    const wanted = this.wantedBy(request, tried)
    this.budget.requested()
    for (let number = 1; ; number++) {
      const from = context.environment.now
      const stuck = this.stickiness?.find(request)
      const isStuck = stuck !== undefined && !tried.includes(stuck)
      if (isStuck) pool.began(stuck)
      const backend = isStuck ? stuck : yield* queue.acquire(wanted)
      if (typeof backend === 'string') return { refusal: this.refuse(backend, record) }
      const waited = context.environment.now - from
      const { strategy } = this.options
      record('balancer:picked', {
        backend: backend.name,
        strategy: isStuck ? 'sticky' : strategy,
        method,
        target,
        attempt: number,
        waited,
        active: backend.active,
        ...(HASHING.has(strategy) && { hash: hashOfWanted(wanted) }),
      })
      const outcome = yield* this.attempt(backend, passage, attempt, method, number)
      if ('answer' in outcome) {
        return { backend, answer: outcome.answer, more: this.stickiness?.remember(request, backend, !isStuck) ?? [] }
      }
      const { why, status, detail } = outcome.failure
      if (!this.mayRetry(why, method, number, passage) || !this.budgetAllows(record)) {
        return { refusal: failed(status, `the server behind this one: ${detail}`) }
      }
      tried.push(backend)
      record('balancer:retried', { backend: backend.name, why, attempt: number })
    }
  }

  /** Asks one server, which counts one more already: one less again, unless it answers. */
  private *attempt(backend: Backend, passage: Passage, ask: Attempt, method: string, number: number): Blocking<Outcome> {
    const { context, pool } = this
    const { tryTimeout } = this.options
    const progress: UpstreamProgress = { isSent: false }
    const from = context.environment.now
    let isJudged = false
    let isKept = false
    const fail = (why: RetryCause, status: 502 | 504, detail: string): Outcome => {
      isJudged = true
      pool.failed(backend)
      passage.record('balancer:failed', { backend: backend.name, why, detail })
      return { failure: { why, status, detail } }
    }
    try {
      const answered = yield* within(context, tryTimeout, ask(this.upstreams[backend.index], progress), drop)
      if (answered === undefined) return fail('timeout', 504, 'no answer in time')
      const answer = answered.value
      const status = 'stream' in answer ? 101 : answer.status
      const why = causeOf(status)
      if (why !== undefined && 'body' in answer && this.mayRetry(why, method, number, passage) && this.budget.isLeft) {
        answer.body.cancel()
        return fail(why, 502, `it answered ${String(status)}`)
      }
      isJudged = true
      const duration = context.environment.now - from
      if (status >= 500) pool.failed(backend)
      else pool.succeeded(backend, duration)
      const backendConnection = 'stream' in answer ? answer.stream.connection : answer.connection
      passage.record('balancer:answered', { backend: backend.name, backendConnection, status, duration })
      isKept = true
      return { answer }
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      if (passage.isAbandoned) return { failure: { why: 'broken', status: 502, detail: 'the client broke off' } }
      return progress.isSent
        ? fail('broken', 502, error.message)
        : fail('connect', error.code === 'ETIMEDOUT' ? 504 : 502, error.message)
    } finally {
      if (!isJudged) pool.abandoned(backend)
      if (!isKept) pool.ended(backend)
    }
  }

  /** Whether a request may be sent again, as far as it and its failure go. */
  private mayRetry(why: RetryCause, method: string, attempt: number, { isFresh, isAbandoned }: Passage): boolean {
    const { retries, retryOn } = this.options
    if (attempt > retries || !retryOn.includes(why) || !isFresh || isAbandoned) return false
    return why === 'connect' || IDEMPOTENT.has(method)
  }

  private budgetAllows(record: SiteRecord): boolean {
    const isAllowed = this.budget.spend()
    if (!isAllowed) record('balancer:retry-withheld', {})
    return isAllowed
  }

  private wantedBy({ client, target, fields }: SiteRequest, tried: readonly Backend[]): Wanted {
    const { key } = this.options
    const at = key.indexOf(':')
    const name = key.slice(at + 1)
    const address = parseIp(client) ?? 0
    if (key === 'client') return { client: address, tried }
    if (key === 'path') return { client: address, tried, key: pathOf(target).replace(/\?.*$/s, '') }
    const value = key.startsWith('cookie:')
      ? cookieOf(fields, name)
      : fields.find((field) => field.name === name.toLowerCase())?.value
    return value === undefined ? { client: address, tried } : { client: address, tried, key: value }
  }

  private refuse(why: Refusal, record: SiteRecord): SiteAnswer {
    record('balancer:refused', { why, status: 503 })
    return failed(503, why === 'no server' ? 'there is no server for this' : 'all servers are busy')
  }

  /** Passes on an answer as it comes. */
  private *relay(
    backend: Backend,
    answer: UpstreamResponse,
    more: readonly HeaderField[],
    isHead: boolean,
  ): Blocking<SiteAnswer> {
    const { pool } = this
    const { status, fields, body } = answer
    const isBodiless = isHead || status === 304
    let isOver = false
    const end = (hasFailed: boolean): void => {
      if (isOver) return
      isOver = true
      if (hasFailed) pool.failed(backend)
      pool.ended(backend)
    }
    const content: BodyStream = {
      length: isBodiless ? lengthIn(fields) : body.length,
      *read() {
        try {
          const part = yield* body.read()
          if (part === undefined) end(false)
          return part
        } catch (error) {
          end(true)
          throw error
        }
      },
      cancel() {
        body.cancel()
        end(false)
      },
    }
    // With nothing to come, the connection is free for others at once.
    if (isBodiless || body.length === 0) yield* content.read()
    return { status, fields: [...endToEnd(fields), VIA, ...more], content, isChunked: false }
  }

  /** A server is down. */
  private cut(backend: Backend): void {
    this.upstreams[backend.index].forget()
    this.tunnels?.cut(backend)
  }
}

/** Where a request has gone. */
type Placed =
  | { readonly backend: Backend; readonly answer: UpstreamResponse | UpgradedUpstream; readonly more: readonly HeaderField[] }
  | { readonly refusal: SiteAnswer }

/** Names of servers for the trace: the host's, with the port where that is needed to tell them apart. */
function namesOf(urls: readonly HttpUrl[]): readonly string[] {
  const hosts = urls.map(({ host }) => host)
  const names = urls.map(({ host, port }) => (hosts.indexOf(host) === hosts.lastIndexOf(host) ? host : `${host}:${String(port)}`))
  return names.map((name, i) => (names.indexOf(name) === i ? name : `${name}#${String(i)}`))
}

/** What a body would be long, as the fields of an answer without one say. */
function lengthIn(fields: readonly HeaderField[]): number | undefined {
  const value = fields.find(({ name }) => name === 'content-length')?.value
  return value === undefined ? undefined : Number(value)
}

function causeOf(status: number): RetryCause | undefined {
  return status === 502 || status === 503 || status === 504 ? (String(status) as RetryCause) : undefined
}

/** A body of which one knows whether it was begun, and whether the client has broken off. */
function watched(body: BodyStream, passage: Passage): BodyStream {
  return {
    length: body.length,
    *read() {
      passage.isFresh = false
      try {
        return yield* body.read()
      } catch (error) {
        passage.isAbandoned = true
        throw error
      }
    },
    cancel() {
      body.cancel()
    },
  }
}

/** Nobody is there any more who wants it. */
function drop(answer: UpstreamResponse | UpgradedUpstream): void {
  if ('stream' in answer) answer.stream.close()
  else answer.body.cancel()
}

function failed(status: number, why: string): SiteAnswer {
  const fields = [{ name: 'Content-Type', value: 'text/plain' }, VIA]
  return { status, fields, content: encodeLatin1(`${String(status)}: ${why.replace(/[^ -~]/g, '?')}\n`), isChunked: false }
}
