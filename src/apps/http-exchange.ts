import type { AppContext, Blocking, Task } from '../host/socket.ts'
import type { EventData } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import type { HeaderField } from '../wire/http1.ts'
import type { FetchProtocol } from './fetch-events.ts'
import { formatUrl } from './url.ts'
import type { Failure, Fetch } from './web-fetch.ts'

/** What an exchange needs to know of the browser. It may change at any time. */
export interface ExchangeSettings {
  readonly keepAlive: boolean
  /** Longest silence while a response is awaited, in nanoseconds; 0: any. */
  readonly timeout: Nanos
}

/** What the end of a connection means to the requests that were in flight. */
export interface Loss {
  readonly failure: Failure
  /** Whether the server had said before that it would close, or that it has done nothing with what is unanswered. */
  readonly announced: boolean
  /** Requests whose response was cut short. */
  readonly broken: readonly Fetch[]
  /** Requests that have not had a single byte of a response, in order. */
  readonly unanswered: readonly Fetch[]
}

/** Who has an exchange, and hears of it. */
export interface ExchangeOwner {
  readonly settings: ExchangeSettings
  /** Something changed: it can take a request now, perhaps. */
  available(): void
  /** The server did nothing with a request, and the connection goes on: it may be sent again (RFC 9113 section 8.7). */
  returned(fetch: Fetch, failure: Failure): void
  /** It is over. */
  over(loss: Loss): void
}

/** How requests and responses pass over one connection: the part that all versions of HTTP share, whatever carries them. */
export abstract class HttpExchange {
  abstract readonly protocol: FetchProtocol
  /** Whether any number of requests share it. */
  abstract readonly isMultiplexed: boolean
  /** Requests that wait for the end of their response, in order, by the numbers that the connection gives them. */
  protected readonly inFlight = new Map<number, Fetch>()
  /** Requests that have not gone out whole. */
  protected readonly sending = new Set<Fetch>()
  protected isOver = false
  /** How many responses it has brought. */
  protected served = 0
  protected lastProgress: Nanos = 0
  private watch: Task | undefined

  constructor(
    protected readonly context: AppContext,
    protected readonly owner: ExchangeOwner,
  ) {}

  /** How many requests wait for the end of their response. */
  get load(): number {
    return this.inFlight.size
  }

  /** Whether no more requests can be made, though it goes on. */
  get isRetired(): boolean {
    return false
  }

  /** Name of the conversation that carries it; '' while there is none. */
  protected abstract get connection(): string

  /** Whether a request can go out now, and nothing else is in its way. */
  abstract get canBegin(): boolean

  /** Whether a request can go out now behind others of HTTP/1.1. */
  abstract get canPipeline(): boolean

  /** Whether something of the response to this request has come. */
  protected abstract isAnswering(fetch: Fetch): boolean

  /** Gives the request to the endpoint. @returns the number that the endpoint gives it; the stream's number in HTTP/2 and HTTP/3 */
  protected abstract request(fetch: Fetch, fields: readonly HeaderField[]): number

  /** Sends what the endpoint has to say. */
  protected abstract flush(): void

  /** Whether the endpoint has given away all of a request. */
  protected abstract isSent(fetch: Fetch): boolean

  /** Its request matters more now. */
  abstract reprioritise(fetch: Fetch): void

  /** @returns whether the connection survives that nobody wants this response */
  abstract cancel(fetch: Fetch): boolean

  has(fetch: Fetch): boolean {
    for (const other of this.inFlight.values()) if (other === fetch) return true
    return false
  }

  /** Sends a request; only when `canBegin` or `canPipeline`. Before anything carries it, it is kept. */
  begin(fetch: Fetch): void {
    const { url, method, priority } = fetch
    const { now } = this.context.environment
    fetch.wasReused = this.served > 0 || this.inFlight.size > 0
    fetch.sentAt = now
    const number = this.request(fetch, fetch.conditions)
    if (this.inFlight.size === 0) this.lastProgress = now
    this.inFlight.set(number, fetch)
    this.sending.add(fetch)
    const retry = fetch.retries > 0 ? { retry: fetch.retries } : {}
    const stream = this.isMultiplexed ? { stream: number, priority } : {}
    this.record('http:request-sent', {
      id: fetch.id,
      method,
      url: formatUrl(url),
      connection: this.connection,
      ...stream,
      ...retry,
    })
    if (this.connection === '') return
    fetch.enter('sending', this.connection, this.isMultiplexed ? number : undefined)
    this.flush()
    this.beginWatch()
  }

  /** Takes back what was begun before there was anything to carry it: it was not sent, or not read. */
  takeBack(): Fetch[] {
    const taken = [...this.inFlight.values()]
    this.inFlight.clear()
    this.sending.clear()
    this.isOver = true
    return taken
  }

  /** What it was waiting for is there, `connection` among it. */
  protected attached(): void {
    const { connection } = this
    this.lastProgress = this.context.environment.now
    for (const [number, fetch] of this.inFlight) fetch.enter('sending', connection, this.isMultiplexed ? number : undefined)
  }

  /** Lets go of the connection and of all that is in flight, without a word to the owner. */
  abort(): void {
    this.isOver = true
    this.inFlight.clear()
    this.stop()
  }

  protected record(name: string, data: EventData): void {
    this.context.environment.record(name, this.connection, data)
  }

  /** What all requests say; conditions behind it. */
  protected fieldsOf(conditions: readonly HeaderField[]): HeaderField[] {
    return [{ name: 'User-Agent', value: 'packetarium' }, { name: 'Accept', value: '*/*' }, ...conditions]
  }

  /** The head of a response has come. */
  protected respond(fetch: Fetch, status: number, fields: readonly HeaderField[]): void {
    this.sending.delete(fetch)
    fetch.status = status
    fetch.enter('receiving', this.connection)
    this.record('http:response-started', { id: fetch.id, status })
    fetch.owner.responded(fetch, status, fields)
  }

  protected receive(fetch: Fetch, bytes: Uint8Array): void {
    fetch.bytes += bytes.length
    fetch.digest?.update(bytes)
    fetch.owner.received(fetch, bytes)
  }

  protected complete(number: number, fetch: Fetch): void {
    this.inFlight.delete(number)
    this.served++
    const { id, status, bytes, digest } = fetch
    const duration = this.context.environment.now - fetch.sentAt
    this.record('http:response-received', { id, status, bytes, duration, ...(digest && { digest: digest.value }) })
    fetch.end('complete', this.protocol, this.connection)
    fetch.owner.ended(fetch)
    this.owner.available()
  }

  /** The network took the connection away. */
  lose(failure: Failure): void {
    if (this.isOver) return
    this.record('http:connection-failed', { ...failure })
    const all = [...this.inFlight.values()]
    const broken = all.filter((fetch) => this.isAnswering(fetch))
    this.end(failure, false, broken)
  }

  protected end(failure: Failure, announced: boolean, broken: readonly Fetch[]): void {
    const unanswered = [...this.inFlight.values()].filter((fetch) => !broken.includes(fetch))
    this.inFlight.clear()
    this.isOver = true
    // Stopped first, so that the next connection finds this one closed.
    this.stop()
    this.owner.over({ failure, announced, broken, unanswered })
  }

  /** Ends what carries it. */
  protected stop(): void {
    this.watch?.cancel()
  }

  /** What could be sent is under way: requests that are whole wait for their response now. */
  protected noteSent(): void {
    for (const fetch of this.sending) {
      if (!this.isSent(fetch)) continue
      fetch.enter('waiting', this.connection)
      this.sending.delete(fetch)
    }
  }

  protected beginWatch(): void {
    if (this.owner.settings.timeout > 0 && this.watch?.done !== false) this.watch = this.context.spawn(this.watchSilence())
  }

  /** Ends the connection when it has been silent for too long while something was awaited. */
  private *watchSilence(): Blocking<void> {
    const { context, owner } = this
    while (this.inFlight.size > 0) {
      const { timeout } = owner.settings
      if (timeout === 0) return
      const left = this.lastProgress + timeout - context.environment.now
      if (left <= 0) {
        this.lose({ error: 'ETIMEDOUT', detail: 'no response within the time allowed', whose: 'network' })
        return
      }
      yield* context.sleep(left)
    }
  }
}
