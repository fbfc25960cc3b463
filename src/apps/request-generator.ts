import { SocketError } from '../host/socket.ts'
import type { App, AppContext, Blocking } from '../host/socket.ts'
import { WaitQueue } from '../host/tasks.ts'
import type { Random } from '../kernel/random.ts'
import type { Nanos } from '../kernel/time.ts'
import type { HeaderField } from '../wire/http1.ts'
import { RetryBudget } from './balancing/retry-budget.ts'
import { within } from './balancing/time-limit.ts'
import { exponential } from './exponential.ts'
import { filler } from './filler.ts'
import type { BodyStream } from './http-service.ts'
import { choiceSetting, countSetting, fixedSetting, LONGEST, numberSetting } from './setting.ts'
import { formatAuthority, parseUrl } from './url.ts'
import type { HttpUrl } from './url.ts'
import { Upstream } from './upstream.ts'
import type { UpstreamResponse } from './upstream.ts'

export interface RequestGeneratorOptions {
  readonly url: string
  /** When requests are made: at exponential gaps, at even gaps, or each as soon as one before is answered. */
  readonly arrivals: 'poisson' | 'constant' | 'closed'
  /** A second, on average; of no meaning in the closed loop. */
  readonly rate: number
  /** In the closed loop, how many are under way at a time. */
  readonly concurrency: number
  /** How many to make; 0: no end. */
  readonly count: number
  /** From how many paths below the address one is drawn for each; 0: it is the address itself. */
  readonly paths: number
  readonly method: 'GET' | 'POST' | 'PUT'
  /** Length of their bodies. */
  readonly body: number
  readonly headers: Readonly<Record<string, string>>
  /** Whether cookies are kept, as one browser would. */
  readonly cookies: boolean
  /** How long an answer may take; 0: as long as it does. */
  readonly timeout: Nanos
  /** How often a request that failed, or was answered with 5xx, is made again, and how long after. */
  readonly retries: number
  readonly retryDelay: Nanos
  /** Whether the delay is always the same, or is drawn from 0 to a bound which begins there and doubles each time (full jitter). */
  readonly backoff: 'constant' | 'exponential'
  /** How many retries there may be, as a share of all requests; 1: as many as there are. */
  readonly retryBudget: number
  readonly start: Nanos
  /** 0: for ever. */
  readonly duration: Nanos
}

const DEFAULTS: RequestGeneratorOptions = {
  url: '',
  arrivals: 'poisson',
  rate: 10,
  concurrency: 1,
  count: 0,
  paths: 0,
  method: 'GET',
  body: 0,
  headers: {},
  cookies: false,
  timeout: 0,
  retries: 0,
  retryDelay: 0,
  backoff: 'constant',
  retryBudget: 1,
  start: 0,
  duration: 0,
}

const SECOND: Nanos = 1_000_000_000
const LIVE = ['rate', 'retries', 'retryDelay', 'backoff', 'retryBudget', 'timeout']
/** How many retries a budget allows before there were requests. */
const RETRY_RESERVE = 10
/** How long a change of the rate may go unseen. */
const LOOK: Nanos = SECOND
/** How many idle connections are kept. */
const IDLE_LIMIT = 1024

/** What became of one attempt. */
interface Attempt {
  /** 0: there was no answer. */
  readonly status: number
  /** Length of its body. */
  readonly bytes: number
  readonly error?: string
  readonly server?: string
}

/**
 * Makes requests of HTTP/1.1, as tools that measure servers do: in an open loop, where they come whether those before are answered or not, as from
 * very many people; or in a closed loop, where so many people each wait for their answer. Connections are kept and used again.
 *
 * Records `request:ended {id, status, duration, attempts, bytes, error, server}`, the duration being from when it was due to the end of the
 * last answer, `server` what the answer says in X-Served-By; and `request:retried {id, attempt}`.
 */
export class RequestGenerator implements App {
  private options: RequestGeneratorOptions
  private readonly url: HttpUrl
  private readonly upstream: Upstream
  private readonly jar = new Map<string, string>()
  private readonly budget: RetryBudget
  /** How many requests were begun. */
  private begun = 0

  constructor(options: Partial<RequestGeneratorOptions>) {
    this.options = { ...DEFAULTS, ...options }
    const url = parseUrl(this.options.url)
    if (url === undefined) throw new RangeError(`'${this.options.url}' is no address of a server`)
    this.url = url
    this.budget = new RetryBudget(this.options.retryBudget, RETRY_RESERVE)
    this.upstream = new Upstream(url, undefined, { watchesIdle: true, idleLimit: IDLE_LIMIT })
  }

  *main(context: AppContext): Blocking<void> {
    const { start, arrivals, concurrency } = this.options
    yield* context.sleep(start)
    if (arrivals !== 'closed') {
      yield* this.generate(context)
      return
    }
    const loops = Array.from({ length: concurrency }, () => context.spawn(this.loop(context)))
    for (const loop of loops) yield* loop.join()
  }

  /** `rate`, `retries`, `retryDelay`, `backoff`, `retryBudget`, `timeout`: at once, and of requests to come. */
  configure(path: string, value: unknown): void {
    switch (path) {
      case 'rate':
        this.options = { ...this.options, rate: numberSetting(path, value, 0.001, 100_000) }
        return
      case 'retries':
        this.options = { ...this.options, retries: countSetting(path, value, 0, 100) }
        return
      case 'retryDelay':
        this.options = { ...this.options, retryDelay: countSetting(path, value, 0, LONGEST) }
        return
      case 'backoff':
        this.options = { ...this.options, backoff: choiceSetting(path, value, ['constant', 'exponential']) }
        return
      case 'retryBudget':
        this.budget.share = numberSetting(path, value, 0, 1)
        return
      case 'timeout':
        this.options = { ...this.options, timeout: countSetting(path, value, 0, LONGEST) }
        return
      default:
        throw fixedSetting(path, LIVE)
    }
  }

  private get isOver(): boolean {
    const { count } = this.options
    return count > 0 && this.begun >= count
  }

  /** The open loop. */
  private *generate(context: AppContext): Blocking<void> {
    const { environment } = context
    const random = environment.random('arrivals')
    const { start, duration, arrivals } = this.options
    const end = duration === 0 ? Infinity : start + duration
    const running = new Running()
    let due = environment.now
    while (!this.isOver) {
      // Gaps follow from when the one before was due, so that nothing adds up.
      due += (SECOND / this.options.rate) * (arrivals === 'poisson' ? exponential(random) : 1)
      if (due >= end) break
      while (environment.now < due) {
        const { rate } = this.options
        yield* context.sleep(Math.min(due - environment.now, LOOK))
        // The rest of a gap is one, too, and shrinks or grows with all of them.
        if (this.options.rate !== rate) due = environment.now + ((due - environment.now) * rate) / this.options.rate
      }
      running.count++
      context.spawn(this.counted(context, ++this.begun, running))
    }
    while (running.count > 0) yield running.ended
  }

  private *counted(context: AppContext, id: number, running: Running): Blocking<void> {
    yield* this.request(context, id)
    running.count--
    running.ended.wake()
  }

  /** One of the closed loop's. */
  private *loop(context: AppContext): Blocking<void> {
    const { start, duration } = this.options
    const end = duration === 0 ? Infinity : start + duration
    while (!this.isOver && context.environment.now < end) yield* this.request(context, ++this.begun)
  }

  private *request(context: AppContext, id: number): Blocking<void> {
    const { environment } = context
    const due = environment.now
    const target = this.targetOf(environment.random('paths'))
    let attempts = 1
    this.budget.requested()
    let result = yield* this.attempt(context, target)
    while ((result.status === 0 || result.status >= 500) && attempts <= this.options.retries && this.budget.spend()) {
      yield* context.sleep(this.delayBefore(attempts, environment.random('backoff')))
      environment.record('request:retried', '', { id, attempt: attempts })
      attempts++
      result = yield* this.attempt(context, target)
    }
    environment.record('request:ended', '', { id, ...result, duration: environment.now - due, attempts })
  }

  /** @param retry from 1 */
  private delayBefore(retry: number, random: Random): Nanos {
    const { retryDelay, backoff } = this.options
    return backoff === 'constant'
      ? retryDelay
      : Math.floor(random.next() * Math.min(retryDelay * (1 << Math.min(30, retry - 1)), LONGEST))
  }

  private targetOf(random: Random): string {
    const { paths } = this.options
    const { target } = this.url
    return paths === 0 ? target : `${target.endsWith('/') ? target : `${target}/`}${String(random.below(paths))}`
  }

  private *attempt(context: AppContext, target: string): Blocking<Attempt> {
    try {
      const done = yield* within(context, this.options.timeout, this.exchange(context, target))
      return done?.value ?? { status: 0, bytes: 0, error: 'timeout' }
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      return { status: 0, bytes: 0, error: error.code }
    }
  }

  private *exchange(context: AppContext, target: string): Blocking<Attempt> {
    const { method, headers, cookies, body: length } = this.options
    const fields: HeaderField[] = [{ name: 'Host', value: formatAuthority(this.url) }]
    for (const [name, value] of Object.entries(headers)) fields.push({ name, value })
    if (cookies && this.jar.size > 0)
      fields.push({ name: 'Cookie', value: [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ') })
    const stream = method === 'GET' || length === 0 ? {} : { stream: filled(length) }
    const response = yield* this.upstream.fetch(context, { method, target, fields, bytes: 0, body: [], ...stream })
    if (cookies) this.keepCookies(response.fields)
    return yield* this.read(response)
  }

  private *read({ status, fields, body }: UpstreamResponse): Blocking<Attempt> {
    let bytes = 0
    let isWhole = false
    try {
      for (let part = yield* body.read(); part !== undefined; part = yield* body.read()) bytes += part.length
      isWhole = true
    } finally {
      if (!isWhole) body.cancel()
    }
    const server = fields.find(({ name }) => name === 'x-served-by')?.value
    return server === undefined ? { status, bytes } : { status, bytes, server }
  }

  private keepCookies(fields: readonly HeaderField[]): void {
    for (const { name, value } of fields) {
      if (name !== 'set-cookie') continue
      const [pair] = value.split(';')
      const at = pair.indexOf('=')
      if (at > 0) this.jar.set(pair.slice(0, at).trim(), pair.slice(at + 1).trim())
    }
  }
}

/** A body of no meaning. */
function filled(length: number): BodyStream {
  let at = 0
  return {
    length,
    *read() {
      yield* []
      if (at === length) return undefined
      const piece = filler(0, at, length - at)
      at += piece.length
      return piece
    },
    cancel() {
      at = length
    },
  }
}

/** How many requests are under way. */
class Running {
  count = 0
  readonly ended = new WaitQueue()
}
